"""What an event changes at completion while an exchange rate is too old or missing, so that it has its own cause: what currencies do is
measured when a rate comes.

By rates that are too old all of it. Where there is none, of each track what is in the project's currency; of a track with cost in another
one its revenue alone, where the hours that earn it do not follow from the cost.

    cost to come of 1,400 CHF, of which no rate is known, and a price of 5,000 USD that becomes 6,000 USD: 1,000 USD more revenue
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

from domain.forecast.changes import Change
from domain.policies import Resolved
from domain.reference.exchange import NEVER_STALE
from state.books import BookedProgress, Forecast
from state.draft import Draft
from state.forecast.tracks import tracks_of

Progress = Mapping[str, BookedProgress]


class HeadingBasis(NamedTuple):
    """What a project's figures rest on, and what is booked; `before` the event, lines had earned what they had then."""

    forecast: Forecast
    progress: Progress
    before: bool = False


def change_without_rates(draft: Draft, policies: Resolved, was: HeadingBasis, now: HeadingBasis, as_of: date) -> Change:
    """Of cost and revenue at completion."""
    policies = policies._replace(rate_staleness_days=NEVER_STALE)
    found = _change(draft, policies, was, now, as_of)
    if found is None:
        found = _change(draft, policies, *_in_own_currency(was, now), as_of)
    return found if found is not None else (0, 0)


def _change(draft: Draft, policies: Resolved, was: HeadingBasis, now: HeadingBasis, as_of: date) -> Change | None:
    """None where a rate is missing."""
    before, after = _heading(draft, policies, was, as_of), _heading(draft, policies, now, as_of)
    return (after[0] - before[0], after[1] - before[1]) if before is not None and after is not None else None


def _heading(draft: Draft, policies: Resolved, of: HeadingBasis, as_of: date) -> Change | None:
    forecast = of.forecast
    tracks = tracks_of(draft, {}, policies, forecast, of.progress, forecast.currency, as_of, before=of.before)
    return tracks.heading(forecast.ceiling) if tracks is not None else None


def _in_own_currency(was: HeadingBasis, now: HeadingBasis) -> tuple[HeadingBasis, HeadingBasis]:
    """Nothing where a cap limits all tracks together; tracks that come or go are one with the others."""
    had: dict[str, BookedProgress] = {}
    has: dict[str, BookedProgress] = {}
    if was.forecast.ceiling is None and now.forecast.ceiling is None:
        names = list(was.progress)
        for group in [[name] for name in names] if names == list(now.progress) else [[*names, *now.progress]]:
            had.update(_known(was, (was, now), group))
            has.update(_known(now, (was, now), group))
    return was._replace(progress=had), now._replace(progress=has)


def _known(
    of: HeadingBasis, both: tuple[HeadingBasis, HeadingBasis], group: Iterable[str]
) -> Iterator[tuple[str, BookedProgress]]:
    """What is known of tracks without a rate, both before and after; only of their revenue without cost."""
    own = of.forecast.currency
    held = [(one.forecast.bases[name], one.progress[name]) for one in both for name in group if name in one.progress]
    foreign = [tally for _, part in held for tally in _foreign(part, own)]
    names = (name for name in of.progress if name in group)
    if not any(cost or revenue for cost, revenue in foreign):
        yield from ((name, of.progress[name]) for name in names)
    elif not any(revenue for _, revenue in foreign) and all(
        basis.hours_stated and basis.markup is None for basis, _ in held
    ):
        yield from ((name, _without_cost(of.progress[name], own)) for name in names)


def _foreign(part: BookedProgress, own: str) -> Iterator[Change]:
    for tallies in (part.now, part.floor):
        yield from (tally[1:] for currency, tally in tallies.items() if currency != own)


def _without_cost(part: BookedProgress, own: str) -> BookedProgress:
    now, floor = (
        {own: (sum(tally[0] for tally in tallies.values()), 0, sum(tally[2] for tally in tallies.values()))}
        for tallies in (part.now, part.floor)
    )
    return BookedProgress(now, floor)
