public import TimeSeries

/// How a target is doing: what Prometheus tells at `/api/v1/targets`, and how many scrapes came to what.
public struct ScrapeStatus: Sendable, Equatable {
  public enum Health: String, Sendable {
    case unknown, up, down
  }

  public var job: String
  public var instance: String
  /// `job`, `instance` and the target's own.
  public var labels: LabelSet
  /// Without secrets, which have no place in it.
  public var url: String
  /// `http` or `https`, host and port, and path: what the URL consists of.
  public var scheme: String
  public var address: String
  public var path: String
  public var interval: Duration
  public var timeout: Duration

  public var health = Health.unknown
  /// Of the last scrape; `nil` if it succeeded.
  public var lastError: String?
  /// Milliseconds since the epoch; `nil` before the first one.
  public var lastScrape: Int64?
  public var lastDuration: Duration = .zero
  /// Samples on the page and bytes of it, unpacked.
  public var lastSamples = 0
  public var lastBytes = 0
  /// When it is due next, in milliseconds since the epoch.
  public var nextScrape: Int64?

  public var scrapes = 0
  public var failures = 0
  /// Scrapes, with all their samples, for which the sink had no place, and its reason for the last one.
  public var notTaken = 0
  public var lastNotTaken: String?
  /// Scrapes that were due while the one before was still running, or while nothing ran at all.
  public var missed = 0
  /// Connections that were made; fewer than scrapes, if the other side keeps them.
  public var connections = 0
  /// Samples of a series that had one for the same time on the same page: the first one counts.
  public var duplicates = 0
  /// Samples more than ten minutes in the future.
  public var outOfBounds = 0
  /// Exemplars, which are not taken further.
  public var exemplars = 0

  init(_ resolved: ResolvedTarget) {
    job = resolved.target.job
    instance = resolved.labels["instance"]
    labels = resolved.labels
    url = resolved.target.url
    scheme = resolved.url.isTLS ? "https" : "http"
    address = resolved.url.authority
    path = resolved.url.path
    interval = resolved.target.interval
    timeout = resolved.target.timeout
  }
}
