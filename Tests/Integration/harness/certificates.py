"""Certificates for a test, made by the openssl command."""

import subprocess


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, stdin=subprocess.DEVNULL, capture_output=True)


class Certificate:
    """A certificate and its key, as files."""

    def __init__(self, folder, name):
        self.cert = folder / f"{name}.crt"
        self.key = folder / f"{name}.key"

    @property
    def pair(self):
        """As `requests` takes a client certificate."""
        return str(self.cert), str(self.key)


class Authority(Certificate):
    """A CA of a test's own: `authority.issue("server", …)`."""

    def __init__(self, folder, name):
        super().__init__(folder, name)
        self.folder = folder
        _openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-keyout", self.key, "-out", self.cert, "-subj", f"/CN={name}",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
        )  # fmt: skip

    def issue(self, name, sans="DNS:localhost,IP:127.0.0.1", usage="serverAuth", key="ec", start=None, end=None):
        """`start` and `end` are texts such as 20200101000000Z; from now for two days unless given."""
        made = Certificate(self.folder, name)
        algorithm = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] if key == "ec" else ["rsa:2048"]
        request = self.folder / f"{name}.csr"
        _openssl("req", "-newkey", *algorithm, "-nodes", "-keyout", made.key, "-out", request, "-subj", f"/CN={name}")
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(
            (f"subjectAltName={sans}\n" if sans else "") + f"extendedKeyUsage={usage}\nbasicConstraints=CA:FALSE\n"
        )
        if start is None:
            _openssl(
                "x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", "2",
                "-out", made.cert, "-extfile", extensions,
            )  # fmt: skip
        else:
            self._issue_for(made, request, extensions, start, end)
        return made

    def _issue_for(self, made, request, extensions, start, end):
        """`openssl x509` knows no times but those from now on; `openssl ca` does."""
        base = self.folder / f"{made.cert.stem}-ca"
        base.mkdir()
        (base / "index.txt").write_text("")
        (base / "config").write_text(
            f"[ca]\ndefault_ca=own\n[own]\ndatabase={base}/index.txt\nnew_certs_dir={base}\nrand_serial=yes\n"
            "default_md=sha256\npolicy=any\nunique_subject=no\n[any]\ncommonName=supplied\n"
        )
        _openssl(
            "ca", "-batch", "-config", base / "config", "-cert", self.cert, "-keyfile", self.key, "-in", request,
            "-out", made.cert, "-startdate", start, "-enddate", end, "-extfile", extensions, "-notext",
        )  # fmt: skip
