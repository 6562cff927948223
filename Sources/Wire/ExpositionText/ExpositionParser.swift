internal import TimeSeries

/// Reads pages of metrics sample by sample, without copying a label or, in steady state, allocating anything. One
/// thread's, used page after page.
///
/// It takes what Prometheus 3 takes (`prometheus/prometheus: model/textparse`), which is more than the formats' texts
/// allow: names in quotes within the braces of either format, repeated families, interleaved ones. It refuses what
/// Prometheus refuses, line feeds after a carriage return among it: a page with one bad line is refused as a whole. Only
/// a zero byte at the start of a line, at which Prometheus ends a page of text unasked, is an error here.
public struct ExpositionParser: ~Copyable {
  /// Labels of one series, the metric name left aside; a page with more in one is refused.
  public let labelsMax: Int
  var labels: PageLabels
  var exemplarLabels: PageLabels
  var family: FamilyGatherer
  let hash = KeyedHash.process

  public init(labelsMax: Int = 256) {
    self.labelsMax = labelsMax
    labels = PageLabels(limit: labelsMax)
    exemplarLabels = PageLabels(limit: labelsMax)
    family = FamilyGatherer()
  }

  /// - Parameter page: as it came, unpacked. An empty page of OpenMetrics lacks its end, which is for the caller to
  ///   forgive.
  public mutating func parse(
    _ page: UnsafeRawBufferPointer, as format: ExpositionFormat, to sink: any ExpositionSink
  ) throws(ExpositionError) -> ExpositionPageTally {
    var nothing: UInt8 = 0
    family.begin()
    guard let start = page.baseAddress else {
      return try withUnsafePointer(to: &nothing) { (start) throws(ExpositionError) in
        try parse(PageText(start, count: 0, format: format), to: sink)
      }
    }
    let text = PageText(start.assumingMemoryBound(to: UInt8.self), count: page.count, format: format)
    return try parse(text, to: sink)
  }

  private mutating func parse(
    _ page: PageText, to sink: any ExpositionSink
  ) throws(ExpositionError) -> ExpositionPageTally {
    var page = page
    var tally = ExpositionPageTally()
    switch page.format {
    case .text004: try parseText(&page, to: sink, &tally)
    case .openMetrics100: try parseOpenMetrics(&page, to: sink, &tally)
    }
    family.flush(to: sink)
    return tally
  }

  private mutating func parseText(
    _ page: inout PageText, to sink: any ExpositionSink, _ tally: inout ExpositionPageTally
  ) throws(ExpositionError) {
    while true {
      page.skipBlanks()
      if page.isAtEnd { return }
      switch page.byte {
      case PageText.lineFeed: page.position += 1
      case UInt8(ascii: "#"): try family.readTextComment(&page, to: sink)
      default: try readSample(&page, to: sink, &tally)
      }
    }
  }

  private mutating func parseOpenMetrics(
    _ page: inout PageText, to sink: any ExpositionSink, _ tally: inout ExpositionPageTally
  ) throws(ExpositionError) {
    while !page.isAtEnd {
      guard page.byte == UInt8(ascii: "#") else {
        try readSample(&page, to: sink, &tally)
        continue
      }
      if page.skip("# EOF") {
        if page.byte == PageText.lineFeed, !page.isAtEnd { page.position += 1 }
        guard page.isAtEnd else { throw page.error(.dataAfterEOF) }
        return
      }
      try family.readDescriptor(&page, to: sink)
    }
    throw page.error(.missingEOF)
  }
}
