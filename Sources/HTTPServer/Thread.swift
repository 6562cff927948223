internal import CMicroHTTPD
import Glibc

/// A detached POSIX thread: handlers block, and the cooperative pool is not for that.
enum Thread {
  /// Starts `body` on a thread of its own, with every signal blocked: signals belong to the program's main thread.
  /// - Parameters:
  ///   - name: shown by tools such as `top -H`; the kernel keeps 15 bytes.
  ///   - stackBytes: at least the system's minimum of 16 KiB.
  static func start(
    name: String, stackBytes: Int, _ body: @escaping @Sendable () -> Void
  ) throws(ServerError) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, max(stackBytes, 64 << 10))

    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

    var thread = pthread_t()
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    let status = pthread_create(&thread, &attributes, runThread, start.toOpaque())
    guard status == 0 else {
      start.release()  // the thread that would have taken it does not exist
      throw ServerError.threadRefused(name: name, code: status)
    }
  }

  /// Lowers the priority of the calling thread, which on Linux is one of its own, and inherited by threads it starts.
  static func standBack(_ niceness: Int32) {
    setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness)
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

/// Runs on the new thread; takes over the retain made in `Thread.start`.
private func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  let start = Unmanaged<Thread.Start>.fromOpaque(argument).takeRetainedValue()
  pthread_setname_np(pthread_self(), String(decoding: start.name.utf8.prefix(15), as: UTF8.self))
  start.body()
  return nil
}
