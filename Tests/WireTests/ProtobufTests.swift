import Testing
import TimeSeries

@testable import Wire

@Suite struct ProtobufTests {
  /// The fields of a body, with the numbers among them, as the reader finds them.
  static func read(_ body: [UInt8]) throws(ProtobufError) -> [(field: UInt32, value: UInt64?)] {
    try body.withUnsafeBufferPointer { (bytes) throws(ProtobufError) in
      var reader = ProtobufReader(UnsafeRawBufferPointer(bytes))
      var found: [(UInt32, UInt64?)] = []
      while let field = try reader.next(in: "M") {
        if field.type == .varint {
          found.append((field.number, try reader.unsigned(field, "M.n")))
        } else {
          try reader.skip(field, in: "M")
          found.append((field.number, nil))
        }
      }
      return found
    }
  }

  static func problem(_ body: [UInt8]) -> ProtobufError? {
    do throws(ProtobufError) {
      _ = try read(body)
      return nil
    } catch { return error }
  }

  static let numbers: [UInt64] =
    [0, 1, 127, 128, 300, 16_383, 16_384, UInt64(UInt32.max), 1 << 56 - 1, 1 << 56, 1 << 63, .max]
    + (0..<64).map { 1 << $0 } + [1_698_732_988_354, UInt64(bitPattern: -1)]

  /// With and without bytes behind, as there is a fast way where eight bytes can be read.
  @Test(arguments: [0, 1, 20])
  func `numbers are read as they were written`(behind: Int) throws {
    for number in Self.numbers {
      let padding = [UInt8](repeating: 0, count: behind).flatMap { Proto.number(2, Int64($0)) }
      let found = try Self.read(Proto.number(1, Int64(bitPattern: number)) + padding)
      #expect(found.count == 1 + behind && found[0] == (1, number), "\(number)")
    }
  }

  @Test func `numbers are written as they are read`() {
    for number in Self.numbers {
      var writer = ByteWriter()
      writer.append(varint: number)
      #expect(writer.copy() == Proto.varint(number), "\(number)")
      #expect(Protobuf.size(varint: number) == writer.count, "\(number)")
    }
  }

  @Test func `a number may be longer than it needs to be`() throws {
    let found = try Self.read([
      0x08, 0x81, 0x80, 0x80, 0x00, 0x08, 0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00,
    ])
    #expect(found.map(\.value) == [1, 2])
  }

  @Test func `unknown fields of all types are passed over`() throws {
    let body =
      Proto.number(900, -1) + Proto.double(77, 1.5) + Proto.text(12_345, "text") + Proto.key(6, 5) + [1, 2, 3, 4]
      + Proto.number(1, 5)
    let found = try Self.read(body)
    #expect(found.map(\.field) == [900, 77, 12_345, 6, 1])
    #expect(found.last?.value == 5)
  }

  static let broken: [(String, [UInt8], ProtobufError.Problem, Int)] = [
    ("a key cut off", [0x80], .truncated, 0),
    ("a number missing", [0x08], .truncated, 1),
    ("a number cut off", [0x08, 0x80, 0x80], .truncated, 1),
    ("a number of eleven bytes", [0x08] + [UInt8](repeating: 0x80, count: 10) + [0x01], .varintTooLong, 1),
    ("the same with bytes behind", [0x08] + [UInt8](repeating: 0xFF, count: 30), .varintTooLong, 1),
    ("a fixed64 cut off", [0x09, 1, 2, 3, 4, 5, 6, 7], .truncated, 1),
    ("a fixed32 cut off", [0x0D, 1, 2, 3], .truncated, 1),
    ("a length beyond the end", [0x0A, 0x05, 1, 2, 3, 4], .lengthBeyondMessage(claimed: 5, left: 4), 1),
    (
      "a length beyond memory", Proto.key(1, 2) + Proto.varint(.max), .lengthBeyondMessage(claimed: .max, left: 0), 1
    ),
    ("a group", [0x10, 0x01, 0x0B, 0x0C], .unknownWireType(3), 2),
    ("the end of a group", [0x0C], .unknownWireType(4), 0),
    ("wire type 6", [0x0E], .unknownWireType(6), 0),
    ("wire type 7", [0x0F], .unknownWireType(7), 0),
    ("field 0", [0x00, 0x01], .fieldNumber(0), 0),
    ("a field number too large", Proto.varint(1 << 32) + [0], .fieldNumber(1 << 29), 0),
  ]

  @Test(arguments: broken.indices)
  func `what is broken is refused and told where`(index: Int) {
    let (name, body, problem, byte) = Self.broken[index]
    let found = Self.problem(body)
    #expect(found?.problem == problem, "\(name)")
    #expect(found?.byte == byte, "\(name)")
  }

  @Test func `a message within a message ends where it says`() throws {
    // The inner message is one byte too short for its number, which goes on behind it.
    let body = Proto.key(3, 2) + [0x02, 0x08, 0x80, 0x01]
    try body.withUnsafeBytes { bytes in
      var reader = ProtobufReader(bytes)
      let field = try #require(try reader.next(in: "Outer"))
      var inner = try reader.message(field, "Outer.inner")
      let number = try #require(try inner.next(in: "Inner"))
      #expect(throws: ProtobufError(.truncated, "Inner.n", byte: 3)) { try inner.unsigned(number, "Inner.n") }
    }
  }

  @Test func `a known field of another type is refused`() throws {
    let body = Proto.number(1, 5)
    _ = body.withUnsafeBytes { bytes in
      #expect(throws: ProtobufError(.wrongWireType(0), "M.name", byte: 0)) {
        var reader = ProtobufReader(bytes)
        if let field = try reader.next(in: "M") { _ = try reader.text(field, "M.name") }
      }
    }
  }

  @Test(arguments: [
    (Array("ascii only, and long enough for words".utf8), true), (Array("支付 ü 😀".utf8), true), ([], true),
    ([0x80], false), ([0xC0, 0x80], false), ([0xC3], false), ([0xE0, 0x80, 0x80], false), ([0xED, 0xA0, 0x80], false),
    ([0xF4, 0x90, 0x80, 0x80], false), ([0xFF], false), (Array("eight by".utf8) + [0xC3], false),
    (Array("seventeen bytes ".utf8) + [0xC3, 0xBC], true),
  ])
  func `text is UTF-8`(text: [UInt8], isValid: Bool) {
    #expect(text.withUnsafeBytes { UTF8Text.isValid($0) } == isValid)
  }

  @Test func `repeated numbers are read packed and one by one`() throws {
    let body = Proto.packed(1, [1, 300, -1]) + Proto.number(1, 7) + Proto.bytes(1, [])
    var found: [UInt64] = []
    try body.withUnsafeBytes { bytes in
      var reader = ProtobufReader(bytes)
      while let field = try reader.next(in: "M") {
        try reader.unsignedNumbers(field, "M.n") { n, _ in found.append(n) }
      }
    }
    #expect(found == [1, 300, .max, 7])
  }

  @Test func `an error says field, place and what to look for`() {
    #expect(
      "\(ProtobufError(.lengthBeyondMessage(claimed: 70, left: 3), "Label.name", byte: 12))"
        == "Label.name, byte 12: a length of 70 where 3 bytes are left")
  }

  /// RFC 3720, appendix B.4, and the check value of the CRC catalogue.
  @Test(
    arguments: [
      ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
      (Array(0..<32), 0x46DD_794E), (Array("123456789".utf8), 0xE306_9283), ([], 0),
    ] as [([UInt8], UInt32)])
  func `CRC32C is that of the standards`(bytes: [UInt8], crc: UInt32) {
    #expect(bytes.withUnsafeBytes { CRC32C.extend(0, with: $0) } == crc)
    for cut in 0...bytes.count {
      let first = Array(bytes[..<cut]).withUnsafeBytes { CRC32C.extend(0, with: $0) }
      #expect(Array(bytes[cut...]).withUnsafeBytes { CRC32C.extend(first, with: $0) } == crc, "cut at \(cut)")
    }
  }
}
