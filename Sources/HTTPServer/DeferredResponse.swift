/// A response that is not known yet when the handler returns: the connection stays suspended meanwhile and costs no
/// thread. For handlers that wait for others, as for the acknowledgement of a write.
///
/// Whoever holds it has to fulfil it in bounded time, once: nobody looks after a client that leaves in between. If it is
/// released without that, the client gets a 500.
public final class DeferredResponse: Sendable {
  private struct State {
    var response: Response?
    var isFulfilled = false
    var waiting: (@Sendable (Response) -> Void)?
  }

  private let state = Guarded(State())

  public init() {}

  deinit {
    // The exchange waits: it is what else would be left suspended.
    state.withLock { $0.waiting.take() }?(.text("internal error\n", status: 500))
  }

  /// Gives the response; on any thread, before or after the handler has returned. A second one is ignored.
  public func fulfil(_ response: Response) {
    let waiting = state.withLock { state -> (@Sendable (Response) -> Void)? in
      guard !state.isFulfilled else { return nil }
      state.isFulfilled = true
      if state.waiting == nil { state.response = response }
      return state.waiting.take()
    }
    waiting?(response)
  }

  /// Calls `body` with the response: now, or when it is there. To be called once.
  func whenFulfilled(_ body: @escaping @Sendable (Response) -> Void) {
    let response = state.withLock { state -> Response? in
      if state.response == nil { state.waiting = body }
      return state.response.take()
    }
    if let response { body(response) }
  }
}
