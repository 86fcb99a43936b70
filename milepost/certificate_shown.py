"""A certificate of a close for people: on a terminal, and as a page to print and to sign."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from domain.accounts import name_of
from milepost import pages
from milepost.pages import Html, markup, tag
from milepost.tables import Table, show

if TYPE_CHECKING:
    from milepost.certificate_file import Shape

_FIGURES: Final = ("opening", "debits", "credits", "movement", "closing")
_CHANGED: Final = ("opening", "movement")


def show_certificate(shape: Shape, later: Sequence[int]) -> None:
    from milepost.console import tell

    show(*_tables(shape))
    tell("\n" + "\n".join(_facts(shape, later)))


def page(shape: Shape, later: Sequence[int]) -> str:
    title = _title(shape)
    tables = [markup(tag("h2", table.title), _html(table)) for table in _tables(shape)]
    facts = [tag("p", fact, class_="soft small") for fact in _facts(shape, later)]
    signed = tag("p", f"Asked for by {shape['requested_by']}, approved by {shape['approved_by']}")
    warnings = [tag("p", fact, class_="banner") for fact in _warnings(shape, later)]
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
        title = f"What changed since certificate {had['number']}, {had['journals_since']:,} journals"
        yield Table(title, ("account", "name", *_CHANGED), since, frozenset({2, 3}))


def _amounts(of: Shape, names: Sequence[str]) -> Iterator[str]:
    return (_amount(Decimal(of[name])) for name in names)


def _amount(value: Decimal | int) -> str:
    return f"{Decimal(value):,.2f}"


def _warnings(shape: Shape, later: Sequence[int]) -> Iterator[str]:
    if later:
        yield f"Certificate {later[-1]} takes its place: the period was opened again after this one"
    if shape["days_ended_to"] is None or shape["days_ended_to"] < shape["last_day"]:
        ended = shape["days_ended_to"] or "none"
        yield f"The last day that had ended when it closed was {ended}: accruals up to {shape['last_day']} are not all in it"
    if shape["open_before"]:
        yield f"Earlier periods were open: {', '.join(shape['open_before'])}. What is posted there changes the opening balances"


def _facts(shape: Shape, later: Sequence[int]) -> Iterator[str]:
    yield from _warnings(shape, later)
    reason = f": {shape['reason']}" if shape["reason"] else ""
    yield f"Closed {shape['closed_at']}, asked for by {shape['requested_by']}, approved by {shape['approved_by']}{reason}"
    if (had := shape["replaces"]) is not None:
        why = f": {had['reopen_reason']}" if had["reopen_reason"] else ""
        who = f"asked for by {had['reopened_by']}, approved by {had['reopen_approved_by']}"
        yield f"Opened again {had['reopened_at']}, {who}{why}. It takes the place of certificate {had['number']}, digest {had['digest']}"
    yield f"{shape['books']['journals']:,} journals, digest {shape['books']['digest']}"
    if (before := shape["previous"]) is not None:
        yield f"The certificate before it is {before['number']} of period {before['period']}, digest {before['digest']}"
    log = shape["log"]
    for each in log["shards"]:
        yield (
            f"Shard {each['shard']} of {log['partitions']}: {each['records']:,} records of the log of generation {log['generation']}, "
            f"sha256 {each['sha256']}"
        )
    yield f"Digest of all of it {shape['digest']}, rules version {log['rules_version']}"


def _html(table: Table) -> Html:
    heads = [(column, place in table.right) for place, column in enumerate(table.columns)]
    rows = [
        tag("tr", (tag("td", cell, class_="right" if place in table.right else None) for place, cell in enumerate(row)))
        for row in table.rows
    ]
    return pages.table(heads, tag("tbody", rows))
