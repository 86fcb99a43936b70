"""Prints what stands on a topic of outputs: python docs/examples/kafka_reader.py TOPIC BROKERS REGISTRY [PREFIX]"""

import io
import json
import struct
import sys

import fastavro
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient

topic, brokers, registry, prefix = (*sys.argv[1:], "")[:4]
consumer = Consumer(
    {
        "bootstrap.servers": brokers,
        "group.id": "example",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
    }
)
partitions = consumer.list_topics(prefix + topic).topics[prefix + topic].partitions
consumer.assign([TopicPartition(prefix + topic, number, OFFSET_BEGINNING) for number in partitions])
left, schemas = len(partitions), {}
with SchemaRegistryClient({"url": registry}) as client:
    while left:
        message = consumer.poll(10)
        if message is None:
            sys.exit("nothing came from the brokers for ten seconds")
        if message.error() is not None:
            left -= 1
            continue
        _, schema_id = struct.unpack(">bI", message.value()[:5])
        if schema_id not in schemas:
            schemas[schema_id] = fastavro.parse_schema(json.loads(client.get_schema(schema_id).schema_str))
        record = fastavro.schemaless_reader(io.BytesIO(message.value()[5:]), schemas[schema_id])
        print(json.dumps(record, default=str))
consumer.close()
