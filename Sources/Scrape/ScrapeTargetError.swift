/// What is wrong with a target's settings.
public enum ScrapeTargetError: Error, Equatable, Sendable {
  case url(String, reason: String)
  case noJob(url: String)
  /// 10 ms ≤ interval, 1 ms ≤ timeout ≤ interval.
  case times(url: String, reason: String)
  case label(url: String, name: String, reason: String)
  case limit(url: String, name: String)
  case authorization(url: String, reason: String)
  case tls(url: String, reason: String)
  /// Two targets would give the same series.
  case repeated(url: String)
}

extension ScrapeTargetError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .url(let url, let reason): "scrape target \(url): \(reason)"
    case .noJob(let url): "scrape target \(url): it needs a job"
    case .times(let url, let reason): "scrape target \(url): \(reason)"
    case .label(let url, let name, let reason): "scrape target \(url): label \"\(name)\" \(reason)"
    case .limit(let url, let name): "scrape target \(url): the limit \(name) is too small"
    case .authorization(let url, let reason): "scrape target \(url): \(reason)"
    case .tls(let url, let reason): "scrape target \(url): \(reason)"
    case .repeated(let url): "scrape target \(url): there are two with the same URL and labels"
    }
  }
}
