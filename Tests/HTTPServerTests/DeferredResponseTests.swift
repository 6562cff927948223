import Testing

@testable import HTTPServer

/// Responses that come after their handlers have returned.
@Suite struct DeferredResponseTests {
  /// `/later` keeps what it promises in `promised`, on a pool of one thread.
  private func serving(
    hooks: ServerHooks = ServerHooks(), _ body: (Server, WorkerPool, Box<[DeferredResponse]>) throws -> Void
  ) throws {
    let pool = try WorkerPool(name: "one", threads: 1, queueMax: 10)
    let promised = Box<[DeferredResponse]>([])
    let routes = { (router: inout Router) in
      router.post("/later", .pooled(pool)) { _ in
        let response = DeferredResponse()
        promised.change { $0.append(response) }
        return .deferred(response)
      }
      router.get("/now", .pooled(pool)) { _ in
        let response = DeferredResponse()
        response.fulfil(.text("at once"))
        response.fulfil(.text("ignored"))
        return .deferred(response)
      }
      router.get("/inline", .inline) { _ in .deferred(DeferredResponse()) }
    }
    try withServer(hooks: hooks, routes: routes) { server in try body(server, pool, promised) }
  }

  @Test func `requests wait without a thread, and each gets its own response`() throws {
    var hooks = ServerHooks()
    hooks.decorate = { _, response in response.headers["X-Decorated"] = "yes" }
    try serving(hooks: hooks) { server, pool, promised in
      let clients = try (0..<5).map { _ in try RawClient(server.port) }
      for (i, client) in clients.enumerated() {
        try client.request("POST /later", body: "x")
        #expect(eventually { promised.count == i + 1 && pool.active == 0 })
      }
      #expect(server.statistics.activeRequests == 5)
      for (i, response) in promised.look({ $0 }).enumerated().reversed() {
        response.fulfil(Response(status: 400 + i, headers: ["Retry-After": "\(i)"]))
      }
      for (i, client) in clients.enumerated() {
        let reply = try client.reply()
        #expect(reply.status == 400 + i)
        #expect(reply["Retry-After"] == "\(i)")
        #expect(reply["X-Decorated"] == "yes")
        #expect(try client.ask("GET /now").text == "at once")  // the connection goes on
      }
    }
  }

  @Test func `a response that nobody gives is a 500`() throws {
    try serving { server, _, promised in
      let client = try RawClient(server.port)
      try client.request("POST /later", body: "x")
      #expect(eventually { promised.count == 1 })
      promised.change { $0 = [] }
      #expect(try client.reply().status == 500)
      #expect(try client.ask("GET /inline").status == 500)
    }
  }

  @Test func `stopping cuts off what is not fulfilled, and a late response is dropped`() throws {
    try serving { server, pool, promised in
      let client = try RawClient(server.port)
      try client.request("POST /later", body: "x")
      #expect(eventually { promised.count == 1 && pool.active == 0 })
      #expect(server.stop(within: .milliseconds(50)) == false)
      #expect(client.isClosedByServer())
      for response in promised.look({ $0 }) { response.fulfil(.text("too late")) }
    }
  }
}
