/// Answers "from which offset on are the records at or after this time?", one partition after the other.
///
/// A seam: librdkafka's in-process cluster always answers "none", so tests bring an answer of their own.
public protocol OffsetLookup: Sendable {
  /// The first offset with a timestamp of `timestamp` (milliseconds since the Unix epoch) or later; `nil` inside a
  /// success when there is none. Blocks at most for `timeout`. May be called from several threads.
  func offsets(
    of partitions: [TopicPartition], since timestamp: Int64, timeout: Duration
  ) -> [TopicPartition: Result<Int64?, KafkaError>]
}

/// Asks the brokers.
struct BrokerOffsetLookup: OffsetLookup {
  let client: Client

  func offsets(
    of partitions: [TopicPartition], since timestamp: Int64, timeout: Duration
  ) -> [TopicPartition: Result<Int64?, KafkaError>] {
    client.offsets(of: partitions, at: timestamp, until: Deadline(in: timeout)).mapValues { answer in
      answer.map { $0 >= 0 ? $0 : nil }
    }
  }
}

/// Finds where partitions start. Blocks, so it runs on a thread of its own; one call is for partitions of one leader.
package struct Locator: Sendable {
  let client: Client
  let lookup: any OffsetLookup
  let timeout: Duration

  struct Request: Sendable {
    var partition: TopicPartition
    /// Where this process was when it last read the partition; `nil` if it never did.
    var position: Int64?
  }

  package struct Answer: Sendable {
    package var start: StartPoint
    /// The position is no longer, or not any more, in the partition: reading goes on somewhere else.
    package var isGap: Bool
    /// Records between the position and the start that retention took away before they were read.
    package var lost: Int64
  }

  /// - Parameter timestamp: where the window begins, in milliseconds since the Unix epoch; `nil` for all there is.
  func locate(_ requests: [Request], since timestamp: Int64?) -> [TopicPartition: Result<Answer, KafkaError>] {
    let deadline = Deadline(in: timeout)
    let partitions = requests.map(\.partition)
    // The end first: what is produced between two of these questions then lies behind the end, never before the start.
    let highs = client.offsets(of: partitions, at: Offset.end, until: deadline)
    let reachable = partitions.filter { (try? highs[$0]?.get()) != nil }
    let lows = client.offsets(of: reachable, at: Offset.beginning, until: deadline)
    var times: [TopicPartition: Result<Int64?, KafkaError>] = [:]
    if let timestamp, !reachable.isEmpty {
      times = lookup.offsets(of: reachable, since: timestamp, timeout: deadline.left)
    }
    return requests.reduce(into: [:]) { answers, request in
      let partition = request.partition
      do throws(KafkaError) {
        let high = try value(highs[partition])
        let low = try value(lows[partition])
        var edge: Int64? = low
        if timestamp != nil { edge = try timeEdge(times[partition], low: low) }
        answers[partition] = .success(Locator.decide(request.position, low: low, high: high, edge: edge))
      } catch {
        answers[partition] = .failure(error)
      }
    }
  }

  private func value(_ answer: Result<Int64, KafkaError>?) throws(KafkaError) -> Int64 {
    guard let answer else { throw Locator.noAnswer }
    return try answer.get()
  }

  private func timeEdge(_ answer: Result<Int64?, KafkaError>?, low: Int64) throws(KafkaError) -> Int64? {
    switch answer {
    case .success(let offset): return offset
    // A log without timestamps cannot be asked for a time: read all of it.
    case .failure(let error) where error.code == Locator.unsupportedForMessageFormat: return low
    case .failure(let error): throw error
    case nil: throw Locator.noAnswer
    }
  }

  /// - Parameter edge: the first offset inside the window; `nil` when nothing is.
  package static func decide(_ position: Int64?, low: Int64, high: Int64, edge: Int64?) -> Answer {
    let edge = min(max(edge ?? high, low), high)
    guard let position else {
      return Answer(start: StartPoint(offset: edge, low: low, high: high), isGap: false, lost: 0)
    }
    if position > high {
      // The topic was made anew, or lost its end: what it holds now was never read.
      return Answer(start: StartPoint(offset: edge, low: low, high: high), isGap: true, lost: 0)
    }
    if position < low {
      let start = max(edge, low)
      // Of what lies before the window's edge nothing was wanted any more.
      return Answer(start: StartPoint(offset: start, low: low, high: high), isGap: true, lost: low - position)
    }
    // Back after a long absence: what has left the window meanwhile need not be read.
    return Answer(start: StartPoint(offset: max(position, edge), low: low, high: high), isGap: false, lost: 0)
  }

  private static let noAnswer = KafkaError(code: -185, reason: "the broker did not answer for this partition in time")
  private static let unsupportedForMessageFormat: Int32 = 43
}
