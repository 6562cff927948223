#pragma once
#include <stddef.h>
#include <stdint.h>

// The standard library's conversions between doubles and decimal text (C++17 <charconv>): correctly rounded one way,
// shortest text that reads back the other way; no locale, no allocation.
#ifdef __cplusplus
extern "C" {
#endif

/// Reads a decimal floating-point number at the start of `text`. Returns how many bytes it took; 0: no number, or one
/// beyond the range of double (then `*value` is left alone).
size_t promring_parse_double(const char *text, size_t length, double *value);
/// Writes the shortest text that reads back to `value` in scientific form (`d.ddde±dd`) into `out`, which has room for
/// 32 bytes. Returns its length.
size_t promring_format_scientific(double value, char *out);
/// The same in plain notation, never an exponent; `out` has room for 352 bytes.
size_t promring_format_fixed(double value, char *out);

#ifdef __cplusplus
}
#endif
