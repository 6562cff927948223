internal import Configuration
internal import HTTPServer
internal import SampleBuffer
internal import Synchronization
internal import TimeSeries
internal import Wire

/// `POST /api/v1/read`: remote read, in both forms that Prometheus knows (`storage/remote/read_handler.go`). Errors are
/// plain text, as there.
///
/// It has a pool of its own, so that as many reads are worked on at once as the operator allows, others wait their turn,
/// and queries are not held up by either.
final class RemoteRead: Sendable {
  /// Most a request may be, packed as well as unpacked.
  static let bodyBytesMax = 32 << 20

  let pool: WorkerPool
  private let buffer: SampleBuffer
  private let samplesMax: Int
  private let frameBytes: Int
  /// How long a request may have waited when its turn comes.
  private let waitMax: Duration
  private let counts: Counts

  /// What is told of remote reads.
  final class Counts: Sendable {
    let active = Atomic<Int>(0)
    let queries: Labelled<Counter>
    let samples: Labelled<Counter>

    init(_ metrics: SelfMetrics) {
      queries = metrics.counters(
        "promring_remote_read_queries_total", "Queries of remote reads, by type of response.", labels: ["type"])
      samples = metrics.counters(
        "promring_remote_read_samples_total", "Samples sent to remote reads, by type of response.", labels: ["type"])
      for type in ReadRequest.ResponseType.allCases {
        _ = queries.with(type.name)
        _ = samples.with(type.name)
      }
    }
  }

  /// One remote read that is being answered; counted for as long as it is held.
  final class Visit: Sendable {
    private let counts: Counts
    init(_ counts: Counts) {
      self.counts = counts
      counts.active.wrappingAdd(1, ordering: .relaxed)
    }
    deinit { counts.active.wrappingSubtract(1, ordering: .relaxed) }
  }

  init(_ query: ServeConfiguration.Query, _ buffer: SampleBuffer, _ metrics: SelfMetrics) throws(ServerError) {
    pool = try WorkerPool(
      name: "remote_read", threads: query.remoteReadMaxConcurrency, queueMax: query.maxQueue, niceness: 10)
    self.buffer = buffer
    samplesMax = query.remoteReadMaxSamples
    frameBytes = query.remoteReadFrameBytes
    waitMax = query.timeout
    counts = Counts(metrics)
    let counts = counts
    metrics.observe("promring_remote_read_active", .gauge, "Remote reads being answered.") {
      Double(counts.active.load(ordering: .relaxed))
    }
  }

  func answer(_ request: Request) -> Response {
    guard request.received.duration(to: .now) <= waitMax else {
      return .text("the remote read has waited for its turn longer than --query-timeout\n", status: 500)
    }
    let visit = Visit(counts)
    do {
      let (type, queries) = try Self.decode(request)
      counts.queries.with(type.name).add(queries.count)
      switch type {
      case .samples: return try samples(queries, request)
      case .streamedXORChunks: return stream(queries, visit)
      }
    } catch {
      return .text("\(error)\n", status: 400)
    }
  }

  /// Why a request is refused.
  struct Refusal: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  private static func decode(_ request: Request) throws -> (ReadRequest.ResponseType, [RemoteReadQuery]) {
    let encoding = request.headers["Content-Encoding"] ?? "snappy"
    guard encoding.lowercased() == "snappy" else {
      throw Refusal("Content-Encoding is \(encoding.quotedForPrometheus); a remote read is one Snappy block (snappy)")
    }
    guard request.body.count <= bodyBytesMax else {
      throw Refusal("the request has \(request.body.count) bytes, more than the limit of \(bodyBytesMax)")
    }
    let message = try ReadRequest(Snappy.decompress(request.body, bytesMax: bodyBytesMax))
    guard let type = message.responseType else {
      let known = ReadRequest.ResponseType.allCases.map { "\($0.name.uppercased()) (\($0.rawValue))" }
      throw Refusal("none of the accepted response types is known here; known are \(known.joined(separator: ", "))")
    }
    return (type, try message.queries.map(RemoteReadQuery.init))
  }

  private func samples(_ queries: [RemoteReadQuery], _ request: Request) throws -> Response {
    var writer = ReadResponseWriter()
    var total = 0
    for query in queries {
      let cursor = RemoteReadCursor(buffer, query)
      while cursor.next() {
        total += cursor.samples.count
        guard total <= samplesMax else {
          throw Refusal("exceeded sample limit (\(samplesMax), --query-remote-read-max-samples)")
        }
        cursor.withLabels { writer.append(labels: $0, cursor.samples) }
        guard writer.unpackedCount < ReadResponseWriter.unpackedMax else {
          throw Refusal("the response is larger than the \(ReadResponseWriter.unpackedMax) bytes of a Snappy block")
        }
        if request.isCancelled { return .text("the client is gone\n", status: 499) }
      }
      writer.endQuery()
    }
    counts.samples.with(ReadRequest.ResponseType.samples.name).add(total)
    var response = Response.bytes(writer.finish(), contentType: "application/x-protobuf")
    response.headers["Content-Encoding"] = "snappy"
    return response
  }

  private func stream(_ queries: [RemoteReadQuery], _ visit: Visit) -> Response {
    let counter = counts.samples.with(ReadRequest.ResponseType.streamedXORChunks.name)
    let source = RemoteReadStream(buffer, queries, frameBytes: frameBytes, visit: visit, counter)
    var response = Response.stream(
      contentType: "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse", source: source)
    response.isCompressible = false
    return response
  }
}

extension ReadRequest.ResponseType {
  fileprivate var name: String {
    switch self {
    case .samples: "samples"
    case .streamedXORChunks: "streamed_xor_chunks"
    }
  }
}

/// One query of a request, ready to be asked of the buffer.
struct RemoteReadQuery: Sendable {
  let matchers: [Matcher]
  /// Milliseconds, both ends included.
  let from: Int64
  let through: Int64

  init(_ query: ReadRequest.Query) throws(AnchoredRegex.SyntaxError) {
    var matchers: [Matcher] = []
    for matcher in query.matchers { matchers.append(try matcher.matcher()) }
    self.matchers = matchers
    from = query.start
    through = query.end
  }
}
