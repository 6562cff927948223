"""PromQL against a real Prometheus: the same samples, the same questions, the same answers.

The random questions are the same in every run, so that a run says something about the change that it tests.
`PROMRING_TEST_SEED` asks others (`random`: new ones, whose seed is printed), `PROMRING_TEST_QUERIES` says how many.
"""

import collections
import concurrent.futures
import os
import random

import pytest

from differential import data, generator, written
from differential.asking import Peer
from differential.changes import CHANGES, explanation
from differential.comparing import difference
from harness import remote_write
from harness.gateway import Gateway
from harness.prometheus import Prometheus

SEED = os.environ.get("PROMRING_TEST_SEED") or "1"
if SEED == "random":
    SEED = str(random.SystemRandom().randrange(1 << 32))
QUERIES = int(os.environ.get("PROMRING_TEST_QUERIES") or 8000)
THREADS = 4


@pytest.fixture(scope="module")
def peers(binary, broker, tmp_path_factory):
    """promring and Prometheus, both holding the samples."""
    folder = tmp_path_factory.mktemp("differential")
    samples = data.samples()
    prometheus = Prometheus(folder, [], arguments=["--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=100y"])
    try:
        remote_write.write(prometheus.url, samples)
        topic = broker.topic(partitions=2, prefix="differential", config={"retention.ms": "-1"})
        topic.produce(samples)
        gateway = Gateway(
            folder / "promring.log",
            ["serve", "--kafka-brokers", broker.bootstrap, "--kafka-topic", topic.name]
            + ["--buffer-retention", "0", "--web-listen-address", "127.0.0.1:0"],
        )
        try:
            gateway.wait_ready()
            gateway.wait_samples(len(samples))
            yield Peer(gateway.url), Peer(prometheus.url)
        finally:
            gateway.close()
    finally:
        prometheus.close()


class Comparison:
    """Asks both sides and keeps what does not agree."""

    def __init__(self, peers):
        self.promring, self.prometheus = peers
        self.used = collections.Counter()
        self.kinds = collections.Counter()
        self.problems = []

    def run(self, questions):
        with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
            for question, ours, theirs in threads.map(self._ask, questions):
                self._judge(question, ours, theirs)
        return self

    def _ask(self, question):
        ours = self.promring.ask(question, question.query)
        return question, ours, self.prometheus.ask(question, question.old or question.query)

    def _judge(self, question, ours, theirs):
        self.kinds["error" if not theirs.ok else "some" if theirs.result else "empty"] += 1
        found = difference(question, ours, theirs)
        if not found:
            return
        if name := explanation(question, ours, theirs):
            self.used[name] += 1
        else:
            self.problems.append(f"{question}\n  {found}\n  promring: {ours}\n  Prometheus: {theirs}")

    def report(self):
        print(f"answers: {dict(self.kinds)}; explained by changes of Prometheus 3: {dict(self.used)}")
        shown = "\n\n".join(self.problems[:int(os.environ.get("SHOW", 20))])
        assert not self.problems, f"{len(self.problems)} differences\n\n{shown}"


def test_queries_that_were_written_by_hand(peers):
    comparison = Comparison(peers).run(written.questions())
    comparison.report()
    unused = [each.name for each in CHANGES if not comparison.used[each.name]]
    assert not unused, f"nothing needs the rules {unused} any more"


def test_random_queries(peers):
    print(f"PROMRING_TEST_SEED={SEED} PROMRING_TEST_QUERIES={QUERIES}")
    Comparison(peers).run(generator.questions(SEED, QUERIES)).report()
