internal import Glibc
internal import TimeSeries

/// Quick looks at lent bytes, so that the common case is one scan and one copy.
enum LabelText {
  /// Whether a value can be copied as it is: ASCII without backslash, double quote and line feed.
  static func isPlainValue(_ text: UnsafeRawBufferPointer) -> Bool {
    TextScan.isPlain(text) { words in
      words | TextScan.occurrences(of: UInt8(ascii: "\\"), in: words)
        | TextScan.occurrences(of: UInt8(ascii: "\""), in: words)
        | TextScan.occurrences(of: UInt8(ascii: "\n"), in: words)
    }
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
