"""Clients that do not behave: bytes as they are, on a socket."""

import contextlib
import socket


@contextlib.contextmanager
def connection(gateway, sending=b"", receive_bytes=None, timeout=30):
    """A connection on which this was sent. With `receive_bytes` the kernel takes no more than that for a slow reader."""
    host, port = gateway.address.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        if receive_bytes:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.settimeout(timeout)
        client.connect((host, int(port)))
        client.sendall(sending)
        yield client


def request(path, method="GET", headers=(), body=b""):
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def status(client):
    """The status of the answer that comes next; nothing when the connection ends instead."""
    try:
        line = client.makefile("rb").readline()
    except ConnectionError:
        return None
    return int(line.split()[1]) if line else None


def is_closed(client):
    """Whether the other side has closed the connection; does not wait."""
    client.setblocking(False)
    try:
        return client.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    finally:
        client.setblocking(True)


def has_nothing(client):
    """Whether nothing has come that could be read; does not wait."""
    client.setblocking(False)
    try:
        client.recv(1, socket.MSG_PEEK)
        return False
    except BlockingIOError:
        return True
    finally:
        client.setblocking(True)


def dripped(client, byte=b"a"):
    """Sends one byte more; false once the other side has hung up."""
    try:
        client.sendall(byte)
    except ConnectionError:
        return False
    return not is_closed(client)
