"""Domain topics in, engagement log out: exactly once, one transaction a batch.

A transaction holds a plan of what it takes, the log's records in all partitions, dead letters, what intake remembers and
how far it is. A process that ends anywhere leaves all of a batch or nothing of it, and the next start goes on after what
counts. Where brokers let readers see a part of one all the same, the next start takes what its plan says once more, first.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, TopicPartition

from connectors.closing import Closable
from connectors.kafka import domain_topics, intake_plan, intake_progress, intake_resume
from connectors.kafka.clients import Clients, Message
from connectors.kafka.directory import TRANSACTION, Changes, StoredDirectory
from connectors.kafka.domain_messages import MICROSECONDS, DomainMessage, dead_letter_record, read_message
from connectors.kafka.domain_topics import DomainTopics, FoundTopics
from connectors.kafka.intake_plan import UNREAD_MAX, IntakePlan
from connectors.kafka.intake_progress import IntakeProgress
from connectors.kafka.log_writer import Appended, LogWriter, Produced, genesis_records
from connectors.kafka.names import DEAD_LETTERS, Names
from connectors.kafka.partitions import Place
from connectors.kafka.registry import SchemaIds
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.transactions import Transactions
from connectors.unreadable import unreadable
from dataflows.embedded import run_flow
from dataflows.midnight import PATIENCE, Clocks, DaysDue, Midnight, check_apart, check_jump, wall_clock
from domain.events.delivery import TimeApproved, TimeWithdrawn
from domain.units import Instant
from operators.accounting import Faults
from operators.intake import CommittedSink, Desk, InputSource, IntakeTurn
from state import genesis
from state.genesis import Genesis
from state.guards import POISON, TOPIC_CHANGED, TORN_OUTPUTS, GuardStop
from state.intake.clock import Clock
from state.intake.intake import Intake
from state.rules import check_genesis

STORE: Final = "intake.db"
IDLE_SECONDS: Final = 0.05
# How often it is looked for topics and partitions that are new.
LOOK_AGAIN_SECONDS: Final = 60.0
SHOW_SECONDS: Final = 0.5
AWAITED_SECONDS: Final = 30.0


class IntakeSetup(NamedTuple):
    """`genesis` is for a new log; one that exists keeps its own.

    A batch ends with the event that brings it over `records_max` or `bytes_max` of input, or over `log_records_max` or
    `log_bytes_max` of log: reference data is written to each of up to 1,024 partitions. `accepted` are ids of domain
    topics that were made again, by name, which are then read from their beginning. `midnight_wait` is in microseconds.
    When live, a batch is read at most every `commit_seconds`. `days_at_once` is that of `Clocks`.
    """

    genesis: Genesis
    folder: Path
    ownership: Mapping[str, tuple[str, ...]] = {}
    accepted: Mapping[str, str] = {}
    records_max: int = 2_000
    bytes_max: int = 4 << 20
    log_records_max: int = 20_000
    log_bytes_max: int = 64 << 20
    midnight_wait: Instant = PATIENCE
    commit_seconds: float = 0.0
    days_at_once: int | None = None


class IntakeBatch(NamedTuple):
    """What to do next: days to end, inputs to take; all of them where they are `planned`."""

    inputs: Sequence[DomainMessage]
    due: DaysDue | None = None
    planned: bool = False


# Records of the log, as digests of their values by partition and number.
Early = Mapping[tuple[int, int], bytes]


class IntakeEffects(NamedTuple):
    """What one transaction holds. `early` is what readers see of those after it."""

    plan: IntakePlan
    log: Sequence[Appended]
    letters: Sequence[DomainMessage]
    changes: Changes
    progress: IntakeProgress
    early: Mapping[tuple[int, int], bytes] = {}


class KafkaIntake(Closable):
    """Opened where log, directory and progress agree; from then on nobody else may write them."""

    def __init__(
        self,
        clients: Clients,
        kafka: KafkaSettings,
        schemas: SchemaIds,
        setup: IntakeSetup,
        tell: Callable[[str], None],
        now: Callable[[], Instant] = wall_clock,
    ) -> None:
        """Long, because the order of its steps is how intake takes over."""
        self.setup = setup
        self.names = Names.of(kafka)
        self._clients = clients
        self._schemas = schemas
        self._tell = tell
        self._letter_frame = schemas.frame(DEAD_LETTERS, "DeadLetter")
        # Taking over comes first: from here on no process from before can write.
        self._transactions = Transactions(clients, self.names.intake_writer, kafka.request_timeout_seconds)
        ours = intake_resume.our_topics(clients, self.names, setup.genesis)
        patience = intake_resume.hanging_after(kafka.transaction_timeout_seconds)
        intake_resume.wait_for_transactions(clients, self.names, ours.partitions, patience, tell)
        found = intake_resume.read_standing(clients, self.names, ours)
        self._plans: Mapping[int, IntakePlan] = {}
        self._early: Early = {}
        if isinstance(found, set):
            self.progress = self._begin(ours.ids, found)
        else:
            self.progress, self._plans, self._early, withdrawn = found
            if withdrawn:
                self._write_again(withdrawn)
                intake_resume.wait_for_transactions(clients, self.names, ours.partitions, patience, tell)
            self._check_genesis()
        if self._plan is not None:
            tell(
                f"a part of transaction {self._plan.transaction} is visible, {len(self._early)} records of the log; it is made again"
            )
        with ExitStack() as opened:
            self._directory = self._open_directory(ours.ids[self.names.directory])
            opened.callback(self._directory.close)
            self._topics = self._open_topics(kafka.request_timeout_seconds)
            self._opened = opened.pop_all()
        self._log = LogWriter(self._directory, self.progress.following, self.progress.places)
        clock, latest = self._directory.clock(), self.progress.latest
        self._intake = Intake(self._directory, self._log, setup.ownership, clock, latest)
        clocks = Clocks(now, self._brokers_clock, tell, setup.days_at_once)
        self._midnight, self._now = Midnight(self._topics, clocks, setup.midnight_wait), now
        self._left: Sequence[DomainMessage] = ()
        self._awaited: frozenset[Place] = frozenset()
        self._awaited_since = 0.0
        self._not_before = 0.0
        self._show_at = 0.0
        self._shown: Mapping[Place, int] = {}
        so_far = self.progress
        tell(
            f"intake goes on after transaction {so_far.transaction}: {so_far.events:,} events and "
            f"{so_far.dead_letters:,} dead letters so far"
        )
        self._look_at = time.monotonic() + LOOK_AGAIN_SECONDS

    def close(self) -> None:
        """Commits nothing."""
        self._topics.close()
        self._opened.close()

    @property
    def is_catching_up(self) -> bool:
        return self._topics.is_catching_up

    @property
    def clock(self) -> Clock:
        """The days that are running."""
        return self._intake.clock

    @property
    def unrouted(self) -> int:
        """Events that wait until it is known whose they are."""
        return self._directory.awaiting_all

    @property
    def places(self) -> list[Place]:
        """The partitions that are read; for any thread."""
        return self._topics.places

    def behind(self, end_of: Callable[[Place], int]) -> dict[Place, int]:
        """Records of each partition that were not taken yet, up to the end that is known; for any thread."""
        return self._topics.behind(end_of)

    # One batch: read, take, commit

    def read(self) -> IntakeBatch | None:
        if self._plan is not None:
            return self._planned(self._plan)
        if self._left:
            return IntakeBatch(self._left)
        self._look_for_topics()
        is_live = not self._topics.is_catching_up
        if not is_live:
            self._tell_who_is_awaited()
        else:
            time.sleep(max(0.0, min(self._not_before - time.monotonic(), self.setup.commit_seconds)))
        messages = self._topics.read(self.setup.records_max, self.setup.bytes_max, IDLE_SECONDS)
        if messages:
            self._check_clocks(messages, is_live=is_live)
            self._not_before = time.monotonic() + self.setup.commit_seconds
            name_of, schemas = self._topics.name_of, self._schemas
            return IntakeBatch([read_message(each, name_of(each.topic()), schemas) for each in messages])
        self._show_offsets(self.progress)
        due = self._midnight.due(self._intake.clock.next_midnight)
        return None if due is None else IntakeBatch((), due)

    def _check_clocks(self, messages: Sequence[Message], *, is_live: bool) -> None:
        """The newest of them, where the brokers' clock and not a producer's says when it came."""
        kind, milliseconds = max([each.timestamp() for each in messages])
        if kind != TIMESTAMP_LOG_APPEND_TIME:
            return
        newest = milliseconds * MICROSECONDS
        check_apart(newest, self._now(), f"topic {messages[-1].topic()}")
        if is_live:
            check_jump(self.clock.next_midnight, newest, self.setup.days_at_once)

    def _brokers_clock(self) -> Instant:
        """By what it says of a transaction that takes nothing."""
        progress = self._following((), 0)
        self.commit(IntakeEffects(_plan_of(progress.transaction, (), None), (), (), {}, progress))
        return intake_resume.progress_time(self._clients, self.names)

    def take(self, batch: IntakeBatch) -> IntakeEffects:
        """Decides; what is over the limits of a transaction is left for the next batch."""
        self._directory.expect(
            [each.event.entry_id for each in batch.inputs if isinstance(each.event, TimeApproved | TimeWithdrawn)]
        )
        if batch.due is not None:
            self._end_days(batch.due)
        letters, count = self._take_inputs(batch.inputs, within_limits=not batch.planned)
        taken, self._left = batch.inputs[:count], batch.inputs[count:]
        changes = self._directory.take_changes(self._intake.clock)
        log = self._log.take_batch()
        progress = self._following(taken, len(letters))
        plan = _plan_of(progress.transaction, taken, batch.due)
        if not batch.planned:
            return IntakeEffects(plan, log, letters, changes, progress)
        unwritten, early = self._unwritten(log, progress)
        return IntakeEffects(plan, unwritten, letters, changes, progress, early)

    def commit(self, effects: IntakeEffects) -> None:
        """The topics first, then the file at hand."""
        names, progress, transactions = self.names, effects.progress, self._transactions
        said = [(TRANSACTION, b"%d" % progress.transaction)]
        transactions.begin()
        # The plan comes first, so that nothing is ever seen without it.
        transactions.produce([Produced(names.directory, intake_plan.to_bytes(effects.plan), intake_plan.KEY, 0, said)])
        transactions.await_delivery()
        for appended in effects.log:
            transactions.produce(appended.records(names.log))
        letters = names.shared(DEAD_LETTERS)
        transactions.produce(
            dead_letter_record(each, names.generation, letters, self._letter_frame) for each in effects.letters
        )
        transactions.produce(Produced(names.directory, value, key, 0, said) for key, value in effects.changes.items())
        # Progress comes last, so that it is never seen without what it tells of.
        transactions.await_delivery()
        transactions.produce([self._progress_record(progress)])
        transactions.commit()
        self._directory.commit(intake_resume.stand_of(progress, self._topic_id))
        self.progress, self._early = progress, effects.early
        self._plans = self._plans if effects.early else {}
        self._show_offsets(progress)

    def _show_offsets(self, progress: IntakeProgress) -> None:
        """To tools that show lag, now and then.

        Outside the transaction, as nobody goes on from them: within it, a broker that comes back at the wrong moment lets the
        client's call never end, whatever its time limit.
        """
        if time.monotonic() < self._show_at:
            return
        moved = [
            TopicPartition(*place, offset)
            for place, offset in progress.inputs.items()
            if self._shown.get(place) != offset
        ]
        if moved:
            self._topics.consumer.commit(offsets=moved, asynchronous=True)
            self._shown, self._show_at = progress.inputs, time.monotonic() + SHOW_SECONDS

    def _take_inputs(self, inputs: Sequence[DomainMessage], *, within_limits: bool) -> tuple[list[DomainMessage], int]:
        """Dead letters among them, and how many were taken."""
        letters: list[DomainMessage] = []
        intake, log, setup = self._intake, self._log, self.setup
        for count, each in enumerate(inputs):
            if within_limits and (
                log.batch_records > setup.log_records_max
                or log.batch_bytes > setup.log_bytes_max
                or len(letters) >= UNREAD_MAX
            ):
                return letters, count
            if each.event is None:
                letters.append(each)
                continue
            latest = intake.latest
            at = latest if each.recorded_at is None else max(latest, each.recorded_at)
            try:
                log.tracing(each.event.event_id, each.trace)
                intake.take(each.event._replace(recorded_at=at), each)
            except (GuardStop, MemoryError):
                raise
            except Exception as fault:
                raise _poison(each, fault) from fault
        return letters, len(inputs)

    def _end_days(self, due: DaysDue) -> None:
        for topic in due.behind:
            name = self._topics.name_of(topic)
            self._intake.is_behind(name, f"a day was ended before all of {name} was taken in that it held at midnight")
        for topic in due.caught_up:
            self._intake.has_caught_up(self._topics.name_of(topic))
        if due.instant is not None:
            self._intake.end_days_at(due.instant)

    def _following(self, inputs: Sequence[DomainMessage], letters: int) -> IntakeProgress:
        now = self.progress
        return now._replace(
            transaction=now.next_transaction,
            following=tuple(self._log.following),
            places=self._log.places,
            inputs={**now.inputs, **{(each.topic, each.partition): each.offset + 1 for each in inputs}},
            topic_ids={**now.topic_ids, **self._found.ids},
            latest=self._intake.latest,
            events=now.events + len(inputs) - letters,
            dead_letters=now.dead_letters + letters,
        )

    # A transaction of which readers see a part

    def _planned(self, plan: IntakePlan) -> IntakeBatch:
        """What it was going to take, as it was then."""
        messages = self._topics.read_again(plan.offsets)
        inputs = [self._as_it_was(message, number, plan) for number, message in enumerate(messages)]
        ends_days = plan.ends_at is not None or plan.behind or plan.caught_up
        return IntakeBatch(
            inputs, DaysDue(plan.ends_at, plan.behind, plan.caught_up) if ends_days else None, planned=True
        )

    def _as_it_was(self, message: Message, number: int, plan: IntakePlan) -> DomainMessage:
        found = read_message(message, self._topics.name_of(message.topic()), self._schemas)
        why = plan.unread.get(number)
        if why is not None:
            wrong = unreadable(why.reason, why.field_path, message.value() or b"", why.event_type, why.reason_class)
            return found._replace(event=None, unreadable=wrong)
        if found.unreadable is not None:
            raise self._other_than_planned(
                plan.transaction, f"{found} could be read then, and now: {found.unreadable.reason}"
            )
        return found

    @property
    def _plan(self) -> IntakePlan | None:
        """Of the transaction that comes next."""
        return self._plans.get(self.progress.next_transaction)

    def _unwritten(self, log: Sequence[Appended], progress: IntakeProgress) -> tuple[list[Appended], Early]:
        """Without what readers see already, and what they see of later transactions. Raises GuardStop where that is not the same."""
        seen, left = dict(self._early), []
        for each in log:
            own = intake_resume.digest_of(each.value) if seen else b""
            for place in each.numbers:
                if seen.get(place, own) != own:
                    raise self._other_than_planned(
                        progress.transaction, f"partition {place[0]}, record {place[1]} would be another"
                    )
            left.append(each._replace(numbers=[place for place in each.numbers if seen.pop(place, None) is None]))
        is_planned = progress.next_transaction in self._plans
        if left_over := [place for place in seen if place[1] < progress.following[place[0]] or not is_planned]:
            raise self._other_than_planned(
                progress.transaction, f"partition, record {min(left_over)} would not be made"
            )
        return left, seen

    def _other_than_planned(self, transaction: int, what: str) -> GuardStop:
        return GuardStop(
            TORN_OUTPUTS,
            f"topic {self.names.log}: a part of transaction {transaction} is visible, and made again it is not the same: {what}. "
            "Start with the release, the [ownership] and the topics that it was begun with; nothing was written",
        )

    # Start

    def _begin(self, ids: Mapping[str, str], begun: set[int]) -> IntakeProgress:
        """A new log: genesis in every partition, and progress that says so."""
        wanted = self.setup.genesis
        progress = IntakeProgress(
            generation=wanted.generation,
            genesis=intake_resume.genesis_text(wanted),
            transaction=1,
            following=(0,) * wanted.partitions,
            places=0,
            inputs={},
            topic_ids=ids,
        )
        self._transactions.begin()
        self._transactions.produce(each for each in genesis_records(self.names, wanted) if each.partition not in begun)
        self._transactions.await_delivery()
        self._transactions.produce([self._progress_record(progress)])
        self._transactions.commit()
        return progress

    def _write_again(self, withdrawn: Sequence[Produced]) -> None:
        """Records of transactions that count. As they stand before progress, they need no plan, and what is seen of them early is known."""
        self._tell(
            f"{len(withdrawn)} records of {self.names.log} count and were aborted where the mark of their transaction was left out; "
            "they are written again as they were"
        )
        self._transactions.write(withdrawn)

    def _check_genesis(self) -> None:
        text = intake_resume.read_genesis(self._clients, self.names)
        kept = genesis.from_json(text)
        intake_resume.check_generation(kept, self.setup.genesis, self.names.log)
        if text != self.progress.genesis:
            raise GuardStop(
                TOPIC_CHANGED,
                f"topic {self.names.log}: its genesis record is another than intake wrote; bring the topic back from a copy",
            )
        check_genesis(kept)

    def _open_directory(self, topic_id: str) -> StoredDirectory:
        self.setup.folder.mkdir(parents=True, exist_ok=True)
        self._topic_id = topic_id
        directory = StoredDirectory.open(self.setup.folder / STORE)
        try:
            intake_resume.make_ready(self._clients, self.names, directory, self.progress, self._topic_id, self._tell)
        except BaseException:
            directory.close()
            raise
        return directory

    def _open_topics(self, timeout: float) -> DomainTopics:
        self._found = self._find()
        if self._found.missing:
            self._tell(f"these topics do not exist and are read from when they do: {', '.join(self._found.missing)}")
        made_again = self._made_again(self._found)
        starts = {place: offset for place, offset in self.progress.inputs.items() if place[0] not in made_again}
        self.progress = self.progress._replace(inputs=starts)
        there = {
            place: offset for place, offset in starts.items() if place[1] < self._found.partitions.get(place[0], 0)
        }
        if len(there) < len(starts):
            gone = sorted({topic for topic, _ in starts.keys() - there.keys()})
            raise GuardStop(
                TOPIC_CHANGED,
                f"topics that intake has read are gone, or have fewer partitions: {', '.join(gone)}. Bring them back",
            )
        return DomainTopics(self._clients, self.names, self._found, there, timeout)

    def _made_again(self, found: FoundTopics) -> set[str]:
        """Topics with another id than they had, which somebody has accepted."""
        changed = {name for name, now in found.ids.items() if self.progress.topic_ids.get(name, now) != now}
        for name in sorted(changed):
            if self.setup.accepted.get(name) != found.ids[name]:
                raise GuardStop(
                    TOPIC_CHANGED,
                    f"topic {name} was deleted and made again: its id was {self.progress.topic_ids[name]} and is {found.ids[name]}. "
                    "Bring the old one back; or, where everything that it held was taken in, let the settings accept the new one: "
                    f'[intake] accepted_topics = {{"{name}" = "{found.ids[name]}"}}',
                )
        return changed

    def _tell_who_is_awaited(self) -> None:
        """Order by time needs all partitions; one that no broker leads holds back the others."""
        now = time.monotonic()
        awaited = self._topics.awaited
        if not awaited or awaited != self._awaited:
            self._awaited, self._awaited_since = awaited, now
        elif now - self._awaited_since > AWAITED_SECONDS:
            said = ", ".join(f"{topic}/{partition}" for topic, partition in sorted(awaited)[:5])
            self._tell(
                f"nothing has come from {said} for {AWAITED_SECONDS:g} seconds; events of other topics wait for it"
            )
            self._awaited_since = now

    def _find(self) -> FoundTopics:
        return domain_topics.find(self._clients, self.names)

    def _look_for_topics(self) -> None:
        """Topics and partitions that were not there before."""
        if time.monotonic() < self._look_at:
            return
        found = self._find()
        self._made_again(found)
        if found.partitions != self._found.partitions:
            self._topics.add(found, {})
        self._found = found
        self._look_at = time.monotonic() + LOOK_AGAIN_SECONDS

    def _progress_record(self, progress: IntakeProgress) -> Produced:
        return Produced(self.names.directory, intake_progress.to_bytes(progress), intake_progress.KEY, 0, [])


def _plan_of(transaction: int, inputs: Sequence[DomainMessage], due: DaysDue | None) -> IntakePlan:
    told = DaysDue(None) if due is None else due
    return IntakePlan(transaction, intake_plan.stretches(inputs), intake_plan.unread(inputs), *told)


def _poison(item: DomainMessage, fault: Exception) -> GuardStop:
    return GuardStop(
        POISON,
        f"{item}: {type(item.event).__name__} cannot be taken in, which is an error of Milepost's own: {type(fault).__name__}: "
        f"{fault}. Nothing of its batch counts; run the release that mends it. `milepost --debug serve intake --alone` tells where",
    )


def build(inputs: Source[Any], take: Callable[[list[Any]], list[Any]], log: Sink[Any]) -> Dataflow:
    """Decide whose events are, and in which order they count."""
    flow = Dataflow("intake")
    batches = op.input("inputs", flow, inputs)
    effects = op.flat_map_batch("take", batches, take)
    op.output("log", effects, log)
    return flow


def flow_of(intake: Desk, faults: Faults, more: Callable[[], bool]) -> Dataflow:
    turn = IntakeTurn(intake, faults, more)
    return build(InputSource(turn), turn.take, CommittedSink(turn))


def run_dataflow(intake: Desk, more: Callable[[], bool]) -> None:
    """Until `more` says that no more is wanted. Raises what a step raised."""
    faults = Faults(keep=True)
    run_flow(flow_of(intake, faults, more), faults)
