internal import Glibc
internal import TimeSeries

/// Quick looks at lent bytes, so that the common case is one scan and one copy.
enum LabelText {
  /// Whether a value can be copied as it is: ASCII without backslash, double quote and line feed. Sixteen bytes at a
  /// time, the last ones overlapping. Byte-wise SIMD comparisons would read better, but Swift 6.3 compiles their masks
  /// lane by lane: 15 times slower, measured over a page of 100,000 series.
  static func isPlainValue(_ text: UnsafeRawBufferPointer) -> Bool {
    guard let start = text.baseAddress else { return true }
    let count = text.count
    if count >= 16 {
      var special = SIMD2<UInt64>.zero
      var i = 0
      while i < count {
        // Within bounds: the last round begins 16 bytes before the end.
        special |= specials(in: start.loadUnaligned(fromByteOffset: min(i, count &- 16), as: SIMD2<UInt64>.self))
        i &+= 16
      }
      return (special[0] | special[1]) & 0x8080_8080_8080_8080 == 0
    }
    // Shorter ones fit two words that overlap, or one with spaces in its empty places.
    var words = SIMD2<UInt64>(repeating: 0x2020_2020_2020_2020)
    if count >= 8 {
      words[0] = start.loadUnaligned(as: UInt64.self)
      words[1] = start.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
    } else if count >= 4 {
      let head = UInt64(start.loadUnaligned(as: UInt32.self))
      words[0] = head | UInt64(start.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)) << 32
    } else {
      for i in 0..<count { words[0] = words[0] << 8 | UInt64(text[i]) }
    }
    let special = specials(in: words)
    return (special[0] | special[1]) & 0x8080_8080_8080_8080 == 0
  }

  /// Sets the top bits of words that hold a byte to escape, by the usual trick: a byte of `word ^ pattern` is zero
  /// exactly where `word` has it, and zero is the only byte below 0x80 from which subtracting one sets the top bit.
  @inline(__always)
  private static func specials(in words: SIMD2<UInt64>) -> SIMD2<UInt64> {
    @inline(__always)
    func occurrences(of byte: UInt8) -> SIMD2<UInt64> {
      let ones: UInt64 = 0x0101_0101_0101_0101
      let difference = words ^ SIMD2(repeating: ones &* UInt64(byte))
      return (difference &- SIMD2(repeating: ones)) & ~difference
    }
    return words | occurrences(of: UInt8(ascii: "\\")) | occurrences(of: UInt8(ascii: "\""))
      | occurrences(of: UInt8(ascii: "\n"))
  }

  /// Whether a label name is of the classic alphabet and not one of Prometheus' internal ones (`__…`).
  static func isPlainName(_ name: UnsafeRawBufferPointer) -> Bool {
    guard let first = name.first, !isDigit(first) else { return false }
    if name.count > 1, first == UInt8(ascii: "_"), name[1] == UInt8(ascii: "_") { return false }
    var plain = true
    for byte in name {
      let isLetter = (byte | 0x20) &- UInt8(ascii: "a") < 26
      plain = plain && (isLetter || isDigit(byte) || byte == UInt8(ascii: "_"))
    }
    return plain
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

  static func equal(_ a: UnsafeRawBufferPointer, _ b: [UInt8]) -> Bool {
    b.withUnsafeBytes { equal(a, $0) }
  }

  static func equal(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    guard a.count == b.count else { return false }
    guard let start = a.baseAddress, let other = b.baseAddress else { return true }
    return memcmp(start, other, a.count) == 0
  }

  /// Appends a label value, escaped where it needs that. Bytes that are no UTF-8 become U+FFFD: one of them would make
  /// a scraper refuse the whole page.
  static func appendValue(_ value: UnsafeRawBufferPointer, to out: inout ByteWriter) {
    if isPlainValue(value) { out.append(value) } else { appendEscaped(value, quotes: true, to: &out) }
  }

  /// - Parameter quotes: whether double quotes are escaped; in the HELP lines of text 0.0.4 they are not.
  static func appendEscaped(_ text: UnsafeRawBufferPointer, quotes: Bool, to out: inout ByteWriter) {
    guard isUTF8(text) else {
      var repaired = String(decoding: text, as: UTF8.self)
      return repaired.withUTF8 { appendEscaped(UnsafeRawBufferPointer($0), quotes: quotes, to: &out) }
    }
    var start = 0
    for (i, byte) in text.enumerated() {
      let escaped: UInt8
      switch byte {
      case UInt8(ascii: "\\"): escaped = byte
      case UInt8(ascii: "\""): if quotes { escaped = byte } else { continue }
      case UInt8(ascii: "\n"): escaped = UInt8(ascii: "n")
      default: continue
      }
      out.append(UnsafeRawBufferPointer(rebasing: text[start..<i]))
      out.append(UInt8(ascii: "\\"))
      out.append(escaped)
      start = i + 1
    }
    out.append(UnsafeRawBufferPointer(rebasing: text[start...]))
  }

  private static func isUTF8(_ text: UnsafeRawBufferPointer) -> Bool {
    text.withMemoryRebound(to: UInt8.self) { (try? UTF8Span(validating: $0.span)) != nil }
  }
}
