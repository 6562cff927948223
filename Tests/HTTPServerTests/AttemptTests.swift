import Testing

@testable import HTTPServer

/// Pooled routes that try to answer on the I/O thread first.
struct AttemptTests {
  private func serving(hooks: ServerHooks = ServerHooks(), _ body: (Server, WorkerPool) throws -> Void) throws {
    let pool = try WorkerPool(name: "one", threads: 1, queueMax: 0)
    let attempt: Router.Attempt = { request in
      if request.form.first("fail") != nil { throw HTTPError.badRequest("attempt") }
      return request.form.first("small").map { .text("small \($0)") }
    }
    let routes = { (router: inout Router) in
      for method in ["GET", "POST"] {
        router.on(method, "/work", .pooled(pool, attempt: attempt)) { request in
          if request.form.first("fail") != nil { throw HTTPError.badRequest("pool") }
          return .text("large \(request.form.first("large") ?? "")")
        }
      }
    }
    try withServer(hooks: hooks, routes: routes) { server in try body(server, pool) }
  }

  @Test func `what is answered at once needs no thread of the pool`() throws {
    try serving { server, pool in
      let gate = Gate()
      #expect(pool.submit { gate.pass() })
      defer { gate.open() }
      #expect(eventually { pool.active == 1 })
      let client = try RawClient(server.port)
      #expect(try client.ask("GET /work?small=1").text == "small 1")
      #expect(try client.ask("GET /work?large=1").status == 503)
      #expect(try client.ask("POST /work?small=2", body: "ignored").text == "small 2")
      #expect(pool.statistics.completed == 0)
    }
  }

  @Test func `what it leaves, or fails at, is the pool's`() throws {
    try serving { server, pool in
      let client = try RawClient(server.port)
      #expect(try client.ask("GET /work?large=1").text == "large 1")
      #expect(eventually { pool.active == 0 })  // its only thread is free a moment after the answer is out
      let refused = try client.ask("GET /work?fail=1")
      #expect(refused.status == 400)
      #expect(refused.text.contains("pool"))
      #expect(eventually { pool.statistics.completed == 2 })
    }
  }

  @Test func `who is not admitted is refused before`() throws {
    var hooks = ServerHooks()
    hooks.admit = { _ in .text("closed", status: 503) }
    hooks.decorate = { _, response in response.headers["X-Decorated"] = "yes" }
    try serving(hooks: hooks) { server, _ in
      let reply = try RawClient(server.port).ask("GET /work?small=1")
      #expect(reply.status == 503)
      #expect(reply["X-Decorated"] == "yes")
    }
  }
}
