"""What a user writes who has read how the samples are delivered: consume, decompress, parse, keep a list per series.

    plain_consumer.py BROKERS TOPIC

It says how far it is every 100,000 samples; on SIGTERM it prints what it has as one JSON object, and ends.
"""

import json
import math
import signal
import sys

import snappy
from confluent_kafka import Consumer, TopicPartition


def main(brokers, topic):
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "plain", "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    series, count, said = {}, 0, -1
    while not ended:
        for message in consumer.consume(100, timeout=0.2):
            if message.error():
                print(f"error: {message.error()}", flush=True)
                continue
            for sample in json.loads(snappy.uncompress(message.value())):
                value, timestamp = float(sample.pop("value")), int(sample.pop("timestamp"))
                series.setdefault(tuple(sorted(sample.items())), []).append((timestamp, value))
                count += 1
        if count // 100_000 > said:
            said = count // 100_000
            print(f"{count} samples", flush=True)
    consumer.close()
    total = math.fsum(value for samples in series.values() for _, value in samples)
    print(json.dumps({"series": len(series), "samples": count, "sum": total}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
