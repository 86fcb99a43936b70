"""Rows that share what their line's terms include: hours of milestones, hours or money of a retainer (R28, R30).

A row draws in consumption order (R16) and is charged for what goes beyond. What is issued, or was cut with nothing to bill, comes first
and keeps what it drew. What it gives back goes to the first that goes beyond; where that is issued too, as a correction (R19).
"""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple, Self

from msgspec.structs import replace

from domain.billing import methods
from domain.billing.draw_down import Share, add, draw, less
from domain.billing.kind import IN_MONEY, WITH_CHARGE, WITH_INVOICE, Claim, Draws, Known, Store
from domain.caps import Order, order_of
from domain.events.common import Terms
from domain.money import extend, round_ratio
from domain.rows import EXPENSE
from domain.units import Amount, Hours
from domain.zones import local_date
from state.allot import change
from state.assess import worked_hours
from state.books import Contract, Entry, Price, Work
from state.claims import Stake, keeping, stake_of
from state.draft import Draft
from state.given_up import fitted
from state.plan import LinePlan, plan_of
from state.repricing import reprice
from state.terms_known import agreed_versions, known_of
from state.totals import issued_on, standing_price

NOTHING: Draws = MappingProxyType({})
# Of periods to come only the next matter.
LOOK_AHEAD = timedelta(days=400)


def draws(work: Work, plan: LinePlan) -> bool:
    """Time does, and expenses do where money is drawn."""
    return work.time is not None or (plan.draws == IN_MONEY and work.charge is not None and work.charge.kind == EXPENSE)


def drawn_price(draft: Draft, entry: Entry, work: Work, price: Price, plan: LinePlan) -> Price:
    """The price of work that comes now: what it draws, and what it is charged beyond that."""
    row = _row(entry.entry_id, work, price, plan)
    return _shared(row, _shares(draft, row, entry)[entry.entry_id])


def settle(draft: Draft, contract: Contract, line_id: str) -> None:
    """Give the rows of the line that are not issued their share, the difference posted."""
    if all(methods.draws_in(agreed.line.terms) is None for agreed in agreed_versions(draft, contract, line_id)):
        return
    rows, shares = _all_shares(draft, contract, line_id, _waiting(draft, contract, line_id), None)
    for row in rows:
        entry = draft.entry(row.entry_id)
        price = standing_price(entry) if entry is not None else None
        share = shares[row.entry_id]
        if price is not None and _content(price) == _wanted(row, share):
            continue
        before = stake_of(entry) if entry is not None else None
        if entry is None or before is None:
            continue
        wanted = _shared(row, share)
        wanted = fitted(entry, keeping(row.plan, before.price, wanted if row.is_issued else replace(wanted, given=0)))
        issued = before.issued if row.is_issued else 0
        stake = Stake(row.entry_id, row.work.person_id, wanted, issued)
        allotted = change(draft, (row.plan, before), (row.plan, stake))
        assert allotted is not None, "a claim was made"
        current = draft.entry(row.entry_id)
        assert current is not None, "the entry was there before"
        draft.put_entry(current, reprice(draft, current, row.plan, allotted, "draw_down"))


class _Row(NamedTuple):
    """`asked` is all that the row is worth, or its hours: what it is charged for, and what it draws by now. `kept` is what it has for good,
    since it was issued so, `claim` what it asks for besides.
    """

    entry_id: str
    work: Work
    price: Price
    plan: LinePlan
    order: Order
    asked: int
    claim: Claim
    is_issued: bool = False
    kept: Draws = NOTHING

    @property
    def in_money(self) -> bool:
        return self.plan.draws == IN_MONEY

    def keeping(self, kept: Draws) -> Self:
        return self._replace(kept=kept, claim=self.claim._replace(asked=self.asked - _quantity(kept)))


class _Read(NamedTuple):
    """What an entry was read as: no row where it draws nothing."""

    entry: Entry
    row: _Row | None


class _Rows(NamedTuple):
    """Rows of a line as they were read last, under one reading of the contract."""

    contract: Contract
    read: dict[str, _Read]


class _Stores(NamedTuple):
    """Stores by day, as they are by what is known of a line besides what is drawn."""

    known: Known
    by_day: dict[date, Sequence[Store]]


def _row(entry_id: str, work: Work, price: Price, plan: LinePlan) -> _Row:
    charged = price.value if plan.draws == IN_MONEY else price.hours
    asked = charged + _quantity(price.drawn or NOTHING)
    order = order_of(price.day, price.approved_at, entry_id, by_approval=False)
    return _Row(entry_id, work, price, plan, order, asked, Claim(entry_id, price.day, asked))


def _shares(draft: Draft, own: _Row, entry: Entry) -> dict[str, Share]:
    contract = draft.contract(own.plan.contract_id)
    assert contract is not None, "the plan is of a contract in the books"
    line_id = own.plan.line.line_id
    others = [row for row in _waiting(draft, contract, line_id) if row.entry_id != own.entry_id]
    known = standing_price(entry)
    left = known if known is not None and _is_on(known, contract, line_id) else None
    if left is not None and left.drawn and issued_on(entry, contract.contract_id, line_id) is not None:
        own = own._replace(is_issued=True)
    _, shares = _all_shares(draft, contract, line_id, others, (own, left))
    return shares


def _all_shares(
    draft: Draft, contract: Contract, line_id: str, waiting: Sequence[_Row], coming: tuple[_Row, Price | None] | None
) -> tuple[list[_Row], dict[str, Share]]:
    """The rows that move, and their shares; `coming` is one that is not in the line's sums yet, with the price that it gives up."""
    taken = less(
        draft.line(contract.contract_id, line_id).drawn,
        (row.price.drawn or {} for row in waiting if not row.is_issued),
    )
    own, left = coming if coming is not None else (None, None)
    if left is not None:
        taken = add(taken, left.drawn or {}, -1)
    known = known_of(draft, contract, line_id)
    rows = [*waiting, *([own] if own is not None else ())]
    rows += _beyond(draft, contract, line_id, known, taken, {row.entry_id for row in rows})
    if not rows:
        return [], {}
    plan = rows[0].plan

    def rounded(numerator: int, denominator: int) -> Amount:
        return round_ratio(numerator, denominator, plan.step, plan.policies.money_mode)

    of_day = _stores(draft, contract, line_id, known)

    def stores(day: date) -> Sequence[Store]:
        if day not in of_day.by_day:
            of_day.by_day[day] = methods.stores(_held_on(of_day.known, day), of_day.known, day)
        return of_day.by_day[day]

    if own is not None and left is not None and own.is_issued:
        again = Claim(own.entry_id, own.price.day, min(own.asked, _quantity(left.drawn or {})))
        kept = draw(stores, taken, (again,), rounded)[own.entry_id].drawn
        taken = add(taken, kept, 1)
        rows = [row.keeping(kept) if row is own else row for row in rows]
    shares = draw(stores, taken, [row.claim for row in sorted(rows, key=attrgetter("order"))], rounded)
    for row in rows:
        if row.kept:
            share = shares[row.entry_id]
            shares[row.entry_id] = share._replace(drawn=add(row.kept, share.drawn, 1))
    return rows, shares


def _quantity(drawn: Draws) -> int:
    return sum(quantity for quantity, _ in drawn.values()) if drawn else 0


def _stores(draft: Draft, contract: Contract, line_id: str, known: Known) -> _Stores:
    """What is included does not depend on what is drawn, so that it is asked for once a day until something else is known."""
    known = known._replace(drawn=NOTHING)
    key = ("stores", contract.contract_id, line_id)
    found: _Stores | None = draft.plans.get(key)
    if found is None or found.known != known:
        found = draft.plans[key] = _Stores(known, {})
    return found


def _beyond(
    draft: Draft, contract: Contract, line_id: str, known: Known, taken: Draws, without: Collection[str]
) -> list[_Row]:
    """Rows issued as beyond what is included, where that is not all taken by those that have it for good."""
    until = local_date(draft.cause.recorded_at, "UTC") + LOOK_AHEAD
    since = methods.draws_since((agreed.line.terms for agreed in known.held), known, taken, until)
    if since is None:
        return []
    entries = draft.beyond_on(contract.contract_id, line_id, since.isoformat())
    return _rows(draft, contract, line_id, [entry for entry in entries if entry.entry_id not in without], "beyond")


def _held_on(known: Known, day: date) -> Terms:
    """The terms that hold on a day; before the first, the first."""
    return next((one for one in reversed(known.held) if one.since <= day), known.held[0]).line.terms


def _waiting(draft: Draft, contract: Contract, line_id: str) -> list[_Row]:
    """Those that are not issued as they are."""
    return _rows(draft, contract, line_id, draft.open_on(contract.contract_id, line_id), "waiting")


def _rows(draft: Draft, contract: Contract, line_id: str, entries: Sequence[Entry], kind: str) -> list[_Row]:
    """Every event of a line looks at all of them, and few have changed since the last: an entry is read again where it has."""
    key = ("drawn", kind, contract.contract_id, line_id)
    known: _Rows | None = draft.plans.get(key)
    before = known.read if known is not None and known.contract is contract else {}
    read = {}
    for entry in entries:
        had = before.get(entry.entry_id)
        is_same = had is not None and had.entry is entry
        read[entry.entry_id] = (
            had if had is not None and is_same else _Read(entry, _read(draft, contract, line_id, entry))
        )
    draft.plans[key] = _Rows(contract, read)
    return [one.row for one in read.values() if one.row is not None]


def _read(draft: Draft, contract: Contract, line_id: str, entry: Entry) -> _Row | None:
    price, work = standing_price(entry), entry.standing
    if price is None or work is None or price.drawn is None or not _is_on(price, contract, line_id):
        return None
    plan = plan_of(draft, price)
    if plan is None or plan.draws is None:
        return None
    row = _row(entry.entry_id, work, price, plan)
    is_issued = issued_on(entry, contract.contract_id, line_id) is not None
    return row.keeping(price.drawn)._replace(is_issued=True) if is_issued else row


def _is_on(price: Price, contract: Contract, line_id: str) -> bool:
    return (price.contract_id, price.line_id) == (contract.contract_id, line_id)


def _shared(row: _Row, share: Share) -> Price:
    hours, value, earned, drawn = _wanted(row, share)
    return replace(row.price, hours=hours, value=value, earned=earned, stepped=True, drawn=dict(drawn))


def _wanted(row: _Row, share: Share) -> tuple[Hours, Amount, Amount | None, Draws]:
    """What goes beyond is charged: hours at their rate, money as it is, with the hours that it pays for."""
    price, plan = row.price, row.plan
    if row.in_money:
        value, hours = share.beyond, _hours_of(row, share.beyond)
    else:
        hours = share.beyond
        value = extend(hours, price.rate, price.markup, price.currency, plan.policies.money_mode) if hours else 0
    earned = None if plan.timing == WITH_CHARGE else 0
    if plan.timing not in (WITH_CHARGE, WITH_INVOICE):
        earned = value + sum(earned for _, earned in share.drawn.values())
    return hours, value, earned, share.drawn


def _hours_of(row: _Row, value: Amount) -> Hours:
    """To show (R17): of time, what of its hours the value pays for."""
    event = row.work.time
    if event is None or not value:
        return 0
    terms, policies = row.plan.line.terms, row.plan.policies
    hours = methods.billable_hours(terms, worked_hours(event), event.billable_hours, policies)
    return hours if value == row.asked else round_ratio(value * hours, row.asked, 1, "half_up")


def _content(price: Price) -> tuple[object, ...]:
    return price.hours, price.value, price.earned, price.drawn
