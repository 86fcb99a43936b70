"""One pass over outputs and log in step: every output is looked at beside the record of the log that it follows from.

What belongs to an engagement is put aside, to be looked at together.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from struct import Struct
from typing import Any, Final

from connectors.avro_codec import EVENT_CODECS, OUTPUT_CODECS, content_of
from connectors.files.engagement_log import EngagementLog
from connectors.files.spill import Spill, Spilled
from connectors.files.written import WrittenOutput
from connectors.log_records import StoredRecord
from connectors.telling import Tell
from domain.audit.certificates import CertifiedPeriods, PostedTotals
from domain.audit.engagement import AuditedEngagement
from domain.audit.exceptions import OpenExceptions
from domain.audit.findings import (
    CAUSES,
    CERTIFICATES,
    CONTROL_TOTALS,
    EXCEPTIONS,
    FORECASTS,
    INPUT_CHAIN,
    JOURNALS,
    NUMBERS,
    OUTPUT_CHAIN,
    OUTPUT_SEQ,
    PERIODS,
    TAX,
    AuditTally,
    SeenOutput,
    Violation,
    violation,
)
from domain.audit.forecasts import ForecastSeries
from domain.audit.journals import OpenPeriods, balances
from domain.audit.numbering import DenseNumbers, DenseOrdinals, StatementNumbers
from domain.audit.reference import ReferenceSoFar, billed_to_nobody
from domain.audit.tax import TaxTables
from domain.audit.terms import PricedEvent, is_of_terms, terms_of
from domain.events.catalogue import Event
from domain.events.commercial import (
    BalancesBroughtForward,
    ContractAmended,
    ContractSigned,
    VariableConsiderationRevised,
)
from domain.events.common import Policies
from domain.events.finance import CreditMemoIssued, PaymentApplied
from domain.events.reference import (
    AccountingPeriodClosed,
    AccountingPeriodReopened,
    CustomerDefined,
    LegalEntityDefined,
    TaxPolicyDefined,
)
from domain.identity import engagement_of
from domain.outputs import (
    TOPICS,
    BillingStatement,
    CloseCertificate,
    ControlTotals,
    ExceptionClosed,
    ExceptionRaised,
    ForecastUpdate,
    JournalEntry,
    ProjectView,
)
from state.chain import chained
from state.intake.clock import recording_time

TOLD_EVERY: Final = 1_000
EVENTS_ASIDE: Final = (
    *("ContractSigned", "ContractAmended", "VariableConsiderationRevised", "BillingHoldPlaced"),
    *("BalancesBroughtForward", "CreditMemoIssued", "PaymentApplied"),
)
OUTPUTS_ASIDE: Final = ("JournalEntry", "BillingStatement", "ProjectView", "ExceptionRaised")
# Before the body of an event.
OFFSET: Final = Struct("<Q")
KINDS: Final = {name: number for number, name in enumerate((*EVENTS_ASIDE, *OUTPUTS_ASIDE))}


class AuditStream:
    """`policies` are all that legal entities ever had."""

    def __init__(self, log: EngagementLog, progress: Mapping[str, Any], tally: AuditTally, aside: Spill) -> None:
        self.policies: dict[str, list[Policies]] = {}
        self._progress = progress
        self._tally = tally
        self._aside = aside
        self._numbers = DenseNumbers(progress["generation"], progress["shard"])
        self._ordinals = DenseOrdinals()
        self._reference = ReferenceSoFar(log.genesis.partitions)
        self._periods = OpenPeriods(self._reference)
        self._posted = PostedTotals()
        self._certified = CertifiedPeriods()
        self._exceptions = OpenExceptions()
        self._forecasts = ForecastSeries()
        self._tax = TaxTables(self._reference)
        self._given = StatementNumbers(self._reference)
        self._input_chain = self._output_chain = b""
        self._log = log.records()
        self._record: StoredRecord | None = None
        self._recorded_at = 0

    def run(self, outputs: Iterable[WrittenOutput], tell: Tell) -> None:
        """All outputs in order, then what is left of the log."""
        count = self._progress["next_output_seq"]
        for number, written in enumerate(outputs):
            seen = SeenOutput(written.topic, written.position, written.record)
            self._read_log(written.position.log_offset)
            self._tally.add(self._violations(seen))
            if isinstance(written.record, JournalEntry):
                self._certified.add(written.record, content_of(written.body))
            elif isinstance(written.record, CloseCertificate):
                self._certified.keep(written.record, content_of(written.body))
            self._output_chain = chained(self._output_chain, written.body)
            self._put_aside(written)
            if number % TOLD_EVERY == 0:
                tell("outputs", number, count)
        self._read_log(self._progress["offset"] - 1)
        self._end()

    def _read_log(self, offset: int) -> None:
        """Up to this record; one that is folded in part counts as a cause, not yet towards the chain."""
        last = min(offset, self._progress["offset"])
        while self._record is None or self._record.offset < last:
            record = next(self._log, None)
            if record is None:
                return
            self._record = record
            self._recorded_at = max(self._recorded_at, recording_time(record.event))
            if record.offset < self._progress["offset"]:
                self._input_chain = chained(self._input_chain, record.body)
            self._learn(record)

    def _learn(self, record: StoredRecord) -> None:
        match record.event:
            case LegalEntityDefined() as entity:
                self._reference.learn(entity)
                self.policies.setdefault(entity.legal_entity_id, []).append(entity.policies or Policies())
            case (
                CustomerDefined() | TaxPolicyDefined() | AccountingPeriodClosed() | AccountingPeriodReopened() as known
            ):
                self._reference.learn(known)
            case _:
                pass
        if record.type_name in EVENTS_ASIDE:
            self._aside.add(record.engagement_id, *aside(record.offset, record.type_name, record.event))

    def _violations(self, seen: SeenOutput) -> Iterator[Violation]:
        yield from self._numbers.see(seen)
        yield from self._ordinals.see(seen)
        yield from self._caused(seen)
        match seen.record:
            case JournalEntry() as journal:
                yield from balances(seen, journal)
                yield from self._periods.see(seen, journal)
                self._posted.add(journal)
            case BillingStatement() as statement:
                yield from billed_to_nobody(seen, statement, self._reference)
                yield from self._given.see(seen, statement)
                yield from self._tax.see(seen, statement)
            case CloseCertificate() as certified:
                yield from self._certified.see(seen, certified, self._output_chain)
            case ControlTotals() as told:
                yield from self._posted.see(seen, told, self._output_chain)
            case ExceptionRaised() as raised:
                yield from self._exceptions.raised(seen, raised)
            case ExceptionClosed() as closed:
                yield from self._exceptions.closed(seen, closed)
            case ForecastUpdate() as update:
                yield from self._forecasts.see(seen, update)
            case _:
                pass

    def _caused(self, seen: SeenOutput) -> Iterator[Violation]:
        """Its position says what the log says at that place; time is the running maximum."""
        position, record = seen.position, self._record
        subject = f"log offset {position.log_offset}"
        if record is None or record.offset != position.log_offset:
            yield violation(CAUSES, seen, subject, "a record of the log that was folded", "none there")
            return
        event = record.event
        expected = (event.event_id, event.occurred_at, self._recorded_at, event.correlation_id)
        found = (position.event_id, position.occurred_at, position.recorded_at, position.correlation_id)
        if expected != found:
            yield violation(CAUSES, seen, subject, f"cause {expected}", f"cause {found}")

    def _put_aside(self, written: WrittenOutput) -> None:
        match written.record:
            case JournalEntry() as journal:
                engagement_id = engagement_of(journal.journal_id)
            case BillingStatement() as statement:
                engagement_id = engagement_of(statement.statement_id)
            case ProjectView() as view:
                engagement_id = view.engagement_id
            case ExceptionRaised() as raised if is_of_terms(raised):
                engagement_id = raised.engagement_id or ""
            case _:
                return
        name = type(written.record).__name__
        codec = OUTPUT_CODECS[name]
        body = written.body
        if written.schema != codec.fingerprint:
            body = codec.encode(written.position, written.record)
        self._aside.add(engagement_id, KINDS[name], body)

    def _end(self) -> None:
        tally, progress = self._tally, self._progress
        records = self._record.offset + 1 if self._record is not None else 0
        tally.add(self._numbers.end(progress["next_output_seq"], progress["topics"]))
        if records < progress["offset"]:
            folded = f"{progress['offset']} records, which were folded"
            tally.add([Violation(INPUT_CHAIN, "engagement.log", None, "length of the log", folded, str(records))])
        tally.add(_differing(INPUT_CHAIN, progress["input_chain"], self._input_chain))
        tally.add(_differing(OUTPUT_CHAIN, progress["output_chain"], self._output_chain))
        for name, checked in (
            (OUTPUT_SEQ, self._numbers.count),
            (CAUSES, self._ordinals.count),
            (INPUT_CHAIN, records),
            (OUTPUT_CHAIN, self._numbers.count),
            (JOURNALS, self._periods.count),
            (PERIODS, self._periods.count),
            (EXCEPTIONS, self._exceptions.count),
            (NUMBERS, self._given.count),
            (TAX, self._tax.count),
            (FORECASTS, self._forecasts.count),
            (CONTROL_TOTALS, self._posted.count),
            (CERTIFICATES, self._certified.count),
        ):
            tally.count(name, checked)


def _differing(check: str, written: str, chain: bytes) -> Iterator[Violation]:
    if chain.hex() != written:
        yield Violation(check, "", None, "chain", f"{written} by progress", chain.hex())


def aside(offset: int, type_name: str, event: Event) -> Spilled:
    """One of EVENTS_ASIDE, with its place in the log."""
    return Spilled(KINDS[type_name], OFFSET.pack(offset) + EVENT_CODECS[type_name].encode(event))


def engagement_from(
    engagement_id: str, found: Sequence[Spilled], policies: Mapping[str, Sequence[Policies]]
) -> AuditedEngagement:
    """What was put aside of an engagement."""
    terms: list[PricedEvent] = []
    outputs: list[SeenOutput] = []
    memos: list[CreditMemoIssued] = []
    applications: list[PaymentApplied] = []
    balances: list[BalancesBroughtForward] = []
    holds = False
    for kind, body in found:
        if kind >= len(EVENTS_ASIDE):
            name = OUTPUTS_ASIDE[kind - len(EVENTS_ASIDE)]
            outputs.append(SeenOutput(TOPICS[name], *OUTPUT_CODECS[name].decode(body)))
            continue
        offset, event = OFFSET.unpack_from(body)[0], EVENT_CODECS[EVENTS_ASIDE[kind]].decode(body[OFFSET.size :])
        if isinstance(event, ContractSigned | ContractAmended | VariableConsiderationRevised):
            terms.append(PricedEvent(offset, event))
        elif isinstance(event, CreditMemoIssued):
            memos.append(event)
        elif isinstance(event, PaymentApplied):
            applications.append(event)
        elif isinstance(event, BalancesBroughtForward):
            balances.append(event)
        else:
            holds = True
    stated = [each.event for each in terms if isinstance(each.event, ContractSigned | ContractAmended)]
    return AuditedEngagement(
        engagement_id,
        tuple(outputs),
        terms_of(stated, policies),
        holds,
        tuple(memos),
        tuple(applications),
        tuple(terms),
        tuple(balances),
    )
