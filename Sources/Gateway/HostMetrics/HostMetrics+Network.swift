internal import Glibc
internal import TimeSeries

extension HostMetrics {
  /// /proc/net/dev: sixteen columns a device, the first eight of what came in. The loopback device is left out.
  func collectNetworkDevices(_ out: HostSampleSink) {
    let columns = [
      "receive_bytes", "receive_packets", "receive_errs", "receive_drop", "receive_fifo", "receive_frame",
      "receive_compressed", "receive_multicast", "transmit_bytes", "transmit_packets", "transmit_errs",
      "transmit_drop", "transmit_fifo", "transmit_colls", "transmit_carrier", "transmit_compressed",
    ]
    for line in files.lines("proc/net/dev").dropFirst(2) {
      guard let colon = line.lastIndex(of: ":"), let name = line[..<colon].words.first, name != "lo" else { continue }
      for (column, value) in zip(columns, line[colon...].dropFirst().words) {
        let help = "Field \(column) of /proc/net/dev."
        out.counter("node_network_\(column)_total", help, Double(value), Label("device", String(name)))
      }
    }
  }

  /// /sys/class/net: the state of each device. Files that make no sense for a device cannot be read.
  func collectNetworkClass(_ out: HostSampleSink) {
    for name in files.names(in: "sys/class/net") {
      func text(_ file: String) -> String? { files.line("sys/class/net/\(name)/\(file)") }
      let device = Label("device", name)
      guard let state = text("operstate") else { continue }
      out.gauge("node_network_up", "Whether the device is operational.", state == "up" ? 1 : 0, device)
      out.gauge(
        "node_network_info", "What the device is.", 1, Label("address", text("address") ?? ""),
        Label("broadcast", text("broadcast") ?? ""), device, Label("duplex", text("duplex") ?? ""),
        Label("ifalias", text("ifalias") ?? ""), Label("operstate", state))
      out.gauge("node_network_carrier", "Whether the device has a link.", text("carrier").flatMap(Double.init), device)
      out.gauge("node_network_mtu_bytes", "Largest packet that fits.", text("mtu").flatMap(Double.init), device)
      let queue = text("tx_queue_len").flatMap(Double.init)
      out.gauge("node_network_transmit_queue_length", "Packets that the transmit queue holds.", queue, device)
      // Mbit/s; -1 where a device has no speed.
      if let speed = text("speed").flatMap(Double.init), speed >= 0 {
        out.gauge("node_network_speed_bytes", "Speed of the link, in bytes per second.", speed * 125_000, device)
      }
    }
  }

  private static let networkFields: Set<String> = [
    "Ip_Forwarding", "IpExt_InOctets", "IpExt_OutOctets", "Ip6_InOctets", "Ip6_OutOctets", "Icmp_InMsgs",
    "Icmp_OutMsgs", "Icmp6_InMsgs", "Icmp6_OutMsgs", "TcpExt_TCPSynRetrans", "TcpExt_TCPTimeouts", "Tcp_ActiveOpens",
    "Tcp_InSegs", "Tcp_OutSegs", "Tcp_OutRsts", "Tcp_PassiveOpens", "Tcp_RetransSegs", "Tcp_CurrEstab",
    "Udp_InDatagrams", "Udp_OutDatagrams", "Udp_NoPorts", "Udp_RcvbufErrors", "Udp_SndbufErrors", "Udp6_InDatagrams",
    "Udp6_OutDatagrams", "Udp6_NoPorts", "Udp6_RcvbufErrors", "Udp6_SndbufErrors",
  ]

  /// /proc/net/netstat and snmp have a line of names above each line of values; snmp6 has a name and a value a line.
  func collectNetworkStatistics(_ out: HostSampleSink) {
    func put(_ field: String, _ value: Substring) {
      let isError = field.hasSuffix("_InErrors") || field.hasSuffix("_InErrs")
      let isListener = field.hasPrefix("TcpExt_Listen") || field.hasPrefix("TcpExt_Syncookies")
      guard isError || isListener || Self.networkFields.contains(field) else { return }
      out.untyped("node_netstat_\(field)", "Field \(field) of /proc/net.", Double(value))
    }
    for file in ["netstat", "snmp"] {
      let lines = files.lines("proc/net/\(file)").map(\.words)
      for (names, values) in zip(lines, lines.dropFirst()) {
        guard let heading = names.first, heading.hasSuffix(":"), heading == values.first, names.count == values.count,
          Double(names[names.count - 1]) == nil
        else { continue }
        for (name, value) in zip(names, values).dropFirst() { put("\(heading.dropLast())_\(name)", value) }
      }
    }
    for line in files.lines("proc/net/snmp6").map(\.words) where line.count == 2 {
      guard let six = line[0].firstIndex(of: "6") else { continue }
      put("\(line[0][...six])_\(line[0][six...].dropFirst())", line[1])
    }
  }

  /// /proc/net/sockstat: `TCP: inuse 1 orphan 0 … mem 187`, the last in pages.
  func collectSockets(_ out: HostSampleSink) {
    let page = Double(sysconf(Int32(_SC_PAGESIZE)))
    for line in files.lines("proc/net/sockstat") + files.lines("proc/net/sockstat6") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let words = line[colon...].dropFirst().words
      for i in stride(from: 0, to: words.count - 1, by: 2) {
        let field = "\(line[..<colon])_\(words[i])"
        let value = Double(words[i + 1])
        out.gauge("node_sockstat_\(field)", "Field \(field) of /proc/net/sockstat.", value)
        if words[i] == "mem" {
          let help = "Memory of all \(line[..<colon]) sockets."
          out.gauge("node_sockstat_\(field)_bytes", help, value.map { $0 * page })
        }
      }
    }
  }
}
