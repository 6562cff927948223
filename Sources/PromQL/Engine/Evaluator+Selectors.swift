internal import TimeSeries

/// Selectors and what reads them.
extension Evaluator {
  /// Where a selector's samples are, relative to the steps.
  struct Placement {
    var offset: Int64
    /// The moment that `@` pins all steps to.
    var fixed: Int64?
  }

  func place(_ modifiers: TimeModifiers) throws(QueryError) -> Placement {
    var offset = modifiers.offsetMilliseconds
    if let expression = modifiers.offsetExpression {
      offset = try milliseconds(expression, allowsNegative: true)
    }
    switch modifiers.at {
    case nil: return Placement(offset: offset, fixed: nil)
    case .start: return Placement(offset: offset, fixed: query.start)
    case .end: return Placement(offset: offset, fixed: queryEnd)
    case .timestamp(let time): return Placement(offset: offset, fixed: Engine.clamp(time))
    }
  }

  func makeLeaf(_ selector: VectorSelector, _ frame: Frame, _ kind: Leaf.Kind) throws(QueryError) -> Leaf {
    let place = try place(selector.modifiers)
    let start = (place.fixed ?? frame.start) - place.offset
    let end = (place.fixed ?? frame.end) - place.offset
    var back = lookback
    var forward: Int64 = 0
    var dropsName = false
    switch kind {
    case .instant, .timestamp, .sampleTime: dropsName = false
    case .smoothed: forward = lookback
    case .range(let call):
      back = call.range + (call.extent == nil ? 0 : lookback)
      forward = call.extent == .smoothed ? lookback : 0
      dropsName = call.function != .lastOverTime && call.function != .firstOverTime
    }
    if case .timestamp = kind { dropsName = true }
    let readStart = start - back + 1
    let readEnd = end + forward
    let selection: any SeriesSelection
    do {
      selection = try source.select(selector.matchers, from: readStart, through: readEnd)
    } catch {
      throw .source(error)
    }
    // One metric name: its series stay distinct without it.
    let namesAgree = selector.matchers.contains {
      $0.operation == .equal && !$0.value.isEmpty && $0.name.hasSameBytes(as: Label.metricName)
    }
    let lent = selection.labels
    seriesSelected += lent.count
    if seriesSelected > options.maxSeries { throw .tooManySeries(limit: options.maxSeries) }
    return Leaf(
      selection: selection, labels: lent, number: labels.add(lent), frame: frame, offset: place.offset,
      fixed: place.fixed,
      lookback: lookback, kind: kind, dropsName: dropsName, namesAgree: namesAgree, readStart: readStart,
      readEnd: readEnd)
  }

  /// Fewest series worth a second thread.
  static let grain = 256

  /// All series of `leaf` that have a value somewhere.
  func read(_ leaf: Leaf) throws(QueryError) -> Block {
    let rows = try Rows(count: leaf.count, width: leaf.frame.count, control: control)
    struct Part {
      var reader: Leaf.Reader
      var keep: [Bool] = []
    }
    let control = control
    let countsPerStep = countsPerStep(leaf.frame)
    let parts = try Parallel.run(
      count: leaf.count, threads: options.threads, grain: Evaluator.grain, sharing: options.processors
    ) {
      (_, range) throws(QueryError) in
      var reader = Leaf.Reader(steps: leaf.frame.count, countsPerStep: countsPerStep)
      var keep: [Bool] = []
      keep.reserveCapacity(range.count)
      try leaf.read(range, &reader, control, row: { rows[$0] }) { _, _, hasValue in keep.append(hasValue) }
      return Part(reader: reader, keep: keep)
    }
    for part in parts { note(part.reader) }
    let keep = parts.count == 1 ? parts[0].keep : parts.flatMap(\.keep)
    rows.compact(keeping: keep)
    var keys: [LabelKey] = []
    keys.reserveCapacity(rows.count)
    for index in keep.indices where keep[index] { keys.append(leaf.key(index)) }
    let block = Block(keys: keys, rows: rows, namesAgree: leaf.namesAgree)
    noteNames(leaf, block.keys)
    guard leaf.dropsName, !leaf.namesAgree else { return block }
    return try refuseDuplicates(block)
  }

  func countsPerStep(_ frame: Frame) -> Bool {
    countsSamples && options.countsSamplesPerStep && frame.count == query.count
  }

  func note(_ reader: Leaf.Reader) {
    statistics.samplesRead += reader.samplesRead
    guard countsSamples else { return }
    statistics.totalQueryableSamples += reader.samplesSeen
    for (step, seen) in reader.perStep.enumerated() { statistics.totalQueryableSamplesPerStep[step] += seen }
  }

  /// Two series of a range function with the same labels are an error even when they share no step.
  func refuseDuplicates(_ block: Block) throws(QueryError) -> Block {
    var block = block
    var seen = Set<Int>()
    for row in block.keys.indices {
      let number = labels.intern(block.keys[row])
      if !seen.insert(number).inserted { throw .duplicateLabelSets }
      block.keys[row] = .interned(number)
    }
    block.namesAgree = true
    return block
  }

  /// Says so when `rate` or `increase` is used on what is no counter by its name.
  func noteNames(_ leaf: Leaf, _ keys: [LabelKey]) {
    guard case .range(let call) = leaf.kind, call.function == .rate || call.function == .increase else { return }
    for key in leaf.namesAgree ? Array(keys.prefix(1)) : keys {
      let name = labels.value(
        Label.metricName, LabelKey(selection: key.selection, index: key.index, dropsName: false))
      noteCounterName(name, at: call.argument)
    }
  }

  func noteCounterName(_ name: String, at range: PositionRange) {
    if name.isEmpty || ["_total", "_sum", "_count", "_bucket"].contains(where: name.hasSuffix) { return }
    let reason = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket:"
    notes.inform("\(reason) \(name.quotedAsInGo)", at: range)
  }

  // MARK: Durations

  func milliseconds(_ expression: DurationExpression, allowsNegative: Bool = false) throws(QueryError) -> Int64 {
    let seconds = try seconds(expression)
    if !allowsNegative, !(seconds > 0) { throw .execution("duration must be greater than 0") }
    if !(seconds.magnitude <= 0x1p63 / 1e9) { throw .execution("duration is out of range") }
    return Int64(seconds * 1000)
  }

  private func seconds(_ expression: DurationExpression) throws(QueryError) -> Double {
    switch expression {
    case .literal(let literal): return literal.value
    case .step: return Double(step) / 1000
    case .queryRange: return Double(queryEnd - query.start) / 1000
    case .negative(let inner): return try -seconds(inner)
    case .paren(let inner): return try seconds(inner)
    case .minimum(let a, let b): return try Swift.min(seconds(a), seconds(b))
    case .maximum(let a, let b): return try Swift.max(seconds(a), seconds(b))
    case .binary(let op, let a, let b):
      let (lhs, rhs) = (try seconds(a), try seconds(b))
      if rhs == 0, op == .divide { throw .execution("division by zero") }
      if rhs == 0, op == .modulo { throw .execution("modulo by zero") }
      switch op {
      case .add: return lhs + rhs
      case .subtract: return lhs - rhs
      case .multiply: return lhs * rhs
      case .divide: return lhs / rhs
      case .modulo: return lhs.truncatingRemainder(dividingBy: rhs)
      case .power: return Arithmetic.power(lhs, rhs)
      }
    }
  }
}
