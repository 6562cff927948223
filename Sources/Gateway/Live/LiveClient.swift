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
  private static let heartbeatMilliseconds: Int64 = 15_000

  let stream: EventStream
  private let format: LiveFormat
  var position: Position
  private var lastSentAt: Int64
  /// Samples that there was no room for, and that it has not been told about.
  private var missed = 0
  private var missedUncounted = 0

  init(_ stream: EventStream, _ format: LiveFormat, at position: Position, _ now: Int64) {
    self.stream = stream
    self.format = format
    self.position = position
    lastSentAt = now
  }

  var keepsUp: Bool { if case .live = position { true } else { false } }
  /// Whether it makes sense to tell it what it has not seen yet.
  var hasRoom: Bool { stream.queuedBytes < stream.queueBytesMax / 2 && !stream.isClosed }

  /// Where a stream begins.
  /// - Parameters:
  ///   - run: tells this process from others.
  ///   - logNext: the number of the next arrival when the stream was asked for.
  static func position(
    _ start: LiveStart, run: String, logNext: Int, _ log: ArrivalLog, _ buffer: SampleBuffer, _ selectors: [[Matcher]]
  ) -> Position {
    switch start {
    // Not `live`: what arrives between the beginning of the answer and the next look is told, too.
    case .now: return .log(next: logNext)
    case .since(let time): return .buffer(LiveBacklog(buffer, selectors, from: time, logNext: logNext))
    case .after(let event):
      if event.run == run, log.holds(from: event.number + 1) { return .log(next: event.number + 1) }
      let from = event.sentAt - Self.latenessMilliseconds
      return .buffer(LiveBacklog(buffer, selectors, from: from, logNext: logNext))
    }
  }

  /// Shows that the stream is alive, if nothing has been sent for some time or the clock has been set back.
  func keepAlive(_ now: Int64) {
    guard now < lastSentAt || now - lastSentAt >= Self.heartbeatMilliseconds else { return }
    lastSentAt = now
    stream.send(format.heartbeat)
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
  /// So many samples are held at once, however many a series has.
  private static let heldMax = 1024

  private let tokens: [SeriesToken]
  private let from: Int64
  /// The number of the next arrival at the time this began.
  let logNext: Int
  /// Series of which everything has been read.
  private var done = 0
  /// From this time on the next one is to be read.
  private var resume: Int64
  private var held: [LiveEvent] = []
  private var told = 0

  init(_ buffer: SampleBuffer, _ selectors: [[Matcher]], from: Int64, logNext: Int) {
    tokens = buffer.sortedByLabels(
      buffer.overlapping(buffer.select(anyOf: selectors), from: from, through: Parameters.timeMax))
    self.from = from
    self.logNext = logNext
    resume = from
  }

  /// The next ones, `max` at most; none when that was all.
  mutating func next(_ buffer: SampleBuffer, max: Int) -> ArraySlice<LiveEvent> {
    if told == held.count { read(buffer) }
    let part = held[told...].prefix(max)
    told += part.count
    return part
  }

  private mutating func read(_ buffer: SampleBuffer) {
    held.removeAll(keepingCapacity: true)
    told = 0
    while done < tokens.count, held.count < Self.heldMax {
      var columns = SampleColumns()
      buffer.read(tokens[done], from: resume, through: Parameters.timeMax, into: &columns)
      let count = min(columns.count, Self.heldMax - held.count)
      for i in 0..<count {
        let arrival = Arrival(
          token: tokens[done], timestamp: columns.timestamps[i], bits: columns.values[i].bitPattern)
        held.append(LiveEvent(number: nil, arrival))
      }
      if count < columns.count {
        resume = columns.timestamps[count]
      } else {
        done += 1
        resume = from
      }
    }
  }
}
