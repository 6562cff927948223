/// A refusal: thrown by a handler or made by the server itself, and turned into a response by
/// `ServerHooks.renderError`.
public struct HTTPError: Error, Sendable, CustomStringConvertible {
  /// From 400 to 599.
  public var status: Int
  /// For the client: what was wrong, and where.
  public var message: String
  /// Fields the response needs, such as `Allow` or `Retry-After`.
  public var headers: HeaderFields
  /// What a handler threw that was not an `HTTPError`: for the log, not for the client.
  public var cause: (any Error)?

  public init(_ status: Int, _ message: String, headers: HeaderFields = [:], cause: (any Error)? = nil) {
    self.status = status
    self.message = message
    self.headers = headers
    self.cause = cause
  }

  public var description: String { "\(status): \(message)" }

  /// 400.
  public static func badRequest(_ message: String) -> HTTPError { HTTPError(400, message) }

  /// 404, also what the server answers where no route matches.
  public static func notFound(_ message: String = "404 page not found") -> HTTPError { HTTPError(404, message) }

  /// 503 with the seconds after which trying again makes sense.
  public static func unavailable(_ message: String, retryAfterSeconds: Int) -> HTTPError {
    HTTPError(503, message, headers: ["Retry-After": "\(retryAfterSeconds)"])
  }

  static func methodNotAllowed(_ method: String, allowed: [String]) -> HTTPError {
    HTTPError(
      405, "method \(method) is not allowed here, only \(allowed.joined(separator: ", "))",
      headers: ["Allow": allowed.joined(separator: ", ")])
  }

  static func bodyTooLarge(limit: Int) -> HTTPError {
    HTTPError(413, "the request body is larger than \(limit) bytes")
  }

  static func unknown(_ cause: any Error) -> HTTPError {
    HTTPError(500, "internal error", cause: cause)
  }
}
