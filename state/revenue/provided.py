"""The lines of a contract as its provision looks at them (`domain/revenue/provision.py`)."""

from datetime import date, timedelta
from typing import Final

from domain.caps.consume import CapRule
from domain.revenue.over_time import earning
from domain.revenue.provision import KnownLine
from domain.terms import methods
from domain.terms.kind import WITH_CHARGE, LineHistory
from domain.units import Amount
from domain.work.rows import COUNTED_EXPENSE, COUNTED_TIME
from state.books import Contract
from state.charges.estimates import known_estimates
from state.charges.spent import begin, is_spent, kept_apart, known_spent
from state.charges.terms_known import known_of
from state.draft import Draft
from state.rerating.rerate import line_ids
from state.terms.opening import earned_before, loaded_of
from state.terms.plan import LinePlan, newest_plan

KIND: Final = "provision"
# So far ahead prices begin that may be lost on before they do.
AHEAD: Final = timedelta(days=400)
# What a line may take that costs, as caps count it.
CONTENTS: Final = {"time": COUNTED_TIME, "expense": f"{COUNTED_EXPENSE}/"}


def lines_of(draft: Draft, contract: Contract, until: date) -> list[KnownLine]:
    """Of which something may be required by a day: with a price, or under caps that count all that they take."""
    found = []
    for line_id in line_ids(contract):
        known = known_of(draft, contract, line_id)
        if not known.held:
            continue
        if is_spent(known.held):
            lacking = known_spent(draft, contract, line_id, known.held).lacking
            earns, provided = earning(known, until + AHEAD), provided_for(draft, contract, line_id, known)
            found.append(KnownLine(line_id, known, earns, lacking=lacking, provided=provided))
        elif rules := _bounding(draft, contract, line_id):
            found.append(_under_caps(draft, contract, line_id, known, rules))
    return found


def begin_to_keep(draft: Draft, contract: Contract) -> None:
    """What is spent and earned on lines under caps, from now on."""
    for line_id in line_ids(contract):
        held = known_of(draft, contract, line_id).held
        if held and not is_spent(held) and _bounding(draft, contract, line_id):
            begin(draft, contract.contract_id, line_id, kept_apart(held))


def _under_caps(
    draft: Draft, contract: Contract, line_id: str, known: LineHistory, rules: tuple[CapRule, ...]
) -> KnownLine:
    spent = known_spent(draft, contract, line_id, known.held)
    opening = earned_before(draft, contract.contract_id, known.held[-1].line.project_id, line_id)
    estimates = known_estimates(draft, contract, line_id, known.held, opening)
    whole = known._replace(spent=spent.spent, estimates=estimates, opening=opening)
    return KnownLine(line_id, whole, {}, rules, spent.lacking, provided_for(draft, contract, line_id, whole))


def provided_for(draft: Draft, contract: Contract, line_id: str, known: LineHistory) -> Amount:
    """For the line's loss, by its balances."""
    own = loaded_of(draft, contract.contract_id, known.held[-1].line.project_id, line_id)
    return sum(one.provision for one in own)


def _bounding(draft: Draft, contract: Contract, line_id: str) -> tuple[CapRule, ...]:
    """Caps that count all that a line takes, where it earns with its work and passes nothing on to the next."""
    plan = newest_plan(draft, contract, line_id)
    if plan is None or not plan.rules or plan.by_day or not _earns_with_work(plan):
        return ()
    rules = plan.rules
    for what, content in CONTENTS.items():
        of = newest_plan(draft, contract, line_id, content) if methods.takes(plan.line, what) else None
        rules = tuple(rule for rule in rules if of is None or any(rule.cap_id == each.cap_id for each in of.rules))
    return rules


def _earns_with_work(plan: LinePlan) -> bool:
    return plan.timing == WITH_CHARGE and plan.draws is None and methods.earns_by_hours(plan.line.terms)
