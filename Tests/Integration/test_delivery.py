"""From a real Prometheus through Kafka to another promring; and the records themselves, read as documented."""

import pathlib
import random
import shutil
import struct
import subprocess

import pytest
import snappy

from delivery import reading
from delivery.messages import packed, post, series_of_response, version_1
from delivery.tasks import REMOTE_WRITE, task
from harness.processes import free_port
from harness.prometheus import scrape
from harness.remote import post_read, query, read_request
from harness.samples import STALE, Sample, assert_same, kubernetes_samples, now, sample
from harness.waiting import eventually

HERE = pathlib.Path(__file__).parent

# --- Every sample that Prometheus holds ---------------------------------------------------------------------------------

# Prometheus waits seconds for more samples, and for its next attempt, unless told otherwise.
_HASTE = {
    "remote_timeout": "5s",
    "queue_config": {
        "batch_send_deadline": "200ms", "min_backoff": "30ms", "max_backoff": "300ms", "max_samples_per_send": 500,
        "max_shards": 4,
    },
    "metadata_config": {"send_interval": "1s"},
}


class Crossing:
    """Prometheus, which scrapes itself and node_exporter twice a second, the promring that it writes to, and the one that
    serves what arrives in Kafka."""

    def __init__(self, topic, deliver, serve, prometheus, node_exporter, markers="StaleNaN"):
        self.topic = topic
        self.deliverer = deliver(
            topic, task(topic, stale_markers=markers), arguments=["--delivery-request-timeout", "2s"]
        )
        self.reader = serve(topic)
        port = free_port()
        self.sender = prometheus(
            scrape("node", node_exporter.address),
            scrape("itself", f"127.0.0.1:{port}"),
            interval="500ms",
            port=port,
            remote_write=[{"url": f"{self.deliverer.url}/api/v1/write", **_HASTE}],
        )
        self.start = now() - 60_000
        # Prometheus takes its time to find out what to scrape.
        self.wait_for_samples_after(now())

    def held_by(self, url, end):
        """`{labels: {timestamp: bits}}` of all samples until `end`, stale markers too."""
        message = read_request(query(self.start, end, ("__name__", "=~", ".+")))
        return series_of_response(post_read(url, message).content)

    def wait_for_samples_after(self, moment, timeout=20):
        """Until the reader has scrapes of both targets that began later."""

        def arrived():
            found = self.reader.api("query", {"query": "min(timestamp(up)) and count(up) == 2"})["result"]
            assert found and float(found[0]["value"][1]) * 1000 > moment, found
            return True

        eventually(arrived, "new samples to cross over", timeout)

    def assert_same(self, timeout=20):
        """Both hold the same samples, bit for bit, of all scrapes until two seconds ago. Returns Prometheus'."""
        end = now() - 2000

        def same():
            ours, theirs = self.held_by(self.reader.url, end), self.held_by(self.sender.url, end)
            if ours != theirs:
                absent = [labels for labels in theirs if labels not in ours]
                invented = [labels for labels in ours if labels not in theirs]
                differ = [labels for labels in theirs if ours.get(labels, theirs[labels]) != theirs[labels]]
                first = [(dict(labels), theirs[labels], ours[labels]) for labels in differ[:1]]
                raise AssertionError(
                    f"{len(theirs)} series there and {len(ours)} here; absent {len(absent)}, such as {absent[:1]}; "
                    f"invented {len(invented)}, such as {invented[:1]}; different {len(differ)}, such as {first}"
                )
            return theirs

        return eventually(same, "both to hold the same samples", timeout)


@pytest.fixture
def crossing(deliver, serve, prometheus, node_exporter):
    return lambda topic, **more: Crossing(topic, deliver, serve, prometheus, node_exporter, **more)


def test_every_sample_of_prometheus_crosses_over_bit_by_bit(broker, crossing):
    there = crossing(broker.topic(partitions=3))
    there.wait_for_samples_after(now() + 3000)
    held = there.assert_same()
    names = {dict(labels)["__name__"] for labels in held}
    assert {"up", "scrape_duration_seconds", "node_memory_MemTotal_bytes", "prometheus_build_info"} <= names
    assert len(held) > 300 and sum(map(len, held.values())) > 1500, f"only {len(held)} series"
    # What Prometheus says of its metrics came along.
    described = eventually(
        lambda: there.deliverer.gateway.api("metadata", {"metric": "node_memory_MemTotal_bytes"}), "metadata"
    )
    assert described["node_memory_MemTotal_bytes"][0]["type"] == "gauge"


def test_stale_markers_cross_over(broker, crossing, node_exporter):
    there = crossing(broker.topic())
    node_exporter.close()

    def gone():
        held = there.held_by(there.sender.url, now())
        # The quiet bit may have been set on the way through a Python float.
        return any(bits | 1 << 51 == 0x7FF8_0000_0000_0002 for each in held.values() for bits in each.values())

    eventually(gone, "stale markers in Prometheus")
    there.wait_for_samples_after(now() + 2000)
    there.assert_same()
    gone_now = there.reader.api("query", {"query": 'node_memory_MemTotal_bytes{job="node"}'})
    assert gone_now["result"] == []


def test_every_sample_crosses_over_though_the_broker_was_away(own_broker, crossing):
    there = crossing(own_broker.topic(partitions=3))
    own_broker.stop()
    refused = eventually(
        lambda: there.deliverer.gateway.own("promring_delivery_failed_records_total"), "a record to fail"
    )
    assert refused > 0
    own_broker.start()
    there.wait_for_samples_after(now() + 1000, timeout=30)
    there.assert_same()


def test_every_sample_crosses_over_though_promring_was_killed(broker, crossing):
    there = crossing(broker.topic(partitions=3))
    for _ in range(2):
        there.deliverer.kill9()
        down = now()
        eventually(lambda: now() > down + 1500, "three scrapes that cannot be sent")
        there.deliverer.start(ready=False)
        there.wait_for_samples_after(now(), timeout=30)
    there.assert_same()


# --- Records, as the documentation describes them -----------------------------------------------------------------------


def test_records_look_as_documented(broker, deliver):
    topic = broker.topic(partitions=3)
    deliverer = deliver(topic, task(topic, batch={"samples": 100}))
    made = list(kubernetes_samples(series=500, points=3))
    answer = post(deliverer.url, version_1(made))
    assert answer.status_code == 204, answer.text
    # The answer means that Kafka has them: no waiting here.
    messages = topic.read()
    assert_same(reading.samples_of(messages), made)
    homes = {}
    for message in messages:
        found = reading.objects(message)
        assert 0 < len(found) <= 100
        for each in found:
            names = list(each)
            assert names[0] == "__name__" and names[-2:] == ["value", "timestamp"], names
            assert names[1:-2] == sorted(names[1:-2])
            assert len(each["timestamp"]) == 13 and each["timestamp"].isdigit(), each["timestamp"]
            homes.setdefault(reading.sample_of(each).labels, set()).add((message.partition(), message.key()))
        kind, timestamp = message.timestamp()
        assert timestamp == max(int(each["timestamp"]) for each in found), kind
    assert all(len(places) == 1 for places in homes.values()), "a series has more than one partition, or key"
    assert len({partition for places in homes.values() for partition, _ in places}) == 3


def test_the_documented_example(broker, deliver):
    """Labels of any name, a task's labels, and what gives way to them."""
    topic = broker.topic()
    source = {**REMOTE_WRITE, "filter": ["__name__=apiserver.*", "job=apiserver"], "labels": ["deliver_test_key1=ssss"]}
    deliverer = deliver(topic, task(topic, sources=[source]))
    at = now()
    labels = {
        "job": "apiserver", "name": "a", "type": "admit", "operation": "CREATE", "rejected": "false", "le": "+Inf",
        "value": "v", "timestamp": "t", "deliver_test_key1": "old", "endpoint": 'https "x"\\\n\té支🜚',
    }
    made = [
        sample("apiserver_admission_total", labels, at, 675),
        sample("apiserver_admission_total", {**labels, "job": "other"}, at, 1),
        sample("admission_total", labels, at, 1),
    ]
    assert post(deliverer.url, version_1(made)).status_code == 204
    (message,) = topic.read()
    (found,) = reading.objects(message)
    kept = {name: value for name, value in labels.items() if name not in ("value", "timestamp", "deliver_test_key1")}
    assert found == {
        "__name__": "apiserver_admission_total", **kept, "deliver_test_key1": "ssss", "exported_value": "v",
        "exported_timestamp": "t", "exported_deliver_test_key1": "old", "value": "675", "timestamp": str(at),
    }
    (source,) = deliverer.status()["sources"]
    assert source["samples_received"] == 3 and source["samples_passed"] == 1
    assert [line["samples"] for line in source["samples_filtered"]] == [1, 1]
    assert source["samples_with_renamed_labels"] == 1


@pytest.mark.parametrize("markers, texts", [("drop", []), ("StaleNaN", ["StaleNaN"]), ("NaN", ["NaN"])])
def test_stale_markers_by_configuration(broker, deliver, markers, texts):
    topic = broker.topic()
    deliverer = deliver(topic, task(topic, stale_markers=markers))
    at = now()
    request = version_1([sample("ends", {}, at - 1, 1.5), sample("ends", {}, at, 1.25)])
    # Put in as bytes: a Python float need not keep the marker's.
    body = request.SerializeToString().replace(struct.pack("<d", 1.25), STALE)
    assert post(deliverer.url, packed(body)).status_code == 204
    found = [each["value"] for message in topic.read() for each in reading.objects(message)]
    assert found == ["1.5", *texts]
    (source,) = deliverer.status()["sources"]
    assert source["stale_markers_dropped"] == (1 if markers == "drop" else 0)


def test_numbers_keep_their_bits(broker, deliver):
    topic = broker.topic()
    deliverer = deliver(topic)
    rng = random.Random(7)
    values = [0.0, -0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 1e21, 1e-7, 2**53 + 0.0]
    values += [float("inf"), float("-inf"), float("nan")]
    while len(values) < 5000:
        (value,) = struct.unpack("<d", rng.randbytes(8))
        if value == value:
            values.append(value)
    at = now()
    made = [Sample((("__name__", "number"), ("n", str(i))), at, value) for i, value in enumerate(values)]
    assert post(deliverer.url, version_1(made)).status_code == 204
    assert_same(reading.samples_of(topic.read()), made)
    deliverer.gateway.wait_samples(len(made))
    assert_same(deliverer.gateway.samples(), made)


def test_snappy_java_reads_the_records(broker, deliver, tmp_path):
    jar, library = pathlib.Path("/usr/share/java/snappy-java.jar"), "/usr/lib/x86_64-linux-gnu/jni"
    if not shutil.which("javac"):
        pytest.skip("there is no Java compiler here (Debian's default-jdk-headless, more than 100 MB)")
    if not jar.exists():
        pytest.skip("Debian's libsnappy-java is not installed")
    topic = broker.topic()
    deliverer = deliver(topic, task(topic, batch={"samples": 700}))
    for points in (1, 2):
        assert post(deliverer.url, version_1(list(kubernetes_samples(series=1000, points=points)))).status_code == 204
    values = [message.value() for message in topic.read()]
    assert len(values) > 3
    files = []
    for number, value in enumerate(values):
        files.append(tmp_path / f"record-{number}")
        files[-1].write_bytes(value)
    java = ["java", f"-Djava.library.path={library}", "-cp", str(jar), str(HERE / "delivery" / "Uncompress.java")]
    ran = subprocess.run([*java, *map(str, files)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    for file, value in zip(files, values):
        assert pathlib.Path(f"{file}.json").read_bytes() == snappy.uncompress(value)
