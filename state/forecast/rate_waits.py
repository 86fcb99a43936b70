"""A forecast without an exchange rate waits for it: nothing is guessed."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from msgspec.structs import replace

from domain.reference.exchange import NO_RATE, MissingRate
from domain.waiting import WaitKey, waits_for_rates_of
from state.draft import Draft
from state.forecast.outlook import known, project_policies, project_terms
from state.terms.known import exchange_on
from state.work.exchange_waits import forecast_waits


def wait_for_rate(draft: Draft, project_id: str, as_of: date) -> bool:
    """Which is said once until another rate is missing; a project of which not even a currency is known has no forecast."""
    forecast, _ = known(draft, project_id)
    if not forecast.currency:
        return True
    forecast_waits(draft, project_id, _rates_lacking(draft, project_id, as_of))
    lacking = missing_rates(draft, project_id, currencies_of(draft, project_id), as_of)
    missing = "".join(f"; {each.lasting}" for each in lacking)
    draft.raise_exception(
        NO_RATE,
        "project",
        project_id,
        f"the forecast of project {project_id} in {forecast.currency} waits for an exchange rate{missing}",
        project_id=project_id,
        revises=True,
    )
    draft.put("forecast", project_id, replace(forecast, noted=tuple(sorted({*forecast.noted, NO_RATE}))))
    return False


def _rates_lacking(draft: Draft, project_id: str, as_of: date) -> tuple[WaitKey, ...]:
    """Rates of all the project's currencies that are fresh enough on the day, or of the day after, when rates may come."""
    policies = project_policies(
        draft, project_terms(draft, project_id).lines, known(draft, project_id)[0].legal_entity_id
    )
    days = tuple(as_of - timedelta(days=age) for age in range(-1, policies.rate_staleness_days + 1))
    return waits_for_rates_of(currencies_of(draft, project_id), days)


def currencies_of(draft: Draft, project_id: str) -> tuple[str, ...]:
    """The forecast's first, those of its work and contracts."""
    forecast, outlook = known(draft, project_id)
    of_work = (own for part in outlook.progress.values() for own in (*part.now, *part.floor))
    of_contracts = (one.terms.currency for one in project_terms(draft, project_id).contracts)
    return forecast.currency, *of_work, *of_contracts


def missing_rates(draft: Draft, project_id: str, of: Iterable[str], as_of: date) -> Iterator[MissingRate]:
    """Rates of currencies into the forecast's that nobody has published."""
    forecast, _ = known(draft, project_id)
    policies = project_policies(draft, project_terms(draft, project_id).lines, forecast.legal_entity_id)
    for name in sorted({*of} - {forecast.currency}):
        found = exchange_on(draft, policies, name, forecast.currency, as_of, as_of)
        if isinstance(found, MissingRate):
            yield found
