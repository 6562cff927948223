"""What was found: one row for each question, one column for each program, and which targets are met."""

import math
from typing import Callable, NamedTuple

#: In the order of the columns; the first is the one that has targets.
NAMES = ["promring", "prometheus", "victoria-metrics", "plain-consumer"]


class Target(NamedTuple):
    text: str
    #: From the values by name to what is compared with the target, as text, and whether it is met.
    judge: Callable[[dict], tuple]


def at_most(limit, unit):
    return Target(f"≤ {limit:g} {unit}", lambda values: (digits(values[NAMES[0]]), values[NAMES[0]] <= limit))


def at_least(limit, unit):
    return Target(f"≥ {limit:g} {unit}", lambda values: (digits(values[NAMES[0]]), values[NAMES[0]] >= limit))


def within(low, high):
    return Target(
        f"{low:g} to {high:g}", lambda values: (digits(values[NAMES[0]]), low <= values[NAMES[0]] <= high)
    )


def times_faster(times, than):
    return Target(
        f"{times} times as fast as {than}",
        lambda values: _ratio(values[than] / values[NAMES[0]], times),
    )


def times_more(times, than):
    return Target(
        f"{times} times {than}",
        lambda values: _ratio(values[NAMES[0]] / values[than], times),
    )


def _ratio(ratio, wanted):
    return f"{ratio:.1f} times", ratio >= wanted


def digits(value):
    """Three digits that count, no more decimals than those need."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(decimals, 4)}f}"


class Row(NamedTuple):
    name: str
    what: str
    unit: str
    values: dict
    target: Target | None

    def verdict(self):
        """Text and whether the target is met; `None` for both without target, or without whom it speaks of."""
        if self.target is None:
            return None, None
        try:
            return self.target.judge(self.values)
        except KeyError as peer:
            return f"no {peer.args[0]} to compare with", None


class Report:
    def __init__(self, machine):
        self.machine = machine
        self.rows = []
        self.missing = []

    def begin(self, title):
        print(f"\n{title}", flush=True)

    def note(self, text):
        print(f"  {text}", flush=True)

    def add(self, name, what, unit, values, target=None):
        """One question: the values by the program's name. `name` is what machines know it by."""
        row = Row(name, what, unit, values, target)
        self.rows.append(row)
        cells = "".join(f"  {peer} {digits(value)}" for peer, value in values.items())
        text, met = row.verdict()
        judged = "" if text is None else f"   [{target.text}: {text}, {_word(met)}]"
        print(f"  {what}, {unit}:{cells}{judged}", flush=True)

    @property
    def all_met(self):
        return all(row.verdict()[1] is not False for row in self.rows)

    def print_table(self):
        """All of it in Markdown, for the README."""
        names = [name for name in NAMES if any(name in row.values for row in self.rows) or name in self.missing]
        print(f"\nMachine: {self.machine}\n")
        print("| | unit | " + " | ".join(names) + " | target | |")
        print("| --- | --- |" + " ---: |" * len(names) + " --- | --- |")
        for row in self.rows:
            text, met = row.verdict()
            target = "" if row.target is None else row.target.text
            judged = "" if row.target is None else _word(met) + (f" ({text})" if "times" in text else "")
            cells = " | ".join(self._cell(row, name) for name in names)
            print(f"| {row.what} | {row.unit} | {cells} | {target} | {judged} |")

    def _cell(self, row, name):
        if name in row.values:
            return digits(row.values[name])
        return "missing" if name in self.missing else ""

    def print_results(self):
        """The lines for machines, in the form of `PromringBenchmarks`."""
        print()
        for row in self.rows:
            for name, value in row.values.items():
                print(f"result name={row.name}.{name} value={round(value, 6)} unit={row.unit.replace(' ', '_')}")

    def print_targets(self):
        judged = [(row, *row.verdict()) for row in self.rows if row.target]
        print("\nTargets" if judged else "", flush=True)
        for row, text, met in judged:
            print(f"  {_word(met):13}{row.what}: {text}, wanted {row.target.text}")


def _word(met):
    return {True: "met", False: "MISSED", None: "not measured"}[met]
