"""The queue of an ERP account: which documents go to it now, and what becomes of them.

It knows no clock, client or store: its caller gives the time and the ERP's outcomes, keeps `changes` whole before anything is called
or published, and makes the calls that it is given. Of everything that a crash can leave, the queue goes on without sending twice:

- a document whose call began and did not end is unknown. The ERP is asked for it by key, and that it is missing is believed only when it
  was asked `call_seconds` after the call ended, or after the first look-up that follows a crash: so long it may still have an effect;
- where the store is lost, whatever may have been sent is looked up the same way: the document itself, and all that it may have become
  when an ERP refused its data and it was sent in halves;
- a journal that reverses another goes after that one is in the ledger, or in the same document.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Final, NamedTuple, Protocol, TypeAlias

from domain.delivery import answers, recovery, standings
from domain.delivery.answers import About, Answer, Rejection
from domain.delivery.chart import Unmapped
from domain.delivery.documents import INVOICE, Document
from domain.delivery.due import Due, Entry
from domain.delivery.outcomes import (
    NOT_PERMITTED,
    NotSent,
    Outcome,
    RejectedData,
    RejectedPeriod,
    Submitted,
    Taken,
    Throttled,
    Uncertain,
)
from domain.delivery.pace import THROTTLED_STEP, Pace, back_off, seconds
from domain.delivery.recovery import Known, Tree, tree_of
from domain.delivery.standings import NOTHING_KEPT, Changes, Ended, Kept, Parcel, Settled, Standing
from domain.units import Instant

SEND: Final = "send"
LOOK_UP: Final = "look_up"
POLL: Final = "poll"

FIRST_POLL_SECONDS: Final = 5
# What becomes unknown within so long is looked up in one call.
LOOKED_UP_TOGETHER_SECONDS: Final = 1
LONGEST_POLL_SECONDS: Final = 900
# What was refused goes again when its chart has changed; else once a day, for the ERP's people may have mended something.
REFUSED_AGAIN_SECONDS: Final = 86_400
# Documents that nobody knows the end of, above which nothing new is sent.
UNKNOWN_MAX: Final = 1_000
# In place of a journal that will not be in the ledger: of one whose replacement is here already.
_SUCCEEDED: Final = ""
_UNMAPPED: Final = "unmapped"
# In place of a time: a call asks for it now.
_ASKED: Final = -1
# In place of a time: the process that made the call has died since, nobody knows when.
_DIED: Final = -1


class Intent(NamedTuple):
    """That a document is about to be sent; durable before the call."""

    key: str
    entity: str
    attempt: int
    body_hash: str
    at: Instant


class Refusal(NamedTuple):
    """That who we are may not post for a company: how often in a row, since when, and until when it is left alone."""

    until: Instant
    times: int
    since: Instant


class Call(NamedTuple):
    """`kind` is send, look_up or poll; `probed` are parcels that are looked up before they are sent for the first time."""

    kind: str
    entity: str
    documents: tuple[Document, ...]
    at: Instant
    intents: tuple[Intent, ...] = ()
    ticket: str = ""
    probed: tuple[int, ...] = ()


# What a call gives: outcomes of documents in their order, None of a batch that is still at work, or for look_up what was found by key.
Result: TypeAlias = list[Outcome] | Mapping[str, Taken] | Outcome | None


class Making(recovery.Making, Protocol):
    def chart(self, entity: str) -> str:
        """A digest: another one may map what could not be mapped or was refused."""


class Terms(NamedTuple):
    """What the ERP takes: documents a call, calls at once and a minute (0: no limit), how long a call may last, documents a look-up."""

    documents: int = 1
    concurrent: int = 1
    per_minute: int = 0
    call_seconds: float = 60
    looked_up: int = 200


class Given(NamedTuple):
    """A group or a statement to deliver. `reverses` and `replaces` are pairs of a member and another journal."""

    kind: str
    entity: str
    members: tuple[str, ...]
    reverses: tuple[tuple[str, str], ...] = ()
    replaces: tuple[tuple[str, str], ...] = ()


class Queue:
    """Owner of all standings of one ERP account."""

    def __init__(
        self,
        erp: str,
        making: Making,
        terms: Terms,
        kept: Kept = NOTHING_KEPT,
        known: Iterable[Answer] = (),
        only: str | None = None,
    ) -> None:
        """`kept` is what the store has; `known` are answers that were published before, where the store was lost.

        `only` is a kind: what is new of it is sent, and nothing else is done.
        """
        self.changes = Changes()
        self.pace = Pace(terms.per_minute, terms.concurrent)
        self._erp = erp
        self._making = making
        self._only = only
        self._terms = terms
        self._parcels = {each.number: each for each in kept.parcels}
        self._standings = {each.key: each for each in kept.standings}
        self._parcels_in = Counter(each.state for each in self._parcels.values())
        self._standings_in = Counter(each.state for each in self._standings.values())
        self._of_ticket: dict[str, dict[str, None]] = {}
        self._closed = dict(kept.closed)
        self._closed_by: dict[str, set[str]] = {}
        for name, by in kept.closed:
            self._closed_by.setdefault(by, set()).add(name)
        self._known = Known(known)
        self._following = 1 + max(self._parcels, default=0)
        self._holder: dict[str, int] = {}
        self._replaced_by: dict[str, str] = {}
        self._waiting: dict[str, set[int]] = {}
        self._ready: dict[str, list[tuple[int, int]]] = {}
        self._due = Due()
        self._in_flight: dict[str, int] = {}
        self._turn: dict[str, int] = {}
        self._turns = 0
        self._paused: dict[str, Refusal] = {}
        for number in self._parcels:
            self._hold(self._parcels[number])
        for standing in list(self._standings.values()):
            if standing.key in self._standings:
                self._restored(standing)
        for parcel in list(self._parcels.values()):
            if parcel.state not in {standings.SENT, standings.TAKEN}:
                self._place(parcel, 0)

    # What comes

    def add(self, given: Sequence[Given], now: Instant, *, probe_from: Instant | None = None) -> None:
        """What the log has formed, in its order; `probe_from` where it may have been sent already: when the ERP can be asked for it."""
        for one in _originals_first(given):
            if self._is_settled(one):
                continue
            state = standings.TO_SEND if probe_from is None else standings.PROBE
            number = self._number()
            parcel = Parcel(number, number, *one, state=state, not_before=probe_from or 0, came_at=now)
            parcel = self._keep(parcel._replace(replaces=self._succeeding(parcel.replaces)))
            self._hold(parcel)
            for _, replaced in parcel.replaces:
                self._release(replaced, now)
            self._place(parcel, now)

    def withdraw(self, journal_id: str) -> None:
        """Of a journal that the books have taken back: it leaves where it stands alone and is neither sent nor in the ledger."""
        number = self._holder.get(journal_id)
        if number is not None:
            parcel = self._parcels[number]
            self._leaves(self._keep(parcel._replace(withdrawn=(*parcel.withdrawn, journal_id))))

    def _is_taken_back(self, parcel: Parcel) -> bool:
        """Whether none of it is to go: of several members the others still do, and of what is there in part the rest follows."""
        if len(parcel.members) > 1 or not parcel.withdrawn:
            return False
        return all(self._standings[key].taken is None for key in parcel.keys)

    def _leaves(self, parcel: Parcel) -> bool:
        if not self._is_taken_back(parcel):
            return False
        # What may have been sent before is looked up first.
        if parcel.state not in {standings.TO_SEND, standings.SENT, standings.REFUSED}:
            return False
        if any(self._standings[key].state not in {standings.READY, standings.REJECTED} for key in parcel.keys):
            return False
        self._drop(parcel)
        return True

    # What to do

    def calls(self, now: Instant, room: int) -> list[Call]:
        """At most `room` calls that may begin now. Their intents are among the changes, to be kept before the calls are made."""
        found: list[Call] = []
        while len(found) < room and self.pace.may_call(now, self.in_flight):
            call = self._next(now)
            if call is None:
                break
            self.pace.began(now)
            self._in_flight[call.entity] = self._in_flight.get(call.entity, 0) + 1
            found.append(call)
        return found

    @property
    def in_flight(self) -> int:
        return sum(self._in_flight.values())

    @property
    def _unknown(self) -> int:
        return self._standings_in[standings.UNKNOWN]

    @property
    def at_hand(self) -> int:
        """Parcels that have no end yet."""
        return len(self._parcels)

    @property
    def awaits_the_erp(self) -> bool:
        """Whether the ERP has documents that it has not posted yet."""
        return self._standings_in[standings.SUBMITTED] + self._standings_in[standings.ACCEPTED] > 0

    @property
    def is_done_for_now(self) -> bool:
        """Whether nothing can be done but wait: for a chart, a day's mark, the ERP's people, or a batch that is at work."""
        if self.in_flight or any(self._ready.values()):
            return False
        return self._only is not None or (not self._unknown and not self._parcels_in[standings.PROBE])

    def tally(self) -> tuple[dict[str, int], Instant | None]:
        """Parcels by how they stand, and when the oldest came that is neither in the ledger nor refused."""
        counts: dict[str, int] = {}
        oldest: Instant | None = None
        for each in self._parcels.values():
            is_unmapped = each.rejection is not None and each.rejection.because == answers.ACCOUNT
            word = _UNMAPPED if each.state == standings.REFUSED and is_unmapped else each.state
            word = standings.TO_SEND if word == standings.PROBE else word
            counts[word] = counts.get(word, 0) + 1
            if each.state != standings.REFUSED and (oldest is None or each.came_at < oldest):
                oldest = each.came_at
        return counts, oldest

    def members(self, key: str) -> tuple[str, ...]:
        """Of a document that is under way."""
        return self._parcels[self._standings[key].parcel].members

    def changed(self) -> Changes:
        """All since it was last asked."""
        changes, self.changes = self.changes, Changes()
        return changes

    def next_at(self, now: Instant) -> Instant | None:
        """When there may be something to do again, apart from what comes and calls that end; None: nothing else is waited for."""
        if not self.pace.has_room(self.in_flight):
            return None
        first = self._due.first_at
        due = [first] if first is not None and not self._only else []
        if self._unknown < UNKNOWN_MAX:
            due += [max(now, self._paused_until(entity)) for entity in self._with_room()]
        return max(min(due), self.pace.next_at(now)) if due else None

    @property
    def troubled_since(self) -> Instant | None:
        """Since when the account cannot be called, or refuses every company that has something to send; None while it takes some."""
        if self.pace.troubled_since is not None:
            return self.pace.troubled_since
        refusals = [self._paused.get(entity) for entity, ready in self._ready.items() if ready]
        return max((each.since for each in refusals if each), default=None) if all(refusals) else None

    def took(self, call: Call, result: Result, now: Instant) -> None:
        """What a call gave. Answers that follow are among the changes, to be kept before they are published."""
        self._in_flight[call.entity] -= 1
        match call.kind:
            case "send":
                assert isinstance(result, list), "sending gives outcomes"
                self._took_sent(call, result, now)
            case "poll":
                assert result is None or isinstance(result, list), "polling gives outcomes"
                self._took_polled(call, result, now)
            case _:
                self._took_looked_up(call, result, now)

    # Choosing

    def _next(self, now: Instant) -> Call | None:
        return self._next_sent(now) if self._only else self._next_timed(now) or self._next_sent(now)

    def _next_timed(self, now: Instant) -> Call | None:
        """Of documents that are unknown, accepted or submitted, and of parcels to probe."""
        while (due := self._due.pop(now)) is not None:
            at, key, number = due
            if not key:
                parcel = self._parcels.get(number)
                if parcel is not None and parcel.state == standings.PROBE and parcel.not_before == at:
                    return self._probe(parcel, now)
                if parcel is not None and parcel.state == standings.REFUSED and parcel.not_before <= now:
                    self._again(parcel, now)
                continue
            standing = self._standings.get(key)
            if standing is None or standing.not_before != at:
                continue
            if standing.state == standings.SUBMITTED:
                return self._poll(standing, now)
            if standing.state in {standings.UNKNOWN, standings.ACCEPTED}:
                return self._look_up(standing, now)
        return None

    def _poll(self, first: Standing, now: Instant) -> Call:
        entity = self._entity(first)
        there = [self._standings[key] for key in self._of_ticket[first.ticket]]
        same = [each for each in there if self._entity(each) == entity]
        for each in same:
            self._note(each._replace(not_before=_ASKED))
        return Call(POLL, entity, tuple(each.document for each in same), now, ticket=first.ticket)

    def _look_up(self, first: Standing, now: Instant) -> Call:
        """With all others of the entity that are due."""
        entity = self._entity(first)
        asked = [first]
        others: list[Entry] = []
        while len(asked) < self._terms.looked_up and (due := self._due.pop_of(entity, now)) is not None:
            found = self._standings.get(due.key)
            if due.key and (found is None or found.not_before != due.at):
                continue
            if found is not None and found.state in {standings.UNKNOWN, standings.ACCEPTED}:
                asked.append(found)
            else:
                others.append(due)
        for other in others:
            self._due.put(entity, other)
        for each in asked:
            known = self._update(each._replace(since=now)) if each.since == _DIED else each
            self._note(known._replace(not_before=_ASKED))
        return Call(LOOK_UP, entity, tuple(each.document for each in asked), now)

    def _entity(self, standing: Standing) -> str:
        return self._parcels[standing.parcel].entity

    def _probe(self, parcel: Parcel, now: Instant) -> Call:
        """With others of the entity, for one call can ask for many."""
        asked: list[Document] = []
        probed: list[int] = []
        others: list[Entry] = []
        found: Parcel | None = parcel
        while found is not None:
            asked += tree_of(self._making, found).documents()
            probed.append(found.number)
            self._parcels[found.number] = found._replace(not_before=_ASKED)
            found = None
            while found is None and len(asked) < self._terms.looked_up:
                due = self._due.pop_of(parcel.entity, now)
                if due is None:
                    break
                found = self._to_probe(due)
                if found is None:
                    others.append(due)
        for each in others:
            self._due.put(parcel.entity, each)
        return Call(LOOK_UP, parcel.entity, tuple(asked), now, probed=tuple(probed))

    def _to_probe(self, due: Entry) -> Parcel | None:
        parcel = None if due.key else self._parcels.get(due.number)
        if parcel is None or parcel.state != standings.PROBE or parcel.not_before != due.at:
            return None
        return parcel

    def _next_sent(self, now: Instant) -> Call | None:
        """Of the entity with the fewest calls under way; of several none takes the last place, so that a slow one holds up no other."""
        if self._unknown >= UNKNOWN_MAX:
            return None
        open_to = [entity for entity in self._with_room() if self._paused_until(entity) <= now]
        for entity in sorted(open_to, key=lambda each: (self._in_flight.get(each, 0), self._turn.get(each, 0))):
            call = self._send(entity, now)
            if call is not None:
                self._turns += 1
                self._turn[entity] = self._turns
                return call
        return None

    def _with_room(self) -> list[str]:
        """Entities that have something to send, and may have one more call under way."""
        several = len(self._in_flight.keys() | self._ready.keys()) > 1 and self._terms.concurrent > 1
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
            parcel = self._parcels.get(first[1])
            if parcel is None or parcel.state not in {standings.TO_SEND, standings.SENT} or self._waits(parcel):
                continue
            if self._is_taken_back(parcel):
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
        self._update(standing._replace(state=standings.OPEN, since=now, not_before=0))
        parcel = self._parcels[standing.parcel]
        if parcel.state != standings.SENT or parcel.attempt != attempt:
            self._keep(parcel._replace(state=standings.SENT, attempt=attempt))
        return Intent(standing.key, parcel.entity, attempt, standing.body_hash, now)

    # Making documents

    def _documents(self, parcel: Parcel, now: Instant) -> list[Standing]:
        """Those to send; none where the parcel cannot be sent as it is: then it is refused, or others have taken its place."""
        if not parcel.keys:
            made = self._making.documents(parcel)
            if isinstance(made[0], Unmapped):
                self._unmapped(parcel, made[0], now)
                return []
            if len(made) > 1 and len(parcel.members) > 1:
                # Too many lines: it was halved, and its halves go each by itself.
                self._split(parcel, self._making.halves(parcel), now)
                return []
            parcel = self._sheets(parcel, made)
        found = [self._standings[key] for key in parcel.keys]
        return [each for each in found if each.state == standings.READY]

    def _sheets(self, parcel: Parcel, documents: Sequence[Document]) -> Parcel:
        attempt = parcel.attempt + 1
        for document in documents:
            self._update(
                Standing(document.key, parcel.number, document, attempt=attempt, body_hash=body_hash(document))
            )
        return self._keep(parcel._replace(keys=tuple(each.key for each in documents)))

    def _unmapped(self, parcel: Parcel, what: Unmapped, now: Instant) -> None:
        if len(parcel.members) > 1:
            self._split(parcel, self._making.halves(parcel), now)
            return
        parcel = self._keep(parcel._replace(attempt=parcel.attempt + 1))
        self._refuse(parcel, Rejection(answers.ACCOUNT, what.missing, str(what), what.role), now)

    def _split(self, parcel: Parcel, members: Iterable[tuple[str, ...]], now: Instant) -> None:
        for child in self._in_its_place(parcel, members):
            self._place(child, now)

    def _in_its_place(self, parcel: Parcel, members: Iterable[tuple[str, ...]]) -> list[Parcel]:
        """Others with its order."""
        children = []
        self._forget(parcel)
        for some in members:
            child = Parcel(
                self._number(),
                parcel.order,
                parcel.kind,
                parcel.entity,
                some,
                tuple(pair for pair in parcel.reverses if pair[0] in some),
                tuple(pair for pair in parcel.replaces if pair[0] in some),
                came_at=parcel.came_at,
                withdrawn=tuple(each for each in parcel.withdrawn if each in some),
            )
            self._keep(child)
            self._hold(child)
            children.append(child)
        return children

    # What came of calls

    def _took_sent(self, call: Call, outcomes: Sequence[Outcome], now: Instant) -> None:
        for document, outcome in zip(call.documents, outcomes, strict=True):
            self._heed(call, outcome, now)
            standing = self._standings[document.key]
            self._became(standing, outcome, now)
        self._review_all(call.documents, now)

    def _took_polled(self, call: Call, outcomes: Sequence[Outcome] | None, now: Instant) -> None:
        for at, document in enumerate(call.documents):
            standing = self._standings[document.key]
            outcome = Submitted(call.ticket) if outcomes is None else outcomes[at]
            self._heed(call, outcome, now)
            if isinstance(outcome, Submitted | Throttled | NotSent):
                ticket = outcome.ticket if isinstance(outcome, Submitted) else standing.ticket
                self._wait(standing._replace(ticket=ticket), now + _poll_wait(standing.failures))
            else:
                self._became(standing, outcome, now)
        self._review_all(call.documents, now)

    def _took_looked_up(self, call: Call, result: Result, now: Instant) -> None:
        if not isinstance(result, Mapping):
            assert isinstance(result, Throttled | NotSent | Uncertain), f"looking up gives what was found, got {result}"
            self._heed(call, result, now)
        else:
            self.pace.answered()
            self._permitted(call.entity)
        if call.probed:
            for number in call.probed:
                self._probed(self._parcels[number], result, now)
            return
        for document in call.documents:
            standing = self._standings[document.key]
            if isinstance(result, Throttled):
                # The account's pace waits as long as it was asked to; of the document this says nothing.
                self._later(standing, max(self.pace.paused_until, now + THROTTLED_STEP))
            elif not isinstance(result, Mapping):
                self._wait(standing, _together(now + back_off(standing.failures + 1)))
            elif document.key in result:
                self._became(standing, result[document.key], now)
            else:
                self._missing(standing, call.at, now)
        self._review_all(call.documents, now)

    def _missing(self, standing: Standing, asked_at: Instant, now: Instant) -> None:
        if standing.state == standings.ACCEPTED:
            # Reconciliation says that it is gone; sent again it might stand there twice.
            self._wait(standing, _poll_at(now, standing.failures))
            return
        believed_from = standing.since + seconds(self._terms.call_seconds)
        if asked_at < believed_from:
            self._wait(standing._replace(failures=0), _together(believed_from))
        else:
            self._ready_again(standing._replace(attempt=standing.attempt + 1))

    def _became(self, standing: Standing, outcome: Outcome, now: Instant) -> None:
        match outcome:
            case Taken():
                state = standings.POSTED if outcome.is_posted else standings.ACCEPTED
                said = standing._replace(state=state, taken=outcome, not_before=0)
                if state == standings.POSTED:
                    self._update(said._replace(failures=0))
                else:
                    failures = standing.failures if standing.state == standings.ACCEPTED else 0
                    self._wait(said._replace(failures=failures), _poll_at(now, failures))
            case Submitted(ticket):
                sent = standing._replace(state=standings.SUBMITTED, ticket=ticket, failures=0)
                self._wait(sent, now + _poll_wait(0))
            case Throttled() | NotSent():
                self._ready_again(standing)
            case Uncertain():
                # Sending may take several calls: the last may have begun just now, and has its effect later.
                unknown = standing._replace(state=standings.UNKNOWN, since=now)
                self._wait(unknown, _together(now + back_off(standing.failures)))
            case RejectedData(code, message, field):
                why = Rejection(answers.DATA, code, message, field)
                self._update(standing._replace(state=standings.REJECTED, rejection=why, not_before=0))
            case RejectedPeriod(code, message):
                why = Rejection(answers.PERIOD, code, message)
                self._update(standing._replace(state=standings.REJECTED, rejection=why, not_before=0))

    def _heed(self, call: Call, outcome: Outcome, now: Instant) -> None:
        """What an outcome says of the account as a whole."""
        match outcome:
            case Throttled(after_seconds) | Uncertain(throttled=Throttled(after_seconds)):
                self.pace.throttled(call.at, now, after_seconds)
            case NotSent(why, _) if why == NOT_PERMITTED:
                before = self._paused.get(call.entity, Refusal(0, 0, now))
                times = before.times + 1
                self._paused[call.entity] = Refusal(now + back_off(times), times, before.since)
            case NotSent():
                self.pace.failed(call.at, now)
            case Uncertain():
                self.pace.uncertain(call.at, now)
            case _:
                self.pace.answered()
                self._permitted(call.entity)

    def _paused_until(self, entity: str) -> Instant:
        found = self._paused.get(entity)
        return 0 if found is None else found.until

    def _permitted(self, entity: str) -> None:
        self._paused.pop(entity, None)

    # What became of a parcel

    def _review_all(self, documents: Iterable[Document], now: Instant) -> None:
        there = [self._standings[each.key] for each in documents if each.key in self._standings]
        for number in dict.fromkeys(each.parcel for each in there):
            self._review(self._parcels[number], now)

    def _review(self, parcel: Parcel, now: Instant) -> None:
        """Says what became of it as soon as that is so of all its documents."""
        found = [self._standings[key] for key in parcel.keys]
        states = {each.state for each in found}
        if standings.READY in states:
            if not self._leaves(parcel):
                self._may_go(parcel)
        elif states <= {standings.POSTED, standings.ACCEPTED}:
            self._taken(parcel, found, now)
        elif standings.REJECTED in states and states <= {standings.REJECTED, standings.POSTED, standings.ACCEPTED}:
            self._rejected(parcel, found, now)

    def _taken(self, parcel: Parcel, found: Sequence[Standing], now: Instant) -> None:
        is_posted = all(each.state == standings.POSTED for each in found)
        if not is_posted and parcel.state == standings.TAKEN:
            return
        documents = [each.document for each in found]
        taken = [each.taken for each in found if each.taken is not None]
        answer = answers.accepted(self._about(parcel, found), documents, taken, now)
        if answer is not None and not self._known.has(answer.event_id):
            self.changes.answers.append(answer)
        if not is_posted:
            self._keep(parcel._replace(state=standings.TAKEN))
            return
        for each in found:
            assert each.taken is not None, "what is posted has the ERP's reference"
            self.changes.settled.append(Settled(each.key, each.taken.reference, each.taken.posted_on, parcel.members))
        self._end(parcel, standings.POSTED, now)

    def _rejected(self, parcel: Parcel, found: Sequence[Standing], now: Instant) -> None:
        why = next(each.rejection for each in found if each.rejection is not None)
        is_in_part = any(each.taken is not None for each in found)
        if why.because == answers.PERIOD and is_in_part:
            # Part of the journal stands in the ledger: a replacement of it all would book that part twice.
            why = why._replace(because=answers.DATA)
        if why.because == answers.DATA and len(parcel.members) > 1:
            self._split(parcel, self._making.halves(parcel), now)
        elif why.because == answers.PERIOD and parcel.kind != INVOICE:
            self._say_rejected(parcel, found, why, now)
            for member in parcel.members:
                self._close(member, parcel.replaces)
            self._end(parcel, standings.REPLACED, now)
        else:
            self._refuse(parcel, why, now)

    def _refuse(self, parcel: Parcel, why: Rejection, now: Instant) -> None:
        """Until its chart has changed, or a day later; the same said again is not published again, and puts nothing off."""
        if parcel.state == standings.REFUSED and why == parcel.rejection:
            return
        if why != parcel.rejection:
            self._say_rejected(parcel, [self._standings[key] for key in parcel.keys], why, now)
        self._wait_refused(parcel._replace(state=standings.REFUSED, rejection=why), now)
        for member in parcel.members:
            self._release(member, now)

    def _wait_refused(self, parcel: Parcel, now: Instant) -> None:
        again = now + seconds(REFUSED_AGAIN_SECONDS)
        self._keep(parcel._replace(chart=self._making.chart(parcel.entity), not_before=again))
        self._due.put(parcel.entity, Entry(again, "", parcel.number))

    def _again(self, parcel: Parcel, now: Instant) -> None:
        """With documents made anew, unless part of it is in the ledger: then those that are missing, as far as they are the same parts."""
        found = [self._standings[key] for key in parcel.keys]
        if any(each.taken is not None for each in found):
            made = {each.key: each for each in self._making.documents(parcel) if not isinstance(each, Unmapped)}
            if made.keys() != set(parcel.keys):
                self._wait_refused(parcel, now)
                return
            for each in found:
                if each.taken is None:
                    document = made[each.key]
                    self._update(
                        each._replace(
                            state=standings.READY,
                            document=document,
                            body_hash=body_hash(document),
                            attempt=each.attempt + 1,
                            rejection=None,
                        )
                    )
        else:
            attempt = max((each.attempt for each in found), default=parcel.attempt)
            for each in found:
                self._gone(each.key)
            parcel = parcel._replace(keys=(), attempt=attempt)
        self._place(self._keep(parcel._replace(state=standings.TO_SEND, not_before=0)), now)

    def _about(self, parcel: Parcel, found: Sequence[Standing]) -> About:
        documents = [each.document for each in found]
        key = answers.key_of_several(parcel.kind, parcel.members, documents)
        attempt = max((each.attempt for each in found), default=parcel.attempt)
        correlation = documents[0].correlation_id if documents else None
        return About(self._erp, parcel.kind, parcel.members, key, attempt, correlation)

    def _say_rejected(self, parcel: Parcel, found: Sequence[Standing], why: Rejection, now: Instant) -> None:
        statement = parcel.members[0] if parcel.kind == INVOICE else None
        answer = answers.rejected(self._about(parcel, found), why, statement, now)
        if not self._known.has(answer.event_id):
            self.changes.answers.append(answer)

    # After the loss of the store

    def _is_settled(self, given: Given) -> bool:
        """Whether all of it was posted, or its period refused, as was published before."""
        states = [self._known.state(each) for each in given.members]
        if not all(state in {answers.POSTED, answers.PERIOD} for state in states):
            return False
        replaces = self._succeeding(given.replaces)
        for each, state in zip(given.members, states, strict=True):
            if state == answers.PERIOD:
                self._close(each, replaces)
        for known, standing in ((answers.POSTED, standings.POSTED), (answers.PERIOD, standings.REPLACED)):
            some = tuple(each for each, state in zip(given.members, states, strict=True) if state == known)
            if some:
                self.changes.ended.append(Ended(standing, 1, some))
        return True

    def _probed(self, parcel: Parcel, result: Result, now: Instant) -> None:
        if not isinstance(result, Mapping):
            again = now + back_off(1)
            self._parcels[parcel.number] = parcel._replace(not_before=again)
            self._due.put(parcel.entity, Entry(again, "", parcel.number))
            return
        found: list[int] = []
        parcel = self._keep(parcel._replace(state=standings.TO_SEND, not_before=0))
        self._resolve(parcel, tree_of(self._making, parcel), result, now, found)
        for number in found:
            if number in self._parcels:
                self._place(self._parcels[number], now)

    def _resolve(
        self, parcel: Parcel, tree: Tree, found: Mapping[str, Taken], now: Instant, open_ones: list[int]
    ) -> None:
        """As it stands in the ledger: whole, in halves or halves of them, or not at all."""
        states = [self._known.state(each) for each in parcel.members]
        attempts = max(self._known.attempt(each) for each in parcel.members)
        if all(state == answers.POSTED for state in states):
            self._end(parcel, standings.POSTED, now)
        elif any(each.key in found for each in tree.own):
            said = attempts - 1 if states[0] == answers.ACCEPTED else attempts
            parcel = self._sheets(parcel._replace(attempt=said), tree.own)
            for each in tree.own:
                if each.key in found:
                    self._became(self._standings[each.key], found[each.key], now)
            parcel = self._keep(parcel._replace(state=standings.SENT))
            self._review(parcel, now)
            open_ones.append(parcel.number)
        elif len(parcel.members) == 1:
            if states[0] == answers.ACCEPTED:
                self._end(parcel, standings.TAKEN, now)
            elif states[0] == answers.PERIOD:
                self._close(parcel.members[0], parcel.replaces)
                self._end(parcel, standings.REPLACED, now)
            else:
                open_ones.append(self._keep(parcel._replace(attempt=attempts)).number)
        elif any(states) or tree.has(found):
            children = self._in_its_place(parcel, [each.members for each in tree.halves])
            for child, half in zip(children, tree.halves, strict=True):
                self._resolve(child, half, found, now, open_ones)
        else:
            open_ones.append(parcel.number)

    # Order

    def _waits(self, parcel: Parcel) -> bool:
        """Whether a journal that it reverses is still to come into the ledger; noted, so that it is looked at again then."""
        for _, original in parcel.reverses:
            waits_for = self._replaced_by.get(original, original)
            number = self._holder.get(waits_for)
            is_held = number is not None and number != parcel.number
            if self._is_closed(waits_for) or is_held:
                self._waiting.setdefault(waits_for, set()).add(parcel.number)
                return True
        return False

    def _is_stuck(self, parcel: Parcel) -> bool:
        """Whether what it waits for may never come; then those of its members that wait for nothing go without the others."""
        return any(self._parcels[each].state == standings.REFUSED for each in self._waited_for(parcel)) or any(
            self._is_closed(self._replaced_by.get(original, original)) for _, original in parcel.reverses
        )

    def _waits_for_itself(self, parcel: Parcel) -> bool:
        """Halves of a group may each reverse a journal of the other; then they are taken further apart."""
        seen: set[int] = set()
        ahead = list(self._waited_for(parcel))
        while ahead:
            number = ahead.pop()
            if number == parcel.number:
                return True
            if number not in seen:
                seen.add(number)
                ahead += self._waited_for(self._parcels[number])
        return False

    def _waited_for(self, parcel: Parcel) -> Iterator[int]:
        for _, original in parcel.reverses:
            number = self._holder.get(self._replaced_by.get(original, original))
            if number is not None and number != parcel.number:
                yield number

    def _release(self, journal_id: str, now: Instant) -> None:
        for number in sorted(self._waiting.pop(journal_id, ())):
            if number in self._parcels:
                self._place(self._parcels[number], now)

    # Rows

    def _restored(self, standing: Standing) -> None:
        """A call that was under way when the process before died may have had its effect, or still have it."""
        if standing.state == standings.OPEN:
            standing = self._update(standing._replace(state=standings.UNKNOWN, since=_DIED))
        if standing.state == standings.SUBMITTED:
            self._of_ticket.setdefault(standing.ticket, {})[standing.key] = None
        if standing.state in {standings.UNKNOWN, standings.ACCEPTED, standings.SUBMITTED}:
            if standing.not_before == _ASKED:
                standing = self._note(standing._replace(not_before=0))
            self._later(standing, standing.not_before)
        elif standing.state == standings.READY:
            self._place(self._parcels[standing.parcel], 0)

    def _place(self, parcel: Parcel, now: Instant) -> None:
        """Where it is found when it can go."""
        if self._leaves(parcel):
            return
        if parcel.state in {standings.PROBE, standings.REFUSED}:
            if parcel.state == standings.REFUSED and parcel.chart != self._making.chart(parcel.entity):
                self._again(parcel, now)
            else:
                if parcel.not_before == _ASKED:
                    parcel = self._keep(parcel._replace(not_before=0))
                self._due.put(parcel.entity, Entry(parcel.not_before, "", parcel.number))
        elif parcel.state in {standings.TO_SEND, standings.SENT}:
            if not self._waits(parcel):
                self._may_go(parcel)
            elif (
                not parcel.keys
                and len(parcel.members) > 1
                and (self._is_stuck(parcel) or self._waits_for_itself(parcel))
            ):
                self._split(parcel, self._making.halves(parcel), now)

    def _ready_again(self, standing: Standing) -> None:
        self._update(standing._replace(state=standings.READY, failures=0, not_before=0))

    def _may_go(self, parcel: Parcel) -> None:
        if self._only in {None, parcel.kind}:
            heappush(self._ready.setdefault(parcel.entity, []), (parcel.order, parcel.number))

    def _wait(self, standing: Standing, until: Instant) -> None:
        self._later(standing._replace(failures=standing.failures + 1), until)

    def _later(self, standing: Standing, until: Instant) -> None:
        """It is kept where something else of it is new: when the ERP is asked again may be forgotten."""
        before = self._standings[standing.key]
        after = standing._replace(not_before=until)
        if before._replace(not_before=until, failures=after.failures) == after:
            self._note(after)
        else:
            self._update(after)
        self._due.put(self._entity(standing), Entry(until, standing.key, standing.parcel))

    def _number(self) -> int:
        self._following += 1
        return self._following - 1

    def _hold(self, parcel: Parcel) -> None:
        for member in parcel.members:
            self._holder[member] = parcel.number
        for member, replaced in parcel.replaces:
            self._replaced_by[replaced] = member

    def _keep(self, parcel: Parcel) -> Parcel:
        before = self._parcels.get(parcel.number)
        if before is not None:
            self._parcels_in[before.state] -= 1
        self._parcels_in[parcel.state] += 1
        self._parcels[parcel.number] = self.changes.parcels[parcel.number] = parcel
        return parcel

    def _update(self, standing: Standing) -> Standing:
        self._take_out(standing.key)
        if standing.state == standings.SUBMITTED:
            self._of_ticket.setdefault(standing.ticket, {})[standing.key] = None
        self._standings_in[standing.state] += 1
        self._standings[standing.key] = self.changes.standings[standing.key] = standing
        return standing

    def _note(self, standing: Standing) -> Standing:
        """Of what nothing has changed but when it is asked for: after a start it is asked for at once."""
        self._standings[standing.key] = standing
        return standing

    def _gone(self, key: str) -> None:
        self._take_out(key)
        del self._standings[key]
        self.changes.standings[key] = None

    def _take_out(self, key: str) -> None:
        before = self._standings.get(key)
        if before is None:
            return
        self._standings_in[before.state] -= 1
        if before.state == standings.SUBMITTED:
            same = self._of_ticket[before.ticket]
            del same[key]
            if not same:
                del self._of_ticket[before.ticket]

    def _forget(self, parcel: Parcel) -> None:
        for key in parcel.keys:
            self._gone(key)
        self._parcels_in[self._parcels.pop(parcel.number).state] -= 1
        self.changes.parcels[parcel.number] = None

    def _drop(self, parcel: Parcel) -> None:
        """What waits for it goes on waiting: a reversal of what is not in the ledger must not be there either."""
        self.changes.ended.append(Ended(standings.WITHDRAWN, max(1, len(parcel.keys)), parcel.members))
        self._forget(parcel)
        for member in parcel.members:
            del self._holder[member]
            self._close(member, parcel.replaces)

    def _close(self, journal_id: str, replaces: Iterable[tuple[str, str]]) -> None:
        """It will not be in the ledger, nor will those that it replaces; a replacement may be, or is there already."""
        if self._closed.get(journal_id) == _SUCCEEDED:
            self._open(journal_id)
            return
        for name in (journal_id, *(replaced for member, replaced in replaces if member == journal_id)):
            self._mark_closed(name, journal_id)

    def _succeeding(self, replaces: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """With what the replaced journals had replaced in their turn."""
        found = list(replaces)
        for member, replaced in replaces:
            names = sorted(self._closed_by.get(replaced, ()))
            found += [(member, name) for name in names if name != replaced]
            for name in names:
                self._open(name)
            for name in {replaced, *names} & self._holder.keys():
                # Where a store is lost, what is replaced may be found out later than what replaces it.
                self._mark_closed(name, _SUCCEEDED)
        return tuple(found)

    def _mark_closed(self, name: str, by: str) -> None:
        self._unmark_closed(name)
        self._closed[name] = self.changes.closed[name] = by
        self._closed_by.setdefault(by, set()).add(name)

    def _unmark_closed(self, name: str) -> None:
        by = self._closed.pop(name, None)
        if by is not None:
            names = self._closed_by[by]
            names.discard(name)
            if not names:
                del self._closed_by[by]

    def _open(self, name: str) -> None:
        self._unmark_closed(name)
        self.changes.closed[name] = None
        self._release(name, 0)

    def _is_closed(self, journal_id: str) -> bool:
        return self._closed.get(journal_id, _SUCCEEDED) != _SUCCEEDED

    def _end(self, parcel: Parcel, standing: str, now: Instant) -> None:
        self.changes.ended.append(Ended(standing, max(1, len(parcel.keys)), parcel.members))
        self._forget(parcel)
        for member in parcel.members:
            del self._holder[member]
        for _, replaced in parcel.replaces:
            if self._replaced_by.get(replaced) in parcel.members:
                del self._replaced_by[replaced]
        for member in parcel.members:
            self._release(member, now)


def body_hash(document: Document) -> str:
    """Of all that is sent; the same document gives the same on any run."""
    return blake2b(repr(document).encode(), digest_size=16).hexdigest()


def _poll_at(now: Instant, times: int) -> Instant:
    return _on_the_stroke(now + _poll_wait(times), seconds(FIRST_POLL_SECONDS))


def _together(at: Instant) -> Instant:
    return _on_the_stroke(at, seconds(LOOKED_UP_TOGETHER_SECONDS))


def _on_the_stroke(at: Instant, stroke: Instant) -> Instant:
    """Not before `at`, so that documents which the ERP took one after another are asked for in one call."""
    return -(-at // stroke) * stroke


def _poll_wait(times: int) -> Instant:
    return seconds(min(FIRST_POLL_SECONDS * 2 ** min(times, 20), LONGEST_POLL_SECONDS))


def _originals_first(given: Sequence[Given]) -> Iterator[Given]:
    """In the given order, but what is reversed or replaced before what does so."""
    holder = {member: at for at, one in enumerate(given) for member in one.members}
    begun: set[int] = set()

    def come(at: int) -> Iterator[Given]:
        begun.add(at)
        for _, other in (*given[at].replaces, *given[at].reverses):
            place = holder.get(other)
            if place is not None and place not in begun:
                yield from come(place)
        yield given[at]

    for at in range(len(given)):
        if at not in begun:
            yield from come(at)
