internal import Configuration
internal import HTTPServer
internal import PromQL
internal import TimeSeries

/// PromQL over HTTP, as Prometheus has it (`web/api/v1/api.go`).
extension API {
  /// More points than this in a series are refused.
  private static let pointsMax: Int64 = 11_000

  var engine: Engine {
    var options = Engine.Options()
    options.lookbackDelta = configuration.query.lookbackDelta.wholeMilliseconds
    options.maxSamples = configuration.query.maxSamples
    options.threads = 2
    return Engine(options: options)
  }

  func instantQuery(_ request: Request) throws(HTTPError) -> Response {
    let limit = try request.form.limit()
    let time = try request.form.time("time") ?? clock()
    let call = try QueryCall(request, configuration.query)
    return try answer(limit: limit) { () throws(QueryError) in
      try engine.instant(
        call.text, at: time, from: BufferSource(buffer: buffer), lookbackDelta: call.lookbackDelta,
        deadline: call.deadline)
    }
  }

  func rangeQuery(_ request: Request) throws(HTTPError) -> Response {
    let limit = try request.form.limit()
    guard let start = try request.form.time("start") else { throw .invalid("start", Self.unparsable("timestamp")) }
    guard let end = try request.form.time("end") else { throw .invalid("end", Self.unparsable("timestamp")) }
    guard let step = try request.form.duration("step") else { throw .invalid("step", Self.unparsable("duration")) }
    guard start <= end else { throw .invalid("end", "end timestamp must not be before start time") }
    guard step > 0 else {
      throw .invalid(
        "step", "zero or negative query resolution step widths are not accepted. Try a positive integer")
    }
    guard (end - start) / step <= Self.pointsMax else {
      throw .badRequest(
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)")
    }
    let call = try QueryCall(request, configuration.query)
    return try answer(limit: limit) { () throws(QueryError) in
      try engine.range(
        call.text, from: start, through: end, step: step, from: BufferSource(buffer: buffer),
        lookbackDelta: call.lookbackDelta, deadline: call.deadline)
    }
  }

  private static func unparsable(_ what: String) -> String { "cannot parse \"\" to a valid \(what)" }

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
    do throws(ParseError) {
      return try parseExpression(request.form.first("query") ?? "")
    } catch {
      throw .invalid("query", "\(error)")
    }
  }

  private func answer(limit: Int, _ query: () throws(QueryError) -> QueryResult) throws(HTTPError) -> Response {
    let result: QueryResult
    do throws(QueryError) {
      result = try query()
    } catch {
      switch error {
      case .parse, .invalid: throw .invalid("query", "\(error)")
      case .execution: throw HTTPError(422, "\(error)")
      case .timeout: throw HTTPError(503, "\(error)")
      case .canceled: throw HTTPError(499, "\(error)")
      case .source: throw HTTPError(500, "\(error)")
      }
    }
    return QueryAnswer.response(result, limit: limit)
  }
}

/// What the parameters of a query have in common.
private struct QueryCall {
  let text: String
  let lookbackDelta: Int64?
  let deadline: ContinuousClock.Instant

  init(_ request: Request, _ query: ServeConfiguration.Query) throws(HTTPError) {
    text = request.form.first("query") ?? ""
    let lookback = try request.form.duration("lookback_delta")
    lookbackDelta = lookback.flatMap { $0 > 0 ? $0 : nil }
    var timeout = query.timeout
    if let asked = try request.form.duration("timeout") { timeout = min(timeout, .milliseconds(max(asked, 0))) }
    deadline = request.received + timeout
  }
}

/// A query's result as JSON (`web/api/v1/json_codec.go`).
private enum QueryAnswer {
  /// Prometheus tells ten warnings and ten infos, and how many more there were.
  private static let annotationsMax = 10

  static func response(_ result: QueryResult, limit: Int) -> Response {
    var warnings = result.warnings
    var writer = ByteWriter(capacity: 1 << 14)
    writer.append("{\"status\":\"success\",\"data\":{")
    writer.member("resultType")
    writer.append(json: result.value.type.rawValue)
    writer.member("result")
    switch result.value {
    case .scalar(let sample): append(sample.timestamp, FloatText.string(sample.value, .plain), to: &writer)
    case .string(let text, let timestamp): append(timestamp, text, to: &writer)
    case .vector(let elements):
      writer.append("[")
      for (i, element) in cut(elements, limit, &warnings).enumerated() {
        writer.append(i > 0 ? ",{\"metric\":" : "{\"metric\":")
        element.labels.withLabelBytes { writer.append(json: $0) }
        writer.append(",\"value\":")
        writer.append(pair: element.sample.timestamp, element.sample.value)
        writer.append("}")
      }
      writer.append("]")
    case .matrix(let series):
      writer.append("[")
      for (i, each) in cut(series, limit, &warnings).enumerated() {
        writer.append(i > 0 ? ",{\"metric\":" : "{\"metric\":")
        each.labels.withLabelBytes { writer.append(json: $0) }
        writer.append(",\"values\":[")
        for (k, sample) in each.samples.enumerated() {
          if k > 0 { writer.append(UInt8(ascii: ",")) }
          writer.append(pair: sample.timestamp, sample.value)
        }
        writer.append("]}")
      }
      writer.append("]")
    }
    writer.append("}")
    append("warnings", limited(warnings, "warning"), to: &writer)
    append("infos", limited(result.infos, "info"), to: &writer)
    writer.append("}")
    return .bytes(writer.copy(), contentType: Answer.json)
  }

  /// `[time,"text"]`, the time as any number.
  private static func append(_ timestamp: Int64, _ text: String, to writer: inout ByteWriter) {
    writer.append("[")
    writer.append(Double(timestamp) / 1000, .json)
    writer.append(",")
    writer.append(json: text)
    writer.append("]")
  }

  private static func cut<Element>(_ all: [Element], _ limit: Int, _ warnings: inout [String]) -> ArraySlice<Element> {
    guard limit > 0, all.count > limit else { return all[...] }
    warnings.append("results truncated due to limit")
    return all.prefix(limit)
  }

  private static func limited(_ texts: [String], _ kind: String) -> [String] {
    guard texts.count > annotationsMax else { return texts }
    return texts.prefix(annotationsMax) + ["\(texts.count - annotationsMax) more \(kind) annotations omitted"]
  }

  private static func append(_ name: String, _ texts: [String], to writer: inout ByteWriter) {
    guard !texts.isEmpty else { return }
    writer.member(name)
    writer.append("[")
    for (i, text) in texts.enumerated() {
      if i > 0 { writer.append(",") }
      writer.append(json: text)
    }
    writer.append("]")
  }
}
