internal import Glibc
internal import TimeSeries

/// What the kernel counts of itself.
extension HostMetrics {
  /// /proc/stat: processors in ticks, interrupts, context switches, processes.
  func collectStat(_ out: HostSampleSink) {
    let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
    let modes = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"]
    for line in files.lines("proc/stat") {
      let words = line.words
      guard let key = words.first else { continue }
      let value = words.count > 1 ? Double(words[1]) : nil
      switch key {
      case "intr": out.counter("node_intr_total", "Interrupts serviced.", value)
      case "ctxt": out.counter("node_context_switches_total", "Context switches.", value)
      case "btime": out.gauge("node_boot_time_seconds", "Time of boot, since the Unix epoch.", value)
      case "processes": out.counter("node_forks_total", "Processes and threads created.", value)
      case "procs_running": out.gauge("node_procs_running", "Processes ready to run.", value)
      case "procs_blocked": out.gauge("node_procs_blocked", "Processes waiting for input or output.", value)
      default:
        guard key.hasPrefix("cpu"), key != "cpu" else { continue }
        let cpu = Label("cpu", String(key.dropFirst(3)))
        let seconds = words.dropFirst().map { Double($0).map { $0 / ticks } }
        for (mode, time) in zip(modes, seconds) {
          out.counter(
            "node_cpu_seconds_total", "Time spent by each processor in each mode.", time, cpu, Label("mode", mode))
        }
        for (mode, time) in zip(["user", "nice"], seconds.dropFirst(modes.count)) {
          let help = "Time spent by each processor running guests; a part of user and nice."
          out.counter("node_cpu_guest_seconds_total", help, time, cpu, Label("mode", mode))
        }
      }
    }
  }

  func collectLoad(_ out: HostSampleSink) {
    for (minutes, value) in zip([1, 5, 15], files.line("proc/loadavg")?.words ?? []) {
      out.gauge("node_load\(minutes)", "Load average over \(minutes) min.", Double(value))
    }
  }

  /// /proc/meminfo: all fields; those in kB become bytes.
  func collectMemory(_ out: HostSampleSink) {
    for line in files.lines("proc/meminfo") {
      let words = line.words
      guard words.count >= 2, words[0].hasSuffix(":"), let value = Double(words[1]) else { continue }
      let field = words[0].dropLast().replacing("(", with: "_").replacing(")", with: "")
      if words.count > 2 {
        out.gauge("node_memory_\(field)_bytes", "Field \(field) of /proc/meminfo, in bytes.", value * 1024)
      } else {
        out.gauge("node_memory_\(field)", "Field \(field) of /proc/meminfo.", value)
      }
    }
  }

  /// /proc/vmstat: paging, swapping, faults and kills.
  func collectVirtualMemory(_ out: HostSampleSink) {
    for line in files.lines("proc/vmstat") {
      let words = line.words
      guard words.count == 2 else { continue }
      let field = words[0]
      let isWanted = ["oom_kill", "pgpg", "pswp"].contains { field.hasPrefix($0) }
      guard isWanted || (field.hasPrefix("pg") && field.contains("fault")) else { continue }
      out.untyped("node_vmstat_\(field)", "Field \(field) of /proc/vmstat.", Double(words[1]))
    }
  }

  /// /proc/pressure, in microseconds: `some` is the time at least one task waited, `full` the time all of them did.
  func collectPressure(_ out: HostSampleSink) {
    for resource in ["cpu", "io", "memory"] {
      for line in files.lines("proc/pressure/\(resource)") {
        let total = line.words.first { $0.hasPrefix("total=") }.flatMap { Double($0.dropFirst(6)) }.map { $0 / 1e6 }
        let name = "node_pressure_\(resource)"
        if line.hasPrefix("some ") {
          out.counter("\(name)_waiting_seconds_total", "Time in which processes waited for \(resource).", total)
        } else if line.hasPrefix("full "), resource != "cpu" {
          out.counter("\(name)_stalled_seconds_total", "Time in which \(resource) let no process make progress.", total)
        }
      }
    }
  }

  func collectFileDescriptors(_ out: HostSampleSink) {
    let words = files.line("proc/sys/fs/file-nr")?.words ?? []
    guard words.count == 3 else { return }
    out.gauge("node_filefd_allocated", "File descriptors allocated.", Double(words[0]))
    out.gauge("node_filefd_maximum", "File descriptors that can be allocated.", Double(words[2]))
  }

  func collectUname(_ out: HostSampleSink) {
    func kernel(_ name: String) -> String? { files.line("proc/sys/kernel/\(name)") }
    guard let release = kernel("osrelease") else { return }
    out.gauge(
      "node_uname_info", "Names of the operating system and of this machine, as uname gives them.", 1,
      Label("domainname", kernel("domainname") ?? ""), Label("machine", kernel("arch") ?? machine()),
      Label("nodename", kernel("hostname") ?? ""), Label("release", release),
      Label("sysname", kernel("ostype") ?? ""), Label("version", kernel("version") ?? ""))
  }

  /// For kernels before 6.1, which have no file for it.
  private func machine() -> String {
    var names = utsname()
    guard uname(&names) == 0 else { return "" }
    return withUnsafeBytes(of: &names.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
