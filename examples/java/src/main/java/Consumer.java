import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloudevents.CloudEvent;
import io.cloudevents.kafka.CloudEventDeserializer;
import java.io.IOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Consumes cadrelay's topics: each event once, in order for each thing.
 *
 * <pre>
 * mvn package
 * java -jar target/consumer.jar --brokers localhost:9092 --group my-team --database consumer.db
 * </pre>
 *
 * The id of an event is stored in the transaction that does its work, so that neither a crash nor a
 * rebalance makes it happen twice.
 */
public final class Consumer {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] arguments) throws Exception {
        var brokers = option(arguments, "--brokers", "localhost:9092");
        var group = option(arguments, "--group", "cadrelay-example");
        var topics = option(arguments, "--topics", "cad\\.(onshape|aps)\\..*|cad\\.quarantine");
        var path = option(arguments, "--database", "consumer.db");

        try (var database = DriverManager.getConnection("jdbc:sqlite:" + path);
                var consumer = consumer(brokers, group)) {
            prepare(database);
            var stopping = stopOnSignal();
            consumer.subscribe(Pattern.compile(topics));
            while (!stopping.get()) {
                var records = consumer.poll(Duration.ofMillis(200));
                for (var record : records) {
                    handle(database, record);
                }
                // Everything that was polled is handled, so that this commits no record too many.
                consumer.commitSync();
            }
        }
    }

    private static KafkaConsumer<String, CloudEvent> consumer(String brokers, String group) {
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", brokers,
                "group.id", group,
                // Without this a consumer also sees the records of aborted transactions.
                "isolation.level", "read_committed",
                "auto.offset.reset", "earliest",
                "enable.auto.commit", false,
                // A new topic is found this soon.
                "metadata.max.age.ms", 10_000,
                // A stop does not wait for a larger batch than this.
                "max.poll.records", 100);
        return new KafkaConsumer<>(settings, new StringDeserializer(), new CloudEventDeserializer());
    }

    private static void prepare(Connection database) throws SQLException {
        try (var statement = database.createStatement()) {
            statement.execute("CREATE TABLE IF NOT EXISTS handled (source TEXT, id TEXT, PRIMARY KEY (source, id))");
            statement.execute("CREATE TABLE IF NOT EXISTS latest (thing TEXT PRIMARY KEY, event TEXT, at TEXT)");
        }
        database.setAutoCommit(false);
    }

    /** Does the work of one record, once. */
    private static void handle(Connection database, ConsumerRecord<String, CloudEvent> record)
            throws SQLException, IOException {
        var event = record.value();
        var value = JSON.readTree(event.getData().toBytes());
        try (var remember = database.prepareStatement("INSERT INTO handled VALUES (?, ?) ON CONFLICT DO NOTHING")) {
            remember.setString(1, value.get("source").asText());
            remember.setString(2, event.getId());
            if (remember.executeUpdate() == 1) {
                work(database, record.key(), event, value);
            }
        }
        database.commit();
    }

    /** Replace this by your own work. Here: stores the last event of each thing, and prints it. */
    private static void work(Connection database, String thing, CloudEvent event, JsonNode value)
            throws SQLException {
        var at = value.path("occurredAt").asText(value.get("receivedAt").asText());
        try (var store = database.prepareStatement(
                "INSERT INTO latest VALUES (?, ?, ?) ON CONFLICT (thing) DO UPDATE SET event = excluded.event, at = excluded.at")) {
            store.setString(1, thing);
            store.setString(2, event.getType());
            store.setString(3, at);
            store.executeUpdate();
        }
        var about = switch (event.getType()) {
            // An authentic body that the relay did not understand, or that Kafka refused.
            case "com.cadrelay.quarantined" -> value.get("reason").asText();
            // Providers add events without notice: an unknown type is not an error.
            default -> value.path("subject").asText();
        };
        System.out.println(at + " " + event.getType() + " " + event.getId() + " " + about);
    }

    /** True after SIGTERM or Ctrl-C. The batch in hand is finished and committed, and the group is left. */
    private static AtomicBoolean stopOnSignal() {
        var stopping = new AtomicBoolean();
        var main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            stopping.set(true);
            try {
                main.join();
            } catch (InterruptedException ended) {
                Thread.currentThread().interrupt();
            }
        }));
        return stopping;
    }

    private static String option(String[] arguments, String name, String otherwise) {
        for (int i = 0; i + 1 < arguments.length; i++) {
            if (arguments[i].equals(name)) {
                return arguments[i + 1];
            }
        }
        return otherwise;
    }
}
