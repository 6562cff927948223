internal import Configuration
internal import Foundation
internal import HTTPServer
internal import Logging
internal import PromQL
internal import TimeSeries

/// Runs the queries of the HTTP API within their limits, counts them and logs the slow ones.
struct QueryRunner: Sendable {
  private let engine: Engine
  /// For queries that are answered where they come in.
  private let smallEngine: Engine
  private let processors: Processors
  private let source: BufferSource
  private let responseBytesMax: Int
  private let logSlowerThan: Duration
  private let logger: Logger
  private let outcomes: Labelled<Counter>
  /// Those that are counted most, by kind.
  private let successes: (instant: Counter, range: Counter)
  private let phases: Phases
  private let samplesRead: Counter
  private let slow: Counter
  private let limited: Labelled<Counter>

  private struct Phases: Sendable {
    let queue, preparation, evaluation, sorting: Histogram
  }

  init(_ query: ServeConfiguration.Query, _ source: BufferSource, _ metrics: SelfMetrics, logger: Logger) {
    var options = Engine.Options(query)
    processors = Processors(count: options.threads)
    options.processors = processors
    engine = Engine(options: options)
    options.processors = nil
    options.threads = 1
    options.maxSeries = PreparedQuery.smallSeriesMax
    smallEngine = Engine(options: options)
    self.source = source
    responseBytesMax = query.maxResponseBytes
    logSlowerThan = query.logSlowerThan
    self.logger = logger
    outcomes = metrics.counters(
      "promring_queries_total", "PromQL queries by kind and what became of them.", labels: ["kind", "outcome"])
    successes = (
      outcomes.with(QueryCall.Kind.instant.rawValue, "success"), outcomes.with(QueryCall.Kind.range.rawValue, "success")
    )
    let phases = metrics.histograms(
      "promring_query_phase_seconds", "What queries spent their time with: queue, preparation, evaluation, sorting.",
      labels: ["phase"])
    self.phases = Phases(
      queue: phases.with("queue"), preparation: phases.with("preparation"), evaluation: phases.with("evaluation"),
      sorting: phases.with("sorting"))
    samplesRead = metrics.counter("promring_query_samples_read_total", "Samples that queries read from the buffer.")
    slow = metrics.counter("promring_queries_slow_total", "Queries slower than query.log-slower-than.")
    limited = metrics.counters(
      "promring_queries_limited_total", "Queries that a limit ended: samples, series, response_bytes or time.",
      labels: ["limit"])
    for limit in QueryError.Limit.allCases.map(\.rawValue) + [Failure.responseBytes, Failure.time] {
      _ = limited.with(limit)
    }
  }

  var options: Engine.Options { engine.options }

  /// Reads a query with the features that are on, for those who want no result.
  func parse(_ text: String) throws(HTTPError) -> PromQL.Expression {
    do throws(QueryError) {
      return try engine.parse(text)
    } catch {
      throw .invalid("query", "\(error)")
    }
  }

  /// Runs a query on the calling thread, when it is its turn. A client that leaves ends it, and so does its deadline.
  func answer(_ call: QueryCall, isAbandoned: @escaping @Sendable () -> Bool) -> Response {
    processors.withOne {
      let started = ContinuousClock.now
      let outcome: Result<QueryResult, Failure>
      do throws(QueryError) {
        if started >= call.deadline { throw .timeout }
        let cancellation = Cancellation(isAbandoned: isAbandoned)
        outcome = .success(try evaluate(engine.prepare(call.text), call, engine, cancellation))
      } catch {
        outcome = .failure(Failure(error, isQueued: started >= call.deadline))
      }
      return answer(call, outcome, started)
    }
  }

  /// Runs a query at once, whatever else is running, if it is small. One that fails is none of these.
  func answerIfSmall(_ call: QueryCall) -> Response? {
    let started = ContinuousClock.now
    guard let query = try? smallEngine.prepare(call.text), query.mayBeSmall(steps: call.steps, in: source),
      let result = try? evaluate(query, call, smallEngine, nil)
    else { return nil }
    return answer(call, .success(result), started)
  }

  private func answer(
    _ call: QueryCall, _ outcome: Result<QueryResult, Failure>, _ started: ContinuousClock.Instant
  ) -> Response {
    let timings = QueryTimings(queued: call.received.duration(to: started), executed: started.duration(to: .now))
    var outcome = outcome
    var response: Response?
    if case .success(let result) = outcome {
      response = QueryAnswer.response(result, call, timings, bytesMax: responseBytesMax)
      if response == nil { outcome = .failure(Failure(responseBytesMax: responseBytesMax)) }
    }
    observe(call, outcome, timings)
    if case .failure(let failure) = outcome {
      if let limit = failure.limit { limited.with(limit).add() }
      return Answer.error(failure.type, failure.text)
    }
    return response ?? Answer.error(.internal, "a query without result")
  }

  private func evaluate(
    _ query: PreparedQuery, _ call: QueryCall, _ engine: Engine, _ cancellation: Cancellation?
  ) throws(QueryError) -> QueryResult {
    switch call.kind {
    case .instant:
      try engine.instant(
        query, at: call.start, from: source, lookbackDelta: call.lookbackDelta, deadline: call.deadline,
        cancellation: cancellation)
    case .range:
      try engine.range(
        query, from: call.start, through: call.end, step: call.step, from: source,
        lookbackDelta: call.lookbackDelta, deadline: call.deadline, cancellation: cancellation)
    }
  }

  private func observe(_ call: QueryCall, _ outcome: Result<QueryResult, Failure>, _ timings: QueryTimings) {
    let statistics = (try? outcome.get())?.statistics
    let name: String
    switch outcome {
    case .success:
      name = "success"
      (call.kind == .instant ? successes.instant : successes.range).add()
    case .failure(let failure):
      name = failure.type.rawValue
      outcomes.with(call.kind.rawValue, name).add()
    }
    phases.queue.observe(timings.queued)
    if let statistics {
      phases.preparation.observe(statistics.queryPreparationTime)
      phases.evaluation.observe(statistics.innerEvalTime)
      phases.sorting.observe(statistics.resultSortTime)
      samplesRead.add(statistics.samplesRead)
    }
    guard logSlowerThan > .zero, timings.queued + timings.executed >= logSlowerThan else { return }
    slow.add()
    var metadata: Logger.Metadata = [
      "query": "\(Self.short(call.text))", "kind": "\(call.kind)", "outcome": "\(name)",
      "queued": "\(Self.seconds(timings.queued))", "executed": "\(Self.seconds(timings.executed))",
      "client": "\(call.client)", "start": "\(Self.time(call.start))",
    ]
    if call.kind == .range {
      metadata["end"] = "\(Self.time(call.end))"
      metadata["step"] = "\(Self.seconds(.milliseconds(call.step)))"
    }
    if let statistics {
      metadata["samples_read"] = "\(statistics.samplesRead)"
      metadata["peak_samples"] = "\(statistics.peakSamples)"
    }
    logger.warning("slow query", metadata: metadata)
  }

  /// Queries that programs write can be very long.
  private static func short(_ text: String) -> String { text.count > 2000 ? "\(text.prefix(2000))…" : text }

  private static func seconds(_ duration: Duration) -> String {
    "\((duration / .milliseconds(1)).rounded() / 1000)s"
  }

  private static func time(_ milliseconds: Int64) -> String {
    Date(timeIntervalSince1970: Double(milliseconds) / 1000)
      .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }

  /// Why a query has no result, as Prometheus says it.
  private struct Failure: Error {
    let type: Answer.ErrorType
    let text: String
    /// Which limit ended it.
    let limit: String?

    static let responseBytes = "response_bytes"
    static let time = "time"

    init(responseBytesMax: Int) {
      type = .execution
      text =
        "the answer would be larger than \(responseBytesMax) bytes: narrow the query, or ask for fewer steps or series"
      limit = Failure.responseBytes
    }

    init(_ error: QueryError, isQueued: Bool) {
      limit =
        switch error {
        case .limit(let limit, _): limit.rawValue
        case .timeout: Failure.time
        default: nil
        }
      type =
        switch error {
        case .parse, .invalid: .badData
        case .execution, .limit: .execution
        case .timeout: .timeout
        case .canceled: .canceled
        case .source: .internal
        }
      text =
        switch error {
        case .parse, .invalid: "invalid parameter \"query\": \(error)"
        case .timeout where isQueued: "query timed out in query queue"
        default: "\(error)"
        }
    }
  }
}

extension Engine.Options {
  init(_ query: ServeConfiguration.Query) {
    self.init()
    lookbackDelta = query.lookbackDelta.wholeMilliseconds
    maxSamples = query.maxSamples
    maxSeries = query.maxSeries
    threads = ProcessInfo.processInfo.activeProcessorCount
    features = Features(query.features.compactMap(Features.init(name:)))
    countsSamplesPerStep = query.features.contains("promql-per-step-stats")
  }
}
