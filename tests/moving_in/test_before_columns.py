"""What `projects` and `clients` say was brought forward is what the balances state, by every kind of terms, and later months change none of
it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from domain.events.commercial import BalancesBroughtForward, ContractSigned
from domain.money import format_amount
from milepost.cli import app
from tests.commands.tiny_firm import run, said
from tests.harness import Books
from tests.moving_in.test_again import DATED
from tests.moving_in.test_tables import write_events
from tests.moving_in.test_twice import FIRMS, as_of
from tests.moving_in.twice import Firm, told

NOTHING = format_amount(0)
Stated = dict[str, tuple[str, str]]

# By revenue method what the books have heard of the months before, which they post by the terms, when the balances come: 2,600.00, or what
# is told of it, were earned otherwise by the old system.
HEARD = {
    "straight_line_days": "",
    "cost_to_cost": "2026-05-31  estimate P 80 h 4,000.00 line L on 2026-03-01",
    "hours": "2026-05-31  estimate P 80 h 4,000.00 line L on 2026-03-01",
    "reported": "2026-05-31  progress L 40 on 2026-04-30",
    "completed": "",
}
SETUP = """
entity    LE  USD  America/New_York
customer  C
person    ann  consultant of LE
cost      person ann 50.00 USD
project   P of LE
contract  K C LE USD from 2026-03-01 to 2026-12-31
  line L P revenue {method}
    terms FixedPrice price=10,000.00
    each schedule on=2026-03-31 amount=4,000.00
    each schedule on=2026-11-30 amount=6,000.00
"""
LOAD = """
2026-05-31  brought forward P as_of 2026-05-31
  line L hours=20 cost=1,000.00 revenue={revenue} billed=4,000.00 paid=4,000.00{percent}
"""
AFTER = """
2026-06-01  estimate P 60 h 3,000.00 line L on 2026-05-31 version 2
2026-06-10  time T-2 ann 20 h
2026-06-30  day ended
"""


@pytest.mark.parametrize("method", sorted(HEARD))
def test_months_that_terms_had_posted_before_the_load_are_of_before(method: str, tmp_path: Path) -> None:
    revenue = "0.00" if method == "completed" else "2,600.00"
    percent = " percent=40" if method == "reported" else ""
    load = LOAD.format(revenue=revenue, percent=percent).strip()
    setup = SETUP.format(method=method).strip()
    _compare(Firm(setup, "", "\n".join(filter(None, (HEARD[method], load))), AFTER.strip()), tmp_path)


@pytest.mark.parametrize("name", sorted(FIRMS))
def test_what_was_brought_forward_is_what_balances_state(name: str, tmp_path: Path) -> None:
    _compare(FIRMS[name], tmp_path)


def _compare(firm: Firm, tmp_path: Path) -> None:
    moved = told(firm, as_of(firm))
    by_project, by_client = _stated(moved.books)
    write_events(tmp_path, moved.books)
    moved.books.close()
    run(tmp_path, "--until", max(DATED.findall(firm.after)), "--yes")
    assert _shown(tmp_path, "projects", "project") == by_project
    assert _shown(tmp_path, "clients", "client") == by_client


def _stated(books: Books) -> tuple[Stated, Stated]:
    """By project, and by the customer of its contracts: revenue and cost as the ledger carries them."""
    events = [record.event for record in books.log]
    loads = {event.project_id: event for event in events if isinstance(event, BalancesBroughtForward)}
    signed = [event for event in events if isinstance(event, ContractSigned)]
    found = Counter[tuple[str, str, int]]()
    for project_id, load in loads.items():
        for line in load.lines:
            [customer_id] = {
                each.customer_id
                for each in signed
                if line.contract_id in (None, each.contract_id) and line.line_id in {one.line_id for one in each.lines}
                if project_id in {one.project_id for one in each.lines}
            }
            revenue = line.revenue if line.ledger is None else line.ledger.revenue
            for table, key in (("project", project_id), ("client", customer_id)):
                found[table, key, 0] += revenue
                found[table, key, 1] += line.cost
    return _of_table(found, "project"), _of_table(found, "client")


def _of_table(found: Counter[tuple[str, str, int]], table: str) -> Stated:
    keys = {key for of, key, _ in found if of == table}
    sums = {key: (format_amount(found[table, key, 0]), format_amount(found[table, key, 1])) for key in keys}
    return {key: of for key, of in sums.items() if of != (NOTHING, NOTHING)}


def _shown(folder: Path, table: str, key: str) -> Any:
    found = said(CliRunner().invoke(app, [table, "--json", "--output", str(folder / "output")]))
    assert all(foot["holds"] for foot in found["feet"])
    before = ((row[key], row.get("revenue_before"), row.get("cost_before")) for row in found["rows"])
    return {of: (revenue or NOTHING, cost or NOTHING) for of, revenue, cost in before if revenue or cost}
