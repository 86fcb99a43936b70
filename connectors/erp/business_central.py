"""Business Central by its API v2.0: a general journal of its own for each document, and sales invoices.

A journal's code and each line's document number come from our key. Two journals of one code cannot be there, so Business Central itself
refuses the second as long as the first is not posted; what is posted is found in the general ledger by its document number, before
anything is written. Journal and lines are written by one transactional `$batch`: whole or not at all.

Lines of the API have no currency. Every journal goes in the company's currency, with the amounts that our ledger has:

  1,000.00 EUR at 1.10: Dr 1150 1,100.00, Cr 4000 1,100.00     amount 1100 and -1100

With `post` a journal is posted at once, and its empty shell deleted; without, people post it, and until then it is accepted. What Business
Central refuses to post is taken back, so that what is rejected is not there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit

from pydantic import Field

from connectors.erp import odata
from connectors.erp.adapter import ErpFinding, ErpUnreadable, Limits, TraceContext, period_found, read_whole, readable
from connectors.erp.answers import (
    OTHER_AMOUNT,
    OTHER_CURRENCY,
    Answer,
    ErpRefusal,
    amount_of,
    day_of,
    decimal_of,
    differs,
    in_doubt,
    is_of,
    listed,
    quoted,
    rejected,
    scaled,
    text_of,
    words,
)
from connectors.erp.connection import Connection
from connectors.erp.session import AtOnce, Session, is_one_call, opened
from connectors.section import Section
from domain.delivery.documents import (
    Document,
    InvoiceDocument,
    InvoiceLine,
    JournalDocument,
    Segment,
    fitting,
    is_key,
    posting_date,
)
from domain.delivery.ledgers import LedgerEntry, LedgerLine, LedgerScope, still_waiting
from domain.delivery.outcomes import NotSent, Outcome, RejectedData, Said, Taken, Throttled, Trouble, Uncertain
from domain.units import AMOUNT_SCALE, QUANTITY_SCALE, RATE_SCALE, Amount

KEYS_A_QUERY: Final = 20
# 6,000 requests in 5 minutes a user, and a document takes five.
LIMITS: Final = Limits(lines=300, documents=1, concurrent=5, per_minute=240, call_seconds=300.0, looked_up=KEYS_A_QUERY)

SCOPE: Final = "https://api.businesscentral.dynamics.com/.default"
CODE_CHARACTERS: Final = 10
LONGEST_TEXT: Final = 100
LONGEST_COMMENT: Final = 250
LONGEST_REFERENCE: Final = 35
COMPANIES_CHECKED: Final = 5
NO_DAY: Final = date(1, 1, 1)
# Of a general ledger entry that a journal made. A blank is written so in enums.
JOURNAL_TYPES: Final = frozenset({"_x0020_", " ", ""})
INVOICE_TYPES: Final = frozenset({"Invoice"})
DRAFTS: Final = frozenset({"Draft", "In_x0020_Review", "In Review"})

_ETAG: Final = re.compile(r"[!-~]{1,500}")


class BusinessCentralOptions(Section):
    """`[erp.NAME.options]`."""

    tenant: odata.Tenant = None
    post: bool = Field(True, description="Journals and invoices are posted at once; false: people post them.")
    tax_codes: dict[str, str] = Field({}, description="By our tax category, Business Central's tax code.")


class CentralDocument(NamedTuple):
    """What Business Central has of a document: `id` of the journal or invoice as long as it is not posted.

    `etag` is that of an invoice: it is deleted only as it was read, for it might be posted by now.
    """

    id: str
    taken: Taken
    etag: str = "*"


def open_erp(name: str, connection: Connection) -> BusinessCentral:
    options = connection.checked_options(name, BusinessCentralOptions)
    limits = connection.limits(LIMITS)
    token_url = odata.ENTRA_TOKEN_URL.format(tenant=options.tenant) if options.tenant else ""
    session = opened(name, connection, limits, token_url=token_url, scope=SCOPE)
    return BusinessCentral(session, connection.url, limits, options)


class BusinessCentral(AtOnce):
    """One environment; our `subsidiary` is the id of a company in it."""

    ERP = "Business Central"

    def __init__(self, session: Session, url: str, limits: Limits, options: BusinessCentralOptions) -> None:
        super().__init__(session, limits)
        self._url = url
        self._api = f"{url}/api/v2.0/"
        self._options = options

    @is_one_call
    def look_up(self, documents: Sequence[Document], accepted: Collection[str] = ()) -> Mapping[str, Said] | Outcome:
        return odata.looked_up(_by_company(documents), partial(self._there, accepted=accepted), self._posted)

    def ledger(self, scope: LedgerScope) -> Iterator[LedgerEntry]:
        try:
            yield from self._ledger(scope)
        except ValueError:
            raise ErpUnreadable(
                "Business Central's ledger could not be read: entries without amounts; try again"
            ) from None

    def check(self, subsidiaries: Sequence[str], on: date) -> Iterator[ErpFinding]:
        subject = f"Business Central at {urlsplit(self._url).hostname}"
        companies = odata.rows(self._session.call, odata.query(f"{self._api}companies", select="id,name"), self._api)
        if not isinstance(companies, list):
            yield readable(subject, companies, self._url, "give the application the permissions that its page names")
            return
        named = ", ".join(f"{text_of(row.get('id'))} {words(row.get('name'))}" for row in companies)
        yield ErpFinding(
            f"{subject}, companies",
            bool(companies),
            named or "none",
            "" if companies else "give the application a company",
        )
        for row in companies[:COMPANIES_CHECKED]:
            for entity in ("journals", "generalLedgerEntries", "generalLedgerSetup", "salesInvoices"):
                yield readable(
                    f"{subject}, {words(row.get('name'))}, {entity}",
                    self._rows(text_of(row.get("id")), entity, top="1"),
                    self._url,
                    f"give the application a permission set with {entity}",
                )
        for company in subsidiaries:
            yield period_found(subject, company, on, self._is_closed(company, on), self._url)

    # Sending

    def _send(self, document: Document, trace: TraceContext) -> Outcome:
        there = self._there([document])
        if not isinstance(there, dict):
            return there
        if (found := there.get(document.key)) is not None:
            return self._posted(document, found) if isinstance(found, CentralDocument) else found
        body = _journal(document) if isinstance(document, JournalDocument) else self._invoice(document)
        asked = odata.transaction(f"companies({_id(document.subsidiary)})/{_entity(document)}", body)
        answer = self._session.call(
            "POST", f"{self._api}$batch", json=asked, headers={"isolation": "snapshot"}, trace=trace
        )
        match odata.transacted(answer) if isinstance(answer, Answer) else answer:
            case ErpRefusal() as refused:
                return self._refused(document, refused)
            case Uncertain() as uncertain:
                # A lost answer of what is there by now costs no more than this look; without it the queue waits.
                left = self._left(document)
                return uncertain if left is None else self._posted(document, left)
            case NotSent() | Throttled() as trouble:
                return trouble
            case made:
                if not (its := text_of(made.get("id"))):
                    return Uncertain("Business Central took it and did not say the id of what it made")
        taken = Taken(_code(document.key), posting_date(document), is_posted=False, period=document.period or None)
        if isinstance(document, JournalDocument):
            return self._posted(document, CentralDocument(its, taken))
        taken = taken._replace(reference=text_of(made.get("number")))
        return self._posted(document, CentralDocument(its, taken, _etag(made)))

    def _left(self, document: Document) -> CentralDocument | None:
        """What is there by now, after an answer was lost."""
        there = self._there([document])
        found = there.get(document.key) if isinstance(there, dict) else None
        return (
            found._replace(taken=found.taken._replace(is_duplicate=False))
            if isinstance(found, CentralDocument)
            else None
        )

    def _refused(self, document: Document, refused: ErpRefusal) -> Outcome:
        """What another attempt has left there meanwhile is taken, whatever the answer to this one said."""
        there = self._there([document])
        if not isinstance(there, dict):
            return in_doubt(f"Business Central refused it ({refused.code}), and could not be asked for it", there)
        found = there.get(document.key)
        if isinstance(found, CentralDocument):
            return self._posted(document, found)
        return self._rejected(document, refused) if found is None else found

    def _posted(self, document: Document, held: CentralDocument) -> Outcome:
        """Posted at once, unless people do that. What is refused is taken back; what is left open is asked for again by key."""
        if held.taken.is_posted or not self._options.post:
            return held.taken
        answer = self._session.call("POST", f"{self._held(document, held)}/Microsoft.NAV.post")
        match odata.fault(answer) if isinstance(answer, Answer) else answer:
            case None:
                return self._now_posted(document, held)
            case ErpRefusal() as refused:
                return self._not_posted(document, held, refused)
            case Uncertain() as uncertain:
                left = self._left(document)
                return left.taken if left is not None and left.taken.is_posted else uncertain
            case trouble:
                return in_doubt(f"{_entity(document)} {held.taken.reference} is there and not posted", trouble)

    def _not_posted(self, document: Document, held: CentralDocument, refused: ErpRefusal) -> Outcome:
        """There is nothing to post where an earlier call, whose answer was lost, has posted it in the meantime."""
        there = self._there([document])
        if not isinstance(there, dict):
            return in_doubt(f"{_entity(document)} {held.taken.reference} was not posted ({refused.code})", there)
        found = there.get(document.key)
        if isinstance(found, CentralDocument) and found.taken.is_posted:
            return found.taken
        return self._take_back(document, held) or self._rejected(document, refused)

    def _now_posted(self, document: Document, held: CentralDocument) -> Outcome:
        if isinstance(document, JournalDocument):
            # What is left of the journal is empty; where it stays, it is deleted when the key is looked up.
            self._take_back(document, held)
            return held.taken._replace(reference=document.key, is_posted=True)
        there = self._there([document])
        if not isinstance(there, dict):
            return in_doubt(f"sales invoice {held.taken.reference} was posted, and could not be asked for", there)
        found = there.get(document.key)
        if isinstance(found, CentralDocument) and found.taken.is_posted:
            return found.taken._replace(is_duplicate=held.taken.is_duplicate)
        return Uncertain(f"sales invoice {held.taken.reference} was posted, and Business Central does not show it so")

    def _rejected(self, document: Document, refused: ErpRefusal) -> Outcome:
        return rejected(refused, self._is_closed(document.subsidiary, posting_date(document)))

    def _take_back(self, document: Document, held: CentralDocument) -> Uncertain | None:
        """None: it is gone."""
        what = f"{_entity(document)} {held.taken.reference}"
        answer = self._session.call("DELETE", self._held(document, held), headers={"if-match": held.etag})
        return odata.deleted(answer, what, "Business Central")

    def _held(self, document: Document, held: CentralDocument) -> str:
        return f"{self._api}companies({_id(document.subsidiary)})/{_entity(document)}({_id(held.id)})"

    def _invoice(self, invoice: InvoiceDocument) -> Mapping[str, Any]:
        body: dict[str, Any] = {
            "externalDocumentNumber": invoice.key,
            "invoiceDate": invoice.invoice_date.isoformat(),
            "postingDate": invoice.invoice_date.isoformat(),
            "customerNumber": invoice.customer,
            "currencyCode": invoice.currency_id,
        }
        if invoice.due_date is not None:
            body["dueDate"] = invoice.due_date.isoformat()
        # "Your Reference" of the posted invoice: its number comes from Business Central's own series.
        if number := fitting(invoice.number, LONGEST_REFERENCE):
            body["customerPurchaseOrderReference"] = number
        return {**body, "salesInvoiceLines": [self._invoice_line(line) for line in invoice.lines]}

    def _invoice_line(self, line: InvoiceLine) -> Mapping[str, Any]:
        quantity, price = _priced(line)
        made: dict[str, Any] = {
            "lineType": "Item" if line.item else "Account",
            "lineObjectNumber": line.item or line.account,
            "description": line.text[:LONGEST_TEXT],
            "quantity": quantity,
            "unitPrice": price,
        }
        if line.tax_category in self._options.tax_codes:
            made["taxCode"] = self._options.tax_codes[line.tax_category]
        return made | _dimensions(line.segments)

    # Asking

    def _rows(
        self, company: str, entity: str, *, again: bool = False, where: str = "", **options: str
    ) -> list[odata.Row] | Trouble:
        url = odata.query(f"{self._api}companies({_id(company)})/{entity}", where=where, **options)
        return odata.rows(self._session.read if again else self._session.call, url, self._api)

    def _there(
        self, documents: Sequence[Document], accepted: Collection[str] = ()
    ) -> dict[str, CentralDocument | RejectedData] | Trouble:
        """What one company has by our keys, compared with what is sent. Takes back what is there in part."""
        found: dict[str, CentralDocument | RejectedData] = {}
        journals = {each.key: each for each in documents if isinstance(each, JournalDocument)}
        invoices = {each.key: each for each in documents if isinstance(each, InvoiceDocument)}
        try:
            trouble = (
                (self._posted_journals(journals, found) or self._open_journals(journals, found, accepted))
                if journals
                else None
            ) or (self._invoices(invoices, found, accepted) if invoices else None)
        except ValueError:
            return Uncertain("Business Central's answer to a look-up has lines without amounts or dates")
        return found if trouble is None else trouble

    def _posted_journals(
        self, journals: Mapping[str, JournalDocument], found: dict[str, CentralDocument | RejectedData]
    ) -> Trouble | None:
        """By the general ledger's document numbers. Raises ValueError."""
        entries = self._rows(
            _company(journals),
            "generalLedgerEntries",
            where=odata.any_of("documentNumber", map(quoted, journals)),
            select="documentNumber,postingDate,debitAmount,creditAmount",
        )
        if not isinstance(entries, list):
            return entries
        by_key: dict[str, list[odata.Row]] = {}
        for entry in entries:
            by_key.setdefault(text_of(entry.get("documentNumber")), []).append(entry)
        for key, some in by_key.items():
            if (journal := journals.get(key)) is None:
                return Uncertain("Business Central's answer to a look-up has a document that was not asked for")
            # What people have reversed there is more than ours; it was posted all the same.
            if _sent(journal) - Counter(_amount(entry) for entry in some):
                found[key] = _other_amount(f"general ledger entries {key}")
                continue
            posted_on = _day(some[0])
            period = (journal.period or None) if posted_on == journal.accounting_date else None
            found[key] = CentralDocument("", Taken(key, posted_on, is_duplicate=True, period=period))
        return None

    def _open_journals(
        self,
        journals: Mapping[str, JournalDocument],
        found: dict[str, CentralDocument | RejectedData],
        accepted: Collection[str],
    ) -> Trouble | None:
        """Journals by their codes; the shells of posted ones are deleted. Raises ValueError."""
        by_code = {_code(key): journal for key, journal in journals.items()}
        heads = self._rows(
            _company(journals), "journals", where=odata.any_of("code", map(quoted, by_code)), expand="journalLines"
        )
        if not isinstance(heads, list):
            return heads
        for head in heads:
            journal = by_code.get(text_of(head.get("code")))
            lines = odata.inner(head.get("journalLines"))
            if journal is None or not text_of(head.get("id")) or lines is None:
                return Uncertain(
                    "Business Central's answer to a look-up has a journal that was not asked for, or no lines"
                )
            ours, there = _sent(journal), Counter(_amount(line) for line in lines)
            on = _day(lines[0]) if lines else journal.accounting_date
            period = (journal.period or None) if on == journal.accounting_date else None
            code = _code(journal.key)
            held = CentralDocument(
                text_of(head.get("id")), Taken(code, on, is_posted=False, is_duplicate=True, period=period)
            )
            is_posted = isinstance(found.get(journal.key), CentralDocument)
            is_in_part = there != ours and not there - ours
            if is_in_part and not is_posted and journal.key in accepted:
                continue
            if is_in_part or (is_posted and there == ours):
                # In part, or what is left of a posted one, or a second that a late call has made.
                if (trouble := self._take_back(journal, held)) is not None:
                    return trouble
            elif journal.key not in found:
                found[journal.key] = held if there == ours else _other_amount(f"journal {code}")
        return None

    def _invoices(
        self,
        invoices: Mapping[str, InvoiceDocument],
        found: dict[str, CentralDocument | RejectedData],
        accepted: Collection[str],
    ) -> Trouble | None:
        """Posted ones first. Raises ValueError."""
        heads = self._rows(
            _company(invoices),
            "salesInvoices",
            where=odata.any_of("externalDocumentNumber", map(quoted, invoices)),
            expand="salesInvoiceLines",
        )
        if not isinstance(heads, list):
            return heads
        for head in sorted(heads, key=lambda each: (is_of(each.get("status"), DRAFTS), text_of(each.get("number")))):
            invoice = invoices.get(text_of(head.get("externalDocumentNumber")))
            lines = odata.inner(head.get("salesInvoiceLines"))
            if invoice is None or not text_of(head.get("id")) or not text_of(head.get("status")) or lines is None:
                return Uncertain(
                    "Business Central's answer to a look-up has an invoice that was not asked for, or no lines"
                )
            held = _billed(invoice, head)
            ours, there = _sent(invoice), Counter(amount_of(line.get("amountExcludingTax")) for line in lines)
            is_second = isinstance(found.get(invoice.key), CentralDocument)
            is_in_part = not held.taken.is_posted and there != ours and not there - ours
            if is_in_part and not is_second and invoice.key in accepted:
                continue
            if is_in_part or (is_second and not held.taken.is_posted):
                if (trouble := self._take_back(invoice, held)) is not None:
                    return trouble
            elif invoice.key in found:
                continue
            elif there != ours:
                found[invoice.key] = _other_amount(f"sales invoice {held.taken.reference}")
            elif head.get("currencyCode") != invoice.currency_id:
                has = f"Business Central's sales invoice {held.taken.reference} has our key and"
                what = f"{has} another currency than {invoice.currency_id}"
                found[invoice.key] = differs(OTHER_CURRENCY, what, "currencyCode")
            else:
                found[invoice.key] = held
        return None

    def _is_closed(self, company: str, on: date) -> bool | Trouble:
        """Whether the company's allowed posting dates leave a day out."""
        setup = self._rows(company, "generalLedgerSetup", select="allowPostingFrom,allowPostingTo")
        if not isinstance(setup, list):
            return setup
        since, until = (
            [day for row in setup if (day := day_of(row.get(name))) is not None and day != NO_DAY]
            for name in ("allowPostingFrom", "allowPostingTo")
        )
        return any(on < day for day in since) or any(on > day for day in until)

    # The ledger

    def _ledger(self, scope: LedgerScope) -> Iterator[LedgerEntry]:
        """Raises ErpUnreadable, ValueError."""
        company = scope.subsidiary
        setup = self._read(company, "generalLedgerSetup", select="localCurrencyCode")
        currency = text_of(setup[0].get("localCurrencyCode")) if setup else ""
        # Read first, so that a journal which is posted meanwhile is not missed by both.
        waiting = list(_open_entries(self._read(company, "journals", expand="journalLines"), scope, currency))
        entries = self._read(company, "generalLedgerEntries", where=_within(scope))
        posted = list(_posted_entries(entries, currency))
        yield from posted
        yield from still_waiting(waiting, posted)
        billed: dict[str, list[odata.Row]] = {}
        for entry in entries:
            if is_of(entry.get("documentType"), INVOICE_TYPES):
                billed.setdefault(text_of(entry.get("documentNumber")), []).append(entry)
        for head in self._read(company, "salesInvoices", where=_within(scope), expand="salesInvoiceLines"):
            yield _invoiced(head, billed, currency)

    def _read(self, company: str, entity: str, **options: str) -> list[odata.Row]:
        """Raises ErpUnreadable."""
        return read_whole(self.ERP, self._rows(company, entity, again=True, **options))


def _open_entries(heads: Sequence[odata.Row], scope: LedgerScope, currency: str) -> Iterator[LedgerEntry]:
    """Of our journals, those that nobody has posted yet. Raises ValueError."""
    for head in heads:
        lines = [line for line in listed(head.get("journalLines")) if isinstance(line, dict)]
        if lines and text_of(head.get("code")).startswith("MP") and scope.since <= _day(lines[0]) <= scope.until:
            key, code = text_of(lines[0].get("documentNumber")), text_of(head.get("code"))
            yield _entry(key, code, _day(lines[0]), currency, map(_ledger_line, lines))._replace(
                is_in_ledger_currency=True
            )


def _posted_entries(entries: Sequence[odata.Row], currency: str) -> Iterator[LedgerEntry]:
    """Of journals, one for each document and day. Raises ValueError."""
    documents: dict[tuple[str, date], list[odata.Row]] = {}
    for entry in entries:
        if is_of(entry.get("documentType"), JOURNAL_TYPES):
            documents.setdefault((text_of(entry.get("documentNumber")), _day(entry)), []).append(entry)
    for (number, on), lines in documents.items():
        found = _entry(number, number, on, currency, map(_ledger_line, lines), is_posted=True)
        yield found._replace(is_in_ledger_currency=True)


def _invoiced(head: odata.Row, billed: Mapping[str, Sequence[odata.Row]], currency: str) -> LedgerEntry:
    """As the general ledger has it. That has the company's currency alone: of another one what the customer owes. Raises ValueError."""
    number, is_posted = text_of(head.get("number")), not is_of(head.get("status"), DRAFTS)
    in_ledger = billed.get(number, ()) if is_posted and head.get("currencyCode") == currency else ()
    return _entry(
        text_of(head.get("externalDocumentNumber")),
        number,
        _day(head),
        text_of(head.get("currencyCode")),
        map(_ledger_line, in_ledger) if in_ledger else _owed(head),
        is_posted=is_posted,
    )._replace(names_accounts=bool(in_ledger))


def _owed(head: odata.Row) -> Iterator[LedgerLine]:
    """What the customer owes by an invoice, on his account, against its lines and tax. Raises ValueError."""
    lines = [line for line in listed(head.get("salesInvoiceLines")) if isinstance(line, dict)]
    found = [(text_of(line.get("lineObjectNumber")), -amount_of(line.get("amountExcludingTax"))) for line in lines]
    if tax := amount_of(head.get("totalTaxAmount")):
        found.append(("", -tax))
    owed = -sum(amount for _, amount in found)
    return (
        LedgerLine(place, amount, amount) for place, amount in ((text_of(head.get("customerNumber")), owed), *found)
    )


def _ledger_line(line: odata.Row) -> LedgerLine:
    """Of the company's currency: the API of journals and of the general ledger has no other. Raises ValueError."""
    amount = _amount(line)
    return LedgerLine(text_of(line.get("accountNumber")), amount, amount)


def _entry(
    key: str, reference: str, on: date, currency: str, lines: Iterable[LedgerLine], *, is_posted: bool = False
) -> LedgerEntry:
    """The period stays empty: the date says it."""
    return LedgerEntry(key if is_key(key) else "", reference, on, "", currency, is_posted, tuple(lines))


def _journal(journal: JournalDocument) -> Mapping[str, Any]:
    lines = []
    for number, line in enumerate((each for each in journal.lines if each.ledger_amount), 1):
        made = {
            "lineNumber": 10_000 * number,
            "accountNumber": line.account,
            "postingDate": journal.accounting_date.isoformat(),
            "documentNumber": journal.key,
            "amount": decimal_of(line.ledger_amount),
            "description": (line.text or journal.text)[:LONGEST_TEXT],
            "comment": journal.text[:LONGEST_COMMENT],
        }
        lines.append(made | _dimensions(line.segments))
    return {"code": _code(journal.key), "displayName": journal.key, "journalLines": lines}


def _dimensions(segments: Sequence[Segment]) -> dict[str, Any]:
    found = [{"code": segment.name, "valueCode": segment.value} for segment in segments]
    return {"dimensionSetLines": found} if found else {}


def _priced(line: InvoiceLine) -> tuple[Decimal, Decimal]:
    """Business Central multiplies by itself: where that gives another amount than ours, one piece of the amount is sold."""
    quantity, price = scaled(line.quantity, QUANTITY_SCALE), scaled(line.rate, RATE_SCALE)
    if abs(quantity * price - Decimal(line.amount).scaleb(-AMOUNT_SCALE)) < Decimal("0.005"):
        return quantity, price
    return Decimal(1), decimal_of(line.amount)


def _billed(invoice: InvoiceDocument, head: odata.Row) -> CentralDocument:
    """With Business Central's own number and tax. Raises ValueError."""
    posted_on = _day(head)
    taken = Taken(
        text_of(head.get("number")),
        posted_on,
        not is_of(head.get("status"), DRAFTS),
        is_duplicate=True,
        period=(invoice.period or None) if posted_on == invoice.invoice_date else None,
    )
    if taken.is_posted:
        taken = taken._replace(tax_amount=amount_of(head.get("totalTaxAmount")))
    return CentralDocument(text_of(head.get("id")), taken, _etag(head))


def _etag(row: odata.Row) -> str:
    """One that no header can have matches nothing."""
    stated = row.get("@odata.etag")
    if stated is None:
        return "*"
    return stated if isinstance(stated, str) and _ETAG.fullmatch(stated) else 'W/"none"'


def _by_company(documents: Sequence[Document]) -> Iterator[Sequence[Document]]:
    companies = dict.fromkeys(each.subsidiary for each in documents)
    for company in companies:
        yield from odata.in_chunks([each for each in documents if each.subsidiary == company], KEYS_A_QUERY)


def _company(documents: Mapping[str, Document]) -> str:
    return next(iter(documents.values())).subsidiary


def _entity(document: Document) -> str:
    return "journals" if isinstance(document, JournalDocument) else "salesInvoices"


def _code(key: str) -> str:
    """Of the journal: as much of the key as a code has room for; 40 bits, of journals that are not posted yet."""
    return key[:CODE_CHARACTERS]


def _id(value: str) -> str:
    return quote(value, safe="")


def _within(scope: LedgerScope) -> str:
    return f"postingDate ge {scope.since.isoformat()} and postingDate le {scope.until.isoformat()}"


def _sent(document: Document) -> Counter[Amount]:
    if isinstance(document, InvoiceDocument):
        return Counter(line.amount for line in document.lines)
    return Counter(line.ledger_amount for line in document.lines if line.ledger_amount)


def _amount(line: odata.Row) -> Amount:
    """Debit positive, of a journal line or of an entry of the general ledger. Raises ValueError."""
    if "amount" in line:
        return amount_of(line["amount"])
    return amount_of(line.get("debitAmount")) - amount_of(line.get("creditAmount"))


def _day(row: odata.Row) -> date:
    """Raises ValueError."""
    if (found := day_of(row.get("postingDate"))) is None:
        raise ValueError("expected a posting date")
    return found


def _other_amount(what: str) -> RejectedData:
    return differs(OTHER_AMOUNT, f"Business Central's {what}: other amounts by our key than were sent", "")
