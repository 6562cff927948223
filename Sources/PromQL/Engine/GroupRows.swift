/// What an aggregation has gathered: for each group a row of accumulators, one for each step.
struct GroupRows: Sendable {
  let op: AggregationOperator
  let width: Int
  private(set) var groups = 0
  /// Samples of the group at the step; zero: no result there.
  private var counts: [Double] = []
  private var sums: [CompensatedSum] = []
  private var means: [CompensatedMean] = []
  private var values: [Double] = []
  private var squares: [Double] = []

  init(_ op: AggregationOperator, width: Int) {
    self.op = op
    self.width = width
  }

  /// Operators whose samples can be taken one series at a time.
  static func canGather(_ op: AggregationOperator) -> Bool {
    switch op {
    case .sum, .avg, .count, .min, .max, .group, .stddev, .stdvar: true
    case .topk, .bottomk, .quantile, .limitk, .countValues, .limitRatio: false
    }
  }

  mutating func addGroup() {
    groups += 1
    counts.append(contentsOf: repeatElement(0, count: width))
    switch op {
    case .sum: sums.append(contentsOf: repeatElement(CompensatedSum(), count: width))
    case .avg: means.append(contentsOf: repeatElement(CompensatedMean(0), count: width))
    case .min, .max: values.append(contentsOf: repeatElement(0, count: width))
    case .stddev, .stdvar:
      values.append(contentsOf: repeatElement(0, count: width))
      squares.append(contentsOf: repeatElement(0, count: width))
    default: break
    }
  }

  /// Adds the samples of one series.
  mutating func add(_ row: UnsafeMutablePointer<Double>, to group: Int) {
    let base = group * width
    switch op {
    case .sum:
      Self.each(row, width, base, &counts, &sums) { sum, value, count in
        if count == 0 { sum = CompensatedSum(value) } else { sum.add(value) }
      }
    case .avg:
      Self.each(row, width, base, &counts, &means) { mean, value, count in
        if count == 0 { mean = CompensatedMean(value) } else { mean.add(value) }
      }
    case .max:
      Self.each(row, width, base, &counts, &values) { held, value, count in
        if count == 0 || held < value || held.isNaN { held = value }
      }
    case .min:
      Self.each(row, width, base, &counts, &values) { held, value, count in
        if count == 0 || held > value || held.isNaN { held = value }
      }
    case .stddev, .stdvar:
      for step in 0..<width where !row[step].isMissing { addSquare(base &+ step, row[step]) }
    default:
      for step in 0..<width where !row[step].isMissing { counts[base &+ step] += 1 }
    }
  }

  /// Adds each sample of a row to its accumulator; `body` takes how many have been added to that before.
  @inline(__always) private static func each<Accumulator>(
    _ row: UnsafeMutablePointer<Double>, _ width: Int, _ base: Int, _ counts: inout [Double],
    _ accumulators: inout [Accumulator], _ body: (inout Accumulator, Double, Double) -> Void
  ) {
    accumulators.withUnsafeMutableBufferPointer { accumulators in
      counts.withUnsafeMutableBufferPointer { counts in
        for step in 0..<width where !row[step].isMissing {
          let i = base &+ step
          body(&accumulators[i], row[step], counts[i])
          counts[i] += 1
        }
      }
    }
  }

  /// Welford's method. A first sample that is not finite makes the variance NaN.
  private mutating func addSquare(_ i: Int, _ value: Double) {
    counts[i] += 1
    if counts[i] == 1 {
      values[i] = value
      squares[i] = value.isFinite ? 0 : .nan
      return
    }
    let delta = value - values[i]
    values[i] += delta / counts[i]
    squares[i] += delta * (value - values[i])
  }

  /// Adds what `other` gathered for its group `from`.
  mutating func merge(_ other: GroupRows, from: Int, to: Int) {
    for step in 0..<width {
      let (i, j) = (to * width + step, from * width + step)
      if other.counts[j] == 0 { continue }
      let isFirst = counts[i] == 0
      switch op {
      case .sum:
        if isFirst {
          sums[i] = other.sums[j]
        } else {
          sums[i].add(other.sums[j].sum)
          sums[i].compensation += other.sums[j].compensation
        }
      case .avg: if isFirst { means[i] = other.means[j] } else { means[i].merge(other.means[j]) }
      case .max:
        if isFirst || values[i] < other.values[j] || values[i].isNaN { values[i] = other.values[j] }
      case .min:
        if isFirst || values[i] > other.values[j] || values[i].isNaN { values[i] = other.values[j] }
      case .stddev, .stdvar: mergeSquares(i, other, j, isFirst)
      default: break
      }
      counts[i] += other.counts[j]
    }
  }

  private mutating func mergeSquares(_ i: Int, _ other: GroupRows, _ j: Int, _ isFirst: Bool) {
    if isFirst {
      values[i] = other.values[j]
      squares[i] = other.squares[j]
      return
    }
    let all = counts[i] + other.counts[j]
    let delta = other.values[j] - values[i]
    squares[i] += other.squares[j] + delta * delta * counts[i] * other.counts[j] / all
    values[i] += delta * other.counts[j] / all
  }

  /// Writes the results of a group to `row`.
  func write(_ group: Int, to row: UnsafeMutablePointer<Double>) {
    for step in 0..<width {
      let i = group * width + step
      row[step] = counts[i] == 0 ? .missing : result(i)
    }
  }

  private func result(_ i: Int) -> Double {
    switch op {
    case .sum: sums[i].value
    case .avg: means[i].value
    case .count: counts[i]
    case .min, .max: values[i]
    case .stdvar: squares[i] / counts[i]
    case .stddev: (squares[i] / counts[i]).squareRoot()
    default: 1
    }
  }
}
