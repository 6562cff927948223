internal import TimeSeries

/// From values to results.
extension Evaluator {
  func instantResult(_ expression: Expression) throws(QueryError) -> QueryResult {
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
    return finish(value, began, sorted: began)
  }

  func rangeResult(_ expression: Expression) throws(QueryError) -> QueryResult {
    let began = ContinuousClock.now
    let block: Block
    switch try evaluate(expression, query) {
    case .scalar(let values): block = try self.block(LabelStore.noLabels, values, query)
    case .vector(let vector): block = vector
    case .string: throw .invalid("a string has no range")
    }
    let sorting = ContinuousClock.now
    return finish(.matrix(series(block, query)), began, sorted: sorting)
  }

  private func finish(
    _ value: QueryResult.Value, _ began: ContinuousClock.Instant, sorted: ContinuousClock.Instant
  ) -> QueryResult {
    notes.finish()
    let now = ContinuousClock.now
    statistics.peakSamples = control.peakSamples
    statistics.innerEvalTime = began.duration(to: sorted == began ? now : sorted)
    statistics.resultSortTime = sorted == began ? .zero : sorted.duration(to: now)
    statistics.evalTotalTime = statistics.queryPreparationTime + began.duration(to: now)
    return QueryResult(value: value, warnings: notes.warnings, infos: notes.infos, statistics: statistics)
  }

  private func elements(_ block: Block) -> [QueryResult.VectorElement] {
    var elements: [QueryResult.VectorElement] = []
    elements.reserveCapacity(block.keys.count)
    for row in block.keys.indices where !block.rows[row][0].isMissing {
      elements.append(
        QueryResult.VectorElement(
          labels: labels.labelSet(block.keys[row]),
          sample: Sample(timestamp: query.start, value: block.rows[row][0])))
    }
    return elements
  }

  private func series(_ block: Block, _ frame: Frame) -> [QueryResult.MatrixSeries] {
    var series: [QueryResult.MatrixSeries] = []
    series.reserveCapacity(block.keys.count)
    for row in labels.sorted(block.keys) {
      let values = block.rows[row]
      var samples: [Sample] = []
      samples.reserveCapacity(frame.count)
      for step in 0..<frame.count where !values[step].isMissing {
        samples.append(Sample(timestamp: frame.time(step), value: values[step]))
      }
      if samples.isEmpty { continue }
      series.append(QueryResult.MatrixSeries(labels: labels.labelSet(block.keys[row]), samples: samples))
    }
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
    let run = SampleRun()
    var next = 0
    while next < leaf.count {
      try control.check()
      run.removeAll()
      leaf.selection.read(next..<leaf.count, from: leaf.readStart, through: leaf.readEnd, into: run)
      statistics.samplesRead += run.count
      try run.forEachSeries { i, slice throws(QueryError) in
        slice.removeStaleMarkers()
        var samples = slice
        var extended: SampleRun?
        if let extent = matrix.selector.extent {
          let end = (leaf.fixed ?? query.start) - leaf.offset
          let made = extend(slice, end - range, end, smoothed: extent == .smoothed)
          samples = made.slice
          extended = made
        }
        if samples.count == 0 { return }
        try control.charge(samples.count)
        statistics.totalQueryableSamples += samples.count
        series.append(
          QueryResult.MatrixSeries(
            labels: labels.labelSet(leaf.key(next + i, keepingName: true)),
            samples: (0..<samples.count).map { Sample(timestamp: samples.timestamps[$0], value: samples.values[$0]) }))
        withExtendedLifetime(extended) {}
      }
      next += run.seriesCount
    }
    series.sort { $0.labels < $1.labels }
    return series
  }

  private func extend(_ samples: SampleSlice, _ start: Int64, _ end: Int64, smoothed: Bool) -> SampleRun {
    if samples.count == 0 { return SampleRun() }
    let window = Window(
      timestamps: samples.timestamps, values: samples.values, count: samples.count, start: start, end: end)
    return ExtendedWindow.samples(window, smoothed: smoothed)
  }
}

extension Leaf {
  fileprivate func key(_ index: Int, keepingName: Bool) -> LabelKey {
    LabelKey(selection: number, index: Int32(index), dropsName: dropsName && !keepingName)
  }
}
