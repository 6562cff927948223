import HTTPServer
import SampleBuffer
import Testing
import TimeSeries
import Wire

@testable import Configuration
@testable import Gateway

@Suite struct RemoteReadTests {
  static let now: Int64 = 1_698_732_988_354

  /// A buffer with `series` series of four samples each, the last of them a stale marker.
  static func buffer(series: Int) throws -> SampleBuffer {
    let buffer = try SampleBuffer(BufferSettings()) { now }
    let writer = SampleBuffer.Writer(buffer)
    var batch = SampleBatch()
    for i in 0..<series {
      let labels = LabelSet([Label("__name__", "m"), Label("i", "\(series - i)")])
      let token = try labels.withLabelBytes { try buffer.series($0) }
      for k in 0..<4 {
        let bits = k == 3 ? StaleMarker.bits : Double(i).bitPattern
        batch.append(token, timestamp: now - 40_000 + Int64(k) * 10_000, bits: bits, position: 0)
        if batch.isFull {
          writer.append(batch)
          batch.removeAll()
        }
      }
    }
    writer.append(batch)
    return buffer
  }

  static func varint(_ value: UInt64) -> [UInt8] {
    value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7F) | 0x80] + varint(value >> 7)
  }

  /// A query of the last minute by one matcher.
  static func query(type: UInt8 = 0, _ name: String, _ value: String) -> [UInt8] {
    func field(_ key: UInt8, _ content: [UInt8]) -> [UInt8] { [key] + varint(UInt64(content.count)) + content }
    let matcher = [0x08, type] + field(0x12, Array(name.utf8)) + field(0x1A, Array(value.utf8))
    return field(
      0x0A, [0x08] + varint(UInt64(now - 60_000)) + [0x10] + varint(UInt64(now)) + field(0x1A, matcher))
  }

  static func read(
    _ body: [UInt8], series: Int = 3, encoding: String? = "snappy",
    _ change: (inout ServeConfiguration.Query) -> Void = { _ in }
  ) throws -> (response: Response, metrics: SelfMetrics) {
    var settings = ServeConfiguration().query
    change(&settings)
    let metrics = SelfMetrics()
    let remoteRead = try RemoteRead(settings, try buffer(series: series), metrics)
    var headers: HeaderFields = ["Content-Type": "application/x-protobuf"]
    headers["Content-Encoding"] = encoding
    let request = try Request(method: "POST", target: "/api/v1/read", headers: headers, body: body)
    return (remoteRead.answer(request), metrics)
  }

  static func text(_ response: Response) -> String {
    guard case .bytes(let bytes) = response.body else { return "" }
    return String(decoding: bytes, as: UTF8.self)
  }

  static let up = Snappy.compress(query("__name__", "m"))
  static let streamed = Snappy.compress(query("__name__", "m") + [0x12, 0x02, 0x01, 0x00])

  @Test func `without a wish the samples come in one packed message`() throws {
    let (response, metrics) = try Self.read(Self.up)
    #expect(response.status == 200)
    #expect(response.headers["Content-Type"] == "application/x-protobuf")
    #expect(response.headers["Content-Encoding"] == "snappy")
    let page = String(decoding: metrics.snapshot().page(SelfMetricsTests.text), as: UTF8.self)
    #expect(page.contains(#"promring_remote_read_queries_total{type="samples"} 1"#))
    #expect(page.contains(#"promring_remote_read_queries_total{type="streamed_xor_chunks"} 0"#))
    #expect(page.contains(#"promring_remote_read_samples_total{type="samples"} 12"#))
    #expect(page.contains("promring_remote_read_active 0"))
  }

  @Test func `who wants chunks gets a stream, in parts, which counts as long as it lasts`() throws {
    var (response, metrics) = try Self.read(Self.streamed, series: 5000)
    #expect(response.headers["Content-Type"] == "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse")
    #expect(response.headers["Content-Encoding"] == nil && !response.isCompressible)
    var parts: [Int] = []
    do {
      guard case .stream(let source) = response.body else { throw RemoteRead.Refusal("no stream") }
      var isMore = true
      while isMore {
        var part: [UInt8] = []
        isMore = try source.next(into: &part)
        parts.append(part.count)
      }
    }
    #expect(parts.count > 3 && parts.dropLast().allSatisfy { (64 << 10..<65 << 10).contains($0) })
    func page() -> String { String(decoding: metrics.snapshot().page(SelfMetricsTests.text), as: UTF8.self) }
    #expect(page().contains(#"promring_remote_read_samples_total{type="streamed_xor_chunks"} 20000"#))
    #expect(page().contains("promring_remote_read_active 1"))
    response.body = .bytes([])
    #expect(page().contains("promring_remote_read_active 0"))
  }

  @Test func `nothing selected is an empty stream, and an empty result`() throws {
    let none = Self.query("__name__", "none")
    let (streamed, _) = try Self.read(Snappy.compress(none + [0x10, 0x01]))
    guard case .stream(let source) = streamed.body else { throw RemoteRead.Refusal("no stream") }
    var part: [UInt8] = []
    #expect(try !source.next(into: &part) && part.isEmpty)
    let (samples, _) = try Self.read(Snappy.compress(none + none))
    guard case .bytes(let body) = samples.body else { throw RemoteRead.Refusal("no body") }
    #expect(try Snappy.decompress(body, bytesMax: 100) == [0x0A, 0x00, 0x0A, 0x00])
  }

  @Test func `refusals are plain text and say why`() throws {
    let cases: [([UInt8], String?, String)] = [
      (Array("no snappy".utf8), "snappy", "the Snappy block"),
      (Snappy.compress([0x0A, 0x05]), "snappy", "ReadRequest.queries, byte 1: a length of 5 where 0 bytes are left"),
      (Snappy.compress(Self.query(type: 2, "a", "(")), "snappy", #"error parsing regexp "(""#),
      (Snappy.compress(Self.query(type: 7, "a", "b")), "snappy", "7 is no matcher type"),
      (Snappy.compress([0x12, 0x01, 0x09]), "snappy", "none of the accepted response types is known here"),
      (Self.up, "gzip", #"Content-Encoding is "gzip""#),
      (Self.varint(33 << 20) + [UInt8](repeating: 0, count: 2 << 20), nil, "more than the limit of 33554432"),
    ]
    for (body, encoding, message) in cases {
      let (response, _) = try Self.read(body, encoding: encoding)
      #expect(response.status == 400, "\(message)")
      #expect(response.headers["Content-Type"] == "text/plain; charset=utf-8", "\(message)")
      #expect(Self.text(response).contains(message), "\(Self.text(response))")
    }
  }

  @Test func `a missing encoding is Snappy`() throws {
    #expect(try Self.read(Self.up, encoding: nil).response.status == 200)
  }

  @Test func `samples have a limit, chunks have none`() throws {
    let (refused, _) = try Self.read(Self.up) { $0.remoteReadMaxSamples = 11 }
    #expect(refused.status == 400 && Self.text(refused).contains("exceeded sample limit (11"))
    #expect(try Self.read(Self.up) { $0.remoteReadMaxSamples = 12 }.response.status == 200)
    #expect(try Self.read(Self.streamed) { $0.remoteReadMaxSamples = 1 }.response.status == 200)
  }

  @Test func `who has waited too long is told so`() throws {
    let (response, _) = try Self.read(Self.up) { $0.timeout = .zero }
    #expect(response.status == 500 && Self.text(response).contains("--query-timeout"))
  }
}
