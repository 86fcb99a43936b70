"""All tables foot to the ledger at any moment, on a simulated firm that bills, is invoiced and paid.

The ledger is summed from the journals as `milepost ledger` reads them, the tables from the index beside the outputs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path
from random import Random
from shutil import copytree
from tempfile import TemporaryDirectory

import pytest
from typer.testing import CliRunner

from connectors.files.figure_index import FigureIndex, delete
from connectors.files.moments import Moment, folder_at
from connectors.files.written import read_topic
from dataflows.embedded import store_path
from domain.accounts import (
    CONTRACT_LIABILITY,
    CUSTOMER_DEPOSIT,
    LABOR_COST,
    PROJECT_COST,
    RECEIVABLE,
    RETENTION_RECEIVABLE,
    REVENUE,
    UNAPPLIED_CASH,
    UNBILLED,
)
from domain.outputs import TOPICS, BillingStatement, ExceptionClosed, ExceptionRaised, JournalEntry, ProjectView
from domain.units import Amount
from milepost.cli import app
from milepost.commands.ledger import ledger_sums
from milepost.console import money_text
from milepost.glance.clients import clients
from milepost.glance.firm import FirmAtMoment, lines_of
from milepost.glance.forms import as_json
from milepost.glance.people import MonthSpan, people
from milepost.glance.pieces import Reason, pieces
from milepost.glance.prepaid import prepaid
from milepost.glance.projects import projects
from milepost.glance.receivables import INVOICES, open_items, receivables
from milepost.glance.sheet import Glance
from milepost.glance.unbilled import unbilled
from milepost.glance.wanted import Wanted
from state.store.reader import reading_stores
from tests.made_once import made_once

SIZES = ("--seed", "23", "--people", "16", "--projects", "14", "--months", "3")
MOMENTS = 20
ALL = Wanted()
# A column of a table, its sign in the ledger, and the accounts that it comes to.
PREPAID = (CONTRACT_LIABILITY, CUSTOMER_DEPOSIT)
Sums = dict[str, Amount]


def quiet(*_: object) -> None:
    """No bar."""


@cache
def made() -> TemporaryDirectory[str]:
    """Three months, two rounds of invoices, payments, credits and approvals."""
    return made_once("glance", _make)


def _make(folder: Path) -> None:
    source, output = f"{folder}/input", f"{folder}/output"
    answers = ["simulate-invoices", "--output", output, "--input", source]
    books = ["run", "--input", source, "--output", output]
    for arguments in (["simulate", *SIZES, "--out", source], books, answers, books, answers, books):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output


def output() -> Path:
    return Path(made().name) / "output"


@cache
def moments() -> tuple[int, ...]:
    """Log offsets, chosen by a seed; the last is the end."""
    with FigureIndex(output()) as index:
        index.extend(quiet)
        return (*sorted(Random(2026).sample(range(200, index.end), MOMENTS - 1)), index.end)


@contextmanager
def at(place: int) -> Iterator[tuple[FirmAtMoment, dict[str, Sums]]]:
    """The firm at one of the moments, and what the journals up to there come to by company and account."""
    moment = Moment(offset=moments()[place])
    with folder_at(output(), moment, quiet) as (folder, _):
        ledger = {}
        for entity_id, sums in ledger_sums(folder).items():
            closing: Sums = defaultdict(int)
            for line in sums.trial_balance(sums.periods()[-1].period).ledger:
                closing[line.account] += line.closing
            ledger[entity_id] = closing
    with FirmAtMoment(output(), moment, quiet) as firm:
        yield firm, ledger


def by_company(glance: Glance, *columns: str, **only: str) -> Sums:
    found: Sums = defaultdict(int)
    for row in glance.rows:
        if all(row.cells.get(name) == value for name, value in only.items()):
            found[str(row.cells["company"])] += sum(row.amount(column) for column in columns)
    return {entity_id: amount for entity_id, amount in found.items() if amount}


def of(ledger: dict[str, Sums], *accounts: str, sign: int = 1) -> Sums:
    sums = {entity_id: sign * sum(found[each] for each in accounts) for entity_id, found in ledger.items()}
    return {entity_id: amount for entity_id, amount in sums.items() if amount}


@pytest.mark.parametrize("place", range(MOMENTS))
def test_every_table_comes_to_its_accounts(place: int) -> None:
    with at(place) as (firm, ledger):
        for table in (projects(firm, ALL), clients(firm, ALL)):
            assert by_company(table, "revenue") == of(ledger, *REVENUE, sign=-1)
            assert by_company(table, "cost") == of(ledger, *PROJECT_COST)
            assert by_company(table, "unbilled", "on_statement") == of(ledger, *UNBILLED)
        owed = receivables(firm, ALL)
        assert by_company(owed, "in_ledger", kind="invoice") == of(ledger, RECEIVABLE)
        assert by_company(owed, "in_ledger", kind="unapplied cash") == of(ledger, UNAPPLIED_CASH)
        assert by_company(owed, "in_ledger", kind="retained") == of(ledger, RETENTION_RECEIVABLE)
        assert by_company(clients(firm, ALL), "owed") == of(ledger, RECEIVABLE)
        assert by_company(unbilled(firm, ALL), "in_ledger") == of(ledger, *UNBILLED)
        assert by_company(prepaid(firm, ALL, date(2026, 2, 1)), "in_ledger") == of(ledger, *PREPAID, sign=-1)
        assert by_company(people(firm, ALL, MonthSpan()), "cost") == of(ledger, LABOR_COST)


@pytest.mark.parametrize("place", range(MOMENTS))
def test_every_row_adds_up(place: int) -> None:
    """Ages to what is open, moves to what is left, and the totals say that they foot."""
    with at(place) as (firm, _):
        ages = ("not_due", "days_0_30", "days_1_30", "days_31_60", "days_61_90", "days_over_90")
        for row in receivables(firm, ALL).rows:
            if row.cells["kind"] == "invoice":
                assert sum(row.amount(name) for name in ages) == row.amount("open")
        for row in unbilled(firm, ALL).rows:
            if row.cells["reason"] != Reason.NOT_EARNED:
                assert sum(row.amount(name) for name in ages) == row.amount("unbilled") + row.amount("on_statement")
        for row in prepaid(firm, ALL, date(2026, 2, 1)).rows:
            came = row.amount("brought_forward") + row.amount("granted")
            gone = row.amount("used") + row.amount("expired") + row.amount("given_back")
            assert came - gone == row.amount("left")
        for glance in (projects(firm, ALL), clients(firm, ALL), unbilled(firm, ALL), people(firm, ALL, MonthSpan())):
            assert glance.feet
            assert all(foot.holds for foot in glance.feet)


def test_tables_are_the_same_once_the_index_is_made_again(tmp_path: Path) -> None:
    """It was made in rounds; made at once, words, and so what they name, come into it in another order."""
    copy = copytree(output(), tmp_path / "output")
    delete(copy)
    for place in (MOMENTS // 2, MOMENTS - 1):
        moment = Moment(offset=moments()[place])
        found = []
        for folder in (output(), copy):
            with FirmAtMoment(folder, moment, quiet) as firm:
                found.append(
                    [
                        *(table(firm, ALL) for table in (projects, clients, receivables, unbilled)),
                        prepaid(firm, ALL, date(2026, 2, 1)),
                        people(firm, ALL, MonthSpan(), by_project=True),
                    ]
                )
        assert [as_json(glance) for glance in found[0]] == [as_json(glance) for glance in found[1]]


def test_the_firm_has_what_the_tables_are_about() -> None:
    """So that no sum above is of nothing."""
    with at(MOMENTS - 1) as (firm, ledger):
        assert len(ledger) == 2
        assert {row.cells["kind"] for row in receivables(firm, ALL).rows} >= {"invoice", "retained"}
        assert {row.cells["reason"] for row in unbilled(firm, ALL).rows} >= {
            Reason.NOT_CUT,
            Reason.STATEMENT,
            Reason.SCHEDULE,
        }
        assert prepaid(firm, ALL, date(2026, 2, 1)).rows
        assert len({row.cells["currency"] for row in receivables(firm, ALL).rows}) > 1


def test_what_is_at_risk_is_what_open_exceptions_hold() -> None:
    """Without signs, and what is known as cost alone in no amount."""
    held: dict[str, ExceptionRaised | None] = {}
    for written in read_topic(output(), TOPICS["ExceptionRaised"]):
        record = written.record
        assert isinstance(record, ExceptionRaised | ExceptionClosed)
        held[record.exception_id] = record if isinstance(record, ExceptionRaised) else None
    raised = [each for each in held.values() if each is not None and each.blocks_currency]
    at_risk, at_cost = Counter[str](), Counter[str]()
    for each in raised:
        (at_cost if each.blocks_basis == "cost" else at_risk)[each.blocks_currency or ""] += abs(each.blocks_amount)
    assert min(map(len, (at_risk, at_cost))) > 0
    with at(-1) as (firm, _):
        (note,) = firm.not_whole()
        assert note.startswith(f"Not whole: {sum(each is not None for each in held.values())} exceptions open, ")
        assert f", {money_text(at_risk)} at risk, {money_text(at_cost)} of cost without a value (" in note


def test_hours_are_those_that_the_books_burned() -> None:
    """At the end, when each project's view has gone out, what is booked of people's hours is what the views count."""
    views: dict[str, ProjectView] = {}
    for written in read_topic(output(), TOPICS["ProjectView"]):
        if isinstance(written.record, ProjectView):
            views[written.record.project_id] = written.record
    with at(MOMENTS - 1) as (firm, _):
        booked: dict[str, int] = defaultdict(int)
        for each in firm.hours():
            booked[each.project_id] += each.hours - each.waiting
    assert {project: hours for project, hours in booked.items() if hours} == {
        project: view.burn.hours for project, view in views.items() if view.burn.hours
    }


def hourly_contracts(firm: FirmAtMoment) -> set[str]:
    """Those that bill each entry as it is earned."""
    return {
        contract_id
        for contract_id, contract in firm.contracts.items()
        if {terms for _, _, terms in lines_of(contract)} <= {"TimeAndMaterials", "Expenses", "UnitPrice"}
    }


def test_what_is_on_no_statement_is_what_views_call_accrued() -> None:
    """Of contracts that bill each entry as it is earned: by the journals here what the books have there."""
    views: dict[str, ProjectView] = {}
    for written in read_topic(output(), TOPICS["ProjectView"]):
        if isinstance(written.record, ProjectView):
            views[written.record.project_id] = written.record
    with at(MOMENTS - 1) as (firm, _):
        found: dict[tuple[str, str], Amount] = defaultdict(int)
        held: dict[tuple[str, str], Amount] = defaultdict(int)
        for piece in pieces(firm):
            if piece.reason is not Reason.STATEMENT:
                found[piece.project_id, piece.contract_id] += piece.amount
            if piece.reason is Reason.HELD:
                held[piece.project_id, piece.contract_id] += piece.amount
        hourly = hourly_contracts(firm)
    compared = 0
    for view in views.values():
        for balance in view.balances:
            if balance.contract_id in hourly:
                assert found[view.project_id, balance.contract_id] == balance.accrued
                assert held[view.project_id, balance.contract_id] == balance.held
                compared += 1
    assert compared > 3


def test_what_a_statement_has_is_what_it_bills() -> None:
    """Of the same contracts: what stands on a statement that is not invoiced is the statement's total, and none is missing."""
    newest: dict[str, BillingStatement] = {}
    for written in read_topic(output(), TOPICS["BillingStatement"]):
        if isinstance(written.record, BillingStatement):
            newest[written.record.statement_id] = written.record
    invoiced = {
        written.record.affected_id
        for written in read_topic(output(), TOPICS["JournalEntry"])
        if isinstance(written.record, JournalEntry) and written.record.kind == "billing"
    }
    with at(MOMENTS - 1) as (firm, _):
        found: dict[str, Amount] = defaultdict(int)
        for piece in pieces(firm):
            if piece.reason is Reason.STATEMENT:
                found[piece.statement_id] += piece.amount
                assert piece.customer_id == newest[piece.statement_id].bill_to
        hourly = hourly_contracts(firm)
    open_ones = {id_: one for id_, one in newest.items() if one.status == "issued" and id_ not in invoiced}
    assert set(found) <= set(open_ones)
    billed = {id_: one.total for id_, one in open_ones.items() if one.contract_id in hourly and one.total}
    assert {id_: amount for id_, amount in found.items() if newest[id_].contract_id in hourly} == billed
    assert billed


def test_open_items_are_what_the_books_have_open() -> None:
    """At the end, invoice by invoice, in its currency and in the ledger's."""
    with at(MOMENTS - 1) as (firm, _):
        shown = {item.named: (item.amount, item.ledger) for item in open_items(firm) if item.kind == INVOICES}
    with reading_stores([store_path(output(), 0)]) as reader:
        books = {
            one.invoice_id: one.open for invoice_id in shown for one in reader.parts_with_id("receivable", invoice_id)
        }
    assert len(shown) > 5
    assert shown == books
