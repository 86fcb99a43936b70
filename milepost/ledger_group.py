"""`milepost ledger --group`: what companies of the group charge and owe each other, and what the group makes once that is taken out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from domain.money import format_amount
from milepost.console import amount_text, no_formula, say, shape, tell, write_json

if TYPE_CHECKING:
    from domain.ledger.group import CompanyPair, CompanyResult, Group, GroupResult

PAIRS: Final = (
    *(
        "lender",
        "borrower",
        "currency",
        "pairs",
        "charged",
        "borne",
        "difference",
        "due_from",
        "due_to",
        "due_difference",
    ),
    *("lender_currency", "charged_in_ledger", "borrower_currency", "borne_in_ledger", "exchange_difference"),
)
RESULTS: Final = ("company", "ledger_currency", "revenue", "cost", "transferred", "profit")
# The row of all companies that keep their books in a currency.
ALL: Final = "group"


def show_group(output: Path, period: str | None, *, as_csv: bool, json: bool) -> None:
    """Two tables, of the journals of a period or of all; CSV has those of companies as rows of the section `company`."""
    from connectors.files.no_outputs import NoOutputs
    from domain.ledger.group import results

    try:
        group = read_group(output, period)
    except NoOutputs as fault:
        raise typer.BadParameter(str(fault), param_hint="--output") from fault
    pairs, companies = group.pairs(), group.companies()
    found = results(companies)
    if json:
        write_json(
            shape(
                1,
                pairs=[dict(zip(PAIRS, _pair(each), strict=True)) for each in pairs],
                companies=[dict(zip(RESULTS, _company(each), strict=True)) for each in companies],
                group=[_group(each) for each in found],
            )
        )
    elif as_csv:
        _write(("section", *PAIRS, *RESULTS[2:]), pairs, companies, found)
    else:
        _tables(pairs, companies, found, period)


def read_group(output: Path, period: str | None = None) -> Group:
    from connectors.files.written import read_topic
    from domain.ledger.group import Group
    from domain.outputs import TOPICS, JournalEntry

    group = Group(period)
    known: set[str] = set()
    for written in read_topic(output, TOPICS["JournalEntry"]):
        if isinstance(written.record, JournalEntry):
            known.add(written.record.period)
            group.add(written.record)
    if known and period not in (None, *known):
        message = f"expected an accounting period such as {max(known)}, got {period}; companies have journals in "
        raise typer.BadParameter(message + ", ".join(sorted(known)), param_hint="--period")
    return group


def _pair(pair: CompanyPair) -> tuple[str | int | None, ...]:
    difference, due_difference = pair.differences
    apart = pair.exchange_difference
    return (
        *(pair.lender, pair.borrower, pair.currency, pair.pairs),
        *map(format_amount, (pair.charged, pair.borne, difference, pair.due_from, pair.due_to, due_difference)),
        *(pair.lender_currency, format_amount(pair.charged_in_ledger)),
        *(pair.borrower_currency, format_amount(pair.borne_in_ledger)),
        format_amount(apart) if apart is not None else None,
    )


def _company(company: CompanyResult) -> tuple[str, ...]:
    amounts = (company.revenue, company.cost, company.transferred, company.profit)
    return company.legal_entity_id, company.ledger_currency, *map(format_amount, amounts)


def _group(group: GroupResult) -> dict[str, str | int]:
    return {
        "ledger_currency": group.ledger_currency,
        "companies": group.companies,
        "revenue": format_amount(group.revenue),
        "cost": format_amount(group.cost),
        "eliminated": format_amount(group.eliminated),
        "profit": format_amount(group.profit),
    }


def _write(
    columns: Sequence[str],
    pairs: Sequence[CompanyPair],
    companies: Sequence[CompanyResult],
    groups: Sequence[GroupResult],
) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for pair in pairs:
        named = no_formula(pair.lender), no_formula(pair.borrower)
        writer.writerow(("pair", *named, *_pair(pair)[2:], "", "", "", ""))
    blank = ("",) * (len(PAIRS) - 3)
    for company in companies:
        entity_id, currency, *amounts = _company(company)
        writer.writerow(("company", no_formula(entity_id), "", currency, *blank, *amounts))
    for group in groups:
        amounts = [*map(format_amount, (group.revenue, group.cost, group.eliminated, group.profit))]
        writer.writerow((ALL, "", "", group.ledger_currency, *blank, *amounts))


def _tables(
    pairs: Sequence[CompanyPair],
    companies: Sequence[CompanyResult],
    groups: Sequence[GroupResult],
    period: str | None,
) -> None:
    from milepost.tables import Table, show

    if not companies:
        say("No journals yet")
        return
    shown = [
        (
            *(pair.lender, pair.borrower, pair.currency, f"{pair.pairs:,}"),
            *map(amount_text, (pair.charged, pair.borne, pair.differences[0])),
            *map(amount_text, (pair.due_from, pair.due_to, pair.differences[1])),
            *(pair.lender_currency, amount_text(pair.charged_in_ledger)),
            *(pair.borrower_currency, amount_text(pair.borne_in_ledger)),
            amount_text(pair.exchange_difference) if pair.exchange_difference is not None else "-",
        )
        for pair in pairs
    ]
    titles = (
        *("from company", "to", "currency", "pairs", "4100", "5050", "difference", "1180", "2180", "difference owed"),
        *("ledger", "4100 there", "ledger of the other", "5050 there", "exchange difference"),
    )
    figures = frozenset({3, 4, 5, 6, 7, 8, 9, 11, 13, 14})
    spare = ("ledger of the other", "ledger", "4100 there", "5050 there", "pairs")
    results = [
        (
            each.legal_entity_id,
            each.ledger_currency,
            *map(amount_text, (each.revenue, each.cost, each.transferred, each.profit)),
        )
        for each in companies
    ]
    totals = [
        (ALL, each.ledger_currency, *map(amount_text, (each.revenue, each.cost, each.eliminated, each.profit)))
        for each in groups
    ]
    heads = ("company", "ledger currency", "revenue", "cost", "charged to others", "profit")
    show(
        Table(
            "What companies charge and owe each other, in the currency of the transfer",
            titles,
            shown,
            figures,
            spare=spare,
        ),
        Table(
            "What companies make, and the group without what they charge each other",
            heads,
            [*results, *totals],
            frozenset(range(2, 6)),
            len(totals),
        ),
    )
    wrong = sum(1 for pair in pairs if any(pair.differences))
    if wrong and period is not None:
        tell(
            f"\n{wrong} pairs of companies do not agree in {period}: where one of the two had closed it, its half is in its next open "
            "period; without --period all halves are together"
        )
    elif wrong:
        tell(f"\n{wrong} pairs of companies do not agree: milepost verify says which journals")
    elif pairs:
        tell("\nAll pairs agree: what is charged and owed is nothing in the group, in the currency of each transfer")
    if len(groups) > 1:
        tell(
            "Each row of the group is of companies that keep their books in that currency; what they charge each other cancels across rows"
        )
