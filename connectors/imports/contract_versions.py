"""What rows say of a contract beside what is known of it: signed, corrected from its beginning, or amended from a day on.

K-1 is not known                          ContractSigned, version 1
known, other terms                        ContractSigned, version 2: wrong from the beginning, so all is priced again
known, other terms, effective_on stated   ContractAmended, version 2, from that day on
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple, cast

from connectors.avro_codec import EVENT_CODECS
from connectors.avro_schema import Choice
from connectors.decode_error import DecodeError
from connectors.imports.checked import fault_of
from connectors.imports.contracts_known import KnownTerms, is_same
from connectors.imports.contracts_mapping import AMENDED, OF_AMENDMENT, SIGNED, record_of
from connectors.imports.contracts_rows import Fields, json_of
from connectors.imports.readings import instant_text
from connectors.imports.schema_fields import type_at
from connectors.json_records import event_from_json, record_to_json
from domain.contract import INHERITED, contradictions, line_policies
from domain.events.commercial import ContractSigned
from domain.events.reference import LegalEntityDefined
from domain.money import is_currency
from domain.policies import bookkeeping
from domain.reference.zones import midnight

FIXED = ("customer_id", "legal_entity_id", "currency")
NEEDED = (*FIXED, "starts_on", "lines")
# An amendment that does not say how revenue follows it.
TREATMENT = "prospective"


class TermsFault(NamedTuple):
    path: str
    reason: str


class ChangedContract(NamedTuple):
    """What becomes of a contract that is known; `effective_on` None where it is corrected from its beginning."""

    contract_id: str
    version: int
    effective_on: str | None


class StatedVersion(NamedTuple):
    """An event to be written, without its id."""

    type_name: str
    json: Mapping[str, object]
    change: ChangedContract | None


class FoundVersion(NamedTuple):
    """None without faults: the folder says the same already."""

    version: StatedVersion | None
    faults: tuple[TermsFault, ...] = ()


class StatedContract(NamedTuple):
    """What the rows of a contract state, and where."""

    contract_id: str
    fields: Fields
    usual: Mapping[str, object]
    source: str
    since: date


def version_of(said: StatedContract, known: KnownTerms | None, entity: LegalEntityDefined | None) -> FoundVersion:
    """What is to be written of the contract, or why nothing can be."""
    stated = json_of(said.fields, record_of("contract"))
    amendment = {name: stated.pop(name) for name in OF_AMENDMENT if name in stated}
    head = {"occurred_at": instant_text(midnight(said.since, "UTC")), "source": said.source}
    before = {} if known is None else _of_terms(known)
    content = {**said.usual, **before, **stated, **head, "version": 1 if known is None else known.version + 1}
    if "starts_on" in content:
        content.setdefault("signed_on", content["starts_on"])
    lacking = [name for name in NEEDED if name not in content]
    if lacking:
        return FoundVersion(
            None,
            tuple(
                TermsFault(name, f"expected {name} of contract {said.contract_id}; no row states it")
                for name in lacking
            ),
        )
    wrong = fault_of({"type": SIGNED, **content})
    if wrong is not None:
        return FoundVersion(None, (TermsFault(wrong.field_path, f"{wrong.field_path}: {_reason(wrong)}"),))
    terms = cast(ContractSigned, event_from_json({"type": SIGNED, "event_id": "1", **content}))
    if faults := tuple(contradictions_of(terms, entity)):
        return FoundVersion(None, faults)
    if known is None:
        faults = tuple(_of_unknown(said.contract_id, amendment))
        return FoundVersion(
            None if faults else StatedVersion(SIGNED, _recorded(content, terms, said.since), None), faults
        )
    if is_same(terms, known.terms):
        return FoundVersion(None)
    if faults := tuple(_of_known(said, terms, known, amendment, stated)):
        return FoundVersion(None, faults)
    change = ChangedContract(said.contract_id, known.version + 1, cast(str | None, amendment.get("effective_on")))
    if change.effective_on is None:
        return FoundVersion(StatedVersion(SIGNED, _recorded(content, terms, said.since), change))
    return _amended({**content, **amendment}, terms, known, change)


def _of_terms(known: KnownTerms) -> dict[str, object]:
    """All that stays where the rows say nothing of it; who said it before does not say it now."""
    said = record_to_json(known.terms)
    passing = ("type", "event_id", "recorded_at", "correlation_id", "requested_by", "approved_by")
    return {name: value for name, value in said.items() if value is not None and name not in passing}


def _recorded(content: Mapping[str, object], terms: ContractSigned, since: date) -> dict[str, object]:
    """Signed on its day, and known from `since` on: no period of before is billed."""
    at = instant_text(midnight(since, "UTC"))
    if terms.signed_on >= since:
        return {**content, "occurred_at": at}
    return {**content, "occurred_at": instant_text(midnight(terms.signed_on, "UTC")), "recorded_at": at}


def _amended(
    content: Mapping[str, object], terms: ContractSigned, known: KnownTerms, change: ChangedContract
) -> FoundVersion:
    """Only what differs; what an amendment does not name is inherited."""
    whole = record_to_json(terms)
    changed = {
        name: whole[name] or []
        for name in INHERITED
        if name in whole and getattr(terms, name) != getattr(known.terms, name)
    }
    event = {
        **{name: content[name] for name in ("occurred_at", "source", "contract_id", "version")},
        **{
            name: content[name]
            for name in ("engagement_id", "requested_by", "approved_by", *OF_AMENDMENT)
            if name in content
        },
        "replaces_version": known.version,
        "treatment": content.get("treatment", TREATMENT),
        **changed,
    }
    wrong = fault_of({"type": AMENDED, **event})
    return (
        FoundVersion(StatedVersion(AMENDED, event, change))
        if wrong is None
        else FoundVersion(None, (TermsFault(wrong.field_path, wrong.reason),))
    )


def _reason(wrong: DecodeError) -> str:
    """A field that no row states is stated by the mapping, once for all, where it has no column."""
    if wrong.reason != "missing":
        return wrong.reason
    kind = type_at(EVENT_CODECS[SIGNED].record, wrong.field_path)
    one_of = f", one of {', '.join(kind.symbols)}" if isinstance(kind, Choice) else ""
    path = wrong.field_path.removeprefix("lines[0].").removeprefix("terms.")
    return f'expected it{one_of}, nothing states it; in the mapping, give "{path}" a column or {{ value = "..." }}'


def contradictions_of(terms: ContractSigned, entity: LegalEntityDefined | None) -> Iterator[TermsFault]:
    """As a run finds them, with the company's policies where it is known."""
    defaults = None if entity is None else bookkeeping(entity.policies)
    policies = {line.line_id: line_policies(terms, line, defaults) for line in terms.lines}
    for path, reason in contradictions(terms, policies):
        yield TermsFault(path, f"{path}: {reason}")
    if not is_currency(terms.currency):
        yield TermsFault("currency", f"expected an ISO 4217 code such as EUR, got {terms.currency}")


def _of_unknown(contract_id: str, amendment: Mapping[str, object]) -> Iterator[TermsFault]:
    for name in amendment:
        reason = f"contract {contract_id} is not in the folder, so nothing of it can be amended; empty {name}"
        yield TermsFault(name, reason)


def _of_known(
    said: StatedContract,
    terms: ContractSigned,
    known: KnownTerms,
    amendment: Mapping[str, object],
    stated: Mapping[str, object],
) -> Iterator[TermsFault]:
    whose = f"contract {said.contract_id}"
    for name in FIXED:
        if getattr(terms, name) != getattr(known.terms, name):
            yield TermsFault(
                name, f"{whose}: {name} is {getattr(known.terms, name)} and cannot change; sign a new contract"
            )
    if "effective_on" not in amendment:
        if known.amended is not None:
            reason = (
                f"{whose} was amended from {known.amended.effective_on} on (version {known.version}), and these are other terms:"
                " state effective_on, the first day on which they hold"
            )
            yield TermsFault("contract_id", reason)
        gone = {line.line_id for line in known.terms.lines} - {line.line_id for line in terms.lines}
        for line_id in sorted(gone):
            yield TermsFault(
                "contract_id",
                f"{whose} has a line {line_id} in the folder and no row of it here: state all of its lines, or effective_on,"
                " if the line ends",
            )
    elif "approved_by" not in stated:
        yield TermsFault("effective_on", f"{whose}: expected approved_by, for nobody has approved the amendment")
