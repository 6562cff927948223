internal import TimeSeries

/// A selector, or a function over a range selector: what reads samples. One series after the other, each into a row.
struct Leaf: Sendable {
  enum Kind: Sendable {
    /// The newest sample within the lookback.
    case instant
    /// Its timestamp, in seconds.
    case timestamp
    /// Its timestamp, in milliseconds.
    case sampleTime
    /// The value on the line between the samples around the step.
    case smoothed
    case range(RangeCall)
  }

  let selection: any SeriesSelection
  let labels: SeriesLabels
  let number: Int32
  let frame: Frame
  let offset: Int64
  /// The moment of an `@` modifier.
  let fixed: Int64?
  let lookback: Int64
  let kind: Kind
  let dropsName: Bool
  let namesAgree: Bool
  let readStart: Int64
  let readEnd: Int64

  var count: Int { labels.count }

  /// What one thread needs to read series.
  struct Reader: Sendable {
    let run = SampleRun()
    var scratch = RangeCall.Scratch()
    var samplesRead = 0
    var samplesSeen = 0
    var perStep: [Int]

    init(steps: Int, countsPerStep: Bool) { perStep = countsPerStep ? Array(repeating: 0, count: steps) : [] }
  }

  func key(_ index: Int) -> LabelKey { LabelKey(selection: number, index: Int32(index), dropsName: dropsName) }

  /// Reads the series of `range` in order.
  /// - Parameters:
  ///   - row: where the values of a series go.
  ///   - found: called behind each series with its index, its row, and whether it has a value anywhere.
  func read(
    _ range: Range<Int>, _ reader: inout Reader, _ control: Control, row: (Int) -> UnsafeMutablePointer<Double>,
    _ found: (Int, UnsafeMutablePointer<Double>, Bool) throws(QueryError) -> Void
  ) throws(QueryError) {
    var next = range.lowerBound
    while next < range.upperBound {
      try control.check()
      let run = reader.run
      run.removeAll()
      // Few at a time also for the sake of `check`: the steps of a series may be many.
      selection.read(next..<min(next + 64, range.upperBound), from: readStart, through: readEnd, into: run)
      precondition(run.seriesCount > 0, "the source reads nothing")
      reader.samplesRead += run.count
      try run.forEachSeries { i, samples throws(QueryError) in
        if frame.count > 256, i & 7 == 7 { try control.check() }
        if samples.count > 1024 { try control.admit(samples.count) }
        let values = row(next + i)
        let hasValue = samples.count > 0 ? try fill(values, &samples, &reader, control) : false
        try found(next + i, values, hasValue)
      }
      next += run.seriesCount
    }
  }

  /// Fills `row` from the samples of a series.
  /// - Returns: whether it has a value anywhere; if not, the row need not be filled.
  @inline(__always) private func fill(
    _ row: UnsafeMutablePointer<Double>, _ samples: inout SampleSlice, _ reader: inout Reader, _ control: Control
  ) throws(QueryError) -> Bool {
    let seen: Int
    switch kind {
    case .range(let call):
      samples.removeStaleMarkers()
      seen = try call.sweep(
        samples, frame, offset: offset, fixed: fixed, row, &reader.scratch, perStep: &reader.perStep, control)
    case .smoothed:
      samples.removeStaleMarkers()
      seen = smooth(samples, row, &reader.perStep)
    case .instant, .timestamp, .sampleTime: seen = pick(samples, row, &reader.perStep)
    }
    reader.samplesSeen += seen
    guard seen > 0 else { return false }
    for step in 0..<frame.count where !row[step].isMissing { return true }
    return false
  }

  /// The newest sample of each step, unless it is a stale marker or as old as the lookback.
  private func pick(_ samples: SampleSlice, _ row: UnsafeMutablePointer<Double>, _ perStep: inout [Int]) -> Int {
    let total = samples.count
    var found = 0
    let (timestamps, values) = (samples.timestamps, samples.values)
    var next = 0
    for step in 0..<frame.count {
      let time = (fixed ?? frame.time(step)) - offset
      while next < total, timestamps[next] <= time { next &+= 1 }
      guard next > 0, timestamps[next &- 1] > time - lookback, !values[next &- 1].isMissing else {
        row[step] = .missing
        continue
      }
      switch kind {
      case .timestamp: row[step] = Double(timestamps[next &- 1]) / 1000
      case .sampleTime: row[step] = Double(timestamps[next &- 1])
      default: row[step] = values[next &- 1]
      }
      found &+= 1
      if !perStep.isEmpty { perStep[step] += 1 }
    }
    return found
  }

  private func smooth(_ samples: SampleSlice, _ row: UnsafeMutablePointer<Double>, _ perStep: inout [Int]) -> Int {
    let total = samples.count
    var found = 0
    let (times, base) = (samples.timestamps, samples.values)
    let all = Window(timestamps: times, values: base, count: total, start: 0, end: 0)
    var next = 0
    for step in 0..<frame.count {
      let time = (fixed ?? frame.time(step)) - offset
      while next < total, times[next] < time { next += 1 }
      let hasBefore = next > 0 && times[next - 1] > time - lookback
      let hasAfter = next < total && times[next] <= time + lookback
      if hasAfter, times[next] == time {
        row[step] = base[next]
      } else if hasBefore, hasAfter {
        row[step] = ExtendedWindow.interpolate(all, next - 1, at: time, false)
      } else if hasBefore {
        row[step] = base[next - 1]
      } else {
        row[step] = .missing
        continue
      }
      found += 1
      if !perStep.isEmpty { perStep[step] += 1 }
    }
    return found
  }
}
