#pragma once
#include <stddef.h>
#include <stdint.h>

// Files that the program carries with it, as they were when it was built. The compiler reads them by itself (#embed of
// C23): as array literals in Swift, which SwiftPM's embedInCode makes, they take it ten seconds for every 100 kB.

typedef struct {
  /// The last part of its path.
  const char *name;
  const uint8_t *bytes;
  size_t count;
} promring_file;

/// openapi.yaml of the top level.
extern const promring_file promring_description;

/// Those of the page for people, so many.
extern const promring_file *const promring_page;
extern const size_t promring_page_count;
