/// Function calls, aggregations and the modifiers of binary operators.
extension Parser {
  /// A word is a function when a parenthesis follows, else a metric.
  mutating func parseCallOrSelector() throws(ParseError) -> Node {
    let name = try take()
    guard try peek().kind == .leftParen else { return Node(.vectorSelector(try parseVectorSelector(named: name))) }
    let (arguments, height, end) = try parseArguments()
    let text = text(name)
    guard let function = Function.named(text) else {
      throw error(name.range, "unknown function with name \(text.quotedAsInGo)")
    }
    if function.isExperimental, !features.contains(.experimentalFunctions) {
      throw error(name.range, "function \(text.quotedAsInGo) is not enabled")
    }
    let range = PositionRange(start: name.range.start, end: end)
    return Node(.call(Call(function: function, arguments: arguments, range: range)), height: height + 1)
  }

  /// The arguments in parentheses, the height of the highest, and where the closing parenthesis ends.
  private mutating func parseArguments() throws(ParseError) -> ([Expression], height: Int, end: Int) {
    _ = try take()
    var arguments: [Expression] = []
    var height = 0
    if let close = try take(.rightParen) { return ([], 0, close.range.end) }
    while true {
      let argument = try nested { parser throws(ParseError) in try parser.parseExpression() }
      arguments.append(argument.expression)
      height = max(height, argument.height)
      if let close = try take(.rightParen) { return (arguments, height, close.range.end) }
      guard let comma = try take(.comma) else { throw try unexpected() }
      if try peek().kind == .rightParen {
        throw error(comma.range, "trailing commas not allowed in function call args")
      }
    }
  }

  mutating func parseAggregation(_ op: AggregationOperator) throws(ParseError) -> Node {
    let name = try take()
    var grouping: (labels: [String], without: Bool)?
    switch try peek().kind {
    case .leftParen: break
    case .keyword(.by), .keyword(.without): grouping = try parseGrouping()
    // The name of an aggregation is a fine name for a metric too.
    default: return Node(.vectorSelector(try parseVectorSelector(named: name)))
    }
    let wasInAggregation = isInAggregation
    isInAggregation = true
    guard try peek().kind == .leftParen else { throw try unexpected() }
    var (arguments, height, end) = try parseArguments()
    isInAggregation = wasInAggregation
    if grouping == nil, try peek().isGroupingKeyword {
      let (labels, without, groupingEnd) = try parseGroupingWithEnd()
      grouping = (labels, without)
      end = groupingEnd
    }
    let range = PositionRange(start: name.range.start, end: end)
    let aggregation = try makeAggregation(op, arguments, grouping ?? ([], false), range)
    return Node(.aggregation(aggregation), height: height + 1)
  }

  private func makeAggregation(
    _ op: AggregationOperator, _ arguments: [Expression], _ grouping: (labels: [String], without: Bool),
    _ range: PositionRange
  ) throws(ParseError) -> Aggregation {
    if arguments.isEmpty { throw error(range, "no arguments for aggregate expression provided") }
    if op.isExperimental, !features.contains(.experimentalFunctions) {
      let reason = "is experimental and must be enabled with --enable-feature=promql-experimental-functions"
      throw error(range, "\(op.rawValue)() \(reason)")
    }
    let count = op.takesParameter ? 2 : 1
    guard arguments.count == count else {
      throw error(
        range,
        "wrong number of arguments for aggregate expression provided, expected \(count), got \(arguments.count)")
    }
    return Aggregation(
      op: op, expression: arguments[count - 1], parameter: op.takesParameter ? arguments[0] : nil,
      grouping: grouping.labels, without: grouping.without, range: range)
  }

  private mutating func parseGrouping() throws(ParseError) -> (labels: [String], without: Bool) {
    let (labels, without, _) = try parseGroupingWithEnd()
    return (labels, without)
  }

  private mutating func parseGroupingWithEnd() throws(ParseError) -> ([String], without: Bool, end: Int) {
    let without = try take().kind == .keyword(.without)
    let (labels, end) = try parseLabelList()
    return (labels, without, end)
  }

  /// `(a, b, "c.d")`; a trailing comma is allowed.
  private mutating func parseLabelList() throws(ParseError) -> ([String], end: Int) {
    let context = "grouping opts"
    guard try take(.leftParen) != nil else { throw try unexpected(in: context, expected: "\"(\"") }
    var labels: [String] = []
    while true {
      if let close = try take(.rightParen) { return (labels, close.range.end) }
      let token = try peek()
      guard token.kind.isLabelName || token.kind == .string else {
        throw try unexpected(in: context, expected: "label")
      }
      _ = try take()
      let label = token.kind == .string ? stringValue(token) : text(token)
      if label.isEmpty { throw error(token.range, "invalid label name for grouping: \"\"") }
      labels.append(label)
      if try take(.comma) == nil, try peek().kind != .rightParen {
        throw try unexpected(in: context, expected: "\",\" or \")\"")
      }
    }
  }

  /// `bool on (a) group_left (b) fill (0)`, each of it optional.
  mutating func parseBinaryModifiers() throws(ParseError) -> (VectorMatching, returnsBool: Bool) {
    var matching = VectorMatching()
    let returnsBool = try take(.keyword(.bool)) != nil
    let kind = try peek().kind
    if kind == .keyword(.on) || kind == .keyword(.ignoring) {
      _ = try take()
      matching.on = kind == .keyword(.on)
      matching.labels = try parseLabelList().0
      let group = try peek().kind
      if group == .keyword(.groupLeft) || group == .keyword(.groupRight) {
        _ = try take()
        matching.cardinality = group == .keyword(.groupLeft) ? .manyToOne : .oneToMany
        if try peek().kind == .leftParen { matching.include = try parseLabelList().0 }
      }
    }
    try parseFills(&matching)
    return (matching, returnsBool)
  }

  private mutating func parseFills(_ matching: inout VectorMatching) throws(ParseError) {
    if try take(.keyword(.fill)) != nil {
      let value = try parseFillValue()
      (matching.fillLeft, matching.fillRight) = (value, value)
      return
    }
    while true {
      if matching.fillLeft == nil, try take(.keyword(.fillLeft)) != nil {
        matching.fillLeft = try parseFillValue()
      } else if matching.fillRight == nil, try take(.keyword(.fillRight)) != nil {
        matching.fillRight = try parseFillValue()
      } else {
        return
      }
    }
  }

  private mutating func parseFillValue() throws(ParseError) -> Double {
    guard try take(.leftParen) != nil else { throw try unexpected() }
    let isNegative = try take(.op(.subtract)) != nil
    if !isNegative { _ = try take(.op(.add)) }
    guard try peek().isNumber else { throw try unexpected() }
    let value = try parseNumber().value
    guard try take(.rightParen) != nil else { throw try unexpected() }
    return isNegative ? -value : value
  }
}

extension Token {
  fileprivate var isGroupingKeyword: Bool { kind == .keyword(.by) || kind == .keyword(.without) }
}
