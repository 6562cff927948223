internal import HTTPServer

/// Keeps pages of other origins from having a browser do things in the name of its user, whose password or certificate
/// the browser adds by itself (cross-site request forgery).
///
/// The rule is that of Go's `http.CrossOriginProtection`: whatever is no GET, HEAD or OPTIONS has to be same-origin by
/// `Sec-Fetch-Site`, which pages cannot forge; in browsers too old for that, the host of `Origin` has to be the request's
/// own. What has neither comes from no browser. Reading by POST is no exception to be made by method, so it is made by
/// path: who may see the answers is the matter of `web.cors-origin`.
enum CrossOrigin {
  private static let reading: Set = [
    "/api/v1/query", "/api/v1/query_range", "/api/v1/query_exemplars", "/api/v1/format_query", "/api/v1/parse_query",
    "/api/v1/series", "/api/v1/labels", "/api/v1/read",
  ]

  /// The answer to a request that a page elsewhere has caused; `nil` lets it in.
  static func refusal(of request: Request) -> Response? {
    guard !["GET", "HEAD", "OPTIONS"].contains(request.method), !reading.contains(request.route ?? "") else {
      return nil
    }
    guard !isOwn(request.headers) else { return nil }
    return Answer.error(HTTPError(403, "a page of another origin may not do this"))
  }

  private static func isOwn(_ headers: HeaderFields) -> Bool {
    if let site = headers["Sec-Fetch-Site"] { return site == "same-origin" || site == "none" }
    guard let origin = headers["Origin"] else { return true }
    guard let scheme = origin.firstRange(of: "://"), let host = headers["Host"] else { return false }
    return origin[scheme.upperBound...].utf8.elementsEqual(host.utf8)
  }
}
