internal import Configuration
internal import Delivery
internal import HTTPServer
internal import Logging
internal import Scrape
internal import TimeSeries

/// Delivery tasks: what there is, how it fares, and changing it.
extension API {
  func deliveryTasks() -> Response {
    Answer.success { writer in
      writer.append("{\"tasks\":[")
      for (i, task) in delivery.tasks().enumerated() {
        if i > 0 { writer.append(",") }
        writer.append(task)
      }
      let (bytes, limit) = delivery.inFlight
      writer.append("]")
      writer.member("in_flight_bytes", Int64(bytes))
      writer.member("in_flight_bytes_max", Int64(limit))
      writer.append("}")
    }
  }

  func deliveryTask(_ request: Request) throws(HTTPError) -> Response {
    let name = request.pathParameter("name") ?? ""
    guard let task = delivery.task(name) else { throw .notFound("\(TaskError.unknown(name))") }
    return answer(task)
  }

  private func answer(_ task: TaskStatus, status: Int = 200) -> Response {
    var response = Answer.success { $0.append(task) }
    response.status = status
    return response
  }

  // MARK: Changing

  func createTask(_ request: Request) throws(HTTPError) -> Response {
    if let refusal = deliveryRefusal { return refusal }
    var task = try task(request, name: nil)
    if let name = task.keepSecrets(of: nil) { throw Self.missing(secret: name) }
    try change(request, "created", task.name) { () throws(TaskError) in try delivery.create(task) }
    var response = try made(task.name, status: 201)
    response.headers["Location"] = "\(configuration.web.pathPrefix)/api/v1/delivery/tasks/\(task.name)"
    return response
  }

  func replaceTask(_ request: Request) throws(HTTPError) -> Response {
    if let refusal = deliveryRefusal { return refusal }
    let name = request.pathParameter("name") ?? ""
    var task = try task(request, name: name)
    if let name = task.keepSecrets(of: delivery.definition(name)) { throw Self.missing(secret: name) }
    var isNew = false
    try change(request, "replaced", name) { () throws(TaskError) in isNew = try delivery.replace(task) }
    return try made(name, status: isNew ? 201 : 200)
  }

  func removeTask(_ request: Request) throws(HTTPError) -> Response {
    if let refusal = deliveryRefusal { return refusal }
    let name = request.pathParameter("name") ?? ""
    try change(request, "deleted", name) { () throws(TaskError) in try delivery.remove(name) }
    return .noContent
  }

  func setStarted(_ isStarted: Bool, _ request: Request) throws(HTTPError) -> Response {
    if let refusal = deliveryRefusal { return refusal }
    let name = request.pathParameter("name") ?? ""
    try change(request, isStarted ? "started" : "stopped", name) { () throws(TaskError) in
      try delivery.setStarted(isStarted, name)
    }
    return try made(name, status: 200)
  }

  private var deliveryRefusal: Response? {
    configuration.web.enableDeliveryAPI
      ? nil : Answer.error(.unavailable, "changing delivery tasks is disabled; see --web-enable-delivery-api")
  }

  private static func missing(secret name: String) -> HTTPError {
    .badRequest("\(name) is masked, and there is no task yet whose secret could be kept; give the secret itself")
  }

  private func made(_ name: String, status: Int) throws(HTTPError) -> Response {
    guard let task = delivery.task(name) else { throw .notFound("\(TaskError.unknown(name))") }  // gone meanwhile
    return answer(task, status: status)
  }

  private func task(_ request: Request, name: String?) throws(HTTPError) -> DeliveryTask {
    let document = try document(request)
    do throws(ConfigurationError) {
      return try TaskReader(document: "request").task(document, name: name)
    } catch {
      throw .badRequest("\(error)")
    }
  }

  /// The body, which has to say that it is JSON: a page of another origin cannot send that unasked.
  private func document(_ request: Request) throws(HTTPError) -> ConfigurationNode {
    let type = request.headers["Content-Type"]?.split(separator: ";").first?.lowercased() ?? ""
    guard type.trimmingBlanks == Answer.json else {
      throw HTTPError(415, "the Content-Type has to be application/json")
    }
    do throws(JSONDocument.Fault) {
      return try JSONDocument.parse(request.body)
    } catch {
      throw .badRequest("the request is no JSON: \(error)")
    }
  }

  private func change(
    _ request: Request, _ what: String, _ name: String, _ body: () throws(TaskError) -> Void
  ) throws(HTTPError) {
    do throws(TaskError) {
      try body()
      logger.notice(
        "delivery task \(what) on request", metadata: ["task": "\(name)", "client": "\(request.remoteAddress)"])
    } catch {
      switch error {
      case .unknown: throw .notFound("\(error)")
      case .exists, .readOnly: throw HTTPError(409, "\(error)")
      case .invalid: throw .badRequest("\(error)")
      case .noStateDirectory, .storage: throw HTTPError(500, "\(error)")
      }
    }
  }

  // MARK: Dry run

  /// What lines would do to what the buffer has of the last minutes.
  func dryRun(_ request: Request) throws(HTTPError) -> Response {
    let document = try document(request)
    let wish: DryRunRequest
    do throws(ConfigurationError) {
      wish = try TaskReader(document: "request").dryRun(document)
    } catch {
      throw .badRequest("\(error)")
    }
    let selectors = try Parameters(wish.match.map { ("match[]", $0) }).selectors()
    return DryRunReport(wish, selectors, buffer, since: clock() - wish.since.wholeMilliseconds).response
  }

  // MARK: Reloading

  /// As in Prometheus, plain text (`web/web.go`).
  func reload() -> Response {
    guard configuration.web.enableLifecycle else { return .text("Lifecycle API is not enabled.\n", status: 403) }
    do {
      try reloader.reload()
      return .text("")
    } catch {
      return .text("failed to reload config: \(error)\n", status: 500)
    }
  }
}

extension String {
  fileprivate var trimmingBlanks: Substring {
    let start = drop { $0 == " " || $0 == "\t" }
    return start.prefix { $0 != " " && $0 != "\t" }
  }
}

extension ByteWriter {
  /// A task as `/api/v1/delivery/tasks` shows it.
  fileprivate mutating func append(_ task: TaskStatus) {
    append("{")
    member("name", task.definition.name)
    member("state", task.state.rawValue)
    member("origin", task.origin.rawValue)
    member("trouble")
    if let trouble = task.trouble { append(reason: trouble.reason, "since", trouble.since) } else { append("null") }
    member("sources")
    append("[")
    for (i, source) in task.sources.enumerated() {
      if i > 0 { append(",") }
      append(source)
    }
    append("]")
    member("target")
    append("{")
    member("topic", task.definition.target.topic)
    member("partitions", Int64(task.partitions))
    member("idempotent", task.isIdempotent)
    append("}")
    member("delivered")
    append("{")
    member("records", Int64(task.records))
    member("samples", Int64(task.samples))
    member("bytes", Int64(task.recordBytes))
    member("seconds_to_acknowledgement")
    append(task.records == 0 ? 0 : task.waitedSeconds / Double(task.records), .json)
    member("last", task.lastDeliveryAt.map(ISO8601.string))
    append("}")
    member("failed")
    append("{")
    member("records", Int64(task.failedRecords))
    member("samples", Int64(task.failedSamples))
    member("last")
    if let failure = task.lastFailure { append(reason: failure.reason, "at", failure.at) } else { append("null") }
    append("}")
    member("in_flight")
    append("{")
    member("records", Int64(task.recordsInFlight))
    member("bytes", Int64(task.bytesInFlight))
    member("open_batch_bytes", Int64(task.openBytes))
    append("}")
    member("definition")
    append(task.definition.json(secrets: false))
    append("}")
  }

  private mutating func append(reason: String, _ time: String, _ milliseconds: Int64) {
    append("{")
    member("reason", reason)
    member(time, ISO8601.string(milliseconds))
    append("}")
  }

  private mutating func append(_ source: TaskStatus.Source) {
    append("{")
    member("name", source.definition.name)
    switch source.definition.kind {
    case .remoteWrite: member("kind", "remote_write")
    case .scrape: member("kind", "scrape")
    }
    member("samples_received", Int64(source.received))
    member("samples_passed", Int64(source.passed))
    member("samples_filtered")
    append("[")
    for (i, line) in source.definition.filter.enumerated() {
      if i > 0 { append(",") }
      append("{")
      member("line", line.text)
      member("samples", Int64(source.rejected[i]))
      append("}")
    }
    append("]")
    member("stale_markers_dropped", Int64(source.staleMarkersDropped))
    member("samples_with_renamed_labels", Int64(source.movedLabels))
    member("samples_too_large", Int64(source.tooLarge))
    member("known_series", Int64(source.knownSeries))
    member("known_series_bytes", Int64(source.knownSeriesBytes))
    if let scraping = source.scraping {
      member("scraping")
      append("{")
      member("samples_waiting", Int64(scraping.waitingSamples))
      member("scrapes_lost", Int64(scraping.lostScrapes))
      member("samples_lost", Int64(scraping.lostSamples))
      member("targets")
      append("[")
      for (i, target) in scraping.targets.enumerated() {
        if i > 0 { append(",") }
        append(target)
      }
      append("]}")
    }
    append("}")
  }

  /// A target, with the names that Prometheus gives its own at `/api/v1/targets` where it has one.
  private mutating func append(_ target: ScrapeStatus) {
    append("{")
    member("labels")
    append(json: target.labels)
    member("scrapeUrl", target.url)
    member("health", target.health.rawValue)
    member("lastError", target.lastError ?? "")
    member("lastScrape", target.lastScrape.map(ISO8601.string))
    member("lastScrapeDuration")
    append(target.lastDuration / .seconds(1), .json)
    member("scrapeInterval", DurationText.string(target.interval))
    member("scrapeTimeout", DurationText.string(target.timeout))
    for (name, count) in [
      ("samples", target.lastSamples), ("bytes", target.lastBytes), ("scrapes", target.scrapes),
      ("failed", target.failures), ("not_taken", target.notTaken), ("missed", target.missed),
      ("duplicates", target.duplicates), ("out_of_bounds", target.outOfBounds),
    ] {
      member(name, Int64(count))
    }
    append("}")
  }
}
