// What Swift cannot import of libcurl: functions that are variadic in C and macros in front of them.
#pragma once
#include <curl/curl.h>

static const long curl_auth_basic = (long)CURLAUTH_BASIC;

static inline CURLcode curl_set_long(CURL *easy, CURLoption option, long value) {
  return (curl_easy_setopt)(easy, option, value);
}

/// Copied by libcurl; NULL restores the default.
static inline CURLcode curl_set_text(CURL *easy, CURLoption option, const char *value) {
  return (curl_easy_setopt)(easy, option, value);
}

/// Not copied: the list has to live for as long as the transfer does.
static inline CURLcode curl_set_list(CURL *easy, CURLoption option, struct curl_slist *value) {
  return (curl_easy_setopt)(easy, option, value);
}

/// `message` has room for CURL_ERROR_SIZE bytes and lives as long as the handle.
static inline CURLcode curl_set_error_buffer(CURL *easy, char *message) {
  return (curl_easy_setopt)(easy, CURLOPT_ERRORBUFFER, message);
}

/// Called for each part of the body, unpacked; to return anything but `size * count` ends the transfer.
typedef size_t (*curl_body_callback)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode curl_set_body(CURL *easy, curl_body_callback callback, void *context) {
  CURLcode code = (curl_easy_setopt)(easy, CURLOPT_WRITEFUNCTION, callback);
  return code == CURLE_OK ? (curl_easy_setopt)(easy, CURLOPT_WRITEDATA, context) : code;
}

static inline long curl_response_status(CURL *easy) {
  long status = 0;
  (curl_easy_getinfo)(easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

/// NULL if there was none; valid until the next transfer.
static inline const char *curl_content_type(CURL *easy) {
  char *type = NULL;
  (curl_easy_getinfo)(easy, CURLINFO_CONTENT_TYPE, &type);
  return type;
}

static inline long curl_new_connections(CURL *easy) {
  long count = 0;
  (curl_easy_getinfo)(easy, CURLINFO_NUM_CONNECTS, &count);
  return count;
}

static inline CURLMcode curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
  return (curl_multi_setopt)(multi, option, value);
}

/// The result of a transfer that `message` says is done; the union in it has no name in Swift.
static inline CURLcode curl_message_result(const CURLMsg *message) { return message->data.result; }
