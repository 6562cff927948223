/// Takes one flat JSON object apart without building anything: where each key and value lies.
struct ObjectScanner {
  struct Member {
    /// Offsets into the text; strings without their quotes.
    var key: Range<Int>
    var value: Range<Int>
    var kind: Kind
    var keyHasEscapes: Bool
    var valueHasEscapes: Bool
  }

  enum Kind {
    case string, number, literal, null, nested
  }

  static let membersMax = 512
  private static let depthMax = 128

  /// Of the object scanned last; beyond `membersMax` none is noted.
  private(set) var members: [Member] = []
  private(set) var memberCount = 0

  init() { members.reserveCapacity(64) }

  /// Scans the object whose brace is at `start`. The text is followed by zeros.
  /// - Returns: the offset behind the closing brace.
  mutating func scan(_ text: UnsafeRawBufferPointer, _ start: Int) throws(JSONFault) -> Int {
    members.removeAll(keepingCapacity: true)
    memberCount = 0
    guard let base = text.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
      throw JSONFault(byte: start, expected: "an object")
    }
    var i = Self.skipBlanks(base, start + 1)
    if base[i] == UInt8(ascii: "}") { return i + 1 }
    while true {
      guard base[i] == UInt8(ascii: "\"") else { throw JSONFault(byte: i, expected: "a key in quotes") }
      let (keyEnd, keyHasEscapes) = try Self.stringEnd(base, i + 1, text.count)
      let key = i + 1..<keyEnd
      i = Self.skipBlanks(base, keyEnd + 1)
      guard base[i] == UInt8(ascii: ":") else { throw JSONFault(byte: i, expected: "':' after a key") }
      i = Self.skipBlanks(base, i + 1)
      let member: Member
      (member, i) = try value(base, i, text.count, key: key, keyHasEscapes)
      memberCount += 1
      if memberCount <= Self.membersMax { members.append(member) }
      i = Self.skipBlanks(base, i)
      switch base[i] {
      case UInt8(ascii: ","): i = Self.skipBlanks(base, i + 1)
      case UInt8(ascii: "}"): return i + 1
      default: throw JSONFault(byte: i, expected: "',' or '}' after a value")
      }
    }
  }

  private func value(
    _ base: UnsafePointer<UInt8>, _ start: Int, _ count: Int, key: Range<Int>, _ keyHasEscapes: Bool
  ) throws(JSONFault) -> (Member, Int) {
    func member(_ value: Range<Int>, _ kind: Kind, escapes: Bool = false) -> Member {
      Member(key: key, value: value, kind: kind, keyHasEscapes: keyHasEscapes, valueHasEscapes: escapes)
    }
    switch base[start] {
    case UInt8(ascii: "\""):
      let (end, escapes) = try Self.stringEnd(base, start + 1, count)
      return (member(start + 1..<end, .string, escapes: escapes), end + 1)
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      let end = try Self.nestedEnd(base, start, count)
      return (member(start..<end, .nested), end)
    default:
      let end = Self.barewordEnd(base, start)
      let word = UnsafeBufferPointer(start: base + start, count: end - start)
      switch word.first ?? 0 {
      case UInt8(ascii: "n") where word.elementsEqual("null".utf8): return (member(start..<end, .null), end)
      case UInt8(ascii: "t") where word.elementsEqual("true".utf8),
        UInt8(ascii: "f") where word.elementsEqual("false".utf8):
        return (member(start..<end, .literal), end)
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): return (member(start..<end, .number), end)
      // Not JSON, but what careless producers write for numbers: NaN, +Inf, .5.
      default:
        guard NumberText.value(word) != nil else { throw JSONFault(byte: start, expected: "a value") }
        return (member(start..<end, .number), end)
      }
    }
  }

  private static func barewordEnd(_ base: UnsafePointer<UInt8>, _ start: Int) -> Int {
    var i = start
    while true {
      switch base[i] {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
        i += 1
      default: return i
      }
    }
  }

  @inline(__always) static func skipBlanks(_ base: UnsafePointer<UInt8>, _ start: Int) -> Int {
    var i = start
    while base[i] <= 0x20 && (base[i] == 0x20 || base[i] == 0x0A || base[i] == 0x0D || base[i] == 0x09) { i += 1 }
    return i
  }

  /// The offset of the quote that ends the string whose first character is at `start`. Eight bytes at a time: a byte
  /// is zero exactly where `(x − 0x01…) & ~x & 0x80…` has its high bit (Mycroft), up to the first such byte.
  @inline(__always)
  static func stringEnd(
    _ base: UnsafePointer<UInt8>, _ start: Int, _ count: Int
  ) throws(JSONFault) -> (end: Int, hasEscapes: Bool) {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    var i = start
    var hasEscapes = false
    while i < count {
      let word = UnsafeRawPointer(base + i).loadUnaligned(as: UInt64.self)
      let quotes = word ^ (ones &* 0x22)
      let slashes = word ^ (ones &* 0x5C)
      let found = ((quotes &- ones) & ~quotes | (slashes &- ones) & ~slashes) & highs
      if found == 0 {
        i &+= 8
        continue
      }
      i &+= found.trailingZeroBitCount >> 3
      if i >= count { break }
      if base[i] == UInt8(ascii: "\"") { return (i, hasEscapes) }
      hasEscapes = true
      i &+= 2  // a backslash and what it escapes
    }
    throw JSONFault(byte: start, expected: "the end of a string that begins here")
  }

  private static func nestedEnd(_ base: UnsafePointer<UInt8>, _ start: Int, _ count: Int) throws(JSONFault) -> Int {
    var depth = 0
    var i = start
    while i < count {
      switch base[i] {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        guard depth <= depthMax else { throw JSONFault(byte: i, expected: "less than \(depthMax) levels of nesting") }
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        if depth == 0 { return i + 1 }
      case UInt8(ascii: "\""): i = try stringEnd(base, i + 1, count).end
      default: break
      }
      i += 1
    }
    throw JSONFault(byte: start, expected: "the end of an object or array that begins here")
  }

  /// The end of an array element that is no object.
  static func elementEnd(_ base: UnsafePointer<UInt8>, _ start: Int, _ count: Int) throws(JSONFault) -> Int {
    switch base[start] {
    case UInt8(ascii: "\""): return try stringEnd(base, start + 1, count).end + 1
    case UInt8(ascii: "["): return try nestedEnd(base, start, count)
    default:
      let end = barewordEnd(base, start)
      guard end > start else { throw JSONFault(byte: start, expected: "an object") }
      return end
    }
  }

  /// Undoes the escapes of a JSON string into `out`.
  /// - Returns: false when an escape is none, or half a surrogate pair.
  static func unescape(_ text: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Bool {
    var i = 0
    while i < text.count {
      guard text[i] == UInt8(ascii: "\\") else {
        out.append(text[i])
        i += 1
        continue
      }
      guard i + 1 < text.count else { return false }
      i += 2
      switch text[i - 1] {
      case UInt8(ascii: "n"): out.append(0x0A)
      case UInt8(ascii: "t"): out.append(0x09)
      case UInt8(ascii: "r"): out.append(0x0D)
      case UInt8(ascii: "b"): out.append(0x08)
      case UInt8(ascii: "f"): out.append(0x0C)
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(text[i - 1])
      case UInt8(ascii: "u"):
        guard var code = hex4(text, i) else { return false }
        i += 4
        if code & 0xFC00 == 0xD800 {
          guard i + 1 < text.count, text[i] == UInt8(ascii: "\\"), text[i + 1] == UInt8(ascii: "u"),
            let low = hex4(text, i + 2), low & 0xFC00 == 0xDC00
          else { return false }
          code = 0x10000 + ((code & 0x3FF) << 10 | (low & 0x3FF))
          i += 6
        }
        guard let scalar = Unicode.Scalar(code) else { return false }
        out.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      default: return false
      }
    }
    return true
  }

  private static func hex4(_ text: UnsafeRawBufferPointer, _ start: Int) -> UInt32? {
    guard start + 4 <= text.count else { return nil }
    var code: UInt32 = 0
    for byte in text[start..<start + 4] {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): code = code << 4 | UInt32(byte - 48)
      case UInt8(ascii: "a")...UInt8(ascii: "f"): code = code << 4 | UInt32(byte - 87)
      case UInt8(ascii: "A")...UInt8(ascii: "F"): code = code << 4 | UInt32(byte - 55)
      default: return nil
      }
    }
    return code
  }
}
