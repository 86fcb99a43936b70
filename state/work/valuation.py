"""Can this be posted, and as what? Time and charges are judged apart and posted alike."""

from datetime import date

from state.books import Entry, Work
from state.draft import Draft
from state.terms.known import Blocked
from state.value import Value
from state.work.exchange_waits import NOTHING_WAITED, Waited
from state.work.placing import day_in
from state.work.value_charge import value_charge
from state.work.value_part import value_part
from state.work.value_time import CostPlan, PricePlan, Sides, price_of_time, value_time
from state.work.value_transfer import TransferPlan, transfer_of


class Valuation(Value, frozen=True, array_like=True, gc=False):
    """Both sides of an entry, and what one company of the group charges another for it, None within one."""

    whole: Blocked | None
    cost: CostPlan | Blocked | None
    price: PricePlan | Blocked
    transfer: TransferPlan | Blocked | None = None

    @property
    def complete(self) -> bool:
        return (
            self.whole is None
            and not isinstance(self.cost, Blocked)
            and isinstance(self.price, PricePlan)
            and not isinstance(self.transfer, Blocked)
        )

    @property
    def blocked(self) -> tuple[Blocked, ...]:
        if self.whole is not None:
            return (self.whole,)
        return tuple([side for side in (self.cost, self.price, self.transfer) if isinstance(side, Blocked)])


def value_work(
    draft: Draft, entry: Entry, work: Work, standing: Work | None, waited: Waited = NOTHING_WAITED
) -> Valuation:
    """One version of an entry; `standing` is the posted version it would replace, whose dates it takes over."""
    sides = _sides(draft, entry, work, standing, waited)
    whole, cost, price, _ = sides
    if cost is None or whole is not None or _is_within_one(work, cost, price):
        return Valuation(whole, cost, price)
    return Valuation(None, cost, price, transfer_of(draft, entry, work, sides, standing, waited))


def price_side(draft: Draft, entry: Entry, work: Work, standing: Work | None) -> PricePlan | Blocked:
    """What the customer owes for it alone."""
    if work.time is not None and work.part_of is None:
        return price_of_time(draft, entry, work.time, standing)
    return _sides(draft, entry, work, standing, NOTHING_WAITED).price


def _sides(draft: Draft, entry: Entry, work: Work, standing: Work | None, waited: Waited) -> Sides:
    if work.time is None:
        assert work.charge is not None, "an entry is time or a charge"
        return value_charge(draft, entry, work.charge, standing, waited)
    if work.part_of is not None:
        return value_part(draft, entry, work.time, work.part_of, standing, waited)
    return value_time(draft, entry, work.time, standing, waited)


def _is_within_one(work: Work, cost: CostPlan | Blocked, price: PricePlan | Blocked) -> bool:
    """Whether the company that bears its cost bills it."""
    if work.cost is not None or not isinstance(cost, CostPlan) or not isinstance(price, PricePlan):
        return False
    return price.line is not None and cost.cost.legal_entity_id == price.line.entity.legal_entity_id


def first_day(work: Work, zone: str) -> date:
    """The day from which an accounting date is looked for."""
    return work.charge.day if work.charge is not None else day_in(work.event, zone)
