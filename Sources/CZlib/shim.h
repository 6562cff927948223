// deflateInit2 and inflateInit2 are macros.
#pragma once
#include <zlib.h>

/// Starts a compressor; window_bits 15 writes the zlib wrapper, 15 + 16 the gzip one.
static inline int zlib_deflate_start(z_stream *stream, int level, int window_bits) {
  return deflateInit2(stream, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
}

/// Starts a decompressor; the same meaning of window_bits.
static inline int zlib_inflate_start(z_stream *stream, int window_bits) { return inflateInit2(stream, window_bits); }
