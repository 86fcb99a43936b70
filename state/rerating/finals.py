"""Policy `overflow: non_billable`: what is over the cap when its period is issued stays over it; over a purchase order it waits."""

from datetime import date

from msgspec.structs import replace

from domain.caps.purchase_order import is_order
from domain.caps.recorded import say_final
from domain.units import Amount, Hours
from domain.why import Why
from state.books import Contract, Price
from state.caps.allot import settle_consumption
from state.caps.claims import allotments, consumption_of, figures_of, stands_on
from state.draft import Draft
from state.rerating.rerate import line_ids
from state.terms.plan import LinePlan, plan_of


def make_final(draft: Draft, contract: Contract, to: date, since: date | None) -> None:
    """Of entries with service date before the cut, from `since` on."""
    for line_id in line_ids(contract):
        for entry in draft.open_on(contract.contract_id, line_id, since.isoformat() if since else "", to.isoformat()):
            consumption = consumption_of(entry)
            plan = plan_of(draft, consumption.price) if consumption is not None else None
            if (
                consumption is None
                or plan is None
                or plan.policies.overflow != "non_billable"
                or not stands_on(consumption, contract.contract_id, line_id)
            ):
                continue
            price = consumption.price
            kept, kept_hours = _kept(plan, price)
            if kept < price.claimed[0]:
                final = replace(price, final=True, kept=kept, kept_hours=kept_hours)
                if draft.why is not None:
                    _say_final(draft.why, plan, consumption.entry_id, price, (kept, kept_hours))
                settle_consumption(draft, plan, consumption, replace(consumption, price=final))
                work = entry.standing
                assert work is not None, "a consumption has standing work"
                settled = replace(work, price=final)
                draft.put_entry(
                    entry, replace(entry, behind=settled) if entry.behind is not None else replace(entry, work=settled)
                )


def _kept(plan: LinePlan, price: Price) -> tuple[Amount, Hours]:
    """What stays billable: under a purchase order that binds all that other caps leave to it."""
    if not is_order(price.binding or ""):
        return price.billable, price.billable_hours
    return (price.allowed, price.allowed_hours) if plan.some_bind_billing_alone else (price.value, price.hours)


def _say_final(why: Why, plan: LinePlan, entry_id: str, price: Price, kept: tuple[Amount, Hours]) -> None:
    under_order = is_order(price.binding or "")
    allowed = under_order and plan.some_bind_billing_alone
    figures = figures_of(why, plan, allotments(plan)[0 if allowed else -1])
    say_final(figures, entry_id, *kept, whole=under_order and not allowed)
