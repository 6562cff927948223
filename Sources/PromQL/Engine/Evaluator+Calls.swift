internal import TimeSeries

/// Function calls.
extension Evaluator {
  func evaluate(_ call: Call, _ frame: Frame) throws(QueryError) -> Value {
    if let leaf = try makeRangeLeaf(call, frame) {
      let block = try read(leaf)
      return .vector(call.function.name == .absentOverTime ? try absence(call, block, frame) : block)
    }
    if case .subquery(let subquery)? = call.arguments.map(\.withoutParens).first(where: { $0.type == .matrix }) {
      return .vector(try evaluate(call, over: subquery, frame))
    }
    let name = call.function.name
    if let scalar = try evaluateScalarFunction(call, frame) { return .scalar(scalar) }
    if let function = Arithmetic.function(name) {
      return .vector(try dropNames(map(try vector(call, 0, frame), function)))
    }
    if let function = Arithmetic.dateFunction(name) { return .vector(try evaluateDate(call, function, frame)) }
    switch name {
    case .timestamp: return .vector(try evaluateTimestamp(call, frame))
    case .vector: return .vector(try block(LabelStore.noLabels, try scalar(call, 0, frame), frame))
    case .absent: return .vector(try absence(call, try vector(call, 0, frame), frame))
    case .clamp, .clampMin, .clampMax: return .vector(try evaluateClamp(call, frame))
    case .round: return .vector(try evaluateRound(call, frame))
    case .sort, .sortDesc: return .vector(try evaluateSort(call, frame))
    case .sortByLabel, .sortByLabelDesc: return .vector(try evaluateSortByLabel(call, frame))
    case .labelReplace: return .vector(try evaluateLabelReplace(call, frame))
    case .labelJoin: return .vector(try evaluateLabelJoin(call, frame))
    case .histogramQuantile, .histogramQuantiles, .histogramFraction: return .vector(try evaluateHistogram(call, frame))
    case .info: return .vector(try evaluateInfo(call, frame))
    default:
      // The functions of native histograms: none of the series is one.
      _ = try vector(call, 0, frame)
      return .vector(try emptyBlock(frame))
    }
  }

  func vector(_ call: Call, _ argument: Int, _ frame: Frame) throws(QueryError) -> Block {
    try evaluateVector(call.arguments[argument], frame)
  }

  func scalar(_ call: Call, _ argument: Int, _ frame: Frame) throws(QueryError) -> [Double] {
    try evaluateScalar(call.arguments[argument], frame)
  }

  func string(_ call: Call, _ argument: Int) -> String {
    if case .string(let literal) = call.arguments[argument].withoutParens { return literal.value }
    return ""
  }

  // MARK: Range vectors

  /// The leaf of a function over a range selector; `nil` when the call is something else.
  func makeRangeLeaf(_ call: Call, _ frame: Frame) throws(QueryError) -> Leaf? {
    guard let index = call.arguments.firstIndex(where: { $0.type == .matrix }),
      case .matrixSelector(let matrix) = call.arguments[index].withoutParens
    else { return nil }
    let range = try matrix.rangeExpression.map { value throws(QueryError) in try milliseconds(value) }
    let rangeCall = try makeRangeCall(
      call, index, range: range ?? matrix.rangeMilliseconds, extent: matrix.selector.extent, frame)
    return try makeLeaf(matrix.selector, frame, .range(rangeCall))
  }

  private func makeRangeCall(
    _ call: Call, _ index: Int, range: Int64, extent: VectorSelector.Extent?, _ frame: Frame
  ) throws(QueryError) -> RangeCall {
    let name = call.function.name
    try checkExtent(extent, name)
    var scalars: [[Double]] = []
    for i in call.arguments.indices where i != index { scalars.append(try scalar(call, i, frame)) }
    let rangeCall = RangeCall(
      function: name, range: range, extent: extent, lookback: lookback, scalars: scalars,
      argument: call.arguments[index].range)
    if name == .quantileOverTime {
      for q in scalars[0] where Quantile.outOfRange(q) != nil { notes.invalidQuantile(q, at: call.arguments[0].range) }
    }
    if name == .doubleExponentialSmoothing {
      for (what, values) in [
        ("smoothing factor. Expected: 0 < sf", scalars[0]), ("trend factor. Expected: 0 < tf", scalars[1]),
      ] {
        for value in values where value <= 0 || value >= 1 {
          throw .execution("invalid \(what) < 1, got: \(GoText.fixed(value))")
        }
      }
    }
    return rangeCall
  }

  private func checkExtent(_ extent: VectorSelector.Extent?, _ name: FunctionName) throws(QueryError) {
    let allowed: [FunctionName]
    switch extent {
    case nil: return
    case .anchored: allowed = [.changes, .delta, .increase, .rate, .resets]
    case .smoothed: allowed = [.delta, .increase, .rate]
    }
    if let extent, !allowed.contains(name) {
      let list = allowed.map(\.rawValue).joined(separator: ", ")
      throw .execution("\(extent.rawValue) modifier can only be used with: \(list) - not with \(name.rawValue)")
    }
  }

  /// A function over a subquery: the inner expression is evaluated at steps of its own, and its rows are the samples.
  private func evaluate(_ call: Call, over subquery: Subquery, _ frame: Frame) throws(QueryError) -> Block {
    let index = call.arguments.firstIndex { $0.type == .matrix } ?? 0
    let plan = try plan(subquery, frame)
    let rangeCall = try makeRangeCall(call, index, range: plan.range, extent: nil, frame)
    let inner = try evaluateInner(subquery, plan.inner)
    let keepsName = call.function.name == .lastOverTime || call.function.name == .firstOverTime
    let rows = try Rows(count: inner.keys.count, width: frame.count, control: control)
    let counts = countsPerStep(frame)
    var reader = Leaf.Reader(steps: frame.count, countsPerStep: counts)
    var keep: [Bool] = []
    for row in inner.keys.indices {
      if row & 31 == 0 { try control.check() }
      reader.run.removeAll()
      for step in 0..<plan.inner.count where !inner.rows[row][step].isMissing {
        reader.run.append(plan.inner.time(step), inner.rows[row][step])
      }
      reader.samplesSeen += try rangeCall.sweep(
        reader.run.slice, frame, offset: plan.offset, fixed: plan.fixed, rows[row], &reader.scratch,
        perStep: &reader.perStep, control)
      keep.append(!rows.isEmpty(row))
    }
    note(reader)
    noteNames(call, zip(inner.keys, keep).filter(\.1).map(\.0), rangeCall)
    rows.compact(keeping: keep)
    var block = Block(
      keys: zip(inner.keys, keep).filter(\.1).map(\.0), rows: rows, namesAgree: inner.namesAgree)
    if !keepsName {
      for i in block.keys.indices { block.keys[i] = withoutName(block.keys[i]) }
      if !block.namesAgree { block = try refuseDuplicates(block) }
    }
    return call.function.name == .absentOverTime ? try absence(call, block, frame) : block
  }

  private func noteNames(_ call: Call, _ keys: [LabelKey], _ rangeCall: RangeCall) {
    guard call.function.name == .rate || call.function.name == .increase else { return }
    for key in keys { noteCounterName(labels.value(Label.metricName, key), at: rangeCall.argument) }
  }

  // MARK: Subqueries

  struct SubqueryPlan {
    var inner: Frame
    var offset: Int64
    var fixed: Int64?
    var range: Int64
  }

  /// The steps of a subquery are multiples of its resolution, whatever the steps around it.
  func plan(_ subquery: Subquery, _ frame: Frame) throws(QueryError) -> SubqueryPlan {
    let place = try place(subquery.modifiers)
    let range =
      try subquery.rangeExpression.map { value throws(QueryError) in try milliseconds(value) }
      ?? subquery.rangeMilliseconds
    var interval =
      try subquery.stepExpression.map { value throws(QueryError) in try milliseconds(value) }
      ?? subquery.stepMilliseconds
    if interval <= 0 { interval = options.subqueryInterval }
    let edge = (place.fixed ?? frame.start) - place.offset - range
    var start = interval * (edge / interval)
    if start <= edge { start += interval }
    let inner = Frame(start: start, end: (place.fixed ?? frame.end) - place.offset, interval: interval)
    return SubqueryPlan(inner: inner, offset: place.offset, fixed: place.fixed, range: range)
  }

  /// The inner expression of a subquery; its samples are not counted again.
  func evaluateInner(_ subquery: Subquery, _ inner: Frame) throws(QueryError) -> Block {
    let counted = countsSamples
    countsSamples = false
    defer { countsSamples = counted }
    if inner.count == 0 { return try emptyBlock(inner) }
    return try evaluateVector(subquery.expression, inner)
  }
}

extension GoText {
  /// `%f`.
  static func fixed(_ value: Double) -> String {
    guard value.isFinite, value.magnitude < 1e15 else { return FloatText.string(value, .plain) }
    let millionths = (value.magnitude * 1e6).rounded(.toNearestOrEven)
    let whole = (millionths / 1e6).rounded(.down)
    let rest = String(Int(millionths - whole * 1e6))
    let zeros = String(repeating: "0", count: max(0, 6 - rest.utf8.count))
    return "\(value.sign == .minus ? "-" : "")\(Int(whole)).\(zeros)\(rest)"
  }
}
