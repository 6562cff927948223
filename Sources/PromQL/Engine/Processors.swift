internal import Dispatch
internal import Synchronization

/// Processors that queries share: no more threads compute at a time than there are, however many queries run. Those
/// that have to wait take turns, so that a short query does not wait for the end of long ones, and whatever else the
/// process does finds a processor soon.
public final class Processors: Sendable {
  private struct State {
    var free: Int
    /// One for each thread that waits, the longest waiting first.
    var waiting: [DispatchSemaphore] = []
    var passedOn = ContinuousClock.now
  }

  /// How long queries compute before others, that wait, have their turn.
  private static let turn = Duration.milliseconds(5)

  private let state: Mutex<State>
  private let waiting = Atomic<Int>(0)

  public init(count: Int) {
    precondition(count > 0, "\(count) processors")
    state = Mutex(State(free: count))
  }

  /// Runs `body` once there is a processor for it.
  public func withOne<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    acquire()
    defer { release() }
    return try body()
  }

  func acquire() {
    let semaphore = state.withLock { state -> DispatchSemaphore? in
      if state.free > 0 {
        state.free -= 1
        return nil
      }
      return wait(&state)
    }
    semaphore?.wait()
  }

  /// Takes up to `count` processors that nobody uses or waits for.
  /// - Returns: how many.
  func acquireFree(_ count: Int) -> Int {
    state.withLock { state in
      let taken = min(state.free, count)
      state.free -= taken
      return taken
    }
  }

  func release() {
    let next = state.withLock { state -> DispatchSemaphore? in
      let next = takeNext(&state)
      if next == nil { state.free += 1 }
      return next
    }
    next?.signal()
  }

  /// Hands the processor to whoever waits longest, if queries have computed for a turn, and waits to have one again.
  func giveWay() {
    guard waiting.load(ordering: .relaxed) > 0 else { return }
    let change = state.withLock { state -> (next: DispatchSemaphore, own: DispatchSemaphore)? in
      guard ContinuousClock.now - state.passedOn >= Self.turn, let next = takeNext(&state) else { return nil }
      return (next, wait(&state))
    }
    guard let change else { return }
    change.next.signal()
    change.own.wait()
  }

  private func wait(_ state: inout State) -> DispatchSemaphore {
    let semaphore = DispatchSemaphore(value: 0)
    state.waiting.append(semaphore)
    waiting.add(1, ordering: .relaxed)
    return semaphore
  }

  private func takeNext(_ state: inout State) -> DispatchSemaphore? {
    guard !state.waiting.isEmpty else { return nil }
    state.passedOn = .now
    waiting.subtract(1, ordering: .relaxed)
    return state.waiting.removeFirst()
  }
}
