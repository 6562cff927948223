/// What readers demand of the samples of a typed family, beyond their names.
///
/// Text readers look at little: Go's parser wants numbers for bounds. OpenMetrics validators, Python's
/// `prometheus_client` the strictest at hand, check the sense of the numbers: counters and counts that are not negative,
/// buckets that rise and end in +Inf, where the count is. All samples of a group must then be of one moment.
struct FamilyRules {
  let type: MetricType
  let format: ExpositionFormat

  /// - Parameter bound: of the line, when it has one that is a number.
  func accepts(_ line: HeldFamily.Line, bound: Double?) -> Bool {
    let hasBound = line.bound >= 0
    switch (type, line.part) {
    case (.histogram, .bucket), (.summary, .bare): if bound == nil { return false }
    case (.histogram, _), (.summary, _): if hasBound { return false }
    default: break
    }
    guard format == .openMetrics100 else { return true }
    let value = line.value
    switch line.part {
    case .total, .sum: return value >= 0  // false for NaN
    case .bucket, .count: return value >= 0 && value.isFinite && value == value.rounded()
    case .info: return value == 1
    case .bare: return type != .summary || ((0...1).contains(bound ?? -1) && !(value < 0))
    case .created: return true
    }
  }

  /// The rules of OpenMetrics about a group.
  /// - Parameter lines: of one group, by part and bound, each of them accepted; at least one.
  func accepts(group lines: [(line: HeldFamily.Line, bound: Double?)]) -> Bool {
    guard let first = lines.first, lines.allSatisfy({ $0.line.timestamp == first.line.timestamp }) else { return false }
    guard type == .histogram else { return true }
    let buckets = lines.prefix { $0.line.part == .bucket }
    guard let last = buckets.last, last.bound == .infinity else { return false }
    let isRising = zip(buckets, buckets.dropFirst()).allSatisfy { $0.line.value <= $1.line.value }
    let count = lines.first { $0.line.part == .count }?.line.value
    let hasSum = lines.contains { $0.line.part == .sum }
    let hasNegativeBound = (buckets.first?.bound ?? 0) < 0
    return isRising && (count == nil || count == last.line.value) && hasSum == (count != nil)
      && !(hasSum && hasNegativeBound)
  }
}
