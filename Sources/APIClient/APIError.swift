/// Why a request has no answer that counts.
public enum APIError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Nothing that HTTP could go to, such as `ftp://x`.
  case url(String, reason: String)
  /// No answer: the address, and libcurl's words for what went wrong.
  case connection(String, reason: String)
  /// An answer with another status than 2xx. The text is the server's own, where it has one.
  case status(Int, type: String?, text: String)
  /// What is no answer of the Prometheus API.
  case answer(String)

  public var description: String {
    switch self {
    case .url(let url, let reason): "\(url): \(reason)"
    case .connection(let address, let reason): "cannot reach \(address): \(reason)"
    case .status(let status, _, let text): text.isEmpty ? "the server answered with status \(status)" : text
    case .answer(let reason): reason
    }
  }
}
