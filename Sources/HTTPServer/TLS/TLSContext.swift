internal import CGnuTLS
internal import Glibc

/// Settings of TLS as GnuTLS has them, ready for connections: certificate and key have been found to belong together.
///
/// `@unchecked Sendable`: immutable once made; GnuTLS lets any number of sessions share credentials and priorities.
public final class TLSContext: @unchecked Sendable {
  let settings: TLSSettings
  /// When the certificate ends, in seconds since the Unix epoch.
  public let notAfter: Int64
  private let credentials: gnutls_certificate_credentials_t
  private let priorities: [gnutls_priority_t]

  /// - Throws: `TLSError`, which says what is wrong with the settings and quotes nothing secret.
  public init(_ settings: TLSSettings) throws(TLSError) {
    let texts = try settings.priorities()
    var made: gnutls_certificate_credentials_t?
    guard gnutls_certificate_allocate_credentials(&made) == 0, let credentials = made else {
      throw .certificate(reason: "there is no memory")
    }
    var priorities: [gnutls_priority_t] = []
    do throws(TLSError) {
      for text in [texts.any, texts.old] {
        if let text { priorities.append(try Self.priority(text)) }
      }
      try Self.fill(credentials, settings)
      notAfter = try Self.notAfter(of: credentials)
    } catch {
      for priority in priorities { gnutls_priority_deinit(priority) }
      gnutls_certificate_free_credentials(credentials)
      throw error
    }
    self.settings = settings
    self.credentials = credentials
    self.priorities = priorities
  }

  deinit {
    for priority in priorities { gnutls_priority_deinit(priority) }
    gnutls_certificate_free_credentials(credentials)
  }

  /// Makes a session, whose handshake has not begun, one of these settings. The session refers to them: they have to
  /// outlive it.
  func prepare(_ session: gnutls_session_t) {
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, UnsafeMutableRawPointer(credentials))
    gnutls_priority_set(session, priorities[0])
    if priorities.count > 1 { gnutls_handshake_set_post_client_hello_function(session, versionSettled) }
    gnutls_handshake_set_hook_function(
      session, GNUTLS_HANDSHAKE_FINISHED.rawValue, Int32(GNUTLS_HOOK_POST), handshakeFinished)
    if settings.clientAuthentication != .none {
      gnutls_certificate_server_set_request(session, requiresCertificate ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_REQUEST)
      gnutls_session_set_verify_function(session, certificateReceived)
    }
  }

  /// Once it is known that a connection is of TLS 1.2 or before.
  func prepareOld(_ session: gnutls_session_t) {
    if let old = priorities.dropFirst().first { gnutls_priority_set(session, old) }
  }

  /// Whether clients without a certificate are refused. One is needed to bear an allowed name.
  var requiresCertificate: Bool {
    switch settings.clientAuthentication {
    case .none: false
    case .request, .verifyIfGiven: !settings.clientAllowedNames.isEmpty
    case .requireAny, .requireAndVerify: true
    }
  }

  private static func fill(
    _ credentials: gnutls_certificate_credentials_t, _ settings: TLSSettings
  ) throws(TLSError) {
    let status = withDatum(settings.certificate) { certificate in
      withDatum(settings.key) { key in
        gnutls_certificate_set_x509_key_mem2(credentials, certificate, key, GNUTLS_X509_FMT_PEM, nil, 0)
      }
    }
    guard status >= 0 else { throw .certificate(reason: text(of: status)) }
    guard !settings.clientCA.isEmpty else { return }
    let count = withDatum(settings.clientCA) {
      gnutls_certificate_set_x509_trust_mem(credentials, $0, GNUTLS_X509_FMT_PEM)
    }
    guard count > 0 else { throw .clientCA(reason: count == 0 ? "it holds no certificate" : text(of: count)) }
  }

  private static func priority(_ text: String) throws(TLSError) -> gnutls_priority_t {
    var made: gnutls_priority_t?
    let status = gnutls_priority_init(&made, text, nil)
    guard status == 0, let made else { throw .algorithms(reason: Self.text(of: status)) }
    return made
  }

  private static func notAfter(of credentials: gnutls_certificate_credentials_t) throws(TLSError) -> Int64 {
    var certificates: UnsafeMutablePointer<gnutls_x509_crt_t?>?
    var count: UInt32 = 0
    let status = gnutls_certificate_get_x509_crt(credentials, 0, &certificates, &count)
    guard status == 0, let certificates, count > 0 else { throw .certificate(reason: text(of: status)) }
    defer {
      for i in 0..<Int(count) { gnutls_x509_crt_deinit(certificates[i]) }
      free(certificates)
    }
    return Int64(gnutls_x509_crt_get_expiration_time(certificates[0]))
  }

  private static func text(of status: Int32) -> String {
    gnutls_strerror(status).map { String(cString: $0) } ?? "error \(status)"
  }
}

/// Lends a text to GnuTLS.
private func withDatum<R>(_ text: String, _ body: (UnsafePointer<gnutls_datum_t>) -> R) -> R {
  var bytes = Array(text.utf8)
  let count = bytes.count
  bytes.append(0)  // some of its readers expect one
  return bytes.withUnsafeMutableBufferPointer { buffer in
    var datum = gnutls_datum_t(data: buffer.baseAddress, size: UInt32(count))
    return body(&datum)
  }
}
