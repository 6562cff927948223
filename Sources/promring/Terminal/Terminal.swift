internal import Glibc

/// What standard output or standard error is: a person's terminal, or something that a program reads.
struct Terminal {
  /// Columns, where there is a terminal.
  let width: Int?
  let hasColors: Bool

  static let output = Terminal(STDOUT_FILENO)
  static let error = Terminal(STDERR_FILENO)

  init(width: Int?, hasColors: Bool) {
    self.width = width
    self.hasColors = hasColors
  }

  /// Colours are left out where `NO_COLOR` is set (no-color.org) and on terminals that have none.
  init(_ descriptor: Int32) {
    guard isatty(descriptor) == 1 else {
      self.init(width: nil, hasColors: false)
      return
    }
    var size = winsize()
    let known = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    let plain = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
    let isDumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? true
    self.init(width: known ? Int(size.ws_col) : 80, hasColors: !plain && !isDumb)
  }

  var isTerminal: Bool { width != nil }

  /// Select Graphic Rendition (ECMA-48, 8.3.117).
  enum Style: Int {
    case bold = 1
    case dim = 2
    case red = 31
    case yellow = 33
    case cyan = 36
  }

  func styled(_ text: String, _ style: Style) -> String {
    hasColors && !text.isEmpty ? "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m" : text
  }
}

extension String {
  /// Without characters that would do something to a terminal: label values come from anywhere.
  var terminalSafe: String {
    guard unicodeScalars.contains(where: \.isControl) else { return self }
    return unicodeScalars.reduce(into: "") { text, scalar in
      text += scalar.isControl ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }
  }
}

extension Unicode.Scalar {
  /// C0, DEL, C1, and what turns the direction of writing.
  fileprivate var isControl: Bool {
    value < 0x20 || (0x7f...0x9f).contains(value) || (0x202a...0x202e).contains(value)
      || (0x2066...0x2069).contains(value)
  }
}
