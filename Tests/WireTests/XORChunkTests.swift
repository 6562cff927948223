import Testing
import TimeSeries

@testable import Wire

@Suite struct XORChunkTests {
  static func chunk(_ samples: [(Int64, Double)]) -> [UInt8] { chunk(samples.map { ($0.0, $0.1.bitPattern) }) }

  static func chunk(_ samples: [(Int64, UInt64)]) -> [UInt8] {
    var columns = SampleColumns()
    for (timestamp, bits) in samples { columns.append(timestamp, bits: bits) }
    var writer = ByteWriter()
    XORChunk.append(columns, 0..<samples.count, to: &writer)
    return writer.copy()
  }

  static let one: [UInt8] = [0x3F, 0xF0, 0, 0, 0, 0, 0, 0]

  /// Put together by hand from the description of the format.
  static let vectors: [([(Int64, Double)], [UInt8])] = [
    ([(0, 0)], [0, 1, 0] + [0, 0, 0, 0, 0, 0, 0, 0]),
    ([(-1, 1)], [0, 1, 1] + one),
    // The second sample: the delta as a varint, then a bit that says "same value".
    ([(1000, 1), (2000, 1)], [0, 2, 0xD0, 0x0F] + one + [0xE8, 0x07, 0b0000_0000]),
    // 1 → 2 is XOR 0x7FF0…: 11, 1 leading zero, 11 bits, all ones.
    (
      [(1000, 1), (2000, 2)],
      [0, 2, 0xD0, 0x0F] + one + [0xE8, 0x07, 0b1100_0010, 0b0101_1111, 0b1111_1111]
    ),
    // Back to 1 within the same window: 10 and the 11 bits; on time: 0.
    (
      [(1000, 1), (2000, 2), (3000, 1)],
      [0, 3, 0xD0, 0x0F] + one
        + [0xE8, 0x07, 0b1100_0010, 0b0101_1111, 0b1111_1111, 0b0101_1111, 0b1111_1100]
    ),
    // Deltas of deltas at the ends of the first two codes.
    ([(0, 1), (9000, 1), (18_000 + 8192, 1)], [0, 3, 0] + one + [0xA8, 0x46, 0x50, 0x00, 0x00]),
    ([(0, 1), (9000, 1), (18_000 - 8191, 1)], [0, 3, 0] + one + [0xA8, 0x46, 0x50, 0x00, 0x80]),
    ([(0, 1), (9000, 1), (18_000 + 8193, 1)], [0, 3, 0] + one + [0xA8, 0x46, 0x61, 0x00, 0x08]),
    // −8192 needs the second code: 17 bits of 1 1110 0000 0000 0000.
    ([(0, 1), (9000, 1), (18_000 - 8192, 1)], [0, 3, 0] + one + [0xA8, 0x46, 0x6F, 0x00, 0x00]),
  ]

  @Test(arguments: vectors.indices)
  func `chunks are those made by hand`(index: Int) {
    let (samples, bytes) = Self.vectors[index]
    #expect(Self.chunk(samples) == bytes)
  }

  /// How many bits the time of a third sample takes.
  @Test(
    arguments: [
      (0, 1), (1, 16), (-1, 16), (8192, 16), (-8191, 16), (8193, 20), (-8192, 20), (65_536, 20), (-65_535, 20),
      (65_537, 24), (-65_536, 24), (524_288, 24), (-524_287, 24), (524_289, 68), (-524_288, 68), (1 << 40, 68),
    ] as [(Int64, Int)])
  func `the codes of times have their ranges`(change: Int64, bitCount: Int) {
    let times: [Int64] = [0, 1_000_000, 2_000_000 + change]
    let two = XORChunkDecoder.bitCount(Self.chunk(times[..<2].map { ($0, 7.0) }))
    let bytes = Self.chunk(times.map { ($0, 7.0) })
    #expect(XORChunkDecoder.bitCount(bytes) - two == bitCount + 1)
    #expect(XORChunkDecoder.decode(bytes)?.map(\.timestamp) == times)
  }

  @Test func `leading zeros beyond 31 are clamped, and 64 bits are written as 0`() {
    let values: [UInt64] = [0, 1, 0, 0x8000_0000_0000_0001, 0x8000_0000_0000_0000, 1 << 32, 1 << 31, 3]
    let samples = values.enumerated().map { (Int64($0), $1) }
    let bytes = Self.chunk(samples)
    #expect(XORChunkDecoder.decode(bytes)?.map(\.bits) == values)
    // 31 zeros and 33 bits: the lowest of them alone is set.
    #expect(Array(bytes[11...13]) == [1, 0b1111_1111, 0b0000_1000])
  }

  @Test func `all bits of a NaN survive`() {
    let values: [UInt64] = [
      StaleMarker.bits, StaleMarker.normalNaNBits, 0xFFF0_0000_0000_0001, StaleMarker.bits, Double.infinity.bitPattern,
      0x8000_0000_0000_0000,
    ]
    let samples = values.enumerated().map { (Int64($0) * 15_000, $1) }
    #expect(XORChunkDecoder.decode(Self.chunk(samples))?.map(\.bits) == values)
  }

  @Test func `times may leap from one end to the other`() {
    let times: [Int64] = [.min, .max, 0, -1, .max, .min, .min]
    let samples = times.map { ($0, 1.5) }
    #expect(XORChunkDecoder.decode(Self.chunk(samples))?.map(\.timestamp) == times)
  }

  @Test(arguments: 0..<300 as Range<UInt64>)
  func `what is written is what is read`(seed: UInt64) throws {
    var rng = SplitMix64(seed: seed)
    var timestamp = Int64.random(in: -5...2_000_000_000_000, using: &rng)
    var value = Double(Int.random(in: 0...1000, using: &rng))
    let spread: Int64 = [0, 3, 9000, 70_000, 600_000, 1 << 45][Int.random(in: 0..<6, using: &rng)]
    let count = seed == 0 ? XORChunk.samplesMax : Int.random(in: 1...300, using: &rng)
    let samples = (0..<count).map { _ in
      defer {
        timestamp += 15_000 + Int64.random(in: -spread...spread, using: &rng)
        switch Int.random(in: 0..<8, using: &rng) {
        case 0: value = Double(bitPattern: rng.next())
        case 1: value = Double.random(in: 0...1, using: &rng)
        case 2...4: value += 1
        default: break
        }
      }
      return (timestamp, Int.random(in: 0..<20, using: &rng) == 0 ? StaleMarker.bits : value.bitPattern)
    }
    let bytes = Self.chunk(samples)
    let found = try #require(XORChunkDecoder.decode(bytes), "seed \(seed)")
    #expect(found.elementsEqual(samples, by: ==), "seed \(seed)")
    #expect((XORChunkDecoder.bitCount(bytes) + 7) / 8 == bytes.count, "seed \(seed)")
  }

  @Test func `a part of the samples makes a chunk of its own`() {
    var columns = SampleColumns()
    for i in 0..<300 { columns.append(Int64(i) * 1000, bits: Double(i).bitPattern) }
    var writer = ByteWriter()
    writer.append("before")
    XORChunk.append(columns, 120..<240, to: &writer)
    let found = XORChunkDecoder.decode(Array(writer.copy()[6...]))
    #expect(found?.map(\.timestamp) == (120..<240).map { Int64($0) * 1000 })
  }
}
