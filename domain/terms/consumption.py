"""How work uses what its line includes, from one of the terms' own periods to the next, whenever it arrived (R16, R30).

Work goes by service date, then approval, then id. It draws on what its own period has: what was bought in it, and what went over from the
one before. At the end of a day on which too little is left the terms fill up, and when a period ends some of what is left goes over. So
late work changes what its period let expire and carried over, and with that every period after it.

    40 h a month, at most 10 h go over. February's 52 h alone draw 50 h, since January went over with 10 h, and 2 h go beyond. When 34 h of
    January arrive, 6 h went over: February has 46 h, and 6 h go beyond
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.events.common import Terms
from domain.terms import methods
from domain.terms.draw_down import Draw, PartOf, draw
from domain.terms.kind import DrawRequest, Draws, LineHistory, PeriodLeft, PrepaidBalance, on_day

DAY = timedelta(days=1)
AFTER_ALL = date.max


class Used(NamedTuple):
    """The share of each claim, periods as they ended, and the days on which the terms filled up."""

    shares: dict[str, Draw]
    ended: list[PeriodLeft]
    topped_up: list[date]


class Span(NamedTuple):
    """What is looked at again: work from a day on, periods that are over, and days that have ended."""

    first: date
    over: Collection[tuple[date, date]]
    last: date


def consume(known: LineHistory, span: Span, taken: Draws, claims: Sequence[DrawRequest], part_of: PartOf) -> Used:
    """Claims are all from the span's first day on, in consumption order; `taken` is what those before drew, `known` what was found then."""
    kept = [one for one in known.ended if one.to <= span.first and (one.start, one.to) in span.over]
    topped_up = [day for day in known.topped_up if day < span.first]
    use = _Use(known._replace(ended=kept, topped_up=topped_up, drawn=dict(taken)), span, claims, part_of)
    for start, to in sorted(period for period in span.over if period[1] > span.first):
        use.draw_before(to)
        ended = methods.ends(_having(use.known, start, to), use.known, start, to)
        use.known = use.known._replace(ended=[*use.known.ended, ended])
    use.draw_before(AFTER_ALL)
    return Used(use.shares, list(use.known.ended), list(use.known.topped_up))


class _Use:
    """Work is used up day by day where the terms may fill up, else as far as the next period's end at once."""

    def __init__(self, known: LineHistory, span: Span, claims: Sequence[DrawRequest], part_of: PartOf) -> None:
        self.known, self.span, self.part_of = known, span, part_of
        self.shares: dict[str, Draw] = {}
        self._claims, self._next = claims, 0
        fills_up = any(methods.fills_up(agreed.line.terms) for agreed in known.held)
        self._looks: list[date] | None = self._days() if fills_up else None

    def _days(self) -> list[date]:
        """Days at whose end too little may be left: work was done, or other terms or another period began."""
        first, last = self.span.first, self.span.last
        found = {claim.day for claim in self._claims} | {agreed.since for agreed in self.known.held}
        terms = [agreed.line.terms for agreed in self.known.held]
        begun = [start for one in terms for start, _ in methods.periods(one, self.known, last)] if first <= last else []
        return sorted(day for day in {first, *found, *begun} if first <= day <= last)

    def draw_before(self, before: date) -> None:
        while self._looks and self._looks[0] < before:
            day = self._looks.pop(0)
            self._draw(day)
            self._look(day)
        self._draw(before)

    def _look(self, day: date) -> None:
        """The day's own work comes first; where too little is left after it, more is bought, which it may draw on."""
        place, had = self._next, self.known.drawn
        self._draw(day + DAY)
        if not any(methods.is_below_top_up(agreed.line.terms, self.known, day) for agreed in self.known.held):
            return
        self.known = self.known._replace(topped_up=[*self.known.topped_up, day], drawn=had)
        self._next = place
        self._draw(day + DAY)
        assert self._looks is not None, "the terms fill up"
        following = day + DAY
        at = bisect_left(self._looks, following)
        if following <= self.span.last and self._looks[at : at + 1] != [following]:
            insort(self._looks, following)

    def _draw(self, before: date) -> None:
        """Claims of days before this one, as far as they have not drawn."""
        place = self._next
        while self._next < len(self._claims) and self._claims[self._next].day < before:
            self._next += 1
        found = draw(self._stores, self.known.drawn, self._claims[place : self._next], self.part_of)
        self.shares |= found.shares
        self.known = self.known._replace(drawn=found.taken)

    def _stores(self, day: date) -> Sequence[PrepaidBalance]:
        return methods.stores(held_on(self.known, day), self.known, day)


def held_on(known: LineHistory, day: date) -> Terms:
    """The terms that hold on a day; before the first, the first."""
    return on_day(known.held, day).line.terms


def _having(known: LineHistory, start: date, to: date) -> Terms:
    """Terms of the kind that has the period."""
    terms = (agreed.line.terms for agreed in known.held)
    return next(one for one in terms if (start, to) in methods.periods(one, known, start))
