import Configuration
import Gateway
import Testing

@testable import promring

/// The web configuration file, as text.
@Suite struct WebConfigTests {
  private static let hash = "$2y$04$e7tuPaDXsNmgI6S53pcFhueZ/i0l2kIThNVTtxVW2VuPyIt3trpm."

  private static func read(
    _ yaml: String, files: [String: String] = [:], tokens: String? = nil, findsProblems: Bool = false
  ) throws -> WebConfigLoader.Reading {
    var web = ServeConfiguration.Web()
    web.configFile = "etc/web.yml"
    if tokens != nil { web.bearerTokenFile = "tokens" }
    var texts = files
    texts["etc/web.yml"] = yaml
    texts["tokens"] = tokens
    let known = texts
    let loader = WebConfigLoader(
      web,
      readFile: { path throws(FileProblem) in
        guard let text = known[path] else { throw FileProblem("No such file or directory") }
        return text
      },
      parseYAML: { text, path throws(ConfigurationError) in try YAMLFile.parse(text, path: path) },
      problem: { findsProblems ? WebConfig.findProblem($0) : nil })
    return loader.read()
  }

  @Test func `a file with everything is read`() throws {
    let reading = try Self.read(
      """
      tls_server_config:
        cert_file: tls/server.crt
        key_file: /run/server.key
        client_ca: |
          -----BEGIN CERTIFICATE-----
        client_auth_type: RequireAndVerifyClientCert
        client_allowed_sans: [grafana.example.org, "10.0.0.7"]
        min_version: TLS13
        max_version: TLS13
        cipher_suites: [TLS_AES_128_GCM_SHA256]
        prefer_server_cipher_suites: false
        curve_preferences: [X25519, CurveP256]
      http_server_config:
        http2: true
        headers:
          X-Frame-Options: deny
          Strict-Transport-Security: max-age=31536000
      basic_auth_users:
        alice: \(Self.hash)
        "": \(Self.hash)
      rate_limit:
        interval: 1.5s
        burst: 20
      """,
      files: ["etc/tls/server.crt": "the certificate", "/run/server.key": "the key"], tokens: "0123456789abcdef")
    let config = try reading.result.get()
    let tls = try #require(config.tls)
    #expect(tls.certificate == "the certificate" && tls.key == "the key")
    #expect(tls.clientCA == "-----BEGIN CERTIFICATE-----\n")
    #expect(tls.clientAuthentication == .requireAndVerifyClientCert)
    #expect(tls.clientAllowedNames == ["grafana.example.org", "10.0.0.7"])
    #expect(tls.minVersion == .tls13 && tls.maxVersion == .tls13)
    #expect(tls.cipherSuites == ["TLS_AES_128_GCM_SHA256"] && tls.curves == ["X25519", "CurveP256"])
    #expect(!tls.prefersServerCipherSuites)
    #expect(
      config.headers.map { "\($0.name): \($0.value)" }
        == ["X-Frame-Options: deny", "Strict-Transport-Security: max-age=31536000"])
    #expect(config.users.map(\.name) == ["alice", ""])
    #expect(config.users.allSatisfy { $0.passwordHash == Self.hash })
    #expect(config.rateLimit?.interval == .milliseconds(1500) && config.rateLimit?.burst == 20)
    #expect(config.tokens == ["0123456789abcdef"])
    #expect(reading.files == ["etc/web.yml", "etc/tls/server.crt", "/run/server.key", "tokens"])
    for shown in ["\(config)", String(reflecting: config)] {
      #expect(!shown.contains("the key") && !shown.contains(Self.hash) && !shown.contains("0123456789"))
    }
  }

  @Test(arguments: [
    "", "# nothing\n", "tls_server_config:\n", "http_server_config: {http2: false}", "basic_auth_users: {}",
    "tls_server_config: {min_version: TLS13}", "rate_limit: {interval: 0s, burst: 5}",
  ])
  func `a file may say nothing`(yaml: String) throws {
    let config = try Self.read(yaml).result.get()
    #expect(config == WebConfig())
  }

  @Test func `the text stands for the file where there is no file, and the old word for the new`() throws {
    let yaml = "tls_server_config: {cert: c, key: k, key_file: f, client_auth_type: RequireClientCert}"
    let tls = try #require(try Self.read(yaml, files: ["etc/f": "from the file"]).result.get().tls)
    #expect(tls.certificate == "c" && tls.key == "from the file")
    #expect(tls.clientAuthentication == .requireAnyClientCert)
  }

  @Test(arguments: [
    ("tls_config: {}", "etc/web.yml:1:1: unknown key \"tls_config\""),
    ("tls_server_config: {cert_fil: x}", "tls_server_config: unknown key \"cert_fil\"; did you mean cert_file?"),
    ("basic_auth_users: {a: x, a: y}", "given twice: a"),
    ("tls_server_config: {}\ntls_server_config: {}", "given twice: tls_server_config"),
    ("tls_server_config: {cert: c}", "key_file or key is missing"),
    ("tls_server_config: {key: c}", "cert_file or cert is missing"),
    ("tls_server_config: {client_auth_type: NoClientCert}", "cert_file or cert is missing"),
    ("tls_server_config: {cert: c, key: k, client_ca: x}", "there is a client CA and no policy"),
    (
      "tls_server_config: {cert: c, key: k, client_auth_type: RequireAndVerifyClientCert}",
      "client_auth_type: there is nothing to verify with"
    ),
    ("tls_server_config: {cert: c, key: k, client_allowed_sans: [a]}", "no certificate is asked for"),
    ("tls_server_config: {cert: c, key: k, client_auth_type: Never}", "\"Never\" is none of NoClientCert, "),
    ("tls_server_config: {cert: c, key: k, min_version: TLS14}", "min_version: \"TLS14\" is none of TLS10"),
    ("tls_server_config: {min_version: TLS13, max_version: TLS12}", "above max_version"),
    ("tls_server_config: {cert_file: gone, key: k}", "cert_file: the file \"gone\" cannot be read: No such file"),
    ("http_server_config: {headers: {X-Other: 1}}", "unknown key \"X-Other\""),
    ("http_server_config: {headers: {x-frame-options: deny}}", "unknown key \"x-frame-options\""),
    ("http_server_config: {headers: {X-Frame-Options: maybe}}", "\"maybe\" is none of deny, sameorigin"),
    ("http_server_config: {headers: {X-XSS-Protection: \"a\\nb\"}}", "no line breaks"),
    ("basic_auth_users: {\"a:b\": x}", "has a colon"),
    ("basic_auth_users: [a]", "expected a map"),
    ("rate_limit: {interval: soon}", "interval: \"soon\" is no duration"),
    ("rate_limit: {interval: 1s, burst: -1}", "burst: \"-1\" is no whole number"),
    ("a: [", "etc/web.yml:"),
  ])
  func `what is wrong is named with its place`(yaml: String, words: String) throws {
    #expect {
      try Self.read(yaml).result.get()
    } throws: { error in
      "\(error)".hasPrefix("etc/web.yml:") && "\(error)".contains(words)
    }
  }

  @Test(arguments: [
    ("basic_auth_users:\n  a: secret-text", "etc/web.yml:2:6: basic_auth_users.a: this is no bcrypt hash"),
    (
      "tls_server_config:\n  cert: a\n  key: b\n  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]",
      "etc/web.yml:4:18: tls_server_config.cipher_suites: there is no cipher suite TLS_RSA_WITH_RC4_128_SHA"
    ),
    (
      "tls_server_config: {cert: a, key: b, curve_preferences: [P256]}",
      "tls_server_config.curve_preferences: there is no curve P256"
    ),
    ("tls_server_config: {cert: a, key: b}", "certificate and key are of no use"),
  ])
  func `what is of no use is named, and no secret with it`(yaml: String, words: String) throws {
    #expect {
      try Self.read(yaml, findsProblems: true).result.get()
    } throws: { error in
      "\(error)".contains(words) && !"\(error)".contains("secret-text")
    }
  }

  @Test func `tokens are lines, with comments behind them`() throws {
    let text = "# tokens\r\n\n0123456789abcdef # grafana\n  abcdefghijklmnop+/==\r\n"
    #expect(try Self.read("", tokens: text).result.get().tokens == ["0123456789abcdef", "abcdefghijklmnop+/=="])
  }

  @Test(arguments: [
    ("", "tokens: there is no token in it"), ("# none\n", "there is no token in it"),
    ("\n0123456789abcde", "tokens:2:1: the token is too short"), ("0123456789 abcdefgh", "tokens:1:1: no token"),
    ("0123456789abcdé", "no token"),
  ])
  func `a file without good tokens is refused, and none of them shown`(text: String, words: String) throws {
    #expect {
      try Self.read("", tokens: text).result.get()
    } throws: { error in
      "\(error)".contains(words) && !"\(error)".contains("0123456789")
    }
  }

  @Test func `a failed reading tells which files it was about`() throws {
    let reading = try Self.read("tls_server_config: {cert_file: a, key_file: b}", files: ["etc/a": "x"])
    #expect(throws: ConfigurationError.self) { try reading.result.get() }
    #expect(reading.files == ["etc/web.yml", "etc/a", "etc/b"])
  }

  @Test func `paths in the configuration file are meant beside it`() throws {
    let yaml = "web: {config_file: web.yml, bearer_token_file: /run/tokens, probe_listen_address: \":9798\"}"
    let web = try YAMLFileTests.load(yaml).configuration.web
    #expect(web.configFile == "etc/web.yml")
    #expect(web.bearerTokenFile == "/run/tokens")
    #expect(web.probeListenAddress?.description == "0.0.0.0:9798")
  }

  @Test func `a configuration tells whether there are secrets in it`() throws {
    #expect(!ServeConfiguration().hasSecrets)
    for yaml in [
      "web: {config_file: a}", "web: {bearer_token_file: a}", "web: {enable_delivery_api: true}",
      "kafka: {properties: {sasl.password: a}}", "delivery: {state: a}",
    ] {
      let configuration = try YAMLFileTests.load(yaml).configuration
      #expect(configuration.hasSecrets, "\(yaml)")
    }
  }
}
