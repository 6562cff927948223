/// Windows of `anchored` and `smoothed` selectors, which reach beyond their edges: the samples also cover the lookback
/// before the window and, when smoothed, after it.
enum ExtendedWindow {
  /// Where the values at the edges come from.
  private struct Edges {
    var first: Int
    var last: Int
    var left: Double
    var right: Double
  }

  private static func edges(_ window: Window, smoothed: Bool, isCounter: Bool) -> Edges? {
    let times = window.timestamps
    var last = window.count - 1
    guard last >= 0 else { return nil }
    let first = max(0, Quantile.lowestIndex(below: last) { times[$0] > window.start } - 1)
    if smoothed { last = Quantile.lowestIndex(below: last) { times[$0] >= window.end } }
    if times[last] <= window.start { return nil }
    var left = window.values[first]
    if smoothed, times[first] < window.start {
      left = interpolate(window, first, at: window.start, isCounter)
    }
    var right = window.values[last]
    if smoothed, last > 0, times[last] > window.end {
      right = interpolate(window, last - 1, at: window.end, isCounter)
    }
    return Edges(first: first, last: last, left: left, right: right)
  }

  /// The value at `time` on the line from sample `i` to the next; a counter that was reset between them starts at zero.
  static func interpolate(_ window: Window, _ i: Int, at time: Int64, _ isCounter: Bool) -> Double {
    var from = window.values[i]
    let to = window.values[i + 1]
    if isCounter, to < from { from = 0 }
    let share = Double(time - window.timestamps[i]) / Double(window.timestamps[i + 1] - window.timestamps[i])
    return from + (to - from) * share
  }

  /// `rate`, `increase` and `delta`, without extrapolation.
  static func growth(_ window: Window, smoothed: Bool, isCounter: Bool, isRate: Bool) -> Double {
    guard let edges = edges(window, smoothed: smoothed, isCounter: isCounter) else { return .missing }
    var growth = edges.right - edges.left
    if isCounter {
      let inside = inner(edges, window)
      var previous = edges.left
      for i in inside {
        if window.values[i] < previous { growth += previous }
        previous = window.values[i]
      }
      if edges.right < previous { growth += previous }
    }
    return isRate ? growth / (Double(window.end - window.start) / 1000) : growth
  }

  /// The samples strictly between the edges.
  private static func inner(_ edges: Edges, _ window: Window) -> Range<Int> {
    let first = window.timestamps[edges.first] <= window.start ? edges.first + 1 : edges.first
    let last = window.timestamps[edges.last] >= window.end ? edges.last - 1 : edges.last
    return first..<max(first, last + 1)
  }

  /// The first sample that `changes` and `resets` look at: the last one not after the window's start.
  static func anchor(_ window: Window) -> Int? {
    guard window.count > 0, window.timestamps[window.count - 1] > window.start else { return nil }
    return max(0, Quantile.lowestIndex(below: window.count - 1) { window.timestamps[$0] > window.start } - 1)
  }

  /// The window as a range vector: a sample at either edge, and those between.
  static func samples(_ window: Window, smoothed: Bool) -> SampleRun {
    let columns = SampleRun()
    guard let edges = edges(window, smoothed: smoothed, isCounter: false) else { return columns }
    columns.append(window.start, edges.left)
    for i in inner(edges, window) { columns.append(window.timestamps[i], window.values[i]) }
    columns.append(window.end, edges.right)
    return columns
  }
}
