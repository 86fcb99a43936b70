"""A project's forecast as a page: figures, charts and what moved them, for the screen and for paper."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from connectors.files.forecast_history import UsedUp
from domain.outputs import ForecastCap
from domain.units import AMOUNT_SCALE, HOURS_SCALE
from milepost import pages
from milepost.days import instant_day
from milepost.forecasts import charts
from milepost.forecasts.as_posted import as_posted
from milepost.forecasts.charts import Bar, StepLine, WaterfallStep
from milepost.forecasts.shown import ForecastShown, Measure, MonthShown, MoveShown, by_cause, largest, months
from milepost.forecasts.words import words_of
from milepost.locales import Writing
from milepost.pages import Html, tag
from milepost.words import label_words

MOVES_SHOWN: Final = 12
EVENTS_SHOWN: Final = 3
STYLE: Final = """
.figures { display: grid; grid-template-columns: repeat(4, 1fr); gap: 10px; margin: 18px 0 6px; }
.figures div { padding: 8px 10px; background: var(--shade); border-radius: 4px; }
.figures b { display: block; font-size: 17px; font-variant-numeric: tabular-nums; white-space: nowrap; }
.total td { font-weight: 600; border-bottom: 0; border-top: 1.5px solid var(--ink); }
.events { overflow-wrap: anywhere; }
@media (max-width: 720px) { .figures { grid-template-columns: repeat(2, 1fr); } }
@media print { .figures b { font-size: 12pt; } }
"""


def forecast_page(found: ForecastShown, writing: Writing, measure: Measure) -> str:
    return pages.page(
        words_of(writing)["title"].format(name=found.name),
        tag("h1", found.name),
        tag("p", _subtitle(found, writing), class_="soft"),
        _as_posted(found, writing),
        tag("section", (_figure(*each) for each in figures(found, writing)), class_="figures"),
        _by_month(found, writing, measure),
        _over_time(found, writing),
        _what_moved(found, writing),
        _caps(found, writing),
        language=writing.language,
        paper=writing.paper,
        style=charts.STYLE + STYLE,
    )


def figures(found: ForecastShown, writing: Writing) -> Iterator[tuple[str, str, str]]:
    """(title, figure, what stands beside it)"""
    now, words = found.now, words_of(writing)
    budget = found.activated.budget if found.activated is not None else None
    planned = budget if budget is not None and budget.currency in {None, now.currency} else None
    for name in ("revenue", "cost"):
        of_budget = _of_budget(getattr(planned, name, None), writing.money, writing)
        yield words[f"eac_{name}"], writing.money(getattr(now, f"eac_{name}")), of_budget
    percent = writing.percent_rounded(now.margin_percent) if now.margin_percent is not None else ""
    yield words["margin_at_completion"], writing.money(now.margin), percent
    complete = (
        writing.percent_rounded(found.latest.percent_complete) if found.latest.percent_complete is not None else ""
    )
    told = words["complete"].format(percent=complete) if complete else ""
    yield words["burn_cost"], writing.money(now.burn_cost), told
    of_hours = words["of_hours"].format(hours=writing.hours(now.eac_hours))
    of_budget = _of_budget(getattr(budget, "hours", None), writing.hours, writing)
    yield words["burn_hours"], writing.hours(now.burn_hours), of_hours + (f", {of_budget}" if of_budget else "")
    yield words["backlog"], writing.money(now.backlog), words["backlog_note"]
    yield words["unbilled_backlog"], writing.money(now.unbilled_backlog), words["unbilled_backlog_note"]
    yield _cap_figure(found, writing)


def _cap_figure(found: ForecastShown, writing: Writing) -> tuple[str, str, str]:
    """The first that is used up, else the first that will be; a hard one before one that only warns."""
    words = words_of(writing)
    gone = sorted(found.used_up, key=lambda one: (one.cap.kind == "soft", one.since))
    if gone:
        since = words["since"].format(day=writing.short_day(instant_day(gone[0].since)))
        return words["used_up"], since, used_up_beside(gone[0], writing)
    first = found.exhausts[0] if found.exhausts else None
    if first is not None and first.exhausts_on is not None:
        soft = f", {words['soft']}" if first.kind == "soft" else ""
        return words["used_up"], words["on"].format(day=writing.short_day(first.exhausts_on)), f"{first.cap_id}{soft}"
    return words["used_up"], "–", words["no_cap_used_up" if found.latest.caps else "no_cap"]


def used_up_beside(one: UsedUp, writing: Writing) -> str:
    return f"{one.cap.cap_id}; {_held_back(one, writing)}"


def _held_back(one: UsedUp, writing: Writing) -> str:
    words, waiting = words_of(writing), one.waiting
    if one.cap.kind == "soft":
        return words["soft_note"]
    if waiting is None or not waiting.blocks_amount:
        return words["nothing_waits"]
    amount = f"{writing.amount(waiting.blocks_amount)} {waiting.blocks_currency or ''}".rstrip()
    wait = words["entry_waits" if waiting.blocks_count == 1 else "entries_wait"]
    return wait.format(count=writing.count(waiting.blocks_count), amount=amount)


def _of_budget(planned: int | None, told: Callable[[int], str], writing: Writing) -> str:
    return words_of(writing)["budget"].format(budget=told(planned)) if planned is not None else ""


def _subtitle(found: ForecastShown, writing: Writing) -> str:
    latest = found.latest
    return words_of(writing)["subtitle"].format(
        project=latest.project_id,
        sequence=latest.sequence,
        day=writing.short_day(latest.as_of),
        currency=found.now.currency,
    )


def _as_posted(found: ForecastShown, writing: Writing) -> Html:
    posted = as_posted(found.latest)
    if posted is None:
        return Html("")
    said = words_of(writing)["as_posted"].format(
        day=writing.short_day(found.latest.as_of),
        revenue=writing.amount(posted.eac_revenue),
        cost=writing.amount(posted.eac_cost),
        margin=writing.amount(posted.margin),
    )
    return tag("p", said, class_="soft")


def _figure(title: str, figure: str, beside: str) -> Html:
    return tag(
        "div", tag("span", title, class_="soft small"), tag("b", figure), tag("span", beside, class_="soft small")
    )


def _by_month(found: ForecastShown, writing: Writing, measure: Measure) -> Html:
    rows = months(found, measure)
    scale = HOURS_SCALE if measure == "hours" else AMOUNT_SCALE
    bars = [Bar(writing.month(row.month), row.burned, row.to_come, row.plan) for row in rows]
    words = words_of(writing)
    title = words[f"{measure}_by_month"].format(day=writing.short_day(found.plan.as_of))
    return tag(
        "section",
        tag(
            "div",
            tag("h2", title),
            charts.legend(("burned", words["burned"]), ("to-come", words["to_come"]), ("plan", words["plan"])),
            charts.month_bars(bars, lambda value: writing.rounded(value, scale), title),
            class_="keep",
        ),
        _month_table(rows, writing, measure),
    )


def _month_table(rows: Sequence[MonthShown], writing: Writing, measure: Measure) -> Html:
    told = writing.hours if measure == "hours" else writing.amount
    words = words_of(writing)
    figures = ("plan", "burned", "to_come", "now", "over_plan")
    columns = [(words["month_column"], False), *((words[f"{name}_column"], True) for name in figures)]
    cells = [(writing.month(row.month), row) for row in rows]
    whole = MonthShown("", *(sum(getattr(row, name) for row in rows) for name in ("plan", "burned", "to_come")))
    body = [*((title, row, None) for title, row in cells), (words["all"], whole, "total")]
    return pages.table(
        columns,
        tag(
            "tbody",
            (
                pages.row(title, *map(told, (*row[1:], row.now, row.now - row.plan)), class_=class_)
                for title, row, class_ in body
            ),
        ),
        class_="small",
    )


def _over_time(found: ForecastShown, writing: Writing) -> Html:
    """From the plan on, one value a day: the last one."""
    history = [
        (found.plan.as_of, found.plan.project),
        *{update.as_of: (update.as_of, update.project) for update in found.history}.values(),
    ]
    if found.plan.as_of == found.latest.as_of:
        return Html("")
    words = words_of(writing)
    title = words["over_time"]
    lines = [
        StepLine(class_, [(day, int(getattr(now, name))) for day, now in history])
        for class_, name in (("first", "eac_revenue"), ("second", "eac_cost"), ("third", "margin"))
    ]
    return tag(
        "section",
        tag("h2", title),
        charts.legend(("first", words["revenue"]), ("second", words["cost"]), ("third", words["margin"])),
        charts.lines_over_time(lines, lambda value: writing.rounded(value, AMOUNT_SCALE), writing.short_day, title),
        class_="keep",
    )


def _what_moved(found: ForecastShown, writing: Writing) -> Html:
    sums = by_cause(found)
    words, since = words_of(writing), writing.short_day(found.since.as_of)
    title = words["moved"].format(day=since)
    if not sums:
        return tag("section", tag("h2", title), tag("p", words["nothing"]))
    parts = [
        WaterfallStep(since, found.since.project.margin, is_whole=True),
        *(WaterfallStep(words[each.cause], each.margin, is_whole=False) for each in sums),
        WaterfallStep(writing.short_day(found.latest.as_of), found.now.margin, is_whole=True),
    ]
    return tag(
        "section",
        tag(
            "div",
            tag("h2", words["moved_by_cause"].format(day=since)),
            charts.steps(parts, lambda value: writing.rounded(value, AMOUNT_SCALE), title),
            class_="keep",
        ),
        _moves_table(found, writing),
    )


def _moves_table(found: ForecastShown, writing: Writing) -> Html:
    """The sums by cause, then the largest single moves with their events."""
    words = words_of(writing)
    columns = [
        (words["cause_column"], False),
        *((words[f"{name}_column"], True) for name in ("cost", "revenue", "margin")),
    ]
    rows = [
        pages.row(words[each.cause], *map(writing.amount, (each.cost, each.revenue, each.margin)))
        for each in by_cause(found)
    ]
    change = [
        getattr(found.now, name) - getattr(found.since.project, name) for name in ("eac_cost", "eac_revenue", "margin")
    ]
    total = pages.row(words["change"], *map(writing.amount, change), class_="total")
    moves, count = largest(found, MOVES_SHOWN)
    title = words["largest_moves" if count > len(moves) else "moves"].format(shown=len(moves), count=count)
    single = [
        (words[f"{name}_column"], right)
        for name, right in (("day", False), ("margin", True), ("causes", False), ("events", False))
    ]
    return pages.markup(
        pages.table(columns, tag("tbody", rows, total), class_="small"),
        tag("h2", title),
        pages.table(single, tag("tbody", (_move(move, writing) for move in moves)), class_="small"),
    )


def _move(move: MoveShown, writing: Writing) -> Html:
    words = words_of(writing)
    causes = ", ".join(words[delta.cause] for delta in move.update.deltas)
    return tag(
        "tr",
        tag("td", writing.short_day(move.update.as_of), class_="nowrap"),
        tag("td", writing.amount(move.margin), class_="right"),
        tag("td", causes),
        tag(
            "td",
            events_text(
                move,
                EVENTS_SHOWN,
                lambda count: words["more"].format(count=writing.count(count)),
                writing.locale.language,
            ),
            class_="events",
        ),
    )


def events_text(
    move: MoveShown, shown: int, told: Callable[[int], str] = "and {:,} more".format, language: str = "en"
) -> str:
    """What is not plain new work first: that is what a reader looks for."""
    ordered = sorted(move.events, key=lambda each: ("volume" in each.causes and len(each.causes) == 1, each.log_offset))
    more = f" {told(len(ordered) - shown)}" if len(ordered) > shown else ""
    return ", ".join(label_words(each.label, language) for each in ordered[:shown]) + more


def _caps(found: ForecastShown, writing: Writing) -> Html:
    caps = found.latest.caps
    if not caps:
        return Html("")
    words = words_of(writing)
    columns = [
        *((words[f"{name}_column"], False) for name in ("cap", "kind")),
        *((words[f"{name}_column"], True) for name in ("used", "limit")),
        ("%", True),
        (words["used_up_column"], False),
    ]
    since = {id(one.cap): one for one in found.used_up}
    rows = (_cap_row(cap, since.get(id(cap)), writing) for cap in caps)
    return tag(
        "section", tag("h2", words["caps"]), pages.table(columns, tag("tbody", rows), class_="small"), class_="keep"
    )


def _cap_row(cap: ForecastCap, gone: UsedUp | None, writing: Writing) -> Html:
    """In money, or in hours where only these are limited."""
    if cap.limit_amount is not None:
        used, limit = writing.amount(cap.used_amount), writing.amount(cap.limit_amount)
    else:
        used, limit = f"{writing.hours(cap.used_hours)} h", f"{writing.hours(cap.limit_hours or 0)} h"
    return tag(
        "tr",
        tag("td", cap.cap_id),
        tag("td", _kind(cap, writing)),
        (tag("td", figure, class_="right") for figure in (used, limit, writing.percent_rounded(cap.used_percent))),
        tag("td", _when(cap, gone, writing)),
    )


def _kind(cap: ForecastCap, writing: Writing) -> str:
    words = words_of(writing)
    kind = words.get(cap.kind or "", cap.kind or "")
    return f"{kind} {words['by_month'] if cap.period == 'month' else ''}".strip()


def _when(cap: ForecastCap, gone: UsedUp | None, writing: Writing) -> str:
    words = words_of(writing)
    if gone is not None:
        since = words["since_by" if gone.label else "since"]
        day = writing.short_day(instant_day(gone.since))
        return f"{since.format(day=day, label=label_words(gone.label, writing.locale.language))}; {_held_back(gone, writing)}"
    return words["on"].format(day=writing.short_day(cap.exhausts_on)) if cap.exhausts_on is not None else "–"
