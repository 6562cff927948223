internal import Glibc
internal import TimeSeries

/// The labels of one series while they are put in order: memory that is used again and again.
struct SeriesLabels: ~Copyable {
  private let labels: UnsafeMutablePointer<LabelBytes>
  private let capacity: Int
  private(set) var count = 0

  init(capacity: Int) {
    self.capacity = max(capacity, 1)
    labels = .allocate(capacity: self.capacity)
  }

  deinit { labels.deallocate() }

  var lent: UnsafeBufferPointer<LabelBytes> { UnsafeBufferPointer(start: labels, count: count) }

  mutating func removeAll() { count = 0 }

  /// Adds a label, unless it has no value and so is none (`prometheus/prometheus: model/labels`).
  /// - Precondition: there are fewer than the capacity.
  @inline(__always)
  mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
    if value.count == 0, name.count > 0 { return }
    precondition(count < capacity, "more than \(capacity) labels")
    labels[count] = LabelBytes(name: name, value: value)
    count &+= 1
  }

  /// Sorts the labels where the sender has not, and checks them.
  /// - Parameter anyNames: names of any characters, not only of the classic alphabet.
  /// - Returns: the first rule that they break.
  mutating func normalise(_ limits: RemoteWriteLimits, anyNames: Bool) -> SeriesRejection? {
    guard count > 0 else { return .noLabels }
    if !isSorted { sort() }
    var hasMetricName = false
    for i in 0..<count {
      let (name, value) = (labels[i].name, labels[i].value)
      if name.count == 0 { return .emptyLabelName }
      if name.count > limits.labelNameBytesMax { return .labelNameTooLong }
      if value.count > limits.labelValueBytesMax { return .labelValueTooLong }
      if i > 0, Self.compare(labels[i - 1].name, name) == 0 { return .duplicateLabel }
      let isMetricName = Self.isMetricName(name)
      hasMetricName = hasMetricName || isMetricName
      if !anyNames {
        if isMetricName, !Self.isClassic(value, colons: true) { return .invalidMetricName }
        if !Self.isClassic(name, colons: false) { return .invalidLabelName }
      }
    }
    return hasMetricName ? nil : .noMetricName
  }

  private var isSorted: Bool {
    for i in 1..<max(count, 1) where Self.compare(labels[i - 1].name, labels[i].name) > 0 { return false }
    return true
  }

  /// By insertion: a few dozen at most, and nearly in order.
  private func sort() {
    for i in 1..<count {
      let label = labels[i]
      var place = i
      while place > 0, Self.compare(labels[place - 1].name, label.name) > 0 {
        labels[place] = labels[place - 1]
        place -= 1
      }
      labels[place] = label
    }
  }

  static func isMetricName(_ name: UnsafeRawBufferPointer) -> Bool {
    // "__name__" as one word.
    guard name.count == 8, let base = name.baseAddress else { return false }
    return UInt64(bigEndian: base.loadUnaligned(as: UInt64.self)) == 0x5F5F_6E61_6D65_5F5F
  }

  @inline(__always)
  private static func compare(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    guard let x = a.baseAddress, let y = b.baseAddress else { return a.count - b.count }
    let order = Int(memcmp(x, y, min(a.count, b.count)))
    return order == 0 ? a.count - b.count : order
  }

  private static func isClassic(_ name: UnsafeRawBufferPointer, colons: Bool) -> Bool {
    guard let first = name.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
    return name.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      case UInt8(ascii: ":"): colons
      default: false
      }
    }
  }

  /// For messages about the series; what there is of it.
  var description: String { LabelSet(lent.map(\.label)).description }
}
