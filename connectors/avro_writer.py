"""Makes, from a schema, functions that write its records: compiled ones where a C compiler was at hand (`compiled.py`), else Python, as
`dataclasses` makes `__init__`.

In Python a record is one join of pieces; what is written again and again (ids, currencies, dates, amounts) comes as ready pieces
from bounded tables. What a function cannot write it hands to `avro_walk`, which names the field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import cache, partial
from itertools import groupby
from typing import Any, Final, NamedTuple

from connectors import avro_schema as avro
from connectors.avro_source import Code, MadeTable, is_flat
from connectors.avro_walk import DAY_FIRST, DAY_LAST, EPOCH, INSTANT_FIRST, INSTANT_LAST, ITEMS_MAX, long_bytes, write
from connectors.compiled import native
from connectors.decode_error import EncodeError

Write = Callable[[Any], bytes]
WriteAround = Callable[..., tuple[bytes, bytes]]

# Strings that hardly come twice; keeping their pieces would push out the others.
RARELY_REPEATED: Final = frozenset(
    "event_id correlation_id journal_id statement_id exception_id reverses replaces affected_id entries entry_id expense_id "
    "cause_id invoice_id payment_id description message reason erp_reference".split()
)
UNWRITABLE: Final = (EncodeError, LookupError, ValueError, TypeError, AttributeError, OverflowError)
LENGTHS_MAX: Final = 8192
# Fourteen bits of a number, where more come and where none do.
TWO_BYTES: Final = tuple(bytes((bits & 127 | 128, bits >> 7 | 128)) for bits in range(16_384))
LAST_BYTES: Final = tuple(
    bytes((bits,)) if bits < 128 else bytes((bits & 127 | 128, bits >> 7)) for bits in range(16_384)
)
LENGTH_PIECES: Final = LAST_BYTES[::2]
WORD_BITS: Final = 64
assert LENGTHS_MAX <= ITEMS_MAX, "fewer items than there are ready pieces are never too many"


@cache
def writer(record: avro.RecordType) -> Write:
    """The bytes of a record, without its head. Raises EncodeError."""
    return made_writer(record) if native is None else native.Writer(record, partial(write, record))


@cache
def writer_around(
    record: avro.RecordType, begin: int, end: int, constants: tuple[tuple[str, object], ...]
) -> WriteAround:
    """The bytes before the fields from `begin` to `end`, and those after them; it is given the fields that are no `constants`.

    It raises EncodeError.
    """
    parts = replace(record, fields=record.fields[:begin]), replace(record, fields=record.fields[end:])
    fixed = dict(constants)
    names = [field.name for part in parts for field in part.fields if field.name not in fixed]

    def walk(*values: object) -> tuple[bytes, bytes]:
        whole = record.holder(**dict.fromkeys(record.names) | fixed | dict(zip(names, values, strict=True)))
        return write(parts[0], whole), write(parts[1], whole)

    if native is None:
        return made_writer_around(parts, fixed, names, walk)
    before, after = (_pieces_around(part, fixed) for part in parts)
    around: WriteAround = native.WriterAround(before, after, walk)
    return around


@cache
def made_writer(record: avro.RecordType) -> Write:
    """`writer` without a compiler."""
    code = Code("def write(r):")
    with code.under("try:"), code.under(f"if type(r) is {code.value(record.holder)}:"):
        code(f"return join(({_joined(_write_record(code, record, 'r'))}))")
    with code.under(f"except {code.value(UNWRITABLE)}:"):
        code("pass")
    code(f"return {code.value(partial(write, record))}(r)")
    written: Write = code.function("write", f"write {record.name}", _HELPERS)
    return written


def made_writer_around(
    parts: Iterable[avro.RecordType], fixed: Mapping[str, object], names: Iterable[str], walk: WriteAround
) -> WriteAround:
    """`writer_around` without a compiler."""
    locals_ = {name: f"v_{name}" for name in names}
    code = Code(f"def write({', '.join(locals_.values())}):")
    with code.under("try:"):
        made = [_joined(_write_around(code, part, fixed, locals_)) for part in parts]
        code(f"return join(({made[0]})), join(({made[1]}))")
    with code.under(f"except {code.value(UNWRITABLE)}:"):
        code("pass")
    code(f"return {code.value(walk)}({', '.join(locals_.values())})")
    written: WriteAround = code.function("write", "write around", _HELPERS)
    return written


def _write_around(
    code: Code, part: avro.RecordType, fixed: Mapping[str, object], names: Mapping[str, str]
) -> Iterator[str]:
    for piece in _pieces_around(part, fixed):
        if isinstance(piece, bytes):
            yield repr(piece)
        else:
            yield from _write_fields(code, replace(part, fields=(piece,)), names)


def _pieces_around(part: avro.RecordType, fixed: Mapping[str, object]) -> Iterator[bytes | avro.Field]:
    """The fields; constants that stand together are one piece of bytes."""
    values = part.holder(**{name: fixed.get(name) for name in part.names})
    for is_fixed, fields in groupby(part.fields, lambda field: field.name in fixed):
        if is_fixed:
            yield write(replace(part, fields=tuple(fields)), values)
        else:
            yield from fields


def _joined(pieces: Iterable[str]) -> str:
    return "".join(f"{piece}, " for piece in pieces)


def _write_record(code: Code, record: avro.RecordType, source: str) -> list[str]:
    return _write_fields(code, record, _unpacked(code, record, source))


def _unpacked(code: Code, record: avro.RecordType, source: str) -> dict[str, str]:
    """With a schema of the past, what the class has since then is left out."""
    names = {name: code.fresh() for name in record.names}
    gone = [field.name for field in record.fields if field.name not in names]
    assert not gone, f"{record.name}: {', '.join(gone)}: a schema that can only be read"
    code(f"({_joined(names.values())}) = {source}")
    return names


def _write_fields(code: Code, record: avro.RecordType, names: Mapping[str, str]) -> list[str]:
    pieces: list[str] = []
    before: dict[int, str] = {}
    for field in record.fields:
        kind, source = field.type, names[field.name]
        if isinstance(kind, avro.Decimal):
            pieces.append(_write_decimal(code, kind.precision, None, source, before.get(kind.precision, "")))
            before[kind.precision] = source
        else:
            pieces += _write(code, kind, source, field.name not in RARELY_REPEATED)
    return pieces


def _write(code: Code, kind: avro.Type, source: str, repeated: bool) -> list[str]:
    match kind:
        case avro.Optional(inner, null):
            return _write_optional(code, inner, null, source, repeated)
        case avro.Text() if repeated:
            return [f"{code.value(_pieces(kind, None))}[{source}]"]
        case avro.Text() | avro.Bytes():
            data, length = f"{source}_d", f"{source}_l"
            code(f"{data} = {source}{'.encode()' if kind == avro.Text() else ''}", f"k = len({data})")
            code(f"{length} = {code.value(LENGTH_PIECES)}[k] if k < {LENGTHS_MAX} else long(k)")
            return [length, data]
        case avro.Decimal(precision):
            return [_write_decimal(code, precision, None, source)]
        case avro.Boolean() | avro.Date() | avro.Choice():
            return [f"{code.value(_pieces(kind, None))}[{source}]"]
        case avro.WholeType(bits):
            other = "long" if bits == 64 else "long32"
            ready = f"{code.value(LENGTH_PIECES)}[{source}]"
            return [f"({ready} if 0 <= {source} < {LENGTHS_MAX} else {other}({source}))"]
        case avro.Instant():
            bits_ = f"{source}_z"
            code(f"{bits_} = {source} << 1")
            pairs = code.value(TWO_BYTES)
            upper = f"{code.value(UPPER_PIECES)}[{bits_} >> 28]"
            return [f"{pairs}[{bits_} & 16383]", f"{pairs}[{bits_} >> 14 & 16383]", upper]
        case avro.Array(item):
            return [_write_array(code, item, source, repeated)]
        case avro.MapType(inner):
            return [_write_table(code, inner, source)]
        case avro.Union(branches):
            parts = {
                (branch.holder if branch else type(None)): _write_branch(at, branch)
                for at, branch in enumerate(branches)
            }
            return [f"{code.value(parts)}[type({source})]({source})"]
        case avro.RecordType() if not is_flat(kind):
            return [f"{code.value(_write_part(kind))}({source})"]
        case avro.RecordType():
            return _write_record(code, kind, source)


@cache
def _write_part(record: avro.RecordType) -> Write:
    """A large record within another. Often the next is the same one, as a forecast's figures in several currencies that are one."""
    write_one = made_writer(record)
    last: object = record
    written = b""

    def write_part(value: object) -> bytes:
        nonlocal last, written
        if value is not last:
            written = write_one(value)
            last = value
        return written

    return write_part


def _write_optional(code: Code, inner: avro.Type, null: int, source: str, repeated: bool) -> list[str]:
    if isinstance(inner, avro.Decimal):
        return [_write_decimal(code, inner.precision, null, source)]
    if isinstance(inner, avro.Boolean | avro.Date | avro.Choice) or (inner == avro.Text() and repeated):
        return [f"{code.value(_pieces(inner, null))}[{source}]"]
    made = f"{source}_o"
    with code.under(f"if {source} is None:"):
        code(f"{made} = {long_bytes(null)!r}")
    with code.under("else:"):
        pieces = _write(code, inner, source, repeated)
        code(f"{made} = join(({long_bytes(1 - null)!r}, {_joined(pieces)}))")
    return [made]


def _write_array(code: Code, item: avro.Type, source: str, repeated: bool) -> str:
    one, many, made = f"{source}_i", f"{source}_a", f"{source}_p"
    with code.under(f"if {source}:"):
        code(f"k = len({source})")
        code(f"{many} = [{code.value(LENGTH_PIECES)}[k] if k < {LENGTHS_MAX} else items(k)]")
        with code.looped(f"for {one} in {source}:"):
            if isinstance(item, avro.RecordType) and not is_flat(item):
                code(f"{many}.append({code.value(made_writer(item))}({one}))")
            else:
                code(f"{many} += ({_joined(_write(code, item, one, repeated))})")
        code(f"{many}.append({long_bytes(0)!r})", f"{made} = join({many})")
    with code.under("else:"):
        code(f"{made} = {long_bytes(0)!r}")
    return made


def _write_table(code: Code, inner: avro.Type, source: str) -> str:
    """Sorted by key, so that equal tables are equal bytes. Lines of a journal have the same dimensions, and others the same few again."""
    if inner == avro.Text():
        last, made = f"{source}_w", f"{source}_t"
        code.first(f"{last} = {made} = None")
        with code.under(f"if {source} is not {last}:"):
            code(f"{made} = {code.value(TEXT_TABLES)}[(*{source}.items(),)]", f"{last} = {source}")
        return made
    key, one, many, made = (f"{source}_{part}" for part in "kiap")
    with code.under(f"if {source}:"):
        code(f"{many} = [items(len({source}))]")
        with code.under(f"for {key}, {one} in sorted({source}.items()):"):
            pieces = [*_write(code, avro.Text(), key, repeated=True), *_write(code, inner, one, repeated=True)]
            code(f"{many} += ({_joined(pieces)})")
        code(f"{many}.append({long_bytes(0)!r})", f"{made} = join({many})")
    with code.under("else:"):
        code(f"{made} = {long_bytes(0)!r}")
    return made


def _text_table_piece(pairs: tuple[tuple[str, str], ...]) -> bytes:
    pieces = [_text_piece(b"", text) for pair in sorted(pairs) for text in pair]
    return b"".join((_items(len(pairs)), *pieces, long_bytes(0))) if pairs else long_bytes(0)


TEXT_TABLES: Final = MadeTable(_text_table_piece)


def _write_branch(index: int, branch: avro.RecordType | None) -> Write:
    tag = long_bytes(index)
    if branch is None:
        return lambda _none: tag
    write_one = made_writer(branch)
    return lambda value: tag + write_one(value)


@cache
def _pieces(kind: avro.Type, null: int | None) -> MadeTable:
    """Ready bytes of values; where the field may be null, with the index of the union in front."""
    tag = b"" if null is None else long_bytes(1 - null)
    first = {} if null is None else {None: long_bytes(null)}
    match kind:
        case avro.Text():
            return MadeTable(partial(_text_piece, tag), first)
        case avro.Boolean():
            return MadeTable(_unknown, {**first, False: tag + b"\x00", True: tag + b"\x01"})
        case avro.Choice(symbols):
            return MadeTable(_unknown, {**first, **{symbol: tag + long_bytes(at) for at, symbol in enumerate(symbols)}})
        case avro.Date():
            return MadeTable(partial(_date_piece, tag), first)
        case _:
            raise AssertionError(kind)


def _unknown(_value: object) -> bytes:
    raise ValueError


def _text_piece(tag: bytes, value: object) -> bytes:
    if type(value) is not str:
        raise ValueError
    data = value.encode()
    return tag + long_bytes(len(data)) + data


class DecimalPieces(NamedTuple):
    """A number's piece is one number as well: its length, with what stands before it, above its own bytes. By how many bits it has, what is
    added to it where it is above zero, and where it is below, and the bytes of all together."""

    above: tuple[int, ...]
    below: tuple[int, ...]
    sizes: tuple[int, ...]

    def piece(self, value: int) -> bytes:
        if type(value) is not int:
            raise ValueError
        bits = (value if value >= 0 else ~value).bit_length()
        return (value + (self.above if value >= 0 else self.below)[bits]).to_bytes(self.sizes[bits])


@cache
def _decimal_pieces(precision: int, tag: bytes) -> DecimalPieces:
    """Amounts hardly come twice, so a table of them would cost more than it spares. Very large ones are written field by field."""
    lengths = [bits // 8 + 1 for bits in range(min((10**precision).bit_length(), WORD_BITS))]
    heads = [tag + long_bytes(length) for length in lengths]
    above = [int.from_bytes(head) << 8 * length for head, length in zip(heads, lengths, strict=True)]
    below = [head + (1 << 8 * length) for head, length in zip(above, lengths, strict=True)]
    sizes = [len(head) + length for head, length in zip(heads, lengths, strict=True)]
    return DecimalPieces(tuple(above), tuple(below), tuple(sizes))


def _write_decimal(code: Code, precision: int, null: int | None, source: str, before: str = "") -> str:
    """Many are zero, or the same number as the one `before`: ledger amounts as amounts."""
    tag = b"" if null is None else long_bytes(1 - null)
    of = _decimal_pieces(precision, tag)
    above, sizes, any_piece = (code.value(each) for each in (of.above, of.sizes, of.piece))
    piece = f"({source} + {above}[b := {source}.bit_length()]).to_bytes({sizes}[b])"
    is_ordinary = f"type({source}) is int and {source} > 0"
    made = f"{of.piece(0)!r} if {source} is zero else {piece} if {is_ordinary} else {any_piece}({source})"
    if null is not None:
        return f"({long_bytes(null)!r} if {source} is None else {made})"
    return f"({source}_b := {f'{before}_b if {source} is {before} else ' if before else ''}{made})"


def _date_piece(tag: bytes, value: object) -> bytes:
    if type(value) is not date or not DAY_FIRST <= (value - EPOCH).days <= DAY_LAST:
        raise ValueError
    return tag + long_bytes((value - EPOCH).days)


def _upper_piece(bits: int) -> bytes:
    lowest = bits << 27
    if lowest < INSTANT_FIRST or lowest + (1 << 27) - 1 > INSTANT_LAST:
        raise ValueError
    return bytes((bits & 127 | 128, bits >> 7 & 127 | 128, bits >> 14 & 127 | 128, bits >> 21))


UPPER_PIECES: Final = MadeTable(_upper_piece)


def whole_piece(value: int) -> bytes:
    """A whole number of 64 bits."""
    if 0 <= value < 1 << 41:
        bits = value << 1
        if bits < 1 << 14:
            return LAST_BYTES[bits]
        if bits < 1 << 28:
            return TWO_BYTES[bits & 16_383] + LAST_BYTES[bits >> 14]
        return TWO_BYTES[bits & 16_383] + TWO_BYTES[bits >> 14 & 16_383] + LAST_BYTES[bits >> 28]
    if type(value) is not int or not -(1 << 63) <= value < 1 << 63:
        raise ValueError
    return long_bytes(value)


def _items(count: int) -> bytes:
    if count > ITEMS_MAX:
        raise ValueError
    return whole_piece(count)


def _long32(value: int) -> bytes:
    if type(value) is not int or not -(1 << 31) <= value < 1 << 31:
        raise ValueError
    return long_bytes(value)


_HELPERS: Final = {"zero": 0, "join": b"".join, "long": whole_piece, "long32": _long32, "items": _items}
