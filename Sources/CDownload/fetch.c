#include "CDownload.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

// What is used of libcurl.
static struct {
  void *library;
  __typeof__(curl_global_init) *global_init;
  __typeof__(curl_easy_init) *easy_init;
  __typeof__(curl_easy_setopt) *easy_setopt;
  __typeof__(curl_easy_perform) *easy_perform;
  __typeof__(curl_easy_strerror) *easy_strerror;
  __typeof__(curl_easy_cleanup) *easy_cleanup;
} curl;

static int load_curl(void) {
  static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
  for (unsigned i = 0; !curl.library && i < sizeof names / sizeof *names; i++) {
    curl.library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  }
  if (!curl.library) return 0;
  *(void **)&curl.global_init = dlsym(curl.library, "curl_global_init");
  *(void **)&curl.easy_init = dlsym(curl.library, "curl_easy_init");
  *(void **)&curl.easy_setopt = dlsym(curl.library, "curl_easy_setopt");
  *(void **)&curl.easy_perform = dlsym(curl.library, "curl_easy_perform");
  *(void **)&curl.easy_strerror = dlsym(curl.library, "curl_easy_strerror");
  *(void **)&curl.easy_cleanup = dlsym(curl.library, "curl_easy_cleanup");
  return curl.global_init && curl.easy_init && curl.easy_setopt && curl.easy_perform && curl.easy_strerror &&
         curl.easy_cleanup && curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

typedef struct {
  FILE *file;
  int64_t present;
  int write_error;  // errno
  cdownload_progress progress;
  void *context;
} transfer;

static size_t write_bytes(char *bytes, size_t size, size_t count, void *context) {
  transfer *state = context;
  size_t written = fwrite(bytes, size, count, state->file);
  if (written < count) state->write_error = errno;
  return written * size;
}

static int tell_progress(void *context, curl_off_t total, curl_off_t done, curl_off_t to_send, curl_off_t sent) {
  (void)total, (void)to_send, (void)sent;
  transfer *state = context;
  state->progress(state->context, state->present + done);
  return 0;
}

static int kind_of(CURLcode code) {
  switch (code) {
    case CURLE_RANGE_ERROR:
    case CURLE_BAD_DOWNLOAD_RESUME: return CDOWNLOAD_NOT_RESUMED;
    case CURLE_WRITE_ERROR: return CDOWNLOAD_NOT_WRITTEN;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR: return CDOWNLOAD_NO_CONNECTION;
    default: return CDOWNLOAD_REFUSED;
  }
}

static CURLcode perform(CURL *handle, const char *address, transfer *state, char *reason) {
  curl.easy_setopt(handle, CURLOPT_ERRORBUFFER, reason);
  curl.easy_setopt(handle, CURLOPT_URL, address);
  curl.easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
  curl.easy_setopt(handle, CURLOPT_FAILONERROR, 1L);
  curl.easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl.easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, 30L);
  curl.easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl.easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, 60L);
  curl.easy_setopt(handle, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)state->present);
  curl.easy_setopt(handle, CURLOPT_WRITEFUNCTION, write_bytes);
  curl.easy_setopt(handle, CURLOPT_WRITEDATA, state);
  curl.easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl.easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, tell_progress);
  curl.easy_setopt(handle, CURLOPT_XFERINFODATA, state);
  return curl.easy_perform(handle);
}

int cdownload_fetch(
    const char *address, const char *path, int64_t present, cdownload_progress progress, void *context,
    char error[CDOWNLOAD_ERROR_SIZE]) {
  CURL *handle = load_curl() ? curl.easy_init() : NULL;
  if (!handle) {
    snprintf(error, CDOWNLOAD_ERROR_SIZE, "libcurl is not installed");
    return CDOWNLOAD_NO_LIBRARY;
  }
  transfer state = {fopen(path, present > 0 ? "ab" : "wb"), present, 0, progress, context};
  if (!state.file) {
    snprintf(error, CDOWNLOAD_ERROR_SIZE, "%s", strerror(errno));
    curl.easy_cleanup(handle);
    return CDOWNLOAD_NOT_WRITTEN;
  }
  char reason[CURL_ERROR_SIZE] = "";
  CURLcode code = perform(handle, address, &state, reason);
  if (fclose(state.file) != 0 && code == CURLE_OK) {
    state.write_error = errno;
    code = CURLE_WRITE_ERROR;
  }
  if (code != CURLE_OK) {
    const char *text = reason[0] ? reason : curl.easy_strerror(code);
    snprintf(error, CDOWNLOAD_ERROR_SIZE, "%s", state.write_error ? strerror(state.write_error) : text);
  }
  curl.easy_cleanup(handle);
  return code == CURLE_OK ? CDOWNLOAD_DONE : kind_of(code);
}
