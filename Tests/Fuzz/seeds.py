"""Writes messages of remote write for the fuzzer to begin with: seeds.py write1|write2 FOLDER.

Every field that a message has is in one of them (prometheus/docs: docs/specs/prw/), zero values and unknown fields too.
"""

import pathlib
import struct
import sys


def varint(number):
    number &= 2**64 - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def number(field, value):
    return varint(field << 3) + varint(value)


def double(field, value):
    return varint(field << 3 | 1) + struct.pack("<d", value)


def data(field, *parts):
    content = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    return varint(field << 3 | 2) + varint(len(content)) + content


def sample(field, value, timestamp):
    return data(field, double(1, value), number(2, timestamp))


UNKNOWN = data(99, "?") + number(98, 7) + varint(97 << 3 | 5) + b"four"
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]


def version1():
    def label(name, value):
        return data(1, data(1, name), data(2, value))

    up = label("__name__", "up") + label("job", "a")
    histogram = data(4, number(1, 3), double(3, 1.5), number(4, 2), data(12, b"\x01\x02"), number(15, 5))
    exemplar = data(3, label("trace", "1"), double(2, 1), number(3, 5))
    yield data(1, up, sample(2, 1, 1_700_000_000_000))
    yield data(1, up, sample(2, 1, 5), sample(2, STALE, 6), exemplar) * 2
    yield data(1, label("z", "1"), up, label("empty", ""), sample(2, -0.0, -5), UNKNOWN)
    yield data(1, up, histogram) + data(1, up, label("job", "b"), sample(2, 1, 5))
    yield data(1, up, sample(2, 1, 6), sample(2, 2, 5)) + data(1, label("", "x"), data(2))
    yield data(3, number(1, 1), data(2, "up"), data(4, "Help."), data(5, "s")) + UNKNOWN
    yield b""


def version2():
    symbols = b"".join(data(4, text) for text in ["", "__name__", "up", "job", "a", "Help.", "s", "\u00fc"])
    up = data(1, b"\x01\x02\x03\x04")
    histogram = data(3, number(1, 3), double(3, 1.5), number(15, 5), number(17, 4))
    exemplar = data(4, data(1, b"\x03\x07"), double(2, 1), number(3, 5))
    metadata = data(5, number(1, 2), number(3, 5), number(4, 6))
    yield symbols + data(5, up, sample(2, 1, 1_700_000_000_000))
    yield symbols + data(5, up, sample(2, 1, 5), sample(2, STALE, 6), exemplar, metadata) * 2
    yield symbols + data(5, number(1, 1), number(1, 2), number(1, 3), number(1, 7), data(2)) + UNKNOWN
    yield symbols + data(5, up, histogram, metadata) + data(5, up, histogram, sample(2, 1, 5))
    yield data(5, up, data(2, double(1, 1), number(2, 5), number(3, 4)), UNKNOWN) + symbols
    yield symbols + data(5, data(1, b"\x01\x02\x03"), data(2)) + data(5, data(1, b"\x01\x63"), data(2)) + data(5, up)
    yield symbols
    yield data(4, "first")


made = {"write1": version1, "write2": version2}[sys.argv[1]]
for index, message in enumerate(made()):
    pathlib.Path(sys.argv[2], str(index)).write_bytes(message)
