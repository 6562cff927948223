"""Queries made up at random from a grammar with types.

Both sides may differ in the last digit of a sum. What jumps at such a difference (comparisons, rounding, counter resets,
order) is therefore only made of expressions that are exact: whole numbers and eighths that are added up, never divided.
So are sines: of large numbers, they make anything of the last digit.
The series with NaNs and infinities, and whatever else is known to have changed, are left to the queries written by hand.
"""

import random

from .asking import Question
from .data import END, START

_FRACTION = 0.511  # of every evaluation time, see `data`


def questions(seed, count):
    for number in range(count):
        yield question(f"{seed}:{number}")


def question(seed):
    """The one question that this seed stands for."""
    rng = random.Random(seed)
    query = Generator(rng).query()
    origin = f"random, seed {seed}"
    start = START + rng.randrange(-100, END - START + 300) + _FRACTION
    if rng.random() < 0.4:
        return Question(query, start, origin=origin)
    step = rng.choice([1, 5, 13, 15, 30, 47, 60, 211, 300])
    return Question(query, start, start + step * rng.randrange(1, 40), step, origin)


class Generator:
    def __init__(self, rng):
        self.rng = rng

    def one(self, choices):
        return choices[self.rng.randrange(len(choices))]

    def chance(self, probability):
        return self.rng.random() < probability

    def query(self):
        """A whole query: a vector mostly, at the top also what has an order or a type of its own."""
        depth = self.rng.randrange(1, 5)
        kind = self.rng.randrange(20)
        if kind == 0:
            return self.scalar(depth)
        if kind == 1:
            return f"{self.one(['sort', 'sort_desc'])}({self.exact(depth)})"
        if kind == 2:
            return f"{self.one(['topk', 'bottomk'])}{self.grouping()}({self.one(['1', '2', '3', '5', '0'])}, {self.exact(depth)})"
        if kind == 3:
            return f"count_values{self.grouping()}(\"v\", {self.exact(depth)})"
        return self.exact(depth) if kind < 9 else self.any(depth)

    # --- Instant vectors ------------------------------------------------------------------------------------------------

    def exact(self, depth):
        """A vector whose values are the same to the last bit on both sides."""
        if depth <= 0 or self.chance(0.1):
            return self.selector()
        d = depth - 1
        return self.one(
            [
                self.selector,
                lambda: f"{self.one(['abs', 'ceil', 'floor', 'sgn', '-', '+', 'round'])}({self.exact(d)})",
                lambda: f"round({self.exact(d)}, {self.one(['0.5', '2', '4', '0.25'])})",
                lambda: f"{self.one(['clamp_min', 'clamp_max'])}({self.exact(d)}, {self.one(['0', '5', '-3.5', '1e3'])})",
                lambda: f"clamp({self.exact(d)}, -2, {self.one(['0', '10', '1000', '-5'])})",
                lambda: self.aggregation(["sum", "min", "max", "count", "group"], self.exact(d)),
                lambda: self.aggregation(["sum", "min", "max", "count", "group"], self.exact(d)),
                lambda: f"sum({self.one(['topk', 'bottomk'])}({self.one(['1', '2', '4'])}, {self.exact(d)}))",
                lambda: self.over_time(self.exact_over_time, d),
                lambda: self.over_time(self.exact_over_time, d),
                lambda: f"({self.exact(d)} {self.one(['+', '-'])} {self.number()})",
                lambda: f"({self.exact(d)} * {self.one(['2', '0.5', '-1', '4'])})",
                lambda: f"({self.number()} {self.one(['+', '-'])} {self.exact(d)})",
                lambda: f"({self.exact(d)} % {self.one(['2', '3', '-5', '0.75'])})",
                lambda: f"({self.exact(d)} {self.comparison()} {self.exact_scalar(d)})",
                lambda: f"({self.exact_scalar(d)} {self.comparison()} {self.exact(d)})",
                lambda: self.matched(self.exact, d, ["+", "-"] + _COMPARISONS),
                lambda: self.matched(self.exact, d, ["+", "-"] + _COMPARISONS),
                lambda: self.set_operation(self.exact, d),
                lambda: self.relabelled(self.exact(d)),
                lambda: f"{self.one(['absent', 'count', 'group'])}({self.exact(d)})",
                lambda: f"({self.exact(d)})",
                lambda: f"vector({self.exact_scalar(d)})",
            ]
        )()

    def any(self, depth):
        """A vector whose values may differ in their last digits."""
        if depth <= 0:
            return self.exact(0)
        d = depth - 1
        return self.one(
            [
                lambda: self.exact(depth),
                lambda: f"{self.one(_CONTINUOUS)}({self.any(d)})",
                lambda: f"{self.one(['sin', 'cos'])}({self.exact(d)})",
                lambda: f"{self.one(_CALENDAR)}({self.one(['', self.exact(d), 'vector(time())'])})",
                lambda: f"timestamp({self.one([self.series(), self.exact(d) + ' + 0'])})",
                lambda: self.aggregation(["sum", "min", "max", "count", "group", "avg", "avg"], self.any(d)),
                lambda: self.aggregation(["stddev", "stdvar", "avg", "sum"], self.exact(d)),
                lambda: f"quantile{self.grouping()}({self.one(['0', '0.3', '0.5', '0.99', '1', '2', '-1'])}, {self.any(d)})",
                lambda: self.over_time(self.any_over_time, d),
                lambda: self.over_time(self.any_over_time, d),
                self.counter_rate,
                self.counter_rate,
                lambda: f"({self.any(d)} {self.one(['+', '-', '*', '/', '^'])} {self.scalar(d)})",
                lambda: f"({self.scalar(d)} {self.one(['+', '-', '*', '/'])} {self.any(d)})",
                lambda: f"(({self.exact(d)} + 0) atan2 {self.one(['2', 'time()', '-1'])})",
                lambda: self.matched(self.any, d, ["+", "-", "*", "/"]),
                lambda: self.matched(self.any, d, ["+", "-", "*", "/"]),
                lambda: self.set_operation(self.any, d),
                lambda: self.relabelled(self.any(d)),
                lambda: f"histogram_quantile({self.one(['0.1', '0.5', '0.9', '0.99', '1', '0', '-1'])}, {self.buckets()})",
                lambda: f"({self.any(d)})",
                lambda: f"vector({self.scalar(d)})",
            ]
        )()

    def selector(self):
        return f"{self.series()}{self.modifiers()}"

    def series(self):
        name, labels = self.one(_SERIES)
        matchers = []
        while labels and self.chance(0.25):
            label = self.one(sorted(labels))
            value = self.one(labels[label])
            matchers.append(
                self.one(
                    [
                        f'{label}="{value}"',
                        f'{label}!="{value}"',
                        f'{label}=~"{value}|x.*"',
                        f'{label}!~"{value[:1]}.*"',
                        f'{label}=~".+"',
                    ]
                )
            )
        if self.chance(0.05):
            return "{" + ",".join([f'__name__="{name}"', *matchers]) + "}"
        return name + ("{" + ", ".join(matchers) + "}" if matchers else "")

    def modifiers(self):
        if self.chance(0.7):
            return ""
        offset = self.one(["offset 1m", "offset 250ms", "offset -90s", "offset 10m", "offset 5m1s", "offset 20m"])
        at = self.one(["@ start()", "@ end()", f"@ {START + self.rng.randrange(2700)}.25"])
        return " " + self.one([offset, offset, at, f"{at} {offset}", f"{offset} {at}"])

    def aggregation(self, operators, inner):
        operator = self.one(operators)
        if self.chance(0.2):
            return f"{operator}({inner}){self.grouping()}"
        return f"{operator}{self.grouping()}({inner})"

    def grouping(self):
        if self.chance(0.4):
            return ""
        return f" {self.one(['by', 'by', 'without'])} ({self.labels()}) "

    def labels(self):
        return ", ".join(self.rng.sample(_LABELS, self.rng.randrange(0, 4)))

    def comparison(self):
        return self.one(_COMPARISONS) + self.one(["", "", " bool"])

    def matched(self, make, depth, operators):
        """Two vectors and how they find each other. Some of the ways lead to errors, which have to be the same, too."""
        operator = self.one(operators)
        if operator in _COMPARISONS:
            operator += self.one(["", " bool"])
        left, right, label = make(depth), make(depth), self.one(["instance", "job", "room", "floor", "le"])
        return self.one(
            [
                lambda: f"({left} {operator} {left})",
                lambda: f"({left} {operator} {right})",
                lambda: f"({left} {operator} on ({self.labels()}) {right})",
                lambda: f"(sum by ({label}) ({left}) {operator} sum by ({label}) ({right}))",
                lambda: f"(sum by ({label}) ({left}) {operator} on ({label}) max by ({label}) ({right}))",
                lambda: f"({left} {operator} on ({label}) group_left max by ({label}) ({right}))",
                lambda: f"(min by ({label}) ({left}) {operator} on ({label}) group_right () {right})",
                lambda: f"({left} {operator} on ({label}) group_left (role) max by ({label}, role) ({right}))",
                lambda: f"({left} {operator} on () group_left sum({right}))",
                lambda: f"({left} {operator} ignoring ({self.labels()}) {right})",
                lambda: f"({left} {operator} ignoring ({label}) group_left {self.aggregation(['max'], right)})",
            ]
        )()

    def set_operation(self, make, depth):
        how = self.one(["", "", f" on ({self.labels()})", f" ignoring ({self.labels()})"])
        return f"({make(depth)} {self.one(['and', 'or', 'unless'])}{how} {make(depth)})"

    def relabelled(self, inner):
        return self.one(
            [
                f'label_replace({inner}, "new", "$1-x", "{self.one(_LABELS)}", "(.).*")',
                f'label_replace({inner}, "{self.one(_LABELS)}", "${{1}}", "instance", "([a-z]):.*")',
                f'label_join({inner}, "joined", "{self.one(["", "-", ", "])}", "{self.one(_LABELS)}", "{self.one(_LABELS)}")',
                f'label_replace({inner}, "{self.one(_LABELS)}", "", "", "")',
            ]
        )

    def buckets(self):
        return self.one(
            [
                "latency_seconds_bucket",
                f"latency_seconds_bucket{self.modifiers()}",
                "sum by (le) (latency_seconds_bucket)",
                "sum without (instance) (latency_seconds_bucket)",
                'latency_seconds_bucket{le!="1"}',
                "falling_bucket",
                "(latency_seconds_bucket - latency_seconds_bucket offset 5m)",
                "max by (le, job) (latency_seconds_bucket)",
                "negative_bucket",
            ]
        )

    # --- Range vectors --------------------------------------------------------------------------------------------------

    def over_time(self, function, depth):
        if self.chance(0.25):
            return function(f"{self.subquery_of(self.exact(depth))}")
        window = self.one(["20s", "30s", "1m", "95s", "5m", "5m", "10m", "1h"])
        return function(f"{self.series()}[{window}]{self.modifiers()}")

    def subquery_of(self, inner):
        """The first step is not on the window's edge, at no level: all steps are whole seconds."""
        window = self.one(["30s500ms", "2m500ms", "5m500ms", "10m500ms"])
        return f"({inner})[{window}:{self.one(['', '5s', '7s', '30s', '1m'])}]{self.modifiers()}"

    def exact_over_time(self, matrix):
        function = self.one(["sum", "min", "max", "count", "last", "present", "absent"])
        if self.chance(0.25):
            return f"{self.one(['changes', 'resets'])}({matrix})"
        return f"{function}_over_time({matrix})"

    def any_over_time(self, matrix):
        return self.one(
            [
                f"avg_over_time({matrix})",
                f"stddev_over_time({matrix})",
                f"stdvar_over_time({matrix})",
                f"quantile_over_time({self.one(['0', '0.2', '0.5', '1', '1.5'])}, {matrix})",
                f"delta({matrix})",
                f"idelta({matrix})",
                f"irate({matrix})",
                f"deriv({matrix})",
            ]
        )

    def counter_rate(self):
        """Only of counters that are far from zero where they begin, see the change "a counter's zero"."""
        series = self.one(["requests_total", "cpu_seconds_total", "errors_total", "stuck_total", "late_total"])
        function = self.one(["rate", "increase", "irate"])
        if self.chance(0.2):
            return f"{function}({self.subquery_of(f'sum by (instance, job) ({series})')})"
        return f"{function}({series}[{self.one(['35s', '1m', '2m', '5m', '20m'])}]{self.modifiers()})"

    # --- Scalars --------------------------------------------------------------------------------------------------------

    def number(self):
        return self.one(["0", "1", "2.5", "-3", "0.125", "10", "1000", "0x10"])

    def exact_scalar(self, depth):
        if depth <= 0 or self.chance(0.7):
            return self.number()
        return self.one([f"scalar({self.exact(depth - 1)})", f"({self.number()} {self.one(['+', '-', '*'])} {self.number()})"])

    def scalar(self, depth):
        if depth <= 0 or self.chance(0.6):
            return self.one([self.number(), "time()", "pi()", "1e3"])
        d = depth - 1
        return self.one(
            [
                f"scalar({self.any(d)})",
                f"({self.scalar(d)} {self.one(['+', '-', '*', '/', '^'])} {self.number()})",
                f"({self.exact_scalar(d)} {self.one(_COMPARISONS)} bool {self.exact_scalar(d)})",
                f"-({self.scalar(d)})",
            ]
        )


_COMPARISONS = ["==", "!=", "<", "<=", ">", ">="]
_CONTINUOUS = ["abs", "exp", "sqrt", "ln", "log2", "log10", "atan", "tanh", "asinh", "deg", "rad", "-", "+"]
_CALENDAR = ["hour", "minute", "month", "year", "day_of_week", "day_of_month", "day_of_year", "days_in_month"]
_LABELS = ["instance", "job", "room", "floor", "mode", "cpu", "code", "path", "role", "le", "nosuch"]
_NODES = {"instance": ["a:9100", "b:9100", "c:9100"]}
_SERIES = [
    ("temperature", {"room": ["attic", "cellar", "küche", "居間"], "floor": ["1", "2"]}),
    ("temperature", {"room": ["attic", "cellar", "küche", "居間"], "floor": ["1", "2"]}),
    ("memory_bytes", _NODES),
    ("up", {"instance": ["a:9100", "d:80"], "job": ["node", "web"]}),
    ("level", {"instance": ["a:9100", "d:80"]}),
    ("job:load:avg5m", {"job": ["node", "web"]}),
    ("cpu_seconds_total", {**_NODES, "mode": ["idle", "user"], "cpu": ["0", "1"]}),
    ("requests_total", {"instance": ["d:80", "e:80"], "code": ["200", "404"], "path": ["/", "/käse/支付"]}),
    ("errors_total", {"instance": ["d:80", "e:80"]}),
    ("latency_seconds_bucket", {"instance": ["d:80", "f:80"], "le": ["1", "2.5"]}),
    ("gappy", {"gap": ["short", "long", "stale", "random"]}),
    ("machine_role", {"role": ["db", "front"]}),
    ("target_info", {"version": ["1.0", "1.1"]}),
    ("build_info", {"version": ["2.0", "2.1"]}),
    ("alone", {}),
    ("late", {}),
    ("early", {}),
    ("ended", {}),
    ("once", {}),
    ("twin_a", {}),
    ("steady", {}),
    ("nothing", {"job": ["node"]}),
]
