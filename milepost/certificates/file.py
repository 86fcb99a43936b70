"""A certificate of a close as a file: JSON with sorted keys, the same bytes wherever it is written; and how two of them differ.

`digest` is the SHA-256 of the file's JSON without `digest` and `journals`, and names everything: `books.digest` covers the journals, and
`previous` the certificate before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from connectors.json_values import instant_text
from domain.ledger.close_certificate import journals_digest
from domain.ledger.period_sums import with_mark
from domain.money import format_amount

if TYPE_CHECKING:
    from dataflows.certificates import OfLog
    from domain.outputs import CertifiedAccount

KIND: Final = "milepost.close_certificate"
FORM: Final = 1
Shape: TypeAlias = dict[str, Any]
# What `digest` does not cover by itself.
_APART: Final = ("digest", "journals")
MARK_LETTERS: Final = 64


class Difference(NamedTuple):
    """`stated` by the certificate, `found` by the log."""

    what: str
    stated: str
    found: str


def sealed(every: Sequence[OfLog]) -> list[Shape]:
    """All certificates of a company in their order, each with the digests of those before it; without journals."""
    made: list[Shape] = []
    for of in every:
        digests = {each["number"]: each["digest"] for each in made}
        shape = _shape(of, made[-1] if made else None, digests)
        made.append({**shape, "digest": digest_of(shape)})
    return made


def digest_of(shape: Shape) -> str:
    return sha256(canonical({name: value for name, value in shape.items() if name not in _APART})).hexdigest()


def canonical(shape: Shape) -> bytes:
    return json.dumps(shape, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def file_bytes(shape: Shape, journals: Sequence[tuple[str, str]]) -> bytes:
    """As `shasum -a 256` reads it."""
    return canonical({**shape, "journals": [list(each) for each in journals]}) + b"\n"


def _shape(of: OfLog, before: Shape | None, digests: Mapping[int, str]) -> Shape:
    whole = of.whole
    return {
        "kind": KIND,
        "form": FORM,
        "company": whole.entity_id,
        "period": whole.period,
        "first_day": f"{whole.first_day}",
        "last_day": f"{whole.last_day}",
        "ledger_currency": whole.ledger_currency,
        "number": whole.number,
        "version": whole.version,
        "requested_by": whole.requested_by,
        "approved_by": whole.approved_by,
        "reason": whole.reason,
        "closed_at": instant_text(whole.closed_at),
        "days_ended_to": f"{whole.ended_to}" if whole.ended_to is not None else None,
        "open_before": list(whole.open_before),
        "books": {
            "journals": whole.books.journals,
            "digest": whole.books.digest,
            "currencies": [
                {
                    "currency": each.currency,
                    "journals": each.journal_count,
                    "debits": format_amount(each.debits),
                    "credits": format_amount(each.credits),
                }
                for each in whole.books.currencies
            ],
            "accounts": [_account(each) for each in whole.books.accounts],
        },
        "replaces": _replaces(of, digests),
        "previous": {name: before[name] for name in ("number", "period", "digest")} if before is not None else None,
        "log": _log(of),
    }


def _account(of: CertifiedAccount) -> Shape:
    moved = of.debits - of.credits
    figures = {
        "opening": of.opening,
        "debits": of.debits,
        "credits": of.credits,
        "movement": moved,
        "closing": of.opening + moved,
    }
    return {"account": of.account, **{name: format_amount(amount) for name, amount in figures.items()}}


def _replaces(of: OfLog, digests: Mapping[int, str]) -> Shape | None:
    """The certificate of the same period before it, and by account what is otherwise since then."""
    had = of.whole.replaces
    if had is None:
        return None
    changed = []
    for each in of.whole.books.accounts:
        opening = each.opening - (each.certified_opening or 0)
        movement = each.debits - each.credits - (each.certified_movement or 0)
        if opening or movement:
            figures = {"opening": format_amount(opening), "movement": format_amount(movement)}
            changed.append({"account": each.account, **figures})
    return {
        "number": had.number,
        "digest": digests.get(had.number),
        "journals": had.journals,
        "journals_since": of.whole.books.journals - had.journals,
        "reopened_by": had.requested_by,
        "reopen_approved_by": had.approved_by,
        "reopen_reason": had.reason,
        "reopened_at": instant_text(had.at) if had.at is not None else None,
        "difference": changed,
    }


def _log(of: OfLog) -> Shape:
    genesis = of.genesis
    shards = [
        {
            "shard": log.shard,
            "records": log.records,
            "sha256": log.sha256,
            "begins": log.begins,
            "input_chain": certified.record.input_chain,
            "outputs": certified.record.last_output_seq + 1,
            "output_chain": certified.record.output_chain,
            "event_id": certified.position.event_id,
        }
        for certified, log in zip(of.whole.shards, of.logs, strict=True)
    ]
    return {
        "generation": genesis.generation,
        "partitions": genesis.partitions,
        "rules": dict(genesis.rules),
        "zone_database": genesis.zone_database,
        "rules_version": of.whole.rules_version,
        "shards": shards,
    }


# Reading one


class NoCertificate(Exception):
    """The file is none: the message says what was expected and what came."""


def read(data: bytes) -> Shape:
    """Raises NoCertificate."""
    try:
        found = json.loads(data)
    except ValueError as fault:
        if not data.lstrip().startswith(b"{"):
            what = "an empty file" if not data.strip() else "something else than JSON"
        elif not data.rstrip().endswith(b"}"):
            what = "one that ends too early; copy it again whole"
        else:
            what = f"JSON that cannot be read ({fault}); copy it again whole"
        raise NoCertificate(
            f"expected a certificate as `milepost period certificate --out` writes it, got {what}"
        ) from fault
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise NoCertificate(f"expected a file of kind {KIND}, got {_kind(found)}")
    if found.get("form") != FORM:
        raise NoCertificate(
            f"expected form {FORM} of the file, got {found.get('form')}; the release that wrote it reads it"
        )
    for path, kind in _NEEDED.items():
        value = _at(found, path)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise NoCertificate(f"{path}: expected {_NAMES[kind]}, got {str(value)[:40]!a}; copy the file again")
    for each in found["log"]["shards"]:
        if not isinstance(each, dict) or not all(type(each.get(name)) is int for name in ("shard", "records")):
            raise NoCertificate("log.shards: expected shard and records of each as numbers; copy the file again")
        if each["records"] < 1 or not isinstance(each.get("begins"), str):
            raise NoCertificate("log.shards: expected records from 1, and how the log begins; copy the file again")
    for each in found["journals"]:
        if not (isinstance(each, list) and len(each) == 2 and all(isinstance(text, str) for text in each)):
            raise NoCertificate("journals: expected id and mark of each; copy the file again")
    return found


_NEEDED: Final[Mapping[str, type]] = {
    "company": str,
    "period": str,
    "number": int,
    "digest": str,
    "books": dict,
    "books.accounts": list,
    "log": dict,
    "log.generation": str,
    "log.partitions": int,
    "log.shards": list,
    "journals": list,
}
_NAMES: Final[Mapping[type, str]] = {str: "text", int: "a number", dict: "an object", list: "a list"}


def _at(found: Shape, path: str) -> object:
    value: object = found
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _kind(found: object) -> str:
    return str(found.get("kind"))[:40] if isinstance(found, dict) else type(found).__name__


def own_faults(found: Shape) -> Iterator[Difference]:
    """Where the file contradicts itself: it was changed after it was written."""
    if (digest := digest_of(found)) != found["digest"]:
        yield Difference("the file: its digest", found["digest"], f"{digest} of what it says now: the file was changed")
    marks = 0
    for _, mark in found["journals"]:
        marks = with_mark(marks, bytes.fromhex(mark)) if _is_mark(mark) else marks + 1
    stated = str(found["books"].get("digest"))
    if (digest := journals_digest([marks])) != stated:
        yield Difference("the file: the digest of its journals", stated, f"{digest} of those that it lists")


def _is_mark(text: str) -> bool:
    return len(text) == MARK_LETTERS and all(letter in "0123456789abcdef" for letter in text)


# Comparing two


def differences(stated: Shape, made: Shape, journals: Sequence[tuple[str, str]]) -> Iterator[Difference]:
    """Of a certificate, and of what the log gives: accounts and figures first, then journals, then all else."""
    one, other = dict(_flat(stated)), dict(_flat(made))
    paths = sorted({*one, *other}, key=lambda path: (_rank(path), path))
    for path in paths:
        if _rank(path) < _JOURNALS and one.get(path) != other.get(path):
            yield Difference(path, one.get(path, "nothing"), other.get(path, "nothing"))
    yield from other_journals(stated["journals"], journals)
    for path in paths:
        if _rank(path) > _JOURNALS and one.get(path) != other.get(path):
            yield Difference(path, one.get(path, "nothing"), other.get(path, "nothing"))


_ORDER: Final = ("account ", "currency ", "books.journals")
_JOURNALS: Final = len(_ORDER)


def _rank(path: str) -> int:
    rank = next((place for place, begin in enumerate(_ORDER) if path.startswith(begin)), None)
    if rank is not None:
        return rank
    return _JOURNALS + (3 if path == "digest" else 2 if path.startswith("log.") else 1)


def other_journals(stated: Sequence[Sequence[str]], made: Sequence[tuple[str, str]]) -> Iterator[Difference]:
    """Each by its id: missing, too many, or of another mark."""
    one, other = {each[0]: each[1] for each in stated}, dict(made)
    for journal_id in sorted({*one, *other}):
        if one.get(journal_id) != other.get(journal_id):
            marks = (f"mark {of[journal_id]}" if journal_id in of else "not there" for of in (one, other))
            yield Difference(f"journal {journal_id}", *marks)


def _flat(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Each plain value by its place; accounts, currencies and shards by their names."""
    match value:
        case dict():
            for name, one in value.items():
                if not (place == "" and name == "journals"):
                    yield from _flat(one, f"{place}.{name}" if place else name)
        case list():
            if not value:
                yield place, "none"
            for number, one in enumerate(value):
                yield from _flat(one, _named(place, number, one))
        case None:
            yield place, "none"
        case _:
            yield place, str(value)


def _named(place: str, number: int, one: object) -> str:
    if isinstance(one, dict):
        if place == "books.accounts":
            return f"account {one.get('account')}"
        if place == "books.currencies":
            return f"currency {one.get('currency')}"
        if place == "log.shards":
            return f"log.shard {one.get('shard')}"
    return f"{place}[{number}]"
