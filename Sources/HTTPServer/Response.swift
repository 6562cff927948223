/// What a handler answers.
public struct Response: Sendable {
  /// From 200 to 599.
  public var status: Int
  /// Without `Content-Length`, `Transfer-Encoding` and `Date`: the server writes those.
  public var headers: HeaderFields
  public var body: Body
  /// Whether the server may compress the body for a client that accepts it. Bodies under 1 KiB, bodies that have a
  /// `Content-Encoding` already and event streams never are; nor are bodies over 16 KiB from an inline route, as that
  /// would hold an I/O thread.
  public var isCompressible = true

  /// Where the bytes come from.
  public enum Body: Sendable {
    case bytes([UInt8])
    /// Pulled part by part on the route's worker pool; see `ChunkSource`.
    case stream(any ChunkSource)
    /// Pushed by the application; see `EventStream`.
    case events(EventStream)
    /// Not known yet: the response that comes stands for this one, status and headers too. Only for pooled routes.
    case deferred(DeferredResponse)
  }

  public init(status: Int = 200, headers: HeaderFields = [:], body: Body = .bytes([])) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// A complete body. `contentType` as in `application/json`.
  public static func bytes(_ body: [UInt8], contentType: String, status: Int = 200) -> Response {
    Response(status: status, headers: ["Content-Type": contentType], body: .bytes(body))
  }

  /// Plain text.
  public static func text(_ text: String, status: Int = 200) -> Response {
    bytes(Array(text.utf8), contentType: "text/plain; charset=utf-8", status: status)
  }

  /// A body that is made while it is sent. Only for pooled routes.
  public static func stream(contentType: String, source: any ChunkSource) -> Response {
    Response(headers: ["Content-Type": contentType], body: .stream(source))
  }

  /// A stream of server-sent events (HTML standard, section 9.2), which lasts until either side closes it.
  public static func events(_ stream: EventStream) -> Response {
    Response(headers: ["Content-Type": "text/event-stream", "Cache-Control": "no-cache"], body: .events(stream))
  }

  /// A response that comes later.
  public static func deferred(_ response: DeferredResponse) -> Response {
    Response(body: .deferred(response))
  }

  /// A redirection; `location` has to be encoded already.
  public static func redirect(to location: String, status: Int = 302) -> Response {
    var response = text("\(location)\n", status: status)
    response.headers["Location"] = location
    return response
  }

  /// 204: success without a body.
  public static var noContent: Response { Response(status: 204) }
}

/// A body made in parts, each when the client has taken the one before: memory stays at one part, however long the
/// body and however slow the client, and no thread waits for the client.
public protocol ChunkSource: AnyObject, Sendable {
  /// Appends the next part, about 64 KiB, to `chunk`, which is empty but has capacity. Called on the route's worker
  /// pool, never twice at once.
  ///
  /// An error at the first part is answered as if the handler had thrown it; later on the connection is cut off, so
  /// that the client sees that the body is not whole.
  /// - Returns: false if this was the last part.
  func next(into chunk: inout [UInt8]) throws -> Bool
}
