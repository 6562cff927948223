import Testing

@testable import Wire

@Suite struct RecordUnpackerTests {
  static let text = Array(#"[{"__name__":"up","value":"1","timestamp":"1698732988354"}]"#.utf8)

  static func bigEndian(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

  static func chunk(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
    [type] + (0..<3).map { UInt8(truncatingIfNeeded: body.count >> (8 * $0)) } + body
  }

  static func checksum(_ bytes: [UInt8]) -> [UInt8] {
    let crc = bytes.withUnsafeBytes { CRC32C.masked($0) }
    return (0..<4).map { UInt8(truncatingIfNeeded: crc >> (8 * $0)) }
  }

  static let xerialHeader = XerialStream.magic + bigEndian(1) + bigEndian(1)
  static let block = Snappy.compress(text)
  static let half = text.count / 2

  static var xerial: [UInt8] {
    let parts = [Array(text[..<half]), Array(text[half...])].map { Snappy.compress($0) }
    return xerialHeader + bigEndian(parts[0].count) + parts[0] + xerialHeader + bigEndian(parts[1].count) + parts[1]
  }
  static var framed: [UInt8] {
    let first = Array(text[..<half])
    let second = Array(text[half...])
    return FramedStream.identifier + chunk(0x00, checksum(first) + Snappy.compress(first))
      + chunk(0xFE, [0, 0, 0]) + chunk(0x80, [1, 2]) + FramedStream.identifier + chunk(0x01, checksum(second) + second)
  }
  static var hadoop: [UInt8] { bigEndian(text.count) + bigEndian(block.count) + block }

  static func unpack(_ value: [UInt8], bytesMax: Int = 1 << 20) throws -> (text: [UInt8], framing: Framing) {
    var unpacker = RecordUnpacker(bytesMax: bytesMax)
    let text = try value.withUnsafeBytes { value in try unpacker.unpack(value) { Array($0) } }
    return (text, unpacker.framing)
  }

  @Test(arguments: [
    (Framing.raw, block), (.xerial, xerial), (.framed, framed), (.hadoop, hadoop), (.json, text),
    (.json, [0x20, 0x0A] + text),
  ])
  func `every framing is recognised and undone`(framing: Framing, value: [UInt8]) throws {
    let unpacked = try Self.unpack(value)
    #expect(unpacked.framing == framing)
    #expect(unpacked.text == (value.first == 0x20 ? [0x20, 0x0A] + Self.text : Self.text))
  }

  @Test func `a raw block whose first byte looks like JSON is a raw block`() throws {
    // 91 is "[" and 123 is "{": the length header of payloads that long.
    for length in [91, 123, 91 + 128, 32] {
      let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37) }
      let unpacked = try Self.unpack(Snappy.compress(payload))
      #expect(unpacked.framing == .raw && unpacked.text == payload, "length \(length)")
    }
  }

  @Test func `what follows the text may be read and is zero`() throws {
    var unpacker = RecordUnpacker()
    for text in [Self.text + Self.text, Self.text] {
      try Snappy.compress(text).withUnsafeBytes { value in
        try unpacker.unpack(value) { unpacked in
          let behind = UnsafeRawBufferPointer(
            start: unpacked.baseAddress! + unpacked.count, count: RecordUnpacker.padding)
          #expect(behind.allSatisfy { $0 == 0 })
        }
      }
    }
  }

  static let broken: [(value: [UInt8], reason: String)] = {
    var cases: [(value: [UInt8], reason: String)] = []
    func add(_ value: [UInt8], _ reason: String = "corrupt_snappy") { cases.append((value, reason)) }
    add([0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x00], "oversized")
    add([0x80, 0x80, 0x80, 0x80, 0x80, 0x01])
    add(Array(block.dropLast()))
    add(block + [0])
    add([])
    add([0x1F, 0x8B, 8, 0, 0], "unsupported_framing")
    add([0x28, 0xB5, 0x2F, 0xFD, 0, 0], "unsupported_framing")
    add(Array("hello".utf8))
    add(xerialHeader + [0x7F, 0xFF, 0xFF, 0xFF, 0])
    add(xerialHeader + [0xFF, 0xFF, 0xFF, 0xFF, 0])
    add(FramedStream.identifier + chunk(0x00, [1, 2, 3, 4] + Snappy.compress(text)))
    add(FramedStream.identifier + chunk(0x42, []))
    add(FramedStream.identifier + [0, 9, 0, 0])
    return cases
  }()

  @Test(arguments: broken)
  func `what cannot be unpacked says why`(value: [UInt8], reason: String) {
    #expect { try Self.unpack(value) } throws: { ($0 as? UnpackError)?.reason == reason }
  }

  @Test func `no framing gets past the limit`() {
    for value in [Self.block, Self.xerial, Self.framed, Self.hadoop, Self.text] {
      #expect { try Self.unpack(value, bytesMax: Self.text.count - 1) } throws: {
        ($0 as? UnpackError)?.reason == "oversized"
      }
      #expect(throws: Never.self) { try Self.unpack(value, bytesMax: Self.text.count) }
    }
  }

  @Test(arguments: 0..<500 as Range<UInt64>)
  func `broken bytes never do harm`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    var value = [Self.block, Self.xerial, Self.framed, Self.hadoop, Self.text].randomElement(using: &rng) ?? []
    for _ in 0..<Int.random(in: 1...4, using: &rng) {
      switch Int.random(in: 0...3, using: &rng) {
      case 0: value.removeLast(min(value.count, Int.random(in: 0...20, using: &rng)))
      case 1: value.append(UInt8.random(in: 0...255, using: &rng))
      default: if let i = value.indices.randomElement(using: &rng) { value[i] = UInt8.random(in: 0...255, using: &rng) }
      }
    }
    _ = try? Self.unpack(value)
  }
}
