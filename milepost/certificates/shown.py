"""A certificate of a close for people: on a terminal, and as a page to print and to sign."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from domain.accounts import name_of
from domain.counting import counted
from milepost import pages
from milepost.pages import Html, markup, tag
from milepost.tables import Table, show

if TYPE_CHECKING:
    from milepost.certificates.file import Shape

_FIGURES: Final = ("opening", "debits", "credits", "movement", "closing")
_CHANGED: Final = ("opening", "movement")


def show_certificate(shape: Shape, every: Sequence[Shape]) -> None:
    """`every` are the company's certificates, in their order."""
    from milepost.console import tell

    show(*_tables(shape))
    tell("\n" + "\n".join(_facts(shape, every)))


def page(shape: Shape, every: Sequence[Shape]) -> str:
    title = _title(shape)
    tables = [markup(tag("h2", table.title), _html(table)) for table in _tables(shape)]
    facts = [tag("p", fact, class_="soft small") for fact in _facts(shape, every)]
    signed = tag("p", f"Asked for by {shape['requested_by']}, approved by {shape['approved_by']}")
    warnings = [tag("p", fact, class_="banner") for fact in _warnings(shape, every)]
    return pages.page(
        title,
        tag("h1", title),
        *warnings,
        signed,
        *tables,
        tag("h2", "To recompute it"),
        *facts,
        language="en",
        paper="A4",
    )


def _title(shape: Shape) -> str:
    return f"Certificate {shape['number']} of {shape['company']}, period {shape['period']}"


def _tables(shape: Shape) -> Iterator[Table]:
    books = shape["books"]
    accounts = [(each["account"], name_of(each["account"]), *_amounts(each, _FIGURES)) for each in books["accounts"]]
    total = ("", "", *(_amount(sum(Decimal(each[name]) for each in books["accounts"])) for name in _FIGURES))
    head = f"{_title(shape)}: {shape['first_day']} to {shape['last_day']}, in {shape['ledger_currency']}"
    yield Table(head, ("account", "name", *_FIGURES), [*accounts, total], frozenset(range(2, 7)), 1)
    currencies = [
        (each["currency"], f"{each['journals']:,}", *_amounts(each, ("debits", "credits")))
        for each in books["currencies"]
    ]
    yield Table(
        "By transaction currency", ("currency", "journals", "debits", "credits"), currencies, frozenset({1, 2, 3})
    )
    if (had := shape["replaces"]) is not None:
        since = [(each["account"], name_of(each["account"]), *_amounts(each, _CHANGED)) for each in had["difference"]]
        title = f"What changed since certificate {had['number']}, {counted(had['journals_since'], 'journal')}"
        yield Table(title, ("account", "name", *_CHANGED), since, frozenset({2, 3}))


def _amounts(of: Shape, names: Sequence[str]) -> Iterator[str]:
    return (_amount(Decimal(of[name])) for name in names)


def _amount(value: Decimal | int) -> str:
    return f"{Decimal(value):,.2f}"


def _warnings(shape: Shape, every: Sequence[Shape]) -> Iterator[str]:
    later = [each for each in every if each["period"] == shape["period"] and each["number"] > shape["number"]]
    if later:
        yield f"Certificate {later[-1]['number']} takes its place: the period was opened again after this one"
    if shape["days_ended_to"] is None or shape["days_ended_to"] < shape["last_day"]:
        ended = shape["days_ended_to"] or "none"
        yield f"The last day that had ended when it closed was {ended}: accruals up to {shape['last_day']} are not all in it"
    if shape["open_before"]:
        yield f"Earlier periods were open: {', '.join(shape['open_before'])}. What is posted there changes the opening balances"
    yield from _not_carried(shape, every)


def _not_carried(shape: Shape, every: Sequence[Shape]) -> Iterator[str]:
    """Accounts that this period does not open with what the one before it was certified to close with."""
    earlier = [each for each in every if each["period"] < shape["period"] and each["number"] < shape["number"]]
    if not earlier:
        return
    name = max(each["period"] for each in earlier)
    before = [each for each in earlier if each["period"] == name][-1]
    closed, opened = (
        {each["account"]: Decimal(each[figure]) for each in of["books"]["accounts"]}
        for of, figure in ((before, "closing"), (shape, "opening"))
    )
    moved = {one: opened.get(one, Decimal(0)) - closed.get(one, Decimal(0)) for one in sorted({*closed, *opened})}
    if shown := ", ".join(f"{account} by {_amount(amount)}" for account, amount in moved.items() if amount):
        what = f"It does not open with what certificate {before['number']} of period {name} closed with"
        yield f"{what}, but with what was posted before it since then too: {shown}"


def _facts(shape: Shape, every: Sequence[Shape]) -> Iterator[str]:
    yield from _warnings(shape, every)
    reason = f": {shape['reason']}" if shape["reason"] else ""
    yield f"Closed {shape['closed_at']}, asked for by {shape['requested_by']}, approved by {shape['approved_by']}{reason}"
    if (had := shape["replaces"]) is not None:
        why = f": {had['reopen_reason']}" if had["reopen_reason"] else ""
        who = f"asked for by {had['reopened_by']}, approved by {had['reopen_approved_by']}"
        yield f"Opened again {had['reopened_at']}, {who}{why}. It takes the place of certificate {had['number']}, digest {had['digest']}"
    yield f"{counted(shape['books']['journals'], 'journal')}, digest {shape['books']['digest']}"
    if (before := shape["previous"]) is not None:
        yield f"The certificate before it is {before['number']} of period {before['period']}, digest {before['digest']}"
    log = shape["log"]
    for each in log["shards"]:
        yield (
            f"Shard {each['shard']} of {log['partitions']}: {counted(each['records'], 'record')} of the log of generation "
            f"{log['generation']}, sha256 {each['sha256']}"
        )
    yield f"Digest of all of it {shape['digest']}, rules version {log['rules_version']}"


def _html(table: Table) -> Html:
    heads = [(column, place in table.right) for place, column in enumerate(table.columns)]
    rows = [
        tag("tr", (tag("td", cell, class_="right" if place in table.right else None) for place, cell in enumerate(row)))
        for row in table.rows
    ]
    return pages.table(heads, tag("tbody", rows))
