internal import KafkaClient
internal import Synchronization

/// A record that could not be read, or not wholly.
struct DeadLetter: Sendable {
  let topic: String
  let partition: Int32
  let offset: Int64
  /// Of the record, in milliseconds since the Unix epoch.
  let timestamp: Int64?
  let reason: String
  let detail: String
  /// Bytes of the record's value.
  let size: Int
  let firstBytes: [UInt8]
  /// The beginning of what it was unpacked to, as far as that went.
  let text: [UInt8]
}

/// The records that could not be read: all are counted, some are kept to be looked at, and all can be passed on to a
/// topic of their own.
///
/// Kept are the newest ones of each reason, so that a flood of one kind does not wash away the rare other.
final class DeadLetters: Sendable {
  static let keptPerReason = 32
  static let firstBytesMax = 256

  private let kept = Mutex<[String: [DeadLetter]]>([:])
  private let counts: Labelled<Counter>
  private let forwarded: Labelled<Counter>
  private let forwarder: Forwarder?

  struct Forwarder: Sendable {
    let producer: Producer
    let topic: Producer.Topic
  }

  init(_ metrics: SelfMetrics, forwarder: Forwarder?) {
    counts = metrics.counters(
      "promring_dead_letters_total", "Records that could not be read, or not wholly, and samples left out of records.",
      labels: ["reason"])
    forwarded = metrics.counters(
      "promring_dead_letters_forwarded_total", "Records handed to the dead letter topic, by what became of that.",
      labels: ["result"])
    self.forwarder = forwarder
  }

  /// Counts `letter`, keeps it, and passes the whole record on when `record` is given.
  func add(_ letter: @autoclosure () -> DeadLetter, reason: String, record: UnsafeRawBufferPointer?) {
    counts.with(reason).add()
    let letter = letter()
    kept.withLock { kept in
      var letters = kept[reason] ?? []
      if letters.count == Self.keptPerReason { letters.removeFirst() }
      letters.append(letter)
      kept[reason] = letters
    }
    if let record, let forwarder { forward(record, letter, forwarder) }
  }

  /// The key tells where the record came from and what is wrong with it; the value is the record's own.
  private func forward(_ record: UnsafeRawBufferPointer, _ letter: DeadLetter, _ forwarder: Forwarder) {
    var key = Array("\(letter.topic)/\(letter.partition)/\(letter.offset) \(letter.reason)".utf8)
    let answer = key.withUnsafeMutableBytes { key in
      forwarder.producer.produce(
        to: forwarder.topic, key: UnsafeRawBufferPointer(key), value: record, timestamp: letter.timestamp)
    }
    switch answer {
    case .queued: forwarded.with("queued").add()
    case .queueFull: forwarded.with("queue_full").add()
    case .refused: forwarded.with("refused").add()
    }
  }

  /// Newest first, with the counts by reason.
  func list() -> (letters: [DeadLetter], byReason: [(reason: String, count: Int)]) {
    let letters = kept.withLock { $0.values.flatMap { $0 } }
    let byReason = counts.all.map { (reason: $0.0[0], count: Int($0.1.value)) }.filter { $0.count > 0 }
    return (
      letters.sorted { ($1.timestamp ?? 0, $1.offset) < ($0.timestamp ?? 0, $0.offset) },
      byReason.sorted { $0.reason < $1.reason }
    )
  }
}
