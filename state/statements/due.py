"""What is due of a contract's entries, by payer, and what holds keep back of it."""

from collections.abc import Iterable, Sequence, Set
from datetime import date
from types import MappingProxyType
from typing import Final, NamedTuple

from domain.billing.holds import BILL_TO, Scope, keeps_back, places, projects_of
from domain.billing.periods import BillingPeriod
from domain.billing.shares import Party
from domain.billing.statement import Piece
from domain.sums import summed
from domain.units import Amount
from state.billing import funding
from state.billing.approval import NOBODY, PendingCut, Reserved, by_cut, cut_of, drafts_of, reserved
from state.billing.held import scopes_of
from state.billing.payers import Billed, PayerShare, is_funded, parties_for, payers_of, shares
from state.billing.pieces import RowOnLine, piece_of
from state.books import Contract, Entry, Hold, Issued, OpenStatement, Price
from state.draft import Draft
from state.rerating.rerate import in_order, line_ids
from state.terms.plan import LinePlan, bill_tos, plan_on
from state.totals import is_due, price_and_issued, to_bill

NOTHING_RESERVED: Final[Reserved] = MappingProxyType({})


class DueShare(NamedTuple):
    """What one payer is billed of an entry."""

    entry: Entry
    plan: LinePlan
    piece: Piece
    parties: tuple[Party, ...]
    share: PayerShare


def due_by_now(draft: Draft, contract: Contract, period: BillingPeriod, since: date | None) -> list[DueShare]:
    """What a cut bills, with service date before the period's end (and from `since` on): what no draft holds."""
    elsewhere = reserved(drafts_of(draft, contract.contract_id))
    due = _due(draft, contract, period, since, elsewhere)
    shared = _shared(draft, contract, due)
    return [one for one in shared if one.share.bill_to not in elsewhere.get(one.entry.entry_id, NOBODY)]


def due_of(draft: Draft, contract: Contract, period: BillingPeriod, drafts: Sequence[OpenStatement]) -> list[DueShare]:
    """What drafts of one cut may have of the rows that they hold, which are shared together as they were by the cut."""
    held = reserved(drafts)
    rows = _due(draft, contract, period, None, drafted=held)
    due = _shared(draft, contract, rows, cut_of(drafts[0]))
    return [one for one in due if one.share.bill_to in held.get(one.entry.entry_id, NOBODY)]


def _waiting(draft: Draft, contract: Contract, period: BillingPeriod) -> frozenset[str]:
    """What takes back its room from what drafts hold, and that no draft holds until others have given that back."""
    if not funding.have_several_payers(contract):
        return frozenset()
    elsewhere = reserved(drafts_of(draft, contract.contract_id))
    rows = _due_rows(draft, contract, period, None, None, was_issued=False)
    due = _billed(draft, contract, period, rows, elsewhere, was_issued=False)
    return frozenset(one.entry.entry_id for one in due if funding.takes_back_room(one))


def due_again(draft: Draft, contract: Contract, period: BillingPeriod, rows: frozenset[str]) -> list[DueShare]:
    """What the period's statement has when it is issued again: no hold calls back what was issued."""
    return _shared(draft, contract, _due(draft, contract, period, None, only=rows, was_issued=True))


def source_turns(draft: Draft, contract: Contract) -> list[funding.FundingTurn]:
    """All that is due of periods that are cut, and not held: first what drafts hold, cut by cut."""
    drafts = drafts_of(draft, contract.contract_id)
    found = []
    for of_cut in by_cut(drafts):
        cut = cut_of(of_cut[0])
        due = _due(draft, contract, BillingPeriod(cut.period, cut.to), None, drafted=reserved(of_cut))
        found.append(funding.FundingTurn(cut, _by_sources(due), funding.claimed(draft, contract, due, cut)))
    to = contract.period_start or contract.requested_to
    if to is not None:
        due = _due(draft, contract, BillingPeriod(to, to), None, reserved(drafts))
        found.append(funding.FundingTurn(None, _by_sources(due), funding.claimed(draft, contract, due)))
    return found


def _by_sources(due: Iterable[Billed]) -> list[Billed]:
    return [one for one in due if one.by_sources]


def _due(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    since: date | None,
    elsewhere: Reserved = NOTHING_RESERVED,
    *,
    drafted: Reserved | None = None,
    only: frozenset[str] | None = None,
    was_issued: bool = False,
) -> list[Billed]:
    """Of `only` these rows, or of those `drafted` by one cut, else of all that drafts do not hold for all of their payers; also those that
    may have to give back to sources what a negative amount takes back."""

    if drafted is not None:
        only = frozenset(drafted) | _waiting(draft, contract, period)
    rows = _due_rows(draft, contract, period, since, only, was_issued=was_issued)
    found = list(_billed(draft, contract, period, rows, elsewhere, was_issued=was_issued))
    if any(funding.takes_back_room(one) for one in found):
        rows = _settled_rows(draft, contract, period, since, only)
        found += _billed(draft, contract, period, rows, elsewhere, was_issued=was_issued)
    held = payers_held(draft)
    return [one._replace(apart=_apart(one, held, drafted)) if one.by_sources else one for one in found]


def _apart(one: Billed, held: frozenset[str], drafted: Reserved | None) -> frozenset[str]:
    payers = frozenset(party.customer_id for party in one.parties)
    if one.issued is None:
        # What nobody was billed of makes room also for those who are held, and none where another cut will draft it.
        return payers - drafted.get(one.entry.entry_id, NOBODY) - held if drafted is not None else NOBODY
    return payers & held if drafted is None else payers - (drafted.get(one.entry.entry_id, NOBODY) - held)


def _due_rows(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    since: date | None,
    only: frozenset[str] | None,
    *,
    was_issued: bool,
) -> Iterable[RowOnLine]:
    """None of a line that is held as a whole."""
    held = set() if was_issued else holds(draft)
    for line_id in line_ids(contract):
        if held and keeps_back(held, places(contract.contract_id, line_id, ()), bill_tos(contract)):
            continue
        entries = draft.due_on(contract.contract_id, line_id, since.isoformat() if since else "", period.to.isoformat())
        for entry in in_order(entries):
            if only is not None and entry.entry_id not in only:
                continue
            yield entry, line_id, *price_and_issued(entry, contract.contract_id, line_id)


def _settled_rows(
    draft: Draft, contract: Contract, period: BillingPeriod, since: date | None, only: frozenset[str] | None
) -> Iterable[RowOnLine]:
    """What sources pay and nothing is due of."""
    for entry in in_order(draft.everything()):
        if only is not None and entry.entry_id not in only:
            continue
        for one in entry.issued:
            if one.contract_id != contract.contract_id or not one.funded:
                continue
            price, issued = price_and_issued(entry, contract.contract_id, one.line_id)
            day = price.day if price is not None else one.day
            in_period = (since is None or since <= day) and day < period.to
            if in_period and not is_due(price, issued):
                yield entry, one.line_id, price, issued


def _billed(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    rows: Iterable[RowOnLine],
    elsewhere: Reserved,
    *,
    was_issued: bool,
) -> Iterable[Billed]:
    """What no hold keeps back."""
    held = set() if was_issued else holds(draft)
    may_be_funded = funding.is_ever_funded(contract)
    for row in rows:
        entry, line_id, price, issued = row
        if entry.entry_id in elsewhere and _is_drafted(contract, entry, issued, elsewhere[entry.entry_id]):
            continue
        plan = _plan(draft, contract, line_id, price, issued)
        if plan is None:
            continue
        if (was_issued or _ratable(plan, issued)) and not is_held(draft, held, contract, plan, entry):
            piece = piece_of(draft, row, plan, to_bill(price, issued), period)
            by_sources = may_be_funded and is_funded(contract, entry, issued)
            yield Billed(entry, plan, piece, issued, parties_for(contract, entry, issued), by_sources)


def _is_drafted(contract: Contract, entry: Entry, issued: Issued | None, payers: frozenset[str]) -> bool:
    """Whether drafts to these payers keep the entry from the next cut: what sources pay is drawn once, by the cut that holds it."""
    return is_funded(contract, entry, issued) or payers_of(contract, entry, issued) <= payers


def _shared(
    draft: Draft, contract: Contract, due: Sequence[Billed], of_cut: PendingCut | None = None
) -> list[DueShare]:
    """By payer; holds of one keep its statement alone. `of_cut` made the drafts that hold what is due."""
    held = payers_held(draft)
    found = list(shares(draft, contract, due, held))
    if any(one.by_sources for one in due):
        claims = funding.claimed(draft, contract, due, of_cut)
        found = sorted((*found, *funding.shares(draft, contract, due, held, claims)), key=lambda share: share.place)
    return [
        DueShare(one.entry, one.plan, share.piece, one.parties, share) for share in found for one in (due[share.place],)
    ]


def _ratable(plan: LinePlan, issued: Issued | None) -> bool:
    """Work of a line whose terms are not handled waits for an amendment that rates it; what is issued of it is corrected."""
    return plan.refused is None or issued is not None


def _plan(
    draft: Draft, contract: Contract, line_id: str, price: Price | None, issued: Issued | None
) -> LinePlan | None:
    """The plan of the entry's price where that is on this line, else of the line it was issued on."""
    if price is not None:
        return plan_on(draft, contract, price.day, line_id, price.content)
    assert issued is not None, "an open entry has a price or was issued on the line"
    return plan_on(draft, contract, issued.day, line_id)


def is_kept_back(draft: Draft, contract: Contract, entry: Entry, line_id: str) -> bool:
    """Whether a statement cut now would leave out what is due of the entry."""
    price, issued = price_and_issued(entry, contract.contract_id, line_id)
    plan = _plan(draft, contract, line_id, price, issued)
    return plan is None or not _ratable(plan, issued) or is_held(draft, holds(draft), contract, plan, entry)


def holds(draft: Draft) -> set[Scope]:
    """What holds that are not released name."""
    holds: list[Hold] = [draft.part("hold", hold_id) for hold_id in draft.ids("hold")]
    return {(hold.scope, hold.scope_id) for hold in holds if not hold.released}


def payers_held(draft: Draft) -> frozenset[str]:
    return frozenset(name for scope, name in holds(draft) if scope == BILL_TO)


def is_held(draft: Draft, held: Set[Scope], contract: Contract, plan: LinePlan, entry: Entry) -> bool:
    """By its scopes, or because all its payers are on hold."""
    if not held:
        return False
    standing = entry.standing
    billed_in = draft.billed_in(entry, contract.contract_id, plan.line.line_id)
    price, issued = price_and_issued(entry, contract.contract_id, plan.line.line_id)
    worked_in = standing.project_id if standing is not None else billed_in
    projects = projects_of(billed_in, worked_in, stands_there=price is not None)
    names = places(contract.contract_id, plan.line.line_id, projects) | scopes_of(draft, entry.entry_id)
    return keeps_back(held, names, payers_of(contract, entry, issued))


def by_line(due: Iterable[DueShare]) -> dict[str, Amount]:
    return summed((one.piece.line_id, one.piece.amount) for one in due)
