/// The steps of an evaluation: `count` moments, `interval` milliseconds apart.
struct Frame: Sendable {
  var start: Int64
  var interval: Int64
  var count: Int

  init(start: Int64, interval: Int64, count: Int) {
    self.start = start
    self.interval = interval
    self.count = count
  }

  /// The steps from `start` on that are not after `end`.
  init(start: Int64, end: Int64, interval: Int64) {
    self.init(start: start, interval: interval, count: end < start ? 0 : Int((end - start) / interval) + 1)
  }

  @inline(__always) func time(_ step: Int) -> Int64 { start &+ Int64(step) &* interval }
  var end: Int64 { time(max(count, 1) - 1) }
}

extension Double {
  /// What stands in a row where the series has no sample. These bits are a signalling NaN that no arithmetic yields, and
  /// as a stale marker they are never a sample's value.
  static let missing = Double(bitPattern: 0x7ff0_0000_0000_0002)

  @inline(__always) var isMissing: Bool { bitPattern == 0x7ff0_0000_0000_0002 }
}

/// Rows of doubles, one for each series, one column for each step, charged to the query's sample limit while they live.
///
/// `@unchecked Sendable`: threads write different rows, and nobody reads before they have been joined.
final class Rows: @unchecked Sendable {
  let base: UnsafeMutablePointer<Double>
  private(set) var count: Int
  let width: Int
  private let control: Control
  private let charged: Int

  /// Room for `count` rows, not initialised.
  init(count: Int, width: Int, control: Control) throws(QueryError) {
    let (total, overflow) = count.multipliedReportingOverflow(by: width)
    if overflow { throw .tooManySamples }
    try control.charge(total)
    self.count = count
    self.width = width
    self.control = control
    charged = total
    base = .allocate(capacity: max(total, 1))
  }

  deinit {
    base.deallocate()
    control.release(charged)
  }

  @inline(__always) subscript(row: Int) -> UnsafeMutablePointer<Double> { base + row &* width }

  /// Marks all of `row` as missing.
  func clear(_ row: Int) { self[row].update(repeating: .missing, count: width) }

  func isEmpty(_ row: Int) -> Bool {
    let values = self[row]
    for i in 0..<width where !values[i].isMissing { return false }
    return true
  }

  /// Keeps the rows for which `keep` holds, in order.
  func compact(keeping keep: [Bool]) {
    var kept = 0
    for row in 0..<count where keep[row] {
      if kept != row { self[kept].update(from: self[row], count: width) }
      kept += 1
    }
    count = kept
  }
}

/// A vector at every step of a frame: series and their rows.
struct Block {
  var keys: [LabelKey]
  var rows: Rows
  /// Whether all series are known to stay distinct when their metric names are taken away.
  var namesAgree: Bool
}
