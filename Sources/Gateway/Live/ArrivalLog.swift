internal import Synchronization
internal import TimeSeries

/// A sample that the buffer has taken.
struct Arrival: Sendable {
  var token: SeriesToken
  /// Milliseconds since the Unix epoch.
  var timestamp: Int64
  /// Of the value: it may be a stale marker.
  var bits: UInt64
}

/// The newest samples in the order of their arrival, numbered: what live streams are fed from.
///
/// Consumer threads write to it only while somebody wants it, once per batch.
final class ArrivalLog: Sendable {
  /// Arrivals kept, 24 bytes each.
  let capacity: Int

  private struct State {
    /// A ring; empty while nobody wants it.
    var arrivals: [Arrival] = []
    /// The number of the oldest arrival kept.
    var oldest = 1
    /// The number of the next one.
    var next = 1
  }

  private let wanted = Atomic<Bool>(false)
  private let state = Mutex(State())

  init(capacity: Int = 1 << 17) { self.capacity = capacity }

  /// Whether arrivals are to be told. When it is turned off all are forgotten, and a number is left out, so that what
  /// came before is known to be no more.
  var isWanted: Bool {
    get { wanted.load(ordering: .relaxed) }
    set {
      state.withLock { state in
        guard wanted.exchange(newValue, ordering: .relaxed) != newValue else { return }
        let empty = Arrival(token: SeriesToken(ref: 0, generation: 0), timestamp: 0, bits: 0)
        state.arrivals = newValue ? Array(repeating: empty, count: capacity) : []
        state.next += 1
        state.oldest = state.next
      }
    }
  }

  /// The number that the next arrival gets.
  var next: Int { state.withLock { $0.next } }

  /// - Parameter positions: those of the batch's samples that the buffer took.
  func append(_ batch: borrowing SampleBatch, _ positions: [UInt16]) {
    guard !positions.isEmpty else { return }
    let (tokens, timestamps, values) = (batch.tokens, batch.timestamps, batch.values)
    state.withLock { state in
      guard !state.arrivals.isEmpty else { return }
      for position in positions {
        let i = Int(position)
        state.arrivals[state.next % capacity] = Arrival(token: tokens[i], timestamp: timestamps[i], bits: values[i])
        state.next += 1
      }
      state.oldest = max(state.oldest, state.next - capacity)
    }
  }

  /// Puts the arrivals from number `first` on, `max` at most, into `arrivals`.
  /// - Returns: the number of the first one there, which is larger than `first` if that is no longer kept.
  func read(from first: Int, max: Int = .max, into arrivals: inout [Arrival]) -> Int {
    arrivals.removeAll(keepingCapacity: true)
    return state.withLock { state in
      let start = Swift.max(first, state.oldest)
      guard start < state.next, !state.arrivals.isEmpty else { return start }
      for number in start..<(start + min(state.next - start, max)) {
        arrivals.append(state.arrivals[number % capacity])
      }
      return start
    }
  }

  /// Whether every arrival from number `first` on is still there.
  func holds(from first: Int) -> Bool { state.withLock { $0.oldest <= first && first <= $0.next } }
}
