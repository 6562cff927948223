// The compiler's prefetch, which Swift has no word for.
#pragma once

/// Asks for the cache line at `address`, which need not be there, ahead of its use.
static inline void prefetch(const void *address) { __builtin_prefetch(address); }
