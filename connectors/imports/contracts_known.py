"""What a folder of events says of companies, customers, people, projects and contracts, so that a second load adds what is new alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from connectors.decode_error import DecodeError
from connectors.imports.contracts_mapping import AMENDED, EVENTS, SIGNED
from connectors.imports.folder_events import Event as Json
from connectors.imports.folder_events import events_of, id_of, keep_newest, version_of
from connectors.json_records import event_from_json
from domain.contract import amend
from domain.events.catalogue import Event
from domain.events.commercial import ContractAmended, ContractSigned

# What differs between two statements of the same thing.
_OF_STATEMENT: Final = frozenset(
    {
        *("event_id", "occurred_at", "source", "recorded_at", "version"),
        *("correlation_id", "requested_by", "approved_by"),
    }
)


class KnownTerms(NamedTuple):
    """The newest terms; `amended` is the amendment that made them, if one did."""

    terms: ContractSigned
    version: int
    amended: ContractAmended | None


class KnownThings(NamedTuple):
    """The newest event of each thing by its type and id, as JSON, and the contracts."""

    things: Mapping[tuple[str, str], Json]
    contracts: Mapping[str, KnownTerms]

    def ids(self, type_name: str) -> set[str]:
        return {key for kind, key in self.things if kind == type_name}


def read_firm(folder: Path, without: Collection[Path]) -> KnownThings:
    """`without` are files that are to be written over."""
    things: dict[tuple[str, str], Json] = {}
    of_contracts: dict[str, list[Json]] = {}
    for event in events_of((folder,), without):
        kind = str(event.get("type"))
        if kind in (SIGNED, AMENDED):
            of_contracts.setdefault(id_of(event), []).append(event)
        elif kind in EVENTS.values():
            keep_newest(things, (kind, id_of(event)), event)
    contracts = {contract_id: known for contract_id, events in of_contracts.items() if (known := _newest(events))}
    return KnownThings(things, contracts)


def _newest(events: Iterable[Json]) -> KnownTerms | None:
    """The last signing and the amendments after it; None where there is none that can be read."""
    known: KnownTerms | None = None
    for event in sorted(events, key=version_of):
        with suppress(DecodeError):
            match event_from_json(dict(event)):
                case ContractSigned() as signed:
                    known = KnownTerms(signed, signed.version, None)
                case ContractAmended() as amended if known is not None:
                    known = KnownTerms(amend(known.terms, amended), amended.version, amended)
                case _:
                    pass
    return known


def is_same(event: Event, other: Event) -> bool:
    """Whether they say the same; who says it, and when, does not matter."""
    return _content(event) == _content(other)


def _content(event: Event) -> list[tuple[str, object]]:
    named = zip(event._fields, event, strict=True)
    return [(type(event).__name__, None), *((name, value) for name, value in named if name not in _OF_STATEMENT)]
