import ArgumentParser
import TimeSeries
import Wire

/// Takes what a request holds, and knows each series again.
final class NullWriteSink: RemoteWriteSink {
  var known: [SeriesIdentity: Int] = [:]
  var samples = 0
  var labels = 0
  let recognises: Bool

  init(recognises: Bool) { self.recognises = recognises }

  func known(_ identity: SeriesIdentity, _ samples: borrowing SampleColumns) -> Bool {
    guard recognises, known[identity] != nil else { return false }
    self.samples += samples.count
    return true
  }

  func series(
    _ labels: UnsafeBufferPointer<LabelBytes>, _ identity: SeriesIdentity?, _ samples: borrowing SampleColumns
  ) {
    if recognises, let identity { known[identity] = known.count }
    self.labels += labels.count
    self.samples += samples.count
  }

  func reject(_ rejection: SeriesRejection, samples: Int, text: @autoclosure () -> String) {
    preconditionFailure("a series of the benchmark breaks a rule: \(rejection.rawValue) \(text())")
  }

  func metadata(_ metadata: FamilyMetadata) {}
}

struct RemoteWrite: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "From the packed body of a remote write to labels and samples.")
  @Option(help: "Series, ten labels each.")
  var series = 100_000
  @Option(help: "Samples in a request, one of a series each, as Prometheus sends them.")
  var requestSamples = 2000
  @Option(help: "Times that each series is sent.")
  var rounds = 20

  func run() throws {
    for version in RemoteWriteVersion.allCases {
      let name = version == .version1 ? "v1" : "v2"
      let requests = WriteRequests.make(version, series: series, perRequest: requestSamples)
      let bytes = requests.reduce(0) { $0 + $1.count }
      print("\(name): \(requests.count) requests of \(requestSamples) samples, \(bytes / series) bytes a sample packed")
      measure("remote_write_\(name)_labels", version, requests, NullWriteSink(recognises: false))
      let sink = NullWriteSink(recognises: true)
      measure("remote_write_\(name)_first_sight", version, requests, sink, rounds: 1)
      measure("remote_write_\(name)_known", version, requests, sink)
      let unpacked = try requests.map { try Snappy.decompress($0, bytesMax: 1 << 30) }
      measure("remote_write_\(name)_known_unpacked", version, unpacked, sink, isPacked: false)
    }
  }

  private func measure(
    _ name: String, _ version: RemoteWriteVersion, _ requests: [[UInt8]], _ sink: NullWriteSink, rounds: Int? = nil,
    isPacked: Bool = true
  ) {
    var decoder = RemoteWriteDecoder()
    sink.samples = 0
    let seconds = cpuSeconds {
      for _ in 0..<(rounds ?? self.rounds) {
        for request in requests {
          do {
            let body = isPacked ? try Snappy.decompress(request, bytesMax: 1 << 30) : request
            _ = try body.withUnsafeBytes { try decoder.decode($0, as: version, to: sink) }
          } catch {
            preconditionFailure("a request of the benchmark is malformed: \(error)")
          }
        }
      }
    }
    report(name, Double(sink.samples) / seconds, "samples/s")
  }

}

/// Packed bodies of remote writes, made like those of a Prometheus that scrapes a Kubernetes cluster.
enum WriteRequests {
  /// One sample of each series, ten labels each.
  static func make(_ version: RemoteWriteVersion, series: Int, perRequest: Int) -> [[UInt8]] {
    stride(from: 0, to: series, by: perRequest).map { start in
      var symbols = Symbols()
      let body = (start..<min(start + perRequest, series)).flatMap { i -> [UInt8] in
        let labels = labels(i)
        let sample = [0x09] + littleEndian(Double(i % 977).bitPattern) + [0x10] + varint(1_698_732_988_354 + i / 1000)
        switch version {
        case .version1:
          let fields = labels.flatMap { field(1, field(1, Array($0.0.utf8)) + field(2, Array($0.1.utf8))) }
          return field(1, fields + field(2, sample))
        case .version2:
          let references = labels.flatMap { varint(symbols.number($0.0)) + varint(symbols.number($0.1)) }
          return field(5, field(1, references) + field(2, sample))
        }
      }
      guard version == .version2 else { return Snappy.compress(body) }
      return Snappy.compress(symbols.texts.flatMap { field(4, Array($0.utf8)) } + body)
    }
  }

  private static func labels(_ i: Int) -> [(String, String)] {
    let (node, pod, metric) = (i / 5000, i / 200, i % 200)
    return [
      ("__name__", "container_metric_\(metric)_total"), ("cluster", "production-eu-1"), ("container", "app"),
      ("endpoint", "metrics"), ("instance", "10.0.\(node).\(pod % 250):8080"), ("job", "kubernetes-pods"),
      ("namespace", "team-\(pod % 40)"), ("node", "ip-10-0-\(node)-17.internal"),
      ("pod", "service-\(pod % 97)-7d4b9c6f5-\(pod)"), ("service", "service-\(pod % 97)"),
    ]
  }

  private struct Symbols {
    var texts = [""]
    var numbers = ["": 0]
    mutating func number(_ text: String) -> Int {
      if let known = numbers[text] { return known }
      numbers[text] = texts.count
      texts.append(text)
      return texts.count - 1
    }
  }
}

private func varint(_ value: Int) -> [UInt8] {
  var bytes: [UInt8] = []
  var rest = UInt64(value)
  while rest >= 0x80 {
    bytes.append(UInt8(rest & 0x7F) | 0x80)
    rest >>= 7
  }
  return bytes + [UInt8(rest)]
}

private func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
  [number << 3 | 2] + varint(content.count) + content
}

private func littleEndian(_ bits: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) } }
