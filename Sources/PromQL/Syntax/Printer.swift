internal import TimeSeries

extension Expression: CustomStringConvertible {
  /// The expression in Prometheus' canonical form; it reads back to the same tree.
  public var description: String {
    switch self {
    case .aggregation(let node): node.heading + "(" + node.argumentsText + ")"
    case .binary(let node): "\(node.unsignedBase ?? node.lhs.description) \(node.operatorText) \(node.rhs)"
    case .call(let node):
      node.function.name.rawValue + "(" + node.arguments.map(\.description).joined(separator: ", ") + ")"
    case .matrixSelector(let node): node.description
    case .number(let node): node.description
    case .paren(let node): "(\(node.expression))"
    case .string(let node): node.value.quotedAsInGo
    case .subquery(let node): "\(node.expression)\(node.suffix)"
    case .unary(let node): "\(node.isNegative ? "-" : "+")\(node.expression)"
    case .vectorSelector(let node): node.description
    }
  }
}

extension Aggregation {
  /// The operator and its grouping: `sum by (job) `.
  var heading: String {
    if without { return "\(op.rawValue) without (\(labelList(grouping))) " }
    return grouping.isEmpty ? op.rawValue : "\(op.rawValue) by (\(labelList(grouping))) "
  }

  fileprivate var argumentsText: String { parameter.map { "\($0), \(expression)" } ?? expression.description }
}

extension BinaryExpression {
  /// The text of an infinite base of a power: the sign that infinity is printed with would become one of the whole power.
  var unsignedBase: String? {
    guard op == .power, case .number(let literal) = lhs, literal.value == .infinity else { return nil }
    return "Inf"
  }

  /// The operator and its modifiers: `== bool on (job) group_left ()`.
  var operatorText: String {
    var text = op.rawValue
    if returnsBool { text += " bool" }
    guard let matching else { return text }
    let isGrouped = matching.cardinality == .manyToOne || matching.cardinality == .oneToMany
    if !matching.labels.isEmpty || matching.on || isGrouped {
      text += " \(matching.on ? "on" : "ignoring") (\(labelList(matching.labels)))"
    }
    if isGrouped {
      text += " group_\(matching.cardinality == .manyToOne ? "left" : "right") (\(labelList(matching.include)))"
    }
    func number(_ value: Double) -> String { FloatText.string(value, .plain) }
    if let left = matching.fillLeft, let right = matching.fillRight, left.bitPattern == right.bitPattern {
      return text + " fill (\(number(left)))"
    }
    if let left = matching.fillLeft { text += " fill_left (\(number(left)))" }
    if let right = matching.fillRight { text += " fill_right (\(number(right)))" }
    return text
  }
}

private func labelList(_ labels: [String]) -> String {
  labels.map { $0.isLegacyLabelName ? $0 : $0.quotedAsInGo }.joined(separator: ", ")
}

extension NumberLiteral: CustomStringConvertible {
  public var description: String {
    guard isDuration else { return FloatText.string(value, .plain) }
    let milliseconds = Int64(clamping: value.magnitude, scale: 1000)
    return (value < 0 ? "-" : "") + Literals.durationText(milliseconds)
  }
}

extension VectorSelector: CustomStringConvertible {
  public var description: String {
    let extent = extent.map { " \($0.rawValue)" } ?? ""
    return bareDescription + modifiers.atText + extent + modifiers.offsetText
  }

  /// Name and matchers only.
  fileprivate var bareDescription: String {
    var texts: [String] = []
    for matcher in matchers {
      let isName = matcher.name.hasSameBytes(as: Label.metricName) && matcher.operation == .equal
      if isName, matcher.value.hasSameBytes(as: name), !name.isEmpty { continue }
      let label = matcher.name.isLegacyLabelName ? matcher.name : matcher.name.quotedAsInGo
      texts.append("\(label)\(matcher.operation.rawValue)\(matcher.value.quotedAsInGo)")
    }
    if texts.isEmpty { return name.isEmpty ? "{}" : name }
    texts.sort { $0.compareBytes(with: $1) < 0 }
    return "\(name){\(texts.joined(separator: ","))}"
  }
}

extension MatrixSelector: CustomStringConvertible {
  public var description: String {
    let range = rangeExpression?.description ?? Literals.durationText(rangeMilliseconds)
    let extent = selector.extent.map { " \($0.rawValue)" } ?? ""
    return "\(selector.bareDescription)[\(range)]\(extent)\(selector.modifiers.atText)\(selector.modifiers.offsetText)"
  }
}

extension Subquery {
  /// The brackets and what follows them.
  var suffix: String {
    let range = rangeExpression?.description ?? Literals.durationText(rangeMilliseconds)
    let step =
      stepExpression?.description ?? (stepMilliseconds == 0 ? "" : Literals.durationText(stepMilliseconds))
    return "[\(range):\(step)]\(modifiers.atText)\(modifiers.offsetText)"
  }
}

extension TimeModifiers {
  fileprivate var atText: String {
    switch at {
    case nil: return ""
    case .start: return " @ start()"
    case .end: return " @ end()"
    case .timestamp(let milliseconds):
      let (whole, rest) = milliseconds.magnitude.quotientAndRemainder(dividingBy: 1000)
      let decimals = String(rest)
      let padding = String(repeating: "0", count: 3 - decimals.utf8.count)
      return " @ \(milliseconds < 0 ? "-" : "")\(whole).\(padding)\(decimals)"
    }
  }

  fileprivate var offsetText: String {
    if let offsetExpression { return " offset \(offsetExpression)" }
    if offsetMilliseconds == 0 { return "" }
    let magnitude = Int64(clamping: offsetMilliseconds.magnitude)
    return " offset \(offsetMilliseconds < 0 ? "-" : "")\(Literals.durationText(magnitude))"
  }
}

extension DurationExpression: CustomStringConvertible {
  public var description: String {
    switch self {
    case .literal(let literal): literal.description
    case .step: "step()"
    case .queryRange: "range()"
    case .negative(let inner): "-\(inner)"
    case .paren(let inner): "(\(inner))"
    case .minimum(let a, let b): "min_of(\(a), \(b))"
    case .maximum(let a, let b): "max_of(\(a), \(b))"
    case .binary(let op, let a, let b): "\(a) \(op.rawValue) \(b)"
    }
  }
}
