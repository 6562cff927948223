/// From a complete request to an answer: on the I/O thread for inline routes and refusals, else on the route's pool.
extension Exchange {
  /// What handling a request comes to.
  enum Conclusion {
    /// `nil` only when there is no memory.
    case answer(Answer?)
    /// The handler has left the response to others; `answer(to:with:pool:)` makes an answer of it.
    case later(DeferredResponse, Request)
  }

  /// Runs the handler.
  /// - Parameter pool: the one this runs on; `nil` on an I/O thread.
  func conclude(pool: WorkerPool?) -> Conclusion {
    let request: Request
    do throws(HTTPError) {
      guard let made = try makeRequest() else { return .answer(nil) }
      request = made
    } catch {
      return .answer(makeAnswer(refusing: error))
    }
    body = []
    do {
      let response = try core.hooks.admit?(request) ?? respond(to: request)
      if case .deferred(let later) = response.body, pool != nil { return .later(later, request) }
      return .answer(answer(to: request, with: response, pool: pool))
    } catch {
      return .answer(answer(to: request, refusing: error, pool: pool))
    }
  }

  /// What `attempt` answers at once, if anything; on the I/O thread. A request that it leaves, or that is refused, is the
  /// pool's, as if nothing had been.
  func answer(attempting attempt: Router.Attempt) -> Answer? {
    guard let request = try? makeRequest(), let response = try? core.hooks.admit?(request) ?? attempt(request) else {
      return nil
    }
    return answer(to: request, with: response, pool: nil)
  }

  /// The request as handlers see it; `nil` when it was refused before it could be read.
  private func makeRequest() throws(HTTPError) -> Request? {
    guard let target else { return nil }
    var found: (route: String?, parameters: Parameters) = (nil, Parameters())
    if case .found(let route, let parameters) = match { found = (route.pattern, parameters) }
    return try Request(head, target: target, body: body, match: found) { self.isCancelled }
  }

  /// Answers with an error of the server's own.
  func makeAnswer(refusing error: HTTPError) -> Answer? {
    answer(to: Request(refused: head), refusing: error, pool: nil)
  }

  /// Makes an answer of what a handler has returned.
  func answer(to request: Request, with response: Response, pool: WorkerPool?) -> Answer? {
    do {
      var response = response
      core.hooks.decorate?(request, &response)
      return try makeAnswer(response, pool: pool)
    } catch {
      return answer(to: request, refusing: error, pool: pool)
    }
  }

  /// Makes an answer of what a handler has thrown.
  private func answer(to request: Request, refusing error: any Error, pool: WorkerPool?) -> Answer? {
    let error = error as? HTTPError ?? .unknown(error)
    var response = core.hooks.renderError(error, request)
    core.hooks.decorate?(request, &response)
    do {
      return try makeAnswer(response, pool: pool)
    } catch {  // the rendered error is a stream, and that failed too
      return Answer(status: 500, headers: [:], body: [], isHead: head.method == "HEAD")
    }
  }

  private func respond(to request: Request) throws -> Response {
    switch match {
    case .found(let route, _):
      return try route.handler(request)
    case .notAllowed(let allowed):
      guard head.method == "OPTIONS" else { throw HTTPError.methodNotAllowed(head.method, allowed: allowed) }
      if let response = core.hooks.options?(request, allowed) { return response }
      return Response(status: 204, headers: ["Allow": allowed.joined(separator: ", ")])
    case .redirect(let path):
      if head.method == "OPTIONS", let response = core.hooks.options?(request, []) { return response }
      let query = target.map { String(decoding: $0.query, as: UTF8.self) } ?? ""
      let isSafe = head.method == "GET" || head.method == "HEAD"
      return .redirect(to: query.isEmpty ? path : "\(path)?\(query)", status: isSafe ? 301 : 308)
    case .unknown:
      if head.method == "OPTIONS", let response = core.hooks.options?(request, []) { return response }
      throw HTTPError.notFound()
    }
  }

  private func makeAnswer(_ response: Response, pool: WorkerPool?) throws -> Answer? {
    var headers = response.headers
    if let field = core.settings.serverField, headers["Server"] == nil { headers["Server"] = field }
    if core.isDraining { headers["Connection"] = "close" }
    let isHead = head.method == "HEAD"
    switch response.body {
    case .bytes(var bytes):
      if bytes.count >= ContentCoding.bytesMin, let coding = negotiate(response, &headers),
        pool != nil || bytes.count <= ContentCoding.inlineBytesMax, let deflater = Deflater(coding)
      {
        var compressed: [UInt8] = []
        compressed.reserveCapacity(bytes.count / 4)
        deflater.compress(bytes, isLast: true, into: &compressed)
        bytes = compressed
        headers["Content-Encoding"] = coding.rawValue
      }
      return Answer(status: response.status, headers: headers, body: bytes, isHead: isHead)
    case .stream(let source):
      guard let pool else { throw HTTPError(500, "internal error: a stream needs a pooled route") }
      let coding = negotiate(response, &headers)
      return try makeAnswer(response.status, headers, source, coding: coding, pool: pool)
    case .deferred: throw HTTPError(500, "internal error: a deferred response needs a pooled route, and a response")
    case .events(let stream):
      return Answer(
        status: response.status, headers: headers, feed: EventFeed(stream, exchange: self),
        isHTTP10: head.isHTTP10, isHead: isHead)
    }
  }

  private func makeAnswer(
    _ status: Int, _ headers: HeaderFields, _ source: any ChunkSource, coding: ContentCoding?, pool: WorkerPool
  ) throws -> Answer? {
    var headers = headers
    let feed = StreamFeed(source, pool: pool, exchange: self, coding: coding)
    let isHead = head.method == "HEAD"
    // A HEAD needs none of the body, so the source is not even asked for its first part.
    switch isHead ? .open(coding) : try feed.start() {
    case .whole(let body, let coding):
      if let coding { headers["Content-Encoding"] = coding.rawValue }
      return Answer(status: status, headers: headers, body: body, isHead: isHead)
    case .open(let coding):
      if let coding { headers["Content-Encoding"] = coding.rawValue }
      return Answer(status: status, headers: headers, feed: feed, isHTTP10: head.isHTTP10, isHead: isHead)
    }
  }

  /// The coding to use, if any; tells caches that the choice was the client's.
  private func negotiate(_ response: Response, _ headers: inout HeaderFields) -> ContentCoding? {
    guard response.isCompressible, headers["Content-Encoding"] == nil, ![204, 206, 304].contains(response.status)
    else { return nil }
    headers.add("Vary", "Accept-Encoding")
    return ContentCoding.negotiate(head.headers["Accept-Encoding"])
  }
}
