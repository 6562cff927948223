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
      each(row, base) { rows, i, value, isFirst in
        if isFirst { rows.sums[i] = CompensatedSum(value) } else { rows.sums[i].add(value) }
      }
    case .avg:
      each(row, base) { rows, i, value, isFirst in
        if isFirst { rows.means[i] = CompensatedMean(value) } else { rows.means[i].add(value) }
      }
    case .max:
      each(row, base) { rows, i, value, isFirst in
        if isFirst || rows.values[i] < value || rows.values[i].isNaN { rows.values[i] = value }
      }
    case .min:
      each(row, base) { rows, i, value, isFirst in
        if isFirst || rows.values[i] > value || rows.values[i].isNaN { rows.values[i] = value }
      }
    case .stddev, .stdvar: each(row, base) { rows, i, value, isFirst in rows.addSquare(i, value, isFirst) }
    default: each(row, base) { _, _, _, _ in }
    }
  }

  @inline(__always) private mutating func each(
    _ row: UnsafeMutablePointer<Double>, _ base: Int, _ body: (inout GroupRows, Int, Double, Bool) -> Void
  ) {
    for step in 0..<width where !row[step].isMissing {
      let i = base &+ step
      body(&self, i, row[step], counts[i] == 0)
      counts[i] += 1
    }
  }

  /// Welford's method. A first sample that is not finite makes the variance NaN.
  private mutating func addSquare(_ i: Int, _ value: Double, _ isFirst: Bool) {
    if isFirst {
      values[i] = value
      squares[i] = value.isFinite ? 0 : .nan
      return
    }
    let delta = value - values[i]
    values[i] += delta / (counts[i] + 1)
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
