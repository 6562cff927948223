internal import CSnappy
public import TimeSeries

/// The raw block format of Snappy, by libsnappy (google/snappy: `format_description.txt`).
enum SnappyBlock {
  /// What the length header claims, or `nil` when it is no valid header. Nothing is believed yet.
  static func claimedLength(_ block: UnsafeRawBufferPointer) -> Int? {
    var length = 0
    let status = snappy_uncompressed_length(
      block.baseAddress?.assumingMemoryBound(to: CChar.self), block.count, &length)
    return status == SNAPPY_OK ? length : nil
  }

  /// The densest element of the format yields 64 bytes of output for 3 of input, so an honest claim stays below this.
  static func plausibleMax(compressed count: Int) -> Int { count * 22 + 64 }

  /// Decompresses the whole block to `target`, which has room for the claimed length.
  /// - Returns: false when the block is broken; then `target` holds rubbish.
  static func decompress(_ block: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer, length: Int) -> Bool {
    var written = length
    let status = snappy_uncompress(
      block.baseAddress?.assumingMemoryBound(to: CChar.self), block.count,
      target.assumingMemoryBound(to: CChar.self), &written)
    return status == SNAPPY_OK && written == length
  }
}

/// Why a block could not be unpacked.
public enum SnappyError: Error, Equatable, Sendable {
  /// The length header is no varint of 32 bits.
  case noHeader
  /// The length header claims more than the limit. Nothing was allocated for it.
  case oversized(claimed: Int, limit: Int)
  /// The length header claims more than this much input can hold. Nothing was allocated for it.
  case implausible(claimed: Int, compressed: Int)
  /// What follows the header does not unpack to what it claims.
  case corrupt(claimed: Int)
}

extension SnappyError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noHeader: "no Snappy block: the length header is no varint of 32 bits"
    case .oversized(let claimed, let limit):
      "the Snappy block claims to unpack to \(claimed) bytes, more than the limit of \(limit)"
    case .implausible(let claimed, let compressed):
      "the Snappy block claims to unpack to \(claimed) bytes, which \(compressed) bytes cannot hold"
    case .corrupt(let claimed): "the Snappy block is broken: it does not unpack to the \(claimed) bytes that it claims"
    }
  }
}

/// One raw block: what a record of the delivered format is, and a body of remote write and remote read.
public enum Snappy {
  public static func compress(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    let most = snappy_max_compressed_length(bytes.count)
    return [UInt8](unsafeUninitializedCapacity: most) { target, count in
      var written = most
      target.withMemoryRebound(to: CChar.self) { target in
        _ = snappy_compress(
          bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, target.baseAddress, &written)
      }
      count = written
    }
  }

  public static func compress(_ bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { compress($0) } }

  /// Unpacks a block.
  /// - Parameter bytesMax: what it may unpack to; a claim of more is refused before anything is allocated.
  public static func decompress(_ block: UnsafeRawBufferPointer, bytesMax: Int) throws(SnappyError) -> [UInt8] {
    let claimed = try unpackedLength(block, bytesMax: bytesMax)
    var isSound = false
    // With room for something: without, it would be the one empty array of the process, whose count is written: a race.
    let plain = [UInt8](unsafeUninitializedCapacity: max(claimed, 1)) { target, count in
      let start = UnsafeMutableRawBufferPointer(target).baseAddress
      isSound = start.map { SnappyBlock.decompress(block, to: $0, length: claimed) } ?? (claimed == 0)
      count = isSound ? claimed : 0
    }
    guard isSound else { throw .corrupt(claimed: claimed) }
    return plain
  }

  /// What a block claims to unpack to, checked against `bytesMax` and against what its input can hold.
  public static func unpackedLength(_ block: UnsafeRawBufferPointer, bytesMax: Int) throws(SnappyError) -> Int {
    guard let claimed = SnappyBlock.claimedLength(block) else { throw .noHeader }
    guard claimed <= bytesMax else { throw .oversized(claimed: claimed, limit: bytesMax) }
    guard claimed <= SnappyBlock.plausibleMax(compressed: block.count) else {
      throw .implausible(claimed: claimed, compressed: block.count)
    }
    return claimed
  }

  /// Unpacks a block into memory that is used again and again.
  /// - Parameters:
  ///   - length: what `unpackedLength` has said.
  ///   - target: what it holds is replaced.
  public static func decompress(
    _ block: UnsafeRawBufferPointer, length: Int, into target: inout ByteWriter
  ) throws(SnappyError) {
    target.removeAll()
    var isSound = false
    target.append(most: length) { start in
      isSound = SnappyBlock.decompress(block, to: start, length: length)
      return isSound ? length : 0
    }
    guard isSound else { throw .corrupt(claimed: length) }
  }

  public static func decompress(_ block: [UInt8], bytesMax: Int) throws(SnappyError) -> [UInt8] {
    try block.withUnsafeBufferPointer { (bytes) throws(SnappyError) in
      try decompress(UnsafeRawBufferPointer(bytes), bytesMax: bytesMax)
    }
  }
}
