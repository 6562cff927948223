"""What Prometheus 3 answers differently from Prometheus 2.42, each with its reason: the only differences that may be.

A rule looks at a question and both answers, which differ, and says whether the difference is the one that it stands for.
The first that does is counted.
"""

import math
import re
from typing import Callable, NamedTuple

from .comparing import by_labels, is_close


class Change(NamedTuple):
    name: str
    reason: str
    explains: Callable  # of question, our answer, their answer


CHANGES = []


def change(name, reason):
    def register(explains):
        CHANGES.append(Change(name, reason, explains))
        return explains

    return register


def explanation(question, ours, theirs):
    """The name of the change that explains a difference, if one does."""
    for each in CHANGES:
        if each.explains(question, ours, theirs):
            return each.name
    return None


def _refused_there(ours, theirs, code, text):
    """Whether only the old one refuses, with this error."""
    return ours.ok and theirs.code == code and re.search(text, theirs.error) is not None


def _calls(question, *names):
    return re.search(rf"\b({'|'.join(names)})\b", question.query) is not None


def _texts(ours, theirs, code, own, other):
    """Whether both refuse with this status, the one in these words and the other in those."""
    return (
        ours.code == theirs.code == code
        and re.search(own, ours.error) is not None
        and re.search(other, theirs.error) is not None
    )


# --- Names --------------------------------------------------------------------------------------------------------------


@change("any text is a name", "Since 3.0 metrics and labels may have any UTF-8 name, in quotes.")
def _(question, ours, theirs):
    return _refused_there(ours, theirs, 422, "invalid (destination )?label name") or _texts(
        ours, theirs, 400, 'unexpected "{"', 'unexpected string ".*" in label matching, expected identifier or "}"'
    )


# --- Wording ------------------------------------------------------------------------------------------------------------


@change("what may be a duration", "Since 3.4 durations may be computed, which errors about them say.")
def _(question, ours, theirs):
    return _texts(
        ours,
        theirs,
        400,
        r"expected number, duration, step\(\), or range\(\)|in duration expression|duration must be greater than 0",
        'expected duration|missing unit character in duration|bad duration syntax: ""',
    )


@change("bad numbers", "Since 3.0 numbers and durations are read by one rule, which is stricter and says so.")
def _(question, ours, theirs):
    return _texts(
        ours,
        theirs,
        400,
        "bad number or duration syntax",
        r'bad duration syntax|bad number or duration syntax|error parsing number|unexpected number "\.[0-9]+"',
    )


@change("words of RE2", "Errors of regular expressions are those of the library, which is not Go's here.")
def _(question, ours, theirs):
    return _texts(ours, theirs, 400, "error parsing regexp", "error parsing regexp") or _texts(
        ours, theirs, 422, "invalid regular expression in label_replace", "invalid regular expression in label_replace"
    )


@change("experimental functions", "Prometheus 3 knows functions and aggregations that have to be enabled.")
def _(question, ours, theirs):
    return _texts(ours, theirs, 400, r'function ".*" is not enabled|is experimental and must be enabled', "unknown function with name")


@change("no number for k", "Since 3.6 there is an error of its own for topk and bottomk of NaN.")
def _(question, ours, theirs):
    return _texts(ours, theirs, 422, "^Parameter value is NaN$", "^Scalar value NaN overflows int64$")


_MATCHING = "found duplicate series for the match group|multiple matches for labels"


@change("one of several errors", "When series match wrongly in more than one way, which of them is told is chance.")
def _(question, ours, theirs):
    return _texts(ours, theirs, 422, _MATCHING, _MATCHING)


# --- Functions ----------------------------------------------------------------------------------------------------------


@change("holt_winters", "Since 3.0 it is called double_exponential_smoothing, and experimental.")
def _(question, ours, theirs):
    return ours.code == 400 and 'unknown function with name "holt_winters"' in ours.error


@change("classic histograms have fractions", "Since 3.4 histogram_fraction takes classic histograms, too.")
def _(question, ours, theirs):
    return _calls(question, "histogram_fraction") and ours.ok and theirs.ok and not theirs.result


@change(
    "a counter's zero",
    "Prometheus 3 limits extrapolation to the left first by how far samples are apart, then by where the counter was zero;"
    " 2.42 did it the other way round, and extrapolated further for it.",
)
def _(question, ours, theirs):
    # By six tenths of a sample's distance more, and there are two samples at least.
    return _calls(question, "rate", "increase") and _every_point(ours, theirs, lambda a, b: 0.7 * b < a < b)


@change("predict_linear at a fixed time", "2.42 let the window move on from step to step in spite of the @.")
def _(question, ours, theirs):
    return _calls(question, "predict_linear") and question.is_range and " @ " in question.query


@change("deviations of what is not finite", "Since 3.0 stddev and stdvar of a single NaN or infinity are NaN, not 0.")
def _(question, ours, theirs):
    return _calls(question, "stddev", "stdvar") and _every_point(ours, theirs, lambda a, b: a != a and b == 0)


@change("the sum of minus zero", "Since 3.0 sums are compensated, by adding zero: what is divided by one shows its sign.")
def _(question, ours, theirs):
    return _calls(question, "sum", "sum_over_time", "avg", "avg_over_time") and _every_point(
        ours, theirs, lambda a, b: math.isinf(a) and a == -b
    )


@change("atan2 drops the name", "2.42 left the metric name on the result of atan2.")
def _(question, ours, theirs):
    if not _calls(question, "atan2") or not ours.ok or not theirs.ok:
        return False
    nameless = {tuple(label for label in labels if label[0] != "__name__"): points for labels, points in by_labels(theirs).items()}
    return nameless.keys() == by_labels(ours).keys()


@change("no k, no series", "Prometheus 3 lets topk and bottomk yield nothing for a k below one, however far below it.")
def _(question, ours, theirs):
    return _calls(question, "topk", "bottomk") and "overflows int64" in theirs.error and ours.ok and not ours.result


@change("filtered matches", "Prometheus 3 lets pairs count as matches that a comparison then leaves out.")
def _(question, ours, theirs):
    return (
        re.search("[<>]|[=!]=", question.query)
        and theirs.ok
        and ours.code == 422
        and "multiple matches for labels: many-to-one matching must be explicit" in ours.error
    )


@change("timestamp of a fixed selector", "Prometheus leaves out the offset of a selector with @ in timestamp(), and finds nothing.")
def _(question, ours, theirs):
    return re.search(r"\btimestamp\(.*(@.*offset|offset.*@)", question.query) and ours.ok and theirs.ok and not theirs.result


@change("ties", "Which of several equal values topk and bottomk take follows from the order of the series in the storage.")
def _(question, ours, theirs):
    if not _calls(question, "topk", "bottomk") or not ours.ok or not theirs.ok or ours.type == "scalar":
        return False
    found, expected = _values_by_time(ours), _values_by_time(theirs)
    return found.keys() == expected.keys() and all(
        len(found[at]) == len(expected[at]) and all(map(is_close, found[at], expected[at])) for at in found
    )


def _every_point(ours, theirs, explains):
    """Whether all series and times are the same and `explains` every pair of values that is not."""
    if not ours.ok or not theirs.ok or ours.type not in ("vector", "matrix"):
        return False
    found, expected = by_labels(ours), by_labels(theirs)
    if found.keys() != expected.keys():
        return False
    for labels, points in found.items():
        if [at for at, _ in points] != [at for at, _ in expected[labels]]:
            return False
        for (_, a), (_, b) in zip(points, expected[labels]):
            if not is_close(a, b) and not explains(float(a), float(b)):
                return False
    return True


def _values_by_time(answer):
    times = {}
    for points in by_labels(answer).values():
        for at, text in points:
            times.setdefault(at, []).append(float(text))
    return {at: sorted(values, key=lambda value: (value != value, value)) for at, values in times.items()}
