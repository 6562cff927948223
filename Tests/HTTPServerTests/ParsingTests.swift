import Testing

@testable import HTTPServer

@Suite struct ParsingTests {
  @Test(arguments: [
    ("", true, ""), ("plain", true, "plain"), ("a+b", true, "a b"), ("a+b", false, "a+b"), ("%41%62", true, "Ab"),
    ("%2F", false, "/"), ("%2f%25", false, "/%"), ("%E2%82%AC", true, "€"), ("%00", true, "\0"), ("a%2Bb", true, "a+b"),
  ])
  func `percent-encoding is undone`(sent: String, plusIsSpace: Bool, meant: String) {
    #expect(PercentEncoding.decode(Array(sent.utf8)[...], plusIsSpace: plusIsSpace) == meant)
  }

  @Test(arguments: ["%", "%4", "%4g", "%G1", "a%", "%%41", "%+1", "%-1", "% 1", "%ff", "%C0%AF", "%ED%A0%80"])
  func `malformed percent-encoding and bytes that are no UTF-8 are refused`(sent: String) {
    #expect(PercentEncoding.decode(Array(sent.utf8)[...], plusIsSpace: true) == nil)
  }

  @Test func `every byte survives encoding`() {
    for byte in UInt8.min...UInt8.max {
      let sent = "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      let decoded = PercentEncoding.decode(Array(sent.utf8)[...], plusIsSpace: true)
      #expect(decoded.map { Array($0.utf8) } == (byte < 0x80 ? [byte] : nil))
    }
  }

  @Test func `parameters keep order, repeats and empty values`() throws {
    let parameters = try Parameters(parsing: Array("match[]=a&match%5B%5D=b%3Dc&&empty&x=&=y&q=1=2".utf8)[...])
    #expect(
      parameters.items.map { "\($0.name)→\($0.value)" } == ["match[]→a", "match[]→b=c", "empty→", "x→", "→y", "q→1=2"])
    #expect(parameters.all("match[]") == ["a", "b=c"])
    #expect(parameters.first("match[]") == "a")
    #expect(parameters.first("absent") == nil)
    #expect(parameters.contains("empty"))
    #expect(parameters.contains("absent") == false)
  }

  @Test func `very many parameters are refused`() throws {
    let text = Array(String(repeating: "a&", count: Parameters.countMax).utf8)
    #expect(try Parameters(parsing: text[...]).items.count == Parameters.countMax)
    #expect(throws: HTTPError.self) { try Parameters(parsing: (text + text)[...]) }
    #expect(throws: HTTPError.self) { try Parameters(parsing: (text + Array("b=1".utf8))[...]) }
  }

  @Test func `parameter names are bytes, not canonical equivalents`() throws {
    let parameters = try Parameters(parsing: Array("%C3%A9=1".utf8)[...])
    #expect(parameters.first("\u{e9}") == "1")
    #expect(parameters.first("e\u{301}") == nil)
  }

  @Test(arguments: [("a=%zz", "\"a\""), ("a=1&b%=2", "parameter 2"), ("a=%ff", "\"a\"")])
  func `a malformed parameter is named`(query: String, named: String) {
    #expect {
      _ = try Parameters(parsing: Array(query.utf8)[...])
    } throws: { error in
      (error as? HTTPError)?.status == 400 && "\(error)".contains(named)
    }
  }

  @Test(arguments: [
    ("/a/b?c=d?e", "/a/b", "c=d?e"), ("/", "/", ""), ("/%2F%20", "/%2F%20", ""), ("*", "*", ""),
    ("http://h:1/p?q", "/p", "q"), ("https://h", "/", ""), ("http://h?q", "/", "q"), ("/?", "/", ""),
  ])
  func `targets are taken apart`(target: String, path: String, query: String) throws {
    let parsed = try RequestTarget(target)
    #expect(String(decoding: parsed.rawPath, as: UTF8.self) == path)
    #expect(String(decoding: parsed.query, as: UTF8.self) == query)
  }

  @Test(arguments: ["", "a", "ftp://h/", "/a b", "/a\u{1}", "/a\u{7f}", "/%", "/%ff", "?a=b"])
  func `malformed targets are refused`(target: String) {
    #expect { _ = try RequestTarget(target) } throws: { ($0 as? HTTPError)?.status == 400 }
  }

  @Test func `a form's values come before those of the URL`() throws {
    let request = try Request(
      method: "POST", target: "/q?query=url&only=url&match[]=3",
      headers: ["content-type": "Application/X-WWW-Form-Urlencoded; charset=utf-8"],
      body: Array("query=body&match[]=1&match[]=2".utf8))
    #expect(request.form.first("query") == "body")
    #expect(request.query.first("query") == "url")
    #expect(request.form.first("only") == "url")
    #expect(request.form.all("match[]") == ["1", "2", "3"])
  }

  @Test(arguments: [("GET", "application/x-www-form-urlencoded"), ("POST", "application/json"), ("POST", "")])
  func `other bodies are no forms`(method: String, contentType: String) throws {
    let request = try Request(
      method: method, target: "/q?query=url", headers: ["Content-Type": contentType], body: Array("query=%zz".utf8))
    #expect(request.form.all("query") == ["url"])
  }

  @Test func `header names have no case`() {
    var headers: HeaderFields = ["Content-Type": "a", "X-One": "1", "x-one": "2"]
    #expect(headers["content-TYPE"] == "a")
    #expect(headers.all("X-ONE") == ["1", "2"])
    headers["X-one"] = "3"
    #expect(headers.all("x-one") == ["3"])
    headers["x-one"] = nil
    #expect(headers["X-One"] == nil)
    #expect(headers["[-One"] == nil)
  }

  @Test(arguments: [
    ("127.0.0.1:80", "127.0.0.1", 80), ("[::1]:0", "::1", 0), (":9797", "", 9797),
    ("localhost:65535", "localhost", 65535),
  ])
  func `listen addresses are read`(text: String, host: String, port: UInt16) throws {
    let address = try ListenAddress(parsing: text)
    #expect(address == ListenAddress(host: host, port: port))
    #expect(address.description == text)
  }

  @Test(arguments: ["", "80", "a:", "a:b", "a:-1", "a:65536", "::1:80", "[]:80", "a:+1", "a: 1"])
  func `other listen addresses are refused`(text: String) {
    #expect(throws: ServerError.addressMalformed(text)) { _ = try ListenAddress(parsing: text) }
  }

  @Test(
    arguments: [
      ("gzip", "gzip"), ("deflate", "deflate"), ("deflate, gzip", "deflate"), ("br, gzip", "gzip"),
      ("gzip;q=1.0, deflate", "deflate"), ("gzip;q=0", nil), ("GZIP", nil), ("x-gzip", nil), ("*", nil), ("", nil),
      (" gzip\t,x", "gzip"), (",,gzip", "gzip"), ("gzipx,gzi", nil),
    ] as [(String, String?)])
  func `the first coding named exactly is chosen`(accepted: String, chosen: String?) {
    #expect(ContentCoding.negotiate(accepted)?.rawValue == chosen)
  }
}
