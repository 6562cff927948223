internal import Dispatch
internal import HTTPServer
internal import SampleBuffer
internal import Synchronization
internal import TimeSeries

/// Samples told to clients as they arrive.
///
/// Arrivals are looked at ten times a second, while there are clients, on a queue of its own. Clients that ask for the
/// same share the work, and an arrival that nobody asked for costs one look-up. What is sent waits in the client's
/// `EventStream`, of bounded size: a client that does not keep up misses samples, and is told how many.
///
/// `@unchecked Sendable`: what is not `Sendable` is touched on `queue` only.
final class LiveStreams: @unchecked Sendable {
  /// What somebody asks for.
  struct Request: Sendable {
    var selectors: [[Matcher]]
    var format: LiveFormat
    /// The text of `selectors`: requests with the same share the work.
    var key: String
    var start: LiveStart
  }

  static let interval = 0.1
  /// So long after the last client has gone arrivals are still noted, for it may come back.
  static let lingerMilliseconds: Int64 = 60_000
  /// Samples that a client which catches up is told at once: few enough for the room that it has.
  private static let catchUpMax = 64

  private let buffer: SampleBuffer
  private let log: ArrivalLog
  private let clock: @Sendable () -> Int64
  /// Tells this process from others in positions.
  private let run: String
  private let queue = DispatchQueue(label: "promring.live")
  private let counts = Mutex((streams: 0, missed: 0))

  // On `queue`:
  private var timer: (any DispatchSourceTimer)?
  private var interest: LiveInterest
  private var groups: [Int: LiveGroup] = [:]
  private var numbers: [String: Int] = [:]
  /// The number of the next arrival that those which keep up are told.
  private var head = 0
  private var lastClientAt: Int64 = 0
  private var arrivals: [Arrival] = []
  private var isStopped = false

  init(_ buffer: SampleBuffer, _ log: ArrivalLog, startedAt: Int64, clock: @escaping @Sendable () -> Int64) {
    self.buffer = buffer
    self.log = log
    self.clock = clock
    run = String(startedAt, radix: 36)
    interest = LiveInterest(buffer)
  }

  /// Streams open, and samples that clients have missed since the start.
  var statistics: (streams: Int, missed: Int) { counts.withLock { $0 } }

  /// Begins a stream. Its events come from here on.
  func open(_ request: Request) -> EventStream {
    let stream = EventStream()
    // So that the client sees its answer begin.
    stream.send(request.format.greeting)
    // Arrivals are noted before the buffer is looked at, so that none is in neither; and here, not on the queue, where
    // many series would hold up the others.
    let logNext = queue.sync {
      awake()
      return head
    }
    let position = LiveClient.position(request.start, run: run, logNext: logNext, log, buffer, request.selectors)
    queue.async { self.enter(LiveClient(stream, request.format, at: position, self.clock()), request) }
    return stream
  }

  /// Ends all streams.
  func stop() {
    queue.sync {
      isStopped = true
      for client in groups.values.flatMap(\.clients) { client.stream.close() }
      sleep()
    }
  }

  // MARK: On the queue

  private func enter(_ client: LiveClient, _ request: Request) {
    guard !isStopped else { return client.stream.close() }
    awake()
    counts.withLock { $0.streams += 1 }
    let key = "\(request.format) \(request.key)"
    let number = numbers[key] ?? interest.add(request.selectors)
    numbers[key] = number
    let group = groups[number] ?? LiveGroup(key, request.format)
    groups[number] = group
    group.clients.append(client)
  }

  private func awake() {
    lastClientAt = clock()
    guard timer == nil, !isStopped else { return }
    log.isWanted = true
    head = log.next
    let timer = DispatchSource.makeTimerSource(queue: queue)
    timer.schedule(deadline: .now() + Self.interval, repeating: Self.interval, leeway: .milliseconds(20))
    timer.setEventHandler { [weak self] in self?.tick() }
    timer.activate()
    self.timer = timer
  }

  private func sleep() {
    timer?.cancel()
    timer = nil
    log.isWanted = false
    groups = [:]
    numbers = [:]
    counts.withLock { $0.streams = 0 }
    interest = LiveInterest(buffer)
    arrivals = []
  }

  private func tick() {
    let now = clock()
    removeClosed()
    if groups.isEmpty {
      let isOver = now < lastClientAt || now - lastClientAt > Self.lingerMilliseconds
      if isOver { sleep() } else { head = log.next }
      return
    }
    lastClientAt = now
    tellArrivals(now)
    for (number, group) in groups {
      for client in group.clients {
        catchUp(client, group, number, now)
        client.keepAlive(now)
      }
    }
    let missed = groups.values.reduce(0) { $0 + $1.clients.reduce(0) { $0 + $1.takeMissedCount() } }
    if missed > 0 { counts.withLock { $0.missed += missed } }
  }

  private func removeClosed() {
    for (number, group) in groups {
      let before = group.clients.count
      group.clients.removeAll { $0.stream.isClosed }
      let gone = before - group.clients.count
      if gone > 0 { counts.withLock { $0.streams -= gone } }
      guard group.clients.isEmpty else { continue }
      groups[number] = nil
      numbers[group.key] = nil
      interest.remove(number)
      if groups.isEmpty { interest = LiveInterest(buffer) }
    }
  }

  /// Tells what has arrived to the clients that keep up.
  private func tellArrivals(_ now: Int64) {
    let first = log.read(from: head, into: &arrivals)
    if first > head {
      // More has arrived between two looks than the log holds. Whom it was for is not known any more.
      for client in groups.values.flatMap(\.clients) { client.miss(first - head) }
    }
    head = first + arrivals.count
    for (i, arrival) in arrivals.enumerated() {
      for number in interest.selections(of: arrival.token) {
        groups[number]?.waiting.append(LiveEvent(number: first + i, arrival))
      }
    }
    for group in groups.values where !group.waiting.isEmpty {
      let listeners = group.clients.filter(\.keepsUp)
      if !listeners.isEmpty {
        LiveText.write(group.waiting, group.format, buffer, run: run, now) { text, count in
          for client in listeners { client.send(text, samples: count, now) }
        }
      }
      group.waiting.removeAll(keepingCapacity: group.waiting.count < 4096)
    }
  }

  /// Tells a client what it has not been told yet, as much as its queue takes.
  private func catchUp(_ client: LiveClient, _ group: LiveGroup, _ number: Int, _ now: Int64) {
    while client.hasRoom {
      switch client.position {
      case .live: return
      case .log(let next):
        guard next < head else {
          client.position = .live
          return
        }
        let first = min(log.read(from: next, max: min(Self.catchUpMax, head - next), into: &arrivals), head)
        client.miss(first - next)
        // The others from `head` on are told to all at the next look.
        let count = min(arrivals.count, head - first)
        let events = arrivals.prefix(count).enumerated().compactMap { i, arrival in
          interest.selections(of: arrival.token).contains(number) ? LiveEvent(number: first + i, arrival) : nil
        }
        LiveText.write(events, group.format, buffer, run: run, now) { client.send($0, samples: $1, now) }
        client.position = .log(next: first + count)
      case .buffer(var backlog):
        let events = backlog.next(buffer, max: Self.catchUpMax)
        // Without numbers: a client that is cut off meanwhile begins again.
        LiveText.write(Array(events), group.format, buffer, run: run, now) { client.send($0, samples: $1, now) }
        client.position = events.isEmpty ? .log(next: backlog.logNext) : .buffer(backlog)
      }
    }
  }
}

/// Clients that ask for the same.
final class LiveGroup {
  let key: String
  let format: LiveFormat
  var clients: [LiveClient] = []
  /// What is to be told to those that keep up.
  var waiting: [LiveEvent] = []

  init(_ key: String, _ format: LiveFormat) {
    self.key = key
    self.format = format
  }
}
