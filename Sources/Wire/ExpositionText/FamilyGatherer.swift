internal import TimeSeries

/// Reads comments and descriptors, and puts together what is said of one family on several lines.
struct FamilyGatherer: ~Copyable {
  /// Of the TYPE line that was read last, whatever family that was of.
  private(set) var type = MetricType.unknown
  private var name = ByteWriter(capacity: 64)
  private var help = ByteWriter(capacity: 256)
  private var unit = ByteWriter(capacity: 64)
  private var familyType = MetricType.unknown
  /// Whether something has been said that the sink has not been told.
  private var isNews = false

  mutating func begin() {
    type = .unknown
    forget()
  }

  private mutating func forget() {
    name.removeAll()
    help.removeAll()
    unit.removeAll()
    familyType = .unknown
    isNews = false
  }

  @inline(__always)
  mutating func flush(to sink: any ExpositionSink) {
    if isNews { tell(sink) }
  }

  private mutating func tell(_ sink: any ExpositionSink) {
    isNews = false
    let type = familyType
    name.withBytes { name in
      help.withBytes { help in
        unit.withBytes { unit in
          guard name.count > 0 else { return }
          sink.metadata(FamilyMetadata(name: name, type: type, help: help, unit: unit))
        }
      }
    }
  }

  // MARK: Lines

  /// A line of text that begins with `#`, up to the next one: HELP and TYPE mean something, the others are comments.
  mutating func readTextComment(_ page: inout PageText, to sink: any ExpositionSink) throws(ExpositionError) {
    let end = page.lineEnd(from: page.position)
    page.position += 1
    let isSpaced = page.byte == UInt8(ascii: " ") || page.byte == UInt8(ascii: "\t")
    page.skipBlanks()
    let isHelp = isSpaced && page.skip("HELP")
    let isType = isSpaced && !isHelp && page.skip("TYPE")
    guard isHelp || isType, page.byte == UInt8(ascii: " ") || page.byte == UInt8(ascii: "\t") else {
      page.position = end + 1
      return
    }
    page.skipBlanks()
    try readName(&page, to: sink)
    // One byte separates; whatever else there is belongs to the text, unless it is nothing but blanks.
    let start = min(page.position + 1, end)
    let isBlank = page.bytes(min(page.position, end)..<end).allSatisfy {
      $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t")
    }
    let text = isBlank ? end..<end : start..<end
    if isHelp {
      try setHelp(page, text, quotes: false)
    } else {
      try setType(page, text)
    }
    page.position = end + 1
  }

  /// A line of OpenMetrics that begins with `#`, up to the next one; not the last one.
  mutating func readDescriptor(_ page: inout PageText, to sink: any ExpositionSink) throws(ExpositionError) {
    let isHelp = page.skip("# HELP ")
    let isType = !isHelp && page.skip("# TYPE ")
    guard isHelp || isType || page.skip("# UNIT ") else { throw page.expected("# HELP, # TYPE, # UNIT or # EOF") }
    try readName(&page, to: sink)
    guard page.byte == UInt8(ascii: " ") else { throw page.expected("a space and a text") }
    page.position += 1
    let end = page.lineEnd(from: page.position)
    guard end < page.count else { throw page.error(.missingEOF, at: end) }
    let text = page.position..<end
    if isHelp {
      try setHelp(page, text, quotes: true)
    } else if isType {
      try setType(page, text)
    } else {
      try setUnit(page, text)
    }
    page.position = end + 1
  }

  /// Reads the name of a family, and begins with it if it is another than the last.
  private mutating func readName(_ page: inout PageText, to sink: any ExpositionSink) throws(ExpositionError) {
    let start = page.position
    var read = start..<start
    var isEscaped = false
    if page.byte == UInt8(ascii: "\"") {
      guard let quote = page.quoteEnd(from: start + 1) else { throw page.expected("a closing quote") }
      read = start + 1..<quote.end
      isEscaped = quote.isEscaped
      page.position = quote.end + 1
    } else {
      guard NameByte.beginsMetric(page.byte) else { throw page.expected("the name of a metric family") }
      while NameByte.continuesMetric(page.byte) { page.position += 1 }
      read = start..<page.position
    }
    let raw = page.bytes(read)
    guard UTF8Text.isValid(raw) else { throw page.error(.notUTF8("the name of a metric family"), at: start) }
    let isSame = !isEscaped && name.withBytes { LabelText.equal($0, raw) }
    if isSame { return }
    flush(to: sink)
    forget()
    name.append(most: raw.count) { PageLabels.unescape(raw, quotes: true, to: $0) }
  }

  private mutating func setHelp(_ page: PageText, _ range: Range<Int>, quotes: Bool) throws(ExpositionError) {
    let text = page.bytes(range)
    guard UTF8Text.isValid(text) else { throw page.error(.notUTF8("the HELP text"), at: range.lowerBound) }
    help.removeAll()
    help.append(most: text.count) { PageLabels.unescape(text, quotes: quotes, to: $0) }
    isNews = true
  }

  private mutating func setType(_ page: PageText, _ range: Range<Int>) throws(ExpositionError) {
    let text = page.bytes(range)
    guard let type = MetricType(word: text, in: page.format) else {
      throw page.error(.unknownType(PageText.excerpt(text)), at: range.lowerBound)
    }
    self.type = type
    familyType = type
    isNews = true
  }

  private mutating func setUnit(_ page: PageText, _ range: Range<Int>) throws(ExpositionError) {
    let text = page.bytes(range)
    let isSuffix = name.withBytes { name in
      text.isEmpty
        || name.count > text.count && name.suffix(text.count).elementsEqual(text)
          && name[name.count - text.count - 1] == UInt8(ascii: "_")
    }
    guard isSuffix else {
      let family = name.withBytes { PageText.excerpt($0) }
      throw page.error(.unit(PageText.excerpt(text), family: family), at: range.lowerBound)
    }
    guard UTF8Text.isValid(text) else { throw page.error(.notUTF8("the unit"), at: range.lowerBound) }
    unit.removeAll()
    unit.append(text)
    isNews = true
  }
}

extension MetricType {
  /// What a TYPE line says; `nil` for a word that the format does not have.
  init?(word: UnsafeRawBufferPointer, in format: ExpositionFormat) {
    switch (String(decoding: word, as: UTF8.self), format) {
    case ("counter", _): self = .counter
    case ("gauge", _): self = .gauge
    case ("histogram", _): self = .histogram
    case ("summary", _): self = .summary
    case ("untyped", .text004), ("unknown", .openMetrics100): self = .unknown
    case ("info", .openMetrics100): self = .info
    case ("stateset", .openMetrics100): self = .stateset
    case ("gaugehistogram", .openMetrics100): self = .gaugeHistogram
    default: return nil
    }
  }
}
