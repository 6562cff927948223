/// What a request says about who makes it (`Authorization`, RFC 7617 and RFC 6750).
enum Credentials: Equatable {
  case none
  /// The field is there, but says nothing that we understand.
  case malformed
  case basic(user: [UInt8], password: [UInt8])
  case bearer(token: [UInt8])

  init(_ headers: HeaderFields) {
    let fields = headers.all("Authorization")
    guard let field = fields.first else {
      self = .none
      return
    }
    let words = field.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
    guard fields.count == 1, words.count == 2 else {
      self = .malformed
      return
    }
    let rest = words[1].utf8.drop { $0 == UInt8(ascii: " ") }
    if hasSameLetters(String(words[0]), "Bearer") {
      self = .bearer(token: Array(rest))
    } else if hasSameLetters(String(words[0]), "Basic"), let pair = Base64.decode(rest),
      let colon = pair.firstIndex(of: UInt8(ascii: ":"))
    {
      self = .basic(user: Array(pair[..<colon]), password: Array(pair[(colon + 1)...]))
    } else {
      self = .malformed
    }
  }
}

/// RFC 4648 section 4.
enum Base64 {
  private static let values: [UInt8: UInt32] = {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    return Dictionary(uniqueKeysWithValues: zip(alphabet, 0...))
  }()

  /// `nil` unless the text is whole groups of four, padded at the end.
  static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    let padding = text.suffix(2).count { $0 == UInt8(ascii: "=") }
    guard text.count % 4 == 0, padding <= text.count else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var group: UInt32 = 0
    for (i, letter) in text.enumerated() {
      let isPadding = i >= text.count - padding
      guard let value = isPadding ? 0 : values[letter] else { return nil }
      group = group << 6 | value
      if i % 4 == 3 {
        bytes += [UInt8(group >> 16 & 0xff), UInt8(group >> 8 & 0xff), UInt8(group & 0xff)]
        group = 0
      }
    }
    // `x===` and `x=y=` have a pad where a letter belongs: it is not in the table, or is followed by one that is.
    guard padding < 2 || text.suffix(2).allSatisfy({ $0 == UInt8(ascii: "=") }),
      padding != 1 || text.suffix(1).first == UInt8(ascii: "=")
    else { return nil }
    return Array(bytes.dropLast(padding))
  }
}
