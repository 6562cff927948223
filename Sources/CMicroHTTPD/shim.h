// What Swift cannot import of libmicrohttpd: variadic functions, macros with casts, and the option array, whose
// function pointers travel as integers.
#pragma once
#include <limits.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>  // not part of Swift's Glibc module, nor is the next
#include <sys/eventfd.h>
#include <sys/socket.h>

/// What a daemon of ours is started with; every field is required.
struct mhd_settings {
  unsigned int idle_timeout_seconds;  // 0: none
  size_t connection_memory;
  void *context;  // first argument of every callback below
  MHD_AccessHandlerCallback access;
  MHD_NotifyConnectionCallback connection_changed;
  void *(*target_received)(void *context, const char *target, struct MHD_Connection *connection);
  MHD_RequestCompletedCallback completed;
  int use_tls;
  MHD_LogCallback log;  // NULL: silent
};

/// Leaves the target as the client wrote it: paths are split before they are decoded, or %2F would be a separator.
static size_t mhd_keep_escapes(void *context, struct MHD_Connection *connection, char *text) {
  (void)context;
  (void)connection;
  return strlen(text);
}

/// With TLS libmicrohttpd insists on a source of certificates. It is never asked: each connection gets credentials of
/// its own before its handshake (`connection_changed`). A gnutls_certificate_retrieve_function2 in all but its types.
static int mhd_no_certificate(void *session, const void *names, int names_count, const void *algorithms,
                              int algorithms_count, void **certificates, unsigned int *count, void *key) {
  (void)session, (void)names, (void)names_count, (void)algorithms;
  (void)algorithms_count, (void)certificates, (void)count, (void)key;
  return -1;
}

/// Starts a daemon with one thread of its own and no limit of connections: those are dealt out and limited before they
/// come here. MHD_start_daemon is variadic. NULL when libmicrohttpd refuses; errno may say why.
static inline struct MHD_Daemon *mhd_start(const struct mhd_settings *s) {
  unsigned int flags =
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET;
  if (s->log) flags |= MHD_USE_ERROR_LOG;
  if (s->use_tls) flags |= MHD_USE_TLS;
  struct MHD_OptionItem options[16];
  int n = 0;
  // The logger has to be first, or errors in later options go to stderr.
  if (s->log) options[n++] = (struct MHD_OptionItem){MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)s->log, s->context};
  options[n++] = (struct MHD_OptionItem){MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)s->completed, s->context};
  options[n++] = (struct MHD_OptionItem){MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)s->connection_changed, s->context};
  options[n++] = (struct MHD_OptionItem){MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)s->target_received, s->context};
  options[n++] = (struct MHD_OptionItem){MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)mhd_keep_escapes, NULL};
  options[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_LIMIT, INT_MAX, NULL};
  options[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_TIMEOUT, s->idle_timeout_seconds, NULL};
  options[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)s->connection_memory, NULL};
  if (s->use_tls)
    options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)mhd_no_certificate};
  options[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
  return MHD_start_daemon(flags, 0, NULL, NULL, s->access, s->context, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

/// The connection's socket, or -1.
static inline int mhd_socket(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info ? info->connect_fd : -1;
}

/// The connection's TLS session (a gnutls_session_t), or NULL.
static inline void *mhd_tls_session(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  return info ? info->tls_session : NULL;
}

/// The client's address, or NULL.
static inline const struct sockaddr *mhd_client_address(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  return info ? info->client_addr : NULL;
}

/// What `connection_changed` has put into the connection's slot, or NULL.
static inline void *mhd_slot(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info ? info->socket_context : NULL;
}

/// The status of the response being sent, the engine's own ones included, or 0.
static inline unsigned int mhd_status(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_HTTP_STATUS);
  return info ? info->http_status : 0;
}

/// Makes a response of unknown size end with the connection instead of being chunked.
static inline void mhd_close_delimited(struct MHD_Response *response) {
  MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
}

// Macros whose casts the importer does not follow.
static const int64_t mhd_end_of_stream = MHD_CONTENT_READER_END_OF_STREAM;
static const int64_t mhd_end_with_error = MHD_CONTENT_READER_END_WITH_ERROR;
static const uint64_t mhd_size_unknown = MHD_SIZE_UNKNOWN;

/// POLLRDHUP, "the peer has closed or shut down its sending half": <poll.h> hides it without _GNU_SOURCE.
static const int16_t poll_peer_closed = 0x2000;

/// Names a thread, in at most 15 bytes. Declared here, as <pthread.h> hides it without _GNU_SOURCE.
extern int pthread_setname_np(pthread_t thread, const char *name);
