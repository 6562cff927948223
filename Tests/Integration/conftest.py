"""Fixtures: every process that a test needs, started on loopback, waited for, and gone when the test ends."""

import itertools

import pytest

from delivery.tasks import Deliverer
from harness.broker import BROKERS_VARIABLE, Broker
from harness.gateway import BINARY, Gateway
from harness.node_exporter import NodeExporter
from harness.prometheus import Prometheus


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Lets fixtures see whether the test failed, and adds the programs' last words to the report of one that did."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for gateway in getattr(item, "gateways", []):
            name = gateway.process.output.name
            report.sections.append((f"the end of {name}", gateway.process.text()[-6000:]))


@pytest.fixture(scope="session")
def binary():
    if not BINARY.exists():
        pytest.fail(f"no program at {BINARY}: build it first, or name one in PROMRING_BINARY")
    return BINARY


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    """One broker for all tests; each makes topics of its own."""
    broker = Broker(tmp_path_factory.mktemp("broker"))
    yield broker
    broker.close()


@pytest.fixture
def own_broker(tmp_path_factory):
    """A broker for one test alone, which may take it away."""
    broker = Broker(tmp_path_factory.mktemp("own-broker"))
    if not broker.ours:
        pytest.skip(f"the brokers of {BROKERS_VARIABLE} are not ours to stop")
    yield broker
    broker.close()


class Serve:
    """Starts gateways; `start(topic, …)` is `promring serve` reading that topic."""

    def __init__(self, folder):
        self.folder = folder
        self.numbers = itertools.count(1)
        self.gateways = []

    def __call__(self, *topics, arguments=(), settings=None, ready=True, broker=None):
        """`topics` are Topics, or texts with `broker` given; `settings` are environment variables."""
        broker = broker or topics[0].broker
        return self.run(
            ["serve", "--kafka-brokers", broker.bootstrap]
            + [word for topic in topics for word in ("--kafka-topic", getattr(topic, "name", topic))]
            + ["--web-listen-address", "127.0.0.1:0", *arguments],
            settings,
            ready,
        )

    def run(self, arguments, settings=None, ready=True):
        gateway = Gateway(self.folder / f"promring-{next(self.numbers)}.log", arguments, settings)
        self.gateways.append(gateway)
        return gateway.wait_ready() if ready else gateway

    def close(self):
        for gateway in self.gateways:
            gateway.close()


@pytest.fixture
def serve(binary, tmp_path, request):
    """Starts `promring serve` for one test."""
    serve = Serve(tmp_path)
    request.node.gateways = serve.gateways
    yield serve
    serve.close()


@pytest.fixture
def prometheus(tmp_path):
    """Starts a real Prometheus with the given scrape configurations, options and other sections of its file."""
    started = []

    def start(*scrape_configs, **options):
        folder = tmp_path / f"prometheus-{len(started) + 1}"
        folder.mkdir()
        started.append(Prometheus(folder, list(scrape_configs), **options))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def deliver(serve, tmp_path):
    """Starts a promring with delivery tasks: `deliver(topic, task…)`; one that delivers everything if there is none."""

    def start(topic, *tasks, **options):
        folder = tmp_path / f"delivery-{len(serve.gateways) + 1}"
        folder.mkdir()
        return Deliverer(serve, folder, topic, *tasks, **options)

    return start


@pytest.fixture
def node_exporter(tmp_path):
    exporter = NodeExporter(tmp_path)
    yield exporter
    exporter.close()
