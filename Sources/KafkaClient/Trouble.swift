/// Why the reader does not get what it should, in an operator's words.
public struct Trouble: Hashable, Sendable {
  public enum Cause: String, Hashable, Sendable, CaseIterable {
    /// The client is dead and being made anew.
    case fatal
    /// Brokers refuse user, password or certificate, or theirs is refused.
    case credentials
    case brokersDown = "brokers_down"
    case authorisation
    case topicMissing = "topic_missing"
    /// Some partitions cannot be read: their leader is away, or reading fails.
    case partition
    /// No share of the partitions from the consumer group.
    case group
  }

  public var cause: Cause
  /// Milliseconds since the Unix epoch: since when this has been so, without a break.
  public var since: Int64
  public var detail: String

  public init(cause: Cause, since: Int64, detail: String) {
    self.cause = cause
    self.since = since
    self.detail = detail
  }
}

extension Trouble: CustomStringConvertible {
  public var description: String { "\(cause.rawValue): \(detail)" }
}

/// What is wrong at the moment, each thing with the time since when. A pure value; the control thread owns it.
package struct TroubleLedger {
  /// Things that go wrong, and right again, independently of each other.
  package enum Condition: Hashable {
    case fatal, credentials, brokers, group
    case authorisation(String)
    case topic(String)
    case leader(Int32)
    case partition(TopicPartition)

    var cause: Trouble.Cause {
      switch self {
      case .fatal: .fatal
      case .credentials: .credentials
      case .brokers: .brokersDown
      case .group: .group
      case .authorisation: .authorisation
      case .topic: .topicMissing
      case .leader, .partition: .partition
      }
    }
  }

  private struct Entry {
    var since: Int64
    var detail: String
  }
  private var entries: [Condition: Entry] = [:]

  package init() {}

  var isEmpty: Bool { entries.isEmpty }
  var conditions: [Condition] { Array(entries.keys) }

  func has(_ condition: Condition) -> Bool { entries[condition] != nil }

  /// Says that this is wrong (again): the time since when stays, the words are renewed.
  package mutating func raise(_ condition: Condition, at now: Int64, _ detail: String) {
    entries[condition] = Entry(since: entries[condition]?.since ?? now, detail: detail)
  }

  package mutating func clear(_ condition: Condition) { entries[condition] = nil }

  package mutating func clear(where isOver: (Condition) -> Bool) { entries = entries.filter { !isOver($0.key) } }

  /// The cause nearest to the root (brokers that refuse the password also look like brokers that are down), and of
  /// equals the oldest.
  package var worst: Trouble? {
    entries.map { Trouble(cause: $0.key.cause, since: $0.value.since, detail: $0.value.detail) }
      .min { a, b in
        let (x, y) = (rank(a.cause), rank(b.cause))
        return x == y ? (a.since, a.detail) < (b.since, b.detail) : x < y
      }
  }

  private func rank(_ cause: Trouble.Cause) -> Int { Trouble.Cause.allCases.firstIndex(of: cause) ?? 0 }
}
