/// Ranges, subqueries and offsets, and the arithmetic of durations in them.
extension Parser {
  private static let anyDuration = "number, duration, step(), or range()"

  /// `[5m]` or `[1h:5m]` behind an expression.
  mutating func parseBrackets(_ node: Node) throws(ParseError) -> Node {
    let open = try take()
    let range = try parseDuration(in: "subquery or range selector", expected: Parser.anyDuration)
    try requirePositive(range)
    if let close = try take(.rightBracket) {
      return Node(.matrixSelector(try makeMatrixSelector(node.expression, range, open, close)))
    }
    guard try take(.colon) != nil else {
      throw try unexpected(in: "subquery or range", expected: "\":\" or \"]\"")
    }
    var step: DurationExpression?
    if try peek().kind != .rightBracket {
      let parsed = try parseDuration(in: "subquery selector", expected: "\(Parser.orList), or \"]\"")
      try requirePositive(parsed)
      step = parsed
    }
    guard let close = try take(.rightBracket) else {
      throw try unexpected(in: "subquery selector", expected: "\"]\"")
    }
    let (rangeMilliseconds, rangeExpression) = split(range)
    let (stepMilliseconds, stepExpression) = step.map { split($0) } ?? (0, nil)
    let subquery = Subquery(
      expression: node.expression, rangeMilliseconds: rangeMilliseconds, rangeExpression: rangeExpression,
      stepMilliseconds: stepMilliseconds, stepExpression: stepExpression, end: close.range.end)
    return Node(.subquery(subquery), height: node.height + 1)
  }

  private static let orList = "number, duration, step(), range()"

  private func makeMatrixSelector(
    _ expression: Expression, _ range: DurationExpression, _ open: Token, _ close: Token
  ) throws(ParseError) -> MatrixSelector {
    let brackets = PositionRange(start: open.range.start, end: close.range.end)
    guard case .vectorSelector(let selector) = expression else {
      throw error(brackets, "ranges only allowed for vector selectors")
    }
    if selector.modifiers.offsetMilliseconds != 0 || selector.modifiers.offsetExpression != nil {
      throw error(brackets, "no offset modifiers allowed before range")
    }
    if selector.modifiers.at != nil { throw error(brackets, "no @ modifiers allowed before range") }
    let (milliseconds, rangeExpression) = split(range)
    return MatrixSelector(
      selector: selector, rangeMilliseconds: milliseconds, rangeExpression: rangeExpression, end: close.range.end)
  }

  /// `offset 5m`, `offset -5m`, `offset (step() * 2)`.
  mutating func parseOffset(_ expression: inout Expression) throws(ParseError) {
    _ = try take()
    let range = expression.range
    let duration = try parseOffsetDuration()
    let (milliseconds, offsetExpression) = split(duration.value)
    try modify(&expression, end: duration.end, "offset modifier", range) { modifiers, parser throws(ParseError) in
      if modifiers.offsetMilliseconds != 0 || modifiers.offsetExpression != nil {
        throw parser.error(range, "offset may not be set multiple times")
      }
      modifiers.offsetMilliseconds = milliseconds
      modifiers.offsetExpression = offsetExpression
    }
  }

  /// What follows `offset` ends with the first operand, so that `foo offset -2 ^ 2` is `(foo offset -2) ^ 2`; only an
  /// unsigned operand in parentheses can begin a longer expression.
  private mutating func parseOffsetDuration() throws(ParseError) -> (value: DurationExpression, end: Int) {
    let context = "offset"
    let sign = try takeSign()
    let startsWithParen = try peek().kind == .leftParen
    var value = try parseDurationOperand(in: context, expected: Parser.anyDuration)
    if let sign { value = try signed(value, sign.isNegative, sign.token) }
    if startsWithParen, sign == nil {
      value = try continueDuration(value, precedenceMin: 1, in: context, expected: Parser.anyDuration)
    }
    return (value, lastDurationEnd)
  }

  /// A literal in milliseconds, anything else as the expression it is. Zero when not a literal.
  private func split(_ duration: DurationExpression) -> (Int64, DurationExpression?) {
    guard case .literal(let literal) = duration else { return (0, duration) }
    // As in Prometheus: rounded to nanoseconds, then cut to milliseconds.
    return (Int64(clamping: literal.value, scale: 1e9) / 1_000_000, nil)
  }

  private func requirePositive(_ duration: DurationExpression) throws(ParseError) {
    if case .literal(let literal) = duration, !(literal.value > 0) {
      throw error(literal.range, "duration must be greater than 0")
    }
  }

  // MARK: Arithmetic

  private mutating func parseDuration(
    in context: String, expected: String, precedenceMin: Int = 1
  ) throws(ParseError) -> DurationExpression {
    try nested { parser throws(ParseError) in
      let operand = try parser.parseSignedDuration(in: context, expected: expected)
      return try parser.continueDuration(operand, precedenceMin: precedenceMin, in: context, expected: expected)
    }
  }

  private mutating func continueDuration(
    _ operand: DurationExpression, precedenceMin: Int, in context: String, expected: String
  ) throws(ParseError) -> DurationExpression {
    var left = operand
    var count = 0
    while case .op(let symbol) = try peek().kind, let op = DurationExpression.Operator(rawValue: symbol.rawValue),
      op.precedence >= precedenceMin
    {
      let token = try take()
      let rightMin = op == .power ? op.precedence : op.precedence + 1
      let right = try parseDuration(in: context, expected: expected, precedenceMin: rightMin)
      if !features.contains(.durationExpressions) {
        throw error(rangeOf(left, token), "experimental duration expression is not enabled")
      }
      if case .literal(let literal) = right, literal.value == 0, op == .divide || op == .modulo {
        throw error(token.range, op == .divide ? "division by zero" : "modulo by zero")
      }
      left = .binary(op, left, right)
      count += 1
      if count > Parser.heightMax { throw error(token.range, "expression has too many operands in a row") }
    }
    return left
  }

  private mutating func parseSignedDuration(
    in context: String, expected: String
  ) throws(ParseError) -> DurationExpression {
    guard let sign = try takeSign() else { return try parseDurationOperand(in: context, expected: expected) }
    let inner = try parseDuration(
      in: context, expected: expected, precedenceMin: DurationExpression.Operator.power.precedence)
    return try signed(inner, sign.isNegative, sign.token)
  }

  private func signed(
    _ value: DurationExpression, _ isNegative: Bool, _ sign: Token
  ) throws(ParseError) -> DurationExpression {
    guard case .literal(var literal) = value else { return isNegative ? .negative(value) : value }
    if isNegative { literal.value *= -1 }
    literal.range.start = sign.range.start
    return .literal(literal)
  }

  private mutating func parseDurationOperand(
    in context: String, expected: String
  ) throws(ParseError) -> DurationExpression {
    let token = try peek()
    switch token.kind {
    case .number, .duration:
      let literal = try parseNumber()
      lastDurationEnd = literal.range.end
      // Prometheus holds durations as nanoseconds in 64 bits.
      guard literal.value.magnitude <= 0x1p63 / 1e9 else { throw error(literal.range, "duration out of range") }
      return .literal(literal)
    case .keyword(.step), .keyword(.range):
      _ = try take()
      guard try take(.leftParen) != nil else { throw try unexpected(in: context, expected: expected) }
      try closeDuration(in: context, expected: expected)
      try requireDurationExpressions(token.range)
      return token.kind == .keyword(.step) ? .step : .queryRange
    case .keyword(let keyword) where keyword == .minOf || keyword == .maxOf:
      _ = try take()
      guard try take(.leftParen) != nil else { throw try unexpected(in: context, expected: expected) }
      let first = try parseDuration(in: context, expected: expected)
      guard try take(.comma) != nil else { throw try unexpected(in: context, expected: expected) }
      let second = try parseDuration(in: context, expected: expected)
      try closeDuration(in: context, expected: expected)
      try requireDurationExpressions(token.range)
      return keyword == .minOf ? .minimum(first, second) : .maximum(first, second)
    case .leftParen:
      _ = try take()
      let inner = try parseDuration(in: context, expected: expected)
      try closeDuration(in: context, expected: expected)
      try requireDurationExpressions(token.range)
      return .paren(inner)
    default: throw try unexpected(in: context, expected: expected)
    }
  }

  private mutating func closeDuration(in context: String, expected: String) throws(ParseError) {
    guard let close = try take(.rightParen) else { throw try unexpected(in: context, expected: expected) }
    lastDurationEnd = close.range.end
  }

  private func requireDurationExpressions(_ range: PositionRange) throws(ParseError) {
    if !features.contains(.durationExpressions) {
      throw error(range, "experimental duration expression is not enabled")
    }
  }

  private func rangeOf(_ left: DurationExpression, _ op: Token) -> PositionRange {
    if case .literal(let literal) = left { return literal.range }
    return op.range
  }
}
