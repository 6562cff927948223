internal import CCurl
public import Foundation

/// Asks a server of the Prometheus HTTP API, one request after the other, on the calling thread.
public final class APIClient {
  /// Who asks, and whom it believes.
  public struct Access: Equatable, Sendable {
    public enum Credentials: Equatable, Sendable {
      case basic(user: String, password: String)
      case bearer(String)
    }

    public var credentials: Credentials?
    /// Certificates (PEM) that vouch for the server, instead of the system's.
    public var caFile: String?
    /// The client's certificate and its key (PEM).
    public var certificateFile: String?
    public var keyFile: String?

    public init(
      credentials: Credentials? = nil, caFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil
    ) {
      self.credentials = credentials
      self.caFile = caFile
      self.certificateFile = certificateFile
      self.keyFile = keyFile
    }
  }

  /// Where the server is, without a slash at the end.
  public let baseURL: String
  private let handle: EasyHandle

  private static let connectSeconds = 10

  /// - Parameter url: of the server, with its path prefix if it has one; `http` where no scheme is named.
  public init(_ url: String, access: Access = Access(), userAgent: String) throws(APIError) {
    var base = url.contains("://") ? url : "http://" + url
    while base.hasSuffix("/") { base.removeLast() }
    guard base.hasPrefix("http://") || base.hasPrefix("https://") else {
      throw .url(url, reason: "is no URL that begins with http:// or https://")
    }
    guard let handle = EasyHandle() else { throw .url(url, reason: "libcurl cannot be used") }
    baseURL = base
    self.handle = handle
    handle.set(CURLOPT_USERAGENT, userAgent)
    handle.set(CURLOPT_CONNECTTIMEOUT, APIClient.connectSeconds)
    handle.set(CURLOPT_CAINFO, access.caFile)
    if access.caFile != nil { handle.set(CURLOPT_CAPATH, nil) }
    handle.set(CURLOPT_SSLCERT, access.certificateFile)
    handle.set(CURLOPT_SSLKEY, access.keyFile)
    switch access.credentials {
    case nil: break
    case .basic(let user, let password):
      handle.set(CURLOPT_HTTPAUTH, curl_auth_basic)
      handle.set(CURLOPT_USERNAME, user)
      handle.set(CURLOPT_PASSWORD, password)
    case .bearer(let token): handle.setFields(["Authorization: Bearer \(token)"])
    }
  }

  /// The whole body of `GET path?parameters`.
  public func get(_ path: String, _ parameters: [(name: String, value: String)] = []) throws(APIError) -> Data {
    var body = Data()
    try stream(path, parameters) { bytes in
      body.append(contentsOf: bytes)
      return true
    }
    return body
  }

  /// The whole body of a POST with the parameters as a form: for queries that are longer than a URL may be.
  public func post(_ path: String, _ parameters: [(name: String, value: String)]) throws(APIError) -> Data {
    handle.set(CURLOPT_POST, 1)
    handle.set(CURLOPT_COPYPOSTFIELDS, encoded(parameters))
    defer {
      handle.set(CURLOPT_HTTPGET, 1)
    }
    var body = Data()
    try transfer(path) { bytes in
      body.append(contentsOf: bytes)
      return true
    }
    return body
  }

  /// `GET path?parameters`, whose body is lent part by part as it arrives. The request ends with the body, or when
  /// `receive` returns false.
  public func stream(
    _ path: String, _ parameters: [(name: String, value: String)],
    _ receive: @escaping (UnsafeRawBufferPointer) -> Bool
  ) throws(APIError) {
    try transfer(parameters.isEmpty ? path : "\(path)?\(encoded(parameters))", receive)
  }

  private func transfer(_ path: String, _ receive: @escaping (UnsafeRawBufferPointer) -> Bool) throws(APIError) {
    handle.set(CURLOPT_URL, baseURL + path)
    var refusal = Data()
    let problem = handle.perform { [handle] bytes in
      if handle.status / 100 == 2 { return receive(bytes) }
      if refusal.count < APIClient.refusalBytesMax { refusal.append(contentsOf: bytes) }
      return true
    }
    if let problem { throw .connection(baseURL, reason: problem) }
    if handle.status / 100 != 2 { throw APIClient.refusal(handle.status, refusal) }
  }

  /// What is kept of an answer that refuses.
  private static let refusalBytesMax = 64 << 10

  private static func refusal(_ status: Int, _ body: Data) -> APIError {
    struct Refusal: Decodable {
      let errorType: String?
      let error: String
    }
    if let told = try? JSONDecoder().decode(Refusal.self, from: body) {
      return .status(status, type: told.errorType, text: told.error)
    }
    let line = String(decoding: body.prefix(200), as: UTF8.self).split(whereSeparator: \.isNewline).first ?? ""
    return .status(
      status, type: nil, text: "the server answered with status \(status)\(line.isEmpty ? "" : ": \(line)")")
  }

  private func encoded(_ parameters: [(name: String, value: String)]) -> String {
    parameters.map { "\(handle.escaped($0.name))=\(handle.escaped($0.value))" }.joined(separator: "&")
  }
}
