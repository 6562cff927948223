import Glibc

/// Takes connections from the kernel and gives each to the I/O thread that has the fewest.
///
/// The threads could accept by themselves, but whichever wakes first takes all that have come: of sixteen connections
/// that began together all were one thread's in three runs out of ten, and the other processors idle.
final class Acceptor: Sendable {
  /// Gives a socket to a thread, or closes it and returns false.
  typealias HandOver = @Sendable (_ thread: Int, Int32, UnsafePointer<sockaddr>, socklen_t) -> Bool

  private let descriptor: Int32
  private let connections: ConnectionWatch
  private let warn: (@Sendable (String) -> Void)?
  private let handOver: HandOver
  /// Until then the descriptor is open: the thread closes it when it ends.
  private let isRunning = Monitor(true)

  /// How long to wait for a descriptor, or for memory, that somebody else has to give back.
  private static let pause = Duration.milliseconds(100)
  private static let warningInterval = Duration.seconds(10)

  /// Begins to accept. `end` has to follow.
  init(
    _ socket: consuming ListenSocket, _ connections: ConnectionWatch, warn: (@Sendable (String) -> Void)?,
    handOver: @escaping HandOver
  ) throws(ServerError) {
    descriptor = socket.descriptor
    self.connections = connections
    self.warn = warn
    self.handOver = handOver
    try Thread.start(name: "http-accept", stackBytes: 256 << 10) { self.run() }
    _ = socket.release()
  }

  /// Accepts no more: whoever comes is refused by the kernel. Returns when the thread has ended.
  func end() {
    connections.admitNoMore()
    isRunning.withLock { isRunning in
      if isRunning { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }  // on Linux `accept` returns
    }
    isRunning.wait { $0 ? nil : () }
  }

  private func run() {
    var warned: ContinuousClock.Instant?
    while connections.waitForPlace() {
      guard !accepted() else { continue }
      switch errno {
      // The connection has ended before it was taken, or the network has: accept(2), "Error handling".
      case EINTR, ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, EPERM:
        continue
      case EINVAL: break  // `end` has shut it down: there is no place either
      case let code:
        if warned.map({ .now - $0 > Self.warningInterval }) ?? true {
          warn?("connections have to wait to be accepted: \(errnoText(code))")
          warned = .now
        }
        connections.waitForEnd(atMost: Self.pause)
      }
    }
    isRunning.withLock { isRunning in
      close(descriptor)
      isRunning = false
    }
    isRunning.notifyAll()
  }

  /// Waits for a connection and passes it on; false with `errno` where there is none.
  private func accepted() -> Bool {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) { storage in
      storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        let socket = accept(descriptor, address, &length)
        guard socket >= 0 else { return false }
        _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
        _ = fcntl(socket, F_SETFL, O_NONBLOCK)
        if let thread = connections.admit(socket, from: RemoteAddress(address).client) {
          if !handOver(thread, socket, address, length) { connections.withdraw(socket) }
        } else {
          close(socket)
        }
        return true
      }
    }
  }
}
