public import Wire

/// Why a scrape failed.
public enum ScrapeError: Error, Equatable, Sendable {
  case timedOut(Duration)
  /// No connection, no name, no trust: in libcurl's words.
  case connection(String)
  /// Anything but 200.
  case status(Int)
  case contentType(String?)
  case bodyTooLarge(limit: Int)
  /// All pages that are being read would take more memory than they may.
  case bodiesTooLarge(limit: Int)
  case sampleLimit(Int, found: Int)
  case page(ExpositionError)
  /// A secret's file cannot be read, or holds what cannot be sent.
  case secret(file: String, reason: String)
}

extension ScrapeError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .timedOut(let timeout): "no complete answer within \(timeout)"
    case .connection(let reason): reason
    case .status(let status): "the server answered with HTTP status \(status)"
    case .contentType(nil): "the answer has no Content-Type; set a fallback format if it is a page of metrics"
    case .contentType(let type?): "the answer's Content-Type is \(type), which is no page of metrics"
    case .bodyTooLarge(let limit): "the page is larger than \(limit) bytes"
    case .bodiesTooLarge(let limit): "all pages that are being read together are larger than \(limit) bytes"
    case .sampleLimit(let limit, let found): "the page has \(found) samples, more than the limit of \(limit)"
    case .page(let error): "the page is malformed: \(error)"
    case .secret(let file, let reason): "the secret in \(file) \(reason)"
    }
  }
}
