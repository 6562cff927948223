internal import CMicroHTTPD
import Glibc

/// Notices when a client hangs up while its connection is suspended, which the engine does not: one thread behind
/// one epoll set. For event streams only; other suspended connections are looked at by those who work for them
/// (`Request.isCancelled`).
final class DisconnectWatch: Sendable {
  private struct State {
    var epoll: Int32 = -1
    var wake: Int32 = -1
    var isStarted = false
    var isEnding = false
    var watched: [UInt64: Exchange] = [:]
    var lastKey: UInt64 = 0
  }

  private let state = Monitor(State())
  private static let wakeKey: UInt64 = 0

  /// Watches until `remove`; the thread is started with the first.
  /// - Returns: what `remove` wants; `nil` if there is no thread or no descriptor left, so nobody watches.
  func add(_ exchange: Exchange) -> UInt64? {
    state.withLock { state in
      guard start(&state) else { return nil }
      state.lastKey += 1
      let key = state.lastKey
      // Once: the exchange is aborted then, and nothing more is wanted of it.
      var event = epoll_event()
      event.events = EPOLLRDHUP.rawValue | EPOLLONESHOT.rawValue
      event.data.u64 = key
      guard epoll_ctl(state.epoll, EPOLL_CTL_ADD, exchange.socket, &event) == 0 else { return nil }
      state.watched[key] = exchange
      return key
    }
  }

  /// Before the engine closes the socket.
  func remove(_ key: UInt64) {
    state.withLock { state in
      guard let exchange = state.watched.removeValue(forKey: key) else { return }
      epoll_ctl(state.epoll, EPOLL_CTL_DEL, exchange.socket, nil)
    }
  }

  /// Returns when the thread has ended.
  func end() {
    let isStarted = state.withLock { state in
      state.isEnding = true
      if state.isStarted { eventfd_write(state.wake, 1) }
      return state.isStarted
    }
    if isStarted { _ = state.wait(atMost: .seconds(5)) { !$0.isStarted } }
  }

  private func start(_ state: inout State) -> Bool {
    if state.isStarted { return true }
    if state.isEnding { return false }
    state.epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    state.wake = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.u64 = Self.wakeKey
    let epoll = state.epoll
    if epoll >= 0, state.wake >= 0, epoll_ctl(epoll, EPOLL_CTL_ADD, state.wake, &event) == 0,
      (try? Thread.start(name: "http-watch", stackBytes: 256 << 10) { self.run(epoll) }) != nil
    {
      state.isStarted = true
      return true
    }
    closeDescriptors(&state)
    return false
  }

  private func run(_ epoll: Int32) {
    var events = [epoll_event](repeating: epoll_event(), count: 64)
    while !state.withLock({ $0.isEnding }) {
      let count = epoll_wait(epoll, &events, Int32(events.count), -1)
      for event in events.prefix(Int(max(count, 0))) {
        let gone = state.withLock { $0.watched[event.data.u64] }
        gone?.abort(.clientGone)
      }
    }
    state.withLock { state in
      closeDescriptors(&state)
      state.isStarted = false
    }
    state.notifyAll()
  }

  private func closeDescriptors(_ state: inout State) {
    if state.epoll >= 0 { close(state.epoll) }
    if state.wake >= 0 { close(state.wake) }
    state.epoll = -1
    state.wake = -1
  }
}
