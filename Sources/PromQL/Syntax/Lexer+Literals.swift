internal import TimeSeries

/// Numbers, durations and strings: how far they reach. What they mean is for `Literals` to say.
extension Lexer {
  mutating func lexNumberOrDuration(_ start: Int) throws(ParseError) -> Token.Kind {
    if scanNumber() { return .number }
    if scanDurationRest() { return .duration }
    if let next = scalar() { move(to: position + next.length) }
    let text = text(PositionRange(start: start, end: position))
    throw error(start, "bad number or duration syntax: \(text.quotedAsInGo)")
  }

  /// Whether a number ends at the position reached. What was taken may still be none: reading it will tell.
  private mutating func scanNumber() -> Bool {
    var isDigit: (UInt8) -> Bool = \.isDigit
    var isHex = false
    if peek() == UInt8(ascii: "0"), let x = peek(1), x == UInt8(ascii: "x") || x == UInt8(ascii: "X") {
      move(to: position + 2)
      _ = accept { $0 == UInt8(ascii: "_") }
      isDigit = \.isHexDigit
      isHex = true
    }
    func isExponent(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") }
    func isDot(_ byte: UInt8) -> Bool { byte == UInt8(ascii: ".") }
    func isUnderscore(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "_") }
    _ = accept(isDot)
    var sawDot = false
    var sawExponent = false
    skip(while: isDigit)
    while let byte = peek() {
      if isDigit(byte) {
        skip(while: isDigit)
      } else if isDot(byte) {
        move(to: position + 1)
        if sawDot || isHex || accept({ isDot($0) || isUnderscore($0) }) { return false }
        sawDot = true
      } else if isExponent(byte) {
        move(to: position + 1)
        if sawExponent { return false }
        sawExponent = true
        _ = accept { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
        if accept({ isDot($0) || isUnderscore($0) || isExponent($0) }) || peek() == nil { return false }
      } else if isUnderscore(byte) {
        move(to: position + 1)
        if accept({ isDot($0) || isUnderscore($0) || isExponent($0) }) || peek() == nil { return false }
      } else {
        break
      }
    }
    return peek()?.isWord != true
  }

  /// Takes what makes the number just taken a duration: a unit, then more numbers and units.
  private mutating func scanDurationRest() -> Bool {
    func isUnit(_ byte: UInt8) -> Bool { "smhdw".utf8.contains(byte) }
    guard accept({ isUnit($0) || $0 == UInt8(ascii: "y") }) else { return false }
    _ = accept { $0 == UInt8(ascii: "s") }
    while accept(\.isDigit) {
      skip(while: \.isDigit)
      guard accept(isUnit) else { return false }
      _ = accept { $0 == UInt8(ascii: "s") }
    }
    return peek()?.isWord != true
  }

  /// A string when a quote is at hand.
  mutating func lexString(_ start: Int, _ quote: UInt8) throws(ParseError) -> Token.Kind? {
    switch quote {
    case UInt8(ascii: "\""), UInt8(ascii: "'"): try lexQuoted(start, quote)
    case UInt8(ascii: "`"): try lexRaw(start)
    default: return nil
    }
    return .string
  }

  private mutating func lexQuoted(_ start: Int, _ quote: UInt8) throws(ParseError) {
    move(to: position + 1)
    while true {
      guard let byte = peek(), byte != UInt8(ascii: "\n") else { throw error(start, "unterminated quoted string") }
      if byte == UInt8(ascii: "\\") {
        move(to: position + 1)
        try lexEscape(start, quote)
      } else {
        guard let (scalar, length) = scalar(), scalar != "\u{FFFD}" else { throw error(start, "invalid UTF-8 rune") }
        move(to: position + length)
        if byte == quote { return }
      }
    }
  }

  private mutating func lexRaw(_ start: Int) throws(ParseError) {
    move(to: position + 1)
    while let byte = peek() {
      guard let (scalar, length) = scalar(), scalar != "\u{FFFD}" else { throw error(start, "invalid UTF-8 rune") }
      move(to: position + length)
      if byte == UInt8(ascii: "`") { return }
    }
    throw error(start, "unterminated raw string")
  }

  private mutating func lexEscape(_ start: Int, _ quote: UInt8) throws(ParseError) {
    guard let byte = peek() else { throw error(start, "escape sequence not terminated") }
    if "abfnrtv\\".utf8.contains(byte) || byte == quote { return move(to: position + 1) }
    let (count, base, limit): (Int, UInt32, UInt32)
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "7"): (count, base, limit) = (3, 8, 255)
    case UInt8(ascii: "x"): (count, base, limit) = (2, 16, 255)
    case UInt8(ascii: "u"): (count, base, limit) = (4, 16, 0x10FFFF)
    case UInt8(ascii: "U"): (count, base, limit) = (8, 16, 0x10FFFF)
    default: throw error(start, "unknown escape sequence \(codePoint())")
    }
    if base == 16 { move(to: position + 1) }
    var value: UInt64 = 0
    for _ in 0..<count {
      guard let digit = peek() else { throw error(start, "escape sequence not terminated") }
      guard let number = digit.hexValue, number < base else {
        throw error(start, "illegal character \(codePoint()) in escape sequence")
      }
      value = value * UInt64(base) + UInt64(number)
      move(to: position + 1)
    }
    if value > limit || (0xD800..<0xE000).contains(value) {
      throw error(start, "escape sequence is an invalid Unicode code point")
    }
  }

  /// As Go's `%#U`: `U+0071 'q'`.
  private func codePoint() -> String {
    let scalar = scalar()?.scalar ?? "\u{FFFD}"
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return "U+\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits) \(scalar.quotedAsInGo)"
  }
}

extension UInt8 {
  var hexValue: UInt32? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(self - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(self - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(self - UInt8(ascii: "A")) + 10
    default: nil
    }
  }
}
