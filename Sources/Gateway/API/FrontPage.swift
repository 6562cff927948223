internal import Configuration
internal import HTTPServer

extension API {
  /// `/`: where to go from here, for people.
  func frontPage() -> Response {
    let prefix = configuration.web.pathPrefix
    let links = [
      ("/metrics", "the newest sample of every live series, and promring's own metrics"),
      ("/metrics?self=only", "promring's own metrics"),
      (
        "/api/v1/samples?since=1m&match[]={__name__=~%22.%2B%22}&limit=100",
        "raw samples, here the first hundred of the last minute"
      ),
      ("/api/v1/labels", "label names"),
      ("/api/v1/status/kafka", "partitions, offsets and lag"),
      ("/api/v1/delivery/tasks", "delivery tasks: what is sent to Kafka, and how that fares"),
      ("/api/v1/status/dead_letters", "records that could not be read"),
      ("/api/v1/status/tsdb", "what there is most of"),
      ("/-/ready", "readiness"),
      ("/openapi.yaml", "all of it, described"),
    ]
    let list = links.map { "<li><a href=\"\(prefix)\($0.0)\">\($0.0)</a>: \($0.1)</li>" }.joined(separator: "\n")
    let page = """
      <!DOCTYPE html>
      <html lang="en">
      <head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>promring</title></head>
      <body>
      <h1>promring \(ProgramVersion.current)</h1>
      <p>Recent Prometheus samples from Kafka.</p>
      <ul>
      \(list)
      </ul>
      </body>
      </html>

      """
    return .bytes(Array(page.utf8), contentType: "text/html; charset=utf-8")
  }
}
