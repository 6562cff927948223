/// A decision about a request that has not been made: its connection stays suspended meanwhile.
final class PendingAdmission: Sendable {
  private struct State {
    var isDecided = false
    var refusal: Response?
    var waiting: (@Sendable (Response?) -> Void)?
  }

  private let state = Guarded(State())

  init() {}

  deinit {
    // The exchange waits: it is what else would be left suspended.
    state.withLock { $0.waiting.take() }?(.text("Service Unavailable\n", status: 503))
  }

  /// - Parameter refusal: `nil` lets the request in. A second decision is ignored.
  func decide(_ refusal: Response?) {
    let waiting = state.withLock { state -> (@Sendable (Response?) -> Void)? in
      guard !state.isDecided else { return nil }
      state.isDecided = true
      state.refusal = refusal
      return state.waiting.take()
    }
    waiting?(refusal)
  }

  /// Calls `body` with the decision: now, or when it is made. To be called once.
  func whenDecided(_ body: @escaping @Sendable (Response?) -> Void) {
    let decided = state.withLock { state -> Response?? in
      if state.isDecided { return .some(state.refusal) }
      state.waiting = body
      return nil
    }
    if let decided { body(decided) }
  }
}
