"""Kafka record values: the delivered format, the other framings of the field, and poison."""

import gzip
import json
import math
import struct

import cramjam
import snappy

from .samples import STALE


def value_text(value):
    """A sample value as a JVM or Go program would write it."""
    if value == STALE:
        return "StaleNaN"
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)


def sample_object(sample):
    """The flat object of the delivered format: all values are strings, the timestamp is in milliseconds."""
    return {**dict(sample.labels), "value": value_text(sample.value), "timestamp": str(sample.timestamp)}


def array_json(samples):
    """The array before compression."""
    return json.dumps([sample_object(sample) for sample in samples], ensure_ascii=False).encode()


def delivered(samples):
    """A record value exactly as it is delivered: one raw Snappy block of one JSON array."""
    return snappy.compress(array_json(samples))


def raw_block(text):
    return snappy.compress(text if isinstance(text, bytes) else text.encode())


# --- Framings ----------------------------------------------------------------------------------------------------------


def xerial(data, block=1024):
    """snappy-java's SnappyOutputStream: magic, two versions, then blocks behind big-endian lengths."""
    parts = [b"\x82SNAPPY\x00", struct.pack(">ii", 1, 1)]
    for start in range(0, len(data), block):
        compressed = snappy.compress(data[start : start + block])
        parts += [struct.pack(">i", len(compressed)), compressed]
    return b"".join(parts)


def google_framed(data):
    """The framing format of google/snappy, as `.sz` files have it."""
    return snappy.StreamCompressor().compress(data)


def hadoop(data):
    """Hadoop's BlockCompressorStream: total length, then blocks, lengths big-endian."""
    compressed = snappy.compress(data)
    return struct.pack(">II", len(data), len(compressed)) + compressed


def gzipped(data):
    return gzip.compress(data)


def zstandard(data):
    return bytes(cramjam.zstd.compress(data))


# --- Poison ------------------------------------------------------------------------------------------------------------


def corrupt_snappy(data):
    """A block of honest length whose first copy reaches back before the beginning."""
    return _varint(len(data)) + b"\xfe\xff\xff" + b"\x00" * 20


def truncated_snappy(data):
    compressed = snappy.compress(data)
    return compressed[: len(compressed) // 2]


def oversized_claim():
    """Seven bytes that claim four gigabytes."""
    return b"\xff\xff\xff\xff\x0f\x00["


def _varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
