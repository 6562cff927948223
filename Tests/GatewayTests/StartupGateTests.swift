import HTTPServer
import Synchronization
import Testing

@testable import Gateway

@Suite struct StartupGateTests {
  private final class Switch: Sendable {
    let isOn = Atomic<Bool>(false)
    func turn(_ on: Bool) { isOn.store(on, ordering: .relaxed) }
  }

  private static func ask(_ gate: StartupGate, _ route: String = "/api/v1/query") throws -> Response? {
    gate.refusal(of: try Request(target: route, route: route))
  }

  @Test func `it opens with the first complete replay, stays open, and closes at the end`() throws {
    let (replayed, stopping) = (Switch(), Switch())
    let gate = StartupGate(
      isReplayed: { replayed.isOn.load(ordering: .relaxed) }, isStopping: { stopping.isOn.load(ordering: .relaxed) })
    let early = try #require(try Self.ask(gate))
    #expect(early.status == 503)
    #expect(early.text == "Service Unavailable\n")
    #expect(early.headers["Content-Type"] == "text/plain; charset=utf-8")
    #expect(early.headers["X-Prometheus-Stopping"] == "false")
    replayed.turn(true)
    #expect(try Self.ask(gate) == nil)
    replayed.turn(false)  // a rebalance
    #expect(try Self.ask(gate) == nil)
    stopping.turn(true)
    #expect(try Self.ask(gate)?.headers["X-Prometheus-Stopping"] == "true")
  }

  @Test func `looking now and then is enough to open it`() throws {
    let replayed = Switch()
    let gate = StartupGate(isReplayed: { replayed.isOn.load(ordering: .relaxed) }, isStopping: { false })
    replayed.turn(true)
    gate.look()
    replayed.turn(false)
    #expect(try Self.ask(gate) == nil)
  }

  @Test func `what explains the state, or writes, is not held up`() throws {
    let gate = StartupGate(isReplayed: { false }, isStopping: { true })
    for route in [
      "/metrics", "/-/healthy", "/-/ready", "/", "/version", "/openapi.yaml", "/api/v1/status/walreplay",
      "/api/v1/status/kafka", "/api/v1/notifications", "/api/v1/notifications/live", "/api/v1/samples", "/api/v1/write",
    ] {
      #expect(try Self.ask(gate, route) == nil, "\(route)")
    }
    for route in [
      "/federate", "/api/v1/query", "/api/v1/query_range", "/api/v1/series", "/api/v1/labels", "/api/v1/read",
      "/api/v1/label/{name}/values", "/api/v1/metadata", "/api/v1/samples/stream", "/api/v1/rules",
      "/api/v1/admin/tsdb/delete_series",
    ] {
      #expect(try Self.ask(gate, route)?.status == 503, "\(route)")
    }
    // An unknown path has no route and is answered 404.
    #expect(gate.refusal(of: try Request(target: "/api/v1/nothing")) == nil)
  }
}
