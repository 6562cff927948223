public import Configuration
internal import Delivery
internal import Dispatch
internal import Foundation
public import HTTPServer
internal import KafkaClient
public import Logging
internal import SampleBuffer
internal import Synchronization
internal import TimeSeries
internal import Wire

/// The read side put together: consumers fill the buffer, the server answers from it.
public final class Gateway: Sendable {
  private let buffer: SampleBuffer
  private let consumers: ConsumerPool
  private let deadLetterProducer: Producer?
  private let delivery: Delivery
  private let reloader: Reloader
  private let server: Server
  /// Answers probes alone, where it was asked for.
  private let probes: Server?
  private let access: WebAccess
  private let pools: [WorkerPool]
  private let stopping: StopFlag
  private let ticker: Ticker
  private let notifications: Notifications
  private let api: API
  private let logger: Logger

  /// Where it listens; the port is the real one.
  public var address: HTTPServer.ListenAddress { server.address }
  /// Whether it speaks HTTPS there.
  public var speaksTLS: Bool { access.tls != nil }

  /// Why the gateway cannot start, in one line for an operator.
  public struct StartError: Error, CustomStringConvertible {
    public let description: String
    init(_ cause: any Error) { description = "\(cause)" }
  }

  /// Whether the process is going down.
  private final class StopFlag: Sendable {
    let isSet = Atomic<Bool>(false)
  }

  /// Starts consuming and serving; does not wait for brokers.
  /// - Parameters:
  ///   - description: the text of `openapi.yaml`.
  ///   - load: reads the configuration anew, for `reload`; `nil` if it cannot change.
  ///   - webConfig: reads the files that say who may come in; needed where the configuration names some.
  ///   - offsetsFromEarliest: read from the oldest record on instead of asking the brokers for an offset by time, which
  ///     librdkafka's in-process cluster cannot answer.
  public init(
    _ configuration: ServeConfiguration, logger: Logger, description: [UInt8],
    load: (@Sendable () throws -> ServeConfiguration)? = nil, webConfig: WebConfigLoader? = nil,
    offsetsFromEarliest: Bool = false
  ) throws(StartError) {
    do {
      let clock: @Sendable () -> Int64 = { WallClock.milliseconds }
      let metrics = SelfMetrics()
      metrics.registerProcess()
      metrics.registerBuild(version: ProgramVersion.current, revision: "", swiftVersion: SwiftVersion.text)
      let buffer = try SampleBuffer(BufferSettings(configuration), clock: clock)
      let settings = try ClientSettings(configuration.kafka, logger: logger)
      var producer: Producer?
      var forwarder: DeadLetters.Forwarder?
      if !configuration.kafka.deadLetterTopic.isEmpty {
        let made = try Producer(settings: settings, options: ProducerOptions(isIdempotent: false))
        producer = made
        forwarder = DeadLetters.Forwarder(producer: made, topic: try made.topic(configuration.kafka.deadLetterTopic))
      }
      let intake = Intake(
        buffer, metrics, deadLetters: DeadLetters(metrics, forwarder: forwarder),
        recordBytesMax: configuration.record.maxBytes)
      let retention = configuration.buffer.retention.wholeMilliseconds
      let start: @Sendable () -> Int64? = {
        offsetsFromEarliest || retention == 0 ? nil : clock() - retention
      }
      let consumers = try ConsumerPool(
        settings: settings, options: ConsumerOptions(configuration.kafka, startTimestamp: start),
        makeProcessor: { _ in intake.makeProcessor() })
      self.consumers = consumers
      // Whoever computes stands back: probes and readers of Kafka come first where processors are busy.
      let queries = try WorkerPool(
        name: "queries", threads: configuration.query.maxConcurrency, queueMax: configuration.query.maxQueue,
        niceness: 10)
      let pages = try WorkerPool(
        name: "pages", threads: configuration.web.maxConcurrency, queueMax: configuration.web.maxQueue, niceness: 5)
      let threads = configuration.delivery.threads
      let writes = try WorkerPool(
        name: "writes", threads: threads == 0 ? ConsumerOptions.cores : threads, queueMax: configuration.web.maxQueue)
      let delivery = try Delivery(
        configuration, logger: logger, log: ClientSettings.log(to: logger), clock: clock)
      // A password takes a thread for a while, and who guesses many must not take much time from others.
      let passwords = try WorkerPool(
        name: "passwords", threads: min(max(ConsumerOptions.cores / 2, 1), 4), queueMax: 64, niceness: 10)
      let web = configuration.web
      precondition(
        webConfig != nil || web.configFile.isEmpty && web.bearerTokenFile.isEmpty, "nobody reads the web configuration")
      let access = try WebAccess(webConfig, passwords, logger: logger, clock: clock)
      let reloader = Reloader(configuration, load, delivery, access, logger: logger, clock: clock)
      let remoteRead = try RemoteRead(configuration.query, buffer, metrics)
      let stopping = StopFlag()
      let notifications = Notifications(clock: clock)
      let live = LiveStreams(buffer, intake.arrivals, startedAt: clock(), clock: clock)
      let api = API(
        configuration: configuration, buffer: buffer, consumers: consumers, intake: intake, metrics: metrics,
        declarations: Declarations(MetricDeclaration.declared(configuration.export), delivery.metadata),
        delivery: delivery, reloader: reloader, remoteRead: remoteRead,
        queryRunner: QueryRunner(configuration.query, BufferSource(buffer: buffer), metrics, logger: logger),
        queries: queries, pages: pages, writes: writes, clock: clock, startedAt: clock(),
        isStopping: { stopping.isSet.load(ordering: .relaxed) }, notifications: notifications, live: live,
        logger: logger,
        description: description)
      let gate = StartupGate(isReplayed: { consumers.snapshot().isReplayed }, isStopping: api.isStopping)
      let pools = [queries, pages, writes, remoteRead.pool, passwords]
      GatewayMetrics.register(metrics, buffer, consumers, intake, pools, clock)
      DeliveryMetrics.register(metrics, delivery)
      GatewayMetrics.register(metrics, reloader)
      GatewayMetrics.register(metrics, live)
      var hooks = try ServerHooks(configuration.web, logger: logger)
      hooks.gatekeeper = access.gatekeeper
      hooks.admit = { CrossOrigin.refusal(of: $0) ?? gate.refusal(of: $0) }
      let decorate = hooks.decorate
      hooks.decorate = { request, response in
        decorate?(request, &response)
        access.decorate(&response)
      }
      hooks.observe = GatewayMetrics.requests(metrics)
      let server = try Server.start(
        ServerSettings(configuration), router: api.makeRouter(), hooks: hooks, tls: access.tls)
      GatewayMetrics.register(metrics, server, connectionsMax: configuration.web.maxConnections)
      access.attach { [weak server] in server?.replaceTLS($0) }
      WebAccessMetrics.register(metrics, access) { [weak server] in server?.statistics ?? Server.Statistics.none }
      probes = try configuration.web.probeListenAddress.map {
        try Server.start(ServerSettings(probesAt: $0), router: api.makeProbeRouter())
      }
      self.server = server
      self.access = access
      self.api = api
      self.delivery = delivery
      self.reloader = reloader
      self.buffer = buffer
      self.pools = pools
      self.stopping = stopping
      self.logger = logger
      deadLetterProducer = producer
      self.notifications = notifications
      let readingLog = ReadingLog()
      ticker = Ticker(every: .seconds(1)) {
        buffer.maintain()
        buffer.makeRoomIfStuck()
        gate.look()
        access.look()
        notifications.update(api.conditions())
        readingLog.look(consumers.snapshot(), series: buffer.seriesCount, logger, now: clock())
      }
    } catch {
      throw StartError(error)
    }
    logger.info("listening", metadata: ["address": "\(server.address)", "tls": "\(access.tls != nil)"])
    if let probes { logger.info("answering probes", metadata: ["address": "\(probes.address)"]) }
  }

  /// Whether `/-/ready` says so.
  public var isReady: Bool { api.readiness().isReady }
  public var seriesCount: Int { buffer.seriesCount }
  /// promring's own metrics at this moment.
  public func ownMetrics() -> SelfMetricsSnapshot { api.metrics.snapshot() }

  /// Reads the configuration anew and applies what can change while the program runs: the delivery tasks.
  /// - Throws: what is wrong; then all goes on as before.
  public func reload() throws { try reloader.reload() }

  /// Samples from within the process, for a delivery task by name; what cannot be delivered is lost.
  func offer(_ samples: [(labels: LabelSet, timestamp: Int64, value: Double)], to task: String) {
    delivery.offer(samples, to: task)
  }

  /// Stops serving and reading within the time given.
  public func stop(within limit: Duration) {
    let deadline = ContinuousClock.now + limit
    stopping.isSet.store(true, ordering: .relaxed)
    ticker.stop()
    notifications.update(api.conditions())
    api.live.stop()
    // Who waits for an acknowledgement gets it, or is told to come again.
    let isDelivered = delivery.stop(within: limit * 0.3)
    // Readers first: probes say "stopping" while the group is left.
    let isRead = consumers.stop(within: limit * 0.3)
    let isServed = server.stop(within: deadline - .now - .milliseconds(500))
    probes?.stop(within: .milliseconds(50))
    for pool in pools { _ = pool.shutdown(within: .milliseconds(100)) }
    _ = deadLetterProducer?.close(within: .milliseconds(200))
    logger.info(
      "stopped",
      metadata: [
        "consumers_closed": "\(isRead)", "records_delivered": "\(isDelivered)", "responses_finished": "\(isServed)",
      ])
  }
}
