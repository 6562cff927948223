"""What Linux says of a process."""

import time


def cpu_seconds(pid):
    """CPU time so far: Linux' clock of another process, exact to the nanosecond."""
    return time.clock_gettime(~pid << 3 | 2)


def resident_bytes(pid, field="VmRSS"):
    """Resident memory now, or with `VmHWM` at its peak since the start or `forget_peak`."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field + ":"))


def forget_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")
