// prctl is variadic.
#pragma once
#include <sys/prctl.h>

/// Whether the process may be dumped and read by other processes of its user. 0 on success.
static inline int prctl_set_dumpable(int dumpable) { return prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0); }
