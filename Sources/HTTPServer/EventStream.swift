/// A response that the application pushes into: server-sent events to one client.
///
/// What is sent waits in a queue of bounded size while the client is slow. When that is full, what comes is dropped and
/// counted: a slow client loses events, it never holds up the sender. A connection that waits for events costs no
/// thread.
///
/// All methods may be called from any thread, also before the stream has been returned from its handler.
public final class EventStream: Sendable {
  private struct State {
    var pending: [UInt8] = []
    /// Bytes of `pending` that the engine has taken.
    var taken = 0
    var isClosed = false
    var dropped = 0
    /// Set while the connection is suspended for want of events.
    var waiting: Exchange?
    var onClose: (@Sendable () -> Void)?

    mutating func close() -> Exchange? {
      isClosed = true
      return waiting.take()
    }
  }

  /// Bytes that may wait for the client.
  public let queueBytesMax: Int
  // Lock order: this, then the exchange's.
  private let state: Guarded<State>

  /// - Parameter onClose: called once when the connection is gone, whichever side ended it. Must be quick and must not
  ///   block: it runs on an I/O thread.
  public init(queueBytesMax: Int = 256 << 10, onClose: (@Sendable () -> Void)? = nil) {
    self.queueBytesMax = queueBytesMax
    state = Guarded(State(onClose: onClose))
  }

  /// Bytes waiting for the client.
  public var queuedBytes: Int { state.withLock { $0.pending.count - $0.taken } }
  /// Sends refused for want of room since the start.
  public var dropped: Int { state.withLock { $0.dropped } }
  /// Whether nothing can be sent any more.
  public var isClosed: Bool { state.withLock { $0.isClosed } }

  /// Queues `bytes`, one or more complete events with their empty lines.
  /// - Returns: false if they were dropped because the queue is full, or the stream is closed.
  @discardableResult
  public func send(_ bytes: [UInt8]) -> Bool {
    let (isTaken, waiting): (Bool, Exchange?) = state.withLock { state in
      guard !state.isClosed else { return (false, nil) }
      guard state.pending.count - state.taken + bytes.count <= queueBytesMax else {
        state.dropped += 1
        return (false, nil)
      }
      state.pending.append(contentsOf: bytes)
      return (true, state.waiting.take())
    }
    waiting?.resume()
    return isTaken
  }

  /// Ends the response after what is queued.
  public func close() {
    state.withLock { $0.close() }?.resume()
  }

  fileprivate func fill(_ buffer: UnsafeMutableRawBufferPointer, _ exchange: Exchange) -> BodyFeed.Result {
    state.withLock { state in
      if exchange.isAborted { return .failed }
      let part = state.pending[state.taken...].prefix(buffer.count)
      guard part.isEmpty else {
        buffer.copyBytes(from: part)
        state.taken += part.count
        // Move up what is left once it is the smaller half: each byte is moved once at most.
        if state.taken * 2 >= state.pending.count {
          state.pending.removeFirst(state.taken)
          state.taken = 0
        }
        return .bytes(part.count)
      }
      if state.isClosed { return .end }
      // Suspended within the lock: a sender that finds it waiting may resume it at once.
      guard exchange.suspend() else { return .failed }
      state.waiting = exchange
      return .suspended
    }
  }

  fileprivate func connectionEnded() {
    let onClose = state.withLock { state in
      _ = state.close()
      state.pending = []
      state.taken = 0
      return state.onClose.take()
    }
    onClose?()
  }
}

/// What the engine asks for the bytes of an event stream. It lives as long as the response.
final class EventFeed: BodyFeed, @unchecked Sendable {
  let stream: EventStream
  private let exchange: Exchange

  init(_ stream: EventStream, exchange: Exchange) {
    self.stream = stream
    self.exchange = exchange
  }

  deinit { stream.connectionEnded() }

  override func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Result {
    stream.fill(buffer, exchange)
  }
}
