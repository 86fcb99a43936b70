"""In which months of the forecast bills of before are billed and paid."""

from collections.abc import Mapping

from msgspec.structs import replace

from domain.units import Amount
from state.draft import Draft
from state.forecast.outlook import known as known_forecast
from state.opening.record import say_months, say_months_back
from state.value import plain


def put_months(draft: Draft, project_id: str, billed: Mapping[str, Amount], due: Mapping[str, Amount]) -> None:
    if draft.why is not None:
        say_months(draft.why, project_id, "billed", billed)
        say_months(draft.why, project_id, "due", due)
    _add_months(draft, project_id, billed, due, 1)


def take_back_months(draft: Draft, project_id: str, billed: Mapping[str, Amount], due: Mapping[str, Amount]) -> None:
    if draft.why is not None:
        say_months_back(draft.why, project_id, "billed", billed)
        say_months_back(draft.why, project_id, "due", due)
    _add_months(draft, project_id, billed, due, -1)


def _add_months(
    draft: Draft, project_id: str, billed: Mapping[str, Amount], due: Mapping[str, Amount], sign: int
) -> None:
    forecast, outlook = known_forecast(draft, project_id)
    sums = []
    for had, more in ((forecast.billed, billed), (forecast.due, due)):
        found = dict(had)
        for month, amount in more.items():
            found[month] = found.get(month, 0) + sign * plain(amount)
        sums.append(found)
    draft.put("forecast", project_id, replace(forecast, billed=sums[0], due=sums[1]))
    draft.put("outlook", project_id, replace(outlook, stale=True))
