internal import HTTPServer
internal import Page

extension API {
  /// The page for people: `/`, and its other files below `/page/`.
  func addPage(to router: inout Router) {
    for file in Page.files {
      let path = file.name == Page.front ? "/" : "/page/\(file.name)"
      router.get(path, .inline) { Self.answer(file, to: $0) }
    }
  }

  /// The browser keeps the files and asks each time whether they are still the same, which after an update of the
  /// program they are not.
  private static func answer(_ file: Page.File, to request: Request) -> Response {
    var response = Response.bytes(file.bytes, contentType: file.contentType)
    if request.headers["If-None-Match"]?.contains(file.entityTag) == true {
      response = Response(status: 304)
    }
    response.headers["ETag"] = file.entityTag
    response.headers["Cache-Control"] = "no-cache"
    // Whatever a label value says, nothing runs that is not one of these files, and nothing leaves for another host.
    response.headers["Content-Security-Policy"] =
      "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    response.headers["Referrer-Policy"] = "same-origin"
    return response
  }
}
