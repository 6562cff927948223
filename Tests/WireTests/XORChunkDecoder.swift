/// Reads a chunk bit by bit, as `tsdb/docs/format/chunks.md` describes it and without regard to speed; `nil` when it
/// ends too early.
struct XORChunkDecoder {
  private let bytes: [UInt8]
  private var position = 0

  static func decode(_ bytes: [UInt8]) -> [(timestamp: Int64, bits: UInt64)]? {
    var decoder = XORChunkDecoder(bytes: bytes)
    return decoder.samples()
  }

  /// Bits that were read.
  static func bitCount(_ bytes: [UInt8]) -> Int {
    var decoder = XORChunkDecoder(bytes: bytes)
    _ = decoder.samples()
    return decoder.position
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private mutating func bit() -> Bool? {
    guard position < bytes.count * 8 else { return nil }
    defer { position += 1 }
    return bytes[position / 8] >> UInt8(7 - position % 8) & 1 == 1
  }

  private mutating func bits(_ count: Int) -> UInt64? {
    var value: UInt64 = 0
    for _ in 0..<count {
      guard let bit = bit() else { return nil }
      value = value << 1 | (bit ? 1 : 0)
    }
    return value
  }

  private mutating func varint() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard let byte = bits(8) else { return nil }
      value |= (byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }

  /// Ones before the next zero, at most `most`.
  private mutating func ones(_ most: Int) -> Int? {
    for count in 0..<most {
      guard let bit = bit() else { return nil }
      if !bit { return count }
    }
    return most
  }

  private mutating func samples() -> [(timestamp: Int64, bits: UInt64)]? {
    guard let count = bits(16), count > 0, let first = varint(), let value = bits(64) else { return nil }
    var timestamp = Int64(bitPattern: first >> 1) ^ -Int64(bitPattern: first & 1)
    var samples = [(timestamp, value)]
    var delta: Int64 = 0
    var window: (leading: Int, length: Int)?
    var last = value
    for i in 1..<max(Int(count), 1) {
      if i == 1 {
        guard let read = varint() else { return nil }
        delta = Int64(bitPattern: read)
      } else {
        guard let prefix = ones(4), let raw = bits([0, 14, 17, 20, 64][prefix]) else { return nil }
        var change = Int64(bitPattern: raw)
        let size = [0, 14, 17, 20, 64][prefix]
        if prefix > 0, prefix < 4, change > 1 << (size - 1) { change -= 1 << size }
        delta &+= change
      }
      timestamp &+= delta
      guard let changed = bit() else { return nil }
      if changed {
        guard let isNew = bit() else { return nil }
        if isNew {
          guard let leading = bits(5), let length = bits(6) else { return nil }
          window = (Int(leading), length == 0 ? 64 : Int(length))
        }
        guard let (leading, length) = window, leading + length <= 64, let significant = bits(length) else { return nil }
        last ^= significant << UInt64(64 - leading - length)
      }
      samples.append((timestamp, last))
    }
    return samples
  }
}
