"""Charts as inline SVG: bars by month, lines over time, and steps from one figure to another. Values are scaled integers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from milepost.pages import Html, markup, tag

WIDTH: Final = 700
HEIGHT: Final = 230
LEFT, RIGHT, TOP, BOTTOM = 64, 8, 12, 26
TICKS: Final = 4
LETTER, LABELS_APART = 6.2, 10
LINE_HEIGHT: Final = 12
STYLE: Final = """
:root { --first: #1f5f99; --second: #b5482f; --third: #2e7d4f; --pale: #a9c8e4; }
@media screen and (prefers-color-scheme: dark) { :root { --first: #7db8ec; --second: #f08a70; --third: #7cc79a; --pale: #36587a; } }
svg { display: block; width: 100%; height: auto; margin: 4px 0 8px; break-inside: avoid; }
svg text { fill: var(--soft); font-size: 11px; paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }
@media screen and (max-width: 720px) { svg { min-width: 620px; } }
svg .axis { stroke: var(--line); stroke-width: 1; }
svg .zero { stroke: var(--ink); stroke-width: 1; }
svg .burned, .key.burned { fill: var(--first); background: var(--first); }
svg .to-come, .key.to-come { fill: var(--pale); background: var(--pale); }
svg .plan { fill: none; stroke: var(--warn); stroke-width: 1.5; }
.key.plan { background: none; border: 1.5px solid var(--warn); }
svg .line { fill: none; stroke-width: 2; }
svg .first { stroke: var(--first); }
svg .second { stroke: var(--second); }
svg .third { stroke: var(--third); }
.key.first { background: var(--first); } .key.second { background: var(--second); } .key.third { background: var(--third); }
svg .more { fill: var(--third); } svg .less { fill: var(--second); } svg .whole { fill: var(--soft); }
.key { display: inline-block; width: 12px; height: 12px; margin: 0 5px 0 14px; vertical-align: -1px; }
.legend { font-size: 12px; color: var(--soft); }
.legend .key:first-child { margin-left: 0; }
"""

Told = Callable[[int], str]


class Bar(NamedTuple):
    """A month: what is filled, what is added to it in a lighter tone, and the outline of the plan."""

    label: str
    burned: int
    to_come: int
    plan: int


class WaterfallStep(NamedTuple):
    """Of a chart from one figure to another; a whole one stands on zero, others on where the one before ended."""

    label: str
    amount: int
    is_whole: bool


class StepLine(NamedTuple):
    """Values from a day on, each until the next one."""

    class_: str
    points: Sequence[tuple[date, int]]


def legend(*entries: tuple[str, str]) -> Html:
    """(class, title) of each colour."""
    return tag("div", ((tag("span", class_=f"key {class_}"), title) for class_, title in entries), class_="legend")


def month_bars(bars: Sequence[Bar], told: Told, title: str) -> Html:
    """Values below zero are drawn as zero; their table says what they are."""
    scale = _Scale.over([0, *(bar.plan for bar in bars), *(bar.burned + bar.to_come for bar in bars)])
    slot = (WIDTH - LEFT - RIGHT) / max(len(bars), 1)
    width = min(slot * 0.62, 56)
    return _drawn(
        title,
        _axis(scale, told),
        *(_month(bar, place, slot, width, scale) for place, bar in enumerate(bars)),
        *_labels([bar.label for bar in bars], slot),
    )


def _month(bar: Bar, place: int, slot: float, width: float, scale: _Scale) -> Html:
    x = LEFT + place * slot + (slot - width) / 2
    now = bar.burned + bar.to_come
    filled = _box(x, width, scale, 0, bar.burned, "burned")
    lighter = _box(x, width, scale, bar.burned, now, "to-come")
    beside = min(3, slot * 0.1)
    planned = _box(x - beside, width + 2 * beside, scale, 0, bar.plan, "plan")
    return markup(filled, lighter, planned)


def steps(parts: Sequence[WaterfallStep], told: Told, title: str) -> Html:
    """Each with its amount above it."""
    ends: list[tuple[int, int]] = []
    at = 0
    for part in parts:
        begin = 0 if part.is_whole else at
        at = part.amount if part.is_whole else at + part.amount
        ends.append((begin, at))
    scale = _Scale.over([0, *(value for pair in ends for value in pair)])
    slot = (WIDTH - LEFT - RIGHT) / max(len(parts), 1)
    width = min(slot * 0.6, 70)
    drawn = []
    for place, (part, (begin, end)) in enumerate(zip(parts, ends, strict=True)):
        x = LEFT + place * slot + (slot - width) / 2
        class_ = "whole" if part.is_whole else "more" if part.amount >= 0 else "less"
        y = min(scale.y(begin), scale.y(end)) - 4
        amount = told(part.amount) if part.is_whole or part.amount < 0 else f"+{told(part.amount)}"
        text = tag("text", amount, x=_n(x + width / 2), y=_n(max(y, 9)), text_anchor="middle")
        drawn.append(markup(_box(x, width, scale, begin, end, class_), text))
    return _drawn(title, _axis(scale, told), *drawn, *_labels([part.label for part in parts], slot, keeps_all=True))


def lines_over_time(lines: Sequence[StepLine], told: Told, day: Callable[[date], str], title: str) -> Html:
    """A value holds until the next one."""
    days = [point[0] for line in lines for point in line.points]
    first, last = min(days), max(days)
    scale = _Scale.over([0, *(value for line in lines for _, value in line.points)])
    span = max((last - first).days, 1)

    def x(when: date) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (when - first).days / span

    paths = [tag("path", d=" ".join(_path(line, x, scale)), class_=f"line {line.class_}") for line in lines]
    ends = [
        tag("text", day(first), x=LEFT, y=HEIGHT - 8),
        tag("text", day(last), x=WIDTH - RIGHT, y=HEIGHT - 8, text_anchor="end"),
    ]
    return _drawn(title, _axis(scale, told), *paths, *ends)


def _path(line: StepLine, x: Callable[[date], float], scale: _Scale) -> Iterator[str]:
    before = None
    for when, value in line.points:
        if before is None:
            yield f"M{_n(x(when))} {_n(scale.y(value))}"
        else:
            yield f"H{_n(x(when))} V{_n(scale.y(value))}"
        before = value


class _Scale(NamedTuple):
    """From the value at the bottom to the one at the top, with a tick every `step`."""

    low: int
    high: int
    step: int

    @classmethod
    def over(cls, values: Sequence[int]) -> _Scale:
        low, high = min(values), max(values)
        step = _round_step((high - low) / TICKS or 1)
        return cls(low // step * step, -(-high // step) * step or step, step)

    def y(self, value: int) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - value) / (self.high - self.low)


def _round_step(wanted: float) -> int:
    """1, 2 or 5 times a power of ten."""
    power = 1
    while power * 10 <= wanted:
        power *= 10
    return next((power * factor for factor in (1, 2, 5, 10) if power * factor >= wanted), power * 10)


def _axis(scale: _Scale, told: Told) -> Html:
    rows = []
    for value in range(scale.low, scale.high + 1, scale.step):
        y = _n(scale.y(value))
        rows.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="axis" if value else "zero"))
        rows.append(tag("text", told(value), x=LEFT - 8, y=_n(scale.y(value) + 4), text_anchor="end"))
    return markup(*rows)


def _box(x: float, width: float, scale: _Scale, begin: int, end: int, class_: str) -> Html:
    top, bottom = sorted((scale.y(max(begin, scale.low)), scale.y(max(end, scale.low))))
    if bottom - top < 0.05:
        return Html("")
    return tag("rect", x=_n(x), y=_n(top), width=_n(width), height=_n(bottom - top), class_=class_)


def _labels(labels: Sequence[str], slot: float, *, keeps_all: bool = False) -> Iterator[Html]:
    """Below the axis; in two lines where one would meet the next, and of many months only some."""
    lines: list[tuple[str, ...]] = [(label,) for label in labels]
    if _text_width(lines) > slot:
        lines = [tuple(filter(None, label.rpartition(" ")[::2])) for label in labels]
    every = 1 if keeps_all else max(-int(-_text_width(lines) // slot), 1)
    top = HEIGHT - 8 if max(map(len, lines), default=1) == 1 else HEIGHT - 14
    for place, texts in enumerate(lines):
        if place % every == 0:
            for line, text in enumerate(texts):
                x, y = LEFT + (place + 0.5) * slot, top + line * LINE_HEIGHT
                yield tag("text", text, x=_n(x), y=_n(y), text_anchor="middle")


def _text_width(labels: Sequence[tuple[str, ...]]) -> float:
    """Of the longest line, with what keeps it from the next."""
    return max((len(line) for label in labels for line in label), default=0) * LETTER + LABELS_APART


def _drawn(title: str, *parts: Html) -> Html:
    """On a narrow screen it keeps a size that can be read, and moves sideways."""
    drawn = tag("svg", tag("title", title), *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=title)
    return tag("div", drawn, class_="wide")


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
