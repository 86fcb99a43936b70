"""Statements of a run are answered: invoiced once each, to the cent, drafts approved, invoices paid; now and then after a mistake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from connectors.avro_codec import OUTPUT_CODECS
from connectors.containers import ContainerFormat
from domain.events.catalogue import Event
from domain.events.control import StatementReturned
from domain.events.finance import (
    CreditMemoIssued,
    InvoicePosted,
    InvoiceRejected,
    PaymentReceived,
    PaymentReversed,
    WrittenOff,
)
from domain.outputs import BillingStatement, Position, StatementLine, StatementTax
from simulation.answers import NoStatements, answer, said_in
from simulation.receivables import FATES
from simulation.write import DECISIONS, INVOICES, RECEIPTS

ISSUED_AT, JULY = (int(datetime(2026, month, 3, tzinfo=UTC).timestamp()) * 1_000_000 for month in (2, 7))


def line(amount: int) -> StatementLine:
    day = date(2026, 1, 5)
    return StatementLine("L-1", "E-1", "Time", 10_000_000, "hour", 100_000_000, amount, day, day)


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
        lines=(line(1_000_0000 + number + revision - 1),),
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


def write_statements(folder: Path, statements: Sequence[BillingStatement], last_at: int = ISSUED_AT) -> None:
    """All issued at one instant, but the last of them perhaps later."""
    codec = OUTPUT_CODECS["BillingStatement"]
    form = ContainerFormat((codec,), "generation", "billing.statements")
    path = folder / "outputs" / "billing.statements" / "0.avro"
    path.parent.mkdir(parents=True, exist_ok=True)
    ats = [*(ISSUED_AT for _ in statements[1:]), last_at]
    blocks = [
        form.block("BillingStatement", codec.encode(position(number, at), each))
        for number, (each, at) in enumerate(zip(statements, ats, strict=True))
    ]
    path.write_bytes(form.header + b"".join(blocks))


def position(number: int, at: int) -> Position:
    return Position("generation", 0, number, 0, number, "event", at, at, None, "1")


def invoices_in(folder: Path) -> list[InvoicePosted | InvoiceRejected]:
    return [event for event in said_in(folder, INVOICES) if isinstance(event, InvoicePosted | InvoiceRejected)]


def test_every_issued_statement_is_invoiced_at_what_is_due(tmp_path: Path) -> None:
    statements = [statement(1), statement(2), statement(3, status="open"), statement(1, revision=2)]
    write_statements(tmp_path / "output", [*statements, statement(2, part=2)])
    answered = answer(tmp_path / "output", tmp_path / "input", seed=7)
    assert [path.name for path in answered.paths] == ["finance.invoices-0001.jsonl", "control.decisions-0001.jsonl"]
    found = {event.statement_id: event for event in invoices_in(tmp_path / "input")}
    amounts = {name: event.amount for name, event in found.items() if isinstance(event, InvoicePosted)}
    assert amounts == {statement(1).statement_id: 1_000_0002, statement(2).statement_id: 1_000_0002}
    first = found[statement(1).statement_id]
    assert isinstance(first, InvoicePosted)
    assert (first.tax_amount, first.engagement_id) == (190_0000, "E-1")
    assert date(2026, 2, 4) <= first.posted_on <= date(2026, 2, 6)


def test_a_few_are_refused_or_wrong_at_first_and_all_are_right_at_last(tmp_path: Path) -> None:
    statements = [statement(number) for number in range(1, 101)]
    write_statements(tmp_path / "output", statements)
    answered = answer(tmp_path / "output", tmp_path / "input", seed=7)
    events = invoices_in(tmp_path / "input")
    last = {event.statement_id: event for event in events}
    assert all(
        isinstance(event := last[each.statement_id], InvoicePosted) and event.amount == each.amount_due
        for each in statements
    )
    due = {each.statement_id: each.amount_due for each in statements}
    wrong = [
        event for event in events if isinstance(event, InvoicePosted) and event.amount != due[event.statement_id or ""]
    ]
    assert sum(isinstance(event, InvoiceRejected) for event in events) == answered.counts["InvoiceRejected"] == 5
    assert len(wrong) == 3
    assert answered.counts["InvoicePosted"] == 103
    assert len({event.invoice_id for event in events if isinstance(event, InvoicePosted)}) == 103


def test_a_second_round_answers_only_what_is_new(tmp_path: Path) -> None:
    output, folder = tmp_path / "output", tmp_path / "input"
    write_statements(output, [statement(1), statement(3, status="open")])
    answer(output, folder, seed=7)
    assert answer(output, folder, seed=7).paths == ()
    write_statements(output, [statement(1), statement(2), statement(3, status="open")])
    answered = answer(output, folder, seed=7)
    assert answered.paths == (folder / "finance.invoices-0002.jsonl",)
    *_, event = invoices_in(folder)
    assert isinstance(event, InvoicePosted)
    assert (event.statement_id, event.invoice_id) == (statement(2).statement_id, "INV-000002")


def test_a_draft_is_approved_or_returned_and_its_next_revision_approved(tmp_path: Path) -> None:
    output, folder = tmp_path / "output", tmp_path / "input"
    write_statements(output, [statement(number, status="open") for number in range(1, 19)])
    assert answer(output, folder, seed=7).counts == {"StatementApproved": 16, "StatementReturned": 2}
    returned = [event for event in said_in(folder, DECISIONS) if isinstance(event, StatementReturned)]
    again = {int(event.statement_id.rsplit("/", 1)[1]) for event in returned}
    write_statements(output, [statement(number, status="open", revision=2) for number in sorted(again)])
    assert answer(output, folder, seed=7).counts == {"StatementApproved": 2}


def hundred_invoices(tmp_path: Path, rounds: int) -> list[Event]:
    """All that is said until summer of a hundred statements of winter."""
    output, folder = tmp_path / "output", tmp_path / "input"
    write_statements(output, [*(statement(number) for number in range(1, 101)), statement(101)], last_at=JULY)
    for _ in range(rounds):
        answer(output, folder, seed=7)
    return list(said_in(folder, RECEIPTS))


def test_every_fate_of_an_invoice_has_its_share(tmp_path: Path) -> None:
    """The last statement makes it summer; it has the number of the first invoice once more, but is not due yet."""
    events = hundred_invoices(tmp_path, 1)
    share = dict(FATES)
    credited = Counter(event.kind for event in events if isinstance(event, CreditMemoIssued))
    assert credited == {kind: share[kind] for kind in ("error_rebill", "price_concession", "goodwill", "rebate")}
    assert sum(isinstance(event, WrittenOff) for event in events) == share["short, the rest written off"]
    back = share["taken back by the bank"] + share["unapplied"] + share["paid twice"]
    assert sum(isinstance(event, PaymentReversed) for event in events) == back
    assert sum(isinstance(event, PaymentReceived) and not event.applications for event in events) == share["unapplied"]


def test_no_more_is_settled_than_is_owed_but_where_one_pays_twice(tmp_path: Path) -> None:
    settled: Counter[str] = Counter()
    for event in hundred_invoices(tmp_path, 1):
        match event:
            case PaymentReceived():
                settled.update({each.invoice_id: each.amount for each in event.applications})
            case CreditMemoIssued():
                settled[event.invoice_id] += sum(line.amount or 0 for line in event.lines) + (event.tax_amount or 0)
            case WrittenOff():
                settled[event.invoice_id or ""] += event.amount
    over = [name for name, amount in settled.items() if amount > 1_190_0101]
    assert len(over) == dict(FATES)["paid twice"] + dict(FATES)["taken back by the bank"]
    paid = sum(1_190_0000 < amount <= 1_190_0101 for amount in settled.values())
    assert paid == 100 - len(over) - dict(FATES)["unpaid"]


def test_what_is_said_already_is_not_said_again(tmp_path: Path) -> None:
    assert hundred_invoices(tmp_path / "one", 1) == hundred_invoices(tmp_path / "two", 2)


def test_the_same_statements_give_the_same_bytes(tmp_path: Path) -> None:
    write_statements(tmp_path / "output", [statement(number) for number in range(1, 50)])
    first, second = (answer(tmp_path / "output", tmp_path / name, seed=7).paths for name in ("first", "second"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second] != []


def test_an_output_without_statements_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoStatements, match="milepost run"):
        answer(tmp_path, tmp_path, seed=7)
