"""Sends events to their topics: python docs/examples/kafka_producer.py FOLDER_OR_FILE BROKERS REGISTRY [PREFIX]"""

import io
import json
import re
import struct
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import fastavro
from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient

TIMES = {"timestamp-micros": datetime.fromisoformat, "date": date.fromisoformat, "decimal": Decimal}


def avro_value(kind, given, named):
    """A value of the JSON form as fastavro writes it."""
    if isinstance(kind, list):
        branches = [each for each in kind if each != "null"]
        if given is None:
            return None
        if len(branches) == 1:
            return avro_value(branches[0], given, named)
        chosen = next(each for each in branches if full_name(each).endswith(f".{given['type']}"))
        return full_name(chosen), avro_value(chosen, given, named)
    if isinstance(kind, str):
        return avro_value(named[kind], given, named) if kind in named else given
    if "logicalType" in kind:
        return TIMES[kind["logicalType"]](given)
    if kind["type"] == "array":
        return [avro_value(kind["items"], each, named) for each in given]
    if kind["type"] == "map":
        return {key: avro_value(kind["values"], each, named) for key, each in given.items()}
    if kind["type"] == "record":
        fields = {field["name"]: field["type"] for field in kind["fields"]}
        unknown = given.keys() - fields.keys() - {"type"}
        if unknown:
            raise ValueError(f"{kind['name']} has no field {', '.join(sorted(unknown))}")
        left_out = {field["name"]: decimal_default(field) for field in kind["fields"] if is_decimal_with_default(field)}
        return left_out | {
            name: avro_value(fields[name], each, named) for name, each in given.items() if name in fields
        }
    return given


def is_decimal_with_default(field):
    """fastavro fills in every other default, and fails at these."""
    return isinstance(field["type"], dict) and field["type"].get("logicalType") == "decimal" and "default" in field


def decimal_default(field):
    """Avro states the default of bytes as a text, a character a byte."""
    number = int.from_bytes(field["default"].encode("latin-1"), "big", signed=True)
    return Decimal(number).scaleb(-field["type"]["scale"])


def full_name(kind):
    return kind if isinstance(kind, str) else kind["name"]


if len(sys.argv) not in (4, 5):
    sys.exit(__doc__)
path, brokers, registry, prefix = Path(sys.argv[1]), *(*sys.argv[2:], "")[:3]
schemas = {}
producer = Producer({"bootstrap.servers": brokers, "acks": "all", "enable.idempotence": True})
with SchemaRegistryClient({"url": registry}) as client:
    for file in [path] if path.is_file() else sorted(path.glob("*.jsonl")):
        named_in = re.search("[a-z]+[.][a-z]+", file.stem)
        if named_in is None:
            sys.exit(f"{file}: expected a topic in the file's name, such as psa.time-1.jsonl")
        topic = prefix + named_in[0]
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            event = json.loads(line)
            subject = f"{topic}-milepost.events.{event['type']}"
            if subject not in schemas:
                try:
                    found, named = client.get_latest_version(subject), {}
                except Exception as fault:
                    sys.exit(f"registry {registry}, subject {subject}: {fault}; `milepost doctor` says what is wrong")
                schemas[subject] = (
                    found.schema_id,
                    fastavro.parse_schema(json.loads(found.schema.schema_str), named),
                    named,
                )
            schema_id, schema, named = schemas[subject]
            body = io.BytesIO()
            try:
                fastavro.schemaless_writer(body, schema, avro_value(schema, event, named))
            except Exception as fault:
                producer.flush(60)
                sys.exit(f"{file}, line {number}: {fault}; the lines before it were sent, and may be sent again")
            producer.produce(topic, struct.pack(">bI", 0, schema_id) + body.getvalue(), key=event["event_id"])
left = producer.flush(60)
sys.exit(f"{left} events were not taken" if left else 0)
