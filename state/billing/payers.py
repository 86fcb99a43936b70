"""Who is billed for an entry, and what each payer has of it.

The shares are those of the terms of the service date until something of the entry is issued; from then on it keeps them, so that
corrections go to whom it was issued and give each exactly back what it got. `PayerPart.amount` is what falls to a payer, `issued` what
stands on its statements: they differ while a hold keeps its statement, and the rest stays accrued.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from domain.billing.funding import Portion, by_source, freed_by, shares_of_payer, take
from domain.billing.shares import Party, parties_of, shared, shared_in_turn, shared_quantity
from domain.billing.statement import CORRECTION, Piece, grouped
from domain.contract import BEGINNING, in_force
from domain.events.commercial import ContractSigned
from domain.events.common import Funding
from domain.figure import allocated
from domain.money import HALF_UP, round_ratio
from domain.terms.deposit import REFUND
from domain.units import HUNDRED_PERCENT, Amount, Hours, Quantity
from domain.work.rows import fee_row
from state.billing.shares_record import DueRow, ShareFigures
from state.books import Contract, Entry, Issued, PayerPart
from state.draft import Draft
from state.ledger.deposit_balance import deposit_row
from state.terms.plan import LinePlan, terms_on, versions
from state.totals import issued_on, price_and_issued, standing_price, to_bill


class Billed(NamedTuple):
    """An entry that is due on a line by its plan: what it brings as a whole, what of it is issued, and who pays, `by_sources` where these
    fund the contract. Payers `apart` have no statement of it now: they are held, or no draft of theirs has it."""

    entry: Entry
    plan: LinePlan
    piece: Piece
    issued: Issued | None
    parties: tuple[Party, ...]
    by_sources: bool = False
    apart: frozenset[str] = frozenset()

    @property
    def total(self) -> Amount:
        """With what of the entry is issued."""
        return self.piece.amount + (self.issued.amount if self.issued is not None else 0)

    @property
    def hours(self) -> Hours:
        return self.piece.hours + (self.issued.hours if self.issued is not None else 0)

    @property
    def quantity(self) -> Quantity:
        return self.piece.quantity + (self.issued.quantity if self.issued is not None else 0)

    def had(self, number: int) -> PayerPart | None:
        """What a payer was billed before; those of new sources come after those who were."""
        parts = self.issued.payers if self.issued is not None else ()
        return parts[number] if number < len(parts) else None


class PayerShare(NamedTuple):
    """What one payer is billed of the entry at `place`; `falls` is what of it falls to each, none where one pays all. `funded` is what of
    it falls to which source."""

    place: int
    bill_to: str
    piece: Piece
    falls: tuple[Amount, ...] = ()
    funded: tuple[Portion, ...] = ()


def parties_for(contract: Contract, entry: Entry, issued: Issued | None) -> tuple[Party, ...]:
    """Who was billed for what is `issued` of the entry on a line, else who is to be by the terms of its service date."""
    if issued is not None and issued.payers and not issued.is_funded:
        return tuple(Party(part.customer_id, part.share, part.rounding) for part in issued.payers)
    if issued is not None and issued.bill_to:
        return (Party(issued.bill_to, HUNDRED_PERCENT, True),)
    if issued is not None and issued.payers:
        return funded_parties(contract, issued, billed_day(entry, issued))
    return parties_of(funded_terms(contract, billed_day(entry, issued)))


def billed_day(entry: Entry, issued: Issued | None) -> date:
    """The service date by whose terms the entry is billed."""
    price = standing_price(entry)
    return price.day if price is not None else issued.day if issued is not None else BEGINNING


def funded_terms(contract: Contract, day: date) -> ContractSigned:
    """The terms that say who pays on a day: those of its service date, where a retroactive version of a funding holds before it too."""
    back = [at for at, one in enumerate(contract.history) if one.retroactive and one.terms.funding is not None]
    return in_force(versions(contract)[back[-1] :], day).terms if back else terms_on(contract, day)


def funded_parties(contract: Contract, issued: Issued, day: date) -> tuple[Party, ...]:
    """Who had parts of what sources fund, and after them who may have."""
    had = [part.customer_id for part in issued.payers]
    terms = funded_terms(contract, day)
    may = [party.customer_id for party in parties_of(terms)] if terms.funding is not None else []
    return tuple(Party(customer_id, 0, False) for customer_id in dict.fromkeys([*had, *may]))


def is_funded(contract: Contract, entry: Entry, issued: Issued | None) -> bool:
    """Whether sources pay the entry on a line: they did where something is issued, else by the terms of its service date."""
    if issued is not None and (issued.payers or issued.bill_to):
        return issued.is_funded
    return funded_terms(contract, billed_day(entry, issued)).funding is not None


def payers_of(contract: Contract, entry: Entry, issued: Issued | None) -> frozenset[str]:
    return frozenset(party.customer_id for party in parties_for(contract, entry, issued))


def shares(draft: Draft, contract: Contract, due: Sequence[Billed], held: frozenset[str]) -> Iterator[PayerShare]:
    """What each payer that no hold covers is billed, but of what sources fund; entries of one line are shared as one amount."""
    several = [place for place, one in enumerate(due) if len(one.parties) > 1 and not one.by_sources]
    fresh = _fresh(draft, contract, [(place, due[place]) for place in several])
    for place, one in enumerate(due):
        if one.by_sources:
            continue
        if len(one.parties) == 1:
            yield PayerShare(place, one.parties[0].customer_id, one.piece)
            continue
        falls, whose = fresh[place] if place in fresh else (_falls(draft, contract, one), frozenset())
        for number, party in enumerate(one.parties):
            piece = _piece_of(one, falls[number], number, given_back=_is_refund(contract, one))
            if party.customer_id not in held and (piece.amount or number in whose):
                yield PayerShare(place, party.customer_id, piece, falls)


def _fresh(
    draft: Draft, contract: Contract, due: Sequence[tuple[int, Billed]]
) -> Mapping[int, tuple[tuple[Amount, ...], frozenset[int]]]:
    """Of what nothing is issued yet: the lines as they will stand, each shared in turn, and the parties that have anything of it.

    A line of theirs names every entry, also one whose cents others have.
    """
    figures, currency = figures_of(draft, contract), contract.terms.currency
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
        if figures is not None:
            rows = [DueRow(piece.entry_id, piece.line_id, piece.amount) for piece in group.pieces]
            parts = figures.in_turn(rows, group.first.split, parts)
        for piece, falls in zip(group.pieces, parts, strict=True):
            found[places[piece.entry_id, piece.line_id][0]] = falls, whose
    return found


def _falls(draft: Draft, contract: Contract, one: Billed) -> tuple[Amount, ...]:
    """What falls to each payer of an entry that is issued to some, or of what is given back of a deposit."""
    figures = figures_of(draft, contract)
    return falls_of(draft, contract, one.entry, one.piece.line_id, one.piece.amount, one.parties, figures)


def figures_of(draft: Draft, contract: Contract) -> ShareFigures | None:
    """None without a recorder."""
    return ShareFigures(draft.why, contract, draft.why.now) if draft.why is not None else None


def falls_of(
    draft: Draft,
    contract: Contract,
    entry: Entry,
    line_id: str,
    due: Amount,
    parties: Sequence[Party],
    figures: ShareFigures | None,
) -> tuple[Amount, ...]:
    """What falls to each payer of an entry's total; of what is given back of a deposit, what each paid of it."""
    issued = issued_on(entry, contract.contract_id, line_id)
    had, total = (issued.payers, issued.amount + due) if issued is not None else ((), due)
    row = DueRow(entry.entry_id, line_id, total, standing_price(entry) is None)
    if is_refund_row(entry.entry_id, contract.contract_id, line_id):
        given_back = tuple(-rest for rest in _left_of_deposit(draft, contract.contract_id, line_id, parties))
        if sum(given_back) == total:
            return figures.given_back(row, parties, given_back, had) if figures is not None else given_back
    falls = falling(had, total, parties, contract.terms.currency)
    if figures is None:
        return falls
    return figures.standing(row, had) if _stands(had, total) else figures.in_turn([row], parties, [falls])[0]


def falling(had: Sequence[PayerPart], total: Amount, parties: Sequence[Party], currency: str) -> tuple[Amount, ...]:
    """As it was shared while that stands, else shared again."""
    return tuple(part.amount for part in had) if _stands(had, total) else shared(total, parties, currency)


def _stands(had: Sequence[PayerPart], total: Amount) -> bool:
    return bool(had) and total == sum(part.amount for part in had)


def _is_refund(contract: Contract, one: Billed) -> bool:
    return is_refund_row(one.entry.entry_id, contract.contract_id, one.piece.line_id)


def is_refund_row(entry_id: str, contract_id: str, line_id: str) -> bool:
    """Whether the row is what is given back of the line's deposit."""
    return entry_id == fee_row(contract_id, line_id, REFUND)


def _left_of_deposit(draft: Draft, contract_id: str, line_id: str, parties: Sequence[Party]) -> tuple[Amount, ...]:
    """What each payer has left of the deposit that it paid."""
    entry = draft.entry(deposit_row(contract_id, line_id))
    issued = issued_on(entry, contract_id, line_id) if entry is not None else None
    left = {part.customer_id: part.issued - part.applied for part in (issued.payers if issued is not None else ())}
    return tuple(left.get(party.customer_id, 0) for party in parties)


def _piece_of(one: Billed, falls: Amount, number: int, *, given_back: bool) -> Piece:
    """The payer's part of the piece; what is given back of a deposit is no share."""
    hours, quantity = (shared_quantity(whole, one.parties)[number] for whole in (one.hours, one.quantity))
    share = 0 if given_back else one.parties[number].share
    return less_billed(one, number, falls, hours, quantity)._replace(split=one.parties, share=share)


def less_billed(one: Billed, number: int, falls: Amount, hours: Hours, quantity: Quantity) -> Piece:
    """Of what falls to a payer what it was not billed before; a correction only where it was billed something."""
    had = one.had(number)
    flags = one.piece.flags
    if had is None or not (had.issued or had.hours):
        flags = tuple(flag for flag in flags if flag != CORRECTION)
    return one.piece._replace(
        amount=int(falls) - (had.issued if had is not None else 0),
        hours=hours - (had.hours if had is not None else 0),
        quantity=quantity - (had.quantity if had is not None else 0),
        whole=False,
        flags=flags,
    )


def issued_to(had: Issued, share: PayerShare, parties: Sequence[Party]) -> tuple[PayerPart, ...]:
    """The parts of all payers after one of them was billed."""
    if not share.falls:
        return had.payers
    new = parties[len(had.payers) :]
    parts = (*had.payers, *(PayerPart(party.customer_id, party.share, party.rounding) for party in new))
    return tuple(
        replace(
            part,
            sources=tuple(by_source(share.funded, part.customer_id).items())
            if not part.share and part.customer_id == share.bill_to
            else part.sources,
            amount=int(falls),
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
        share=HUNDRED_PERCENT,
        rounding=True,
        amount=issued.amount,
        issued=issued.amount,
        hours=issued.hours,
        quantity=issued.quantity,
        invoiced=issued.invoiced,
        invoiced_ledger=issued.invoiced_ledger,
        applied=issued.applied,
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


def credited_to(
    issued: Issued, funding: Funding | None, bill_to: str, amount: Amount, hours: Hours, ledger: Amount, currency: str
) -> Issued:
    """A credit memo took back of the payer's invoice what is to be billed to it again; what falls to each stays as it is. Sources that have
    all of it back already have less than nothing, as the first rule that bills the payer has it."""
    part = part_of(issued, bill_to)
    left = part.issued - amount
    paid = part.sources
    if not paid and issued.is_funded and funding is not None:
        paid = shares_of_payer(funding, bill_to)
    names, had = [source for source, _ in paid], [abs(one) for _, one in paid]
    stands = sum(one for _, one in part.sources) - amount
    sources = tuple(zip(names, allocated(stands, had, currency), strict=True)) if paid else ()
    quantity = round_ratio(part.quantity * left, part.issued, 1, HALF_UP) if part.issued else 0
    return replace(
        issued,
        amount=issued.amount - amount,
        hours=issued.hours - hours,
        quantity=issued.quantity - part.quantity + quantity,
        invoiced=issued.invoiced - amount,
        invoiced_ledger=issued.invoiced_ledger - ledger,
        payers=tuple(
            replace(
                one,
                issued=left,
                hours=one.hours - hours,
                quantity=quantity,
                invoiced=one.invoiced - amount,
                invoiced_ledger=one.invoiced_ledger - ledger,
                sources=sources,
            )
            if one.customer_id == bill_to
            else one
            for one in issued.payers
        ),
    )


def freed_of(issued: Issued, bill_to: str, amount: Amount, currency: str, of: str) -> Issued:
    """A price concession gave that much back to the sources of the payer, in proportion to what each of them paid (R20)."""
    freed = dict(issued.freed)
    take(freed, freed_by(issued.funded, bill_to, amount, currency, of))
    return replace(issued, freed=tuple(sorted(freed.items())))


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


def held_of(draft: Draft, contract: Contract, entry: Entry, line_id: str, debtors: frozenset[str]) -> Amount:
    """What of the entry waits because statements of these payers are held. What sources pay of it is known from its first cut on; before
    that it waits where all of its payers are held."""
    price, issued = price_and_issued(entry, contract.contract_id, line_id)
    parties, due = parties_for(contract, entry, issued), to_bill(price, issued)
    had = issued.payers if issued is not None else ()
    if is_funded(contract, entry, issued):
        if debtors.issuperset(party.customer_id for party in parties):
            return due
        return sum(part.amount - part.issued for part in had if part.customer_id in debtors)
    if len(parties) == 1:
        return due if parties[0].customer_id in debtors else 0
    falls = falls_of(draft, contract, entry, line_id, due, parties, None)
    return sum(
        falls[number] - (had[number].issued if had else 0)
        for number, party in enumerate(parties)
        if party.customer_id in debtors
    )
