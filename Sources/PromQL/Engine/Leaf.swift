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

  /// What one thread needs to read series.
  struct Reader: Sendable {
    var columns = SampleRun()
    var scratch = RangeCall.Scratch()
    var samplesRead = 0
    var samplesSeen = 0
    var perStep: [Int]

    init(steps: Int, countsPerStep: Bool) { perStep = countsPerStep ? Array(repeating: 0, count: steps) : [] }
  }

  func key(_ index: Int) -> LabelKey { LabelKey(selection: number, index: Int32(index), dropsName: dropsName) }

  /// Fills `row` for series `index`.
  /// - Returns: whether it has a value anywhere.
  func read(
    _ index: Int, into row: UnsafeMutablePointer<Double>, _ reader: inout Reader, _ control: Control
  ) throws(QueryError) -> Bool {
    reader.columns.removeAll()
    selection.read(index, from: readStart, through: readEnd, into: &reader.columns)
    let count = reader.columns.count
    reader.samplesRead += count
    if count == 0 { return false }
    if count > 1024 { try control.admit(count) }
    let seen: Int
    switch kind {
    case .range(let call):
      reader.columns.removeStaleMarkers()
      seen = try call.sweep(
        reader.columns, frame, offset: offset, fixed: fixed, row, &reader.scratch, perStep: &reader.perStep, control)
    case .smoothed:
      reader.columns.removeStaleMarkers()
      seen = smooth(row, &reader)
    case .instant, .timestamp, .sampleTime: seen = pick(row, &reader)
    }
    reader.samplesSeen += seen
    guard seen > 0 else { return false }
    for step in 0..<frame.count where !row[step].isMissing { return true }
    return false
  }

  /// The newest sample of each step, unless it is a stale marker or as old as the lookback.
  private func pick(_ row: UnsafeMutablePointer<Double>, _ reader: inout Reader) -> Int {
    let total = reader.columns.count
    var found = 0
    let (timestamps, values) = (reader.columns.timestamps, reader.columns.values)
    var next = 0
    for step in 0..<frame.count {
      let time = (fixed ?? frame.time(step)) - offset
      while next < total, timestamps[next] <= time { next += 1 }
      guard next > 0, timestamps[next - 1] > time - lookback, !values[next - 1].isMissing else {
        row[step] = .missing
        continue
      }
      switch kind {
      case .timestamp: row[step] = Double(timestamps[next - 1]) / 1000
      case .sampleTime: row[step] = Double(timestamps[next - 1])
      default: row[step] = values[next - 1]
      }
      found += 1
      if !reader.perStep.isEmpty { reader.perStep[step] += 1 }
    }
    return found
  }

  private func smooth(_ row: UnsafeMutablePointer<Double>, _ reader: inout Reader) -> Int {
    let total = reader.columns.count
    var found = 0
    guard let times = reader.columns.timestamps.baseAddress, let base = reader.columns.values.baseAddress else {
      return 0
    }
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
      if !reader.perStep.isEmpty { reader.perStep[step] += 1 }
    }
    return found
  }
}
