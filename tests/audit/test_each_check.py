"""Of each promise, checks that no other test breaks: one change in the outputs of a finished run, and what the audit says of it.

Chains and lengths are renewed, so that only the promise itself can tell.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dataflows.audit import audit
from domain.audit.findings import Violation
from domain.outputs import (
    BillingStatement,
    ControlTotals,
    ExceptionRaised,
    ForecastUpdate,
    JournalEntry,
    JournalLine,
    ProjectView,
    ViewOrder,
    ViewRetainer,
    ViewUnapplied,
)
from tests.audit.tampering import Told, about, copied, rewrite, seq_of
from tests.finished_run import BRIDGE_JANUARY, TUNNEL_JANUARY, group_run


class Planted(NamedTuple):
    """The last such record is changed, or stands there twice; the promise says what it expected and what it found."""

    kind: type[Any]
    wanted: Callable[[Any], bool]
    change: Callable[[Any], Any]
    check: str
    expected: str
    found: str


def _any(_: Any) -> bool:
    return True


def _of_statement(statement_id: str) -> Callable[[Any], bool]:
    return lambda record: statement_id in (getattr(record, "statement_id", ""), getattr(record, "affected_id", ""))


def _twice(record: Any) -> list[Any]:
    return [record, record]


def _with_nothing(journal: JournalEntry) -> JournalEntry:
    return journal._replace(lines=(*journal.lines, JournalLine("7190", "rounding", 0, 0, "TUNNEL")))


def _more_cost(update: ForecastUpdate) -> ForecastUpdate:
    first, *others = update.deltas
    return update._replace(deltas=(first._replace(cost=first.cost + 7700), *others))


def _view(**fields: Any) -> Callable[[ProjectView], ProjectView]:
    return lambda view: view._replace(**fields)


ORDER = ViewOrder("PO-1", 1000_0000, 400_0000, 700_0000)

PLANTED = {
    "a forecast that leaves a number out": Planted(
        ForecastUpdate, _any, lambda one: one._replace(sequence=one.sequence + 1), "forecasts", "sequence ", "sequence "
    ),
    "a margin that is another": Planted(
        ForecastUpdate,
        _any,
        lambda one: one._replace(project=one.project._replace(margin=one.project.margin + 100)),
        "forecasts",
        "margin ",
        ".01",
    ),
    "causes of a change that say more than it": Planted(
        ForecastUpdate,
        lambda one: bool(one.deltas),
        _more_cost,
        "forecasts",
        "causes of the change of cost that sum to ",
        ".77",
    ),
    "a journal with a line of nothing": Planted(
        JournalEntry, about("T-2"), _with_nothing, "journals", "lines that are not zero", "a line at zero, or none"
    ),
    "another ledger currency than the company's": Planted(
        JournalEntry,
        about("U-5"),
        lambda one: one._replace(ledger_currency="CHF"),
        "periods",
        "ledger currency EUR",
        "CHF",
    ),
    "a reversal of nothing": Planted(
        JournalEntry,
        about("T-1", "reversal"),
        lambda one: one._replace(reverses=None),
        "reversals",
        "kind reversal and an earlier journal that it reverses",
        "kind reversal, reverses None",
    ),
    "an invoice of another contract": Planted(
        JournalEntry,
        _of_statement(TUNNEL_JANUARY),
        lambda one: one._replace(contract_id="K-1"),
        "invoices",
        "contract K-2 in EUR",
        "K-1 in EUR",
    ),
    "an invoice that is posted twice": Planted(
        JournalEntry,
        _of_statement(TUNNEL_JANUARY),
        _twice,
        "invoices",
        f"one billing journal of {TUNNEL_JANUARY}, at output_seq ",
        "a second one",
    ),
    "an exception that is raised twice": Planted(
        ExceptionRaised, _any, _twice, "exceptions", "a revision above 1, since it is open", "revision 1"
    ),
    "a part that is the second of one": Planted(
        BillingStatement,
        _of_statement(TUNNEL_JANUARY),
        lambda one: one._replace(part=2),
        "statements",
        "part 1 of 1",
        "part 2",
    ),
    "a head that counts more lines": Planted(
        BillingStatement,
        _of_statement(TUNNEL_JANUARY),
        lambda one: one._replace(line_count=3),
        "statements",
        "3 lines by its head",
        "2 lines",
    ),
    "a line of work after the statement's day": Planted(
        BillingStatement,
        _of_statement(BRIDGE_JANUARY),
        lambda one: one._replace(lines=(one.lines[0]._replace(service_to=date(2026, 2, 28)), *one.lines[1:])),
        "statements",
        "line 1 of work before 2026-02-01",
        "to 2026-02-28",
    ),
    "a statement of nothing": Planted(
        BillingStatement,
        _of_statement(TUNNEL_JANUARY),
        lambda one: one._replace(lines=(), line_count=0, total=0, control_total=0, amount_due=0),
        "statements",
        "lines or a release, or no statement",
        "none",
    ),
    "control totals up to another output": Planted(
        ControlTotals,
        _any,
        lambda one: one._replace(last_output_seq=9_999),
        "control_totals",
        "last output_seq ",
        "9999",
    ),
    "a view that leaves a number out": Planted(
        ProjectView, _any, lambda one: one._replace(view_version=9_999), "views", "view version ", "9999"
    ),
    "cash that no journal has": Planted(
        ProjectView,
        _any,
        _view(unapplied=(ViewUnapplied("PAY", "ACME", "BERLIN", "EUR", 5_0000),)),
        "views",
        "unapplied of payment PAY no more than 0.00 EUR",
        "5.00",
    ),
    "a retainer of which more expires than is left": Planted(
        ProjectView,
        _any,
        _view(retainers=(ViewRetainer("K-2", "L-1", "hour", 1_000_000, 2_500_000, date(2026, 6, 30)),)),
        "views",
        "retainer K-2/L-1: what expires no more than is left",
        "2.5 of 1 on 2026-06-30",
    ),
    "an order of which more is left than it has": Planted(
        ProjectView,
        lambda one: bool(one.balances),
        lambda one: one._replace(balances=(one.balances[0]._replace(orders=(ORDER,)), *one.balances[1:])),
        "views",
        "purchase order PO-1: used and left sum to 1000.00 EUR",
        "1100.00",
    ),
}


@pytest.mark.parametrize("named", PLANTED)
def test_a_change_is_found_by_its_promise(named: str, tmp_path: Path) -> None:
    planted = PLANTED[named]
    folder = copied(group_run(), tmp_path)
    seq = seq_of(folder, planted.kind, planted.wanted, last=True)

    def changed(told: Told) -> list[Told]:
        records = planted.change(told.record) if told.position.output_seq == seq else told.record
        return [Told(told.position, record) for record in (records if isinstance(records, list) else [records])]

    rewrite(folder, changed)
    found = [one for one in _found(folder) if one.check == planted.check]
    assert any(planted.expected in one.expected and planted.found in one.found for one in found), found


def _found(folder: Path) -> list[Violation]:
    report = audit(folder, fold_again=False, tell=lambda *_: None)
    return [violation for finding in report.findings for violation in finding.first]
