/// Byte-wise comparisons: Prometheus compares names and values by their UTF-8 bytes, Swift compares `String`s by
/// canonical equivalence.
extension String {
  public func hasSameBytes(as other: String) -> Bool {
    utf8.count == other.utf8.count && compareBytes(with: other) == 0
  }

  /// Negative, zero or positive, as `memcmp` has it; a prefix comes before what it begins.
  public func compareBytes(with other: String) -> Int {
    let fast = utf8.withContiguousStorageIfAvailable { mine in
      other.utf8.withContiguousStorageIfAvailable { theirs in compare(mine, theirs) }
    }
    if let order = fast.flatMap({ $0 }) { return order }
    return Array(utf8).withUnsafeBufferPointer { mine in
      Array(other.utf8).withUnsafeBufferPointer { theirs in compare(mine, theirs) }
    }
  }

  public func hashBytes(into hasher: inout Hasher) {
    let done: Void? = utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    if done == nil { for byte in utf8 { hasher.combine(byte) } }
    hasher.combine(0xFF as UInt8)  // no UTF-8 text holds this byte, so it ends one
  }

  /// The text in double quotes, with backslash, quote and line feed escaped, as Prometheus prints label values.
  public var quotedForPrometheus: String {
    var quoted = "\""
    for scalar in unicodeScalars {
      switch scalar {
      case "\\": quoted += "\\\\"
      case "\"": quoted += "\\\""
      case "\n": quoted += "\\n"
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }

  /// Whether this is a metric name of the classic alphabet, `[a-zA-Z_:][a-zA-Z0-9_:]*`, which needs no quotes.
  public var isLegacyMetricName: Bool { isLegacyName(colons: true) }

  /// Whether this is a label name of the classic alphabet, `[a-zA-Z_][a-zA-Z0-9_]*`.
  public var isLegacyLabelName: Bool { isLegacyName(colons: false) }

  private func isLegacyName(colons: Bool) -> Bool {
    guard let first = utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
    return utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      case UInt8(ascii: ":"): colons
      default: false
      }
    }
  }
}

private func compare(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Int {
  for i in 0..<min(a.count, b.count) where a[i] != b[i] {
    return a[i] < b[i] ? -1 : 1
  }
  return a.count - b.count
}
