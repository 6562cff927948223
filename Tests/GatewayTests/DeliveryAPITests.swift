import Configuration
import Delivery
import Foundation
import Synchronization
import Testing
import TimeSeries

@testable import Gateway
@testable import HTTPServer

/// Delivery tasks over HTTP. The benches' Kafka is nowhere, so that nothing is delivered.
@Suite struct DeliveryAPITests {
  /// A bench whose tasks are kept, in a directory that goes with it.
  private final class Bench {
    let api: APIBench
    private let folder = FileManager.default.temporaryDirectory.appending(path: "promring-api-\(UUID().uuidString)")

    init(_ change: (inout ServeConfiguration) -> Void = { _ in }) throws {
      let path = folder.path(percentEncoded: false)
      api = try APIBench {
        $0.delivery.state = path
        $0.web.enableDeliveryAPI = true
        change(&$0)
      }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// What a handler answers, refusals as the server renders them.
    func ask(
      _ body: String = "", name: String? = nil, type: String = "application/json",
      _ handler: (API, Request) throws -> Response
    ) throws -> Response {
      let request = try Request(
        method: "POST", target: "/x", headers: ["Content-Type": type], body: Array(body.utf8),
        pathParameters: Parameters(name.map { [("name", $0)] } ?? []))
      do {
        return try handler(api.api, request)
      } catch let error as HTTPError {
        return Answer.error(error)
      }
    }

    func create(_ body: String, type: String = "application/json") throws -> Response {
      try ask(body, type: type) { try $0.createTask($1) }
    }
  }

  private static let least = #"{"name": "t", "sources": [{"kind": "remote_write"}], "target": {"topic": "samples"}}"#

  private static func task(named name: String) -> String { least.replacing(#""t""#, with: "\"\(name)\"") }

  @Test func `a task is made, shown, replaced, stopped, started and deleted`() throws {
    let bench = try Bench()
    let made = try bench.create(Self.least)
    #expect(made.status == 201 && made.headers["Location"] == "/api/v1/delivery/tasks/t")
    let shown = try bench.ask(name: "t") { try $0.deliveryTask($1) }
    #expect(shown.data?.contains(#""name":"t","state":"#) == true && shown.data?.contains(#""origin":"api""#) == true)
    #expect(bench.api.api.deliveryTasks().data?.contains(#"{"tasks":[{"name":"t","#) == true)

    let other = Self.least.replacing("samples", with: "others")
    #expect(try bench.ask(other, name: "t") { try $0.replaceTask($1) }.status == 200)
    #expect(try bench.ask(name: "t") { try $0.deliveryTask($1) }.data?.contains(#""topic":"others""#) == true)
    #expect(try bench.ask(Self.task(named: "u"), name: "u") { try $0.replaceTask($1) }.status == 201)

    let stopped = try bench.ask(name: "t") { try $0.setStarted(false, $1) }
    #expect(stopped.data?.contains(#""state":"stopped""#) == true)
    let started = try bench.ask(name: "t") { try $0.setStarted(true, $1) }
    #expect(started.status == 200 && started.data?.contains(#""state":"stopped""#) == false)

    #expect(try bench.ask(name: "t") { try $0.removeTask($1) }.status == 204)
    #expect(try bench.ask(name: "t") { try $0.deliveryTask($1) }.status == 404)
  }

  @Test func `what is refused, and with which status`() throws {
    let bench = try Bench()
    #expect(try bench.create(Self.least).status == 201)
    let answers = [
      (try bench.create(Self.least), 409, #"there is a delivery task \"t\" already"#),
      (try bench.create(Self.least, type: "text/plain"), 415, "application/json"),
      (try bench.create("{"), 400, "the request is no JSON: line 1, column 2: "),
      (try bench.create("{}"), 400, "request:1:1: the task has no name"),
      (
        try bench.create(Self.least.replacing(#""remote_write""#, with: #""remote_write", "filter": ["job=("]"#)), 400,
        #"request:1:63: sources.filter: line \"job=(\": "#
      ),
      (
        try bench.create(
          Self.task(named: "v").replacing(#""samples""#, with: #""samples", "properties": {"linger": 1}"#)), 400,
        #"librdkafka"#
      ),
      (try bench.ask(Self.least, name: "u") { try $0.replaceTask($1) }, 400, "by its path"),
      (try bench.ask(name: "u") { try $0.removeTask($1) }, 404, #"there is no delivery task \"u\""#),
      (try bench.ask(name: "u") { try $0.setStarted(true, $1) }, 404, #"there is no delivery task \"u\""#),
    ]
    for (answer, status, text) in answers {
      #expect(answer.status == status && answer.text.contains(text), "\(status): \(answer.status) \(answer.text)")
    }
    #expect(bench.api.api.delivery.tasks().map(\.definition.name) == ["t"])
  }

  @Test func `requests change nothing unless the operator allows it`() throws {
    let bench = try Bench { $0.web.enableDeliveryAPI = false }
    let answers = [
      try bench.create(Self.least), try bench.ask(Self.least, name: "t") { try $0.replaceTask($1) },
      try bench.ask(name: "t") { try $0.removeTask($1) }, try bench.ask(name: "t") { try $0.setStarted(true, $1) },
    ]
    for answer in answers {
      #expect(answer.status == 500)
      #expect(answer.text.contains(#""errorType":"unavailable""#) && answer.text.contains("--web-enable-delivery-api"))
    }
    #expect(bench.api.api.deliveryTasks().data?.hasPrefix(#"{"tasks":[],"#) == true)
  }

  @Test func `secrets are not shown, and are kept when a task that was shown comes back`() throws {
    let bench = try Bench()
    let secret = Self.least.replacing(
      #""samples""#, with: #""samples", "properties": {"sasl.password": "geheim"}"#)
    let made = try bench.create(secret)
    #expect(made.status == 201 && !made.text.contains("geheim"))
    let masked = secret.replacing("geheim", with: KafkaProperty.mask)
    #expect(try bench.ask(masked, name: "t") { try $0.replaceTask($1) }.status == 200)
    #expect(bench.api.api.delivery.definition("t")?.target.properties["sasl.password"]?.value == "geheim")
    let orphan = try bench.ask(masked.replacing(#""t""#, with: #""u""#), name: "u") { try $0.replaceTask($1) }
    #expect(orphan.status == 400 && orphan.text.contains("sasl.password is masked"))
  }

  @Test func `a dry run tells what would be delivered, and which line rejects the rest`() throws {
    let bench = try Bench()
    try bench.api.append([["__name__": "up", "job": "a"], ["__name__": "up", "job": "b"], ["__name__": "down"]])
    try bench.api.append([["__name__": "up", "job": "a"]], ago: 60_000)
    try bench.api.append([["__name__": "old", "job": "a"]], ago: 600_000)
    try bench.api.append([["__name__": "gone", "job": "a"]], value: StaleMarker.value)
    let body = #"{"filter": ["__name__=up|gone", "job=a"], "labels": ["zone=z"]}"#
    let answer = try bench.ask(body) { try $0.dryRun($1) }
    #expect(
      answer.data
        == #"{"examined":{"series":4,"samples":5},"delivered":{"series":1,"samples":2},"rejected":{"series":2,"#
        + #""samples":2},"stale_markers_dropped":1,"lines":[{"line":"__name__=up|gone","rejected_series":1,"#
        + #""rejected_samples":1,"examples":[{"__name__":"down"}]},{"line":"job=a","rejected_series":1,"#
        + #""rejected_samples":1,"examples":[{"__name__":"up","job":"b"}]}],"examples":[{"__name__":"up","job":"a","#
        + #""zone":"z","value":"1","timestamp":"1699999999000"}]}"#)
    let narrow = try bench.ask(#"{"match": ["down"], "since": "5s", "limit": 0}"#) { try $0.dryRun($1) }
    #expect(narrow.data?.hasPrefix(#"{"examined":{"series":1,"samples":1},"delivered":{"series":1,"#) == true)
    #expect(narrow.data?.hasSuffix(#""lines":[],"examples":[]}"#) == true)
    for wrong in [#"{"filter": ["job"]}"#, #"{"match": ["{"]}"#, #"{"since": "never"}"#, #"{"x": 1}"#, "[]"] {
      #expect(try bench.ask(wrong) { try $0.dryRun($1) }.status == 400, "\(wrong)")
    }
  }

  // MARK: Remote writes

  private static func answer(_ response: Response) -> Response? {
    guard case .deferred(let deferred) = response.body else { return response }
    let answer = Mutex(Response?.none)
    deferred.whenFulfilled { response in answer.withLock { $0 = response } }
    return answer.withLock { $0 }
  }

  @Test func `a remote write is answered in the words of its protocol`() throws {
    let bench = try Bench {
      var task = DeliveryTask(name: "t")
      task.sources = [DeliveryTask.Source(.remoteWrite)]
      task.target.topic = "samples"
      $0.delivery.tasks = [task]
    }
    func write(_ headers: HeaderFields, task: String? = nil, body: [UInt8] = [0]) throws -> Response {
      let request = try Request(
        method: "POST", target: "/x", headers: headers, body: body,
        pathParameters: Parameters(task.map { [("task", $0)] } ?? []))
      return try #require(Self.answer(try bench.api.api.remoteWrite(request)))
    }
    let version1 = "application/x-protobuf"
    #expect(try write(["Content-Type": "application/json"]).status == 415)
    #expect(try write(["Content-Type": version1 + ";proto=x.Y"]).status == 415)
    #expect(try write(["Content-Type": version1, "Content-Encoding": "gzip"]).status == 415)
    let unknown = try write(["Content-Type": version1], task: "u")
    #expect(unknown.status == 404 && unknown.text == "there is no delivery task \"u\"\n")
    #expect(try write(["Content-Type": version1], body: [0x80, 0x80, 0x80, 0x80, 0x0F, 0]).status == 413)
    // Its Kafka is nowhere.
    let away = try write(["Content-Type": version1])
    #expect(away.status == 503 && away.headers["Retry-After"] == "2" && away.text.contains("samples"))
    for name in ["Samples", "Histograms", "Exemplars"] {
      #expect(away.headers["X-Prometheus-Remote-Write-\(name)-Written"] == "0")
    }
  }

  // MARK: Reloading

  private struct Refusal: Error, CustomStringConvertible { let description = "promring.yaml:3:1: wrong" }

  @Test func `reloading takes the new tasks, or tells why it does not`() throws {
    let next = Mutex<Result<[String], Refusal>>(.success(["a", "b"]))
    let bench = try APIBench {
      $0.web.enableLifecycle = true
    } load: {
      var configuration = ServeConfiguration()
      configuration.kafka.brokers = ["127.0.0.1:1"]
      configuration.delivery.tasks = try next.withLock { try $0.get() }.map { name in
        var task = DeliveryTask(name: name)
        task.sources = [DeliveryTask.Source(.remoteWrite)]
        task.target.topic = "samples"
        return task
      }
      return configuration
    }
    let names = { bench.api.delivery.tasks().map(\.definition.name) }
    #expect(names() == [])
    #expect(bench.api.reload().status == 200)
    #expect(names() == ["a", "b"])
    #expect(bench.api.reloader.configuration.delivery.tasks.count == 2)
    next.withLock { $0 = .failure(Refusal()) }
    let failed = bench.api.reload()
    #expect(failed.status == 500 && failed.text == "failed to reload config: promring.yaml:3:1: wrong\n")
    #expect(names() == ["a", "b"] && bench.api.reloader.status.isSuccess == false)
    next.withLock { $0 = .success(["a"]) }
    #expect(bench.api.reload().status == 200)
    #expect(names() == ["a"] && bench.api.reloader.status.isSuccess)
  }

  @Test func `reloading over HTTP has to be allowed`() throws {
    #expect(try APIBench().api.reload().status == 403)
  }
}
