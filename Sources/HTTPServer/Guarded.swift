import Glibc

/// A value that is only reached under a mutex.
///
/// Why not `Synchronization.Mutex`: on Linux its lock is taken inside a library that ThreadSanitizer does not see into,
/// so every access that it guards is reported as a race. POSIX mutexes are understood.
///
/// `@unchecked Sendable`: the value is touched nowhere but in `withLock`.
struct Guarded<Value>: ~Copyable, @unchecked Sendable {
  private struct Cell {
    var mutex = pthread_mutex_t()
    var value: Value
  }

  private let cell: UnsafeMutablePointer<Cell>
  fileprivate let mutex: UnsafeMutablePointer<pthread_mutex_t>
  fileprivate let value: UnsafeMutablePointer<Value>

  init(_ initial: Value) {
    cell = .allocate(capacity: 1)
    cell.initialize(to: Cell(value: initial))
    // Constant key paths to stored properties: both always have an address.
    mutex = cell.pointer(to: \.mutex)!
    value = cell.pointer(to: \.value)!
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    cell.deinitialize(count: 1)
    cell.deallocate()
  }

  func withLock<R, E: Error>(_ body: (inout Value) throws(E) -> R) throws(E) -> R {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value.pointee)
  }
}

/// A guarded value that threads can wait on.
struct Monitor<Value>: ~Copyable, @unchecked Sendable {
  private let guarded: Guarded<Value>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  init(_ initial: Value) {
    guarded = Guarded(initial)
    condition = .allocate(capacity: 1)
    condition.initialize(to: pthread_cond_t())
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    condition.deallocate()
  }

  func withLock<R, E: Error>(_ body: (inout Value) throws(E) -> R) throws(E) -> R {
    try guarded.withLock(body)
  }

  /// Waits until `body` returns a value; it is asked again after every notification.
  func wait<R>(_ body: (inout Value) -> R?) -> R {
    pthread_mutex_lock(guarded.mutex)
    defer { pthread_mutex_unlock(guarded.mutex) }
    while true {
      if let result = body(&guarded.value.pointee) { return result }
      pthread_cond_wait(condition, guarded.mutex)
    }
  }

  /// Waits until `isTrue` holds, at most `timeout`; false when the time ran out first.
  func wait(atMost timeout: Duration, until isTrue: (Value) -> Bool) -> Bool {
    var deadline = timespec()
    clock_gettime(CLOCK_MONOTONIC, &deadline)
    let (seconds, attoseconds) = max(timeout, .zero).components
    let nanoseconds = deadline.tv_nsec + Int(attoseconds / 1_000_000_000)
    deadline.tv_sec += min(Int(seconds), 1 << 32) + nanoseconds / 1_000_000_000
    deadline.tv_nsec = nanoseconds % 1_000_000_000
    pthread_mutex_lock(guarded.mutex)
    defer { pthread_mutex_unlock(guarded.mutex) }
    while !isTrue(guarded.value.pointee) {
      if pthread_cond_timedwait(condition, guarded.mutex, &deadline) == ETIMEDOUT {
        return isTrue(guarded.value.pointee)
      }
    }
    return true
  }

  func notifyOne() { pthread_cond_signal(condition) }
  func notifyAll() { pthread_cond_broadcast(condition) }
}
