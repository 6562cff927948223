internal import KafkaClient
internal import Synchronization

/// Records that Kafka has been given and has not answered for. Reports of all the producers that a target has had in the
/// course of time come here.
final class Flight: Sendable {
  struct Entry: Sendable {
    let samples: Int
    let bytes: Int
    let charge: Int
    let since: ContinuousClock.Instant
    let tickets: [WriteTicket]
  }

  /// What a target has delivered so far.
  struct Counts: Sendable {
    var records = 0
    var samples = 0
    var bytes = 0
    /// From producing to the acknowledgement, summed up over all records.
    var waited = Duration.zero
    var failedRecords = 0
    var failedSamples = 0
    /// Milliseconds since the Unix epoch.
    var lastDeliveryAt: Int64?
    var lastFailure: (reason: String, at: Int64)?
  }

  private struct State {
    var entries: [UInt64: Entry] = [:]
    var lastToken: UInt64 = 0
    var bytes = 0
    var counts = Counts()
  }

  private let state = Mutex(State())
  private let budget: ByteBudget
  private let clock: @Sendable () -> Int64

  init(_ budget: ByteBudget, clock: @escaping @Sendable () -> Int64) {
    self.budget = budget
    self.clock = clock
  }

  var isEmpty: Bool { state.withLock { $0.entries.isEmpty } }
  var load: (records: Int, bytes: Int) { state.withLock { ($0.entries.count, $0.bytes) } }
  var counts: Counts { state.withLock { $0.counts } }

  func add(_ entry: Entry) -> UInt64 {
    state.withLock { state in
      state.lastToken += 1
      state.bytes += entry.bytes
      state.entries[state.lastToken] = entry
      return state.lastToken
    }
  }

  /// One record will not be delivered.
  func fail(_ token: UInt64, _ failure: DeliveryFailure) { settle([(token, failure)]) }

  /// Takes reports in and tells those who wait.
  /// - Returns: whether nothing is in flight any more.
  @discardableResult
  func settle(_ verdicts: [(token: UInt64, failure: DeliveryFailure?)]) -> Bool {
    let now = clock()
    let instant = ContinuousClock.now
    var settled: [(Entry, DeliveryFailure?)] = []
    settled.reserveCapacity(verdicts.count)
    let isEmpty = state.withLock { state in
      for (token, failure) in verdicts {
        guard let entry = state.entries.removeValue(forKey: token) else { continue }
        settled.append((entry, failure))
        state.bytes -= entry.bytes
        if let failure {
          state.counts.failedRecords += 1
          state.counts.failedSamples += entry.samples
          state.counts.lastFailure = (failure.description, now)
        } else {
          state.counts.records += 1
          state.counts.samples += entry.samples
          state.counts.bytes += entry.bytes
          state.counts.waited += entry.since.duration(to: instant)
          state.counts.lastDeliveryAt = now
        }
      }
      return state.entries.isEmpty
    }
    for (entry, failure) in settled {
      budget.give(entry.charge)
      for ticket in entry.tickets { ticket.release(failure) }
    }
    return isEmpty
  }

  /// How many samples a record has.
  func samples(of token: UInt64) -> Int { state.withLock { $0.entries[token]?.samples ?? 0 } }
}
