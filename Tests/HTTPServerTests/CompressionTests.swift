import Testing

@testable import HTTPServer

@Suite struct CompressionTests {
  /// Lines as on a page of metrics.
  static func page(lines: Int) -> [UInt8] {
    (0..<lines).flatMap { i in
      Array(
        "http_requests_total{job=\"api\",instance=\"10.0.0.\(i % 250):9100\",code=\"\(200 + i % 7)\"} \(i * 7919)\n"
          .utf8)
    }
  }

  static func compress(_ bytes: [UInt8], _ coding: ContentCoding, pieces: Int = 1) throws -> [UInt8] {
    let deflater = try #require(Deflater(coding))
    var out: [UInt8] = []
    let size = max(bytes.count / pieces, 1)
    for start in stride(from: 0, to: bytes.count, by: size) {
      let end = min(start + size, bytes.count)
      deflater.compress(Array(bytes[start..<end]), isLast: end == bytes.count, into: &out)
    }
    if bytes.isEmpty { deflater.compress([], isLast: true, into: &out) }
    return out
  }

  /// Rewraps a zlib stream (RFC 1950) as gzip, checking its header and checksum by definition.
  static func gzip(fromZlib zlib: [UInt8], plain: [UInt8]) throws -> [UInt8] {
    try #require(zlib.count > 6)
    #expect(zlib[0] & 0x0f == 8)
    #expect((Int(zlib[0]) * 256 + Int(zlib[1])) % 31 == 0)
    var a = 1
    var b = 0
    for byte in plain {
      a = (a + Int(byte)) % 65521
      b = (b + a) % 65521
    }
    #expect(zlib.suffix(4).reduce(0) { $0 << 8 | Int($1) } == b << 16 | a)
    var crc: UInt32 = ~0
    for byte in plain {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
    }
    crc = ~crc
    let trailer = [crc, UInt32(truncatingIfNeeded: plain.count)].flatMap { word in
      (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
    return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3] + zlib.dropFirst(2).dropLast(4) + trailer
  }

  /// `printf hello | gzip -n`
  static let hello: [UInt8] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x86, 0xa6,
    0x10, 0x36, 0x05, 0x00, 0x00, 0x00,
  ]

  @Test(arguments: [0, 1, 100, 5_000], [1, 3, 40])
  func `both codings give back what went in, in however many pieces`(lines: Int, pieces: Int) throws {
    let plain = Self.page(lines: lines)
    #expect(try gunzip(Self.compress(plain, .gzip, pieces: pieces), limit: plain.count) == plain)
    let zlib = try Self.compress(plain, .deflate, pieces: pieces)
    #expect(try gunzip(Self.gzip(fromZlib: zlib, plain: plain), limit: plain.count) == plain)
  }

  @Test func `what gzip wrote is read, and members are joined`() throws {
    #expect(try gunzip(Self.hello, limit: 5) == Array("hello".utf8))
    #expect(try gunzip(Self.hello + Self.hello, limit: 10) == Array("hellohello".utf8))
  }

  @Test func `the limit is exact`() throws {
    #expect(throws: CompressionError.tooLarge(limit: 4)) { try gunzip(Self.hello, limit: 4) }
    #expect(throws: CompressionError.tooLarge(limit: 9)) { try gunzip(Self.hello + Self.hello, limit: 9) }
  }

  @Test func `a bomb goes off within its limit`() throws {
    let bomb = try Self.compress(filled(50 << 20, with: 0), .gzip)
    #expect(bomb.count < 1 << 20)
    let before = residentBytes()
    #expect(throws: CompressionError.tooLarge(limit: 1 << 20)) { try gunzip(bomb, limit: 1 << 20) }
    #expect(residentBytes() - before < 16 << 20)
  }

  @Test func `every truncation is noticed`() {
    for length in 0..<Self.hello.count {
      #expect(throws: CompressionError.truncated) { try gunzip(Array(Self.hello.prefix(length)), limit: 100) }
    }
  }

  @Test func `damage is refused, whatever byte it hits, and never passes for something else`() {
    for index in Self.hello.indices
    where index != 4 && index != 5 && index != 6 && index != 7 && index != 8 && index != 9 {
      for bit in 0..<8 {
        var damaged = Self.hello
        damaged[index] ^= 1 << bit
        // Flags may announce fields that are not there, which reads as truncation; text flag alone changes nothing.
        guard let plain = try? gunzip(damaged, limit: 100) else { continue }
        #expect(plain == Array("hello".utf8), "byte \(index), bit \(bit)")
      }
    }
    #expect { try gunzip(Array("not gzip at all".utf8), limit: 100) } throws: { "\($0)".contains("malformed at byte") }
  }
}
