internal import TimeSeries

/// One Snappy block made of parts: the block's elements one after the other, with the length header kept for the end.
/// A part's elements refer to nothing outside of the part, so what is packed need not be in memory as a whole, and parts
/// that were packed apart can be put together.
struct SnappyBlockWriter: ~Copyable {
  private var elements = ByteWriter()
  /// Bytes that the elements unpack to.
  private(set) var unpackedCount = 0

  /// The format holds lengths of 32 bits.
  static let unpackedMax = Int(UInt32.max)

  init() {}

  var isEmpty: Bool { unpackedCount == 0 }

  /// Packs `bytes` behind what there is.
  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count > 0 else { return }
    let packed = Snappy.compress(bytes)
    // Behind the header, which is the length as a varint.
    packed.withUnsafeBytes { elements.append(UnsafeRawBufferPointer(rebasing: $0[Self.headerSize(bytes.count)...])) }
    unpackedCount += bytes.count
  }

  /// Puts a short text, at most 60 bytes, behind what there is: as it is, as a literal.
  mutating func append(literal bytes: UnsafeRawBufferPointer) {
    precondition((1...60).contains(bytes.count), "a literal of \(bytes.count) bytes")
    elements.append(UInt8(bytes.count - 1) << 2)
    elements.append(bytes)
    unpackedCount += bytes.count
  }

  /// Moves what another writer has packed behind what there is.
  mutating func take(from other: inout SnappyBlockWriter) {
    other.elements.withBytes { elements.append($0) }
    unpackedCount += other.unpackedCount
    other.elements.removeAll()
    other.unpackedCount = 0
  }

  /// The whole block.
  func finish() -> [UInt8] {
    var header = ByteWriter(capacity: 10)
    header.append(varint: UInt64(unpackedCount))
    var block = header.copy()
    block.reserveCapacity(header.count + elements.count)
    elements.withBytes { block.append(contentsOf: $0) }
    return block
  }

  private static func headerSize(_ count: Int) -> Int { Protobuf.size(varint: UInt64(count)) }
}
