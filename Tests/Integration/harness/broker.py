"""A Kafka to test against, and the clients of other people that fill it."""

import functools
import importlib.resources
import itertools
import os
import signal
import subprocess
import zlib

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from . import records
from .processes import Process, accepts_connections, free_port
from .waiting import eventually

BROKERS_VARIABLE = "PROMRING_TEST_BROKERS"
_QUIET = {"log_level": 0}
_topic_numbers = itertools.count(1)


class Broker:
    """A Kafka-compatible broker: noida-db's, started here, or whatever `PROMRING_TEST_BROKERS` names."""

    def __init__(self, folder):
        self.folder = folder
        self.given = os.environ.get(BROKERS_VARIABLE, "")
        self.process = None
        if self.given:
            self.bootstrap = self.given
        else:
            self.port = free_port()
            self.bootstrap = f"127.0.0.1:{self.port}"
            self.start()

    @property
    def ours(self):
        return not self.given

    def start(self):
        """Starts the broker on the data that it had before, if any, and waits until it answers."""
        # The `noida-db` command is a Python wrapper around this program: SIGTERM would end the wrapper and leave the
        # broker behind, so the program itself is started. On Debian 12 its loader prints a harmless line about a weak
        # symbol of a newer glibc.
        program = importlib.resources.files("noida_db") / "noida-db"
        os.chmod(program, 0o755)
        self.process = Process(
            [program, "start", "--only", "kafka", "--kafka-port", self.port, "--data-dir", self.folder / "data"],
            output=self.folder / "broker.log",
        )
        eventually(lambda: self._answers(), f"the broker at {self.bootstrap}", timeout=15)

    def _answers(self):
        assert self.process.running, f"the broker ended: {self.process.text()}"
        if not accepts_connections(self.port):
            return False
        try:
            return AdminClient({"bootstrap.servers": self.bootstrap, **_QUIET}).list_topics(timeout=2)
        except KafkaException:
            return False

    def stop(self):
        """Takes the broker away. It keeps its data: noida-db writes everything when asked to end (and once a second in
        between, so a SIGKILL here would lose the last second, which is no fault of any client)."""
        self.process.stop()

    def pause(self):
        """Stops the broker where it is: connections stay open and nothing answers."""
        self.process.signal(signal.SIGSTOP)

    def resume(self):
        self.process.signal(signal.SIGCONT)

    def close(self):
        if self.process:
            self.process.stop()

    # --- Topics ---

    @functools.cached_property
    def admin(self):
        # Kept, because an admin client that is collected takes its pending answers with it.
        return AdminClient({"bootstrap.servers": self.bootstrap, **_QUIET})

    def topic(self, partitions=1, prefix="samples", config=None):
        """Makes a topic of a new name."""
        topic = Topic(self, f"{prefix}-{os.getpid()}-{next(_topic_numbers)}", partitions)
        self.create(topic, config)
        return topic

    def create(self, topic, config=None):
        new = NewTopic(topic.name, topic.partitions, replication_factor=1, config=config or {})
        for outcome in self.admin.create_topics([new]).values():
            outcome.result(15)

    def delete(self, topic):
        for outcome in self.admin.delete_topics([topic.name]).values():
            outcome.result(15)

    def truncate(self, topic, before, partition=0):
        """Removes the records of a partition before an offset."""
        for outcome in self.admin.delete_records([TopicPartition(topic.name, partition, before)]).values():
            outcome.result(15)

    def add_partitions(self, topic, total):
        for outcome in self.admin.create_partitions([NewPartitions(topic.name, total)]).values():
            outcome.result(15)
        topic.partitions = total


class Topic:
    """A topic that tests fill. The partition of a series follows from its labels, as in a real delivery."""

    def __init__(self, broker, name, partitions):
        self.broker = broker
        self.name = name
        self.partitions = partitions

    def partition_of(self, labels):
        return zlib.crc32(repr(labels).encode()) % self.partitions

    def produce(self, samples, batch=500, partition=None, encode=records.delivered, **options):
        """Writes samples in arrays of at most `batch`; returns how many records that made.

        The record's timestamp is the newest sample's time in it, so that a look-up by time finds the window again.
        """
        batches = {}
        count = 0
        with self.producer(**options) as producer:

            def flush(number):
                full = batches.pop(number)
                newest = max(sample.timestamp for sample in full)
                producer.send(self.name, encode(full), number, newest, key=str(hash(full[0].labels)).encode())

            for sample in samples:
                number = self.partition_of(sample.labels) if partition is None else partition
                batches.setdefault(number, []).append(sample)
                if len(batches[number]) == batch:
                    flush(number)
                    count += 1
            for number in list(batches):
                flush(number)
                count += 1
        return count

    def produce_raw(self, *values, partition=0, timestamp=None, **options):
        """Writes record values as they are (`None` for a tombstone); returns their offsets."""
        with self.producer(**options) as producer:
            for value in values:
                producer.send(self.name, value, partition, timestamp)
        return producer.offsets

    def produce_with_kcat(self, value, folder, partition=0):
        """Writes one record value with Debian's kcat, which sends a file as it is."""
        file = folder / "record"
        file.write_bytes(value)
        kcat = ["kcat", "-P", "-b", self.broker.bootstrap, "-t", self.name, "-p", str(partition), str(file)]
        subprocess.run(kcat, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=30)

    def read(self, timeout=10):
        """Every record that is in the topic now, as confluent-kafka reads it."""
        consumer = Consumer(
            {"bootstrap.servers": self.broker.bootstrap, "group.id": "reader", "enable.auto.commit": False, **_QUIET}
        )
        try:
            partitions = [TopicPartition(self.name, number) for number in range(self.partitions)]
            ends = {each.partition: consumer.get_watermark_offsets(each, timeout=timeout) for each in partitions}
            consumer.assign([TopicPartition(self.name, number, low) for number, (low, _) in ends.items()])
            total = sum(high - low for low, high in ends.values())
            messages = []
            while len(messages) < total:
                message = consumer.poll(timeout)
                assert message is not None, f"{len(messages)} of {total} records of {self.name} within {timeout} s"
                assert message.error() is None, message.error()
                messages.append(message)
            return messages
        finally:
            consumer.close()

    def producer(self, **options):
        """A producer with `send(…)`; when its `with` block ends every record is acknowledged."""
        return _Delivery({"bootstrap.servers": self.broker.bootstrap, "linger.ms": 5, **_QUIET, **options})


class _Delivery:
    """A producer whose `with` block ends when every record is acknowledged."""

    def __init__(self, config):
        self._producer = Producer(config)
        self._errors = []
        self.offsets = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        left = self._producer.flush(60)
        if kind is None:
            assert not left and not self._errors, f"{left} records not delivered, errors: {self._errors[:3]}"

    def send(self, topic, value, partition, timestamp=None, key=None):
        stamp = {} if timestamp is None else {"timestamp": timestamp}
        while True:
            try:
                self._producer.produce(
                    topic, value=value, key=key, partition=partition, on_delivery=self._delivered, **stamp
                )
                break
            except BufferError:
                self._producer.poll(0.1)
        self._producer.poll(0)

    def _delivered(self, error, message):
        if error is not None:
            self._errors.append(error)
        else:
            self.offsets.append(message.offset())
