internal import Glibc
internal import TimeSeries

/// The labels of one sample, put together from the members of its object. Used again and again; what it holds is lent
/// by the text that the members lie in.
struct LabelList: ~Copyable {
  private var labels: [LabelBytes] = []
  /// Texts that had escapes, without them, one after the other.
  private var unescaped: [UInt8] = []
  /// Which of the labels' texts lie in `unescaped`, and where: its address changes while it grows.
  private var moved: [(label: Int, isName: Bool, span: Range<Int>)] = []

  mutating func removeAll() {
    labels.removeAll(keepingCapacity: true)
    unescaped.removeAll(keepingCapacity: true)
    moved.removeAll(keepingCapacity: true)
  }

  /// Adds a member as a label; one with an empty value is none.
  mutating func append(_ member: ObjectScanner.Member, of text: UnsafeRawBufferPointer) throws(SampleRejection) {
    guard !member.key.isEmpty else { throw .emptyLabelName }
    let name = UnsafeRawBufferPointer(rebasing: text[member.key])
    let value = UnsafeRawBufferPointer(rebasing: text[member.value])
    let place = labels.count
    if member.keyHasEscapes {
      try unescape(name, label: place, isName: true)
    } else if !Self.isUTF8(name) {
      throw .invalidUTF8
    }
    if member.valueHasEscapes {
      try unescape(value, label: place, isName: false)
    } else if !Self.isUTF8(value) {
      throw .invalidUTF8
    }
    if value.isEmpty {
      if moved.last?.label == place { moved.removeLast() }  // its name had escapes; the place is the next label's
    } else {
      labels.append(LabelBytes(name: name, value: value))
    }
  }

  private mutating func unescape(
    _ escaped: UnsafeRawBufferPointer, label: Int, isName: Bool
  ) throws(SampleRejection) {
    let start = unescaped.count
    guard ObjectScanner.unescape(escaped, into: &unescaped),
      String(validating: unescaped[start...], as: UTF8.self) != nil
    else { throw .invalidUTF8 }
    moved.append((label, isName, start..<unescaped.count))
  }

  /// Lends the labels, sorted by name.
  /// - Throws: when a name is there twice, or there is no metric name.
  mutating func withLabels<R>(_ body: (UnsafeBufferPointer<LabelBytes>) -> R) throws(SampleRejection) -> R {
    var labels: [LabelBytes] = []
    swap(&labels, &self.labels)
    defer { swap(&labels, &self.labels) }
    if moved.isEmpty {
      try Self.sort(&labels)
      return labels.withUnsafeBufferPointer(body)
    }
    let outcome: Result<R, SampleRejection> = unescaped.withUnsafeBytes { unescaped in
      for (label, isName, span) in moved where label < labels.count {
        let text = UnsafeRawBufferPointer(rebasing: unescaped[span])
        if isName { labels[label].name = text } else { labels[label].value = text }
      }
      do throws(SampleRejection) {
        try Self.sort(&labels)
      } catch {
        return .failure(error)
      }
      return .success(labels.withUnsafeBufferPointer(body))
    }
    return try outcome.get()
  }

  /// Most producers write their labels in order; the others' lists are short.
  private static func sort(_ labels: inout [LabelBytes]) throws(SampleRejection) {
    let hasName = try labels.withUnsafeMutableBufferPointer { labels throws(SampleRejection) in
      var hasName = false
      for i in labels.indices {
        hasName = hasName || isMetricName(labels[i].name)
        var k = i
        while k > 0, case let order = compare(labels[k - 1].name, labels[k].name), order >= 0 {
          if order == 0 { throw SampleRejection.repeatedLabel }
          labels.swapAt(k - 1, k)
          k -= 1
        }
      }
      return hasName
    }
    guard hasName else { throw .missingName }
  }

  /// `__name__` as a word in memory.
  private static let metricNameWord = Array(Label.metricName.utf8).withUnsafeBytes { $0.load(as: UInt64.self) }

  private static func isMetricName(_ name: UnsafeRawBufferPointer) -> Bool {
    name.count == 8 && name.loadUnaligned(as: UInt64.self) == metricNameWord
  }

  private static func compare(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    guard let start = a.baseAddress, let other = b.baseAddress else { return a.count - b.count }
    let order = memcmp(start, other, min(a.count, b.count))
    return order == 0 ? a.count - b.count : Int(order)
  }

  private static func isUTF8(_ text: UnsafeRawBufferPointer) -> Bool {
    var high: UInt64 = 0
    var i = 0
    while i &+ 8 < text.count {
      high |= text.loadUnaligned(fromByteOffset: i, as: UInt64.self)
      i &+= 8
    }
    if text.count >= 8 {  // overlaps the word before
      high |= text.loadUnaligned(fromByteOffset: text.count &- 8, as: UInt64.self)
    } else {
      for byte in text { high |= UInt64(byte) }
    }
    return high & 0x8080_8080_8080_8080 == 0 || String(validating: text, as: UTF8.self) != nil
  }
}
