"""What becomes of a row that a credit memo takes from: it is billed again, or stays billed for less (R20)."""

from msgspec.structs import replace

from domain.receivables.credit_memo import CreditedRow
from domain.units import Amount
from domain.why import Why
from state.billing import funding_record
from state.billing.creditable import InvoiceRow, MemoOfInvoice
from state.billing.issued_record import conceded_at, returned_at
from state.billing.payers import billed_day, credited_to, freed_of, funded_terms
from state.books import Entry, Issued
from state.caps.allot import consume_caps
from state.caps.claims import consumption_of
from state.caps.given_up import fitted
from state.caps.repricing import reprice
from state.draft import Draft
from state.ledger.posting import settle_exchange_rests
from state.terms.plan import plan_of
from state.totals import issued_of, with_issued


def reopen(draft: Draft, memo: MemoOfInvoice, row: InvoiceRow, one: CreditedRow, ledger: Amount) -> None:
    """What is credited is not issued any more, so that it competes for room again and comes on the next statement (R20)."""
    entry, had = draft.issued_in_books(row.listed.entry_id, row.issued.contract_id, row.issued.line_id)
    payer, currency = memo.receivable.bill_to, memo.receivable.currency
    funding = funded_terms(memo.contract, billed_day(entry, had)).funding
    of = funding_record.recorded(draft, entry.entry_id, had)
    now = credited_to(of, funding, payer, one.amount, one.hours, ledger, currency)
    _put(draft, entry, funding_record.say(draft, entry.entry_id, had, now))


def concede(draft: Draft, memo: MemoOfInvoice, row: InvoiceRow, one: CreditedRow, ledger: Amount) -> None:
    """The row stays billed, for less; policy `concession_returns_cap_room` gives the caps back what it took (R20)."""
    entry, had = draft.issued_in_books(row.listed.entry_id, row.issued.contract_id, row.issued.line_id)
    of, place = funding_record.recorded(draft, entry.entry_id, had), (had.contract_id, had.line_id, entry.entry_id)
    now = replace(of, conceded=had.conceded + one.amount, conceded_ledger=had.conceded_ledger + ledger)
    _say(draft.why, memo.of(row), conceded_at(place), "credited", "back")
    if memo.event.kind == "price_concession" and row.plan.policies.concession_returns_cap_room:
        now = replace(now, returned=had.returned + one.amount, returned_hours=had.returned_hours + one.hours)
        _say(draft.why, memo.of(row), returned_at(place), "credited", *(("credited_hours",) if one.hours else ()))
        if had.is_funded:
            of_row = f"{entry.entry_id}: "
            now = freed_of(now, memo.receivable.bill_to, one.amount, memo.receivable.currency, of_row)
    _put(draft, entry, funding_record.say(draft, entry.entry_id, had, now))


def _say(why: Why | None, memo: str, address: str, *names: str) -> None:
    """What the memo took of the row goes into sums of the row."""
    if why is not None:
        for name in names:
            why.add(f"{address}/{name}", why.figure(f"{name}/{memo}"))


def _put(draft: Draft, entry: Entry, now: Issued) -> None:
    """The row with what is issued of it now; its claim on the caps follows, and what that makes of its price."""
    after = with_issued(entry, now)
    before = consumption_of(entry)
    plan = plan_of(draft, before.price) if before is not None else None
    on_line = before is not None and (before.price.contract_id, before.price.line_id) == (now.contract_id, now.line_id)
    if before is None or plan is None or not on_line or not (plan.every_rule or entry.given_up):
        draft.put_entry(entry, settle_exchange_rests(draft, after))
        return
    charge = after.standing.charge if after.standing is not None else None
    opening = charge.opening if charge is not None else None
    uncounted = (opening.uncounted, opening.uncounted_hours) if opening is not None else (0, 0)
    back = uncounted[0] + now.returned, uncounted[1] + now.returned_hours
    price = fitted(after, replace(before.price, returned=back[0], returned_hours=back[1]))
    claim = replace(before, price=price, issued=issued_of(price, now))
    allotted = consume_caps(draft, (plan, before), (plan, claim))
    current = draft.entry_in_books(entry.entry_id)
    issued = replace(current, issued=after.issued)
    if allotted != before.price:
        issued = reprice(draft, issued, plan, allotted, "cap")
    draft.put_entry(current, settle_exchange_rests(draft, issued))
