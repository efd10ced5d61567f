// Keyed hashes, by OpenSSL's libcrypto.
#ifndef CDIGEST_H
#define CDIGEST_H

#include <stdbool.h>
#include <stddef.h>

enum { CDIGEST_SHA256_BYTES = 32 };

// HMAC-SHA256 (RFC 2104) of a message. Returns whether it could be had.
bool cdigest_hmac_sha256(const void *key, size_t key_count, const void *message, size_t message_count,
                         unsigned char digest[CDIGEST_SHA256_BYTES]);

#endif
