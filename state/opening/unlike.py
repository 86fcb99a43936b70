"""What of balances shows as wrong only when their rows are in the books: what is stated as earned, as billed or on open invoices, and is
not what their rows come to."""

from collections.abc import Iterable, Iterator, Sequence

from domain.caps.consume import MONTH, CapRule, counting, limit_on
from domain.contract import category_of
from domain.events.commercial import BalancesBroughtForward
from domain.money import format_amount, format_decimal
from domain.receivables.opening import without_source
from domain.sums import summed
from domain.terms.kind import NO_REVENUE, WITH_INVOICE
from domain.units import HOURS_SCALE
from domain.work.rows import BEFORE_MONTH, is_of_earlier_month
from state.books import Entry
from state.caps.claims import FOR_REVENUE, MAIN, consumption_of, granted_of
from state.draft import Draft
from state.opening.billed import TakenRow, bills_of, by_bill, invoiced_by_line
from state.opening.caps import TakenByCaps, binds_billing_alone, rows_of, some_bind_revenue, stated_of, taken_by
from state.opening.entries import by_category_apart
from state.opening.loading import OR_BEGIN, UNBILLED_REST, Loading
from state.opening.stated import DIFFERS, SHARED, OpeningFault, Stated, is_of_whole_line, row_of
from state.opening.worked import is_part, last_of_ended, opening_rows, rows_of_line, worked_of
from state.terms.plan import plan_of
from state.totals import month_of, standing_price


def unearned(draft: Draft, loading: Loading, before: BalancesBroughtForward | None) -> Iterator[OpeningFault]:
    """Lines whose revenue is stated as more, or less, than what their rows earn: caps or prices of the terms leave another.

    Rows of a line that is as the load `before` had it have earned since what came to them.
    """
    currency = loading.slot.currency
    had = {(one.contract_id, one.line_id): without_source(one) for one in before.lines} if before else {}
    for stated in loading.lines:
        balance, line_id = stated.balance, stated.balance.line_id
        if had.get((balance.contract_id, line_id)) == without_source(balance):
            continue
        if balance.unbilled_ended and last_of_ended(draft, loading) is None:
            message = (
                f"expected 0, as every billing period that has ended by {loading.event.as_of} is billed, got "
                f"{format_amount(balance.unbilled_ended, currency)} {currency}"
            )
            yield stated.differs("unbilled_ended", message)
        yield from _unlike_entries(draft, loading, stated)
        yield from _unlike_taken(draft, loading, stated)
        yield from _unlike_over(draft, loading, stated)
        if stated.plan.timing in (WITH_INVOICE, NO_REVENUE):
            continue
        rows = rows_of_line(draft, loading, stated)
        earned = sum(price.earns for entry in rows if (price := standing_price(entry)) is not None)
        if earned != balance.revenue:
            there, revenue = format_amount(earned, currency), format_amount(balance.revenue, currency)
            message = (
                f"{revenue} {currency} are stated as revenue, but by its terms and caps {there} are earned by {loading.event.as_of}; "
                f"correct revenue, cap_used, over_cap or units, {OR_BEGIN}"
            )
            yield stated.differs("revenue", message)


def _unlike_taken(draft: Draft, loading: Loading, stated: Stated) -> Iterator[OpeningFault]:
    """Caps that its rows have taken more of, or less, than is stated: what is left of them would be another. Of what is stated in amount
    or in hours alone the other follows; what is stated of none may be stated with another line of the cap."""
    balance, as_of = stated.balance, loading.event.as_of
    for rule in stated.plan.every_rule:
        if not is_of_whole_line(rule.cap_id, balance.line_id):
            continue
        said, got = stated_of(balance, rule, as_of), _taken_by_rows(draft, loading, stated, rule)
        is_said, currency, measures = bool(said.amount or said.hours), loading.slot.currency, []
        if not is_said and (
            not _has_work_under(draft, loading, stated, rule) or _is_stated_together(draft, loading, rule)
        ):
            continue
        if (
            any(limit.amount is not None for limit in rule.limits)
            and said.amount != got.amount
            and (said.amount or not is_said)
        ):
            measures.append(tuple(f"{format_amount(each, currency)} {currency}" for each in (said.amount, got.amount)))
        if (
            any(limit.hours is not None for limit in rule.limits)
            and said.hours != got.hours
            and (said.hours or not is_said)
        ):
            measures.append(tuple(f"{format_decimal(each, HOURS_SCALE)} h" for each in (said.hours, got.hours)))
        cap = rule.cap_id.removeprefix(SHARED) + "".join(row_of(one.source_row) for one in rows_of(balance, rule))
        for expected, has in measures:
            message = (
                f"cap {cap}: {expected} are stated as taken, but by its revenue, billed, over_cap and hours {has} are; correct them, "
                f"{OR_BEGIN}"
            )
            yield stated.differs("caps", message)


def _unlike_over(draft: Draft, loading: Loading, stated: Stated) -> Iterator[OpeningFault]:
    """Where caps limit billing alone what is over them is in revenue, which does not tell whether as much is over as is stated."""
    balance, as_of = stated.balance, loading.event.as_of
    if not balance.over_cap or not any(binds_billing_alone(rule, as_of) for rule in stated.plan.every_rule):
        return
    yield from _unclear_over(draft, loading, stated)
    prices = [standing_price(row) for row in opening_rows(draft, loading, stated)]
    over = sum(price.chargeable - price.billable for price in prices if price is not None)
    if over != balance.over_cap:
        currency = loading.slot.currency
        has, got = format_amount(over, currency), format_amount(balance.over_cap, currency)
        message = (
            f"over_cap: expected {has} {currency}, by its revenue, billed and caps, got {got}; correct them, {OR_BEGIN}"
        )
        yield stated.differs("over_cap", message)


def _unclear_over(draft: Draft, loading: Loading, stated: Stated) -> Iterator[OpeningFault]:
    """Unbilled work that a cap by month of billing alone has not taken, beside a cap of revenue that has: of months before, or over it."""
    as_of, currency = loading.event.as_of, loading.slot.currency
    months = [rule for rule in stated.plan.every_rule if rule.period == MONTH and binds_billing_alone(rule, as_of)]
    rows = [
        row for row in opening_rows(draft, loading, stated) if is_part(row, stated, f"{BEFORE_MONTH}/{UNBILLED_REST}")
    ]
    amount = sum(price.recognised for row in rows if (price := standing_price(row)) is not None)
    if months and amount and some_bind_revenue(stated.plan, as_of):
        cap = months[0].cap_id.removeprefix(SHARED)
        message = (
            f"{format_amount(amount, currency)} {currency} of what is unbilled may be of months before {month_of(as_of)}, or over cap "
            f"{cap}; state unbilled work as entries, {OR_BEGIN}"
        )
        yield stated.differs("over_cap", message)


def _has_work_under(draft: Draft, loading: Loading, stated: Stated, rule: CapRule) -> bool:
    """Whether work takes room of the cap, beside what terms charge by themselves."""
    taken = _taken_of(opening_rows(draft, loading, stated), draft, loading, rule)
    return bool(taken.amount or taken.hours)


def _is_stated_together(draft: Draft, loading: Loading, rule: CapRule) -> bool:
    """Whether all lines together state of the cap what all have taken."""
    said = taken_by(loading, rule)
    got = [
        _taken_by_rows(draft, loading, one, rule)
        for one in loading.lines
        if any(rule.cap_id == each.cap_id for each in one.plan.every_rule)
    ]
    return said.amount in (0, sum(one.amount for one in got)) and (
        said.hours in (0, sum(one.hours for one in got)) and bool(said.amount or said.hours)
    )


def _taken_by_rows(draft: Draft, loading: Loading, stated: Stated, rule: CapRule) -> TakenByCaps:
    """What the cap, in the month of the day where it is by month, has taken of what the line has."""
    return _taken_of(rows_of_line(draft, loading, stated), draft, loading, rule)


def _taken_of(rows: Iterable[Entry], draft: Draft, loading: Loading, rule: CapRule) -> TakenByCaps:
    as_of = loading.event.as_of
    amount, hours = 0, 0
    for consumption in (consumption for row in rows if (consumption := consumption_of(row)) is not None):
        price = consumption.price
        plan = plan_of(draft, price)
        counts = plan is not None and any(each.cap_id == rule.cap_id for each in counting(plan.rules, price.day))
        is_earlier = month_of(price.day) != month_of(as_of) or is_of_earlier_month(consumption.entry_id)
        if not counts or (rule.period == MONTH and is_earlier):
            continue
        is_earned = plan is not None and plan.apart and limit_on(rule, price.day).limits_revenue
        granted = granted_of(FOR_REVENUE if is_earned else MAIN, consumption)
        amount, hours = amount + granted.amount, hours + granted.hours
    return TakenByCaps(amount, hours)


def _unlike_entries(draft: Draft, loading: Loading, stated: Stated) -> Iterator[OpeningFault]:
    """Entries that come to more, or less, than what of the line's work is to be billed: `bring_work` has made a row of the rest."""
    balance, currency = stated.balance, loading.slot.currency
    if not balance.entries:
        return
    for category, got in by_category_apart(stated.plan, balance).items():
        of, what = f"of category {category}", "what its limit is stated to have taken"
        took = sum(cap.amount for cap in balance.caps if category_of(cap.cap_id, balance.line_id) == category)
        if not category:
            of, what, took = "with a category", "reimbursed of the line", balance.reimbursed
        if got > took:
            message = (
                f"entries {of}: expected at most {format_amount(took, currency)} {currency}, {what}, got "
                f"{format_amount(got, currency)}"
            )
            yield stated.differs("entries", message)
    got = sum(one.amount for one in balance.entries)
    rest = [row for row in opening_rows(draft, loading, stated) if is_part(row, stated, UNBILLED_REST)]
    if left := sum(row.work.charge.amount for row in rest if row.work is not None and row.work.charge is not None):
        message = (
            f"entries: expected {format_amount(got + left, currency)} {currency}, what is unbilled of the line's work, got "
            f"{format_amount(got, currency)}; correct them, or leave them all out and the work is one row"
        )
        yield stated.differs("entries", message)
    worked = worked_of(draft, loading, stated)
    if (hours := sum(one.hours for one in balance.entries)) > worked.hours:
        most, listed = (format_decimal(each, HOURS_SCALE) for each in (worked.hours, hours))
        message = f"hours of entries: expected at most {most}, the billable hours of the line less those over a cap, got {listed}"
        yield stated.differs("entries", message)


def unbillable(loading: Loading, takes: Sequence[TakenRow]) -> Iterator[OpeningFault]:
    """Lines of which more, or less, is stated as billed than there is to bill: their terms gave something back, or ended."""
    currency = loading.slot.currency
    found = summed((one.line_id, one.amount) for one in takes)
    for stated in loading.lines:
        balance = stated.balance
        if (had := found.get(balance.line_id, 0)) != balance.billed:
            there, billed = format_amount(had, currency), format_amount(balance.billed, currency)
            message = (
                f"{billed} {currency} are stated as billed, but by its terms {there} can be billed until {loading.event.as_of}; correct "
                f"one of both, {OR_BEGIN}"
            )
            yield stated.differs("billed", message)


def unlike_payers(loading: Loading, takes: Sequence[TakenRow]) -> Iterator[OpeningFault]:
    """Bill-tos of whom more, or less, is stated than rows have for them, or whose open invoices are more than that."""
    currency, contract_id = loading.slot.currency, loading.contract.contract_id
    for bill_to in loading.parts if loading.several_pay else ():
        had = sum(one.amount for one in takes if one.bill_to == bill_to)
        stated = sum(one.billed for one in loading.of(bill_to))
        short = [bill for bill in bills_of(loading, bill_to, had) if bill.stated is None and bill.net + bill.kept < 0]
        if had != stated or (short and not short[0].applied):
            there, billed = format_amount(had, currency), format_amount(stated, currency)
            message = (
                f"contract {contract_id}, bill-to {bill_to}: {billed} {currency} are stated as billed, rows by {loading.event.as_of} have "
                f"{there} for it; correct its parts or its open invoices, or leave its parts out and the contract's shares count"
            )
            yield OpeningFault(DIFFERS, message, "lines.payers", contract_id)


def unlike_invoiced(loading: Loading, takes: Sequence[TakenRow]) -> Iterator[OpeningFault]:
    """Open invoices that are stated to bill more of lines than was billed of them, or other lines than the rest leaves."""
    currency, contract_id = loading.slot.currency, loading.contract.contract_id
    for bill_to in loading.parts:
        listed, left = by_bill(loading, bill_to, takes)
        stated = [(bill, rows, wanted) for _, bill, rows in listed if (wanted := invoiced_by_line(loading, bill))]
        for bill, rows, wanted in stated:
            for line_id, asked in wanted.items():
                had = sum(one.amount for one in rows if one.line_id == line_id)
                if had < asked:
                    most, got = format_amount(had, currency), format_amount(asked, currency)
                    message = (
                        f"invoice {bill.invoice_id}: expected at most {most} {currency} of line {line_id}, as {bill_to} was billed, "
                        f"got {got}; what a paid invoice gave back of it is stated with its number, below 0"
                    )
                    yield OpeningFault(DIFFERS, message, "lines.invoiced", contract_id)
        if stated and left:
            lines = ", ".join(sorted({one.line_id for one in left}))
            message = (
                f"contract {contract_id}, bill-to {bill_to}: its bills do not come to what was billed of line {lines}; state what each "
                "open invoice bills of lines, or of none"
            )
            yield OpeningFault(DIFFERS, message, "lines.invoiced", contract_id)
