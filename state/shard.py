"""One log partition folded into one sequence of outputs.

`fold` takes a batch of records in log order and gives encoded outputs and, last, a `Mark`: how far the batch went. Anyone who writes the
outputs calls `commit(mark)` once they are durable; only then the store moves. The plain loop is

    while records := log.read(shard.position[0], max_records, max_bytes):
        mark = outputs.write(shard.fold(records))
        outputs.commit(mark)
        shard.commit(mark)

and the dataflow wraps the same object.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from typing import Any, Final

from msgspec.structs import replace

from domain.billing.statement import ISSUED, OPEN
from domain.capabilities import OWN_REFERENCE
from domain.events.catalogue import Event
from domain.events.control import ExceptionAssigned, ExceptionResolved, ExceptionWaived
from domain.events.finance import ControlTotal, LedgerReconciled
from domain.events.reference import (
    AccountingPeriodClosed,
    AccountingPeriodReopened,
    DayEnded,
    ExchangeRateSet,
    PersonCapacitySet,
    PersonDefined,
    RulesActivated,
    TaxPolicyDefined,
)
from domain.exceptions import SELF_APPROVED, ExceptionCategory
from domain.outputs import OUTPUTS, TOPICS, BillingStatement, CloseCertificate, ControlTotals, JournalEntry
from domain.reference.book import (
    EMPTY_BOOK,
    PeriodChange,
    ReferenceBook,
    approves_itself,
    conflict,
    fixed_faults,
    owner_key,
)
from domain.reference.book import apply as apply_reference
from domain.reference.fiscal import last_ended
from domain.reference.numbers import NumberGiven, count_key, next_place, range_for, text_of
from domain.reference_faults import faults
from domain.tuples import new_tuple
from domain.waiting import wakes
from domain.why import Why
from domain.work.rows import spoken
from state.batch import REFERENCE, VIEW_RUN, VIEWS, Encoded, Encoders, LogRecord, Mark, OutputProgress
from state.chain import chained
from state.draft import Cause, Draft, Plans
from state.fold import apply, cause_of, flush_views, wake
from state.genesis import Genesis
from state.guards import LOG_DAMAGED, OUTPUTS_DIFFER, POISON, GuardStop
from state.ledger.closing import PeriodBooks
from state.overrides import Override, Overrides
from state.refused_reference import is_idle, refuse_reference
from state.rules import ACCOUNTING, begun_under, check_rules
from state.store.snapshot import Damaged
from state.store.store import Engagement, Meta, Store, StoreError

ENGAGEMENTS_A_BATCH = 500
# Every shard has the reference data; what nothing follows from is said by one of them.
FIRST = 0
# What goes wrong around the fold and not in it.
AROUND = (GuardStop, Damaged, StoreError, sqlite3.Error, OSError, MemoryError)
# What is said of reference data that does not count.
NOT_TAKEN: Final[tuple[ExceptionCategory, ...]] = ("invalid_terms", "conflicting_version", SELF_APPROVED)
DECISIONS = (ExceptionAssigned, ExceptionResolved, ExceptionWaived)
JOURNAL = JournalEntry.__name__
CERTIFICATE = CloseCertificate.__name__
STATEMENT = BillingStatement.__name__
# Reference data that comes every day, and decides nothing but exchange and accounting dates.
DAILY = (ExchangeRateSet, AccountingPeriodClosed, AccountingPeriodReopened)


class Shard:
    """The books of one partition and the numbering of its outputs."""

    def __init__(
        self,
        store: Store,
        encoders: Encoders,
        genesis: Genesis,
        progress: OutputProgress,
        decode: Callable[[str, bytes], Event],
        overrides: Overrides | None = None,
    ) -> None:
        """Raises GuardStop for a log of rules, or with schemas, that this code does not have."""
        self.store = store
        self.genesis = genesis
        self.generation = genesis.generation
        self.number = genesis.partition
        # How a command names the shard.
        self.whereabouts = f"--shard {genesis.partition}"
        self.progress = progress
        # The recorder of an explanation; None in production.
        self.why: Why | None = None
        self._encoders = encoders
        self.pass_over(overrides or {})
        self._at = ""
        self.engagements_a_batch = ENGAGEMENTS_A_BATCH
        meta = store.meta
        self.offset, self.engagement = meta.offset, meta.engagement
        self._ordinal = meta.ordinal
        self._seq = meta.next_seq
        self._input_chain, self._output_chain = meta.input_chain, meta.output_chain
        self._topic_seqs = dict(meta.topic_seqs)
        self._recorded_max = meta.recorded_max
        # Last numbers of statements, by company, range and year.
        self._numbers = dict(meta.numbers)
        self._periods = PeriodBooks(store)
        self._in_flight = False
        # Of the batch: outputs without bytes so far, each list with its cause, what it is of, and the places of its first; records and
        # outputs that are not chained so far.
        self._published: list[tuple[Cause, str, int, int, Sequence[object]]] = []
        self._unchained: list[bytes] = []
        self._unchained_outputs: list[bytes] = []
        self._made: list[Encoded | Mark] = []
        self._shared_plans: dict[Any, Any] = {}
        self._daily_plans: dict[Any, Any] = {}
        book = EMPTY_BOOK._replace(rules=begun_under(genesis), partitions=genesis.partitions)
        for type_name, body in store.reference():
            book = apply_reference(book, decode(type_name, body))
        check_rules({ACCOUNTING: book.rules})
        self.reference: ReferenceBook = book
        self._encode_by(book)

    def pass_over(self, overrides: Overrides) -> None:
        """Which records, or parts of them, are passed over from here on."""
        self._overrides = overrides

    @property
    def position(self) -> tuple[int, str]:
        """The next record, and the last engagement of it that is done."""
        return self.offset, self.engagement

    @property
    def failed_at(self) -> tuple[int, str]:
        """Where a fold has raised: the record, and what of it, as an override names it; empty for no engagement of its own."""
        return self.offset, self._at

    def _encode_by(self, book: ReferenceBook) -> None:
        self._bodies = self._encoders.bodies(self.genesis, book.rules)
        self._around = self._encoders.position(self.generation, self.number, str(book.rules))

    @property
    def holds_much(self) -> bool:
        return self.store.holds_much

    # Folding

    def fold(self, records: Sequence[LogRecord]) -> list[Encoded | Mark]:
        """Fold a batch; a record that concerns many engagements may be left in the middle, the mark says where."""
        if not self._in_flight:
            self.store.begin()
            self._in_flight = True
        made = self._made = []
        try:
            try:
                self._fold_all(records)
            except Exception as fault:
                # An output of those before it that has no bytes is what stops the shard. Of a store that failed nothing is asked any more:
                # with a full disk SQLite has ended the transaction, and a number given now would stay without its statement.
                if not isinstance(fault, AROUND):
                    self._encode()
                raise
            self._encode()
        except AROUND:
            raise
        except Exception as fault:
            raise self._poisoned(next(each for each in records if each.offset == self.offset), fault) from fault
        self._periods.keep()
        made.append(
            Mark(
                self.offset,
                self.engagement,
                self._ordinal,
                self._seq,
                self._input_chain,
                self._output_chain,
                dict(self._topic_seqs),
                self._recorded_max,
                self.reference.rules,
                dict(self._numbers),
            )
        )
        return made

    def commit(self, mark: Mark) -> None:
        """The outputs up to the mark are durable: move the store."""
        self.store.commit(
            Meta(
                mark.offset,
                mark.engagement,
                mark.ordinal,
                mark.next_seq,
                mark.input_chain,
                mark.output_chain,
                mark.topic_seqs,
                mark.recorded_max,
                mark.numbers,
            )
        )
        self._in_flight = False

    def _fold_all(self, records: Sequence[LogRecord]) -> None:
        if len(self._shared_plans) + len(self._daily_plans) > 500_000:
            self._shared_plans = {}
            self._daily_plans = {}
        room = self.engagements_a_batch
        for record in records:
            room = self.fold_one(record, room)
            if self.engagement:
                break
            self._unchained.append(record.body)
            if self.offset <= self.progress.offset + 1:
                self._check_place()
            if room <= 0 or self.store.holds_much:
                break

    def fold_one(self, record: LogRecord, room: int) -> int:
        event = record.event
        recorded_at: int = getattr(event, "recorded_at", None) or event.occurred_at
        self._recorded_max = max(self._recorded_max, recorded_at)
        cause = cause_of(event, self._recorded_max, record.offset)
        self._at = ""
        if not self.engagement.startswith(VIEWS):
            if passed_over := self._overrides.get((record.offset, "")):
                self._skip(record.engagement_id, passed_over, event, cause)
            elif record.engagement_id or isinstance(event, DECISIONS):
                self.apply_to(record.engagement_id, event, cause, record.own)
            elif isinstance(event, LedgerReconciled | ControlTotal):
                if self.number == FIRST:
                    self.apply_to(REFERENCE, event, cause)
            else:
                room = self._broadcast(record, event, cause, room)
                if self.engagement:
                    return room
        if record.offset % VIEW_RUN == VIEW_RUN - 1:
            room = self.send_views(cause, room)
            if self.engagement:
                return room
        self.offset, self.engagement, self._ordinal = record.offset + 1, "", 0
        return room

    def _check_place(self) -> None:
        """Where the outputs are known to end the same number of them must have been made; more are compared one by one."""
        known = self.progress
        if self.offset == known.offset:
            self._encode()
            if known.input_chain != self._input_chain:
                raise GuardStop(
                    LOG_DAMAGED,
                    f"shard {self.number}: the log up to record {self.offset - 1} is not the one that the outputs were made from; "
                    "put back a copy of it. Nothing was written",
                )
        is_past = self.offset > known.offset or (self.offset == known.offset and not known.engagement)
        if is_past and self._seq < known.next_seq:
            raise GuardStop(
                OUTPUTS_DIFFER,
                f"shard {self.number}: {self._seq} outputs were recomputed from the log, {known.next_seq} are written; "
                "the code or its data changed without an activated rules version",
            )

    def apply_to(self, engagement_id: str, event: Event, cause: Cause, own: tuple[str, ...] | None = None) -> None:
        if passed_over := self._overrides.get((cause.log_offset, engagement_id)):
            self._skip(engagement_id, passed_over, event, cause)
            return
        self._at = engagement_id
        store = self.store
        engagement = store.engagement(engagement_id)
        change = apply(
            engagement_id,
            engagement.parts,
            event,
            self.reference,
            store.entries(engagement),
            cause,
            self._plans(engagement),
            own,
            self.why,
        )
        store.apply(engagement_id, engagement, change, cause.log_offset)
        self.publish(cause, change.outputs)

    def _plans(self, engagement: Engagement) -> Plans:
        """Memo of one engagement, by the reference data of now."""
        memo = engagement.memo
        if memo.book is not self.reference:
            memo.go_by(self.reference)
        return new_tuple(Plans, (memo, self._shared_plans, self._daily_plans))

    # What an operator passes over

    def _skip(self, engagement_id: str, passed_over: Override, event: Event, cause: Cause) -> None:
        """Nothing of the record but an exception that says so."""
        kind, subject = owner_key(event)
        message = (
            f"record {passed_over.offset} of shard {self.number} ({type(event).__name__}, event {cause.event_id}) was passed over by "
            f"{passed_over.requested_by}, approved by {passed_over.approved_by}: {passed_over.reason}"
        )

        def note(draft: Draft) -> None:
            draft.raise_exception("skipped_by_operator", kind, subject, message, side=f"/{cause.version}")

        self._say(cause, note, engagement_id or REFERENCE)

    def _poisoned(self, record: LogRecord, fault: Exception) -> GuardStop:
        at = self._at.removeprefix(VIEWS)
        where = f", engagement {at}" if at else ""
        how = f" --engagement {at}" if at and not record.engagement_id else ""
        views = " --views" if self._at.startswith(VIEWS) else ""
        return GuardStop(
            POISON,
            f"shard {self.number}, record {record.offset}{where}: {record.type_name} with event_id {record.event.event_id} "
            f"cannot be folded: {type(fault).__name__}: {fault}. This is a fault of Milepost and not of the event; what comes before "
            "the batch is committed, the shard waits. Report it, and run a release that mends it; where that cannot wait: "
            f"milepost skip {self.whereabouts} --offset {record.offset}{how}{views} --reason WHY --as YOU --approved-by ANOTHER",
        )

    def take(self, engagement_id: str, cause: Cause, step: Callable[..., Draft], *args: object) -> None:
        engagement = self.store.engagement(engagement_id)
        change = step(
            engagement_id,
            engagement.parts,
            *args,
            self.reference,
            self.store.entries(engagement),
            cause,
            self._plans(engagement),
        )
        self.store.apply(engagement_id, engagement, change, cause.log_offset)
        self.publish(cause, change.outputs)

    def _shown(self, engagement_id: str) -> None:
        parts = self.store.engagement(engagement_id).parts
        if not any(parts["project", project_id].changed for project_id in parts.ids.get("project", ())):
            self.store.shown(engagement_id)

    # Records that concern many

    def _broadcast(self, record: LogRecord, event: Event, cause: Cause, room: int) -> int:
        """Apply the event to exactly those engagements that it concerns, ascending, as many as the batch has room for."""
        keys = wakes(event)
        if isinstance(event, DayEnded):
            targets = self.store.due(event.zone, event.date.isoformat(), self.engagement)
        else:
            # What is known already, or is refused, brings nothing that anybody waits for.
            is_news = bool(self.engagement) or self.refer(record, event, cause)
            targets = self.store.waiting(keys, self.engagement) if is_news else []
        taken = targets[: max(room, 1)]
        for engagement_id in taken:
            if isinstance(event, DayEnded):
                self.store.done(event.zone, event.date.isoformat(), engagement_id)
                self.apply_to(engagement_id, event, cause)
                self._shown(engagement_id)
            elif passed_over := self._overrides.get((record.offset, engagement_id)):
                self._skip(engagement_id, passed_over, event, cause)
            else:
                self._at = engagement_id
                self.take(engagement_id, cause, partial(wake, why=self.why), self.store.waiting_in(engagement_id, keys))
        if len(taken) < len(targets):
            self.engagement = taken[-1]
            return 0
        self.engagement = ""
        if isinstance(event, DayEnded):
            self._periods.end_day(event.zone, event.date)
            self._control_totals(event, cause)
        return room - len(taken)

    def send_views(self, cause: Cause, room: int) -> int:
        """Of all projects whose view is not sent, as many engagements as the batch has room for."""
        targets = self.store.changed(self.engagement.removeprefix(VIEWS))
        taken = targets[: max(room, 1)]
        for engagement_id in taken:
            self._at = f"{VIEWS}{engagement_id}"
            if (cause.log_offset, self._at) not in self._overrides:
                self.take(engagement_id, cause, flush_views)
            self._shown(engagement_id)
        self.engagement = f"{VIEWS}{taken[-1]}" if len(taken) < len(targets) else ""
        return room - len(taken)

    def refer(self, record: LogRecord, event: Event, cause: Cause) -> bool:
        """Whether the reference book is another by it."""
        if isinstance(event, RulesActivated):
            check_rules({event.rule: event.version})
        wrong = faults(event) or fixed_faults(self.reference, event)
        if wrong or conflict(self.reference, event):
            self._refuse_reference(event, wrong, cause)
            return False
        book = apply_reference(self.reference, event)
        if book is self.reference:
            return False
        if isinstance(event, PeriodChange) and (person := approves_itself(event)) is not None:
            self._leave_period(event, person, cause)
            return False
        self._settle(event, cause)
        before = self.reference
        if book.rules != before.rules or book.entities is not before.entities:
            # What was published before is encoded, and statements numbered, by the book of then.
            self._encode()
            self._encode_by(book)
        self.reference = book
        self.store.add_reference(record.type_name, self._encoders.reference(record))
        self._forget(event)
        if self.number == FIRST and is_idle(event):
            self.take(REFERENCE, cause, refuse_reference, event)
        if isinstance(event, AccountingPeriodClosed):
            self.certify(record, event, before, cause)
        return True

    def certify(self, record: LogRecord, event: AccountingPeriodClosed, before: ReferenceBook, cause: Cause) -> None:
        self._encode()
        chains = chained(self._input_chain, record.body), self._output_chain, self._seq - 1
        made = self._periods.certify(event, before, self.reference, chains, self._bodies[CERTIFICATE])
        if made is not None:
            self.publish(cause, (made,))

    def _forget(self, event: Event) -> None:
        """Forget what all engagements share, as far as the event can change it: not by people, capacity, tax, and facts of a capability."""
        self._daily_plans = {}
        if not isinstance(event, (*DAILY, PersonDefined, PersonCapacitySet, TaxPolicyDefined, *OWN_REFERENCE)):
            self._shared_plans = {}

    def _refuse_reference(self, event: Event, wrong: Iterable[tuple[str, str]], cause: Cause) -> None:
        kind, subject = owner_key(event)
        message = "; ".join(f"{field}: {what}" for field, what in wrong) or (
            f"version {cause.version} of {spoken(kind)} {subject} came twice with different content; the first one stands"
        )
        self._refuse("invalid_terms" if wrong else "conflicting_version", event, message, cause)

    def _leave_period(self, event: PeriodChange, person: str, cause: Cause) -> None:
        """It stays as it is until somebody else approves this version, or a higher one."""
        kind, subject = owner_key(event)
        message = (
            f"expected two people, {person} asked for {type(event).__name__} of {spoken(kind)} {subject} and approved it "
            f"(version {event.version}); the period stays as it is"
        )
        self._refuse(SELF_APPROVED, event, message, cause, person_id=person, field="approved_by")

    def _refuse(
        self,
        category: ExceptionCategory,
        event: Event,
        message: str,
        cause: Cause,
        *,
        person_id: str | None = None,
        field: str | None = None,
    ) -> None:
        """The highest version that was refused is the one that is spoken of."""
        kind, subject = owner_key(event)
        version = cause.version

        def refuse(draft: Draft) -> None:
            noted = draft.open_exception(category, kind, subject)
            if noted is None:
                draft.raise_exception(
                    category, kind, subject, message, person_id=person_id, field=field, version=version
                )
            elif noted.version <= version and noted.message != message:
                draft.revise_exception(replace(noted, message=message, person_id=person_id, version=version))

        self._say(cause, refuse)

    def _settle(self, event: Event, cause: Cause) -> None:
        """What was refused of the same, up to this version, is put right."""
        if not self.store.engagement(REFERENCE).parts.ids.get("exception"):
            return
        kind, subject = owner_key(event)

        def settle(draft: Draft) -> None:
            for category in NOT_TAKEN:
                noted = draft.open_exception(category, kind, subject)
                if noted is not None and noted.version <= cause.version:
                    draft.close_exception(noted.exception_id, "resolved" if category == SELF_APPROVED else "superseded")

        self._say(cause, settle)

    def _say(self, cause: Cause, say: Callable[[Draft], None], engagement_id: str = REFERENCE) -> None:
        """Of reference data, which is no engagement's, unless one is named."""

        def step(of: str, before: Any, reference: ReferenceBook, entries: Any, cause: Cause, plans: Plans) -> Draft:
            draft = Draft(of, before, entries, reference, cause, plans)
            say(draft)
            return draft

        self.take(engagement_id, cause, step)

    def _control_totals(self, event: DayEnded, cause: Cause) -> None:
        """What the day's end finds posted so far, of every company of the zone; a receiver compares count, sums and chain.

        A company without journals says so in its ledger currency: who reads all shards knows by their marks that its day is closed.
        """
        self._encode()
        of_zone = {one.legal_entity_id: one for one in self.reference.entities.values() if one.zone == event.zone}
        totals = {of: sums for of, sums in self._periods.totals().items() if of[0] in of_zone}
        posted = {entity_id for entity_id, _ in totals}
        totals |= {(each, entity.currency): (0, 0, 0) for each, entity in of_zone.items() if each not in posted}
        for entity_id, of_company in groupby(sorted(totals.items()), key=lambda of: of[0][0]):
            ended, each = last_ended(of_zone[entity_id].fiscal_calendar, event.date).name, list(of_company)
            for (_, currency), sums in each:
                chain, last = self._output_chain.hex(), self._seq - 1
                total = ControlTotals(event.date, entity_id, currency, *sums, chain, last, len(each), ended)
                self.publish(cause, (total,))
                self._encode()

    # Numbering

    def _numbered(self, record: BillingStatement) -> BillingStatement:
        """With its number: all parts of a revision have one, and what is superseded keeps it. A draft has none."""
        if record.status == OPEN:
            return record
        given = self.store.number(record.statement_id)
        if given is None or given.revision != record.revision:
            given = self._next_number(record, given) if record.status == ISSUED else None
        if given is None:
            return record
        return record._replace(number=given.number, number_place=given.place, replaces_number=given.replaces)

    def _next_number(self, record: BillingStatement, before: NumberGiven | None) -> NumberGiven | None:
        """The next of the company's range; None where it has none, or the statement is of a company that nobody defined."""
        entity = self.reference.entity(record.legal_entity_id)
        numbers = range_for(entity.number_ranges, is_credit=record.amount_due < 0) if entity is not None else None
        if entity is None or numbers is None or record.issued_on is None:
            return None
        place = next_place(self._numbers, entity, numbers, record.issued_on, self.number + 1)
        self._numbers[count_key(entity.legal_entity_id, place.range_id, place.year)] = place.value
        text = text_of(entity, numbers, record.issued_on, place)
        given = NumberGiven(record.revision, text, place, before.number if before is not None else None)
        self.store.keep_number(record.statement_id, given)
        return given

    def publish(self, cause: Cause, outputs: Sequence[object]) -> None:
        """Give outputs their places, in business order."""
        if outputs:
            self._published.append((cause, self._at, self._ordinal, self._seq, outputs))
            self._ordinal += len(outputs)
            self._seq += len(outputs)

    def _encode(self) -> None:
        """Encode and chain what was published since the last time: many at once, which is several times as fast as one by one."""
        self._input_chain = chained(self._input_chain, *self._unchained)
        self._unchained.clear()
        published, self._published = self._published, []
        for cause, at, ordinal, first, outputs in published:
            try:
                self._number(cause, ordinal, first, outputs)
            except Exception:
                self.offset, self._at = cause.log_offset, at
                raise
        self._chain_outputs()

    def _chain_outputs(self) -> None:
        self._output_chain = chained(self._output_chain, *self._unchained_outputs)
        self._unchained_outputs.clear()

    def _check_outputs(self) -> None:
        """At the last of those that were written before."""
        self._chain_outputs()
        if self._output_chain != self.progress.output_chain:
            raise GuardStop(
                OUTPUTS_DIFFER,
                f"shard {self.number}: outputs recomputed from the log differ from those written (output_seq up to "
                f"{self.progress.next_seq - 1}); the code or its data changed without an activated rules version",
            )

    def _number(self, cause: Cause, ordinal: int, first: int, outputs: Sequence[Any]) -> None:
        """Give outputs their numbers, encode and chain them; what is below progress was written before and is only compared."""
        known, rules, numbered = self.progress, self.reference.rules, self._encoders.numbered
        place = self._around(
            cause.log_offset, cause.event_id, cause.occurred_at, cause.recorded_at, cause.correlation_id
        )
        for seq, output in enumerate(outputs, first):
            type_name = type(output).__name__
            record: Any = self._numbered(output) if type_name == STATEMENT else output
            content = self._bodies[type_name](record)
            body = numbered(place, ordinal + seq - first, seq, content)
            self._unchained_outputs.append(body)
            topic = TOPICS[type_name]
            if seq >= known.next_seq:
                encoded = (topic, key_of(record), seq, type_name, body, rules, cause.log_offset, record)
                self._made.append(new_tuple(Encoded, encoded))
            elif seq == known.next_seq - 1:
                self._check_outputs()
            self._topic_seqs[topic] = seq
            if type_name == JOURNAL:
                self._periods.add(record, content)


def key_of(record: Any) -> str:
    """The Kafka key: what the output is about."""
    for field in _KEY_FIELDS[type(record)]:
        key: str | None = getattr(record, field)
        if key:
            return key
    return ""


_KEY_FIELDS = {
    of: tuple(
        field for field in ("project_id", "contract_id", "legal_entity_id", "engagement_id") if field in of._fields
    )
    for of in OUTPUTS.values()
}
