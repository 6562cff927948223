internal import TimeSeries

/// Sizes of what is to be written: a message's length stands before it.
enum Protobuf {
  /// Bytes of a number: seven bits in each.
  @inline(__always) static func size(varint value: UInt64) -> Int {
    (64 &- (value | 1).leadingZeroBitCount &+ 6) / 7
  }

  /// Bytes of a field of bytes: key, length and content.
  @inline(__always) static func size(bytes count: Int) -> Int { 1 &+ size(varint: UInt64(count)) &+ count }

  /// Writes a number at `out`, which has room for ten bytes, and returns how many it took.
  @inline(__always)
  static func write(varint value: UInt64, to out: UnsafeMutablePointer<UInt8>) -> Int {
    var rest = value
    var count = 0
    while rest >= 0x80 {
      out[count] = UInt8(truncatingIfNeeded: rest) | 0x80
      rest >>= 7
      count &+= 1
    }
    out[count] = UInt8(truncatingIfNeeded: rest)
    return count &+ 1
  }
}

/// Fields of messages; their numbers are below 16, so that keys take one byte. Numbers that are 0 are left out, as
/// proto3 has it.
extension ByteWriter {
  mutating func append(varint value: UInt64) {
    append(most: 10) { Protobuf.write(varint: value, to: $0) }
  }

  private mutating func append(key field: UInt8, _ type: ProtobufWireType) {
    append(field << 3 | type.rawValue)
  }

  mutating func append(field: UInt8, _ value: UInt64) {
    guard value != 0 else { return }
    append(key: field, .varint)
    append(varint: value)
  }

  mutating func append(field: UInt8, _ value: Int64) { append(field: field, UInt64(bitPattern: value)) }

  /// Text or bytes, which are written even if there are none.
  mutating func append(field: UInt8, _ bytes: UnsafeRawBufferPointer) {
    append(field: field, messageOf: bytes.count)
    append(bytes)
  }

  /// The beginning of a message, of which the given number of bytes has to follow.
  mutating func append(field: UInt8, messageOf count: Int) {
    append(key: field, .bytes)
    append(varint: UInt64(count))
  }
}
