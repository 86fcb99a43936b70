"""What delivery says of itself to those who measure it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from domain.delivery.outcomes import Outcome, Trouble
from domain.outputs import Output
from domain.units import Instant


class AccountStand(NamedTuple):
    """How an ERP account stands.

    `documents` counts by standing (`connectors.metrics.catalogue.STANDINGS`). `oldest`: when the oldest document
    of a standing could first be sent. `quota_left` is the share of a minute's calls that may still begin, 0 while the ERP has
    asked to wait. `is_paused`: nothing is sent, because the ERP cannot be reached or refuses who we are.
    """

    documents: Mapping[str, int]
    oldest: Mapping[str, Instant] = MappingProxyType({})
    quota_left: float = 1.0
    is_paused: bool = False


class Watch:
    """Called by the one thread that decides. It does nothing by itself."""

    def came(self, records: Sequence[Output]) -> None:
        """These were read just now, of any company."""

    def called(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        """One call has ended: what became of its documents, and how long it lasted."""

    def troubled(self, trouble: Trouble | None) -> None:
        """A call to send, ask or look up has ended, and this says something of the ERP, not of a document. None: all was answered."""

    def acknowledged(self, recorded_at: Sequence[Instant]) -> None:
        """The ERP has posted these journals or statements just now; of each, when the log recorded what it follows from."""

    def stands(self, stand: AccountStand, is_caught_up: bool) -> None:
        """At the end of each round, also of one in which nothing came. `is_caught_up`: all was read that was there."""
