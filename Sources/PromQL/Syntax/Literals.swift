internal import TimeSeries

/// What the text of a literal means.
enum Literals {
  struct Malformed: Error {
    let reason: String
  }

  /// A number as Go reads it: an integer in decimal, octal (leading zero) or hexadecimal, else a float; underscores
  /// between digits.
  static func number(_ text: String) throws(Malformed) -> Double {
    if let value = integer(text) { return Double(value) }
    func malformed(_ reason: String) -> Malformed {
      Malformed(reason: "error parsing number: strconv.ParseFloat: parsing \(text.quotedAsInGo): \(reason)")
    }
    let bytes = Array(text.utf8)
    if bytes.count > 1, bytes[0] == UInt8(ascii: "0"), bytes[1] | 0x20 == UInt8(ascii: "x") {
      throw malformed("invalid syntax")
    }
    guard underscoresSeparateDigits(bytes) else { throw malformed("invalid syntax") }
    let digits = bytes.filter { $0 != UInt8(ascii: "_") }
    guard let value = digits.withUnsafeBufferPointer({ FloatText.parse($0) }) else { throw malformed("invalid syntax") }
    if value.isInfinite, bytes.first?.isWordStart != true { throw malformed("value out of range") }
    return value
  }

  private static func integer(_ text: String) -> Int64? {
    var bytes = Array(text.utf8)
    guard underscoresSeparateDigits(bytes) else { return nil }
    bytes.removeAll { $0 == UInt8(ascii: "_") }
    var radix: Int64 = 10
    if bytes.count > 1, bytes[0] == UInt8(ascii: "0") {
      let isHex = bytes[1] | 0x20 == UInt8(ascii: "x")
      radix = isHex ? 16 : 8
      bytes.removeFirst(isHex ? 2 : 1)
    }
    guard !bytes.isEmpty else { return nil }
    var value: Int64 = 0
    for byte in bytes {
      guard let digit = byte.hexValue.map(Int64.init), digit < radix else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: radix)
      let (sum, carry) = product.addingReportingOverflow(digit)
      if overflow || carry { return nil }
      value = sum
    }
    return value
  }

  private static func underscoresSeparateDigits(_ bytes: [UInt8]) -> Bool {
    for (i, byte) in bytes.enumerated() where byte == UInt8(ascii: "_") {
      let afterPrefix = i == 2 && bytes[0] == UInt8(ascii: "0") && bytes[1] | 0x20 == UInt8(ascii: "x")
      guard i > 0, i + 1 < bytes.count, afterPrefix || bytes[i - 1].isHexDigit, bytes[i + 1].isHexDigit else {
        return false
      }
    }
    return true
  }

  /// A Prometheus duration in milliseconds: units from years down to milliseconds, each at most once, whole numbers.
  static func durationMilliseconds(_ text: String) throws(Malformed) -> Int64 {
    if text == "0" { return 0 }
    let units: [(name: String, milliseconds: Int64)] = [
      ("y", 31_536_000_000), ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000),
      ("ms", 1),
    ]
    let invalid = Malformed(reason: "not a valid duration string: \(text.quotedAsInGo)")
    var rest = Substring(text)
    var nextUnit = 0
    var total: Int64 = 0
    if rest.isEmpty { throw Malformed(reason: "empty duration string") }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(digits.count)
      let name = rest.prefix { !($0.isASCII && $0.isNumber) }
      rest = rest.dropFirst(name.count)
      guard !digits.isEmpty, let unit = units[nextUnit...].firstIndex(where: { $0.name == name }) else { throw invalid }
      nextUnit = unit + 1
      // Go counts nanoseconds in 64 bits, which bounds what a duration can be.
      guard let count = Int64(digits) else { throw Malformed(reason: "duration out of range") }
      let (milliseconds, overflow) = count.multipliedReportingOverflow(by: units[unit].milliseconds)
      let (sum, carry) = total.addingReportingOverflow(milliseconds)
      if overflow || carry || sum > .max / 1_000_000 { throw Malformed(reason: "duration out of range") }
      total = sum
    }
    return total
  }

  /// The text of a quoted string, escapes resolved. Bytes that make no UTF-8 become replacement characters.
  static func string(_ literal: [UInt8]) -> String {
    guard literal.count >= 2 else { return "" }
    let inside = literal[1..<literal.count - 1]
    if literal[0] == UInt8(ascii: "`") { return String(decoding: inside, as: UTF8.self) }
    var text: [UInt8] = []
    var i = inside.startIndex
    func number(_ digits: Int, radix: UInt32) -> UInt32 {
      defer { i += digits }
      return inside[i..<min(i + digits, inside.endIndex)].reduce(0) { $0 &* radix &+ ($1.hexValue ?? 0) }
    }
    while i < inside.endIndex {
      let byte = inside[i]
      i += 1
      guard byte == UInt8(ascii: "\\"), i < inside.endIndex else {
        text.append(byte)
        continue
      }
      let escape = inside[i]
      i += 1
      switch escape {
      case UInt8(ascii: "a"): text.append(0x07)
      case UInt8(ascii: "b"): text.append(0x08)
      case UInt8(ascii: "f"): text.append(0x0C)
      case UInt8(ascii: "n"): text.append(0x0A)
      case UInt8(ascii: "r"): text.append(0x0D)
      case UInt8(ascii: "t"): text.append(0x09)
      case UInt8(ascii: "v"): text.append(0x0B)
      case UInt8(ascii: "0")...UInt8(ascii: "7"):
        i -= 1
        text.append(UInt8(truncatingIfNeeded: number(3, radix: 8)))
      case UInt8(ascii: "x"): text.append(UInt8(truncatingIfNeeded: number(2, radix: 16)))
      case UInt8(ascii: "u"), UInt8(ascii: "U"):
        let value = number(escape == UInt8(ascii: "u") ? 4 : 8, radix: 16)
        text.append(contentsOf: String(Unicode.Scalar(value) ?? "\u{FFFD}").utf8)
      default: text.append(escape)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Milliseconds as Prometheus writes a duration; years and weeks only when nothing is left over.
  static func durationText(_ milliseconds: Int64) -> String {
    if milliseconds == 0 { return "0s" }
    var rest = milliseconds
    var text = ""
    let units: [(name: String, milliseconds: Int64, exact: Bool)] = [
      ("y", 31_536_000_000, true), ("w", 604_800_000, true), ("d", 86_400_000, false), ("h", 3_600_000, false),
      ("m", 60_000, false), ("s", 1000, false), ("ms", 1, false),
    ]
    for unit in units where !unit.exact || rest % unit.milliseconds == 0 {
      let count = rest / unit.milliseconds
      if count > 0 {
        text += "\(count)\(unit.name)"
        rest -= count * unit.milliseconds
      }
    }
    return text
  }
}
