/// Where scrapes go.
public protocol ScrapeSink: Sendable {
  /// Takes a scrape as a whole, or not at all. Called on the scraper's one thread, which has to go on at once: so it may
  /// keep the scrape, but must not wait for anything.
  ///
  /// What is not taken is lost, but for the end of series: stale markers come again with the next scrape.
  func take(_ scrape: Scrape) -> ScrapeVerdict
}

public enum ScrapeVerdict: Sendable, Equatable {
  case taken
  /// There is no room. The reason is shown with the target.
  case notTaken(reason: String)
}
