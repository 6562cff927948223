/// A sum that keeps track of what rounding takes away (Neumaier's variant of Kahan summation), as Prometheus adds.
struct CompensatedSum {
  var sum: Double
  var compensation = 0.0

  init(_ sum: Double = 0) { self.sum = sum }

  @inline(__always) mutating func add(_ value: Double) {
    let total = sum + value
    if total.isInfinite {
      compensation = 0
    } else if sum.magnitude >= value.magnitude {
      compensation += (sum - total) + value
    } else {
      compensation += (value - total) + sum
    }
    sum = total
  }

  @inline(__always) var value: Double { sum + compensation }
}

/// A mean: the sum over the count for as long as the sum does not overflow, an incremental mean from there on.
struct CompensatedMean {
  private var total: CompensatedSum
  private var count = 1.0
  private var mean = 0.0
  private var isIncremental = false

  init(_ first: Double) { total = CompensatedSum(first) }

  @inline(__always) mutating func add(_ value: Double) {
    count += 1
    if !isIncremental {
      var next = total
      next.add(value)
      if !next.sum.isInfinite {
        total = next
        return
      }
      isIncremental = true
      mean = total.sum / (count - 1)
      total.compensation /= count - 1
    }
    let weight = (count - 1) / count
    var next = CompensatedSum(weight * mean)
    next.compensation = weight * total.compensation
    next.add(value / count)
    mean = next.sum
    total.compensation = next.compensation
  }

  /// Adds what another mean was made of.
  mutating func merge(_ other: CompensatedMean) {
    if !isIncremental, !other.isIncremental {
      var next = total
      next.add(other.total.sum)
      if !next.sum.isInfinite || total.sum.isInfinite || other.total.sum.isInfinite {
        next.compensation += next.sum.isInfinite ? 0 : other.total.compensation
        total = next
        count += other.count
        return
      }
    }
    let all = count + other.count
    mean = value * (count / all) + other.value * (other.count / all)
    total.compensation = 0
    isIncremental = true
    count = all
  }

  @inline(__always) var value: Double {
    isIncremental ? mean + total.compensation : total.sum / count + total.compensation / count
  }
}
