// Hashes, by OpenSSL's libcrypto, and ZIP's checksum, by zlib.
#ifndef CDIGEST_H
#define CDIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CDIGEST_SHA256_BYTES = 32 };

// HMAC-SHA256 (RFC 2104) of a message. Returns whether it could be had.
bool cdigest_hmac_sha256(const void *key, size_t key_count, const void *message, size_t message_count,
                         unsigned char digest[CDIGEST_SHA256_BYTES]);

// SHA-256 (FIPS 180-4) of bytes that come in parts.
typedef struct cdigest_sha256 cdigest_sha256;

// NULL when it cannot be had.
cdigest_sha256 *cdigest_sha256_create(void);
bool cdigest_sha256_add(cdigest_sha256 *hash, const void *bytes, size_t count);
// The digest of all that was added; nothing can be added after it.
bool cdigest_sha256_finish(cdigest_sha256 *hash, unsigned char digest[CDIGEST_SHA256_BYTES]);
void cdigest_sha256_free(cdigest_sha256 *hash);

// CRC-32 of bytes that come in parts: goes on from that of the parts before, at first 0.
uint32_t cdigest_crc32(uint32_t before, const void *bytes, size_t count);

#endif
