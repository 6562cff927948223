internal import TimeSeries

/// What becomes of metric and label names outside the classic alphabet when the reader may not know UTF-8 names
/// (`prometheus/docs: docs/instrumenting/escaping_schemes.md`). The raw value is the name used in HTTP headers.
public enum NameEscaping: String, Sendable, CaseIterable {
  /// Names stay as they are, quoted where they need it.
  case allowUTF8 = "allow-utf-8"
  /// Each character that is not allowed becomes `_`. Two names may become one.
  case underscores
  /// `.` becomes `_dot_`, `_` becomes `__`, each other character that is not allowed becomes `__`.
  case dots
  /// `U__`, then `_` becomes `__` and each character that is not allowed its code point in hex between underscores.
  case values

  public func escape(metricName name: String) -> String {
    escape(name, needsNone: name.isLegacyMetricName, colons: true)
  }

  /// As for metric names, but for a label a colon is not of the classic alphabet.
  public func escape(labelName name: String) -> String {
    escape(name, needsNone: name.isLegacyLabelName, colons: false)
  }

  private func escape(_ name: String, needsNone: Bool, colons: Bool) -> String {
    if name.isEmpty || self == .allowUTF8 || (needsNone && self != .dots) { return name }
    var escaped = self == .values ? "U__" : ""
    for (i, character) in name.unicodeScalars.enumerated() {
      switch (self, character) {
      case (.dots, "."): escaped += "_dot_"
      case (.dots, "_"), (.values, "_"): escaped += "__"
      case _ where isLegacy(character, first: i == 0, colons: colons): escaped.unicodeScalars.append(character)
      case (.dots, _): escaped += "__"
      case (.values, _): escaped += "_\(String(character.value, radix: 16))_"
      default: escaped += "_"
      }
    }
    return escaped
  }

  private func isLegacy(_ character: Unicode.Scalar, first: Bool, colons: Bool) -> Bool {
    switch character {
    case "a"..."z", "A"..."Z", "_": true
    case "0"..."9": !first
    case ":": colons
    default: false
    }
  }

  /// The name that `escaped` stands for; `escaped` itself when it is nothing that this scheme could have written.
  /// Underscores cannot be undone. Takes at most five hex digits for a character, as Prometheus does.
  public func unescape(_ escaped: String) -> String {
    switch self {
    case .allowUTF8, .underscores: escaped
    case .dots: escaped.replacing("_dot_", with: ".").replacing("__", with: "_")
    case .values: unescapedValues(escaped) ?? escaped
    }
  }

  private func unescapedValues(_ escaped: String) -> String? {
    guard escaped.utf8.starts(with: "U__".utf8) else { return nil }
    var bytes: [UInt8] = []
    var rest = escaped.utf8.dropFirst(3)
    let underscore = UInt8(ascii: "_")
    while let byte = rest.popFirst() {
      guard byte == underscore else {
        bytes.append(byte)
        continue
      }
      guard let end = rest.firstIndex(of: underscore) else { return nil }
      let digits = rest[..<end]
      rest = rest[end...].dropFirst()
      if digits.isEmpty {
        bytes.append(underscore)
      } else {
        guard digits.count <= 5, digits.allSatisfy(isHexDigit), let code = UInt32(String(digits) ?? "", radix: 16),
          let character = Unicode.Scalar(code)
        else { return nil }
        bytes.append(contentsOf: UTF8.encode(character)?.map { $0 } ?? [])
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func isHexDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }

  /// The label name that a path like `/api/v1/label/NAME/values` means: names that begin with `U__` are escaped by
  /// `values`, all others stand for themselves.
  public static func labelName(inPath name: String) -> String { values.unescape(name) }
}
