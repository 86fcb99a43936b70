"""Views of projects on their way from the topic to the one who keeps the newest."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from connectors.avro_codec import OUTPUT_CODECS, read_output
from connectors.decode_error import DecodeError
from connectors.json_records import record_to_json
from domain.outputs import ProjectView


class View(NamedTuple):
    """A project's view; `json` is what `milepost dump` prints of it, one object in UTF-8."""

    project_id: str
    engagement_id: str
    generation: str
    version: int
    json: bytes


def view_of(type_name: str, body: bytes) -> View:
    """Of an output's body. Raises DecodeError where it is no ProjectView."""
    if type_name not in OUTPUT_CODECS:
        raise DecodeError(f"expected a ProjectView, got {type_name[:64]}")
    position, record = read_output(type_name, body)
    if not isinstance(record, ProjectView):
        raise DecodeError(f"expected a ProjectView, got {type_name[:64]}")
    found = orjson.dumps(record_to_json(record, position))
    return View(record.project_id, record.engagement_id, position.generation, record.view_version, found)
