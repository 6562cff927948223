internal import Configuration
internal import HTTPServer
internal import KafkaClient
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
  /// Types and helps that the configuration knows.
  let declared: [String: MetricDeclaration]
  let remoteRead: RemoteRead
  /// Works on whatever takes longer than a look-up.
  let pages: WorkerPool
  let clock: @Sendable () -> Int64
  let startedAt: Int64
  let isStopping: @Sendable () -> Bool
  /// The text of `/openapi.yaml`.
  let description: [UInt8]

  func makeRouter() -> Router {
    var router = Router(prefix: configuration.web.pathPrefix)
    let pooled = Router.Execution.pooled(pages)

    for path in ["/-/healthy", "/healthz", "/livez"] {
      router.get(path, .inline) { _ in .text("promring is Healthy.\n") }
    }
    for path in ["/-/ready", "/readyz"] { router.get(path, .inline) { _ in ready() } }

    router.get("/", .inline) { _ in frontPage() }
    router.get("/metrics", pooled) { try metricsPage($0) }
    router.get("/federate", pooled) { try federationPage($0) }
    router.get("/api/v1/samples", pooled) { try samples($0) }
    for method in ["GET", "POST"] {
      router.on(method, "/api/v1/series", pooled) { try series($0) }
      router.on(method, "/api/v1/labels", pooled) { try labels($0) }
      router.on(method, "/api/v1/query", pooled) { try instantQuery($0) }
      router.on(method, "/api/v1/query_range", pooled) { try rangeQuery($0) }
      router.on(method, "/api/v1/format_query", pooled) { try formatQuery($0) }
      router.on(method, "/api/v1/query_exemplars", pooled) { try queryExemplars($0) }
    }
    router.get("/api/v1/label/{name}/values", pooled) { try labelValues($0) }
    router.get("/api/v1/metadata", pooled) { try metadata($0) }
    router.post("/api/v1/read", .pooled(remoteRead.pool)) { remoteRead.answer($0) }

    router.get("/api/v1/status/buildinfo", .inline) { _ in buildInformation() }
    router.get("/api/v1/status/runtimeinfo", .inline) { _ in runtimeInformation() }
    router.get("/api/v1/status/tsdb", pooled) { try bufferStatistics($0) }
    router.get("/api/v1/status/flags", .inline) { _ in flags() }
    router.get("/api/v1/status/config", .inline) { _ in
      Answer.success { writer in
        writer.append("{\"yaml\":")
        writer.append(json: configuration.yaml)
        writer.append("}")
      }
    }
    router.get("/api/v1/status/kafka", pooled) { _ in kafkaStatus() }
    router.get("/api/v1/status/dead_letters", pooled) { try deadLetters($0) }
    router.get("/openapi.yaml", pooled) { _ in .bytes(description, contentType: "application/yaml") }
    return router
  }

  private func ready() -> Response {
    let readiness = self.readiness()
    return readiness.isReady ? .text("promring is Ready.\n") : .text(readiness.text, status: 503)
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
