internal import CSnappy

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

/// Compresses records as the delivered format has it: one raw block.
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
}
