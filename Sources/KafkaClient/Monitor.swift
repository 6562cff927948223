internal import Glibc

/// State behind a mutex, and a condition to wait on: what threads of ours that block hand things over with.
///
/// It wraps `pthread` instead of `Synchronization.Mutex` because waiting needs a condition variable, and because
/// ThreadSanitizer understands it. `@unchecked Sendable`: `state` is touched with `mutex` held, nowhere else.
package final class Monitor<State>: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var state: State

  package init(_ state: sending State) {
    self.state = state
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    condition.deallocate()
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  package func withLock<R>(_ body: (inout State) throws -> R) rethrows -> R {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&state)
  }

  /// Changes the state and wakes everyone who waits on it.
  package func update<R>(_ body: (inout State) throws -> R) rethrows -> R {
    pthread_mutex_lock(mutex)
    defer {
      pthread_cond_broadcast(condition)
      pthread_mutex_unlock(mutex)
    }
    return try body(&state)
  }

  /// Asks `body` again after each change until it answers something; `nil` once `deadline` has passed.
  package func wait<R>(until deadline: Deadline, for body: (inout State) throws -> R?) rethrows -> R? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    var limit = deadline.monotonic
    while true {
      if let answer = try body(&state) { return answer }
      if pthread_cond_timedwait(condition, mutex, &limit) == ETIMEDOUT { return try body(&state) }
    }
  }
}

/// A moment on the monotonic clock to be done by.
package struct Deadline: Sendable {
  private let nanoseconds: Int64

  /// - Parameter duration: from now on; anything above a century counts as one.
  package init(in duration: Duration) {
    let (seconds, attoseconds) = duration.components
    let century: Int64 = 100 * 366 * 86_400
    let wait = min(max(seconds, 0), century) * 1_000_000_000 + max(attoseconds, 0) / 1_000_000_000
    nanoseconds = Clock.monotonicNanoseconds + wait
  }

  package var hasPassed: Bool { Clock.monotonicNanoseconds >= nanoseconds }

  /// What is left, in milliseconds rounded up, for librdkafka's timeouts; never negative.
  package var millisecondsLeft: Int32 {
    Int32(clamping: max(0, (nanoseconds - Clock.monotonicNanoseconds + 999_999) / 1_000_000))
  }

  package var left: Duration { .nanoseconds(max(0, nanoseconds - Clock.monotonicNanoseconds)) }

  fileprivate var monotonic: timespec {
    timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
  }
}

enum Clock {
  static var monotonicNanoseconds: Int64 { read(CLOCK_MONOTONIC) }

  /// Milliseconds since the Unix epoch.
  static var milliseconds: Int64 { read(CLOCK_REALTIME) / 1_000_000 }

  private static func read(_ clock: clockid_t) -> Int64 {
    var now = timespec()
    clock_gettime(clock, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
  }
}

extension Duration {
  /// Whole milliseconds, for a librdkafka property or timeout.
  var wholeMilliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1000 + attoseconds / 1_000_000_000_000_000
  }
}
