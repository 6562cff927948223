internal import CCurl

/// libcurl's handle for many transfers at once, with their connections.
///
/// `@unchecked Sendable`: the loop's thread alone uses it, but for `wake`, which libcurl allows from any thread while the
/// handle lives (`curl_multi_wakeup`, "AVAILABILITY" and threads in `libcurl-thread`).
final class MultiHandle: @unchecked Sendable {
  private let raw: UnsafeMutableRawPointer

  /// libcurl asks for this once per process, before anything else; since 7.84 from any thread.
  private static let library: CURLcode = curl_global_init(Int(CURL_GLOBAL_DEFAULT))

  /// `nil` if libcurl cannot be used: there is no memory, or no randomness for TLS.
  init?() {
    guard MultiHandle.library == CURLE_OK, let raw = curl_multi_init() else { return nil }
    self.raw = raw
    // One request a connection; HTTP/2 is not asked for.
    curl_multi_set_long(raw, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING))
  }

  deinit { curl_multi_cleanup(raw) }

  /// How many idle connections to keep.
  func keepConnections(_ count: Int) { curl_multi_set_long(raw, CURLMOPT_MAXCONNECTS, max(count, 1)) }

  func add(_ transfer: Transfer) -> Bool { curl_multi_add_handle(raw, transfer.raw) == CURLM_OK }

  func remove(_ transfer: Transfer) { curl_multi_remove_handle(raw, transfer.raw) }

  /// Does what can be done without waiting.
  func perform() {
    var running: Int32 = 0
    _ = curl_multi_perform(raw, &running)
  }

  /// The next transfer that has ended, and how.
  func nextResult() -> (transfer: UnsafeMutableRawPointer, code: CURLcode)? {
    var left: Int32 = 0
    while let message = curl_multi_info_read(raw, &left) {
      guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
      return (easy, curl_message_result(message))
    }
    return nil
  }

  /// Waits until there is something to do, until `wake`, or for so many milliseconds.
  func wait(atMost milliseconds: Int32) { curl_multi_poll(raw, nil, 0, milliseconds, nil) }

  func wake() { curl_multi_wakeup(raw) }
}
