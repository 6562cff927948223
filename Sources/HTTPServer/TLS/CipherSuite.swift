/// A cipher suite of TLS 1.2 and before, by Go's name and in the words of GnuTLS.
struct CipherSuite: Sendable {
  let name: String
  let keyExchange: String
  let cipher: String
  let mac: String

  /// What Go's `tls.CipherSuites` lists below TLS 1.3: forward secrecy and nothing broken.
  static let all: [CipherSuite] = ["RSA", "ECDSA"].flatMap { signature in
    [
      ("AES_128_GCM_SHA256", "AES-128-GCM", "AEAD"), ("AES_256_GCM_SHA384", "AES-256-GCM", "AEAD"),
      ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305", "AEAD"), ("AES_128_CBC_SHA", "AES-128-CBC", "SHA1"),
      ("AES_256_CBC_SHA", "AES-256-CBC", "SHA1"),
    ].map { name, cipher, mac in
      CipherSuite(
        name: "TLS_ECDHE_\(signature)_WITH_\(name)", keyExchange: "ECDHE-\(signature)", cipher: cipher, mac: mac)
    }
  }

  /// Those of TLS 1.3, which Go lists, too, and does not let anybody choose.
  static let ofTLS13: Set = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
}

/// Go's names of curves and GnuTLS's.
private let groups = [
  "CurveP256": "GROUP-SECP256R1", "CurveP384": "GROUP-SECP384R1", "CurveP521": "GROUP-SECP521R1",
  "X25519": "GROUP-X25519",
]

extension TLSSettings {
  /// GnuTLS priority strings (GnuTLS manual, "Priority strings").
  struct Priorities: Equatable {
    /// For a connection whose version is not settled.
    var any: String
    /// For one that turned out to be of TLS 1.2 or before, where those choose cipher suites of their own. In one string
    /// they would choose for TLS 1.3 as well.
    var old: String?
  }

  func priorities() throws(TLSError) -> Priorities {
    let suites = try chosenSuites()
    // Nothing but suites of TLS 1.3 leaves nothing for other versions.
    let isTLS13Only = !cipherSuites.isEmpty && suites.isEmpty
    let names = [Version.tls10: "1.0", .tls11: "1.1", .tls12: "1.2", .tls13: "1.3"]
    let allowed = Version.allCases.reversed().filter { versions.contains($0) && (!isTLS13Only || $0 == .tls13) }
    var common = ":-VERS-ALL" + allowed.compactMap { names[$0] }.map { ":+VERS-TLS\($0)" }.joined()
    if !curves.isEmpty {
      common += ":-GROUP-ALL"
      for curve in curves {
        guard let group = groups[curve] else { throw .unknownCurve(curve) }
        common += ":+\(group)"
      }
    }
    if prefersOwnOrder { common += ":%SERVER_PRECEDENCE" }
    var old: String?
    if !suites.isEmpty {
      func list(_ part: (CipherSuite) -> String) -> String {
        var seen: Set<String> = []
        return suites.map(part).filter { seen.insert($0).inserted }.map { ":+\($0)" }.joined()
      }
      old = "NORMAL:-KX-ALL\(list(\.keyExchange)):-CIPHER-ALL\(list(\.cipher)):-MAC-ALL\(list(\.mac))" + common
    }
    return Priorities(any: "NORMAL" + common, old: old)
  }

  private func chosenSuites() throws(TLSError) -> [CipherSuite] {
    var chosen: [CipherSuite] = []
    for name in cipherSuites where !CipherSuite.ofTLS13.contains(name) {
      guard let suite = CipherSuite.all.first(where: { $0.name == name }) else { throw .unknownCipherSuite(name) }
      chosen.append(suite)
    }
    let also = CipherSuite.all.filter { suite in
      !chosen.contains { $0.name == suite.name } && chosen.contains { $0.keyExchange == suite.keyExchange }
        && chosen.contains { $0.cipher == suite.cipher } && chosen.contains { $0.mac == suite.mac }
    }
    guard also.isEmpty else { throw .inseparableCipherSuites(also: also.map(\.name)) }
    return chosen
  }
}
