"""A firm that runs day by day in memory: its events are routed as intake does, days end in between, and its statements are approved,
invoiced, paid and credited as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date
from heapq import heappop, heappush
from itertools import count
from typing import Any

from domain.billing.statement import ISSUED, OPEN
from domain.events.catalogue import Event
from domain.outputs import BillingStatement, Output
from domain.reference.zones import universal_day
from domain.units import Instant
from simulation.answers import approved, posted
from simulation.receivables import (
    CONCEDED,
    GOODWILL,
    IN_PARTS,
    LATE,
    PAID,
    REBILLED,
    SHORT,
    UNPAID,
    Owed,
    PartPayment,
    life,
    received,
)
from state.intake.clock import NEVER, recording_time, tick
from state.intake.directory import Everywhere, Routed, Unrouted, route
from tests.harness import Books, Folded

HOUR: Instant = 3_600_000_000
# After a day has ended everywhere, so that nothing of it is answered before: it ends in Helsinki first, in Los Angeles 10 hours later.
ANSWERED: Instant = 10 * HOUR
# Of every hundred invoices; what leaves cash without an invoice on the books is no balance of a project.
FATES = (
    [PAID] * 70
    + [LATE] * 10
    + [IN_PARTS] * 6
    + [UNPAID] * 4
    + [SHORT] * 3
    + [REBILLED, CONCEDED, CONCEDED, GOODWILL, GOODWILL, PAID, PAID]
)
SEED = 7


class Links:
    """What intake's directory would know."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], set[str]] = {}

    def engagements(self, kind: str, key: str) -> tuple[str, ...]:
        return tuple(sorted(self._known.get((kind, key), ())))

    def learn(self, found: Routed) -> bool:
        """Whether anything was new."""
        before = sum(map(len, self._known.values()))
        for link in found.links:
            self._known.setdefault((link.kind, link.id), set()).add(link.engagement_id)
        return sum(map(len, self._known.values())) > before


class RunningFirm:
    """`answers` is whether its statements are answered; else what happens to them stands among the events that it is told."""

    def __init__(self, *, answers: bool, fates: Sequence[str] = FATES) -> None:
        self.books = Books()
        self.told: list[Event] = []
        self._links = Links()
        self._waiting: list[Event] = []
        self._answers = answers
        self._fates = fates
        self._agenda: list[tuple[Instant, int, Event]] = []
        self._order = count()
        self._seen = 0
        self._approved: set[str] = set()
        self._invoices = count(1)

    @property
    def unrouted(self) -> list[Event]:
        return self._waiting

    @property
    def folded(self) -> list[Folded]:
        return self.books.folded

    def outputs(self, since: int = 0) -> Iterator[Output]:
        return (folded.record for folded in self.books.folded[since:])

    def run(
        self,
        events: Iterable[Event],
        until: date,
        before: Callable[[date], None] = lambda day: None,
        after: Callable[[date], None] = lambda day: None,
    ) -> None:
        """Take the events, and let days end up to `until`; `before` a day has ended anywhere, and `after` it has everywhere."""
        source = iter(sorted(events, key=recording_time))
        head = next(source, None)
        begun: set[date] = set()
        while True:
            midnight = self.books.clock.next_midnight
            ahead = recording_time(head) if head is not None else NEVER
            answer = self._agenda[0][0] if self._agenda else NEVER
            if midnight <= min(ahead, answer):
                ended, clock = tick(self.books.clock)
                if ended.date > until:
                    break
                if ended.date not in begun:
                    begun.add(ended.date)
                    self.books.fold()
                    before(ended.date)
                self.books.clock = clock
                self.books.fold(ended)
                if min(running.date for running in clock.days) > ended.date:
                    after(ended.date)
                self._respond()
            elif answer < ahead:
                self.take(heappop(self._agenda)[2])
                self.books.fold()
                self._respond()
            elif head is not None:
                self.take(head)
                head = next(source, None)
            else:
                break
        self.books.fold()

    def take(self, event: Event) -> None:
        self.told.append(event)
        if self._place(event):
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                self._place(each)

    def _place(self, event: Event) -> bool:
        """Whether what waited may be placed now."""
        match route(self._links, event):
            case Everywhere():
                self.books._append(event)
            case Unrouted():
                self._waiting.append(event)
            case Routed(engagements=engagements) as found:
                is_new = self._links.learn(found)
                own: Any = event
                for engagement_id in engagements:
                    self.books._append(own._replace(engagement_id=engagement_id))
                return is_new
        return False

    def _respond(self) -> None:
        """To statements of which nobody has heard."""
        new, self._seen = self.books.folded[self._seen :], len(self.books.folded)
        for folded in new:
            if self._answers and isinstance(folded.record, BillingStatement) and folded.record.part == 1:
                self._answer(folded.record, folded.position.recorded_at)

    def _answer(self, statement: BillingStatement, at: Instant) -> None:
        if statement.status == OPEN:
            self._approved.add(statement.statement_id)
            self._plan(approved(statement, at + ANSWERED))
        elif statement.status == ISSUED:
            number = next(self._invoices)
            # What was approved has waited: its invoice is of the day of the approval, else balances of that day have half of it.
            sent = at + HOUR + (0 if statement.statement_id in self._approved else ANSWERED)
            day = date.fromordinal(universal_day(sent))
            invoice = posted(statement, f"INV-{number:06}", number, day)._replace(occurred_at=sent, recorded_at=sent)
            self._plan(invoice)
            owed = Owed(invoice.invoice_id, day, statement)
            if len({line.project_id for line in statement.lines}) > 1 and owed.gross > 0:
                # An invoice over several projects stands with one of them, so it is settled before the day.
                self._plan(received(owed, "once", day, owed.gross)._replace(recorded_at=sent + HOUR))
            elif owed.gross > 0:
                for each in life(owed, self._fates[number * 37 % len(self._fates)], SEED):
                    paid = (
                        received(owed, f"{each.day:%m%d}", each.day, each.amount)
                        if isinstance(each, PartPayment)
                        else each
                    )
                    self._plan(paid)

    def _plan(self, event: Event) -> None:
        heappush(self._agenda, (recording_time(event), next(self._order), event))


def of_kinds(events: Iterable[Event], kinds: Collection[type[Event]]) -> list[Event]:
    return [event for event in events if type(event) in kinds]
