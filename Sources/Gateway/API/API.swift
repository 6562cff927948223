internal import Configuration
internal import Delivery
internal import HTTPServer
internal import KafkaClient
internal import Logging
internal import SampleBuffer
internal import TimeSeries
internal import Wire

/// The gateway's HTTP side: every path, and what it answers from.
struct API: Sendable {
  let configuration: ServeConfiguration
  let buffer: SampleBuffer
  let consumers: ConsumerPool
  let intake: Intake
  let metrics: SelfMetrics
  let declarations: Declarations
  let delivery: Delivery
  let reloader: Reloader
  let remoteRead: RemoteRead
  let queryRunner: QueryRunner
  /// Works on queries.
  let queries: WorkerPool
  /// Works on whatever else takes longer than a look-up.
  let pages: WorkerPool
  /// Reads remote writes.
  let writes: WorkerPool
  let clock: @Sendable () -> Int64
  let startedAt: Int64
  let isStopping: @Sendable () -> Bool
  let notifications: Notifications
  let live: LiveStreams
  let logger: Logger
  /// The text of `/openapi.yaml`.
  let description: [UInt8]

  func makeRouter() -> Router {
    var router = Router(prefix: configuration.web.pathPrefix)
    let pooled = Router.Execution.pooled(pages)

    for path in ["/-/healthy", "/healthz", "/livez"] {
      router.get(path, .inline) { _ in .text("promring is Healthy.\n") }
    }
    for path in ["/-/ready", "/readyz"] { router.get(path, .inline) { _ in ready() } }

    addPage(to: &router)
    router.get("/metrics", pooled, reading { try metricsPage($0) })
    router.get("/federate", pooled, reading { try federationPage($0) })
    router.get("/api/v1/samples", pooled, reading { try samples($0) })
    router.get("/api/v1/samples/stream", pooled) { try liveSamples($0) }
    for method in ["GET", "POST"] {
      router.on(
        method, "/api/v1/query", .pooled(queries, attempt: smallInstantQuery), reading { try instantQuery($0) })
      router.on(
        method, "/api/v1/query_range", .pooled(queries, attempt: smallRangeQuery), reading { try rangeQuery($0) })
      router.on(method, "/api/v1/query_exemplars", pooled, reading { try queryExemplars($0) })
      router.on(method, "/api/v1/format_query", pooled) { try formatQuery($0) }
      router.on(method, "/api/v1/parse_query", pooled) { try parseQuery($0) }
      router.on(method, "/api/v1/series", pooled, reading { try series($0) })
      router.on(method, "/api/v1/labels", pooled, reading { try labels($0) })
    }
    router.get("/api/v1/label/{name}/values", pooled, reading { try labelValues($0) })
    router.get("/api/v1/label//values", pooled) { try labelValues($0) }  // refused in the right words
    router.get("/api/v1/metadata", pooled, reading { try metadata($0) })

    router.get("/api/v1/targets", pooled) { targets($0) }
    router.get("/api/v1/targets/metadata", pooled, reading { try targetsMetadata($0) })
    router.get("/api/v1/targets/relabel_steps", pooled) { try relabelSteps($0) }
    router.get("/api/v1/scrape_pools", pooled) { _ in scrapePools() }
    router.get("/api/v1/scrape_pools/config", pooled) { try scrapePoolConfiguration($0) }
    router.get("/api/v1/rules", pooled) { try rules($0) }
    router.get("/api/v1/alerts", .inline) { _ in alerts() }
    router.get("/api/v1/alertmanagers", .inline) { _ in alertmanagers() }
    router.get("/api/v1/features", .inline) { _ in features() }
    router.get("/api/v1/notifications", .inline) { _ in notificationList() }
    router.get("/api/v1/notifications/live", .inline) { _ in notificationStream() }
    for method in ["POST", "PUT"] {
      router.on(method, "/api/v1/admin/tsdb/delete_series", pooled) { try deleteSeries($0) }
      router.on(method, "/api/v1/admin/tsdb/clean_tombstones", .inline) { _ in cleanTombstones() }
      router.on(method, "/api/v1/admin/tsdb/snapshot", .inline) { try snapshot($0) }
    }
    router.post("/api/v1/read", .pooled(remoteRead.pool), reading { remoteRead.answer($0) })

    addDelivery(to: &router)

    router.get("/api/v1/status/buildinfo", .inline) { _ in buildInformation() }
    router.get("/api/v1/status/runtimeinfo", .inline) { _ in runtimeInformation() }
    router.get("/api/v1/status/tsdb", pooled) { try bufferStatistics($0) }
    router.get("/api/v1/status/flags", .inline) { _ in flags() }
    router.get("/api/v1/status/config", .inline) { _ in
      Answer.success { writer in
        writer.append("{\"yaml\":")
        writer.append(json: reloader.configuration.yaml)
        writer.append("}")
      }
    }
    router.get("/api/v1/status/walreplay", .inline) { _ in replayStatus() }
    router.get("/api/v1/status/tsdb/blocks", .inline) { _ in blocks() }
    router.get("/api/v1/status/self_metrics", pooled) { try selfMetrics($0) }
    router.get("/api/v1/status/kafka", pooled) { _ in kafkaStatus() }
    router.get("/api/v1/status/dead_letters", pooled) { try deadLetters($0) }
    router.get("/api/v1/status/buffer", pooled) { _ in bufferStatus() }
    for path in ["/openapi.yaml", "/api/v1/openapi.yaml"] {
      router.get(path, pooled) { _ in .bytes(description, contentType: "application/yaml") }
    }
    router.get("/version", .inline) { _ in version() }
    return router
  }

  /// What is answered without credentials: no more than a word, as causes name brokers.
  func makeProbeRouter() -> Router {
    var router = Router()
    for path in ["/-/healthy", "/healthz", "/livez"] {
      router.get(path, .inline) { _ in .text("promring is Healthy.\n") }
    }
    for path in ["/-/ready", "/readyz"] {
      router.get(path, .inline) { _ in
        let readiness = readiness()
        return readiness.isReady
          ? .text("promring is Ready.\n") : .text("promring is not ready: \(readiness.state.rawValue)\n", status: 503)
      }
    }
    return router
  }

  private func addDelivery(to router: inout Router) {
    let pooled = Router.Execution.pooled(pages)
    router.post("/api/v1/write", .pooled(writes)) { try remoteWrite($0) }
    router.post("/api/v1/write/{task}", .pooled(writes)) { try remoteWrite($0) }
    router.get("/api/v1/delivery/tasks", pooled) { _ in deliveryTasks() }
    router.post("/api/v1/delivery/tasks", pooled) { try createTask($0) }
    router.get("/api/v1/delivery/tasks/{name}", pooled) { try deliveryTask($0) }
    router.on("PUT", "/api/v1/delivery/tasks/{name}", pooled) { try replaceTask($0) }
    router.on("DELETE", "/api/v1/delivery/tasks/{name}", pooled) { try removeTask($0) }
    router.post("/api/v1/delivery/tasks/{name}/start", pooled) { try setStarted(true, $0) }
    router.post("/api/v1/delivery/tasks/{name}/stop", pooled) { try setStarted(false, $0) }
    router.post("/api/v1/delivery/dry_run", pooled, reading { try dryRun($0) })
    for method in ["POST", "PUT"] { router.on(method, "/-/reload", pooled) { _ in reload() } }
  }

  /// Types and helps that are known: from the configuration, else from senders of remote write.
  var declared: [String: MetricDeclaration] { declarations.all }

  private func ready() -> Response {
    let readiness = self.readiness()
    if readiness.isReady { return .text("promring is Ready.\n") }
    return StartupGate.tellingWhetherStopping(.text(readiness.text, status: 503), readiness.state == .stopping)
  }

  func readiness() -> Readiness {
    Readiness(
      consumers.snapshot(), isStopping: isStopping(), grace: configuration.ready.grace.wholeMilliseconds, now: clock())
  }

  /// The series that a request selects, within its `start` and `end`.
  func select(_ parameters: Parameters, _ selectors: [[Matcher]]) throws(HTTPError) -> [SeriesToken] {
    let start = try parameters.time("start")
    let end = try parameters.time("end")
    let tokens = selectors.isEmpty ? buffer.select([]) : buffer.select(anyOf: selectors)
    guard start != nil || end != nil else { return tokens }
    return buffer.overlapping(tokens, from: start ?? -Parameters.timeMax, through: end ?? Parameters.timeMax)
  }
}
