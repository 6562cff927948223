"""Queries written by hand: every function, operator, modifier and form, and what goes wrong with them.

Windows of subqueries are half a second off whole seconds, because the steps of a subquery are whole seconds: see `data`.
"""

from .asking import Question
from .data import END, START

_FRACTION = 0.511
MOMENTS = [START + 1500 + _FRACTION, START + 2650 + _FRACTION, END + 200 + _FRACTION]
SPANS = [
    (START + 600 + _FRACTION, START + 2500 + _FRACTION, 47),
    (START - 200 + _FRACTION, END + 900 + _FRACTION, 211),
    (START + 1790 + _FRACTION, START + 1900 + _FRACTION, 5),
]


def questions():
    for query in QUERIES:
        for moment in MOMENTS:
            yield Question(query, moment)
        for start, end, step in SPANS:
            yield Question(query, start, end, step)
    for query, old in TRANSLATIONS.items():
        yield Question(query, MOMENTS[0], old=old)
        yield Question(query, *SPANS[0], old=old)
    for query in ERRORS:
        yield Question(query, MOMENTS[0])
        yield Question(query, *SPANS[0])
    for query in RANGE_VECTORS:
        for moment in MOMENTS:
            yield Question(query, moment)
        yield Question(query, *SPANS[0])


LITERALS = [
    "1", "-1", "+1", ".5", "5.", "1e3", "1E-3", "0x1F", "-0x1f", "Inf", "+inf", "-Inf", "NaN", "nan", "0", "-0", "1e21", "1e-7",
    "123456789012345678", "0.1", "010", "1e308 * 10", '"text"', "'text'", "`text`", r'"a\n\t\"\\\x41é😀"', r"'it\'s'",
    "(1)", "((2))", "time()", "pi()", "vector(1)", "vector(time())", "vector(NaN)", "scalar(alone)", "scalar(temperature)",
    "scalar(nothing)", "-time()", "1 + 2 * 3 ^ 2 ^ 0.5 - -4 % 3", "-2 ^ 2", "2 ^ 3 ^ 2", "7 % -4", "-7 % 4", "1 / 0", "-1 / 0", "0 / 0",
    "1 atan2 -1", "5 % 0", "1 == bool 1", "NaN == bool NaN", "NaN != bool NaN", "1 < bool 2", "1 > bool 2", "1 <= bool 1", "1 >= bool 2",
    "1 != bool 2", "time() - 3", "2 * vector(3)", "- - 1", "-(-(1))", "1 - 2 - 3", "2 * 3 % 4", "Inf - Inf", "Inf * 0", "# a remark\n1 + # another\n 2",
]

SELECTORS = [
    "temperature", "temperature{}", 'temperature{floor="1"}', 'temperature{floor!="1"}', 'temperature{room=~"attic|cellar"}',
    'temperature{room!~"a.*"}', 'temperature{room=~".*", floor="2",}', 'temperature{room="küche"}', 'temperature{room=~"k.che"}',
    'temperature{room="居間"}', "temperature{room=~'..'}", '{__name__="temperature"}', '{__name__=~"temp.*|alone"}', '{__name__=~"memory.+", job=""}',
    '{job="web", __name__!~".*_bucket|requests_total"}', 'temperature{nosuch=""}', 'temperature{nosuch!=""}', 'temperature{nosuch=~".*"}',
    'temperature{nosuch=~".+"}', 'temperature{room=""}', 'temperature{room!=""}', 'temperature{floor="1", floor!="2"}', 'temperature{floor="1", floor="2"}',
    'requests_total{path="/käse/支付"}', 'requests_total{path="quo\\"ted"}', "requests_total{path='quo\"ted'}", 'requests_total{path="back\\\\slash"}',
    "requests_total{path=`back\\slash`}", 'requests_total{path=~"/.+"}', 'requests_total{path=~"/|/with space"}', 'requests_total{path=~"(?i)/API.*"}',
    'requests_total{path=~"/[a-z]+.*"}', 'requests_total{path=~"\\\\S+"}', 'requests_total{path=~""}', 'requests_total{code=~"5..|404"}',
    'requests_total{code=~"^404$"}', 'requests_total{path=~"/\\\\p{L}+/.*"}', "job:load:avg5m", "nothing", "odd", "extreme", "gappy", "late", "early", "ended",
    "once", "twin_a", "steady", "up", 'lines{text="two\\nlines"}', 'lines{text=~"(?s)two.lines"}', "lines", 'lines{text=~"two\\nlines"}',
    '{__name__=~"odd|extreme", kind=~"nan|mixed"}', "temperature offset 1m", "temperature offset -1m", "temperature offset 5m30s", "temperature offset 1h",
    f"temperature @ {START + 700}.25", f"temperature @ {START + 700}.25 offset 1m", f"temperature offset 1m @ {START + 700}.25", "temperature @ start()",
    "temperature @ end()", "temperature @ end() offset 3m", "temperature @ 0", "temperature @ -5", f"temperature @ {START + 700}.25 offset -7m",
    f"temperature @ {START}e0", "gappy offset 200s", "ended offset 1500s", "TEMPERATURE", "temperature offset 1h30m", "offset", "sum", "by", "start", "end",
]

_WINDOWS = [
    'temperature{floor="1"}[5m]', "temperature[40s]", "temperature[10s]", "requests_total[5m]", "cpu_seconds_total[2m]", "gappy[4m]", "gappy[15m]", "late[10m]",
    "early[20m]", "ended[6m]", "once[30m]", "odd[3m]", "steady[10m]", "nothing[5m]", "errors_total[7m]", "late_total[9m]", "stuck_total[1m]",
    "temperature[5m] offset 2m", "temperature[5m] offset -2m", f"requests_total[5m] @ {START + 900}.25", "requests_total[5m] @ start()",
    "requests_total[3m] @ end() offset 1m", "temperature[3m500ms:20s]", "requests_total[5m500ms:]", "up[5m]", "level[6m]",
    "(temperature * 2)[3m500ms:30s] offset 1m", "rate(requests_total[2m])[5m500ms:30s]", f"alone[10m500ms:1m] @ {START + 900}.25", "vector(1)[5m500ms:30s]",
    "memory_bytes[5m]",
]

_RANGE_FUNCTIONS = [
    "rate", "increase", "delta", "irate", "idelta", "deriv", "changes", "resets", "avg_over_time", "min_over_time", "max_over_time", "sum_over_time",
    "count_over_time", "stddev_over_time", "stdvar_over_time", "last_over_time", "present_over_time", "absent_over_time",
]

RANGE_FUNCTIONS = [f"{function}({window})" for function in _RANGE_FUNCTIONS for window in _WINDOWS] + [
    f"{call}" for window in _WINDOWS for call in
    (f"quantile_over_time(0.3, {window})", f"predict_linear({window}, 60)")
] + [
    f"quantile_over_time({q}, {window})" for q in ("0", "1", "0.5", "-1", "2", "NaN", "scalar(nothing)", "time() / 1e10")
    for window in ("temperature[5m]", "odd[5m]", "once[30m]")
] + [
    "predict_linear(alone[5m], -600)", "predict_linear(alone[5m], time() - 1709250000)", "predict_linear(requests_total[5m], 1e9)",
    "predict_linear(alone[5m], NaN)", "rate(extreme[5m])", "sum_over_time(extreme[5m])", "avg_over_time(extreme[1m])", "max_over_time(extreme[5m])",
    "min_over_time(extreme[5m])", "changes(extreme[5m])", "resets(extreme[5m])", "count_over_time({__name__=~\"temperature|alone\"}[1m])",
    "rate({__name__=~'twin_.'}[5m])", "last_over_time({__name__=~'twin_.'}[5m])", "max_over_time({__name__=~'late|early'}[5m])",
    "increase({__name__=~'late|early|ended'}[30m])", "absent_over_time(nothing{a=\"b\", c!=\"d\", e=~\"f\"}[5m])", "absent_over_time(once[2m])",
    "absent_over_time(temperature[1m:])", "absent_over_time({job='x',job='y'}[1m])", "absent_over_time(rate(nothing{job='a'}[1m])[5m500ms:1m])",
    "(rate((requests_total[5m])))", "rate(restarted_total[11m])", "increase(restarted_total[20m])",
]

_INSTANT_FUNCTIONS = [
    "abs", "ceil", "floor", "round", "exp", "sqrt", "ln", "log2", "log10", "sgn", "deg", "rad", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
    "cosh", "tanh", "asinh", "acosh", "atanh", "timestamp", "absent", "scalar", "sort", "sort_desc", "day_of_month", "day_of_week",
    "day_of_year", "days_in_month", "hour", "minute", "month", "year", "-", "+",
]
_VECTORS = ["temperature", "odd", "extreme", "nothing", "alone", "level", "temperature / 32", "gappy", "vector(time())", "memory_bytes"]

INSTANT_FUNCTIONS = [f"{function}({vector})" for function in _INSTANT_FUNCTIONS for vector in _VECTORS] + [
    f"{function}()" for function in ("day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month", "year")
] + [
    f"{function}(vector({time}))" for function in ("day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month", "year")
    for time in ("0", "-1", "1136239445", "1709251199", "1709251200", "4107542400", "-86400 * 365.25 * 100", "1e11", "NaN", "1e300", "951782400", "-1.5")
] + [
    "round(temperature, 5)", "round(temperature, 0.25)", "round(temperature, 0)", "round(temperature, -2)", "round(temperature, NaN)", "round(odd, 0.3)",
    "round(vector(2.5))", "round(vector(-2.5))", "round(vector(-0.4))", "round(alone, time())", "round(temperature, scalar(nothing))",
    "clamp(temperature, 0, 10)", "clamp(temperature, 10, 0)", "clamp(odd, -1, 1)", "clamp(temperature, NaN, 10)", "clamp(temperature, 0, NaN)",
    "clamp(temperature, -Inf, +Inf)", "clamp_min(temperature, 5)", "clamp_max(temperature, 5)", "clamp_min(odd, 0)", "clamp_max(odd, 0)",
    "clamp_min(temperature, NaN)", "clamp_max(temperature, scalar(alone))", "clamp(alone, time() % 100, 120)",
    "timestamp(timestamp(alone))", "timestamp(alone offset 1m)", "timestamp((alone))", "timestamp(alone + 0)", f"timestamp(alone @ {START + 900}.25)",
    "timestamp(gappy)", "timestamp(-alone)", "timestamp(vector(1))", "timestamp(sum(alone))", "timestamp(alone @ start())", "timestamp(timestamp(alone offset 1m))",
    "timestamp({__name__=~'twin_.'})", "timestamp(last_over_time(alone[5m]))", "scalar(alone) + time()", "vector(scalar(sum(temperature)))",
    "absent(nothing{a='b'})", "absent(nothing{a='b', a='c'})", "absent(nothing{a!='b', c=~'d'})", "absent(sum(nothing{a='b'}))", "absent(once)",
    "absent({job='none', __name__='x'})", "absent(nothing{job='a'} > 5)", "absent(-nothing{job='a'})", "absent((nothing{job='a'}))", "absent(absent(alone))",
    "absent(gappy{gap='long'})", "absent(ended)", "absent(nothing offset 5m)", "absent(temperature > 1000)", "absent(vector(1))", "absent(nothing{job='a', instance=''})",
    "-temperature", "+temperature", "- -temperature", "-odd", "-{__name__=~'twin_.'}", "abs({__name__=~'twin_.'})", "sgn({__name__=~'late|early'})",
    "sort(temperature)", "sort_desc(temperature)", "sort(odd)", "sort_desc(odd)", "sort(-temperature)", "sort_desc(sum by (room) (temperature))",
    "sort(nothing)", "sort(level)", "sort((temperature))", "ceil(-vector(0.5))", "sqrt(-1 * alone)", "ln(vector(0))", "ln(vector(-1))", "exp(vector(1000))",
    "hour(alone * 3600)", "minute(vector(time()))", "day_of_week(vector(time()) + 86400)", "month(vector(time() + 86400 * 31))", "scalar(level{instance='d:80'})",
]

LABELS = [
    'label_replace(temperature, "place", "$1", "room", "(.*)")', 'label_replace(temperature, "room", "", "room", ".*")',
    'label_replace(temperature, "x", "$1-$2", "room", "(.)(.*)")', 'label_replace(temperature, "x", "${name}s", "room", "(?P<name>.+)")',
    'label_replace(temperature, "x", "$3", "room", "(.)(.*)")', 'label_replace(temperature, "x", "y", "room", "attic")', 'label_replace(temperature, "x", "y", "room", "att")',
    'label_replace(temperature, "x", "y", "nosuch", "")', 'label_replace(temperature, "x", "y", "nosuch", ".+")', 'label_replace(temperature, "__name__", "t_$1", "floor", "(.*)")',
    'label_replace(temperature, "__name__", "", "floor", ".*")', 'label_replace(temperature, "floor", "1", "", "")', 'label_replace(alone, "a", "b", "", "")',
    'label_replace(temperature, "x", "$$1", "room", "(.*)")', 'label_replace(temperature, "x", "$1x", "room", "(.*)")', 'label_replace(temperature, "x", "${1}x", "room", "(.*)")',
    'label_replace(temperature, "x", "[$0]", "room", "k(.)che")', 'label_replace(requests_total, "short", "$1", "path", "/([^/]*).*")',
    'label_replace(rate(requests_total[5m]), "c", "$1xx", "code", "(.)..")',
    'label_replace(temperature, "x", "$x", "room", "(.*)")', 'label_replace(temperature, "room", "$1", "room", "(.).*")', 'label_replace(vector(1), "a", "b", "", "")',
    'label_replace({__name__=~"twin_."}, "which", "$1", "__name__", "twin_(.)")', 'label_replace(temperature, "x", "a", "room", "(?i:ATTIC)")',
    'label_join(temperature, "both", "-", "room", "floor")', 'label_join(temperature, "both", "", "room", "floor")', 'label_join(temperature, "both", ",", "room")',
    'label_join(temperature, "both", "-")', 'label_join(temperature, "room", "-", "floor", "room", "nosuch")', 'label_join(temperature, "room", "-")',
    'label_join(temperature, "__name__", "_", "__name__", "floor")', 'label_join(alone, "x", "-", "nosuch")', 'label_join(temperature, "both", "支", "room", "floor", "room")',
    'label_join(level, "instance", "", "nosuch")', "label_join(sum(alone), 'x', '-', 'y', 'z')",
]

HISTOGRAMS = [
    f"histogram_quantile({q}, {buckets})"
    for q in ("0", "0.1", "0.5", "0.9", "0.99", "1", "-1", "1.5", "NaN", "scalar(nothing)")
    for buckets in ("latency_seconds_bucket", "rate(latency_seconds_bucket[5m])", "sum by (le) (rate(latency_seconds_bucket[5m]))")
] + [
    f"histogram_quantile({q}, {metric}_bucket)" for q in ("0.1", "0.5", "0.9", "1")
    for metric in ("falling", "misspelt", "twice", "negative", "nothing", "single", "nosuch")
] + [
    "histogram_quantile(0.5, sum by (le, instance) (increase(latency_seconds_bucket[10m])))", "histogram_quantile(0.5, temperature)",
    "histogram_quantile(0.9, latency_seconds_bucket{le!='1'})", "histogram_quantile(0.9, latency_seconds_bucket{le!='+Inf'})",
    'histogram_quantile(0.5, {__name__=~"latency_seconds_bucket|falling_bucket"})', "histogram_quantile(0.5, latency_seconds_bucket * NaN)",
    "histogram_quantile(0.5, -latency_seconds_bucket)", "histogram_quantile(0.5, avg without (instance) (latency_seconds_bucket))",
    "histogram_quantile(0.5, {__name__=~'.+_bucket'})", "histogram_quantile(time() % 1, latency_seconds_bucket)",
    "histogram_count(latency_seconds_bucket)", "histogram_sum(latency_seconds_bucket)", "histogram_fraction(0, 1, latency_seconds_bucket)",
    "rate(latency_seconds_sum[5m]) / rate(latency_seconds_count[5m])", "histogram_count(nothing)", "histogram_fraction(0, 1, nothing)",
]

_GROUPINGS = ["", " by (room)", " by (floor)", " by (room, floor)", " without (room)", " without (floor, room)", " by ()", " without ()", " by (nosuch)", " by (__name__)"]
_AGGREGATIONS = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"]

AGGREGATIONS = [f"{op}{grouping} (temperature)" for op in _AGGREGATIONS for grouping in _GROUPINGS] + [
    f"{op} ({vector})" for op in _AGGREGATIONS
    for vector in ("odd", "nothing", "gappy", "memory_bytes", "rate(requests_total[5m])", "level > 1", "vector(3)", "steady", "(temperature)", "extreme * 0")
] + [
    f"{op}{grouping} (rate(requests_total[5m]))" for op in _AGGREGATIONS for grouping in (" by (instance)", " by (job, code)", " without (path, method)")
] + [
    f"{op} by (kind) (odd)" for op in _AGGREGATIONS
] + [
    f"{op}{grouping} ({k}, {vector})" for op in ("topk", "bottomk")
    for grouping in ("", " by (room)", " by (floor)", " without (floor)")
    for k in ("1", "2", "3", "100", "0", "-1", "1.9") for vector in ("temperature",)
] + [
    "topk(3, odd)", "bottomk(3, odd)", "topk(2, nothing)", "topk(scalar(level{instance='d:80'}), temperature)", "bottomk(time() % 4, temperature)",
    "topk(2, temperature > 5)", "topk(1, rate(requests_total[5m]))", "bottomk(2, rate(cpu_seconds_total[5m])) by (mode)", "topk by (nosuch) (2, temperature)",
    "topk(5, odd{kind=~'nan|inf|-inf'})", "bottomk(5, odd{kind=~'nan|inf|-inf'})", "topk(1, gappy)",
] + [
    f"quantile{grouping} ({q}, temperature)" for grouping in ("", " by (floor)", " without (room)")
    for q in ("0", "0.25", "0.5", "0.77", "1", "-0.5", "2", "NaN")
] + [
    "quantile(0.5, odd)", "quantile(0.9, odd{kind=~'some|nan|inf'})", "quantile(0.5, nothing)", "quantile(scalar(nothing), temperature)", "quantile(time() % 1, temperature)",
    "quantile by (instance) (0.5, rate(requests_total[5m]))", "quantile(0.5, once)",
    'count_values("value", level)', 'count_values by (instance) ("value", level)', 'count_values without (instance) ("value", level)', 'count_values("instance", level)',
    'count_values by (instance) ("instance", level)', 'count_values("value", odd)', 'count_values("value", nothing)', 'count_values("v", memory_limit_bytes)',
    'count_values("job", up) by (job)', 'count_values("v", temperature / 3 > 1e9)', 'count_values("v", extreme)', 'count_values without (instance) ("job", up)',
    "sum(temperature) by (room)", "sum(temperature) without (room)", "sum by (room,) (temperature)", "SUM(temperature) BY (room)", "Sum(temperature)",
    "sum(sum by (room) (temperature))", "sum({__name__=~'twin_.'})", "sum by (__name__) ({__name__=~'twin_.'})", "sum without (__name__) ({__name__=~'twin_.'})",
    "count by (job) ({job=~'.+'})", "max by (job) (rate({__name__=~'cpu_seconds_total|requests_total'}[5m]))", "sum(rate({__name__=~'twin_.'}[5m]))",
    "sum by (on, group_left) (temperature)", "sum by (sum) (temperature)", "avg(rate(requests_total[5m])) by (instance, code)", "count(count by (job) (up))",
    "group by (job) (up == 0)", "sum(-temperature)", "1 / sum by (instance, job) (-(up * 0))", "min(odd{kind=~'nan|some'})", "max(odd{kind=~'nan|some'})", "sum(odd{kind=~'inf|-inf'})", "avg(odd{kind=~'inf|-inf'})",
    "avg(odd{kind='inf'})", "stddev(odd{kind='inf'})", "avg(extreme * 1)", "sum without (instance) (up)", "sum(abs(temperature)) by (floor)", "sum(temperature) + 1",
    "sum by (room) (temperature) * 2", "topk(1, sum by (room) (temperature))", "stdvar(temperature) - stddev(temperature) ^ 2 < 1e-6",
]

_ARITHMETIC = ["+", "-", "*", "/", "%", "^", "atan2"]
_COMPARISONS = ["==", "!=", "<", "<=", ">", ">="]
_SETS = ["and", "or", "unless"]

OPERATORS = [f"temperature {op} {scalar}" for op in _ARITHMETIC + _COMPARISONS for scalar in ("2", "-3.5", "0", "NaN", "scalar(alone)")] + [
    f"{scalar} {op} temperature" for op in _ARITHMETIC + _COMPARISONS for scalar in ("2", "0", "-Inf")
] + [f"odd {op} 1" for op in _ARITHMETIC + _COMPARISONS] + [f"temperature {op} bool 5" for op in _COMPARISONS] + [
    f"5 {op} bool temperature" for op in _COMPARISONS
] + [f"odd {op} bool 1" for op in _COMPARISONS] + [f"2 {op} 3" for op in _ARITHMETIC] + [f"2 {op} bool 3" for op in _COMPARISONS] + [
    f"temperature {op} temperature" for op in _ARITHMETIC + _COMPARISONS + _SETS
] + [f"temperature {op} bool temperature" for op in _COMPARISONS] + [
    f"up {op} level" for op in _ARITHMETIC + _COMPARISONS + _SETS
] + [
    f"up {op} on (instance) level" for op in _ARITHMETIC + _COMPARISONS + _SETS
] + [
    f"up {op} ignoring (job) level" for op in _ARITHMETIC + _COMPARISONS + _SETS
] + [f"up {op} bool ignoring (job) level" for op in _COMPARISONS] + [
    f"odd {op} odd" for op in _ARITHMETIC + _COMPARISONS
] + [f"extreme {op} extreme" for op in _ARITHMETIC] + [
    f"requests_total {op} on (instance) group_left {one}" for op in _ARITHMETIC + _COMPARISONS
    for one in ("level{instance='d:80'}",)
] + [
    f"level {op} on (instance) group_right cpu_seconds_total" for op in _ARITHMETIC + _COMPARISONS
] + [
    "level > bool on (instance) group_right cpu_seconds_total", "cpu_seconds_total == bool on (instance) group_left level",
    "cpu_seconds_total * on (instance) group_left (role) machine_role", "cpu_seconds_total * on (instance) group_left (role, nosuch) machine_role",
    "cpu_seconds_total * on (instance) group_left () machine_role", "cpu_seconds_total * ignoring (role, cpu, mode, job) group_left (role) machine_role",
    "machine_role * on (instance) group_right (role) cpu_seconds_total", "machine_role * on (instance) group_right cpu_seconds_total",
    "cpu_seconds_total * on (instance, job) group_left (version, env) target_info", "requests_total * on (job) group_left (version) build_info",
    "cpu_seconds_total * on (instance) group_left (cpu) machine_role", "cpu_seconds_total * on (instance) group_left (mode, role) machine_role",
    "cpu_seconds_total > on (instance) group_left (role) machine_role", "machine_role < on (instance) group_right (role) cpu_seconds_total",
    "cpu_seconds_total >= bool on (instance) group_left (role) machine_role",
    "sum by (instance) (rate(cpu_seconds_total[5m])) / on (instance) level", "rate(requests_total[5m]) / on (instance) group_left sum by (instance) (rate(requests_total[5m]))",
    "rate(errors_total[5m]) / ignoring (path, method) rate(requests_total{path='/', method='GET'}[5m])", "memory_bytes / ignoring (job) memory_limit_bytes",
    "memory_bytes / on (instance) memory_limit_bytes", "memory_bytes / memory_limit_bytes", "memory_bytes - on () group_left sum(memory_bytes)", "temperature - on (room) temperature",
    "temperature + on () temperature", "temperature + ignoring (floor) temperature", "up + on () group_left alone", "alone + on () alone", "alone + vector(1)",
    "vector(1) + vector(2)", "temperature + vector(1)", "temperature * on () group_left vector(2)", "twin_a + twin_b", "twin_a == twin_b", "twin_a > bool twin_b",
    "twin_a + ignoring (job) twin_b", "twin_a and twin_b", "twin_a or twin_b", "twin_a unless twin_b", "temperature > 5 and temperature < 15",
    "temperature > 5 or temperature < 0", "temperature unless temperature > 5", "up == 1 and on (instance) level > 1", "up and ignoring (job) level",
    "up unless on (instance) cpu_seconds_total", "cpu_seconds_total and on (instance) machine_role", "up or on (instance) level", "up or level", "level or up", "temperature or vector(0)",
    "nothing or vector(0)", "vector(0) or nothing", "nothing and up", "up and nothing", "up unless nothing", "nothing unless up", "up and on () vector(1)", "up and on () vector(1) > 2",
    "up or ignoring (instance) level", "temperature and on (nosuch) up", "up and up offset 5m", "up == up offset 1m", "gappy and gappy offset 10m", "late or early", "late or on () early",
    "late unless early", "gappy + gappy offset 30s", "nothing + up", "up + nothing", "nothing * on (instance) group_left level", "temperature > temperature offset 5m",
    "temperature > scalar(avg(temperature))", "temperature > on () group_left avg(temperature)", "avg(temperature) < on () group_right temperature", "(up)", "((up)) + 1",
    "-up ^ 2", "2 ^ up", "up ^ 2 ^ 3", "-temperature ^ 2", "up - up - up", "up - (up - up)", "up + up * up", "up == up > 0", "up > 0 == bool 1", "(temperature > 0) * 2",
    "temperature * 2 > 10", "temperature == temperature", "1 < bool temperature < bool 3", "1 < temperature < 15", "temperature % 3 == 0",
    "up * 0 / 0", "{__name__=~'twin_.'} + 1", "{__name__=~'twin_.'} > 0", "{__name__=~'twin_.'} > bool 0", "{__name__=~'late|early'} * 1", "1 + {__name__=~'late|early|ended'}",
    "{__name__=~'twin_.'} + twin_a", "twin_a + {__name__=~'twin_.'}", "{__name__=~'twin_.'} and twin_a", "twin_a and {__name__=~'twin_.'}", "{__name__=~'twin_.'} * on (job) group_left twin_a",
    "{__name__=~'late|early'} + on (job) group_left steady", "twin_a * on (job) group_right {__name__=~'twin_.'}", "up AND level", "up Or level", "up uNless level", "up + ON (instance) level",
    "cpu_seconds_total * ON (instance) GROUP_LEFT (role) machine_role", "up > BOOL 0", "build_info * on (job) group_left build_info", "build_info == on (job) build_info offset 10m",
    "build_info + on (job) build_info", "up + on (instance,) level", "up + ignoring (job,) level", "up + ignoring () up", "up * on (instance, job) up", "a_b:c or level",
    "late + on (job) twin_a", "ended + on (job) twin_a", "temperature atan2 on (room, floor) temperature", "up == bool 1 == bool 0", "level % 2 == 0 or level * 10",
    "latency_seconds_sum / latency_seconds_count", "sum(up) / count(up)", "100 * (1 - avg by (instance) (rate(cpu_seconds_total{mode='idle'}[5m])))",
    "label_replace(up, 'x', 'y', '', '') + ignoring (x, job) level", "max_over_time(temperature[5m]) - min_over_time(temperature[5m])", "absent(up) or up", "count(up == 1) > bool 2",
]

TIMES = [
    "rate(requests_total[5m] offset 5m)", "rate(requests_total[5m] offset -5m)", "sum(rate(requests_total[5m] offset 1m))", "sum(temperature offset 1m) - sum(temperature)",
    f"rate(requests_total[5m] @ {START + 1200}.25)", "rate(requests_total[5m] @ start())", "rate(requests_total[5m] @ end())", f"sum(temperature @ {START + 1200}.25)",
    f"temperature - temperature @ {START + 1200}.25", f"temperature > temperature @ {START + 1200}.25", "topk(2, temperature @ end())", "temperature and topk(2, temperature @ end())",
    f"timestamp(alone @ {START + 1200}.25)", f"time() - timestamp(alone @ {START + 1200}.25)", "sum_over_time(temperature[5m] @ start() offset -5m)",
    "sum_over_time((temperature)[5m500ms:20s] @ end())", f"max_over_time(rate(requests_total[2m])[10m500ms:30s] @ {START + 1200}.25)", "vector(time()) - time()",
    "sum_over_time(time()[5m500ms:30s])" , "sum_over_time(vector(time())[5m500ms:30s])", "last_over_time(vector(time())[5m500ms:37s])", "last_over_time(vector(time())[5m500ms:])",
    "count_over_time(up[10m500ms:1s])", "count_over_time(up[10m500ms:7s])", "count_over_time(vector(1)[10m500ms:7s] offset 3m)", "max_over_time(sum(rate(requests_total[2m]))[10m500ms:1m])",
    "min_over_time((temperature > 5)[10m500ms:30s])", "avg_over_time(avg_over_time(temperature[2m500ms:20s])[5m500ms:30s])", "sum_over_time(sum_over_time(alone[1m500ms:5s])[2m500ms:10s] offset 1m)",
    "rate(sum by (instance) (requests_total)[5m500ms:15s])", "max_over_time(temperature[5m500ms:20s] offset 2m)", "max_over_time(temperature[5m500ms:20s] offset -2m)",
    "sum_over_time(timestamp(alone)[2m500ms:10s])", "count_over_time((up == 1)[20m500ms:15s])", "quantile_over_time(0.5, (temperature * 2)[5m500ms:11s])", "changes(level[10m500ms:15s])",
    "resets((-level)[10m500ms:15s])", "delta(temperature[10m500ms:1m])", "deriv(alone[10m500ms:1m])", "predict_linear(alone[10m500ms:1m], 3600)", "absent_over_time(nothing[5m500ms:1m])",
    "stddev_over_time(temperature[5m500ms:20s])", "idelta(alone[5m500ms:20s])", "irate(requests_total[5m500ms:20s])", "increase(requests_total[5m500ms:20s])", "holt_winters(alone[5m], 0.5, 0.5)",
    "max_over_time((temperature @ start())[5m500ms:1m])", "sum_over_time((temperature offset 1m)[5m500ms:30s])", f"sum_over_time((temperature @ {START + 1200}.25)[5m500ms:30s])",
    "temperature offset 1m offset 2m", "sum_over_time(temperature[5m500ms:20s] offset 1m @ end())", "(temperature)", "(temperature offset 1m)", "present_over_time(once[1h500ms:7s])",
    "count_over_time(gappy[1h500ms:1m])", "temperature[5m500ms:1m]", "year(vector(1)[5m:])", "sum(temperature[5m])", "-temperature[5m]", "temperature[1h30m5s]",
    "max_over_time(absent(nothing{job='a'})[5m500ms:1m])", "sum_over_time(vector(scalar(alone))[2m500ms:15s])", "sum_over_time((alone + on () vector(time()))[2m500ms:15s])",
    "last_over_time(label_replace(alone, 'a', 'b', '', '')[2m500ms:15s])", "last_over_time(alone[5m])", "last_over_time((alone)[5m500ms:10s])", "last_over_time(sort(temperature)[2m500ms:10s])",
    "sum by (room) (last_over_time(temperature[5m500ms:10s]))", "sum_over_time(topk(1, temperature)[5m500ms:30s])", "avg_over_time(histogram_quantile(0.9, latency_seconds_bucket)[5m500ms:1m])",
]

ODDITIES = [
    "level == on () alone", "level{instance='d:80'} > on () temperature", f"timestamp(alone @ {START + 1200}.25 offset 10m)", "stddev by (kind) (odd)", "rate(restarted_total[20m])",
    "clamp_min(odd, Inf)", "clamp_max(odd, -Inf)", "1 / clamp(odd{kind='-0'}, -2, 0)", "1 / clamp_min(odd{kind='-0'}, 0)", "1 / clamp_max(odd{kind='-0'}, 0)", "1.5e300", "123456789012345678901234567890",
    "count_values('v', memory_bytes * 1e10)", "vector(1.2345678901234567e20)", "topk(scalar(level{instance='d:80'}), temperature @ end())",
    "quantile(scalar(level{instance='d:80'}) / 3, temperature @ end())",
]

# What only Prometheus 3 understands, or understands so, and how the same was said before.
TRANSLATIONS = {
    "1_000.5": "1000.5", "0x1_F": "0x1F", "5m": "300", "-1h30m": "-5400", "2 * 1d12h5ms": "2 * 129600.005", "temperature > 1s": "temperature > 1", "vector(5m)": "vector(300)",
    "temperature[60]": "temperature[1m]", "rate(requests_total[300])": "rate(requests_total[5m])", "temperature offset 60": "temperature offset 1m", "temperature offset -60.25": "temperature offset -1m250ms",
    "sum_over_time(temperature[90.5])": "sum_over_time(temperature[90s500ms])", "sum_over_time(alone[60.5:15])": "sum_over_time(alone[1m500ms:15s])", "temperature offset 0s": "temperature",
    "temperature offset 0": "temperature", '{"temperature"}': "temperature", '{"temperature", room="attic"}': "temperature{room='attic'}", "{'temperature', 'room'=~`a.+`}": "temperature{room=~'a.+'}",
    '{"job:load:avg5m"}': "job:load:avg5m", 'sum by ("room") (temperature)': "sum by (room) (temperature)", 'sum without ("room", floor) (temperature)': "sum without (room, floor) (temperature)",
    'up + on ("instance") level': "up + on (instance) level", 'requests_total * on ("instance") group_left ("role") machine_role': "requests_total * on (instance) group_left (role) machine_role",
    '("text")': '"text"', 'lines{text=~"two.lines"}': 'lines{text=~"(?s)two.lines"}', 'lines{text!~"two.*"}': 'lines{text!~"(?s)two.*"}',
    'label_replace(lines, "first", "$1", "text", "(two).*")': 'label_replace(lines, "first", "$1", "text", "(?s)(two).*")',
}

QUERIES = (
    LITERALS
    + SELECTORS
    + RANGE_FUNCTIONS
    + INSTANT_FUNCTIONS
    + LABELS
    + HISTOGRAMS
    + AGGREGATIONS
    + OPERATORS
    + TIMES
    + ODDITIES
)

RANGE_VECTORS = [
    "temperature[1m]", "temperature[10s]", "gappy[20m]", "nothing[5m]", "odd[1m]", "ended[30m]", "temperature[1m] offset 5m", f"temperature[1m] @ {START + 700}.25", "temperature[1m] @ end()",
    "temperature[2m500ms:30s]", "rate(requests_total[1m])[2m500ms:30s]", "vector(time())[2m500ms:30s]", "vector(1)[5m500ms:]", "(temperature[1m])", "sum(temperature)[5m500ms:1m]",
    "temperature[1m500ms:10s] offset 1m", '{__name__=~"twin_."}[1m]', "once[1h]", "temperature[1m500ms:10s] @ start()", "extreme[2m]", "late[1h]",
]

ERRORS = [
    # Words and characters that stand where they cannot.
    "", " ", "# nothing", "1 +", "+", "* 1", "1 2", "(1", "1)", "()", "foo)", "foo]", "foo}", "foo[5m", "foo[", "foo{", 'foo{a="b"', "foo bar", "a = b", "a =~ b", "a ! b", "a !~ b", "$", "foo$", "a @", "a & b", "a || b",
    "a\n+\nb $", "1e", "0x", "1.2.3", "1..2", "e5", "5 m", "0deadbeef", "1e999x", '"abc', "'abc", "`abc", '"\\q"', '"\\xzz"', '"\\400"', "\"\\ud800\"", "'\n'", "foo.bar", "föö", "bool", "on", "ignoring", "group_left",
    # Selectors.
    "{}", "{a=''}", "{a=~'.*'}", "{a!='b'}", "{a!~'b'}", "foo{__name__='bar'}", "foo{gibberish}", "foo{1}", "foo{a='b' c='d'}", "foo{a=5}", "foo{,}", "foo{a=b}", "foo{a='b',,}", "foo{a}", "foo{a=}", "foo{='b'}",
    "foo{a=='b'}", "foo{a>'b'}", "foo{a=~'('}", "foo{a=~'a{2000}'}", "foo{a=~'(?=x)'}", "foo{a=~'\\\\'}", "foo{a='b'}{c='d'}", "{'a'}{b='c'}", "foo{a-b='c'}", "foo{ä='c'}", "{__name__=''}",
    # Windows and times.
    "foo[0m]", "foo[5x]", "foo[5m1h]", "foo[a]", "foo[]", "foo['5m']", "foo[5m:", "foo[5m:]5", "foo[:1m]", "foo[5m:1m:1m]", "foo[5m][5m]", "foo[5m:0s]", "(foo + bar)[5m]", "foo offset 1m[5m]", "foo @ 1 [5m]", "1[5m]", "sum(foo)[5m]",
    "foo offset", "foo offset bar", "foo offset 1x", "foo offset 1s offset 2s", "1 offset 1m", "sum(foo) offset 1m", "rate(foo[5m]) offset 1m", "(foo) offset 1m", "foo @ bar", "foo @ 1 @ 2", "foo @ Inf", "foo @ NaN", "foo @ 1e20",
    "foo @ start", "foo @ start() @ end()", "1 @ 5", "sum(foo) @ 5", "(foo) @ 5", "'a' @ 5", "foo[5m][5m:]", "1[5m:]", "'a'[5m:]", "foo[5m] + 1", "-foo[5m]", "foo offset 1m @ 5 offset 1m", "foo[1y1y]", "foo[1ms1s]", "foo[-5m]",
    # Types.
    "-'a'", "'a' + 1", "'a' + 'b'", "1 and 1", "1 or foo", "foo and 1", "1 == 1", "1 > 2", "foo + bool bar", "1 + bool 1", "foo + on (x) 10", "10 + ignoring (x) foo", "10 + on (x) 10", "foo or on (a) group_left (b) bar",
    "foo and ignoring (a) group_right bar", "foo * on (a) group_left (a) bar", "foo + group_left bar", "foo + on a bar", "foo + on (a) group_left (b", "foo + on (1) bar", "foo and bool bar", "foo + on(x) * bar", "foo unless bool bar",
    # Functions.
    "rate(foo)", "rate(1)", "rate('a')", "rate(foo[5m], 1)", "rate()", "rate", "rate(foo[5m]", "rate foo", "abs(foo[5m])", "abs(1)", "floor()", "floor(a, b)", "round(a, 1, 2)", "round()", "round(a, b)", "clamp(a, 1)", "clamp(a, b, 1)",
    "vector(foo)", "scalar(1)", "time(1)", "pi(1)", "label_replace(a, 'b', 'c', 'd')", "label_replace(a, 'b', 'c', 'd', 5)", "label_replace(a, 'b', 'c', 'd', '(')", "label_replace(up, 'b', 'c', 'd', '(')",
    "label_join(a)", "label_join(a, 'b')", "label_join(a, 'b', '-', c)", "label_join(up, '', '-', 'c')", "label_replace(up, '', 'c', 'd', '.*')", "non_existent(1)", "foo(1)", "histogram_quantile(foo, foo)",
    "histogram_quantile(0.5)", "histogram_quantile(0.5, foo[5m])", "quantile_over_time(foo[5m], 0.5)", "predict_linear(foo[5m])", "holt_winters(foo[5m], 1, 1)", "timestamp(1)", "hour(1)", "hour(a, b)", "sort(1)", "absent(1)", "absent(foo[5m])",
    "rate(foo[5m],)", "abs(foo,)", "abs(,)", "time(", "time)", "day_of_year(foo[5m])", "count_over_time(foo)", "absent_over_time(foo)", "rate(rate(foo[5m]))", "rate(foo[5m])[5m]", "deriv(sum(foo))", "RATE(foo[5m])",
    "sort_by_label(foo, 'a')", "limitk(1, foo)", "limit_ratio(0.5, foo)", "mad_over_time(foo[5m])", "info(foo)",
    # Aggregations.
    "sum()", "sum(a, b)", "sum(1)", "sum('a')", "sum(foo[5m])", "sum foo", "sum by (a) foo", "sum by a (foo)", "sum by (a b) (foo)", "sum by (1) (foo)", "sum by (a) (foo) by (b)", "sum by (a) without (b) (foo)", "sum(foo) by", "topk(foo)",
    "topk(foo, bar)", "topk('a', bar)", "topk(1, 2)", "topk()", "topk(1, a, b)", "count_values(5, foo)", "count_values(foo)", "count_values('a', 1)", "quantile(foo)", "quantile('a', foo)", "quantile(foo, 0.5)", "sum(1 2)", "sum(foo bar)",
    "sum by (a.b) (foo)", "sum by (foo", "sum by (,) (foo)", "group()", "sum(foo,)",
    # What goes wrong while evaluating.
    "up + on (job) up", "cpu_seconds_total + on (instance) up", "up + on (instance) cpu_seconds_total", "cpu_seconds_total * on (instance) group_left cpu_seconds_total", "level * on (instance) group_right level + on () level",
    "up * on (job) group_left up", "requests_total + on (job) errors_total", "{__name__=~'twin_.'} + 1", "-{__name__=~'twin_.'}", "rate({__name__=~'twin_.'}[5m])", "abs({__name__=~'twin_.'})", "sum({__name__=~'twin_.'}) + 1",
    "label_replace(temperature, 'room', 'x', '', '')", "label_replace(up, 'instance', 'same', '', '')", "label_join(up, 'instance', '-')", "label_replace(up, 'a b', 'c', '', '')", "label_replace(up, 'b', '$1', 'd', '*')",
    "count_values('a b', up)", "count_values('', up)", "topk(NaN, up)", "topk(1e20, up)", "topk(-1e20, up)", "bottomk(Inf, up)", "holt_winters(alone[5m], 0, 0.5)", "holt_winters(alone[5m], 0.5, 2)",
    "quantile_over_time(0.5, {__name__=~'twin_.'}[5m])", "machine_role * on (instance) group_left cpu_seconds_total", "machine_role * on (instance) group_right (mode) cpu_seconds_total", "timestamp({__name__=~'twin_.'})",
    "temperature + on (floor) temperature", "temperature == on (floor) temperature", "level > on () level", "temperature * on (floor) group_left temperature{floor='1'}", "up - ignoring (instance) up",
    "rate(requests_total[5m]) / on (instance) rate(requests_total[5m])", "sum by (job) (up) / on () group_left (job) sum by (job) (up)", "histogram_quantile(0.5, {__name__=~'twin_.'})", "clamp({__name__=~'twin_.'}, 0, 1)",
    "absent({__name__=~'twin_.'})", "build_info * on (job) group_left (version) build_info offset 10m", "temperature offset 999999999y", "temperature[999999999y]", "temperature @ 1e19",
]
