internal import HTTPServer
internal import SampleBuffer
internal import TimeSeries

/// Where a stream begins.
enum LiveStart: Sendable {
  case now
  /// With the samples of the buffer from this time on, in milliseconds.
  case since(Int64)
  /// Behind an event that the client has seen already.
  case after(LiveEventID)
}

/// The `id` of a server-sent event: what a client that comes back says in `Last-Event-ID`.
struct LiveEventID: Sendable, CustomStringConvertible {
  /// The process that sent it.
  var run: String
  /// Of the arrival.
  var number: Int
  /// When it was sent, in milliseconds.
  var sentAt: Int64

  init(run: String, number: Int, sentAt: Int64) {
    self.run = run
    self.number = number
    self.sentAt = sentAt
  }

  init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, let number = Int(parts[1]), let sentAt = Int64(parts[2]), number >= 0, number < Int.max,
      sentAt >= 0
    else { return nil }
    self.init(run: String(parts[0]), number: number, sentAt: sentAt)
  }

  var description: String { "\(run)-\(number)-\(sentAt)" }
}

/// One client of a live stream. Everything but its queue is touched on the queue of `LiveStreams`.
final class LiveClient {
  enum Position {
    /// It is told arrivals as they come.
    case live
    /// It is told what is in the log from here on first.
    case log(next: Int)
    /// It is told what is in the buffer first.
    case buffer(LiveBacklog)
  }

  /// How much earlier than its arrival a sample may have been taken to be found again by a client that comes back to
  /// another process, or after more has arrived than the log holds.
  static let latenessMilliseconds: Int64 = 60_000

  let stream: EventStream
  private let format: LiveFormat
  var position = Position.live
  private(set) var lastSentAt: Int64 = 0
  /// Samples that there was no room for, and that it has not been told about.
  private var missed = 0
  private var missedUncounted = 0

  init(_ stream: EventStream, _ format: LiveFormat) {
    self.stream = stream
    self.format = format
  }

  var keepsUp: Bool { if case .live = position { true } else { false } }
  /// Whether it makes sense to tell it what it has not seen yet.
  var hasRoom: Bool { stream.queuedBytes < stream.queueBytesMax / 2 && !stream.isClosed }

  func start(
    _ start: LiveStart, run: String, head: Int, log: ArrivalLog, clock: () -> Int64, _ buffer: SampleBuffer,
    _ selectors: [[Matcher]]
  ) {
    lastSentAt = clock()
    switch start {
    case .now: position = .live
    case .since(let time): position = .buffer(LiveBacklog(buffer, selectors, from: time, logNext: head))
    case .after(let event):
      if event.run == run, log.holds(from: event.number + 1) {
        position = .log(next: event.number + 1)
      } else {
        let from = event.sentAt - Self.latenessMilliseconds
        position = .buffer(LiveBacklog(buffer, selectors, from: from, logNext: head))
      }
    }
  }

  /// Sends what is no sample.
  func send(_ text: [UInt8], _ now: Int64) {
    lastSentAt = now
    stream.send(text)
  }

  /// Sends events, preceded by the number of samples that it missed before.
  func send(_ text: [UInt8], samples: Int, _ now: Int64) {
    lastSentAt = now
    if missed > 0 {
      if stream.send(format.missed(missed) + text) {
        missed = 0
      } else {
        miss(samples)
      }
    } else if !stream.send(text) {
      miss(samples)
    }
  }

  func miss(_ samples: Int) {
    missed += samples
    missedUncounted += samples
  }

  /// Samples missed since this was asked last.
  func takeMissedCount() -> Int {
    defer { missedUncounted = 0 }
    return missedUncounted
  }
}

/// Samples of the buffer that a client is told before what arrives: series by series, read when it has room for them.
struct LiveBacklog {
  private var tokens: [SeriesToken]
  private var done = 0
  private let from: Int64
  /// The number of the next arrival at the time this began.
  let logNext: Int

  init(_ buffer: SampleBuffer, _ selectors: [[Matcher]], from: Int64, logNext: Int) {
    tokens = buffer.sortedByLabels(
      buffer.overlapping(buffer.select(anyOf: selectors), from: from, through: Parameters.timeMax))
    self.from = from
    self.logNext = logNext
  }

  var isEmpty: Bool { done == tokens.count }

  mutating func next(_ buffer: SampleBuffer) -> [LiveEvent] {
    var columns = SampleColumns()
    var ends: [Int] = []
    buffer.read(
      tokens[done...], from: from, through: Parameters.timeMax, samplesMax: 512, into: &columns, ends: &ends)
    var events: [LiveEvent] = []
    var start = 0
    for (token, end) in zip(tokens[done...], ends) {
      for i in start..<end {
        let arrival = Arrival(token: token, timestamp: columns.timestamps[i], bits: columns.values[i].bitPattern)
        events.append(LiveEvent(number: nil, arrival))
      }
      start = end
    }
    done += ends.count
    return events
  }
}
