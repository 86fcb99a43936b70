"""What a shard reads and what it gives: records of the log, encoded outputs, and how far they go."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from domain.events.catalogue import Event
from state.genesis import Genesis

# How much of the log is folded at once where nobody says otherwise.
BATCH_RECORDS = 2_000
BATCH_BYTES = 4 << 20
# Views of changed projects go out at the end of the day and after so many log records.
VIEW_RUN = 16_384
# The engagement of what concerns everyone.
REFERENCE = ""
# Before the last engagement done, in the position of a record of which only views are left to send: after all ids, and in none.
VIEWS = "\U0010ffff"
NO_NUMBERS: Mapping[str, int] = {}


class LogRecord(Protocol):
    """One record of the engagement log; `engagement_id` is empty for reference data and day ends."""

    @property
    def offset(self) -> int: ...
    @property
    def engagement_id(self) -> str: ...
    @property
    def type_name(self) -> str: ...
    @property
    def body(self) -> bytes: ...
    @property
    def event(self) -> Event: ...
    @property
    def own(self) -> tuple[str, ...] | None: ...


class Encoded(NamedTuple):
    """One output, ready to be written to its topic; `rules` is the version that it was made under, `record` what it was made of."""

    topic: str
    key: str
    output_seq: int
    type_name: str
    body: bytes
    rules: int = 1
    log_offset: int = 0
    record: Any = None


class Mark(NamedTuple):
    """How far the outputs before it go; the writer of the outputs commits this."""

    offset: int
    engagement: str
    ordinal: int
    next_seq: int
    input_chain: bytes
    output_chain: bytes
    topic_seqs: dict[str, int]
    recorded_max: int
    rules: int = 1
    numbers: Mapping[str, int] = NO_NUMBERS


# The bytes of a log record's position before and after the two numbers that count its outputs.
Pieces = tuple[bytes, bytes]
# Of its offset, event, instants and correlation.
Around = Callable[[int, str, int, int, str | None], Pieces]
Bodies = Mapping[str, Callable[[Any], bytes]]


class Encoders(NamedTuple):
    """How outputs become bytes: the position of a generation, shard and rules, prepared once a log record; both numbers and what is said
    within it; each body, as a version of the rules has it.

    `reference` gives reference data as the store keeps it: by today's schema, whichever the log has it by.
    """

    position: Callable[[str, int, str], Around]
    numbered: Callable[[Pieces, int, int, bytes], bytes]
    bodies: Callable[[Genesis, int], Bodies]
    reference: Callable[[LogRecord], bytes]


class OutputProgress(NamedTuple):
    """What the outputs are known to hold: everything below `next_seq`, with this chain."""

    offset: int = 0
    engagement: str = ""
    next_seq: int = 0
    output_chain: bytes = b""
    input_chain: bytes = b""
