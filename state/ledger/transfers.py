"""The pair of journals by which one company of the group charges another for work: one in each, with one `pair_id`.

The lender's Dr 1180 Cr 4100 and the borrower's Dr 5050 Cr 2180 have the same amounts in the currency of the transfer; each balances by
itself and has the date, the period and the ledger amounts of its own company. They stand, are reversed and are corrected with their entry.
"""

from msgspec.structs import replace

from domain.identity import derived_id
from domain.ledger.journal import legs, merge
from domain.ledger.recorded import AMOUNT, Carried, record_line
from domain.policies import Resolved
from domain.why import Why, exchanged, quoted
from domain.work.recorded import figure_of
from domain.work.rows import row_id
from domain.work.transfer import RULE, Pairs, both_pairs
from state.books import TRANSFERRED, Posted, Transfer, Work
from state.draft import Draft
from state.ledger.posting import about, booking_of, emit
from state.terms.known import Slot, entity_policies
from state.work.value_transfer import TransferPlan


def post_transfer(draft: Draft, work: Work, plan: TransferPlan) -> Work:
    """The work with its pair; what comes to nothing is in no journal."""
    made, amount = plan.transfer, plan.transfer.amount
    if draft.why is not None and plan.said is not None:
        draft.why.record(transferred_of(work), amount, plan.said)
    if not amount:
        return replace(work, transfer=made)
    cause = draft.cause
    pair_id = derived_id(draft.engagement_id, RULE, *work.identity, cause.kind, cause.id, cause.version)
    done = replace(work, transfer=replace(made, pair_id=pair_id))
    sides = zip((plan.lends, plan.borrows), both_pairs(amount), strict=True)
    posted = tuple(_side(draft, done, slot, pairs, pair_id) for slot, pairs in sides)
    return replace(done, journals=(*work.journals, *posted))


def transferred_of(work: Work) -> str:
    """Where a recorder has what was transferred."""
    return figure_of(row_id(work.subject_kind, work.subject_id), TRANSFERRED)


def _side(draft: Draft, work: Work, slot: Slot, pairs: Pairs, pair_id: str) -> Posted:
    policies = entity_policies(draft, slot.entity)
    lines = merge(legs(pairs, slot.exchange, slot.entity.currency, policies.money_mode))
    of = about(draft, work.identity, RULE)
    posted = emit(draft, work, of, booking_of(slot, "posting"), lines, None, policies, pair_id=pair_id)
    if draft.why is not None and work.transfer is not None:
        _say(draft.why, work, work.transfer, slot, policies, posted)
    return posted


def _say(why: Why, work: Work, transfer: Transfer, slot: Slot, policies: Resolved, posted: Posted) -> None:
    amount = why.figure(transferred_of(work))
    day = transfer.day if policies.fx_date == "service" else slot.accounting_date
    rates = quoted(slot.exchange, policies.exchange_rate_type, day, slot.entity)
    both = Carried(amount, exchanged(amount, rates, slot.entity.currency, policies.money_mode))
    for number, leg in enumerate(posted.lines, 1):
        made = both if leg.amount == transfer.amount else both.taken_back(AMOUNT)
        record_line(why, posted.journal_id, number, leg, made)
