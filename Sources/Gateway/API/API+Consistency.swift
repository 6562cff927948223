internal import Configuration
internal import HTTPServer
internal import KafkaClient
internal import TimeSeries

/// Read your writes: `X-Promring-Consistency: strong` makes a read wait until everything that was in Kafka when the
/// request was taken up has been applied.
extension API {
  private static let field = "X-Promring-Consistency"

  private enum Consistency: String, CaseIterable {
    /// What has been applied so far; the default.
    case eventual
    case strong
  }

  func choosesConsistency(_ request: Request) -> Bool { request.headers[Self.field] != nil }

  /// A handler of something that is read from the buffer, on a pool.
  func reading(_ handler: @escaping Router.Handler) -> Router.Handler {
    { request in
      guard let asked = request.headers[Self.field] else { return try handler(request) }
      guard let consistency = Consistency(rawValue: asked.lowercased()) else {
        let known = Consistency.allCases.map(\.rawValue).joined(separator: " or ")
        throw HTTPError.badRequest("header \(Self.field): \(asked.quotedForPrometheus) is not \(known)")
      }
      if consistency == .strong { try waitUntilCurrent(request) }
      var response = try handler(request)
      response.headers[Self.field] = consistency.rawValue
      return response
    }
  }

  private func waitUntilCurrent(_ request: Request) throws(HTTPError) {
    let limit = try request.form.timeout(atMost: configuration.query.strongReadTimeout)
    let deadline = request.received + limit
    switch consumers.waitUntilApplied(within: deadline - .now, isAbandoned: { request.isCancelled }) {
    case .applied: return
    case .behind(let partitions):
      throw .unavailable("not all of Kafka was applied in time, behind in: \(list(partitions))", retryAfterSeconds: 1)
    case .unknown(let partitions):
      throw .unavailable(
        "Kafka did not say in time how far these partitions reach: "
          + (partitions.isEmpty ? "none is assigned yet" : list(partitions)), retryAfterSeconds: 1)
    }
  }

  private func list(_ partitions: [TopicPartition]) -> String {
    let shown = partitions.prefix(10).map { "\($0.topic)/\($0.partition)" }.joined(separator: ", ")
    return partitions.count > 10 ? "\(shown) and \(partitions.count - 10) more" : shown
  }
}
