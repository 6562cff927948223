import Testing
import TimeSeries

@testable import SampleBuffer

@Suite struct ChunkTests {
  /// Values as monitoring has them, and ones that it should never have.
  static func series(_ rng: inout SplitMix64, count: Int) -> [(Int64, UInt64)] {
    let kind = Int.random(in: 0..<8, using: &rng)
    var timestamp = Int64.random(in: 0..<1000, using: &rng)
    var value = Double(Int.random(in: -1000...1000, using: &rng))
    return (0..<count).map { _ in
      timestamp += Int64.random(in: 1...20, using: &rng) == 1 ? Int64.random(in: 1...9_000_000, using: &rng) : 15_000
      switch kind {
      case 0: break
      case 1: value += Double(Int.random(in: 0...100, using: &rng))
      case 2: value = Double(Int.random(in: 0...100_000, using: &rng)) / 100
      case 3: value = Double.random(in: -1e9...1e9, using: &rng)
      case 4: value = Double(bitPattern: rng.next())
      case 5: value = [0, -0.0, .infinity, -.infinity, .nan, StaleMarker.value, 1e300].randomElement(using: &rng) ?? 0
      case 6: value += 1e12
      default: value = Bool.random(using: &rng) ? value + 0.1 : Double(Int.random(in: 0...3, using: &rng))
      }
      return (timestamp, value.bitPattern)
    }
  }

  @Test(arguments: 0..<400 as Range<UInt64>)
  func `what is encoded is decoded, bit for bit`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    let slabStart = Int64.random(in: 0...2_000_000_000_000, using: &rng)
    let samples = Self.series(&rng, count: Int.random(in: 1...200, using: &rng)).map { (slabStart + $0.0, $0.1) }
    var sink = ScratchSink()
    var encoder = EncoderState()
    let hint = UInt8.random(in: 0...7, using: &rng)
    #expect(encoder.start(timestamp: samples[0].0, bits: samples[0].1, slabStart: slabStart, scaleHint: hint, &sink))
    for sample in samples.dropFirst() { _ = encoder.append(timestamp: sample.0, bits: sample.1, &sink) }
    if encoder.pendingBits > 0 { _ = sink.append(word: encoder.pending << UInt32(32 - encoder.pendingBits)) }
    sink.words.withUnsafeBufferPointer { words in
      var decoder = ChunkDecoder(words.baseAddress!, wordCount: words.count, slabStart: slabStart)
      var firstWrong: Int?
      for (i, sample) in samples.enumerated() where firstWrong == nil {
        if i > 0 { decoder.next() }
        if decoder.timestamp != sample.0 || decoder.bits != sample.1 { firstWrong = i }
      }
      #expect(firstWrong == nil, "seed \(seed)")
    }
  }

  @Test(arguments: [("resting gauge", 0.0, 1.1), ("counter", 37.0, 1.1), ("counter in cents", 0.25, 1.5)])
  func `thirty regular samples take little more than a byte each`(name: String, increment: Double, bytesMax: Double) {
    var sink = ScratchSink()
    var encoder = EncoderState()
    _ = encoder.start(timestamp: 5000, bits: (12.0).bitPattern, slabStart: 0, scaleHint: 7, &sink)
    for i in 1..<30 {
      _ = encoder.append(
        timestamp: 5000 + Int64(i) * 15_000, bits: (12 + Double(i) * increment).bitPattern, &sink)
    }
    #expect(Double(sink.words.count * 4 + 4) / 30 <= bytesMax, "\(name)")
  }

  @Test(arguments: 0..<300 as Range<UInt64>)
  func `no run of bits makes the decoder read outside of it`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    let words = (0..<Int.random(in: 1...20, using: &rng)).map { _ in UInt32(truncatingIfNeeded: rng.next()) }
    words.withUnsafeBufferPointer { words in
      var decoder = ChunkDecoder(words.baseAddress!, wordCount: words.count, slabStart: 0)
      for _ in 0..<500 { decoder.next() }
    }
  }
}
