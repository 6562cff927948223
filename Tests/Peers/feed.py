"""The samples in Kafka: a broker in a process of its own, and a topic for promring and the plain consumer to read."""

import signal

from harness.broker import Broker


class Feed:
    def __init__(self, folder, partitions=4):
        folder.mkdir(exist_ok=True)
        self.broker = Broker(folder)
        self.topic = self.broker.topic(partitions=partitions)
        self.sent = 0

    def send(self, records):
        """Writes records in turn to the partitions; returns when the broker has acknowledged them all."""
        with self.producer() as producer:
            for value, newest in records:
                producer.send(self.topic.name, value, self.sent % self.topic.partitions, newest)
                self.sent += 1

    def producer(self, **options):
        return self.topic.producer(**options)

    def pause(self):
        """Stops the broker where it is.

        noida-db answers fetches that find nothing at once, not after fetch.wait.max.ms as Kafka does: whoever waits for
        new records asks it again and again, and that would be counted as work.
        """
        if self.broker.ours:
            self.broker.process.signal(signal.SIGSTOP)

    def resume(self):
        if self.broker.ours:
            self.broker.process.signal(signal.SIGCONT)

    def stop(self):
        if self.broker.ours:
            self.broker.stop()

    def close(self):
        self.broker.close()
