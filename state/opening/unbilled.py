"""What each of several bill-tos has of work that was not billed by the day of the balances, where it is stated.

The old system shared each line of its next statement; here the work is one row, so that its own share may be a cent another.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from domain.billing.shares import Party
from domain.figure import allocated
from domain.money import format_amount
from domain.receivables.opening import unbilled_of
from domain.units import Amount
from state.billing.payers import parties_for
from state.billing.shares_record import DueRow, say_falls
from state.books import Entry, Issued, PayerPart
from state.draft import Draft
from state.ledger.deposit_balance import deposit_row
from state.opening.loading import Loading
from state.opening.record import to_parties
from state.opening.stated import DIFFERS, OpeningFault, Stated
from state.opening.worked import due_in_all, rows_of_line
from state.totals import issued_on, standing_price, with_issued
from state.value import plain


def share_unbilled(draft: Draft, loading: Loading) -> None:
    """Each row falls to bill-tos by the contract's shares, the last to what is left of what is stated."""
    contract, currency = loading.contract, loading.contract.terms.currency
    share = partial(to_parties, draft.why, contract)
    for stated in loading.lines if loading.several_pay else ():
        parts, rows = unbilled_of(stated.balance), list(_rows(draft, loading, stated))
        if parts is None:
            for entry, _ in rows:
                _forget(draft, loading, stated, entry)
            continue
        place = contract.contract_id, stated.balance.line_id
        payers = [parties_for(contract, entry, issued_on(entry, *place)) for entry, _ in rows]
        amounts = [amount for _, amount in rows]
        for (entry, _), parties, own in zip(rows, payers, by_row(amounts, payers, parts, currency, share), strict=True):
            _fall(draft, loading, stated, entry, parties, own)


def by_row(
    amounts: Sequence[Amount],
    payers: Sequence[tuple[Party, ...]],
    parts: Mapping[str, Amount],
    currency: str,
    share: Callable[[Amount, Sequence[Party]], tuple[Amount, ...]],
) -> list[tuple[Amount, ...]]:
    """What of each row falls to its bill-tos. What is stated may be far from their shares: where the last row would then fall to one of
    them below zero, all rows fall to them as the whole does.

        rows of 100.00 and 10.00 by halves, stated 55.01 and 54.99: 50.00 and 50.00, then 5.01 and 4.99
        the same rows, stated 100.00 and 10.00: 90.91 and 9.09, then 9.09 and 0.91
    """
    by_share = [share(amount, parties) for amount, parties in zip(amounts, payers, strict=True)]
    found = _with_rest(by_share, payers, parts)
    if not found or all(part * amounts[-1] >= 0 for part in found[-1]):
        return found
    by_parts = [
        tuple(allocated(amount, [abs(parts.get(party.customer_id, 0)) for party in parties], currency))
        for amount, parties in zip(amounts, payers, strict=True)
    ]
    return _with_rest(by_parts, payers, parts)


def _with_rest(
    found: Sequence[tuple[Amount, ...]], payers: Sequence[tuple[Party, ...]], parts: Mapping[str, Amount]
) -> list[tuple[Amount, ...]]:
    """The last row with what is left of what is stated."""
    left = dict(parts)
    for parties, own in zip(payers[:-1], found[:-1], strict=True):
        for party, part in zip(parties, own, strict=True):
            left[party.customer_id] = left.get(party.customer_id, 0) - part
    return [*found[:-1], *(tuple(left.get(party.customer_id, 0) for party in parties) for parties in payers[-1:])]


def unlike_unbilled(draft: Draft, loading: Loading) -> Iterator[OpeningFault]:
    """Lines whose bill-tos together have more, or less, that is not billed than their rows have, or one of which has less than nothing."""
    currency, contract_id = loading.slot.currency, loading.contract.contract_id
    for stated in loading.lines:
        parts = unbilled_of(stated.balance)
        had = 0 if parts is None else sum(amount for _, amount in _rows(draft, loading, stated))
        if parts is not None and sum(parts.values()) != had:
            message = (
                f"unbilled of its bill-tos: expected {format_amount(had, currency)}, as the line has it, got "
                f"{format_amount(sum(parts.values()), currency)} {currency}; correct them, or leave them out and the contract's shares "
                "count"
            )
            yield stated.differs("payers.unbilled", message)
        for bill_to, part in (parts or {}).items():
            if part * had < 0:
                whole, own = format_amount(had, currency), format_amount(part, currency)
                message = (
                    f"{stated.of}, bill-to {bill_to}: of {whole} that is unbilled {own} {currency} cannot fall to it, for it is of the "
                    "other sign; correct it, or leave the parts out"
                )
                yield OpeningFault(DIFFERS, message, f"lines[{stated.place}].payers.unbilled", contract_id)


def _rows(draft: Draft, loading: Loading, stated: Stated) -> Iterator[tuple[Entry, Amount]]:
    """What of the line's rows is on no bill of before, oldest first."""
    line_id = stated.balance.line_id
    for entry in rows_of_line(draft, loading, stated):
        if amount := due_in_all(draft, stated, entry) - _before(loading, entry, line_id):
            yield entry, amount


def _before(loading: Loading, entry: Entry, line_id: str, bill_to: str = "") -> Amount:
    """What bills of before have of the row."""
    return sum(
        one.amount
        for one in loading.pieces
        if (one.amount > 0 or one.entry_id != deposit_row(loading.contract.contract_id, line_id))
        and (one.entry_id, one.line_id) == (entry.entry_id, line_id)
        and bill_to in ("", one.bill_to)
    )


def _forget(draft: Draft, loading: Loading, stated: Stated, entry: Entry) -> None:
    """An earlier version stated parts of a row of which nothing is billed."""
    contract_id, line_id = loading.contract.contract_id, stated.balance.line_id
    had = issued_on(entry, contract_id, line_id)
    if had is not None and not any(part.issued for part in had.payers):
        draft.put_entry(entry, replace(entry, issued=tuple(one for one in entry.issued if one != had)))


def _fall(
    draft: Draft, loading: Loading, stated: Stated, entry: Entry, parties: tuple[Party, ...], own: tuple[Amount, ...]
) -> None:
    """The parts of the row's bill-tos are known before any of it is billed."""
    contract, line_id = loading.contract, stated.balance.line_id
    contract_id, price = contract.contract_id, standing_price(entry)
    assert price is not None, "it is to be billed"
    had = issued_on(entry, contract_id, line_id) or Issued(contract_id, line_id, 0, 0, price.day, account=price.account)
    parts = had.payers or tuple(PayerPart(party.customer_id, party.share, party.rounding) for party in parties)
    now = tuple(
        replace(part, amount=_before(loading, entry, line_id, part.customer_id) + each)
        for part, each in zip(parts, own, strict=True)
    )
    draft.put_entry(entry, with_issued(entry, replace(had, payers=plain(now))))
    if draft.why is not None:
        falls = {part.customer_id: part.amount for part in now}
        say_falls(draft.why, contract, DueRow(entry.entry_id, line_id, sum(map(int, falls.values()))), falls)
