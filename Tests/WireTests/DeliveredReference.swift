import TimeSeries
import Wire

/// Reads a record's text as the README describes the delivered format, plainly and without regard to speed: what the
/// decoder has to agree with.
struct DeliveredReference {
  struct Sample: Hashable, Comparable {
    var labels: LabelSet
    var timestamp: Int64
    var bits: UInt64

    static func < (a: Sample, b: Sample) -> Bool {
      if a.timestamp != b.timestamp { return a.timestamp < b.timestamp }
      return a.labels == b.labels ? a.bits < b.bits : a.labels < b.labels
    }
  }

  private(set) var samples: [Sample] = []
  /// For each sample that is left out, the reasons there are: any one of them will do.
  private(set) var rejections: [Set<SampleRejection>] = []
  private(set) var inSeconds = 0
  /// The text stopped being JSON; what stands before that place counts.
  private(set) var isBroken = false

  private let text: [UInt8]
  private var place = 0
  private struct NoJSON: Error {}

  init(_ text: [UInt8]) {
    self.text = text
    do {
      try record()
    } catch {
      isBroken = true
    }
  }

  // MARK: JSON

  private enum Value {
    case string([UInt8])
    /// A number, `true` or `false`, as it stands.
    case word([UInt8])
    case null
    case nested
  }

  private var here: UInt8? { place < text.count ? text[place] : nil }

  private mutating func skipBlanks() {
    while let byte = here, [0x20, 0x0A, 0x0D, 0x09].contains(byte) { place += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipBlanks()
    guard here == UInt8(ascii: character) else { return false }
    place += 1
    return true
  }

  private mutating func record() throws(NoJSON) {
    skipBlanks()
    if here == nil { return }
    if here == UInt8(ascii: "{") {
      try object()
    } else {
      guard take("[") else { throw NoJSON() }
      if !take("]") {
        repeat {
          skipBlanks()
          if here == UInt8(ascii: "{") {
            try object()
          } else {
            try element()
            rejections.append([.notAnObject])
          }
        } while take(",")
        guard take("]") else { throw NoJSON() }
      }
    }
    skipBlanks()
    guard here == nil else { throw NoJSON() }
  }

  /// Whatever stands in a sample's place.
  private mutating func element() throws(NoJSON) {
    switch here {
    case UInt8(ascii: "\""): _ = try string()
    case UInt8(ascii: "["): try nested()
    default: guard !word().isEmpty else { throw NoJSON() }
    }
  }

  /// A string's content, escapes and all.
  private mutating func string() throws(NoJSON) -> [UInt8] {
    place += 1
    let start = place
    while let byte = here {
      if byte == UInt8(ascii: "\"") {
        place += 1
        return Array(text[start..<place - 1])
      }
      place += byte == UInt8(ascii: "\\") ? 2 : 1
    }
    throw NoJSON()
  }

  /// An object or array that has no business here: as long as its brackets, of whatever kind, are balanced.
  private mutating func nested() throws(NoJSON) {
    var depth = 0
    while let byte = here {
      switch byte {
      case UInt8(ascii: "\""):
        _ = try string()
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      default: break
      }
      place += 1
      if depth == 0 { return }
      if depth > 128 { throw NoJSON() }
    }
    throw NoJSON()
  }

  private mutating func word() -> [UInt8] {
    let start = place
    while let byte = here, Character(Unicode.Scalar(byte)).isASCII,
      Character(Unicode.Scalar(byte)).isLetter || Character(Unicode.Scalar(byte)).isNumber || "+-.".utf8.contains(byte)
    { place += 1 }
    return Array(text[start..<place])
  }

  private mutating func value() throws(NoJSON) -> Value {
    skipBlanks()
    switch here {
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      try nested()
      return .nested
    default:
      let word = word()
      if word.elementsEqual("null".utf8) { return .null }
      let isWord = word.elementsEqual("true".utf8) || word.elementsEqual("false".utf8)
      let looksLikeNumber = word.first == UInt8(ascii: "-") || (word.first.map { (48...57).contains($0) } ?? false)
      guard isWord || looksLikeNumber || Self.number(word) != nil else { throw NoJSON() }
      return .word(word)
    }
  }

  // MARK: Samples

  private mutating func object() throws(NoJSON) {
    place += 1
    var members: [(key: [UInt8]?, value: Value)] = []
    if !take("}") {
      repeat {
        skipBlanks()
        guard here == UInt8(ascii: "\"") else { throw NoJSON() }
        let key = Self.plain(try string())
        guard take(":") else { throw NoJSON() }
        members.append((key, try value()))
      } while take(",")
      guard take("}") else { throw NoJSON() }
    }
    sample(members)
  }

  private mutating func sample(_ members: [(key: [UInt8]?, value: Value)]) {
    var reasons: Set<SampleRejection> = []
    var labels: [Label] = []
    var numbers: [[Value]] = [[], []]
    if members.count > 512 { reasons.insert(.tooManyMembers) }
    for (key, value) in members {
      if case .nested = value { reasons.insert(.nested) }
      if let own = ["value", "timestamp"].firstIndex(where: { key?.elementsEqual($0.utf8) ?? false }) {
        numbers[own].append(value)
        continue
      }
      let text: [UInt8]?
      switch value {
      case .null, .nested: continue
      case .string(let escaped): text = Self.plain(escaped)
      case .word(let word): text = word
      }
      if key?.isEmpty ?? false { reasons.insert(.emptyLabelName) }
      guard let name = key.flatMap(Self.utf8), let value = text.flatMap(Self.utf8) else {
        reasons.insert(.invalidUTF8)
        continue
      }
      if value.isEmpty { continue }
      if labels.contains(where: { $0.name.hasSameBytes(as: name) }) { reasons.insert(.repeatedLabel) }
      labels.append(Label(name, value))
    }
    if numbers.contains(where: { $0.count > 1 }) { reasons.insert(.repeatedLabel) }
    if !labels.contains(where: { $0.name == "__name__" }) { reasons.insert(.missingName) }
    let value = Self.text(numbers[0])
    let timestamp = Self.text(numbers[1])
    if value == nil { reasons.insert(.missingValue) }
    if timestamp == nil { reasons.insert(.missingTimestamp) }
    let bits = value.flatMap(Self.number)
    let time = timestamp.flatMap(Self.time)
    if bits == nil { reasons.insert(.badValue) }
    if time == nil { reasons.insert(.badTimestamp) }
    guard reasons.isEmpty, let bits, let time else { return rejections.append(reasons) }
    if time.wasSeconds { inSeconds += 1 }
    samples.append(Sample(labels: LabelSet(labels), timestamp: time.milliseconds, bits: bits))
  }

  private static func utf8(_ bytes: [UInt8]) -> String? { String(validating: bytes, as: UTF8.self) }

  /// The text of a value or timestamp that is given once; empty when it is no text.
  private static func text(_ values: [Value]) -> [UInt8]? {
    switch values.first {
    case .string(let escaped): plain(escaped) ?? []
    case .word(let word): word
    case .nested: []
    case .null, nil: nil
    }
  }

  /// Without escapes; `nil` when one is none.
  private static func plain(_ escaped: [UInt8]) -> [UInt8]? {
    var units: [UInt16] = []
    var out: [UInt8] = []
    var rest = escaped[...]
    /// Escaped halves of a pair stand side by side, so the text between escapes ends a run of them.
    func flush() -> Bool {
      guard let text = String(validating: units, as: UTF16.self) else { return false }
      out += text.utf8
      units = []
      return true
    }
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        guard flush() else { return nil }
        out.append(byte)
        continue
      }
      guard let kind = rest.popFirst() else { return nil }
      if kind == UInt8(ascii: "u") {
        let digits = rest.prefix(4)
        let isHex = digits.count == 4 && digits.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit && $0 < 0x80 }
        guard isHex, let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16) else { return nil }
        rest = rest.dropFirst(4)
        units.append(unit)
        continue
      }
      guard flush(), let plain = zip("\"\\/bfnrt".utf8, "\"\\/\u{8}\u{C}\n\r\t".utf8).first(where: { $0.0 == kind })
      else { return nil }
      out.append(plain.1)
    }
    return flush() ? out : nil
  }

  /// Decimal notation, infinities and NaN in any case, and the name of the stale marker.
  private static func number(_ text: [UInt8]) -> UInt64? {
    let word = String(decoding: text, as: UTF8.self).lowercased()
    if word == "stalenan" { return StaleMarker.bits }
    let isNegative = word.hasPrefix("-")
    let digits = isNegative || word.hasPrefix("+") ? word.dropFirst() : word[...]
    if digits == "nan" { return StaleMarker.normalNaNBits }
    if digits == "inf" || digits == "infinity" { return (isNegative ? -Double.infinity : .infinity).bitPattern }
    func areDigits(_ text: Substring) -> Bool { text.utf8.allSatisfy { (48...57).contains($0) } }
    let halves = digits.split(separator: "e", maxSplits: 1, omittingEmptySubsequences: false)
    let mantissa = halves[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard mantissa.allSatisfy(areDigits), mantissa.contains(where: { !$0.isEmpty }) else { return nil }
    if halves.count == 2 {
      let exponent = halves[1].hasPrefix("+") || halves[1].hasPrefix("-") ? halves[1].dropFirst() : halves[1]
      guard !exponent.isEmpty, areDigits(exponent) else { return nil }
    }
    return Double(word)?.bitPattern
  }

  /// Milliseconds; ten digits before the point are seconds.
  private static func time(_ text: [UInt8]) -> (milliseconds: Int64, wasSeconds: Bool)? {
    func given(_ whole: Int64) -> (milliseconds: Int64, wasSeconds: Bool) {
      String(whole.magnitude).count == 10 ? (whole * 1000, true) : (whole, false)
    }
    if let whole = Int64(String(decoding: text, as: UTF8.self)) { return given(whole) }
    guard let bits = number(text) else { return nil }
    let value = Double(bitPattern: bits)
    if (1e9..<1e10).contains(value.magnitude) { return (Int64((value * 1000).rounded()), true) }
    return Int64(exactly: value.rounded()).map(given)
  }
}
