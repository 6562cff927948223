internal import TimeSeries

/// The evaluation of one query. Expressions are evaluated over all steps at once: a scalar is a column of numbers, a
/// vector a block of rows, one for each series.
final class Evaluator {
  enum Value {
    case scalar([Double])
    case string(String)
    case vector(Block)
  }

  let source: any SampleSource
  let options: Engine.Options
  let control: Control
  let labels = LabelStore()
  var notes: Annotations
  var statistics = QueryStatistics()
  /// The whole query's steps.
  let query: Frame
  /// What `end()` means, in subqueries too: the end that was asked for, which need not be a step.
  var queryEnd: Int64
  /// The resolution that was asked for; zero for an instant query.
  let step: Int64
  let lookback: Int64
  /// By all selectors.
  var seriesSelected = 0
  /// Whether samples are being counted, which those of a subquery's inner evaluation are not.
  var countsSamples = true

  init(
    source: any SampleSource, options: Engine.Options, control: Control, text: String, query: Frame, step: Int64,
    lookback: Int64
  ) {
    self.source = source
    self.options = options
    self.control = control
    self.query = query
    queryEnd = query.end
    self.step = step
    self.lookback = lookback
    notes = Annotations(text: text)
    if options.countsSamplesPerStep {
      statistics.totalQueryableSamplesPerStep = Array(repeating: 0, count: query.count)
    }
  }

  /// Steps of one evaluation, those of subqueries: a bound for the columns of scalars, which are not charged.
  static let stepsMax = 5_000_000

  func evaluate(_ expression: Expression, _ frame: Frame) throws(QueryError) -> Value {
    try control.check()
    if frame.count > control.maxSamples || frame.count > Evaluator.stepsMax { throw .tooManySamples }
    if frame.count > 1, isWorthPinning(expression), isStepInvariant(expression) {
      return try spread(evaluate(expression, Frame(start: frame.start, interval: frame.interval, count: 1)), frame)
    }
    switch expression {
    case .number(let literal): return .scalar(Array(repeating: literal.value, count: frame.count))
    case .string(let literal): return .string(literal.value)
    case .paren(let paren): return try evaluate(paren.expression, frame)
    case .unary(let unary): return try evaluate(unary, frame)
    case .vectorSelector(let selector):
      return .vector(try read(makeLeaf(selector, frame, selector.extent == .smoothed ? .smoothed : .instant)))
    case .aggregation(let aggregation): return .vector(try evaluate(aggregation, frame))
    case .binary(let binary): return try evaluate(binary, frame)
    case .call(let call): return try evaluate(call, frame)
    case .matrixSelector, .subquery: throw .execution("range vectors stand only in function calls")
    }
  }

  func evaluateVector(_ expression: Expression, _ frame: Frame) throws(QueryError) -> Block {
    guard case .vector(let block) = try evaluate(expression, frame) else {
      throw .execution("expected an instant vector")
    }
    return block
  }

  func evaluateScalar(_ expression: Expression, _ frame: Frame) throws(QueryError) -> [Double] {
    guard case .scalar(let values) = try evaluate(expression, frame) else { throw .execution("expected a scalar") }
    return values
  }

  private func evaluate(_ unary: UnaryExpression, _ frame: Frame) throws(QueryError) -> Value {
    let value = try evaluate(unary.expression, frame)
    guard unary.isNegative else { return value }
    switch value {
    case .scalar(let values): return .scalar(values.map { -$0 })
    case .vector(let block): return .vector(try dropNames(map(block) { -$0 }))
    case .string: return value
    }
  }

  // MARK: Step invariance

  /// Whether evaluating once and repeating the result saves anything.
  private func isWorthPinning(_ expression: Expression) -> Bool {
    switch expression {
    case .number, .string, .paren: false
    default: true
    }
  }

  /// Whether the value is the same at every step, because every selector is pinned by `@`.
  private func isStepInvariant(_ expression: Expression) -> Bool {
    switch expression {
    case .number, .string: true
    case .vectorSelector(let selector): selector.modifiers.at != nil
    case .matrixSelector(let matrix): matrix.selector.modifiers.at != nil
    case .subquery(let subquery): subquery.modifiers.at != nil
    case .call(let call):
      !call.function.name.dependsOnTime && call.arguments.allSatisfy { isStepInvariant($0) }
    // As in Prometheus, whatever the parameter is: `topk(scalar(k), m @ 0)` takes the first step's.
    case .aggregation(let aggregation): isStepInvariant(aggregation.expression)
    default: expression.children.allSatisfy { isStepInvariant($0) }
    }
  }

  /// The value of one step at all steps of `frame`.
  private func spread(_ value: Value, _ frame: Frame) throws(QueryError) -> Value {
    switch value {
    case .scalar(let values): return .scalar(Array(repeating: values[0], count: frame.count))
    case .string: return value
    case .vector(let block):
      let rows = try Rows(count: block.keys.count, width: frame.count, control: control)
      for row in block.keys.indices { rows[row].update(repeating: block.rows[row][0], count: frame.count) }
      return .vector(Block(keys: block.keys, rows: rows, namesAgree: block.namesAgree))
    }
  }

  // MARK: Blocks

  /// The block with every value changed in place.
  func map(_ block: Block, _ change: (Double) -> Double) -> Block {
    for row in block.keys.indices {
      let values = block.rows[row]
      for step in 0..<block.rows.width where !values[step].isMissing { values[step] = change(values[step]) }
    }
    return block
  }

  /// Takes metric names away. Series that become one are joined, unless both have a value at the same step.
  func dropNames(_ block: Block) throws(QueryError) -> Block {
    var block = block
    for i in block.keys.indices { block.keys[i] = withoutName(block.keys[i]) }
    if block.namesAgree { return block }
    block.namesAgree = true
    return try joinDuplicates(block)
  }

  func withoutName(_ key: LabelKey) -> LabelKey {
    if key.selection >= 0 { return LabelKey(selection: key.selection, index: key.index, dropsName: true) }
    return .interned(labels.intern(key) { !$0.isMetadata })
  }

  /// Joins series with the same labels.
  func joinDuplicates(_ block: Block) throws(QueryError) -> Block {
    var rowOf: [Int: Int] = [:]
    var keep = [Bool](repeating: true, count: block.keys.count)
    var joined = block
    for row in block.keys.indices {
      let number = labels.intern(block.keys[row])
      joined.keys[row] = .interned(number)
      guard let first = rowOf.updateValue(rowOf[number] ?? row, forKey: number) else { continue }
      keep[row] = false
      try join(row, into: first, block.rows)
    }
    if keep.allSatisfy({ $0 }) { return joined }
    joined.rows.compact(keeping: keep)
    joined.keys = zip(joined.keys, keep).filter(\.1).map(\.0)
    return joined
  }

  private func join(_ row: Int, into first: Int, _ rows: Rows) throws(QueryError) {
    let (from, to) = (rows[row], rows[first])
    for step in 0..<rows.width where !from[step].isMissing {
      if !to[step].isMissing { throw .duplicateLabelSets }
      to[step] = from[step]
    }
  }

  func emptyBlock(_ frame: Frame) throws(QueryError) -> Block {
    Block(keys: [], rows: try Rows(count: 0, width: frame.count, control: control), namesAgree: true)
  }

  /// A block of one series.
  func block(_ set: LabelSet, _ values: [Double], _ frame: Frame) throws(QueryError) -> Block {
    let rows = try Rows(count: 1, width: frame.count, control: control)
    for step in 0..<frame.count { rows[0][step] = values[step] }
    return Block(keys: [labels.intern(set)], rows: rows, namesAgree: true)
  }

  /// The block without rows that have no value.
  func withoutEmptyRows(_ block: Block) -> Block {
    let keep = block.keys.indices.map { !block.rows.isEmpty($0) }
    if keep.allSatisfy({ $0 }) { return block }
    var block = block
    block.rows.compact(keeping: keep)
    block.keys = zip(block.keys, keep).filter(\.1).map(\.0)
    return block
  }
}

extension FunctionName {
  /// Functions whose value depends on the step even when their arguments do not.
  var dependsOnTime: Bool {
    switch self {
    case .dayOfMonth, .dayOfWeek, .dayOfYear, .daysInMonth, .hour, .minute, .month, .year, .predictLinear, .time,
      .timestamp:
      true
    default: false
    }
  }
}
