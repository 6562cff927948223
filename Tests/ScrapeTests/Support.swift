import Glibc
import HTTPServer
import Synchronization
import TimeSeries
import Wire

@testable import Scrape

/// Keeps scrapes; takes them or not, as it is told.
final class ScrapeCollector: ScrapeSink {
  private let state = Mutex((scrapes: [Scrape](), verdict: ScrapeVerdict.taken))

  func take(_ scrape: Scrape) -> ScrapeVerdict {
    state.withLock { state in
      state.scrapes.append(scrape)
      return state.verdict
    }
  }

  var scrapes: [Scrape] { state.withLock { $0.scrapes } }
  func answer(_ verdict: ScrapeVerdict) { state.withLock { $0.verdict = verdict } }
}

/// Waits until `condition` holds; false after twenty seconds.
func eventually(_ condition: () -> Bool) -> Bool {
  let deadline = ContinuousClock.now + .seconds(20)
  while !condition() {
    if ContinuousClock.now > deadline { return false }
    usleep(500)  // between two looks at the condition
  }
  return true
}

extension Scrape {
  /// What it holds, by series: value, or `stale`. A time of its own stands behind an @.
  var content: [String: String] {
    var content: [String: String] = [:]
    for i in 0..<count {
      let (labels, timestamp, bits) = self[i]
      let value = bits == StaleMarker.bits ? "stale" : FloatText.string(Double(bitPattern: bits), .json)
      content[labels.description] = timestamp == self.timestamp ? value : "\(value) @\(timestamp)"
    }
    return content
  }

  /// The same without the scraper's own series and without labels that all have.
  var page: [String: String] {
    let own = ["up", "scrape_duration_seconds", "scrape_samples", "scrape_series_added"]
    return content.filter { line in !own.contains { line.key.hasPrefix($0) } }
  }

  func own(_ name: String) -> String? { content.first { $0.key.hasPrefix(name + "{") }?.value }
}

/// What a remote-write sink is given.
final class WriteCollector: RemoteWriteSink {
  var samples: [(labels: LabelSet, timestamp: Int64, bits: UInt64)] = []
  var families: [String] = []
  var recognised = 0
  private var identities: [SeriesIdentity: LabelSet] = [:]

  func known(_ identity: SeriesIdentity, _ samples: borrowing SampleColumns) -> Bool {
    guard let labels = identities[identity] else { return false }
    recognised += 1
    append(labels, samples)
    return true
  }

  func series(
    _ labels: UnsafeBufferPointer<LabelBytes>, _ identity: SeriesIdentity?, _ samples: borrowing SampleColumns
  ) {
    let set = LabelSet(copying: labels)
    if let identity { identities[identity] = set }
    append(set, samples)
  }

  private func append(_ labels: LabelSet, _ samples: borrowing SampleColumns) {
    for i in 0..<samples.count { self.samples.append((labels, samples.timestamps[i], samples[i].value.bitPattern)) }
  }

  func reject(_ rejection: SeriesRejection, samples: Int, text: @autoclosure () -> String) {}

  func metadata(_ metadata: FamilyMetadata) {
    families.append(
      "\(String(decoding: metadata.name, as: UTF8.self)) \(metadata.type) "
        + "\(String(decoding: metadata.help, as: UTF8.self))")
  }
}

/// A server with the pages of one test.
func withPages<R>(_ routes: (inout Router) -> Void, _ body: (Server) throws -> R) throws -> R {
  var router = Router()
  routes(&router)
  var settings = ServerSettings(address: ListenAddress(host: "127.0.0.1", port: 0))
  settings.ioThreads = 1
  let server = try Server.start(settings, router: router)
  defer { server.stop(within: .zero) }
  return try body(server)
}

/// A scraper with one target, or with several.
func withScraper<R>(
  _ targets: [ScrapeTarget], settings: ScraperSettings = ScraperSettings(), sink: ScrapeCollector = ScrapeCollector(),
  _ body: (Scraper, ScrapeCollector) throws -> R
) throws -> R {
  let scraper = try Scraper(settings, sink: sink)
  defer { scraper.stop(within: .seconds(10)) }
  try scraper.update(targets)
  return try body(scraper, sink)
}

extension Server {
  func target(_ path: String, every interval: Duration = .milliseconds(100)) -> ScrapeTarget {
    var target = ScrapeTarget(url: "http://127.0.0.1:\(port)\(path)", job: "test")
    target.interval = interval
    target.timeout = interval
    target.instance = "here"
    return target
  }
}

extension Response {
  static func page(_ text: String, _ contentType: String = "text/plain; version=0.0.4") -> Response {
    .bytes(Array(text.utf8), contentType: contentType)
  }
}
