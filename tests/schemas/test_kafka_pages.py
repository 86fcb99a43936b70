"""The pages about topics and settings and the AsyncAPI catalogue are what the table, the classes and the schemas say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from connectors.kafka.topics import TOPICS, TopicKind
from domain.events.catalogue import EVENTS
from domain.outputs import OUTPUTS
from milepost.settings import Settings, values
from schemas import asyncapi, settings_page, topics_page


def pointed_at(document: dict[str, Any], reference: str) -> Any:
    """What a reference within the document stands for."""
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_the_pages_are_current() -> None:
    assert topics_page.PAGE.read_text(encoding="utf-8") == topics_page.page()
    assert settings_page.PAGE.read_text(encoding="utf-8") == settings_page.page()
    assert asyncapi.PAGE.read_text(encoding="utf-8") == asyncapi.HEAD + asyncapi.to_yaml(asyncapi.document())


def test_every_topic_and_every_setting_stands_on_its_page() -> None:
    topics, settings = topics_page.page(), settings_page.page()
    assert all(f"| `{topic.name}" in topics for topic in TOPICS)
    assert all(f"| `{name}` |" in settings for name in values(Settings()) if name != "ownership")


def test_the_catalogue_is_read_back_as_it_was_meant() -> None:
    assert yaml.safe_load(asyncapi.PAGE.read_text(encoding="utf-8")) == asyncapi.document()


def test_the_catalogue_is_of_asyncapi_3() -> None:
    document = asyncapi.document()
    assert document["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= document["info"].keys()
    shared = {topic.name for topic in TOPICS if topic.kind is not TopicKind.OWN}
    assert set(document["channels"]) == {channel["address"] for channel in document["channels"].values()} == shared
    carried = {name for channel in document["channels"].values() for name in channel["messages"]}
    assert carried == set(document["components"]["messages"])
    assert carried == (set(EVENTS) - {"DayEnded", "IntakeNoticed"}) | set(OUTPUTS)


def test_every_reference_of_the_catalogue_leads_somewhere() -> None:
    document = asyncapi.document()
    for operation in document["operations"].values():
        assert operation["action"] in {"send", "receive"}
        channel = pointed_at(document, operation["channel"]["$ref"])
        told = [pointed_at(document, each["$ref"]) for each in operation["messages"]]
        assert told == list(channel["messages"].values())
        for message in told:
            payload = pointed_at(document, message["$ref"])["payload"]
            assert payload["schemaFormat"].startswith("application/vnd.apache.avro")
            file = Path(asyncapi.PAGE.parent, payload["schema"]["$ref"])
            schema = json.loads(file.read_text(encoding="utf-8"))
            assert f"{schema['namespace']}.{schema['name']}" == pointed_at(document, message["$ref"])["name"]
