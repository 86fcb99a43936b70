"""Statement lines: entries of one contract line, project, person, task, role, rate, markup and set of flags stand together.

Work corrected after issue has a line of its own: new less issued. The total is the sum of the printed lines (R11).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.billing.shares import Party
from domain.events.reference import CustomerDefined
from domain.money import extend, round_ratio, smallest_unit
from domain.policies import Resolved
from domain.sums import summed
from domain.units import AMOUNT_SCALE, QUANTITY_ONE, QUANTITY_SCALE, RATE_SCALE, Amount, Hours, Percent, Quantity, Rate
from domain.work.increments import billable_hours

CORRECTION = "correction"
PRIOR_PERIOD = "prior_period"
ADJUSTED_FOR_CAP = "adjusted_for_cap"
ADJUSTED_FOR_ORDER = "adjusted_for_purchase_order"
EACH, HOUR = "each", "hour"
# What the status of a statement says; a draft is open.
OPEN, ISSUED, SUPERSEDED = "open", "issued", "superseded"
# A line names at most so many entries; more begin another line.
ENTRIES_A_LINE = 1_000


class Piece(NamedTuple):
    """What one entry brings to a statement: the amount and hours due now. `split` is how payers share it, where several do, and `share`
    that of the statement's. `sources` pay it, where they fund the contract. `finer` are microseconds that the hours leave out. `place` is
    that of an entry in the balances of before. Hours that are `stated` take no steps."""

    entry_id: str
    line_id: str
    project_id: str
    person_id: str
    task: str | None
    role: str | None
    rate: Rate
    markup: Percent
    day: date
    amount: Amount
    hours: Hours
    whole: bool
    flags: tuple[str, ...]
    description: str | None
    quantity: Quantity = 0
    unit: str = "hour"
    split: tuple[Party, ...] = ()
    share: Percent = 0
    sources: tuple[tuple[str, Amount], ...] = ()
    finer: int = 0
    place: int = 0
    stated: bool = False


class LinePieces(NamedTuple):
    """The pieces of one statement line, in consumption order, with what these come to."""

    pieces: Sequence[Piece]
    amount: Amount
    hours: Hours

    @property
    def first(self) -> Piece:
        return self.pieces[0]

    @property
    def finer(self) -> int:
        return sum(piece.finer for piece in self.pieces)

    @property
    def sources(self) -> dict[str, Amount]:
        """What each source that funds the contract pays of the line, by id."""
        return dict(sorted(summed(one for piece in self.pieces for one in piece.sources).items()))


def grouped(pieces: Sequence[Piece]) -> list[LinePieces]:
    """Lines ordered by contract line, flags, person, task, role and rate; what sources fund stands apart from what they do not."""
    groups: dict[tuple[object, ...], list[Piece]] = {}
    for piece in pieces:
        key = (
            piece.line_id,
            piece.flags,
            piece.project_id,
            piece.person_id,
            piece.place,
            piece.task or "",
            piece.role or "",
            piece.rate,
            piece.markup,
            piece.entry_id if CORRECTION in piece.flags or piece.unit != "hour" else "",
            piece.split,
            bool(piece.sources),
        )
        groups.setdefault(key, []).append(piece)
    return [
        LinePieces(part, sum([piece.amount for piece in part]), sum([piece.hours for piece in part]))
        for key in sorted(groups)
        for start in range(0, len(groups[key]), ENTRIES_A_LINE)
        for part in (groups[key][start : start + ENTRIES_A_LINE],)
    ]


def line_amount(group: LinePieces, policies: Resolved, currency: str) -> Amount:
    """The printed amount; where policy rounds the line rather than its entries, that of the whole quantity (R9, R10)."""
    mode = policies.money_mode
    if CORRECTION in group.first.flags or not all(piece.whole for piece in group.pieces):
        return group.amount
    if policies.increment_scope == "statement_line" and (policies.increment_minutes or policies.minimum_minutes):
        hours = _in_steps(group, policies)
        finer = group.finer if hours == group.hours else 0
        return extend(hours, group.first.rate, group.first.markup, currency, mode, finer)
    if policies.rounding_scope == "line":
        return extend(group.hours, group.first.rate, group.first.markup, currency, mode, group.finer)
    return group.amount


def line_hours(group: LinePieces, policies: Resolved) -> Hours:
    if (
        policies.increment_scope == "statement_line"
        and CORRECTION not in group.first.flags
        and all(p.whole for p in group.pieces)
    ):
        return _in_steps(group, policies)
    return group.hours


def _in_steps(group: LinePieces, policies: Resolved) -> Hours:
    minutes, minimum = policies.increment_minutes, policies.minimum_minutes
    stepped = [piece for piece in group.pieces if not piece.stated]
    hours, finer = sum(piece.hours for piece in stepped), sum(piece.finer for piece in stepped)
    return group.hours - hours + billable_hours(hours, minutes, policies.increment_mode, minimum, finer)


def shown_quantity(hours_before: Hours, quantity_before: Hours, hours: Hours, decimals: int) -> Hours:
    """The quantity to print: rounded cumulatively over the contract line, so that quantities add up; never used for pricing."""
    return round_ratio(hours_before + hours, 1, 10 ** (6 - decimals), "half_up") - quantity_before


class Printed(NamedTuple):
    """What multiplies to a line's amount."""

    quantity: Quantity
    unit: str
    rate: Rate
    markup: Percent


def is_at_its_rate(group: LinePieces, amount: Amount, policies: Resolved, currency: str) -> bool:
    """Whether hours at the rate are the amount, but for the rounding of old and new; not where the rate was corrected after issue."""
    if CORRECTION not in group.first.flags:
        return True
    apart = extend(group.hours, group.first.rate, group.first.markup, currency, policies.money_mode) - amount
    return abs(apart) <= smallest_unit(currency)


def one_piece(amount: Amount) -> Printed:
    return Printed(QUANTITY_ONE, EACH, amount * 10 ** (RATE_SCALE - AMOUNT_SCALE), 0)


def printed_charge(piece: Piece, amount: Amount, currency: str, mode: str) -> Printed:
    """The quantity at its rate; of a difference to what was issued at another rate what a unit of it comes to, or one piece of the amount.

    20 calls fewer, which leave 40.00 of 50.00: -20 at 0.50; the same 5 calls for 40.00 instead of 50.00: 1 at -10.00
    """
    if extend(piece.quantity, piece.rate, piece.markup, currency, mode) == amount:
        return Printed(piece.quantity, piece.unit, piece.rate, piece.markup)
    if piece.quantity * amount > 0 and piece.unit != EACH:
        rate = round_ratio(amount * 10 ** (QUANTITY_SCALE + RATE_SCALE - AMOUNT_SCALE), piece.quantity, 1, mode)
        if extend(piece.quantity, rate, 0, currency, mode) == amount:
            return Printed(piece.quantity, piece.unit, rate, 0)
    return one_piece(amount)


def rounding_note(policies: Resolved, currency: str) -> str:
    return f"{policies.rounding_scope}, {policies.money_mode}, {smallest_unit(currency)}/10000 {currency}"


def due_on(issued_on: date | None, customer: CustomerDefined | None, asked: Amount) -> date | None:
    """Day by which what is asked for, tax included, is to be paid; None where terms of payment are not known.

    Issued on 2026-07-01 to a customer who pays in 30 days: 2026-07-31
    """
    if issued_on is None or customer is None or customer.payment_terms_days is None or asked <= 0:
        return None
    return due_after(issued_on, customer.payment_terms_days)


def due_after(day: date, payment_terms_days: int) -> date:
    return day + timedelta(days=payment_terms_days)
