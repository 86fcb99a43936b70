"""An ERP that answers garbage in any one place: delivery goes on, and what it keeps is short and clean.

Each answer of each golden file is spoilt in one place after the other, and the adapter called with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from io import BytesIO
from itertools import count, product
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

import msgspec
import pytest

from connectors.erp import adapters
from connectors.erp.adapter import ErpUnreadable
from connectors.erp.answers import Answer
from connectors.erp.connection import Connection
from connectors.erp.oracle_journal_file import codes, row_errors
from tests.erp.contract import Case, Plug, called, read
from tests.erp.plugs import PLUGS

# As JSON has them: of other kinds, without end, and such as no text may have.
GARBAGE: Final = (
    "null", "true", "[]", "{}", '[{"a": 1}]', '["amount"]', '""', f'"{"X" * 5_000}"', r'"\ud800"', r'"a\u001b[2J\u0000\nb"', "-1",
    "123456789012345678901234567890", "99999999999999.9999", "1e-400", '"0x"', '"2026-06-30T12:00:00+02:00"', '"http://["',
)  # fmt: skip
KINDS_A_PLACE: Final = 4
# Bytes; the code of a refusal stands in its message too.
LONGEST: Final = 3_500
SPOILT: Final = "spoilt"
URL: Final = "https://erp.example"
EVERY_CASE: Final = [(plug, path) for plug in PLUGS for path in sorted(plug.folder.glob("*.json"))]


class Answering:
    """A session whose answers are those of a golden file, and then the last one for ever."""

    def __init__(self, bodies: list[str], exchanges: Sequence[Mapping[str, Any]]) -> None:
        self._bodies = bodies
        self._exchanges = exchanges
        self._at = count()

    def call(self, method: str, url: str, **_: object) -> Answer:
        assert url.encode(), method
        at = min(next(self._at), len(self._exchanges) - 1)
        answer = self._exchanges[at]["answer"]
        return Answer(answer["status"], answer.get("headers", {}), self._bodies[at].encode())

    read = call


def places(value: object) -> Iterator[tuple[object, ...]]:
    """Of all that JSON has in it."""
    yield ()
    found = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    yield from ((name, *place) for name, each in found for place in places(each))


def spoilt(body: Any, place: tuple[object, ...], garbage: str) -> str:
    whole = {SPOILT: deepcopy(body)}
    inner, at = whole, SPOILT
    for name in place:
        inner, at = inner[at], name  # type: ignore[assignment]
    inner[at] = SPOILT
    return json.dumps(whole[SPOILT]).replace(f'"{SPOILT}"', garbage)


def spoilt_answers(case: Case) -> Iterator[list[str]]:
    """Every place of every answer with garbage of a few kinds, each kind in its turn."""
    bodies = [each["answer"].get("body", "") for each in case.exchanges]
    texts = [each if isinstance(each, str) else json.dumps(each) for each in bodies]
    turn = 0
    for at, body in enumerate(bodies):
        for place in places(body) if not isinstance(body, str) else ():
            for _ in range(KINDS_A_PLACE):
                turn += 1
                said = spoilt(body, place, GARBAGE[turn % len(GARBAGE)])
                yield [each.replace("{url}", URL) for each in (*texts[:at], said, *texts[at + 1 :])]


@pytest.mark.parametrize(("plug", "path"), EVERY_CASE, ids=[f"{plug.name}-{path.stem}" for plug, path in EVERY_CASE])
def test_garbage_in_one_place_stops_nothing(plug: Plug, path: Path) -> None:
    """What comes of it can be kept in the store."""
    case = read(path)
    connection = Connection.model_validate({"kind": plug.name, "url": URL, **plug.settings, **case.settings})
    erp = adapters.opened("books", connection)
    for bodies in spoilt_answers(case):
        erp._session = Answering(bodies, case.exchanges)  # type: ignore[attr-defined]
        found = called(erp, case.call, [plug.document(name) for name in case.documents], case.ticket)
        kept = msgspec.msgpack.encode(str(found) if isinstance(found, ErpUnreadable) else found)
        assert len(kept) < LONGEST, bodies
        assert all(text.isprintable() for text in texts_of(msgspec.msgpack.decode(kept))), bodies


def texts_of(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts_of(each)


def test_outputs_of_an_import_that_are_damaged_say_nothing() -> None:
    """Each byte of the ZIP is another one, in its turn."""
    made = BytesIO()
    with ZipFile(made, "w") as archive:
        archive.writestr("import-é.txt", "MPAAAAAAAAAAAAAAAAAA EF04")
    whole = made.getvalue()
    assert codes(whole) == ["EF04"]
    for at, garbage in product(range(len(whole)), (0x00, 0x0E, 0xFF)):
        damaged = whole[:at] + bytes([garbage]) + whole[at + 1 :]
        assert len(codes(damaged)) + len(row_errors(damaged)) <= 2
