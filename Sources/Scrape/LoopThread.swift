internal import Glibc

/// A detached thread of ours: the loop waits on sockets, for which the cooperative pool is no place.
enum LoopThread {
  /// Starts `body` with every signal blocked: they belong to the program's main thread.
  /// - Parameter name: shown by tools such as `top -H`; the kernel keeps 15 bytes.
  /// - Returns: false if the system gives no thread.
  static func start(named name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))

    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

    var thread = pthread_t()
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    guard pthread_create(&thread, &attributes, runLoopThread, start.toOpaque()) == 0 else {
      start.release()  // the thread that would have taken it does not exist
      return false
    }
    return true
  }

  fileprivate final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void
    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }
}

/// Runs on the new thread; takes over the retain made in `LoopThread.start`.
private func runLoopThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  let start = Unmanaged<LoopThread.Start>.fromOpaque(argument).takeRetainedValue()
  // `pthread_setname_np` is a GNU extension that the Glibc module does not show; the kernel takes a name here too.
  let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
  if file >= 0 {
    var name = String(decoding: start.name.utf8.prefix(15), as: UTF8.self)
    _ = name.withUTF8 { write(file, $0.baseAddress, $0.count) }
    close(file)
  }
  start.body()
  return nil
}

enum Clocks {
  /// Nanoseconds of the monotonic clock.
  static var now: Int64 { read(CLOCK_MONOTONIC) }
  /// Nanoseconds since the Unix epoch.
  static var wall: Int64 { read(CLOCK_REALTIME) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
