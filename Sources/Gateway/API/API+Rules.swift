internal import HTTPServer
internal import TimeSeries

/// What Prometheus tells of its rules. promring evaluates none and alerts nobody, so the lists are empty; parameters
/// are checked all the same, so that a client's mistake does not go unnoticed.
extension API {
  func rules(_ request: Request) throws(HTTPError) -> Response {
    _ = try request.query.selectors()
    let type = request.query.first("type")?.lowercased() ?? ""
    guard ["", "alert", "record"].contains(type) else {
      throw .invalid("type", "not supported value \(type.quotedForPrometheus)")
    }
    _ = try request.query.flag("exclude_alerts")
    let limit = request.query.first("group_limit") ?? ""
    let token = request.query.first("group_next_token") ?? ""
    if limit.isEmpty, !token.isEmpty {
      throw .invalid("group_next_token", "group_limit is needed to go from page to page")
    }
    if !limit.isEmpty {
      guard let number = Int(limit), number > 0 else { throw .invalid("group_limit", "must be a number above 0") }
    }
    guard token.isEmpty else {
      throw .invalid("group_next_token", "there is no group \(token.quotedForPrometheus) to go on from")
    }
    return Answer.success { $0.append("{\"groups\":[]}") }
  }

  func alerts() -> Response {
    Answer.success { $0.append("{\"alerts\":[]}") }
  }

  func alertmanagers() -> Response {
    Answer.success { $0.append("{\"activeAlertmanagers\":[],\"droppedAlertmanagers\":[]}") }
  }
}
