internal import HTTPServer
internal import Synchronization

/// Keeps half a window from being taken for the whole: until the replay from Kafka is done for the first time, and while
/// the process is stopping, requests that answer from samples are refused, as Prometheus refuses them while it replays
/// its log (`web/web.go`, testReady).
///
/// Later trouble does not close it again: what is there is then still worth asking for, and `/-/ready` tells load
/// balancers. Status pages answer always, as they say what the matter is.
final class StartupGate: Sendable {
  private let isOpen = Atomic<Bool>(false)
  private let isReplayed: @Sendable () -> Bool
  private let isStopping: @Sendable () -> Bool

  init(isReplayed: @escaping @Sendable () -> Bool, isStopping: @escaping @Sendable () -> Bool) {
    self.isReplayed = isReplayed
    self.isStopping = isStopping
  }

  /// Opens once the replay is done. Cheap when it is open already; call it now and then, as readiness may come and go
  /// between two requests.
  func look() {
    if !isOpen.load(ordering: .relaxed), isReplayed() { isOpen.store(true, ordering: .relaxed) }
  }

  /// The answer to a request that comes too early or too late; `nil` lets it in.
  func refusal(of request: Request) -> Response? {
    guard let route = request.route, Self.isGuarded(route) else { return nil }
    let isStopping = isStopping()
    if !isStopping {
      look()
      if isOpen.load(ordering: .relaxed) { return nil }
    }
    return Self.tellingWhetherStopping(.text("Service Unavailable\n", status: 503), isStopping)
  }

  /// Adds what Prometheus' clients tell the start from the end by.
  static func tellingWhetherStopping(_ response: Response, _ isStopping: Bool) -> Response {
    var response = response
    response.headers["X-Prometheus-Stopping"] = "\(isStopping)"
    return response
  }

  /// Below `/api/v1`, what explains the state, what shows raw samples, and what writes; these answer always.
  private static let exempt = [
    "/api/v1/status/", "/api/v1/notifications", "/api/v1/samples", "/api/v1/write", "/api/v1/otlp/",
    "/api/v1/delivery/", "/api/v1/openapi.yaml",
  ]

  /// Whether a route, by its pattern, has to wait.
  static func isGuarded(_ pattern: String) -> Bool {
    // What is replayed is not what arrives.
    if pattern == "/federate" || pattern == "/api/v1/samples/stream" { return true }
    return pattern.hasPrefix("/api/v1/") && !exempt.contains { pattern.hasPrefix($0) }
  }
}
