"""What one entry contributes to the sums of its project and its contract lines.

Every total in the books is the sum of these, so replacing an entry is: subtract what the old row gave, add what the new one gives.
"""

from datetime import date
from functools import lru_cache

from msgspec.structs import replace

from domain.accounts import PROJECT_COST, REVENUE, UNBILLED
from domain.billing.funding import by_source, paid_of
from domain.figure import at_least
from domain.terms.draw_down import add as add_draws
from domain.units import Amount, Hours
from domain.work.rows import COUNTED_FEE, COUNTED_TIME, counted_as
from state.books import (
    Burn,
    Entry,
    Fault,
    ForecastState,
    Issued,
    LedgerFigures,
    LineTotals,
    MonthFigures,
    Posted,
    Price,
    Project,
    Work,
)


def add_price(totals: LineTotals, price: Price, sign: int, project_id: str) -> LineTotals:
    """`project_id` is where the work earns and is billed."""
    months = totals.by_month
    if billable := sign * (price.billable + price.rounding):
        months = _with_sum(months, month_of(price.day), billable)
    whole = _with_price(totals, price, sign, months)
    if project_id == totals.project_id:
        return whole
    part = in_project(totals, project_id)
    return _with_elsewhere(whole, _with_price(part, price, sign, part.by_month))


@lru_cache(maxsize=65_536)
def month_of(day: date) -> str:
    return day.isoformat()[:7]


def _with_price(totals: LineTotals, price: Price, sign: int, by_month: dict[str, Amount]) -> LineTotals:
    recognised, billable = price.earns, price.billable + price.rounding
    by_hours, by_terms = _earned_by(price, recognised)
    return replace(
        totals,
        hours=totals.hours + sign * (price.hours - price.passed_hours),
        value=totals.value + sign * (price.value - price.passed),
        recognised=totals.recognised + sign * recognised,
        billable=totals.billable + sign * billable,
        over=totals.over + sign * (price.chargeable - price.passed - price.billable),
        accounts=_with_account(totals.accounts, price.account, sign * recognised, sign * billable, 0),
        drawn=totals.drawn if price.drawn is None else add_draws(totals.drawn, price.drawn, sign),
        written_off=totals.written_off + sign * price.written_off,
        by_hours=totals.by_hours + sign * by_hours,
        by_terms=totals.by_terms + sign * by_terms,
        by_month=by_month,
    )


def _earned_by(price: Price, earned: Amount) -> tuple[Amount, Amount]:
    """What of the revenue time earned by itself, also if it was given up since, and what the line's terms did: by fees, deliveries and what
    is drawn."""
    drawn = sum(amount for _, amount in price.drawn.values()) if price.drawn else 0
    if price.content == COUNTED_TIME:
        # What a cap refuses would not have earned either.
        by_itself = price.earned is None or price.account == price.revenue
        if price.written_off and by_itself and price.allowed == price.chargeable - price.passed:
            return earned - drawn + price.written_off, drawn
        return earned - drawn, drawn
    return 0, earned if price.content == COUNTED_FEE else drawn


def add_issued(totals: LineTotals, issued: Issued, sign: int, kind: str) -> LineTotals:
    """`kind` is that of the row's fact."""
    whole = _with_issued(totals, issued, sign, kind)
    if not issued.project_id:
        return whole
    return _with_elsewhere(whole, _with_issued(in_project(totals, issued.project_id), issued, sign, kind))


def in_project(totals: LineTotals, project_id: str) -> LineTotals:
    """What of a line's sums is of one project: all of it, unless the line moved from one project to another."""
    if project_id != totals.project_id:
        return totals.elsewhere.get(project_id) or LineTotals(project_id)
    if not totals.elsewhere:
        return totals
    own = replace(totals, elsewhere={})
    for other in totals.elsewhere.values():
        own = _less(own, other)
    return own


def has_bills_left(totals: LineTotals, project_id: str) -> bool:
    """Whether something of the project's may be billed and is on no issued statement."""
    own = in_project(totals, project_id)
    return own.billable != own.issued


def _with_elsewhere(totals: LineTotals, part: LineTotals) -> LineTotals:
    return replace(totals, elsewhere={**totals.elsewhere, part.project_id: part})


def _less(totals: LineTotals, other: LineTotals) -> LineTotals:
    """Amounts and hours of `totals` that are not of `other`; what is drawn and what sources paid is of the line as a whole."""
    accounts = totals.accounts
    for account, (recognised, billable, invoiced) in other.accounts.items():
        accounts = _with_account(accounts, account, -recognised, -billable, -invoiced)
    by_month = totals.by_month
    for month, billable in other.by_month.items():
        by_month = _with_sum(by_month, month, -billable)
    return replace(
        totals,
        accounts=accounts,
        by_month=by_month,
        hours=totals.hours - other.hours,
        value=totals.value - other.value,
        recognised=totals.recognised - other.recognised,
        billable=totals.billable - other.billable,
        over=totals.over - other.over,
        issued=totals.issued - other.issued,
        invoiced=totals.invoiced - other.invoiced,
        written_off=totals.written_off - other.written_off,
        by_hours=totals.by_hours - other.by_hours,
        by_terms=totals.by_terms - other.by_terms,
        conceded=totals.conceded - other.conceded,
        conceded_as_billed=totals.conceded_as_billed - other.conceded_as_billed,
    )


def _with_issued(totals: LineTotals, issued: Issued, sign: int, kind: str) -> LineTotals:
    earned, invoiced = earned_as_billed(issued), issued.invoiced - issued.conceded
    by_invoice, counted = issued.invoiced if issued.account in REVENUE else 0, counted_as(kind)
    return replace(
        totals,
        recognised=totals.recognised + sign * earned,
        issued=totals.issued + sign * issued.amount,
        invoiced=totals.invoiced + sign * invoiced,
        accounts=_with_account(totals.accounts, issued.account, sign * earned, 0, sign * invoiced),
        by_hours=totals.by_hours + (sign * by_invoice if counted == COUNTED_TIME else 0),
        by_terms=totals.by_terms + (sign * by_invoice if counted == COUNTED_FEE else 0),
        funded=_with_used(totals.funded, issued, sign) if issued.funded else totals.funded,
        conceded=totals.conceded + sign * issued.conceded,
        conceded_as_billed=totals.conceded_as_billed + (sign * issued.conceded if issued.account in REVENUE else 0),
    )


def _with_used(funded: dict[str, Amount], issued: Issued, sign: int) -> dict[str, Amount]:
    """A source with nothing used is not kept."""
    found = dict(funded)
    for source_id, amount in paid_of(issued.funded, issued.freed).items():
        found[source_id] = found.get(source_id, 0) + sign * amount
    return {source_id: amount for source_id, amount in sorted(found.items()) if amount}


def earned_as_billed(issued: Issued) -> Amount:
    """What an invoice recognises, where what was billed stood on no account until then, less what credit memos took off the price."""
    return (issued.invoiced if issued.account in REVENUE else 0) - issued.conceded


def earned_in_ledger(issued: Issued) -> Amount:
    """The same in ledger currency, as journals have it."""
    return (issued.invoiced_ledger if issued.account in REVENUE else 0) - issued.conceded_ledger


def _with_account(
    accounts: dict[str, tuple[Amount, Amount, Amount]],
    account: str,
    recognised: Amount,
    billable: Amount,
    invoiced: Amount,
) -> dict[str, tuple[Amount, Amount, Amount]]:
    """An account with nothing on it is not kept."""
    had = accounts.get(account, (0, 0, 0))
    has = had[0] + recognised, had[1] + billable, had[2] + invoiced
    if has == had:
        return accounts
    if any(has):
        return {**accounts, account: has}
    return {name: sums for name, sums in accounts.items() if name != account}


def add_work(project: Project, work: Work, sign: int) -> None:
    """Burn and month figures: hours and cost of what is booked, revenue of what is priced on a line of the project."""
    cost, price, burn = work.cost, work.price, project.burn
    if cost is not None:
        burn.hours += sign * cost.hours
        _add_month(project.months, cost.day, cost.currency, sign * cost.hours, sign * cost.amount, 0)
    if price is not None:
        burn.billable_hours += sign * (price.hours - price.passed_hours)
        if price.memo:
            burn.memo = _with_sum(burn.memo, price.currency, sign * price.memo)
        if work.time is not None and work.time.billed_elsewhere:
            burn.elsewhere += sign
        if not price.project_id and (revenue := price.earns):
            _add_month(project.months, price.day, price.currency, 0, 0, sign * revenue)


def posted_in(work: Work, project_id: str) -> tuple[Posted, ...]:
    """Journals of the work that stand in the project."""
    if not work.earns_elsewhere:
        return work.journals
    return tuple(one for one in work.journals if (one.project_id or work.project_id) == project_id)


def add_revenue(project: Project, day: date, currency: str, revenue: Amount) -> None:
    _add_month(project.months, day, currency, 0, 0, revenue)


def apart(part: object) -> object:
    """A copy of a part of the books that changes where it stands; any other as it is."""
    if isinstance(part, Project):
        return with_own_sums(part)
    if isinstance(part, ForecastState):
        return replace(part, days={currency: dict(held) for currency, held in part.days.items()})
    return part


def with_own_sums(project: Project) -> Project:
    """A copy of which the sums are changed apart."""
    burn = Burn(project.burn.hours, project.burn.billable_hours, project.burn.memo, project.burn.elsewhere)
    return replace(project, burn=burn, months=dict(project.months), standings=dict(project.standings))


def _with_sum(sums: dict[str, Amount], key: str, amount: Amount) -> dict[str, Amount]:
    """A sum of nothing is not kept."""
    found = dict(sums)
    found[key] = found.get(key, 0) + amount
    if not found[key]:
        del found[key]
    return found


def add_posted(posted: dict[str, LedgerFigures], journals: tuple[Posted, ...], sign: int) -> dict[str, LedgerFigures]:
    """Cost and revenue of journals in another currency than their ledger's, with the ledger amounts that they carry."""
    for journal in journals:
        if journal.currency == journal.ledger_currency:
            continue
        key = f"{month_of(journal.service_date)}|{journal.currency}|{journal.ledger_currency}"
        figures = list(posted.get(key, (0, 0, 0, 0)))
        for line in journal.lines:
            if line.account in PROJECT_COST:
                figures[0] += sign * line.amount
                figures[1] += sign * line.ledger_amount
            elif line.account in REVENUE:
                figures[2] -= sign * line.amount
                figures[3] -= sign * line.ledger_amount
        posted = {**posted, key: (figures[0], figures[1], figures[2], figures[3])}
    return posted


def add_posted_revenue(
    posted: dict[str, LedgerFigures], day: date, currencies: tuple[str, str], revenue: Amount, ledger: Amount
) -> dict[str, LedgerFigures]:
    """Revenue that invoices recognise and credit memos take back, on its service date, in contract and in ledger currency."""
    key = f"{month_of(day)}|{currencies[0]}|{currencies[1]}"
    cost, cost_ledger, had, had_ledger = posted.get(key, (0, 0, 0, 0))
    return {**posted, key: (cost, cost_ledger, had + revenue, had_ledger + ledger)}


def _add_month(
    months: dict[str, MonthFigures], day: date, currency: str, hours: Hours, cost: Amount, revenue: Amount
) -> None:
    key = f"{month_of(day)}|{currency}"
    had = months.get(key, (0, 0, 0))
    months[key] = (had[0] + hours, had[1] + cost, had[2] + revenue)


def add_faults(project: Project, faults: tuple[Fault, ...], sign: int) -> Project:
    waiting = dict(project.waiting)
    for fault in faults:
        left = waiting.pop(fault.category, 0) + sign
        if left:
            waiting[fault.category] = left
    return replace(project, waiting=dict(sorted(waiting.items())), changed=True)


def standing_price(entry: Entry) -> Price | None:
    work = entry.standing
    return work.price if work is not None else None


def issued_on(entry: Entry, contract_id: str, line_id: str) -> Issued | None:
    for issued in entry.issued:
        if issued.line_id == line_id and issued.contract_id == contract_id:
            return issued
    return None


def is_issued(entry: Entry, price: Price) -> bool:
    """On the line that has it; what has moved there is on no statement of that line yet."""
    issued = issued_on(entry, price.contract_id, price.line_id) if entry.issued else None
    return issued is not None and issued.amount != 0


def issued_elsewhere(entry: Entry, contract_id: str, line_id: str) -> tuple[Issued, ...]:
    return tuple(one for one in entry.issued if (one.contract_id, one.line_id) != (contract_id, line_id))


def with_issued(entry: Entry, now: Issued) -> Entry:
    """In place of what was issued of the entry on the line."""
    return replace(entry, issued=(*issued_elsewhere(entry, now.contract_id, now.line_id), now))


def issued_of(price: Price, issued: Issued | None) -> Amount:
    """What of a price is issued: cents that the rounding of its line added are none of it, nor what one of its payers is to have back."""
    if issued is None:
        return 0
    owed = sum(at_least(part.issued - part.amount, 0, "to have back") for part in issued.payers)
    return issued.amount - owed - price.rounding


def is_shared_otherwise(issued: Issued, total: Amount) -> bool:
    """Whether payers have something else of the total than falls to them, or of other sources, though together they may have it all."""
    return bool(issued.payers) and (
        total != sum(part.amount for part in issued.payers)
        or any(part.amount != part.issued for part in issued.payers)
        or (
            issued.is_funded
            and any(dict(part.sources) != by_source(issued.funded, part.customer_id) for part in issued.payers)
        )
    )


def is_due(price: Price | None, issued: Issued | None) -> bool:
    """Whether a statement of anyone has something to bring for an entry."""
    return bool(to_bill(price, issued)) or (issued is not None and is_shared_otherwise(issued, issued.amount))


def cut_at_zero(entry: Entry, price: Price) -> bool:
    """Whether the entry's period was cut while it had nothing to bill; that stands as if it were issued."""
    return not price.value and issued_on(entry, price.contract_id, price.line_id) is not None


def price_and_issued(entry: Entry, contract_id: str, line_id: str) -> tuple[Price | None, Issued | None]:
    """Its price where that is on this line, and what of it is issued there."""
    price = standing_price(entry)
    if price is not None and not (price.line_id == line_id and price.contract_id == contract_id):
        price = None
    return price, issued_on(entry, contract_id, line_id) if entry.issued else None


def outstanding(entry: Entry, contract_id: str, line_id: str) -> Amount:
    """What the next statement has to bring for the entry on this line."""
    return to_bill(*price_and_issued(entry, contract_id, line_id))


def to_bill(price: Price | None, issued: Issued | None) -> Amount:
    """Billable now, less what was issued."""
    due = price.billable + price.rounding if price is not None else 0
    return due - issued.amount if issued is not None else due


def to_invoice(entry: Entry, contract_id: str, line_id: str) -> Amount:
    """What of the entry an invoice has still to earn on this line: billable now as revenue, less what is that already."""
    price, issued = price_and_issued(entry, contract_id, line_id)
    waits = -issued.invoiced if issued is not None and issued.account in REVENUE else 0
    if price is not None and price.account in REVENUE:
        waits += price.billable + price.rounding - price.earns
    return waits


# A line's entries are indexed apart: those with something to bill, which a cut reads, those that only wait for room under a cap,
# those priced at zero, which nothing is issued of but which a new rate may still give a value until their period is cut, those
# issued beyond what the line's terms include, which have a claim on what others give back, and those that are settled but have their
# room under a cap by day, so that earlier work still takes it.
MARK = "\x1f"
DUE = MARK + "due"
FREE = MARK + "free"
DRAWS = MARK + "draws"
BY_DAY = MARK + "day"


def open_keys(entry: Entry) -> list[tuple[str, str, str, str, str]]:
    """Keys of the index for every line on which the entry is not settled: contract, line with its mark, service date, entry, who worked."""
    found = []
    entry_id, work = entry.entry_id, entry.standing
    price = work.price if work is not None else None
    person_id = work.person_id if work is not None else ""
    if work is not None and price is not None and price.line_id:
        contract_id, line_id, day = price.contract_id, price.line_id, price.day.isoformat()
        issued = issued_on(entry, contract_id, line_id) if entry.issued else None
        settled = issued.amount if issued is not None else 0
        due = price.billable + price.rounding != settled or (
            issued is not None and is_shared_otherwise(issued, settled)
        )
        if due:
            found.append((contract_id, line_id + DUE, day, entry_id, person_id))
        elif price.claimed[0] > settled or (price.stepped and (price.drawn is None or issued is None)):
            found.append((contract_id, line_id, day, entry_id, person_id))
        elif price.by_day:
            found.append((contract_id, line_id + BY_DAY, day, entry_id, person_id))
        if price.drawn is not None:
            found.append((contract_id, line_id + DRAWS, day, entry_id, person_id))
        if not price.value and issued is None and not work.is_schedule:
            found.append((contract_id, line_id + FREE, day, entry_id, person_id))
    for issued in entry.issued:
        on_price = price is not None and price.line_id == issued.line_id and price.contract_id == issued.contract_id
        if not on_price and (issued.amount or is_shared_otherwise(issued, 0)):
            found.append((issued.contract_id, issued.line_id + DUE, issued.day.isoformat(), entry_id, person_id))
    return found


def unbilled_positions(
    entry: Entry, accounts: tuple[str, ...] = UNBILLED
) -> dict[tuple[str, str], tuple[Amount, Amount]]:
    """By contract and account, in contract and in ledger currency: accrued by its journals, less what was invoiced."""
    found = accrued_positions(entry, accounts)
    for issued in entry.issued:
        if issued.account in accounts:
            place = issued.contract_id, issued.account
            had, had_ledger = found.get(place, (0, 0))
            found[place] = had - issued.invoiced, had_ledger - issued.invoiced_ledger
    return found


def accrued_positions(
    entry: Entry, accounts: tuple[str, ...] = UNBILLED
) -> dict[tuple[str, str], tuple[Amount, Amount]]:
    """The same before anything was invoiced."""
    found: dict[tuple[str, str], tuple[Amount, Amount]] = {}
    work = entry.standing
    for journal in (*(work.journals if work else ()), *entry.rests):
        for line in journal.lines:
            if line.account in accounts:
                place = journal.contract_id, line.account
                had, had_ledger = found.get(place, (0, 0))
                found[place] = had + line.amount, had_ledger + line.ledger_amount
    return found
