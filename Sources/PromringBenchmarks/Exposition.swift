import ArgumentParser
import TimeSeries
import Wire

/// Takes what a page holds, and knows each series again.
private final class NullPageSink: ExpositionSink {
  var known: [SeriesIdentity: Int] = [:]
  var samples = 0
  let recognises: Bool

  init(recognises: Bool) { self.recognises = recognises }

  func known(_ identity: SeriesIdentity, timestamp: Int64?, bits: UInt64) -> Bool {
    guard recognises, known[identity] != nil else { return false }
    samples += 1
    return true
  }

  func series(_ labels: UnsafeBufferPointer<LabelBytes>, _ identity: SeriesIdentity?, timestamp: Int64?, bits: UInt64) {
    if recognises, let identity { known[identity] = known.count }
    samples += 1
  }

  func metadata(_ metadata: FamilyMetadata) {}
}

struct Exposition: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "From a page of metrics to labels and samples.")
  @Option(help: "Series on the page.")
  var series = 20_000
  @Option(help: "Times that the page is read.")
  var rounds = 100

  func run() throws {
    for format in ExpositionFormat.allCases {
      let name = format == .text004 ? "text" : "openmetrics"
      let page = makePage(format)
      print("\(name): \(page.count) bytes, \(page.count / series) a sample")
      measure("exposition_\(name)_labels", page, format, NullPageSink(recognises: false), rounds)
      let sink = NullPageSink(recognises: true)
      measure("exposition_\(name)_first_sight", page, format, sink, 1)
      measure("exposition_\(name)_known", page, format, sink, rounds)
    }
  }

  private func measure(
    _ name: String, _ page: [UInt8], _ format: ExpositionFormat, _ sink: NullPageSink, _ rounds: Int
  ) {
    var parser = ExpositionParser()
    sink.samples = 0
    let seconds = cpuSeconds {
      for _ in 0..<rounds {
        do {
          _ = try page.withUnsafeBytes { try parser.parse($0, as: format, to: sink) }
        } catch {
          preconditionFailure("the page of the benchmark is malformed: \(error)")
        }
      }
    }
    report(name, Double(sink.samples) / seconds, "samples/s")
  }

  /// What an exporter writes: families of buckets, counters and gauges, with four labels each.
  private func makePage(_ format: ExpositionFormat) -> [UInt8] {
    var page = ByteWriter(capacity: 1 << 20)
    for i in 0..<series {
      let (family, member) = (i / 200, i % 200)
      if member == 0 {
        page.append("# HELP container_family_\(family)_total What has been counted so far.\n")
        page.append("# TYPE container_family_\(family)_total counter\n")
      }
      page.append("container_family_\(family)_total{namespace=\"team-\(member % 40)\",")
      page.append("pod=\"service-\(member % 97)-7d4b9c6f5-\(member)\",container=\"app\",code=\"\(200 + member % 7)\"} ")
      page.append(Double(i * 7919 % 1_000_003) / (i % 3 == 0 ? 100 : 1), .exposition)
      page.append("\n")
    }
    if format == .openMetrics100 { page.append("# EOF\n") }
    return page.copy()
  }
}
