internal import CCurl
internal import TimeSeries
internal import Wire

/// What all pages that are being read may take together. On the loop's thread.
final class BodyBudget {
  let bytesMax: Int
  var used = 0

  init(bytesMax: Int) { self.bytesMax = bytesMax }
}

/// One target's side of libcurl: its settings and, while a scrape runs, its page. On the loop's thread.
final class Transfer {
  let raw: UnsafeMutableRawPointer
  private let target: ScrapeTarget
  private let budget: BodyBudget
  /// Where libcurl writes what went wrong; in its own piece of memory because it keeps the address.
  private let message: UnsafeMutablePointer<CChar>
  private var headers: UnsafeMutablePointer<curl_slist>?
  private var connectTo: UnsafeMutablePointer<curl_slist>?
  private var page = ByteWriter(capacity: 64)
  private var lastBytes = 0
  private var counted = 0
  private var refusal: ScrapeError?

  /// Formats in the order of preference, as Prometheus 3 asks for them.
  private static let accept =
    "Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    + "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
  /// What is read of an answer that does not count, so that its connection can be used again.
  private static let discardedMax = 64 << 10

  init(_ resolved: ResolvedTarget, userAgent: String, budget: BodyBudget) {
    guard let raw = curl_easy_init() else { preconditionFailure("there is no memory for a transfer") }
    self.raw = raw
    self.budget = budget
    target = resolved.target
    message = .allocate(capacity: Int(CURL_ERROR_SIZE))
    message.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    setFixed(resolved, userAgent)
  }

  /// It has to be removed from its `MultiHandle` before.
  deinit {
    budget.used -= counted
    curl_easy_cleanup(raw)
    curl_slist_free_all(headers)
    curl_slist_free_all(connectTo)
    message.deallocate()
  }

  // MARK: Settings

  private func set(_ option: CURLoption, _ value: Int) { curl_set_long(raw, option, value) }
  private func set(_ option: CURLoption, _ value: Bool) { curl_set_long(raw, option, value ? 1 : 0) }
  private func set(_ option: CURLoption, _ value: String?) { curl_set_text(raw, option, value) }

  private func setFixed(_ resolved: ResolvedTarget, _ userAgent: String) {
    set(CURLOPT_URL, resolved.url.request)
    set(CURLOPT_PROTOCOLS_STR, "http,https")
    set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
    set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    set(CURLOPT_USERAGENT, userAgent)
    set(CURLOPT_ACCEPT_ENCODING, "gzip")
    set(CURLOPT_FOLLOWLOCATION, target.followRedirects)
    set(CURLOPT_MAXREDIRS, 10)
    set(CURLOPT_TIMEOUT_MS, Int(max(target.timeout.nanoseconds / 1_000_000, 1)))
    set(CURLOPT_CONNECTTIMEOUT_MS, Int(max(target.timeout.nanoseconds / 1_000_000, 1)))
    // Signals would belong to the whole process.
    set(CURLOPT_NOSIGNAL, true)
    // A name that takes longer than the timeout is given up: otherwise all targets would wait for the resolver's thread.
    set(CURLOPT_QUICK_EXIT, true)
    set(CURLOPT_TCP_KEEPALIVE, true)
    // A connection may rest for as long as most intervals are.
    set(CURLOPT_MAXAGE_CONN, 600)
    if !target.proxyFromEnvironment { set(CURLOPT_PROXY, "") }
    set(CURLOPT_CAINFO, target.tls.caFile)
    if target.tls.caFile != nil { set(CURLOPT_CAPATH, nil) }
    set(CURLOPT_SSLCERT, target.tls.certificateFile)
    set(CURLOPT_SSLKEY, target.tls.keyFile)
    set(CURLOPT_SSL_VERIFYPEER, !target.tls.insecureSkipVerify)
    set(CURLOPT_SSL_VERIFYHOST, target.tls.insecureSkipVerify ? 0 : 2)
    if let address = resolved.url.connectTo {
      connectTo = curl_slist_append(nil, address)
      curl_set_list(raw, CURLOPT_CONNECT_TO, connectTo)
    }
    hostField = resolved.url.hostField
    curl_set_error_buffer(raw, message)
    // Not retained: this object owns the handle, whose transfers end before it does.
    curl_set_body(raw, bodyArrived, Unmanaged.passUnretained(self).toOpaque())
  }
  private var hostField: String?

  /// Puts together what may change between scrapes: secrets may come from files.
  private func setHeaders() throws(ScrapeError) {
    var fields = [Transfer.accept, "X-Prometheus-Scrape-Timeout-Seconds: \(target.timeout / .seconds(1))"]
    if let hostField { fields.append("Host: \(hostField)") }
    switch target.authorization {
    case nil: break
    case .basic(let user, let password):
      set(CURLOPT_HTTPAUTH, curl_auth_basic)
      set(CURLOPT_USERNAME, user)
      set(CURLOPT_PASSWORD, try password.read())
    case .credentials(let type, let secret): fields.append("Authorization: \(type) \(try secret.read())")
    }
    curl_set_list(raw, CURLOPT_HTTPHEADER, nil)
    curl_slist_free_all(headers)
    headers = nil
    for field in fields { headers = curl_slist_append(headers, field) }
    curl_set_list(raw, CURLOPT_HTTPHEADER, headers)
  }

  // MARK: A scrape

  /// Makes ready for another scrape.
  func begin() throws(ScrapeError) {
    forgetPage()
    refusal = nil
    message[0] = 0
    try setHeaders()
    // About what came last, so that it need not grow by copying.
    page = ByteWriter(capacity: lastBytes + lastBytes / 16 + 64)
  }

  /// What has come of it. The page is lent to `body`, and gone afterwards.
  func finish<R>(
    _ code: CURLcode, _ body: (Result<(bytes: UnsafeRawBufferPointer, format: ExpositionFormat), ScrapeError>) -> R
  ) -> R {
    defer { forgetPage() }
    if let error = error(code) { return body(.failure(error)) }
    let type = curl_content_type(raw).map { String(cString: $0) }
    lastBytes = page.count
    // An empty answer needs no type.
    guard let format = page.count == 0 ? .text004 : Transfer.format(of: type) ?? target.fallbackFormat else {
      return body(.failure(.contentType(type.map { String($0.prefix(100)) })))
    }
    return page.withBytes { body(.success(($0, format))) }
  }

  /// Bytes of the last page.
  var bytes: Int { lastBytes }

  /// Connections that the last scrape has made: none if an old one could be used.
  var newConnections: Int { curl_new_connections(raw) }

  /// Also for a scrape that is given up.
  func forgetPage() {
    budget.used -= counted
    counted = 0
    page = ByteWriter(capacity: 64)
  }

  private func error(_ code: CURLcode) -> ScrapeError? {
    if code == CURLE_OPERATION_TIMEDOUT { return .timedOut(target.timeout) }
    if let refusal { return refusal }
    if code != CURLE_OK {
      let words = String(cString: message)
      return .connection(words.isEmpty ? String(cString: curl_easy_strerror(code)) : words)
    }
    let status = curl_response_status(raw)
    return status == 200 ? nil : .status(status)
  }

  static func format(of contentType: String?) -> ExpositionFormat? {
    guard let contentType else { return nil }
    let type = contentType.prefix { $0 != ";" }.lowercased().filter { $0 != " " && $0 != "\t" }
    switch type {
    case "text/plain": return .text004
    case "application/openmetrics-text": return .openMetrics100
    default: return nil
    }
  }

  /// Takes a part of the page. False ends the transfer.
  fileprivate func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard curl_response_status(raw) == 200 else {
      counted += bytes.count
      budget.used += bytes.count
      if counted > Transfer.discardedMax { refusal = .status(curl_response_status(raw)) }
      return refusal == nil
    }
    if page.count + bytes.count > target.bodyBytesMax {
      refusal = .bodyTooLarge(limit: target.bodyBytesMax)
    } else if budget.used + bytes.count > budget.bytesMax {
      refusal = .bodiesTooLarge(limit: budget.bytesMax)
    } else {
      page.append(bytes)
      counted += bytes.count
      budget.used += bytes.count
    }
    return refusal == nil
  }
}

/// Runs on the loop's thread, within `perform`.
private func bodyArrived(
  _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
  guard let context else { return 0 }
  let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
  return transfer.append(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
}
