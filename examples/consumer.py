# /// script
# dependencies = ["confluent-kafka>=2.5", "cloudevents>=2.2"]
# ///
"""Consumes cadrelay's topics: each event once, in order for each thing.

    uv run examples/consumer.py --brokers localhost:9092 --group my-team

What was handled is remembered in the same SQLite transaction as what handling it did, so that
neither a crash nor a rebalance makes it happen twice.
"""

import argparse
import signal
import sqlite3

from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka
from cloudevents.core.formats.json import JSONFormat
from confluent_kafka import Consumer, KafkaError, KafkaException, Message

TOPICS = [r"^cad\.(onshape|aps)\..*"]


def consumer(brokers: str, group: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": group,
            # Without this a consumer also sees what an aborted transaction left behind.
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "topic.metadata.refresh.interval.ms": 10_000,
        }
    )


def database(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE IF NOT EXISTS handled (source TEXT, id TEXT, PRIMARY KEY (source, id))")
    db.execute("CREATE TABLE IF NOT EXISTS latest (thing TEXT PRIMARY KEY, event TEXT, at TEXT)")
    return db


def handle(db: sqlite3.Connection, message: Message) -> None:
    """Does the work of one record, once."""
    record = KafkaMessage(
        headers=dict(message.headers() or []), key=message.key(), value=message.value()
    )
    event = from_kafka(record, JSONFormat())
    value = event.get_data()
    with db:
        new = db.execute(
            "INSERT OR IGNORE INTO handled VALUES (?, ?)", (value["source"], event.get_id())
        )
        if new.rowcount == 0:
            return
        work(db, event.get_type(), message.key().decode(), value)


def work(db: sqlite3.Connection, event_type: str, thing: str, value: dict) -> None:
    """What this consumer is for. Here: knows the last event of each thing, and tells of some."""
    at = value.get("occurredAt", value["receivedAt"])
    db.execute("INSERT OR REPLACE INTO latest VALUES (?, ?, ?)", (thing, event_type, at))
    resource = value.get("resource", {})
    attributes = value.get("attributes", {})
    match event_type:
        case "com.onshape.model.translation.complete":
            print(f"{at} translation {attributes.get('translationId')} is complete")
        case "com.onshape.revision.created":
            print(f"{at} {attributes.get('partNumber')} revised by {resource.get('releaseId')}")
        case "com.autodesk.aps.dm.version.modified":
            state = value["raw"]["payload"].get("custom-metadata", {}).get("storm:process-state")
            if state == "PROCESSING_COMPLETE":
                print(f"{at} {resource.get('resourceUrn')} can be viewed")
        case "com.autodesk.aps.extraction.finished":
            print(f"{at} {thing}: {value['raw']['payload']['Payload'].get('status')}")
        case _:
            # Providers add events without notice: what is not known is not an error.
            print(f"{at} {event_type} {value.get('subject', '')}")


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--brokers", default="localhost:9092")
    arguments.add_argument("--group", default="cadrelay-example")
    arguments.add_argument("--database", default="consumer.db")
    arguments.add_argument("--count", type=int, help="stop after this many records")
    options = arguments.parse_args()

    stopping = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopping.append(True))

    db = database(options.database)
    kafka = consumer(options.brokers, options.group)
    kafka.subscribe(TOPICS)
    left = options.count
    try:
        while not stopping and left != 0:
            message = kafka.poll(1.0)
            if message is None:
                continue
            if message.error():
                if message.error().code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    continue
                raise KafkaException(message.error())
            handle(db, message)
            kafka.commit(message)
            left = left and left - 1
    finally:
        kafka.close()
        db.close()


if __name__ == "__main__":
    main()
