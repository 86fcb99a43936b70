"""What goes to an ERP, in nobody's format: journals with the accounts of the ERP, and invoices.

A document has one key, ours for good: the same members give the same key on any run, so that an ERP can be asked whether it has it.
"""

import base64
import re
from collections.abc import Iterable
from datetime import date
from hashlib import blake2b
from typing import Final, NamedTuple, TypeAlias

from domain.outputs import TOPICS
from domain.units import Amount, ExchangeRate, Quantity, Rate

# What a document is made of; a word of its key.
JOURNAL: Final = "journal"
INVOICE: Final = "invoice"
# Topics of what becomes documents, and of the marks of ended days by which journals go together.
DELIVERED: Final = (TOPICS["JournalEntry"], TOPICS["ControlTotals"], TOPICS["BillingStatement"])

# Business Central's document numbers have 20 characters, the least of all that are served: MP and 90 bits in base 32.
KEY_CHARACTERS: Final = 20
_KEY: Final = re.compile(r"MP[A-Z2-7]{18}")


def key_of(kind: str, members: Iterable[str], part: str = "") -> str:
    """The key of a document of these journals or of this statement; `part` is where one of them fills several documents."""
    text = "\x1f".join((kind, part, *sorted(members)))
    digest = base64.b32encode(blake2b(text.encode(), digest_size=12).digest()).decode()
    return f"MP{digest[: KEY_CHARACTERS - 2]}"


def revision_of(statement_id: str, revision: int) -> str:
    """What a revision of a statement is called as a member: each has a key of its own, so that the ERP can be asked which it has."""
    return statement_id if revision == 1 else f"{statement_id} revision {revision}"


def is_key(text: str) -> bool:
    """Whether an ERP's text can only be a key of ours."""
    return _KEY.fullmatch(text) is not None


class Segment(NamedTuple):
    """A dimension of the ERP, such as department, with the ERP's id of the value."""

    name: str
    value: str


class DocumentLine(NamedTuple):
    """Debit positive, credit negative; `role` is the account of Milepost, `account` the ERP's."""

    account: str
    amount: Amount
    ledger_amount: Amount
    role: str
    segments: tuple[Segment, ...] = ()
    text: str = ""


class JournalDocument(NamedTuple):
    """A balanced journal of one entity, currency, exchange rate and accounting date; `members` are the journals in it.

    `currency_id` and `period_id` are the ERP's ids, equal to the code and the name where the chart has none.
    """

    key: str
    legal_entity_id: str
    subsidiary: str
    currency: str
    currency_id: str
    ledger_currency: str
    exchange_rate: ExchangeRate
    accounting_date: date
    period: str
    period_id: str
    text: str
    lines: tuple[DocumentLine, ...]
    members: tuple[str, ...]
    correlation_id: str | None = None


class InvoiceLine(NamedTuple):
    """Amounts net of tax; `item` is what the ERP bills by: an item, a service or an event type, as the chart maps it."""

    item: str
    account: str
    text: str
    quantity: Quantity
    unit: str
    rate: Rate
    amount: Amount
    tax_category: str
    segments: tuple[Segment, ...] = ()


class InvoiceDocument(NamedTuple):
    """The invoice of one issued statement; lines sum to `amount`, which is the statement's amount due, net of tax.

    `number` is the statement's own, by which the client knows the document; empty where the company numbers none.
    """

    key: str
    legal_entity_id: str
    subsidiary: str
    customer: str
    currency: str
    currency_id: str
    statement_id: str
    revision: int
    invoice_date: date
    due_date: date | None
    period: str
    period_id: str
    text: str
    lines: tuple[InvoiceLine, ...]
    amount: Amount
    tax_amount: Amount
    correlation_id: str | None = None
    number: str = ""


Document: TypeAlias = JournalDocument | InvoiceDocument


def fitting(number: str, longest: int) -> str:
    """A number whole or not at all: a part of one would name another document."""
    return number if len(number) <= longest else ""


def posting_date(document: Document) -> date:
    """The accounting date of a journal, the date of an invoice."""
    return document.accounting_date if isinstance(document, JournalDocument) else document.invoice_date
