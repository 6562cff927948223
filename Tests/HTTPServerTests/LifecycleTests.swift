import Dispatch
import Glibc
import Testing

@testable import HTTPServer

/// Full pools, clients that leave, and stopping.
@Suite struct LifecycleTests {
  private struct Site {
    let server: Server
    let pool: WorkerPool
    let gate: Gate
    let cancelled: Box<Int>
    let records: Box<[RequestRecord]>
  }

  /// `/wait` passes the gate on the pool; `/watch` runs until it is cancelled; `/inline` answers at once.
  private func serving(threads: Int = 1, queueMax: Int = 10, _ body: (Site) throws -> Void) throws {
    let pool = try WorkerPool(name: "one", threads: threads, queueMax: queueMax)
    let gate = Gate()
    let cancelled = Box(0)
    let records = Box<[RequestRecord]>([])
    var hooks = ServerHooks()
    hooks.observe = { record in records.change { $0.append(record) } }
    let routes = { (router: inout Router) in
      router.get("/wait", .pooled(pool)) { _ in
        gate.pass()
        return .text("passed")
      }
      router.get("/watch", .pooled(pool)) { request in
        let isCancelled = eventually { request.isCancelled }
        if isCancelled { cancelled.change { $0 += 1 } }
        return .text("cancelled: \(isCancelled)")
      }
      router.get("/inline", .inline) { _ in .text("here") }
      router.get("/events", .inline) { _ in .events(EventStream()) }
      router.get("/stream", .pooled(pool)) { _ in
        .stream(contentType: "text/plain", source: CountingSource(parts: 1 << 30))
      }
    }
    try withServer(hooks: hooks, routes: routes) { server in
      defer { gate.open() }
      try body(Site(server: server, pool: pool, gate: gate, cancelled: cancelled, records: records))
    }
  }

  @Test func `a full pool answers 503 at once, and inline routes as ever`() throws {
    try serving(queueMax: 2) { site in
      let waiting = try (0..<3).map { _ in try RawClient(site.server.port) }
      try waiting[0].request("GET /wait")
      #expect(eventually { site.pool.active == 1 })
      for client in waiting.dropFirst() { try client.request("GET /wait") }
      #expect(eventually { site.pool.queued == 2 })
      let client = try RawClient(site.server.port)
      let refused = try client.ask("GET /wait")
      #expect(refused.status == 503)
      #expect(refused["Retry-After"] == "1")
      #expect(refused.text.contains("pool one"))
      #expect(try client.ask("GET /inline").text == "here")
      site.gate.open()
      for client in waiting { #expect(try client.reply().text == "passed") }
      #expect(site.pool.statistics.refused == 1)
    }
  }

  @Test(arguments: [true, false])
  func `a running handler sees that its client has left`(isReset: Bool) throws {
    try serving { site in
      let client = try RawClient(site.server.port)
      try client.request("GET /watch")
      #expect(eventually { site.pool.active == 1 })
      #expect(settled { site.cancelled.value })
      #expect(site.cancelled.value == 0)
      if isReset { client.reset() } else { client.close() }
      #expect(eventually { site.cancelled.value == 1 })
      #expect(eventually { site.records.count == 1 })
      #expect(site.records.first?.outcome == .clientGone)
      #expect(eventually { site.server.statistics == .init(connections: 0, activeRequests: 0) })
    }
  }

  @Test func `a client that left behind unread requests is gone too`() throws {
    try serving { site in
      let client = try RawClient(site.server.port)
      try client.request("GET /watch")
      try client.request("GET /inline")
      #expect(eventually { site.pool.active == 1 })
      client.close()
      #expect(eventually { site.cancelled.value == 1 })
    }
  }

  @Test func `a request whose client left in the queue is not run`() throws {
    try serving { site in
      let first = try RawClient(site.server.port)
      try first.request("GET /wait")
      #expect(eventually { site.gate.arrived == 1 })
      let second = try RawClient(site.server.port)
      try second.request("GET /wait")
      #expect(eventually { site.pool.queued == 1 })
      second.close()
      site.gate.open()
      #expect(try first.reply().text == "passed")
      #expect(eventually { site.pool.statistics.abandoned == 1 })
      #expect(site.gate.arrived == 1)
      #expect(eventually { site.records.look { $0.contains { $0.status == 499 && $0.outcome == .clientGone } } })
    }
  }

  @Test func `stopping lets running requests finish and turns away new ones`() throws {
    try serving { site in
      let running = try RawClient(site.server.port)
      let kept = try RawClient(site.server.port)
      let listener = try RawClient(site.server.port)
      #expect(try kept.ask("GET /inline")["Connection"] == nil)
      try listener.request("GET /events")
      _ = try listener.skipHead()
      try running.request("GET /wait")
      #expect(eventually { site.gate.arrived == 1 })
      let stopped = DispatchGroup()
      let isDrained = Box(false)
      DispatchQueue.global().async(group: stopped) {
        let drained = site.server.stop(within: .seconds(20))
        isDrained.change { $0 = drained }
      }
      #expect(try listener.chunk() == [])  // event streams end first
      #expect(try kept.ask("GET /inline")["Connection"] == "close")
      #expect(throws: RawClient.Failure(description: "connect: errno \(ECONNREFUSED)")) {
        _ = try RawClient(site.server.port)
      }
      #expect(isDrained.value == false)
      site.gate.open()
      let reply = try running.reply()
      #expect(reply.text == "passed")
      #expect(reply["Connection"] == "close")
      #expect(stopped.wait(timeout: .now() + 20) == .success)
      #expect(isDrained.value)
      #expect(throws: RawClient.Failure.self) { _ = try RawClient(site.server.port) }
      #expect(site.server.statistics == .init(connections: 0, activeRequests: 0))
      #expect(site.server.stop(within: .zero))  // again
    }
  }

  @Test func `stopping cuts off what does not finish in time`() throws {
    try serving(threads: 3) { site in
      let stuck = try RawClient(site.server.port)
      try stuck.request("GET /wait")
      let watching = try RawClient(site.server.port)
      try watching.request("GET /watch")
      let endless = try RawClient(site.server.port, receiveBytes: 8 << 10)
      try endless.request("GET /stream")
      _ = try endless.skipHead()
      let idle = try RawClient(site.server.port)
      #expect(eventually { site.gate.arrived == 1 && site.pool.active == 2 })
      let began = ContinuousClock.now
      #expect(site.server.stop(within: .milliseconds(50)) == false)
      #expect(ContinuousClock.now - began < .seconds(10))
      for client in [stuck, watching, endless, idle] { #expect(client.isClosedByServer()) }
      #expect(eventually { site.cancelled.value == 1 })
      #expect(site.records.count == 3)
      #expect(site.records.look { $0.allSatisfy { $0.outcome == .serverStopped } })
      // The stuck handler still runs: what it returns is dropped.
      site.gate.open()
      #expect(eventually { site.pool.active == 0 })
    }
  }

  @Test func `an event stream that comes too late is closed, outside of any lock`() throws {
    let pool = try WorkerPool(name: "one", threads: 1, queueMax: 1)
    let gate = Gate()
    let closed = Box(0)
    let routes = { (router: inout Router) in
      router.get("/events", .pooled(pool)) { request in
        gate.pass()
        // Asking takes the lock of the request.
        return .events(EventStream { if request.isCancelled { closed.change { $0 += 1 } } })
      }
    }
    try withServer(routes: routes) { server in
      let client = try RawClient(server.port)
      try client.request("GET /events")
      #expect(eventually { gate.arrived == 1 })
      client.close()
      gate.open()
      #expect(eventually { closed.value == 1 })
    }
  }

  @Test func `queued requests are cut off with the rest`() throws {
    try serving { site in
      let clients = try (0..<5).map { _ in try RawClient(site.server.port) }
      for client in clients { try client.request("GET /wait") }
      #expect(eventually { site.gate.arrived == 1 && site.pool.queued == 4 })
      #expect(site.server.stop(within: .zero) == false)
      for client in clients { #expect(client.isClosedByServer()) }
      site.gate.open()
      #expect(eventually { site.pool.statistics.abandoned == 4 })
      #expect(site.gate.arrived == 1)
    }
  }

  @Test func `a server that is released stops`() throws {
    var port: UInt16 = 0
    do {
      let server = try Server.start(
        ServerSettings(address: ListenAddress(host: "127.0.0.1", port: 0)), router: Router())
      port = server.port
      #expect(try RawClient(port).ask("GET /").status == 404)
    }
    #expect(throws: RawClient.Failure.self) { _ = try RawClient(port) }
  }

  @Test func `servers come and go under load without loss`() throws {
    for _ in 0..<10 {
      let pool = try WorkerPool(name: "load", threads: 2, queueMax: 100)
      let answered = Box(0)
      let wrong = Box(0)
      let routes = { (router: inout Router) in
        router.get("/p", .pooled(pool)) { _ in .text("pooled") }
        router.get("/i", .inline) { _ in .text("inline") }
      }
      let clients = DispatchGroup()
      try withServer(routes: routes) { server in
        for c in 0..<6 {
          DispatchQueue.global().async(group: clients) {
            guard let client = try? RawClient(server.port) else { return }
            // Until the server goes: each reply is whole and right, or there is none.
            while let reply = try? client.ask(c % 2 == 0 ? "GET /p" : "GET /i") {
              if reply.status == 200, reply.text == (c % 2 == 0 ? "pooled" : "inline") {
                answered.change { $0 += 1 }
              } else {
                wrong.change { $0 += 1 }
              }
            }
          }
        }
        #expect(eventually { answered.value > 200 })
        server.stop(within: .seconds(5))
      }
      #expect(clients.wait(timeout: .now() + 20) == .success)
      #expect(wrong.value == 0)
    }
  }

  @Test func `hundreds of connections at once are served`() throws {
    try serving(threads: 4, queueMax: 1000) { site in
      let clients = try (0..<300).map { _ in try RawClient(site.server.port) }
      for (i, client) in clients.enumerated() { try client.request(i % 2 == 0 ? "GET /inline" : "GET /wait") }
      #expect(eventually { site.pool.active == 4 && site.pool.queued == 146 })
      #expect(eventually { site.server.statistics.connections == 300 })
      site.gate.open()
      for (i, client) in clients.enumerated() {
        #expect(try client.reply().text == (i % 2 == 0 ? "here" : "passed"))
      }
      #expect(eventually { site.server.statistics.activeRequests == 0 })
    }
  }
}
