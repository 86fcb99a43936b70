"""One contract's part of balances while it is loaded: what its contract and lines know before anything is entered, and the journals that
are kept of it so that a later version takes them back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import product
from typing import NamedTuple

from msgspec.structs import replace

from domain.capabilities import BROUGHT_FORWARD
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import BalanceForward, ReceivableForward
from domain.figure import as_recorded, called, node_of
from domain.identity import composed
from domain.ledger.journal import Leg
from domain.money import convert
from domain.outputs import JournalEntry
from domain.reference.exchange import Exchange
from domain.units import Amount, Hours
from domain.why import exchanged, quoted
from domain.work.rows import FEE
from state.books import Acceptance, Contract, InvoiceCredits, OpeningJournal, OpeningPiece, Receipt, Receivable, Reports
from state.charges.terms_known import line_fees
from state.draft import Draft
from state.opening.stated import Stated
from state.receivables import receipts
from state.rerating.versions import withdraw
from state.revenue import refunds
from state.terms.known import Slot, exchange_on, period
from state.terms.opening import KIND
from state.terms.periods import closing, schedule
from state.terms.plan import LinePlan, contract_policies, customer_of

UNBILLED_REST = "unbilled"
# What else may be done where balances differ from what terms make of them.
OR_BEGIN = "or send this contract's events from its beginning"


class WaitsForRoom(NamedTuple):
    """What of an entry waits for room; `given` is what it keeps where a cut shared the cap among entries. `is_known`: an earlier load has
    it so."""

    amount: Amount
    hours: Hours
    given: Amount = 0
    is_known: bool = False


class SinceThen(NamedTuple):
    """What became of a receivable after it was brought forward; `beyond` is what all of it together was beyond what it was over,
    `credits_of` what credit memos took of its rows."""

    invoice_id: str
    statement_id: str
    credited: tuple[Amount, Amount]
    credited_tax: tuple[Amount, Amount]
    paid: tuple[Amount, Amount]
    written_off: tuple[Amount, Amount]
    beyond: Amount
    credits_of: InvoiceCredits


class Loading(NamedTuple):
    """One contract's part of balances that are loaded, and what is made of them so far; what was `given_up` by bill-to, what is over a cap
    by row of an entry, and what accounts are `carried` at (`LoadTotals`)."""

    contract: Contract
    event: BalancesBroughtForward
    slot: Slot
    lines: tuple[Stated, ...]
    receivables: tuple[ReceivableForward, ...]
    rows: list[str]
    pieces: list[OpeningPiece]
    statements: list[str]
    journals: list[OpeningJournal]
    opened: list[Receivable]
    months: list[tuple[str, str, Amount, Amount]]
    parts: Mapping[str, tuple[BalanceForward, ...]]
    given_up: dict[str, Amount]
    over_cap: dict[str, WaitsForRoom]
    carried: dict[str, Amount]

    def of(self, bill_to: str) -> tuple[BalanceForward, ...]:
        """The lines as the bill-to has them, in their order."""
        return self.parts[bill_to]

    @property
    def several_pay(self) -> bool:
        return len(self.parts) > 1


class LineLoad(NamedTuple):
    """A line of that contract, of which rows are put into the books."""

    draft: Draft
    loading: Loading
    stated: Stated


class Worked(NamedTuple):
    """What work on the line came to: what of it was billed, and the rest, that was earned and not billed; what is `over` caps
    and not earned. `earns` is of a price that earns over time, before what was conceded of it, which has a row of its own. `plan` is of the
    terms under which it was done, `day` the last day of these."""

    plan: LinePlan
    day: date
    billed: Amount
    rest: Amount
    earns: Amount | None
    hours: Hours
    over_hours: Hours
    is_alone: bool
    drawn: dict[str, tuple[int, Amount]] | None
    over: Amount = 0

    @property
    def value(self) -> Amount:
        return self.billed + self.rest

    @property
    def beside(self) -> Amount | None:
        """What rows beside that of its revenue earn: nothing, or as they are billed."""
        return 0 if self.earns is not None else None


def keep_journals(draft: Draft, loading: Loading, since: int) -> None:
    for record in draft.outputs[since:]:
        if isinstance(record, JournalEntry):
            receipt = Receipt(
                record.journal_id,
                record.rule,
                record.legal_entity_id,
                record.currency,
                record.ledger_currency,
                record.exchange_rate,
                record.accounting_date,
                record.deliver,
                record.contract_id or "",
                tuple(
                    (line.project_id or "", Leg(line.account, line.purpose, line.amount, line.ledger_amount))
                    for line in record.lines
                ),
            )
            about = record.affected_kind, record.affected_id, record.affected_version
            loading.journals.append(OpeningJournal(*about, receipt, record.customer_id or ""))


def post(draft: Draft, loading: Loading, rule: str, project_id: str, legs: Sequence[Leg], bill_to: str = "") -> None:
    slot, contract = loading.slot, loading.contract
    lines = tuple((project_id, leg) for leg in legs if leg.amount or leg.ledger_amount)
    posts = receipts.ReceiptLines(rule, contract.contract_id, lines, deliver=False)
    about = receipts.Subject(
        KIND, loading.event.project_id, customer_of(contract, bill_to or contract.terms.customer_id)
    )
    policies = contract_policies(draft, contract)
    posted = receipts.post(draft, about, slot, posts, policies)
    loading.journals.append(OpeningJournal(about.kind, about.id, 0, posted, about.customer_id))


def begin_own(draft: Draft, loading: Loading) -> None:
    """Amounts of capabilities, each by a journal of its own."""
    for one, own in product(loading.lines, BROUGHT_FORWARD):
        amount = getattr(one.balance, own.field)
        if amount:
            policies, slot = contract_policies(draft, loading.contract), loading.slot
            mode = policies.money_mode
            ledger = convert(amount, slot.exchange.numerator, slot.exchange.denominator, slot.entity.currency, mode)
            if draft.why is not None:
                rates = quoted(slot.exchange, policies.exchange_rate_type, slot.accounting_date, slot.entity)
                ledger = as_recorded(ledger, exchanged(node_of(amount, own.field), rates, slot.entity.currency, mode))
            legs = [Leg(own.debit, own.purpose, amount, ledger), Leg(own.credit, own.purpose, -amount, -ledger)]
            rule = f"{own.field}/{one.balance.line_id}"
            post(draft, loading, rule, loading.event.project_id, legs)


def begin(draft: Draft, contract: Contract, event: BalancesBroughtForward) -> Contract:
    """The oldest billing period that is not closed is the first that had not closed before the last day of the balances."""
    while (closed := closing(draft, contract, event.as_of - timedelta(days=1))) is not None:
        contract = replace(contract, period_start=closed.to)
    if contract is not draft.contract(contract.contract_id):
        draft.put("contract", contract.contract_id, contract)
    schedule(draft, contract)
    return contract


def know(draft: Draft, contract: Contract, stated: Stated, event: BalancesBroughtForward) -> None:
    """What the terms ask for: milestones that were accepted, how far the line had come."""
    for each in stated.balance.milestones:
        found = Acceptance(each.accepted_on, contract.contract_id, stated.balance.line_id, event.project_id)
        draft.put("milestone", each.milestone_id, found)
    refunds.state_given(draft, contract.contract_id, stated.balance.line_id, stated.balance.rebates_given)
    if stated.balance.percent is not None:
        part_id = composed(contract.contract_id, stated.balance.line_id)
        had: Reports = draft.part("reports", part_id) or Reports()
        said = [one for one in had.said if one[0] > 0]
        draft.put("reports", part_id, Reports(((0, event.as_of, stated.balance.percent), *said)))


def end_charges(draft: Draft, contract: Contract, stated: Stated, as_of: date) -> None:
    """Of a contract that had ended by the day: what terms charged here before its end was known, and nobody was billed, is not charged."""
    end, line_id = contract.terminated_on, stated.balance.line_id
    if end is None or end > as_of:
        return
    before: Amount = 0
    after = []
    for row in line_fees(draft, contract, line_id).rows:
        entry = draft.entry(row)
        charge = entry.work.charge if entry is not None and entry.work is not None else None
        if entry is None or charge is None:
            continue
        if charge.day < end:
            before += charge.amount
        elif charge.kind == FEE and not any(each.amount for each in entry.issued):
            after.append(entry)
    if before >= stated.balance.billed:
        for entry in after:
            withdraw(draft, entry.entry_id, entry.version + 1)


def slot_of(draft: Draft, contract: Contract, event: BalancesBroughtForward) -> Slot:
    entity = draft.reference.known_entity(contract.terms.legal_entity_id)
    policies = contract_policies(draft, contract)
    exchange = exchange_on(draft, policies, contract.terms.currency, entity.currency, event.as_of, event.as_of)
    assert isinstance(exchange, Exchange), "a missing rate is a fault"
    return Slot(entity, contract.terms.currency, event.as_of, period(draft, entity, event.as_of).name, exchange)


def months_of(parts: Sequence[Loading]) -> tuple[dict[str, Amount], dict[str, Amount]]:
    """In which bills of before are billed, and paid."""
    billed, due = Counter[str](), Counter[str]()
    for bills, pays, amount, is_due in (one for part in parts for one in part.months):
        billed[bills] += amount
        due[pays] += is_due
    return (
        {month: called(amount, "billed before the books begin") for month, amount in billed.items()},
        {month: called(amount, "due before the books begin") for month, amount in due.items()},
    )
