import Configuration
import Foundation
import HTTPServer
import KafkaClient
import Logging
import Scrape
import Testing
import TimeSeries

@testable import Delivery

/// Pages that are scraped, and Kafka's in-process cluster, which takes what they bring or does not.
@Suite struct ScrapingTests {
  @Test func `what a page brings is filtered, labelled and acknowledged`() throws {
    try withBench { bench in
      try bench.delivery.reload([bench.task(filter: ["__name__=a|up"])])
      #expect(eventually { (bench.source?.passed ?? 0) >= 10 && bench.status?.samples == bench.source?.passed })
      let source = try #require(bench.source)
      #expect(source.rejected[0] > 0)
      let target = try #require(source.scraping?.targets.first)
      #expect(target.health == .up)
      #expect(target.lastSamples == 2)
      #expect(target.labels == LabelSet([Label("instance", "here"), Label("job", "test")]))
      #expect(bench.delivery.metadata.family("a")?.help == "Help.")
    }
  }

  @Test func `a source goes on scraping when its task changes`() throws {
    try withBench { bench in
      try bench.delivery.reload([bench.task()])
      #expect(eventually { bench.target?.scrapes ?? 0 >= 5 })
      let connections = bench.target?.connections
      var task = bench.task()
      task.batch.samples = 7
      try bench.delivery.reload([task])
      let scrapes = try #require(bench.target?.scrapes)
      #expect(scrapes >= 5)
      #expect(eventually { bench.target?.scrapes ?? 0 >= scrapes + 5 })
      #expect(bench.target?.connections == connections)
      // Other labels make other series.
      try bench.delivery.reload([bench.task(labels: ["x=y"])])
      #expect(bench.target?.scrapes ?? 0 < scrapes)
    }
  }

  @Test func `a task that is stopped scrapes nothing until it is started again`() throws {
    try withBench { bench in
      try bench.delivery.reload([bench.task(staleMarkers: .staleNaN)])
      #expect(eventually { bench.status?.samples ?? 0 > 0 })
      var task = bench.task(staleMarkers: .staleNaN)
      task.isStarted = false
      try bench.delivery.reload([task])
      #expect(bench.source?.scraping?.targets.isEmpty == true)
      task.isStarted = true
      try bench.delivery.reload([task])
      #expect(eventually { bench.target?.scrapes ?? 0 > 0 })
    }
  }

  @Test func `what Kafka does not take waits, and is delivered when it does`() throws {
    try withBench { bench in
      try bench.cluster.setError(3, ofTopic: "scraped")
      try bench.delivery.reload([bench.task()])
      #expect(eventually { bench.source?.scraping?.waitingSamples ?? 0 > 50 })
      #expect(bench.status?.samples == 0)
      let waiting = try #require(bench.source?.scraping?.waitingSamples)
      try bench.cluster.setError(0, ofTopic: "scraped")
      #expect(eventually { bench.status?.samples ?? 0 > waiting && bench.source?.scraping?.waitingSamples == 0 })
      #expect(bench.source?.scraping?.lostSamples == 0)
      #expect(bench.target?.notTaken == 0)
    }
  }

  @Test func `more than there is room for is lost and counted, and the room is given back`() throws {
    try withBench(inFlightBytesMax: 20_000) { bench in
      try bench.cluster.setError(3, ofTopic: "scraped")
      try bench.delivery.reload([bench.task()])
      #expect(eventually { bench.source?.scraping?.lostScrapes ?? 0 > 3 })
      #expect(bench.delivery.inFlight.bytes <= 20_000)
      #expect(bench.target?.lastNotTaken?.contains("wait for Kafka") == true)
      #expect(bench.target?.health == .up)
      bench.delivery.stop(within: .seconds(1))
      #expect(eventually { bench.delivery.inFlight.bytes == 0 })
    }
  }

  @Test func `a page that no scraper takes is refused before anything changes`() throws {
    try withBench { bench in
      try bench.delivery.reload([bench.task()])
      var task = bench.task()
      task.sources.append(task.sources[0])
      guard case .scrape(var scrape) = task.sources[1].kind else { return }
      scrape.urls.append(scrape.urls[0])
      task.sources[1].kind = .scrape(scrape)
      #expect {
        try bench.delivery.reload([task])
      } throws: { "\($0)".contains("two with the same URL") }
      #expect(bench.status?.sources.count == 1)
    }
  }
}

/// A page, a cluster with a topic, and a delivery to it.
private final class Bench: Sendable {
  let cluster: EmbeddedCluster
  let delivery: Delivery
  private let server: Server

  init(inFlightBytesMax: Int) throws {
    cluster = try EmbeddedCluster()
    try cluster.createTopic("scraped", partitions: 2)
    var configuration = ServeConfiguration()
    configuration.kafka.brokers = cluster.brokers
    configuration.kafka.properties = quickProperties
    configuration.delivery.maxInFlightBytes = inFlightBytesMax
    delivery = try Delivery(configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) {
      Int64(Date().timeIntervalSince1970 * 1000)
    }
    var router = Router()
    router.get("/metrics", .inline) { _ in
      .bytes(Array("# HELP a Help.\n# TYPE a gauge\na 1\nb 2\n".utf8), contentType: "text/plain; version=0.0.4")
    }
    var settings = ServerSettings(address: ListenAddress(host: "127.0.0.1", port: 0))
    settings.ioThreads = 1
    server = try Server.start(settings, router: router)
  }

  func end() {
    delivery.stop(within: .seconds(2))
    server.stop(within: .zero)
    cluster.close()
  }

  func task(
    filter: [String] = [], labels: [String] = [], staleMarkers: DeliveryTask.StaleMarkers = .drop
  ) -> DeliveryTask {
    var scrape = DeliveryTask.Scrape()
    scrape.urls = ["http://127.0.0.1:\(server.port)/metrics"]
    scrape.interval = .milliseconds(50)
    scrape.timeout = .milliseconds(50)
    scrape.job = "test"
    scrape.instance = "here"
    var source = DeliveryTask.Source(.scrape(scrape))
    source.filter = (try? TaskLines.filter(filter)) ?? []
    source.labels = (try? TaskLines.labels(labels)) ?? []
    var task = DeliveryTask(name: "t")
    task.sources = [source]
    task.target.topic = "scraped"
    task.staleMarkers = staleMarkers
    return task
  }

  var status: TaskStatus? { delivery.task("t") }
  var source: TaskStatus.Source? { status?.sources.first }
  var target: ScrapeStatus? { source?.scraping?.targets.first }
}

private func withBench(inFlightBytesMax: Int = 64 << 20, _ body: (Bench) throws -> Void) throws {
  let bench = try Bench(inFlightBytesMax: inFlightBytesMax)
  defer { bench.end() }
  try body(bench)
}
