/// How a field lies on the wire (protobuf.dev: "Encoding").
enum ProtobufWireType: UInt8 {
  case varint = 0
  case fixed64 = 1
  case bytes = 2
  case fixed32 = 5
}

/// What stands before each field's value.
struct ProtobufField {
  let number: UInt32
  let type: ProtobufWireType
  /// Where the field begins, for errors.
  let byte: Int
}

/// Walks over the fields of one message in lent bytes: nothing is copied and nothing allocated.
///
///     while let field = try reader.next(in: "Label") {
///       switch field.number {
///       case 1: name = try reader.text(field, "Label.name")
///       default: try reader.skip(field, in: "Label")
///       }
///     }
///
/// Reads what any writer of the format may write: fields in any order, unknown ones, repeated numbers packed or not.
/// Messages within messages are readers of their own, no larger than the message around them.
struct ProtobufReader {
  /// Of the whole body, which places in errors are counted in.
  private let base: UnsafeRawPointer
  private(set) var offset: Int
  let end: Int

  /// Never read: what the reader of an empty body points to.
  nonisolated(unsafe) private static let nowhere = UnsafeRawPointer(
    UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1))

  /// - Parameter body: lent for as long as the reader and what it lends are in use.
  init(_ body: UnsafeRawBufferPointer) {
    base = body.baseAddress ?? Self.nowhere
    offset = 0
    end = body.count
  }

  /// A message within `body` that another reader has found there.
  init(_ body: UnsafeRawBufferPointer, _ range: Range<Int>) {
    self.init(body)
    precondition(range.lowerBound >= 0 && range.upperBound <= end, "a message at \(range) in \(end) bytes")
    self = ProtobufReader(base: base, offset: range.lowerBound, end: range.upperBound)
  }

  private init(base: UnsafeRawPointer, offset: Int, end: Int) {
    self.base = base
    self.offset = offset
    self.end = end
  }

  @inline(__always) var isAtEnd: Bool { offset >= end }

  // MARK: Fields

  /// The next field, of which the value comes next; `nil` at the end of the message.
  @inline(__always)
  mutating func next(in message: StaticString) throws(ProtobufError) -> ProtobufField? {
    guard offset < end else { return nil }
    let byte = offset
    let key = try varint(message)
    guard key >= 8, key <= UInt64(UInt32.max) else { throw ProtobufError(.fieldNumber(key >> 3), message, byte: byte) }
    guard let type = ProtobufWireType(rawValue: UInt8(truncatingIfNeeded: key) & 7) else {
      throw ProtobufError(.unknownWireType(UInt8(truncatingIfNeeded: key) & 7), message, byte: byte)
    }
    return ProtobufField(number: UInt32(truncatingIfNeeded: key >> 3), type: type, byte: byte)
  }

  /// Passes over the value of a field that nobody wants.
  mutating func skip(_ field: ProtobufField, in message: StaticString) throws(ProtobufError) {
    switch field.type {
    case .varint: _ = try varint(message)
    case .fixed64: try advance(8, message)
    case .fixed32: try advance(4, message)
    case .bytes: offset += try length(message)
    }
  }

  private mutating func advance(_ count: Int, _ name: StaticString) throws(ProtobufError) {
    guard end - offset >= count else { throw ProtobufError(.truncated, name, byte: offset) }
    offset += count
  }

  @inline(__always)
  private func check(
    _ field: ProtobufField, _ type: ProtobufWireType, _ name: StaticString
  ) throws(ProtobufError) {
    guard field.type == type else { throw ProtobufError(.wrongWireType(field.type.rawValue), name, byte: field.byte) }
  }

  // MARK: Values

  /// An unsigned number, or the bits of a signed one that is written in ten bytes when negative.
  @inline(__always)
  mutating func unsigned(_ field: ProtobufField, _ name: StaticString) throws(ProtobufError) -> UInt64 {
    try check(field, .varint, name)
    return try varint(name)
  }

  /// An `int64`.
  @inline(__always)
  mutating func signed(_ field: ProtobufField, _ name: StaticString) throws(ProtobufError) -> Int64 {
    Int64(bitPattern: try unsigned(field, name))
  }

  /// The bits of a `double`: a stale marker must not pass through floating-point registers.
  @inline(__always)
  mutating func doubleBits(_ field: ProtobufField, _ name: StaticString) throws(ProtobufError) -> UInt64 {
    try check(field, .fixed64, name)
    guard end &- offset >= 8 else { throw ProtobufError(.truncated, name, byte: offset) }
    defer { offset &+= 8 }
    return UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// A message within this one.
  @inline(__always)
  mutating func message(_ field: ProtobufField, _ name: StaticString) throws(ProtobufError) -> ProtobufReader {
    try check(field, .bytes, name)
    let count = try length(name)
    defer { offset &+= count }
    return ProtobufReader(base: base, offset: offset, end: offset &+ count)
  }

  /// Text, lent. Whether it is UTF-8 has been checked.
  @inline(__always)
  mutating func text(_ field: ProtobufField, _ name: StaticString) throws(ProtobufError) -> UnsafeRawBufferPointer {
    try check(field, .bytes, name)
    let count = try length(name)
    let text = UnsafeRawBufferPointer(start: base + offset, count: count)
    guard UTF8Text.isValid(text) else { throw ProtobufError(.notUTF8, name, byte: offset) }
    offset &+= count
    return text
  }

  /// Calls `body` with the numbers of a repeated field: one, or a packed run of them.
  @inline(__always)
  mutating func unsignedNumbers(
    _ field: ProtobufField, _ name: StaticString, _ body: (UInt64, _ byte: Int) throws(ProtobufError) -> Void
  ) throws(ProtobufError) {
    if field.type == .varint {
      let byte = offset
      return try body(try varint(name), byte)
    }
    var packed = try message(field, name)
    while !packed.isAtEnd {
      let byte = packed.offset
      try body(try packed.varint(name), byte)
    }
  }

  // MARK: Raw parts

  /// How many bytes come next, all of them within this message.
  @inline(__always)
  private mutating func length(_ name: StaticString) throws(ProtobufError) -> Int {
    let byte = offset
    let claimed = try varint(name)
    guard claimed <= UInt64(end &- offset) else {
      throw ProtobufError(.lengthBeyondMessage(claimed: claimed, left: end - offset), name, byte: byte)
    }
    return Int(truncatingIfNeeded: claimed)
  }

  @inline(__always)
  private mutating func varint(_ name: StaticString) throws(ProtobufError) -> UInt64 {
    if offset < end {
      let byte = base.load(fromByteOffset: offset, as: UInt8.self)
      if byte < 0x80 {
        offset &+= 1
        return UInt64(byte)
      }
    }
    return try longVarint(name)
  }

  /// A number of several bytes: seven bits in each, the lowest first, the high bit set in all but the last.
  private mutating func longVarint(_ name: StaticString) throws(ProtobufError) -> UInt64 {
    if end &- offset >= 8 {
      let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      let ends = ~word & 0x8080_8080_8080_8080
      if ends != 0 {
        // The lowest byte whose high bit is clear is the last; what lies above it is masked off.
        let last = ends.trailingZeroBitCount
        offset &+= last >> 3 &+ 1
        return Self.compact(word & (UInt64.max >> UInt64(63 &- last)))
      }
    }
    let start = offset
    var value: UInt64 = 0
    for i in 0..<10 {
      guard offset < end else { throw ProtobufError(.truncated, name, byte: start) }
      let byte = base.load(fromByteOffset: offset, as: UInt8.self)
      offset += 1
      value |= UInt64(byte & 0x7F) << UInt64(7 * i)
      if byte < 0x80 { return value }
    }
    throw ProtobufError(.varintTooLong, name, byte: start)
  }

  /// Moves the low seven bits of each byte together.
  private static func compact(_ word: UInt64) -> UInt64 {
    var x = word & 0x7F7F_7F7F_7F7F_7F7F
    x = x & 0x007F_007F_007F_007F | (x & 0x7F00_7F00_7F00_7F00) >> 1
    x = x & 0x0000_3FFF_0000_3FFF | (x & 0x3FFF_0000_3FFF_0000) >> 2
    return x & 0x0000_0000_0FFF_FFFF | (x & 0x0FFF_FFFF_0000_0000) >> 4
  }
}
