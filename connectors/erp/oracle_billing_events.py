"""Oracle's project billing events: one for each line of an invoice that has an amount.

    SourceName Milepost, SourceReference MPK7Q2V5C4T3N6W2XYZA-1     10 h at 150.00        1,500.00
    SourceName Milepost, SourceReference MPK7Q2V5C4T3N6W2XYZA-2     train to Hamburg         80.00

A statement's number stands before each text: "INV-2026-00017, train to Hamburg".

The customer that accounts.toml names is the contract's number, unless the line has a segment `contract`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from connectors.erp.answers import OTHER_AMOUNT, OTHER_CURRENCY, amount_of, day_of, decimal_of, differs, text_of
from connectors.erp.oracle_rest import Fields
from domain.delivery.documents import InvoiceDocument, InvoiceLine
from domain.delivery.outcomes import RejectedData, Taken

# Segments of the chart that say where a line is billed, with their fields of an event.
SEGMENTS: Final[Mapping[str, str]] = {
    "contract": "ContractNumber",
    "contract_line": "ContractLineNumber",
    "project": "ProjectNumber",
    "task": "TaskNumber",
}
FULLY_INVOICED: Final = "F"
LONGEST_TEXT: Final = 240


def parts(document: InvoiceDocument, shared: Mapping[str, str], there: Collection[str]) -> list[dict[str, Any]]:
    """Of one transaction, for lines whose references are not there yet; `shared` are fields that every event has."""
    return [
        {
            "id": reference,
            "path": "/projectBillingEvents",
            "operation": "create",
            "payload": {"SourceReference": reference, **shared, **_event(document, line)},
        }
        for reference, line in _lines(document)
        if reference not in there
    ]


def is_whole(document: InvoiceDocument, events: Sequence[Fields]) -> bool:
    return {reference for reference, _ in _lines(document)} <= {_reference(each) for each in events}


def taken(document: InvoiceDocument, events: Sequence[Fields]) -> Taken | None:
    """Of what is there, whole or not; None where nothing is, or what is has no id or date."""
    number = text_of(events[0].get("EventId")) if events else ""
    on = day_of(events[0].get("CompletionDate")) if events else None
    if not number or on is None:
        return None
    is_invoiced = all(each.get("Invoiced") == FULLY_INVOICED for each in events)
    return Taken(number, on, is_invoiced, period=document.period)


def difference(document: InvoiceDocument, events: Sequence[Fields]) -> RejectedData | None:
    """What an event has otherwise than was sent."""
    lines = dict(_lines(document))
    for each in events:
        reference = _reference(each)
        has = f"Fusion's billing event {text_of(each.get('EventId'))} has our key and"
        if each.get("BillTrnsCurrencyCode") != document.currency_id:
            return differs(OTHER_CURRENCY, f"{has} another currency than was sent", "currency")
        if reference not in lines or _amount(each) != lines.pop(reference).amount:
            return differs(OTHER_AMOUNT, f"{has} another amount than was sent, or is there twice", "amount")
    return None


def _lines(document: InvoiceDocument) -> Iterator[tuple[str, InvoiceLine]]:
    """Fusion takes no event without an amount."""
    for number, line in enumerate(document.lines, start=1):
        if line.amount:
            yield f"{document.key}-{number}", line


def _event(document: InvoiceDocument, line: InvoiceLine) -> dict[str, Any]:
    stated = {SEGMENTS[name]: value for name, value in line.segments if name in SEGMENTS}
    return {
        "ContractNumber": document.customer,
        **stated,
        "EventTypeName": line.item,
        "EventDescription": _text(document, line)[:LONGEST_TEXT],
        "CompletionDate": document.invoice_date.isoformat(),
        "BillTrnsCurrencyCode": document.currency_id,
        "BillTrnsAmount": decimal_of(line.amount),
    }


def _text(document: InvoiceDocument, line: InvoiceLine) -> str:
    return f"{document.number}, {line.text}" if document.number and line.text else line.text or document.text


def _reference(event: Fields) -> str:
    return text_of(event.get("SourceReference"))


def _amount(event: Fields) -> int | None:
    try:
        return amount_of(event.get("BillTrnsAmount"))
    except ValueError:
        return None
