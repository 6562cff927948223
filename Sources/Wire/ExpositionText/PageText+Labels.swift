/// The part of a line within braces, read strictly.
extension PageText {
  /// Reads what is between braces, and the closing one.
  /// - Parameters:
  ///   - metricName: the one before the braces, if there is one.
  ///   - ofExemplar: then a metric name may not be among the labels.
  /// - Returns: the metric name: the one that is known, or the one among the labels.
  mutating func readLabels(
    metricName: PageLabels.Piece?, into labels: inout PageLabels, ofExemplar: Bool
  ) throws(ExpositionError) -> PageLabels.Piece? {
    var metricName = metricName
    while true {
      skipTextBlanks()
      if byte == UInt8(ascii: "}") {
        position += 1
        return metricName
      }
      let start = position
      let isQuoted = byte == UInt8(ascii: "\"")
      let name = isQuoted ? try readQuoted(mayBreak: true) : try readLabelName()
      skipTextBlanks()
      if isQuoted, !ofExemplar, byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") {
        let text = bytes(name.start..<name.start + name.count)
        guard metricName == nil else { throw error(.secondMetricName(PageText.excerpt(text)), at: start) }
        metricName = name
        if byte == UInt8(ascii: ",") { position += 1 }
        continue
      }
      guard byte == UInt8(ascii: "=") else { throw expected("= after the label name") }
      position += 1
      skipTextBlanks()
      guard byte == UInt8(ascii: "\"") else { throw expected("a label value in double quotes") }
      let value = try readQuoted(mayBreak: format == .text004)
      guard labels.count < labels.limit else { throw error(.tooManyLabels(limit: labels.limit), at: start) }
      labels.append(name, value)
      skipTextBlanks()
      if byte == UInt8(ascii: ",") {
        position += 1
      } else if byte != UInt8(ascii: "}"), format == .openMetrics100 {
        throw expected("a comma or a closing brace")
      }
    }
  }

  /// In text, tokens may stand apart from each other.
  private mutating func skipTextBlanks() {
    if format == .text004 { skipBlanks() }
  }

  private mutating func readLabelName() throws(ExpositionError) -> PageLabels.Piece {
    let start = position
    guard NameByte.beginsLabel(byte) else { throw expected("a label name") }
    while NameByte.continuesLabel(byte) { position += 1 }
    return PageLabels.Piece(start: start, count: position - start)
  }

  /// - Parameter mayBreak: whether line feeds may stand in it as they are.
  private mutating func readQuoted(mayBreak: Bool) throws(ExpositionError) -> PageLabels.Piece {
    let start = position + 1
    guard let quote = quoteEnd(from: start) else { throw error(.expected("a closing quote", found: "none")) }
    if !mayBreak, lineEnd(from: start) < quote.end {
      throw error(.expected("a closing quote", found: "the end of the line"), at: lineEnd(from: start))
    }
    position = quote.end + 1
    return PageLabels.Piece(start: start, count: quote.end - start, isEscaped: quote.isEscaped)
  }
}
