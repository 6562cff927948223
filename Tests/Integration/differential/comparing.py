"""Whether two answers say the same."""

import math
import re

# Sums may be added up in another order, and with or without compensation; nothing else may differ. The absolute bound is
# for sums that cancel out; nothing in the data is as small as it but for numbers that are far smaller.
RELATIVE = 1e-9
ABSOLUTE = 1e-12
SMALLEST = 1e-30

# The result of these comes in an order that means something.
_ORDERED = re.compile(r"\s*(sort|sort_desc|topk|bottomk) ?\(")
_GROUPED = re.compile(r"\b(by|without)\b", re.IGNORECASE)


def difference(question, ours, theirs):
    """What is different, in a line; `None` when nothing is."""
    if ours.code != theirs.code:
        return f"status {ours.code}, not {theirs.code}"
    if not ours.ok:
        if ours.error_type != theirs.error_type:
            return f"{ours.error_type}, not {theirs.error_type}"
        return None if wording(ours) == wording(theirs) else "another error"
    if ours.type != theirs.type:
        return f"a {ours.type}, not a {theirs.type}"
    if ours.type == "string":
        return None if ours.result == theirs.result else "another text"
    if ours.type == "scalar":
        return _points([ours.result], [theirs.result])
    return _series(by_labels(ours), by_labels(theirs)) or _order(question, ours, theirs)


def wording(answer):
    """An error without what comes by chance: which two of several series it found."""
    # Prometheus 2 names the parameter for instant queries only.
    text = answer.error.removeprefix('invalid parameter "query": ')
    return re.sub(r"match group \{.*\} on (.*): \[.*\];", r"match group on \1;", text)


def by_labels(answer):
    """`{labels: [[time, text], …]}` of a vector or a matrix."""
    series = {}
    for element in answer.result:
        labels = tuple(sorted(element["metric"].items()))
        assert labels not in series, f"twice: {dict(labels)}"
        series[labels] = element["values"] if answer.type == "matrix" else [element["value"]]
    return series


def is_close(a, b):
    a, b = float(a), float(b)
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    largest = max(abs(a), abs(b))
    return a == b or math.isclose(a, b, rel_tol=RELATIVE) or SMALLEST < largest and abs(a - b) < ABSOLUTE


def _series(ours, theirs):
    for labels in ours.keys() - theirs.keys():
        return f"{dict(labels)} should not be there"
    for labels in theirs.keys() - ours.keys():
        return f"{dict(labels)} is missing"
    for labels, expected in theirs.items():
        if found := _points(ours[labels], expected):
            return f"{dict(labels)}: {found}"
    return None


def _points(ours, theirs):
    if [at for at, _ in ours] != [at for at, _ in theirs]:
        return f"other times: {_only(ours, theirs)} only here, {_only(theirs, ours)} only there"
    for (at, found), (_, expected) in zip(ours, theirs):
        if found != expected and not is_close(found, expected):
            return f"{found}, not {expected}, at {at}"
    return None


def _only(some, others):
    times = {at for at, _ in others}
    return [at for at, _ in some if at not in times][:5]


def _order(question, ours, theirs):
    """Equal values may come in any order, so the values in turn are what is compared; groups may, too."""
    if question.is_range or not _ORDERED.match(question.query) or _GROUPED.search(question.query):
        return None
    found, expected = ([element["value"][1] for element in answer.result] for answer in (ours, theirs))
    if all(is_close(a, b) for a, b in zip(found, expected)):
        return None
    return f"another order: {found}, not {expected}"
