import Glibc
import Testing
import TimeSeries

@testable import Scrape

@Suite struct TargetLabelTests {
  static func attach(_ page: [(String, String)], _ target: [(String, String)], honor: Bool) -> String {
    let labels = TargetLabels(LabelSet(target.map { Label($0.0, $0.1) }), honorLabels: honor)
    let set = LabelSet(sorted: page.map { Label($0.0, $0.1) }.sorted())
    return set.withLabelBytes { page in
      labels.series(page).withLabels { LabelSet(copying: $0).description }
    }
  }

  @Test(arguments: [
    ([("__name__", "a")], false, "a{instance=\"i\", job=\"j\"}"),
    ([("__name__", "a"), ("job", "x")], false, "a{exported_job=\"x\", instance=\"i\", job=\"j\"}"),
    ([("__name__", "a"), ("job", "x")], true, "a{instance=\"i\", job=\"x\"}"),
    ([("__name__", "a"), ("job", "")], false, "a{instance=\"i\", job=\"j\"}"),
    ([("__name__", "a"), ("job", "")], true, "a{instance=\"i\"}"),
    (
      [("__name__", "a"), ("exported_job", "y"), ("job", "x")], false,
      "a{exported_exported_job=\"x\", exported_job=\"y\", instance=\"i\", job=\"j\"}"
    ),
    (
      [("__name__", "a"), ("exported_job", ""), ("job", "x")], false,
      "a{exported_job=\"x\", instance=\"i\", job=\"j\"}"
    ),
    ([("__name__", "a"), ("zone", ""), ("a", "1")], true, "a{a=\"1\", instance=\"i\", job=\"j\"}"),
  ])
  func `labels that clash are renamed, or stay if they are honoured`(
    page: [(String, String)], honor: Bool, series: String
  ) {
    #expect(Self.attach(page, [("job", "j"), ("instance", "i")], honor: honor) == series)
  }

  @Test func `the shorter of two names is renamed first`() {
    let series = Self.attach(
      [("__name__", "a"), ("exported_job", "y"), ("job", "x")], [("exported_job", "E"), ("job", "J")], honor: false)
    #expect(
      series
        == "a{exported_exported_exported_job=\"y\", exported_exported_job=\"x\", exported_job=\"E\", job=\"J\"}")
  }
}

@Suite struct ScheduleTests {
  static let second: Int64 = 1_000_000_000

  @Test func `a target is due at the same moment of its interval whenever it begins`() {
    let seed = Schedule.seed(["http://a/metrics", "job", "x"])
    let moments = (0..<50).map { i -> Int64 in
      let wall = 1_700_000_000 * Self.second + Int64(i) * 1_234_567_891
      let schedule = Schedule(interval: .seconds(15), seed: seed, now: 77, wallNow: wall)
      #expect(schedule.due >= 77 && schedule.due < 77 + 15 * Self.second)
      return (wall + schedule.due - 77) % (15 * Self.second)
    }
    #expect(Set(moments).count == 1)
  }

  @Test func `targets are spread over the interval`() {
    var counts = [Int](repeating: 0, count: 10)
    for i in 0..<1000 {
      let seed = Schedule.seed(["http://host-\(i):9100/metrics"])
      let schedule = Schedule(interval: .seconds(10), seed: seed, now: 0, wallNow: 1_700_000_000 * Self.second)
      counts[Int(schedule.due / Self.second)] += 1
    }
    #expect(counts.allSatisfy { (60...140).contains($0) }, "\(counts)")
  }

  @Test func `what is missed is counted and not made up for`() {
    var schedule = Schedule(interval: .seconds(1), seed: 0, now: 0, wallNow: 10 * Self.second)
    #expect(schedule.due == 0)
    #expect(schedule.advance(now: 5) == 0)
    #expect(schedule.due == Self.second)
    #expect(schedule.advance(now: 4 * Self.second + 5) == 3)
    #expect(schedule.due == 5 * Self.second)
  }

  @Test func `timestamps are the planned ones if the scrape is hardly late`() {
    let begin = 1_700_000_000 * Self.second
    var schedule = Schedule(interval: .seconds(1), seed: 0, now: 0, wallNow: begin)
    #expect(schedule.timestamp(wallNow: begin + 1_900_000) == 1_700_000_000_000)
    #expect(schedule.timestamp(wallNow: begin + 2_100_000) == 1_700_000_000_002)
    #expect(schedule.timestamp(wallNow: begin - 5_000_000) == 1_699_999_999_995)
    _ = schedule.advance(now: 0)
    #expect(schedule.timestamp(wallNow: begin + Self.second + 1_000_000) == 1_700_000_001_000)
    let short = Schedule(interval: .milliseconds(20), seed: 0, now: 0, wallNow: begin)
    #expect(short.timestamp(wallNow: begin + 1_000_000) == 1_700_000_000_001)
  }
}

@Suite struct TargetCheckTests {
  @Test(arguments: [
    ("http://localhost/metrics", "localhost:80"), ("https://example.org/x?y=z", "example.org:443"),
    ("http://10.0.0.1:9100", "10.0.0.1:9100"), ("http://[::1]:80/metrics", "[::1]:80"), ("HTTP://Host:1/", "Host:1"),
  ])
  func `the instance is host and port`(url: String, instance: String) throws {
    #expect(try ResolvedTarget(ScrapeTarget(url: url, job: "j")).labels["instance"] == instance)
  }

  @Test(arguments: [
    ("", "scrape target : "), ("localhost:80", "scrape target localhost:80: "), ("ftp://a/", "has to begin"),
    ("file:///etc/passwd", "has to begin"), ("http://", "scrape target http://: "),
    ("http://a:99999/", "Port number"), ("http://user:pw@a/", "http://<secret>@a/: user and password do not belong"),
    ("http://pw@a:9/", "http://<secret>@a:9/: user and password do not belong"), ("http://a b/", "scrape target"),
  ])
  func `a URL that cannot be scraped is refused`(url: String, message: String) {
    let error = #expect(throws: ScrapeTargetError.self) { try ResolvedTarget(ScrapeTarget(url: url, job: "j")) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains("pw") != true)
  }

  static let wrong: [(@Sendable (inout ScrapeTarget) -> Void, String)] = [
    ({ $0.job = "" }, "it needs a job"),
    ({ $0.timeout = .seconds(61) }, "a timeout of 61.0 seconds is not between 1 ms and the interval of 60.0 seconds"),
    ({ $0.timeout = .zero }, "a timeout of"),
    ({ $0.interval = .zero }, "an interval of 0.0 seconds is not between 10 ms and a year"),
    ({ $0.bodyBytesMax = 0 }, "the limit bodyBytesMax is too small"),
    ({ $0.sampleLimit = -1 }, "the limit sampleLimit is too small"),
    ({ $0.labelsMax = 0 }, "the limit labelsMax is too small"),
    ({ $0.labels = [Label("job", "x")] }, "label \"job\" is there already"),
    ({ $0.labels = [Label("a", "x"), Label("a", "y")] }, "label \"a\" is there already"),
    ({ $0.labels = [Label("__name__", "x")] }, "label \"__name__\" is reserved"),
    ({ $0.labels = [Label("", "x")] }, "label \"\" has no name"),
    ({ $0.authorization = .basic(user: "a:b", password: .text("geheim")) }, "neither a colon"),
    ({ $0.authorization = .bearer(.text("geheim\r\nX: y")) }, "control character"),
    ({ $0.authorization = .bearer(.file("")) }, "no name"),
    ({ $0.authorization = .credentials(type: "Basic", .text("geheim")) }, "give user and password"),
    ({ $0.authorization = .credentials(type: "a b", .text("geheim")) }, "\"a b\" is no type"),
    ({ $0.tls.certificateFile = "c.pem" }, "a certificate needs its key"),
    ({ $0.tls.caFile = "" }, "neither a file nor a name"),
  ]

  @Test(arguments: wrong.indices)
  func `settings that make no sense are refused`(index: Int) {
    var target = ScrapeTarget(url: "http://a/metrics", job: "j")
    Self.wrong[index].0(&target)
    let error = #expect(throws: ScrapeTargetError.self) { try Scraper.check([target]) }
    #expect(error?.description.contains(Self.wrong[index].1) == true, "\(error?.description ?? "")")
    #expect(error?.description.hasPrefix("scrape target http://a/metrics: ") == true)
    #expect(error?.description.contains("geheim") != true)
  }

  @Test func `two targets of the same series are refused`() {
    let target = ScrapeTarget(url: "http://a/metrics", job: "j")
    var other = target
    other.interval = .seconds(10)
    #expect(throws: ScrapeTargetError.repeated(url: "http://a/metrics")) { try Scraper.check([target, other]) }
    other.labels = [Label("x", "y")]
    #expect(throws: Never.self) { try Scraper.check([target, other]) }
  }

  @Test func `secrets are never printed`() {
    var target = ScrapeTarget(url: "http://a/metrics", job: "j")
    target.authorization = .basic(user: "u", password: .text("geheim"))
    var printed = ""
    dump(target, to: &printed)
    print(target, to: &printed)
    debugPrint(target, to: &printed)
    debugPrint(target.authorization as Any, to: &printed)
    #expect(printed.contains("u") && !printed.contains("geheim"))
    #expect(ScrapeSecret.file("/run/x").description == "<secret in /run/x>")
  }

  @Test func `a server name stands in the URL, and the address beside it`() throws {
    var tls = ScrapeTLS()
    tls.serverName = "inner.example"
    var target = ScrapeTarget(url: "https://10.0.0.1:8443/m?x=1#y", job: "j")
    target.tls = tls
    let url = try ResolvedTarget(target).url
    #expect(url.request == "https://inner.example:8443/m?x=1")
    #expect(url.connectTo == "inner.example:8443:10.0.0.1:8443" && url.hostField == "10.0.0.1:8443")
    #expect(url.authority == "10.0.0.1:8443")
  }

  @Test func `a secret's file is read without the white space around it`() throws {
    let path = "/tmp/promring-secret-\(getpid())"
    defer { unlink(path) }
    func write(_ text: String) throws {
      let file = try #require(fopen(path, "w"))
      fputs(text, file)
      fclose(file)
    }
    try write(" \n abc def \r\n")
    #expect(try ScrapeSecret.file(path).read() == "abc def")
    try write("ab\nc\n")
    #expect(throws: ScrapeError.secret(file: path, reason: "has a control character in it")) {
      try ScrapeSecret.file(path).read()
    }
    unlink(path)
    let error = #expect(throws: ScrapeError.self) { try ScrapeSecret.file(path).read() }
    #expect(error?.description == "the secret in \(path) cannot be read: No such file or directory")
  }
}
