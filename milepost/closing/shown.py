"""What the checks before a close found, for people and for machines."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from domain.money import format_amount
from domain.reference.fiscal import AccountingPeriod
from milepost.closing.items import CheckResult, OpenPoint
from milepost.console import amount_text, no_formula, shape
from milepost.tables import Table, csv_text, show

COLUMNS: Final = ("check", "state", "what", "count", "amount", "currency", "owner", "command")


def show_results(
    whose: str, period: AccountingPeriod, results: Sequence[CheckResult], *, is_closed: bool = False
) -> None:
    name = f"period {period.name} of {whose}"
    when = f"After {name} closed" if is_closed else f"Before {name} closes"
    title = f"{when}, {period.start} to {period.to - timedelta(days=1)}"
    rows = [
        (check, state, item.what if item else title_, *_figures(item), item.owner if item else "")
        for check, state, title_, item in _lines(results)
    ]
    show(Table(title, ("check", "state", "what", "count", "amount", "currency", "owner"), rows, frozenset({3, 4})))
    commands = list(dict.fromkeys(item.command for each in results for item in each.items))
    if commands:
        show(Table("What mends it", ("command",), [(command,) for command in commands]))


def _figures(item: OpenPoint | None) -> tuple[str, str, str]:
    if item is None:
        return "", "", ""
    return f"{item.how_many:,}", amount_text(item.amount) if item.amount is not None else "", item.currency


def _lines(results: Sequence[CheckResult]) -> Iterator[tuple[str, str, str, OpenPoint | None]]:
    for each in results:
        for item in each.items or (None,):
            yield each.check, state_of(each), each.title, item


def state_of(result: CheckResult) -> str:
    if not result.items:
        return "holds" if result.was_checked else "not checked"
    if result.accepted:
        return "accepted"
    return "forbids" if result.forbids else "open"


def results_csv(results: Sequence[CheckResult]) -> str:
    """A row each of what is open, and one of each check that found nothing."""
    return csv_text(COLUMNS, _csv_rows(results))


def _csv_rows(results: Sequence[CheckResult]) -> Iterator[Sequence[object]]:
    for check, state, title, item in _lines(results):
        if item is None:
            yield check, state, title, "0", "", "", "", ""
        else:
            amount = format_amount(item.amount) if item.amount is not None else ""
            what, command = no_formula(item.what), no_formula(item.command)
            yield check, state, what, item.how_many, amount, item.currency, item.owner, command


def results_json(whose: str, period: AccountingPeriod, results: Sequence[CheckResult]) -> dict[str, object]:
    """Version 1 of the shape; amounts are decimals as text."""
    return shape(
        1,
        company=whose,
        period=period.name,
        first_day=f"{period.start}",
        last_day=f"{period.to - timedelta(days=1)}",
        may_close=not any(each.stops for each in results),
        checks=[
            {
                "check": each.check,
                "title": each.title,
                "state": state_of(each),
                "forbids": each.forbids,
                "accepted": each.accepted or None,
                "items": [
                    {
                        "what": item.what,
                        "count": item.how_many,
                        "owner": item.owner,
                        "command": item.command,
                        "amount": format_amount(item.amount) if item.amount is not None else None,
                        "currency": item.currency or None,
                    }
                    for item in each.items
                ],
            }
            for each in results
        ],
    )
