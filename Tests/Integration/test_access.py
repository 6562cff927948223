"""Who may reach it: TLS, client certificates, users, tokens, limits, probes; and what happens while files change."""

import concurrent.futures
import ctypes
import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest
import requests
import yaml

from harness.certificates import Authority
from harness.waiting import eventually
from test_configuration import assert_refused, run

BASE = ["serve", "--kafka-brokers", "127.0.0.1:1", "--kafka-topic", "t", "--web-listen-address", "127.0.0.1:0"]
CHECK = ["check", "--kafka-brokers", "127.0.0.1:1", "--kafka-topic", "t"]
TOKEN = "0123456789abcdef0123456789abcdef"


_libcrypt = ctypes.CDLL("libcrypt.so.1")
_libcrypt.crypt.restype = ctypes.c_char_p


def bcrypt(password, cost=4):
    """As htpasswd -B writes it, but for the prefix."""
    return _libcrypt.crypt(password.encode(), f"$2b${cost:02}$abcdefghijklmnopqrstuu".encode()).decode()


ALICE = bcrypt("secret")


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="session")
def other_authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("other-authority"), "other")


@pytest.fixture(scope="session")
def server_certificate(authority):
    return authority.issue("server")


class Access:
    """A gateway with a web configuration file, and clients of it."""

    def __init__(self, serve, folder, config, *arguments, ca=None):
        self.file = folder / "web.yml"
        self.write(config)
        self.gateway = serve.run([*BASE, "--web-config-file", self.file, *arguments], ready=False)
        self.ca = str(ca) if ca else None
        self.port = int(self.gateway.address.rsplit(":", 1)[1])
        self.url = f"http{'s' if 'tls_server_config' in config else ''}://{self.gateway.address}"

    def write(self, config):
        """Replaces the file as editors and Kubernetes do: as a whole."""
        text = config if isinstance(config, str) else yaml.safe_dump(config)
        fresh = self.file.with_suffix(".new")
        fresh.write_text(text)
        os.replace(fresh, self.file)

    def session(self, **options):
        session = requests.Session()
        session.trust_env = False
        session.verify = self.ca
        for name, value in options.items():
            setattr(session, name, value)
        return session

    def ask(self, path="/-/healthy", method="GET", auth=None, cert=None, timeout=30, **options):
        with self.session(auth=auth, cert=cert) as session:
            return session.request(method, self.url + path, timeout=timeout, **options)

    def status(self, *arguments, **options):
        return self.ask(*arguments, **options).status_code

    def own(self, name, auth=None, cert=None, **labels):
        """One of promring's own metrics."""
        page = self.ask("/metrics?self=only", auth=auth, cert=cert)
        assert page.status_code == 200, page.text
        words = [f'{label}="{value}"' for label, value in labels.items()]
        found = [
            float(line.rsplit(" ", 1)[1])
            for line in page.text.splitlines()
            if re.match(rf"{name}[ {{]", line) and all(word in line for word in words)
        ]
        assert len(found) == 1, f"{name} {labels}: {found}"
        return found[0]

    def peer(self):
        """The certificate that a new connection gets, as DER."""
        context = ssl.create_default_context(cafile=self.ca)
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                return secure.getpeercert(binary_form=True)


@pytest.fixture
def access(serve, tmp_path):
    def start(config, *arguments, ca=None):
        return Access(serve, tmp_path, config, *arguments, ca=ca)

    return start


def tls(certificate, **more):
    return {"cert_file": str(certificate.cert), "key_file": str(certificate.key), **more}


def refused(ask):
    """Whether the connection, not the request, comes to nothing."""
    try:
        ask()
    except ConnectionRefusedError:
        raise
    except OSError:  # those of ssl and requests are of this kind
        return True
    return False


def dry_run(size=0):
    """A request with a body of any size that is answered whether or not there is a Kafka."""
    return {
        "path": "/api/v1/delivery/dry_run", "method": "POST", "headers": {"Content-Type": "application/json"},
        "data": b'{"filter": ["__name__=up"]}' + b" " * size,
    }  # fmt: skip


# --- TLS ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["ec", "rsa"])
def test_tls_serves_whoever_trusts_the_ca(access, authority, other_authority, key):
    certificate = authority.issue(f"tls-{key}", key=key)
    served = access({"tls_server_config": tls(certificate)}, ca=authority.cert)
    assert served.ask().text == "promring is Healthy.\n"
    assert refused(lambda: requests.get(served.url + "/-/healthy", verify=str(other_authority.cert), timeout=30))
    assert refused(lambda: requests.get(served.url.replace("https", "http") + "/-/healthy", timeout=30))
    eventually(lambda: served.own("promring_tls_handshakes_failed_total", reason="other") == 2, "both failures")
    # curl is a client of its own kind; bodies in both directions, more than a record of TLS.
    answer = subprocess.run(
        ["curl", "-sS", "--cacert", authority.cert, "--json", "@-", f"{served.url}/api/v1/delivery/dry_run"],
        input=dry_run(200_000)["data"], capture_output=True, timeout=30, check=True,
    )  # fmt: skip
    assert b'"status":"success"' in answer.stdout
    page = served.ask("/openapi.yaml")
    assert page.status_code == 200 and len(page.content) > 50_000


def test_versions_and_cipher_suites_are_those_of_the_file(access, authority):
    certificate = authority.issue("tls-suites", key="rsa")
    settings = tls(
        certificate, min_version="TLS12", cipher_suites=["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"],
        curve_preferences=["CurveP384"],
    )  # fmt: skip
    served = access({"tls_server_config": settings}, ca=authority.cert)

    def suite(version, ciphers=None):
        context = ssl.create_default_context(cafile=served.ca)
        context.minimum_version = context.maximum_version = version
        if ciphers:
            context.set_ciphers(ciphers)
        with socket.create_connection(("127.0.0.1", served.port), timeout=30) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                return secure.cipher()[0]

    assert suite(ssl.TLSVersion.TLSv1_2) == "ECDHE-RSA-AES256-GCM-SHA384"
    with pytest.raises(ssl.SSLError):
        suite(ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256")
    # Not chosen for TLS 1.3.
    assert suite(ssl.TLSVersion.TLSv1_3).startswith("TLS_")

    served.write({"tls_server_config": tls(certificate, min_version="TLS13")})

    eventually(lambda: refused(lambda: suite(ssl.TLSVersion.TLSv1_2)), "TLS 1.3 alone")
    assert suite(ssl.TLSVersion.TLSv1_3).startswith("TLS_")


def test_a_handshake_that_does_not_come_is_cut_off(access, server_certificate, authority):
    served = access({"tls_server_config": tls(server_certificate)}, "--web-request-timeout", "1s", ca=authority.cert)
    for beginning in (b"", b"\x16\x03\x01\x02\x00\x01"):  # the latter of a ClientHello
        with socket.create_connection(("127.0.0.1", served.port), timeout=30) as silent:
            silent.sendall(beginning)
            while silent.recv(1000):
                pass
    eventually(lambda: served.own("promring_tls_handshakes_failed_total", reason="other") == 2, "both to be counted")


POLICIES = {
    # policy: (none, of another CA, of the CA)
    "NoClientCert": (True, True, True),
    "RequestClientCert": (True, True, True),
    "RequireAnyClientCert": (False, True, True),
    "RequireClientCert": (False, True, True),
    "VerifyClientCertIfGiven": (True, False, True),
    "RequireAndVerifyClientCert": (False, False, True),
}


@pytest.fixture(scope="session")
def client(authority):
    return authority.issue("client", sans="DNS:grafana.example.org,email:me@example.org,IP:10.0.0.7,URI:spiffe://a/b",
                           usage="clientAuth")  # fmt: skip


@pytest.fixture(scope="session")
def stranger(other_authority):
    return other_authority.issue("stranger", usage="clientAuth")


@pytest.mark.parametrize("policy", POLICIES)
def test_client_certificates_are_asked_for_as_the_policy_says(
    access, authority, server_certificate, client, stranger, policy
):
    settings = tls(server_certificate, client_auth_type=policy)
    if policy not in ("NoClientCert", "RequestClientCert"):
        settings["client_ca_file"] = str(authority.cert)
    served = access({"tls_server_config": settings}, ca=authority.cert)
    for pair, let_in in zip((None, stranger.pair, client.pair), POLICIES[policy], strict=True):
        if let_in:
            assert served.status(cert=pair) == 200, pair
        else:
            assert refused(lambda pair=pair: served.ask(cert=pair)), pair
    if policy == "RequireAndVerifyClientCert":
        reasons = "promring_tls_handshakes_failed_total"
        eventually(lambda: served.own(reasons, cert=client.pair, reason="certificate_not_trusted") == 1, "the count")


def test_client_certificates_that_are_not_for_clients_or_over_are_refused(access, authority, server_certificate, client):
    settings = tls(
        server_certificate, client_auth_type="RequireAndVerifyClientCert", client_ca=authority.cert.read_text()
    )
    served = access({"tls_server_config": settings}, ca=authority.cert)
    expired = authority.issue(
        "expired", usage="clientAuth", start="20200101000000Z", end="20200201000000Z"
    )
    assert served.status(cert=client.pair) == 200
    for certificate in (server_certificate, expired):
        assert refused(lambda certificate=certificate: served.ask(cert=certificate.pair))


@pytest.mark.parametrize(
    "names, let_in",
    [
        (["grafana.example.org"], True), (["other", "me@example.org"], True), (["10.0.0.7"], True),
        (["spiffe://a/b"], True), (["GRAFANA.example.org"], False), (["*.example.org"], False), (["client"], False),
    ],
)  # fmt: skip
def test_client_certificates_need_one_of_the_names(access, authority, server_certificate, client, names, let_in):
    settings = tls(
        server_certificate, client_auth_type="RequireAndVerifyClientCert", client_ca_file=str(authority.cert),
        client_allowed_sans=names,
    )  # fmt: skip
    served = access({"tls_server_config": settings}, ca=authority.cert)
    if let_in:
        assert served.status(cert=client.pair) == 200
    else:
        assert refused(lambda: served.ask(cert=client.pair))
    assert refused(lambda: served.ask())


def test_names_are_asked_of_everybody_where_certificates_are_optional(access, authority, server_certificate, client):
    settings = tls(
        server_certificate, client_auth_type="VerifyClientCertIfGiven", client_ca_file=str(authority.cert),
        client_allowed_sans=["grafana.example.org"],
    )  # fmt: skip
    served = access({"tls_server_config": settings}, ca=authority.cert)
    assert served.status(cert=client.pair) == 200
    assert refused(lambda: served.ask())


def test_a_new_certificate_is_taken_up_and_connections_go_on(access, authority, tmp_path):
    first, second = authority.issue("first"), authority.issue("second")
    place = tmp_path / "tls"
    place.mkdir()

    def put(certificate):
        for kind in ("crt", "key"):
            fresh = place / f"new.{kind}"
            shutil.copy(certificate.cert.with_suffix(f".{kind}"), fresh)
            os.replace(fresh, place / f"server.{kind}")

    put(first)
    served = access({"tls_server_config": {"cert_file": "tls/server.crt", "key_file": "tls/server.key"}}, ca=authority.cert)
    ours = ssl.PEM_cert_to_DER_cert(first.cert.read_text())
    theirs = ssl.PEM_cert_to_DER_cert(second.cert.read_text())
    assert served.peer() == ours

    running = http.client.HTTPSConnection("127.0.0.1", served.port, context=ssl.create_default_context(cafile=served.ca))
    running.connect()
    running.auto_open = 0  # once it is closed it stays so

    def is_served():
        running.request("GET", "/-/healthy")
        return running.getresponse().read() == b"promring is Healthy.\n"

    assert is_served()
    put(second)
    eventually(lambda: served.peer() == theirs, "the second certificate")
    assert is_served()

    # A certificate without its key is none; the last good one stays.
    (place / "server.crt").write_text(first.cert.read_text())
    eventually(lambda: served.own("promring_web_config_last_reload_successful") == 0, "the failure")
    assert served.peer() == theirs
    assert is_served()
    put(first)
    eventually(lambda: served.peer() == ours, "the first certificate again")
    assert served.own("promring_web_config_last_reload_successful") == 1
    assert served.own("promring_tls_certificate_end_seconds") > time.time()
    assert is_served()
    running.close()
    log = served.gateway.process.text()
    assert log.count("web configuration not reloaded") >= 1
    assert "PRIVATE KEY" not in log


# --- Users and tokens --------------------------------------------------------------------------------------------------


def test_users_and_tokens_are_let_in_and_nobody_else(access, tmp_path):
    (tmp_path / "tokens").write_text(f"# for dashboards\n{TOKEN}  # grafana\n")
    config = {
        "basic_auth_users": {"alice": ALICE, "bob": bcrypt("hunter2").replace("$2b$", "$2y$")},
        "http_server_config": {"http2": True, "headers": {"X-Frame-Options": "deny", "Strict-Transport-Security": "max-age=1"}},
    }
    served = access(config, "--web-bearer-token-file", tmp_path / "tokens")
    for auth in (("alice", "secret"), ("bob", "hunter2")):
        for path in ("/-/healthy", "/version", "/metrics?self=only"):
            assert served.status(path, auth=auth) == 200
    assert served.status(headers={"Authorization": f"Bearer {TOKEN}"}) == 200
    assert subprocess.run(
        ["curl", "-sS", "-u", "alice:secret", f"{served.url}/-/healthy"], capture_output=True, text=True, timeout=30
    ).stdout == "promring is Healthy.\n"  # fmt: skip

    for path in ("/", "/-/healthy", "/-/ready", "/livez", "/metrics", "/api/v1/query?query=1", "/openapi.yaml", "/no/such"):
        answer = served.ask(path)
        assert answer.status_code == 401, path
        assert answer.text == "Unauthorized\n"
        assert answer.headers["X-Frame-Options"] == "deny"
        assert answer.headers["Strict-Transport-Security"] == "max-age=1"
        assert "Basic realm=" in answer.headers["WWW-Authenticate"]
        assert "Bearer realm=" in answer.headers["WWW-Authenticate"]
    assert served.status("/api/v1/query", method="OPTIONS") == 401
    for auth in (("alice", "hunter2"), ("alice", ""), ("carol", "secret"), ("", "")):
        assert served.status(auth=auth) == 401
    assert served.status(headers={"Authorization": f"Bearer {TOKEN}0"}) == 401
    assert served.ask(auth=("alice", "secret")).headers["X-Frame-Options"] == "deny"

    def turned_away(reason):
        return served.own("promring_http_turned_away_total", auth=("alice", "secret"), reason=reason)

    assert turned_away("wrong_password") == 2
    assert turned_away("unknown_user") == 2
    assert turned_away("wrong_token") == 1
    assert turned_away("no_credentials") == 9

    for path in ("/api/v1/status/config", "/api/v1/status/flags", "/api/v1/status/runtimeinfo"):
        text = served.ask(path, auth=("alice", "secret")).text
        assert "web" in text or "runtimeinfo" in path
        assert TOKEN not in text and ALICE not in text
    log = served.gateway.process.text()
    for secret in (TOKEN, ALICE, "hunter2", "c2VjcmV0"):
        assert secret not in log


def test_passwords_are_checked_over_tls_too_whatever_the_body(access, authority, server_certificate):
    """The connection is suspended between head and body, of which a part may have been decrypted already."""
    users = {f"u{size}": bcrypt(f"secret {size}", 6) for size in (0, 1, 10_000, 60_000, 1_000_000)}
    served = access({"tls_server_config": tls(server_certificate), "basic_auth_users": users}, ca=authority.cert)
    for name in users:
        size = int(name[1:])
        for expected, password in ((401, "wrong"), (200, f"secret {size}"), (200, f"secret {size}")):
            answer = served.ask(auth=(name, password), **dry_run(size))
            assert answer.status_code == expected, (size, password, answer.text[:300])
    with served.session(auth=("u1", "secret 1")) as session:  # one connection
        for size in (0, 100, 40_000, 0):
            request = dry_run(size)
            request["url"] = served.url + request.pop("path")
            assert session.request(**request, timeout=30).json()["status"] == "success"


def test_bodies_of_strangers_are_not_kept(access):
    served = access({"basic_auth_users": {"alice": ALICE}})
    before = served.own("process_resident_memory_bytes", auth=("alice", "secret"))
    body = b"x" * (15 << 20)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: served.status("/api/v1/write", method="POST", data=body), range(16)))
    assert set(answers) == {401}
    after = served.own("process_resident_memory_bytes", auth=("alice", "secret"))
    assert after - before < 30 << 20, f"{before} before, {after} after"


def test_nobody_waits_while_passwords_are_checked(access):
    """A check takes a processor for half a second here, and there is one thread for all connections."""
    users = {"alice": ALICE, "slow": bcrypt("other", 12)}
    served = access({"basic_auth_users": users}, "--web-threads", "1")
    alice = ("alice", "secret")
    assert served.status(auth=alice) == 200
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        # Their threads stand back behind all others: on a busy machine they take as long as that takes.
        guesses = [pool.submit(served.status, auth=("slow", f"guess {n}"), timeout=300) for n in range(3)]
        eventually(lambda: served.own("promring_http_pool_active", auth=alice, pool="passwords") >= 1, "a check")
        answered = 0
        while not all(guess.done() for guess in guesses):
            assert served.status(auth=alice) == 200
            answered += 1
        assert {guess.result() for guess in guesses} == {401}
    assert answered > 5, "requests answered meanwhile"


def test_a_guesser_is_slow_and_others_are_not(access):
    served = access({"basic_auth_users": {"alice": ALICE}})
    alice = ("alice", "secret")
    assert served.status(auth=alice) == 200
    for number in range(2):  # each address for itself
        began = time.monotonic()
        statuses = []
        with served.session() as guesser:
            guesser.mount("http://", _From(f"127.0.1.{number + 1}"))
            while 429 not in statuses:
                answer = guesser.get(served.url + "/", auth=("alice", f"{len(statuses)}"), timeout=30)
                statuses.append(answer.status_code)
        assert int(answer.headers["Retry-After"]) in (1, 2)
        assert set(statuses) == {401, 429}
        # Ten guesses, and one every two seconds.
        assert 10 <= statuses.count(401) <= 11 + (time.monotonic() - began) / 2
    assert served.status(auth=alice) == 200
    assert served.own("promring_http_turned_away_total", auth=alice, reason="too_many_guesses") == 2
    with served.session(auth=alice) as elsewhere:
        elsewhere.mount("http://", _From("127.0.1.9"))
        assert elsewhere.get(served.url + "/-/healthy", timeout=30).status_code == 200


class _From(requests.adapters.HTTPAdapter):
    """Connects from an address."""

    def __init__(self, address):
        self.address = address
        super().__init__()

    def init_poolmanager(self, *arguments, **options):
        super().init_poolmanager(*arguments, source_address=(self.address, 0), **options)


def test_a_rate_limit_holds(access):
    served = access({"rate_limit": {"interval": "1h", "burst": 3}})
    answers = [served.ask() for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert int(answers[4].headers["Retry-After"]) > 0


# --- Probes ------------------------------------------------------------------------------------------------------------


def test_probes_have_an_address_without_credentials(access, authority, server_certificate):
    settings = tls(server_certificate, client_auth_type="RequireAndVerifyClientCert", client_ca_file=str(authority.cert))
    served = access(
        {"tls_server_config": settings, "basic_auth_users": {"alice": ALICE}},
        "--web-probe-listen-address", "127.0.0.1:0", ca=authority.cert,
    )  # fmt: skip

    def address():
        found = re.search(r"answering probes.*?(127\.0\.0\.1:\d+)", served.gateway.process.text())
        return found and found.group(1)

    probes = "http://" + eventually(address, "the address of the probes")
    assert requests.get(probes + "/-/healthy", timeout=30).text == "promring is Healthy.\n"
    ready = requests.get(probes + "/-/ready", timeout=30)
    assert ready.status_code == 503
    assert re.fullmatch(r"promring is not ready: \w+\n", ready.text), "no broker is named"
    for path in ("/", "/metrics", "/api/v1/status/config", "/version", "/api/v1/query?query=1"):
        assert requests.get(probes + path, timeout=30).status_code == 404
    assert requests.post(probes + "/-/reload", timeout=30).status_code == 404


# --- Reloading ---------------------------------------------------------------------------------------------------------


def test_users_change_with_the_file_and_a_broken_one_changes_nothing(access):
    served = access({"basic_auth_users": {"alice": ALICE}})
    assert served.status(auth=("alice", "secret")) == 200
    served.write({"basic_auth_users": {"alice": ALICE, "bob": bcrypt("hunter2")}})
    eventually(lambda: served.status(auth=("bob", "hunter2")) == 200, "bob")

    for broken in (
        "basic_auth_users: {alice: no-hash-at-all}",
        "basic_auth_users: [",
        "unknown: {}",
        "",  # what an editor begins with: everybody would be let in
        "tls_server_config: {cert: a, key: b}",
    ):
        served.write(broken)
        eventually(
            lambda: served.own("promring_web_config_last_reload_successful", auth=("alice", "secret")) == 0, broken
        )
        assert served.status() == 401
        assert served.status(auth=("bob", "hunter2")) == 200
        served.write({"basic_auth_users": {"alice": ALICE, "bob": bcrypt("hunter2")}})
        eventually(
            lambda: served.own("promring_web_config_last_reload_successful", auth=("alice", "secret")) == 1, "again"
        )
    assert "no-hash-at-all" not in served.gateway.process.text()
    served.write({"basic_auth_users": {"bob": bcrypt("hunter2")}})
    eventually(lambda: served.status(auth=("alice", "secret")) == 401, "alice's end")


def test_sighup_reads_the_file_at_once(access):
    served = access({"basic_auth_users": {"alice": ALICE}})
    served.write({"basic_auth_users": {"bob": bcrypt("hunter2")}})
    served.gateway.process.signal(signal.SIGHUP)
    eventually(lambda: served.status(auth=("bob", "hunter2")) == 200, "bob")
    # 429 where asking for bob too early has been taken for guessing.
    assert served.status(auth=("alice", "secret")) in (401, 429)


# --- What is wrong -----------------------------------------------------------------------------------------------------

GOOD = {
    "empty": "",
    "users": {"basic_auth_users": {"alice": ALICE}},
    "tls": {"tls_server_config": {"cert_file": "server.crt", "key_file": "server.key"}},
    "clients": {
        "tls_server_config": {
            "cert_file": "server.crt", "key_file": "server.key", "client_ca_file": "ca.crt",
            "client_auth_type": "RequireAndVerifyClientCert", "min_version": "TLS12", "max_version": "TLS13",
            "cipher_suites": ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
            "curve_preferences": ["CurveP256", "X25519"], "prefer_server_cipher_suites": False,
        },
        "http_server_config": {"http2": False, "headers": {"X-Frame-Options": "deny", "X-Content-Type-Options": "nosniff"}},
    },
    "versions alone": {"tls_server_config": {"min_version": "TLS13"}},
}  # fmt: skip
BAD = {
    "unknown section": {"tls": {}},
    "unknown key": {"tls_server_config": {"cert_file": "server.crt", "key_file": "server.key", "cert_fil": "x"}},
    "twice": "basic_auth_users: {a: x}\nbasic_auth_users: {b: y}\n",
    "no key": {"tls_server_config": {"cert_file": "server.crt"}},
    "no certificate": {"tls_server_config": {"key_file": "server.key"}},
    "no such file": {"tls_server_config": {"cert_file": "gone.crt", "key_file": "server.key"}},
    "another's key": {"tls_server_config": {"cert_file": "server.crt", "key_file": "ca.key"}},
    "CA without policy": {
        "tls_server_config": {"cert_file": "server.crt", "key_file": "server.key", "client_ca_file": "ca.crt"}
    },
    "unknown policy": {
        "tls_server_config": {"cert_file": "server.crt", "key_file": "server.key", "client_auth_type": "Sometimes"}
    },
    "unknown suite": {
        "tls_server_config": {"cert_file": "server.crt", "key_file": "server.key", "cipher_suites": ["TLS_NONE"]}
    },
    "unknown curve": {
        "tls_server_config": {"cert_file": "server.crt", "key_file": "server.key", "curve_preferences": ["P256"]}
    },
    "unknown version": {
        "tls_server_config": {"cert_file": "server.crt", "key_file": "server.key", "min_version": "TLS14"}
    },
    "no hash": {"basic_auth_users": {"alice": "secret"}},
    "unknown header": {"http_server_config": {"headers": {"X-Other": "1"}}},
    "wrong header": {"http_server_config": {"headers": {"X-Frame-Options": "maybe"}}},
    "no YAML": "a: [",
}


@pytest.mark.parametrize("name", [*GOOD, *BAD])
def test_files_are_good_and_bad_as_promtool_says(binary, tmp_path, authority, server_certificate, name):
    for source, target in (
        (server_certificate.cert, "server.crt"), (server_certificate.key, "server.key"),
        (authority.cert, "ca.crt"), (authority.key, "ca.key"),
    ):  # fmt: skip
        shutil.copy(source, tmp_path / target)
    file = tmp_path / "web.yml"
    config = GOOD[name] if name in GOOD else BAD[name]
    file.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
    theirs = subprocess.run(["promtool", "check", "web-config", file], capture_output=True, text=True, timeout=60)
    ours = run([*CHECK, "--web-config-file", str(file)], timeout=60)
    assert (theirs.returncode == 0) == (name in GOOD), theirs.stdout + theirs.stderr
    if name in GOOD:
        assert ours.returncode == 0, ours.stderr
    else:
        assert ours.returncode == 2, ours.stdout + ours.stderr
        assert_refused(ours, "web.yml")


def test_a_wrong_file_stops_the_start(binary, tmp_path):
    file = tmp_path / "web.yml"
    file.write_text("basic_auth_users: {alice: secret-text}\n")
    outcome = run([*BASE, "--web-config-file", str(file)], timeout=60)
    assert outcome.returncode == 2
    lines = assert_refused(outcome, "web.yml:1:", "basic_auth_users.alice")
    assert not any("secret-text" in line for line in lines)
    assert_refused(run([*BASE, "--web-config-file", str(tmp_path / "gone.yml")], timeout=60), "--web-config-file", "gone.yml")
    (tmp_path / "tokens").write_text("short\n")
    assert_refused(run([*BASE, "--web-bearer-token-file", str(tmp_path / "tokens")], timeout=60), "tokens:1:1", "too short")


# --- What browsers and tasks may not do --------------------------------------------------------------------------------


def test_pages_of_other_origins_change_nothing(access):
    served = access({}, "--web-enable-delivery-api", "--web-enable-lifecycle", "--web-enable-admin-api")
    evil = [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example.org"}, {"Origin": "null"}]
    own = [{}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": served.url}]
    for path in ("/-/reload", "/api/v1/admin/tsdb/clean_tombstones"):
        for headers in evil:
            assert served.status(path, method="POST", headers=headers) == 403, (path, headers)
        for headers in own:  # 503: the window has not been read
            assert served.status(path, method="POST", headers=headers) in (200, 503), (path, headers)
    for headers in evil:
        for action in ("start", "stop"):
            assert served.status(f"/api/v1/delivery/tasks/t/{action}", method="POST", headers=headers) == 403
        assert served.status("/api/v1/delivery/tasks/t", method="DELETE", headers=headers) == 403
        assert served.status("/api/v1/write", method="POST", headers=headers, data=b"") == 403
        assert served.status("/api/v1/format_query", method="POST", headers=headers, data={"query": "up"}) == 503
    for headers in own:
        assert served.status("/api/v1/delivery/tasks/t/stop", method="POST", headers=headers) == 404


@pytest.mark.parametrize(
    "properties",
    [
        {"ssl.ca.location": "/etc/passwd"}, {"ssl.key.location": "/etc/passwd"}, {"sasl.password": {"file": "/etc/passwd"}},
        {"plugin.library.paths": "/tmp/x"}, {"sasl.kerberos.kinit.cmd": "id"},
        {"sasl.oauthbearer.assertion.private.key.file": "/etc/passwd"},
    ],
)  # fmt: skip
def test_requests_name_no_files(access, properties):
    served = access({}, "--web-enable-delivery-api")
    task = {"name": "t", "sources": [{"kind": "remote_write"}],
            "target": {"topic": "x", "brokers": ["127.0.0.1:1"], "properties": properties}}  # fmt: skip
    answer = served.ask("/api/v1/delivery/tasks", method="POST", json=task)
    assert answer.status_code == 400, answer.text
    assert "configuration file" in answer.text
