/// Strict percent-decoding (RFC 3986 section 2.1): what is not two hexadecimal digits after a `%`, or does not decode
/// to UTF-8, is refused rather than passed on in another meaning.
enum PercentEncoding {
  private static let percent = UInt8(ascii: "%")
  private static let plus = UInt8(ascii: "+")

  /// The text behind `bytes`, or `nil` if they are malformed.
  /// - Parameter plusIsSpace: as in queries and forms (URL standard, application/x-www-form-urlencoded).
  static func decode(_ bytes: ArraySlice<UInt8>, plusIsSpace: Bool) -> String? {
    guard bytes.contains(where: { $0 == percent || (plusIsSpace && $0 == plus) }) else {
      return String(validating: bytes, as: UTF8.self)
    }
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count)
    var i = bytes.startIndex
    while i < bytes.endIndex {
      switch bytes[i] {
      case percent:
        guard i + 2 < bytes.endIndex, let high = hexValue(bytes[i + 1]), let low = hexValue(bytes[i + 2]) else {
          return nil
        }
        decoded.append(high << 4 | low)
        i += 3
      case plus where plusIsSpace:
        decoded.append(UInt8(ascii: " "))
        i += 1
      case let byte:
        decoded.append(byte)
        i += 1
      }
    }
    return String(validating: decoded, as: UTF8.self)
  }

  private static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
