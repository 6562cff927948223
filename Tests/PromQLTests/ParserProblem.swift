import PromQL

/// What the parser does wrong with an input, if anything: any bytes at all give an error, or a tree that prints and reads
/// back to the same tree. `Tests/Fuzz` looks for such inputs at length, the tests here in passing.
func problemOfParser(_ bytes: [UInt8]) -> String? {
  for features in [Features.all, []] {
    guard let expression = try? parseExpression(bytes: bytes, features: features) else { continue }
    let printed = expression.description
    for text in [printed, expression.pretty] {
      guard let again = try? parseExpression(text, features: features) else { return "does not read back: \(text)" }
      if again.description != printed { return "prints differently: \(text) and \(again.description)" }
      if again.outline != expression.outline { return "reads back as another tree: \(text)" }
    }
    if let range = expression.firstRange(outside: 0...bytes.count) { return "a node lies at \(range)" }
  }
  if let matchers = try? parseSelector(String(decoding: bytes, as: UTF8.self)) { _ = matchers.selectsSomething }
  return nil
}

extension Expression {
  /// The shape of the tree, which its text need not show.
  fileprivate var outline: String {
    let inner = children.map(\.outline).joined(separator: " ")
    switch self {
    case .aggregation(let node): return "(\(node.op) \(inner))"
    case .binary(let node): return "(\(node.op) \(inner))"
    case .call(let node): return "(\(node.function.name) \(inner))"
    case .paren: return "[\(inner)]"
    case .subquery: return "(subquery \(inner))"
    case .unary(let node): return "(\(node.isNegative ? "-" : "+") \(inner))"
    case .matrixSelector, .vectorSelector, .number, .string: return description
    }
  }

  fileprivate func firstRange(outside bounds: ClosedRange<Int>) -> PositionRange? {
    if range.start < bounds.lowerBound || range.end > bounds.upperBound || range.start > range.end { return range }
    for child in children {
      if let found = child.firstRange(outside: bounds) { return found }
    }
    return nil
  }
}
