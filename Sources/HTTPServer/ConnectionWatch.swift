import Synchronization

/// Knows all open connections, holds them and those of each client address to their number, spreads them over the I/O
/// threads, and cuts those whose request does not come: the engine's own timeout begins anew with every byte, so a client that sends one now and then would keep its
/// connection for ever (slowloris).
///
/// It also cuts connections whose client has left in the middle of a request. The engine (libmicrohttpd 0.9.75) misses
/// that when the last bytes and the end arrive at once, and would keep the connection until the idle timeout.
final class ConnectionWatch: Sendable {
  /// What a connection has from its admission until it is closed.
  private struct Place {
    let client: RemoteAddress
    let thread: Int
    /// Once its thread has opened it.
    var connection: ClientConnection?
  }

  private struct State {
    /// By the number of the socket.
    var places: [Int32: Place] = [:]
    var perClient: [RemoteAddress: Int] = [:]
    var perThread: [Int]
    var isClosed = false
    var isRunning = false
    var isEnding = false

    mutating func leave(_ socket: Int32) {
      guard let place = places.removeValue(forKey: socket) else { return }
      perThread[place.thread] -= 1
      let left = perClient[place.client, default: 1] - 1
      perClient[place.client] = left > 0 ? left : nil
    }
  }

  private let connectionsMax: Int
  private let perAddressMax: Int
  private let state: Monitor<State>
  private let refused = Atomic(0)
  private let cutAsSlow = Atomic(0)
  private let cutAsGone = Atomic(0)

  /// - Parameters:
  ///   - connectionsMax: at least one.
  ///   - perAddressMax: 0 for no limit.
  ///   - threads: at least one.
  init(connectionsMax: Int, perAddressMax: Int, threads: Int) {
    self.connectionsMax = max(connectionsMax, 1)
    self.perAddressMax = perAddressMax
    state = Monitor(State(perThread: Array(repeating: 0, count: max(threads, 1))))
  }

  /// How many I/O threads connections are spread over.
  var threadCount: Int { state.withLock { $0.perThread.count } }

  /// Connections that have a place.
  var count: Int { state.withLock { $0.places.count } }
  var refusedCount: Int { refused.load(ordering: .relaxed) }
  var slowCount: Int { cutAsSlow.load(ordering: .relaxed) }
  var goneCount: Int { cutAsGone.load(ordering: .relaxed) }

  /// Waits until one more connection may be open; false when no more are wanted.
  func waitForPlace() -> Bool {
    state.wait { state in state.isClosed ? false : state.places.count < connectionsMax ? true : nil }
  }

  /// Waits until no more connections are wanted, at most `timeout`.
  func waitForEnd(atMost timeout: Duration) {
    _ = state.wait(atMost: timeout) { $0.isClosed }
  }

  /// From now on there is no place for anybody.
  func admitNoMore() {
    state.withLock { $0.isClosed = true }
    state.notifyAll()
  }

  /// Gives a connection a place with the thread that has the fewest, unless its client has as many as it may.
  /// - Returns: the thread.
  func admit(_ socket: Int32, from client: RemoteAddress) -> Int? {
    let thread: Int? = state.withLock { state in
      // If the number is not free, the engine had no memory to open the connection that had it, and told nobody.
      state.leave(socket)
      guard perAddressMax == 0 || state.perClient[client, default: 0] < perAddressMax else { return nil }
      let thread = state.perThread.indices.min { state.perThread[$0] < state.perThread[$1] } ?? 0
      state.places[socket] = Place(client: client, thread: thread)
      state.perThread[thread] += 1
      state.perClient[client, default: 0] += 1
      return thread
    }
    if thread == nil { refused.wrappingAdd(1, ordering: .relaxed) }
    return thread
  }

  /// Takes the place back from a connection that no thread took.
  func withdraw(_ socket: Int32) {
    state.withLock { $0.leave(socket) }
  }

  /// Of a connection that was admitted.
  func opened(_ connection: ClientConnection) {
    state.withLock { $0.places[connection.socket]?.connection = connection }
  }

  /// Before the engine closes the socket.
  func closed(_ connection: ClientConnection) {
    let wasFull = state.withLock { state in
      state.leave(connection.socket)
      return state.places.count == connectionsMax - 1
    }
    if wasFull { state.notifyAll() }
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
    var ended: [Int32: Int64] = [:]
    while !state.wait(atMost: .milliseconds(500), until: { $0.isEnding }) { look(&ended) }
    state.withLock { $0.isRunning = false }
    state.notifyAll()
  }

  /// Cuts within the lock: `closed` waits for it, so no socket is closed, and its number given to another, meanwhile.
  /// - Parameter ended: the connections whose client was found to have ended, with what was awaited of them. Only at the
  ///   second look is that final: at the first an I/O thread may be about to take the last bytes.
  private func look(_ ended: inout [Int32: Int64]) {
    let now = ClientConnection.now
    var endedNow: [Int32: Int64] = [:]
    state.withLock { state in
      for (socket, place) in state.places {
        guard let connection = place.connection else { continue }
        let awaited = connection.awaitedUntil
        guard awaited != ClientConnection.never else { continue }
        if now >= awaited {
          connection.cut(asTooSlow: true)
          connection.hasRequest()  // not again, while the engine takes notice
          cutAsSlow.wrappingAdd(1, ordering: .relaxed)
        } else if connection.hasEnded {
          guard ended[socket] == awaited else {
            endedNow[socket] = awaited
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
