import TimeSeries

@testable import SampleBuffer
@testable import Wire

/// What is wrong with how runs of samples are packed, if anything: the input as samples gives the same samples when it is
/// packed and unpacked, in the buffer's form and in remote read's; the input as packed words gives some samples.
func problemOfChunk(_ input: [UInt8]) -> String? {
  let words = stride(from: 0, to: input.count, by: 4).map { start in
    input[start...].prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
  }
  // Of memory of their own, so that the sanitizer sees what is read beyond them.
  words.withUnsafeBufferPointer { words in
    guard let start = words.baseAddress else { return }
    var decoder = ChunkDecoder(start, wordCount: words.count, slabStart: 0)
    for _ in 0..<min(8 * input.count, 500) { decoder.next() }
  }

  var reader = InputReader(input)
  let hint = reader.byte() % 8
  let slabStart = Int64(truncatingIfNeeded: reader.number(5)) << 5
  let samples = samples(&reader, from: slabStart)
  return problemOfSlab(samples, slabStart, hint) ?? problemOfRemoteRead(samples)
}

private typealias Run = [(timestamp: Int64, bits: UInt64)]

/// Samples of one slab, in order.
private func samples(_ reader: inout InputReader, from slabStart: Int64) -> Run {
  let end = slabStart + 20 * 86_400_000
  var samples: Run = []
  var timestamp = slabStart + Int64(reader.byte())
  var interval: Int64 = 15_000
  while timestamp < end, samples.count < 300 {
    samples.append((timestamp, reader.valueBits(after: samples.last?.bits ?? 0)))
    if reader.isAtEnd { break }
    switch reader.byte() % 4 {
    case 0: break
    case 1: timestamp += Int64(reader.byte())
    case 2: interval = 1 + Int64(reader.number(2))
    default: timestamp += Int64(reader.number(4)) % (20 * 86_400_000)
    }
    timestamp += interval
  }
  return samples
}

private func problemOfSlab(_ samples: Run, _ slabStart: Int64, _ hint: UInt8) -> String? {
  var sink = ScratchSink()
  var encoder = EncoderState()
  _ = encoder.start(
    timestamp: samples[0].timestamp, bits: samples[0].bits, slabStart: slabStart, scaleHint: hint, &sink)
  for sample in samples.dropFirst() { _ = encoder.append(timestamp: sample.timestamp, bits: sample.bits, &sink) }
  if encoder.pendingBits > 0 { _ = sink.append(word: encoder.pending << UInt32(32 - encoder.pendingBits)) }
  return sink.words.withUnsafeBufferPointer { words in
    guard let start = words.baseAddress else { return "no words of \(samples.count) samples" }
    var decoder = ChunkDecoder(start, wordCount: words.count, slabStart: slabStart)
    for (i, sample) in samples.enumerated() {
      if i > 0 { decoder.next() }
      if decoder.timestamp != sample.timestamp || decoder.bits != sample.bits {
        return "sample \(i) is \(decoder.bits) at \(decoder.timestamp), not \(sample)"
      }
    }
    return nil
  }
}

private func problemOfRemoteRead(_ samples: Run) -> String? {
  var columns = SampleColumns()
  for sample in samples { columns.append(sample.timestamp, bits: sample.bits) }
  var writer = ByteWriter(capacity: 64)
  XORChunk.append(columns, 0..<columns.count, to: &writer)
  guard let read = XORChunkDecoder.decode(writer.copy()) else { return "the XOR chunk ends too early" }
  for (a, b) in zip(samples, read) where a != b { return "\(b) is read of an XOR chunk, not \(a)" }
  return read.count == samples.count ? nil : "\(read.count) samples of \(samples.count) are read of an XOR chunk"
}
