internal import TimeSeries

/// The part of a line behind the series: value, timestamp, exemplar.
extension PageText {
  struct Point {
    var timestamp: Int64?
    var bits: UInt64
  }

  /// Reads the rest of a line that has no exemplar. `nil`, with the page read up to anywhere: it is not like that.
  @inline(__always)
  mutating func plainPoint() -> Point? {
    guard skipSeparator(), let value = PageNumber.value(word()) else { return nil }
    var point = Point(timestamp: nil, bits: PageText.bits(value))
    if format == .text004 { skipBlanks() }
    if byte != PageText.lineFeed {
      switch format {
      case .text004:
        guard let time = PageNumber.milliseconds(word()) else { return nil }
        point.timestamp = time
        skipBlanks()
      case .openMetrics100:
        guard skipSeparator(), let time = PageNumber.seconds(word()) else { return nil }
        point.timestamp = time
      }
    }
    guard byte == PageText.lineFeed, format == .text004 || !isAtEnd else { return nil }
    position &+= 1
    return point
  }

  /// The same strictly, with an exemplar if there is one.
  mutating func readPoint(
    _ exemplarLabels: inout PageLabels, _ tally: inout ExpositionPageTally
  ) throws(ExpositionError) -> Point {
    var point = Point(timestamp: nil, bits: PageText.bits(try readValue()))
    if format == .text004 {
      skipBlanks()
      if byte != PageText.lineFeed { point.timestamp = try readTimestamp() }
      skipBlanks()
    } else {
      if !isAtExemplar, byte == UInt8(ascii: " ") {
        position += 1
        point.timestamp = try readTimestamp()
      }
      if isAtExemplar {
        try readExemplar(&exemplarLabels)
        tally.exemplars += 1
      }
    }
    guard byte == PageText.lineFeed else { throw expected("the end of the line") }
    if format == .openMetrics100, isAtEnd { throw error(.missingEOF) }
    position += 1
    return point
  }

  /// A NaN of the page is never a stale marker.
  private static func bits(_ value: Double) -> UInt64 {
    value.isNaN ? StaleMarker.normalNaNBits : value.bitPattern
  }

  /// Blanks of text, which may lack behind a brace, or the one space of OpenMetrics, which may not.
  @inline(__always)
  private mutating func skipSeparator() -> Bool {
    switch format {
    case .text004: skipBlanks()
    case .openMetrics100:
      guard byte == UInt8(ascii: " ") else { return false }
      position &+= 1
    }
    return true
  }

  private mutating func readValue() throws(ExpositionError) -> Double {
    guard skipSeparator() else { throw expected("a space and a value") }
    let start = position
    let word = word()
    guard word.count > 0 else { throw expected("a value") }
    guard let value = PageNumber.value(word) else { throw error(.value(PageText.excerpt(word)), at: start) }
    return value
  }

  private mutating func readTimestamp() throws(ExpositionError) -> Int64 {
    let start = position
    let word = word()
    guard word.count > 0 else { throw expected("a timestamp") }
    let timestamp = format == .text004 ? PageNumber.milliseconds(word) : PageNumber.seconds(word)
    guard let timestamp else { throw error(.timestamp(PageText.excerpt(word)), at: start) }
    return timestamp
  }

  private var isAtExemplar: Bool {
    byte == UInt8(ascii: " ") && self[position + 1] == UInt8(ascii: "#") && self[position + 2] == UInt8(ascii: " ")
      && self[position + 3] == UInt8(ascii: "{")
  }

  private mutating func readExemplar(_ labels: inout PageLabels) throws(ExpositionError) {
    position += 4
    labels.removeAll()
    _ = try readLabels(metricName: nil, into: &labels, ofExemplar: true)
    _ = try readValue()
    if byte == UInt8(ascii: " ") {
      position += 1
      _ = try readTimestamp()
    }
  }

  /// Takes the bytes up to the next blank or the end of the line.
  @inline(__always)
  private mutating func word() -> UnsafeRawBufferPointer {
    let start = position
    while true {
      let byte = self.byte
      if byte == UInt8(ascii: " ") || byte == PageText.lineFeed { break }
      if format == .text004, byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "{") { break }
      position &+= 1
    }
    return bytes(start..<position)
  }
}
