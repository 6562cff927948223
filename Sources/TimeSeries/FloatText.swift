internal import CCharConv

/// Sample values as text: the shortest decimal digits that read back to the same double, in the notations of the Go
/// programs on either side of us (`strconv.FormatFloat` with precision −1).
public enum FloatText {
  /// When a number takes an exponent.
  public enum Notation: Sendable {
    /// Exposition pages, Go's `'g'`: below 1e-04 and from 1e+06 on (`prometheus/common: expfmt/text_create.go`).
    case exposition
    /// JSON answers: below 1e-06 and from 1e+21 on (`prometheus/prometheus: util/jsonutil/marshal.go`).
    case json
    /// Never, Go's `'f'`: scalar results and PromQL's own printing.
    case plain
  }

  /// Room that any number needs, in bytes.
  public static let lengthMax = 352

  /// Writes `value` at `out`, which has room for `lengthMax` bytes, and returns the length written.
  public static func write(_ value: Double, _ notation: Notation, to out: UnsafeMutablePointer<UInt8>) -> Int {
    if value.isNaN { return write("NaN", to: out) }
    if value.isInfinite { return write(value < 0 ? "-Inf" : "+Inf", to: out) }
    // Most samples are whole numbers: their digits are the shortest ones, no search needed.
    let wholeLimit = notation == .exposition ? 1e6 : 0x1p53
    if value.magnitude < wholeLimit, value == value.rounded(.towardZero), value != 0 || value.sign == .plus {
      return IntegerText.write(Int64(value), to: out)
    }
    return out.withMemoryRebound(to: CChar.self, capacity: lengthMax) { text in
      switch notation {
      case .plain: fixed(value, text)
      case .exposition: exponentIfNeeded(value, in: -4..<6, text)
      case .json: exponentIfNeeded(value, in: -6..<21, text)
      }
    }
  }

  public static func append(_ value: Double, _ notation: Notation, to bytes: inout [UInt8]) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: lengthMax) { text in
      let count = text.baseAddress.map { write(value, notation, to: $0) } ?? 0
      bytes.append(contentsOf: text.prefix(count))
    }
  }

  public static func string(_ value: Double, _ notation: Notation) -> String {
    var bytes: [UInt8] = []
    append(value, notation, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Go's and C++'s scientific forms agree (at least two exponent digits, sign always), so only numbers whose exponent
  /// lies in `plain` change notation.
  private static func exponentIfNeeded(_ value: Double, in plain: Range<Int>, _ text: UnsafeMutablePointer<CChar>)
    -> Int
  {
    let count = promring_format_scientific(value, text)
    return plain.contains(exponent(text, count).value) ? fixed(value, text) : count
  }

  /// The exponent of the scientific form in `text`, and where its `e` is.
  private static func exponent(_ text: UnsafeMutablePointer<CChar>, _ count: Int) -> (value: Int, start: Int) {
    guard let e = (0..<count).last(where: { text[$0] == CChar(bitPattern: UInt8(ascii: "e")) }) else {
      return (0, count)
    }
    var exponent = 0
    for i in (e + 2)..<count { exponent = exponent * 10 + Int(text[i]) - 48 }
    return (text[e + 1] == CChar(bitPattern: UInt8(ascii: "-")) ? -exponent : exponent, e)
  }

  /// Without an exponent. From 2⁵³ on C++ writes every digit of the binary number, Go the shortest ones and zeros.
  private static func fixed(_ value: Double, _ text: UnsafeMutablePointer<CChar>) -> Int {
    if value.magnitude < 0x1p53 { return promring_format_fixed(value, text) }
    let (exponent, end) = exponent(text, promring_format_scientific(value, text))
    let sign = value < 0 ? 1 : 0
    // The point stands behind the first digit, and there are never more digits than the number is long.
    var count = sign + 1
    for i in (count + 1)..<max(end, count + 1) {
      text[count] = text[i]
      count += 1
    }
    while count < sign + exponent + 1 {
      text[count] = CChar(bitPattern: UInt8(ascii: "0"))
      count += 1
    }
    return count
  }

  private static func write(_ word: StaticString, to out: UnsafeMutablePointer<UInt8>) -> Int {
    out.update(from: word.utf8Start, count: word.utf8CodeUnitCount)
    return word.utf8CodeUnitCount
  }

  /// Reads a sample value: decimal notation of any kind, `NaN`, `Inf`, `Infinity` with or without sign, in any case.
  /// Returns `nil` when the text is anything else. Numbers beyond double's range become ±Inf or ±0, as in Go and Java.
  public static func parse(_ text: UnsafeBufferPointer<UInt8>) -> Double? {
    guard let first = text.first, let base = text.baseAddress else { return nil }
    let signed = first == UInt8(ascii: "-") || first == UInt8(ascii: "+")
    let digits = UnsafeBufferPointer(rebasing: text.dropFirst(signed ? 1 : 0))
    guard let lead = digits.first, let start = digits.baseAddress else { return nil }
    let negative = first == UInt8(ascii: "-")
    if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(lead) || lead == UInt8(ascii: ".") {
      var value = 0.0
      let taken = start.withMemoryRebound(to: CChar.self, capacity: digits.count) {
        promring_parse_double($0, digits.count, &value)
      }
      if taken == digits.count { return negative ? -value : value }
      // <charconv> leaves out-of-range numbers to us; the standard library of Swift rounds them to ±Inf and ±0.
      guard taken == 0, digits.allSatisfy(isDecimalCharacter) else { return nil }
      return Double(String(decoding: UnsafeBufferPointer(start: base, count: text.count), as: UTF8.self))
    }
    switch String(decoding: digits, as: UTF8.self).lowercased() {
    case "nan": return Double(bitPattern: StaleMarker.normalNaNBits)
    case "inf", "infinity": return negative ? -.infinity : .infinity
    default: return nil
    }
  }

  private static func isDecimalCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"),
      UInt8(ascii: "+"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}

/// Integers as decimal text, without an intermediate `String`.
public enum IntegerText {
  /// Room that any `Int64` needs, in bytes.
  public static let lengthMax = 20

  /// Writes `value` at `out`, which has room for `lengthMax` bytes, and returns the length written.
  public static func write(_ value: Int64, to out: UnsafeMutablePointer<UInt8>) -> Int {
    var rest = value.magnitude
    var digits = 1
    var bound: UInt64 = 10
    while digits < 20, rest >= bound {
      digits += 1
      bound = digits < 20 ? bound * 10 : bound
    }
    let sign = value < 0 ? 1 : 0
    if value < 0 { out[0] = UInt8(ascii: "-") }
    var i = sign + digits
    while i > sign {
      i -= 1
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      out[i] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: digit)
      rest = quotient
    }
    return sign + digits
  }
}
