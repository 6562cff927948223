import HTTPServer
import Testing

@testable import Gateway

/// Pages of other origins may not do things in the name of a browser's user.
struct CrossOriginTests {
  private static func refusal(
    _ method: String, _ route: String, _ headers: [(String, String)]
  ) throws -> Response? {
    var fields: HeaderFields = ["Host": "promring.example.org:9797"]
    for (name, value) in headers { fields.add(name, value) }
    return CrossOrigin.refusal(of: try Request(method: method, target: route, headers: fields, route: route))
  }

  @Test(arguments: [
    ([], true),
    ([("Sec-Fetch-Site", "same-origin")], true), ([("Sec-Fetch-Site", "none")], true),
    ([("Sec-Fetch-Site", "cross-site")], false), ([("Sec-Fetch-Site", "same-site")], false),
    ([("Origin", "https://promring.example.org:9797")], true), ([("Origin", "https://evil.example.org")], false),
    ([("Origin", "null")], false), ([("Origin", "https://promring.example.org")], false),
    ([("Sec-Fetch-Site", "cross-site"), ("Origin", "https://promring.example.org:9797")], false),
    ([("Sec-Fetch-Site", "same-origin"), ("Origin", "https://behind.a.proxy")], true),
  ])
  func `changes come from pages of our own or from no page`(headers: [(String, String)], isLetIn: Bool) throws {
    for (method, route) in [
      ("POST", "/api/v1/delivery/tasks"), ("PUT", "/api/v1/delivery/tasks/{name}"),
      ("DELETE", "/api/v1/delivery/tasks/{name}"), ("POST", "/api/v1/delivery/tasks/{name}/stop"),
      ("POST", "/api/v1/admin/tsdb/delete_series"), ("PUT", "/-/reload"), ("POST", "/api/v1/write"),
      ("POST", "/something/new"),
    ] {
      let refusal = try Self.refusal(method, route, headers)
      #expect((refusal == nil) == isLetIn, "\(method) \(route)")
      if let refusal { #expect(refusal.status == 403) }
    }
  }

  @Test func `reading is not changed, by POST neither`() throws {
    let evil = [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example.org")]
    for method in ["GET", "HEAD", "OPTIONS"] {
      #expect(try Self.refusal(method, "/api/v1/delivery/tasks", evil) == nil)
    }
    #expect(try Self.refusal("POST", "/api/v1/query", evil) == nil)
  }
}
