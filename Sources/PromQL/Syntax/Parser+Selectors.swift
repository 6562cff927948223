internal import TimeSeries

/// Selectors: names, matchers, and what may stand behind them but for durations.
extension Parser {
  mutating func parseVectorSelector() throws(ParseError) -> VectorSelector {
    try parseVectorSelector(named: peek().kind == .leftBrace ? nil : take())
  }

  /// The selector whose metric name, if it has one before the braces, has been taken already.
  mutating func parseVectorSelector(named token: Token?) throws(ParseError) -> VectorSelector {
    let name = token.map { text($0) } ?? ""
    var matchers: [Matcher] = []
    var range = token?.range ?? PositionRange(start: 0, end: 0)
    if try peek().kind == .leftBrace {
      let braces = try parseMatchers(into: &matchers)
      range = PositionRange(start: token?.range.start ?? braces.start, end: braces.end)
    }
    if token != nil { matchers.append(Matcher(Label.metricName, equals: name)) }
    return VectorSelector(name: name, matchers: matchers, range: range)
  }

  private mutating func parseMatchers(into matchers: inout [Matcher]) throws(ParseError) -> PositionRange {
    let open = try take()
    while true {
      if let close = try take(.rightBrace) {
        return PositionRange(start: open.range.start, end: close.range.end)
      }
      matchers.append(try parseMatcher())
      if try take(.comma) == nil, try peek().kind != .rightBrace {
        throw try unexpected(in: "label matching", expected: "\",\" or \"}\"")
      }
    }
  }

  private mutating func parseMatcher() throws(ParseError) -> Matcher {
    let context = "label matching"
    let token = try peek()
    guard token.kind == .identifier || token.kind == .string else {
      throw try unexpected(in: context, expected: "identifier or \"}\"")
    }
    _ = try take()
    let name = token.kind == .string ? stringValue(token) : text(token)
    let operation: Matcher.Operation
    switch try peek().kind {
    case .assign: operation = .equal
    case .op(.notEqual): operation = .notEqual
    case .regexMatch: operation = .regexMatch
    case .regexNoMatch: operation = .regexNoMatch
    default:
      // A string on its own is a metric name.
      if token.kind == .string { return Matcher(Label.metricName, equals: name) }
      throw try unexpected(in: context, expected: "label matching operator")
    }
    _ = try take()
    guard let value = try take(.string) else { throw try unexpected(in: context, expected: "string") }
    do {
      return try Matcher(name, operation, stringValue(value))
    } catch {
      throw self.error(PositionRange(start: token.range.start, end: value.range.end), error.description)
    }
  }

  /// `@ 1609746000`, `@ start()`, `@ end()`.
  mutating func parseAt(_ expression: inout Expression) throws(ParseError) {
    _ = try take()
    let range = expression.range
    var at: TimeModifiers.At
    let end: Int
    switch try peek().kind {
    case .keyword(.start), .keyword(.end):
      at = try take().kind == .keyword(.start) ? .start : .end
      guard try take(.leftParen) != nil else { throw try unexpected(in: "@", expected: "timestamp") }
      guard let close = try take(.rightParen) else { throw try unexpected(in: "@", expected: "timestamp") }
      end = close.range.end
    default:
      let sign = try takeSign()
      guard try peek().isNumber else {
        throw try unexpected(in: "@", expected: "timestamp")
      }
      let literal = try parseNumber()
      let seconds = sign?.isNegative == true ? -literal.value : literal.value
      guard seconds.isFinite, seconds.magnitude < 0x1p63 else {
        throw error(range, "timestamp out of bounds for @ modifier: \(goFixed(seconds))")
      }
      at = .timestamp(Int64(clamping: seconds, scale: 1000))
      end = literal.range.end
    }
    try modify(&expression, end: end, "@ modifier", range) { modifiers, parser throws(ParseError) in
      if modifiers.at != nil { throw parser.error(range, "@ <timestamp> may not be set multiple times") }
      modifiers.at = at
    }
  }

  /// `anchored`, `smoothed`.
  mutating func parseExtent(_ expression: inout Expression) throws(ParseError) {
    let extent: VectorSelector.Extent = try take().kind == .keyword(.anchored) ? .anchored : .smoothed
    let range = expression.range
    if !features.contains(.extendedRangeSelectors) {
      throw error(range, "\(extent.rawValue) modifier is experimental and not enabled")
    }
    func combine(_ old: VectorSelector.Extent?) throws(ParseError) -> VectorSelector.Extent {
      if let old, old != extent { throw error(range, "anchored and smoothed modifiers cannot be used together") }
      return extent
    }
    switch expression {
    case .vectorSelector(var selector):
      selector.extent = try combine(selector.extent)
      expression = .vectorSelector(selector)
    case .matrixSelector(var matrix):
      matrix.selector.extent = try combine(matrix.selector.extent)
      expression = .matrixSelector(matrix)
    case .subquery: throw error(range, "\(extent.rawValue) modifier is not supported for subqueries")
    default:
      throw error(
        range,
        "\(extent.rawValue) modifier must be preceded by an instant vector selector or range vector selector")
    }
  }

  /// Changes the time modifiers of an expression that can have some, which now ends at `end`.
  func modify(
    _ expression: inout Expression, end: Int, _ what: String, _ range: PositionRange,
    _ change: (inout TimeModifiers, Parser) throws(ParseError) -> Void
  ) throws(ParseError) {
    switch expression {
    case .vectorSelector(var selector):
      try change(&selector.modifiers, self)
      selector.range.end = end
      expression = .vectorSelector(selector)
    case .matrixSelector(var matrix):
      try change(&matrix.selector.modifiers, self)
      matrix.end = end
      expression = .matrixSelector(matrix)
    case .subquery(var subquery):
      try change(&subquery.modifiers, self)
      subquery.end = end
      expression = .subquery(subquery)
    default:
      throw error(
        range,
        "\(what) must be preceded by an instant vector selector or range vector selector or a subquery")
    }
  }

  mutating func takeSign() throws(ParseError) -> (isNegative: Bool, token: Token)? {
    if let token = try take(.op(.subtract)) { return (true, token) }
    if let token = try take(.op(.add)) { return (false, token) }
    return nil
  }

  /// As Go's `%f`.
  private func goFixed(_ value: Double) -> String {
    value.isFinite ? FloatText.string(value.rounded(), .plain) + ".000000" : FloatText.string(value, .plain)
  }
}

extension Int64 {
  /// `value × scale`, rounded to the nearest, at the ends of the range where it lies beyond them.
  init(clamping value: Double, scale: Double) {
    let scaled = (value * scale).rounded()
    if scaled.isNaN {
      self = 0
    } else if scaled >= 0x1p63 {
      self = .max
    } else if scaled <= -0x1p63 {
      self = .min
    } else {
      self = Int64(scaled)
    }
  }
}
