/// Text the way Go's `%q` prints it, which is what Prometheus' error messages contain.
extension String {
  var quotedAsInGo: String { quoted(with: "\"") }

  private func quoted(with quote: Unicode.Scalar) -> String {
    var text = String(quote)
    for scalar in unicodeScalars {
      if scalar == quote || scalar == "\\" {
        text += "\\"
        text.unicodeScalars.append(scalar)
      } else if scalar == "\u{FFFD}" {
        // Prometheus' lexer takes it for broken UTF-8 when it stands as itself.
        text += "\\ufffd"
      } else {
        text += scalar.escapedAsInGo
      }
    }
    return text + String(quote)
  }
}

extension Unicode.Scalar {
  /// In single quotes, as Go prints a rune.
  var quotedAsInGo: String {
    switch self {
    case "'": "'\\''"
    case "\\": "'\\\\'"
    default: "'\(escapedAsInGo)'"
    }
  }

  fileprivate var escapedAsInGo: String {
    switch self {
    case "\u{07}": return "\\a"
    case "\u{08}": return "\\b"
    case "\u{0C}": return "\\f"
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    case "\u{0B}": return "\\v"
    default: break
    }
    if isPrintable { return String(self) }
    let digits = String(value, radix: 16)
    func padded(_ count: Int) -> String { String(repeating: "0", count: max(0, count - digits.count)) + digits }
    if value < 0x80 { return "\\x" + padded(2) }
    return value < 0x10000 ? "\\u" + padded(4) : "\\U" + padded(8)
  }

  private var isPrintable: Bool {
    switch properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    case .spaceSeparator: self == " "
    default: true
    }
  }
}
