"""Which call an ERP account gets next: a question about what is under way, or what is to be sent."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

from domain.delivery import standings
from domain.delivery.calls import LOOK_UP, POLL, SEND, Call, CallMaking, CallTerms, Intent
from domain.delivery.documents import Document
from domain.delivery.order import Order
from domain.delivery.pace import Refusals
from domain.delivery.recovery import Probe, PublishedStates, tree_of
from domain.delivery.rows import ASKED, DIED, DueEntry, StandingRows
from domain.delivery.standings import Parcel, Standing
from domain.units import Instant

# Documents that nobody knows the end of, above which nothing new is sent.
UNKNOWN_MAX: Final = 1_000


class Choosing:
    """Of one account: what can go, company by company, and the calls that are under way for each.

    `documents` gives those of a parcel that are to be sent, none where it cannot be sent as it is; `again` is for a refused parcel
    whose time has come.
    """

    def __init__(
        self,
        rows: StandingRows,
        order: Order,
        making: CallMaking,
        terms: CallTerms,
        only: str | None,
        known: PublishedStates,
        documents: Callable[[Parcel, Instant], list[Standing]],
        again: Callable[[Parcel, Instant], None],
    ) -> None:
        self.refusals = Refusals()
        # By parcel, of those that are being looked up after the loss of the store.
        self.probes: dict[int, Probe] = {}
        self._rows = rows
        self._order = order
        self._making = making
        self._terms = terms
        self._only = only
        self._known = known
        self._documents = documents
        self._again = again
        self._ready: dict[str, list[tuple[int, int]]] = {}
        self._in_flight: dict[str, int] = {}
        self._turn: dict[str, int] = {}
        self._turns = 0

    @property
    def in_flight(self) -> int:
        return sum(self._in_flight.values())

    @property
    def ready(self) -> list[str]:
        """Entities that have something to send."""
        return [entity for entity, ready in self._ready.items() if ready]

    def may_go(self, parcel: Parcel) -> None:
        if self._only in {None, parcel.kind}:
            heappush(self._ready.setdefault(parcel.entity, []), (parcel.order, parcel.number))

    def began(self, call: Call) -> None:
        self._in_flight[call.entity] = self._in_flight.get(call.entity, 0) + 1

    def ended(self, call: Call) -> None:
        self._in_flight[call.entity] -= 1

    @property
    def refused_since(self) -> Instant | None:
        """Since when the ERP refuses every company of which something is to be sent or looked up; None where it takes one."""
        if not self.refusals.are_there:
            return None
        unknown = (each for each in self._rows.standings.values() if each.state == standings.UNKNOWN)
        probes = (each.entity for each in self._rows.parcels.values() if each.state == standings.PROBE)
        return self.refusals.since({*self.ready, *map(self._rows.entity, unknown), *probes})

    def next(self, now: Instant) -> Call | None:
        """Its documents are on their way from then on."""
        return self._next_sent(now) if self._only else self._next_timed(now) or self._next_sent(now)

    def next_at(self, now: Instant) -> Instant | None:
        """When there may be another, as far as no call that ends and nothing that comes makes one."""
        first = self._rows.due.first_at
        due = [first] if first is not None and not self._only else []
        if self._rows.standings_in[standings.UNKNOWN] < UNKNOWN_MAX:
            due += [max(now, self.refusals.until(entity)) for entity in self._with_room()]
        return min(due, default=None)

    def _next_timed(self, now: Instant) -> Call | None:
        """Of documents that are unknown, accepted or submitted, and of parcels to probe."""
        while (due := self._rows.due.pop(now)) is not None:
            at, key, number = due
            if not key:
                parcel = self._rows.parcels.get(number)
                if parcel is not None and parcel.state == standings.PROBE and parcel.not_before == at:
                    return self._probe(parcel, now)
                if parcel is not None and parcel.state == standings.REFUSED and parcel.not_before <= now:
                    self._again(parcel, now)
                continue
            standing = self._rows.standings.get(key)
            if standing is None or standing.not_before != at:
                continue
            if standing.state == standings.SUBMITTED:
                return self._poll(standing, now)
            if standing.state in {standings.UNKNOWN, standings.ACCEPTED}:
                return self._look_up(standing, now)
        return None

    def _poll(self, first: Standing, now: Instant) -> Call:
        entity = self._rows.entity(first)
        there = [self._rows.standings[key] for key in self._rows.of_ticket[first.ticket]]
        same = [each for each in there if self._rows.entity(each) == entity]
        for each in same:
            self._rows.note(each._replace(not_before=ASKED))
        return Call(POLL, entity, tuple(each.document for each in same), now, ticket=first.ticket)

    def _look_up(self, first: Standing, now: Instant) -> Call:
        """With all others of the entity that are due."""
        entity = self._rows.entity(first)
        asked = [first]
        others: list[DueEntry] = []
        while len(asked) < self._terms.looked_up and (due := self._rows.due.pop_of(entity, now)) is not None:
            found = self._rows.standings.get(due.key)
            if due.key and (found is None or found.not_before != due.at):
                continue
            if found is not None and found.state in {standings.UNKNOWN, standings.ACCEPTED}:
                asked.append(found)
            else:
                others.append(due)
        for other in others:
            self._rows.due.put(entity, other)
        for each in asked:
            known = self._rows.update(each._replace(since=now)) if each.since == DIED else each
            self._rows.note(known._replace(not_before=ASKED))
        accepted = frozenset(each.key for each in asked if each.state == standings.ACCEPTED)
        return Call(LOOK_UP, entity, tuple(each.document for each in asked), now, accepted=accepted)

    def _probe(self, parcel: Parcel, now: Instant) -> Call:
        """With others of the entity, for one call can ask for many."""
        asked: list[Document] = []
        probed: list[int] = []
        others: list[DueEntry] = []
        found: Parcel | None = parcel
        while found is not None:
            probe = self.probes.get(found.number)
            if probe is None:
                probe = self.probes[found.number] = Probe(tree_of(self._making, found))
            asked += probe.next(self._terms.looked_up - len(asked))
            probed.append(found.number)
            self._rows.note_parcel(found._replace(not_before=ASKED))
            found = None
            while found is None and len(asked) < self._terms.looked_up:
                due = self._rows.due.pop_of(parcel.entity, now)
                if due is None:
                    break
                found = self._to_probe(due)
                if found is None:
                    others.append(due)
        for each in others:
            self._rows.due.put(parcel.entity, each)
        accepted = frozenset(each.key for each in asked if self._known.has_accepted(each))
        return Call(LOOK_UP, parcel.entity, tuple(asked), now, probed=tuple(probed), accepted=accepted)

    def _to_probe(self, due: DueEntry) -> Parcel | None:
        parcel = None if due.key else self._rows.parcels.get(due.number)
        if parcel is None or parcel.state != standings.PROBE or parcel.not_before != due.at:
            return None
        return parcel

    def _next_sent(self, now: Instant) -> Call | None:
        """Of the entity with the fewest calls under way; of several none takes the last place, so that a slow one holds up no other."""
        if self._rows.standings_in[standings.UNKNOWN] >= UNKNOWN_MAX:
            return None
        open_to = [entity for entity in self._with_room() if self.refusals.until(entity) <= now]
        for entity in sorted(open_to, key=lambda each: (self._in_flight.get(each, 0), self._turn.get(each, 0))):
            call = self._send(entity, now)
            if call is not None:
                self._turns += 1
                self._turn[entity] = self._turns
                return call
        return None

    def _with_room(self) -> list[str]:
        """Entities that have something to send, and may have one more call under way."""
        busy = {entity for entity, count in self._in_flight.items() if count}
        several = len(busy | set(self.ready)) > 1 and self._terms.concurrent > 1
        most = self._terms.concurrent - 1
        return [
            entity
            for entity, ready in self._ready.items()
            if ready and not (several and self._in_flight.get(entity, 0) >= most)
        ]

    def _send(self, entity: str, now: Instant) -> Call | None:
        """Up to as many documents as a call takes, in the order in which their groups came."""
        chosen: list[Standing] = []
        ready = self._ready[entity]
        while ready and len(chosen) < self._terms.documents:
            # Off before its documents are made: what that releases may stand before it.
            first = heappop(ready)
            parcel = self._rows.parcels.get(first[1])
            if parcel is None or parcel.state not in {standings.TO_SEND, standings.SENT} or self._order.waits(parcel):
                continue
            if self._rows.is_taken_back(parcel):
                # Another part of it may have been sent: what became of that is found out first.
                continue
            made = [each for each in self._documents(parcel, now) if each not in chosen]
            room = self._terms.documents - len(chosen)
            chosen += made[:room]
            if len(made) > room:
                heappush(ready, first)
                break
        if not chosen:
            return None
        intents = tuple(self._intend(each, now) for each in chosen)
        return Call(SEND, entity, tuple(each.document for each in chosen), now, intents)

    def _intend(self, standing: Standing, now: Instant) -> Intent:
        attempt = standing.attempt
        self._rows.update(standing._replace(state=standings.OPEN, since=now, not_before=0))
        parcel = self._rows.parcels[standing.parcel]
        if parcel.state != standings.SENT or parcel.attempt != attempt:
            self._rows.keep(parcel._replace(state=standings.SENT, attempt=attempt))
        return Intent(standing.key, parcel.entity, attempt, standing.body_hash, now)
