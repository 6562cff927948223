/// How grave a line of librdkafka's log is: syslog's levels.
public enum LogLevel: Int32, Sendable, Comparable, CaseIterable {
  case emergency = 0
  case alert, critical, error, warning, notice, info, debug

  /// The graver one is the smaller one, as in syslog.
  public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
}

/// Takes one line of librdkafka's log: its level, its facility (`FAIL`, `CONFWARN`, …) and the text.
///
/// Called from any thread, librdkafka's own among them, and must not call back into this module.
public typealias ClientLog = @Sendable (_ level: LogLevel, _ facility: String, _ message: String) -> Void
