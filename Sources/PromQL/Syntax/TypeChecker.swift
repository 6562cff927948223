internal import TimeSeries

/// Whether the types of a tree fit together.
struct TypeChecker {
  let bytes: [UInt8]

  @discardableResult
  mutating func check(_ expression: Expression) throws(ParseError) -> ValueType {
    switch expression {
    case .number, .string: break
    case .paren(let paren): try check(paren.expression)
    case .vectorSelector(let selector): try check(selector)
    case .matrixSelector(let matrix): try check(matrix.selector)
    case .aggregation(let aggregation): try check(aggregation)
    case .binary(let binary): try check(binary)
    case .call(let call): try check(call)
    case .unary(let unary):
      let type = try check(unary.expression)
      if type != .scalar, type != .vector {
        let found = type.documentedName.quotedAsInGo
        throw error(
          unary.range,
          "unary expression only allowed on expressions of type scalar or instant vector, got \(found)")
      }
    case .subquery(let subquery):
      let type = try check(subquery.expression)
      if type != .vector {
        throw error(expression.range, "subquery is only allowed on instant vector, got \(type.rawValue) instead")
      }
    }
    return expression.type
  }

  private func error(_ range: PositionRange, _ message: String) -> ParseError { ParseError(range, message, in: bytes) }

  private mutating func expect(
    _ type: ValueType, _ expression: Expression, in context: String
  ) throws(ParseError) {
    let found = try check(expression)
    if found != type {
      throw error(
        expression.range, "expected type \(type.documentedName) in \(context), got \(found.documentedName)")
    }
  }

  private func check(_ selector: VectorSelector, allowsAnySeries: Bool = false) throws(ParseError) {
    if !selector.name.isEmpty {
      for matcher in selector.matchers.dropLast() where matcher.name.hasSameBytes(as: Label.metricName) {
        let names = "\(selector.name.quotedAsInGo) or \(matcher.value.quotedAsInGo)"
        throw error(selector.range, "metric name must not be set twice: \(names)")
      }
    } else if !allowsAnySeries, !selector.matchers.selectsSomething {
      throw error(selector.range, "vector selector must contain at least one non-empty matcher")
    }
  }

  private mutating func check(_ aggregation: Aggregation) throws(ParseError) {
    try expect(.vector, aggregation.expression, in: "aggregation expression")
    if let parameter = aggregation.parameter {
      try expect(aggregation.op == .countValues ? .string : .scalar, parameter, in: "aggregation parameter")
    }
  }

  // MARK: Binary operators

  private mutating func check(_ binary: BinaryExpression) throws(ParseError) {
    let left = try check(binary.lhs)
    let right = try check(binary.rhs)
    let name = binary.op.rawValue.quotedAsInGo
    if binary.returnsBool, !binary.op.isComparison {
      throw error(operatorRange(binary), "bool modifier can only be used on comparison operators")
    }
    if binary.op.isComparison, !binary.returnsBool, left == .scalar, right == .scalar {
      throw error(operatorRange(binary), "comparisons between scalars must use BOOL modifier")
    }
    if let matching = binary.matching, matching.on,
      let label = matching.labels.first(where: { label in matching.include.contains { $0.hasSameBytes(as: label) } })
    {
      throw error(
        operatorRange(binary), "label \(label.quotedAsInGo) must not occur in ON and GROUP clause at once")
    }
    for (type, side) in [(left, binary.lhs), (right, binary.rhs)] where type != .scalar && type != .vector {
      throw error(side.range, "binary expression must contain only scalar and instant vector types")
    }
    if left != .vector || right != .vector {
      if let matching = binary.matching, !matching.labels.isEmpty {
        throw error(binary.range, "vector matching only allowed between instant vectors")
      }
      if binary.matching?.fills == true {
        throw error(binary.range, "filling in missing series only allowed between instant vectors")
      }
      if binary.op.isSet {
        throw error(binary.range, "set operator \(name) not allowed in binary scalar expression")
      }
    } else if binary.op.isSet, let matching = binary.matching {
      if matching.cardinality != .manyToMany {
        throw error(binary.range, "no grouping allowed for \(name) operation")
      }
      if matching.fills { throw error(binary.range, "filling in missing series not allowed for set operators") }
    }
  }

  private func operatorRange(_ binary: BinaryExpression) -> PositionRange {
    var start = binary.lhs.range.end
    while start < bytes.count, bytes[start].isSpace { start += 1 }
    var end = binary.rhs.range.start - 1
    while end > start, bytes[end].isSpace { end -= 1 }
    return PositionRange(start: start, end: max(start, end))
  }

  // MARK: Calls

  private mutating func check(_ call: Call) throws(ParseError) {
    let function = call.function
    let name = function.name.rawValue.quotedAsInGo
    let types = function.argumentTypes
    let count = call.arguments.count
    if function.variadic == 0 {
      if count != types.count {
        throw error(call.range, "expected \(types.count) argument(s) in call to \(name), got \(count)")
      }
    } else {
      let atLeast = types.count - 1
      let atMost = atLeast + function.variadic
      if count < atLeast {
        throw error(call.range, "expected at least \(atLeast) argument(s) in call to \(name), got \(count)")
      }
      if function.variadic > 0, count > atMost {
        throw error(call.range, "expected at most \(atMost) argument(s) in call to \(name), got \(count)")
      }
    }
    for (i, argument) in call.arguments.enumerated() {
      if function.name == .info, i == 1 {
        try checkInfoSelector(argument)
      } else {
        try expect(types[min(i, types.count - 1)], argument, in: "call to function \(name)")
      }
    }
  }

  /// The second argument of `info` says which labels to take, with matchers only.
  private func checkInfoSelector(_ argument: Expression) throws(ParseError) {
    if argument.type != .vector {
      let found = argument.type.documentedName
      throw error(argument.range, "expected type instant vector in call to function \"info\", got \(found)")
    }
    guard case .vectorSelector(let selector) = argument else {
      throw error(argument.range, "expected label selectors only")
    }
    if !selector.name.isEmpty {
      throw error(argument.range, "expected label selectors only, got vector selector instead")
    }
    try check(selector, allowsAnySeries: true)
  }
}
