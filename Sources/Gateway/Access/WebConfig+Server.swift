public import Configuration
internal import HTTPServer

// The files' words in the server's.

extension TLSSettings {
  init(_ tls: WebConfig.TLS) {
    self.init(certificate: tls.certificate, key: tls.key)
    clientCA = tls.clientCA
    clientAuthentication =
      switch tls.clientAuthentication {
      case .noClientCert: .none
      case .requestClientCert: .request
      case .requireAnyClientCert: .requireAny
      case .verifyClientCertIfGiven: .verifyIfGiven
      case .requireAndVerifyClientCert: .requireAndVerify
      }
    clientAllowedNames = tls.clientAllowedNames
    versions = Version(tls.minVersion)...Version(tls.maxVersion)
    cipherSuites = tls.cipherSuites
    prefersOwnOrder = tls.prefersServerCipherSuites
    curves = tls.curves
  }
}

extension TLSSettings.Version {
  fileprivate init(_ version: WebConfig.TLS.Version) {
    self =
      switch version {
      case .tls10: .tls10
      case .tls11: .tls11
      case .tls12: .tls12
      case .tls13: .tls13
      }
  }
}

extension Gatekeeper.Accounts {
  /// Users whose hash is none do not get this far: `WebConfig.problem` finds them.
  init(_ config: WebConfig) {
    self.init()
    for user in config.users { users[Array(user.name.utf8)] = PasswordHash(user.passwordHash) }
    tokens = config.tokens.map { Array($0.utf8) }
  }
}

extension Gatekeeper.RateLimit {
  init(_ limit: WebConfig.RateLimit) {
    self.init(interval: limit.interval, burst: limit.burst)
  }
}

extension WebConfig {
  /// What is well-formed in the files and still of no use: a certificate and a key that do not belong together, a hash
  /// that is none, an algorithm that is unknown.
  public static let findProblem: @Sendable (WebConfig) -> WebConfigProblem? = { config in
    for user in config.users where PasswordHash(user.passwordHash) == nil {
      return WebConfigProblem(
        ["basic_auth_users", user.name], "this is no bcrypt hash; `htpasswd -nB \(user.name)` makes one")
    }
    guard let tls = config.tls else { return nil }
    do throws(TLSError) {
      _ = try TLSContext(TLSSettings(tls))
      return nil
    } catch {
      return WebConfigProblem(["tls_server_config", error.key], "\(error)")
    }
  }
}

extension TLSError {
  /// Where in the file the cause stands.
  fileprivate var key: String {
    switch self {
    case .certificate: "cert_file"
    case .clientCA: "client_ca_file"
    case .unknownCipherSuite, .inseparableCipherSuites: "cipher_suites"
    case .unknownCurve: "curve_preferences"
    case .algorithms: "min_version"
    }
  }
}
