"""A broker that refuses every password: noida-db takes any."""

import socketserver
import struct
import threading

_SASL_HANDSHAKE, _API_VERSIONS, _SASL_AUTHENTICATE = 17, 18, 36
_SASL_AUTHENTICATION_FAILED = 58


class RefusingBroker:
    """Speaks as much of Kafka's protocol as it takes to get to the password, and refuses it as Kafka does."""

    def __enter__(self):
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Conversation)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.bootstrap = f"127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self):
        while length := self.rfile.read(4):
            request = self.rfile.read(struct.unpack(">i", length)[0])
            key, version, correlation = struct.unpack(">hhi", request[:8])
            answer = self._answer(key, version)
            if answer is None:
                return
            self.wfile.write(struct.pack(">ii", len(answer) + 4, correlation) + answer)

    def _answer(self, key, version):
        if key == _API_VERSIONS:
            if version > 0:
                return struct.pack(">hi", 35, 0)  # UNSUPPORTED_VERSION: the client asks again with version 0
            keys = [(0, 7), (1, 11), (2, 2), (3, 4), (_SASL_HANDSHAKE, 1), (_API_VERSIONS, 0), (_SASL_AUTHENTICATE, 0)]
            return struct.pack(">hi", 0, len(keys)) + b"".join(struct.pack(">hhh", key, 0, high) for key, high in keys)
        if key == _SASL_HANDSHAKE:
            return struct.pack(">hi", 0, 1) + _string("PLAIN")
        if key == _SASL_AUTHENTICATE:
            # The error is followed by no bytes of SASL; Kafka closes the connection after it.
            return struct.pack(">h", _SASL_AUTHENTICATION_FAILED) + _string("Invalid username or password") + b"\0\0\0\0"
        return None


def _string(text):
    return struct.pack(">h", len(text)) + text.encode()
