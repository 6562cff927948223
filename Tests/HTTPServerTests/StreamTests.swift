import Glibc
import Testing

@testable import HTTPServer

/// Bodies that are made while they are sent.
@Suite struct StreamTests {
  /// One pooled route that streams `source`, on a pool of one thread.
  private func streaming(
    _ source: @escaping @autoclosure @Sendable () -> any ChunkSource, hooks: ServerHooks = ServerHooks(),
    _ body: (Server, WorkerPool) throws -> Void
  ) throws {
    let pool = try WorkerPool(name: "one", threads: 1, queueMax: 10)
    let routes = { (router: inout Router) in
      router.get("/stream", .pooled(pool)) { _ in .stream(contentType: "text/plain", source: source()) }
      router.get("/other", .pooled(pool)) { _ in .text("here") }
      router.get("/wrong", .inline) { _ in .stream(contentType: "text/plain", source: source()) }
    }
    try withServer(hooks: hooks, routes: routes) { try body($0, pool) }
  }

  @Test(arguments: [1, 7, 100, 5000, 64 << 10, 300_000])
  func `a stream arrives whole, in chunks, and the connection goes on`(partBytes: Int) throws {
    let parts = min(2_000_000 / partBytes + 1, 200)
    try streaming(CountingSource(parts: parts, partBytes: partBytes)) { server, _ in
      let client = try RawClient(server.port)
      for _ in 0..<3 {
        let reply = try client.ask("GET /stream")
        #expect(reply.isWhole)
        #expect(reply.body == CountingSource(parts: parts, partBytes: partBytes).whole)
        #expect((reply["Content-Length"] == nil) == (parts * partBytes > 48 << 10))  // what fits into a part has one
      }
    }
  }

  @Test func `HTTP 1.0 gets the same body, ended by the connection`() throws {
    try streaming(CountingSource(parts: 30)) { server, _ in
      let client = try RawClient(server.port)
      let reply = try client.ask("GET /stream", version: "HTTP/1.0")
      #expect(reply["Transfer-Encoding"] == nil)
      #expect(reply["Connection"] == "close")
      #expect(reply.body == CountingSource(parts: 30).whole)
    }
  }

  @Test(arguments: ["gzip", "deflate"])
  func `streams are compressed while they are made`(coding: String) throws {
    for parts in [1, 2, 20] {
      try streaming(CountingSource(parts: parts)) { server, _ in
        let reply = try RawClient(server.port).ask("GET /stream", ["Accept-Encoding: \(coding)"])
        #expect(reply["Content-Encoding"] == coding)
        #expect(reply["Vary"] == "Accept-Encoding")
        #expect(reply.isWhole)
        let plain = CountingSource(parts: parts).whole
        let gzip = coding == "gzip" ? reply.body : try CompressionTests.gzip(fromZlib: reply.body, plain: plain)
        #expect(try gunzip(gzip, limit: plain.count) == plain)
      }
    }
  }

  @Test func `a short stream is not compressed and has a length`() throws {
    try streaming(CountingSource(parts: 3, partBytes: 10)) { server, _ in
      let reply = try RawClient(server.port).ask("GET /stream", ["Accept-Encoding: gzip"])
      #expect(reply["Content-Encoding"] == nil)
      #expect(reply["Content-Length"] == "30")
    }
  }

  @Test func `HEAD asks the source for nothing`() throws {
    let source = CountingSource(parts: 30)
    try streaming(source) { server, _ in
      let client = try RawClient(server.port)
      let reply = try client.ask("HEAD /stream", ["Accept-Encoding: gzip"])
      #expect(reply.status == 200)
      #expect(reply["Content-Type"] == "text/plain")
      #expect(reply["Content-Encoding"] == "gzip")
      #expect(source.calls.value == 0)
      #expect(client.isClosedByServer())
      #expect(client.isQuiet() == false)
    }
  }

  @Test func `a slow reader holds neither a thread nor memory`() throws {
    let source = CountingSource(parts: 16_000)  // 1 GiB
    try streaming(source) { server, pool in
      let slow = try RawClient(server.port, receiveBytes: 16 << 10)
      try slow.request("GET /stream")
      #expect(try slow.skipHead().contains("chunked"))
      try slow.discard(64 << 10)
      // The only thread of the pool is free for others while the reader takes nothing.
      #expect(settled { source.calls.value })
      #expect(pool.active == 0 && pool.queued == 0)
      let made = source.calls.value
      let client = try RawClient(server.port)
      for _ in 0..<50 { #expect(try client.ask("GET /other").text == "here") }
      #expect(source.calls.value == made)
      // And as it reads on, no more is made than it can take.
      for _ in 0..<40 { try slow.discard(1 << 20) }
      #expect(source.calls.value > made + 500)
      #expect(source.calls.value < 1500)
      slow.close()
    }
  }

  @Test func `many slow readers share one thread`() throws {
    let sources = Box<[CountingSource]>([])
    let make = { @Sendable () -> any ChunkSource in
      let source = CountingSource(parts: 200, partBytes: 20_000)
      sources.change { $0.append(source) }
      return source
    }
    try streaming(make()) { server, pool in
      let clients = try (0..<8).map { _ in try RawClient(server.port, receiveBytes: 8 << 10) }
      for client in clients { try client.request("GET /stream") }
      for client in clients {
        let reply = try client.reply()
        #expect(reply.isWhole)
        #expect(reply.body == CountingSource(parts: 200, partBytes: 20_000).whole)
      }
      #expect(pool.statistics.refused == 0)
      #expect(eventually { pool.active == 0 && pool.queued == 0 })
    }
  }

  @Test func `a source that fails at once is an error like any other`() throws {
    try streaming(CountingSource(parts: 30, failsAt: 0)) { server, _ in
      let client = try RawClient(server.port)
      #expect(try client.ask("GET /stream").status == 500)
      #expect(try client.ask("GET /other").status == 200)
    }
  }

  @Test(arguments: ["HTTP/1.1", "HTTP/1.0"], ["", "gzip"])
  func `a source that fails midway leaves a body that is visibly not whole`(version: String, coding: String) throws {
    var hooks = ServerHooks()
    let records = Box<[RequestRecord]>([])
    hooks.observe = { record in records.change { $0.append(record) } }
    try streaming(CountingSource(parts: 3000, failsAt: 200), hooks: hooks) { server, _ in
      let client = try RawClient(server.port)
      try client.request("GET /stream", ["Accept-Encoding: \(coding)"], version: version)
      if version == "HTTP/1.1" {
        let reply = try client.reply()
        #expect(reply.status == 200)
        #expect(reply.isWhole == false)
        #expect(reply.body.count <= 200 * (64 << 10))
      } else {
        #expect(throws: RawClient.Failure.self) { _ = try client.reply() }  // connection reset
      }
      #expect(eventually { records.count == 1 })
      #expect(records.first?.outcome == .sourceFailed)
      #expect(records.first?.status == 200)
    }
  }

  @Test(arguments: [true, false])
  func `a client that leaves ends the stream`(isReset: Bool) throws {
    let source = CountingSource(parts: 1 << 30)
    var hooks = ServerHooks()
    let records = Box<[RequestRecord]>([])
    hooks.observe = { record in records.change { $0.append(record) } }
    try streaming(source, hooks: hooks) { server, pool in
      let client = try RawClient(server.port)
      try client.request("GET /stream")
      try client.discard(1 << 20)
      if isReset { client.reset() } else { client.close() }
      #expect(eventually { records.count == 1 })
      #expect(records.first?.outcome == .clientGone)
      #expect(records.first.map { $0.responseBytes >= 1 << 20 - 1000 } == true)
      #expect(eventually { pool.active == 0 && server.statistics.connections == 0 })
    }
  }

  @Test func `an inline route cannot stream`() throws {
    try streaming(CountingSource(parts: 3)) { server, _ in
      let reply = try RawClient(server.port).ask("GET /wrong")
      #expect(reply.status == 500)
      #expect(reply.text.contains("pooled"))
    }
  }

  @Test func `the engine reads and frees what it is given`() throws {
    // Each source is released with its response.
    final class Counted: ChunkSource {
      let live: Box<Int>
      init(_ live: Box<Int>) {
        self.live = live
        live.change { $0 += 1 }
      }
      deinit { live.change { $0 -= 1 } }
      func next(into chunk: inout [UInt8]) -> Bool {
        chunk.append(contentsOf: filled(100_000, with: 1))
        return true
      }
    }
    let live = Box(0)
    try streaming(Counted(live)) { server, _ in
      for i in 0..<20 {
        let client = try RawClient(server.port)
        if i % 3 == 0 {
          #expect(try client.ask("HEAD /stream").status == 200)
        } else {
          try client.request("GET /stream")
          try client.discard(i * 10_000)
        }
        client.close()
      }
      #expect(eventually { live.value == 0 })
    }
    #expect(live.value == 0)
  }
}
