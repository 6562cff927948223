import Configuration
import Foundation
import KafkaClient
import Testing
import TimeSeries
import Wire

@testable import Delivery

/// Tasks that come, change and go, and the directory that keeps them.
@Suite(.serialized) struct TaskTests {
  private static let now = DeliveryBench.now

  /// A directory of its own, gone with the last that uses it.
  private final class Folder {
    let url = FileManager.default.temporaryDirectory.appending(path: "promring-tasks-\(UUID().uuidString)")
    var path: String { url.path(percentEncoded: false) }
    deinit { try? FileManager.default.removeItem(at: url) }

    func text(_ name: String) -> String? { try? String(contentsOf: url.appending(path: name), encoding: .utf8) }
    var names: [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter { $0 != ".lock" }.sorted()
    }
  }

  private static func bench(_ tasks: [DeliveryTask] = [], in folder: Folder) throws -> DeliveryBench {
    try DeliveryBench(tasks) { $0.delivery.state = folder.path }
  }

  private static func names(_ delivery: Delivery) -> [String] { delivery.tasks().map(\.definition.name) }

  @Test func `tasks are made, replaced, stopped, started and removed, and the directory follows`() throws {
    let folder = Folder()
    let bench = try Self.bench(in: folder)
    let delivery = bench.delivery
    let body = WriteBody.sample(["__name__": "up"], Self.now)
    #expect(bench.write(body).verdict == .unknown("no delivery task takes remote writes; see /api/v1/delivery/tasks"))
    #expect(!delivery.takesRemoteWrites)

    var task = DeliveryBench.task("a", filter: ["job=node"])
    try delivery.create(task)
    #expect(folder.names == ["a.json"])
    #expect(delivery.definition("a") == task && delivery.task("a")?.origin == .api)
    #expect(delivery.takesRemoteWrites)
    #expect(eventually { bench.write(body).verdict == .delivered })
    #expect(throws: TaskError.self) { try delivery.create(task) }

    task.description = "another"
    task.sources[0].filter = []
    #expect(try delivery.replace(task) == false)
    #expect(folder.text("a.json") == task.json(secrets: true) + "\n")
    #expect(bench.write(body).verdict == .delivered)
    #expect(delivery.task("a")?.sources[0].passed == 1)

    try delivery.setStarted(false, "a")
    #expect(delivery.task("a")?.state == .stopped)
    #expect(bench.write(body).verdict == .unavailable("every delivery task is stopped", retryAfter: 30))
    #expect(folder.text("a.json")?.contains(#""started":false"#) == true)
    try delivery.setStarted(true, "a")
    #expect(eventually { bench.write(body).verdict == .delivered })

    #expect(try delivery.replace(DeliveryBench.task("b")) == true)
    #expect(folder.names == ["a.json", "b.json"])
    try delivery.remove("a")
    #expect(folder.names == ["b.json"])
    #expect(Self.names(delivery) == ["b"])
    #expect(throws: TaskError.self) { try delivery.remove("a") }
    #expect(throws: TaskError.self) { try delivery.setStarted(true, "a") }
  }

  @Test func `tasks of the directory are there again at the next start, which only the owner may read`() throws {
    let folder = Folder()
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic(DeliveryBench.topic, partitions: 1)
    var task = DeliveryBench.task("a", filter: ["job=node"], labels: ["x=y"])
    task.target.brokers = cluster.brokers
    task.target.properties = ["sasl.password": KafkaProperty("geheim")]
    let open = { try DeliveryBench.delivery([], cluster) { $0.delivery.state = folder.path } }
    do {
      let first = try open()
      defer { first.stop(within: .seconds(5)) }
      try first.create(task)
      // A directory has one user.
      let error = #expect(throws: Delivery.StartError.self) { try open() }
      #expect(error?.description.contains("another process uses it") == true)
    }
    #expect(try Self.mode(folder.path) == 0o700)
    #expect(try Self.mode(folder.path + "/a.json") == 0o600)
    try "half".write(toFile: folder.path + "/b.json.new", atomically: false, encoding: .utf8)
    var second: Delivery?
    #expect(
      eventually {
        second = try? open()
        return second != nil
      })
    #expect(second?.definition("a") == task)
    #expect(folder.names == ["a.json"])
    second?.stop(within: .seconds(5))
    second = nil

    try #"{"name": "a","#.write(toFile: folder.path + "/a.json", atomically: false, encoding: .utf8)
    var text = ""
    #expect(
      eventually {
        do { _ = try open() } catch { text = "\(error)" }
        return text.contains("damaged")
      })
    #expect(text.contains("/a.json is damaged: line 1, column 14: "), "\(text)")
  }

  private static func mode(_ path: String) throws -> Int {
    try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
  }

  @Test func `what cannot be written is refused, and the old task goes on`() throws {
    let folder = Folder()
    let bench = try Self.bench(in: folder)
    let task = DeliveryBench.task("a")
    try bench.delivery.create(task)
    let before = folder.text("a.json")
    // The disk is full wherever a new file would be written.
    for name in ["a", "b"] {
      try FileManager.default.createSymbolicLink(
        atPath: folder.path + "/\(name).json.new", withDestinationPath: "/dev/full")
    }
    var changed = task
    changed.description = "never"
    for attempt in [changed, DeliveryBench.task("b")] {
      let error = #expect(throws: TaskError.self) { try bench.delivery.replace(attempt) }
      #expect(error?.description.contains("No space left on device") == true, "\(String(describing: error))")
    }
    #expect(folder.names == ["a.json"] && folder.text("a.json") == before)
    #expect(bench.delivery.definition("a") == task && Self.names(bench.delivery) == ["a"])
    #expect(
      eventually { bench.write(WriteBody.sample(["__name__": "up"], Self.now)).verdict == .delivered })
  }

  @Test func `a task that cannot be is refused and leaves nothing behind`() throws {
    let folder = Folder()
    let bench = try Self.bench([DeliveryBench.task("file")], in: folder)
    var wrong = DeliveryBench.task("a")
    wrong.target.properties = ["compresion.type": KafkaProperty("snappy")]
    let error = #expect(throws: TaskError.self) { try bench.delivery.create(wrong) }
    #expect(error?.description.contains(#"delivery task "a": Kafka property "compresion.type""#) == true)
    for change in [
      { try bench.delivery.replace(DeliveryBench.task("file")) }, { try bench.delivery.remove("file") },
      { try bench.delivery.setStarted(false, "file") },
    ] as [() throws -> Void] {
      let error = #expect(throws: TaskError.self) { try change() }
      #expect(error?.description.contains("stands in the configuration file") == true)
    }
    #expect(folder.names == [] && Self.names(bench.delivery) == ["file"])
    try bench.delivery.create(DeliveryBench.task("both"))
    let clash = #expect(throws: TaskError.self) { try bench.delivery.reload([DeliveryBench.task("both")]) }
    #expect(clash?.description.contains("and in the state directory") == true)
    #expect(Self.names(bench.delivery) == ["both", "file"])
  }

  @Test func `without a directory requests change nothing`() throws {
    let bench = try DeliveryBench([DeliveryBench.task("t")])
    let error = #expect(throws: TaskError.self) { try bench.delivery.create(DeliveryBench.task("a")) }
    #expect(error?.description.contains("--delivery-state") == true)
    #expect(Self.names(bench.delivery) == ["t"])
  }

  @Test func `reloading changes what has changed, and keeps what the others know`() throws {
    let bench = try DeliveryBench([DeliveryBench.task("a"), DeliveryBench.task("b"), DeliveryBench.task("c")])
    #expect(bench.write(WriteBody.sample(["__name__": "up"], Self.now)).verdict == .delivered)
    try bench.delivery.reload([DeliveryBench.task("a"), DeliveryBench.task("b", labels: ["x=y"])])
    let tasks = bench.delivery.tasks()
    #expect(tasks.map(\.definition.name) == ["a", "b"])
    #expect(tasks.map(\.samples) == [1, 1])  // the same targets
    #expect(tasks.map { $0.sources[0].received } == [1, 0])  // another source
  }

  @Test func `no sample is lost while tasks are reloaded`() throws {
    let shapes: [[DeliveryTask]] = [
      [DeliveryBench.task("t")], [DeliveryBench.task("t", labels: ["x=y"])],
      [DeliveryBench.task("t") { $0.target.properties = ["linger.ms": KafkaProperty("1")] }],
      [DeliveryBench.task("t") { $0.batch.linger = .milliseconds(20) }, DeliveryBench.task("u", filter: ["job=none"])],
    ]
    let bench = try DeliveryBench(shapes[0])
    let total = 600
    let acknowledged = Monitor(0)
    let isDone = Monitor(false)
    // One sender that tries again until each is acknowledged, as Prometheus does.
    Thread.detachNewThread {
      for i in 0..<total {
        let body = WriteBody.sample(["__name__": "m"], Self.now - Int64(total - i))
        while bench.delivery.answer(to: body).verdict != .delivered {}
        acknowledged.update { $0 += 1 }
      }
      isDone.update { $0 = true }
    }
    var reloads = 0
    while !isDone.withLock({ $0 }), reloads < 2000 {
      let before = acknowledged.withLock { $0 }
      try bench.delivery.reload(shapes[reloads % shapes.count])
      reloads += 1
      // A few requests between two reloads.
      _ = acknowledged.wait(until: Deadline(in: .milliseconds(200))) { $0 >= min(before + 5, total) ? true : nil }
    }
    #expect(isDone.wait(until: Deadline(in: .seconds(40))) { $0 ? true : nil } == true)
    #expect(reloads > 4)
    let samples = try PlainReader(bench).wait(samples: total).flatMap(\.samples)
    let times = Set(samples.compactMap { $0["timestamp"] })
    #expect(times == Set((0..<total).map { "\(Self.now - Int64(total - $0))" }), "\(reloads) reloads")
  }
}
