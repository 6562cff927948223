/// The form of `/api/v1/format_query`: what is longer than a line is spread over several, two spaces a level.
extension Expression {
  private static let lineMax = 100

  /// The expression over as many lines as it takes.
  public var pretty: String { pretty(level: 0) }

  private func pretty(level: Int) -> String {
    let indent = String(repeating: "  ", count: level)
    let oneLine = description
    guard oneLine.utf8.count > Expression.lineMax else {
      // A subquery indents nothing itself when it fits: its expression would have done so.
      if case .subquery = self { return oneLine }
      return indent + oneLine
    }
    switch self {
    case .aggregation(let node):
      let parameter = node.parameter.map { "\($0.pretty(level: level + 1)),\n" } ?? ""
      return "\(indent)\(node.heading)(\n\(parameter)\(node.expression.pretty(level: level + 1))\n\(indent))"
    case .binary(let node):
      let left = node.unsignedBase.map { "\(indent)  \($0)" } ?? node.lhs.pretty(level: level + 1)
      return "\(left)\n\(indent)\(node.operatorText)\n\(node.rhs.pretty(level: level + 1))"
    case .call(let node):
      let arguments = node.arguments.map { $0.pretty(level: level + 1) }.joined(separator: ",\n")
      return "\(indent)\(node.function.name.rawValue)(\n\(arguments)\n\(indent))"
    case .paren(let node): return "\(indent)(\n\(node.expression.pretty(level: level + 1))\n\(indent))"
    case .subquery(let node): return "\(node.expression.pretty(level: level))\(node.suffix)"
    case .unary(let node):
      let inner = node.expression.pretty(level: level).trimmingSpace
      return "\(indent)\(node.isNegative ? "-" : "+")\(inner)"
    case .matrixSelector, .number, .string, .vectorSelector: return indent + oneLine
    }
  }
}

extension String {
  fileprivate var trimmingSpace: String {
    String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
