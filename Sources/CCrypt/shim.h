// libxcrypt, the C library's crypt(3): bcrypt.
#pragma once
#include <crypt.h>
#include <string.h>  // explicit_bzero, which <strings.h> of Swift's Glibc module may hide

/// Hashes `phrase` as `setting` says into `output`, which has CRYPT_OUTPUT_SIZE bytes; false if libcrypt refuses.
/// `data` is scratch memory of crypt_scratch_size() bytes for one thread; nothing of the phrase is left in it.
static inline int crypt_hash(const char *phrase, const char *setting, void *data, char *output) {
  memset(data, 0, sizeof(struct crypt_data));
  const char *hash = crypt_rn(phrase, setting, data, sizeof(struct crypt_data));
  int hashed = hash != NULL && hash[0] != '*';
  if (hashed) strncpy(output, hash, CRYPT_OUTPUT_SIZE);
  explicit_bzero(data, sizeof(struct crypt_data));
  return hashed;
}

static inline size_t crypt_scratch_size(void) { return sizeof(struct crypt_data); }
static inline size_t crypt_output_size(void) { return CRYPT_OUTPUT_SIZE; }
