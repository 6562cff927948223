internal import HTTPServer
internal import TimeSeries

extension API {
  private static let liveParameters = ["match[]", "since", "format", "last_event_id"]

  /// `/api/v1/samples/stream`: samples as they arrive. Parameters that are none of ours are matchers written short.
  func liveSamples(_ request: Request) throws(HTTPError) -> Response {
    let parameters = request.query
    let selectors = try Self.selectors(parameters, besides: Self.liveParameters)
    let format: LiveFormat =
      try parameters.choice("format", LiveFormat.self)
      ?? (request.headers["Accept"]?.contains("ndjson") == true ? .ndjson : .sse)
    let since = try parameters.duration("since")
    if let since, since < 0 { throw .invalid("since", "must not be negative") }
    var start = since.map { LiveStart.since(clock() - $0) } ?? .now
    // A browser that comes back says the one in the header, and its URL is the same as before.
    if let text = request.headers["Last-Event-ID"] ?? parameters.first("last_event_id"), !text.isEmpty {
      guard let event = LiveEventID(text) else { throw .badRequest("\(text.quotedForPrometheus) is no id of an event") }
      start = .after(event)
    }
    let key = selectors.map { $0.map(\.description).joined(separator: ",") }.joined(separator: " or ")
    let stream = live.open(LiveStreams.Request(selectors: selectors, format: format, key: key, start: start))
    var response = Response.events(stream)
    response.headers["Content-Type"] = format.contentType
    response.headers.add("Vary", "Accept")
    response.headers["X-Accel-Buffering"] = "no"  // of nginx, which otherwise waits for more to send on
    return response
  }
}
