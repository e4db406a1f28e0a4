// Consumes cadrelay's topics: each event once, in order for each thing.
//
//	go run . -brokers localhost:9092 -group my-team -database consumer.db
//
// The id of an event is stored in the transaction that does its work, so that neither a crash nor a
// rebalance makes it happen twice.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/twmb/franz-go/pkg/kgo"
	bolt "go.etcd.io/bbolt"
)

// The part of a value that this consumer reads; schemas/ has all of it.
type value struct {
	Source     string `json:"source"`
	OccurredAt string `json:"occurredAt"`
	ReceivedAt string `json:"receivedAt"`
	Subject    string `json:"subject"`
	// Of a record in quarantine: why it is there.
	Reason string `json:"reason"`
	// The body as the provider posted it, to be parsed by those who need more.
	Raw json.RawMessage `json:"raw"`
}

func main() {
	brokers := flag.String("brokers", "localhost:9092", "bootstrap servers, separated by commas")
	group := flag.String("group", "cadrelay-example", "the consumer group")
	topics := flag.String("topics", `^cad\.(onshape|aps)\..*|^cad\.quarantine$`, "the topics, as a regular expression")
	path := flag.String("database", "consumer.db", "the file that remembers what was handled")
	flag.Parse()

	// At SIGTERM and Ctrl-C the batch in hand is finished and committed, and the group is left.
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := consume(stopped, strings.Split(*brokers, ","), *group, *topics, *path); err != nil {
		log.Fatal(err)
	}
}

func consume(stopped context.Context, brokers []string, group, topics, path string) error {
	database, err := open(path)
	if err != nil {
		return err
	}
	defer database.Close()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.ConsumerGroup(group),
		kgo.ConsumeRegex(),
		kgo.ConsumeTopics(topics),
		// Without this a consumer also sees the records of aborted transactions.
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		// A partition is not given to another member while its records are in hand.
		kgo.BlockRebalanceOnPoll(),
		// A new topic is found this soon.
		kgo.MetadataMaxAge(10*time.Second),
	)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()

	for stopped.Err() == nil {
		// A stop does not wait for a larger batch than this.
		fetches := client.PollRecords(stopped, 100)
		for _, failed := range fetches.Errors() {
			if stopped.Err() == nil {
				return fmt.Errorf("%s, partition %d: %w", failed.Topic, failed.Partition, failed.Err)
			}
		}
		records := fetches.Records()
		for _, record := range records {
			if err := handle(database, record); err != nil {
				return fmt.Errorf("%s, partition %d, offset %d: %w", record.Topic, record.Partition, record.Offset, err)
			}
		}
		if err := client.CommitRecords(context.Background(), records...); err != nil {
			return err
		}
		client.AllowRebalance()
	}
	return nil
}

func open(path string) (*bolt.DB, error) {
	database, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
	if err != nil {
		return nil, err
	}
	return database, database.Update(func(tx *bolt.Tx) error {
		for _, name := range []string{"handled", "latest"} {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Does the work of one record, once.
func handle(database *bolt.DB, record *kgo.Record) error {
	event, err := read(record)
	if err != nil {
		return err
	}
	var value value
	if err := event.DataAs(&value); err != nil {
		return err
	}
	return database.Update(func(tx *bolt.Tx) error {
		id := []byte(value.Source + " " + event.ID())
		handled := tx.Bucket([]byte("handled"))
		if handled.Get(id) != nil {
			return nil
		}
		if err := handled.Put(id, []byte{}); err != nil {
			return err
		}
		return work(tx, record.Key, event, value)
	})
}

// Replace this by your own work. Here: stores the last event of each thing, and prints it.
func work(tx *bolt.Tx, thing []byte, event *event.Event, value value) error {
	at := value.OccurredAt
	if at == "" {
		at = value.ReceivedAt
	}
	about := value.Subject
	switch event.Type() {
	case "com.cadrelay.quarantined":
		// An authentic body that the relay did not understand, or that Kafka refused.
		about = value.Reason
	default:
		// Providers add events without notice: an unknown type is not an error.
	}
	fmt.Println(at, event.Type(), event.ID(), about)
	return tx.Bucket([]byte("latest")).Put(thing, []byte(event.Type()+" "+at))
}
