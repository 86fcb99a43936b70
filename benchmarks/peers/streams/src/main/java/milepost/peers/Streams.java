package milepost.peers;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The reference job on Kafka Streams, exactly once (v2), with the sums in a RocksDB store and its changelog.
 *
 * <p>Arguments: brokers, topic of the entries, how many there are, prefix of what it writes, the folder of its stores and of the
 * schemas LogRecord.avsc, TimeApproved.avsc and ProjectHours.avsc, milliseconds between commits.
 */
public final class Streams {
    private static final String SUMS = "sums";
    private static final AtomicLong DONE = new AtomicLong();

    public static void main(String[] arguments) throws IOException, InterruptedException {
        String brokers = arguments[0];
        String log = arguments[1];
        long entries = Long.parseLong(arguments[2]);
        String output = arguments[3];
        Path folder = Path.of(arguments[4]);
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, output);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, arguments[5]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, folder.resolve(output).toString());
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.producerPrefix("compression.type"), "lz4");
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");

        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(Stores.keyValueStoreBuilder(
            Stores.persistentKeyValueStore(SUMS), Serdes.String(), Serdes.ByteArray()));
        builder.stream(log, Consumed.with(Serdes.String(), Serdes.ByteArray()))
            .process(() -> new Hours(folder, entries), SUMS)
            .to(output + ".hours", Produced.with(Serdes.String(), Serdes.ByteArray()));

        CountDownLatch failed = new CountDownLatch(1);
        KafkaStreams streams = new KafkaStreams(builder.build(), settings);
        streams.setUncaughtExceptionHandler(fault -> {
            fault.printStackTrace();
            failed.countDown();
            return org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
        while (DONE.get() < entries && failed.getCount() > 0) {
            Thread.sleep(20);
        }
        streams.close(Duration.ofSeconds(60));
        System.exit(failed.getCount() > 0 ? 0 : 1);
    }

    /** What was worked on the project of each entry, up to and with that entry. */
    private static final class Hours implements Processor<String, byte[], String, byte[]> {
        private final GenericDatumReader<GenericRecord> records;
        private final GenericDatumReader<GenericRecord> approved;
        private final Schema hours;
        private final GenericDatumWriter<GenericRecord> writer;
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private BinaryDecoder decoder;
        private BinaryEncoder encoder;
        private ProcessorContext<String, byte[]> context;
        private KeyValueStore<String, byte[]> sums;

        Hours(Path folder, long entries) {
            records = new GenericDatumReader<>(schema(folder, "LogRecord"));
            approved = new GenericDatumReader<>(schema(folder, "TimeApproved"));
            hours = schema(folder, "ProjectHours");
            writer = new GenericDatumWriter<>(hours);
        }

        @Override
        public void init(ProcessorContext<String, byte[]> context) {
            this.context = context;
            this.sums = context.getStateStore(SUMS);
        }

        @Override
        public void process(Record<String, byte[]> record) {
            if (record.key().startsWith("\0")) {
                return;
            }
            try {
                decoder = DecoderFactory.get().binaryDecoder(record.value(), decoder);
                ByteBuffer body = (ByteBuffer) records.read(null, decoder).get("body");
                decoder = DecoderFactory.get().binaryDecoder(body.array(), body.position(), body.remaining(), decoder);
                GenericRecord entry = approved.read(null, decoder);
                String project = entry.get("project_id").toString();
                byte[] before = sums.get(project);
                long many = before == null ? 0 : ByteBuffer.wrap(before).getLong(0);
                long sum = before == null ? 0 : ByteBuffer.wrap(before).getLong(8);
                ByteBuffer worked = (ByteBuffer) entry.get("hours");
                many += 1;
                sum += worked == null ? 0 : new java.math.BigInteger(worked.array(), worked.position(), worked.remaining()).longValueExact();
                sums.put(project, ByteBuffer.allocate(16).putLong(many).putLong(sum).array());
                GenericRecord now = new GenericData.Record(hours);
                now.put("project_id", project);
                now.put("entries", many);
                now.put("hours", sum);
                bytes.reset();
                encoder = EncoderFactory.get().binaryEncoder(bytes, encoder);
                writer.write(now, encoder);
                encoder.flush();
                context.forward(record.withKey(project).withValue(bytes.toByteArray()));
            } catch (IOException fault) {
                throw new UncheckedIOException(fault);
            }
            DONE.incrementAndGet();
        }

        private static Schema schema(Path folder, String name) {
            try {
                return new Schema.Parser().parse(Files.readString(folder.resolve(name + ".avsc"), StandardCharsets.UTF_8));
            } catch (IOException fault) {
                throw new UncheckedIOException(fault);
            }
        }
    }
}
