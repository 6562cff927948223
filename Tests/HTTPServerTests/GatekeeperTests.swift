import Testing

@testable import HTTPServer

/// Who is let in, over the wire.
struct GatekeeperTests {
  /// Passwords are checked at the cost of 4, a millisecond.
  private static let secret = PasswordHash("$2y$04$e7tuPaDXsNmgI6S53pcFhueZ/i0l2kIThNVTtxVW2VuPyIt3trpm.")
  private static let right = "Authorization: Basic YWxpY2U6c2VjcmV0"  // alice:secret
  private static let token = "0123456789abcdef"

  private static func basic(_ pair: String) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var text = ""
    let bytes = Array(pair.utf8)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = (0..<3).reduce(0) { $0 << 8 | (start + $1 < bytes.count ? Int(bytes[start + $1]) : 0) }
      for i in 0..<4 {
        text.append(start + i - 1 < bytes.count ? alphabet[group >> (18 - 6 * i) & 63] : "=")
      }
    }
    return "Authorization: Basic \(text)"
  }

  private final class Clock: Sendable {
    private let ahead = Box(Duration.zero)
    private let start = ContinuousClock.now
    var now: ContinuousClock.Instant { start + ahead.value }
    func pass(_ time: Duration) { ahead.change { $0 += time } }
  }

  private func serving(
    threads: Int = 2, queueMax: Int = 16, rateLimit: Gatekeeper.RateLimit? = nil, clock: Clock = Clock(),
    _ body: (Server, Gatekeeper, WorkerPool) throws -> Void
  ) throws {
    let pool = try WorkerPool(name: "passwords", threads: threads, queueMax: queueMax)
    let gatekeeper = Gatekeeper(pool: pool) { clock.now }
    var accounts = Gatekeeper.Accounts()
    accounts.users[Array("alice".utf8)] = Self.secret
    accounts.tokens = [Array(Self.token.utf8)]
    gatekeeper.replace(accounts, rateLimit: rateLimit)
    var hooks = ServerHooks()
    hooks.gatekeeper = gatekeeper
    hooks.decorate = { _, response in response.headers["X-Frame-Options"] = "deny" }
    let routes = { (router: inout Router) in
      router.get("/", .inline) { _ in .text("in") }
      router.post("/echo", .inline) { .bytes($0.body, contentType: "text/plain") }
    }
    try withServer(hooks: hooks, settings: testSettings { $0.bodyBytesMax = 1 << 20 }, routes: routes) { server in
      try body(server, gatekeeper, pool)
    }
  }

  /// Whether the pool has done so many jobs and no more; it counts one just after the answer is out.
  private func checked(_ pool: WorkerPool, _ count: Int) -> Bool {
    eventually { pool.statistics.completed >= count } && pool.statistics.completed == count
  }

  @Test func `a right password and a right token let in`() throws {
    try serving { server, _, pool in
      let client = try RawClient(server.port)
      #expect(try client.ask("GET /", [Self.right]).text == "in")
      #expect(try client.ask("POST /echo", [Self.right], body: "hello").text == "hello")
      #expect(try client.ask("GET /", ["Authorization: bearer \(Self.token)"]).text == "in")
      #expect(checked(pool, 1))
    }
  }

  @Test(arguments: ["/", "/unknown", "/echo"])
  func `nothing is answered without credentials`(path: String) throws {
    try serving { server, gatekeeper, _ in
      let client = try RawClient(server.port)
      for (fields, reason) in [
        ([], Gatekeeper.Refusal.noCredentials), (["Authorization: Digest x"], .malformedCredentials),
        ([Self.basic("alice:wrong")], .wrongPassword), ([Self.basic("bob:secret")], .unknownUser),
        (["Authorization: Bearer \(Self.token)0"], .wrongToken),
      ] {
        let reply = try client.ask("GET \(path)", fields)
        #expect(reply.status == 401)
        #expect(reply.text == "Unauthorized\n")
        #expect(reply["WWW-Authenticate"] == "Basic realm=\"promring\", charset=\"UTF-8\"")
        #expect(reply["X-Frame-Options"] == "deny")
        #expect(gatekeeper.refusals[reason] == 1)
      }
    }
  }

  @Test func `the connection of a refused request goes on, its body unread`() throws {
    try serving { server, _, _ in
      let client = try RawClient(server.port)
      #expect(
        try client.ask("POST /echo", [Self.basic("alice:wrong")], body: String(repeating: "x", count: 100_000)).status
          == 401)
      #expect(try client.ask("POST /echo", [], body: "y").status == 401)
      #expect(try client.ask("POST /echo", [Self.right], body: "hello").text == "hello")
      // Whoever asks first is told before it sends anything.
      try client.request("POST /echo", ["Expect: 100-continue", "Content-Length: 500000"])
      #expect(try client.reply().status == 401)
    }
  }

  @Test func `who has permission to send a body is told to once the password is found right`() throws {
    try serving { server, _, _ in
      let client = try RawClient(server.port)
      try client.request("POST /echo", [Self.right, "Expect: 100-continue", "Content-Length: 5"])
      #expect(try client.reply().status == 100)
      try client.send(Array("hello".utf8))
      #expect(try client.reply().text == "hello")
    }
  }

  @Test func `wrong guesses are slowed down by address, and those who are in go on`() throws {
    let clock = Clock()
    try serving(clock: clock) { server, gatekeeper, pool in
      let guesser = try RawClient(server.port)
      for i in 0..<GuessThrottle.burst { #expect(try guesser.ask("GET /", [Self.basic("alice:\(i)")]).status == 401) }
      for i in 0..<100 {
        let reply = try guesser.ask("GET /", [Self.basic("alice:again \(i)")])
        #expect(reply.status == 429)
        #expect(reply["Retry-After"] == "2")
      }
      // Not even the right one is looked at.
      #expect(try guesser.ask("GET /", [Self.right]).status == 429)
      #expect(checked(pool, GuessThrottle.burst))
      #expect(gatekeeper.refusals[.tooManyGuesses] == 101)
      #expect(try guesser.ask("GET /", ["Authorization: Bearer \(Self.token)"]).status == 200)

      clock.pass(GuessThrottle.interval)
      #expect(try guesser.ask("GET /", [Self.right]).status == 200)
      for i in 0..<10 { _ = try guesser.ask("GET /", [Self.basic("alice:once more \(i)")]) }
      #expect(try guesser.ask("GET /", [Self.basic("alice:and more")]).status == 429)
      // This address has logged in as alice before.
      #expect(try guesser.ask("GET /", [Self.right]).status == 200)
    }
  }

  @Test func `equal requests wait for one check, and others are let in meanwhile`() throws {
    try serving(threads: 1) { server, _, pool in
      let insider = try RawClient(server.port)
      #expect(try insider.ask("GET /", [Self.right]).status == 200)
      let gate = Gate()
      #expect(pool.submit { gate.pass() })
      #expect(eventually { pool.active == 1 })
      let waiting = try (0..<5).map { _ in
        let client = try RawClient(server.port)
        try client.request("GET /", [Self.basic("bob:guess")])
        return client
      }
      #expect(eventually { pool.queued == 1 && server.statistics.activeRequests == 5 })
      #expect(try insider.ask("GET /", [Self.right]).status == 200)
      gate.open()
      for client in waiting { #expect(try client.reply().status == 401) }
      #expect(checked(pool, 3))
    }
  }

  @Test func `an address has few passwords checked at once, and the queue is bounded`() throws {
    try serving(threads: 1, queueMax: 2) { server, gatekeeper, pool in
      let gate = Gate()
      #expect(pool.submit { gate.pass() })
      #expect(eventually { pool.active == 1 })
      let waiting = try (0..<2).map { i in
        let client = try RawClient(server.port)
        try client.request("GET /", [Self.basic("alice:\(i)")])
        return client
      }
      #expect(eventually { pool.queued == 2 })
      let refused = try RawClient(server.port).ask("GET /", [Self.basic("alice:another")])
      #expect(refused.status == 503)
      #expect(refused["Retry-After"] == "1")
      #expect(gatekeeper.refusals[.tooManyLogins] == 1)
      gate.open()
      for client in waiting { #expect(try client.reply().status == 401) }
    }
    try serving(threads: 1, queueMax: 100) { server, gatekeeper, pool in
      let gate = Gate()
      #expect(pool.submit { gate.pass() })
      #expect(eventually { pool.active == 1 })
      let waiting = try (0..<Gatekeeper.checksPerAddressMax).map { i in
        let client = try RawClient(server.port)
        try client.request("GET /", [Self.basic("alice:\(i)")])
        return client
      }
      #expect(eventually { pool.queued == Gatekeeper.checksPerAddressMax })
      #expect(try RawClient(server.port).ask("GET /", [Self.basic("alice:another")]).status == 429)
      gate.open()
      for client in waiting { #expect(try client.reply().status == 401) }
    }
  }

  @Test func `a changed password counts at once, an unchanged one stays known`() throws {
    try serving { server, gatekeeper, pool in
      let client = try RawClient(server.port)
      #expect(try client.ask("GET /", [Self.right]).status == 200)
      var accounts = Gatekeeper.Accounts()
      accounts.users[Array("alice".utf8)] = Self.secret
      gatekeeper.replace(accounts, rateLimit: nil)
      #expect(try client.ask("GET /", [Self.right]).status == 200)
      #expect(checked(pool, 1))
      #expect(try client.ask("GET /", ["Authorization: Bearer \(Self.token)"]).status == 401)
      accounts.users[Array("alice".utf8)] = PasswordHash("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")
      gatekeeper.replace(accounts, rateLimit: nil)
      #expect(try client.ask("GET /", [Self.right]).status == 401)
      #expect(try client.ask("GET /", [Self.basic("alice:U*U")]).status == 200)
    }
  }

  @Test func `a rate limit counts before credentials do`() throws {
    let clock = Clock()
    try serving(rateLimit: .init(interval: .seconds(5), burst: 2), clock: clock) { server, gatekeeper, _ in
      let client = try RawClient(server.port)
      #expect(try client.ask("GET /").status == 401)
      #expect(try client.ask("GET /", [Self.right]).status == 200)
      let reply = try client.ask("GET /", [Self.right])
      #expect(reply.status == 429)
      #expect(reply["Retry-After"] == "5")
      clock.pass(.seconds(5))
      #expect(try client.ask("GET /", [Self.right]).status == 200)
      #expect(gatekeeper.refusals[.rateLimit] == 1)
    }
  }

  @Test func `without users and tokens everybody is let in`() throws {
    try serving { server, gatekeeper, _ in
      gatekeeper.replace(Gatekeeper.Accounts(), rateLimit: nil)
      let client = try RawClient(server.port)
      #expect(try client.ask("GET /").text == "in")
    }
  }

  @Test func `stopping does not wait for a password that is being checked`() throws {
    let pool = try WorkerPool(name: "passwords", threads: 1, queueMax: 4)
    let gate = Gate()
    let gatekeeper = Gatekeeper(pool: pool)
    var accounts = Gatekeeper.Accounts()
    accounts.users[Array("alice".utf8)] = Self.secret
    gatekeeper.replace(accounts, rateLimit: nil)
    var hooks = ServerHooks()
    hooks.gatekeeper = gatekeeper
    var router = Router()
    router.get("/", .inline) { _ in .text("in") }
    let server = try Server.start(testSettings(), router: router, hooks: hooks)
    #expect(pool.submit { gate.pass() })
    #expect(eventually { pool.active == 1 })
    let client = try RawClient(server.port)
    try client.request("GET /", [Self.right])
    #expect(eventually { pool.queued == 1 })
    #expect(!server.stop(within: .milliseconds(50)))
    #expect(client.isClosedByServer())
    gate.open()
    #expect(pool.shutdown(within: .seconds(5)))
  }
}
