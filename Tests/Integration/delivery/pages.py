"""Pages of metrics for promring to scrape, some of them behind locks."""

import base64
import gzip
import http.server
import ssl
import subprocess
import threading

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Pages:
    """A server of pages by path: `pages["/metrics"] = text`, or a function that gets the request's headers and returns
    a status and a text."""

    def __init__(self, folder=None):
        """With a folder it speaks TLS, with a certificate that is made there."""
        self.pages = {}
        self.kinds = {}
        self.requests = []
        pages = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                pages.requests.append((self.path, dict(self.headers)))
                page = pages.pages.get(self.path, (404, "no such page"))
                status, text = page(self.headers) if callable(page) else page if isinstance(page, tuple) else (200, page)
                body = text.encode() if isinstance(text, str) else text
                self.send_response(status)
                self.send_header("Content-Type", pages.kinds.get(self.path, TEXT))
                if "gzip" in self.headers.get("Accept-Encoding", ""):
                    body = gzip.compress(body)
                    self.send_header("Content-Encoding", "gzip")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.address}"
        if folder:
            self.url = f"https://{self.address}"
            self.authority, key = folder / "pages.crt", folder / "pages.key"
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=pages",
                 "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.authority],
                check=True, capture_output=True, timeout=60,
            )
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.authority, key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def __setitem__(self, path, page):
        self.pages[path] = page

    def locked(self, path, authorization, text):
        """A page for whoever sends this header `Authorization`."""
        self.pages[path] = lambda headers: (
            (200, text) if headers.get("Authorization") == authorization else (401, "not for you")
        )

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
