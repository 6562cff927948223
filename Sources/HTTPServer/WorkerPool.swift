/// Threads that run what would hold up an I/O thread: a fixed number of them, behind one queue of bounded length.
///
/// The queue is fair: client addresses that have jobs waiting take turns, and the jobs of each run in the order they
/// came. So somebody who asks a hundred things at once makes others wait for one of them, not for all.
///
/// Parts of a stream that is being sent take their turn in the same queue but are never refused; there is at most one
/// of them for each connection.
///
/// The threads end when the pool is released or `shutdown` is called.
public final class WorkerPool: Sendable {
  typealias Job = @Sendable () -> Void

  /// What a pool has done and is doing; all counts are of jobs.
  public struct Statistics: Sendable, Equatable {
    /// Running now.
    public var active = 0
    /// Waiting now.
    public var queued = 0
    /// Run to their end since the start, parts of streams included.
    public var completed = 0
    /// Refused since the start because the queue was full.
    public var refused = 0
    /// Dropped unrun since the start because the client had gone while they waited.
    public var abandoned = 0
  }

  /// Shown in errors and as the threads' name.
  public let name: String
  public let threads: Int
  /// Jobs that may wait for a thread.
  public let queueMax: Int
  private let shared: Shared

  /// - Parameters:
  ///   - threads: at least one.
  ///   - queueMax: jobs that may wait while all threads are busy; 0 for none.
  ///   - stackBytes: of each thread; deep recursion, as in a parser, needs some.
  ///   - niceness: how much the threads, and those they start, stand back behind others when processors are busy
  ///     (`setpriority`), from 0 to 19.
  /// - Throws: `ServerError.threadRefused`.
  public init(
    name: String, threads: Int, queueMax: Int, stackBytes: Int = 2 << 20, niceness: Int32 = 0
  ) throws(ServerError) {
    precondition(threads > 0 && queueMax >= 0, "pool \(name): \(threads) threads, queue of \(queueMax)")
    self.name = name
    self.threads = threads
    self.queueMax = queueMax
    let shared = Shared(threads: threads, queueMax: queueMax)
    self.shared = shared
    for _ in 0..<threads {
      // If one is refused, deinit runs and ends those before it.
      try Thread.start(name: name, stackBytes: stackBytes) {
        if niceness > 0 { Thread.standBack(niceness) }
        shared.work()
      }
      shared.state.withLock { $0.threads += 1 }
    }
  }

  deinit { shared.end() }

  public var statistics: Statistics { shared.state.withLock { $0.statistics } }
  /// Jobs running now.
  public var active: Int { statistics.active }
  /// Jobs waiting now.
  public var queued: Int { statistics.queued }

  /// Runs `job` on the pool, unless the queue is full or the pool has been shut down.
  /// - Parameter client: whose turn it takes.
  /// - Returns: whether it was taken.
  public func submit(for client: RemoteAddress? = nil, _ job: @escaping @Sendable () -> Void) -> Bool {
    guard reserve() else { return false }
    enqueue(job, for: client ?? .unknown, isReserved: true)
    return true
  }

  /// Takes no more jobs, runs those that wait, and returns when the threads have ended or the time is over.
  /// - Returns: whether the threads have ended.
  @discardableResult
  public func shutdown(within timeout: Duration) -> Bool {
    shared.end()
    return shared.state.wait(atMost: timeout) { $0.threads == 0 }
  }

  /// Keeps a place for one job, which has to follow through `enqueue`; false, and counted, if there is none.
  func reserve() -> Bool {
    shared.state.withLock { state in
      let idle = shared.threads - state.statistics.active
      guard !state.isEnding, state.reserved + state.statistics.queued < shared.queueMax + idle else {
        state.statistics.refused += 1
        return false
      }
      state.reserved += 1
      return true
    }
  }

  /// Gives a place back unused.
  func cancelReservation() {
    shared.state.withLock { $0.reserved -= 1 }
    shared.state.notifyAll()
  }

  /// Puts a job at the end of its client's queue: one that has a place kept for it, or the next part of a stream.
  func enqueue(_ job: @escaping Job, for client: RemoteAddress, isReserved: Bool) {
    shared.state.withLock { state in
      if isReserved { state.reserved -= 1 }
      state.queue.append(job, for: client.client)
      state.statistics.queued += 1
    }
    shared.state.notifyOne()
  }

  func countAbandoned() {
    shared.state.withLock { $0.statistics.abandoned += 1 }
  }

  /// What the threads hold: not the pool, so that releasing it can end them.
  private final class Shared: Sendable {
    struct State {
      var queue = JobQueue()
      var reserved = 0
      /// Threads that have not ended.
      var threads = 0
      var isEnding = false
      var statistics = Statistics()
    }

    let threads: Int
    let queueMax: Int
    let state: Monitor<State>

    init(threads: Int, queueMax: Int) {
      self.threads = threads
      self.queueMax = queueMax
      state = Monitor(State())
    }

    func work() {
      while let job = next() {
        job()
        state.withLock { state in
          state.statistics.active -= 1
          state.statistics.completed += 1
        }
      }
      state.withLock { $0.threads -= 1 }
      state.notifyAll()
    }

    func end() {
      state.withLock { $0.isEnding = true }
      state.notifyAll()
    }

    /// Waits for a job; `nil` when the pool has ended and nothing is left to do.
    private func next() -> Job? {
      state.wait { state -> Job?? in
        if let job = state.queue.removeFirst() {
          state.statistics.queued -= 1
          state.statistics.active += 1
          return .some(job)
        }
        return state.isEnding && state.reserved == 0 ? .some(nil) : nil
      }
    }
  }
}

/// The jobs that wait: first in, first out for each client, and clients take turns (round robin).
private struct JobQueue {
  private var lines: [RemoteAddress: Line<WorkerPool.Job>] = [:]
  /// Clients with jobs waiting, each once, the next one first.
  private var turns = Line<RemoteAddress>()

  mutating func append(_ job: @escaping WorkerPool.Job, for client: RemoteAddress) {
    if lines[client] == nil { turns.append(client) }
    lines[client, default: Line()].append(job)
  }

  mutating func removeFirst() -> WorkerPool.Job? {
    guard let client = turns.removeFirst(), let job = lines[client]?.removeFirst() else { return nil }
    if lines[client]?.isEmpty == true { lines[client] = nil } else { turns.append(client) }
    return job
  }
}

/// First in, first out; removing costs the same however long it is.
private struct Line<Element> {
  private var elements: [Element?] = []
  private var head = 0

  var isEmpty: Bool { head == elements.count }

  mutating func append(_ element: Element) {
    // Half of the array is behind the head: move the rest forward, which each element pays for once.
    if head > 64, head * 2 > elements.count {
      elements.removeFirst(head)
      head = 0
    }
    elements.append(element)
  }

  mutating func removeFirst() -> Element? {
    guard head < elements.count else { return nil }
    defer { head += 1 }
    let element = elements[head]
    elements[head] = nil
    return element
  }
}
