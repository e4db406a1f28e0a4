"""Reads a topic as a consumer of ours would, with a client and a CloudEvents SDK that are not ours:
consume.py BROKERS TOPIC COUNT

Prints each event as a line of JSON: its attributes (extensions among them, the record's key as
partitionkey) and its data. Ends after COUNT of them; fails if the SDK finds fault with one.
"""

import json
import sys

from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from confluent_kafka import Consumer, KafkaException, TopicPartition

# Longer than a broker takes to elect its leaders after a restart.
PATIENCE_SECONDS = 60

brokers, topic, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
consumer = Consumer(
    {
        "bootstrap.servers": brokers,
        "group.id": "cadrelay-tests-python",
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
)
partitions = consumer.list_topics(topic, timeout=PATIENCE_SECONDS).topics[topic].partitions
consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])

for _ in range(count):
    record = consumer.poll(PATIENCE_SECONDS)
    if record is None:
        sys.exit(f"{topic} has fewer than {count} records")
    if record.error():
        raise KafkaException(record.error())
    message = KafkaMessage(headers=dict(record.headers() or []), key=record.key(), value=record.value())
    event = from_kafka_event(message)
    line = {"attributes": event.get_attributes(), "data": event.get_data()}
    print(json.dumps(line, default=lambda time: time.isoformat()))
consumer.close()
