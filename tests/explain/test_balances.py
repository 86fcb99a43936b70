"""Explanations of balances that were brought forward end at rows of the file."""

from __future__ import annotations

from collections.abc import Iterator

from domain.explanation import Node
from domain.outputs import JournalEntry
from tests.explained import explainer_of
from tests.told import told

IN_DOLLARS = [
    "entity LE EUR Europe/Berlin",
    "customer C",
    "project P of LE",
    "contract K C LE USD",
    "  line L P",
    "    rate 200.00",
    "exchange USD EUR 0.90 on 2026-06-30",
]


def titles(node: Node) -> Iterator[str]:
    yield node.title
    for each in (*node.why, *(node.arithmetic.operands if node.arithmetic is not None else ())):
        yield from titles(each)


def test_ledger_amounts_of_a_line_are_of_its_row() -> None:
    """18,000.00 USD are 16,200.00 EUR at 0.90, and were earned and paid at 16,560.00: 360.00 more."""
    amounts = "revenue=18,000.00 billed=18,000.00 paid=18,000.00"
    ledger = 'ledger.revenue=16,560.00 ledger.paid=16,560.00 source_row="balances.csv row 2"'
    lines = [*IN_DOLLARS, "2026-06-30 brought forward P", f"  line L {amounts} {ledger}"]
    with told(lines) as books:
        earned = [
            f"{made.journal_id}#{number}/ledger"
            for _, made in books.folded
            if isinstance(made, JournalEntry)
            for number, line in enumerate(made.lines, 1)
            if line.account == "4000"
        ]
        engagement_id = books.log[-1].engagement_id
        assert engagement_id is not None
        explained = [explainer_of(books, engagement_id).explain(figure) for figure in earned]
    at_the_rate, difference = (node for node in explained if node is not None)
    assert (at_the_rate.value, difference.value) == (-162_000_000, -3_600_000)
    assert "line L, in the ledger: revenue (balances.csv row 2)" in list(titles(difference))


def test_a_cap_that_balances_have_used_up_names_its_own_row() -> None:
    """Hotels of 700.00 are paid up to 700.00, of which the balances have taken all: 80.00 in July are over it."""
    lines = [
        "entity LE USD America/New_York",
        "customer C",
        "project P of LE",
        "contract K C LE USD",
        "  line X P",
        "    terms Expenses",
        "    each limits category=hotel amount=700.00",
        "2026-06-30 brought forward P",
        '  line X cost=700.00 expenses=700.00 revenue=700.00 billed=700.00 paid=700.00 source_row="balances.csv row 2"',
        '    each caps cap_id=limit:X:hotel amount=700.00 source_row="caps.csv row 3"',
        "2026-07-10 expense E-4 hotel 80.00 USD supplier HOTEL",
    ]
    with told(lines) as books:
        engagement_id = books.log[-1].engagement_id
        assert engagement_id is not None
        over = explainer_of(books, engagement_id).explain("expense/E-4#over_cap")
    assert over is not None
    assert over.value == 800_000
    assert "line X, cap limit:X:hotel: amount (caps.csv row 3)" in list(titles(over))
