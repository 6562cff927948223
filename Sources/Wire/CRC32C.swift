/// The checksum of Snappy's framing format and of remote read's frames: CRC with the Castagnoli polynomial, reflected
/// (RFC 3720 section 12.1).
enum CRC32C {
  /// Eight tables of 256: entry `b` of table `k` is what byte `b` does to the checksum with `k` bytes behind it, so that
  /// eight bytes are taken at a time (Kounavis and Berry, "A Systematic Approach to Building High Performance
  /// Software-Based CRC Generators", 2005). Never freed, never written again.
  nonisolated(unsafe) private static let tables: UnsafePointer<UInt32> = {
    let tables = UnsafeMutablePointer<UInt32>.allocate(capacity: 8 * 256)
    for byte in 0..<256 {
      tables[byte] = (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
    }
    for i in 256..<8 * 256 { tables[i] = tables[i - 256] >> 8 ^ tables[Int(tables[i - 256] & 0xFF)] }
    return UnsafePointer(tables)
  }()

  /// The checksum of `bytes` behind those that `crc` is the checksum of; 0 is that of none.
  static func extend(_ crc: UInt32, with bytes: UnsafeRawBufferPointer) -> UInt32 {
    guard var position = bytes.baseAddress else { return crc }
    let tables = tables
    let end = position + bytes.count
    var crc = ~crc
    while end - position >= 8 {
      let word = UInt64(littleEndian: position.loadUnaligned(as: UInt64.self)) ^ UInt64(crc)
      crc = 0
      // Constant bounds: the loop is unrolled.
      for k in 0..<8 { crc ^= tables[(7 &- k) &* 256 &+ Int(truncatingIfNeeded: (word >> UInt64(8 &* k)) & 0xFF)] }
      position += 8
    }
    while position < end {
      crc = tables[Int((crc ^ UInt32(position.load(as: UInt8.self))) & 0xFF)] ^ crc >> 8
      position += 1
    }
    return ~crc
  }

  /// As the framing format stores it: rotated and offset (google/snappy: `framing_format.txt`, section 3).
  static func masked(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    let crc = extend(0, with: bytes)
    return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
  }
}
