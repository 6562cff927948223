// Counts what a program asks of the allocator. Linked into benchmarks only.
#pragma once
#include <stdint.h>

/// Calls of malloc, calloc, realloc, aligned_alloc, memalign and posix_memalign by this thread so far.
uint64_t allocation_count(void);
