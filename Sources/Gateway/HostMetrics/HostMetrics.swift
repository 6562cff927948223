internal import Glibc
public import TimeSeries
public import Wire

/// One metric of this machine at the moment of collection.
public struct HostSample: Sendable {
  public let name: String
  public let type: MetricType
  public let help: String
  /// Without `__name__`; values may be empty, which means the label is absent.
  public let labels: [Label]
  public let value: Double
}

/// The metrics of the machine that promring runs on, from /proc and /sys, under the names and labels of node_exporter,
/// so that dashboards made for it work: `promring demo` delivers them. Cheap enough for once a second. What this kernel
/// or container does not show is left out.
///
/// Left out as well is what node_exporter gets from elsewhere (netlink, udev, adjtimex), and every file system that
/// lives on the network: asking for the size of one whose server is gone would block for minutes.
public struct HostMetrics: Sendable {
  let files: ProcFiles

  /// - Parameter root: the folder that holds `proc` and `sys`.
  public init(root: String = "/") { files = ProcFiles(root: root) }

  /// Reads everything and hands over sample by sample.
  public func collect(_ body: (HostSample) -> Void) {
    withoutActuallyEscaping(body) { body in
      let out = HostSampleSink(body: body)
      collectTime(out)
      collectStat(out)
      collectLoad(out)
      collectMemory(out)
      collectVirtualMemory(out)
      collectPressure(out)
      collectFileDescriptors(out)
      collectUname(out)
      collectDisks(out)
      collectFileSystems(out)
      collectNetworkDevices(out)
      collectNetworkClass(out)
      collectNetworkStatistics(out)
      collectSockets(out)
    }
  }

  /// Types and helps of the metrics that this machine has.
  public func declarations() -> [String: MetricDeclaration] {
    var declarations: [String: MetricDeclaration] = [:]
    collect { declarations[$0.name] = MetricDeclaration($0.type, help: $0.help) }
    return declarations
  }

  private func collectTime(_ out: HostSampleSink) {
    var now = timespec()
    guard clock_gettime(CLOCK_REALTIME, &now) == 0 else { return }
    out.gauge("node_time_seconds", "System time, since the Unix epoch.", Double(now.tv_sec) + Double(now.tv_nsec) / 1e9)
  }
}

/// Where collectors put samples.
struct HostSampleSink {
  let body: (HostSample) -> Void

  func counter(_ name: String, _ help: String, _ value: Double?, _ labels: Label...) {
    put(name, .counter, help, value, labels)
  }

  func gauge(_ name: String, _ help: String, _ value: Double?, _ labels: Label...) {
    put(name, .gauge, help, value, labels)
  }

  /// For numbers of which the kernel does not say whether they only grow.
  func untyped(_ name: String, _ help: String, _ value: Double?) { put(name, .unknown, help, value, []) }

  private func put(_ name: String, _ type: MetricType, _ help: String, _ value: Double?, _ labels: [Label]) {
    guard let value else { return }
    body(HostSample(name: name, type: type, help: help, labels: labels, value: value))
  }
}
