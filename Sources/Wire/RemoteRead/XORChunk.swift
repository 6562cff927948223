public import TimeSeries

/// Prometheus' chunk of float samples (`prometheus/prometheus: tsdb/docs/format/chunks.md`, `tsdb/chunkenc/xor.go`),
/// after Gorilla (Pelkonen et al., VLDB 2015):
///
///     count: 2 bytes, big-endian
///     sample 0    timestamp: signed varint (zigzag) | value: 64 bits
///     sample 1    delta of the timestamps: varint | value
///     sample 2…   delta of deltas: 0 | 10 + 14 | 110 + 17 | 1110 + 20 | 1111 + 64 bits | value
///     value       XOR with the one before: 0: same | 10 + bits in the last window
///                 | 11 + leading zeros: 5 + length: 6 (64 as 0) + bits
///
/// Bits come most significant first. The delta codes of n bits hold −(2ⁿ⁻¹ − 1) … 2ⁿ⁻¹: not two's complement.
public enum XORChunk {
  /// The count has two bytes.
  public static let samplesMax = Int(UInt16.max)

  /// Any sample's longest form is 4 + 64 bits of time and 13 + 64 of value; the first two are shorter. One word more is
  /// written at once.
  private static func bytesMax(_ count: Int) -> Int { 2 + count * 19 + 16 }

  /// Appends the chunk of the samples in `range`, which are in the order of their times.
  /// - Precondition: `range` is within `samples`, and holds from 1 to `samplesMax` of them.
  public static func append(_ samples: borrowing SampleColumns, _ range: Range<Int>, to writer: inout ByteWriter) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= samples.count && (1...samplesMax).contains(range.count),
      "samples \(range) of \(samples.count) are no chunk")
    let timestamps = samples.timestamps
    // As bits from the start: a floating-point register might quiet a stale marker.
    let values = UnsafeRawPointer(samples.values)
    writer.append(most: bytesMax(range.count)) { out in
      var bits = BitWriter(out)
      var encoder = ValueEncoder()
      bits.write(UInt64(range.count), 16)
      var timestamp: Int64 = 0
      var delta: Int64 = 0
      for i in range {
        let value = values.load(fromByteOffset: i &* 8, as: UInt64.self)
        switch i - range.lowerBound {
        case 0:
          bits.write(varint: UInt64(bitPattern: timestamps[i] << 1 ^ timestamps[i] >> 63))
          bits.write(value, 64)
          encoder.last = value
        case 1:
          delta = timestamps[i] &- timestamp
          bits.write(varint: UInt64(bitPattern: delta))
          encoder.write(value, to: &bits)
        default:
          let newDelta = timestamps[i] &- timestamp
          writeTimestamp(newDelta &- delta, to: &bits)
          delta = newDelta
          encoder.write(value, to: &bits)
        }
        timestamp = timestamps[i]
      }
      return bits.finish() - out
    }
  }

  @inline(__always)
  private static func writeTimestamp(_ change: Int64, to bits: inout BitWriter) {
    switch change {
    case 0: bits.write(0, 1)
    case -8191...8192: bits.write(0b10 << 14 | UInt64(bitPattern: change) & 0x3FFF, 16)
    case -65_535...65_536: bits.write(0b110 << 17 | UInt64(bitPattern: change) & 0x1_FFFF, 20)
    case -524_287...524_288: bits.write(0b1110 << 20 | UInt64(bitPattern: change) & 0xF_FFFF, 24)
    default:
      bits.write(0b1111, 4)
      bits.write(UInt64(bitPattern: change), 64)
    }
  }

  /// What the values so far have left behind.
  private struct ValueEncoder {
    var last: UInt64 = 0
    /// The last window; none yet.
    var leading = 0xFF
    var trailing = 0

    @inline(__always)
    mutating func write(_ value: UInt64, to bits: inout BitWriter) {
      let xor = value ^ last
      last = value
      if xor == 0 { return bits.write(0, 1) }
      let zeros = min(xor.leadingZeroBitCount, 31)
      let rest = xor.trailingZeroBitCount
      if leading != 0xFF, zeros >= leading, rest >= trailing {
        bits.write(0b10, 2)
        return bits.write(xor >> UInt64(trailing), 64 &- leading &- trailing)
      }
      (leading, trailing) = (zeros, rest)
      let length = 64 &- zeros &- rest
      bits.write(0b11 << 11 | UInt64(zeros) << 6 | UInt64(length & 63), 13)
      bits.write(xor >> UInt64(rest), length)
    }
  }
}

/// Bits into memory that has room for them, most significant first.
private struct BitWriter {
  private var out: UnsafeMutablePointer<UInt8>
  /// The last bits, which do not make a word yet: the low `filled` ones, fewer than 64.
  private var pending: UInt64 = 0
  private var filled = 0

  init(_ out: UnsafeMutablePointer<UInt8>) { self.out = out }

  /// - Parameters:
  ///   - bits: no bit is set above the `count` lowest.
  ///   - count: from 1 to 64.
  @inline(__always)
  mutating func write(_ bits: UInt64, _ count: Int) {
    let room = 64 &- filled
    if count < room {
      pending = pending << UInt64(count) | bits
      filled &+= count
      return
    }
    let rest = count &- room
    store(pending << UInt64(room) | bits >> UInt64(rest))
    pending = bits & ((1 << UInt64(rest)) &- 1)
    filled = rest
  }

  mutating func write(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      write(rest & 0x7F | 0x80, 8)
      rest >>= 7
    }
    write(rest, 8)
  }

  /// Fills the last byte with zeros, and returns the end of what was written.
  mutating func finish() -> UnsafeMutablePointer<UInt8> {
    let end = out + (filled + 7) / 8
    if filled > 0 { store(pending << UInt64(64 - filled)) }
    return end
  }

  @inline(__always)
  private mutating func store(_ word: UInt64) {
    UnsafeMutableRawPointer(out).storeBytes(of: word.bigEndian, as: UInt64.self)
    out += 8
  }
}
