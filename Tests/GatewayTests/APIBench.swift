import Configuration
import Delivery
import HTTPServer
import KafkaClient
import Logging
import SampleBuffer
import Testing
import TimeSeries
import Wire

@testable import Gateway

/// The HTTP side over a buffer that is filled by hand. Its Kafka is nowhere.
final class APIBench: Sendable {
  static let now: Int64 = 1_700_000_000_000
  let api: API

  /// - Parameter load: what a reload reads.
  init(
    _ change: (inout ServeConfiguration) -> Void = { _ in }, load: (@Sendable () throws -> ServeConfiguration)? = nil
  ) throws {
    var configuration = ServeConfiguration()
    configuration.kafka.brokers = ["127.0.0.1:1"]
    configuration.kafka.topics = ["metrics"]
    change(&configuration)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    var settings = BufferSettings()
    settings.bytesMax = 16 << 20
    settings.seriesMax = 10_000
    let clock: @Sendable () -> Int64 = { Self.now }
    let buffer = try SampleBuffer(settings, clock: clock)
    let metrics = SelfMetrics()
    let intake = Intake(buffer, metrics, deadLetters: DeadLetters(metrics, forwarder: nil), recordBytesMax: 1 << 20)
    let consumers = try ConsumerPool(
      settings: ClientSettings(configuration.kafka, logger: logger),
      options: ConsumerOptions(configuration.kafka, startTimestamp: { nil }),
      makeProcessor: { _ in intake.makeProcessor() })
    let delivery = try Delivery(configuration, logger: logger, clock: clock)
    api = API(
      configuration: configuration, buffer: buffer, consumers: consumers, intake: intake, metrics: metrics,
      declarations: Declarations(MetricDeclaration.declared(configuration.export), delivery.metadata),
      delivery: delivery,
      reloader: Reloader(
        configuration, load, delivery,
        try WebAccess(
          nil, try WorkerPool(name: "passwords", threads: 1, queueMax: 1), logger: logger, clock: clock),
        logger: logger, clock: clock),
      remoteRead: try RemoteRead(configuration.query, buffer, metrics),
      queryRunner: QueryRunner(configuration.query, BufferSource(buffer: buffer), metrics, logger: logger),
      queries: try WorkerPool(name: "queries", threads: 1, queueMax: 1),
      pages: try WorkerPool(name: "pages", threads: 1, queueMax: 1),
      writes: try WorkerPool(name: "writes", threads: 1, queueMax: 1), clock: clock, startedAt: Self.now,
      isStopping: { false }, notifications: Notifications(clock: clock),
      live: LiveStreams(buffer, intake.arrivals, startedAt: Self.now, clock: clock), logger: logger, description: [])
  }

  deinit {
    api.delivery.stop(within: .milliseconds(100))
    api.consumers.stop(within: .seconds(5))
    for pool in [api.queries, api.pages, api.writes, api.remoteRead.pool] { pool.shutdown(within: .seconds(1)) }
  }

  /// Appends one sample to each series, so many milliseconds ago.
  func append(_ series: [[String: String]], ago: Int64 = 1000, value: Double = 1) throws {
    let writer = SampleBuffer.Writer(api.buffer)
    var batch = SampleBatch()
    for labels in series {
      let set = LabelSet(labels.map { Label($0.key, $0.value) })
      let token = try set.withLabelBytes { try api.buffer.series($0) }
      batch.append(token, timestamp: Self.now - ago, bits: value.bitPattern, position: 0)
    }
    writer.append(batch)
  }
}

/// A GET, or a POST of a form.
func request(_ target: String, form: String? = nil) throws -> Request {
  guard let form else { return try Request(target: target) }
  return try Request(
    method: "POST", target: target, headers: ["Content-Type": "application/x-www-form-urlencoded"],
    body: Array(form.utf8))
}

extension Response {
  /// The body. A stream can be read only once.
  var text: String {
    switch body {
    case .bytes(let bytes): return String(decoding: bytes, as: UTF8.self)
    case .stream(let source):
      var bytes: [UInt8] = []
      while (try? source.next(into: &bytes)) == true {}
      return String(decoding: bytes, as: UTF8.self)
    case .events, .deferred: return ""
    }
  }

  /// The `data` of a success, as text.
  var data: String? {
    let start = "{\"status\":\"success\",\"data\":"
    let text = text
    guard status == 200, text.hasPrefix(start), text.hasSuffix("}") else { return nil }
    return String(text.dropFirst(start.count).dropLast())
  }
}
