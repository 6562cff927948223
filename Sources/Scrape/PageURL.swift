internal import CCurl

/// A target's URL, taken apart by libcurl, which will be the one to use it.
struct PageURL {
  /// Host and port, the usual port of the scheme if there is none: the default of the label `instance`.
  let authority: String
  let isTLS: Bool
  /// With its slash in front, without a query.
  let path: String
  /// What to ask libcurl for, and, if the server has to have another name than its address, where that is to be found
  /// (`name:port:host:port`) and what to call it in the request.
  let request: String
  let connectTo: String?
  let hostField: String?

  /// - Parameter serverName: which the certificate has to have, instead of the host's.
  init(_ text: String, serverName: String?) throws(URLFault) {
    guard let parts = curl_url() else { throw URLFault(reason: "there is no memory to read it") }
    defer { curl_url_cleanup(parts) }
    let code = curl_url_set(parts, CURLUPART_URL, text, UInt32(CURLU_NON_SUPPORT_SCHEME))
    guard code == CURLUE_OK else { throw URLFault(reason: String(cString: curl_url_strerror(code))) }
    guard let scheme = Self.part(parts, CURLUPART_SCHEME), scheme == "http" || scheme == "https" else {
      throw URLFault(reason: "it has to begin with http:// or https://")
    }
    guard Self.part(parts, CURLUPART_USER) == nil, Self.part(parts, CURLUPART_PASSWORD) == nil else {
      throw URLFault(reason: "user and password do not belong into it, but into its authorization")
    }
    guard let host = Self.part(parts, CURLUPART_HOST), !host.isEmpty,
      let port = Self.part(parts, CURLUPART_PORT, flags: UInt32(CURLU_DEFAULT_PORT))
    else { throw URLFault(reason: "it has no host") }
    isTLS = scheme == "https"
    path = Self.part(parts, CURLUPART_PATH) ?? "/"
    authority = "\(host):\(port)"
    curl_url_set(parts, CURLUPART_FRAGMENT, nil, 0)
    if let serverName, isTLS {
      hostField = Self.part(parts, CURLUPART_PORT) == nil ? host : authority
      connectTo = "\(serverName):\(port):\(host):\(port)"
      guard curl_url_set(parts, CURLUPART_HOST, serverName, 0) == CURLUE_OK else {
        throw URLFault(reason: "\(serverName) is no server name")
      }
    } else {
      hostField = nil
      connectTo = nil
    }
    guard let whole = Self.part(parts, CURLUPART_URL) else { throw URLFault(reason: "it cannot be put together") }
    request = whole
  }

  private static func part(_ parts: OpaquePointer, _ part: CURLUPart, flags: UInt32 = 0) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard curl_url_get(parts, part, &text, flags) == CURLUE_OK, let text else { return nil }
    defer { curl_free(text) }
    return String(cString: text)
  }

  /// The URL without anything that may be a secret, for messages about one that is wrong.
  static func shown(_ text: String) -> String {
    guard let at = text.lastIndex(of: "@") else { return text }
    let scheme = text.firstRange(of: "://")?.upperBound ?? text.startIndex
    return scheme < at ? text[..<scheme] + "<secret>" + text[at...] : text
  }
}

/// Why a text is no URL of a target.
struct URLFault: Error {
  let reason: String
}
