/// Reads the web configuration file that Prometheus and its exporters share (exporter-toolkit,
/// `docs/web-configuration.md`). As there, whatever is unknown is refused, and paths are relative to the file's folder.
struct WebConfigReader {
  let file: String
  let readFile: @Sendable (String) throws(FileProblem) -> String

  private var reader: TaskReader { TaskReader(document: file, readFile: readFile) }

  func config(_ root: ConfigurationNode) throws(ConfigurationError) -> WebConfig {
    var config = WebConfig()
    if case .absent = root.content { return config }
    let map = try TaskReader.Map(TaskReader.Place(node: root, key: ""), reader)
    if let section = try map.map("tls_server_config") {
      config.tls = try tls(section, map.place(of: "tls_server_config"))
    }
    if let section = try map.map("http_server_config") { config.headers = try headers(section) }
    if let section = try map.map("basic_auth_users") { config.users = try users(section) }
    if let section = try map.map("rate_limit") { config.rateLimit = try rateLimit(section) }
    try map.finish()
    return config
  }

  // MARK: TLS

  private func tls(_ map: TaskReader.Map, _ whole: TaskReader.Place) throws(ConfigurationError) -> WebConfig.TLS? {
    var tls = WebConfig.TLS()
    let certificate = try pem("cert", map)
    let key = try pem("key", map)
    let clientCA = try pem("client_ca", map)
    let policy = try text("client_auth_type", map)
    (tls.certificate, tls.key, tls.clientCA) = (certificate ?? "", key ?? "", clientCA ?? "")
    if let policy { tls.clientAuthentication = try clientAuthentication(policy, map) }
    tls.clientAllowedNames = try texts("client_allowed_sans", map)
    tls.minVersion = try map.choice("min_version", WebConfig.TLS.Version.self) ?? tls.minVersion
    tls.maxVersion = try map.choice("max_version", WebConfig.TLS.Version.self) ?? tls.maxVersion
    tls.cipherSuites = try texts("cipher_suites", map)
    tls.prefersServerCipherSuites = try map.flag("prefer_server_cipher_suites") ?? true
    tls.curves = try texts("curve_preferences", map)
    try map.finish()
    let versions = WebConfig.TLS.Version.allCases
    if let least = versions.firstIndex(of: tls.minVersion), let most = versions.firstIndex(of: tls.maxVersion),
      least > most
    {
      throw reader.refuse(map.place(of: "min_version"), "it is above max_version, so there is no version left")
    }
    guard certificate != nil || key != nil || clientCA != nil || policy != nil else { return nil }
    guard certificate != nil else { throw reader.refuse(whole, "cert_file or cert is missing") }
    guard key != nil else { throw reader.refuse(whole, "key_file or key is missing") }
    try check(tls, map)
    return tls
  }

  /// What would be silently of no effect, or let in more than it seems to.
  private func check(_ tls: WebConfig.TLS, _ map: TaskReader.Map) throws(ConfigurationError) {
    switch tls.clientAuthentication {
    case .noClientCert:
      guard tls.clientCA.isEmpty else {
        throw reader.refuse(
          map.place(of: "client_auth_type"), "there is a client CA and no policy; give RequireAndVerifyClientCert")
      }
      guard tls.clientAllowedNames.isEmpty else {
        throw reader.refuse(
          map.place(of: "client_allowed_sans"), "no certificate is asked for; give a client_auth_type that does")
      }
    case .verifyClientCertIfGiven, .requireAndVerifyClientCert:
      guard !tls.clientCA.isEmpty else {
        throw reader.refuse(
          map.place(of: "client_auth_type"), "there is nothing to verify with; give client_ca_file or client_ca")
      }
    case .requestClientCert, .requireAnyClientCert: break
    }
  }

  private func clientAuthentication(
    _ text: String, _ map: TaskReader.Map
  ) throws(ConfigurationError) -> WebConfig.TLS.ClientAuthentication {
    if text == "RequireClientCert" { return .requireAnyClientCert }  // its name in older files
    return try map.choice("client_auth_type", WebConfig.TLS.ClientAuthentication.self) ?? .noClientCert
  }

  /// `name_file`, or the text itself as `name`; the file wins.
  private func pem(_ name: String, _ map: TaskReader.Map) throws(ConfigurationError) -> String? {
    let inline = try text(name, map)
    guard let path = try text("\(name)_file", map) else { return inline }
    do {
      return try readFile(reader.beside(path))
    } catch {
      throw reader.refuse(map.place(of: "\(name)_file"), "the file \(path.quoted) cannot be read: \(error.reason)")
    }
  }

  // MARK: The others

  /// What the fields may say; `nil` for anything.
  private static let knownHeaders: [(name: String, values: [String]?)] = [
    ("Content-Security-Policy", nil), ("X-Frame-Options", ["deny", "sameorigin"]),
    ("X-Content-Type-Options", ["nosniff"]), ("X-XSS-Protection", nil), ("Strict-Transport-Security", nil),
  ]

  private func headers(_ map: TaskReader.Map) throws(ConfigurationError) -> [WebConfig.Header] {
    _ = try map.flag("http2")  // HTTP/1.1 is spoken whatever it says
    var headers: [WebConfig.Header] = []
    if let fields = try map.map("headers") {
      for (name, values) in Self.knownHeaders {
        guard let value = try text(name, fields) else { continue }
        guard values?.contains(value.lowercased()) ?? true else {
          throw reader.refuse(
            fields.place(of: name), "\(value.quoted) is none of \(values?.joined(separator: ", ") ?? "")")
        }
        guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
          throw reader.refuse(fields.place(of: name), "a header field has no line breaks or control characters")
        }
        headers.append(WebConfig.Header(name: name, value: value))
      }
      try fields.finish()
    }
    try map.finish()
    return headers
  }

  private func users(_ map: TaskReader.Map) throws(ConfigurationError) -> [WebConfig.User] {
    var users: [WebConfig.User] = []
    for name in map.names {
      guard !name.utf8.contains(UInt8(ascii: ":")) else {
        throw reader.refuse(map.place(of: name), "a user whose name has a colon cannot log in (RFC 7617)")
      }
      users.append(WebConfig.User(name: name, passwordHash: try map.text(name) ?? ""))
    }
    return users
  }

  private func rateLimit(_ map: TaskReader.Map) throws(ConfigurationError) -> WebConfig.RateLimit? {
    let burst = try map.count("burst", 0...Int(Int32.max)) ?? 0
    var interval = Duration.zero
    if let text = try text("interval", map) {
      guard let parsed = GoDuration.parse(text) else {
        throw reader.refuse(map.place(of: "interval"), "\(text.quoted) is no duration; write it as 1s, 100ms or 1m30s")
      }
      interval = parsed
    }
    try map.finish()
    return interval > .zero ? WebConfig.RateLimit(interval: interval, burst: burst) : nil
  }

  /// An empty text says as much as none.
  private func text(_ name: String, _ map: TaskReader.Map) throws(ConfigurationError) -> String? {
    let text = try map.text(name)
    return text?.isEmpty == true ? nil : text
  }

  private func texts(_ name: String, _ map: TaskReader.Map) throws(ConfigurationError) -> [String] {
    var texts: [String] = []
    for place in try map.list(name) { texts.append(try reader.text(place)) }
    return texts
  }
}

/// Durations as Go's `time.ParseDuration` reads them: `1m30s`, `1.5s`, `100us`.
enum GoDuration {
  private static let units: [(name: String, nanoseconds: Double)] = [
    ("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
  ]

  /// `nil` for what is none, is negative, or is longer than 292 years.
  static func parse(_ text: String) -> Duration? {
    if text == "0" { return .zero }
    var rest = text[...]
    var total = 0.0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest.dropFirst(digits.count)
      let name = rest.prefix { $0.isLetter }
      rest = rest.dropFirst(name.count)
      guard digits.first != nil, digits != ".", let number = Double(digits.last == "." ? digits + "0" : digits[...]),
        let unit = units.first(where: { $0.name == name })
      else { return nil }
      total += number * unit.nanoseconds
    }
    guard !text.isEmpty, total < 9.2e18 else { return nil }
    return .nanoseconds(Int64(total))
  }
}
