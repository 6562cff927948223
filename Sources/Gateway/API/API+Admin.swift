internal import Configuration
internal import HTTPServer
internal import Logging
internal import SampleBuffer

/// Deleting. Kafka is the log, so nothing is gone for good here: a replay brings back what Kafka still holds.
extension API {
  func deleteSeries(_ request: Request) throws(HTTPError) -> Response {
    if let refusal = adminRefusal { return refusal }
    let selectors = try request.form.selectors()
    guard !selectors.isEmpty else { throw .badRequest("no match[] parameter provided") }
    let start = try request.form.time("start") ?? -Parameters.timeMax
    let end = try request.form.time("end") ?? Parameters.timeMax
    guard start <= end else { throw .invalid("end", "end timestamp must not be before start time") }
    let deleted: SampleBuffer.Deleted
    do throws(SampleBuffer.NoRoomToRewrite) {
      deleted = try buffer.delete(anyOf: selectors, from: start, through: end)
    } catch {
      return Answer.error(.internal, "\(error)")
    }
    logger.notice(
      "samples deleted on request",
      metadata: [
        "match": "\(request.form.all("match[]").joined(separator: " "))", "samples": "\(deleted.samples)",
        "series": "\(deleted.series)", "client": "\(request.remoteAddress)",
      ])
    return .noContent
  }

  /// Deleted samples are gone at once: there are no tombstones.
  func cleanTombstones() -> Response { adminRefusal ?? .noContent }

  func snapshot(_ request: Request) throws(HTTPError) -> Response {
    if let refusal = adminRefusal { return refusal }
    _ = try request.form.flag("skip_head")
    return Answer.error(
      .unavailable, "snapshots are not possible: promring keeps nothing on disk, its samples are in Kafka")
  }

  private var adminRefusal: Response? {
    configuration.web.enableAdminAPI ? nil : Answer.error(.unavailable, "admin APIs disabled")
  }
}
