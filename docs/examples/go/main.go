// Sends one job and prints its results: video-job SOURCE [JOB_ID].
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/hamba/avro/v2"
	"github.com/hamba/avro/v2/soe"
	"github.com/twmb/franz-go/pkg/kgo"
)

const schemas = "../../../schemas"

// Of each event, the fields that are used here; the others take their defaults, or are passed over.
type videoJob struct {
	JobID    string  `avro:"job_id"`
	VideoURL *string `avro:"video_url"`
	Prompt   string  `avro:"prompt"`
}

type problem struct {
	Code    string `avro:"code" json:"code"`
	Message string `avro:"message" json:"message"`
}

type chunkResult struct {
	ChunkIndex int      `avro:"chunk_index" json:"chunk_index"`
	StartTime  float64  `avro:"start_time" json:"start_time"`
	EndTime    float64  `avro:"end_time" json:"end_time"`
	Response   *string  `avro:"response" json:"response"`
	Error      *problem `avro:"error" json:"error"`
}

type videoResult struct {
	Success bool     `avro:"success" json:"success"`
	Status  string   `avro:"status" json:"status"`
	Answer  *string  `avro:"aggregated_response" json:"aggregated_response"`
	Error   *problem `avro:"error" json:"error"`
	Chunks  []struct {
		ChunkIndex int `avro:"chunk_index" json:"chunk_index"`
	} `avro:"chunks" json:"chunks"`
}

func main() {
	log.SetFlags(0)
	os.Exit(run())
}

// run is the whole program; its exit code. The client leaves its group when this returns, which os.Exit would not wait for.
func run() int {
	if len(os.Args) < 2 {
		log.Print("Usage: video-job SOURCE [JOB_ID], for example video-job s3://videos/talk.mp4")
		return 2
	}
	jobID := uuid.NewString()
	if len(os.Args) > 2 {
		jobID = os.Args[2]
	}
	prefix := setting("KAFKA_TOPIC_PREFIX", "video")
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(setting("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"), ",")...),
		kgo.ConsumerGroup("video-job-"+jobID),
		kgo.ConsumeTopics(prefix+".chunk-results", prefix+".results"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
	)
	if err != nil {
		log.Print(err)
		return 1
	}
	defer client.Close()
	succeeded := false
	if err = send(client, prefix+".jobs", jobID, os.Args[1]); err == nil {
		succeeded, err = follow(client, prefix+".results", jobID)
	}
	if err != nil {
		log.Print(err)
	}
	if !succeeded {
		return 1
	}
	return 0
}

// send writes the job in Avro's single-object encoding.
func send(client *kgo.Client, topic, jobID, source string) error {
	schema, err := parse(filepath.Join(schemas, "video-job.avsc"))
	if err != nil {
		return err
	}
	codec, err := soe.NewCodec(schema)
	if err != nil {
		return err
	}
	value, err := codec.Encode(videoJob{JobID: jobID, VideoURL: &source, Prompt: "Describe what happens, with times."})
	if err != nil {
		return err
	}
	record := &kgo.Record{Topic: topic, Key: []byte(jobID), Value: value}
	for name, text := range map[string]string{
		"ce_specversion": "1.0",
		"ce_id":          uuid.NewString(),
		"ce_source":      "/examples/go",
		"ce_type":        "video.job.submitted.v1",
		"ce_subject":     jobID,
		"ce_time":        time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"content-type":   "application/avro",
	} {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: []byte(text)})
	}
	return client.ProduceSync(context.Background(), record).FirstErr()
}

// follow prints the job's results as they are committed, and says whether it succeeded.
func follow(client *kgo.Client, resultsTopic, jobID string) (bool, error) {
	known, err := knownSchemas()
	if err != nil {
		return false, err
	}
	seen := map[int]bool{}
	var last *videoResult
	// The two topics are read side by side, so the final result may come before a chunk that it lists.
	for last == nil || !complete(last, seen) {
		fetches := client.PollFetches(context.Background())
		if err := fetches.Err(); err != nil {
			return false, err
		}
		for _, record := range fetches.Records() {
			if string(record.Key) != jobID {
				continue
			}
			if record.Topic == resultsTopic {
				last = &videoResult{}
				if err := decode(known, record, last); err != nil {
					return false, err
				}
				continue
			}
			var chunk chunkResult
			if err := decode(known, record, &chunk); err != nil {
				return false, err
			}
			fmt.Printf("%.0f-%.0f s: %s\n", chunk.StartTime, chunk.EndTime, said(chunk.Response, chunk.Error))
			seen[chunk.ChunkIndex] = true
		}
	}
	fmt.Printf("%s: %s\n", last.Status, said(last.Answer, last.Error))
	return last.Success, nil
}

func complete(last *videoResult, seen map[int]bool) bool {
	for _, chunk := range last.Chunks {
		if !seen[chunk.ChunkIndex] {
			return false
		}
	}
	return true
}

func said(text *string, failure *problem) string {
	if text != nil {
		return *text
	}
	if failure != nil {
		return failure.Code + ": " + failure.Message
	}
	return ""
}

// decode fills event with the fields of the record, however it was written.
func decode(known map[string]avro.Schema, record *kgo.Record, event any) error {
	contentType := "none"
	for _, header := range record.Headers {
		if header.Key == "content-type" {
			contentType = string(header.Value)
		}
	}
	switch contentType {
	case "application/avro":
		fingerprint, body, err := soe.ParseHeader(record.Value)
		if err != nil {
			return err
		}
		schema, found := known[string(fingerprint)]
		if !found {
			return errors.New("the result was written with a schema that is not in schemas/")
		}
		return avro.Unmarshal(schema, body, event)
	case "application/json":
		return json.Unmarshal(record.Value, event)
	}
	return fmt.Errorf("content-type %s needs a Schema Registry's deserializer", contentType)
}

// knownSchemas are those in force and all that were ever released, by their fingerprints.
func knownSchemas() (map[string]avro.Schema, error) {
	released, err := filepath.Glob(filepath.Join(schemas, "released", "*", "*-result.avsc"))
	if err != nil {
		return nil, err
	}
	current, err := filepath.Glob(filepath.Join(schemas, "*-result.avsc"))
	if err != nil {
		return nil, err
	}
	known := map[string]avro.Schema{}
	for _, path := range append(released, current...) {
		schema, err := parse(path)
		if err != nil {
			return nil, err
		}
		fingerprint, err := soe.ComputeFingerprint(schema)
		if err != nil {
			return nil, err
		}
		known[string(fingerprint)] = schema
	}
	return known, nil
}

// parse reads a schema without its logical types: by Avro's specification they are no part of the form that the
// fingerprint is made of, but hamba/avro leaves them in. Instants are plain milliseconds then.
func parse(path string) (avro.Schema, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	dropLogicalTypes(tree)
	if text, err = json.Marshal(tree); err != nil {
		return nil, err
	}
	// A cache of its own: records of the same name differ from file to file.
	return avro.ParseBytesWithCache(text, "", &avro.SchemaCache{})
}

func dropLogicalTypes(tree any) {
	switch node := tree.(type) {
	case map[string]any:
		delete(node, "logicalType")
		for _, value := range node {
			dropLogicalTypes(value)
		}
	case []any:
		for _, value := range node {
			dropLogicalTypes(value)
		}
	}
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
