# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""`avro_walk`, compiled: reads and writes one value after another along its schema.

What is not as it should be, or rare, is refused: the caller then asks `avro_walk`, which decides, and names the field.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.datetime cimport PyDate_CheckExact, date_day, date_month, date_year, import_datetime
from cpython.dict cimport PyDict_Contains, PyDict_GetItem
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_SET_ITEM
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from datetime import timedelta

from connectors import avro_schema as schema
from connectors.avro_walk import (
    DAY_FIRST,
    DAY_LAST,
    EPOCH,
    INSTANT_FIRST,
    INSTANT_LAST,
    ITEMS_MAX,
    MESSAGE_BYTES_MAX,
)

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        object (*tp_alloc)(PyTypeObject*, Py_ssize_t)
    bint PyLong_CheckExact(object)
    bint PyBytes_CheckExact(object)
    bint PyUnicode_CheckExact(object)
    bint PyDict_CheckExact(object)
    long long PyLong_AsLongLongAndOverflow(object, int*) except? -1

import_datetime()

cdef enum Op:
    TEXT, BYTES, BOOLEAN, WHOLE, DECIMAL, DATE, CHOICE, OPTIONAL, ARRAY, MAP, UNION, RECORD

cdef long long FIRST_DAY = DAY_FIRST
cdef long long MOST_ITEMS = ITEMS_MAX
cdef Py_ssize_t MOST_BYTES = MESSAGE_BYTES_MAX
cdef long long DECIMAL_BYTES = 8
cdef list DATES = [None] * (DAY_LAST - DAY_FIRST + 1)

class Refused(ValueError):
    """For `avro_walk` to decide."""


cdef struct Source:
    const unsigned char* at
    const unsigned char* end


cdef struct Target:
    unsigned char* data
    Py_ssize_t size
    Py_ssize_t room


cdef class Kind:
    """A type of a schema; `low` and `high` bound its numbers. Of a record, `is_read` where all of its class comes from the schema or is filled
    in, and `is_written` where its class has all of the schema."""

    cdef Op op
    cdef int null
    cdef bint is_read, is_written
    cdef long long low, high
    cdef Kind inner
    cdef tuple parts, symbols, filled, places
    cdef dict indexes
    cdef object holder
    cdef Py_ssize_t size


# Of records, which other records share.
cdef dict MADE = {}


cdef Kind kind_of(object of):
    cdef Kind kind
    if isinstance(of, schema.RecordType) and of in MADE:
        return MADE[of]
    kind = Kind()
    if isinstance(of, schema.Text):
        kind.op = TEXT
    elif isinstance(of, schema.Bytes):
        kind.op = BYTES
    elif isinstance(of, schema.Boolean):
        kind.op = BOOLEAN
    elif isinstance(of, schema.WholeType):
        kind.op = WHOLE
        kind.low, kind.high = -(1 << of.bits - 1), (1 << of.bits - 1) - 1
    elif isinstance(of, schema.Decimal):
        kind.op = DECIMAL
        kind.high = min(10**of.precision, 1 << 63) - 1
        kind.low = -kind.high
    elif isinstance(of, schema.Date):
        kind.op = DATE
        kind.low, kind.high = DAY_FIRST, DAY_LAST
    elif isinstance(of, schema.Instant):
        kind.op = WHOLE
        kind.low, kind.high = INSTANT_FIRST, INSTANT_LAST
    elif isinstance(of, schema.Choice):
        kind.op = CHOICE
        kind.symbols = of.symbols
        kind.indexes = {symbol: at for at, symbol in enumerate(of.symbols)}
    elif isinstance(of, schema.Optional):
        kind.op = OPTIONAL
        kind.null, kind.inner = of.null, kind_of(of.value)
    elif isinstance(of, schema.Array):
        kind.op = ARRAY
        kind.inner = kind_of(of.item)
    elif isinstance(of, schema.MapType):
        kind.op = MAP
        kind.inner = kind_of(of.value)
    elif isinstance(of, schema.Union):
        kind.op = UNION
        kind.parts = tuple([None if branch is None else kind_of(branch) for branch in of.branches])
        kind.symbols = tuple([type(None) if branch is None else branch.holder for branch in of.branches])
    else:
        names = of.names
        kind.op = RECORD
        kind.holder, kind.size = of.holder, len(names)
        kind.parts = tuple([kind_of(field.type) for field in of.fields])
        kind.places = tuple([names.index(field.name) if field.name in names else -1 for field in of.fields])
        kind.filled = tuple([(names.index(name), value) for name, value in of.filled.items()])
        found = sorted([place for place in kind.places if place >= 0] + [place for place, _ in kind.filled])
        kind.is_read, kind.is_written = found == list(range(len(names))), -1 not in kind.places
        MADE[of] = kind
    return kind


# Reading


cdef inline long long number(Source* source) except? -1:
    """Under its zigzag."""
    cdef unsigned long long value = 0
    cdef int shift = 0
    cdef unsigned char byte
    while source.at < source.end:
        byte = source.at[0]
        source.at += 1
        if shift == 63 and byte > 1:
            raise Refused
        value |= <unsigned long long>(byte & 127) << shift
        if byte < 128:
            return <long long>(value >> 1) ^ -<long long>(value & 1)
        shift += 7
        if shift > 63:
            raise Refused
    raise Refused


cdef inline Py_ssize_t length(Source* source) except -1:
    cdef long long found = number(source)
    if found < 0 or found > source.end - source.at:
        raise Refused
    return found


cdef object day_of(long long days):
    found = DATES[days - FIRST_DAY]
    if found is None:
        found = DATES[days - FIRST_DAY] = EPOCH + timedelta(days)
    return found


cdef inline long long within(Kind kind, long long found) except? -1:
    """A number that its type can have."""
    if found < kind.low or found > kind.high:
        raise Refused
    return found


cdef long long decimal_of(Source* source) except? -1:
    cdef Py_ssize_t size = length(source), at
    cdef unsigned long long value
    if size < 1 or size > DECIMAL_BYTES:
        raise Refused
    value = <unsigned long long>-1 if source.at[0] > 127 else 0
    for at in range(size):
        value = value << 8 | source.at[at]
    source.at += size
    return <long long>value


cdef object read_value(Kind kind, Source* source):
    cdef Py_ssize_t size
    cdef long long found
    cdef object made
    cdef unsigned char byte
    if kind.op == OPTIONAL:
        if source.at >= source.end:
            raise Refused
        byte = source.at[0]
        if byte > 2 or byte & 1:
            raise Refused
        source.at += 1
        if byte == 2 * kind.null:
            return None
        kind = kind.inner
    if kind.op == TEXT:
        size = length(source)
        made = PyUnicode_DecodeUTF8(<const char*>source.at, size, NULL)
        source.at += size
        return made
    if kind.op == DECIMAL:
        return within(kind, decimal_of(source))
    if kind.op == RECORD:
        return read_record(kind, source)
    if kind.op == BOOLEAN:
        if source.at >= source.end or source.at[0] > 1:
            raise Refused
        made = source.at[0] == 1
        source.at += 1
        return made
    if kind.op == WHOLE:
        return within(kind, number(source))
    if kind.op == DATE:
        return day_of(within(kind, number(source)))
    if kind.op == CHOICE:
        found = number(source)
        if found < 0 or found >= PyTuple_GET_SIZE(kind.symbols):
            raise Refused
        return kind.symbols[found]
    if kind.op == ARRAY:
        return read_items(kind.inner, source)
    if kind.op == MAP:
        return read_table(kind.inner, source)
    if kind.op == UNION:
        found = number(source)
        if found < 0 or found >= PyTuple_GET_SIZE(kind.parts):
            raise Refused
        made = kind.parts[found]
        return None if made is None else read_record(<Kind>made, source)
    size = length(source)
    made = PyBytes_FromStringAndSize(<const char*>source.at, size)
    source.at += size
    return made


cdef object read_record(Kind kind, Source* source):
    cdef tuple parts = kind.parts, places = kind.places
    cdef Py_ssize_t at, place
    cdef object value
    if not kind.is_read:
        raise Refused
    cdef object made = (<PyTypeObject*>kind.holder).tp_alloc(<PyTypeObject*>kind.holder, kind.size)
    for at in range(PyTuple_GET_SIZE(parts)):
        value = read_value(<Kind>PyTuple_GET_ITEM(parts, at), source)
        place = <object>PyTuple_GET_ITEM(places, at)
        if place >= 0:
            Py_INCREF(value)
            PyTuple_SET_ITEM(made, place, value)
    for place, value in kind.filled:
        Py_INCREF(value)
        PyTuple_SET_ITEM(made, place, value)
    return made


cdef long long block(Source* source, long long have) except -1:
    """Items of the next one; those that say their bytes are rare."""
    cdef long long count = number(source)
    if count < 0 or count > source.end - source.at or have + count > MOST_ITEMS:
        raise Refused
    return count


cdef object read_items(Kind item, Source* source):
    cdef long long count = block(source, 0), at
    cdef list items
    if count == 0:
        return ()
    items = []
    while count:
        for at in range(count):
            items.append(read_value(item, source))
        count = block(source, len(items))
    return tuple(items)


cdef Kind A_TEXT = kind_of(schema.Text())


cdef object read_table(Kind inner, Source* source):
    cdef dict items = {}
    cdef long long count = block(source, 0), at
    while count:
        for at in range(count):
            key = read_value(A_TEXT, source)
            if PyDict_Contains(items, key):
                raise Refused
            items[key] = read_value(inner, source)
        count = block(source, len(items))
    return items


# Writing


cdef inline int put(Target* target, const void* data, Py_ssize_t size) except -1:
    cdef unsigned char* grown
    if target.size + size > target.room:
        target.room = 1024 + 2 * (target.size + size)
        grown = <unsigned char*>realloc(target.data, target.room)
        if grown == NULL:
            raise MemoryError
        target.data = grown
    memcpy(target.data + target.size, data, size)
    target.size += size
    return 0


cdef inline Py_ssize_t bytes_of(long long value, unsigned char* into):
    """At most ten; returns how many."""
    cdef Py_ssize_t size = 0
    cdef unsigned long long rest = (<unsigned long long>value << 1) ^ <unsigned long long>(value >> 63)
    while rest > 127:
        into[size] = <unsigned char>(rest & 127 | 128)
        size += 1
        rest >>= 7
    into[size] = <unsigned char>rest
    return size + 1


cdef inline int put_number(Target* target, long long value) except -1:
    cdef unsigned char made[10]
    return put(target, made, bytes_of(value, made))


cdef inline int put_decimal(Target* target, long long value) except -1:
    cdef unsigned char made[9]
    cdef int size = 1, at
    cdef long long rest = value >> 7
    while rest != 0 and rest != -1:
        rest >>= 8
        size += 1
    made[0] = <unsigned char>(2 * size)
    for at in range(size):
        made[size - at] = <unsigned char>(value & 255)
        value >>= 8
    return put(target, made, size + 1)


cdef inline long long whole_of(Kind kind, object value) except? -1:
    cdef int over = 0
    cdef long long found
    if not PyLong_CheckExact(value):
        raise Refused
    found = PyLong_AsLongLongAndOverflow(value, &over)
    if over:
        raise Refused
    return within(kind, found)


cdef int put_text(Target* target, object value) except -1:
    cdef Py_ssize_t size
    cdef const char* data
    if not PyUnicode_CheckExact(value):
        raise Refused
    data = PyUnicode_AsUTF8AndSize(value, &size)
    put_number(target, size)
    return put(target, data, size)


cdef long long days_of(object value) except? -1:
    """Since 1970, by the algorithm of Howard Hinnant's days_from_civil."""
    cdef long long year, month, day, era, of_era, of_year
    if not PyDate_CheckExact(value):
        raise Refused
    year, month, day = date_year(value), date_month(value), date_day(value)
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


cdef int write_value(Kind kind, object value, Target* target) except -1:
    cdef PyObject* at
    cdef Py_ssize_t index
    if kind.op == OPTIONAL:
        if value is None:
            return put_number(target, kind.null)
        put_number(target, 1 - kind.null)
        kind = kind.inner
    if kind.op == TEXT:
        return put_text(target, value)
    if kind.op == DECIMAL:
        return put_decimal(target, whole_of(kind, value))
    if kind.op == RECORD:
        return write_record(kind, value, target)
    if kind.op == BOOLEAN:
        if value is not True and value is not False:
            raise Refused
        return put_number(target, -1 if value is True else 0)
    if kind.op == WHOLE:
        return put_number(target, whole_of(kind, value))
    if kind.op == DATE:
        return put_number(target, within(kind, days_of(value)))
    if kind.op == CHOICE:
        at = PyDict_GetItem(kind.indexes, value)
        if at == NULL:
            raise Refused
        return put_number(target, <object>at)
    if kind.op == ARRAY:
        return write_items(kind.inner, value, target)
    if kind.op == MAP:
        return write_table(kind.inner, value, target)
    if kind.op == UNION:
        for index in range(PyTuple_GET_SIZE(kind.symbols)):
            if type(value) is <object>PyTuple_GET_ITEM(kind.symbols, index):
                put_number(target, index)
                return 0 if value is None else write_record(<Kind>PyTuple_GET_ITEM(kind.parts, index), value, target)
        raise Refused
    if not PyBytes_CheckExact(value):
        raise Refused
    put_number(target, PyBytes_GET_SIZE(value))
    return put(target, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))


cdef int write_record(Kind kind, object value, Target* target) except -1:
    cdef tuple parts = kind.parts, places = kind.places
    cdef Py_ssize_t at
    cdef Py_ssize_t place
    if not kind.is_written or type(value) is not kind.holder or PyTuple_GET_SIZE(value) != kind.size:
        raise Refused
    for at in range(PyTuple_GET_SIZE(parts)):
        place = <object>PyTuple_GET_ITEM(places, at)
        write_value(<Kind>PyTuple_GET_ITEM(parts, at), <object>PyTuple_GET_ITEM(value, place), target)
    return 0


cdef int write_items(Kind item, object value, Target* target) except -1:
    cdef Py_ssize_t at
    if not PyTuple_CheckExact(value) or PyTuple_GET_SIZE(value) > MOST_ITEMS:
        raise Refused
    if PyTuple_GET_SIZE(value):
        put_number(target, PyTuple_GET_SIZE(value))
        for at in range(PyTuple_GET_SIZE(value)):
            write_value(item, <object>PyTuple_GET_ITEM(value, at), target)
    return put_number(target, 0)


cdef int write_table(Kind inner, object value, Target* target) except -1:
    """By key, so that equal tables are equal bytes."""
    if not PyDict_CheckExact(value) or len(value) > MOST_ITEMS:
        raise Refused
    if value:
        put_number(target, len(value))
        for key in sorted(value):
            put_text(target, key)
            write_value(inner, <object>PyDict_GetItem(value, key), target)
    return put_number(target, 0)


# What others call


cdef class OfRecord:
    """Reads a record; with a head, the two."""

    cdef Kind head, record
    cdef object walk

    def __init__(self, record, walk):
        self.head = None if record.head is None else kind_of(record.head)
        self.record, self.walk = kind_of(record), walk

    cdef object read(self, Source* source):
        if self.head is None:
            return read_record(self.record, source)
        head = read_record(self.head, source)
        return head, read_record(self.record, source)


cdef class Reader(OfRecord):
    """Exactly one record from its bytes."""

    def __call__(self, bytes data not None):
        cdef Source source
        try:
            if PyBytes_GET_SIZE(data) <= MOST_BYTES:
                source.at = <const unsigned char*>PyBytes_AS_STRING(data)
                source.end = source.at + PyBytes_GET_SIZE(data)
                made = self.read(&source)
                if source.at == source.end:
                    return made
        except ValueError:
            pass
        return self.walk(data)


cdef class ReaderFrom(OfRecord):
    """One record at a place in longer data, and where it ends."""

    def __call__(self, bytes data not None, Py_ssize_t begin):
        cdef Source source
        cdef const unsigned char* start = <const unsigned char*>PyBytes_AS_STRING(data)
        try:
            if 0 <= begin <= PyBytes_GET_SIZE(data):
                source.at, source.end = start + begin, start + PyBytes_GET_SIZE(data)
                return self.read(&source), source.at - start
        except ValueError:
            pass
        return self.walk(data, begin)


cdef class Writer:
    """The bytes of a record, without its head."""

    cdef Kind record
    cdef object walk

    def __init__(self, record, walk):
        self.record, self.walk = kind_of(record), walk

    def __call__(self, value):
        cdef Target target
        target.data, target.size, target.room = NULL, 0, 0
        try:
            write_record(self.record, value, &target)
            return PyBytes_FromStringAndSize(<const char*>target.data, target.size)
        except (ValueError, TypeError):
            pass
        finally:
            free(target.data)
        return self.walk(value)


cdef class WriterAround:
    """The bytes before some fields and those after them; of the two, pieces that are always the same and fields, in the order of the
    arguments."""

    cdef tuple before, after
    cdef object walk

    def __init__(self, before, after, walk):
        self.before, self.after, self.walk = pieces_of(before), pieces_of(after), walk

    def __call__(self, *values):
        cdef Py_ssize_t at = 0
        try:
            before = joined(self.before, values, &at)
            return before, joined(self.after, values, &at)
        except (LookupError, TypeError, ValueError):
            return self.walk(*values)


cdef tuple pieces_of(pieces):
    return tuple([piece if type(piece) is bytes else kind_of(piece.type) for piece in pieces])


cdef bytes joined(tuple pieces, tuple values, Py_ssize_t* at):
    cdef Target target
    target.data, target.size, target.room = NULL, 0, 0
    try:
        for piece in pieces:
            if PyBytes_CheckExact(piece):
                put(&target, PyBytes_AS_STRING(piece), PyBytes_GET_SIZE(piece))
            else:
                if at[0] >= PyTuple_GET_SIZE(values):
                    raise Refused
                write_value(<Kind>piece, values[at[0]], &target)
                at[0] += 1
        return PyBytes_FromStringAndSize(<const char*>target.data, target.size)
    finally:
        free(target.data)


def numbered(tuple around not None, long long ordinal, long long output_seq, bytes content not None):
    """An output's bytes: its position, with these two numbers, and what it says."""
    cdef unsigned char numbers[20]
    cdef bytes before = around[0], after = around[1]
    cdef Py_ssize_t count = bytes_of(ordinal, numbers)
    count += bytes_of(output_seq, numbers + count)
    made = PyBytes_FromStringAndSize(
        NULL, PyBytes_GET_SIZE(before) + count + PyBytes_GET_SIZE(after) + PyBytes_GET_SIZE(content)
    )
    cdef char* into = PyBytes_AS_STRING(made)
    memcpy(into, PyBytes_AS_STRING(before), PyBytes_GET_SIZE(before))
    into += PyBytes_GET_SIZE(before)
    memcpy(into, numbers, count)
    into += count
    memcpy(into, PyBytes_AS_STRING(after), PyBytes_GET_SIZE(after))
    into += PyBytes_GET_SIZE(after)
    memcpy(into, PyBytes_AS_STRING(content), PyBytes_GET_SIZE(content))
    return made
