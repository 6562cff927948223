#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// RE2 speaks C++; these functions are what C, and so Swift, can call of it.
#ifdef __cplusplus
extern "C" {
#endif

typedef struct promring_re2 promring_re2;

/// Compiles `pattern` (UTF-8) so that `.` matches a newline, as in Prometheus 3. `memory_max` bounds the program and
/// its DFA in bytes. On failure returns NULL and writes RE2's reason, NUL-terminated and cut to fit, into `reason`.
promring_re2 *promring_re2_compile(const char *pattern, size_t length, int64_t memory_max, char *reason, size_t reason_size);
void promring_re2_free(promring_re2 *re);
/// Whether the whole of `text` matches (anchored at both ends). Safe from several threads at once.
bool promring_re2_full_match(const promring_re2 *re, const char *text, size_t length);
/// Size of the compiled program, RE2's own measure of cost.
int promring_re2_program_size(const promring_re2 *re);
/// Number of capturing groups.
int promring_re2_group_count(const promring_re2 *re);
/// Name of group `index` (1-based), or NULL when it has none. Lives as long as `re`.
const char *promring_re2_group_name(const promring_re2 *re, int index);
/// Matches the whole of `text` and writes the `count` groups (0 = the whole match) as begin and end offsets, −1 where a
/// group took no part. Returns false, and leaves the arrays alone, when `text` does not match.
bool promring_re2_groups(const promring_re2 *re, const char *text, size_t length, int32_t *begins, int32_t *ends, int count);

#ifdef __cplusplus
}
#endif
