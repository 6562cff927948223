"""The machine that the figures are taken on, and who else uses it."""

import os


def description():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "unknown")
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{os.cpu_count()} × {model}, {size:.0f} GiB"


class Neighbours:
    """What processor time others take meanwhile: figures mean little where it is much."""

    def __init__(self):
        self.busy, self.stolen, self.own = self._now()

    def __str__(self):
        busy, stolen, own = (after - before for after, before in zip(self._now(), (self.busy, self.stolen, self.own)))
        return f"{max(0, busy - own):.0f} s taken by other programs, {stolen:.0f} s by other machines"

    @staticmethod
    def _now():
        with open("/proc/stat", encoding="ascii") as file:
            user, nice, system, _, _, irq, soft_irq, stolen = (int(word) / 100 for word in file.readline().split()[1:9])
        # Of ourselves and of what we started and has ended.
        return user + nice + system + irq + soft_irq, stolen, sum(os.times()[:4])
