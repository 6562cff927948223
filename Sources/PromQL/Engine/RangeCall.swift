/// A function over a range vector, with its other arguments evaluated: what turns the samples of one series into a row.
struct RangeCall: Sendable {
  let function: FunctionName
  /// In milliseconds.
  let range: Int64
  let extent: VectorSelector.Extent?
  /// How far an extended window reaches beyond its edges.
  let lookback: Int64
  /// The scalar arguments, one value for each step.
  let scalars: [[Double]]
  /// Where the range vector stands in the query.
  let argument: PositionRange

  /// What a sweep over one series keeps from window to window.
  struct Scratch: Sendable {
    var values: [Double] = []
    /// Indices of samples that are lower than the ones before them.
    var resets: [Int] = []
  }

  var needsResets: Bool { extent == nil && (function == .rate || function == .increase) }
  /// Samples gone through between two looks at the deadline.
  private static let samplesBetweenChecks = 1 << 16

  private var reachBack: Int64 { extent == nil ? 0 : lookback }
  private var reachForward: Int64 { extent == .smoothed ? lookback : 0 }

  /// Fills `row` with the values at the steps of `frame`, whose windows end `offset` before them, or all at `fixed`.
  /// - Parameter samples: without stale markers.
  /// - Returns: how many samples the windows had in all.
  func sweep(
    _ samples: SampleSlice, _ frame: Frame, offset: Int64, fixed: Int64?, _ row: UnsafeMutablePointer<Double>,
    _ scratch: inout Scratch, perStep: inout [Int], _ control: Control
  ) throws(QueryError) -> Int {
    let total = samples.count
    let (timestamps, base) = (samples.timestamps, samples.values)
    let needsResets = needsResets
    scratch.resets.removeAll(keepingCapacity: true)
    if needsResets, total > 1 {
      for i in 1..<total where base[i] < base[i &- 1] { scratch.resets.append(i) }
    }
    let (range, reachBack, reachForward) = (range, reachBack, reachForward)
    let hasResets = !scratch.resets.isEmpty
    let countsPerStep = !perStep.isEmpty
    var low = 0
    var high = 0
    var firstReset = 0
    var seen = 0
    var nextCheck = Self.samplesBetweenChecks
    for step in 0..<frame.count {
      let end = (fixed ?? frame.time(step)) &- offset
      let start = end &- range
      while low < total, timestamps[low] <= start &- reachBack { low &+= 1 }
      if high < low { high = low }
      while high < total, timestamps[high] <= end &+ reachForward { high &+= 1 }
      guard high > low else {
        row[step] = .missing
        continue
      }
      seen &+= high &- low
      if seen > nextCheck {
        nextCheck = seen + Self.samplesBetweenChecks
        try control.check()
      }
      if countsPerStep { perStep[step] += high - low }
      let window = Window(
        timestamps: timestamps + low, values: base + low, count: high &- low, start: start, end: end)
      if needsResets {
        var correction = 0.0
        if hasResets {
          while firstReset < scratch.resets.count, scratch.resets[firstReset] <= low { firstReset += 1 }
          var i = firstReset
          while i < scratch.resets.count, scratch.resets[i] < high {
            correction += base[scratch.resets[i] - 1]
            i += 1
          }
        }
        row[step] = WindowFunction.extrapolated(
          window, resets: correction, isCounter: true, isRate: function == .rate)
      } else {
        row[step] = value(window, step, frame, &scratch)
      }
    }
    return seen
  }

  private func value(_ window: Window, _ step: Int, _ frame: Frame, _ scratch: inout Scratch) -> Double {
    if let extent { return extendedValue(window, extent) }
    switch function {
    case .delta: return WindowFunction.extrapolated(window, resets: 0, isCounter: false, isRate: false)
    case .irate: return WindowFunction.instant(window, isRate: true)
    case .idelta: return WindowFunction.instant(window, isRate: false)
    case .sumOverTime: return WindowFunction.sum(window)
    case .avgOverTime: return WindowFunction.average(window)
    case .countOverTime: return Double(window.count)
    case .maxOverTime: return window.values[WindowFunction.extreme(window, isBetter: >)]
    case .minOverTime: return window.values[WindowFunction.extreme(window, isBetter: <)]
    case .tsOfMaxOverTime: return seconds(window, WindowFunction.extreme(window, isBetter: >=))
    case .tsOfMinOverTime: return seconds(window, WindowFunction.extreme(window, isBetter: <=))
    case .tsOfFirstOverTime: return seconds(window, 0)
    case .tsOfLastOverTime: return seconds(window, window.count - 1)
    case .firstOverTime: return window.first
    case .lastOverTime: return window.last
    case .presentOverTime, .absentOverTime: return 1
    case .stdvarOverTime: return WindowFunction.variance(window)
    case .stddevOverTime: return WindowFunction.variance(window).squareRoot()
    case .quantileOverTime: return WindowFunction.quantile(scalars[0][step], window, &scratch.values)
    case .madOverTime: return WindowFunction.medianAbsoluteDeviation(window, &scratch.values)
    case .changes: return WindowFunction.changes(window)
    case .resets: return WindowFunction.resets(window)
    case .deriv:
      return window.count > 1 ? WindowFunction.regression(window, intercept: window.timestamps[0]).slope : .missing
    case .predictLinear:
      guard window.count > 1 else { return .missing }
      let line = WindowFunction.regression(window, intercept: frame.time(step))
      return line.slope * scalars[0][step] + line.value
    case .doubleExponentialSmoothing:
      return WindowFunction.doubleExponentialSmoothing(
        window, smoothing: scalars[0][step], trend: scalars[1][step])
    default: return .missing
    }
  }

  private func seconds(_ window: Window, _ i: Int) -> Double { Double(window.timestamps[i]) / 1000 }

  private func extendedValue(_ window: Window, _ extent: VectorSelector.Extent) -> Double {
    switch function {
    case .rate, .increase:
      return ExtendedWindow.growth(
        window, smoothed: extent == .smoothed, isCounter: true, isRate: function == .rate)
    case .delta:
      return ExtendedWindow.growth(window, smoothed: extent == .smoothed, isCounter: false, isRate: false)
    case .changes: return ExtendedWindow.anchor(window).map { WindowFunction.changes(window, from: $0) } ?? .missing
    case .resets: return ExtendedWindow.anchor(window).map { WindowFunction.resets(window, from: $0) } ?? .missing
    default: return .missing
    }
  }
}
