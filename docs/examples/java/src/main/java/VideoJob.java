import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.message.BinaryMessageDecoder;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Sends one job and prints its results: {@code VideoJob SOURCE [JOB_ID]}. */
public final class VideoJob {
  private static final Path SCHEMAS = Path.of("../../../schemas");
  private static final ObjectMapper JSON = new ObjectMapper();

  private final String servers = setting("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092");
  private final String prefix = setting("KAFKA_TOPIC_PREFIX", "video");
  private final String chunksTopic = prefix + ".chunk-results";
  private final String resultsTopic = prefix + ".results";
  private final Map<String, BinaryMessageDecoder<GenericRecord>> decoders =
      Map.of(chunksTopic, decoder("chunk-result"), resultsTopic, decoder("video-result"));

  public static void main(String[] arguments) throws Exception {
    if (arguments.length < 1) {
      System.err.println("Usage: VideoJob SOURCE [JOB_ID], for example VideoJob s3://videos/talk.mp4");
      System.exit(2);
    }
    String jobId = arguments.length > 1 ? arguments[1] : UUID.randomUUID().toString();
    VideoJob example = new VideoJob();
    example.send(jobId, arguments[0]);
    System.exit(example.follow(jobId) ? 0 : 1);
  }

  /** Writes the job in Avro's single-object encoding; fields that are left out take the schema's defaults. */
  private void send(String jobId, String source) throws IOException, InterruptedException, ExecutionException {
    Schema schema = schema(SCHEMAS.resolve("video-job.avsc"));
    GenericRecord job =
        new GenericRecordBuilder(schema)
            .set("job_id", jobId)
            .set("video_url", source)
            .set("prompt", "Describe what happens, with times.")
            .build();
    byte[] value = bytes(new BinaryMessageEncoder<>(GenericData.get(), schema), job);
    var record = new ProducerRecord<>(prefix + ".jobs", jobId, value);
    Map<String, String> headers =
        Map.of(
            "ce_specversion", "1.0",
            "ce_id", UUID.randomUUID().toString(),
            "ce_source", "/examples/java",
            "ce_type", "video.job.submitted.v1",
            "ce_subject", jobId,
            "ce_time", Instant.now().toString(),
            "content-type", "application/avro");
    headers.forEach((name, text) -> record.headers().add(name, text.getBytes(StandardCharsets.UTF_8)));
    Map<String, Object> settings = Map.of("bootstrap.servers", servers);
    try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new ByteArraySerializer())) {
      producer.send(record).get();
    }
  }

  /** Prints the job's results as they are committed; whether it succeeded. */
  private boolean follow(String jobId) throws IOException {
    Map<String, Object> settings =
        Map.of(
            "bootstrap.servers", servers,
            "group.id", "video-job-" + jobId,
            "isolation.level", "read_committed",
            "auto.offset.reset", "earliest",
            "enable.auto.commit", false);
    Set<Object> seen = new HashSet<>();
    Map<String, Object> last = null;
    try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new ByteArrayDeserializer())) {
      consumer.subscribe(List.of(chunksTopic, resultsTopic));
      // The two topics are read side by side, so the final result may come before a chunk that it lists.
      while (last == null || !seen.containsAll(chunks(last))) {
        for (ConsumerRecord<String, byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
          if (!jobId.equals(record.key())) {
            continue;
          }
          Map<String, Object> event = decode(record);
          if (record.topic().equals(resultsTopic)) {
            last = event;
            continue;
          }
          Object said = event.get("response") != null ? event.get("response") : event.get("error");
          System.out.printf("%.0f-%.0f s: %s%n", event.get("start_time"), event.get("end_time"), said);
          seen.add(event.get("chunk_index"));
        }
      }
    }
    Object said = last.get("aggregated_response") != null ? last.get("aggregated_response") : last.get("error");
    System.out.printf("%s: %s%n", last.get("status"), said);
    return (Boolean) last.get("success");
  }

  private static List<Object> chunks(Map<String, Object> last) {
    return ((List<?>) last.get("chunks")).stream().<Object>map(one -> ((Map<?, ?>) one).get("chunk_index")).toList();
  }

  /** The fields of an event, however it was written. */
  private Map<String, Object> decode(ConsumerRecord<String, byte[]> record) throws IOException {
    Header type = record.headers().lastHeader("content-type");
    String name = type == null ? "none" : new String(type.value(), StandardCharsets.UTF_8);
    return switch (name) {
      case "application/avro" -> fields(decoders.get(record.topic()).decode(record.value()));
      case "application/json" -> fields(JSON.readValue(record.value(), Map.class));
      default -> throw new IOException("content-type " + name + " needs a Schema Registry's deserializer");
    };
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> fields(Object event) {
    return (Map<String, Object>) plain(event);
  }

  /** Avro's records, lists and strings as those of Java. */
  private static Object plain(Object value) {
    if (value instanceof GenericRecord record) {
      Map<String, Object> fields = new LinkedHashMap<>();
      record.getSchema().getFields().forEach(field -> fields.put(field.name(), plain(record.get(field.pos()))));
      return fields;
    }
    if (value instanceof List<?> list) {
      return list.stream().map(VideoJob::plain).toList();
    }
    return value instanceof CharSequence text ? text.toString() : value;
  }

  /** Reads what was written with this schema, or with one of those that were ever released. */
  private static BinaryMessageDecoder<GenericRecord> decoder(String name) {
    String file = name + ".avsc";
    var decoder = new BinaryMessageDecoder<GenericRecord>(GenericData.get(), schema(SCHEMAS.resolve(file)));
    try (Stream<Path> releases = Files.list(SCHEMAS.resolve("released"))) {
      releases.map(one -> one.resolve(file)).filter(Files::exists).forEach(one -> decoder.addSchema(schema(one)));
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    return decoder;
  }

  private static Schema schema(Path path) {
    try {
      return new Schema.Parser().parse(new File(path.toString()));
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  private static byte[] bytes(BinaryMessageEncoder<GenericRecord> encoder, GenericRecord record) throws IOException {
    var buffer = encoder.encode(record);
    byte[] bytes = new byte[buffer.remaining()];
    buffer.get(bytes);
    return bytes;
  }

  private static String setting(String name, String otherwise) {
    return System.getenv().getOrDefault(name, otherwise);
  }
}
