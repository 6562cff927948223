// GnuTLS: the TLS of libmicrohttpd, and message authentication codes.
#pragma once
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

// Error codes, which are macros with a sign that the importer does not follow everywhere.
static const int gnutls_certificate_refused = GNUTLS_E_CERTIFICATE_ERROR;
static const int gnutls_no_more_names = GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;

/// gnutls_certificate_verify_peers for a client's certificate: the chain, the times, and that it may be used by clients
/// (the `data` of the argument is a pointer without const).
static inline int gnutls_verify_client(gnutls_session_t session, unsigned int *status) {
  gnutls_typed_vdata_st purpose = {
      .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT, .size = 0};
  return gnutls_certificate_verify_peers(session, &purpose, 1, status);
}
