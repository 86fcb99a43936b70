"""Can this be posted, and as what? Time and charges are judged apart and posted alike."""

from datetime import date

from state.books import Entry, Work
from state.draft import Draft
from state.work.exchange_waits import NOTHING_WAITED, Waited
from state.work.placing import day_in
from state.work.value_charge import value_charge
from state.work.value_part import value_part
from state.work.value_time import CostPlan, PricePlan, Valuation, value_time
from state.work.value_transfer import transfer_of


def value_work(
    draft: Draft, entry: Entry, work: Work, standing: Work | None, waited: Waited = NOTHING_WAITED
) -> Valuation:
    """One version of an entry; `standing` is the posted version it would replace, whose dates it takes over."""
    if work.time is not None and work.part_of is not None:
        return value_part(draft, entry, work.time, work.part_of, standing, waited)
    if work.time is not None:
        found = value_time(draft, entry, work.time, standing, waited)
    else:
        assert work.charge is not None, "an entry is time or a charge"
        found = value_charge(draft, entry, work.charge, standing, waited)
    cost, price = found.cost, found.price
    # Billed by the company that bears its cost, or a charge that nobody spent money on.
    if cost is None or found.whole is not None:
        return found
    line = price.line if isinstance(price, PricePlan) else None
    if line is not None and work.cost is None and isinstance(cost, CostPlan):
        bears, owes = cost.cost.legal_entity_id, line.entity.legal_entity_id
        if bears == owes:
            return found
    transfer = transfer_of(draft, entry, work, found, standing, waited)
    return found if transfer is None else Valuation(None, cost, price, transfer)


def first_day(work: Work, zone: str) -> date:
    """The day from which an accounting date is looked for."""
    return work.charge.day if work.charge is not None else day_in(work.event, zone)
