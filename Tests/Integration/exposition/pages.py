"""The pages of Tests/WireTests/pages/pages.json: those that Python's client writes, and those that try a reader's patience."""

from unittest import mock

from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary
from prometheus_client import exposition as text_format
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.openmetrics import exposition as openmetrics_format

# What stands for the present moment in pages, in milliseconds; in OpenMetrics in seconds. A real Prometheus does not take
# samples that are much older than its newest, so this is replaced before it reads a page.
MOMENT = 1_700_000_000_000


def at_moment(page, moment):
    """The page with all its times moved."""
    page = page.replace(str(MOMENT // 10_000).encode(), str(moment // 10_000).encode())
    return page.replace(b"1.7e9", f"{moment / 1000:.8e}".encode())


def clients():
    """Pages by name as Python's client writes them, in both formats; the names of both formats agree."""
    for name, escaping in (("plain", ""), ("utf8", "; escaping=allow-utf-8")):
        with mock.patch("time.time", return_value=MOMENT / 1000 + 0.123):
            registry = _registry(utf8=bool(escaping))
        text = text_format.choose_encoder(f"text/plain; version=1.0.0{escaping}")[0](registry)
        openmetrics = openmetrics_format.generate_latest(registry, escaping=escaping.partition("=")[2] or "underscores")
        yield f"client {name}", "text", text
        yield f"client {name}", "openmetrics", openmetrics


def _registry(utf8):
    registry = CollectorRegistry()
    counter = Counter("requests", "Requests.", ["path", "code"], registry=registry)
    counter.labels("/", "200").inc(3)
    counter.labels("/a b", "500").inc(0.5)
    exemplary = Counter("exemplary", "With an exemplar.", registry=registry)
    exemplary.inc(1, {"trace_id": "a}b # {c"})
    gauge = Gauge("temperature", 'Of "rooms".\nIn °C \\ not °F.', ["room"], registry=registry)
    for room, value in (("küche", -3.25), ('a"b\\c\nd', float("inf")), ("居間", float("nan")), ("", 1e300), ("{x=\"}", -0.0)):
        gauge.labels(room).set(value)
    histogram = Histogram("latency_seconds", "Time.", ["job_name"], buckets=(0.005, 1, 2.5, 1000000), registry=registry)
    for value in (0.001, 0.7, 3, 1e9):
        histogram.labels("x").observe(value, {"span": "é"} if value == 3 else None)
    Summary("size_bytes", "Size.", registry=registry).observe(12345.678)
    Info("build", "Build.", registry=registry).info({"version": "1.2.3", "branch": "main"})
    Enum("state", "State.", states=["starting", "running"], registry=registry).state("running")
    registry.register(_Custom(utf8))
    return registry


class _Custom:
    """Timestamps, and names that only UTF-8 pages can have."""

    def __init__(self, utf8):
        self.utf8 = utf8

    def collect(self):
        timed = GaugeMetricFamily("timed", "With times.", labels=["n"])
        for n, offset in enumerate((0, 0.001, 0.999, 59.5)):
            timed.add_metric([str(n)], n * 1.5, timestamp=MOMENT / 1000 + offset)
        yield timed
        bounds = HistogramMetricFamily("ready", "Whole bounds.", labels=["a"])
        bounds.add_metric(["b"], [("1", 4), ("10", 5), ("+Inf", 6)], 8.5)
        yield bounds
        if self.utf8:
            odd = GaugeMetricFamily("my.noisy/metric", "Odd names.", labels=["label.one", "ordinary", 'ü"\\'])
            odd.add_metric(["1", "2", "3"], 4)
            yield odd


# Lines that a page of text may be made of, each with a name. What comes of each, a real Prometheus decides.
TEXT = {
    "empty": "",
    "blank lines": "\n\n  \n\t\na 1\n\n",
    "no line feed at the end": "a 1",
    "blanks everywhere": "a { x = \"1\" ,\ty=\"2\" , } \t 2.5 \t 1700000000000 \t \n",
    "no blanks": 'a{x="1"}2\n',
    "name and value run together": "a-1\nb+Inf\n",
    "no comma between labels": 'a{x="1" y="2"z="3"} 1\n',
    "empty braces": "a{} 1\n",
    "trailing comma": 'a{x="1",} 1\n',
    "two commas": 'a{x="1",,y="2"} 1\n',
    "leading comma": 'a{,x="1"} 1\n',
    "lone comma": "a{,} 1\n",
    "colons in a name": ":a:b: 1\n",
    "colon in a label name": 'a{x:y="1"} 1\n',
    "digit first": "1a 1\n",
    "dash in a name": "a-b 1\n",
    "digit first in a label name": 'a{1x="1"} 1\n',
    "only a name": "a\n",
    "only a name and a blank": "a \n",
    "no value": 'a{x="1"}\n',
    "no value, a comment": 'a{x="1"} # 1\n',
    "two words behind the value": "a 1 1700000000000 3\n",
    "unclosed brace": 'a{x="1" 1\n',
    "unclosed brace at the end": 'a{x="1"',
    "unclosed value": 'a{x="1} 1\nb 2\n',
    "unclosed value at the end": 'a{x="1',
    "backslash at the end": 'a{x="1\\',
    "value without quotes": "a{x=1} 1\n",
    "value in single quotes": "a{x='1'} 1\n",
    "label without value": "a{x} 1\n",
    "label without value, equals sign": "a{x=} 1\n",
    "line feed in a value": 'a{x="1\n2"} 1\n',
    "line feed in braces": 'a{x="1",\ny="2"} 1\n',
    "escapes": 'a{x="\\\\\\"\\n\\\\n"} 1\n',
    "unknown escapes": 'a{x="\\t\\x\\é"} 1\n',
    "escaped line feed": 'a{x="b\\\nc"} 1\n',
    "braces in values": 'a{x="}",y="{",z=" } 5"} 1\n',
    "empty label value": 'a{x="",y="1"} 1\n',
    "repeated label": 'a{x="1",x="1"} 1\n',
    "repeated label, apart": 'a{x="1",y="2",x="3"} 1\n',
    "metric name as a label": 'a{__name__="b"} 1\n',
    "metric name as a label alone": '{__name__="b"} 1\n',
    "no name": '{x="1"} 1\n',
    "internal labels": 'a{__x="1",__address__="2"} 1\n',
    "unsorted labels": 'a{z="1",b="2",_="3",A="4"} 1\n',
    "not UTF-8 in a value": b'a{x="\xff"} 1\n',
    "half a character in a value": b'a{x="\xe2\x82"} 1\n',
    "surrogate in a value": b'a{x="\xed\xa0\x80"} 1\n',
    "not UTF-8 in a name": b"a\xff 1\n",
    "UTF-8 in a value": 'a{x="日本 👍 é"} 1\n',
    "carriage return behind the value": "a 1\r\n",
    "carriage return behind the time": "a 1 1700000000000\r\n",
    "carriage return behind TYPE": "# TYPE a gauge\r\na 1\n",
    "carriage return behind HELP": "# HELP a b\r\na 1\n",
    "carriage return behind a comment": "# a b\r\na 1\n",
    "carriage return alone": "\r\na 1\n",
    "comments": "#\n# a\n#HELP b\n#TYPE\n# help x y\n#! /bin/sh\n##\n# HELPa b\n# TYPE\na 1\n",
    "comment without a line feed": "a 1\n# the end",
    "comment behind blanks": "  # comment\n\t#TYPE\na 1\n",
    "HELP without a name": "# HELP \na 1\n",
    "HELP without anything": "# HELP\na 1\n",
    "HELP with a name alone": "# HELP a\na 1\n",
    "HELP with a wrong name": "# HELP 1a b\na 1\n",
    "HELP with blanks": "#  HELP \t a \t b  \na 1\n",
    "HELP with escapes": '# HELP a b\\nc\\\\d\\"e\\\na 1\n',
    "HELP that is not UTF-8": b"# HELP a \xff\na 1\n",
    "HELP twice": "# HELP a b\n# HELP a c\na 1\n",
    "TYPE without a word": "# TYPE a\na 1\n",
    "TYPE of a word that is none": "# TYPE a thing\na 1\n",
    "TYPE unknown": "# TYPE a unknown\na 1\n",
    "TYPE info": "# TYPE a info\na 1\n",
    "TYPE Gauge": "# TYPE a Gauge\na 1\n",
    "TYPE with two blanks": "# TYPE a  gauge\na 1\n",
    "TYPE with a tab": "# TYPE a\tgauge\na 1\n",
    "TYPE with a blank behind": "# TYPE a gauge \na 1\n",
    "TYPE behind the samples": "a 1\n# TYPE a gauge\n",
    "TYPE twice": "# TYPE a gauge\n# TYPE a counter\na 1\n",
    "UNIT is a comment": "# UNIT a seconds\na 1\n",
    "EOF is a comment": "a 1\n# EOF\nb 2\n",
    "types of all kinds": "# TYPE a counter\na 1\n# TYPE b gauge\nb 1\n# TYPE c untyped\nc 1\n# TYPE d histogram\n# TYPE e summary\n",
    "time zero digits": "a 1 \n",
    "negative time": "a 1 -1\n",
    "time with a sign": "a 1 +1700000000000\n",
    "time with a fraction": "a 1 1700000000000.5\n",
    "time with letters": "a 1 1700000000000x\n",
    "time beyond 64 bits": "a 1 99999999999999999999\n",
    "several times of one series": "a 1 1700000000000\na 2 1700000000001\n",
    "exemplar": 'a 1 # {x="1"} 2\n',
    "value in braces": "a 1{\n",
    "blanks before the brace": 'foo 3\nfoo {a="1"} 4\n',
    "whole family": "# HELP h Help.\n# TYPE h histogram\n"
    'h_bucket{le="0.5"} 1\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_sum 4\nh_count 3\n',
    "quantiles": '# TYPE s summary\ns{quantile="0"} 1\ns{quantile="0.5"} 2\ns{quantile="1"} NaN\ns_sum 1\ns_count 2\n',
    "bounds that are no numbers": '# TYPE h histogram\nh_bucket{le="x"} 1\nh_bucket{le=""} 1\n',
    "bounds of odd form": '# TYPE h histogram\nh_bucket{le="1e6"} 1\nh_bucket{le="-0"} 2\nh_bucket{le="1e-7"} 3\nh_bucket{le="inf"} 4\n',
}

# Values: what of these is a number?
VALUES = [
    "0", "-0", "+0", "1", "+1", "00012", "1.", ".5", ".", "-", "+", "--1", "+-1", "1e5", "1E5", "1e+5", "1e-5", "1e", "e1", "1e+", "1.5e300",
    "1e308", "1.7976931348623157e308", "1.7976931348623159e308", "1e309", "-1e309", "1e999", "1e-400", "5e-324", "2e-324", "4.35", "0.1",
    "123456789012345", "123456789012345678", "9007199254740993", "0.30000000000000004", "3.141592653589793238462643383279502884197",
    "NaN", "nan", "NAN", "-NaN", "+NaN", "nano", "Inf", "+Inf", "-Inf", "inf", "+inf", "INF", "infinity", "-Infinity", "infinit", "Inff",
    "0x10", "0x1p4", "1_000", "1,5", "1 ", "1f", "1d", "½", "١", "true", "null", '"1"', "999999999999999.9", "0.000000000000001", "12345678.12345678",
]  # fmt: skip

OPENMETRICS = {
    "empty but for the end": "# EOF\n",
    "no line feed behind the end": "a 1\n# EOF",
    "no end": "a 1\n",
    "end without a line feed before": "a 1# EOF\n",
    "line feed behind the end": "a 1\n# EOF\n\n",
    "sample behind the end": "a 1\n# EOF\nb 1\n",
    "end with more": "a 1\n# EOFs\n",
    "end with a blank": "a 1\n# EOF \n",
    "blank line": "a 1\n\nb 1\n# EOF\n",
    "comment": "# hello\na 1\n# EOF\n",
    "blank first": " a 1\n# EOF\n",
    "two blanks": "a  1\n# EOF\n",
    "tab": "a\t1\n# EOF\n",
    "blank behind": "a 1 \n# EOF\n",
    "blank before the brace": 'a {x="1"} 1\n# EOF\n',
    "blank in braces": 'a{x="1", y="2"} 1\n# EOF\n',
    "no blank behind the brace": 'a{x="1"}1\n# EOF\n',
    "no comma between labels": 'a{x="1"y="2"} 1\n# EOF\n',
    "two commas": 'a{x="1",,} 1\n# EOF\n',
    "empty braces": "a{} 1\n# EOF\n",
    "line feed in a value": 'a{x="1\n2"} 1\n# EOF\n',
    "escapes": 'a{x="\\\\\\"\\n\\t"} 1\n# EOF\n',
    "repeated label": 'a{x="1",x="2"} 1\n# EOF\n',
    "carriage return": "a 1\r\n# EOF\n",
    "types": "".join(
        f"# TYPE t{number} {word}\nt{number} 1\n"
        for number, word in enumerate(
            ["counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset", "unknown"]
        )
    )
    + "# EOF\n",
    "untyped": "# TYPE a untyped\na 1\n# EOF\n",
    "TYPE without a word": "# TYPE a\na 1\n# EOF\n",
    "HELP with nothing": "# HELP a \na 1\n# EOF\n",
    "HELP without a blank": "# HELP a\na 1\n# EOF\n",
    "HELP with escapes": '# HELP a b\\n\\"c\\" "d"\na 1\n# EOF\n',
    "two blanks before HELP": "#  HELP a b\na 1\n# EOF\n",
    "UNIT": "# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1\n# EOF\n",
    "UNIT of nothing": "# UNIT a \na 1\n# EOF\n",
    "UNIT that is no suffix": "# UNIT a seconds\na 1\n# EOF\n",
    "UNIT that is all of the name": "# UNIT seconds seconds\na 1\n# EOF\n",
    "UNIT without underscore": "# UNIT aseconds seconds\na 1\n# EOF\n",
    "time in whole seconds": "a 1 1700000000\n# EOF\n",
    "time with a fraction": "a 1 1700000000.123\n# EOF\n",
    "time with half milliseconds": "a 1 1700000000.1239\n# EOF\n",
    "time with an exponent": "a 1 1.7e9\n# EOF\n",
    "time that is no number": "a 1 x\n# EOF\n",
    "time that is NaN": "a 1 NaN\n# EOF\n",
    "time that is infinite": "a 1 +Inf\n# EOF\n",
    "created": "# TYPE a counter\na_total 1\na_created 5\n# EOF\n",
    "exemplar": '# TYPE a counter\na_total 1 # {trace="x"} 0.5\n# EOF\n',
    "exemplar with time": '# TYPE a counter\na_total 1 # {trace="x"} 0.5 1700000000.25\n# EOF\n',
    "exemplar behind a time": '# TYPE a counter\na_total 1 1700000000 # {trace="x",y=""} 0.5\n# EOF\n',
    "exemplar without labels": "# TYPE a counter\na_total 1 # {} 0.5\n# EOF\n",
    "exemplar without value": '# TYPE a counter\na_total 1 # {trace="x"}\n# EOF\n',
    "exemplar with a wrong value": '# TYPE a counter\na_total 1 # {trace="x"} y\n# EOF\n',
    "exemplar with a wrong label": '# TYPE a counter\na_total 1 # {1="x"} 1\n# EOF\n',
    "exemplar without braces": "# TYPE a counter\na_total 1 # 0.5\n# EOF\n",
    "exemplar with more": '# TYPE a counter\na_total 1 # {trace="x"} 1 1 1\n# EOF\n',
    "comment behind a value": "a 1 # comment\n# EOF\n",
    "braces in an exemplar": '# TYPE a counter\na_total{x="}"} 1 # {trace="} 5\\" # {"} 0.5\n# EOF\n',
    "page cut off in a line": "a 1\nb",
    "page cut off in a value": "a 1\nb 12",
    "page cut off in HELP": "a 1\n# HELP b cut",
    "page cut off in an exemplar": 'a_total 1 # {trace="x"} 1',
}
