"""Statements of a run come back as invoices of the ERP: once each, to the cent, now and then after a mistake."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from connectors.avro_codec import OUTPUT_CODECS
from connectors.containers import ContainerFormat
from domain.events.finance import InvoicePosted, InvoiceRejected
from domain.outputs import BillingStatement, Position, StatementTax
from simulation.invoices import NoStatements, answers_in, invoice

ISSUED_AT = int(datetime(2026, 2, 3, tzinfo=UTC).timestamp()) * 1_000_000


def statement(number: int, *, revision: int = 1, status: str = "issued", part: int = 1) -> BillingStatement:
    return BillingStatement(
        statement_id=f"E-1.K-1/C-1/2026-01-01/{number}",
        revision=revision,
        contract_id="K-1",
        bill_to="C-1",
        currency="EUR",
        legal_entity_id="LE-DE",
        period=date(2026, 1, 1),
        to=date(2026, 2, 1),
        status=status,
        lines=(),
        total=1_000_0000 + number,
        retained=0,
        released=0,
        deposits_applied=0,
        amount_due=1_000_0000 + number + revision - 1,
        rounding="half_up, 2 digits",
        line_count=0,
        control_total=0,
        tax=(StatementTax("services", 1_000_0000, 19_000_000, 190_0000),),
        part=part,
        parts=2 if part == 2 else 1,
    )


def write_statements(folder: Path, statements: Sequence[BillingStatement]) -> None:
    codec = OUTPUT_CODECS["BillingStatement"]
    form = ContainerFormat((codec,), "generation", "billing.statements")
    path = folder / "outputs" / "billing.statements" / "0.avro"
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = [
        form.block("BillingStatement", codec.encode(position(number), each)) for number, each in enumerate(statements)
    ]
    path.write_bytes(form.header + b"".join(blocks))


def position(number: int) -> Position:
    return Position("generation", 0, number, 0, number, "event", ISSUED_AT, ISSUED_AT, None, "1")


def test_every_issued_statement_is_invoiced_at_what_is_due(tmp_path: Path) -> None:
    statements = [statement(1), statement(2), statement(3, status="open"), statement(1, revision=2)]
    write_statements(tmp_path / "output", [*statements, statement(2, part=2)])
    invoiced = invoice(tmp_path / "output", tmp_path / "input", seed=7)
    assert invoiced.path == tmp_path / "input" / "finance.invoices-0001.jsonl"
    found = {event.statement_id: event for event in answers_in(invoiced.path)}
    amounts = {name: event.amount for name, event in found.items() if isinstance(event, InvoicePosted)}
    assert amounts == {statement(1).statement_id: 1_000_0002, statement(2).statement_id: 1_000_0002}
    first = found[statement(1).statement_id]
    assert isinstance(first, InvoicePosted)
    assert (first.tax_amount, first.engagement_id) == (190_0000, "E-1")
    assert date(2026, 2, 4) <= first.posted_on <= date(2026, 2, 6)


def test_a_few_are_refused_or_wrong_at_first_and_all_are_right_at_last(tmp_path: Path) -> None:
    statements = [statement(number) for number in range(1, 101)]
    write_statements(tmp_path / "output", statements)
    invoiced = invoice(tmp_path / "output", tmp_path / "input", seed=7)
    assert invoiced.path is not None
    events = list(answers_in(invoiced.path))
    last = {event.statement_id: event for event in events}
    assert all(
        isinstance(event := last[each.statement_id], InvoicePosted) and event.amount == each.amount_due
        for each in statements
    )
    due = {each.statement_id: each.amount_due for each in statements}
    wrong = [
        event for event in events if isinstance(event, InvoicePosted) and event.amount != due[event.statement_id or ""]
    ]
    assert sum(isinstance(event, InvoiceRejected) for event in events) == invoiced.rejected == 5
    assert len(wrong) == 3
    assert invoiced.posted == 103
    assert len({event.invoice_id for event in events if isinstance(event, InvoicePosted)}) == 103


def test_a_second_round_answers_only_what_is_new(tmp_path: Path) -> None:
    output, folder = tmp_path / "output", tmp_path / "input"
    write_statements(output, [statement(1)])
    invoice(output, folder, seed=7)
    assert invoice(output, folder, seed=7).path is None
    write_statements(output, [statement(1), statement(2)])
    invoiced = invoice(output, folder, seed=7)
    assert invoiced.path == folder / "finance.invoices-0002.jsonl"
    (event,) = answers_in(invoiced.path)
    assert isinstance(event, InvoicePosted)
    assert (event.statement_id, event.invoice_id) == (statement(2).statement_id, "INV-000002")


def test_the_same_statements_give_the_same_bytes(tmp_path: Path) -> None:
    write_statements(tmp_path / "output", [statement(number) for number in range(1, 50)])
    first = invoice(tmp_path / "output", tmp_path / "first", seed=7).path
    second = invoice(tmp_path / "output", tmp_path / "second", seed=7).path
    assert first is not None
    assert second is not None
    assert first.read_bytes() == second.read_bytes()


def test_an_output_without_statements_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoStatements, match="milepost run"):
        invoice(tmp_path, tmp_path, seed=7)
