#include "CDigest.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

bool cdigest_hmac_sha256(const void *key, size_t key_count, const void *message, size_t message_count,
                         unsigned char digest[CDIGEST_SHA256_BYTES]) {
  // OpenSSL takes no key at all for a wish to go on with the last one.
  static const char nothing[1] = "";
  unsigned int count = 0;
  return key_count <= INT_MAX &&
         HMAC(EVP_sha256(), key ? key : nothing, (int)key_count, message, message_count, digest, &count) != NULL &&
         count == CDIGEST_SHA256_BYTES;
}
