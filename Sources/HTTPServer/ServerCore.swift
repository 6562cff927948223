internal import CMicroHTTPD
import Synchronization

/// What the engine's callbacks reach: the part of a server that outlives its daemon.
final class ServerCore: Sendable {
  private struct Exchanges {
    var active: [ObjectIdentifier: Exchange] = [:]
    /// Set when waiting is over: what comes now is given up at once.
    var isAborting = false
  }

  let settings: ServerSettings
  let router: Router
  let hooks: ServerHooks
  let watch = DisconnectWatch()
  let connections: ConnectionWatch
  /// What new connections get; `nil` where no TLS is spoken.
  let tls: Guarded<TLSContext?>
  private let tlsFailures = Guarded<[TLSFailure: Int]>([:])
  // Lock order: this is never held while another lock is taken.
  private let exchanges = Monitor(Exchanges())
  private let streams = Guarded<[ObjectIdentifier: EventStream]>([:])
  private let draining = Atomic(false)

  init(settings: ServerSettings, router: Router, hooks: ServerHooks, tls: TLSContext?) {
    self.tls = Guarded(tls)
    self.settings = settings
    connections = ConnectionWatch(
      connectionsMax: settings.connectionsMax, perAddressMax: settings.connectionsPerAddressMax,
      threads: settings.ioThreads)
    self.router = router
    self.hooks = hooks
  }

  /// Whether the server is stopping: no connection is accepted, each is closed after its response.
  var isDraining: Bool { draining.load(ordering: .relaxed) }

  var activeRequests: Int { exchanges.withLock { $0.active.count } }

  func countTLSFailure(_ failure: TLSFailure) { tlsFailures.withLock { $0[failure, default: 0] += 1 } }
  func tlsFailureCounts() -> [TLSFailure: Int] { tlsFailures.withLock { $0 } }

  func add(_ exchange: Exchange) {
    let isAborting = exchanges.withLock { exchanges in
      exchanges.active[ObjectIdentifier(exchange)] = exchange
      return exchanges.isAborting
    }
    if isAborting { exchange.abort(.serverStopped) }
  }

  func remove(_ exchange: Exchange) {
    exchanges.withLock { _ = $0.active.removeValue(forKey: ObjectIdentifier(exchange)) }
    if isDraining { exchanges.notifyAll() }
  }

  /// An event stream begins to be sent.
  func opened(_ stream: EventStream, of exchange: Exchange) {
    exchange.watchKey = watch.add(exchange)
    streams.withLock { $0[ObjectIdentifier(exchange)] = stream }
    // Looked at after it was entered: either this sees that the server stops, or `drain` sees the stream.
    if isDraining { stream.close() }
  }

  func closed(_ exchange: Exchange) {
    if let key = exchange.watchKey { watch.remove(key) }
    streams.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(exchange)) }
  }

  /// Ends event streams and waits for the other requests, at most `timeout`.
  /// - Returns: whether all have ended.
  func drain(within timeout: Duration) -> Bool {
    draining.store(true, ordering: .sequentiallyConsistent)
    for stream in streams.withLock({ Array($0.values) }) { stream.close() }
    return exchanges.wait(atMost: timeout) { $0.active.isEmpty }
  }

  /// Gives up what still runs, so that no connection is suspended any more.
  func abortAll() {
    let left = exchanges.withLock { exchanges in
      exchanges.isAborting = true
      return Array(exchanges.active.values)
    }
    for exchange in left { exchange.abort(.serverStopped) }
  }
}
