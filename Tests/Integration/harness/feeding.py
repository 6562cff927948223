"""Samples that go on arriving while a test does something else."""

import threading

from confluent_kafka import KafkaException

from . import records
from .samples import now, sample


class Feeding:
    """Writes a record of a few samples every so often, until the `with` block ends; then all of them are acknowledged."""

    def __init__(self, topic, name="fed", series=20, every=0.02):
        self.topic, self.name, self.series, self.every = topic, name, series, every
        self.made = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._error = None

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._stopping.set()
        self._thread.join()
        if kind is None and self._error:
            raise self._error

    def _run(self):
        try:
            # Partitions that are added are found by and by, as a real producer finds them.
            with self.topic.producer(**{"topic.metadata.refresh.interval.ms": 500}) as producer:
                first = self.topic.partitions
                last = 0
                while not self._stopping.wait(self.every):
                    # No two samples of a series at the same time: of those the buffer keeps the first.
                    last = max(now(), last + 1)
                    turn = len(self.made) // self.series
                    try:
                        self.made += self._send(producer, turn % self.topic.partitions, last)
                    except KafkaException:
                        self.made += self._send(producer, turn % first, last)
        except Exception as error:
            self._error = error

    def _send(self, producer, partition, at):
        """A series stays in its partition, as in a real delivery."""
        labels = [{"n": str(n), "partition": str(partition)} for n in range(self.series)]
        made = [sample(self.name, each, at, at % 1000 + n) for n, each in enumerate(labels)]
        producer.send(self.topic.name, records.delivered(made), partition, at)
        return made
