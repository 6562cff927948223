internal import Configuration
internal import HTTPServer
internal import PromQL
internal import TimeSeries

/// PromQL over HTTP, as Prometheus has it (`web/api/v1/api.go`).
extension API {
  func instantQuery(_ request: Request) throws(HTTPError) -> Response {
    queryRunner.answer(try QueryCall(instant: request, configuration.query, now: clock())) { request.isCancelled }
  }

  func rangeQuery(_ request: Request) throws(HTTPError) -> Response {
    queryRunner.answer(try QueryCall(range: request, configuration.query)) { request.isCancelled }
  }

  /// Answers a query that is small enough not to be handed to the pool, unless it wants a consistency of its own.
  @Sendable func smallInstantQuery(_ request: Request) throws(HTTPError) -> Response? {
    guard !choosesConsistency(request) else { return nil }
    return queryRunner.answerIfSmall(try QueryCall(instant: request, configuration.query, now: clock()))
  }

  @Sendable func smallRangeQuery(_ request: Request) throws(HTTPError) -> Response? {
    guard !choosesConsistency(request) else { return nil }
    return queryRunner.answerIfSmall(try QueryCall(range: request, configuration.query))
  }

  func formatQuery(_ request: Request) throws(HTTPError) -> Response {
    let expression = try parsed(request)
    return Answer.success { $0.append(json: expression.pretty) }
  }

  /// The delivered format carries no exemplars, so there are none; 204 where a query selects nothing at all.
  func queryExemplars(_ request: Request) throws(HTTPError) -> Response {
    let start = try request.form.time("start")
    let end = try request.form.time("end")
    if let start, let end, end < start { throw .invalid("end", "end timestamp must not be before start time") }
    return try parsed(request).selectors.isEmpty ? .noContent : Answer.success { $0.append("[]") }
  }

  func parsed(_ request: Request) throws(HTTPError) -> PromQL.Expression {
    try queryRunner.parse(request.form.first("query") ?? "")
  }
}
