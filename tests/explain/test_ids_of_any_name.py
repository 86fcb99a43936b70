"""People name clients and projects as they like: `Nord A/S`, `Smith Ltd.`, `C# & Co`, `Web @home`, `100% Design`. Every id that Milepost
prints for such a name is one that `milepost explain` takes."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.files.lookup import ProjectFound, find
from connectors.files.written import read_topic
from domain.identity import statement_id
from domain.outputs import TOPICS, Alert, BillingStatement, ExceptionRaised, JournalEntry
from milepost.explain.explanations import Explained, Explanations
from milepost.explain.recompute import everything, recompute
from milepost.funds_shown import orders, sources, unapplied
from tests.commands.tiny_firm import Event, event, founding, run, worked, write
from tests.folding import MEMORY_DISK

# Names of these kinds begin with these letters, so that no two things have one name.
KINDS = {
    "BERLIN": "B",
    "ACME": "C",
    "ADA": "A",
    "BRIDGE": "P",
    "K-1": "K",
    "L-1": "L",
    "T-1": "T",
    "EX-1": "E",
    "PAY-1": "Y",
    "PO-1": "O",
}
SIGNS = st.text("./%#@:& -x2", max_size=9).map(str.rstrip)
NAMES = st.fixed_dictionaries({kind: SIGNS.map(letter.__add__) for kind, letter in KINDS.items()})
AS_IMPORTED = {
    **KINDS,
    "ACME": "Nord A/S & Co. #1",
    "BRIDGE": "Nord A/S & Co. #1: Web @home/2E 100%",
    "K-1": "Nord A/S & Co. #1-time @5%2E",
}


@given(NAMES)
@example(AS_IMPORTED)
@settings(max_examples=8)
def test_an_id_that_is_printed_is_explained(names: dict[str, str]) -> None:
    with TemporaryDirectory(dir=MEMORY_DISK) as folder:
        write(Path(folder) / "input", [named(each, names) for each in events(names)])
        made = run(Path(folder), "--until", "2026-04-30")
        assert (made["dead_letters"], made["exceptions_by_category"]) == (0, {"over_purchase_order": 1})
        with Explanations(Path(folder) / "output", lambda *_: None) as explanations:
            printed: set[str] = set()
            for wanted in sorted(roots(Path(folder) / "output", names)):
                found = explanations.explain(wanted)
                assert isinstance(found, Explained), wanted
                assert recompute(found.node) == [], wanted
                printed |= {node.id for node in everything(found.node) if node.id}
            for wanted in sorted(printed):
                assert isinstance(explanations.explain(wanted), Explained), wanted


def events(names: dict[str, str]) -> list[Event]:
    """8 hours at 100.00 and 50.00 of travel are 850.00, billed for March under an order of 1,000.00; of 2,000.00 paid, 1,150.00 is left.
    3 hours in April are 150.00 over the order."""
    *others, contract = founding()
    expenses = {"line_id": "L-2", "project_id": "BRIDGE", "terms": {"type": "Expenses"}}
    invoiced = statement_id(names["BRIDGE"], names["K-1"], names["ACME"], "2026-03-01", 1)
    return [
        *others,
        {**contract, "lines": [*contract["lines"], expenses], "purchase_order": {"number": "PO-1", "limit": "1000"}},
        worked("T-1", 2),
        event(
            "ExpenseApproved",
            "2026-03-03T18:00:00Z",
            expense_id="EX-1",
            version=1,
            project_id="BRIDGE",
            person_id="ADA",
            approved_by="BEN",
            spent_on="2026-03-03",
            category="travel",
            amount="50",
            currency="EUR",
        ),
        event(
            "PaymentReceived",
            "2026-04-01T09:00:00Z",
            payment_id="PAY-1",
            customer_id="ACME",
            amount="2000",
            currency="EUR",
            received_on="2026-04-01",
        ),
        event(
            "InvoicePosted",
            "2026-04-02T10:00:00Z",
            statement_id=invoiced,
            invoice_id="INV-1",
            posted_on="2026-04-02",
            amount="850",
        ),
        event("TimeApproved", "2026-04-03T18:00:00Z", **(worked("T-2", 2, "3") | {"worked_on": "2026-04-03"})),
    ]


def named(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: named(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [named(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


def roots(output: Path, names: dict[str, str]) -> set[str]:
    """What people have in their hands: names of their own, and ids of outputs and of tables."""
    project, contract, entity = (names[each] for each in ("BRIDGE", "K-1", "BERLIN"))
    found = {
        project,
        contract,
        names["T-1"],
        f"expense/{names['EX-1']}",
        f"{project}/{contract}",
        f"{project}#forecast",
    }
    found |= {f"{project}/{contract}#accrued", f"{project}#unbilled", f"{project}#months/2026-03/cost"}
    found |= {f"{entity}/2026-03/1150#closing", f"{entity}/2026-03/1150/EUR#closing"}
    found |= {f"{entity}/2026-04/unbilled/{contract}/EUR#invoiced", f"{entity}/2026-04/unbilled/{contract}/EUR"}
    for topic in ("JournalEntry", "BillingStatement", "ExceptionRaised", "Alert"):
        for written in read_topic(output, TOPICS[topic]):
            match written.record:
                case JournalEntry() as journal:
                    found |= {journal.journal_id, f"{journal.journal_id}#1/ledger"}
                case BillingStatement() as statement:
                    found |= {statement.statement_id, f"{statement.statement_id}#1"}
                case ExceptionRaised() as raised:
                    found.add(raised.exception_id)
                case Alert() as alert:
                    found.add(alert.alert_id)
    shown = find(output, project)
    assert isinstance(shown, ProjectFound)
    tables = [table for made in (sources, orders, unapplied) for table in made([shown.viewed])]
    assert {table.title for table in tables} == {"Purchase orders", "Unapplied cash"}
    return found | {str(row[-1]) for table in tables for row in table.rows}
