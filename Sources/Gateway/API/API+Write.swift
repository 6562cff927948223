internal import Delivery
internal import HTTPServer
internal import TimeSeries
internal import Wire

/// `POST /api/v1/write`: remote write, both versions (prometheus/docs: `docs/specs/prw/`). Answers are plain text, as
/// there, and come when Kafka has acknowledged the samples.
extension API {
  func remoteWrite(_ request: Request) throws(HTTPError) -> Response {
    // Without the header it is Snappy nevertheless, as Prometheus has it.
    let encoding = request.headers["Content-Encoding"] ?? "snappy"
    guard encoding.lowercased() == "snappy" else {
      return .text("Content-Encoding is \(encoding); a remote write is one Snappy block (snappy)\n", status: 415)
    }
    let contentType = request.headers["Content-Type"]
    guard let version = RemoteWriteVersion(contentType: contentType) else {
      return .text(
        "Content-Type is \(contentType ?? ""); known are application/x-protobuf, which means version 1, with "
          + ";proto=prometheus.WriteRequest, the same, and with ;proto=io.prometheus.write.v2.Request, version 2\n",
        status: 415)
    }
    var address = WriteAddress.everyTask
    if let task = request.pathParameter("task") { address = .task(task, source: request.query.first("source")) }
    let response = DeferredResponse()
    delivery.write(request.body, as: version, to: address) { response.fulfil(Self.answer($0)) }
    return .deferred(response)
  }

  /// Answers to refusals are read by people, in the sender's log; the status is for the sender.
  private static func answer(_ outcome: WriteOutcome) -> Response {
    var response: Response
    switch outcome.verdict {
    case .delivered: response = .noContent
    case .unknown(let text): response = .text(text + "\n", status: 404)
    case .refused(let text): response = .text(text + "\n", status: 400)
    case .tooLarge(let text): response = .text(text + "\n", status: 413)
    case .unavailable(let text, let seconds):
      response = .text(text + "\n", status: 503)
      response.headers["Retry-After"] = "\(seconds)"
    }
    // Version 2 requires them, zero or not; histograms and exemplars have no place in the delivered format.
    response.headers["X-Prometheus-Remote-Write-Samples-Written"] = "\(outcome.samplesWritten)"
    response.headers["X-Prometheus-Remote-Write-Histograms-Written"] = "0"
    response.headers["X-Prometheus-Remote-Write-Exemplars-Written"] = "0"
    return response
  }
}
