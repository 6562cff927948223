internal import TimeSeries

/// From values to results.
extension Evaluator {
  func instantResult(
    _ expression: Expression, _ started: ContinuousClock.Instant
  ) throws(QueryError) -> QueryResult {
    let began = ContinuousClock.now
    let value: QueryResult.Value
    switch expression.withoutParens {
    case .matrixSelector(let matrix): value = .matrix(try readMatrix(matrix))
    case .subquery(let subquery):
      let plan = try plan(subquery, query)
      value = .matrix(series(try evaluateInner(subquery, plan.inner), plan.inner))
    default:
      switch try evaluate(expression, query) {
      case .scalar(let values): value = .scalar(Sample(timestamp: query.start, value: values[0]))
      case .string(let text): value = .string(text, timestamp: query.start)
      case .vector(let block): value = .vector(elements(block))
      }
    }
    return finish(value, started, began, sorted: began)
  }

  func rangeResult(
    _ expression: Expression, _ started: ContinuousClock.Instant
  ) throws(QueryError) -> QueryResult {
    let began = ContinuousClock.now
    let block: Block
    switch try evaluate(expression, query) {
    case .scalar(let values): block = try self.block(LabelStore.noLabels, values, query)
    case .vector(let vector): block = vector
    case .string: throw .invalid("a string has no range")
    }
    let sorting = ContinuousClock.now
    return finish(.matrix(series(block, query)), started, began, sorted: sorting)
  }

  private func finish(
    _ value: QueryResult.Value, _ started: ContinuousClock.Instant, _ began: ContinuousClock.Instant,
    sorted: ContinuousClock.Instant
  ) -> QueryResult {
    notes.finish()
    let now = ContinuousClock.now
    statistics.peakSamples = control.peakSamples
    statistics.innerEvalTime = began.duration(to: sorted == began ? now : sorted)
    statistics.resultSortTime = sorted == began ? .zero : sorted.duration(to: now)
    statistics.evalTotalTime = started.duration(to: now)
    return QueryResult(value: value, warnings: notes.warnings, infos: notes.infos, statistics: statistics)
  }

  private func elements(_ block: Block) -> [QueryResult.VectorElement] {
    block.keys.indices.compactMap { row in
      let value = block.rows[row][0]
      if value.isMissing { return nil }
      return QueryResult.VectorElement(
        labels: labels.labelSet(block.keys[row]), sample: Sample(timestamp: query.start, value: value))
    }
  }

  private func series(_ block: Block, _ frame: Frame) -> [QueryResult.MatrixSeries] {
    var series = block.keys.indices.compactMap { row -> QueryResult.MatrixSeries? in
      var samples: [Sample] = []
      let values = block.rows[row]
      for step in 0..<frame.count where !values[step].isMissing {
        samples.append(Sample(timestamp: frame.time(step), value: values[step]))
      }
      if samples.isEmpty { return nil }
      return QueryResult.MatrixSeries(labels: labels.labelSet(block.keys[row]), samples: samples)
    }
    series.sort { $0.labels < $1.labels }
    return series
  }

  /// The samples of a range selector as they are.
  private func readMatrix(_ matrix: MatrixSelector) throws(QueryError) -> [QueryResult.MatrixSeries] {
    let range =
      try matrix.rangeExpression.map { value throws(QueryError) in try milliseconds(value) }
      ?? matrix.rangeMilliseconds
    let call = RangeCall(
      function: .lastOverTime, range: range, extent: matrix.selector.extent, lookback: lookback, scalars: [],
      argument: PositionRange(start: 0, end: 0))
    let leaf = try makeLeaf(matrix.selector, query, .range(call))
    var series: [QueryResult.MatrixSeries] = []
    var columns = SampleRun()
    for index in 0..<leaf.selection.count {
      try control.check()
      columns.removeAll()
      leaf.selection.read(index, from: leaf.readStart, through: leaf.readEnd, into: &columns)
      statistics.samplesRead += columns.count
      columns.removeStaleMarkers()
      if let extent = matrix.selector.extent {
        let end = (leaf.fixed ?? query.start) - leaf.offset
        columns = extend(columns, end - range, end, smoothed: extent == .smoothed)
      }
      if columns.count == 0 { continue }
      try control.charge(columns.count)
      statistics.totalQueryableSamples += columns.count
      let samples = zip(columns.timestamps, columns.values).map { Sample(timestamp: $0, value: $1) }
      series.append(
        QueryResult.MatrixSeries(labels: labels.labelSet(leaf.key(index, keepingName: true)), samples: samples))
    }
    series.sort { $0.labels < $1.labels }
    return series
  }

  private func extend(_ columns: SampleRun, _ start: Int64, _ end: Int64, smoothed: Bool) -> SampleRun {
    guard let timestamps = columns.timestamps.baseAddress, let base = columns.values.baseAddress else {
      return SampleRun()
    }
    let window = Window(timestamps: timestamps, values: base, count: columns.count, start: start, end: end)
    return ExtendedWindow.samples(window, smoothed: smoothed)
  }
}

extension Leaf {
  fileprivate func key(_ index: Int, keepingName: Bool) -> LabelKey {
    LabelKey(selection: number, index: Int32(index), dropsName: dropsName && !keepingName)
  }
}
