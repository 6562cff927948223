/// Header fields in the order of the message. Names compare without regard to ASCII case, as RFC 9110 section 5.1 says.
public struct HeaderFields: Sendable, ExpressibleByDictionaryLiteral {
  /// The fields as they were read or are to be written; a name may come more than once.
  public private(set) var fields: [(name: String, value: String)] = []

  public init() {}

  public init(dictionaryLiteral elements: (String, String)...) {
    fields = elements.map { (name: $0.0, value: $0.1) }
  }

  /// The first value of `name`. Setting replaces every field of that name; `nil` removes them.
  public subscript(name: String) -> String? {
    get { fields.first { hasSameLetters($0.name, name) }?.value }
    set {
      fields.removeAll { hasSameLetters($0.name, name) }
      if let newValue { fields.append((name, newValue)) }
    }
  }

  /// Every value of `name`, in order.
  public func all(_ name: String) -> [String] {
    fields.filter { hasSameLetters($0.name, name) }.map(\.value)
  }

  /// Adds a field and keeps those of the same name.
  public mutating func add(_ name: String, _ value: String) {
    fields.append((name, value))
  }
}

/// Whether two texts are the same but for the case of ASCII letters. Bytes are compared: `==` of `String` would take
/// some characters outside ASCII for letters.
func hasSameLetters(_ a: String, _ b: String) -> Bool {
  a.utf8.count == b.utf8.count && a.utf8.elementsEqual(b.utf8) { lowercased($0) == lowercased($1) }
}

/// Whether two texts are the same bytes.
func hasSameBytes(_ a: String, _ b: String) -> Bool {
  a.utf8.elementsEqual(b.utf8)
}

private func lowercased(_ byte: UInt8) -> UInt8 {
  (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
}
