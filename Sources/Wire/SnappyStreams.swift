/// A block of a stream of Snappy blocks.
enum StreamBlock {
  case stored(UnsafeRawBufferPointer)
  /// With the masked CRC32C of what it unpacks to, where the stream has one.
  case compressed(UnsafeRawBufferPointer, checksum: UInt32?)
}

/// A framing that cuts data into blocks. Lengths in it are claims: each is checked against what input is left.
protocol BlockStream {
  mutating func next() throws(UnpackError) -> StreamBlock?
}

/// Blocks a record may consist of at most: empty ones cost time and yield nothing.
private let blocksMax = 1 << 16

/// Reads whole words from the front of a buffer.
private struct Cursor {
  var rest: UnsafeRawBufferPointer

  mutating func take(_ count: Int) -> UnsafeRawBufferPointer? {
    guard count >= 0, count <= rest.count else { return nil }
    defer { rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count)) }
    return UnsafeRawBufferPointer(rebasing: rest.prefix(count))
  }

  mutating func bigEndian32() -> UInt32? {
    take(4).map { UInt32(bigEndian: $0.loadUnaligned(as: UInt32.self)) }
  }
}

/// snappy-java's stream (xerial/snappy-java: `SnappyOutputStream.java`): a header of 16 bytes, then blocks behind their
/// lengths; streams may follow one another.
struct XerialStream: BlockStream {
  static let magic: [UInt8] = [0x82, 0x53, 0x4E, 0x41, 0x50, 0x50, 0x59, 0x00]
  private var cursor: Cursor
  private var blocks = 0
  private var atHeader = true

  init(_ value: UnsafeRawBufferPointer) { cursor = Cursor(rest: value) }

  mutating func next() throws(UnpackError) -> StreamBlock? {
    while !cursor.rest.isEmpty {
      blocks += 1
      guard blocks <= blocksMax else { throw .corrupt("more than \(blocksMax) blocks in a xerial stream") }
      if atHeader || cursor.rest.starts(with: Self.magic) {
        guard cursor.take(8) != nil, cursor.bigEndian32() != nil, let compatible = cursor.bigEndian32() else {
          throw .corrupt("the header of the xerial stream is cut short")
        }
        guard compatible <= 1 else { throw .corrupt("a xerial stream of version \(compatible); 1 is known") }
        atHeader = false
        continue
      }
      guard let length = cursor.bigEndian32(), length < 0x8000_0000, let block = cursor.take(Int(length)) else {
        throw .corrupt("a block of the xerial stream is cut short")
      }
      return .compressed(block, checksum: nil)
    }
    return nil
  }
}

/// Google's framing format (google/snappy: `framing_format.txt`, 2022): chunks of a type, a length and a body.
struct FramedStream: BlockStream {
  static let identifier: [UInt8] = [0xFF, 0x06, 0x00, 0x00, 0x73, 0x4E, 0x61, 0x50, 0x70, 0x59]
  private static let chunkMax = 65536
  private var cursor: Cursor
  private var chunks = 0

  init(_ value: UnsafeRawBufferPointer) { cursor = Cursor(rest: value) }

  mutating func next() throws(UnpackError) -> StreamBlock? {
    while !cursor.rest.isEmpty {
      chunks += 1
      guard chunks <= blocksMax else { throw .corrupt("more than \(blocksMax) chunks in a framed stream") }
      guard let head = cursor.take(4),
        var body = cursor.take(Int(head[1]) | Int(head[2]) << 8 | Int(head[3]) << 16)
      else { throw .corrupt("a chunk of the framed stream is cut short") }
      switch head[0] {
      case 0x00, 0x01:
        guard body.count >= 4 else { throw .corrupt("a chunk of the framed stream is too short for its checksum") }
        let checksum = UInt32(littleEndian: body.loadUnaligned(as: UInt32.self))
        body = UnsafeRawBufferPointer(rebasing: body.dropFirst(4))
        if head[0] == 0x01 { return try stored(body, checksum) }
        return try compressed(body, checksum)
      case 0x02: return try compressed(body, nil)
      case 0x03: return try stored(body, nil)
      case 0x04...0x7F: throw .corrupt("a chunk of type \(head[0]) in a framed stream, which must not be skipped")
      case 0xFF:
        guard body.elementsEqual(Self.identifier.dropFirst(4)) else {
          throw .corrupt("a stream identifier that is none in a framed stream")
        }
      default: break  // padding and skippable chunks
      }
    }
    return nil
  }

  private func compressed(_ body: UnsafeRawBufferPointer, _ checksum: UInt32?) throws(UnpackError) -> StreamBlock {
    guard let length = SnappyBlock.claimedLength(body), length <= Self.chunkMax else {
      throw .corrupt("a chunk of the framed stream claims more than \(Self.chunkMax) bytes")
    }
    return .compressed(body, checksum: checksum)
  }

  private func stored(_ body: UnsafeRawBufferPointer, _ checksum: UInt32?) throws(UnpackError) -> StreamBlock {
    guard body.count <= Self.chunkMax else {
      throw .corrupt("a stored chunk of \(body.count) bytes in a framed stream")
    }
    if let checksum, checksum != CRC32C.masked(body) {
      throw .corrupt("a chunk of the framed stream has another checksum than its content")
    }
    return .stored(body)
  }
}

/// Hadoop's stream (`BlockCompressorStream`): frames of an unpacked length, then blocks behind their lengths until it is
/// reached. It has no magic, so its look is checked as a whole first.
struct HadoopStream: BlockStream {
  private var cursor: Cursor
  private var frameRest = 0

  init(_ value: UnsafeRawBufferPointer) { cursor = Cursor(rest: value) }

  /// Whether every length in `value` fits the others.
  static func isPlausible(_ value: UnsafeRawBufferPointer) -> Bool {
    guard value.count >= 8 else { return false }
    var stream = HadoopStream(value)
    do {
      while try stream.next() != nil {}
      return stream.frameRest == 0
    } catch { return false }
  }

  mutating func next() throws(UnpackError) -> StreamBlock? {
    while frameRest == 0 {
      guard !cursor.rest.isEmpty else { return nil }
      guard let total = cursor.bigEndian32(), total < 0x8000_0000 else {
        throw .corrupt("a frame of the hadoop stream is cut short")
      }
      frameRest = Int(total)
    }
    guard let length = cursor.bigEndian32(), length < 0x8000_0000, length > 0, let block = cursor.take(Int(length)),
      let unpacked = SnappyBlock.claimedLength(block), unpacked > 0, unpacked <= frameRest
    else { throw .corrupt("a block of the hadoop stream is cut short or does not fit its frame") }
    frameRest -= unpacked
    return .compressed(block, checksum: nil)
  }
}
