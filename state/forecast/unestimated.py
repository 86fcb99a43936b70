"""Lines of which somebody has to say what their work will cost: they have an agreed price, or a hard cap limits what the project's hours
earn, so that more cost is a loss. Nothing else rests on an estimate: what is charged as it comes, for as long as it comes, has none
to fall short of, nor has work that nobody pays for or that another system bills.

    a price of 10,000.00 on A, hours at 150.00 on B: the estimate of A is asked for
"""

from datetime import date

from domain.exceptions import NO_ESTIMATE, ways_out
from domain.identity import composed
from domain.terms import methods
from state.books import Forecast
from state.draft import Draft
from state.forecast.bases import NONE, PLAN, lacks_estimate
from state.forecast.outlook import ProjectTerms, line_key, running
from state.forecast.tracks import WHOLE
from state.terms.plan import LinePlan

# What else asks for an estimate, of a line itself, once work on it has begun.
OF_LINES = tuple(kind for category, kind, _ in ways_out() if category == NO_ESTIMATE and kind)


def unestimated(draft: Draft, project_id: str, of: ProjectTerms, forecast: Forecast, as_of: date) -> list[LinePlan]:
    """Lines of the project with neither an estimate nor a budget that need one, but those with an exception of their own."""
    if not lacks_estimate(forecast.bases) or draft.project(project_id).burn.elsewhere:
        return []
    is_whole = forecast.bases[WHOLE].kind == PLAN
    lacking = (
        plan
        for plan in running(draft, of.lines, as_of)
        if is_whole or ((basis := forecast.bases.get(line_key(plan))) is not None and basis.kind == NONE)
    )
    return [plan for plan in lacking if _is_limited(draft, plan, forecast) and not _says_so(draft, plan)]


def _is_limited(draft: Draft, plan: LinePlan, forecast: Forecast) -> bool:
    """Whether more work on the line earns no more."""
    terms, contract = plan.line.terms, draft.contract(plan.contract_id)
    if contract is None or contract.divided or (methods.goes_on(terms) and contract.terms.ends_on is None):
        return False
    if forecast.ceiling is not None and methods.earns_by_hours(terms):
        return True
    key = line_key(plan)
    return any(one.total is not None and composed(one.contract_id, one.line_id) == key for one in forecast.earning)


def _says_so(draft: Draft, plan: LinePlan) -> bool:
    return any(draft.open_exception(NO_ESTIMATE, kind, line_key(plan)) is not None for kind in OF_LINES)
