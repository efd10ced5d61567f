#include "CDigest.h"

#include <openssl/evp.h>

// The type of the header is OpenSSL's context by another name.
static EVP_MD_CTX *context(cdigest_sha256 *hash) { return (EVP_MD_CTX *)hash; }

cdigest_sha256 *cdigest_sha256_create(void) {
  EVP_MD_CTX *created = EVP_MD_CTX_new();
  if (created && EVP_DigestInit_ex(created, EVP_sha256(), NULL) != 1) {
    EVP_MD_CTX_free(created);
    created = NULL;
  }
  return (cdigest_sha256 *)created;
}

bool cdigest_sha256_add(cdigest_sha256 *hash, const void *bytes, size_t count) {
  return EVP_DigestUpdate(context(hash), bytes, count) == 1;
}

bool cdigest_sha256_finish(cdigest_sha256 *hash, unsigned char digest[CDIGEST_SHA256_BYTES]) {
  unsigned int count = 0;
  return EVP_DigestFinal_ex(context(hash), digest, &count) == 1 && count == CDIGEST_SHA256_BYTES;
}

void cdigest_sha256_free(cdigest_sha256 *hash) { EVP_MD_CTX_free(context(hash)); }
