internal import HTTPServer
internal import SampleBuffer
internal import TimeSeries

extension API {
  private static let knownParameters = ["match[]", "since", "start", "end", "limit", "order", "format"]

  /// Raw recent samples. Parameters that are none of ours are matchers written short: `job=apiserver`.
  func samples(_ request: Request) throws(HTTPError) -> Response {
    let parameters = request.query
    let selectors = try Self.selectors(parameters, besides: Self.knownParameters)
    let since = try parameters.duration("since")
    let start = try parameters.time("start")
    if since != nil, start != nil { throw .badRequest("start and since exclude each other") }
    if let since, since < 0 { throw .invalid("since", "must not be negative") }
    let through = try parameters.time("end") ?? Parameters.timeMax
    let from = start ?? since.map { clock() - $0 } ?? -Parameters.timeMax
    guard from <= through else { throw .invalid("end", "end timestamp must not be before start time") }

    let tokens = buffer.sortedByLabels(
      buffer.overlapping(buffer.select(anyOf: selectors), from: from, through: through))
    let format = try parameters.choice("format", SamplesStream.Format.self) ?? accepted(request)
    let stream = SamplesStream(
      buffer,
      SamplesStream.Request(
        tokens: tokens, from: from, through: through, limit: try parameters.limit(),
        order: try parameters.choice("order", SamplesStream.Order.self) ?? .oldest, format: format))
    var response = Response.stream(contentType: format.contentType, source: stream)
    response.headers.add("Vary", "Accept")
    return response
  }

  /// What a request for samples selects: `match[]`, and matchers written short.
  static func selectors(_ parameters: Parameters, besides known: [String]) throws(HTTPError) -> [[Matcher]] {
    let selectors = try parameters.selectors()
    var short: [Matcher] = []
    for (name, value) in parameters.items where !known.contains(name) {
      guard !name.isEmpty else { throw .badRequest("a parameter has no name; labels are given as label=value") }
      short.append(Matcher(name, equals: value))
    }
    if !selectors.isEmpty { return selectors.map { $0 + short } }
    guard short.contains(where: { !$0.matchesEmpty }) else {
      throw .badRequest("nothing is selected: give match[] with a selector, or label=value such as job=apiserver")
    }
    return [short]
  }

  private func accepted(_ request: Request) -> SamplesStream.Format {
    let accept = request.headers["Accept"] ?? ""
    if accept.contains("ndjson") { return .ndjson }
    if accept.contains("text/csv") { return .csv }
    return .json
  }
}
