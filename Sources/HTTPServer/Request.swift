/// A request as handlers see it: complete, with its body, and immutable.
public final class Request: Sendable {
  /// As sent; methods are case-sensitive.
  public let method: String
  /// The request target as sent: path and query, still encoded.
  public let target: String
  /// The path, percent-decoded; without the router's prefix.
  public let path: String
  public let headers: HeaderFields
  /// The parameters of the URL.
  public let query: Parameters
  /// The parameters of an `application/x-www-form-urlencoded` body (POST, PUT and PATCH), then those of the URL. So
  /// `first` lets the body win over the URL, as Prometheus does, and `all` merges both.
  public let form: Parameters
  /// As sent: a `Content-Encoding` is the handler's to undo (`gunzip`).
  public let body: [UInt8]
  /// What the `{name}` segments of the route's pattern stood for, percent-decoded.
  public let pathParameters: Parameters
  public let remoteAddress: RemoteAddress
  /// When the request line had arrived. Deadlines that count the time in a queue start here.
  public let received: ContinuousClock.Instant
  /// The pattern of the route that matched, if one did.
  public let route: String?

  private let isGone: @Sendable () -> Bool

  /// Whether nobody waits for the answer any more: the client closed its end, or the server gave up waiting when it
  /// stopped. Cheap enough to ask often: the socket is looked at once in five milliseconds at most.
  ///
  /// A client that closes only its sending half counts as gone: the engine drops it too.
  public var isCancelled: Bool { isGone() }

  /// A value of the pattern's `{name}` segment.
  public func pathParameter(_ name: String) -> String? { pathParameters.first(name) }

  /// A request outside of a server, for tests of handlers.
  /// - Throws: `HTTPError` 400 for a malformed target or form.
  public convenience init(
    method: String = "GET", target: String, headers: HeaderFields = [:], body: [UInt8] = [],
    pathParameters: Parameters = Parameters(), route: String? = nil
  ) throws(HTTPError) {
    var head = RequestHead(method: method, target: target)
    head.headers = headers
    try self.init(
      head, target: RequestTarget(target), body: body, match: (route, pathParameters), isGone: { false })
  }

  init(
    _ head: RequestHead, target: RequestTarget, body: [UInt8], match: (route: String?, parameters: Parameters),
    isGone: @escaping @Sendable () -> Bool
  ) throws(HTTPError) {
    method = head.method
    self.target = head.target
    path = target.path
    headers = head.headers
    query = target.query.isEmpty ? Parameters() : try Parameters(parsing: target.query)
    let isForm = ["POST", "PUT", "PATCH"].contains(head.method) && Self.isForm(head.headers["Content-Type"])
    form = isForm ? Parameters(try Parameters(parsing: body[...]).items + query.items) : query
    self.body = body
    pathParameters = match.parameters
    remoteAddress = head.remoteAddress
    received = head.received
    route = match.route
    self.isGone = isGone
  }

  /// What is known of a request that was refused before it could be read: for `ServerHooks.renderError`.
  init(refused head: RequestHead) {
    method = head.method
    target = head.target
    path = (try? RequestTarget(head.target).path) ?? head.target
    headers = head.headers
    query = Parameters()
    form = Parameters()
    body = []
    pathParameters = Parameters()
    remoteAddress = head.remoteAddress
    received = head.received
    route = nil
    isGone = { false }
  }

  private static func isForm(_ contentType: String?) -> Bool {
    guard let contentType else { return false }
    let media = contentType.utf8.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }
    return hasSameLetters(String(decoding: media, as: UTF8.self), "application/x-www-form-urlencoded")
  }
}

/// What the request line and the header section said.
struct RequestHead: Sendable {
  var method: String
  var target: String
  var headers = HeaderFields()
  var isHTTP10 = false
  var remoteAddress = RemoteAddress.unknown
  var received = ContinuousClock.now
}

/// A request target taken apart (RFC 9112 section 3.2).
struct RequestTarget: Sendable {
  /// The path as sent.
  let rawPath: ArraySlice<UInt8>
  /// The path, percent-decoded.
  let path: String
  /// What follows the first `?`, as sent.
  let query: ArraySlice<UInt8>

  /// - Throws: `HTTPError` 400 if it is neither a path nor an absolute URL nor `*`, holds spaces or control characters,
  ///   or its path is not well encoded.
  init(_ target: String) throws(HTTPError) {
    let bytes = Array(target.utf8)
    guard !bytes.contains(where: { $0 <= 0x20 || $0 == 0x7f }) else {
      throw .badRequest("the request target holds a space or a control character")
    }
    let origin = Self.withoutOrigin(bytes[...])
    let mark = origin.firstIndex(of: UInt8(ascii: "?")) ?? origin.endIndex
    rawPath = origin[..<mark]
    query = origin[mark...].dropFirst()
    guard rawPath.first == UInt8(ascii: "/") || rawPath.elementsEqual("*".utf8) else {
      throw .badRequest("the request target does not begin with a slash")
    }
    guard let path = PercentEncoding.decode(rawPath, plusIsSpace: false) else {
      throw .badRequest("the request path is malformed: invalid percent-encoding or UTF-8")
    }
    self.path = path
  }

  /// Drops `http://host` of the absolute form, which servers must accept (RFC 9112 section 3.2.2).
  private static func withoutOrigin(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    for scheme in ["http://", "https://"] where bytes.starts(with: scheme.utf8) {
      let authority = bytes.dropFirst(scheme.utf8.count)
      guard let end = authority.firstIndex(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }) else {
        return [UInt8(ascii: "/")]
      }
      return authority[end] == UInt8(ascii: "/") ? authority[end...] : [UInt8(ascii: "/")] + authority[end...]
    }
    return bytes
  }
}
