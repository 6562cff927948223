internal import CMicroHTTPD
import Glibc

/// One request and its response, from the request line to the last byte. The engine holds one reference, from
/// `targetReceived` to `requestCompleted`; jobs, requests and feeds hold others.
///
/// A connection is suspended while work is done for it elsewhere. Who resumes it is decided under `gate`: whoever finds
/// it suspended, once. While it is suspended, or its I/O thread is in one of our callbacks, the engine neither closes
/// the socket nor frees the connection.
///
/// `@unchecked Sendable`: `connection` and `socket` are used as said; `head`, `target`, `match`, `stage`, `body` and
/// `answer` by the I/O thread, and by the one job that runs while the connection is suspended, which the locks of the
/// pool and of `gate` put in order.
final class Exchange: @unchecked Sendable {
  enum AbortReason {
    case clientGone, serverStopped
  }

  enum Stage {
    case head, admission, body, waiting, answered
  }

  /// Why a request is answered without being handled.
  enum Rejection {
    case error(HTTPError)
    /// By the gatekeeper.
    case response(Response)
  }

  private struct Gate {
    var isSuspended = false
    var aborted: AbortReason?
    /// The engine is done with the request; `connection` and `socket` are void.
    var isFinished = false
    /// What a pooled handler came to, until the I/O thread takes it.
    var answer: Answer?
    /// What the gatekeeper came to, until the I/O thread takes it.
    var decision: Response??
    var socketSeen: ContinuousClock.Instant?
  }

  /// How often a socket is asked whether its client is still there.
  private static let probeInterval = Duration.milliseconds(5)

  let core: ServerCore
  let connection: OpaquePointer
  let socket: Int32
  /// What `ConnectionWatch` goes by.
  let client: ClientConnection?
  /// Whether the target is text at all; `head.target` is a repaired copy otherwise.
  let isTargetUTF8: Bool
  var head: RequestHead
  var target: RequestTarget?
  var match = Router.Match.unknown
  var stage = Stage.head
  /// What the request is refused for once its body is drained.
  var refusal: Rejection?
  var body: [UInt8] = []
  /// Bytes of the body, also those that were thrown away.
  var bodyBytes = 0
  /// What the engine sends.
  var answer: Answer?
  var watchKey: UInt64?
  // Lock order: an event stream's, then this, then the engine's own.
  private let gate = Guarded(Gate())

  init(core: ServerCore, connection: OpaquePointer, target: UnsafePointer<CChar>?) {
    self.core = core
    self.connection = connection
    socket = mhd_socket(connection)
    client = mhd_slot(connection).map { Unmanaged<ClientConnection>.fromOpaque($0).takeUnretainedValue() }
    client?.expectRequest(within: core.settings.requestTimeout)
    head = RequestHead(method: "", target: target.map { String(cString: $0) } ?? "")
    isTargetUTF8 = target.map { String(validatingCString: $0) != nil } ?? true
    head.remoteAddress = RemoteAddress(mhd_client_address(connection))
  }

  // MARK: Suspending

  /// Takes the connection out of the I/O thread's hands; only within a callback of the engine. False if the exchange
  /// was aborted: then nothing would resume it.
  func suspend() -> Bool {
    gate.withLock { gate in
      guard gate.aborted == nil else { return false }
      MHD_suspend_connection(connection)
      gate.isSuspended = true
      return true
    }
  }

  /// Gives the connection back to its I/O thread, with the answer of a handler; nothing happens if somebody else has.
  ///
  /// The engine is called within the lock: a server that stops visits every lock before it stops the engine, so none
  /// is left between the decision and the call.
  func resume(with answer: Answer? = nil) {
    gate.withLock { gate in
      guard gate.isSuspended else { return }
      gate.isSuspended = false
      gate.answer = answer
      MHD_resume_connection(connection)
    }
  }

  /// Gives the connection back to its I/O thread, with the gatekeeper's decision.
  func resume(decided refusal: Response?) {
    gate.withLock { gate in
      guard gate.isSuspended else { return }
      gate.isSuspended = false
      gate.decision = .some(refusal)
      MHD_resume_connection(connection)
    }
  }

  /// What the gatekeeper came to, a refusal or not; `nil` if it did not in time, or nobody waits for it.
  func takeDecision() -> Response?? {
    gate.withLock { gate in gate.aborted == nil ? gate.decision.take() : nil }
  }

  /// What a pooled handler came to; `nil` if it did not in time, or nobody waits for it.
  func takeAnswer() -> Answer? {
    let (answer, isAborted) = gate.withLock { gate in (gate.answer.take(), gate.aborted != nil) }
    return isAborted ? nil : answer  // dropped outside of the lock, as its release may call the application
  }

  // MARK: Ending

  /// Gives the request up: it counts as cancelled, and its connection is closed at the next opportunity.
  func abort(_ reason: AbortReason) {
    gate.withLock { gate in
      guard !gate.isFinished else { return }
      if gate.aborted == nil { gate.aborted = reason }
      if gate.isSuspended {
        gate.isSuspended = false
        MHD_resume_connection(connection)
      }
    }
  }

  var isAborted: Bool { gate.withLock { $0.aborted != nil } }

  /// See `Request.isCancelled`.
  var isCancelled: Bool {
    gate.withLock { gate in
      if gate.aborted != nil || gate.isFinished { return true }
      let now = ContinuousClock.now
      if let seen = gate.socketSeen, now - seen < Self.probeInterval { return false }
      gate.socketSeen = now
      guard Self.hasHungUp(socket) else { return false }
      gate.aborted = .clientGone
      return true
    }
  }

  /// For a body whose end is the end of the connection: makes it end with a reset, or a part would look whole.
  func makeTruncationVisible() {
    guard head.isHTTP10 else { return }
    var nowhere = sockaddr()
    nowhere.sa_family = sa_family_t(AF_UNSPEC)
    connect(socket, &nowhere, socklen_t(MemoryLayout<sockaddr>.size))  // Linux: dissolves the connection
  }

  /// The last call of the engine; on the I/O thread, before it closes the socket or reads the next request.
  func finish(_ code: MHD_RequestTerminationCode) {
    let (aborted, unused) = gate.withLock { gate in
      gate.isFinished = true
      return (gate.aborted, gate.answer.take())
    }
    client?.expectRequest(within: core.settings.idleTimeout)
    if answer?.feed is EventFeed { core.closed(self) }
    if let observe = core.hooks.observe { observe(record(outcome(code, aborted))) }
    answer = nil
    withExtendedLifetime(unused) {}  // until here: outside of the lock, as its release may call the application
    core.remove(self)
  }

  private func outcome(_ code: MHD_RequestTerminationCode, _ aborted: AbortReason?) -> RequestRecord.Outcome {
    switch code {
    case .REQUEST_TERMINATED_COMPLETED_OK: .completed
    case .REQUEST_TERMINATED_TIMEOUT_REACHED: .timedOut
    case _ where client?.wasTooSlow == true: .timedOut
    case .REQUEST_TERMINATED_DAEMON_SHUTDOWN: .serverStopped
    case _ where aborted == .serverStopped: .serverStopped
    // Asked of nobody who was given up: a source may still be at work then.
    case _ where aborted == nil && answer?.feed?.hasFailed == true: .sourceFailed
    case _ where answer == nil && mhd_status(connection) != 0: .refused
    default: .clientGone
    }
  }

  private func record(_ outcome: RequestRecord.Outcome) -> RequestRecord {
    var route: String?
    if case .found(let found, _) = match { route = found.pattern }
    let status: Int
    switch outcome {
    case _ where answer != nil: status = answer?.status ?? 0
    case .refused: status = Int(mhd_status(connection))
    case .serverStopped: status = 503
    case .timedOut: status = 408
    default: status = 499
    }
    return RequestRecord(
      route: route, method: head.method, status: status, requestBytes: bodyBytes,
      responseBytes: answer?.bytesSent(isComplete: outcome == .completed) ?? 0,
      duration: head.received.duration(to: .now), outcome: outcome)
  }

  /// Asks the kernel, not the stream: what the client sent before it left may still be unread.
  static func hasHungUp(_ socket: Int32) -> Bool {
    var entry = pollfd(fd: socket, events: poll_peer_closed, revents: 0)
    return poll(&entry, 1, 0) > 0  // hang-ups and errors are reported without being asked for
  }
}
