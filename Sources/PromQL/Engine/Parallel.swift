internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Work on a range of indices, spread over threads of our own: queries must not hold up the cooperative pool.
enum Parallel {
  /// Splits `0..<count` into one stretch for each of up to `threads` threads, the calling thread taking the first, and
  /// returns the states in the order of the stretches. The first error, in that order, is thrown after all have ended.
  /// - Parameter grain: the fewest indices worth a thread.
  static func run<State>(
    count: Int, threads: Int, grain: Int, state: () -> State,
    body: @escaping (inout State, Range<Int>) throws(QueryError) -> Void
  ) throws(QueryError) -> [State] {
    let workers = max(1, min(threads, count / max(grain, 1)))
    if workers == 1 {
      var only = state()
      try body(&only, 0..<count)
      return [only]
    }
    let tasks = (0..<workers).map { worker in
      Task(state: state(), range: count * worker / workers..<count * (worker + 1) / workers, body: body)
    }
    let handles = tasks.dropFirst().map { $0.start() }
    tasks[0].run()
    for (task, handle) in zip(tasks.dropFirst(), handles) {
      if let handle { pthread_join(handle, nil) } else { task.run() }  // no thread to be had: do it here
    }
    for task in tasks {
      if let error = task.error { throw error }
    }
    return tasks.map(\.state)
  }

  /// One stretch of work.
  ///
  /// Owned by one thread at a time: made by the caller, run by its thread, read after that thread was joined.
  private final class Task<State> {
    var state: State
    var error: QueryError?
    private let range: Range<Int>
    private let body: (inout State, Range<Int>) throws(QueryError) -> Void

    init(state: State, range: Range<Int>, body: @escaping (inout State, Range<Int>) throws(QueryError) -> Void) {
      self.state = state
      self.range = range
      self.body = body
    }

    func run() {
      do { try body(&state, range) } catch { self.error = error }
    }

    /// Runs on a new thread; `nil` when the system has none left.
    func start() -> pthread_t? {
      let work = Unmanaged.passRetained(Work { self.run() })
      #if canImport(Darwin)
        var handle: pthread_t?
      #else
        var handle = pthread_t()
      #endif
      let failure = pthread_create(
        &handle, nil,
        { argument in
          #if canImport(Darwin)
            Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
          #else
            if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
          #endif
          return nil
        }, work.toOpaque())
      if failure != 0 {
        work.release()
        return nil
      }
      return handle
    }
  }

  private final class Work {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
  }
}
