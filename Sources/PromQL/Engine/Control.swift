internal import Synchronization

/// The switch that ends a query from outside; whoever asked holds it.
public final class Cancellation: Sendable {
  private let flag = Atomic<Bool>(false)
  private let isAbandoned: @Sendable () -> Bool

  /// - Parameter isAbandoned: whether nobody waits for the result any more. Asked often, by several threads at once.
  public init(isAbandoned: @escaping @Sendable () -> Bool = { false }) { self.isAbandoned = isAbandoned }

  public func cancel() { flag.store(true, ordering: .relaxed) }
  public var isCancelled: Bool { flag.load(ordering: .relaxed) || isAbandoned() }
}

/// The limits of one query and where it stands. Its worker threads share it.
final class Control: Sendable {
  let maxSamples: Int
  private let deadline: ContinuousClock.Instant?
  private let cancellation: Cancellation?
  private let processors: Processors?
  private let current = Atomic<Int>(0)
  private let highest = Atomic<Int>(0)

  init(
    maxSamples: Int, deadline: ContinuousClock.Instant?, cancellation: Cancellation?, processors: Processors? = nil
  ) {
    self.maxSamples = maxSamples
    self.deadline = deadline
    self.cancellation = cancellation
    self.processors = processors
  }

  /// To be called often enough for a query to stop in time, and to let others compute meanwhile: with no lock held.
  func check() throws(QueryError) {
    processors?.giveWay()
    if let cancellation, cancellation.isCancelled { throw .canceled }
    if let deadline, ContinuousClock.now >= deadline { throw .timeout }
  }

  /// Notes that `count` more samples are in memory.
  func charge(_ count: Int) throws(QueryError) {
    let total = current.add(count, ordering: .relaxed).newValue
    highest.max(total, ordering: .relaxed)
    if total > maxSamples {
      current.subtract(count, ordering: .relaxed)
      throw .tooManySamples
    }
  }

  /// Whether `count` more samples could be in memory for a moment.
  func admit(_ count: Int) throws(QueryError) {
    let total = current.load(ordering: .relaxed) + count
    highest.max(total, ordering: .relaxed)
    if total > maxSamples { throw .tooManySamples }
  }

  func release(_ count: Int) { current.subtract(count, ordering: .relaxed) }

  var peakSamples: Int { highest.load(ordering: .relaxed) }
}
