/// Reads JSON (RFC 8259) into the tree that tasks are taken from, with the positions that error messages need.
public struct JSONDocument {
  /// What is no JSON, and where; line and column count from 1, columns in bytes.
  public struct Fault: Error, Equatable, CustomStringConvertible {
    public let line: Int
    public let column: Int
    public let reason: String
    public var description: String { "line \(line), column \(column): \(reason)" }
  }

  private static let depthMax = 32
  private let bytes: [UInt8]
  private var place = 0

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  public static func parse(_ bytes: [UInt8]) throws(Fault) -> ConfigurationNode {
    var document = JSONDocument(bytes)
    let node = try document.value(depth: 0)
    document.skipBlanks()
    guard document.place == bytes.count else { throw document.fault("more follows after the end") }
    return node
  }

  private func position(_ place: Int) -> (line: Int, column: Int) {
    let before = bytes[..<min(place, bytes.count)]
    let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    return (1 + before.count { $0 == UInt8(ascii: "\n") }, 1 + before.count - lineStart)
  }

  private func fault(_ reason: String, at place: Int? = nil) -> Fault {
    let (line, column) = position(place ?? self.place)
    return Fault(line: line, column: column, reason: reason)
  }

  private mutating func skipBlanks() {
    while place < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[place]) { place += 1 }
  }

  /// The next byte that is no blank.
  private mutating func next(_ expected: String) throws(Fault) -> UInt8 {
    skipBlanks()
    guard place < bytes.count else { throw fault("it ends where \(expected) is expected") }
    return bytes[place]
  }

  private mutating func value(depth: Int) throws(Fault) -> ConfigurationNode {
    let first = try next("a value")
    guard depth < Self.depthMax else { throw fault("more than \(Self.depthMax) levels") }
    let (line, column) = position(place)
    let content: ConfigurationNode.Content
    switch first {
    case UInt8(ascii: "{"): content = .map(try members(depth))
    case UInt8(ascii: "["): content = .list(try elements(depth))
    case UInt8(ascii: "\""): content = .scalar(try string())
    default: content = try word()
    }
    return ConfigurationNode(content, line: line, column: column)
  }

  private mutating func members(_ depth: Int) throws(Fault) -> [ConfigurationNode.Entry] {
    var entries: [ConfigurationNode.Entry] = []
    place += 1
    if try next("a name or }") == UInt8(ascii: "}") {
      place += 1
      return entries
    }
    while true {
      guard try next("a name") == UInt8(ascii: "\"") else { throw fault("a name in quotes is expected") }
      let start = place
      let key = try string()
      guard !entries.contains(where: { $0.key.utf8.elementsEqual(key.utf8) }) else {
        throw fault("\(key.quoted) is given twice", at: start)
      }
      guard try next("a colon") == UInt8(ascii: ":") else { throw fault("a colon is expected") }
      place += 1
      let (line, column) = position(start)
      entries.append(ConfigurationNode.Entry(key: key, line: line, column: column, value: try value(depth: depth + 1)))
      switch try next("a comma or }") {
      case UInt8(ascii: ","): place += 1
      case UInt8(ascii: "}"):
        place += 1
        return entries
      default: throw fault("a comma or } is expected")
      }
    }
  }

  private mutating func elements(_ depth: Int) throws(Fault) -> [ConfigurationNode] {
    var nodes: [ConfigurationNode] = []
    place += 1
    if try next("a value or ]") == UInt8(ascii: "]") {
      place += 1
      return nodes
    }
    while true {
      nodes.append(try value(depth: depth + 1))
      switch try next("a comma or ]") {
      case UInt8(ascii: ","): place += 1
      case UInt8(ascii: "]"):
        place += 1
        return nodes
      default: throw fault("a comma or ] is expected")
      }
    }
  }

  /// `null`, `true`, `false` or a number, whose text the setting understands or not.
  private mutating func word() throws(Fault) -> ConfigurationNode.Content {
    let start = place
    while place < bytes.count, Self.isWordByte(bytes[place]) { place += 1 }
    let text = String(decoding: bytes[start..<place], as: UTF8.self)
    if text == "null" { return .absent }
    guard text == "true" || text == "false" || (Double(text) != nil && !text.contains(where: \.isLetterButExponent))
    else { throw fault("a value is expected", at: start) }
    return .scalar(text)
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    let character = Character(UnicodeScalar(byte))
    return character.isASCII && (character.isLetter || character.isNumber || "+-.".contains(character))
  }

  private mutating func string() throws(Fault) -> String {
    let start = place
    place += 1
    var text: [UInt8] = []
    while place < bytes.count {
      let byte = bytes[place]
      place += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw fault("the text is not UTF-8", at: start)
        }
        return string
      case UInt8(ascii: "\\"): text += try escaped()
      case 0..<0x20: throw fault("a control character within a text; write it as \\u00…", at: place - 1)
      default: text.append(byte)
      }
    }
    throw fault("the text that begins here does not end", at: start)
  }

  private mutating func escaped() throws(Fault) -> [UInt8] {
    guard place < bytes.count else { throw fault("it ends within an escape") }
    let byte = bytes[place]
    place += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"):
      let start = place - 2
      var units = [try unit()]
      if (0xD800...0xDBFF).contains(units[0]), bytes[place...].starts(with: "\\u".utf8) {
        place += 2
        units.append(try unit())
      }
      guard let text = String(validating: units, as: UTF16.self) else {
        throw fault("half of a surrogate pair", at: start)
      }
      return Array(text.utf8)
    default: throw fault("no such escape", at: place - 2)
    }
  }

  private mutating func unit() throws(Fault) -> UInt16 {
    let digits = bytes[place...].prefix(4)
    guard digits.count == 4, let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16),
      digits.first != UInt8(ascii: "+")
    else { throw fault("four hexadecimal digits are expected") }
    place += 4
    return unit
  }
}

extension Character {
  fileprivate var isLetterButExponent: Bool { isLetter && self != "e" && self != "E" }
}
