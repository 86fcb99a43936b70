"""The delivery dataflow: what was posted and issued goes into an ERP, and the ERP's answers come back as events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from connectors.erp.adapter import NO_TRACE, Trace
from domain.delivery.queue import Intent
from domain.events.finance import InvoicePosted, InvoiceRejected, PostingAccepted, PostingRejected
from domain.outputs import BillingStatement, ControlTotals, JournalEntry, Position

Answer: TypeAlias = PostingAccepted | PostingRejected | InvoicePosted | InvoiceRejected


class Came(NamedTuple):
    """One output. `partition` names where it was read, such as `erp.postings/3`, and `following` what follows it there."""

    partition: str
    following: str
    position: Position
    record: JournalEntry | ControlTotals | BillingStatement
    trace: Trace = NO_TRACE


class Books(Protocol):
    """Where outputs come from and answers go to: the folders of a run, or topics. Called by one thread.

    Within a partition outputs come in their order; journals and control totals of a shard may come from one or from several.
    """

    @property
    def generation(self) -> str: ...

    @property
    def shards(self) -> int: ...

    def begin(self, places: Mapping[str, str]) -> None:
        """Read on from these places, of a partition that is not named from its start."""

    def read(self) -> Sequence[Came]:
        """What comes next, at most some thousands; empty where nothing is there now. Does not wait."""

    @property
    def is_at_end(self) -> bool:
        """Whether all has been given that stood there when it was begun."""

    def answered(self) -> Iterable[Answer]:
        """What was published so far, by whoever. Asked for once, where the store was lost."""

    def claim(self, intents: Sequence[Intent]) -> None:
        """Before any call of a round. Raises GuardStop where another process has taken over."""

    def publish(self, answers: Sequence[Answer]) -> None:
        """Returns when they are kept; the same again where a process died before it noted that they are."""

    def close(self) -> None: ...
