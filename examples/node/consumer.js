/**
 * Consumes cadrelay's topics: each event once, in order for each thing.
 *
 *   npm ci
 *   node consumer.js --brokers localhost:9092 --group my-team --database consumer.db
 *
 * The id of an event is stored in the transaction that does its work, so that neither a crash nor a
 * rebalance makes it happen twice. The database is Node's own SQLite.
 */

import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import kafkaJavascript from "@confluentinc/kafka-javascript";
import { CloudEvent, Kafka as Binding } from "cloudevents";

const { Kafka, logLevel } = kafkaJavascript.KafkaJS;

const { values: options } = parseArgs({
  options: {
    brokers: { type: "string", default: "localhost:9092" },
    group: { type: "string", default: "cadrelay-example" },
    topics: { type: "string", default: String.raw`^cad\.(onshape|aps)\..*|^cad\.quarantine$` },
    database: { type: "string", default: "consumer.db" },
  },
});

const database = new DatabaseSync(options.database);
database.exec(`
  CREATE TABLE IF NOT EXISTS handled (source TEXT, id TEXT, PRIMARY KEY (source, id));
  CREATE TABLE IF NOT EXISTS latest (thing TEXT PRIMARY KEY, event TEXT, at TEXT);
`);
const remember = database.prepare("INSERT OR IGNORE INTO handled VALUES (?, ?)");
const store = database.prepare("INSERT OR REPLACE INTO latest VALUES (?, ?, ?)");

const kafka = new Kafka({
  kafkaJS: { brokers: options.brokers.split(","), logLevel: logLevel.WARN },
});
const consumer = kafka.consumer({
  kafkaJS: {
    groupId: options.group,
    fromBeginning: true,
    autoCommit: false,
    // Otherwise a consumer also sees the records of aborted transactions.
    readUncommitted: false,
  },
  // A new topic is found this soon.
  "topic.metadata.refresh.interval.ms": 10_000,
});

/** Reads the CloudEvent of a record, in either encoding. */
function read(message) {
  const value = message.value.toString();
  const headers = Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [name, value.toString()]),
  );
  if (headers["content-type"].startsWith("application/cloudevents+json")) {
    // The SDK's binding for Kafka fails at a structured event without a time.
    return new CloudEvent(JSON.parse(value));
  }
  return Binding.toEvent({ key: message.key.toString(), value, headers });
}

/** Does the work of one record, once. */
function handle(message) {
  const event = read(message);
  database.exec("BEGIN");
  try {
    if (remember.run(event.data.source, event.id).changes === 1) {
      work(message.key.toString(), event);
    }
    database.exec("COMMIT");
  } catch (failure) {
    database.exec("ROLLBACK");
    throw failure;
  }
}

/** Replace this by your own work. Here: stores the last event of each thing, and prints it. */
function work(thing, event) {
  const value = event.data;
  const at = value.occurredAt ?? value.receivedAt;
  store.run(thing, event.type, at);
  switch (event.type) {
    case "com.cadrelay.quarantined":
      // An authentic body that the relay did not understand, or that Kafka refused.
      console.log(at, event.type, event.id, value.reason);
      break;
    default:
      // Providers add events without notice: an unknown type is not an error.
      console.log(at, event.type, event.id, value.subject ?? "");
  }
}

// At SIGTERM and Ctrl-C the record in hand is finished and committed, and the group is left.
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    await consumer.disconnect();
    database.close();
  });
}

await consumer.connect();
await consumer.subscribe({ topics: [new RegExp(options.topics)] });
await consumer.run({
  eachMessage: async ({ topic, partition, message }) => {
    handle(message);
    const offset = (BigInt(message.offset) + 1n).toString();
    await consumer.commitOffsets([{ topic, partition, offset }]);
  },
});
