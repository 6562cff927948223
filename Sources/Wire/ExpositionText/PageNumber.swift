internal import TimeSeries

/// Reads the numbers of a page as Prometheus does: Go's `strconv.ParseFloat` without hexadecimal and underscores.
enum PageNumber {
  private static let powers:
    (
      Double, Double, Double, Double, Double, Double, Double, Double, Double, Double, Double, Double, Double, Double,
      Double, Double
    ) = (1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15)

  /// The number that is the whole of `word`; `nil` if it is none, or none that a double can hold.
  ///
  /// Digits up to 2⁵³ are an exact double, and so is the power of ten to divide by, so one division rounds correctly
  /// (Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990). Anything else goes to `FloatText`.
  @inline(__always)
  static func value(_ word: UnsafeRawBufferPointer) -> Double? {
    guard let base = word.baseAddress, word.count > 0, word.count <= 17 else { return strange(word) }
    let text = base.assumingMemoryBound(to: UInt8.self)
    let isNegative = text[0] == UInt8(ascii: "-")
    var position = isNegative ? 1 : 0
    var mantissa: UInt64 = 0
    var digits = 0
    var point = -1
    while position < word.count {
      let digit = text[position] &- 48
      if digit < 10 {
        mantissa = mantissa &* 10 &+ UInt64(digit)
        digits &+= 1
      } else if digit == UInt8(ascii: ".") &- 48, point < 0 {
        point = digits
      } else {
        return strange(word)
      }
      position &+= 1
    }
    guard digits > 0, digits <= 15 else { return strange(word) }
    var value = Double(mantissa)
    if point >= 0, point < digits {
      value = withUnsafeBytes(of: powers) { value / $0.load(fromByteOffset: (digits &- point) &* 8, as: Double.self) }
    }
    return isNegative ? -value : value
  }

  private static func strange(_ word: UnsafeRawBufferPointer) -> Double? {
    let value = word.withMemoryRebound(to: UInt8.self) { FloatText.parse($0) }
    guard let value, let first = word.first else { return nil }
    // Go knows no sign of a NaN, and takes a number beyond the range for an error.
    if value.isNaN { return first | 0x20 == UInt8(ascii: "n") ? value : nil }
    if value.isInfinite, word.contains(where: { $0 &- 48 < 10 }) { return nil }
    return value
  }

  /// Milliseconds of a text page: digits alone.
  @inline(__always)
  static func milliseconds(_ word: UnsafeRawBufferPointer) -> Int64? {
    var value: UInt64 = 0
    guard word.count > 0, word.count <= 19 else { return longMilliseconds(word) }
    for byte in word {
      guard byte &- 48 < 10 else { return nil }
      value = value &* 10 &+ UInt64(byte &- 48)
    }
    return Int64(exactly: value)
  }

  private static func longMilliseconds(_ word: UnsafeRawBufferPointer) -> Int64? {
    guard word.allSatisfy({ $0 &- 48 < 10 }) else { return nil }
    return Int64(String(decoding: word, as: UTF8.self))
  }

  /// Milliseconds of an OpenMetrics page, which gives seconds: rounded towards zero.
  ///
  /// The usual form is cut off by its digits. Prometheus multiplies by a thousand in floating point, which is the same for
  /// times since 2001 with up to three digits behind the point, and loses a millisecond of some earlier ones.
  @inline(__always)
  static func seconds(_ word: UnsafeRawBufferPointer) -> Int64? {
    var value: Int64 = 0
    var digits = 0
    var fraction = -1
    for byte in word {
      if byte &- 48 < 10 {
        digits &+= 1
        if fraction >= 3 { continue }
        if fraction >= 0 { fraction &+= 1 }
        value = value &* 10 &+ Int64(byte &- 48)
      } else if byte == UInt8(ascii: "."), fraction < 0 {
        fraction = 0
      } else {
        return strangeSeconds(word)
      }
    }
    // 15 digits with three more cannot overflow.
    guard digits > 0, digits <= 15 else { return strangeSeconds(word) }
    while fraction < 3 {
      value &*= 10
      fraction = max(fraction, 0) &+ 1
    }
    return value
  }

  private static func strangeSeconds(_ word: UnsafeRawBufferPointer) -> Int64? {
    guard let value = value(word), value.isFinite else { return nil }
    return Int64(exactly: (value * 1000).rounded(.towardZero))
  }
}
