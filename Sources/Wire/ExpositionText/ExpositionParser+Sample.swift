internal import TimeSeries

extension ExpositionParser {
  /// A line with a sample, from its first byte to the start of the next line.
  mutating func readSample(
    _ page: inout PageText, to sink: any ExpositionSink, _ tally: inout ExpositionPageTally
  ) throws(ExpositionError) {
    family.flush(to: sink)
    let start = page.position
    if let end = seriesEnd(page), let identity = identity(page, start..<end) {
      page.position = end
      if let point = page.plainPoint(), sink.known(identity, timestamp: point.timestamp, bits: point.bits) {
        tally.samples += 1
        return
      }
      page.position = start
    }
    try readSeries(&page)
    let identity = identity(page, start..<page.position)
    let point = try page.readPoint(&exemplarLabels, &tally)
    tally.samples += 1
    sink.series(labels.lent, identity, timestamp: point.timestamp, bits: point.bits)
  }

  /// Where the text of a series ends that looks as they mostly do.
  @inline(__always)
  private func seriesEnd(_ page: PageText) -> Int? {
    var position = page.position
    while NameByte.continuesMetric(page[position]) { position &+= 1 }
    guard page[position] == UInt8(ascii: "{") else {
      // In text blanks may stand before the brace.
      var next = position
      while page[next] == UInt8(ascii: " ") || page[next] == UInt8(ascii: "\t") { next &+= 1 }
      return next > position && page[next] != UInt8(ascii: "{") ? position : nil
    }
    position &+= 1
    while true {
      switch page[position] {
      case UInt8(ascii: "}"): return position &+ 1
      case UInt8(ascii: "\""):
        guard let quote = page.quoteEnd(from: position &+ 1) else { return nil }
        position = quote.end &+ 1
      case PageText.lineFeed: return nil
      default: position &+= 1
      }
    }
  }

  /// The type of the family decides what becomes of bounds, so it is a part of the identity.
  @inline(__always)
  private func identity(_ page: PageText, _ text: Range<Int>) -> SeriesIdentity? {
    guard text.count <= KeyedHash.lengthMax else { return nil }
    var value = KeyedHash.Value()
    let region =
      switch family.type {
      case .histogram: 1
      case .summary: 2
      default: 0
      }
    hash.add(page.base + text.lowerBound, count: text.count, region: region, to: &value)
    return SeriesIdentity(hash: value, length: text.count)
  }

  /// Reads the name and the labels, strictly.
  private mutating func readSeries(_ page: inout PageText) throws(ExpositionError) {
    let start = page.position
    var name: PageLabels.Piece?
    labels.removeAll()
    if NameByte.beginsMetric(page.byte) {
      while NameByte.continuesMetric(page.byte) { page.position += 1 }
      name = PageLabels.Piece(start: start, count: page.position - start)
    } else if page.byte != UInt8(ascii: "{") {
      throw page.expected("a metric name or a comment")
    }
    let end = page.position
    if page.format == .text004 { page.skipBlanks() }
    if page.byte == UInt8(ascii: "{") {
      page.position += 1
      name = try page.readLabels(metricName: name, into: &labels, ofExemplar: false)
    } else {
      page.position = end
    }
    guard let name else { throw page.error(.noMetricName, at: start) }
    let bound: StaticString =
      switch family.type {
      case .histogram: "le"
      case .summary: "quantile"
      default: ""
      }
    if let problem = labels.resolve(page, metricName: name, bound: bound) { throw page.error(problem, at: start) }
  }
}
