internal import CPrctl
internal import Configuration

/// Keeps secrets out of core dumps, which end up in shared folders and bug reports.
enum CoreDump {
  /// Makes the process "not dumpable" if it is given secrets: no core is written, through a pipe neither, and other
  /// processes of its user cannot read its memory. A limit of zero (RLIMIT_CORE) would do neither of the latter. It costs
  /// debuggers of the same user their access, so a process without secrets stays as it is. What the process reads about
  /// itself in /proc stays readable for it.
  static func forbid(for configuration: ServeConfiguration) {
    guard configuration.hasSecrets else { return }
    _ = prctl_set_dumpable(0)
  }
}
