"""Who is billed for an entry, and what each payer has of it.

The shares are those of the terms of the service date until something of the entry is issued; from then on it keeps them, so that
corrections go to whom it was issued and give each exactly back what it got. `PayerPart.amount` is what falls to a payer, `issued` what
stands on its statements: they differ while a hold keeps its statement, and the rest stays accrued.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from domain.billing.deposit import REFUND
from domain.contract import BEGINNING
from domain.identity import composed
from domain.money import HALF_UP, round_ratio
from domain.rows import FEE, row_id
from domain.shares import Party, parties_of, shared, shared_in_turn, shared_quantity
from domain.statement import CORRECTION, Piece, grouped
from domain.units import HUNDRED_PERCENT, Amount, Hours
from state.books import Contract, Entry, Issued, PayerPart
from state.deposit_balance import deposit_row
from state.draft import Draft
from state.plan import terms_on
from state.totals import issued_on, outstanding, standing_price


class Billed(NamedTuple):
    """An entry that is due: what it brings as a whole, what of it is issued, and who pays."""

    entry: Entry
    piece: Piece
    issued: Issued | None
    parties: tuple[Party, ...]


class Share(NamedTuple):
    """What one payer is billed of the entry at `place`; `falls` is what of it falls to each, none where one pays all."""

    place: int
    bill_to: str
    piece: Piece
    falls: tuple[Amount, ...] = ()


def parties_for(contract: Contract, entry: Entry, line_id: str) -> tuple[Party, ...]:
    """Who was billed for the entry on the line, else who is to be by the terms of its service date."""
    issued = issued_on(entry, contract.contract_id, line_id)
    if issued is not None and issued.payers:
        return tuple(Party(part.customer_id, part.share, part.rounding) for part in issued.payers)
    if issued is not None and issued.bill_to:
        return (Party(issued.bill_to, HUNDRED_PERCENT, True),)
    price = standing_price(entry)
    day = price.day if price is not None else issued.day if issued is not None else BEGINNING
    return parties_of(terms_on(contract, day))


def payers_of(contract: Contract, entry: Entry, line_id: str) -> frozenset[str]:
    return frozenset(party.customer_id for party in parties_for(contract, entry, line_id))


def shares(draft: Draft, contract: Contract, due: Sequence[Billed], held: frozenset[str]) -> Iterator[Share]:
    """What each payer that no hold covers is billed; entries of one line are shared as one amount."""
    several = [place for place, one in enumerate(due) if len(one.parties) > 1]
    fresh = _fresh(contract, [(place, due[place]) for place in several])
    for place, one in enumerate(due):
        if len(one.parties) == 1:
            yield Share(place, one.parties[0].customer_id, one.piece)
            continue
        falls, whose = fresh[place] if place in fresh else (_falls(draft, contract, one), frozenset())
        for number, party in enumerate(one.parties):
            piece = _piece_of(one, falls[number], number, given_back=_is_refund(contract, one))
            if party.customer_id not in held and (piece.amount or number in whose):
                yield Share(place, party.customer_id, piece, falls)


def _fresh(
    contract: Contract, due: Sequence[tuple[int, Billed]]
) -> Mapping[int, tuple[tuple[Amount, ...], frozenset[int]]]:
    """Of what nothing is issued yet: the lines as they will stand, each shared in turn, and the parties that have anything of it.

    A line of theirs names every entry, also one whose cents others have.
    """
    currency = contract.terms.currency
    places = {
        (one.piece.entry_id, one.piece.line_id): (place, one)
        for place, one in due
        if not (one.issued is not None and one.issued.payers) and not _is_refund(contract, one)
    }
    pieces = [one.piece._replace(split=one.parties) for _, one in places.values()]
    found: dict[int, tuple[tuple[Amount, ...], frozenset[int]]] = {}
    for group in grouped(pieces):
        parts = shared_in_turn((piece.amount for piece in group.pieces), group.first.split, currency)
        whose = frozenset(number for falls in parts for number, amount in enumerate(falls) if amount)
        for piece, falls in zip(group.pieces, parts, strict=True):
            found[places[piece.entry_id, piece.line_id][0]] = falls, whose
    return found


def _falls(draft: Draft, contract: Contract, one: Billed) -> tuple[Amount, ...]:
    """What falls to each payer of an entry that is issued to some, or of what is given back of a deposit."""
    had = one.issued.payers if one.issued is not None else ()
    total = one.piece.amount + (one.issued.amount if one.issued is not None else 0)
    if _is_refund(contract, one):
        given_back = _left_of_deposit(draft, contract, one)
        if -sum(given_back) == total:
            return tuple(-rest for rest in given_back)
    return falling(had, total, one.parties, contract.terms.currency)


def falling(had: Sequence[PayerPart], total: Amount, parties: Sequence[Party], currency: str) -> tuple[Amount, ...]:
    """What falls to each payer of an entry's total: as it was shared while that stands, else shared anew."""
    if had and total == sum(part.amount for part in had):
        return tuple(part.amount for part in had)
    return shared(total, parties, currency)


def _is_refund(contract: Contract, one: Billed) -> bool:
    return is_refund_row(one.entry.entry_id, contract.contract_id, one.piece.line_id)


def is_refund_row(entry_id: str, contract_id: str, line_id: str) -> bool:
    """Whether the row is what is given back of the line's deposit."""
    return entry_id == row_id(FEE, f"{composed(contract_id, line_id)}/{REFUND}")


def _left_of_deposit(draft: Draft, contract: Contract, one: Billed) -> tuple[Amount, ...]:
    """What each payer has left of the deposit that it paid."""
    entry = draft.entry(deposit_row(contract.contract_id, one.piece.line_id))
    issued = issued_on(entry, contract.contract_id, one.piece.line_id) if entry is not None else None
    left = {part.customer_id: part.issued - part.applied for part in (issued.payers if issued is not None else ())}
    return tuple(left.get(party.customer_id, 0) for party in one.parties)


def _piece_of(one: Billed, falls: Amount, number: int, *, given_back: bool) -> Piece:
    """The payer's part of the piece: what falls to it less what it was billed before; what is given back of a deposit is no share."""
    had = one.issued.payers[number] if one.issued is not None and one.issued.payers else None
    hours = one.piece.hours + (one.issued.hours if one.issued is not None else 0)
    quantity = one.piece.quantity + (one.issued.quantity if one.issued is not None else 0)
    flags = one.piece.flags
    if had is None or not (had.issued or had.hours):
        flags = tuple(flag for flag in flags if flag != CORRECTION)
    return one.piece._replace(
        amount=falls - (had.issued if had is not None else 0),
        hours=shared_quantity(hours, one.parties)[number] - (had.hours if had is not None else 0),
        quantity=shared_quantity(quantity, one.parties)[number] - (had.quantity if had is not None else 0),
        whole=False,
        flags=flags,
        split=one.parties,
        share=0 if given_back else one.parties[number].share,
    )


def issued_to(had: Issued, share: Share, parties: Sequence[Party]) -> tuple[PayerPart, ...]:
    """The parts of all payers after one of them was billed."""
    if not share.falls:
        return had.payers
    parts = had.payers or tuple(PayerPart(party.customer_id, party.share, party.rounding) for party in parties)
    return tuple(
        replace(
            part,
            amount=falls,
            issued=part.issued + (share.piece.amount if part.customer_id == share.bill_to else 0),
            hours=part.hours + (share.piece.hours if part.customer_id == share.bill_to else 0),
            quantity=part.quantity + (share.piece.quantity if part.customer_id == share.bill_to else 0),
        )
        for part, falls in zip(parts, share.falls, strict=True)
    )


def part_of(issued: Issued, bill_to: str) -> PayerPart:
    """What the payer has of the entry; where one pays all that is what is issued."""
    for part in issued.payers:
        if part.customer_id == bill_to:
            return part
    return PayerPart(
        issued.bill_to,
        HUNDRED_PERCENT,
        True,
        issued.amount,
        issued.amount,
        issued.hours,
        issued.quantity,
        issued.invoiced,
        issued.invoiced_ledger,
        issued.applied,
    )


def has_part(issued: Issued, bill_to: str) -> bool:
    return bill_to in {part.customer_id for part in issued.payers} if issued.payers else issued.bill_to == bill_to


def invoiced_to(issued: Issued, bill_to: str, amount: Amount, ledger: Amount) -> Issued:
    """An invoice of the payer's statement was posted."""
    return replace(
        issued,
        invoiced=issued.invoiced + amount,
        invoiced_ledger=issued.invoiced_ledger + ledger,
        payers=tuple(
            replace(part, invoiced=part.invoiced + amount, invoiced_ledger=part.invoiced_ledger + ledger)
            if part.customer_id == bill_to
            else part
            for part in issued.payers
        ),
    )


def reopened(issued: Issued, bill_to: str, amount: Amount, hours: Hours, ledger: Amount) -> Issued:
    """What was invoiced to the payer is credited, to be billed to it anew."""
    rest = issued.amount - amount
    quantity = issued.quantity - (
        round_ratio(issued.quantity * rest, issued.amount, 1, HALF_UP) if issued.amount else 0
    )
    return replace(
        issued,
        amount=rest,
        hours=issued.hours - hours,
        quantity=issued.quantity - quantity,
        invoiced=issued.invoiced - amount,
        invoiced_ledger=issued.invoiced_ledger - ledger,
        payers=tuple(
            replace(
                part,
                issued=part.issued - amount,
                hours=part.hours - hours,
                quantity=part.quantity - quantity,
                invoiced=part.invoiced - amount,
                invoiced_ledger=part.invoiced_ledger - ledger,
            )
            if part.customer_id == bill_to
            else part
            for part in issued.payers
        ),
    )


def applied_to(issued: Issued, bill_to: str, amount: Amount) -> Issued:
    """A deposit was set against a statement of the payer."""
    return replace(
        issued,
        applied=issued.applied + amount,
        payers=tuple(
            replace(part, applied=part.applied + amount) if part.customer_id == bill_to else part
            for part in issued.payers
        ),
    )


def held_of(contract: Contract, entry: Entry, line_id: str, debtors: frozenset[str]) -> Amount:
    """What of the entry waits because statements of these payers are held."""
    parties = parties_for(contract, entry, line_id)
    due = outstanding(entry, contract.contract_id, line_id)
    if len(parties) == 1:
        return due if parties[0].customer_id in debtors else 0
    issued = issued_on(entry, contract.contract_id, line_id)
    total = due + (issued.amount if issued is not None else 0)
    had = issued.payers if issued is not None else ()
    falls = falling(had, total, parties, contract.terms.currency)
    return sum(
        falls[number] - (had[number].issued if had else 0)
        for number, party in enumerate(parties)
        if party.customer_id in debtors
    )
