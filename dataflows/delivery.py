"""The delivery dataflow: what was posted and issued goes into an ERP, and the ERP's answers come back as events.

What comes of the books and what calls give is one stream of turns. A turn is decided by the queue, and carried out in one order:

1. what was decided is kept, with the intents of the calls that are to be made;
2. the books are asked whether this process still has the account;
3. the calls begin, on threads of their own;
4. answers that are kept are published, some at a time.

A process that dies at any point leaves what the queue can go on from (domain/delivery/queue.py).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple, Protocol

import bytewax.operators as op
import msgspec
from bytewax.dataflow import Dataflow

from connectors.delivery_store import Arrived, ParcelMember
from connectors.erp.adapter import NO_TRACE, Limits, TraceContext
from dataflows.delivery_watched import AccountStand, Watch
from dataflows.embedded import run_flow
from domain.billing.statement import ISSUED
from domain.delivery import groups as grouping
from domain.delivery.answers import Answer, answers_of
from domain.delivery.calls import SEND, Call, CallTerms, Given, Intent, Result
from domain.delivery.chart import EntityChart, Unmapped
from domain.delivery.documents import INVOICE, JOURNAL, Document, revision_of
from domain.delivery.groups import JournalGroup, OpenGroups, invoiced_by, withdrawn_by
from domain.delivery.invoices import date_of, invoice
from domain.delivery.journals import documents, halves_of
from domain.delivery.outcomes import Trouble
from domain.delivery.pace import seconds
from domain.delivery.queue import DeliveryQueue
from domain.delivery.standings import NEVER_SENT, PROBE, WAITING, Changes, Parcel, StoredStandings
from domain.outputs import BillingStatement, ControlTotals, JournalEntry, Position
from domain.units import MICROSECONDS_A_SECOND, Instant
from operators.accounting import Faults
from operators.polling import CalledSink, PolledSource

# Answers are published so many at once, or so long after the last time.
PUBLISHED_AT_ONCE: Final = 500
PUBLISH_SECONDS: Final = 1.0
# Above so many parcels at hand nothing more is read.
AT_HAND_MAX: Final = 50_000
LOOK_SECONDS: Final = 0.2
TALLY_SECONDS: Final = 2
# Calls that wait for a thread: one for so many that are at work, so that none stands still while a round is kept.
AHEAD: Final = 2
# A call that has not begun after a quarter of what it may last is not made: who takes over must know when none can have an effect any more.
START_SHARE: Final = 4
UNWATCHED: Final = Watch()


class Came(NamedTuple):
    """One output. `partition` names where it was read, such as `erp.postings/3`, and `following` what follows it there."""

    partition: str
    following: str
    position: Position
    record: JournalEntry | ControlTotals | BillingStatement
    trace: TraceContext = NO_TRACE


class OutputSource(Protocol):
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
        """What was published so far, of all ERP accounts. Asked for once, where the store was lost."""

    def claim(self, intents: Sequence[Intent]) -> None:
        """Before any call of a round; a look-up or poll has no intent, and may change a draft in the ERP.

        Raises GuardStop where another process has taken over.
        """

    def publish(self, answers: Sequence[Answer]) -> None:
        """Returns when they are kept; the same again where a process died before it noted that they are."""

    def close(self) -> None: ...


class DeliveryKeeping(Protocol):
    """What delivery keeps of one ERP account. Each call is durable as a whole when it returns, or has done nothing."""

    @property
    def is_new(self) -> bool:
        """Nothing is in it: it is the first of the account, or another was lost."""

    @property
    def had_another(self) -> bool:
        """Whether there was a store of the account before a new one."""

    @property
    def probe_from(self) -> Instant | None:
        """Of a new store, until all has come that may have been sent: from when on the ERP can be asked for it."""

    @property
    def places(self) -> Mapping[str, str]:
        """How far the books are read."""

    def begin(self, probe_from: Instant) -> None:
        """A new one is from now on."""

    def kept(self) -> StoredStandings: ...

    def group_rows(self) -> Iterable[tuple[str, grouping.Row]]: ...

    def member(self, member_id: str) -> ParcelMember:
        """Of a parcel that has not ended."""

    def reference(self, key: str) -> str | None:
        """What the ERP calls a document that is in its ledger; None where it is not known to be."""

    def expect(self, members: Sequence[ParcelMember]) -> None:
        """They are asked for from now on, and are kept with what is kept next."""

    def keep(self, changes: Changes, arrived: Arrived | None) -> None: ...

    def unpublished(self) -> Sequence[Answer]:
        """In their order."""

    def published(self, answers: Sequence[Answer]) -> None: ...


class CallRunner(Protocol):
    """Makes calls, several at once."""

    def submit(self, call: Call, trace: TraceContext) -> None: ...

    def ended(self, wait_seconds: float) -> Sequence[tuple[Call, Result]]:
        """Calls that have ended; waits so long at most for the first."""


class ChartMaking:
    """Documents of journals and statements, with the charts as they are."""

    def __init__(self, charts: Mapping[str, EntityChart], store: DeliveryKeeping, lines: int) -> None:
        self._charts = charts
        self._store = store
        self._lines = lines
        self._digests = {entity: digest_of(chart) for entity, chart in charts.items()}

    def documents(self, parcel: Parcel) -> tuple[Document, ...] | tuple[Unmapped, ...]:
        chart = self._charts[parcel.entity]
        members = [self._store.member(each) for each in parcel.members]
        if parcel.kind == INVOICE:
            statement = members[0].record
            assert isinstance(statement, BillingStatement), "an invoice is a statement's"
            match invoice(statement, chart, members[0].correlation_id):
                case Unmapped() as lacking:
                    return (lacking,)
                case made:
                    return (made,)
        return documents(_group(members, chart), chart, self._lines)

    def reference(self, key: str) -> str | None:
        return self._store.reference(key)

    def halves(self, parcel: Parcel) -> Sequence[tuple[str, ...]]:
        return halves_of(parcel.members)

    def chart(self, entity: str) -> str:
        return self._digests.get(entity, "")


class DeliveryTurn(NamedTuple):
    """What came of the books and which calls have ended, at one moment. `is_all`: the books have no more for now."""

    at: Instant
    came: Sequence[Came]
    ended: Sequence[tuple[Call, Result]]
    is_all: bool


class DeliveryRound(NamedTuple):
    """What is to be kept and then done."""

    changes: Changes
    arrived: Arrived | None
    calls: Sequence[Call]


class DeliveryAccount:
    """One ERP account: what the steps of the dataflow share. One round at a time is under way."""

    def __init__(
        self,
        books: OutputSource,
        store: DeliveryKeeping,
        groups: OpenGroups,
        queue: DeliveryQueue,
        charts: Mapping[str, EntityChart],
        pool: CallRunner,
        room: int,
        now: Callable[[], Instant],
        watch: Watch,
    ) -> None:
        self.queue = queue
        self._books = books
        self._store = store
        self._groups = groups
        self._charts = charts
        self._pool = pool
        self._room = room
        self._now = now
        self._answers = list(store.unpublished())
        self._publish_at = now()
        self._probe_from = store.probe_from
        self._watch = watch
        self._stand = AccountStand({})
        self._tally_at: Instant = 0
        # By company, of what was read: issued statements whose period ended before its ERP issues invoices.
        self.left_out: Counter[str] = Counter()

    @property
    def is_idle(self) -> bool:
        """Whether all that can be done now is done and published."""
        is_read = self._books.is_at_end and self._probe_from is None
        now = self._now()
        due = self.queue.next_at(now)
        return is_read and self.queue.is_done_for_now and not self._answers and (due is None or due > now)

    def end(self) -> None:
        """Calls under way are waited for, and what is known is kept and published. Raises GuardStop."""
        while self.queue.in_flight:
            self.carry_out(self.decide(self.turn(LOOK_SECONDS), is_ending=True))
        self.publish()

    # The steps

    def turn(self, wait_seconds: float = 0.0) -> DeliveryTurn:
        """The next one; waits so long at most for a call to end, where nothing can be done before."""
        came = self._books.read() if self.queue.at_hand < AT_HAND_MAX else ()
        is_all = not came and self._books.is_at_end
        ended = self._pool.ended(0.0 if came else self._patience(wait_seconds))
        return DeliveryTurn(self._now(), came, ended, is_all)

    def decide(self, turn: DeliveryTurn, *, is_ending: bool = False) -> DeliveryRound:
        """What the queue makes of it. Where delivery ends no call begins."""
        for call, result in turn.ended:
            self.queue.took(call, result, turn.at)
            if call.kind == SEND and isinstance(result, list):
                self._watch.called(result, (turn.at - call.at) / MICROSECONDS_A_SECOND)
            for trouble in _troubles(result) or [None]:
                self._watch.troubled(trouble)
        arrived = self._arrived(turn)
        calls = [] if is_ending else self.queue.calls(turn.at, self._room - self.queue.in_flight)
        return DeliveryRound(self.queue.changed(), arrived, calls)

    def carry_out(self, todo: DeliveryRound) -> None:
        """In the order in which a crash leaves nothing sent that is not known to be. Raises GuardStop."""
        posted = [self._store.member(each) for settled in todo.changes.settled for each in settled.members]
        if todo.changes or todo.arrived is not None:
            self._store.keep(todo.changes, todo.arrived)
        if posted:
            self._watch.acknowledged([each.recorded_at for each in posted])
        self._answers += todo.changes.answers
        self._begin(todo.calls)
        if self._answers and (len(self._answers) >= PUBLISHED_AT_ONCE or self._now() >= self._publish_at):
            self.publish()
        self._say_how_it_stands()

    def publish(self) -> None:
        """All answers that are kept; a process that dies before that is noted publishes the same again."""
        answers, self._answers = self._answers, []
        if answers:
            self._books.publish(answers)
            self._store.published(answers)
        self._publish_at = self._now() + seconds(PUBLISH_SECONDS)

    def _say_how_it_stands(self) -> None:
        """Counting is worth a moment, and is done now and then."""
        now = self._now()
        if now >= self._tally_at:
            self._tally_at = now + seconds(TALLY_SECONDS)
            documents, oldest = self.queue.tally()
            self._stand = AccountStand({**documents, WAITING: self._groups.waiting}, oldest)
        pace = self.queue.pace
        left = pace.left(now)
        share = 0.0 if now < pace.paused_until else 1.0 if left is None else left / pace.per_minute
        stand = self._stand._replace(quota_left=share, is_paused=pace.is_broken)
        self._watch.stands(stand, self._books.is_at_end)

    def _begin(self, calls: Sequence[Call]) -> None:
        if calls:
            self._books.claim([each for call in calls for each in call.intents])
        for call in calls:
            self._pool.submit(call, self._trace(call))

    def _trace(self, call: Call) -> TraceContext:
        if call.kind != SEND:
            return NO_TRACE
        return self._store.member(self.queue.members(call.documents[0].key)[0]).trace

    def _patience(self, wait_seconds: float) -> float:
        now = self._now()
        due = self.queue.next_at(now)
        if due is None or self.queue.in_flight >= self._room:
            return wait_seconds
        return min(wait_seconds, max(due - now, 0) / MICROSECONDS_A_SECOND)

    # What comes

    def _arrived(self, turn: DeliveryTurn) -> Arrived | None:
        """What is read once more after a crash is what its groups were not kept of."""
        is_all = turn.is_all and self._probe_from is not None
        if not turn.came and not is_all:
            return None
        given: list[Given] = []
        members: list[ParcelMember] = []
        read: list[JournalEntry | BillingStatement] = []
        self._watch.came([came.record for came in turn.came])
        for came in turn.came:
            self._add(came, given, members, read)
        self._store.expect(members)
        self.queue.add(given, turn.at, probe_from=self._probe_from)
        for came in turn.came:
            if (withdrawn := withdrawn_by(came.record)) is not None:
                self.queue.withdraw(withdrawn)
            if (invoiced := invoiced_by(came.record)) is not None:
                self.queue.invoiced(invoiced)
        if is_all:
            self._probe_from = None
            self.queue.all_read(turn.at)
        return Arrived({each.partition: each.following for each in turn.came}, self._groups.changes(), is_all, read)

    def _add(
        self, came: Came, given: list[Given], members: list[ParcelMember], read: list[JournalEntry | BillingStatement]
    ) -> None:
        position, record = came.position, came.record
        if isinstance(record, BillingStatement):
            statement = self._whole(position, record)
            if statement is not None:
                read.append(statement)
                *earlier, name = [revision_of(statement.statement_id, each + 1) for each in range(statement.revision)]
                given.append(Given(INVOICE, statement.legal_entity_id, (name,), supersedes=tuple(earlier)))
                about = (position.correlation_id, position.recorded_at, came.trace)
                members.append(ParcelMember(name, statement, *about))
            return
        if isinstance(record, JournalEntry) and record.legal_entity_id in self._charts:
            read.append(record)
        for group in self._groups.add(position, record):
            given.append(_given(group))
            for journal, correlation_id in zip(group.members, group.correlation_ids, strict=True):
                trace = came.trace if journal is record else TraceContext(correlation_id=correlation_id or "")
                members.append(ParcelMember(journal.journal_id, journal, correlation_id, group.recorded_at, trace))

    def _whole(self, position: Position, part: BillingStatement) -> BillingStatement | None:
        chart = self._charts.get(part.legal_entity_id)
        if chart is None or not chart.issues_invoices:
            return None
        if not chart.issues_invoices_of(date_of(part)):
            self.left_out[part.legal_entity_id] += part.status == ISSUED and part.part == 1
            return None
        return self._groups.add_part(position, part)


def _troubles(result: Result) -> list[Trouble | None]:
    """Empty where all was answered."""
    match result:
        case list():
            return [each for each in result if isinstance(each, Trouble)]
        case Mapping():
            return [each for each in result.values() if isinstance(each, Trouble)]
        case _:
            return [result] if isinstance(result, Trouble) else []


def opened(
    erp: str,
    books: OutputSource,
    store: DeliveryKeeping,
    charts: Mapping[str, EntityChart],
    limits: Limits,
    pool: CallRunner,
    now: Callable[[], Instant],
    watch: Watch = UNWATCHED,
    only: str | None = None,
) -> DeliveryAccount:
    """Goes on where the store is. With a new one, what may have been sent before is looked up, and what was published is known first.

    `only` is a kind, journal or invoice: what was never sent of it is sent, and nothing else is done.
    """
    terms = terms_of(limits)
    kept = store.kept()
    is_probing = store.probe_from is not None or any(each.state == PROBE for each in kept.parcels)
    known = list(answers_of(erp, books.answered())) if store.is_new or is_probing else []
    if store.is_new:
        # So long a call of a process before this one may still have an effect.
        may_be_late = store.had_another or bool(known)
        store.begin(now() + seconds(terms.call_seconds) if may_be_late else NEVER_SENT)
    making = ChartMaking(charts, store, limits.lines)
    groups = OpenGroups(books.shards, charts, store.group_rows())
    queue = DeliveryQueue(erp, making, terms, kept, known, only, groups.has, store.probe_from is not None)
    books.begin(store.places)
    return DeliveryAccount(books, store, groups, queue, charts, pool, room_of(limits), now, watch)


def digest_of(chart: EntityChart) -> str:
    return blake2b(msgspec.json.encode(chart, order="sorted"), digest_size=8).hexdigest()


def terms_of(limits: Limits) -> CallTerms:
    call_seconds = limits.call_seconds + start_seconds(limits)
    return CallTerms(limits.documents, limits.concurrent, limits.per_minute, call_seconds, limits.looked_up)


def start_seconds(limits: Limits) -> float:
    return limits.call_seconds / START_SHARE


def room_of(limits: Limits) -> int:
    """Calls at a time: those that are at work and a few that wait for a thread."""
    return limits.concurrent + max(1, limits.concurrent // AHEAD)


def _given(group: JournalGroup) -> Given:
    reverses = tuple((each.journal_id, each.reverses) for each in group.members if each.reverses)
    replaces = tuple((each.journal_id, each.replaces) for each in group.members if each.replaces)
    return Given(JOURNAL, group.legal_entity_id, group.ids, reverses, replaces, withdrawn=group.withdrawn)


def _group(members: Sequence[ParcelMember], chart: EntityChart) -> JournalGroup:
    """Again, of the members of a parcel."""
    journals = tuple(each.record for each in members if isinstance(each.record, JournalEntry))
    day = max(each.accounting_date for each in journals)
    return JournalGroup(
        chart.grain_on(day),
        journals[0].legal_entity_id,
        day,
        journals,
        tuple(each.correlation_id for each in members),
        min(each.recorded_at for each in members),
    )


# The dataflow


class DeliverySteps:
    """Turns until delivery is over, or a step has raised: nothing of its turn is carried out then, and none follows."""

    def __init__(self, delivery: DeliveryAccount, is_over: Callable[[], bool], faults: Faults) -> None:
        self._delivery = delivery
        self._is_over = is_over
        self._faults = faults

    def is_over(self) -> bool:
        return self._faults.fault is not None or self._is_over()

    def turn(self) -> list[DeliveryTurn]:
        with self._faults:
            return [self._delivery.turn(LOOK_SECONDS)]
        return []

    def decide(self, turns: list[DeliveryTurn]) -> list[DeliveryRound]:
        with self._faults:
            return [self._delivery.decide(turn) for turn in turns]
        return []

    def carry_out(self, todo: DeliveryRound) -> None:
        if self._faults.fault is None:
            with self._faults:
                self._delivery.carry_out(todo)


def build(
    turns: PolledSource, decide: Callable[[list[DeliveryTurn]], list[DeliveryRound]], rounds: CalledSink
) -> Dataflow:
    """Deliver what the books give to one ERP account, and publish what it answers."""
    flow = Dataflow("delivery")
    found = op.input("turns", flow, turns)
    decided = op.flat_map_batch("queue", found, decide)
    op.output("rounds", decided, rounds)
    return flow


def run_dataflow(delivery: DeliveryAccount, is_over: Callable[[], bool]) -> None:
    """Raises what a step raised."""
    faults = Faults(keep=True)
    steps = DeliverySteps(delivery, is_over, faults)
    run_flow(build(PolledSource(steps.turn, steps.is_over), steps.decide, CalledSink(steps.carry_out)), faults)
