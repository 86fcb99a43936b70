"""How the answer of `milepost whatif` is shown: without the change, with it, and the difference; a sum that is the same is left out."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from connectors.files.forecast_history import is_used_up
from connectors.json_records import record_to_json
from connectors.json_values import instant_text
from dataflows.whatif import WhatIf
from dataflows.whatif_difference import (
    FIGURES,
    CapMoved,
    ForecastMoved,
    KeptPrice,
    LineMoved,
    StatementMoved,
    WhatIfDifference,
)
from domain.accounts import name_of
from domain.counting import named
from domain.money import format_amount
from domain.outputs import BillingStatement, ExceptionClosed, ExceptionRaised, ForecastCap
from domain.units import Amount, Quantity
from milepost.console import amount_text, shape
from milepost.days import instant_day, period_text
from milepost.exceptions.words import message_text, said_text, titled
from milepost.statements.lines import has_no_quantity, telling_quantity
from milepost.statements.sheet import status_word
from milepost.tables import Table, hours_text, rate_text
from milepost.words import event_name, figure_words

SIDES: Final = ("without", "with", "change")
ENGAGEMENTS_NAMED: Final = 8
ONE_DAY: Final = timedelta(days=1)


def head(found: WhatIf) -> list[str]:
    events = named([f"{event_name(name)} ({place})" for name, place in found.events], ENGAGEMENTS_NAMED)
    lines = [
        f"What if: {events}",
        f"added to the books of {instant_day(found.since)}; figures without and with it are at {_until(found)}",
        _concerned(found.engagements),
    ]
    if found.left_out:
        lines.append(
            "Events that wait for a project or contract are not counted: the folder does not say which they are"
        )
    if found.difference.is_nothing:
        lines.append("Nothing would change" + (", for it is refused" if found.refused else ""))
    return lines


def _until(found: WhatIf) -> str:
    """A day that is over ends no more."""
    last = instant_day(found.until)
    if found.on is None:
        return f"{last}"
    # Where a day ends last, it is the next one in UTC.
    return f"the end of {found.on}" if found.on >= last - ONE_DAY else f"{last}, as {found.on} is over"


def _concerned(engagements: Sequence[str]) -> str:
    if not engagements:
        return "It concerns no project and no contract"
    what = "contract group" if len(engagements) == 1 else f"{len(engagements):,} contract groups:"
    return f"It concerns {what} {named(engagements, ENGAGEMENTS_NAMED)}"


def tables(found: WhatIf) -> list[Table]:
    moved = found.difference
    return [
        *([_refused(found.refused)] if found.refused else []),
        _posted(moved),
        _balances(moved),
        *_statements(moved.statements),
        *([_kept(found.kept)] if found.kept else []),
        _forecasts(moved.forecasts),
        *([_caps(moved.caps)] if moved.caps else []),
        _exceptions("Exceptions that it would raise", moved.raised),
        *([_exceptions("Exceptions that would say something else", moved.retold)] if moved.retold else []),
        _exceptions("Exceptions that it would close", moved.closed),
    ]


def _refused(refused: Sequence[ExceptionRaised]) -> Table:
    rows = [(titled(one.category), one.field or "", message_text(one.message), one.resolution) for one in refused]
    return Table("Refused", ("exception", "field", "what", "way out"), rows)


def _posted(moved: WhatIfDifference) -> Table:
    rows = [
        (
            each.project_id,
            each.contract_id,
            each.legal_entity_id,
            each.period,
            each.account,
            name_of(each.account),
            each.currency,
            amount_text(each.amount),
            each.ledger_currency,
            amount_text(each.ledger_amount),
        )
        for each in moved.posted
    ]
    columns = ("project", "contract", "company", "period", "account", "name", "", "amount", "", "ledger amount")
    return Table("Journals: what more it would post; credits are negative", columns, rows, frozenset({7, 9}))


def _balances(moved: WhatIfDifference) -> Table:
    rows = [
        (
            each.project_id,
            each.contract_id,
            figure_words(each.name),
            each.currency,
            *map(amount_text, (each.before, each.after, each.change)),
        )
        for each in moved.balances
    ]
    return Table("Balances", ("project", "contract", "balance", "", *SIDES), rows, frozenset({4, 5, 6}))


def _kept(kept: Sequence[KeptPrice]) -> Table:
    rows = [
        (
            each.project_id,
            each.contract_id,
            f"{each.entries:,}",
            hours_text(each.hours),
            each.currency,
            *map(amount_text, (each.billed, each.value, each.otherwise)),
        )
        for each in kept
    ]
    columns = ("project", "contract", "entries", "hours", "", "billed", "worth", "by the change")
    return Table(
        "On issued statements: keeps its price, also when it is corrected", columns, rows, frozenset({2, 3, 5, 6, 7})
    )


# Statements


def _statements(statements: Sequence[StatementMoved]) -> list[Table]:
    rows = [
        (
            each.statement.statement_id,
            period_text(each.statement.period, each.statement.to),
            status_word(each.statement),
            each.statement.currency,
            *(amount_text(due) if due is not None else "none" for due in each.dues),
            amount_text(each.due),
        )
        for each in statements
    ]
    columns = ("statement", "period", "status", "", *SIDES)
    due = Table("Statements: amounts due", columns, rows, frozenset({4, 5, 6}))
    return [due, *(_lines(each) for each in statements if each.lines)]


def _lines(statement: StatementMoved) -> Table:
    """The project stands in the title where there is one alone, so that the figures have room."""
    projects = list(dict.fromkeys(each.line.project_id for each in statement.lines))
    several = len(projects) > 1
    rows = [
        (
            each.line.line_id,
            *([each.line.project_id] if several else []),
            " ".join([each.line.description, *(f"({flag})" for flag in each.line.flags)]),
            rate_text(each.line.rate),
            *(
                f"{hours_text(quantity)} {each.line.unit}"
                if quantity is not None and not has_no_quantity(each.line)
                else ""
                for quantity in _quantities(each, statement.statement.currency)
            ),
            *(amount_text(side[1]) if side is not None else "" for side in (each.before, each.after)),
            amount_text(each.change),
        )
        for each in statement.lines
    ]
    figures = ("rate", "quantity without", "with", "amount without", "with", "change")
    texts = ("line", *(["project"] if several else []), "description")
    title = f"Lines of {statement.statement.statement_id}{'' if several else f', project {projects[0]}'}"
    return Table(title, (*texts, *figures), rows, frozenset(range(len(texts), len(texts) + len(figures))))


def _quantities(moved: LineMoved, currency: str) -> tuple[Quantity | None, Quantity | None]:
    """Without the change and with it, as the statement itself says them: quantity times rate is the amount."""
    before, after = (
        telling_quantity(moved.line._replace(quantity=side[0], amount=side[1]), currency) if side is not None else None
        for side in (moved.before, moved.after)
    )
    return before, after


# Forecasts


def _forecasts(forecasts: Sequence[ForecastMoved]) -> Table:
    rows = [row for each in forecasts for row in _figures(each)]
    return Table("Forecasts, at completion", ("project", "figure", "", *SIDES), rows, frozenset({3, 4, 5}))


def _figures(moved: ForecastMoved) -> Iterator[tuple[str, ...]]:
    currencies = [side.currency for side in (moved.before, moved.after) if side is not None]
    comparable = len(set(currencies)) == 1
    for name in FIGURES:
        before, after = moved.of(name)
        if before == after and comparable:
            continue
        yield (
            moved.project_id,
            name.removeprefix("eac_").replace("_", " "),
            " then ".join(dict.fromkeys(currencies)),
            *("none" if side is None else amount_text(side) for side in (before, after)),
            amount_text((after or 0) - (before or 0)) if comparable else "",
        )


def _caps(caps: Sequence[CapMoved]) -> Table:
    rows = [
        (
            each.project_id,
            each.cap.contract_id or "",
            each.cap.cap_id if each.month is None else f"{each.cap.cap_id} in {each.month}",
            *(_limit(side) for side in (each.before, each.after)),
            *(_use(side) for side in (each.before, each.after)),
            *(_day(side) for side in (each.before, each.after)),
        )
        for each in caps
    ]
    columns = (
        "project",
        "contract",
        "cap",
        "limit without",
        "with",
        "used without",
        "with",
        "used up on, without",
        "with",
    )
    return Table("Caps", columns, rows, frozenset({3, 4, 5, 6}))


def _limit(cap: ForecastCap | None) -> str:
    if cap is None:
        return "none"
    amount = [amount_text(cap.limit_amount)] if cap.limit_amount is not None else []
    return " and ".join([*amount, *([f"{hours_text(cap.limit_hours)} h"] if cap.limit_hours is not None else [])])


def _use(cap: ForecastCap | None) -> str:
    if cap is None:
        return ""
    return amount_text(cap.used_amount) if cap.limit_amount is not None else f"{hours_text(cap.used_hours)} h"


def _day(cap: ForecastCap | None) -> str:
    if cap is not None and is_used_up(cap):
        return "already"
    return "not" if cap is None or cap.exhausts_on is None else cap.exhausts_on.isoformat()


# Exceptions


def _exceptions(title: str, exceptions: Sequence[ExceptionRaised | ExceptionClosed]) -> Table:
    rows = [(titled(one.category), said_text(one), one.exception_id) for one in exceptions]
    return Table(title, ("exception", "what", "id"), rows)


# JSON


def as_json(found: WhatIf) -> dict[str, Any]:
    """Version 1 of the shape; amounts are decimals as text, `before` is without the change and `after` with it."""
    moved = found.difference
    return shape(
        1,
        events=[{"type": name, "place": place} for name, place in found.events],
        since=instant_text(found.since),
        until=instant_text(found.until),
        on=found.on.isoformat() if found.on is not None else None,
        engagements=list(found.engagements),
        waiting_left_out=found.left_out,
        changes=not moved.is_nothing,
        refused=[record_to_json(one) for one in found.refused],
        journals=[_plain(each, ("amount", "ledger_amount")) for each in moved.posted],
        balances=[
            {**_plain(each, ("before", "after")), "change": format_amount(each.change)} for each in moved.balances
        ],
        statements=[_statement_json(each) for each in moved.statements],
        kept=[
            {**_plain(each, ("billed", "value", "otherwise")), "hours": hours_text(each.hours).replace(",", "")}
            for each in found.kept
        ],
        forecasts=[_forecast_json(each) for each in moved.forecasts],
        caps=[
            {
                "project_id": each.project_id,
                "contract_id": each.cap.contract_id,
                "cap_id": each.cap.cap_id,
                "period": each.cap.period,
                "month": each.month,
                "before": _cap_json(each.before),
                "after": _cap_json(each.after),
            }
            for each in moved.caps
        ],
        exceptions={
            "raised": [record_to_json(one) for one in moved.raised],
            "retold": [record_to_json(one) for one in moved.retold],
            "closed": [
                {"exception_id": one.exception_id, "category": one.category, "what": said_text(one)}
                for one in moved.closed
            ],
        },
    )


def _plain(record: Any, amounts: Sequence[str]) -> dict[str, Any]:
    return {name: format_amount(value) if name in amounts else value for name, value in record._asdict().items()}


def _statement_json(moved: StatementMoved) -> dict[str, Any]:
    return {
        "statement_id": moved.statement.statement_id,
        "contract_id": moved.statement.contract_id,
        "currency": moved.statement.currency,
        "period": moved.statement.period.isoformat(),
        "to": moved.statement.to.isoformat(),
        "before": _due_json(moved.before),
        "after": _due_json(moved.after),
        "change": format_amount(moved.due),
        "lines": [_line_json(each, moved.statement.currency) for each in moved.lines],
    }


def _due_json(statement: BillingStatement | None) -> dict[str, Any] | None:
    if statement is None:
        return None
    told = record_to_json(statement)
    names = ("revision", "status", "bill_to", "total", "retained", "released", "deposits_applied", "amount_due")
    return {name: told.get(name) for name in names}


def _line_json(moved: LineMoved, currency: str) -> dict[str, Any]:
    line = moved.line
    before, after = _quantities(moved, currency)
    names = ("line_id", "project_id", "description", "unit", "person_id", "task", "role")
    return {
        **{name: getattr(line, name) for name in names},
        "rate": rate_text(line.rate).replace(",", ""),
        "flags": list(line.flags),
        "before": _side_json(moved.before, before),
        "after": _side_json(moved.after, after),
        "change": format_amount(moved.change),
    }


def _side_json(side: tuple[Quantity, Amount] | None, quantity: Quantity | None) -> dict[str, str] | None:
    if side is None or quantity is None:
        return None
    return {"quantity": _quantity(quantity), "amount": format_amount(side[1])}


def _cap_json(cap: ForecastCap | None) -> dict[str, Any] | None:
    if cap is None:
        return None
    return {
        "limit_amount": format_amount(cap.limit_amount) if cap.limit_amount is not None else None,
        "limit_hours": _quantity(cap.limit_hours) if cap.limit_hours is not None else None,
        "used_amount": format_amount(cap.used_amount),
        "used_hours": _quantity(cap.used_hours),
        "exhausts_on": cap.exhausts_on.isoformat() if cap.exhausts_on is not None else None,
    }


def _quantity(quantity: int) -> str:
    return hours_text(quantity).replace(",", "")


def _forecast_json(moved: ForecastMoved) -> dict[str, Any]:
    return {
        "project_id": moved.project_id,
        **{
            name: None
            if side is None
            else {"currency": side.currency, **{each: format_amount(getattr(side, each)) for each in FIGURES}}
            for name, side in (("before", moved.before), ("after", moved.after))
        },
    }
