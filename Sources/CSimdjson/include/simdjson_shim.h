#pragma once
#include <stddef.h>

// simdjson speaks C++; the benchmarks, which compare with it, need one function of it.
#ifdef __cplusplus
extern "C" {
#endif

typedef struct promring_simdjson promring_simdjson;

promring_simdjson *promring_simdjson_make(void);
void promring_simdjson_free(promring_simdjson *walker);
/// Walks over every key and every string value of an array of objects, `text` being followed by 64 bytes that may be
/// read. Returns how many values there were, 0 when the text is no such array.
size_t promring_simdjson_walk(promring_simdjson *walker, const char *text, size_t length);

#ifdef __cplusplus
}
#endif
