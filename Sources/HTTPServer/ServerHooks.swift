/// What the server asks its owner. Each closure runs on whatever thread handles the request, several at once; those
/// of inline routes and of requests without a route run on I/O threads and must be quick.
public struct ServerHooks: Sendable {
  /// Sees the head of every request before its body is kept, whether or not there is a route for it.
  public var gatekeeper: Gatekeeper?
  /// Runs before every handler, and before the 404 or 405 where there is none. A response, or an error thrown, is
  /// answered in the handler's place.
  public var admit: (@Sendable (Request) throws -> Response?)?
  /// Turns errors, the server's own too, into responses. Plain text unless set.
  public var renderError: @Sendable (HTTPError, Request) -> Response = { error, _ in
    var response = Response.text(error.message + "\n", status: error.status)
    for (name, value) in error.headers.fields { response.headers.add(name, value) }
    return response
  }
  /// Sees every response before it is compressed and sent, errors too. For headers that all need.
  public var decorate: (@Sendable (Request, inout Response) -> Void)?
  /// Answers OPTIONS where no route does; `allowed` are the methods of the path's routes, none for an unknown path.
  /// Without an answer it is 204 with `Allow`, or 404 for an unknown path.
  public var options: (@Sendable (Request, _ allowed: [String]) -> Response?)?
  /// Called once for each request when the last byte is sent or the connection is lost; on an I/O thread.
  public var observe: (@Sendable (RequestRecord) -> Void)?
  /// Receives the engine's own messages: about limits reached, but also about clients that misbehave.
  public var log: (@Sendable (String) -> Void)?
  /// Receives what an operator has to see to: that connections cannot be accepted.
  public var warn: (@Sendable (String) -> Void)?

  public init() {}
}

/// What became of a request.
public struct RequestRecord: Sendable {
  public enum Outcome: Sendable, Equatable {
    /// The whole response was handed to the kernel.
    case completed
    /// The client was gone before.
    case clientGone
    /// The client did not read or write within the idle timeout.
    case timedOut
    /// The body could not be completed: its source threw.
    case sourceFailed
    /// The engine refused the request by itself: its headers did not fit, or its chunks were malformed.
    case refused
    /// The server stopped first.
    case serverStopped
  }

  /// The pattern of the route; `nil` if none matched.
  public var route: String?
  /// Empty if the engine refused the request before its headers were complete.
  public var method: String
  /// Where no response was begun it stands for the outcome: 499 for a client that is gone, as in nginx and Prometheus,
  /// 408 for one that was too slow, 503 for a server that stopped.
  public var status: Int
  /// Of the request's body.
  public var requestBytes: Int
  /// Of the response's body, as sent.
  public var responseBytes: Int
  /// From the request line to the last byte.
  public var duration: Duration
  public var outcome: Outcome
}
