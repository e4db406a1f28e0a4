# /// script
# dependencies = ["confluent-kafka>=2.5", "cloudevents>=2.2"]
# ///
"""Consumes cadrelay's topics: each event once, in order for each thing.

    uv run examples/consumer.py --brokers localhost:9092 --group my-team

The id of an event is stored in the transaction that does its work, so that neither a crash nor a
rebalance makes it happen twice.
"""

import argparse
import signal
import sqlite3

from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import Consumer, KafkaError, KafkaException, Message

TOPICS = r"^cad\.(onshape|aps)\..*|^cad\.quarantine$"


def consumer(brokers: str, group: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": group,
            # Without this a consumer also sees the records of aborted transactions.
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            # A new topic is found this soon.
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
        work(db, event, message.key().decode())


def work(db: sqlite3.Connection, event: CloudEvent, thing: str) -> None:
    """Replace this by your own work. Here: stores the last event of each thing, and prints it."""
    value = event.get_data()
    at = value.get("occurredAt", value["receivedAt"])
    db.execute("INSERT OR REPLACE INTO latest VALUES (?, ?, ?)", (thing, event.get_type(), at))
    print(at, event.get_type(), event.get_id(), about(event.get_type(), thing, value), flush=True)


def about(event_type: str, thing: str, value: dict) -> str:
    """A few events as a consumer would look at them."""
    resource = value.get("resource", {})
    attributes = value.get("attributes", {})
    # Absent if it is not JSON that every parser reads; then `rawBase64` has the bytes.
    raw = value.get("raw", {})
    match event_type:
        case "com.onshape.model.translation.complete":
            return f"translation {attributes.get('translationId')} is complete"
        case "com.onshape.revision.created":
            return f"{attributes.get('partNumber')} revised by {resource.get('releaseId')}"
        case "com.autodesk.aps.dm.version.modified":
            metadata = raw.get("payload", {}).get("custom-metadata", {})
            return f"{resource.get('resourceUrn')} {metadata.get('storm:process-state', '')}"
        case "com.autodesk.aps.extraction.finished":
            return f"{thing}: {raw.get('payload', {}).get('Payload', {}).get('status')}"
        case "com.cadrelay.quarantined":
            # An authentic body that the relay did not understand, or that Kafka refused.
            return value["reason"]
        case _:
            # Providers add events without notice: an unknown type is not an error.
            return value.get("subject", "")


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--brokers", default="localhost:9092")
    arguments.add_argument("--group", default="cadrelay-example")
    arguments.add_argument("--database", default="consumer.db")
    arguments.add_argument("--topics", default=TOPICS, help="a regular expression")
    options = arguments.parse_args()

    # At SIGTERM and Ctrl-C the record in hand is finished and committed, and the group is left.
    stopping = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopping.append(True))

    db = database(options.database)
    kafka = consumer(options.brokers, options.group)
    kafka.subscribe([options.topics])
    try:
        while not stopping:
            message = kafka.poll(0.2)
            if message is None:
                continue
            if message.error():
                if message.error().code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    continue
                raise KafkaException(message.error())
            handle(db, message)
            kafka.commit(message, asynchronous=False)
    finally:
        kafka.close()
        db.close()


if __name__ == "__main__":
    main()
