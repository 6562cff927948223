import Glibc
import HTTPServer
import Synchronization
import Testing
import TimeSeries
import Wire

@testable import Scrape

/// The scraper against a real server.
@Suite struct ScraperTests {
  static let page = "# HELP a A.\n# TYPE a gauge\na 1\nb{x=\"y\"} 2\n"

  @Test func `a target is scraped again and again over one connection`() throws {
    let requests = Mutex<[Request]>([])
    try withPages { router in
      router.get("/metrics", .inline) { request in
        requests.withLock { $0.append(request) }
        return .page(Self.page)
      }
    } _: { server in
      try withScraper([server.target("/metrics")]) { scraper, sink in
        #expect(eventually { sink.scrapes.count >= 5 })
        let status = scraper.statuses[0]
        #expect(status.health == .up && status.lastError == nil && status.scrapes >= 4 && status.failures == 0)
        #expect(status.connections == 1 && status.lastSamples == 2 && status.lastBytes == Self.page.utf8.count)
        #expect(status.job == "test" && status.instance == "here" && status.url.hasSuffix("/metrics"))
        #expect(status.lastDuration > .zero && status.lastDuration < .seconds(1))
        let (last, next) = (try #require(status.lastScrape), try #require(status.nextScrape))
        #expect(next > last && next <= last + 100 + 20_000)
      }
      let scrape = try #require(requests.withLock { $0.first })
      #expect(scrape.headers["User-Agent"] == "promring" && scrape.headers["Accept-Encoding"] == "gzip")
      #expect(scrape.headers["Accept"]?.hasPrefix("application/openmetrics-text;version=1.0.0") == true)
      #expect(scrape.headers["X-Prometheus-Scrape-Timeout-Seconds"] == "0.1")
      #expect(scrape.headers["Authorization"] == nil)
    }
  }

  @Test func `samples have the time at which the scrape began`() throws {
    try withPages { router in
      router.get("/metrics", .inline) { _ in .page(Self.page) }
    } _: { server in
      var now = timespec()
      clock_gettime(CLOCK_REALTIME, &now)
      try withScraper([server.target("/metrics")]) { _, sink in
        #expect(eventually { sink.scrapes.count >= 3 })
        let times = sink.scrapes.map(\.timestamp)
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 < $1 })
        #expect(times[0] >= Int64(now.tv_sec) * 1000 && times[0] < Int64(now.tv_sec) * 1000 + 21_000)
        let scrape = sink.scrapes[0]
        #expect(scrape.job == "test" && scrape.instance == "here" && scrape.isUp)
        #expect(
          scrape.page == [
            "a{instance=\"here\", job=\"test\"}": "1", "b{instance=\"here\", job=\"test\", x=\"y\"}": "2",
          ])
        #expect(scrape.families.map(\.name) == ["a"])
      }
    }
  }

  /// What a path answers, and what comes of it.
  static let answers: [(path: String, response: Response, error: String?)] = [
    ("/text", .page("a 1\n"), nil), ("/text-upper", .page("a 1\n", "Text/Plain ; Version=1.0.0"), nil),
    ("/om", .page("a 1\n# EOF\n", "application/openmetrics-text; version=1.0.0; charset=utf-8"), nil),
    ("/om-cut", .page("a 1\n", "application/openmetrics-text"), "the page is malformed: line 2, column 1: the page"),
    ("/text-as-om", .page("a 1\n# EOF\n", "text/plain"), nil),
    ("/html", .page("<html>", "text/html"), "the answer's Content-Type is text/html, which is no page of metrics"),
    ("/json", .page("{}", "application/json"), "the answer's Content-Type is application/json"),
    ("/none", Response(body: .bytes(Array("a 1\n".utf8))), "the answer has no Content-Type"),
    ("/empty", Response(), nil), ("/garbage", .page("\u{1}\u{2}"), "the page is malformed: line 1, column 1: expected"),
    ("/missing", .text("a 1\n", status: 404), "the server answered with HTTP status 404"),
    ("/broken", .text("a 1\n", status: 500), "the server answered with HTTP status 500"),
    ("/created", .text("a 1\n", status: 201), "the server answered with HTTP status 201"),
    ("/nothing", .noContent, "the server answered with HTTP status 204"),
    ("/huge", .page(String(repeating: "a 1\n", count: 50_000)), "the page is larger than 100000 bytes"),
    ("/huge-error", .text(String(repeating: "a 1\n", count: 50_000), status: 404), "HTTP status 404"),
    ("/moved", .redirect(to: "/text"), nil), ("/loop", .redirect(to: "/loop"), "Maximum (10) redirects followed"),
    ("/elsewhere", .redirect(to: "file:///etc/passwd"), "Protocol \"file\" not supported"),
  ]

  @Test func `each kind of answer comes to what it should`() throws {
    try withPages { router in
      for answer in Self.answers { router.get(answer.path, .inline) { _ in answer.response } }
    } _: { server in
      let targets = Self.answers.map { answer in
        var target = server.target(answer.path, every: .milliseconds(500))
        target.instance = answer.path
        target.bodyBytesMax = 100_000
        return target
      }
      try withScraper(targets) { scraper, sink in
        #expect(eventually { scraper.statuses.allSatisfy { $0.scrapes >= 2 } })
        for (answer, status) in zip(Self.answers, scraper.statuses) {
          if let error = answer.error {
            #expect(status.lastError?.contains(error) == true, "\(answer.path): \(status.lastError ?? "")")
            #expect(status.health == .down && status.failures == status.scrapes, "\(answer.path)")
          } else {
            #expect(status.health == .up && status.lastError == nil, "\(answer.path): \(status.lastError ?? "")")
          }
          let scrapes = sink.scrapes.filter { $0.instance == answer.path }
          let hasSample = answer.error == nil && answer.path != "/empty"
          #expect(scrapes.allSatisfy { $0.page.count == (hasSample ? 1 : 0) }, "\(answer.path)")
          #expect(scrapes.allSatisfy { $0.own("up") == (answer.error == nil ? "1" : "0") }, "\(answer.path)")
        }
      }
    }
  }

  @Test func `an answer that does not count is read if it is short, as its connection can be used again then`() throws {
    try withPages { router in
      router.get("/missing", .inline) { _ in .text("a 1\n", status: 404) }
    } _: { server in
      // Alone, as targets of one server take the connection that is free.
      try withScraper([server.target("/missing", every: .seconds(1))]) { scraper, _ in
        #expect(eventually { scraper.statuses[0].failures >= 2 })
        #expect(scraper.statuses[0].connections == 1)
      }
    }
  }

  @Test func `a redirection is an error if it is not to be followed`() throws {
    try withPages { router in
      router.get("/moved", .inline) { _ in .redirect(to: "/text") }
    } _: { server in
      var target = server.target("/moved")
      target.followRedirects = false
      try withScraper([target]) { scraper, _ in
        #expect(eventually { scraper.statuses[0].lastError == "the server answered with HTTP status 302" })
      }
    }
  }

  @Test func `a fallback format reads what has no type`() throws {
    try withPages { router in
      router.get("/metrics", .inline) { _ in .page("a 1\n", "application/json") }
    } _: { server in
      var target = server.target("/metrics")
      target.fallbackFormat = .text004
      try withScraper([target]) { scraper, _ in #expect(eventually { scraper.statuses[0].health == .up }) }
    }
  }

  @Test func `packed pages are unpacked, within the limit`() throws {
    let pool = try WorkerPool(name: "pages", threads: 1, queueMax: 10)
    defer { pool.shutdown(within: .seconds(5)) }
    let small = "a 1\n" + (0..<2000).map { "b{x=\"\($0)\"} 1\n" }.joined()
    let bomb = "# " + String(repeating: "x", count: 20 << 20) + "\n"
    let packed = Mutex(0)
    try withPages { router in
      router.get("/small", .pooled(pool)) { request in
        if request.headers["Accept-Encoding"] == "gzip" { packed.withLock { $0 += 1 } }
        return .page(small)
      }
      router.get("/bomb", .pooled(pool)) { _ in .page(bomb) }
    } _: { server in
      var targets = ["/small", "/bomb"].map { server.target($0, every: .seconds(2)) }
      for i in targets.indices { targets[i].bodyBytesMax = 1 << 20 }
      try withScraper(targets) { scraper, _ in
        #expect(eventually { scraper.statuses.allSatisfy { $0.health != .unknown } })
        #expect(scraper.statuses[0].lastSamples == 2001 && scraper.statuses[0].lastBytes == small.utf8.count)
        #expect(scraper.statuses[1].lastError == "the page is larger than 1048576 bytes")
        #expect(packed.withLock { $0 } >= 1)
      }
    }
  }

  @Test func `all pages together have a limit`() throws {
    try withPages { router in
      router.get("/metrics", .inline) { _ in .page(String(repeating: "a 1\n", count: 50_000)) }
    } _: { server in
      var settings = ScraperSettings()
      settings.bodiesBytesMax = 100_000
      try withScraper([server.target("/metrics")], settings: settings) { scraper, _ in
        // On a machine that is busy a scrape may be too late before it is too large.
        let tooLarge = "all pages that are being read together are larger than 100000 bytes"
        #expect(eventually { scraper.statuses[0].failures >= 3 && scraper.statuses[0].lastError == tooLarge })
      }
    }
  }

  @Test func `series that vanish end, and all do when the target fails`() throws {
    let page = Mutex<String?>("a 1\nb 1\n")
    try withPages { router in
      router.get("/metrics", .inline) { _ in page.withLock { $0 }.map { .page($0) } ?? .text("", status: 503) }
    } _: { server in
      try withScraper([server.target("/metrics")]) { _, sink in
        let rest = "{instance=\"here\", job=\"test\"}"
        #expect(eventually { sink.scrapes.last?.page["b" + rest] == "1" })
        page.withLock { $0 = "a 2\n" }
        #expect(eventually { sink.scrapes.last?.page == ["a" + rest: "2"] })
        page.withLock { $0 = nil }
        #expect(eventually { sink.scrapes.last?.isUp == false && sink.scrapes.last?.page.isEmpty == true })
        let ends = sink.scrapes.flatMap { scrape in scrape.page.filter { $0.value == "stale" }.map(\.key) }
        #expect(ends == ["b" + rest, "a" + rest])
      }
    }
  }

  @Test func `what the sink does not take is counted and shown`() throws {
    try withPages { router in
      router.get("/metrics", .inline) { _ in .page(Self.page) }
    } _: { server in
      let sink = ScrapeCollector()
      sink.answer(.notTaken(reason: "no room"))
      try withScraper([server.target("/metrics")], sink: sink) { scraper, sink in
        #expect(eventually { scraper.statuses[0].notTaken >= 3 })
        #expect(scraper.statuses[0].lastNotTaken == "no room" && scraper.statuses[0].health == .up)
        sink.answer(.taken)
        let count = sink.scrapes.count
        #expect(eventually { sink.scrapes.count > count + 2 })
        let status = scraper.statuses[0]
        #expect(status.scrapes > status.notTaken)
      }
    }
  }
}
