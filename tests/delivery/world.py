"""Delivery as it is, between books and an ERP that are models, where everything that may go wrong does so by chance.

A seed is a history: journals come, statements are issued and issued again, days end, periods close and open again, the ERP refuses,
throttles, loses answers, commits late and is down; the process dies at any point, its store is lost, and another one starts beside it.
What the books hear is checked as it is published; in the end, when nothing goes wrong any more, the ERP's ledger must be ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import Any, Final, NamedTuple

from connectors.delivery_store import Arrived, ParcelMember
from connectors.erp.adapter import Limits, TraceContext
from dataflows import delivery
from dataflows.delivery import Came, start_seconds
from domain.billing.statement import ISSUED, SUPERSEDED
from domain.delivery.answers import Answer
from domain.delivery.calls import LOOK_UP, POLL, SEND, Call, Intent, Result
from domain.delivery.chart import ENTITY_DAY, ENTRY, PERIOD, PROJECT_DAY, AccountRule, EntityChart, SegmentRule
from domain.delivery.documents import Document, JournalDocument, revision_of
from domain.delivery.groups import Row, WaitingJournal
from domain.delivery.outcomes import (
    LATE,
    UNREACHABLE,
    NotSent,
    Outcome,
    RejectedData,
    RejectedPeriod,
    Said,
    Submitted,
    Taken,
    Throttled,
    Uncertain,
)
from domain.delivery.pace import MINUTE, seconds
from domain.delivery.queue import INVOICED_BEFORE, REFUSED_AGAIN_SECONDS
from domain.delivery.standings import Changes, Parcel, Standing, StoredStandings
from domain.events.finance import InvoicePosted, InvoiceRejected, PostingAccepted, PostingRejected
from domain.outputs import BillingStatement, ControlTotals, JournalEntry, JournalLine, Position, StatementLine
from domain.units import AMOUNT_ONE, EXCHANGE_RATE_ONE, QUANTITY_ONE, RATE_ONE, Amount, Instant
from state.guards import FENCED, GuardStop

ERP: Final = "model"
ENTITIES: Final = ("DE", "US")
SHARDS: Final = 2
FIRST_DAY: Final = date(2026, 6, 1)
CALL_SECONDS: Final = 20.0
LINES: Final = 6
PERIOD_DAYS: Final = 5
# Where a company goes by period it does so until then, and by day after.
BY_DAY_FROM: Final = date(2026, 6, 8)
UNMAPPED: Final = "9999"
STEPS: Final = 140
LONGEST_BAD_SECONDS: Final = 200_000
STEPS_TO_HEAL: Final = 3_000
REFUSED_CODE: Final = "INVALID_DIMENSION"
CLOSED_CODE: Final = "PERIOD_CLOSED"
# Of some documents that a look-up asks for.
TROUBLES: Final = (
    Throttled(7.0),
    NotSent(UNREACHABLE, "no connection"),
    Uncertain("no answer"),
    Uncertain("a draft", Throttled(7.0)),
)


class Crash(Exception):
    """The process dies here."""


class Broken(AssertionError):
    """A promise is not kept."""


class Chances(NamedTuple):
    """Of each call, or of each point of a process; other ones for each seed."""

    crash: float
    lost_store: float
    second: float
    answer_lost: float
    commits_late: float
    fails_before: float
    throttled: float
    down: float
    bad: float
    unmapped: float
    closes: float

    @staticmethod
    def drawn(random: Random) -> Chances:
        def one(*values: float) -> float:
            return random.choice(values)

        return Chances(
            crash=one(0, 0.005, 0.02, 0.05),
            lost_store=one(0, 0, 0.3, 0.7),
            second=one(0, 0, 0.02),
            answer_lost=one(0, 0.1, 0.3),
            commits_late=one(0, 0.3, 0.8),
            fails_before=one(0, 0.05, 0.2),
            throttled=one(0, 0.1, 0.3),
            down=one(0, 0.02, 0.1),
            bad=one(0, 0.1, 0.3),
            unmapped=one(0, 0, 0.15),
            closes=one(0, 0, 0.03, 0.08),
        )


NOTHING_GOES_WRONG: Final = Chances(*(0.0 for _ in Chances._fields))


class Entry(NamedTuple):
    """A document in the ERP's ledger; posted from `posted_at` on."""

    document: Document
    at: Instant
    posted_at: Instant


class ModelErp:
    """Takes whatever it is given, also twice, if nobody asks it before."""

    def __init__(self, world: World) -> None:
        self._world = world
        random = world.random
        self.posts_later = random.random() < 0.25
        self.is_batch = random.random() < 0.25
        self.ledger: list[Entry] = []
        self.closed: dict[str, date] = {}
        self.bad: dict[str, Instant] = {}
        self.tickets: dict[str, dict[str, Outcome | None]] = {}

    def commit(self, document: Document) -> Outcome:
        now = self._world.now
        if any(self.bad.get(each, 0) > now for each in names_of(document)):
            return RejectedData(REFUSED_CODE, "department 12 is inactive", "line.items[0].department")
        if day_of(document) <= self.closed.get(document.legal_entity_id, date.min):
            return RejectedPeriod(CLOSED_CODE, "the period is closed")
        later = seconds(self._world.random.uniform(1, 2_000)) if self.posts_later else 0
        self.ledger.append(Entry(document, now, now + later))
        return self.taken(self.ledger[-1])

    def taken(self, entry: Entry) -> Taken:
        reference = f"JE-{self.ledger.index(entry)}"
        return Taken(reference, day_of(entry.document), is_posted=entry.posted_at <= self._world.now)

    def find(self, key: str) -> Taken | None:
        found = next((each for each in self.ledger if each.document.key == key), None)
        return None if found is None else self.taken(found)._replace(is_duplicate=True)

    def holds(self, name: str, amount: Amount = 0) -> bool:
        """A journal, or the invoice of a statement over so much."""
        now = self._world.now
        there = [each.document for each in self.ledger if name in names_of(each.document) and each.posted_at <= now]
        return any(isinstance(each, JournalDocument) or each.amount == amount for each in there)


class ModelPool:
    """The calls of one process; what they do to the ERP outlives it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._owner = world.owner
        self._at_work = 0
        self._queued: list[Call] = []
        self._ended: list[tuple[Call, Result]] = []
        self._quiet_until: Instant = 0
        self.is_dead = False

    def submit(self, call: Call, trace: TraceContext) -> None:
        del trace
        self._world.crash_perhaps()
        if self._world.owner != self._owner:
            raise Broken(f"who has the account no more begins to {call.kind}")
        if call.at < self._quiet_until:
            raise Broken("a call begins while the ERP wants to be left alone")
        self._world.check_quota(call)
        self._world.check_taken_back(call)
        self._queued.append(call)
        self._start()

    def ended(self, wait_seconds: float) -> Sequence[tuple[Call, Result]]:
        del wait_seconds
        found, self._ended = self._ended, []
        for _, result in found:
            several = (
                result.values() if isinstance(result, Mapping) else result if isinstance(result, list) else [result]
            )
            for outcome in several:
                throttled = outcome.throttled if isinstance(outcome, Uncertain) else outcome
                if isinstance(throttled, Throttled):
                    wait = throttled.after_seconds or 0.0
                    self._quiet_until = max(self._quiet_until, self._world.now + seconds(wait))
        return found

    def _start(self) -> None:
        while self._queued and self._at_work < self._world.limits.concurrent and not self.is_dead:
            call = self._queued.pop(0)
            self._at_work += 1
            if call.kind == SEND and self._world.now > call.at + seconds(start_seconds(self._world.limits)):
                self._after(0.0, partial(self._end, call, [NotSent(LATE, "no thread") for _ in call.documents]))
            else:
                self._make(call)

    def _after(self, wait: float, act: Callable[[], None]) -> None:
        self._world.later(seconds(wait), act)

    def _end(self, call: Call, result: Result) -> None:
        self._at_work -= 1
        if not self.is_dead:
            self._ended.append((call, result))
            self._start()

    def _make(self, call: Call) -> None:
        world, random = self._world, self._world.random
        chances = world.chances
        answers_in = random.uniform(0.05, CALL_SECONDS * 0.9)
        if random.random() < chances.throttled:
            wait = random.choice((None, 0.5, 7.0))
            self._after(answers_in, lambda: self._throttled(call, wait))
        elif random.random() < chances.down:
            self._after(0.1, lambda: self._failed(call, NotSent(UNREACHABLE, "no connection")))
        elif random.random() < chances.fails_before:
            self._after(answers_in, lambda: self._failed(call, Uncertain("connection was closed")))
        elif call.kind == SEND:
            self._send(call, answers_in)
        elif call.kind == LOOK_UP:
            self._look_up(call, answers_in)
        else:
            self._poll(call, answers_in)

    def _throttled(self, call: Call, wait: float | None) -> None:
        self._failed(call, Throttled(wait))

    def _failed(self, call: Call, outcome: Outcome) -> None:
        self._end(call, [outcome for _ in call.documents] if call.kind == SEND else _none_of(call, outcome))

    def _send(self, call: Call, answers_in: float) -> None:
        world, random = self._world, self._world.random
        is_lost = random.random() < world.chances.answer_lost
        is_late = is_lost and random.random() < world.chances.commits_late
        done_in = random.uniform(answers_in, CALL_SECONDS) if is_late else random.uniform(0.0, answers_in)
        outcomes: list[Outcome] = []

        def done() -> None:
            outcomes.extend(self._take(call))

        def answered() -> None:
            self._end(call, [Uncertain("no answer") for _ in call.documents] if is_lost else outcomes)

        self._after(done_in, done)
        self._after(answers_in, answered)

    def _take(self, call: Call) -> Iterable[Outcome]:
        world, erp = self._world, self._world.erp
        if not erp.is_batch:
            return [erp.commit(each) for each in call.documents]
        ticket = f"T-{len(erp.tickets)}"
        erp.tickets[ticket] = {each.key: None for each in call.documents}
        # All of the call's effect is there before `call_seconds` are over, as the adapter promises.
        left = max(call.at + seconds(CALL_SECONDS) - world.now, 0) / 1_000_000
        for document in call.documents:
            self._import(ticket, document, world.random.uniform(0.0, left))
        return [Submitted(ticket) for _ in call.documents]

    def _import(self, ticket: str, document: Document, wait: float) -> None:
        erp = self._world.erp

        def run() -> None:
            erp.tickets[ticket][document.key] = erp.commit(document)

        self._after(wait, run)

    def _look_up(self, call: Call, answers_in: float) -> None:
        erp = self._world.erp
        found: dict[str, Said] = {}
        keys = [each.key for each in call.documents]

        def read() -> None:
            found.update({key: taken for key in keys if (taken := erp.find(key)) is not None})
            if self._world.random.random() < self._world.chances.throttled and found:
                self._world.seen["found in part"] += 1
                some = self._world.random.sample(keys, self._world.random.randint(1, len(keys)))
                found.update(dict.fromkeys(some, self._world.random.choice(TROUBLES)))

        self._after(self._world.random.uniform(0.0, answers_in), read)
        self._after(answers_in, lambda: self._end(call, found))

    def _poll(self, call: Call, answers_in: float) -> None:
        def answered() -> None:
            said = self._world.erp.tickets[call.ticket]
            outcomes = [said[each.key] for each in call.documents]
            is_done = all(each is not None for each in outcomes)
            self._end(call, [each for each in outcomes if each is not None] if is_done else None)

        self._after(answers_in, answered)


def _none_of(call: Call, outcome: Outcome) -> Result:
    if call.kind == POLL:
        return None
    return outcome


def names_of(document: Document) -> tuple[str, ...]:
    """Journals, or a statement of whatever revision."""
    return document.members if isinstance(document, JournalDocument) else (document.statement_id,)


def day_of(document: Document) -> date:
    return document.accounting_date if isinstance(document, JournalDocument) else document.invoice_date


class Disk:
    """What outlives a process."""

    def __init__(self) -> None:
        self.parcels: dict[int, Parcel] = {}
        self.standings: dict[str, Standing] = {}
        self.closed: dict[str, str] = {}
        self.members: dict[str, ParcelMember] = {}
        self.group_rows: dict[str, Row] = {}
        self.places: dict[str, str] = {}
        self.unpublished: list[Answer] = []
        self.probe_from: Instant | None = None
        self.is_new = True
        self.read: list[JournalEntry | BillingStatement] = []
        self.ended: list[str] = []
        self.settled: dict[str, str] = {}

    def check_lines(self) -> None:
        """Each record that was read has ended, or is in a parcel, or waits for its day, or is never delivered: in one of these alone."""
        found = Counter(self.ended)
        found.update(member for each in self.parcels.values() for member in each.members)
        found.update(row.journal.journal_id for row in self.group_rows.values() if isinstance(row, WaitingJournal))
        found.update(_name(each) for each in self.read if isinstance(each, JournalEntry) and not each.deliver)
        if found != Counter(_name(each) for each in self.read):
            raise Broken(f"of {len(self.read)} records that were read {found.total()} are somewhere")


def _name(record: JournalEntry | BillingStatement) -> str:
    if isinstance(record, JournalEntry):
        return record.journal_id
    return revision_of(record.statement_id, record.revision)


class ModelStore:
    def __init__(self, world: World, disk: Disk) -> None:
        self._world = world
        self._disk = disk
        self._fresh: dict[str, ParcelMember] = {}

    @property
    def is_new(self) -> bool:
        return self._disk.is_new

    @property
    def had_another(self) -> bool:
        return self._world.stores_lost > 0

    @property
    def probe_from(self) -> Instant | None:
        return self._disk.probe_from

    @property
    def places(self) -> Mapping[str, str]:
        return dict(self._disk.places)

    def begin(self, probe_from: Instant) -> None:
        self._disk.is_new = False
        self._disk.probe_from = probe_from

    def kept(self) -> StoredStandings:
        disk = self._disk
        return StoredStandings(tuple(disk.parcels.values()), tuple(disk.standings.values()), tuple(disk.closed.items()))

    def group_rows(self) -> Iterable[tuple[str, Row]]:
        return list(self._disk.group_rows.items())

    def member(self, member_id: str) -> ParcelMember:
        return self._fresh.get(member_id) or self._disk.members[member_id]

    def expect(self, members: Sequence[ParcelMember]) -> None:
        self._fresh.update({each.member_id: each for each in members})

    def keep(self, changes: Changes, arrived: Arrived | None) -> None:
        self._world.crash_perhaps()
        disk = self._disk
        _rows(disk.parcels, changes.parcels)
        _rows(disk.standings, changes.standings)
        _rows(disk.closed, changes.closed)
        disk.unpublished += changes.answers
        disk.settled.update({each.key: each.reference for each in changes.settled})
        disk.ended += [member for each in changes.ended for member in each.members]
        disk.members.update(self._fresh)
        self._fresh.clear()
        if arrived is not None:
            disk.places.update(arrived.places)
            disk.group_rows.update(dict(arrived.groups.kept))
            for name in arrived.groups.gone:
                disk.group_rows.pop(name, None)
            if arrived.is_all:
                disk.probe_from = None
            disk.read += arrived.read
        self._world.crash_perhaps()

    def reference(self, key: str) -> str | None:
        return self._disk.settled.get(key)

    def unpublished(self) -> Sequence[Answer]:
        return list(self._disk.unpublished)

    def published(self, answers: Sequence[Answer]) -> None:
        self._world.crash_perhaps()
        done = {each.event_id for each in answers}
        self._disk.unpublished = [each for each in self._disk.unpublished if each.event_id not in done]


def _rows(kept: dict[Any, Any], changed: Mapping[Any, Any]) -> None:
    for name, row in changed.items():
        if row is None:
            kept.pop(name, None)
        else:
            kept[name] = row


class ModelBooks:
    """The log of the world, for the process that took the account last."""

    generation = "test"
    shards = SHARDS

    def __init__(self, world: World) -> None:
        self._world = world
        world.owner += 1
        self._mine = world.owner
        self._next = [0] * SHARDS
        self._ends = [0] * SHARDS

    def begin(self, places: Mapping[str, str]) -> None:
        self._next = [int(places.get(str(shard), 0)) for shard in range(SHARDS)]
        self._ends = [len(each) for each in self._world.log]

    def read(self) -> Sequence[Came]:
        shard = self._world.random.randrange(SHARDS)
        begin = self._next[shard]
        some = self._world.log[shard][begin : begin + self._world.random.randint(1, 12)]
        self._next[shard] += len(some)
        return some

    @property
    def is_at_end(self) -> bool:
        return all(at >= end for at, end in zip(self._next, self._ends, strict=True))

    def answered(self) -> Iterable[Answer]:
        return list(self._world.heard.values())

    def claim(self, intents: Sequence[Intent]) -> None:
        del intents
        self._world.crash_perhaps()
        self._check_owner()

    def publish(self, answers: Sequence[Answer]) -> None:
        self._world.crash_perhaps()
        self._check_owner()
        for answer in answers:
            self._world.hear(answer)
        self._world.crash_perhaps()

    def close(self) -> None: ...

    def _check_owner(self) -> None:
        if self._world.owner != self._mine:
            raise GuardStop(FENCED, "another delivery has the account")


class Process:
    def __init__(self, world: World, disk: Disk) -> None:
        self.disk = disk
        store, books = ModelStore(world, disk), ModelBooks(world)
        self.pool = ModelPool(world)
        self.delivery = delivery.opened(ERP, books, store, world.charts(), world.limits, self.pool, lambda: world.now)

    def step(self) -> None:
        here = self.delivery
        here.carry_out(here.decide(here.turn()))


class World:
    """One history."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.chances = Chances.drawn(random)
        self.now: Instant = seconds(1_780_000_000)
        self.limits = Limits(
            lines=LINES,
            documents=random.choice((1, 1, 3)),
            concurrent=random.choice((1, 2, 4)),
            per_minute=random.choice((0, 0, 30)),
            call_seconds=CALL_SECONDS,
        )
        self.grains = {entity: random.choice((ENTRY, ENTITY_DAY, PROJECT_DAY, PERIOD)) for entity in ENTITIES}
        self.chart_is_mended = False
        # Of what is reversed already the fold replaces nothing, or it replaces what is reversed: delivery bears both.
        self.takes_back_both = random.random() < 0.5
        self.is_mended_at_last = random.random() < 0.7
        self.erp = ModelErp(self)
        self.owner = 0
        self.stores_lost = 0
        self.log: list[list[Came]] = [[] for _ in range(SHARDS)]
        self.heard: dict[str, Answer] = {}
        self.seen: Counter[str] = Counter()
        self.journals: dict[str, tuple[int, JournalEntry]] = {}
        # The last revision of each.
        self.statements: dict[str, tuple[int, BillingStatement]] = {}
        self.invoiced_before: set[str] = set()
        self.never: dict[str, str] = {}
        self.posted_by: dict[str, str] = {}
        self.reversed: set[str] = set()
        # With the shard and the place of the memo that says so.
        self.taken_back: dict[str, tuple[int, int]] = {}
        self.counts: Counter[tuple[int, str]] = Counter()
        self.day = FIRST_DAY
        self.calls: list[Instant] = []
        self._agenda: list[tuple[Instant, int, Callable[[], None]]] = []
        self._acts = 0
        self.processes: list[Process] = []
        self.disk = Disk()

    # Time

    def later(self, wait: Instant, act: Callable[[], None]) -> None:
        self._acts += 1
        heappush(self._agenda, (self.now + wait, self._acts, act))

    def advance(self, until: Instant) -> None:
        while self._agenda and self._agenda[0][0] <= until:
            at, _, act = heappop(self._agenda)
            self.now = max(self.now, at)
            act()
        self.now = max(self.now, until)

    @property
    def next_act(self) -> Instant | None:
        return self._agenda[0][0] if self._agenda else None

    def crash_perhaps(self) -> None:
        if self.random.random() < self.chances.crash:
            self.seen["crash"] += 1
            raise Crash

    # What goes on in the firm

    def charts(self) -> Mapping[str, EntityChart]:
        rules = {"1150": (AccountRule("58"),), "4000": (AccountRule("4010"),)}
        if self.chart_is_mended:
            rules[UNMAPPED] = (AccountRule("99"),)
        segments = (SegmentRule("department", "project"),)
        return {
            entity: EntityChart(
                entity,
                ERP,
                grain,
                accounts=rules,
                segments=segments,
                invoices_from=FIRST_DAY,
                grains_from=((BY_DAY_FROM, ENTITY_DAY),) if grain == PERIOD else (),
            )
            for entity, grain in self.grains.items()
        }

    def happen(self) -> None:
        """Something of a firm's day."""
        draw = self.random.random()
        if draw < 0.45:
            self.post_new()
        elif draw < 0.6:
            self.reverse_one()
        elif draw < 0.75:
            self.end_day()
        elif draw < 0.85:
            self.issue()
        elif draw < 0.95:
            self.issue_again()
        if self.random.random() < self.chances.closes:
            self.close_or_open()

    def post_new(self) -> None:
        random = self.random
        entity, shard = random.choice(ENTITIES), random.randrange(SHARDS)
        number = len(self.journals)
        role = UNMAPPED if random.random() < self.chances.unmapped else "4000"
        lines: list[JournalLine] = []
        # One in twenty has more lines than the ERP takes.
        for at in range(random.choice((*[1] * 19, 5))):
            amount = random.randint(1, 900) * AMOUNT_ONE
            project = f"P-{random.randrange(3) if at == 0 else 10 + at}"
            lines += [
                JournalLine("1150", "unbilled", amount, amount, project),
                JournalLine(role, "revenue", -amount, -amount, project),
            ]
        journal_id = f"J-{random.randrange(1_000):03}-{number}"
        if random.random() < self.chances.bad:
            wait = random.choice((60, 5_000, LONGEST_BAD_SECONDS, 10**9))
            self.erp.bad[journal_id] = self.now + seconds(wait)
        self.post(shard, journal(journal_id, entity, self.day, tuple(lines)))

    def reverse_one(self) -> None:
        """Of what the books hold now: of a closed period the replacement; of what is known to be rejected in the books alone."""
        open_ones = [each for each in self.journals if each not in self.reversed | self.never.keys()]
        refused = {
            each
            for event in self.heard.values()
            if isinstance(event, PostingRejected) and event.because != "period"
            for each in event.journals
        }
        if self.random.random() < 0.3 and (rejected := sorted(refused & set(open_ones) - self.posted_by.keys())):
            self.take_back(self.random.choice(rejected))
            return
        able = sorted(set(open_ones) - refused)
        if not able:
            return
        original = self.random.choice(able)
        shard, first = self.journals[original]
        if first.reverses is not None:
            return
        self.reversed.add(original)
        lines = tuple(each._replace(amount=-each.amount, ledger_amount=-each.ledger_amount) for each in first.lines)
        reversal_id = f"J-{self.random.randrange(1_000):03}-{len(self.journals)}"
        day = max(first.accounting_date, self.erp.closed.get(first.legal_entity_id, date.min) + timedelta(days=1))
        self.post(shard, journal(reversal_id, first.legal_entity_id, day, lines)._replace(reverses=original))

    def issue(self) -> None:
        shard, number = self.random.randrange(SHARDS), len(self.statements)
        statement_id = f"S-{self.random.randrange(1_000):03}-{number}"
        if self.random.random() < self.chances.bad:
            self.erp.bad[statement_id] = self.now + seconds(self.random.choice((60, 5_000, 10**9)))
        self._issue(shard, statement(statement_id, self.random.choice(ENTITIES), self.day, self.amount()))

    def issue_again(self) -> None:
        """Until the invoice is in the books."""
        able = sorted(self.statements.keys() - self.posted_by.keys())
        if able:
            self.seen["issued again"] += 1
            shard, first = self.statements[self.random.choice(able)]
            self._append(shard, first._replace(status=SUPERSEDED))
            again = statement(first.statement_id, first.legal_entity_id, first.period, self.amount())
            self._issue(shard, again._replace(revision=first.revision + 1))

    def _issue(self, shard: int, issued: BillingStatement) -> None:
        self.statements[issued.statement_id] = (shard, issued)
        self._append(shard, issued)

    def amount(self) -> Amount:
        return self.random.randint(1, 900) * AMOUNT_ONE

    def take_back(self, journal_id: str) -> None:
        """It leaves the books, where the ERP has rejected its data."""
        if any(each.reverses == journal_id for _, each in self.journals.values()):
            return
        self.seen["taken back after it was rejected"] += 1
        shard, first = self.journals[journal_id]
        self.never[journal_id] = ""
        self.taken_back[journal_id] = (shard, len(self.log[shard]))
        self._append(shard, _memo(first))

    def _accepted_after_all(self, journal_id: str) -> None:
        """A call was under way when the books took it back; now the ERP has it, and its reversal goes there."""
        self.seen["accepted after all"] += 1
        del self.taken_back[journal_id]
        del self.never[journal_id]
        self.reversed.add(journal_id)
        shard, first = self.journals[journal_id]
        lines = tuple(each._replace(amount=-each.amount, ledger_amount=-each.ledger_amount) for each in first.lines)
        back = journal(f"{journal_id}-back", first.legal_entity_id, self.day, lines)
        self.post(shard, back._replace(reverses=journal_id))

    def post(self, shard: int, entry: JournalEntry) -> None:
        self.journals[entry.journal_id] = (shard, entry)
        self.counts[shard, entry.legal_entity_id] += 1
        self._append(shard, entry)

    def end_day(self) -> None:
        ended = period_of(self.day + timedelta(days=1 - PERIOD_DAYS))
        for shard in range(SHARDS):
            for entity in ENTITIES:
                count = self.counts[shard, entity]
                self._append(shard, ControlTotals(self.day, entity, "EUR", count, 0, 0, "", 0, 1, ended))
        self.day += timedelta(days=1)

    def close_or_open(self) -> None:
        entity = self.random.choice(ENTITIES)
        if entity in self.erp.closed and self.random.random() < 0.5:
            self.seen["period opened again"] += 1
            del self.erp.closed[entity]
        else:
            self.seen["period closed"] += 1
            self.erp.closed[entity] = self.day - timedelta(days=self.random.randint(0, 2))

    def _append(self, shard: int, record: JournalEntry | ControlTotals | BillingStatement) -> None:
        at = len(self.log[shard])
        position = Position("test", shard, at, 0, at, f"E-{at}", self.now, self.now, None, "1")
        self.log[shard].append(Came(str(shard), str(at + 1), position, record))

    # What the books hear

    def hear(self, answer: Answer) -> None:
        """As the fold takes it: once; a closed period is answered with a replacement on the first open day."""
        before = self.heard.get(answer.event_id)
        if before is not None:
            self.seen["published again"] += 1
            assert before._replace(occurred_at=0) == answer._replace(occurred_at=0) or _same(before, answer), (
                f"{answer.event_id} says something else: {before} and {answer}"
            )
            return
        self.heard[answer.event_id] = answer
        if isinstance(answer, InvoicePosted | InvoiceRejected):
            self._hear_of_invoice(answer)
        elif isinstance(answer, PostingAccepted):
            self.seen[f"said {answer.state}"] += 1
            self._hear_accepted(answer)
        elif isinstance(answer, PostingRejected):
            self.seen[f"said {answer.because}"] += 1
            if answer.because == "period":
                if again := [each for each in answer.journals if each in self.never]:
                    raise Broken(f"{again[0]} is refused for its period twice, under other ids")
                for each in sorted(answer.journals, key=lambda one: self.journals[one][1].reverses is not None):
                    if each not in self.never:
                        self._replace(each)

    def _hear_of_invoice(self, answer: InvoicePosted | InvoiceRejected) -> None:
        name = answer.statement_id or ""
        if isinstance(answer, InvoiceRejected):
            if answer.code == INVOICED_BEFORE:
                self.seen["invoiced before"] += 1
                self.invoiced_before.add(name)
            return
        if not self.erp.holds(name, answer.amount):
            raise Broken(f"{name} is said to be invoiced over {answer.amount}, and the ERP has not got that")
        if self.posted_by.setdefault(name, answer.event_id) != answer.event_id:
            raise Broken(f"{name} is said to be invoiced by {self.posted_by[name]} and by {answer.event_id}")

    def _hear_accepted(self, answer: PostingAccepted) -> None:
        for each in answer.journals:
            if each in self.taken_back and answer.state == "posted":
                self._accepted_after_all(each)
            if each in self.never and each not in self.taken_back:
                raise Broken(f"{each} was refused for its period, and now it is {answer.state}")
            if answer.state != "posted":
                continue
            if not self.erp.holds(each):
                raise Broken(f"{each} is said to be posted, and the ERP has not got it")
            if self.posted_by.setdefault(each, answer.event_id) != answer.event_id:
                raise Broken(f"{each} is said to be posted by {self.posted_by[each]} and by {answer.event_id}")

    def _replace(self, journal_id: str) -> None:
        shard, first = self.journals[journal_id]
        reversal = next((each for each, (_, other) in self.journals.items() if other.reverses == journal_id), None)
        if reversal is not None and self.takes_back_both:
            self.seen["taken back with its reversal"] += 1
            for each in (journal_id, reversal):
                self.never[each] = ""
                self._append(shard, _memo(self.journals[each][1]))
            return
        replacement = f"{journal_id}'"
        self.never[journal_id] = replacement
        if journal_id in self.reversed:
            self.reversed.add(replacement)
        open_day = self.erp.closed.get(first.legal_entity_id, first.accounting_date) + timedelta(days=1)
        self.seen["replaced again"] += first.replaces is not None
        again = first._replace(journal_id=replacement, accounting_date=open_day, period=period_of(open_day))
        self.post(shard, again._replace(replaces=journal_id))

    # What must be so of every call

    def check_quota(self, call: Call) -> None:
        if not self.limits.per_minute:
            return
        self.calls = [each for each in self.calls if each > call.at - MINUTE]
        self.calls.append(call.at)
        if len(self.calls) > self.limits.per_minute and self.seen["start"] == 1:
            raise Broken(f"{len(self.calls)} calls in a minute, {self.limits.per_minute} are allowed")

    def check_taken_back(self, call: Call) -> None:
        """What is known to be taken back is not sent alone, unless the ERP has part of it."""
        for document in call.documents if call.kind == SEND else ():
            name, *others = names_of(document)
            if others or name not in self.taken_back:
                continue
            shard, place = self.taken_back[name]
            is_known = int(self.disk.places.get(str(shard), 0)) > place
            if is_known and not any(name in names_of(each.document) for each in self.erp.ledger):
                raise Broken(f"{name} is sent, which the books have taken back")

    # Processes

    def start(self) -> None:
        self.seen["start"] += 1
        self.processes.append(Process(self, self.disk))

    def step(self, process: Process) -> None:
        try:
            process.step()
        except Crash:
            self.kill(process)
        except GuardStop as stop:
            if stop.code != FENCED:
                raise
            self.seen["fenced"] += 1
            self.kill(process)

    def kill(self, process: Process) -> None:
        self.disk.check_lines()
        process.pool.is_dead = True
        self.processes.remove(process)
        if not self.processes and self.random.random() < self.chances.lost_store:
            self.lose_store()

    def lose_store(self) -> None:
        self.seen["store lost"] += 1
        self.stores_lost += 1
        self.disk = Disk()

    def start_perhaps(self) -> None:
        if not self.processes:
            self._start()
        elif len(self.processes) == 1 and self.random.random() < self.chances.second:
            # On another machine, so without the store of the first.
            self.seen["second delivery"] += 1
            self.lose_store()
            self._start()

    def _start(self) -> None:
        try:
            self.start()
        except Crash:
            self.seen["crash at start"] += 1


def journal(journal_id: str, entity: str, day: date, lines: tuple[JournalLine, ...]) -> JournalEntry:
    return JournalEntry(
        journal_id,
        "revenue",
        entity,
        "EUR",
        "EUR",
        EXCHANGE_RATE_ONE,
        day,
        period_of(day),
        "R1",
        "time_entry",
        journal_id,
        1,
        "event",
        journal_id,
        1,
        deliver=True,
        lines=lines,
    )


def statement(statement_id: str, entity: str, day: date, amount: Amount) -> BillingStatement:
    line = StatementLine("L-1", "P-1", "Design", QUANTITY_ONE, "hour", RATE_ONE, amount, day, day)
    return BillingStatement(
        statement_id,
        1,
        "K-1",
        "C-1",
        "EUR",
        entity,
        day,
        day + timedelta(days=1),
        ISSUED,
        (line,),
        amount,
        0,
        0,
        0,
        amount,
        "",
        1,
        amount,
    )


def period_of(day: date) -> str:
    """In the order of text, also before the first day."""
    return f"P-{200 + (day - FIRST_DAY).days // PERIOD_DAYS}"


def _memo(first: JournalEntry) -> JournalEntry:
    """It takes back in our books what the ERP never accepted."""
    return first._replace(
        journal_id=f"{first.journal_id}-never", deliver=False, reverses=first.journal_id, replaces=None
    )


def _same(before: Answer, now: Answer) -> bool:
    """Beside the moment and, of what was found again later, the ERP's own words."""
    return type(before) is type(now) and getattr(before, "journals", ()) == getattr(now, "journals", ())


def play(seed: int) -> World:
    """One history to its end. Raises Broken."""
    world = World(seed)
    for _ in range(STEPS):
        world.happen()
        world.advance(world.now + seconds(world.random.choice((0.05, 0.5, 2.0, 10.0))))
        world.start_perhaps()
        for process in list(world.processes):
            if process in world.processes:
                world.step(process)
    heal(world)
    check(world)
    return world


def heal(world: World) -> None:
    """Nothing goes wrong any more: all must come to its end in so many steps."""
    world.chances = NOTHING_GOES_WRONG
    world.chart_is_mended = world.is_mended_at_last
    world.erp.closed.clear()
    while len(world.processes) > 1:
        world.kill(world.processes[0])
    for process in list(world.processes):
        world.kill(process)
    world.start()
    for _ in range(PERIOD_DAYS + 1):
        world.end_day()
    until = world.now + seconds(LONGEST_BAD_SECONDS + 2 * REFUSED_AGAIN_SECONDS)
    for _ in range(STEPS_TO_HEAL):
        if not world.processes:
            world.start()
        process = world.processes[0]
        world.step(process)
        here = process.delivery
        due = here.queue.next_at(world.now)
        ahead = [
            each for each in (world.next_act, due, world.now + seconds(30)) if each is not None and each > world.now
        ]
        is_over = here.is_idle and world.next_act is None
        if is_over and any(isinstance(each, WaitingJournal) for each in world.disk.group_rows.values()):
            # What was refused goes again a day later, and what came of it may wait for a day or period to end.
            world.end_day()
        elif is_over and world.now > until:
            return
        world.advance(min(ahead) if not is_over else world.now + seconds(20_000))
    raise Broken("what was to come to its end did not")


def check(world: World) -> None:
    """The ERP's ledger is ours, and everything that was read is somewhere."""
    world.disk.check_lines()
    ledger = world.erp.ledger
    keys = Counter(each.document.key for each in ledger)
    if twice := [key for key, count in keys.items() if count > 1]:
        raise Broken(f"{twice[0]} stands twice in the ERP")
    check_invoices(world)
    place: dict[str, int] = {}
    amounts: Counter[str] = Counter()
    for at, each in enumerate(ledger):
        if not isinstance(each.document, JournalDocument):
            continue
        for member in each.document.members:
            place.setdefault(member, at)
        for line in each.document.lines:
            amounts[line.role] += line.amount
    expected: Counter[str] = Counter()
    stuck = stuck_journals(world)
    for journal_id, (_, entry) in world.journals.items():
        should_be = journal_id not in world.never and journal_id not in stuck
        if should_be != (journal_id in place):
            found = "is" if journal_id in place else "is not"
            raise Broken(f"{journal_id} {found} in the ERP, {entry}")
        if should_be:
            for ours in entry.lines:
                expected[ours.account] += ours.amount
            if journal_id not in world.posted_by:
                raise Broken(f"{journal_id} is posted, and nobody said so")
            original = _in_the_end(world, entry.reverses)
            if original is not None and place[journal_id] < place.get(original, len(ledger)):
                raise Broken(f"{journal_id} reverses {original}, and stands before it")
    if +amounts != +expected or -amounts != -expected:
        raise Broken(f"the ERP's accounts say {amounts}, ours {expected}")


def check_invoices(world: World) -> None:
    """One of each statement, in its last revision, or it is said that an earlier one stands there."""
    found = [each.document for each in world.erp.ledger if not isinstance(each.document, JournalDocument)]
    if twice := [name for name, count in Counter(each.statement_id for each in found).items() if count > 1]:
        raise Broken(f"{twice[0]} is invoiced twice")
    there = {each.statement_id: each for each in found}
    for name, (_, last) in world.statements.items():
        is_stuck = world.erp.bad.get(name, 0) > world.now
        if is_stuck == (name in there):
            raise Broken(f"{name} {'is' if is_stuck else 'is not'} in the ERP, {last}")
        if not is_stuck and name not in world.posted_by:
            raise Broken(f"{name} is invoiced, and nobody said so")
        if not is_stuck and there[name].revision < last.revision and name not in world.invoiced_before:
            raise Broken(f"{name} is invoiced in revision {there[name].revision}, and nobody said that the last is not")


def _in_the_end(world: World, journal_id: str | None) -> str | None:
    while journal_id is not None and world.never.get(journal_id):
        journal_id = world.never[journal_id]
    return journal_id


def stuck_journals(world: World) -> set[str]:
    """What the ERP or the chart never takes, and what reverses it."""
    stuck = {
        journal_id
        for journal_id, (_, entry) in world.journals.items()
        if world.erp.bad.get(journal_id, 0) > world.now
        or (not world.chart_is_mended and any(line.account == UNMAPPED for line in entry.lines))
    }
    while True:
        more = {
            journal_id
            for journal_id, (_, entry) in world.journals.items()
            if _in_the_end(world, entry.reverses) in stuck and journal_id not in stuck
        }
        if not more:
            return stuck
        stuck |= more
