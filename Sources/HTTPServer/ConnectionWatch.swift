import Synchronization

/// Knows all open connections, holds each client address to its number of them, and cuts those whose request does not
/// come: the engine's own timeout begins anew with every byte, so a client that sends one now and then would keep its
/// connection for ever (slowloris).
///
/// It also cuts connections whose client has left in the middle of a request. The engine (libmicrohttpd 0.9.75) misses
/// that when the last bytes and the end arrive at once, and would keep the connection until the idle timeout.
final class ConnectionWatch: Sendable {
  private struct State {
    var connections: [ObjectIdentifier: ClientConnection] = [:]
    var perClient: [RemoteAddress: Int] = [:]
    var isRunning = false
    var isEnding = false
  }

  private let perAddressMax: Int
  private let state = Monitor(State())
  private let refused = Atomic(0)
  private let cutAsSlow = Atomic(0)
  private let cutAsGone = Atomic(0)

  /// - Parameter perAddressMax: 0 for no limit.
  init(perAddressMax: Int) { self.perAddressMax = perAddressMax }

  var refusedCount: Int { refused.load(ordering: .relaxed) }
  var slowCount: Int { cutAsSlow.load(ordering: .relaxed) }
  var goneCount: Int { cutAsGone.load(ordering: .relaxed) }

  /// Whether one more connection from there is all right. Two that come to two I/O threads in the same moment do not
  /// see each other: there may be as many too many as there are I/O threads less one.
  func admits(_ client: RemoteAddress) -> Bool {
    guard perAddressMax > 0 else { return true }
    let isAdmitted = state.withLock { $0.perClient[client, default: 0] < perAddressMax }
    if !isAdmitted { refused.wrappingAdd(1, ordering: .relaxed) }
    return isAdmitted
  }

  func opened(_ connection: ClientConnection) {
    state.withLock { state in
      state.connections[ObjectIdentifier(connection)] = connection
      state.perClient[connection.client, default: 0] += 1
    }
  }

  /// Before the engine closes the socket.
  func closed(_ connection: ClientConnection) {
    state.withLock { state in
      state.connections[ObjectIdentifier(connection)] = nil
      let left = state.perClient[connection.client, default: 1] - 1
      state.perClient[connection.client] = left > 0 ? left : nil
    }
  }

  /// Starts to look, twice a second.
  func start() throws(ServerError) {
    state.withLock { $0.isRunning = true }
    do throws(ServerError) {
      try Thread.start(name: "http-slow", stackBytes: 256 << 10) { self.run() }
    } catch {
      state.withLock { $0.isRunning = false }
      throw error
    }
  }

  /// Returns when the thread has ended.
  func end() {
    state.withLock { $0.isEnding = true }
    state.notifyAll()
    _ = state.wait(atMost: .seconds(5)) { !$0.isRunning }
  }

  private func run() {
    var ended: [ObjectIdentifier: Int64] = [:]
    while !state.wait(atMost: .milliseconds(500), until: { $0.isEnding }) { look(&ended) }
    state.withLock { $0.isRunning = false }
    state.notifyAll()
  }

  /// Cuts within the lock: `closed` waits for it, so no socket is closed, and its number given to another, meanwhile.
  /// - Parameter ended: the connections whose client was found to have ended, with what was awaited of them. Only at the
  ///   second look is that final: at the first an I/O thread may be about to take the last bytes.
  private func look(_ ended: inout [ObjectIdentifier: Int64]) {
    let now = ClientConnection.now
    var endedNow: [ObjectIdentifier: Int64] = [:]
    state.withLock { state in
      for (key, connection) in state.connections {
        let awaited = connection.awaitedUntil
        guard awaited != ClientConnection.never else { continue }
        if now >= awaited {
          connection.cut(asTooSlow: true)
          connection.hasRequest()  // not again, while the engine takes notice
          cutAsSlow.wrappingAdd(1, ordering: .relaxed)
        } else if connection.hasEnded {
          guard ended[key] == awaited else {
            endedNow[key] = awaited
            continue
          }
          connection.cut(asTooSlow: false)
          cutAsGone.wrappingAdd(1, ordering: .relaxed)
        }
      }
    }
    ended = endedNow
  }
}
