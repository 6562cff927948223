/// How a server speaks TLS: certificate, client certificates, versions and algorithms. Texts are PEM.
public struct TLSSettings: Sendable {
  public enum Version: Int, Sendable, Comparable, CaseIterable {
    case tls10, tls11, tls12, tls13
    public static func < (a: Version, b: Version) -> Bool { a.rawValue < b.rawValue }
  }

  /// What is asked of clients, with the meanings that Go's `crypto/tls` gives these words (`ClientAuthType`).
  public enum ClientAuthentication: Sendable {
    /// No certificate is asked for.
    case none
    /// One is asked for; none at all, or any, will do.
    case request
    /// One has to be shown; any will do.
    case requireAny
    /// One that is shown has to come from the client CA.
    case verifyIfGiven
    /// One has to be shown, and to come from the client CA.
    case requireAndVerify

    var verifiesChain: Bool { self == .verifyIfGiven || self == .requireAndVerify }
  }

  /// The certificate, and those between it and its CA.
  public var certificate: String
  public var key: String
  /// CA certificates that client certificates have to come from; needed where they are verified.
  public var clientCA = ""
  public var clientAuthentication = ClientAuthentication.none
  /// DNS names, mail addresses, IP addresses and URIs, one of which the client's certificate has to bear, letter for
  /// letter. If there are any, clients without a certificate are refused too.
  public var clientAllowedNames: [String] = []
  public var versions = Version.tls12...Version.tls13
  /// By Go's names (`TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`), of TLS 1.2 and before; empty for GnuTLS's choice. Those of
  /// TLS 1.3 are not chosen.
  public var cipherSuites: [String] = []
  /// Whether the server's order of algorithms counts, not the client's.
  public var prefersOwnOrder = true
  /// By Go's names (`CurveP256`, `X25519`), the preferred first; empty for GnuTLS's choice.
  public var curves: [String] = []

  public init(certificate: String, key: String) {
    self.certificate = certificate
    self.key = key
  }
}

/// Why settings of TLS are of no use.
public enum TLSError: Error, Equatable, CustomStringConvertible {
  case certificate(reason: String)
  case clientCA(reason: String)
  case unknownCipherSuite(String)
  /// GnuTLS chooses key exchange, cipher and MAC apart, so what is allowed in parts is allowed in every combination.
  case inseparableCipherSuites(also: [String])
  case unknownCurve(String)
  case algorithms(reason: String)

  public var description: String {
    switch self {
    case .certificate(let reason): "certificate and key are of no use: \(reason)"
    case .clientCA(let reason): "the client CA is of no use: \(reason)"
    case .unknownCipherSuite(let name): "there is no cipher suite \(name)"
    case .inseparableCipherSuites(let also):
      "the cipher suites listed allow others of the same parts, too; list these as well, or fewer: "
        + also.joined(separator: ", ")
    case .unknownCurve(let name): "there is no curve \(name)"
    case .algorithms(let reason): "GnuTLS does not take this choice of versions, cipher suites and curves: \(reason)"
    }
  }
}
