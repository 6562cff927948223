@testable import Wire

/// What is wrong with how a record's value is unwrapped, if anything: any bytes at all give a text within the limit, with
/// zeros behind it, or an error, the same ones when the memory has been used before; and what is wrapped in any framing
/// unwraps to itself.
func problemOfFraming(_ input: [UInt8]) -> String? {
  for limit in [8192, 300] {
    var unpacker = RecordUnpacker(bytesMax: limit)
    let first = outcome(of: input, &unpacker)
    if case .success(let text) = first, text.count > limit { return "\(text.count) bytes, of \(limit) at most" }
    _ = outcome(of: Snappy.compress([UInt8](repeating: 0x5A, count: limit)), &unpacker)
    if outcome(of: input, &unpacker) != first { return "unwrapped otherwise the second time" }
    // As bodies of requests are: one raw block, and nothing else.
    if let plain = try? Snappy.decompress(input, bytesMax: limit), case .success(let text) = first,
      unpacker.framing == .raw, plain != text
    {
      return "a block and a record are unpacked differently"
    }
  }
  return problemOfWrapping(input)
}

private func outcome(of value: [UInt8], _ unpacker: inout RecordUnpacker) -> Result<[UInt8], UnpackError> {
  do {
    return .success(
      try value.withUnsafeBufferPointer { (value) throws(UnpackError) in
        try unpacker.unpack(UnsafeRawBufferPointer(value)) { text in
          let behind = UnsafeRawBufferPointer(
            start: text.baseAddress.map { $0 + text.count }, count: RecordUnpacker.padding)
          precondition(behind.allSatisfy { $0 == 0 }, "what follows the text is not zero")
          return Array(text)
        }
      })
  } catch {
    return .failure(error)
  }
}

private func problemOfWrapping(_ text: [UInt8]) -> String? {
  let half = text.count / 2
  let parts = [Array(text[..<half]), Array(text[half...])]
  let blocks = parts.map { Snappy.compress($0) }
  func bigEndian(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) } }
  func chunk(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
    [type] + (0..<3).map { UInt8(truncatingIfNeeded: body.count >> (8 * $0)) } + body
  }
  func checksum(_ bytes: [UInt8]) -> [UInt8] {
    let checksum = bytes.withUnsafeBytes { CRC32C.masked($0) }
    return (0..<4).map { UInt8(truncatingIfNeeded: checksum >> (8 * $0)) }
  }
  var wrapped: [(Framing, [UInt8])] = [(.raw, Snappy.compress(text))]
  wrapped.append(
    (.xerial, XerialStream.magic + bigEndian(1) + bigEndian(1) + blocks.flatMap { bigEndian($0.count) + $0 }))
  wrapped.append(
    (
      .framed,
      FramedStream.identifier + chunk(0, checksum(parts[0]) + blocks[0]) + chunk(0x80, parts[0])
        + chunk(1, checksum(parts[1]) + parts[1])
    ))
  if half > 0 {
    wrapped.append((.hadoop, bigEndian(text.count) + blocks.flatMap { bigEndian($0.count) + $0 }))
  }
  for (framing, value) in wrapped {
    var unpacker = RecordUnpacker()
    guard case .success(text) = outcome(of: value, &unpacker), unpacker.framing == framing else {
      return "what is wrapped as \(framing) does not unwrap to itself"
    }
  }
  return nil
}
