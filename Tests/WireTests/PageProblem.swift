import TimeSeries
import Wire

/// Keeps what the parser of pages hands over. What it has seen once it knows again, if it is to.
final class PageCollector: ExpositionSink {
  struct Sample: Hashable {
    var labels: LabelSet
    var bits: UInt64
    var timestamp: Int64?
  }

  struct Family: Hashable {
    var name: String
    var type: MetricType
    var help: String
    var unit: String
  }

  var samples: [Sample] = []
  var families: [Family] = []
  /// Samples that came by the identity of their series.
  var recognised = 0
  /// What was wrong with something that was handed over.
  var problem: String?
  private let recognises: Bool
  private var identities: [SeriesIdentity: LabelSet] = [:]

  init(recognises: Bool = true) { self.recognises = recognises }

  func known(_ identity: SeriesIdentity, timestamp: Int64?, bits: UInt64) -> Bool {
    guard recognises, let labels = identities[identity] else { return false }
    recognised += 1
    samples.append(Sample(labels: labels, bits: bits, timestamp: timestamp))
    return true
  }

  func series(_ labels: UnsafeBufferPointer<LabelBytes>, _ identity: SeriesIdentity?, timestamp: Int64?, bits: UInt64) {
    for i in labels.indices.dropFirst() where !labels[i - 1].name.lexicographicallyPrecedes(labels[i].name) {
      problem = "labels are out of order or repeated"
    }
    if !labels.contains(where: { $0.name.elementsEqual("__name__".utf8) && !$0.value.isEmpty }) {
      problem = "a series has no metric name"
    }
    // Empty values are for those who attach labels; a series has none.
    let set = LabelSet(sorted: labels.filter { !$0.value.isEmpty }.map(\.label))
    if let identity { identities[identity] = set }
    samples.append(Sample(labels: set, bits: bits, timestamp: timestamp))
  }

  func metadata(_ metadata: FamilyMetadata) {
    func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
    families.append(
      Family(name: text(metadata.name), type: metadata.type, help: text(metadata.help), unit: text(metadata.unit)))
  }

  /// Forgets what was on the page, and keeps the series.
  func removeAll() {
    samples = []
    families = []
    recognised = 0
  }

  func take(_ page: [UInt8], _ format: ExpositionFormat) throws(ExpositionError) -> ExpositionPageTally {
    var parser = ExpositionParser()
    return try page.withUnsafeBufferPointer { (bytes) throws(ExpositionError) in
      try parser.parse(UnsafeRawBufferPointer(bytes), as: format, to: self)
    }
  }
}

/// What the parser does wrong with a page, if anything: any bytes at all give samples or an error that names a place, and
/// the same ones when the series are known. `Tests/Fuzz` looks for such pages at length, the tests here in passing.
func problemOfPage(_ page: [UInt8]) -> String? {
  for format in ExpositionFormat.allCases {
    let collector = PageCollector()
    let slow = PageCollector(recognises: false)
    do throws(ExpositionError) {
      let tally = try collector.take(page, format)
      if tally.samples != collector.samples.count { return "\(tally.samples) samples were counted" }
      let first = collector.samples
      collector.removeAll()
      if try collector.take(page, format) != tally { return "counted otherwise the second time" }
      if collector.samples != first { return "read otherwise when the series are known" }
      _ = try slow.take(page, format)
      if slow.samples != first { return "read otherwise when no series is known" }
    } catch {
      let lines = page.count { $0 == UInt8(ascii: "\n") } + 1
      if error.line < 1 || error.line > lines { return "an error in line \(error.line) of \(lines)" }
      if error.column < 1 || error.column > page.count + 1 { return "an error in column \(error.column)" }
      if let other = errorOfPage(page, format, to: slow), other != error { return "\(error), then \(other)" }
      if let other = errorOfPage(page, format, to: collector), other != error { return "\(error), then \(other)" }
    }
    if let problem = collector.problem ?? slow.problem { return problem }
  }
  return nil
}

private func errorOfPage(_ page: [UInt8], _ format: ExpositionFormat, to sink: PageCollector) -> ExpositionError? {
  do throws(ExpositionError) {
    _ = try sink.take(page, format)
    return nil
  } catch {
    return error
  }
}
