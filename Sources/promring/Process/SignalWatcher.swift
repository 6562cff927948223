internal import Dispatch
internal import Glibc
internal import Synchronization

/// Turns signals into calls on an ordinary thread. The signals are blocked in all threads and taken by one thread that
/// waits for them (`sigwait`), so that no code of ours ever runs in a signal handler, where hardly anything is allowed.
///
/// SIGTERM and SIGINT ask for the end; a second one ends the process at once with status 128 + its number, as a shell
/// would report it. SIGHUP is passed on. SIGPIPE is ignored: a client that went away shows as an error of `write`.
final class SignalWatcher: Sendable {
  private let onShutdown: @Sendable (String) -> Void
  private let onReload: @Sendable () -> Void
  private let exitNow: @Sendable (Int32) -> Void
  /// Calls run here one after the other; the waiting thread stays free for a second signal.
  private let queue = DispatchQueue(label: "promring.signals")

  /// - Parameter exitNow: ends the process; replaced by tests.
  init(
    onShutdown: @escaping @Sendable (String) -> Void,
    onReload: @escaping @Sendable () -> Void,
    exitNow: @escaping @Sendable (Int32) -> Void = { _exit($0) }
  ) {
    self.onShutdown = onShutdown
    self.onReload = onReload
    self.exitNow = exitNow
  }

  /// To be called before any other thread starts: threads inherit what is blocked.
  static func prepareProcess() {
    signal(SIGPIPE, SIG_IGN)
    var set = waitedFor
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// Starts the waiting thread, which lives as long as the process.
  /// - Returns: the thread, for tests to send signals to.
  @discardableResult
  func start() -> pthread_t {
    // Blocked while the thread is made, so that it never runs with the signals open.
    var (set, before) = (SignalWatcher.waitedFor, sigset_t())
    pthread_sigmask(SIG_BLOCK, &set, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var thread = pthread_t()
    // +1 here; the thread takes it over and never ends.
    let context = Unmanaged.passRetained(self).toOpaque()
    let failed = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<SignalWatcher>.fromOpaque(context).takeRetainedValue().waitForSignals()
        return nil
      }, context)
    precondition(failed == 0, "no thread for signals: error \(failed)")
    pthread_detach(thread)
    return thread
  }

  private func waitForSignals() {
    var set = SignalWatcher.waitedFor
    var isEnding = false
    while true {
      var number: Int32 = 0
      guard sigwait(&set, &number) == 0 else { continue }
      switch number {
      case SIGHUP: queue.async(execute: onReload)
      case SIGTERM, SIGINT:
        if isEnding {
          exitNow(128 + number)
          continue  // where a test has replaced it
        }
        isEnding = true
        let name = number == SIGTERM ? "SIGTERM" : "SIGINT"
        queue.async { [onShutdown] in onShutdown(name) }
      default: break
      }
    }
  }

  private static var waitedFor: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, number) }
    return set
  }
}
