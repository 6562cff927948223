import Glibc
import Synchronization

/// An accepted connection, from the engine's first word about it to its last. The engine holds one reference in the
/// meantime, in the connection's own slot.
///
/// Its I/O thread says what it waits for; `ConnectionWatch` looks whether that comes.
final class ClientConnection: Sendable {
  /// What no clock reaches.
  static let never = Int64.max

  /// Open until the engine has called `connectionChanged` for the last time.
  let socket: Int32
  /// Where it comes from, without the port.
  let client: RemoteAddress
  /// What is spoken over it; `nil` for plain HTTP.
  let tls: TLSConnection?
  /// Until when the next request, or the rest of this one, has to be here: milliseconds of the monotonic clock; `never`
  /// while it is the server's turn.
  private let deadline: Atomic<Int64>
  private let slow = Atomic(false)

  init(socket: Int32, client: RemoteAddress, tls: TLSConnection?, firstRequestWithin limit: Duration) {
    self.socket = socket
    self.tls = tls
    self.client = client
    deadline = Atomic(Self.time(after: limit))
  }

  /// The client has to send within `limit`; zero is for ever.
  func expectRequest(within limit: Duration) { deadline.store(Self.time(after: limit), ordering: .relaxed) }

  /// It is the server's turn.
  func hasRequest() { deadline.store(Self.never, ordering: .relaxed) }

  var awaitedUntil: Int64 { deadline.load(ordering: .relaxed) }

  /// Whether the connection was cut because its request was too slow.
  var wasTooSlow: Bool { slow.load(ordering: .relaxed) }

  /// Makes the engine find the end of the connection. Only while the socket is open.
  func cut(asTooSlow: Bool) {
    if asTooSlow { slow.store(true, ordering: .relaxed) }
    shutdown(socket, Int32(SHUT_RDWR))
  }

  /// Whether the client will send no more, and all that it sent has been read.
  var hasEnded: Bool {
    guard Exchange.hasHungUp(socket) else { return false }
    var unread: Int32 = 0
    return ioctl(socket, UInt(FIONREAD), &unread) == 0 && unread == 0
  }

  static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }

  private static func time(after limit: Duration) -> Int64 {
    guard limit > .zero else { return never }
    let (seconds, attoseconds) = limit.components
    return now + min(seconds, 1 << 32) * 1000 + attoseconds / 1_000_000_000_000_000
  }
}
