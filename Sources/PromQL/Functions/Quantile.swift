/// Quantiles of plain values and of classic histograms.
enum Quantile {
  /// NaN for NaN, ±Inf outside 0…1: what every quantile function yields for a `q` that is none.
  static func outOfRange(_ q: Double) -> Double? {
    if q.isNaN { return .nan }
    if q < 0 { return -.infinity }
    return q > 1 ? .infinity : nil
  }

  /// The `q`-quantile of `values`, which get sorted, NaN first; between two values interpolated.
  static func of(_ q: Double, _ values: inout [Double]) -> Double {
    if values.isEmpty { return .nan }
    if let value = outOfRange(q) { return value }
    values.sort { $0 < $1 || ($0.isNaN && !$1.isNaN) }
    let rank = q * Double(values.count - 1)
    let lower = max(0, rank.rounded(.down))
    let upper = min(Double(values.count - 1), lower + 1)
    let weight = rank - rank.rounded(.down)
    return values[Int(lower)] * (1 - weight) + values[Int(upper)] * weight
  }

  /// A bucket of a classic histogram: how many observations were at most `upperBound`.
  struct Bucket {
    var upperBound: Double
    var count: Double
  }

  /// What had to change for the counts to rise with the bounds.
  struct Fix {
    var lowestBucket = Double.infinity
    var highestBucket = -Double.infinity
    var largestDifference = 0.0
  }

  /// The `q`-quantile of the histogram in `buckets`, which are in order of their bounds, and what was fixed for it.
  ///
  /// Within a bucket observations count as evenly spread; the lowest one begins at zero, unless its bound is not above
  /// zero. NaN without an `+Inf` bucket, with fewer than two buckets, and without observations.
  static func ofHistogram(_ q: Double, _ buckets: inout [Bucket]) -> (value: Double, fix: Fix?) {
    if let value = outOfRange(q) { return (value, nil) }
    guard let last = buckets.last, last.upperBound == .infinity else { return (.nan, nil) }
    coalesce(&buckets)
    let fix = makeMonotonic(&buckets)
    guard buckets.count >= 2 else { return (.nan, nil) }
    let observations = buckets[buckets.count - 1].count
    if observations == 0 { return (.nan, nil) }
    var rank = q * observations
    let top = buckets.count - 1
    let b = lowestIndex(below: top) { buckets[$0].count >= rank }
    if b == top { return (buckets[top - 1].upperBound, fix) }
    if b == 0, buckets[0].upperBound <= 0 { return (buckets[0].upperBound, fix) }
    var start = 0.0
    var count = buckets[b].count
    if b > 0 {
      start = buckets[b - 1].upperBound
      count -= buckets[b - 1].count
      rank -= buckets[b - 1].count
    }
    return (start + (buckets[b].upperBound - start) * (rank / count), fix)
  }

  /// The share of observations between `lower` and `upper`.
  static func fraction(_ lower: Double, _ upper: Double, _ buckets: inout [Bucket]) -> Double {
    guard let last = buckets.last, last.upperBound == .infinity else { return .nan }
    coalesce(&buckets)
    let count = buckets[buckets.count - 1].count
    if count == 0 || lower.isNaN || upper.isNaN { return .nan }
    if lower >= upper { return 0 }
    let total = rank(of: upper, in: buckets, count)
    return (total - rank(of: lower, in: buckets, count)) / count
  }

  /// How many observations are below `value`, interpolated within its bucket.
  private static func rank(of value: Double, in buckets: [Bucket], _ count: Double) -> Double {
    var rank = 0.0
    var start = buckets[0].upperBound <= 0 ? -Double.infinity : 0
    for bucket in buckets {
      if start >= value { return min(rank, count) }
      if bucket.upperBound > value {
        let inside = (bucket.count - rank) * (value - start) / (bucket.upperBound - start)
        return min(start == -.infinity ? bucket.count : rank + inside, count)
      }
      rank = bucket.count
      start = bucket.upperBound
    }
    return count
  }

  /// Adds up buckets with the same bound.
  private static func coalesce(_ buckets: inout [Bucket]) {
    var kept = 0
    for i in buckets.indices.dropFirst() {
      if buckets[i].upperBound == buckets[kept].upperBound {
        buckets[kept].count += buckets[i].count
      } else {
        kept += 1
        buckets[kept] = buckets[i]
      }
    }
    buckets.removeLast(buckets.count - kept - 1)
  }

  /// Removes decreases. Differences of a trillionth are rounding errors and vanish silently.
  private static func makeMonotonic(_ buckets: inout [Bucket]) -> Fix? {
    var fix: Fix?
    var previous = buckets[0].count
    for i in buckets.indices.dropFirst() {
      let count = buckets[i].count
      if count == previous { continue }
      if almostEqual(previous, count) {
        buckets[i].count = previous
      } else if count < previous {
        buckets[i].count = previous
        var changed = fix ?? Fix()
        changed.lowestBucket = min(changed.lowestBucket, buckets[i].upperBound)
        changed.highestBucket = max(changed.highestBucket, buckets[i].upperBound)
        changed.largestDifference = max(changed.largestDifference, previous - count)
        fix = changed
      } else {
        previous = count
      }
    }
    return fix
  }

  private static func almostEqual(_ a: Double, _ b: Double) -> Bool {
    let tolerance = 1e-12
    if a.isNaN, b.isNaN { return true }
    let sum = a.magnitude + b.magnitude
    let difference = (a - b).magnitude
    if a == 0 || b == 0 || sum < .leastNormalMagnitude { return difference < tolerance * .leastNormalMagnitude }
    return difference / min(sum, .greatestFiniteMagnitude) < tolerance
  }

  /// The lowest index in `0..<end` for which `condition`, false up to some index and true from there, holds; else `end`.
  static func lowestIndex(below end: Int, where condition: (Int) -> Bool) -> Int {
    var (low, high) = (0, end)
    while low < high {
      let middle = (low + high) / 2
      if condition(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
