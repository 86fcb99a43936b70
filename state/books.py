"""The books of one engagement: what the fold remembers between events.

The books are a set of small values ("parts"), each replaced as a whole, so that an event saves only what it touched; the sums of a
project, which every piece of work moves, are changed in place. The work entries themselves are rows of their own (`Entry`), looked up by
id, by line and date, or by consumption order.

Which figures are sums: every field of `Burn` and `LineTotals` is the sum of what its entries contribute (`state/totals.py`), so that a
test can recompute the books from the rows.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, Literal

import msgspec

from domain.accounts import LABOR_ABSORPTION, SERVICE_REVENUE
from domain.billing.funding import Portion
from domain.caps.consume import Bucket
from domain.events.commercial import BalancesBroughtForward, ContractAmended, ContractSigned, ContractTerminated
from domain.events.common import ContractLine, Policies
from domain.events.delivery import (
    EstimateRevised,
    ProjectActivated,
    ResourceAssigned,
    StatementRequested,
    TimeApproved,
    UnitsDelivered,
)
from domain.events.finance import (
    ControlTotal,
    CreditMemoIssued,
    InvoicePosted,
    PaymentApplied,
    PaymentReceived,
    RevenueAdjusted,
    WrittenOff,
)
from domain.exceptions import ExceptionCategory
from domain.figure import called, in_part
from domain.ledger.journal import Leg
from domain.outputs import BillingStatement, JournalEntry
from domain.revenue.allocation import Revision
from domain.units import Amount, ExchangeRate, Hours, Instant, Percent, Quantity, Rate
from domain.work.rows import COSTLY, COUNTED_TIME, ONLY_EARNED, OVERFLOW, TIME_ENTRY
from state.value import Value


class Posted(Value, frozen=True, array_like=True, gc=False):
    """A journal of an entry that stands, kept so that its reversal is exact (R14, R49). `project_id` where it is not the work's.

    `dimensions`, and `cost_dimensions` of its lines of cost, are places among the sets that the project has used."""

    journal_id: str
    kind: str
    legal_entity_id: str
    currency: str
    ledger_currency: str
    exchange_rate: ExchangeRate
    accounting_date: date
    period: str
    service_date: date
    dimensions: int
    deliver: bool
    lines: tuple[Leg, ...]
    contract_id: str = ""
    project_id: str = ""
    cost_dimensions: int | None = None
    pair_id: str = ""


class SourceTotal(Value, frozen=True, array_like=True, gc=False):
    """The newest control total of a source, kind, project and period; `agrees` once a day's end found that it does."""

    event: ControlTotal
    agrees: bool = False


class JournalStanding(Value, frozen=True, array_like=True, gc=False):
    """Where a journal that goes to an ERP stands there (`state/ledger/standings.py`); the journal itself until it is posted.

    `attempt` is that of the answer that counts; `accepted` and `posted` are the ERP's references, more than one where it has the journal
    twice. `period` is the one that the ERP posted to, where it says so. `amount` is the sum of debits, `booked_on` the accounting date.
    `mirrored_by` is the memo that takes it out of the books, as the ERP never had it.
    """

    standing: str
    amount: Amount = 0
    currency: str = ""
    project_id: str | None = None
    contract_id: str | None = None
    record: JournalEntry | None = None
    attempt: int = 0
    erp: str = ""
    accepted: tuple[str, ...] = ()
    posted: tuple[str, ...] = ()
    posted_on: date | None = None
    period: str | None = None
    because: str = ""
    code: str = ""
    message: str = ""
    field: str | None = None
    reversed_by: str = ""
    replaced_by: str = ""
    mirrored_by: str = ""
    booked_on: date | None = None


class WorkedBy(Value, frozen=True, array_like=True, gc=False):
    """Who worked an entry that balances list, and at which rate: what a statement line has in common."""

    person_id: str
    task: str | None
    role: str
    rate: Rate
    markup: Percent


class OpeningWork(Value, frozen=True, array_like=True, gc=False):
    """What work on a line came to before the books begin. `uncounted` is what caps do not count of its value and its hours, below zero what
    they count besides.

    It is for expenses where it has a `category`, empty where it does not matter which; `draws` where its hours are what the terms include.
    `drawn` is what it used by store of what terms include: quantity, and what that earned; `spent` is
    cost by category in contract currency, where progress is measured by it. Cost of another `currency` than the ledger's is `ledger` there.
    Work that is not `billable` is on no line.

    Statements list entries by their `place` among those of the line, and those of which it is known whom they are `by` with other work of
    the person. `given` is what of an entry a cut gave it under a cap, for good.
    """

    hours: Hours = 0
    billable_hours: Hours = 0
    cost: Amount = 0
    uncounted: Amount = 0
    uncounted_hours: Hours = 0
    drawn: dict[str, tuple[int, Amount]] | None = None
    spent: dict[str, Amount] = {}
    category: str | None = None
    draws: bool = False
    currency: str = ""
    ledger: Amount = 0
    billable: bool = True
    place: int = 0
    given: Amount = 0
    by: WorkedBy | None = None


class Charge(Value, frozen=True, array_like=True, gc=False):
    """What is billed and is no hour of work: an expense, units delivered, or what terms charge by themselves (a milestone, an instalment,
    a period's fee), and what was brought forward of work.

    `kind` and `charge_id` are of the fact behind it; its row is named by both (`row_id`). `amount` is in `currency`: of an expense what
    was spent, net of tax, else the price, which is negative where something is given back. `earned` is set where the charge earns
    otherwise than it is billed: revenue that is recognised on a schedule of its own is a charge with an amount of 0.

    `earned_from` and `earned_to` (included) are the days that the price is for. `carried_on` is the day on which it is posted where it is
    of before the books begin; `opening` is what work came to by then.
    """

    kind: str
    charge_id: str
    version: int
    project_id: str
    day: date
    approved_at: Instant
    currency: str
    amount: Amount = 0
    contract_id: str | None = None
    line_id: str | None = None
    task: str | None = None
    description: str | None = None
    category: str | None = None
    person_id: str | None = None
    supplier_id: str | None = None
    quantity: Quantity | None = None
    unit: str = "each"
    tax: Amount = 0
    tax_recoverable: Amount = 0
    billable: bool = True
    submitted_by: str | None = None
    approved_by: str | None = None
    dimensions: dict[str, str] = {}
    earned: Amount | None = None
    earned_from: date | None = None
    earned_to: date | None = None
    digest: str = ""
    recorded_at: Instant | None = None
    carried_on: date | None = None
    opening: OpeningWork | None = None


class Cost(Value, frozen=True, array_like=True, gc=False):
    """The cost side of an entry, in the legal entity that bears it (RULES section 6, Rates). `against` is what it is owed on; recoverable
    input tax is beside it and no cost."""

    legal_entity_id: str
    currency: str
    cost_rate_id: str
    cost_rate_version: int
    rate: Rate
    hours: Hours
    amount: Amount
    day: date
    account: str
    against: str = LABOR_ABSORPTION
    tax: Amount = 0


class Transfer(Value, frozen=True, array_like=True, gc=False):
    """What a company of the group charges another for work: the same amount in both. `pair_id` is on both journals, empty where it comes
    to nothing."""

    lender: str
    borrower: str
    currency: str
    amount: Amount
    day: date
    pair_id: str = ""


class Price(Value, frozen=True, array_like=True, gc=False):
    """The price side of an entry. `allowed` earns revenue, `billable` may go on a statement; they differ only where policy
    `cap_split_billing` does. `account` holds what may be billed until it is invoiced. Work that is not billable has no line and only
    a memo value. `kept` is what was billable when the work became final.

    Revenue goes to `revenue`. It follows what is allowed unless `earned` says otherwise: 0 where it comes with the invoice or on a
    schedule of its own, and what the schedule earns where there is nothing to bill. A charge has a `quantity` of a `unit`, never hours.
    Caps count it as `content` (`domain.work.rows`); `within` is what of the value is for units agreed, None where any number is.

    `drawn` is what the work takes of what its line's terms include, by store: quantity, and what that earns. None where it shares nothing;
    then hours and value are of what goes beyond. `returned` is billed and no more counted by caps: a credit gave it back to them.
    `written_off` is what of the value is given up, so that it is not billed, earns nothing and takes no room (R15). `waiting` is what of
    `allowed` caps that bind billing alone keep from being billed.

    `passed` is what of the value is over a cap and went on to the next line (policy `overflow=next_rule`), where a row of its own has it.
    On such a line work has its room `by_day`, whether it is issued or not.

    `project_id` is that of the line, where the work names a line of another project than its own."""

    contract_id: str
    line_id: str
    currency: str
    day: date
    approved_at: Instant
    role: str
    rate: Rate
    markup: Percent
    decision: str
    hours: Hours
    value: Amount
    memo: Amount
    allowed: Amount = 0
    billable: Amount = 0
    recognised: Amount = 0
    given: Amount = 0
    binding: str | None = None
    rounding: Amount = 0
    final: bool = False
    stepped: bool = False
    allowed_hours: Hours = 0
    billable_hours: Hours = 0
    account: str = ""
    kept: Amount = 0
    kept_hours: Hours = 0
    revenue: str = SERVICE_REVENUE
    earned: Amount | None = None
    quantity: Quantity = 0
    unit: str = "hour"
    content: str = COUNTED_TIME
    within: Amount | None = None
    drawn: dict[str, tuple[int, Amount]] | None = None
    returned: Amount = 0
    returned_hours: Hours = 0
    written_off: Amount = 0
    waiting: Amount = 0
    passed: Amount = 0
    passed_hours: Hours = 0
    by_day: bool = False
    project_id: str = ""

    @property
    def earns(self) -> Amount:
        """What is revenue with the work: also the cents of its statement line, but where revenue comes with the invoice, which has them."""
        return self.recognised + self.rounding if self.account != self.revenue else self.recognised

    @property
    def chargeable(self) -> Amount:
        """What of the value is not given up."""
        return self.value - self.written_off

    @property
    def claimed(self) -> tuple[Amount, Hours]:
        """The most that may be billed: where work is final no more than it kept, also while others have its room; nothing of what is
        given up."""
        amount, hours = self.value, self.hours
        if self.final:
            amount, hours = max(self.kept, self.billable), max(self.kept_hours, self.billable_hours)
        if self.written_off and amount > max(self.chargeable, 0):
            left = called(max(self.chargeable, 0), "not given up", "R15")
            return left, in_part(hours, left, amount, "hours that are not given up")
        return amount, hours

    @property
    def over(self) -> Amount:
        """What waits for room: claimed and neither billable nor on another line."""
        return self.claimed[0] - self.billable - self.passed


# The side of an entry that one company charges another.
TRANSFER = "transfer"
TRANSFERRED = "transferred"


class AtStake(Value, frozen=True, array_like=True, gc=False):
    """What an exception keeps from being posted or billed, and how that was found: `price`, `cost` or `fact`; hours where it is work."""

    amount: Amount = 0
    currency: str | None = None
    basis: str | None = None
    hours: Hours | None = None


class Fault(Value, frozen=True, array_like=True, gc=False):
    """Why a side of an entry waits: `whole`, `cost`, `price` or `transfer`, with what its exception said last; `is_counted_elsewhere`
    where that of another side has the amount at risk."""

    side: str
    category: ExceptionCategory
    exception_id: str
    waits: tuple[tuple[str, str], ...] = ()
    message: str = ""
    field: str | None = None
    at_stake: AtStake = AtStake()
    assignee: str | None = None
    revision: int = 1
    raised_at: Instant = 0
    is_counted_elsewhere: bool = False


class PartOf(Value, frozen=True, array_like=True, gc=False):
    """The row of which work is the part that went on from its line, and the contract of both lines."""

    row: str
    contract_id: str


class Work(Value, frozen=True, array_like=True, gc=False):
    """One version of an entry, which is time or a charge, and what of it is posted. Of a part that went on to the next line `time` is
    what is approved with the hours of the part."""

    time: TimeApproved | None
    log_offset: int
    cost: Cost | None = None
    price: Price | None = None
    journals: tuple[Posted, ...] = ()
    faults: tuple[Fault, ...] = ()
    charge: Charge | None = None
    part_of: PartOf | None = None
    transfer: Transfer | None = None

    @property
    def finished(self) -> bool:
        """Nothing of it waits; work within one company has no transfer."""
        if self.price is None or (self.cost is None and self.has_cost):
            return False
        return not self.faults or all(fault.side != TRANSFER for fault in self.faults)

    @property
    def waits_at_home(self) -> bool:
        """Whether its cost is not booked, or nobody is charged for it yet by the company whose work it is."""
        return self.transfer is None or any(fault.side != "price" for fault in self.faults)

    @property
    def own_figures(self) -> tuple[str, ...]:
        """Names of those figures that not every entry has, which the fold records where an explanation runs (`domain.work.recorded`)."""
        return (TRANSFERRED,) if self.transfer is not None else ()

    @property
    def has_cost(self) -> bool:
        """What terms charge costs nothing by itself, neither do units: what they took is in time and expenses. Of a part the whole has
        the cost."""
        if self.part_of is not None:
            return False
        return self.charge is None or self.charge.kind in COSTLY

    @property
    def is_schedule(self) -> bool:
        """Whether it only earns, with nothing to bill."""
        return self.charge is not None and self.charge.kind in ONLY_EARNED

    @property
    def event(self) -> TimeApproved:
        """Of work that is known to be time."""
        assert self.time is not None, "the entry is a charge"
        return self.time

    @property
    def subject(self) -> TimeApproved | Charge:
        """What time and charges have in common: project, task, person, description, dimensions, version."""
        return self.time if self.time is not None else self._charge

    @property
    def _charge(self) -> Charge:
        assert self.charge is not None, "an entry is time or a charge"
        return self.charge

    @property
    def subject_kind(self) -> str:
        if self.part_of is not None:
            return OVERFLOW
        return TIME_ENTRY if self.time is not None else self._charge.kind

    @property
    def subject_id(self) -> str:
        if self.part_of is not None:
            return self.part_of.row
        return self.time.entry_id if self.time is not None else self._charge.charge_id

    @property
    def identity(self) -> tuple[str, str, int]:
        """Kind, id and version of the fact behind it."""
        if self.part_of is not None:
            return OVERFLOW, self.part_of.row, self.subject.version
        if self.time is not None:
            return TIME_ENTRY, self.time.entry_id, self.time.version
        charge = self._charge
        return charge.kind, charge.charge_id, charge.version

    @property
    def person_id(self) -> str:
        """Empty where nobody is behind a charge."""
        return (self.time if self.time is not None else self._charge).person_id or ""

    @property
    def project_id(self) -> str:
        return (self.time if self.time is not None else self._charge).project_id

    @property
    def earns_in(self) -> str:
        """The project of the contract line: there the work is revenue and billed, wherever its hours and its cost are."""
        return (self.price.project_id if self.price is not None else "") or self.project_id

    @property
    def earns_elsewhere(self) -> bool:
        return self.price is not None and bool(self.price.project_id) and self.price.project_id != self.project_id


class PayerPart(Value, frozen=True, array_like=True, gc=False):
    """One payer's part of what is issued of an entry, where several pay: what falls to it (`amount`), and of that what stands on its
    statements, what of these is invoiced, and what of a deposit is set against others of them. Where sources fund the contract nobody has
    a `share`, and `sources` are what stands on the payer's statements, by source."""

    customer_id: str
    share: Percent
    rounding: bool
    amount: Amount = 0
    issued: Amount = 0
    hours: Hours = 0
    quantity: Quantity = 0
    invoiced: Amount = 0
    invoiced_ledger: Amount = 0
    applied: Amount = 0
    sources: tuple[tuple[str, Amount], ...] = ()


class Issued(Value, frozen=True, array_like=True, gc=False):
    """What of an entry stands on issued statements, for each contract line; invoices relieve `account`, credits go to `bill_to`.

    `applied` is what of a deposit is set against other statements, `taken` what of that their invoices took, in ledger currency too.
    `conceded` is what credit memos took off the price of what stays billed,
    `conceded_ledger` in ledger currency; `returned` is what of that the caps have again, with its hours. Where several pay `payers` are the
    parts that all else sums up, and `bill_to` is empty. `funded` is what sources that fund the contract pay, `freed` what of it a price
    concession gave them back. `project_id` is where it is billed, if that is not the project of the line's sums. `rest` is what was left to
    bill of it on the day the books begin, if it was billed in part before."""

    contract_id: str
    line_id: str
    amount: Amount
    hours: Hours
    day: date
    invoiced: Amount = 0
    invoiced_ledger: Amount = 0
    person_id: str = ""
    task: str | None = None
    role: str | None = None
    rate: Rate = 0
    markup: Percent = 0
    account: str = ""
    bill_to: str = ""
    quantity: Quantity = 0
    unit: str = "hour"
    description: str | None = None
    applied: Amount = 0
    conceded: Amount = 0
    returned: Amount = 0
    returned_hours: Hours = 0
    payers: tuple[PayerPart, ...] = ()
    funded: tuple[Portion, ...] = ()
    freed: tuple[tuple[str, Amount], ...] = ()
    project_id: str = ""
    conceded_ledger: Amount = 0
    rest: Amount = 0
    taken: tuple[Amount, Amount] = (0, 0)

    @property
    def is_funded(self) -> bool:
        """Whether sources that fund the contract pay it, also where all is given back to them."""
        return bool(self.payers) and not self.payers[0].share


class GivenUp(Value, frozen=True, array_like=True, gc=False):
    """What one write-off gave up of an entry; of it counts what the version in force is worth and not issued (`state/caps/given_up.py`)."""

    write_off_id: str
    amount: Amount
    currency: str


class Entry(Value, frozen=True, array_like=True, gc=False):
    """Time or a charge, under its `row_id`. `behind` is the finished version that stands while the newest one (`work`) waits. `rests`
    are journals that settled what was left in ledger currency on a contract that the work has left; they are never reversed."""

    entry_id: str
    version: int
    work: Work | None = None
    behind: Work | None = None
    issued: tuple[Issued, ...] = ()
    waived: tuple[str, ...] = ()
    conflict: str | None = None
    rests: tuple[Posted, ...] = ()
    given_up: tuple[GivenUp, ...] = ()

    @property
    def standing(self) -> Work | None:
        """The version that is in the books."""
        return self.behind or self.work


class Burn(msgspec.Struct, array_like=True, gc=False):
    """What the project has used: booked and billable hours; `memo` is the value of work that is not charged, by currency; `elsewhere` are
    the entries that another system bills. Changed in place, as the project's other sums."""

    hours: Hours = 0
    billable_hours: Hours = 0
    memo: dict[str, Amount] = {}
    elsewhere: int = 0


# What was posted in another currency than the ledger's: cost and revenue, each with its ledger amount.
LedgerFigures = tuple[Amount, Amount, Amount, Amount]
# Of one month and currency: hours and cost where the cost is in this currency, revenue where the contract is.
MonthFigures = tuple[Hours, Amount, Amount]


class Project(Value, frozen=True, array_like=True, gc=False):
    """`months` is by service month and currency (`2026-03|USD`), `posted` by the ledger's currency too (`2026-03|USD|EUR`). `standings` are
    journals for an ERP and their debits, by standing and currency (`to_send|USD`). `begins_after` is the last day of balances that were
    brought forward.

    `burn`, `months` and `standings` are changed in place (`Draft.moved`), so of a former project only the other fields are as they were."""

    project_id: str
    activated: ProjectActivated | None = None
    closed_on: date | None = None
    zone: str | None = None
    burn: Burn = msgspec.field(default_factory=Burn)
    months: dict[str, MonthFigures] = {}
    dimension_sets: tuple[dict[str, str], ...] = ({},)
    waiting: dict[str, int] = {}
    changed: bool = False
    posted: dict[str, LedgerFigures] = {}
    standings: dict[str, tuple[int, Amount]] = {}
    begins_after: date | None = None


class Assignments(Value, frozen=True, array_like=True, gc=False):
    """Of a project, as they came; apart from it, because every hour changes the project, and a large one has hundreds of them."""

    project_id: str
    stated: tuple[ResourceAssigned, ...]


class TermsVersion(Value, frozen=True, array_like=True, gc=False):
    """Terms as they stood after one contract event; `effective_on` is the first service date they apply to.

    `defaults` are the policies that the terms took from their legal entity for good; None before they are taken into force. `catches_up`
    where the treatment is `catch_up`: revenue over time is what it would be had the terms held from the beginning, from `effective_on` on.
    `separate`: its lines that are new are a contract of their own. `amends` where an amendment made them, and no signing.
    """

    version: int
    effective_on: date
    retroactive: bool
    terms: ContractSigned
    defaults: Policies | None = None
    catches_up: bool = False
    separate: bool = False
    amends: bool = False


class Contract(Value, frozen=True, array_like=True, gc=False):
    """`former` are terms that a second signing replaced, of lines that it no longer has, or of payers: what is issued on these, or to
    these, is corrected by them.
    `divided` where other engagements have lines of some version. `passed` are the digests of the versions below `version` that were seen;
    `terminations` the versions that end it, seen, whichever of them counts."""

    contract_id: str
    version: int
    digest: str
    history: tuple[TermsVersion, ...] = ()
    waiting: tuple[ContractAmended, ...] = ()
    terminated_on: date | None = None
    invalid: ExceptionCategory | None = None
    period_start: date | None = None
    requested_to: date | None = None
    sequences: dict[str, int] = {}
    unapproved: str | None = None
    ending: ContractTerminated | None = None
    former: tuple[TermsVersion, ...] = ()
    divided: bool = False
    passed: dict[int, str] = {}
    terminations: tuple[int, ...] = ()

    @property
    def in_force(self) -> bool:
        return bool(self.history) and self.invalid is None

    @property
    def terms(self) -> ContractSigned:
        return self.history[-1].terms

    @property
    def every_line(self) -> Iterator[ContractLine]:
        """Each line as each version of the terms has it."""
        return (line for stored in self.history for line in stored.terms.lines)


class Passing(Value, frozen=True, array_like=True, gc=False):
    """A contract of which work went on to a next line: rows of it may have parts."""

    contract_id: str


class LineTotals(Value, frozen=True, array_like=True, gc=False):
    """Sums over the entries of a contract line, in contract currency; `accounts` are those of `recognised`, `billable` and `invoiced` by
    the account on which the work stands until it is invoiced, `drawn` what is taken of what the terms include, by store, `funded` what is
    used of the sources that fund the contract.

    `by_month` is `billable` by the calendar month of the service date. Of `recognised` is `by_hours` what time earned by itself, before any
    of it was given up or conceded; `by_terms` what fees, deliveries and what is drawn earned, before credit memos took off the price.
    `project_id` is the line's first; what of the sums is of a project that it moved to, is also `elsewhere`. `conceded` is what credit
    memos took off the price of what is issued, `conceded_as_billed` what of that its invoice earned."""

    project_id: str
    hours: Hours = 0
    value: Amount = 0
    recognised: Amount = 0
    billable: Amount = 0
    over: Amount = 0
    issued: Amount = 0
    invoiced: Amount = 0
    shown_hours: Hours = 0
    shown_quantity: Hours = 0
    accounts: dict[str, tuple[Amount, Amount, Amount]] = {}
    drawn: dict[str, tuple[int, Amount]] = {}
    written_off: Amount = 0
    by_hours: Amount = 0
    by_terms: Amount = 0
    funded: dict[str, Amount] = {}
    elsewhere: "dict[str, LineTotals]" = {}
    by_month: dict[str, Amount] = {}
    conceded: Amount = 0
    conceded_as_billed: Amount = 0


class Reports(Value, frozen=True, array_like=True, gc=False):
    """Progress of a contract line, as it was reported, in the order of versions: version, day, percent."""

    said: tuple[tuple[int, date, Percent], ...] = ()


class ItemRevisions(Value, frozen=True, array_like=True, gc=False):
    """Revisions of a variable part of a line's price, in the order of versions."""

    said: tuple[Revision, ...] = ()


class Spending(Value, frozen=True, array_like=True, gc=False):
    """Of a contract line that earns its price over time, or may be lost on under a cap: months (`2026-03`) in which something was spent on
    it, ascending, and categories of its cost that are kept apart."""

    months: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()


class SpentInMonth(Value, frozen=True, array_like=True, gc=False):
    """What was spent on such a line in a calendar month, by day and category that is kept apart (all else has none): hours, and cost by
    its own currency; and by day what its work earned by itself, in contract currency."""

    days: dict[date, dict[str, tuple[Hours, dict[str, Amount]]]] = {}
    earned: dict[date, Amount] = {}


# As of a day in a version, contract and currency where they are named, and by month (`2026-03`) hours, cost and category.
EstimatedMonth = tuple[str, Hours, Amount, str | None]
EstimateSaid = tuple[date, int, str | None, str | None, tuple[EstimatedMonth, ...]]


class EstimatesOfLine(Value, frozen=True, array_like=True, gc=False):
    """What remained of a line, as it was estimated, by day and version."""

    said: tuple[EstimateSaid, ...] = ()


class Acceptance(Value, frozen=True, array_like=True, gc=False):
    """A milestone's newest fact; no day where its acceptance was revoked. Contract, line and project only where it names them."""

    accepted_on: date | None
    contract_id: str | None = None
    line_id: str | None = None
    project_id: str | None = None


class ClosedPeriod(Value, frozen=True, array_like=True, gc=False):
    """A billing period of a contract line that closed, `to` excluded, with what the line had used by then: cost by category in contract
    currency."""

    start: date
    to: date
    cost: dict[str, Amount] = {}


class EndedPeriod(Value, frozen=True, array_like=True, gc=False):
    """What could be drawn for good of each store of a line's terms when one of their own periods ended, `to` excluded, and the stores of
    which something went over into the next."""

    start: date
    to: date
    limits: dict[str, int] = {}
    over: tuple[str, ...] = ()


class LineFees(Value, frozen=True, array_like=True, gc=False):
    """Rows of what a contract line has charged by itself, the periods whose use it charges by, and rows of what it earned over time; the
    terms' own periods that ended, and the days on which what they include was topped up; milestones reported overdue, with
    the day on which they were due; what was left of a deposit when the contract was over, and that day. `earns_by` is the version whose
    revenue method all rows of the line have gone over to; 0 where they go by those of their days."""

    rows: tuple[str, ...] = ()
    closed: tuple[ClosedPeriod, ...] = ()
    earned: tuple[str, ...] = ()
    ended: tuple[EndedPeriod, ...] = ()
    topped_up: tuple[date, ...] = ()
    overdue: dict[str, date] = {}
    left: tuple[date, Amount] | None = None
    earns_by: int = 0


class CapState(Value, frozen=True, array_like=True, gc=False):
    """What all buckets of a cap hold together, and what the last exception said."""

    over_amount: Amount = 0
    over_entries: int = 0
    exception_id: str | None = None
    reported_amount: Amount = 0
    reported_entries: int = 0
    revision: int = 0
    waived: bool = False
    assignee: str | None = None


class CapBucket(Value, frozen=True, array_like=True, gc=False):
    """A bucket with the last entry in consumption order that has a free claim on it.

    `refused` counts the entries that have less than they claim, by whichever cap, the other two sum what they lack. `below` is the
    subject of exception `cap_below_consumption` while that is open for the bucket. `days` is what work of the last weeks takes of a cap
    over the whole term, by service day.
    """

    bucket: Bucket = Bucket()
    last: tuple[str, str, str] | None = None
    refused: int = 0
    below: str = ""
    refused_amount: Amount = 0
    refused_hours: Hours = 0
    days: dict[int, tuple[Amount, Hours]] = {}


class FundingNotice(Value, frozen=True, array_like=True, gc=False):
    """What the last cut of a contract found that no source is left for, as it was reported; also where somebody waived that."""

    amount: Amount = 0
    entries: int = 0


class Liability(Value, frozen=True, array_like=True, gc=False):
    """What of a contract stands on 2300, in contract and in ledger currency, positive; by contract line and the account that it was taken
    from (composed).

    `posted_on` is the last accounting date of what stands there. `position` is all that stands on 1160 and on 2300, where a line of the
    contract earns over time, each in contract and in ledger currency, debit positive; `brought` is what of it balances have brought.
    """

    lines: dict[str, tuple[Amount, Amount]] = {}
    posted_on: date | None = None
    position: tuple[tuple[Amount, Amount], tuple[Amount, Amount]] | None = None
    brought: tuple[tuple[Amount, Amount], tuple[Amount, Amount]] | None = None


class StatementState(Value, frozen=True, array_like=True, gc=False):
    """An issued statement, kept until its invoice is posted and after, so that the ERP's answer finds it.

    `retention` is what its invoice moves on 1170, by the statement that withheld it and the project: above zero what it withholds itself.
    `is_retained_from` where its gross counts among what was billed, from which what bills below zero take back is found.
    `tax` is what the invoice should have of it, None where no policy says so.
    `earlier` are the amounts due of revisions that it was issued in before this one. `is_cleared`: its invoice said that it clears the
    unbilled receivable. `expected_on` is the day on which it is due, also where it does not say. `set_against` is how many of its last rows
    are of deposits set against it, or given back to.
    """

    statement_id: str
    contract_id: str
    bill_to: str
    period: date
    to: date
    sequence: int
    currency: str
    amount_due: Amount
    expected_on: date
    invoice_id: str | None = None
    waiting: InvoicePosted | None = None
    retention: tuple[tuple[str, str, Amount], ...] = ()
    is_retained_from: bool = False
    tax: Amount | None = None
    revision: int = 1
    earlier: tuple[Amount, ...] = ()
    is_cleared: bool = False
    set_against: int = 0

    @property
    def kept(self) -> Amount:
        """What it retains less what it releases."""
        return sum(amount for _, _, amount in self.retention)


class Withheld(Value, frozen=True, array_like=True, gc=False):
    """What one statement withheld and nothing has released or taken back (`left`); `posted` is what of it stands on 1170, on the line of
    the project, also in ledger currency. Below zero where the invoice of what released it was the first."""

    statement_id: str
    project_id: str
    left: Amount
    posted: Amount = 0
    posted_ledger: Amount = 0


class RetentionAccount(Value, frozen=True, array_like=True, gc=False):
    """What is retained of a contract's statements to one bill-to, the oldest first; `billed` is what these came to, credits taken off.

    `reached` is the completion of the last step that released its share: neither it nor one before it releases anything again.
    """

    withheld: tuple[Withheld, ...] = ()
    billed: Amount = 0
    reached: Percent | None = None

    @property
    def left(self) -> Amount:
        return sum(one.left for one in self.withheld)


class Receivable(Value, frozen=True, array_like=True, gc=False):
    """What the customer owes of an invoice, on 1100: `net` and `tax` as it was posted, and what became of it, each in its currency and as
    the ledger carries it.

    `credited` is net of tax, `credited_tax` its tax; `paid` and `written_off` are what they took of the whole, tax included. `project_id`
    is the project in which the invoice's journal has 1100. Of an invoice that was brought forward `posted_on` is the day of the balances,
    `invoiced_on` its own; `due_on` where it was stated.
    """

    invoice_id: str
    statement_id: str
    contract_id: str
    bill_to: str
    legal_entity_id: str
    project_id: str
    currency: str
    ledger_currency: str
    exchange_rate: ExchangeRate
    posted_on: date
    net: tuple[Amount, Amount]
    tax: tuple[Amount, Amount] = (0, 0)
    credited: tuple[Amount, Amount] = (0, 0)
    credited_tax: tuple[Amount, Amount] = (0, 0)
    paid: tuple[Amount, Amount] = (0, 0)
    written_off: tuple[Amount, Amount] = (0, 0)
    invoiced_on: date | None = None
    due_on: date | None = None

    @property
    def gross(self) -> tuple[Amount, Amount]:
        return self.net[0] + self.tax[0], self.net[1] + self.tax[1]

    @property
    def open(self) -> tuple[Amount, Amount]:
        """What is owed still; below zero where more was credited than that."""
        amount, ledger = self.gross
        for had, had_ledger in (self.credited, self.credited_tax, self.paid, self.written_off):
            amount, ledger = amount - had, ledger - had_ledger
        return amount, ledger


class InvoiceCredits(Value, frozen=True, array_like=True, gc=False):
    """What an invoice took of its rows, and what credit memos took back, by row and contract line (composed).

    `relieved` are ledger amounts, kept where the ledger has another currency; `same_rate` is whether all of them are of the invoice's
    rate, so that what is left in ledger currency alone is rounding. `taken` is amount, hours and ledger amount. `kept_back` is what of
    all that is credited was retained.
    """

    relieved: dict[str, Amount] = {}
    taken: dict[str, tuple[Amount, Hours, Amount]] = {}
    kept_back: Amount = 0
    same_rate: bool = True


class WaitingCredit(Value, frozen=True, array_like=True, gc=False):
    """A credit memo that is not posted: its invoice is unknown, it asks for too much, or nobody else approved it (`category`)."""

    event: CreditMemoIssued
    log_offset: int
    category: ExceptionCategory


class Receipt(Value, frozen=True, array_like=True, gc=False):
    """A journal of a payment, each line with its project, kept so that its reversal is exact (R14, R52)."""

    journal_id: str
    rule: str
    legal_entity_id: str
    currency: str
    ledger_currency: str
    exchange_rate: ExchangeRate
    accounting_date: date
    deliver: bool
    contract_id: str
    lines: tuple[tuple[str, Leg], ...]


class Payment(Value, frozen=True, array_like=True, gc=False):
    """A payment, or the part of it that is this engagement's (`own`: its invoices, None where all are).

    `applied` is what it took of receivables, each with its ledger amount. While it waits nothing of it is posted: `category` says why, and
    `waits` what would wake it. One that was taken back before it came has no event, nor has one of which only `applications`, those that
    came after it and are posted, are this engagement's.
    """

    event: PaymentReceived | None
    own: tuple[str, ...] | None = None
    receipts: tuple[Receipt, ...] = ()
    applied: tuple[tuple[str, Amount, Amount], ...] = ()
    is_reversed: bool = False
    category: ExceptionCategory | Literal[""] = ""
    waits: tuple[tuple[str, str], ...] = ()
    is_waived: bool = False
    applications: tuple[str, ...] = ()


class CashApplication(Value, frozen=True, array_like=True, gc=False):
    """Cash of a payment that was applied after it came; what is taken off invoices again is below zero in `applied`.

    `own`, `applied`, `category` and `waits` are as a payment's. `elsewhere` is what invoices of other engagements take, kept where the
    payment's unapplied cash is booked.
    """

    event: PaymentApplied
    own: tuple[str, ...] | None = None
    receipts: tuple[Receipt, ...] = ()
    applied: tuple[tuple[str, Amount, Amount], ...] = ()
    elsewhere: Amount = 0
    is_reversed: bool = False
    category: ExceptionCategory | Literal[""] = ""
    waits: tuple[tuple[str, str], ...] = ()
    is_waived: bool = False


class WriteOff(Value, frozen=True, array_like=True, gc=False):
    """A receivable, or work that is not billed, given up; while it waits nothing of it is posted, and `category` says why. `own` are those
    of its entries that are this engagement's, None where all are."""

    event: WrittenOff
    category: ExceptionCategory | Literal[""] = ""
    is_waived: bool = False
    own: tuple[str, ...] | None = None


class Adjustment(Value, frozen=True, array_like=True, gc=False):
    """Revenue adjusted by hand; while it waits nothing of it is posted, and `category` says why. `is_reversed` once it has reversed
    itself."""

    event: RevenueAdjusted
    log_offset: int
    category: ExceptionCategory | Literal[""] = ""
    is_waived: bool = False
    is_reversed: bool = False


class Monetary(Value, frozen=True, array_like=True, gc=False):
    """What journals have on a monetary account in another currency than the ledger's, of one contract and project, by accounting period:
    amount and ledger amount. `valued` is what was unrealised of it at the end of each period that was revalued, `posted` what revaluation
    has moved of it by accounting period.

    With policy `cumulative` `left` is what is left of the amount `of` that was valued last.
    """

    moves: dict[str, tuple[Amount, Amount]] = {}
    valued: dict[str, Amount] = {}
    posted: dict[str, Amount] = {}
    left: Amount = 0
    of: Amount = 0


class Provided(Value, frozen=True, array_like=True, gc=False):
    """What journals provide for the loss of a contract (2350, credit positive), by project and accounting period: amount and ledger amount.

    `is_kept`: it follows what is required, by policy `loss_provision`. `waits` is what it waits for.
    """

    moves: dict[str, dict[str, tuple[Amount, Amount]]] = {}
    is_kept: bool = False
    waits: tuple[tuple[str, str], ...] = ()


class RefundLiability(Value, frozen=True, array_like=True, gc=False):
    """What of a contract line stands on 2320, credit positive, in contract and in ledger currency, the former also by project; `given` is
    what credit memos gave of rebates, which is off it, `beyond` what of that was published last as more than is expected, and `stated`
    what of it balances state."""

    amount: Amount = 0
    ledger: Amount = 0
    given: Amount = 0
    beyond: Amount = 0
    projects: dict[str, Amount] = {}
    stated: Amount = 0


class OpenStatement(Value, frozen=True, array_like=True, gc=False):
    """A draft of a statement that waits for approval: what was published last of it, and the rows that it holds.

    `returned` is the last revision that was returned; where that is the newest, the next one is not drafted yet. `cut_at` is the place in
    the log of what made the cut.
    """

    statement_id: str
    contract_id: str
    bill_to: str
    period: date
    to: date
    sequence: int
    revision: int
    rows: tuple[str, ...]
    published: tuple[BillingStatement, ...] = ()
    returned: int = 0
    requested_by: str | None = None
    invoice: InvoicePosted | None = None
    cut_at: int = 0


class IssuedPiece(Value, frozen=True, array_like=True, gc=False):
    """What of an entry was issued on a contract line before a statement and after it, and the cents of the line that it took."""

    entry_id: str
    line_id: str
    before: Issued | None
    after: Issued
    cents: Amount = 0


class IssuedStatement(Value, frozen=True, array_like=True, gc=False):
    """An issued statement that late work may make again until its invoice comes: as it was published last, and what it did to its entries
    and to the hours that its contract lines showed (hours, quantity)."""

    statement_id: str
    contract_id: str
    published: tuple[BillingStatement, ...]
    pieces: tuple[IssuedPiece, ...] = ()
    shown: dict[str, tuple[Hours, Hours]] = {}


class CutPeriod(Value, frozen=True, array_like=True, gc=False):
    """A closed billing period, `to` excluded, and its statement if it has one."""

    start: date
    to: date
    statement_id: str = ""


class Reissues(Value, frozen=True, array_like=True, gc=False):
    """Closed periods of a contract whose statements are issued again for late work, in order."""

    periods: tuple[CutPeriod, ...] = ()


class LateRow(Value, frozen=True, array_like=True, gc=False):
    """A row that changed what is to be billed for a closed period; looked at when the day ends."""

    contract_id: str
    entry_id: str


class StatementEntry(Value, frozen=True, array_like=True, gc=False):
    """What one entry has on one statement."""

    entry_id: str
    line_id: str
    amount: Amount
    hours: Hours


class Hold(Value, frozen=True, array_like=True, gc=False):
    hold_id: str
    version: int
    scope: str
    scope_id: str
    released: bool


class OpenException(Value, frozen=True, array_like=True, gc=False):
    """An exception that is not one of an entry's; entries keep their own.

    `count` and `amounts` (by currency) go on with every further cause; `published_count` is the count that was published last. `entries`
    are the first 100. `version` is that of the fact that was refused, where a lower one may come after it.
    """

    exception_id: str
    category: ExceptionCategory
    subject_kind: str
    subject_id: str
    contract_id: str | None = None
    project_id: str | None = None
    revision: int = 1
    message: str = ""
    person_id: str | None = None
    field: str | None = None
    count: int = 1
    published_count: int = 1
    amounts: dict[str, Amount] = {}
    entries: tuple[str, ...] = ()
    raised_at: Instant = 0
    assignee: str | None = None
    version: int = 0

    @property
    def at_stake(self) -> AtStake:
        """Nothing that one amount can say where there are several currencies."""
        if len(self.amounts) != 1:
            return AtStake()
        ((currency, amount),) = self.amounts.items()
        return AtStake(amount, currency, "fact")


class WaitingRequest(Value, frozen=True, array_like=True, gc=False):
    """A statement asked for before its contract is in force."""

    event: StatementRequested
    log_offset: int


class WaitingDelivery(Value, frozen=True, array_like=True, gc=False):
    """Units delivered on a line that no contract has yet."""

    event: UnitsDelivered
    log_offset: int


class Estimate(Value, frozen=True, array_like=True, gc=False):
    """The newest estimate to complete of a project or of one of its lines."""

    event: EstimateRevised
    log_offset: int


class Basis(Value, frozen=True, array_like=True, gc=False):
    """What the figures at completion of a project, or of one of its lines, rest on: an estimate with its place in the log and the last
    day that it counts as done, None where nothing remains, a budget, the plan of the assignments, or nothing. `markup` is what the terms
    add to the cost of hours that they charge at cost."""

    kind: str
    as_of: date | None = None
    log_offset: int = -1
    hours_stated: bool = True
    revenue_stated: bool = False
    markup: Percent | None = None


class PublishedFigures(Value, frozen=True, array_like=True, gc=False):
    """What the last forecast update said, in project currency."""

    sequence: int
    eac_cost: Amount
    eac_revenue: Amount
    margin: Amount
    burn_cost: Amount
    burn_revenue: Amount
    backlog: Amount
    percent_complete: Percent | None
    has_work_left: bool = False


class ContractShare(Value, frozen=True, array_like=True, gc=False):
    """What a project adds to the sums of its contract: cost at completion, and the most that it may earn by then. That is its revenue at
    completion where all work to come is valued, else what hard caps allow (`by_cap`); None where nothing says it. `elsewhere` where another
    system bills work of it."""

    contract_id: str
    eac_cost: Amount = 0
    revenue_max: Amount | None = None
    by_cap: bool = False
    elsewhere: bool = False


class ContractAtCompletion(Value, frozen=True, array_like=True, gc=False):
    """What the projects of a contract come to at completion; of `unknown` of them it is not known what they may earn, and of `elsewhere` of
    those another system bills work. `is_paid` once revenue at completion of some project was not zero; `settled` is the loss that somebody
    has settled. Owner: `state/forecast/loss.py`."""

    cost: Amount = 0
    revenue: Amount = 0
    projects: int = 0
    unknown: int = 0
    is_paid: bool = False
    settled: Amount = 0
    elsewhere: int = 0


class Inclusion(Value, frozen=True, array_like=True, gc=False):
    """Hours that a line's price includes in all, and the rate of those beyond; `is_alone` where no other line takes the project's time."""

    hours: Hours
    overage_rate: Rate
    is_alone: bool


class LineEarning(Value, frozen=True, array_like=True, gc=False):
    """How a contract line earns: `total` is all that its terms come to, None where nothing is agreed ahead; `rated` whether hours that
    come earn, `inclusion` what of them is included in a price, `before_caps` whether they are worth what those so far were before caps,
    where they are the line's own; `whole_before_caps` where they are of the whole project."""

    contract_id: str
    line_id: str
    currency: str
    total: Amount | None = None
    rated: bool = False
    inclusion: Inclusion | None = None
    before_caps: bool = False
    whole_before_caps: bool = False


class Forecast(Value, frozen=True, array_like=True, gc=False):
    """What a project's forecast rests on and what was last published of it; `billed` and `due` are by month and currency (`2026-03|EUR`).

    `ceiling` is the most revenue that hard caps over the whole term allow, `planned_rate` the average rate of the planned hours, both in
    project currency; a change of cost or revenue at completion above its limit is published at once. `earning` is of the project's lines,
    where some of them earn otherwise than by hours alone. `set_aside` is what was published last, by its currency, while the project has
    another. `share` is what the project counts for in the first of its contracts, where it does. `ceilings` are the most that hard caps
    allow to lines that count on their own, and those by month to the project.
    """

    currency: str
    zone: str
    legal_entity_id: str | None = None
    bases: dict[str, Basis] = {}
    planned_rate: Rate = 0
    ceiling: Amount | None = None
    limit_cost: Amount = 0
    limit_revenue: Amount = 0
    sequence: int = 0
    view_version: int = 0
    published: PublishedFigures | None = None
    digest: str = ""
    billed: dict[str, Amount] = {}
    due: dict[str, Amount] = {}
    noted: tuple[ExceptionCategory, ...] = ()
    earning: tuple[LineEarning, ...] = ()
    set_aside: dict[str, PublishedFigures] = {}
    share: ContractShare | None = None
    ceilings: dict[str, Amount] = {}


class BookedProgress(Value, frozen=True, array_like=True, gc=False):
    """Hours, cost and revenue by currency: booked, and the floor at completion."""

    now: dict[str, tuple[Hours, Amount, Amount]] = {}
    floor: dict[str, tuple[Hours, Amount, Amount]] = {}


class ForecastState(Value, frozen=True, array_like=True, gc=False):
    """Where a project is heading; changes with every piece of work.

    `progress` is by contract line where lines have estimates of their own, else one for the project (""). `changes` are cost and revenue
    at completion by cause since the last update. `days` are the service days from `since` on (both as ordinals), by currency, which change
    in place.
    `until` is the end of the day at which the project is visited, 0 when nothing is to be reported.
    """

    progress: dict[str, BookedProgress]
    eac_cost: Amount = 0
    eac_revenue: Amount = 0
    changes: dict[str, tuple[Amount, Amount]] = {}
    days: dict[str, dict[int, tuple[Hours, Amount, Amount]]] = {}
    since: int = 0
    until: Instant = 0
    stale: bool = False


class OpeningPiece(Value, frozen=True, array_like=True, gc=False):
    """What of a row was billed before the books begin, on one statement, and what that took in ledger currency of where the row stands."""

    statement_id: str
    bill_to: str
    entry_id: str
    line_id: str
    amount: Amount
    hours: Hours
    quantity: Quantity = 0
    ledger: Amount = 0


class OpeningJournal(Value, frozen=True, array_like=True, gc=False):
    """A journal of balances that stands: what it is about by kind, id and version, and what its reversal mirrors."""

    kind: str
    id: str
    version: int
    receipt: Receipt
    customer_id: str = ""


class BroughtForward(Value, frozen=True, array_like=True, gc=False):
    """Balances of a project: the newest that were stated, and those that are in the books (`loaded`).

    `journals` are those of what was billed and paid by then, `statements` what stands for its bills, `pieces` what these took,
    `receivables` as the invoices were opened, `billed` and `due` what they add to the months
    of the forecast. `rows` are those of the work, `milestones` those that it stated. `category` says why the newest waits. `carried` is
    what accounts of contracts in other currencies were brought to, by contract, row and account.
    """

    event: BalancesBroughtForward
    log_offset: int
    loaded: BalancesBroughtForward | None = None
    journals: tuple[OpeningJournal, ...] = ()
    statements: tuple[str, ...] = ()
    pieces: tuple[OpeningPiece, ...] = ()
    receivables: tuple[Receivable, ...] = ()
    billed: dict[str, Amount] = {}
    due: dict[str, Amount] = {}
    rows: tuple[str, ...] = ()
    milestones: tuple[str, ...] = ()
    category: ExceptionCategory | Literal[""] = ""
    waits: tuple[tuple[str, str], ...] = ()
    carried: dict[str, Amount] = {}


class Fact(Value, frozen=True, array_like=True, gc=False):
    """Newest version of a fact whose event is not kept."""

    version: int
    digest: str


PART_KINDS: dict[str, Any] = {
    "project": Project,
    "assignments": Assignments,
    "contract": Contract,
    "line": LineTotals,
    "cap": CapState,
    "bucket": CapBucket,
    "liability": Liability,
    "statement": StatementState,
    "hold": Hold,
    "exception": OpenException,
    "estimate": Estimate,
    "forecast": Forecast,
    "outlook": ForecastState,
    "contract_outlook": ContractAtCompletion,
    "fact": Fact,
    "request": WaitingRequest,
    "fees": LineFees,
    "milestone": Acceptance,
    "reports": Reports,
    "variable_consideration": ItemRevisions,
    "delivery": WaitingDelivery,
    "receivable": Receivable,
    "credits": InvoiceCredits,
    "credit_memo": WaitingCredit,
    "payment": Payment,
    "payment_application": CashApplication,
    "write_off": WriteOff,
    "revenue_adjustment": Adjustment,
    "retention": RetentionAccount,
    "monetary": Monetary,
    "provision": Provided,
    "refund": RefundLiability,
    "draft": OpenStatement,
    "issued": IssuedStatement,
    "reissues": Reissues,
    "late": LateRow,
    "index": dict[str, tuple[str, ...]],
    "funding": FundingNotice,
    "passing": Passing,
    "spending": Spending,
    "spent": SpentInMonth,
    "line_estimates": EstimatesOfLine,
    "early_answer": JournalStanding,
    "control_total": SourceTotal,
    "brought_forward": BroughtForward,
}
