public import TimeSeries
public import Wire

/// A page of metrics that is read again and again: what Prometheus calls a target, with the settings of its
/// `scrape_config` (`prometheus/prometheus: docs/configuration/configuration.md`).
public struct ScrapeTarget: Hashable, Sendable {
  /// `http://` or `https://`, without user and password.
  public var url: String
  public var job: String
  /// `nil`: host and port of the URL.
  public var instance: String?
  /// Attached to every series beside `job` and `instance`.
  public var labels: [Label] = []
  /// How often; at least 10 ms.
  public var interval: Duration = .seconds(60)
  /// For everything from looking up the name to the last byte; not longer than the interval.
  public var timeout: Duration = .seconds(10)
  /// Where a series of the page has a label of the same name as `job`, `instance` or one of `labels`: whether the
  /// page's stays, even an empty one. Otherwise the page's becomes `exported_…`.
  public var honorLabels = false
  /// Whether samples with timestamps keep them; all get the time of the scrape otherwise.
  public var honorTimestamps = true
  /// Whether series with timestamps of their own get stale markers, too, when they vanish.
  public var trackTimestampsStaleness = false
  /// A page with more samples is refused; 0 for no limit.
  public var sampleLimit = 0
  /// A larger page, unpacked, is refused.
  public var bodyBytesMax = 64 << 20
  /// Labels of one series; a page with more is refused.
  public var labelsMax = 256
  public var authorization: ScrapeAuthorization?
  public var tls = ScrapeTLS()
  public var followRedirects = true
  /// Whether `http_proxy`, `https_proxy` and `no_proxy` of the environment count.
  public var proxyFromEnvironment = false
  /// How to read a page whose content type says neither; `nil` refuses it.
  public var fallbackFormat: ExpositionFormat?

  public init(url: String, job: String) {
    self.url = url
    self.job = job
  }
}

/// How to say who we are. Sent to the host of the URL alone, not to one that a redirection names.
public enum ScrapeAuthorization: Hashable, Sendable {
  case basic(user: String, password: ScrapeSecret)
  /// The header `Authorization: type credentials`.
  case credentials(type: String, ScrapeSecret)

  public static func bearer(_ token: ScrapeSecret) -> ScrapeAuthorization { .credentials(type: "Bearer", token) }
}

/// How to trust the other side, and be trusted. Paths of PEM files, read when a connection is made.
public struct ScrapeTLS: Hashable, Sendable {
  /// Certificate authorities; `nil` for the system's.
  public var caFile: String?
  /// A certificate of ours and its key.
  public var certificateFile: String?
  public var keyFile: String?
  /// The name that the certificate has to have; `nil` for the host of the URL.
  public var serverName: String?
  /// Takes any certificate: whoever is in between can read and change everything.
  public var insecureSkipVerify = false

  public init() {}
}

/// A password or a token. Neither it nor what contains it shows it when printed.
public enum ScrapeSecret: Hashable, Sendable {
  case text(String)
  /// Read at every scrape; white space around it does not count.
  case file(String)
}

extension ScrapeSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The name of the file, as that is no secret.
  public var description: String {
    switch self {
    case .text: "<secret>"
    case .file(let path): "<secret in \(path)>"
    }
  }

  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
