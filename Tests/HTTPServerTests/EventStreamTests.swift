import Glibc
import Testing

@testable import HTTPServer

/// Bodies that the application pushes.
@Suite struct EventStreamTests {
  private func serving(
    queueBytesMax: Int = 256 << 10, onClose: (@Sendable () -> Void)? = nil,
    _ body: (Server, Box<[EventStream]>) throws -> Void
  ) throws {
    let streams = Box<[EventStream]>([])
    let routes = { (router: inout Router) in
      router.get("/events", .inline) { _ in
        let stream = EventStream(queueBytesMax: queueBytesMax, onClose: onClose)
        streams.change { $0.append(stream) }
        return .events(stream)
      }
    }
    try withServer(routes: routes) { try body($0, streams) }
  }

  private func event(_ text: String) -> [UInt8] { Array("data: \(text)\n\n".utf8) }

  @Test func `events arrive one by one, as they are sent`() throws {
    try serving { server, streams in
      let client = try RawClient(server.port)
      try client.request("GET /events")
      let head = try client.skipHead()
      #expect(head.contains("Content-Type: text/event-stream"))
      #expect(head.contains("Cache-Control: no-cache"))
      let stream = try #require(streams.first)
      for i in 0..<100 {
        #expect(stream.send(event("\(i)")))
        #expect(try client.chunk() == event("\(i)"))
      }
      #expect(stream.queuedBytes == 0)
      #expect(stream.dropped == 0)
    }
  }

  @Test func `what is sent before and just before the end arrives`() throws {
    let routes = { (router: inout Router) in
      router.get("/events", .inline) { _ in
        let stream = EventStream()
        stream.send(Array("first".utf8))
        stream.send(Array(" last".utf8))
        stream.close()
        return .events(stream)
      }
    }
    try withServer(routes: routes) { server in
      let client = try RawClient(server.port)
      for _ in 0..<3 {
        let reply = try client.ask("GET /events")
        #expect(reply.text == "first last")
        #expect(reply.isWhole)
      }
    }
  }

  @Test func `a closed stream ends its response and takes nothing more`() throws {
    let closed = Box(0)
    let count = { @Sendable in closed.change { $0 += 1 } }
    try serving(onClose: count) { server, streams in
      let client = try RawClient(server.port)
      try client.request("GET /events")
      _ = try client.skipHead()
      let stream = try #require(streams.first)
      #expect(closed.value == 0)
      stream.close()
      #expect(stream.isClosed)
      #expect(stream.send(event("late")) == false)
      #expect(stream.dropped == 0)
      #expect(try client.chunk() == [])
      #expect(eventually { closed.value == 1 })
    }
    #expect(closed.value == 1)
  }

  @Test func `a slow client loses events, which are counted, and the sender is not held up`() throws {
    try serving(queueBytesMax: 100_000) { server, streams in
      let client = try RawClient(server.port, receiveBytes: 8 << 10)
      try client.request("GET /events")
      _ = try client.skipHead()
      let stream = try #require(streams.first)
      var lost = 0
      var sent = 0
      let text = event(String(repeating: "x", count: 1000))
      for _ in 0..<20_000 {
        if stream.send(text) { sent += 1 } else { lost += 1 }
      }
      #expect(lost > 0)
      #expect(stream.dropped == lost)
      #expect(stream.queuedBytes <= 100_000)
      // What was taken arrives, whole events only.
      stream.close()
      var bytes = 0
      while case let chunk = try client.chunk(), !chunk.isEmpty { bytes += chunk.count }
      #expect(bytes == sent * text.count)
    }
  }

  @Test func `an event larger than the queue is dropped`() throws {
    let stream = EventStream(queueBytesMax: 10)
    #expect(stream.send([UInt8](repeating: 1, count: 10)))
    #expect(stream.send([1]) == false)
    #expect(stream.queuedBytes == 10)
    #expect(stream.dropped == 1)
  }

  @Test(arguments: [true, false])
  func `a client that leaves is noticed although nothing is sent`(isReset: Bool) throws {
    let closed = Box(0)
    let count = { @Sendable in closed.change { $0 += 1 } }
    try serving(onClose: count) { server, streams in
      let client = try RawClient(server.port)
      try client.request("GET /events")
      _ = try client.skipHead()
      let other = try RawClient(server.port)
      try other.request("GET /events")
      _ = try other.skipHead()
      if isReset { client.reset() } else { client.close() }
      #expect(eventually { closed.value == 1 })
      #expect(streams.look { $0.map(\.isClosed) } == [true, false])
      #expect(streams.look { $0[1] }.send(event("still here")))
      #expect(try other.chunk() == event("still here"))
      #expect(eventually { server.statistics == .init(connections: 1, activeRequests: 1) })
    }
    #expect(closed.value == 2)
  }

  @Test func `HEAD opens no stream`() throws {
    let closed = Box(0)
    let count = { @Sendable in closed.change { $0 += 1 } }
    try serving(onClose: count) { server, streams in
      let client = try RawClient(server.port)
      #expect(try client.ask("HEAD /events")["Content-Type"] == "text/event-stream")
      #expect(client.isClosedByServer())
      #expect(eventually { closed.value == 1 })
      #expect(streams.first?.isClosed == true)
    }
  }

  @Test func `many streams and many senders lose nothing`() throws {
    try serving(queueBytesMax: 8 << 20) { server, streams in
      let clients = try (0..<20).map { _ in try RawClient(server.port) }
      for client in clients { try client.request("GET /events") }
      #expect(eventually { streams.count == 20 })
      let pool = try WorkerPool(name: "senders", threads: 4, queueMax: 10)
      let all = streams.look { $0 }
      for sender in 0..<4 {
        #expect(
          pool.submit {
            for i in 0..<500 { for stream in all { stream.send(Array("\(sender):\(i)\n".utf8)) } }
          })
      }
      #expect(pool.shutdown(within: .seconds(20)))
      for stream in all { stream.close() }
      for client in clients {
        let lines = try client.reply().text.split(separator: "\n")
        #expect(lines.count == 2000)
        for sender in 0..<4 {
          #expect(lines.filter { $0.hasPrefix("\(sender):") } == (0..<500).map { "\(sender):\($0)" })
        }
      }
      #expect(all.allSatisfy { $0.dropped == 0 })
    }
  }
}
