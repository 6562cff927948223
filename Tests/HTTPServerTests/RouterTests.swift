import Testing

@testable import HTTPServer

@Suite struct RouterTests {
  private func router(prefix: String = "") -> Router {
    var router = Router(prefix: prefix)
    for (method, pattern) in [
      ("GET", "/"), ("GET", "/metrics"), ("GET", "/api/v1/label/{name}/values"),
      ("GET", "/api/v1/label/__name__/values"),
      ("GET", "/api/v1/query"), ("POST", "/api/v1/query"), ("PUT", "/-/reload"), ("POST", "/-/reload"),
      ("GET", "/slashed/"), ("GET", "/{one}/{two}"),
    ] {
      router.on(method, pattern, .inline) { _ in .noContent }
    }
    return router
  }

  /// What a match comes to, in one line.
  private func outcome(_ match: Router.Match) -> String {
    switch match {
    case .found(let route, let parameters):
      ([route.method, route.pattern] + parameters.items.map { "\($0.name)=\($0.value)" }).joined(separator: " ")
    case .notAllowed(let allowed): "allowed " + allowed.joined(separator: ",")
    case .redirect(let path): "redirect " + path
    case .unknown: "unknown"
    }
  }

  @Test(arguments: [
    ("GET", "/", "GET /"), ("GET", "/metrics", "GET /metrics"), ("HEAD", "/metrics", "GET /metrics"),
    ("GET", "/%6Detrics", "GET /metrics"), ("GET", "/Metrics", "unknown"), ("GET", "/metrics%2F", "unknown"),
    ("GET", "/api/v1/label/job/values", "GET /api/v1/label/{name}/values name=job"),
    ("GET", "/api/v1/label/a%2Fb/values", "GET /api/v1/label/{name}/values name=a/b"),
    ("GET", "/api/v1/label/a%20+/values", "GET /api/v1/label/{name}/values name=a +"),
    ("GET", "/api/v1/label//values", "unknown"), ("GET", "/api/v1/label/a/b/values", "unknown"),
    ("GET", "/api/v1/label/__name__/values", "GET /api/v1/label/__name__/values"),
    ("GET", "/api/v1/label/%5F_name__/values", "GET /api/v1/label/__name__/values"),
    ("POST", "/api/v1/query", "POST /api/v1/query"), ("DELETE", "/api/v1/query", "allowed GET,HEAD,OPTIONS,POST"),
    ("GET", "/-/reload", "allowed OPTIONS,POST,PUT"), ("get", "/metrics", "allowed GET,HEAD,OPTIONS"),
    ("GET", "/metrics/", "redirect /metrics"), ("GET", "/slashed", "redirect /slashed/"),
    ("GET", "/a/b", "GET /{one}/{two} one=a two=b"),
    ("GET", "//evil.example/", "unknown"), ("GET", "//evil.example", "unknown"), ("OPTIONS", "*", "unknown"),
    ("GET", "/api/v1/label/\u{212a}/values", "GET /api/v1/label/{name}/values name=\u{212a}"),
  ])
  func `a method and a path find their route`(method: String, path: String, expected: String) {
    #expect(outcome(router().match(method, Array(path.utf8)[...])) == expected)
  }

  @Test(arguments: [
    ("/p/metrics", "GET /metrics"), ("/p/", "GET /"), ("/p", "redirect /p/"), ("/metrics", "unknown"),
    ("/pmetrics", "unknown"), ("/p/metrics/", "redirect /p/metrics"), ("/", "unknown"),
  ])
  func `a prefix comes before every route`(path: String, expected: String) {
    for prefix in ["/p", "/p/"] {
      #expect(outcome(router(prefix: prefix).match("GET", Array(path.utf8)[...])) == expected)
    }
  }

  @Test func `characters that only look equal are not`() {
    var router = Router()
    router.get("/K", .inline) { _ in .noContent }
    #expect(outcome(router.match("GET", Array("/\u{212a}".utf8)[...])) == "unknown")  // KELVIN SIGN
  }

  @Test func `the routes can be listed`() {
    #expect(router().routes.count == 10)
    #expect(router(prefix: "/p").routes.last?.pattern == "/{one}/{two}")
    #expect(router().routes.map(\.method).filter { $0 == "GET" }.count == 7)
  }
}
