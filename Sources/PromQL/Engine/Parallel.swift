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
  /// returns what they come to in the order of the stretches. The first error, in that order, is thrown after all have
  /// ended. A thread other than the calling one needs a processor that no query uses, where processors are shared.
  /// - Parameters:
  ///   - grain: the fewest indices worth a thread.
  ///   - body: takes the number of the stretch and its indices.
  static func run<Part>(
    count: Int, threads: Int, grain: Int, sharing processors: Processors?,
    body: @escaping (Int, Range<Int>) throws(QueryError) -> Part
  ) throws(QueryError) -> [Part] {
    let helpersMax = max(1, min(threads, count / max(grain, 1))) - 1
    let helpers = processors?.acquireFree(helpersMax) ?? helpersMax
    let workers = 1 + helpers
    if workers == 1 { return [try body(0, 0..<count)] }
    let tasks = (0..<workers).map { worker in
      Task { () throws(QueryError) in
        try body(worker, count * worker / workers..<count * (worker + 1) / workers)
      }
    }
    let handles = tasks.dropFirst().map { task in task.start { processors?.release() } }
    tasks[0].run()
    for (task, handle) in zip(tasks.dropFirst(), handles) where handle == nil {
      task.run()  // no thread to be had: do it here
      processors?.release()
    }
    processors?.release()  // while it waits for the others
    for case .some(let handle) in handles { pthread_join(handle, nil) }
    processors?.acquire()
    var parts: [Part] = []
    for task in tasks {
      switch task.result {
      case .success(let part): parts.append(part)
      case .failure(let error): throw error
      case nil: preconditionFailure("a stretch of work was not done")
      }
    }
    return parts
  }

  /// One stretch of work.
  ///
  /// Owned by one thread at a time: made by the caller, run by its thread, read after that thread was joined.
  private final class Task<Part> {
    private(set) var result: Result<Part, QueryError>?
    private let body: () throws(QueryError) -> Part

    init(_ body: @escaping () throws(QueryError) -> Part) { self.body = body }

    func run() {
      do { result = .success(try body()) } catch { result = .failure(error) }
    }

    /// Runs on a new thread, and `ended` after it; `nil` when the system has none left.
    func start(ended: @escaping () -> Void) -> pthread_t? {
      let work = Unmanaged.passRetained(
        Work {
          self.run()
          ended()
        })
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
