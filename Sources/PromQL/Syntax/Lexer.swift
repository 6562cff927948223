internal import TimeSeries

/// Cuts a query into tokens. What a character may mean depends on where it stands: in braces there are no keywords, in
/// brackets there are durations and their arithmetic.
struct Lexer {
  let bytes: [UInt8]
  private(set) var position = 0
  private var parenDepth = 0
  private var isInBraces = false
  private var isInBrackets = false
  private var sawColon = false
  private var sawDuration = false

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The next token; `.end` again and again once the text is used up.
  mutating func next() throws(ParseError) -> Token {
    skipSpaceAndComments()
    let start = position
    let kind = isInBraces ? try lexInBraces(start) : try lexOutsideBraces(start)
    return Token(kind: kind, range: PositionRange(start: start, end: position))
  }

  func text(_ range: PositionRange) -> String { String(decoding: bytes[range.start..<range.end], as: UTF8.self) }

  func error(_ start: Int, _ message: String) -> ParseError {
    ParseError(PositionRange(start: start, end: bytes.count), message, in: bytes)
  }

  // MARK: Contexts

  private mutating func lexOutsideBraces(_ start: Int) throws(ParseError) -> Token.Kind {
    guard let byte = peek() else {
      if isInBrackets, !sawDuration { throw error(start, "unexpected end of input in duration expression") }
      if parenDepth != 0 { throw error(start, "unclosed left parenthesis") }
      if isInBrackets { throw error(start, "unclosed left bracket") }
      return .end
    }
    if byte.isDigit || (byte == UInt8(ascii: ".") && peek(1)?.isDigit == true) {
      sawDuration = true
      return try lexNumberOrDuration(start)
    }
    if isInBrackets, !sawDuration, !byte.canPrecedeDuration {
      throw error(start, "unexpected character in duration expression: \(describeCharacter())")
    }
    if isInBrackets, byte.isWordStart || byte == UInt8(ascii: ":") { return try lexWordInBrackets(start, byte) }
    if byte.isWordStart || byte == UInt8(ascii: ":") { return lexWord(start) }
    if let kind = try lexString(start, byte) { return kind }
    switch byte {
    case UInt8(ascii: "("):
      position += 1
      parenDepth += 1
      return .leftParen
    case UInt8(ascii: ")"):
      position += 1
      parenDepth -= 1
      // It points behind the parenthesis, as Prometheus does.
      if parenDepth < 0 { throw error(position, "unexpected right parenthesis ')'") }
      return .rightParen
    case UInt8(ascii: "["):
      if isInBrackets { throw error(start, "unexpected left bracket '['") }
      position += 1
      isInBrackets = true
      sawColon = false
      sawDuration = false
      return .leftBracket
    case UInt8(ascii: "]"):
      if !isInBrackets { throw error(start, "unexpected right bracket ']'") }
      position += 1
      isInBrackets = false
      return .rightBracket
    case UInt8(ascii: "{"):
      if isInBrackets { throw unexpectedCharacter(start) }
      position += 1
      isInBraces = true
      return .leftBrace
    default: return try lexSymbol(start, byte)
    }
  }

  private mutating func lexSymbol(_ start: Int, _ byte: UInt8) throws(ParseError) -> Token.Kind {
    let single: Token.Kind? =
      switch byte {
      case UInt8(ascii: ","): .comma
      case UInt8(ascii: "@"): .at
      case UInt8(ascii: "*"): .op(.multiply)
      case UInt8(ascii: "/"): .op(.divide)
      case UInt8(ascii: "%"): .op(.modulo)
      case UInt8(ascii: "+"): .op(.add)
      case UInt8(ascii: "-"): .op(.subtract)
      case UInt8(ascii: "^"): .op(.power)
      default: nil
      }
    if let single {
      position += 1
      return single
    }
    let followsEqual = peek(1) == UInt8(ascii: "=")
    switch byte {
    case UInt8(ascii: "="):
      if peek(1) == UInt8(ascii: "~") { throw error(start, "unexpected character after '=': '~'") }
      position += followsEqual ? 2 : 1
      return followsEqual ? .op(.equal) : .assign
    case UInt8(ascii: "!"):
      position += 1
      if !followsEqual { throw error(start, "unexpected character after '!': \(describeCharacter())") }
      position += 1
      return .op(.notEqual)
    case UInt8(ascii: "<"), UInt8(ascii: ">"):
      let isLess = byte == UInt8(ascii: "<")
      let followsSlash = peek(1) == UInt8(ascii: "/")
      position += followsEqual || followsSlash ? 2 : 1
      if followsSlash { return .op(isLess ? .trimUpper : .trimLower) }
      if followsEqual { return .op(isLess ? .lessOrEqual : .greaterOrEqual) }
      return .op(isLess ? .less : .greater)
    default: throw unexpectedCharacter(start)
    }
  }

  private mutating func lexInBraces(_ start: Int) throws(ParseError) -> Token.Kind {
    guard let byte = peek() else { throw error(start, "unexpected end of input inside braces") }
    if byte.isWordStart {
      skip(while: \.isWord)
      return .identifier
    }
    if let kind = try lexString(start, byte) { return kind }
    position += 1
    switch byte {
    case UInt8(ascii: ","): return .comma
    case UInt8(ascii: "="):
      guard peek() == UInt8(ascii: "~") else { return .assign }
      position += 1
      return .regexMatch
    case UInt8(ascii: "!"):
      switch peek() {
      case UInt8(ascii: "~"):
        position += 1
        return .regexNoMatch
      case UInt8(ascii: "="):
        position += 1
        return .op(.notEqual)
      default: throw error(start, "unexpected character after '!' inside braces: \(describeCharacter())")
      }
    case UInt8(ascii: "{"): throw error(start, "unexpected left brace '{'")
    case UInt8(ascii: "}"):
      isInBraces = false
      return .rightBrace
    default:
      position = start
      throw error(start, "unexpected character inside braces: \(describeCharacter())")
    }
  }

  private mutating func lexWordInBrackets(_ start: Int, _ byte: UInt8) throws(ParseError) -> Token.Kind {
    if byte == UInt8(ascii: ":") {
      if !sawDuration { throw error(start + 1, "unexpected colon before duration in duration expression") }
      if sawColon { throw error(start, "unexpected colon ':'") }
      position += 1
      sawColon = true
      return .colon
    }
    var end = position
    while end < bytes.count, bytes[end].isWordStart { end += 1 }
    if let kind = Token.Kind.words[text(PositionRange(start: start, end: end)).lowercased()],
      case .keyword(let keyword) = kind, keyword.isDuration
    {
      position = end
      sawDuration = true
      return kind
    }
    let character = describeCharacter()
    throw error(
      start,
      sawDuration
        ? "unexpected character: \(character), expected ':'"
        : "unexpected character in duration expression: \(character)")
  }

  private mutating func lexWord(_ start: Int) -> Token.Kind {
    skip { $0.isWord || $0 == UInt8(ascii: ":") }
    let word = bytes[start..<position]
    if let kind = Token.Kind.words[String(decoding: word, as: UTF8.self).lowercased()] {
      if case .keyword(let keyword) = kind, keyword.needsParen, !isFollowedByParen { return .identifier }
      return kind
    }
    return word.contains(UInt8(ascii: ":")) ? .metricIdentifier : .identifier
  }

  private var isFollowedByParen: Bool {
    bytes[position...].first { !$0.isSpace } == UInt8(ascii: "(")
  }

  private mutating func skipSpaceAndComments() {
    while let byte = peek() {
      if byte.isSpace {
        position += 1
      } else if byte == UInt8(ascii: "#"), !isInBrackets || sawDuration {
        skip { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
      } else {
        return
      }
    }
  }

  // MARK: Characters

  func peek(_ ahead: Int = 0) -> UInt8? { position + ahead < bytes.count ? bytes[position + ahead] : nil }

  mutating func skip(while condition: (UInt8) -> Bool) {
    while position < bytes.count, condition(bytes[position]) { position += 1 }
  }

  mutating func accept(_ condition: (UInt8) -> Bool) -> Bool {
    guard let byte = peek(), condition(byte) else { return false }
    position += 1
    return true
  }

  mutating func move(to newPosition: Int) { position = newPosition }

  private func unexpectedCharacter(_ start: Int) -> ParseError {
    error(start, "unexpected character: \(describeCharacter())")
  }

  /// The character at hand as Go prints a rune; Go's end of file prints as the replacement character.
  func describeCharacter() -> String { (scalar()?.scalar ?? "\u{FFFD}").quotedAsInGo }

  /// The character at hand and its length; `nil` at the end and where the bytes are no UTF-8.
  func scalar() -> (scalar: Unicode.Scalar, length: Int)? {
    guard let lead = peek() else { return nil }
    if lead < 0x80 { return (Unicode.Scalar(lead), 1) }
    var iterator = bytes[position...].prefix(4).makeIterator()
    var decoder = UTF8()
    guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return nil }
    return (scalar, String(scalar).utf8.count)
  }
}

extension UInt8 {
  var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
  var isHexDigit: Bool {
    isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self)
      || (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(self)
  }
  /// A letter or an underscore.
  var isWordStart: Bool {
    self == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self)
      || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self)
  }
  var isWord: Bool { isWordStart || isDigit }
  /// Whether a duration may begin with it, or with a word or number that begins with it; not so a comment or a string.
  fileprivate var canPrecedeDuration: Bool { isWordStart || isDigit || "()]:,+-*/%^".utf8.contains(self) }
  var isSpace: Bool { self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0D }
}
