/// How a record's value is wrapped. The delivered format is `raw`; the others are met in the field when a producer used
/// another class of its library, or none.
public enum Framing: String, Sendable, CaseIterable {
  /// One raw Snappy block: the delivered format.
  case raw
  /// JSON that nobody compressed.
  case json
  /// snappy-java's `SnappyOutputStream`.
  case xerial
  /// Google's framing format (`.sz`).
  case framed
  /// Hadoop's `BlockCompressorStream`.
  case hadoop
}

/// Why a record's value could not be unpacked.
public enum UnpackError: Error, Equatable, Sendable {
  /// A length header claims more than the limit. Nothing was allocated for it.
  case oversized(claimed: Int, limit: Int)
  /// A length header claims more than this much input can hold.
  case implausible(claimed: Int, compressed: Int)
  /// A format that is recognised and not read, by name.
  case unsupported(String)
  /// Neither Snappy of any kind nor JSON; what was tried last, and why it failed.
  case corrupt(String)

  /// The word that counters and dead letters use.
  public var reason: String {
    switch self {
    case .oversized, .implausible: "oversized"
    case .unsupported: "unsupported_framing"
    case .corrupt: "corrupt_snappy"
    }
  }
}

extension UnpackError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .oversized(let claimed, let limit):
      "the length header claims \(claimed) bytes, more than the limit of \(limit) (--record-max-bytes)"
    case .implausible(let claimed, let compressed):
      "the length header claims \(claimed) bytes, which \(compressed) bytes of Snappy cannot hold"
    case .unsupported(let format): "\(format) is not read; the delivered format is one raw Snappy block of JSON"
    case .corrupt(let why): why
    }
  }
}

/// Unwraps record values, whatever their framing, into memory of its own that is used again and again. One thread's.
public struct RecordUnpacker: ~Copyable {
  /// Bytes behind the unpacked text that may be read, and hold zeros.
  public static let padding = 64
  /// Most a record may unpack to, in bytes.
  public let bytesMax: Int
  /// Framing of the last record that was unpacked: a topic holds one kind as a rule.
  public private(set) var framing = Framing.raw
  private var buffer: UnsafeMutableRawPointer
  private var capacity: Int
  /// A larger buffer than this is given back after the outlier that needed it.
  private static var keptCapacity: Int { 4 << 20 }

  public init(bytesMax: Int = 64 << 20) {
    self.bytesMax = bytesMax
    capacity = 64 << 10
    buffer = .allocate(byteCount: capacity + Self.padding, alignment: 64)
  }

  deinit { buffer.deallocate() }

  /// Bytes held for unpacking.
  public var memoryBytes: Int { capacity }

  /// Unpacks `value` and lends the text, which is followed by `padding` zeros.
  ///
  /// Raw comes before JSON: JSON text never validates as a raw block, while a raw block may begin with `[` or `{`, its
  /// length's low bits.
  public mutating func unpack<R>(
    _ value: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> R
  ) throws(UnpackError) -> R {
    shrink()
    let length = try unpack(value)
    memset(buffer + length, Self.padding)
    return body(UnsafeRawBufferPointer(start: buffer, count: length))
  }

  private func memset(_ start: UnsafeMutableRawPointer, _ count: Int) {
    start.initializeMemory(as: UInt8.self, repeating: 0, count: count)
  }

  private mutating func unpack(_ value: UnsafeRawBufferPointer) throws(UnpackError) -> Int {
    if value.starts(with: XerialStream.magic) {
      framing = .xerial
      return try unpack(blocks: XerialStream(value))
    }
    if value.starts(with: FramedStream.identifier) {
      framing = .framed
      return try unpack(blocks: FramedStream(value))
    }
    let rawError: UnpackError
    do {
      let length = try unpackRaw(value)
      framing = .raw
      return length
    } catch { rawError = error }

    if looksLikeJSON(value) {
      guard value.count <= bytesMax else { throw .oversized(claimed: value.count, limit: bytesMax) }
      reserve(value.count)
      if let start = value.baseAddress { buffer.copyMemory(from: start, byteCount: value.count) }
      framing = .json
      return value.count
    }
    if let format = ForeignFormat.name(value) { throw .unsupported(format) }
    if HadoopStream.isPlausible(value) {
      framing = .hadoop
      return try unpack(blocks: HadoopStream(value))
    }
    throw rawError
  }

  private mutating func unpackRaw(_ value: UnsafeRawBufferPointer) throws(UnpackError) -> Int {
    guard let claimed = SnappyBlock.claimedLength(value) else {
      throw .corrupt("no Snappy block: the length header is no varint of 32 bits")
    }
    guard claimed <= SnappyBlock.plausibleMax(compressed: value.count) else {
      throw .implausible(claimed: claimed, compressed: value.count)
    }
    guard claimed <= bytesMax else { throw .oversized(claimed: claimed, limit: bytesMax) }
    reserve(claimed)
    guard SnappyBlock.decompress(value, to: buffer, length: claimed) else {
      throw .corrupt("no valid Snappy block, though its header claims \(claimed) bytes")
    }
    return claimed
  }

  private mutating func unpack<Blocks: BlockStream>(blocks: consuming Blocks) throws(UnpackError) -> Int {
    var length = 0
    while let block = try blocks.next() {
      let claimed: Int
      switch block {
      case .stored(let bytes): claimed = bytes.count
      case .compressed(let bytes, _):
        guard let length = SnappyBlock.claimedLength(bytes),
          length <= SnappyBlock.plausibleMax(compressed: bytes.count)
        else { throw .corrupt("a block of the \(framing.rawValue) stream has no believable length") }
        claimed = length
      }
      guard length + claimed <= bytesMax else { throw .oversized(claimed: length + claimed, limit: bytesMax) }
      reserve(length + claimed, keeping: length)
      switch block {
      case .stored(let bytes):
        if let start = bytes.baseAddress { (buffer + length).copyMemory(from: start, byteCount: claimed) }
      case .compressed(let bytes, let checksum):
        guard SnappyBlock.decompress(bytes, to: buffer + length, length: claimed) else {
          throw .corrupt("a block of the \(framing.rawValue) stream is broken")
        }
        if let checksum,
          checksum != CRC32C.masked(UnsafeRawBufferPointer(start: buffer + length, count: claimed))
        {
          throw .corrupt("a chunk of the framed stream has another checksum than its content")
        }
      }
      length += claimed
    }
    return length
  }

  private func looksLikeJSON(_ value: UnsafeRawBufferPointer) -> Bool {
    let first = value.first { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }
    return first == UInt8(ascii: "[") || first == UInt8(ascii: "{")
  }

  private mutating func reserve(_ bytes: Int, keeping kept: Int = 0) {
    guard bytes > capacity else { return }
    capacity = min(max(bytes, capacity * 2), max(bytesMax, bytes))
    let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity + Self.padding, alignment: 64)
    larger.copyMemory(from: buffer, byteCount: kept)
    buffer.deallocate()
    buffer = larger
  }

  private mutating func shrink() {
    guard capacity > Self.keptCapacity else { return }
    buffer.deallocate()
    capacity = 64 << 10
    buffer = .allocate(byteCount: capacity + Self.padding, alignment: 64)
  }
}

/// Formats that are told apart only to name them: reading them is not our business.
private enum ForeignFormat {
  static func name(_ value: UnsafeRawBufferPointer) -> String? {
    if value.starts(with: [0x1F, 0x8B]) { return "gzip" }
    if value.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) { return "zstd" }
    if value.starts(with: [0x04, 0x22, 0x4D, 0x18]) { return "an LZ4 frame" }
    if value.starts(with: Array("snappy".utf8) + [0]) { return "the stream of old snappy-in-java" }
    return nil
  }
}
