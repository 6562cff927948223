internal import CMicroHTTPD
import Glibc

/// An HTTP/1.1 server. It serves from `start` until `stop`, or until it is released, which stops it without grace; not
/// by a handler or a hook, which `stop` would wait for.
public final class Server: Sendable {
  private enum Phase {
    /// One engine for each I/O thread.
    case running([OpaquePointer], Acceptor)
    case stopping
    case stopped
  }

  public struct Statistics: Sendable, Equatable {
    /// Connections open, also those between two requests.
    public var connections: Int
    /// Requests received in part or whole and not yet answered to the last byte.
    public var activeRequests: Int
    /// Connections closed at once because their client address had as many as it may.
    public var connectionsRefused = 0
    /// Connections cut because their request did not come in time.
    public var connectionsTooSlow = 0
    /// Connections cut because their client had left before its request was complete.
    public var connectionsAbandoned = 0
    /// Handshakes that came to nothing, since the start.
    public var tlsFailures: [TLSFailure: Int] = [:]

    /// Of a server that is gone.
    public static let none = Statistics(connections: 0, activeRequests: 0)
  }

  /// Where it listens; the port is the real one.
  public let address: ListenAddress
  public var port: UInt16 { address.port }
  private let core: ServerCore
  private let phase: Monitor<Phase>

  /// Starts to listen; requests are served when this returns.
  /// - Parameter tls: without it HTTP is spoken as it is, and that cannot change later.
  /// - Throws: `ServerError`, which says what to change.
  public static func start(
    _ settings: ServerSettings, router: Router, hooks: ServerHooks = ServerHooks(), tls: TLSContext? = nil
  ) throws(ServerError) -> Server {
    let socket = try ListenSocket(settings.address)
    let core = ServerCore(settings: settings, router: router, hooks: hooks, tls: tls)
    let port = socket.port
    try core.connections.start()
    var daemons: [OpaquePointer] = []
    do throws(ServerError) {
      for _ in 0..<core.connections.threadCount { daemons.append(try startDaemon(core)) }
      nonisolated(unsafe) let engines = daemons  // which take connections from any thread
      let acceptor = try Acceptor(socket, core.connections, warn: hooks.warn) { thread, socket, address, length in
        MHD_add_connection(engines[thread], socket, address, length) == .YES
      }
      return Server(core, .running(daemons, acceptor), ListenAddress(host: settings.address.host, port: port))
    } catch {
      for daemon in daemons { MHD_stop_daemon(daemon) }
      core.connections.end()
      throw error
    }
  }

  private init(_ core: ServerCore, _ phase: Phase, _ address: ListenAddress) {
    self.core = core
    self.address = address
    self.phase = Monitor(phase)
  }

  deinit { stop(within: .zero) }

  /// From now on new connections get these settings; those that stand keep theirs. To be used where `start` was given
  /// some.
  public func replaceTLS(_ context: TLSContext) {
    core.tls.withLock { tls in
      if tls != nil { tls = context }
    }
  }

  public var statistics: Statistics {
    Statistics(
      connections: core.connections.count, activeRequests: core.activeRequests,
      connectionsRefused: core.connections.refusedCount, connectionsTooSlow: core.connections.slowCount,
      connectionsAbandoned: core.connections.goneCount, tlsFailures: core.tlsFailureCounts())
  }

  /// Stops: new connections are refused, event streams ended, running responses finished, and then everything is
  /// closed. Returns when no thread of the engine is left; a second call waits for the first.
  ///
  /// What has not finished in time is cut off. A handler that still runs then sees `isCancelled`, and what it returns
  /// is dropped: its pool has to be waited for separately.
  /// - Parameter timeout: for the running responses; `ServerSettings.grace` unless given.
  /// - Returns: whether all responses were finished in time; true for a server that is stopped already.
  /// - Precondition: not called by a handler or a hook, whose end it would wait for.
  @discardableResult
  public func stop(within timeout: Duration? = nil) -> Bool {
    let running: (daemons: [OpaquePointer], acceptor: Acceptor)? = phase.wait { phase in
      switch phase {
      case .running(let daemons, let acceptor):
        phase = .stopping
        return .some((daemons, acceptor))
      case .stopping: return nil
      case .stopped: return .some(nil)
      }
    }
    guard let (daemons, acceptor) = running else { return true }
    acceptor.end()
    let isDrained = core.drain(within: timeout ?? core.settings.grace)
    core.abortAll()
    // The engine aborts the process if a connection is suspended here; `abortAll` has seen to that.
    for daemon in daemons { MHD_stop_daemon(daemon) }
    core.watch.end()
    core.connections.end()
    phase.withLock { $0 = .stopped }
    phase.notifyAll()
    return isDrained
  }

  private static func startDaemon(_ core: ServerCore) throws(ServerError) -> OpaquePointer {
    let settings = core.settings
    var options = mhd_settings()
    let timeout = settings.idleTimeout.components
    options.idle_timeout_seconds = UInt32(clamping: timeout.seconds + (timeout.attoseconds > 0 ? 1 : 0))
    options.connection_memory = max(settings.headerBytesMax, 8 << 10)
    // Not retained: the server holds the core until the daemon is gone.
    options.context = Unmanaged.passUnretained(core).toOpaque()
    options.access = requestProgressed
    options.connection_changed = connectionChanged
    options.target_received = targetReceived
    options.completed = requestCompleted
    options.use_tls = core.tls.withLock { $0 == nil } ? 0 : 1
    if core.hooks.log != nil { options.log = messageLogged }
    errno = 0
    guard let daemon = mhd_start(&options) else {
      throw .engineRefused(code: errno)
    }
    return daemon
  }
}
