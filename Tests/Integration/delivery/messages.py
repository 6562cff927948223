"""Remote write and remote read as Google's protobuf library writes and reads them.

The messages are described here from their specification (prometheus/docs, `docs/specs/prw/`; remote read's from
`docs/querying/remote_read_api.md`), so that no generated file is needed.
"""

import struct

import cramjam
import requests
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from harness.samples import label_key

FLOAT, INT64, UINT64, UINT32, STRING, BYTES, SINT32, SINT64 = 1, 3, 4, 13, 9, 12, 17, 18
ENUM = INT64  # an enum is a varint on the wire

# `{message: [(number, name, type or message)]}`; a name that ends with `*` is repeated.
_VERSION_1 = {
    "WriteRequest": [(1, "timeseries*", "TimeSeries"), (3, "metadata*", "MetricMetadata")],
    "TimeSeries": [
        (1, "labels*", "Label"),
        (2, "samples*", "Sample"),
        (3, "exemplars*", "Exemplar"),
        (4, "histograms*", "Histogram"),
    ],
    "Label": [(1, "name", STRING), (2, "value", STRING)],
    "Sample": [(1, "value", FLOAT), (2, "timestamp", INT64)],
    "Exemplar": [(1, "labels*", "Label"), (2, "value", FLOAT), (3, "timestamp", INT64)],
    "Histogram": [(1, "count_int", UINT64), (3, "sum", FLOAT), (4, "schema", SINT32), (15, "timestamp", INT64)],
    "MetricMetadata": [(1, "type", ENUM), (2, "metric_family_name", STRING), (4, "help", STRING), (5, "unit", STRING)],
    "ReadResponse": [(1, "results*", "QueryResult")],
    "QueryResult": [(1, "timeseries*", "TimeSeries")],
}
_VERSION_2 = {
    "Request": [(4, "symbols*", STRING), (5, "timeseries*", "TimeSeries")],
    "TimeSeries": [
        (1, "labels_refs*", UINT32),
        (2, "samples*", "Sample"),
        (3, "histograms*", "Histogram"),
        (4, "exemplars*", "Exemplar"),
        (5, "metadata", "Metadata"),
    ],
    "Sample": [(1, "value", FLOAT), (2, "timestamp", INT64), (3, "start_timestamp", INT64)],
    "Exemplar": [(1, "labels_refs*", UINT32), (2, "value", FLOAT), (3, "timestamp", INT64)],
    "Histogram": [(1, "count_int", UINT64), (3, "sum", FLOAT), (4, "schema", SINT32), (15, "timestamp", INT64)],
    "Metadata": [(1, "type", ENUM), (3, "help_ref", UINT32), (4, "unit_ref", UINT32)],
}


def _classes(package, messages):
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for number, field_name, kind in fields:
            field = message.field.add(number=number, name=field_name.rstrip("*"))
            field.label = field.LABEL_REPEATED if field_name.endswith("*") else field.LABEL_OPTIONAL
            if isinstance(kind, str):
                field.type, field.type_name = field.TYPE_MESSAGE, f".{package}.{kind}"
            else:
                field.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in messages
    }


V1 = _classes("prometheus", _VERSION_1)
V2 = _classes("io.prometheus.write.v2", _VERSION_2)


def by_labels(samples):
    series = {}
    for each in samples:
        series.setdefault(each.labels, []).append(each)
    return series.items()


def version_1(samples):
    """A WriteRequest with a series for each label set."""
    request = V1["WriteRequest"]()
    for labels, points in by_labels(samples):
        series = request.timeseries.add()
        for name, value in labels:
            series.labels.add(name=name, value=value)
        for point in points:
            series.samples.add(value=point.value, timestamp=point.timestamp)
    return request


class Version2:
    """A Request of version 2 in the making, with its table of symbols."""

    def __init__(self, samples=()):
        self.request = V2["Request"]()
        self.symbols = {}
        self.reference("")
        for labels, points in by_labels(samples):
            series = self.series(labels)
            for point in points:
                series.samples.add(value=point.value, timestamp=point.timestamp)

    def reference(self, text):
        if text not in self.symbols:
            self.symbols[text] = len(self.symbols)
            self.request.symbols.append(text)
        return self.symbols[text]

    def series(self, labels):
        """A series without samples so far; `labels` are pairs."""
        return self.request.timeseries.add(labels_refs=[self.reference(text) for pair in labels for text in pair])

    def SerializeToString(self):
        return self.request.SerializeToString()


HEADERS_1 = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "test",
}
HEADERS_2 = {
    **HEADERS_1,
    "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    "X-Prometheus-Remote-Write-Version": "2.0.0",
}


def packed(message):
    """The body of a request: one Snappy block."""
    data = message if isinstance(message, bytes) else message.SerializeToString()
    return bytes(cramjam.snappy.compress_raw(data))


def post(url, message, headers=None, path="/api/v1/write", timeout=60):
    """Sends a message of either version, or any body as it is; returns the answer, whatever it is."""
    body = message if isinstance(message, bytes) else packed(message)
    if headers is None:
        is_second = isinstance(message, (Version2, V2["Request"]))
        headers = HEADERS_2 if is_second else HEADERS_1
    return requests.post(url + path, data=body, headers=headers, timeout=timeout)


def written(answer):
    """What an answer says was written: samples, histograms, exemplars."""
    return tuple(
        int(answer.headers[f"X-Prometheus-Remote-Write-{kind}-Written"])
        for kind in ("Samples", "Histograms", "Exemplars")
    )


def series_of_response(body):
    """`{labels: {timestamp: bits of the value}}` of a remote read that is not streamed."""
    (result,) = V1["ReadResponse"].FromString(bytes(cramjam.snappy.decompress_raw(body))).results
    return {
        label_key({label.name: label.value for label in series.labels}): {
            point.timestamp: struct.unpack("<Q", struct.pack("<d", point.value))[0] for point in series.samples
        }
        for series in result.timeseries
    }
