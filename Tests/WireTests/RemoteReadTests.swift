import Testing
import TimeSeries

@testable import Wire

@Suite struct ReadRequestTests {
  static func matcher(_ type: Int64, _ name: String, _ value: String) -> [UInt8] {
    Proto.bytes(3, (type == 0 ? [] : Proto.number(1, type)) + Proto.text(2, name) + Proto.text(3, value))
  }

  static let query =
    Proto.number(1, 1_698_732_900_000) + Proto.number(2, 1_698_732_988_354) + matcher(0, "__name__", "up")
    + matcher(1, "job", "a") + matcher(2, "pod", "web-.*") + matcher(3, "zone", "é")
    + Proto.bytes(4, Proto.number(1, 15_000) + Proto.text(2, "rate") + Proto.number(6, 1))

  @Test func `a request is read with all that it asks`() throws {
    let body = Proto.bytes(1, Self.query) + Proto.bytes(1, []) + Proto.packed(2, [1, 0])
    let request = try ReadRequest(body)
    #expect(request.queries.count == 2)
    let query = request.queries[0]
    #expect(query.start == 1_698_732_900_000 && query.end == 1_698_732_988_354)
    #expect(
      try query.matchers.map { "\(try $0.matcher())" }
        == [#"__name__="up""#, #"job!="a""#, #"pod=~"web-.*""#, #"zone!~"é""#])
    #expect(request.queries[1].matchers.isEmpty && request.queries[1].start == 0)
    #expect(request.responseType == .streamedXORChunks)
  }

  @Test func `times before 1970 take ten bytes`() throws {
    let request = try ReadRequest(Proto.bytes(1, Proto.number(1, -5000) + Proto.number(2, .max)))
    #expect(request.queries[0].start == -5000 && request.queries[0].end == .max)
  }

  /// The first of the client's types that is known.
  @Test(
    arguments: [
      ([], .samples), (Proto.packed(2, [0]), .samples), (Proto.packed(2, [1, 0]), .streamedXORChunks),
      (Proto.packed(2, [0, 1]), .samples), (Proto.packed(2, [9, 1, 0]), .streamedXORChunks),
      (Proto.number(2, 7) + Proto.number(2, 0), .samples), (Proto.packed(2, [9]), nil), (Proto.packed(2, [-1]), nil),
      (Proto.packed(2, []), .samples),
    ] as [([UInt8], ReadRequest.ResponseType?)])
  func `the response type is negotiated`(accepted: [UInt8], type: ReadRequest.ResponseType?) throws {
    #expect(try ReadRequest(accepted).responseType == type)
  }

  static let refused: [([UInt8], String)] = [
    (Proto.bytes(1, matcher(4, "a", "b")), "LabelMatcher.type, byte 4: 4 is no matcher type"),
    (
      Proto.bytes(1, Proto.bytes(3, Proto.bytes(2, [0xFF]))), "LabelMatcher.name, byte 6: the text is not UTF-8"
    ),
    (Proto.number(1, 3), "ReadRequest.queries, byte 0: wire type 0 is not this field's"),
    (Proto.bytes(1, [0x38]), "Query, byte 3: the message ends within a number"),
    ([0x0A, 0x7F, 0x00], "ReadRequest.queries, byte 1: a length of 127 where 1 bytes are left"),
    (Proto.bytes(1, [0x0B]), "Query, byte 2: wire type 3, which no field has"),
  ]

  @Test(arguments: refused.indices)
  func `what is wrong is named with its field and place`(index: Int) {
    let (body, message) = Self.refused[index]
    do {
      _ = try ReadRequest(body)
      Issue.record("taken: \(message)")
    } catch {
      #expect("\(error)" == message)
    }
  }

  @Test func `a request that would take more memory than it is worth is refused`() {
    let empty = Proto.bytes(1, [])
    #expect(throws: ProtobufError.self) {
      try ReadRequest([UInt8]((0...ReadRequest.queriesMax).flatMap { _ in empty }))
    }
    let matchers = (0...ReadRequest.matchersMax).flatMap { _ in Proto.bytes(3, []) }
    #expect(throws: ProtobufError.self) { try ReadRequest(Proto.bytes(1, matchers)) }
    let half = Proto.bytes(1, (0..<6000).flatMap { _ in Proto.bytes(3, []) })
    #expect(throws: ProtobufError.self) { try ReadRequest(half + half) }
    #expect(throws: Never.self) { try ReadRequest(half) }
  }

  @Test func `damage is refused or read, and never more`() {
    let body = Proto.bytes(1, Self.query) + Proto.packed(2, [1, 0])
    var refused = 0
    damaged(body, rounds: 20_000, seed: 7) { broken in
      do { _ = try ReadRequest(broken) } catch { refused += 1 }
    }
    #expect(refused > body.count / 2)
  }
}

@Suite struct ReadResponseTests {
  static func encoded(_ labels: [Label]) -> [UInt8] {
    var writer = ByteWriter()
    LabelSet(labels).withLabelBytes { RemoteReadLabels.append($0, to: &writer) }
    return writer.copy()
  }

  static func columns(_ samples: [(Int64, Double)]) -> SampleColumns {
    var columns = SampleColumns()
    for (timestamp, value) in samples { columns.append(timestamp, bits: value.bitPattern) }
    return columns
  }

  static let labels = [Label("__name__", "up"), Label("job", "ü"), Label("z", String(repeating: "x", count: 200))]

  @Test func `samples are one packed message`() throws {
    let first: [(Int64, Double)] = [(0, 0), (1000, -0.0), (1_698_732_988_354, 1.5), (-1, StaleMarker.value)]
    var writer = ReadResponseWriter()
    Self.encoded(Self.labels).withUnsafeBytes { writer.append(labels: $0, Self.columns(first)) }
    Self.encoded([]).withUnsafeBytes { writer.append(labels: $0, Self.columns([(5, 6)])) }
    writer.endQuery()
    writer.endQuery()
    Self.encoded([]).withUnsafeBytes { writer.append(labels: $0, Self.columns([(7, 8)])) }
    writer.endQuery()

    let labels = Self.labels.flatMap { Proto.label(1, $0.name, $0.value) }
    let one = Proto.bytes(1, labels + first.flatMap { Proto.sample(2, $0.0, $0.1) })
    let expected =
      Proto.bytes(1, one + Proto.bytes(1, Proto.sample(2, 5, 6))) + Proto.bytes(1, [])
      + Proto.bytes(1, Proto.bytes(1, Proto.sample(2, 7, 8)))
    #expect(writer.unpackedCount == expected.count)
    #expect(try Snappy.decompress(writer.finish(), bytesMax: expected.count) == expected)
  }

  @Test func `no queries are answered by an empty message`() throws {
    #expect(ReadResponseWriter().finish() == [0])
  }

  /// More than is packed at a time, so that the block is made of several parts.
  @Test func `a large response is one block all the same`() throws {
    let samples = (0..<100_000).map { (i: Int) -> (Int64, Double) in
      (1_700_000_000_000 + Int64(i) * 1000, Double(i * 7919 % 1000))
    }
    let labels = Self.encoded([Label("__name__", "large")])
    var writer = ReadResponseWriter()
    for _ in 0..<2 { labels.withUnsafeBytes { writer.append(labels: $0, Self.columns(samples)) } }
    writer.endQuery()
    let series = Proto.bytes(1, labels + samples.flatMap { Proto.sample(2, $0.0, $0.1) })
    let block = writer.finish()
    #expect(try Snappy.decompress(block, bytesMax: 1 << 30) == Proto.bytes(1, series + series))
    #expect(block.count < 2 * series.count)
  }
}

@Suite struct ChunkedReadTests {
  /// A frame taken apart: the series' labels as sent, its chunks, and the query.
  struct Frame {
    var size = 0
    var labels: [UInt8] = []
    var chunks: [(from: Int64, through: Int64, type: UInt64, data: [UInt8])] = []
    var query: UInt64 = 0
  }

  static func frames(_ body: [UInt8]) throws -> [Frame] {
    var frames: [Frame] = []
    var rest = body[...]
    while !rest.isEmpty {
      let digits = rest.prefix { $0 >= 0x80 }.count + 1
      let length = rest.prefix(digits).reversed().reduce(0) { $0 << 7 | Int($1 & 0x7F) }
      let checksum = rest.dropFirst(digits).prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      let data = Array(rest.dropFirst(digits + 4).prefix(length))
      try #require(data.count == length)
      #expect(data.withUnsafeBytes { CRC32C.extend(0, with: $0) } == checksum)
      frames.append(try data.withUnsafeBytes { try frame($0) })
      rest = rest.dropFirst(digits + 4 + length)
    }
    return frames
  }

  private static func frame(_ bytes: UnsafeRawBufferPointer) throws -> Frame {
    var frame = Frame(size: bytes.count)
    var response = ProtobufReader(bytes)
    while let field = try response.next(in: "ChunkedReadResponse") {
      if field.number == 2 {
        frame.query = try response.unsigned(field, "query_index")
        continue
      }
      var series = try response.message(field, "chunked_series")
      while let field = try series.next(in: "ChunkedSeries") {
        if field.number == 1 {
          let start = series.offset
          _ = try series.message(field, "labels")
          frame.labels += [0x0A] + bytes[start..<series.offset]
        } else {
          var chunk = try series.message(field, "chunks")
          var found = (from: Int64(0), through: Int64(0), type: UInt64(0), data: [UInt8]())
          while let field = try chunk.next(in: "Chunk") {
            switch field.number {
            case 1: found.from = try chunk.signed(field, "min_time_ms")
            case 2: found.through = try chunk.signed(field, "max_time_ms")
            case 3: found.type = try chunk.unsigned(field, "type")
            default:
              let data = try chunk.message(field, "data")
              found.data = Array(bytes[data.offset..<data.end])
            }
          }
          frame.chunks.append(found)
        }
      }
    }
    return frame
  }

  @Test func `a frame is what stands in the description`() {
    var writer = ChunkedReadWriter(frameBytes: 1 << 20)
    var body: [UInt8] = []
    let labels = Proto.label(1, "__name__", "up")
    let next = labels.withUnsafeBytes {
      writer.append(labels: $0, ReadResponseTests.columns([(0, 0)]), from: 0, query: 3, to: &body)
    }
    let chunk = Proto.bytes(2, Proto.number(3, 1) + Proto.bytes(4, [0, 1, 0] + [UInt8](repeating: 0, count: 8)))
    let message = Proto.bytes(1, labels + chunk) + Proto.number(2, 3)
    let checksum = message.withUnsafeBytes { CRC32C.extend(0, with: $0) }
    let bigEndian = (0..<4).map { UInt8(truncatingIfNeeded: checksum >> (24 - 8 * $0)) }
    #expect(body == Proto.varint(UInt64(message.count)) + bigEndian + message)
    #expect(next == 1)
  }

  @Test(arguments: [1, 120, 121, 1000, 10_000], [1, 3000, 1 << 20])
  func `a long series is split over frames that repeat its labels`(count: Int, frameBytes: Int) throws {
    let samples = (0..<count).map { (i: Int) -> (Int64, Double) in
      (Int64(i) * 15_000 + 7, Double(i * 7919 % 1000) / 8)
    }
    let labels = ReadResponseTests.encoded(ReadResponseTests.labels)
    var writer = ChunkedReadWriter(frameBytes: frameBytes)
    var body: [UInt8] = []
    var next = 0
    while next < count {
      next = labels.withUnsafeBytes {
        writer.append(labels: $0, ReadResponseTests.columns(samples), from: next, query: 0, to: &body)
      }
    }
    let frames = try Self.frames(body)
    #expect(frames.allSatisfy { $0.labels == labels && $0.query == 0 && !$0.chunks.isEmpty })
    #expect(frames.allSatisfy { $0.size < frameBytes + labels.count + 3000 })
    #expect(frames.dropLast().allSatisfy { $0.size >= frameBytes })
    var found: [(Int64, Double)] = []
    for chunk in frames.flatMap(\.chunks) {
      let decoded = try #require(XORChunkDecoder.decode(chunk.data))
      #expect(chunk.type == 1 && decoded.count <= 120)
      #expect(decoded.first?.timestamp == chunk.from && decoded.last?.timestamp == chunk.through)
      found += decoded.map { ($0.timestamp, Double(bitPattern: $0.bits)) }
    }
    #expect(found.elementsEqual(samples, by: ==))
  }
}

@Suite struct SnappyBlockTests {
  @Test func `what was packed is unpacked`() throws {
    let text = Array(repeating: Array("samples of a series, ".utf8), count: 500).flatMap { $0 }
    #expect(try Snappy.decompress(Snappy.compress(text), bytesMax: text.count) == text)
    #expect(try Snappy.decompress(Snappy.compress([]), bytesMax: 0) == [])
  }

  @Test func `a claim is checked before it is believed`() {
    let block = Snappy.compress([UInt8](repeating: 7, count: 1000))
    let cases: [([UInt8], Int, SnappyError)] = [
      ([], 10, .noHeader), ([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], 10, .noHeader),
      (block, 999, .oversized(claimed: 1000, limit: 999)),
      ([0xFF, 0xFF, 0xFF, 0x7F, 0x00, 0x01], 1 << 40, .implausible(claimed: 0xFFF_FFFF, compressed: 6)),
      (block.dropLast(1).map { $0 }, 1000, .corrupt(claimed: 1000)),
      (Proto.varint(1000) + [0x00] + block.dropFirst(2), 1000, .corrupt(claimed: 1000)),
    ]
    for (block, limit, error) in cases {
      #expect(throws: error) { try Snappy.decompress(block, bytesMax: limit) }
    }
  }

  @Test func `parts that were packed apart make one block`() throws {
    var rng = SplitMix64(seed: 3)
    var expected: [UInt8] = []
    var block = SnappyBlockWriter()
    for round in 0..<20 {
      let part = (0..<Int.random(in: 0...200_000, using: &rng)).map { _ in UInt8.random(in: 0...3, using: &rng) }
      var other = SnappyBlockWriter()
      part.withUnsafeBytes { round % 2 == 0 ? block.append($0) : other.append($0) }
      Array("literal \(round)".utf8).withUnsafeBytes { block.append(literal: $0) }
      block.take(from: &other)
      let literal = Array("literal \(round)".utf8)
      expected += round % 2 == 0 ? part + literal : literal + part
    }
    #expect(block.unpackedCount == expected.count)
    let packed = block.finish()
    #expect(packed.count < expected.count)
    #expect(try Snappy.decompress(packed, bytesMax: expected.count) == expected)
  }
}
