internal import Glibc
internal import Wire

extension SelfMetrics {
  /// Registers what every Prometheus client library reports of its process, under the same names, plus its threads;
  /// from /proc/self. What cannot be read is left out.
  public func registerProcess() { registerProcess(files: ProcFiles(root: "/")) }

  func registerProcess(files: ProcFiles) {
    let definitions = [
      MetricDefinition("process_cpu_seconds_total", .counter, "Processor time used, by user and system."),
      MetricDefinition("process_open_fds", .gauge, "File descriptors open."),
      MetricDefinition("process_max_fds", .gauge, "File descriptors that may be open."),
      MetricDefinition("process_virtual_memory_bytes", .gauge, "Size of the address space."),
      MetricDefinition("process_resident_memory_bytes", .gauge, "Memory that is resident."),
      MetricDefinition("process_start_time_seconds", .gauge, "Start of the process, since the Unix epoch."),
      MetricDefinition("process_threads", .gauge, "Threads of the process."),
    ]
    observe(definitions) { report in
      let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
      // The command, in parentheses, may hold blanks and parentheses; what follows it are fields 3 and up (proc(5)).
      if let stat = files.line("proc/self/stat"), let command = stat.lastIndex(of: ")") {
        let fields = stat[command...].dropFirst().words
        func field(_ number: Int) -> Double? { fields.indices.contains(number - 3) ? Double(fields[number - 3]) : nil }
        if let user = field(14), let system = field(15) {
          report.put("process_cpu_seconds_total", (user + system) / ticks)
        }
        if let threads = field(20) { report.put("process_threads", threads) }
        if let size = field(23) { report.put("process_virtual_memory_bytes", size) }
        if let pages = field(24) {
          report.put("process_resident_memory_bytes", pages * Double(sysconf(Int32(_SC_PAGESIZE))))
        }
        let boot = files.lines("proc/stat").first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst(6)) }
        if let start = field(22), let boot { report.put("process_start_time_seconds", boot + start / ticks) }
      }
      let open = files.names(in: "proc/self/fd").count
      // Looking needs one itself.
      if open > 0 { report.put("process_open_fds", Double(open - 1)) }
      let limit = files.lines("proc/self/limits").first { $0.hasPrefix("Max open files") }?.words.dropFirst(3).first
      if let limit = limit.map({ $0 == "unlimited" ? Double.infinity : Double($0) ?? .nan }), !limit.isNaN {
        report.put("process_max_fds", limit)
      }
    }
  }

  /// Registers `promring_build_info`, which is always 1.
  public func registerBuild(version: String, revision: String, swiftVersion: String) {
    let help = "The program that is running; the value is always 1."
    let labels = ["revision", "swiftversion", "version"]
    observe([MetricDefinition("promring_build_info", .gauge, help, labels: labels)]) { report in
      report.put("promring_build_info", 1, labels: [revision, swiftVersion, version])
    }
  }
}
