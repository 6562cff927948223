import Glibc
import Testing

@testable import HTTPServer

/// Requests and replies of all kinds, over real sockets.
@Suite struct ServerTests {
  /// Answers with what it was asked, and where it ran.
  static func echo(_ request: Request) -> Response {
    let form = request.form.items.map { "\($0.name)=\($0.value)" }.joined(separator: ";")
    let parameters = request.pathParameters.items.map { "\($0.name)=\($0.value)" }.joined(separator: ";")
    return .text("\(request.method) \(request.path) [\(parameters)] [\(form)] \(request.body.count)")
  }

  /// The same routes, inline and pooled.
  static func routes(_ router: inout Router, pool: WorkerPool) {
    for (path, execution) in [("/inline", Router.Execution.inline), ("/pooled", .pooled(pool))] {
      router.get(path, execution, echo)
      router.post(path, execution, echo)
      router.get("\(path)/label/{name}/values", execution, echo)
      router.get("\(path)/throws", execution) { _ in throw HTTPError(422, "no \(path) today") }
      router.get("\(path)/fails", execution) { _ in throw CountingSource.Broken() }
      router.get("\(path)/large", execution) { _ in
        .bytes(CompressionTests.page(lines: 3000), contentType: "text/plain")
      }
      router.get("\(path)/none", execution) { _ in .noContent }
    }
  }

  private func served(
    hooks: ServerHooks = ServerHooks(), settings: ServerSettings = testSettings(),
    _ body: (Server) throws -> Void
  ) throws {
    let pool = try WorkerPool(name: "test", threads: 2, queueMax: 100)
    try withServer(hooks: hooks, settings: settings, routes: { Self.routes(&$0, pool: pool) }, body)
  }

  @Test(arguments: ["/inline", "/pooled"])
  func `a connection serves one request after the other`(path: String) throws {
    try served { server in
      let client = try RawClient(server.port)
      for i in 0..<50 {
        let reply = try client.ask("GET \(path)?i=\(i)")
        #expect(reply.status == 200)
        #expect(reply.text == "GET \(path) [] [i=\(i)] 0")
        #expect(reply["Content-Length"] == "\(reply.body.count)")
        #expect(reply["Content-Type"] == "text/plain; charset=utf-8")
        #expect(reply["Date"] != nil)
        #expect(reply["Connection"] == nil)
      }
    }
  }

  @Test func `pipelined requests are answered in order, wherever they run`() throws {
    try served { server in
      let client = try RawClient(server.port)
      var text = ""
      for i in 0..<60 {
        let path = i % 2 == 0 ? "/inline" : "/pooled"
        text +=
          i % 5 == 0
          ? "POST \(path)?i=\(i) HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
          : "GET \(path)?i=\(i) HTTP/1.1\r\nHost: h\r\n\r\n"
      }
      try client.send(Array(text.utf8))
      for i in 0..<60 {
        #expect(try client.reply().text.contains("[i=\(i)] \(i % 5 == 0 ? 3 : 0)"), "reply \(i)")
      }
      #expect(client.isQuiet())
    }
  }

  @Test(arguments: ["/inline", "/pooled"])
  func `HEAD gives the headers of GET and no body`(path: String) throws {
    try served { server in
      let client = try RawClient(server.port)
      for suffix in ["", "/large"] {
        let get = try client.ask("GET \(path)\(suffix)")
        let head = try client.ask("HEAD \(path)\(suffix)")
        #expect(head.status == 200)
        #expect(head["Content-Type"] == get["Content-Type"])
        if !suffix.isEmpty { #expect(head["Content-Length"] == get["Content-Length"]) }
        #expect(try client.ask("GET \(path)").status == 200)  // nothing of a body came between
      }
    }
  }

  @Test func `unknown paths, methods and slashes have their answers`() throws {
    try served { server in
      let client = try RawClient(server.port)
      #expect(try client.ask("GET /nowhere").status == 404)
      let wrong = try client.ask("DELETE /pooled", body: "x")
      #expect(wrong.status == 405)
      #expect(wrong["Allow"] == "GET, HEAD, OPTIONS, POST")
      let options = try client.ask("OPTIONS /pooled")
      #expect(options.status == 204)
      #expect(options["Allow"] == "GET, HEAD, OPTIONS, POST")
      #expect(try client.ask("OPTIONS /nowhere").status == 404)
      let slash = try client.ask("GET /inline/?a=b%20c")
      #expect(slash.status == 301)
      #expect(slash["Location"] == "/inline?a=b%20c")
      #expect(try client.ask("POST /inline/", body: "x").status == 308)
      #expect(try client.ask("BREW /inline").status == 405)
      #expect(try client.ask("GET /inline/none").status == 204)
      #expect(try client.ask("GET /inline").status == 200)
    }
  }

  @Test func `the owner may answer OPTIONS where a path lacks its slash or has one too many`() throws {
    var hooks = ServerHooks()
    hooks.options = { request, _ in request.path.hasPrefix("/inline") ? .noContent : nil }
    try served(hooks: hooks) { server in
      let client = try RawClient(server.port)
      #expect(try client.ask("OPTIONS /inline/").status == 204)
      #expect(try client.ask("GET /inline/").status == 301)
      #expect(try client.ask("OPTIONS /pooled/").status == 308)
    }
  }

  @Test(arguments: ["/inline", "/pooled"])
  func `paths are split before they are decoded`(path: String) throws {
    try served { server in
      let client = try RawClient(server.port)
      let reply = try client.ask("GET \(path)/label/a%2Fb%25%C3%A9/values")
      #expect(reply.text == "GET \(path)/label/a/b%é/values [name=a/b%é] [] 0")
      #expect(try client.ask("GET \(path)/label/a/b/values").status == 404)
    }
  }

  @Test(arguments: ["/inline", "/pooled"])
  func `forms and URLs are merged`(path: String) throws {
    try served { server in
      let client = try RawClient(server.port)
      let fields = ["Content-Type: application/x-www-form-urlencoded"]
      let reply = try client.ask("POST \(path)?q=url&m=3", fields, body: "q=a%2Bb+c&m=1")
      #expect(reply.text == "POST \(path) [] [q=a+b c;m=1;q=url;m=3] 13")
      #expect(try client.ask("POST \(path)", fields, body: "q=%zz").status == 400)
      #expect(try client.ask("POST \(path)", fields, body: "q=1").status == 200)
    }
  }

  @Test(arguments: ["/inline?q=%zz", "/pooled?q=%f", "/pooled?q=%ff"])
  func `a malformed query is refused and the connection goes on`(target: String) throws {
    try served { server in
      let client = try RawClient(server.port)
      let reply = try client.ask("GET \(target)")
      #expect(reply.status == 400)
      #expect(reply.text.contains("\"q\""))
      #expect(try client.ask("GET /inline").status == 200)
    }
  }

  @Test(arguments: [
    "GET /a%zz HTTP/1.1\r\nHost: h\r\n\r\n", "GET no-slash HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /inline HTTP/1.1\r\n\r\n", "GET /inline HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "POST /inline HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "POST /inline HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /inline HTTP/1.1\r\nHost: h\r\nContent-Length: 1x\r\n\r\nx", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST /inline HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  ])
  func `what leaves doubt is refused and the connection closed`(request: String) throws {
    try served { server in
      let client = try RawClient(server.port)
      try client.send(Array(request.utf8))
      #expect(try client.reply().status == 400)
      #expect(client.isClosedByServer())
    }
  }

  @Test(arguments: ["gzip", "gzip, chunked", "identity"])
  func `other transfer codings are refused`(coding: String) throws {
    try served { server in
      let client = try RawClient(server.port)
      try client.request("POST /inline", ["Transfer-Encoding: \(coding)"])
      #expect(try client.reply().status == 501)
      #expect(client.isClosedByServer())
    }
  }

  @Test func `headers that do not fit are refused`() throws {
    try served { server in
      let client = try RawClient(server.port)
      try client.request("GET /inline", ["X-Large: " + String(repeating: "x", count: 40_000)])
      #expect(try client.reply().status == 431)
    }
  }

  @Test(arguments: ["/inline", "/pooled"])
  func `bodies arrive whole, with a length or in chunks`(path: String) throws {
    try served { server in
      let client = try RawClient(server.port)
      let large = String(repeating: "x", count: 300_000)
      #expect(try client.ask("POST \(path)", body: large).text.hasSuffix(" 300000"))
      try client.request("POST \(path)", ["Transfer-Encoding: chunked"])
      for size in [1, 1000, 100_000] {
        try client.send(Array("\(String(size, radix: 16))\r\n\(String(repeating: "y", count: size))\r\n".utf8))
      }
      try client.send(Array("0\r\n\r\n".utf8))
      #expect(try client.reply().text.hasSuffix(" 101001"))
      #expect(try client.ask("POST \(path)", ["Expect: 100-continue"], body: "abc").status == 100)
      #expect(try client.reply().text.hasSuffix(" 3"))
    }
  }

  @Test(arguments: ["/inline", "/pooled"])
  func `a body above the limit is refused, however it comes`(path: String) throws {
    try served(settings: testSettings { $0.bodyBytesMax = 1000 }) { server in
      let client = try RawClient(server.port)
      #expect(try client.ask("POST \(path)", body: String(repeating: "x", count: 1000)).status == 200)
      let refused = try client.ask("POST \(path)", body: String(repeating: "x", count: 1001))
      #expect(refused.status == 413)
      #expect(refused.text.contains("1000 bytes"))
      try client.request("POST \(path)", ["Transfer-Encoding: chunked"])
      try client.send(Array("3e9\r\n\(String(repeating: "y", count: 1001))\r\n0\r\n\r\n".utf8))
      #expect(try client.reply().status == 413)
      #expect(try client.ask("GET \(path)").status == 200)
      // Told before it sends the body.
      try client.request("POST \(path)", ["Expect: 100-continue", "Content-Length: 1001"])
      #expect(try client.reply().status == 413)
      #expect(client.isClosedByServer())
      let bold = try RawClient(server.port)
      try bold.request("POST \(path)", ["Content-Length: 9000000000000000000"])
      #expect(try bold.reply().status == 413)
      #expect(bold.isClosedByServer())
    }
  }

  @Test func `an endless body is cut off`() throws {
    try served(settings: testSettings { $0.bodyBytesMax = 1000 }) { server in
      let client = try RawClient(server.port)
      try client.request("POST /inline", ["Transfer-Encoding: chunked"])
      let chunk = Array("10000\r\n\(String(repeating: "y", count: 65536))\r\n".utf8)
      var sent = 0
      while sent < 1000, (try? client.send(chunk)) != nil { sent += 1 }
      #expect(sent < 1000)
    }
  }

  @Test(arguments: ["/inline", "/pooled"])
  func `errors are rendered by the owner`(path: String) throws {
    var hooks = ServerHooks()
    let causes = Box<[String]>([])
    hooks.renderError = { error, request in
      if let cause = error.cause { causes.change { $0.append("\(cause)") } }
      return .bytes(
        Array("{\"\(error.status)\":\"\(error.message)\",\"path\":\"\(request.path)\"}".utf8),
        contentType: "application/json", status: error.status)
    }
    try served(hooks: hooks) { server in
      let client = try RawClient(server.port)
      let thrown = try client.ask("GET \(path)/throws")
      #expect(thrown.status == 422)
      #expect(thrown["Content-Type"] == "application/json")
      #expect(thrown.text == "{\"422\":\"no \(path) today\",\"path\":\"\(path)/throws\"}")
      let failed = try client.ask("GET \(path)/fails")
      #expect(failed.status == 500)
      #expect(failed.text.contains("Broken") == false)
      #expect(causes.look { $0 == ["Broken()"] })
      #expect(try client.ask("GET /nowhere").text.contains("\"404\""))
    }
  }

  @Test func `hooks see every response and every request once`() throws {
    var hooks = ServerHooks()
    let records = Box<[RequestRecord]>([])
    hooks.observe = { record in records.change { $0.append(record) } }
    hooks.decorate = { request, response in
      response.headers["X-Method"] = request.method
      response.headers.add("X-Split", "a\r\nX-Injected: b")
    }
    hooks.admit = { request in
      if request.headers["Authorization"] == "no" { throw HTTPError(403, "not you") }
      return request.headers["Authorization"] == "other" ? .text("instead") : nil
    }
    hooks.options = { _, allowed in
      allowed.isEmpty ? nil : Response(status: 204, headers: ["X-Allowed": allowed.joined(separator: "+")])
    }
    try served(hooks: hooks, settings: testSettings { $0.serverField = "test" }) { server in
      let client = try RawClient(server.port)
      let reply = try client.ask("GET /pooled")
      #expect(reply["X-Method"] == "GET")
      #expect(reply["Server"] == "test")
      #expect(reply["X-Split"] == "a  X-Injected: b")
      #expect(reply["X-Injected"] == nil)
      #expect(try client.ask("HEAD /nowhere")["X-Method"] == "HEAD")
      #expect(try client.ask("POST /inline?a=%", body: "abc")["X-Method"] == "POST")
      #expect(try client.ask("GET /pooled", ["Authorization: no"]).status == 403)
      #expect(try client.ask("GET /nowhere", ["Authorization: no"]).status == 403)
      #expect(try client.ask("GET /pooled", ["Authorization: other"]).text == "instead")
      #expect(try client.ask("OPTIONS /pooled")["X-Allowed"] == "GET+HEAD+OPTIONS+POST")
      #expect(eventually { records.count == 7 })
    }
    let seen = records.look { $0 }.map {
      "\($0.route ?? "-") \($0.method) \($0.status) \($0.requestBytes) \($0.responseBytes)"
    }
    #expect(
      seen == [
        "/pooled GET 200 0 19", "- HEAD 404 0 0", "/inline POST 400 3 75", "/pooled GET 403 0 8", "- GET 403 0 8",
        "/pooled GET 200 0 7", "- OPTIONS 204 0 0",
      ])
    #expect(
      records.look { records in
        records.allSatisfy { $0.outcome == .completed && $0.duration > .zero && $0.duration < .seconds(20) }
      })
  }

  @Test func `what the engine refuses by itself is seen too`() throws {
    var hooks = ServerHooks()
    let records = Box<[RequestRecord]>([])
    let messages = Box<[String]>([])
    hooks.observe = { record in records.change { $0.append(record) } }
    hooks.log = { message in messages.change { $0.append(message) } }
    try served(hooks: hooks) { server in
      let wordy = try RawClient(server.port)
      try wordy.request("GET /inline", ["X-Large: " + String(repeating: "x", count: 40_000)])
      #expect(try wordy.reply().status == 431)
      #expect(eventually { records.count == 1 })
      let malformed = try RawClient(server.port)
      try malformed.request("POST /pooled", ["Transfer-Encoding: chunked"])
      try malformed.send(Array("zz\r\n".utf8))
      #expect(try malformed.reply().status == 400)
      #expect(eventually { records.count == 2 })
      let gone = try RawClient(server.port)
      // Its headers have been read when it leaves: an end that comes with them is seen by the idle timeout only.
      try gone.request("POST /inline", ["Content-Length: 100", "Expect: 100-continue"])
      #expect(try gone.reply().status == 100)
      gone.close()
      #expect(eventually { records.count == 3 })
    }
    try served(hooks: hooks, settings: testSettings { $0.idleTimeout = .seconds(1) }) { server in
      let slow = try RawClient(server.port)
      try slow.request("POST /inline", ["Content-Length: 100"])
      #expect(slow.isClosedByServer())
      #expect(eventually { records.count == 4 })
    }
    let seen = records.look { $0 }.map { "\($0.route ?? "-") \($0.method) \($0.status) \($0.outcome)" }
    #expect(
      seen == [
        "-  431 refused", "/pooled POST 400 refused", "/inline POST 499 clientGone", "/inline POST 408 timedOut",
      ])
    #expect(messages.look { $0.contains { $0.contains("incomplete request") } })
    #expect(messages.look { $0.allSatisfy { !$0.isEmpty && !$0.hasSuffix("\n") } })
  }

  @Test(arguments: ["/inline", "/pooled"], ["gzip", "deflate"])
  func `bodies are compressed if that is worth it`(path: String, coding: String) throws {
    try served { server in
      let client = try RawClient(server.port)
      let plain = CompressionTests.page(lines: 3000)
      let identity = try client.ask("GET \(path)/large")
      #expect(identity.body == plain)
      #expect(identity["Content-Encoding"] == nil)
      #expect(identity["Vary"] == "Accept-Encoding")
      let reply = try client.ask("GET \(path)/large", ["Accept-Encoding: br, \(coding)"])
      #expect(reply["Vary"] == "Accept-Encoding")
      if path == "/inline" {  // too large for an I/O thread
        #expect(reply["Content-Encoding"] == nil)
        #expect(reply.body == plain)
      } else {
        #expect(reply["Content-Encoding"] == coding)
        #expect(reply.body.count < plain.count / 4)
        let gzip = coding == "gzip" ? reply.body : try CompressionTests.gzip(fromZlib: reply.body, plain: plain)
        #expect(try gunzip(gzip, limit: plain.count) == plain)
        let head = try client.ask("HEAD \(path)/large", ["Accept-Encoding: br, \(coding)"])
        #expect(head["Content-Length"] == reply["Content-Length"])
      }
      let small = try client.ask("GET \(path)", ["Accept-Encoding: \(coding)"])
      #expect(small["Content-Encoding"] == nil)
      #expect(small["Vary"] == nil)
    }
  }

  @Test func `compression leaves alone what it may not touch`() throws {
    let text = Array(repeating: UInt8(ascii: "x"), count: 5000)
    let routes = { (router: inout Router) in
      router.get("/coded", .inline) { _ in
        var response = Response.bytes(text, contentType: "a/b")
        response.headers["content-encoding"] = "snappy"
        return response
      }
      router.get("/not", .inline) { _ in
        var response = Response.bytes(text, contentType: "a/b")
        response.isCompressible = false
        return response
      }
      router.get("/yes", .inline) { _ in .bytes(text, contentType: "a/b") }
    }
    try withServer(routes: routes) { server in
      let client = try RawClient(server.port)
      let coded = try client.ask("GET /coded", ["Accept-Encoding: gzip"])
      #expect(coded["Content-Encoding"] == "snappy")
      #expect(coded.body == text)
      #expect(try client.ask("GET /not", ["Accept-Encoding: gzip"]).body == text)
      #expect(try client.ask("GET /yes", ["Accept-Encoding: gzip"])["Content-Encoding"] == "gzip")
    }
  }

  @Test func `HTTP 1.0 connections are closed unless asked to stay`() throws {
    try served { server in
      let client = try RawClient(server.port)
      let kept = try client.ask("GET /inline", ["Connection: keep-alive"], version: "HTTP/1.0")
      #expect(kept["Connection"]?.lowercased() == "keep-alive")
      #expect(try client.ask("GET /pooled", version: "HTTP/1.0")["Connection"] == "close")
      #expect(client.isClosedByServer())
    }
  }

  @Test func `an address in use is a clear error`() throws {
    try served { server in
      var settings = ServerSettings(address: ListenAddress(host: "127.0.0.1", port: server.port))
      settings.ioThreads = 1
      #expect(throws: ServerError.addressInUse("127.0.0.1:\(server.port)")) {
        _ = try Server.start(settings, router: Router())
      }
    }
  }

  @Test func `addresses that are not ours or mean nothing are errors`() {
    #expect(throws: ServerError.addressNotLocal("192.0.2.1:0")) {
      _ = try Server.start(ServerSettings(address: ListenAddress(host: "192.0.2.1", port: 0)), router: Router())
    }
    #expect {
      _ = try Server.start(ServerSettings(address: ListenAddress(host: "no such host", port: 0)), router: Router())
    } throws: { if case .hostUnknown("no such host", _) = $0 as? ServerError { true } else { false } }
  }

  @Test func `an empty host serves IPv4, and the client's address is known`() throws {
    let routes = { (router: inout Router) in
      router.get("/", .inline) { .text($0.remoteAddress.host) }
    }
    try withServer(settings: testSettings { $0.address = ListenAddress(host: "", port: 0) }, routes: routes) { server in
      let client = try RawClient(server.port)
      #expect(try client.ask("GET /").text == "127.0.0.1")
    }
  }

  @Test(.enabled(if: RawClient.hasIPv6), arguments: ["", "::1"])
  func `IPv6 is served`(host: String) throws {
    let settings = testSettings { $0.address = ListenAddress(host: host, port: 0) }
    let routes = { (router: inout Router) in
      router.get("/", .inline) { .text($0.remoteAddress.description) }
    }
    try withServer(settings: settings, routes: routes) { server in
      let client = try RawClient(server.port, isIPv6: true)
      #expect(try client.ask("GET /").text.hasPrefix("[::1]:"))
      let settings = testSettings { $0.address = ListenAddress(host: "::1", port: server.port) }
      #expect(throws: ServerError.addressInUse("[::1]:\(server.port)")) {
        _ = try Server.start(settings, router: Router())
      }
    }
  }

  @Test func `one I/O thread is enough`() throws {
    try served(settings: testSettings { $0.ioThreads = 1 }) { server in
      let client = try RawClient(server.port)
      #expect(try client.ask("GET /pooled").status == 200)
      #expect(eventually { server.statistics == .init(connections: 1, activeRequests: 0) })
    }
  }

  @Test func `each connection goes to the I/O thread that has the fewest`() throws {
    let routes = { (router: inout Router) in
      router.get("/", .inline) { _ in .text("\(pthread_self())") }
    }
    try withServer(settings: testSettings { $0.ioThreads = 4 }, routes: routes) { server in
      let clients = try (0..<16).map { _ in try RawClient(server.port) }
      let perThread = try Dictionary(grouping: clients) { try $0.ask("GET /").text }
      #expect(perThread.values.map(\.count) == [4, 4, 4, 4])
      let (thread, leaving) = try #require(perThread.first)
      for client in leaving { client.close() }
      #expect(eventually { server.statistics.connections == 12 })
      let newcomers = try (0..<4).map { _ in try RawClient(server.port) }
      for client in newcomers { #expect(try client.ask("GET /").text == thread) }
      for client in clients where !leaving.contains(where: { $0 === client }) {
        #expect(try client.ask("GET /").status == 200)
      }
    }
  }

  @Test func `connections over the limit wait for their turn`() throws {
    try served(settings: testSettings { $0.connectionsMax = 3 }) { server in
      let clients = try (0..<3).map { _ in try RawClient(server.port) }
      for client in clients { #expect(try client.ask("GET /inline").status == 200) }
      let fourth = try RawClient(server.port)
      try fourth.request("GET /inline")
      for client in clients { #expect(try client.ask("GET /inline").status == 200) }
      #expect(server.statistics.connections == 3)
      clients[1].close()
      #expect(try fourth.reply().status == 200)
      #expect(eventually { server.statistics.connections == 3 })
      for client in [clients[0], clients[2], fourth] { #expect(try client.ask("GET /inline").status == 200) }
    }
  }

  @Test func `connections of one address are limited`() throws {
    try served(settings: testSettings { $0.connectionsPerAddressMax = 3 }) { server in
      let clients = try (0..<3).map { _ in try RawClient(server.port) }
      for client in clients { #expect(try client.ask("GET /inline").status == 200) }
      let fourth = try RawClient(server.port)
      #expect(fourth.isClosedByServer())
      for client in clients { #expect(try client.ask("GET /inline").status == 200) }
    }
  }

  @Test func `a request that comes byte by byte is cut off when its time is over`() throws {
    let settings = testSettings {
      $0.requestTimeout = .seconds(1)
      $0.idleTimeout = .seconds(60)
    }
    try served(settings: settings) { server in
      let head = try RawClient(server.port)
      let body = try RawClient(server.port)
      try body.request("POST /inline", ["Content-Length: 100000"])
      let idle = try RawClient(server.port)
      #expect(try idle.ask("GET /inline").status == 200)
      try head.send(Array("GET /inline HTTP/1.1\r\nX-Slow: ".utf8))
      // A byte now and then holds off the idle timeout, and the end of the connection all the same.
      var ended = Set<Int32>()
      let isOver = eventually {
        for client in [head, body] where (try? client.send([UInt8(ascii: "a")])) == nil {
          ended.insert(client.descriptor)
        }
        return ended.count == 2
      }
      #expect(isOver)
      #expect(server.statistics.connectionsTooSlow == 2)
      // Between two requests there is no hurry.
      #expect(try idle.ask("GET /inline").status == 200)
    }
  }

  @Test(arguments: [
    "GET /inline HTTP/1.1\r\nHost: half", "POST /inline HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
  ])
  func `a client that leaves half-way leaves no connection behind`(text: String) throws {
    try served { server in
      for _ in 0..<20 {
        let client = try RawClient(server.port)
        try client.send(Array(text.utf8))
        client.close()
      }
      #expect(eventually { server.statistics.connections == 0 })
    }
  }

  @Test func `a connection that stands idle is closed`() throws {
    try served(settings: testSettings { $0.idleTimeout = .seconds(2) }) { server in
      let idle = try RawClient(server.port)
      #expect(try idle.ask("GET /inline").status == 200)
      let slow = try RawClient(server.port)
      try slow.send(Array("GET /inline HTTP/1.1\r\nHo".utf8))
      #expect(idle.isClosedByServer())
      #expect(slow.isClosedByServer())
    }
  }
}
