internal import Synchronization

/// The memory that samples may take on their way to Kafka, all requests and tasks together.
final class ByteBudget: Sendable {
  let limit: Int
  private let taken = Atomic<Int>(0)

  init(limit: Int) { self.limit = limit }

  var used: Int { max(0, taken.load(ordering: .relaxed)) }

  /// False, and nothing is taken, when there is not as much left.
  func take(_ bytes: Int) -> Bool {
    if taken.wrappingAdd(bytes, ordering: .relaxed).newValue <= limit { return true }
    give(bytes)
    return false
  }

  func give(_ bytes: Int) { taken.wrappingSubtract(bytes, ordering: .relaxed) }
}
