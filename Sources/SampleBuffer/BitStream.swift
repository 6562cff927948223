/// The chunk format: one run of one series' samples within one slab, as a stream of bits, most significant first, in
/// 32-bit words.
///
/// Timestamps are deltas of deltas and values XORs, after Gorilla (Pelkonen et al., "Gorilla: A Fast, Scalable,
/// In-Memory Time Series Database", VLDB 2015). Counters and most gauges are whole numbers or have few decimals; for
/// them XOR is wasteful, so a chunk starts in decimal mode: value × 10^scale as an integer, again as delta of delta.
/// The first value that does not fit changes the mode for the rest of the chunk.
///
///     first sample   timestamp − slab start: 32 bits
///                    0 + scale: 3 bits + (0 + integer: 32 bits | 1 + integer: 64 bits)
///                    1 + raw value: 64 bits (XOR mode)
///     timestamp      0: as expected | 10 + 7 | 110 + 12 | 1110 + 18 | 1111 + 32 bits (delta of delta, biased)
///     decimal mode   0: as expected | 10 + 7 | 110 + 12 | 1110 + 20 | 11110 + 32 bits (delta of delta, biased)
///                    11111 + mode: 3 bits + raw value: 64 bits (that scale, or XOR mode, from here on)
///     XOR mode       0: same value | 10 + bits in the last window | 11 + leading zeros: 5 + length − 1: 6 + bits
enum ChunkFormat {
  static let scaleMax: UInt8 = 4
  static let xorMode: UInt8 = 7

  static func power(_ scale: UInt8) -> Double {
    switch scale {
    case 0: 1
    case 1: 10
    case 2: 100
    case 3: 1000
    default: 10000
    }
  }

  /// `value` as an integer of that scale, if reading it back gives the very same bits.
  @inline(__always) static func scaled(_ bits: UInt64, _ scale: UInt8) -> Int64? {
    let value = Double(bitPattern: bits)
    if scale == 0 {
      guard value.magnitude < 0x1p52 else { return nil }
      let integer = Int64(value)
      return Double(integer).bitPattern == bits ? integer : nil
    }
    let product = value * power(scale)
    guard product.magnitude < 0x1p52 else { return nil }
    let integer = Int64(product.rounded())
    return (Double(integer) / power(scale)).bitPattern == bits ? integer : nil
  }

  @inline(__always) static func unscaled(_ integer: Int64, _ scale: UInt8) -> UInt64 {
    (scale == 0 ? Double(integer) : Double(integer) / power(scale)).bitPattern
  }

  /// The smallest scale that holds `bits`, or `xorMode`.
  static func scale(for bits: UInt64) -> UInt8 {
    for scale in 0...scaleMax where scaled(bits, scale) != nil { return scale }
    return xorMode
  }
}

/// Where a chunk's words go as they fill up.
protocol WordSink: ~Copyable {
  /// - Returns: false when memory is at its end.
  mutating func append(word: UInt32) -> Bool
}

/// What an encoder must remember between two samples of a chunk. Part of the series record, so kept small.
struct EncoderState: BitwiseCopyable {
  var lastTimestamp: Int64 = 0
  var lastBits: UInt64 = 0
  /// Decimal mode: last delta of the scaled integers.
  var valueDelta: Int64 = 0
  /// Bits not yet in a word: the low `pendingBits` ones, fewer than 32.
  var pending: UInt32 = 0
  var timestampDelta: Int32 = 0
  /// Samples so far.
  var count: UInt32 = 0
  var pendingBits: UInt8 = 0
  /// Decimal scale, or `ChunkFormat.xorMode`.
  var mode: UInt8 = 0
  /// XOR mode: the last window.
  var leading: UInt8 = 0xFF
  var length: UInt8 = 0
}

extension EncoderState {
  @inline(__always)
  private mutating func write<Sink: WordSink & ~Copyable>(_ bits: UInt64, _ count: Int, _ sink: inout Sink) -> Bool {
    // count ≤ 32 and pendingBits < 32: the sum fits into 64 bits.
    let all = UInt64(pending) << UInt64(count) | bits
    let total = Int(pendingBits) &+ count
    if total < 32 {
      pending = UInt32(truncatingIfNeeded: all)
      pendingBits = UInt8(truncatingIfNeeded: total)
      return true
    }
    let rest = total &- 32
    pending = UInt32(truncatingIfNeeded: all & ((1 << UInt64(rest)) &- 1))
    pendingBits = UInt8(truncatingIfNeeded: rest)
    return sink.append(word: UInt32(truncatingIfNeeded: all >> UInt64(rest)))
  }

  private mutating func write64<Sink: WordSink & ~Copyable>(_ bits: UInt64, _ sink: inout Sink) -> Bool {
    write(bits >> 32, 32, &sink) && write(bits & 0xFFFF_FFFF, 32, &sink)
  }

  /// Starts a chunk. `scaleHint` is the series' last mode.
  mutating func start<Sink: WordSink & ~Copyable>(
    timestamp: Int64, bits: UInt64, slabStart: Int64, scaleHint: UInt8, _ sink: inout Sink
  ) -> Bool {
    self = EncoderState()
    lastTimestamp = timestamp
    lastBits = bits
    count = 1
    guard write(UInt64(UInt32(truncatingIfNeeded: timestamp &- slabStart)), 32, &sink) else { return false }
    mode = scaleHint <= ChunkFormat.scaleMax ? scaleHint : ChunkFormat.scale(for: bits)
    if mode != ChunkFormat.xorMode, ChunkFormat.scaled(bits, mode) == nil { mode = ChunkFormat.scale(for: bits) }
    if mode != ChunkFormat.xorMode, let integer = ChunkFormat.scaled(bits, mode) {
      if let short = Int32(exactly: integer) {
        return write(UInt64(mode) << 1, 5, &sink) && write(UInt64(UInt32(bitPattern: short)), 32, &sink)
      }
      return write(UInt64(mode) << 1 | 1, 5, &sink) && write64(UInt64(bitPattern: integer), &sink)
    }
    mode = ChunkFormat.xorMode
    return write(1, 1, &sink) && write64(bits, &sink)
  }

  /// Appends a sample that is newer than the last one and within the same slab.
  @inline(__always)
  mutating func append<Sink: WordSink & ~Copyable>(timestamp: Int64, bits: UInt64, _ sink: inout Sink) -> Bool {
    let delta = timestamp &- lastTimestamp
    let change = delta &- Int64(timestampDelta)
    lastTimestamp = timestamp
    timestampDelta = Int32(truncatingIfNeeded: delta)
    count &+= 1

    var ok: Bool
    if change == 0 {
      ok = write(0, 1, &sink)
    } else if change >= -64 && change < 64 {
      ok = write(0b10 << 7 | UInt64(bitPattern: change &+ 64), 9, &sink)
    } else if change >= -2048 && change < 2048 {
      ok = write(0b110 << 12 | UInt64(bitPattern: change &+ 2048), 15, &sink)
    } else if change >= -131_072 && change < 131_072 {
      ok = write(0b1110 << 18 | UInt64(bitPattern: change &+ 131_072), 22, &sink)
    } else {
      ok = write(0b1111, 4, &sink) && write(UInt64(UInt32(truncatingIfNeeded: change)), 32, &sink)
    }
    guard ok else { return false }
    if mode != ChunkFormat.xorMode {
      return appendDecimal(bits, &sink)
    }
    return appendXOR(bits, &sink)
  }

  @inline(__always)
  private mutating func appendDecimal<Sink: WordSink & ~Copyable>(_ bits: UInt64, _ sink: inout Sink) -> Bool {
    if bits == lastBits && valueDelta == 0 { return write(0, 1, &sink) }
    guard let integer = ChunkFormat.scaled(bits, mode), let last = ChunkFormat.scaled(lastBits, mode) else {
      return changeMode(bits, to: ChunkFormat.scale(for: bits), &sink)
    }
    let delta = integer &- last  // both below 2⁵²
    let change = delta &- valueDelta
    if change == 0 {
      lastBits = bits
      return write(0, 1, &sink)
    }
    guard change >= -0x8000_0000 && change < 0x8000_0000 else { return changeMode(bits, to: mode, &sink) }
    lastBits = bits
    valueDelta = delta
    if change >= -64 && change < 64 { return write(0b10 << 7 | UInt64(bitPattern: change &+ 64), 9, &sink) }
    if change >= -2048 && change < 2048 { return write(0b110 << 12 | UInt64(bitPattern: change &+ 2048), 15, &sink) }
    if change >= -524_288 && change < 524_288 {
      return write(0b1110 << 20 | UInt64(bitPattern: change &+ 524_288), 24, &sink)
    }
    return write(0b11110, 5, &sink) && write(UInt64(bitPattern: change &+ 0x8000_0000), 32, &sink)
  }

  /// Begins anew with a value in full: at another scale, as XOR, or at the same scale after a leap.
  private mutating func changeMode<Sink: WordSink & ~Copyable>(
    _ bits: UInt64, to new: UInt8, _ sink: inout Sink
  ) -> Bool {
    // A finer scale that was needed once will be needed again; going back to a coarser one would cost 72 bits each way.
    mode = max(new, mode)
    if mode != ChunkFormat.xorMode, ChunkFormat.scaled(bits, mode) == nil { mode = ChunkFormat.xorMode }
    lastBits = bits
    valueDelta = 0
    return write(0b11111 << 3 | UInt64(mode), 8, &sink) && write64(bits, &sink)
  }

  private mutating func appendXOR<Sink: WordSink & ~Copyable>(_ bits: UInt64, _ sink: inout Sink) -> Bool {
    let xor = bits ^ lastBits
    lastBits = bits
    if xor == 0 { return write(0, 1, &sink) }
    let zeros = min(xor.leadingZeroBitCount, 31)
    let trailing = xor.trailingZeroBitCount
    let lastTrailing = 64 &- Int(leading) &- Int(length)
    if leading != 0xFF, zeros >= Int(leading), trailing >= lastTrailing,
      // A window much wider than needed is worth the 11 bits that a new one costs.
      Int(length) &- (64 &- zeros &- trailing) < 12
    {
      return write(0b10, 2, &sink) && writeWindow(xor >> UInt64(lastTrailing), Int(length), &sink)
    }
    leading = UInt8(zeros)
    length = UInt8(64 &- zeros &- trailing)
    return write(0b11 << 11 | UInt64(zeros) << 6 | UInt64(length &- 1), 13, &sink)
      && writeWindow(xor >> UInt64(trailing), Int(length), &sink)
  }

  private mutating func writeWindow<Sink: WordSink & ~Copyable>(_ bits: UInt64, _ count: Int, _ sink: inout Sink)
    -> Bool
  {
    if count <= 32 { return write(bits, count, &sink) }
    return write(bits >> 32, count &- 32, &sink) && write(bits & 0xFFFF_FFFF, 32, &sink)
  }
}

/// Reads a chunk sample by sample. The words must be an encoder's; the count of samples stands beside them.
struct ChunkDecoder {
  private(set) var timestamp: Int64
  private(set) var bits: UInt64
  /// The encoder's state after the samples read so far, but for its pending bits.
  private var timestampDelta: Int64 = 0
  private var valueDelta: Int64 = 0
  private var integer: Int64 = 0
  private(set) var mode: UInt8
  private var leading = 0
  private var length = 0
  private var words: UnsafePointer<UInt32>
  private let end: UnsafePointer<UInt32>
  private var window: UInt64 = 0
  private var available = 0

  /// Starts at the first sample. `words` holds at least the bits of as many samples as `next` will be asked for.
  init(_ words: UnsafePointer<UInt32>, wordCount: Int, slabStart: Int64) {
    self.words = words
    end = words + wordCount
    timestamp = slabStart
    bits = 0
    mode = 0
    timestamp = slabStart &+ Int64(read(32))
    if read(1) == 1 {
      mode = ChunkFormat.xorMode
      bits = read64()
    } else {
      mode = UInt8(read(3))
      integer = read(1) == 0 ? Int64(Int32(truncatingIfNeeded: read(32))) : Int64(bitPattern: read64())
      bits = ChunkFormat.unscaled(integer, mode)
    }
  }

  /// Goes on to the next sample.
  @inline(__always) mutating func next() {
    // Every code here is at most 36 bits long; one refill serves the prefix, the reads refill for the rest.
    timestampDelta &+= readTimestampChange()
    timestamp &+= timestampDelta
    if mode != ChunkFormat.xorMode {
      nextDecimal()
    } else {
      nextXOR()
    }
  }

  @inline(__always) private mutating func readTimestampChange() -> Int64 {
    switch readOnes(max: 4) {
    case 0: 0
    case 1: Int64(read(7)) &- 64
    case 2: Int64(read(12)) &- 2048
    case 3: Int64(read(18)) &- 131_072
    default: Int64(Int32(truncatingIfNeeded: read(32)))
    }
  }

  @inline(__always) private mutating func nextDecimal() {
    switch readOnes(max: 5) {
    case 0: break
    case 1: valueDelta &+= Int64(read(7)) &- 64
    case 2: valueDelta &+= Int64(read(12)) &- 2048
    case 3: valueDelta &+= Int64(read(20)) &- 524_288
    case 4: valueDelta &+= Int64(read(32)) &- 0x8000_0000
    default:
      changeMode()
      return
    }
    guard valueDelta != 0 else { return }
    integer &+= valueDelta
    bits = ChunkFormat.unscaled(integer, mode)
  }

  @inline(never) private mutating func changeMode() {
    mode = UInt8(read(3))
    bits = read64()
    valueDelta = 0
    if mode != ChunkFormat.xorMode { integer = ChunkFormat.scaled(bits, mode) ?? 0 }
  }

  private mutating func nextXOR() {
    guard read(1) == 1 else { return }
    if read(1) == 1 {
      leading = Int(read(5))
      length = Int(read(6)) &+ 1
    }
    let xor = length <= 32 ? read(length) : read(length &- 32) << 32 | read(32)
    // A window that reaches beyond the word cannot come from an encoder; shifting by less keeps hostile bits harmless.
    bits ^= xor << UInt64(max(64 &- leading &- length, 0))
  }

  /// The next `count` bits, at most 32. Beyond the end come zeros.
  @inline(__always) private mutating func read(_ count: Int) -> UInt64 {
    if available < count { refill() }
    available &-= count
    return (window >> UInt64(available)) & ((1 << UInt64(count)) &- 1)
  }

  /// Counts ones up to the next zero, which is taken too, or up to `max`.
  @inline(__always) private mutating func readOnes(max: Int) -> Int {
    if available < 6 { refill() }
    let aligned = window << UInt64(64 &- available)
    let ones = min((~aligned).leadingZeroBitCount, max)
    available &-= ones < max ? ones &+ 1 : max
    return ones
  }

  private mutating func read64() -> UInt64 { read(32) << 32 | read(32) }

  @inline(__always) private mutating func refill() {
    // Fewer than 32 bits are left whenever this is called, so a word fits.
    var word: UInt32 = 0
    if words < end {
      word = words.pointee
      words += 1
    }
    window = window << 32 | UInt64(word)
    available &+= 32
  }
}
