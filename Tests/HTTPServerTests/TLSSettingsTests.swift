import Testing

@testable import HTTPServer

/// From Go's names to GnuTLS's. What comes of them on the wire is tested with real clients, in Tests/Integration.
struct TLSSettingsTests {
  private static func settings(_ change: (inout TLSSettings) -> Void) -> TLSSettings {
    var settings = TLSSettings(certificate: "", key: "")
    change(&settings)
    return settings
  }

  @Test func `versions, order and curves become a priority string`() throws {
    #expect(
      try Self.settings { _ in }.priorities()
        == .init(any: "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"))
    let chosen = Self.settings {
      $0.versions = .tls10 ... .tls12
      $0.prefersOwnOrder = false
      $0.curves = ["X25519", "CurveP256"]
    }
    #expect(
      try chosen.priorities().any
        == "NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.1:+VERS-TLS1.0:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1")
  }

  @Test func `cipher suites are those of TLS 1.2 and leave 1.3 as it is`() throws {
    let priorities = try Self.settings {
      $0.cipherSuites = [
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256",
      ]
    }.priorities()
    #expect(priorities.any == "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE")
    #expect(
      priorities.old
        == "NORMAL:-KX-ALL:+ECDHE-RSA:-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:-MAC-ALL:+AEAD"
        + ":-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE")
    let only13 = try Self.settings { $0.cipherSuites = ["TLS_AES_128_GCM_SHA256"] }.priorities()
    #expect(only13 == .init(any: "NORMAL:-VERS-ALL:+VERS-TLS1.3:%SERVER_PRECEDENCE"))
  }

  @Test func `what is unknown, or would allow more than it says, is refused`() {
    #expect(throws: TLSError.unknownCipherSuite("TLS_RSA_WITH_RC4_128_SHA")) {
      try Self.settings { $0.cipherSuites = ["TLS_RSA_WITH_RC4_128_SHA"] }.priorities()
    }
    #expect(throws: TLSError.unknownCurve("P256")) { try Self.settings { $0.curves = ["P256"] }.priorities() }
    #expect(
      throws: TLSError.inseparableCipherSuites(also: [
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
      ])
    ) {
      try Self.settings {
        $0.cipherSuites = ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"]
        $0.cipherSuites += ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]
      }.priorities()
    }
  }

  @Test func `every suite is one that GnuTLS has`() throws {
    for suite in CipherSuite.all {
      let settings = Self.settings { $0.cipherSuites = [suite.name] }
      // Algorithms are looked at first; what is wrong here is the certificate.
      #expect {
        try TLSContext(settings)
      } throws: { error in
        if case .certificate = error as? TLSError { true } else { false }
      }
    }
  }

  @Test func `texts that are no certificate are refused with a reason`() {
    #expect {
      try TLSContext(TLSSettings(certificate: "no", key: "no"))
    } throws: { error in
      if case .certificate(let reason) = error as? TLSError { !reason.isEmpty } else { false }
    }
  }
}
