internal import Glibc
internal import TimeSeries

/// The bytes of a page and how far they have been read. Beyond the last byte stands a line feed: readers of text add one
/// where it lacks.
struct PageText {
  let base: UnsafePointer<UInt8>
  let count: Int
  let format: ExpositionFormat
  var position = 0

  init(_ base: UnsafePointer<UInt8>, count: Int, format: ExpositionFormat) {
    self.base = base
    self.count = count
    self.format = format
  }

  static let lineFeed = UInt8(ascii: "\n")

  var isAtEnd: Bool { position >= count }

  @inline(__always) var byte: UInt8 { self[position] }
  @inline(__always) subscript(index: Int) -> UInt8 { index < count ? base[index] : PageText.lineFeed }

  @inline(__always)
  func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
  }

  @inline(__always)
  mutating func skipBlanks() {
    while byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { position &+= 1 }
  }

  /// Takes `word` if it is next.
  mutating func skip(_ word: StaticString) -> Bool {
    guard count &- position >= word.utf8CodeUnitCount,
      memcmp(base + position, word.utf8Start, word.utf8CodeUnitCount) == 0
    else { return false }
    position &+= word.utf8CodeUnitCount
    return true
  }

  /// Where the line ends: at its line feed, or at the end of the page.
  func lineEnd(from start: Int) -> Int { first(PageText.lineFeed, in: start..<count) ?? count }

  private func first(_ byte: UInt8, in range: Range<Int>) -> Int? {
    guard let found = memchr(base + range.lowerBound, Int32(byte), range.count) else { return nil }
    return UnsafeRawPointer(found) - UnsafeRawPointer(base)
  }

  /// Of a quoted text that begins behind its first quote: where the quote at its end is, and whether anything in between
  /// is escaped. `nil`: there is no end.
  @inline(__always)
  func quoteEnd(from start: Int) -> (end: Int, isEscaped: Bool)? {
    var position = start
    // Nearly all are short, and a call would cost more than they do.
    let near = min(count, start &+ 32)
    while position < near {
      let byte = base[position]
      if byte == UInt8(ascii: "\"") { return (position, false) }
      if byte == UInt8(ascii: "\\") { return escapedQuoteEnd(from: position) }
      position &+= 1
    }
    guard let end = first(UInt8(ascii: "\""), in: position..<count) else { return nil }
    guard let backslash = first(UInt8(ascii: "\\"), in: position..<end) else { return (end, false) }
    return escapedQuoteEnd(from: backslash)
  }

  private func escapedQuoteEnd(from start: Int) -> (end: Int, isEscaped: Bool)? {
    var position = start
    while position < count {
      switch base[position] {
      case UInt8(ascii: "\""): return (position, true)
      case UInt8(ascii: "\\"):
        // A line feed cannot be escaped by a backslash before it.
        if self[position &+ 1] == PageText.lineFeed { return nil }
        position &+= 2
      default: position &+= 1
      }
    }
    return nil
  }

  /// An error at `place`, or at the present position.
  func error(_ problem: ExpositionError.Problem, at place: Int? = nil) -> ExpositionError {
    let place = min(place ?? position, count)
    let before = UnsafeBufferPointer(start: base, count: place)
    let line = before.reduce(1) { $1 == PageText.lineFeed ? $0 + 1 : $0 }
    let start = before.lastIndex(of: PageText.lineFeed).map { $0 + 1 } ?? 0
    return ExpositionError(problem: problem, line: line, column: place - start + 1)
  }

  func expected(_ what: String) -> ExpositionError { error(.expected(what, found: excerpt)) }

  /// What begins here, for messages: up to the line's end, no more than a few words.
  private var excerpt: String {
    if isAtEnd { return "the end of the page" }
    if byte == PageText.lineFeed { return "the end of the line" }
    return PageText.excerpt(bytes(position..<lineEnd(from: position)))
  }

  /// The beginning of a text in quotes.
  static func excerpt(_ text: UnsafeRawBufferPointer) -> String {
    var shown = String(decoding: text.prefix(40), as: UTF8.self)
    shown.unicodeScalars.removeAll { $0.value < 0x20 && $0 != "\n" && $0 != "\r" && $0 != "\t" }
    shown = shown.replacing("\r", with: "\\r").replacing("\t", with: "\\t")
    return shown.quotedForPrometheus + (text.count > 40 ? "…" : "")
  }
}

/// What the bytes of names may be.
enum NameByte {
  private static let letter: UInt8 = 1
  private static let digit: UInt8 = 2
  private static let colon: UInt8 = 4
  private static let kinds: [UInt8] = (0..<256).map { byte in
    switch UInt8(byte) {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): letter
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit
    case UInt8(ascii: ":"): colon
    default: 0
    }
  }

  @inline(__always) static func beginsLabel(_ byte: UInt8) -> Bool { kinds[Int(byte)] == letter }
  @inline(__always) static func continuesLabel(_ byte: UInt8) -> Bool { kinds[Int(byte)] & (letter | digit) != 0 }
  @inline(__always) static func beginsMetric(_ byte: UInt8) -> Bool { kinds[Int(byte)] & (letter | colon) != 0 }
  @inline(__always) static func continuesMetric(_ byte: UInt8) -> Bool { kinds[Int(byte)] != 0 }
}
