internal import Configuration
internal import HTTPServer
internal import PromQL
internal import TimeSeries

/// A query as a request asks it: the text, the moment or moments, and how the answer shall be.
struct QueryCall {
  /// More points than this in a series are refused.
  private static let pointsMax: Int64 = 11_000

  enum Kind: String {
    case instant, range
  }

  let kind: Kind
  let text: String
  /// Milliseconds since the Unix epoch; the same for an instant query, whose step is 0.
  let start: Int64
  let end: Int64
  let step: Int64
  /// Moments it is evaluated at.
  var steps: Int { step == 0 ? 1 : Int((end - start) / step) + 1 }
  let lookbackDelta: Int64?
  /// Series to answer with; 0 for all.
  let limit: Int
  /// What `stats` was set to, if to anything.
  let stats: String?
  let received: ContinuousClock.Instant
  let deadline: ContinuousClock.Instant
  let client: RemoteAddress

  /// An instant query.
  init(instant request: Request, _ query: ServeConfiguration.Query, now: Int64) throws(HTTPError) {
    let time = try request.form.time("time") ?? now
    try self.init(.instant, request, query, start: time, end: time, step: 0)
  }

  /// A range query.
  init(range request: Request, _ query: ServeConfiguration.Query) throws(HTTPError) {
    let form = request.form
    guard let start = try form.time("start") else { throw .invalid("start", Self.unparsable("timestamp")) }
    guard let end = try form.time("end") else { throw .invalid("end", Self.unparsable("timestamp")) }
    guard let step = try form.duration("step") else { throw .invalid("step", Self.unparsable("duration")) }
    guard start <= end else { throw .invalid("end", "end timestamp must not be before start time") }
    guard step > 0 else {
      throw .invalid(
        "step", "zero or negative query resolution step widths are not accepted. Try a positive integer")
    }
    guard (end - start) / step <= Self.pointsMax else {
      throw .badRequest(
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)")
    }
    try self.init(.range, request, query, start: start, end: end, step: step)
  }

  private init(
    _ kind: Kind, _ request: Request, _ query: ServeConfiguration.Query, start: Int64, end: Int64, step: Int64
  ) throws(HTTPError) {
    let form = request.form
    self.kind = kind
    (self.start, self.end, self.step) = (start, end, step)
    limit = try form.limit()
    text = form.first("query") ?? ""
    lookbackDelta = try form.duration("lookback_delta").flatMap { $0 > 0 ? $0 : nil }
    stats = form.first("stats").flatMap { $0.isEmpty ? nil : $0 }
    received = request.received
    deadline = received + (try form.timeout(atMost: query.timeout))
    client = request.remoteAddress
  }

  private static func unparsable(_ what: String) -> String { "cannot parse \"\" to a valid \(what)" }
}

extension Parameters {
  /// How long the request wants to wait at most: `timeout`, but no longer than the server allows.
  func timeout(atMost limit: Duration) throws(HTTPError) -> Duration {
    guard let asked = try duration("timeout") else { return limit }
    return min(limit, .milliseconds(max(asked, 0)))
  }
}

/// How long a query waited and ran.
struct QueryTimings {
  let queued: Duration
  let executed: Duration
}
