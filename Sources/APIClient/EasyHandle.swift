internal import CCurl

/// libcurl's handle for one transfer after the other, with the connection between them.
final class EasyHandle {
  private let raw: UnsafeMutableRawPointer
  /// Where libcurl writes what went wrong; in its own piece of memory because it keeps the address.
  private let message: UnsafeMutablePointer<CChar>
  private var fields: UnsafeMutablePointer<curl_slist>?
  /// Takes the parts of a body; false ends the transfer.
  private var receive: (UnsafeRawBufferPointer) -> Bool = { _ in true }

  /// libcurl asks for this once per process, before anything else.
  private static let library: CURLcode = curl_global_init(Int(CURL_GLOBAL_DEFAULT))

  /// `nil` if libcurl cannot be used: there is no memory, or no randomness for TLS.
  init?() {
    guard EasyHandle.library == CURLE_OK, let raw = curl_easy_init() else { return nil }
    self.raw = raw
    message = .allocate(capacity: Int(CURL_ERROR_SIZE))
    message.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    set(CURLOPT_PROTOCOLS_STR, "http,https")
    set(CURLOPT_NOSIGNAL, 1)
    set(CURLOPT_ACCEPT_ENCODING, "gzip")
    curl_set_error_buffer(raw, message)
    // Not retained: this object owns the handle, whose transfers end before it does.
    curl_set_body(raw, bodyArrived, Unmanaged.passUnretained(self).toOpaque())
  }

  deinit {
    curl_easy_cleanup(raw)
    curl_slist_free_all(fields)
    message.deallocate()
  }

  func set(_ option: CURLoption, _ value: Int) { curl_set_long(raw, option, value) }
  func set(_ option: CURLoption, _ value: String?) { curl_set_text(raw, option, value) }

  /// The header fields of every request, each as `Name: value`.
  func setFields(_ lines: [String]) {
    for line in lines { fields = curl_slist_append(fields, line) }
    curl_set_list(raw, CURLOPT_HTTPHEADER, fields)
  }

  /// Bytes that stand for themselves in a query string or form.
  func escaped(_ text: String) -> String {
    guard !text.isEmpty, let escaped = curl_easy_escape(raw, text, Int32(text.utf8.count)) else { return "" }
    defer { curl_free(escaped) }
    return String(cString: escaped)
  }

  /// The status so far, 0 before there is one.
  var status: Int { curl_response_status(raw) }

  /// Runs the transfer to its end, or until `receive` wants no more.
  /// - Returns: what went wrong, if anything.
  func perform(_ receive: @escaping (UnsafeRawBufferPointer) -> Bool) -> String? {
    self.receive = receive
    defer { self.receive = { _ in true } }
    var wantsMore = true
    self.receive = { bytes in
      wantsMore = receive(bytes)
      return wantsMore
    }
    message[0] = 0
    let code = curl_easy_perform(raw)
    guard code != CURLE_OK, wantsMore else { return nil }
    let words = String(cString: message)
    return words.isEmpty ? String(cString: curl_easy_strerror(code)) : words
  }

  fileprivate func arrived(_ bytes: UnsafeRawBufferPointer) -> Bool { receive(bytes) }
}

/// Runs on the thread of `perform`.
private func bodyArrived(
  _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
  guard let context else { return 0 }
  let handle = Unmanaged<EasyHandle>.fromOpaque(context).takeUnretainedValue()
  return handle.arrived(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
}
