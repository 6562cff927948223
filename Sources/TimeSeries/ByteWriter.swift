internal import Glibc

/// A growing run of bytes that text is written into: what every serialiser of ours appends to. One owner, reused from
/// page to page, so that steady writing allocates nothing.
public struct ByteWriter: ~Copyable {
  @usableFromInline var base: UnsafeMutablePointer<UInt8>
  @usableFromInline var capacity: Int
  /// Bytes written so far.
  @inlinable public var count: Int { used }
  @usableFromInline var used = 0

  public init(capacity: Int = 4096) {
    self.capacity = max(capacity, 64)
    guard let base = malloc(self.capacity) else { fatalError("no memory for \(self.capacity) bytes of text") }
    self.base = base.assumingMemoryBound(to: UInt8.self)
  }

  deinit { free(base) }

  /// Makes room for `extra` more bytes.
  @inlinable public mutating func reserve(_ extra: Int) {
    if capacity &- used < extra { grow(extra) }
  }

  @usableFromInline mutating func grow(_ extra: Int) {
    capacity = max(capacity * 2, used + extra)
    guard let larger = realloc(base, capacity) else { fatalError("no memory for \(capacity) bytes of text") }
    base = larger.assumingMemoryBound(to: UInt8.self)
  }

  @inlinable public mutating func append(_ byte: UInt8) {
    reserve(1)
    base[used] = byte
    used &+= 1
  }

  @inlinable public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress else { return }
    reserve(bytes.count)
    UnsafeMutableRawPointer(base + used).copyMemory(from: source, byteCount: bytes.count)
    used &+= bytes.count
  }

  /// Appends again what stands at `range`.
  @inlinable public mutating func append(copyOf range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= used, "bytes that were not written cannot be copied")
    reserve(range.count)
    (base + used).update(from: base + range.lowerBound, count: range.count)
    used &+= range.count
  }

  @inlinable public mutating func append(_ text: StaticString) {
    append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Makes room for `most` bytes and lets `body` write there; it returns how many it has written.
  @inlinable public mutating func append(most: Int, _ body: (UnsafeMutablePointer<UInt8>) -> Int) {
    reserve(most)
    used &+= body(base + used)
  }

  // Disfavoured, or literals would take it: they need no reference counting and no look at what kind of string it is.
  @_disfavoredOverload public mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  public mutating func append(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { append($0) }
  }

  public mutating func append(_ value: Double, _ notation: FloatText.Notation) {
    reserve(FloatText.lengthMax)
    used += FloatText.write(value, notation, to: base + used)
  }

  public mutating func append(decimal value: Int64) {
    reserve(IntegerText.lengthMax)
    used += IntegerText.write(value, to: base + used)
  }

  /// Milliseconds as Unix seconds the way the Prometheus API writes them: whole, or with exactly three decimals.
  public mutating func append(seconds milliseconds: Int64) {
    if milliseconds < 0 { append(UInt8(ascii: "-")) }
    let (whole, rest) = milliseconds.magnitude.quotientAndRemainder(dividingBy: 1000)
    append(decimal: Int64(whole))
    guard rest != 0 else { return }
    append(UInt8(ascii: "."))
    append(UInt8(ascii: "0") + UInt8(rest / 100))
    append(UInt8(ascii: "0") + UInt8(rest / 10 % 10))
    append(UInt8(ascii: "0") + UInt8(rest % 10))
  }

  /// Text within a JSON string: quotes, backslashes and control characters escaped, the rest as it is. The text is
  /// UTF-8 already; `<`, `>` and `&` are not escaped.
  public mutating func append(jsonEscaped bytes: UnsafeRawBufferPointer) {
    if Self.isPlain(bytes) { return append(bytes) }
    var start = 0
    for (i, byte) in bytes.enumerated() where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
      append(UnsafeRawBufferPointer(rebasing: bytes[start..<i]))
      start = i + 1
      append(UInt8(ascii: "\\"))
      switch byte {
      case UInt8(ascii: "\n"): append(UInt8(ascii: "n"))
      case UInt8(ascii: "\t"): append(UInt8(ascii: "t"))
      case UInt8(ascii: "\r"): append(UInt8(ascii: "r"))
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte)
      default:
        append("u00")
        append(hexDigit(byte >> 4))
        append(hexDigit(byte & 15))
      }
    }
    append(UnsafeRawBufferPointer(rebasing: bytes[start...]))
  }

  /// Whether nothing has to be escaped in JSON.
  private static func isPlain(_ bytes: UnsafeRawBufferPointer) -> Bool {
    TextScan.isPlain(bytes) { words in
      TextScan.bytes(below: 0x20, in: words) | TextScan.occurrences(of: UInt8(ascii: "\""), in: words)
        | TextScan.occurrences(of: UInt8(ascii: "\\"), in: words)
    }
  }

  /// The name of the next member of the JSON object that is open, with the comma before it where one is due.
  public mutating func member(_ name: String) {
    if used > 0, base[used - 1] != UInt8(ascii: "{") { append(UInt8(ascii: ",")) }
    append(json: name)
    append(UInt8(ascii: ":"))
  }

  /// A JSON string, quotes included.
  public mutating func append(json text: String) {
    append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { append(jsonEscaped: UnsafeRawBufferPointer($0)) }
    append(UInt8(ascii: "\""))
  }

  public mutating func removeAll() { used = 0 }

  /// What was written from `count` on goes.
  public mutating func truncate(to count: Int) {
    precondition(count >= 0 && count <= used, "only what was written can go")
    used = count
  }

  /// The last byte goes; for the comma behind the last element of a list.
  public mutating func removeLast() { used -= 1 }

  public borrowing func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try body(UnsafeRawBufferPointer(start: base, count: used))
  }

  /// A copy of what has been written.
  public borrowing func copy() -> [UInt8] {
    // With room for something: without, it would be the one empty array of the process, whose count is written: a race.
    [UInt8](unsafeUninitializedCapacity: max(used, 1)) { target, count in
      if let start = target.baseAddress { start.update(from: base, count: used) }
      count = used
    }
  }

  public borrowing func string() -> String {
    String(decoding: UnsafeBufferPointer(start: base, count: used), as: UTF8.self)
  }

  private func hexDigit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
  }
}
