internal import HTTPServer
internal import PromQL
internal import TimeSeries

/// The syntax tree of a query as JSON (`web/api/v1/translate_ast.go`), for interfaces that show it as a tree.
extension API {
  func parseQuery(_ request: Request) throws(HTTPError) -> Response {
    let expression = try parsed(request)
    return Answer.success { $0.append(tree: expression) }
  }
}

extension ByteWriter {
  /// One node with all below it. The parser limits how deep that goes.
  mutating func append(tree expression: PromQL.Expression) {
    append("{")
    switch expression {
    case .aggregation(let node): members(node)
    case .binary(let node): members(node)
    case .call(let node): members(node)
    case .matrixSelector(let node):
      member("type", "matrixSelector")
      members(node.selector)
      member("range", node.rangeMilliseconds)
    case .number(let node):
      member("type", "numberLiteral")
      member("val", FloatText.string(node.value, .plain))
    case .paren(let node):
      member("type", "parenExpr")
      member("expr", tree: node.expression)
    case .string(let node):
      member("type", "stringLiteral")
      member("val", node.value)
    case .subquery(let node):
      member("type", "subquery")
      member("expr", tree: node.expression)
      member("range", node.rangeMilliseconds)
      member("step", node.stepMilliseconds)
      members(node.modifiers)
    case .unary(let node):
      member("type", "unaryExpr")
      member("op", node.isNegative ? "-" : "+")
      member("expr", tree: node.expression)
    case .vectorSelector(let node):
      member("type", "vectorSelector")
      members(node)
    }
    append("}")
  }

  private mutating func member(_ name: String, tree expression: PromQL.Expression?) {
    member(name)
    if let expression { append(tree: expression) } else { append("null") }
  }

  private mutating func members(_ node: Aggregation) {
    member("type", "aggregation")
    member("op", node.op.rawValue)
    member("expr", tree: node.expression)
    member("param", tree: node.parameter)
    member("grouping", node.grouping)
    member("without", node.without)
  }

  private mutating func members(_ node: BinaryExpression) {
    member("type", "binaryExpr")
    member("op", node.op.rawValue)
    member("lhs", tree: node.lhs)
    member("rhs", tree: node.rhs)
    member("bool", node.returnsBool)
    member("matching")
    guard let matching = node.matching else {
      append("null")
      return
    }
    append("{")
    member("card", matching.cardinality.rawValue)
    member("labels", matching.labels)
    member("on", matching.on)
    member("include", matching.include)
    member("fillValues")
    append("{")
    fill("lhs", matching.fillLeft)
    fill("rhs", matching.fillRight)
    append("}}")
  }

  /// JSON has no NaN and no infinity: those are strings.
  private mutating func fill(_ name: String, _ value: Double?) {
    member(name)
    guard let value else {
      append("null")
      return
    }
    if value.isFinite { append(value, .json) } else { append(json: FloatText.string(value, .json)) }
  }

  private mutating func members(_ node: Call) {
    member("type", "call")
    member("func")
    append("{")
    member("name", node.function.name.rawValue)
    member("argTypes", node.function.argumentTypes.map(\.rawValue))
    member("variadic", Int64(node.function.variadic))
    member("returnType", node.function.returnType.rawValue)
    append("}")
    member("args")
    append("[")
    for (i, argument) in node.arguments.enumerated() {
      if i > 0 { append(",") }
      append(tree: argument)
    }
    append("]")
  }

  private mutating func members(_ node: VectorSelector) {
    member("name", node.name)
    member("matchers")
    append("[")
    for (i, matcher) in node.matchers.enumerated() {
      append(i > 0 ? ",{" : "{")
      member("name", matcher.name)
      member("type", matcher.operation.rawValue)
      member("value", matcher.value)
      append("}")
    }
    append("]")
    members(node.modifiers)
    member("anchored", node.extent == .anchored)
    member("smoothed", node.extent == .smoothed)
  }

  private mutating func members(_ modifiers: TimeModifiers) {
    member("offset", modifiers.offsetMilliseconds)
    var timestamp: Int64?
    var edge: String?
    switch modifiers.at {
    case nil: break
    case .timestamp(let milliseconds): timestamp = milliseconds
    case .start: edge = "start"
    case .end: edge = "end"
    }
    member("timestamp", timestamp)
    member("startOrEnd", edge)
  }
}
