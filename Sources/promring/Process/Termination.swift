internal import Dispatch
internal import Synchronization

/// The wish that the process end: made once, by a signal or by whatever cannot go on; any number of threads may wait for
/// it.
final class Termination: Sendable {
  private let first = Mutex<String?>(nil)
  private let requested = DispatchSemaphore(value: 0)

  /// Asks for the end. The first reason counts, further ones change nothing.
  func request(_ reason: String) {
    let isFirst = first.withLock { current in
      defer { current = current ?? reason }
      return current == nil
    }
    if isFirst { requested.signal() }
  }

  /// The reason, once somebody asked.
  var reason: String? { first.withLock { $0 } }

  /// Blocks until somebody asks; returns the reason.
  @discardableResult
  func wait() -> String {
    requested.wait()
    requested.signal()  // for the next one who waits
    return reason ?? ""
  }
}
