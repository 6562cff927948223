internal import Configuration
@preconcurrency internal import Dispatch
internal import Scrape
internal import TimeSeries

/// A source that promring scrapes. It lives on while its task changes, so that series go on or end as they should; with
/// another filter or other labels there is another one, as the series that were delivered end then.
final class ScrapeSource: Sendable {
  let key: Key
  let queue: ScrapeQueue
  private let scraper: Scraper

  /// What makes two sources of a task the same.
  struct Key: Equatable {
    let place: Int?
    let name: String
    let filter: [FilterLine]
    let labels: [LabelLine]

    /// - Parameter place: in the task; counts where there is no name.
    init(_ source: DeliveryTask.Source, at place: Int) {
      self.place = source.name.isEmpty ? place : nil
      name = source.name
      filter = source.filter
      labels = source.labels
    }
  }

  init(key: Key, budget: ByteBudget) throws(ScraperError) {
    self.key = key
    queue = ScrapeQueue(budget: budget)
    var settings = ScraperSettings()
    settings.bodiesBytesMax = 64 << 20
    scraper = try Scraper(settings, sink: queue)
  }

  /// Whether a scraper takes these pages.
  static func check(_ scrape: DeliveryTask.Scrape) throws(ScrapeTargetError) {
    try Scraper.check(targets(scrape))
  }

  /// Goes on with these pages, and delivers them there.
  /// - Throws: what `check` throws.
  func go(on scrape: DeliveryTask.Scrape, by route: Route) throws(ScrapeTargetError) {
    queue.send(by: route)
    try scraper.update(Self.targets(scrape))
  }

  var statuses: [ScrapeStatus] { scraper.statuses }

  /// Ends all series with stale markers, and then itself; its target has to stay for a second.
  func retire() {
    try? scraper.update([])  // which nothing can be wrong with
    DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(500)) { self.close() }
  }

  /// Ends without a word: whoever scrapes next goes on with the series.
  func close() {
    scraper.stop(within: .milliseconds(200))
    queue.close()
  }

  private static func targets(_ scrape: DeliveryTask.Scrape) -> [ScrapeTarget] {
    scrape.urls.map { url in
      var target = ScrapeTarget(url: url, job: scrape.job)
      target.instance = scrape.instance.isEmpty ? nil : scrape.instance
      target.interval = scrape.interval
      target.timeout = scrape.timeout
      target.honorLabels = scrape.honorLabels
      target.authorization =
        switch scrape.authorization {
        case .none: nil
        case .bearer(let token): .bearer(secret(token))
        case .basic(let user, let password): .basic(user: user, password: secret(password))
        }
      func path(_ text: String) -> String? { text.isEmpty ? nil : text }
      target.tls.caFile = path(scrape.tls.caFile)
      target.tls.certificateFile = path(scrape.tls.certificateFile)
      target.tls.keyFile = path(scrape.tls.keyFile)
      target.tls.insecureSkipVerify = scrape.tls.isInsecure
      return target
    }
  }

  /// A file is read again at every scrape: tokens change.
  private static func secret(_ property: KafkaProperty) -> ScrapeSecret {
    property.file.map { .file($0) } ?? .text(property.value)
  }
}
