internal import CMicroHTTPD

/// The engine's calls while a request comes in: once with the headers, then with parts of the body, then once more.
/// All on the connection's I/O thread.
extension Exchange {
  func called(
    method: UnsafePointer<CChar>?, version: UnsafePointer<CChar>?, part: UnsafePointer<CChar>?,
    partBytes: UnsafeMutablePointer<Int>?
  ) -> MHD_Result {
    switch stage {
    case .head:
      return headReceived(method: method, version: version)
    case .admission:
      // Resumed: with a decision, or because the exchange was aborted.
      guard let decision = takeDecision() else { return .NO }
      client?.expectRequest(within: core.settings.requestTimeout)
      return proceed(refusing: decision)
    case .body:
      guard let part, let partBytes, partBytes.pointee > 0 else { return requestReceived() }
      let bytes = UnsafeRawBufferPointer(start: part, count: partBytes.pointee)
      partBytes.pointee = 0  // all of it is taken
      return bodyReceived(bytes)
    case .waiting:
      // Resumed: with an answer, or because the exchange was aborted.
      guard let answer = takeAnswer() else { return .NO }
      return send(answer)
    case .answered: return .NO
    }
  }

  /// How much of a body that is not wanted is read, to be able to answer on the same connection.
  private var drainBytesMax: Int { max(core.settings.bodyBytesMax, 1 << 20) }

  private func headReceived(method: UnsafePointer<CChar>?, version: UnsafePointer<CChar>?) -> MHD_Result {
    head.method = method.map { String(cString: $0) } ?? ""
    head.isHTTP10 = version.map { String(cString: $0) } == "HTTP/1.0"
    withUnsafeMutablePointer(to: &head.headers) {
      _ = MHD_get_connection_values_n(connection, .HEADER_KIND, addHeader, $0)
    }
    do throws(HTTPError) {
      try checkFraming()
      guard isTargetUTF8 else { throw .badRequest("the request target is not UTF-8") }
      let target = try RequestTarget(head.target)
      self.target = target
      match = core.router.match(head.method, target.rawPath)
    } catch {
      // Where the next request begins is anybody's guess: answering now makes the engine close the connection.
      return refuse(error)
    }
    switch core.hooks.gatekeeper?.admit(head.headers, from: head.remoteAddress) ?? .admitted {
    case .admitted: return proceed(refusing: nil)
    case .refused(let response): return proceed(refusing: response)
    case .later(let pending):
      stage = .admission
      client?.hasRequest()
      guard suspend() else { return .NO }
      pending.whenDecided { self.resume(decided: $0) }
      return .YES
    }
  }

  /// The gatekeeper has decided.
  private func proceed(refusing response: Response?) -> MHD_Result {
    stage = .body
    let declared = head.headers["Content-Length"].flatMap { Int($0) } ?? 0
    if let response {
      refusal = .response(response)
    } else if declared > core.settings.bodyBytesMax {
      refusal = .error(.bodyTooLarge(limit: core.settings.bodyBytesMax))
    }
    // Whoever waits for permission to send the body, or would send very much in vain, is told at once; others get
    // the answer after the body, as many clients read nothing before.
    if let refusal, head.headers["Expect"] != nil || declared > drainBytesMax + core.settings.bodyBytesMax {
      return refuse(refusal)
    }
    return .YES
  }

  /// What leaves doubt where the body ends is refused (RFC 9112 section 6.3): a proxy before us might see it otherwise.
  private func checkFraming() throws(HTTPError) {
    let lengths = head.headers.all("Content-Length")
    let codings = head.headers.all("Transfer-Encoding")
    guard lengths.count <= 1 else { throw .badRequest("Content-Length is given \(lengths.count) times") }
    guard codings.isEmpty || lengths.isEmpty else {
      throw .badRequest("Content-Length and Transfer-Encoding exclude each other")
    }
    guard codings.allSatisfy({ hasSameLetters($0, "chunked") }), codings.count <= 1 else {
      throw HTTPError(501, "the only Transfer-Encoding supported is chunked")
    }
    guard head.isHTTP10 || head.headers.all("Host").count == 1 else {
      throw .badRequest("a request needs exactly one Host header")
    }
  }

  private func bodyReceived(_ part: UnsafeRawBufferPointer) -> MHD_Result {
    bodyBytes += part.count
    if bodyBytes > core.settings.bodyBytesMax {
      refusal = refusal ?? .error(.bodyTooLarge(limit: core.settings.bodyBytesMax))
      body = []
      return bodyBytes > core.settings.bodyBytesMax + drainBytesMax ? .NO : .YES
    }
    if refusal == nil { body.append(contentsOf: part) }
    return .YES
  }

  private func requestReceived() -> MHD_Result {
    client?.hasRequest()
    if let refusal { return refuse(refusal) }
    guard case .found(let route, _) = match, case .pooled(let pool, let attempt) = route.execution else {
      guard case .answer(let answer) = conclude(pool: nil) else { return .NO }  // nothing is deferred here
      return send(answer)
    }
    if let attempt, let answer = answer(attempting: attempt) { return send(answer) }
    guard pool.reserve() else {
      return refuse(
        .unavailable("all workers of pool \(pool.name) are busy and its queue is full", retryAfterSeconds: 1))
    }
    stage = .waiting
    guard suspend() else {
      pool.cancelReservation()
      return .NO
    }
    pool.enqueue({ self.run(on: pool) }, for: head.remoteAddress, isReserved: true)
    return .YES
  }

  /// The job of a pooled route.
  private func run(on pool: WorkerPool) {
    if isCancelled {  // the client left while the request was queued
      pool.countAbandoned()
      resume()  // without an answer: the connection is closed
      return
    }
    switch conclude(pool: pool) {
    case .answer(let answer): resume(with: answer)
    case .later(let response, let request):
      // Whoever fulfils it renders it, too: such responses are small.
      response.whenFulfilled { self.resume(with: self.answer(to: request, with: $0, pool: pool)) }
    }
  }

  private func refuse(_ rejection: Rejection) -> MHD_Result {
    switch rejection {
    case .error(let error): refuse(error)
    case .response(let response): send(answer(to: Request(refused: head), with: response, pool: nil))
    }
  }

  /// Answers with an error, at whatever stage.
  private func refuse(_ error: HTTPError) -> MHD_Result {
    send(makeAnswer(refusing: error))
  }

  /// Hands the answer to the engine.
  private func send(_ answer: Answer?) -> MHD_Result {
    guard let answer else { return .NO }
    client?.hasRequest()
    stage = .answered
    self.answer = answer
    if let feed = answer.feed as? EventFeed { core.opened(feed.stream, of: self) }
    return answer.queue(on: connection)
  }
}

/// Adds one header field to the `HeaderFields` that `context` points to.
private func addHeader(
  _ context: UnsafeMutableRawPointer?, _ kind: MHD_ValueKind, _ name: UnsafePointer<CChar>?, _ nameBytes: Int,
  _ value: UnsafePointer<CChar>?, _ valueBytes: Int
) -> MHD_Result {
  guard let fields = context?.assumingMemoryBound(to: HeaderFields.self) else { return .NO }
  fields.pointee.add(text(name, nameBytes), text(value, valueBytes))
  return .YES
}

private func text(_ start: UnsafePointer<CChar>?, _ count: Int) -> String {
  String(decoding: UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count), as: UTF8.self)
}
