"""The stored form of the books: plain arrays with a version and a checksum, never pickled classes.

A stored value outlives the code that wrote it: fields are only appended, with defaults. Where a default would be wrong of what is stored
already, as of a new sum over rows, `VERSION` is raised: a store of another form is dropped and made again from the log. So it is where
an event of reference data has a new field, as the store has these by today's schema.
"""

import zlib
from collections.abc import Iterable
from datetime import date
from struct import Struct
from typing import Any

import msgspec
from msgspec.structs import astuple

from domain.events import commercial, common
from domain.ledger.period_sums import MARKS_BYTES, Certified, PeriodSums
from domain.reference.numbers import NumberGiven
from state.books import PART_KINDS, Contract, Entry, JournalStanding, StatementEntry, TermsVersion

VERSION = 49
_HEAD = Struct(">BI")
_HEADER = _HEAD.size
# What of a contract is stored as it is.
PLAIN = str, int, bool, type(None)
# What of a stored contract is made of something else.
NESTED = list, dict

_encoder = msgspec.msgpack.Encoder()
_decoders = {kind: msgspec.msgpack.Decoder(of) for kind, of in PART_KINDS.items() if of is not Contract}
_plain = msgspec.msgpack.Decoder()
_RECORDS: dict[str, Any] = {
    name: of for module in (common, commercial) for name, of in vars(module).items() if hasattr(of, "_fields")
}
# By contract, version and first day; of what is kept beside it and no other.
TERMS_MAX = 1_024
_stored_terms: dict[tuple[str, int, date], tuple[TermsVersion, msgspec.Raw]] = {}
_entry = msgspec.msgpack.Decoder(Entry)
# Of a journal that is kept until it is posted.
JOURNAL_FIELDS = 23
_RECORD = JournalStanding.__struct_fields__.index("record")
_journal = msgspec.msgpack.Decoder(JournalStanding)
_statement = msgspec.msgpack.Decoder(tuple[StatementEntry, ...])
_number = msgspec.msgpack.Decoder(NumberGiven)
_day = msgspec.msgpack.Decoder(str)
# Journals, marks, accounts, currencies, certificate.
_StoredSums = tuple[int, bytes, dict[str, tuple[int, int]], dict[str, tuple[int, int, int]], Certified | None]
_period_sums = msgspec.msgpack.Decoder(_StoredSums)


class NotStorable(TypeError):
    """A value of a type that has no stored form, such as a number with its node."""


class Damaged(Exception):
    """A stored row does not match its checksum, or is of another form; the store is dropped and made again from the log."""


def encode(value: Any, key: str = "") -> bytes:
    """The checksum is of value and key, so that a row is good only where it was put."""
    return _headed(packed(_tagged(value) if type(value) is Contract else value), key)


def packed(value: object) -> bytes:
    """Raises NotStorable."""
    try:
        return _encoder.encode(value)
    except TypeError as fault:
        raise NotStorable(str(fault)) from fault


def encode_journal(value: JournalStanding, key: str) -> bytes:
    """A release that adds a field to journals has the same rows of those before; to keep the field it raises `VERSION`."""
    if value.record is None or len(value.record) == JOURNAL_FIELDS:
        return encode(value, key)
    fields = list(astuple(value))
    fields[_RECORD] = value.record[:JOURNAL_FIELDS]
    return encode(fields, key)


def decode_part(kind: str, part_id: str, data: bytes) -> Any:
    if kind == "contract":
        return _contract(_decode(_plain, data, part_key(kind, part_id)))
    decoder = _decoders.get(kind)
    if decoder is None:
        raise Damaged(f"there are no stored values of kind {kind[:40]!a}")
    return _decode(decoder, data, part_key(kind, part_id))


def checksum(text: str) -> int:
    return zlib.crc32(text.encode())


def part_key(kind: str, part_id: str) -> str:
    return f"{kind} {part_id}"


def decode_entry(data: bytes) -> Entry:
    entry: Entry = _decode(_entry, data)
    return entry


def decode_journal(journal_id: str, data: bytes) -> JournalStanding:
    journal: JournalStanding = _decode(_journal, data, journal_id)
    return journal


def decode_statement(statement_id: str, data: bytes) -> tuple[StatementEntry, ...]:
    listed: tuple[StatementEntry, ...] = _decode(_statement, data, statement_id)
    return listed


def decode_number(statement_id: str, data: bytes) -> NumberGiven:
    given: NumberGiven = _decode(_number, data, statement_id)
    return given


def encode_period_sums(sums: PeriodSums, key: str) -> bytes:
    marks = sums.marks.to_bytes(MARKS_BYTES, "big")
    return encode((sums.journals, marks, sums.accounts, sums.currencies, sums.certified), key)


def decode_period_sums(key: str, data: bytes) -> PeriodSums:
    sums, stored = PeriodSums(), _decode(_period_sums, data, key)
    sums.journals, marks, sums.accounts, sums.currencies, sums.certified = stored
    sums.marks = int.from_bytes(marks, "big")
    return sums


def decode_day(zone: str, data: bytes) -> str:
    day: str = _decode(_day, data, zone)
    return day


def seal(type_name: str, body: bytes) -> bytes:
    """An event as the log has it, kept under the name of its type."""
    return _headed(body, type_name)


def _headed(body: bytes, key: str) -> bytes:
    return _HEAD.pack(VERSION, zlib.crc32(body, zlib.crc32(key.encode()))) + body


def unseal(type_name: str, data: Any) -> bytes:
    body: bytes = data[_HEADER:] if isinstance(data, bytes) else b""
    if data != seal(type_name, body):
        raise Damaged(f"a stored {type_name[:40]!a} does not match its checksum")
    return body


def _decode(decoder: msgspec.msgpack.Decoder[Any], data: Any, key: str = "") -> Any:
    if not isinstance(data, bytes):
        raise Damaged(f"a stored row is {type(data).__name__} and no bytes")
    body = data[_HEADER:]
    if zlib.crc32(body, zlib.crc32(key.encode())) != int.from_bytes(data[1:_HEADER], "big"):
        raise Damaged(f"a stored row of {len(data)} bytes does not match its checksum")
    if data[:1] != bytes((VERSION,)):
        raise Damaged(f"a stored row is of form {int.from_bytes(data[:1], 'big')}, this release has form {VERSION}")
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise Damaged(f"a stored row cannot be read: {error}") from error


# A contract holds records of several kinds (its terms), so they are stored with their public names.


def _tagged(value: Any) -> Any:
    if isinstance(value, TermsVersion):
        return _terms(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {"record": type(value).__name__, "fields": _all_tagged(value)}
    if isinstance(value, msgspec.Struct):
        return _all_tagged(astuple(value))
    if isinstance(value, tuple):
        return _all_tagged(value)
    if isinstance(value, dict):
        return {"map": value}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    return value


def _all_tagged(values: Iterable[object]) -> list[object]:
    return [each if type(each) in PLAIN else _tagged(each) for each in values]


def _terms(version: TermsVersion) -> msgspec.Raw:
    """Terms stay as they are while the contract around them changes, so their bytes are kept."""
    key = version.terms.contract_id, version.version, version.effective_on
    kept = _stored_terms.get(key)
    if kept is None or kept[0] is not version:
        if len(_stored_terms) >= TERMS_MAX:
            _stored_terms.clear()
        body = _encoder.encode(_all_tagged(astuple(version)))
        kept = _stored_terms[key] = version, msgspec.Raw(body)
    return kept[1]


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_all_untagged(value))
    if "record" in value:
        return _RECORDS[value["record"]](*_all_untagged(value["fields"]))
    return date.fromisoformat(value["date"]) if "date" in value else value["map"]


def _all_untagged(values: Iterable[object]) -> list[object]:
    return [_untagged(each) if type(each) in NESTED else each for each in values]


def _contract(stored: list[Any]) -> Contract:
    fields = dict(zip(Contract.__struct_fields__, _untagged(stored), strict=False))
    for name in ("history", "former"):
        fields[name] = tuple(TermsVersion(*version) for version in fields.get(name, ()))
    return Contract(**fields)
