/// What a dry run is asked for.
public struct DryRunRequest: Sendable {
  public var filter: [FilterLine] = []
  public var labels: [LabelLine] = []
  public var staleMarkers = DeliveryTask.StaleMarkers.drop
  /// Selectors of the series to look at, any of them; none for all series.
  public var match: [String] = []
  /// How old samples may be.
  public var since = Duration.seconds(300)
  /// Examples to show, of each kind.
  public var limit = 10
}

extension TaskReader {
  /// Reads `{"filter": […], "labels": […], "stale_markers": "drop", "match": […], "since": "5m", "limit": 10}`; nothing
  /// is required.
  public func dryRun(_ node: ConfigurationNode) throws(ConfigurationError) -> DryRunRequest {
    let map = try Map(Place(node: node, key: ""), self)
    var request = DryRunRequest()
    (request.filter, request.labels) = try lines(map)
    request.staleMarkers = try map.choice("stale_markers", DeliveryTask.StaleMarkers.self) ?? .drop
    for place in try map.list("match") { request.match.append(try text(place)) }
    request.since = try map.duration("since", .milliseconds(1)...(.seconds(10 * 365 * 86_400))) ?? request.since
    request.limit = try map.count("limit", 0...1000) ?? request.limit
    try map.finish()
    return request
  }
}
