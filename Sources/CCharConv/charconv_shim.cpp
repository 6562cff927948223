#include "charconv_shim.h"

#include <charconv>

size_t promring_parse_double(const char *text, size_t length, double *value) {
  double parsed;
  auto end = std::from_chars(text, text + length, parsed);
  if (end.ec != std::errc()) return 0;
  *value = parsed;
  return static_cast<size_t>(end.ptr - text);
}

size_t promring_format_scientific(double value, char *out) {
  return static_cast<size_t>(std::to_chars(out, out + 32, value, std::chars_format::scientific).ptr - out);
}

size_t promring_format_fixed(double value, char *out) {
  return static_cast<size_t>(std::to_chars(out, out + 352, value, std::chars_format::fixed).ptr - out);
}
