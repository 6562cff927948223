import HTTPServer
import SampleBuffer
import Testing
import TimeSeries

@testable import Gateway

@Suite struct LiveTests {
  // MARK: The log

  /// Appends so many arrivals of one series, with the times 1, 2, 3 and so on.
  private static func append(_ count: Int, to log: ArrivalLog, from first: Int = 1) {
    var batch = SampleBatch()
    for i in 0..<count {
      batch.append(SeriesToken(ref: 7, generation: 1), timestamp: Int64(first + i), bits: 0, position: 0)
    }
    log.append(batch, (0..<count).map { UInt16($0) })
  }

  @Test func `nothing is kept while nobody wants it`() throws {
    let log = ArrivalLog(capacity: 8)
    Self.append(3, to: log)
    var arrivals: [Arrival] = []
    #expect(log.read(from: 1, into: &arrivals) == 1)
    #expect(arrivals.isEmpty)
  }

  @Test func `arrivals have numbers in their order`() throws {
    let log = ArrivalLog(capacity: 8)
    log.isWanted = true
    let first = log.next
    Self.append(5, to: log)
    var arrivals: [Arrival] = []
    #expect(log.read(from: first + 2, max: 2, into: &arrivals) == first + 2)
    #expect(arrivals.map(\.timestamp) == [3, 4])
    #expect(log.next == first + 5)
    #expect(log.holds(from: first) && log.holds(from: first + 5) && !log.holds(from: first + 6))
  }

  @Test func `only what the buffer took is logged`() throws {
    let log = ArrivalLog(capacity: 8)
    log.isWanted = true
    var batch = SampleBatch()
    for i in 0..<4 { batch.append(SeriesToken(ref: 7, generation: 1), timestamp: Int64(i), bits: 0, position: 0) }
    log.append(batch, [3, 1])
    var arrivals: [Arrival] = []
    _ = log.read(from: 1, into: &arrivals)
    #expect(arrivals.map(\.timestamp) == [3, 1])
  }

  @Test func `the oldest go when it is full`() throws {
    let log = ArrivalLog(capacity: 8)
    log.isWanted = true
    let first = log.next
    Self.append(20, to: log)
    var arrivals: [Arrival] = []
    #expect(log.read(from: first, into: &arrivals) == first + 12)
    #expect(arrivals.map(\.timestamp) == Array(13...20))
    #expect(!log.holds(from: first + 11) && log.holds(from: first + 12))
  }

  @Test func `what came before it was turned off is known to be gone`() throws {
    let log = ArrivalLog(capacity: 8)
    log.isWanted = true
    Self.append(3, to: log)
    let next = log.next
    log.isWanted = false
    log.isWanted = true
    #expect(!log.holds(from: next))
    Self.append(1, to: log, from: 9)
    var arrivals: [Arrival] = []
    #expect(log.read(from: next, into: &arrivals) > next)
    #expect(arrivals.map(\.timestamp) == [9])
  }

  // MARK: Who is interested

  private static func token(_ labels: [String: String], _ bench: APIBench) throws -> SeriesToken {
    try LabelSet(labels.map { Label($0.key, $0.value) }).withLabelBytes { try bench.api.buffer.series($0) }
  }

  @Test func `series that were there before and series that come later are told apart alike`() throws {
    let bench = try APIBench()
    let jobs = ["a", "b", "c"]
    let before = try jobs.map { try Self.token(["__name__": "up", "job": $0], bench) }
    try bench.append(jobs.map { ["__name__": "up", "job": $0] })
    var interest = LiveInterest(bench.api.buffer)
    let a = interest.add([[Matcher("job", equals: "a")]])
    let notB = interest.add([[Matcher("__name__", equals: "up"), try Matcher("job", .notEqual, "b")]])
    let either = interest.add([[Matcher("job", equals: "b")], [try Matcher("job", .regexMatch, "c|d")]])
    #expect(before.map { interest.selections(of: $0) } == [[a, notB], [either], [notB, either]])
    let later = try ["a", "b", "c"].map { try Self.token(["__name__": "up", "job": $0, "new": "yes"], bench) }
    #expect(later.map { interest.selections(of: $0) } == [[a, notB], [either], [notB, either]])
    // One more, with all of them known by now.
    let new = interest.add([[Matcher("new", equals: "yes")]])
    #expect(later.map { interest.selections(of: $0) } == [[a, notB, new], [either, new], [notB, either, new]])
    #expect(interest.selections(of: before[1]) == [either])
  }

  @Test func `a slot that another series has got is looked at anew`() throws {
    let bench = try APIBench()
    let old = try Self.token(["__name__": "up", "job": "a"], bench)
    var interest = LiveInterest(bench.api.buffer)
    let a = interest.add([[Matcher("job", equals: "a")]])
    #expect(interest.selections(of: old) == [a])
    #expect(interest.selections(of: SeriesToken(ref: old.ref, generation: old.generation &+ 1)) == [])
  }

  @Test func `selections that come and go leave no trace`() throws {
    let bench = try APIBench()
    let up = try Self.token(["__name__": "up"], bench)
    try bench.append([["__name__": "up"]])
    var interest = LiveInterest(bench.api.buffer)
    let stays = interest.add([[Matcher("__name__", equals: "up")]])
    for _ in 0..<500 { interest.remove(interest.add([[Matcher("__name__", equals: "up")]])) }
    let last = interest.add([[Matcher("__name__", equals: "up")]])
    let known = Set(interest.selections(of: up))
    #expect(known.isSuperset(of: [stays, last]))
    #expect(known.count < 300, "numbers that are gone are forgotten now and then")
  }

  // MARK: Clients

  @Test(arguments: [
    ("lx3k-17-1700000000000", true), ("lx3k-17", false), ("lx3k-17-x", false), ("lx3k--1-5", false), ("", false),
    ("a-9223372036854775807-1", false), ("a-1-2-3", false),
  ])
  func `the id of an event reads back`(text: String, isOne: Bool) throws {
    let event = LiveEventID(text)
    #expect((event != nil) == isOne)
    if let event { #expect(event.description == text) }
  }

  @Test func `a client that has no room misses samples, and they are counted`() throws {
    let stream = EventStream(queueBytesMax: 100)
    let client = LiveClient(stream, .sse)
    client.send([UInt8](repeating: 0x61, count: 90), samples: 1, 0)
    #expect(client.takeMissedCount() == 0)
    client.send([UInt8](repeating: 0x61, count: 90), samples: 3, 0)
    client.send([UInt8](repeating: 0x61, count: 90), samples: 4, 0)
    #expect(client.takeMissedCount() == 7)
    #expect(client.takeMissedCount() == 0, "each is counted once")
    #expect(stream.queuedBytes == 90)
  }

  @Test func `a client that comes back goes on in the log, or else in the buffer`() throws {
    let bench = try APIBench()
    try bench.append([["__name__": "up"]])
    let log = ArrivalLog(capacity: 8)
    log.isWanted = true
    let first = log.next
    Self.append(4, to: log)
    func position(_ start: LiveStart) -> LiveClient.Position {
      let client = LiveClient(EventStream(), .sse)
      client.start(
        start, run: "this", head: log.next, log: log, clock: { APIBench.now }, bench.api.buffer,
        [[Matcher("__name__", equals: "up")]])
      return client.position
    }
    func event(_ run: String, _ number: Int) -> LiveStart {
      .after(LiveEventID(run: run, number: number, sentAt: APIBench.now))
    }
    guard case .log(let next) = position(event("this", first + 1)) else { return Issue.record("not from the log") }
    #expect(next == first + 2)
    guard case .buffer(let other) = position(event("other", first + 1)) else {
      return Issue.record("of another process")
    }
    #expect(!other.isEmpty && other.logNext == log.next)
    guard case .buffer = position(event("this", first - 5)) else { return Issue.record("no longer in the log") }
    guard case .live = position(.now) else { return Issue.record("not live") }
  }

  @Test func `a backlog holds the samples of its time, series by series`() throws {
    let bench = try APIBench()
    try bench.append([["__name__": "up", "job": "a"], ["__name__": "up", "job": "b"]], ago: 1000, value: 1)
    try bench.append([["__name__": "up", "job": "a"]], ago: 90_000, value: 2)
    var backlog = LiveBacklog(
      bench.api.buffer, [[Matcher("__name__", equals: "up")]], from: APIBench.now - 60_000, logNext: 5)
    var values: [Double] = []
    while !backlog.isEmpty { values += backlog.next(bench.api.buffer).map { Double(bitPattern: $0.arrival.bits) } }
    #expect(values == [1, 1])
  }

  // MARK: Requests

  @Test func `requests are read, and refused with the reason`() throws {
    let bench = try APIBench()
    defer { bench.api.live.stop() }
    func ask(_ target: String, _ headers: HeaderFields = [:]) throws -> Response {
      try bench.api.liveSamples(Request(target: "/api/v1/samples/stream" + target, headers: headers))
    }
    #expect(try ask("?job=a").headers["Content-Type"] == "text/event-stream")
    #expect(try ask("?job=a", ["Accept": "application/x-ndjson"]).headers["Content-Type"] == "application/x-ndjson")
    #expect(try ask("?match[]=up&format=ndjson&since=1m").headers["Content-Type"] == "application/x-ndjson")
    for wrong in ["", "?match[]=%7B%7D", "?job=a&format=csv", "?job=a&since=-1", "?job=a&last_event_id=nonsense"] {
      #expect(throws: HTTPError.self, "\(wrong)") { try ask(wrong) }
    }
  }
}
