import HTTPServer
import SampleBuffer
import Synchronization
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
    let client = LiveClient(stream, .sse, at: .live, 0)
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
      LiveClient.position(
        start, run: "this", logNext: log.next, log, bench.api.buffer, [[Matcher("__name__", equals: "up")]])
    }
    func event(_ run: String, _ number: Int) -> LiveStart {
      .after(LiveEventID(run: run, number: number, sentAt: APIBench.now))
    }
    guard case .log(let next) = position(event("this", first + 1)) else {
      Issue.record("not from the log")
      return
    }
    #expect(next == first + 2)
    guard case .buffer(var other) = position(event("other", first + 1)) else {
      Issue.record("not from the buffer, of another process")
      return
    }
    #expect(other.logNext == log.next && other.next(bench.api.buffer, max: 5).count == 1)
    guard case .buffer = position(event("this", first - 5)) else {
      Issue.record("not from the buffer, though no longer in the log")
      return
    }
    guard case .log(log.next) = position(.now) else {
      Issue.record("not from now on")
      return
    }
  }

  @Test func `a backlog holds the samples of its time, series by series`() throws {
    let bench = try APIBench()
    try bench.append([["__name__": "up", "job": "a"], ["__name__": "up", "job": "b"]], ago: 1000, value: 1)
    try bench.append([["__name__": "up", "job": "a"]], ago: 90_000, value: 2)
    var backlog = LiveBacklog(
      bench.api.buffer, [[Matcher("__name__", equals: "up")]], from: APIBench.now - 60_000, logNext: 5)
    let events = Self.all(of: &backlog, bench)
    #expect(events.map { Double(bitPattern: $0.arrival.bits) } == [1, 1])
  }

  /// Everything that a backlog has, told a few at a time.
  private static func all(of backlog: inout LiveBacklog, _ bench: APIBench) -> [LiveEvent] {
    var events: [LiveEvent] = []
    while true {
      let part = backlog.next(bench.api.buffer, max: 7)
      #expect(part.count <= 7)
      if part.isEmpty { return events }
      events += part
    }
  }

  @Test func `a backlog of long series is told in parts, with nothing left out or told twice`() throws {
    let bench = try APIBench()
    let writer = SampleBuffer.Writer(bench.api.buffer)
    for job in ["a", "b", "c"] {
      let token = try Self.token(["__name__": "up", "job": job], bench)
      for part in 0..<3 {
        var batch = SampleBatch()
        for i in (part * 500)..<(part * 500 + 500) {
          batch.append(token, timestamp: APIBench.now - 2_000_000 + Int64(i) * 1000, bits: 0, position: 0)
        }
        writer.append(batch)
      }
    }
    let from = APIBench.now - 1_900_000
    var backlog = LiveBacklog(bench.api.buffer, [[Matcher("__name__", equals: "up")]], from: from, logNext: 1)
    let times = Self.all(of: &backlog, bench).map(\.arrival.timestamp)
    let each = Array(stride(from: from, to: APIBench.now - 500_000, by: 1000))
    #expect(times == each + each + each)
  }

  // MARK: Streams

  /// A clock that a test sets.
  private final class Clock: Sendable {
    let time = Atomic(APIBench.now)
  }

  @Test(arguments: [LiveFormat.sse, .ndjson])
  func `a stream on which nothing comes is kept alive`(format: LiveFormat) async throws {
    let bench = try APIBench()
    let clock = Clock()
    let live = LiveStreams(bench.api.buffer, ArrivalLog(), startedAt: 1) { clock.time.load(ordering: .relaxed) }
    defer { live.stop() }
    let selectors = [[Matcher("__name__", equals: "up")]]
    let stream = live.open(LiveStreams.Request(selectors: selectors, format: format, key: "up", start: .now))
    try await until { live.statistics.streams == 1 }
    #expect(stream.queuedBytes == format.greeting.count)
    for beats in 1...3 {
      clock.time.add(15_000, ordering: .relaxed)
      try await until { stream.queuedBytes == format.greeting.count + beats * format.heartbeat.count }
    }
    // A clock that is set back does not keep it silent for as long.
    clock.time.subtract(3_600_000, ordering: .relaxed)
    try await until { stream.queuedBytes == format.greeting.count + 4 * format.heartbeat.count }
  }

  @Test func `streams that are closed are forgotten, and with the last one arrivals a minute later`() async throws {
    let bench = try APIBench()
    let clock = Clock()
    let log = ArrivalLog()
    let live = LiveStreams(bench.api.buffer, log, startedAt: 1) { clock.time.load(ordering: .relaxed) }
    defer { live.stop() }
    let selectors = [[Matcher("__name__", equals: "up")]]
    let streams = (0..<3).map { _ in
      live.open(LiveStreams.Request(selectors: selectors, format: .sse, key: "up", start: .now))
    }
    try await until { live.statistics.streams == 3 }
    streams[1].close()
    try await until { live.statistics.streams == 2 }
    for stream in streams { stream.close() }
    try await until { live.statistics.streams == 0 }
    #expect(log.isWanted)
    clock.time.add(LiveStreams.lingerMilliseconds + 1, ordering: .relaxed)
    try await until { !log.isWanted }
  }

  @Test func `streams end when it stops, and later ones at once`() async throws {
    let bench = try APIBench()
    let live = LiveStreams(bench.api.buffer, ArrivalLog(), startedAt: 1) { APIBench.now }
    func open() -> EventStream {
      let selectors = [[Matcher("__name__", equals: "up")]]
      return live.open(LiveStreams.Request(selectors: selectors, format: .sse, key: "up", start: .now))
    }
    let before = open()
    try await until { live.statistics.streams == 1 }
    live.stop()
    #expect(before.isClosed && live.statistics.streams == 0)
    let after = open()
    try await until { after.isClosed }
    #expect(live.statistics.streams == 0)
  }

  /// Waits for a condition, five minutes at most.
  private func until(_ condition: () -> Bool, line: SourceLocation = #_sourceLocation) async throws {
    let deadline = ContinuousClock.now + .seconds(300)
    while !condition() {
      try #require(ContinuousClock.now < deadline, "waited in vain", sourceLocation: line)
      try await Task.sleep(for: .milliseconds(5))
    }
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
