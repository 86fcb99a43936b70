"""What the end of a day moves twice is posted as two journals."""

from __future__ import annotations

from domain.outputs import BillingStatement, JournalEntry
from domain.units import AMOUNT_ONE
from tests.told import told

ENDED_EARLY = """
entity    LE  EUR  Europe/Berlin
customer  C
person    bob  consultant of LE
cost      person bob 50.00 EUR
project   P of LE
project   Q of LE
contract  K C LE EUR from 2026-03-01 order PO-1:1,200.00
  line N P tasks n
    terms Subscription fee=200.00 minimum=400.00
  line U Q
    terms UnitPrice unit=call unit_price=3.00
  line X P
    terms Expenses
  line Z P tasks f revenue cost_to_cost budget 1,000.00
    terms FixedPrice price=1,000.00
    each schedule on=2026-03-31 amount=1,000.00
2026-03-10  time T-1 bob 5 h task f
2026-04-17  units U-1 U 10 on 2026-04-17 project Q
2026-05-07  expense X-1 travel 400.00 EUR person bob on 2026-05-07 project P
2026-05-25  terminate K on 2026-05-31
2026-05-31  day ended
"""


def test_a_minimum_that_follows_a_cut_moves_what_the_cut_moved() -> None:
    """March took the whole order: the price of 1,000.00 and a fee of 200.00. As the contract ends, the 750.00 of the price that are not
    earned are given back. Of them April's calls take 30.00, its fee 200.00 and its minimum 400.00, so 120.00 are left for the expense in
    May. With the calls the minimum lacks 370.00, and the expense has the 30.00 too: 150.00."""
    with told(ENDED_EARLY.strip().splitlines()) as books:
        records = [one.record for one in books.folded]
    journals = [one for one in records if isinstance(one, JournalEntry)]
    moved = [
        one for one in journals if one.affected_id == "X-1" and one.cause_kind == "day" and one.kind == "difference"
    ]
    assert [(one.rule, one.lines[0].account, one.lines[0].amount // AMOUNT_ONE) for one in moved[:2]] == [
        ("cap", "1150", 120),
        ("cap/2", "1150", 30),
    ]
    assert len({one.journal_id for one in journals}) == len(journals)
    bill = [one for one in records if isinstance(one, BillingStatement)][-1]
    assert sorted((line.line_id, line.amount // AMOUNT_ONE) for line in bill.lines) == [
        ("N", 200),
        ("N", 370),
        ("U", 30),
        ("X", 150),
        ("Z", -750),
    ]
