"""What a consumer written from the documentation makes of the records: confluent-kafka, python-snappy, json."""

import json

import snappy

from harness.samples import Sample, label_key


def objects(message):
    """The sample objects of a record, as the documentation says to read them."""
    found = json.loads(snappy.uncompress(message.value()))
    assert isinstance(found, list), found
    for each in found:
        assert isinstance(each, dict) and all(isinstance(value, str) for value in each.values()), each
    return found


def sample_of(found):
    labels = {name: value for name, value in found.items() if name not in ("value", "timestamp")}
    return Sample(label_key(labels), int(found["timestamp"]), float(found["value"]))


def samples_of(messages):
    return [sample_of(found) for message in messages for found in objects(message)]
