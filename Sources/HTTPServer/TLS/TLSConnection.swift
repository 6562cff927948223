internal import CGnuTLS
internal import CMicroHTTPD
internal import Glibc

/// Handshakes that came to nothing, by reason.
public enum TLSFailure: String, Sendable, CaseIterable {
  /// The client's certificate is not one of the client CA's, or has expired, or is not one for clients.
  case certificateNotTrusted = "certificate_not_trusted"
  /// None of the names in it is allowed.
  case certificateNameNotAllowed = "certificate_name_not_allowed"
  /// Whatever else: no TLS at all, no version or cipher suite in common, no certificate, a client that left.
  case other
}

/// One connection's TLS, from its beginning to its end.
///
/// `@unchecked Sendable`: used by the connection's I/O thread alone.
final class TLSConnection: @unchecked Sendable {
  let context: TLSContext
  var isEstablished = false
  var failure: TLSFailure?

  init(_ context: TLSContext) { self.context = context }

  /// The client's certificate, or that there is none, has to pass before the handshake does.
  func accepts(_ session: gnutls_session_t) -> Bool {
    let settings = context.settings
    var count: UInt32 = 0
    guard gnutls_certificate_get_peers(session, &count) != nil, count > 0 else {
      // GnuTLS asks about clients that have shown none, too.
      return !context.requiresCertificate
    }
    if settings.clientAuthentication.verifiesChain {
      var status: UInt32 = 0
      guard gnutls_verify_client(session, &status) == 0, status == 0 else {
        failure = .certificateNotTrusted
        return false
      }
    }
    guard settings.clientAllowedNames.isEmpty || isNameAllowed(session) else {
      failure = .certificateNameNotAllowed
      return false
    }
    return true
  }

  /// Letter for letter, without wildcards.
  private func isNameAllowed(_ session: gnutls_session_t) -> Bool {
    var count: UInt32 = 0
    guard let chain = gnutls_certificate_get_peers(session, &count), count > 0 else { return false }
    var made: gnutls_x509_crt_t?
    guard gnutls_x509_crt_init(&made) == 0, let leaf = made else { return false }
    defer { gnutls_x509_crt_deinit(leaf) }
    guard gnutls_x509_crt_import(leaf, chain, GNUTLS_X509_FMT_DER) == 0 else { return false }
    var name = [UInt8](repeating: 0, count: 4096)
    for index in 0..<UInt32(1000) {
      var size = name.count
      var kind: UInt32 = 0
      let status = gnutls_x509_crt_get_subject_alt_name2(leaf, index, &name, &size, &kind, nil)
      if status == gnutls_no_more_names { return false }
      guard status >= 0, size <= name.count, let text = Self.text(of: name[..<size], kind) else { continue }
      if context.settings.clientAllowedNames.contains(where: { hasSameBytes($0, text) }) { return true }
    }
    return false
  }

  private static func text(of name: ArraySlice<UInt8>, _ kind: UInt32) -> String? {
    switch gnutls_x509_subject_alt_name_t(rawValue: kind) {
    case GNUTLS_SAN_DNSNAME, GNUTLS_SAN_RFC822NAME, GNUTLS_SAN_URI: String(validating: name, as: UTF8.self)
    case GNUTLS_SAN_IPADDRESS: RemoteAddress(bytes: name)?.host
    default: nil
    }
  }
}

extension ServerCore {
  /// A connection begins: its session gets what is in force now. `nil` where no TLS is spoken.
  func beginTLS(on connection: OpaquePointer) -> TLSConnection? {
    guard let session = mhd_tls_session(connection), let context = tls.withLock({ $0 }) else { return nil }
    context.prepare(OpaquePointer(session))
    return TLSConnection(context)
  }
}

// What GnuTLS calls during handshakes, on I/O threads.

private func tls(_ session: gnutls_session_t?) -> TLSConnection? {
  // libmicrohttpd has made its connection the session's own pointer.
  guard let session, let connection = gnutls_session_get_ptr(session), let slot = mhd_slot(OpaquePointer(connection))
  else { return nil }
  return Unmanaged<ClientConnection>.fromOpaque(slot).takeUnretainedValue().tls
}

/// The hello of the client is read, and with it the version settled.
func versionSettled(_ session: gnutls_session_t?) -> Int32 {
  guard let session, gnutls_protocol_get_version(session).rawValue < GNUTLS_TLS1_3.rawValue else { return 0 }
  tls(session)?.context.prepareOld(session)
  return 0
}

/// The client has shown a certificate.
func certificateReceived(_ session: gnutls_session_t?) -> Int32 {
  guard let session, tls(session)?.accepts(session) == true else { return gnutls_certificate_refused }
  return 0
}

/// One side's last message of the handshake: the client's has shown that it holds the keys.
func handshakeFinished(
  _ session: gnutls_session_t?, _ kind: UInt32, _ when: UInt32, _ isIncoming: UInt32,
  _ message: UnsafePointer<gnutls_datum_t>?
) -> Int32 {
  if isIncoming != 0 { tls(session)?.isEstablished = true }
  return 0
}
