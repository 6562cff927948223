internal import TimeSeries

/// Reads the two numbers of a sample, fast where they look as they mostly do.
enum NumberText {
  private static let powers:
    (
      Double, Double, Double, Double, Double, Double, Double, Double, Double, Double, Double, Double, Double, Double,
      Double, Double
    ) = (1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15)

  /// Reads a value from `text` up to where it ends, and moves `text` there. `nil`: no number, `text` is anywhere.
  ///
  /// Up to 2⁵³ the digits without the point are an exact double, and so is the power of ten to divide by, so one
  /// division rounds correctly (Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990). Anything longer
  /// or stranger goes to `FloatText`.
  @inline(__always)
  static func value(_ text: inout UnsafePointer<UInt8>) -> UInt64? {
    let start = text
    var p = text
    let negative = p.pointee == UInt8(ascii: "-")
    if negative { p += 1 }
    var mantissa: UInt64 = 0
    let digitsStart = p
    while case let digit = p.pointee &- 48, digit < 10 {
      mantissa = mantissa &* 10 &+ UInt64(digit)
      p += 1
    }
    var digits = p - digitsStart
    var fraction = 0
    if p.pointee == UInt8(ascii: ".") {
      p += 1
      let fractionStart = p
      while case let digit = p.pointee &- 48, digit < 10 {
        mantissa = mantissa &* 10 &+ UInt64(digit)
        p += 1
      }
      fraction = p - fractionStart
      digits += fraction
    }
    // 15 digits are below 2⁵³ whatever they are; a letter after them is an exponent or no number at all.
    if digits > 0 && digits <= 15 && p.pointee | 0x20 != UInt8(ascii: "e") {
      text = p
      var value = Double(mantissa)
      if fraction > 0 {
        value = withUnsafeBytes(of: powers) { value / $0.load(fromByteOffset: fraction &* 8, as: Double.self) }
      }
      return (negative ? -value : value).bitPattern
    }
    text = start
    return slowValue(&text)
  }

  private static func slowValue(_ text: inout UnsafePointer<UInt8>) -> UInt64? {
    var end = text
    while !endsNumber(end.pointee) && end - text < 400 { end += 1 }
    let word = UnsafeBufferPointer(start: text, count: end - text)
    text = end
    return value(word)
  }

  /// The bits of a value that is the whole of `word`.
  static func value(_ word: UnsafeBufferPointer<UInt8>) -> UInt64? {
    if let value = FloatText.parse(word) { return value.bitPattern }
    return String(decoding: word, as: UTF8.self).lowercased() == "stalenan" ? StaleMarker.bits : nil
  }

  private static func endsNumber(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: "\\"), 0...0x20: true
    default: false
    }
  }

  /// Milliseconds, and whether they were given as seconds.
  struct Timestamp {
    var milliseconds: Int64
    var wasSeconds: Bool
  }

  /// Reads a timestamp that is the whole of `word`: milliseconds, or seconds when it has ten digits or fewer than would
  /// make the year 1973 in milliseconds. A fraction is accepted and rounded to the millisecond.
  static func timestamp(_ word: UnsafeBufferPointer<UInt8>) -> Timestamp? {
    let text = String(decoding: word, as: UTF8.self)
    if let whole = Int64(text) { return timestamp(whole) }
    guard let value = FloatText.parse(word), value.isFinite else { return nil }
    // Ten digits before the point are seconds, and keep their fraction.
    if value.magnitude >= 1e9 && value.magnitude < 1e10 {
      return Timestamp(milliseconds: Int64((value * 1000).rounded()), wasSeconds: true)
    }
    return Int64(exactly: value.rounded()).map { timestamp($0) }
  }

  /// Ten digits are plainly seconds (2001 to 2286); in milliseconds they would be early 1970.
  @inline(__always) static func timestamp(_ whole: Int64) -> Timestamp {
    whole.magnitude >= 1_000_000_000 && whole.magnitude < 10_000_000_000
      ? Timestamp(milliseconds: whole &* 1000, wasSeconds: true) : Timestamp(milliseconds: whole, wasSeconds: false)
  }
}
