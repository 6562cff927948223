public import TimeSeries

/// Reads a query.
///
/// Any input at all gives a tree or an error: nesting is limited, so that no query can exhaust a thread's stack, here or
/// later in the engine.
/// - Throws: at the first thing that is wrong, syntax before types.
public func parseExpression(_ text: String, features: Features = []) throws(ParseError) -> Expression {
  try parseExpression(bytes: Array(text.utf8), features: features)
}

/// Reads a query from bytes that may be no UTF-8.
public func parseExpression(bytes: [UInt8], features: Features = []) throws(ParseError) -> Expression {
  var parser = Parser(bytes, features: features)
  let expression = try parser.parseQuery()
  var checker = TypeChecker(bytes: bytes)
  try checker.check(expression)
  return expression
}

/// Reads one instant vector selector, as `match[]` parameters have it. That it selects at least something
/// (`selectsSomething`) is for the caller to ask.
public func parseSelector(_ text: String) throws(ParseError) -> [Matcher] {
  var parser = Parser(Array(text.utf8), features: [])
  return try parser.parseWholeSelector()
}

extension [Matcher] {
  /// Whether one of the matchers refuses the empty string. Without one the selector would take every series there is.
  public var selectsSomething: Bool { contains { !$0.matchesEmpty } }
}

/// Recursive descent over tokens; operators by precedence climbing.
struct Parser {
  /// Levels of parentheses, calls, aggregations and signs within each other.
  static let nestingMax = 200
  /// Height of a tree. Chains of left-associative operators grow it without nesting anything.
  static let heightMax = 600

  /// An expression and the height of its tree.
  struct Node {
    var expression: Expression
    var height: Int

    init(_ expression: Expression, height: Int = 1) {
      self.expression = expression
      self.height = height
    }
  }

  let features: Features
  var lexer: Lexer
  private var lookahead: Token?
  private var nesting = 0
  /// Whether an unexpected token is one "in aggregation".
  var isInAggregation = false
  /// Where the duration read last ends.
  var lastDurationEnd = 0

  init(_ bytes: [UInt8], features: Features) {
    lexer = Lexer(bytes)
    self.features = features
  }

  mutating func parseQuery() throws(ParseError) -> Expression {
    if try peek().kind == .end {
      throw ParseError(PositionRange(start: 0, end: 0), "no expression found in input", in: lexer.bytes)
    }
    let node = try parseExpression()
    if try peek().kind != .end { throw try unexpected() }
    return node.expression
  }

  mutating func parseWholeSelector() throws(ParseError) -> [Matcher] {
    let kind = try peek().kind
    guard kind.isMetricName || kind == .leftBrace else { throw try unexpected() }
    let selector = try parseVectorSelector()
    if try peek().kind != .end { throw try unexpected() }
    return selector.matchers
  }

  // MARK: Tokens

  mutating func peek() throws(ParseError) -> Token {
    if let lookahead { return lookahead }
    let token = try lexer.next()
    lookahead = token
    return token
  }

  mutating func take() throws(ParseError) -> Token {
    let token = try peek()
    lookahead = nil
    return token
  }

  /// Takes the next token if it is of this kind.
  mutating func take(_ kind: Token.Kind) throws(ParseError) -> Token? {
    try peek().kind == kind ? try take() : nil
  }

  func text(_ token: Token) -> String { lexer.text(token.range) }

  func error(_ range: PositionRange, _ message: String) -> ParseError {
    ParseError(range, message, in: lexer.bytes)
  }

  /// The error of the next token standing where it cannot.
  mutating func unexpected(in context: String? = nil, expected: String? = nil) throws(ParseError) -> ParseError {
    let token = try peek()
    var message = "unexpected \(token.description(text: text(token)))"
    if let context = context ?? (isInAggregation ? "aggregation" : nil) { message += " in \(context)" }
    if let expected { message += ", expected \(expected)" }
    return error(token.range, message)
  }

  /// Runs `body` one level deeper.
  mutating func nested<R>(_ body: (inout Parser) throws(ParseError) -> R) throws(ParseError) -> R {
    nesting += 1
    defer { nesting -= 1 }
    if nesting > Parser.nestingMax {
      throw error(try peek().range, "expression is nested too deeply, at most \(Parser.nestingMax) levels are allowed")
    }
    return try body(&self)
  }

  // MARK: Expressions

  /// An expression whose operators bind at least as tightly as `precedenceMin`.
  mutating func parseExpression(precedenceMin: Int = 1) throws(ParseError) -> Node {
    var left = try parseOperand()
    while case .op(let op) = try peek().kind, op.precedence >= precedenceMin {
      left = try parseBinary(left, op)
      if left.height > Parser.heightMax {
        throw error(
          left.expression.range, "expression has too many operands in a row, at most \(Parser.heightMax) are allowed")
      }
    }
    return left
  }

  private mutating func parseBinary(_ left: Node, _ op: BinaryOperator) throws(ParseError) -> Node {
    _ = try take()
    var (matching, returnsBool) = try parseBinaryModifiers()
    let rightMin = op == .power ? op.precedence : op.precedence + 1
    let right = try nested { parser throws(ParseError) in try parser.parseExpression(precedenceMin: rightMin) }
    let (lhs, rhs) = (left.expression, right.expression)
    let range = PositionRange(start: lhs.range.start, end: rhs.range.end)
    if matching.fills, !features.contains(.binopFillModifiers) {
      throw error(range, "binop fill modifiers are experimental and not enabled")
    }
    if op.isSet, matching.cardinality == .oneToOne { matching.cardinality = .manyToMany }
    let bothVectors = lhs.type == .vector && rhs.type == .vector
    let type: ValueType = lhs.type == .scalar && rhs.type == .scalar ? .scalar : .vector
    // Matching between scalars is only worth keeping for the error it is.
    let keepsMatching = bothVectors || !matching.labels.isEmpty || matching.fills
    let binary = BinaryExpression(
      op: op, lhs: lhs, rhs: rhs, matching: keepsMatching ? matching : nil, returnsBool: returnsBool, type: type,
      range: range)
    return Node(.binary(binary), height: max(left.height, right.height) + 1)
  }

  private mutating func parseOperand() throws(ParseError) -> Node {
    guard case .op(let sign) = try peek().kind, sign == .add || sign == .subtract else { return try parsePostfix() }
    let token = try take()
    let inner = try nested { parser throws(ParseError) in
      try parser.parseExpression(precedenceMin: BinaryOperator.power.precedence)
    }
    if case .number(var literal) = inner.expression {
      if sign == .subtract { literal.value *= -1 }
      literal.range.start = token.range.start
      return Node(.number(literal))
    }
    let unary = UnaryExpression(
      isNegative: sign == .subtract, expression: inner.expression, type: inner.expression.type,
      range: PositionRange(start: token.range.start, end: inner.expression.range.end))
    return Node(.unary(unary), height: inner.height + 1)
  }

  /// An operand and the brackets and modifiers behind it.
  private mutating func parsePostfix() throws(ParseError) -> Node {
    var node = try parsePrimary()
    while true {
      switch try peek().kind {
      case .leftBracket: node = try parseBrackets(node)
      case .keyword(.offset): try parseOffset(&node.expression)
      case .keyword(.anchored), .keyword(.smoothed): try parseExtent(&node.expression)
      case .at: try parseAt(&node.expression)
      default: return node
      }
      if node.height > Parser.heightMax {
        throw error(node.expression.range, "expression is nested too deeply")
      }
    }
  }

  private mutating func parsePrimary() throws(ParseError) -> Node {
    let token = try peek()
    switch token.kind {
    case .number, .duration: return Node(.number(try parseNumber()))
    case .string:
      _ = try take()
      return Node(.string(StringLiteral(value: stringValue(token), range: token.range)))
    case .leftParen: return try parseParen()
    case .leftBrace: return Node(.vectorSelector(try parseVectorSelector()))
    case .aggregation(let op): return try parseAggregation(op)
    case .identifier: return try parseCallOrSelector()
    case .keyword(let keyword) where keyword.isFunctionLike: return try parseCallOrSelector()
    default:
      guard token.kind.isMetricName else { throw try unexpected() }
      return Node(.vectorSelector(try parseVectorSelector()))
    }
  }

  private mutating func parseParen() throws(ParseError) -> Node {
    let open = try take()
    let inner = try nested { parser throws(ParseError) in try parser.parseExpression() }
    guard let close = try take(.rightParen) else { throw try unexpected() }
    let range = PositionRange(start: open.range.start, end: close.range.end)
    let paren = ParenExpression(expression: inner.expression, type: inner.expression.type, range: range)
    return Node(.paren(paren), height: inner.height + 1)
  }

  mutating func parseNumber() throws(ParseError) -> NumberLiteral {
    let token = try take()
    do {
      let isDuration = token.kind == .duration
      let value =
        isDuration
        ? Double(try Literals.durationMilliseconds(text(token))) / 1000 : try Literals.number(text(token))
      return NumberLiteral(value: value, isDuration: isDuration, range: token.range)
    } catch {
      throw self.error(token.range, error.reason)
    }
  }

  func stringValue(_ token: Token) -> String {
    Literals.string(Array(lexer.bytes[token.range.start..<token.range.end]))
  }
}
