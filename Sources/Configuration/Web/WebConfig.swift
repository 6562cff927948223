/// Who may reach the HTTP server and how: what the files of `web.config-file` and `web.bearer-token-file` say, those that
/// they name read in. It does not print itself, as most of it is secret.
public struct WebConfig: Sendable, Equatable {
  /// `nil` for plain HTTP.
  public var tls: TLS?
  /// Fields that every response gets.
  public var headers: [Header] = []
  public var users: [User] = []
  public var tokens: [String] = []
  public var rateLimit: RateLimit?

  public init() {}

  /// Whether requests need credentials.
  public var asksForCredentials: Bool { !users.isEmpty || !tokens.isEmpty }

  /// Certificates and keys are PEM texts.
  public struct TLS: Sendable, Equatable {
    /// Go's names, which the file has too (`crypto/tls`, ClientAuthType).
    public enum ClientAuthentication: String, Sendable, CaseIterable {
      case noClientCert = "NoClientCert"
      case requestClientCert = "RequestClientCert"
      case requireAnyClientCert = "RequireAnyClientCert"
      case verifyClientCertIfGiven = "VerifyClientCertIfGiven"
      case requireAndVerifyClientCert = "RequireAndVerifyClientCert"
    }

    public enum Version: String, Sendable, CaseIterable {
      case tls10 = "TLS10"
      case tls11 = "TLS11"
      case tls12 = "TLS12"
      case tls13 = "TLS13"
    }

    public var certificate = ""
    public var key = ""
    public var clientCA = ""
    public var clientAuthentication = ClientAuthentication.noClientCert
    public var clientAllowedNames: [String] = []
    public var minVersion = Version.tls12
    public var maxVersion = Version.tls13
    public var cipherSuites: [String] = []
    public var prefersServerCipherSuites = true
    public var curves: [String] = []

    public init() {}
  }

  public struct Header: Sendable, Equatable {
    public var name: String
    public var value: String
  }

  public struct User: Sendable, Equatable {
    public var name: String
    /// bcrypt.
    public var passwordHash: String
  }

  public struct RateLimit: Sendable, Equatable {
    /// How long it takes until one more request may come.
    public var interval: Duration
    /// How many may come at once.
    public var burst: Int
  }
}

extension WebConfig: CustomStringConvertible, CustomReflectable {
  public var description: String {
    "(TLS \(tls == nil ? "off" : "on"), \(users.count) users, \(tokens.count) tokens, \(headers.count) headers)"
  }
  public var customMirror: Mirror { Mirror(self, children: ["summary": description]) }
}

/// Something in the files that is well-formed and still of no use.
public struct WebConfigProblem: Error, Equatable {
  /// The keys that lead to it in the web configuration file.
  public let keys: [String]
  public let reason: String

  public init(_ keys: [String], _ reason: String) {
    self.keys = keys
    self.reason = reason
  }
}
