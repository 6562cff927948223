internal import Synchronization

/// Why samples were not delivered.
public struct DeliveryFailure: Error, Sendable, Equatable, CustomStringConvertible {
  /// Whether sending them again is worth the while.
  public let isPermanent: Bool
  public let description: String

  static func temporary(_ reason: String) -> DeliveryFailure {
    DeliveryFailure(isPermanent: false, description: reason)
  }
  static func permanent(_ reason: String) -> DeliveryFailure {
    DeliveryFailure(isPermanent: true, description: reason)
  }
}

/// Somebody who waits for the samples of one request: as many records as hold some of them have to be heard of.
final class WriteTicket: Sendable {
  typealias Completion = @Sendable (DeliveryFailure?) -> Void

  private struct State {
    var open = 1
    var failure: DeliveryFailure?
    var completion: Completion?
  }

  private let state: Mutex<State>
  let deadline: ContinuousClock.Instant

  /// - Parameter completion: called once: when every record is acknowledged, when the last is heard of and one has
  ///   failed, or when the time is over.
  init(deadline: ContinuousClock.Instant, _ completion: @escaping Completion) {
    self.deadline = deadline
    state = Mutex(State(completion: completion))
  }

  var isDone: Bool { state.withLock { $0.completion == nil } }

  /// A record holds samples of the request.
  func hold() { state.withLock { $0.open += 1 } }

  /// A record was acknowledged, or not; also how whoever made the ticket lets go of it.
  func release(_ failure: DeliveryFailure? = nil) {
    let (completion, failure) = state.withLock { state -> (Completion?, DeliveryFailure?) in
      state.open -= 1
      // What may succeed another time counts: the sender has to come again, for the other samples' sake.
      if let failure, state.failure?.isPermanent != false { state.failure = failure }
      return state.open == 0 ? (state.completion.take(), state.failure) : (nil, nil)
    }
    completion?(failure)
  }

  /// Gives the answer now; what becomes of the records then is no longer told.
  func giveUp(_ failure: DeliveryFailure) {
    state.withLock { $0.completion.take() }?(failure)
  }
}
