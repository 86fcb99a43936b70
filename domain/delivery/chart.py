"""Where a company's journals and statements go in its ERP: accounts, segments, and the ERP's ids of what both know.

Of the rules of an account the first that fits counts, and a rule with more conditions is asked before one with fewer:

    4000 of practice structures in region north     4110
    4000 of practice structures                     4100
    4000                                            4000

An account that no rule maps, or a value that a segment's map has not got, is `Unmapped`: nothing of that journal is sent before the chart
is mended, and money stands nowhere that a person has not named.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, NamedTuple

from domain.delivery.documents import Segment
from domain.outputs import JournalEntry, JournalLine

# How journals are put together to one of the ERP.
ENTRY: Final = "entry"
PROJECT_DAY: Final = "project_day"
ENTITY_DAY: Final = "entity_day"
PERIOD: Final = "period"
GRAINS: Final = (ENTRY, PROJECT_DAY, ENTITY_DAY, PERIOD)

# Dimensions that every line has by itself, beside those that facts state.
OWN_DIMENSIONS: Final = ("project", "contract", "customer", "purpose", "currency")

# What `Unmapped.missing` is, where it is not a segment.
ACCOUNT: Final = "account"
CURRENCY: Final = "currency"
FISCAL_PERIOD: Final = "period"
CUSTOMER: Final = "customer"
ITEM: Final = "item"

# What an invoice line is about, to map to the ERP's item.
TIME: Final = "time"
EXPENSE: Final = "expense"
DELIVERY: Final = "delivery"
FEE: Final = "fee"
RETENTION: Final = "retention"
DEPOSIT: Final = "deposit"
ITEM_KINDS: Final = (TIME, EXPENSE, DELIVERY, FEE, RETENTION, DEPOSIT)


class AccountRule(NamedTuple):
    """`where` are dimensions that a line must have, all of them; none: every line of the role."""

    account: str
    where: tuple[tuple[str, str], ...] = ()


class SegmentRule(NamedTuple):
    """The ERP's dimension `name` is our `dimension`, by `values` or, where there are none, as it stands.

    `default` is for lines without the dimension, which else have no such segment. `roles` limits it to some accounts.
    """

    name: str
    dimension: str
    values: Mapping[str, str] = {}
    default: str | None = None
    roles: frozenset[str] = frozenset()


class Unmapped(NamedTuple):
    """What the chart has no place for: `missing` is account, currency, period, customer, item or the segment's name, `role` ours of it.

    `journals` are those that wait for it.
    """

    missing: str
    role: str
    dimensions: tuple[tuple[str, str], ...] = ()
    journals: tuple[str, ...] = ()

    def __str__(self) -> str:
        about = ", ".join(f"{name} {value}" for name, value in self.dimensions)
        return f"no {self.missing} of the ERP for {self.role}{f' ({about})' if about else ''}"


class ErpAccount(NamedTuple):
    account: str
    segments: tuple[Segment, ...]


class EntityChart(NamedTuple):
    """One company's `[entities.ID]`. Without any currencies, or periods, all go by our code, or name; with some, all must be there.

    The ERP issues the invoices of statements whose period ends on `invoices_from` or later; None: of none.

    `grains_from` are changes of the grain, oldest first: each counts for journals of accounting dates from its day on, so that what was
    sent under another grain keeps its key. `bills_by_item`: the ERP takes no line of an invoice without an item.
    """

    legal_entity_id: str
    erp: str
    grain: str = ENTRY
    subsidiary: str = ""
    invoices_from: date | None = None
    currencies: Mapping[str, str] = {}
    periods: Mapping[str, str] = {}
    customers: Mapping[str, str] = {}
    items: Mapping[str, str] = {}
    accounts: Mapping[str, tuple[AccountRule, ...]] = {}
    segments: tuple[SegmentRule, ...] = ()
    grains_from: tuple[tuple[date, str], ...] = ()
    bills_by_item: bool = False

    def grain_on(self, accounting_date: date) -> str:
        return next((grain for day, grain in reversed(self.grains_from) if day <= accounting_date), self.grain)

    @property
    def issues_invoices(self) -> bool:
        return self.invoices_from is not None

    def issues_invoices_of(self, day: date) -> bool:
        return self.invoices_from is not None and day >= self.invoices_from

    def mapped(self, role: str, dimensions: Mapping[str, str]) -> ErpAccount | Unmapped:
        account = self._account(role, dimensions)
        if account is None:
            asked = {name for rule in self.accounts.get(role, ()) for name, _ in rule.where}
            return Unmapped(ACCOUNT, role, tuple(sorted((name, dimensions.get(name, "")) for name in asked)))
        found = []
        for rule in self.segments:
            if rule.roles and role not in rule.roles:
                continue
            value = _value(rule, dimensions)
            if value is None and rule.dimension in dimensions:
                return Unmapped(rule.name, role, ((rule.dimension, dimensions[rule.dimension]),))
            if value is not None:
                found.append(Segment(rule.name, value))
        return ErpAccount(account, tuple(found))

    def customer(self, customer_id: str) -> str | None:
        """Ours where the chart has no customers at all; None where it has some and not this one."""
        return self.customers.get(customer_id) if self.customers else customer_id

    def unnamed(self, currency: str, period: str | None = None) -> Iterator[Unmapped]:
        """Of a journal's or an invoice's currency and period those that the chart should have an id of and has none."""
        if self.currencies and currency not in self.currencies:
            yield Unmapped(CURRENCY, currency)
        if self.periods and period is not None and period not in self.periods:
            yield Unmapped(FISCAL_PERIOD, period)

    def _account(self, role: str, dimensions: Mapping[str, str]) -> str | None:
        fitting = (rule for rule in self.accounts.get(role, ()) if _fits(rule, dimensions))
        # Of equally many conditions the first that is written.
        best = max(fitting, key=lambda rule: len(rule.where), default=None)
        return None if best is None else best.account


def dimensions_of(journal: JournalEntry, line: JournalLine) -> Mapping[str, str]:
    """All that rules and segments may ask for of a line."""
    own = (line.project_id, journal.contract_id, journal.customer_id, line.purpose, journal.currency)
    known = {name: value for name, value in zip(OWN_DIMENSIONS, own, strict=True) if value}
    return {**line.dimensions, **known}


def used_dimensions(chart: EntityChart) -> Iterator[str]:
    """Names that rules or segments of the chart ask for."""
    for rules in chart.accounts.values():
        for rule in rules:
            yield from (name for name, _ in rule.where)
    yield from (segment.dimension for segment in chart.segments)


def _fits(rule: AccountRule, dimensions: Mapping[str, str]) -> bool:
    return all(dimensions.get(name) == value for name, value in rule.where)


def _value(rule: SegmentRule, dimensions: Mapping[str, str]) -> str | None:
    ours = dimensions.get(rule.dimension)
    if ours is None:
        return rule.default
    return rule.values.get(ours) if rule.values else ours
