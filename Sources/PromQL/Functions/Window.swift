/// The samples of one series in a window of time, without stale markers, at least one.
struct Window {
  let timestamps: UnsafePointer<Int64>
  let values: UnsafePointer<Double>
  let count: Int
  /// The window's edges in milliseconds: left one open, right one closed.
  let start: Int64
  let end: Int64

  @inline(__always) var first: Double { values[0] }
  @inline(__always) var last: Double { values[count &- 1] }
}

/// What functions over a range vector make of a window. `missing` where they yield nothing.
enum WindowFunction {
  /// `rate`, `increase`, `delta`: the growth between first and last sample, extrapolated to the window's edges when
  /// samples come close to them, else by half an interval; a counter never below zero.
  /// - Parameter resets: what has to be added to the growth for resets in the window.
  static func extrapolated(_ window: Window, resets: Double, isCounter: Bool, isRate: Bool) -> Double {
    guard window.count > 1 else { return .missing }
    let intervals = Double(window.count - 1)
    var growth = window.last - window.first
    if isCounter { growth += resets }
    let firstTime = window.timestamps[0]
    let lastTime = window.timestamps[window.count - 1]
    var toStart = Double(firstTime - window.start) / 1000
    var toEnd = Double(window.end - lastTime) / 1000
    let sampled = Double(lastTime - firstTime) / 1000
    let average = sampled / intervals
    let threshold = average * 1.1
    if toStart >= threshold { toStart = average / 2 }
    if isCounter, growth > 0, window.first >= 0 {
      // From here a counter of this slope would have started at zero: no series was there before.
      let toZero = sampled * (window.first / growth)
      if toZero < toStart { toStart = toZero }
    }
    if toEnd >= threshold { toEnd = average / 2 }
    var factor = (sampled + toStart + toEnd) / sampled
    if isRate { factor /= Double(window.end - window.start) / 1000 }
    return growth * factor
  }

  /// `irate`, `idelta`.
  static func instant(_ window: Window, isRate: Bool) -> Double {
    guard window.count > 1 else { return .missing }
    let last = window.values[window.count - 1]
    let previous = window.values[window.count - 2]
    let interval = window.timestamps[window.count - 1] - window.timestamps[window.count - 2]
    if interval == 0 { return .missing }
    // After a counter reset the counter's own value is its growth.
    let growth = isRate && last < previous ? last : last - previous
    return isRate ? growth / (Double(interval) / 1000) : growth
  }

  static func sum(_ window: Window) -> Double {
    var total = CompensatedSum()
    for i in 0..<window.count { total.add(window.values[i]) }
    return total.sum.isInfinite ? total.sum : total.value
  }

  static func average(_ window: Window) -> Double {
    var mean = CompensatedMean(window.first)
    for i in 1..<max(window.count, 1) { mean.add(window.values[i]) }
    return mean.value
  }

  /// The index of the smallest or largest value; NaN only when there is nothing else.
  static func extreme(_ window: Window, isBetter: (Double, Double) -> Bool) -> Int {
    var best = 0
    for i in 0..<window.count where isBetter(window.values[i], window.values[best]) || window.values[best].isNaN {
      best = i
    }
    return best
  }

  static func variance(_ window: Window) -> Double {
    var count = 0.0
    var mean = CompensatedSum()
    var squares = CompensatedSum()
    for i in 0..<window.count {
      count += 1
      let value = window.values[i]
      let delta = value - mean.value
      mean.add(delta / count)
      squares.add(delta * (value - mean.value))
    }
    return squares.value / count
  }

  static func quantile(_ q: Double, _ window: Window, _ scratch: inout [Double]) -> Double {
    copy(window, to: &scratch)
    return Quantile.of(q, &scratch)
  }

  /// The median of the distances from the median.
  static func medianAbsoluteDeviation(_ window: Window, _ scratch: inout [Double]) -> Double {
    copy(window, to: &scratch)
    let median = Quantile.of(0.5, &scratch)
    for i in scratch.indices { scratch[i] = (scratch[i] - median).magnitude }
    return Quantile.of(0.5, &scratch)
  }

  private static func copy(_ window: Window, to scratch: inout [Double]) {
    scratch.removeAll(keepingCapacity: true)
    scratch.append(contentsOf: UnsafeBufferPointer(start: window.values, count: window.count))
  }

  static func changes(_ window: Window, from first: Int = 0) -> Double {
    var changes = 0
    var previous = window.values[first]
    for i in (first + 1)..<max(window.count, first + 1) {
      let value = window.values[i]
      if value != previous, !(value.isNaN && previous.isNaN) { changes += 1 }
      previous = value
    }
    return Double(changes)
  }

  static func resets(_ window: Window, from first: Int = 0) -> Double {
    var resets = 0
    for i in (first + 1)..<max(window.count, first + 1) where window.values[i] < window.values[i - 1] { resets += 1 }
    return Double(resets)
  }

  /// Least squares: the slope, and the line's value at `intercept`.
  static func regression(_ window: Window, intercept: Int64) -> (slope: Double, value: Double) {
    var x = CompensatedSum()
    var y = CompensatedSum()
    var xy = CompensatedSum()
    var xx = CompensatedSum()
    var isConstant = true
    for i in 0..<window.count {
      if i > 0, window.values[i] != window.first { isConstant = false }
      let time = Double(window.timestamps[i] - intercept) / 1e3
      x.add(time)
      y.add(window.values[i])
      xy.add(time * window.values[i])
      xx.add(time * time)
    }
    if isConstant { return window.first.isInfinite ? (.nan, .nan) : (0, window.first) }
    let n = Double(window.count)
    let covariance = xy.value - x.value * y.value / n
    let variance = xx.value - x.value * x.value / n
    let slope = covariance / variance
    return (slope, y.value / n - slope * x.value / n)
  }

  /// Holt's linear smoothing.
  static func doubleExponentialSmoothing(_ window: Window, smoothing: Double, trend: Double) -> Double {
    guard window.count > 1 else { return .missing }
    var before = 0.0
    var level = window.first
    var slope = window.values[1] - window.first
    for i in 1..<window.count {
      if i > 1 { slope = trend * (level - before) + (1 - trend) * slope }
      let next = smoothing * window.values[i] + (1 - smoothing) * (level + slope)
      (before, level) = (level, next)
    }
    return level
  }
}
