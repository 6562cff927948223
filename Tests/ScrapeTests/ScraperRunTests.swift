import Dispatch
import Glibc
import HTTPServer
import Synchronization
import Testing
import TimeSeries
import Wire

@testable import Scrape

/// Who waits for whom, who is told what, and how it ends.
@Suite struct ScraperRunTests {
  @Test func `a target that does not answer holds up no other`() throws {
    let gate = DispatchSemaphore(value: 0)
    let pool = try WorkerPool(name: "slow", threads: 1, queueMax: 100)
    defer { pool.shutdown(within: .seconds(5)) }
    defer { gate.signal() }
    try withPages { router in
      router.get("/slow", .pooled(pool)) { _ in
        gate.wait()
        gate.signal()
        return .page("a 1\n")
      }
      router.get("/fast", .inline) { _ in .page("a 1\n") }
    } _: { server in
      let targets = [server.target("/slow", every: .seconds(1)), server.target("/fast")]
      try withScraper(targets) { scraper, _ in
        #expect(eventually { scraper.statuses[0].failures >= 1 })
        let (slow, fast) = (scraper.statuses[0], scraper.statuses[1])
        #expect(slow.lastError == "no complete answer within 1.0 seconds" && slow.health == .down)
        #expect(slow.lastDuration >= .milliseconds(990))
        // It is a busy machine that does not get to a third of what is due in that second.
        #expect(fast.scrapes - fast.failures >= 3)
        gate.signal()
        #expect(eventually { scraper.statuses[0].health == .up })
      }
    }
  }

  @Test func `nobody there is an error in a few words`() throws {
    var targets = ["http://127.0.0.1:1/", "http://nobody.invalid/"].map { ScrapeTarget(url: $0, job: "j") }
    for i in targets.indices {
      targets[i].interval = .seconds(2)
      targets[i].timeout = .seconds(2)
    }
    try withScraper(targets) { scraper, sink in
      #expect(eventually { scraper.statuses.allSatisfy { $0.health == .down } })
      #expect(scraper.statuses[0].lastError?.contains("Failed to connect to 127.0.0.1 port 1") == true)
      let unknown = scraper.statuses[1].lastError
      #expect(unknown == "Could not resolve host: nobody.invalid" || unknown?.hasPrefix("no complete answer") == true)
      #expect(sink.scrapes.allSatisfy { $0.own("up") == "0" && $0.count == 5 })
    }
  }

  @Test func `credentials are sent to the host of the URL alone`() throws {
    let seen = Mutex<[String: String]>([:])
    let other = Mutex<UInt16>(0)
    try withPages { router in
      for path in ["/basic", "/bearer", "/file", "/landing"] {
        router.get(path, .inline) { request in
          seen.withLock { $0[path] = request.headers["Authorization"] ?? "none" }
          return .page("a 1\n")
        }
      }
      // `localhost` is another host than 127.0.0.1.
      for kind in ["basic", "bearer"] {
        router.get("/away-\(kind)", .inline) { request in
          seen.withLock { $0["/away-\(kind)"] = request.headers["Authorization"] ?? "none" }
          return .redirect(to: "http://localhost:\(other.withLock { $0 })/landing-\(kind)")
        }
        router.get("/landing-\(kind)", .inline) { request in
          seen.withLock { $0["/landing-\(kind)"] = request.headers["Authorization"] ?? "none" }
          return .page("a 1\n")
        }
      }
    } _: { server in
      other.withLock { $0 = server.port }
      let path = "/tmp/promring-token-\(getpid())"
      defer { unlink(path) }
      let file = try #require(fopen(path, "w"))
      fputs("from file\n", file)
      fclose(file)
      let basic = ScrapeAuthorization.basic(user: "Aladdin", password: .text("open sesame"))
      let bearer = ScrapeAuthorization.bearer(.text("token"))
      let targets = [
        ("/basic", basic), ("/bearer", bearer), ("/file", .credentials(type: "Custom", .file(path))),
        ("/away-basic", basic), ("/away-bearer", bearer),
      ].map { path, authorization in
        var target = server.target(path, every: .seconds(2))
        target.authorization = authorization
        return target
      }
      try withScraper(targets) { scraper, _ in
        #expect(eventually { scraper.statuses.allSatisfy { $0.health == .up } })
        #expect(scraper.statuses.map(\.lastError) == [nil, nil, nil, nil, nil])
      }
      #expect(
        seen.withLock { $0 } == [
          "/basic": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "/bearer": "Bearer token", "/file": "Custom from file",
          "/away-basic": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "/away-bearer": "Bearer token",
          "/landing-basic": "none", "/landing-bearer": "none",
        ])
    }
  }

  @Test func `a secret that cannot be read fails the scrape, and says no more than the file's name`() throws {
    try withPages { router in
      router.get("/metrics", .inline) { _ in .page("a 1\n") }
    } _: { server in
      var target = server.target("/metrics")
      target.authorization = .bearer(.file("/nonexistent/token"))
      try withScraper([target]) { scraper, sink in
        #expect(eventually { scraper.statuses[0].failures >= 2 })
        #expect(
          scraper.statuses[0].lastError
            == "the secret in /nonexistent/token cannot be read: No such file or directory")
        #expect(sink.scrapes.allSatisfy { $0.own("up") == "0" })
      }
    }
  }

  @Test func `targets come, change and go while others run`() throws {
    try withPages { router in
      for name in ["a", "b", "c"] { router.get("/\(name)", .inline) { _ in .page("\(name) 1\n") } }
    } _: { server in
      let (a, b, c) = (server.target("/a"), server.target("/b"), server.target("/c"))
      try withScraper([a, b]) { scraper, sink in
        #expect(eventually { scraper.statuses.count == 2 && scraper.statuses.allSatisfy { $0.scrapes >= 2 } })
        var changed = b
        changed.interval = .milliseconds(130)
        changed.sampleLimit = 5
        let before = scraper.statuses[1].scrapes
        try scraper.update([c, changed])
        #expect(eventually { scraper.statuses.map(\.url) == [c.url, b.url] && scraper.statuses[0].scrapes >= 2 })
        #expect(scraper.statuses[1].scrapes >= before && scraper.statuses[1].interval == .milliseconds(130))
        let rest = "{instance=\"here\", job=\"test\"}"
        let ends = sink.scrapes.filter { $0.content.values.contains("stale") }
        #expect(ends.count == 1 && ends[0].url == a.url && ends[0].count == 6 && ends[0].page == ["a" + rest: "stale"])
        #expect(throws: ScrapeTargetError.self) { try scraper.update([a, a]) }
        #expect(scraper.statuses.count == 2)
        try scraper.update([])
        #expect(eventually { scraper.statuses.isEmpty })
        #expect(eventually { sink.scrapes.filter { $0.content["up" + rest] == "stale" }.count == 3 })
      }
    }
  }

  @Test func `stopping does not wait for targets, and ends no series`() throws {
    let gate = DispatchSemaphore(value: 0)
    let arrived = Mutex(0)
    let pool = try WorkerPool(name: "slow", threads: 1, queueMax: 100)
    defer { pool.shutdown(within: .seconds(5)) }
    defer { gate.signal() }
    try withPages { router in
      router.get("/slow", .pooled(pool)) { _ in
        arrived.withLock { $0 += 1 }
        gate.wait()
        gate.signal()
        return .page("a 1\n")
      }
      router.get("/fast", .inline) { _ in .page("a 1\n") }
    } _: { server in
      let sink = ScrapeCollector()
      let scraper = try Scraper(sink: sink)
      var slow = server.target("/slow", every: .milliseconds(100))
      slow.interval = .seconds(1)
      slow.timeout = .seconds(1)
      try scraper.update([slow, server.target("/fast")])
      #expect(eventually { arrived.withLock { $0 } == 1 && sink.scrapes.count >= 2 })
      let began = ContinuousClock.now
      #expect(scraper.stop(within: .seconds(5)))
      #expect(began.duration(to: .now) < .seconds(1))
      #expect(scraper.stop(within: .zero))
      let count = sink.scrapes.count
      #expect(sink.scrapes.allSatisfy { !$0.content.values.contains("stale") })
      try scraper.update([])
      #expect(sink.scrapes.count == count)
    }
  }

  @Test func `a scraper that is released stops`() throws {
    let sink = ScrapeCollector()
    var scraper: Scraper? = try Scraper(sink: sink)
    let core = WeakReference(try #require(scraper).core)
    scraper = nil
    #expect(eventually { core.object == nil })
  }

  @Test func `many targets have a connection each that stays`() throws {
    try withPages { router in
      router.get("/{name}", .inline) { _ in .page("a 1\n") }
    } _: { server in
      let targets = (0..<60).map { server.target("/\($0)", every: .seconds(1)) }
      try withScraper(targets) { scraper, _ in
        #expect(eventually { scraper.statuses.allSatisfy { $0.scrapes >= 2 } })
        #expect(scraper.statuses.allSatisfy { $0.health == .up })
        #expect(scraper.statuses.reduce(0) { $0 + $1.connections } <= 60)
      }
    }
  }
}

private final class WeakReference {
  weak let object: ScrapeCore?
  init(_ object: ScrapeCore) { self.object = object }
}
