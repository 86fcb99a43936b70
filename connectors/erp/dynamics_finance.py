"""Dynamics 365 Finance by its OData entities: daily journals and free text invoices, found again by our key.

Nothing keeps Dynamics from taking the same journal twice, so our key stands in it (a journal's description and each line's document, an
invoice's customer reference), and all companies are asked for it before anything is written. The number of a journal is made by Dynamics:
first the header is written, then all lines in one change set, which is done as a whole or not at all. A header without its lines is taken
back, and so is a second one that a late call has left, as long as nobody has posted it.

Dynamics has a journal (accepted) and posts it later (posted): by its own periodic job, or at once by a service of the customer's that
`post_service` names. A journal that the service refuses to post is taken back, so that what is rejected is not there.

  1,000.00 EUR at 1.10: ExchRate 110, which is of 100 units. A journal with exchange differences goes in the ledger currency.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import quote, urlsplit

from pydantic import Field

from connectors.erp import odata
from connectors.erp.adapter import ErpFinding, ErpUnreadable, Limits, TraceContext, period_found, read_whole, readable
from connectors.erp.answers import (
    OTHER_AMOUNT,
    OTHER_COMPANY,
    OTHER_CURRENCY,
    UNSENDABLE,
    Answer,
    ErpRefusal,
    amount_of,
    day_of,
    decimal_of,
    differs,
    in_doubt,
    is_of,
    quoted,
    rejected,
    scaled,
    text_of,
    words,
)
from connectors.erp.answers import refused as by_status
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
from domain.units import EXCHANGE_RATE_SCALE, QUANTITY_SCALE, RATE_SCALE, Amount

# Dynamics limits by what its servers have left (429), not by number; 200 lines are what its own project journals have.
KEYS_A_QUERY: Final = 20
LIMITS: Final = Limits(lines=200, documents=1, concurrent=8, per_minute=0, call_seconds=120.0, looked_up=KEYS_A_QUERY)
# A deletion whose answer is lost may be asked for again: what is gone stays gone.
DELETE_ATTEMPTS: Final = 5
LONGEST_TEXT: Final = 60
LONGEST_INVOICE_TEXT: Final = 1_000
LONGEST_NUMBER: Final = 20
ENUMS: Final = "Microsoft.Dynamics.DataEntities."
JOURNAL_CATEGORY: Final = "GeneralJournal"

NOT_POSTED: Final = "NOT_POSTED"
# Who may still post in a period that is open.
JOURNAL_ACCESS: Final = "LedgerAccessLevel"
INVOICE_ACCESS: Final = "CustAccessLevel"

_RECORD: Final = re.compile(r"[0-9]{1,19}")


class _Entities(NamedTuple):
    """Header and lines of a kind of document. `number` names the header, `parent` is what lines call it, `key` where our key stands."""

    headers: str
    lines: str
    number: str
    parent: str
    key: str
    is_text: bool
    fields: str
    line_fields: str

    def written(self, number: str) -> str:
        """The number as filters and urls have it: one of journals is text, one of invoices a number."""
        return quoted(number) if self.is_text else number


JOURNALS: Final = _Entities(
    "LedgerJournalHeaders",
    "LedgerJournalLines",
    "JournalBatchNumber",
    "JournalBatchNumber",
    "Description",
    True,
    "dataAreaId,JournalBatchNumber,Description,IsPosted",
    "dataAreaId,JournalBatchNumber,LineNumber,Document,AccountDisplayValue,TransDate,CurrencyCode,ExchRate,DebitAmount,CreditAmount",
)
INVOICES: Final = _Entities(
    "FreeTextInvoiceHeaders",
    "FreeTextInvoiceLines",
    "InvoiceIdentifier",
    "ParentRecId",
    "CustomerReference",
    False,
    "dataAreaId,InvoiceIdentifier,CustomerReference,FreeTextNumber,IsPosted,InvoiceDate,InvoiceAccount,CurrencyCode,ExchangeRate",
    "dataAreaId,ParentRecId,LineNumber,MainAccountDisplayValue,TransactionCurrencyAmount,SalesTaxAmount",
)


class DynamicsFinanceOptions(Section):
    """`[erp.NAME.options]`."""

    tenant: odata.Tenant = None
    journal_name: Annotated[str, Field(pattern=r"^\S{1,10}$")] = Field(
        "GenJrn", description="The daily journal's name; its number sequence must not be manual."
    )
    account_format: tuple[str, ...] = Field(
        ("MainAccount",),
        min_length=1,
        description="Dimensions of Dynamics' integration format for ledger accounts, in its order; the account is MainAccount.",
    )
    default_dimension_format: tuple[str, ...] = Field((), description="The same of its format for default dimensions.")
    delimiter: Annotated[str, Field(pattern=r"^[-|.~_]$")] = Field("-", description="Between dimensions, as set there.")
    own_voucher: bool = Field(True, description="Our key is the voucher; false: Dynamics numbers vouchers.")
    own_numbers: bool = Field(
        False, description="A statement's number is Dynamics' invoice number; false: it is the customer requisition."
    )
    post_service: Annotated[str, Field(pattern=r"^/api/services/[A-Za-z0-9_/]{1,200}$")] | None = Field(
        None, description="Path of a custom service that posts one document."
    )
    tax_groups: dict[str, str] = Field({}, description="By our tax category, Dynamics' item sales tax group.")


class DynamicsDocument(NamedTuple):
    """A document that Dynamics has by a key of ours, with its lines."""

    key: str
    company: str
    number: str
    is_posted: bool
    head: odata.Row
    lines: tuple[odata.Row, ...]


def open_erp(name: str, connection: Connection) -> DynamicsFinance:
    options = connection.checked_options(name, DynamicsFinanceOptions)
    limits = connection.limits(LIMITS._replace(segments=tuple(options.account_format)))
    token_url = odata.ENTRA_TOKEN_URL.format(tenant=options.tenant) if options.tenant else ""
    session = opened(name, connection, limits, token_url=token_url, scope=f"{connection.url}/.default")
    return DynamicsFinance(session, connection.url, limits, options)


class DynamicsFinance(AtOnce):
    """One environment, with all companies that our user may see."""

    ERP = "Dynamics 365 Finance"

    def __init__(self, session: Session, url: str, limits: Limits, options: DynamicsFinanceOptions) -> None:
        super().__init__(session, limits)
        self._url = url
        self._data = f"{url}/data/"
        self._options = options

    @is_one_call
    def look_up(self, documents: Sequence[Document], accepted: Collection[str] = ()) -> Mapping[str, Said] | Outcome:
        return odata.looked_up(
            odata.in_chunks(documents, KEYS_A_QUERY), partial(self._there, accepted=accepted), self._posted
        )

    def ledger(self, scope: LedgerScope) -> Iterator[LedgerEntry]:
        try:
            # Read first, so that a journal which is posted meanwhile is not missed by both.
            waiting = list(self._open_journals(scope))
            posted = list(self._posted_journals(scope))
            yield from posted
            yield from still_waiting(waiting, posted)
            yield from self._invoices(scope)
        except ValueError:
            raise ErpUnreadable("Dynamics' ledger could not be read: lines without amounts; try again") from None

    def check(self, subsidiaries: Sequence[str], on: date) -> Iterator[ErpFinding]:
        subject = f"Dynamics 365 Finance at {urlsplit(self._url).hostname or ''}"
        names = self._rows(
            "JournalNames", where=f"Name eq {quoted(self._options.journal_name)}", select="dataAreaId,Name"
        )
        if not isinstance(names, list):
            yield readable(subject, names, self._url, "give our user a role with the data entity JournalNames")
            return
        companies = ", ".join(sorted({text_of(row.get("dataAreaId")) for row in names}))
        yield ErpFinding(
            f"{subject}, companies with journal name {self._options.journal_name}",
            bool(companies),
            words(companies) or "none",
            "" if companies else "make the journal name there, and give our user the companies",
        )
        for entity in (JOURNALS.headers, JOURNALS.lines, INVOICES.headers, "LedgerFiscalPeriods", "FiscalPeriods"):
            found = self._rows(entity, top="1")
            yield readable(
                f"{subject}, {entity}", found, self._url, f"give our user a role with the data entity {entity}"
            )
        for company in subsidiaries:
            yield period_found(subject, company, on, self._is_closed(company, on, JOURNAL_ACCESS), self._url)

    # Sending

    def _send(self, document: Document, trace: TraceContext) -> Outcome:
        try:
            header, lines = self._body(document)
        except ValueError as wrong:
            return RejectedData(UNSENDABLE, str(wrong), "")
        there = self._there([document])
        if not isinstance(there, dict):
            return there
        if (found := there.get(document.key)) is not None:
            return self._posted(document, found) if isinstance(found, Taken) else found
        number = self._header(document, header, trace)
        if isinstance(number, Uncertain):
            # A lost answer of one that is there by now costs no more than this look; without it the queue waits.
            number = self._header_left(document) or number
        if isinstance(number, ErpRefusal):
            return self._rejected(document, number)
        return self._with_lines(document, number, lines, trace) if isinstance(number, str) else number

    def _header(self, document: Document, header: Mapping[str, Any], trace: TraceContext) -> str | ErpRefusal | Trouble:
        """The number that Dynamics gives it."""
        entities = _entities(document)
        answer = self._session.call(
            "POST", f"{self._data}{entities.headers}?cross-company=true", json=header, trace=trace
        )
        if not isinstance(answer, Answer):
            return answer
        if (wrong := odata.fault(answer)) is not None:
            return wrong
        number = text_of(answer.stated().get(entities.number))
        if not number or not (entities.is_text or _RECORD.fullmatch(number)):
            return Uncertain(f"Dynamics took a header of {entities.headers} and did not say its {entities.number}")
        return number

    def _header_left(self, document: Document) -> str | None:
        """The number of the one header by our key, where it has no lines yet."""
        entities = _entities(document)
        match self._records(entities, odata.any_of(entities.key, [quoted(document.key)])):
            case [DynamicsDocument(company=company, number=number, is_posted=False, lines=())]:
                return number if company.lower() == document.subsidiary.lower() else None
            case _:
                return None

    def _with_lines(
        self, document: Document, number: str, lines: Sequence[Mapping[str, Any]], trace: TraceContext
    ) -> Outcome:
        entities = _entities(document)
        url = f"{self._data}{entities.lines}?cross-company=true"
        parent: str | int = number if entities.is_text else int(number)
        writes = [odata.Write("POST", url, {**line, entities.parent: parent}) for line in lines]
        kind, body = odata.change_set(document.key, writes)
        answer = self._session.call(
            "POST", f"{self._data}$batch", body=body, headers={"content-type": kind}, trace=trace
        )
        match odata.changed(answer, len(writes)) if isinstance(answer, Answer) else answer:
            case None:
                taken = Taken(number, posting_date(document), is_posted=False, period=document.period or None)
                return self._posted(document, taken)
            case ErpRefusal() as refused:
                return self._take_back(document, number) or self._rejected(document, refused)
            case Throttled() as throttled:
                return self._take_back(document, number) or throttled
            case NotSent() | Uncertain() as trouble:
                if (found := self._whole(document)) is not None:
                    return self._posted(document, found)
                return in_doubt(f"journal or invoice {number} has its header; its lines", trouble)

    def _whole(self, document: Document) -> Taken | None:
        """What is there by now, after an answer was lost; nothing is taken back, for the lines may be under way."""
        entities = _entities(document)
        records = self._records(entities, odata.any_of(entities.key, [quoted(document.key)]))
        try:
            found = [self._compared(document, each) for each in records] if isinstance(records, list) else []
        except ValueError:
            return None
        taken = next((each for each in found if isinstance(each, Taken)), None)
        return None if taken is None else taken._replace(is_duplicate=False)

    def _posted(self, document: Document, taken: Taken) -> Outcome:
        """Posted at once where a service does that. What it refuses is taken back; what it leaves open is asked for again by key."""
        if taken.is_posted or self._options.post_service is None:
            return taken
        kind = "Journal" if isinstance(document, JournalDocument) else "Invoice"
        asked = {"_request": {"Company": document.subsidiary, "Kind": kind, "Number": taken.reference}}
        answer = self._session.call("POST", f"{self._url}{self._options.post_service}", json=asked)
        if not isinstance(answer, Answer):
            return in_doubt(f"{taken.reference} is there and not posted", answer)
        stated = answer.stated() if answer.status == 200 else {}
        match stated.get("IsPosted"):
            case True:
                there = self._there([document])
                if not isinstance(there, dict):
                    return in_doubt(
                        f"the service says that {taken.reference} is posted, and Dynamics was not asked", there
                    )
                found = there.get(document.key)
                if isinstance(found, Taken) and found.is_posted:
                    return found._replace(is_duplicate=taken.is_duplicate)
                return Uncertain(f"the service says that {taken.reference} is posted, and Dynamics does not show it so")
            case False:
                refused = ErpRefusal(text_of(stated.get("Code"))[:60] or NOT_POSTED, words(stated.get("Message")), "")
                return self._take_back(document, taken.reference) or self._rejected(document, refused)
            case _:
                doubt = f"the service did not say whether {taken.reference} is posted"
                trouble = by_status(answer)
                return Uncertain(doubt) if trouble is None else in_doubt(doubt, trouble)

    def _rejected(self, document: Document, refused: ErpRefusal) -> Outcome:
        access = JOURNAL_ACCESS if isinstance(document, JournalDocument) else INVOICE_ACCESS
        return rejected(refused, self._is_closed(document.subsidiary, posting_date(document), access))

    def _take_back(self, document: Document, number: str, company: str = "") -> Uncertain | None:
        """None: it is gone. Nobody can have posted it meanwhile: Dynamics refuses to delete what is posted."""
        entities = _entities(document)
        key = f"dataAreaId={quoted(company or document.subsidiary)},{entities.number}={entities.written(number)}"
        url = f"{self._data}{entities.headers}({quote(key, safe=chr(39) + ',=')})?cross-company=true"
        answer = self._session.call("DELETE", url)
        for _ in range(DELETE_ATTEMPTS - 1):
            if isinstance(answer, Uncertain):
                answer = self._session.call("DELETE", url)
        return odata.deleted(answer, f"{entities.headers} {number}", "Dynamics")

    # What is sent

    def _body(self, document: Document) -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]:
        """Header, and lines without their header's number. Raises ValueError."""
        if isinstance(document, JournalDocument):
            header = {
                "dataAreaId": document.subsidiary,
                "JournalName": self._options.journal_name,
                "Description": document.key,
            }
            return header, self._journal_lines(document)
        header = {
            "dataAreaId": document.subsidiary,
            "CustomerAccount": document.customer,
            "InvoiceAccount": document.customer,
            "CustomerReference": document.key,
            "InvoiceDate": _noon(document.invoice_date),
            "CurrencyCode": document.currency_id,
        }
        if document.due_date is not None:
            header["DueDate"] = _noon(document.due_date)
        if number := fitting(document.number, LONGEST_NUMBER):
            header["FreeTextNumber" if self._options.own_numbers else "CustomerRequisition"] = number
        return header, [self._invoice_line(document, number, line) for number, line in enumerate(document.lines, 1)]

    def _journal_lines(self, journal: JournalDocument) -> Sequence[Mapping[str, Any]]:
        common: dict[str, Any] = {
            "dataAreaId": journal.subsidiary,
            "AccountType": "Ledger",
            "TransDate": _noon(journal.accounting_date),
            "Document": journal.key,
            "CurrencyCode": journal.currency_id,
        }
        if self._options.own_voucher:
            common["Voucher"] = journal.key
        if journal.currency != journal.ledger_currency:
            common["ExchRate"] = scaled(100 * journal.exchange_rate, EXCHANGE_RATE_SCALE)
        made: list[Mapping[str, Any]] = []
        for line in journal.lines:
            if line.amount:
                side = "DebitAmount" if line.amount > 0 else "CreditAmount"
                made.append(
                    {
                        **common,
                        "LineNumber": len(made) + 1,
                        "AccountDisplayValue": self._account(line.account, line.segments),
                        side: decimal_of(abs(line.amount)),
                        "Text": (line.text or journal.text)[:LONGEST_TEXT],
                    }
                )
        return made

    def _invoice_line(self, invoice: InvoiceDocument, number: int, line: InvoiceLine) -> Mapping[str, Any]:
        made: dict[str, Any] = {
            "dataAreaId": invoice.subsidiary,
            "LineNumber": number,
            "MainAccountDisplayValue": self._account(line.account, ()),
            "Description": line.text[:LONGEST_TEXT],
            "InvoiceText": line.text[:LONGEST_INVOICE_TEXT],
            "Quantity": scaled(line.quantity, QUANTITY_SCALE),
            "UnitPrice": scaled(line.rate, RATE_SCALE),
            "TransactionCurrencyAmount": decimal_of(line.amount),
        }
        if line.item:
            made["BillingCode"] = line.item
        if line.segments:
            made["DefaultDimensionDisplayValue"] = self._display(
                "default_dimension_format", self._options.default_dimension_format, dict(line.segments)
            )
        if line.tax_category in self._options.tax_groups:
            made["SalesTaxItemGroupId"] = self._options.tax_groups[line.tax_category]
        return made

    def _account(self, account: str, segments: Sequence[Segment]) -> str:
        return self._display("account_format", self._options.account_format, dict(segments) | {"MainAccount": account})

    def _display(self, option: str, names: Sequence[str], values: Mapping[str, str]) -> str:
        """Dimensions in the order of Dynamics' format; a delimiter in a value is escaped. Raises ValueError."""
        if missing := sorted(values.keys() - set(names)):
            raise ValueError(f"dimension {missing[0]}: expected one of {', '.join(names)}, which options.{option} has")
        delimiter = self._options.delimiter
        parts = [values.get(name, "").replace("\\", "\\\\").replace(delimiter, f"\\{delimiter}") for name in names]
        while len(parts) > 1 and not parts[-1]:
            del parts[-1]
        return delimiter.join(parts)

    # Asking

    def _rows(self, entity: str, *, again: bool = False, where: str = "", **options: str) -> list[odata.Row] | Trouble:
        """Of all companies: without `cross-company` Dynamics looks in our user's own alone, and says that nothing is there."""
        url = odata.query(f"{self._data}{entity}?cross-company=true", where=where, **options)
        return odata.rows(self._session.read if again else self._session.call, url, self._data)

    def _there(
        self, documents: Sequence[Document], accepted: Collection[str] = ()
    ) -> dict[str, Taken | RejectedData] | Trouble:
        """What Dynamics has by our keys, compared with what is sent. Takes back what is there in part, and what is there twice."""
        found: dict[str, Taken | RejectedData] = {}
        for entities in (JOURNALS, INVOICES):
            by_key = {each.key: each for each in documents if _entities(each) is entities}
            if not by_key:
                continue
            records = self._records(entities, odata.any_of(entities.key, map(quoted, by_key)))
            if not isinstance(records, list):
                return records
            for record in records:
                if (document := by_key.get(record.key)) is None:
                    return Uncertain("Dynamics' answer to a look-up has a document that was not asked for")
                try:
                    taken = self._compared(document, record)
                except ValueError:
                    return Uncertain("Dynamics' answer to a look-up has lines without amounts or dates")
                first = found.get(record.key)
                is_second = isinstance(first, Taken) and isinstance(taken, Taken) and not taken.is_posted
                if taken is None and record.key in accepted:
                    continue
                if taken is None or is_second:
                    if (trouble := self._take_back(document, record.number, record.company)) is not None:
                        return trouble
                elif first is None:
                    found[record.key] = taken
        return found

    def _records(self, entities: _Entities, where: str, *, again: bool = False) -> list[DynamicsDocument] | Trouble:
        """Posted ones first, then by number, so that any call takes the same of two."""
        heads = self._rows(entities.headers, again=again, where=where, select=entities.fields)
        if not isinstance(heads, list):
            return heads
        lines: dict[tuple[str, str], list[odata.Row]] = {}
        for head in heads:
            if not all(_at(head, entities.number)) or not is_of(head.get("IsPosted"), {"Yes", "No"}):
                return Uncertain(f"Dynamics' answer has a row of {entities.headers} without a number or a state")
            lines[_at(head, entities.number)] = []
        for some in odata.in_chunks(list(lines), KEYS_A_QUERY):
            names = (
                f"(dataAreaId eq {quoted(company)} and {entities.parent} eq {entities.written(number)})"
                for company, number in some
            )
            read = self._rows(entities.lines, again=again, where=" or ".join(names), select=entities.line_fields)
            if not isinstance(read, list):
                return read
            for line in read:
                if (there := lines.get(_at(line, entities.parent))) is None:
                    return Uncertain(f"Dynamics' answer has a row of {entities.lines} that was not asked for")
                there.append(line)
        found = [
            DynamicsDocument(
                text_of(head.get(entities.key)),
                *_at(head, entities.number),
                head.get("IsPosted") == "Yes",
                head,
                tuple(lines[_at(head, entities.number)]),
            )
            for head in heads
        ]
        return sorted(found, key=lambda each: (not each.is_posted, each.company, each.number))

    def _compared(self, document: Document, record: DynamicsDocument) -> Taken | RejectedData | None:
        """None: it is there in part. Raises ValueError."""
        ours = Counter(line.amount for line in document.lines if line.amount)
        there = Counter(_amount(line) for line in record.lines)
        if not record.is_posted and there != ours and not there - ours:
            return None
        has = f"Dynamics' {record.number} in company {record.company} has our key and"
        if record.company.lower() != document.subsidiary.lower():
            return differs(OTHER_COMPANY, f"{has} is not in company {document.subsidiary}", "dataAreaId")
        if there != ours:
            return differs(OTHER_AMOUNT, f"{has} other amounts than were sent", "")
        currencies = {
            text_of(each.get("CurrencyCode"))
            for each in (record.lines if isinstance(document, JournalDocument) else [record.head])
        }
        if currencies != {document.currency_id}:
            return differs(OTHER_CURRENCY, f"{has} another currency than {document.currency_id}", "CurrencyCode")
        posted_on = _posted_on(record)
        taken = Taken(
            record.number,
            posted_on,
            record.is_posted,
            is_duplicate=True,
            period=(document.period or None) if posted_on == posting_date(document) else None,
        )
        return taken if isinstance(document, JournalDocument) else _billed(taken, record)

    def _is_closed(self, company: str, of: date, access: str) -> bool | Trouble:
        """Whether the fiscal period of a day takes nothing more from us; `access` is the field of who may still post."""
        on = of.isoformat()
        day = f"StartDate le {on}T23:59:59Z and EndDate ge {on}T00:00:00Z"
        periods = self._rows("FiscalPeriods", where=day, select="Calendar,FiscalYear,PeriodName")
        if not isinstance(periods, list):
            return periods
        names = {tuple(text_of(row.get(name)) for name in ("Calendar", "FiscalYear", "PeriodName")) for row in periods}
        states = self._rows("LedgerFiscalPeriods", where=f"LegalEntityId eq {quoted(company)}")
        if not isinstance(states, list):
            return states
        return any(
            text_of(row.get("PeriodStatus")) not in {"Open", ""} or row.get(access) == "None"
            for row in states
            if tuple(text_of(row.get(name)) for name in ("Calendar", "YearName", "PeriodName")) in names
        )

    # The ledger

    def _posted_journals(self, scope: LedgerScope) -> Iterator[LedgerEntry]:
        """All daily journals of the general ledger, ours and those of others."""
        where = f"SubledgerVoucherDataAreaId eq {quoted(scope.subsidiary)} and {_within('AccountingDate', scope)}"
        fields = "SourceKey,JournalNumber,DocumentNumber,AccountingDate,JournalCategory"
        # Some enums give nothing when they are filtered by, and no error: what is wanted is picked here.
        heads = [
            row
            for row in self._read("GeneralJournalEntryBiEntities", where=where, select=fields)
            if row.get("JournalCategory") == JOURNAL_CATEGORY
        ]
        for some in odata.in_chunks(heads, KEYS_A_QUERY):
            lines: dict[str, list[odata.Row]] = {_needed(row, "SourceKey"): [] for row in some}
            for row in self._read(
                "GeneralJournalAccountEntryBiEntities",
                where=odata.any_of("GeneralJournalEntry", lines),
                select="GeneralJournalEntry,LedgerAccount,TransactionCurrencyCode,TransactionCurrencyAmount,AccountingCurrencyAmount",
            ):
                lines.setdefault(_needed(row, "GeneralJournalEntry"), []).append(row)
            for row in some:
                there = lines[_needed(row, "SourceKey")]
                yield _entry(
                    text_of(row.get("DocumentNumber")),
                    _needed(row, "JournalNumber"),
                    day_of(row.get("AccountingDate")),
                    text_of(there[0].get("TransactionCurrencyCode")) if there else "",
                    [
                        LedgerLine(
                            self._main_account(each.get("LedgerAccount")),
                            amount_of(each.get("TransactionCurrencyAmount")),
                            amount_of(each.get("AccountingCurrencyAmount")),
                        )
                        for each in there
                    ],
                )

    def _open_journals(self, scope: LedgerScope) -> Iterator[LedgerEntry]:
        """Of our journal name, what nobody has posted yet."""
        where = (
            f"dataAreaId eq {quoted(scope.subsidiary)} and JournalName eq {quoted(self._options.journal_name)} and "
            f"IsPosted eq {ENUMS}NoYes'No'"
        )
        for record in self._recorded(JOURNALS, where):
            if record.lines and (on := day_of(record.lines[0].get("TransDate"))) and scope.since <= on <= scope.until:
                yield _entry(
                    record.key,
                    record.number,
                    on,
                    text_of(record.lines[0].get("CurrencyCode")),
                    [
                        self._line(each, "AccountDisplayValue", _amount(each), each.get("ExchRate"))
                        for each in record.lines
                    ],
                    is_posted=False,
                )

    def _invoices(self, scope: LedgerScope) -> Iterator[LedgerEntry]:
        """Free text invoices: what the customer owes, on his account, against their lines and tax."""
        where = f"dataAreaId eq {quoted(scope.subsidiary)} and {_within('InvoiceDate', scope)}"
        for record in self._recorded(INVOICES, where):
            rate = record.head.get("ExchangeRate")
            tax = sum(amount_of(each.get("SalesTaxAmount")) for each in record.lines)
            lines = [self._line(each, "MainAccountDisplayValue", -_amount(each), rate) for each in record.lines]
            owed = tax - sum(line.amount for line in lines)
            customer = text_of(record.head.get("InvoiceAccount"))
            lines += [LedgerLine("", -tax, _in_ledger(-tax, rate))] if tax else []
            yield _entry(
                record.key,
                text_of(record.head.get("FreeTextNumber")) or record.number,
                day_of(record.head.get("InvoiceDate")),
                text_of(record.head.get("CurrencyCode")),
                [LedgerLine(customer, owed, _in_ledger(owed, rate)), *lines],
                is_posted=record.is_posted,
            )

    def _read(self, entity: str, **options: str) -> list[odata.Row]:
        """Raises ErpUnreadable."""
        return read_whole(self.ERP, self._rows(entity, again=True, **options))

    def _recorded(self, entities: _Entities, where: str) -> list[DynamicsDocument]:
        """Raises ErpUnreadable."""
        return read_whole(self.ERP, self._records(entities, where, again=True))

    def _line(self, row: odata.Row, account: str, amount: Amount, rate: object) -> LedgerLine:
        """Raises ValueError."""
        return LedgerLine(self._main_account(row.get(account)), amount, _in_ledger(amount, rate))

    def _main_account(self, display: object) -> str:
        """Account structures of Dynamics begin with the main account."""
        return text_of(display).split(self._options.delimiter, 1)[0]


def _entities(document: Document) -> _Entities:
    return JOURNALS if isinstance(document, JournalDocument) else INVOICES


def _noon(on: date) -> str:
    """Dynamics has days as instants, and noon is the same day in every time zone that it may be shown in."""
    return f"{on.isoformat()}T12:00:00Z"


def _within(name: str, scope: LedgerScope) -> str:
    return f"{name} ge {scope.since.isoformat()}T00:00:00Z and {name} le {scope.until.isoformat()}T23:59:59Z"


def _amount(line: odata.Row) -> Amount:
    """Debit positive; an invoice's as it is. Raises ValueError."""
    if "TransactionCurrencyAmount" in line:
        return amount_of(line["TransactionCurrencyAmount"])
    return amount_of(line.get("DebitAmount")) - amount_of(line.get("CreditAmount"))


def _at(row: odata.Row, number: str) -> tuple[str, str]:
    """Company and number of a header, from it or from one of its lines."""
    return text_of(row.get("dataAreaId")), text_of(row.get(number))


def _posted_on(record: DynamicsDocument) -> date:
    """Raises ValueError."""
    found = day_of(record.head.get("InvoiceDate") if "InvoiceDate" in record.head else record.lines[0].get("TransDate"))
    if found is None:
        raise ValueError("expected a date")
    return found


def _billed(taken: Taken, record: DynamicsDocument) -> Taken:
    """With the number, tax and exchange rate that Dynamics gives an invoice when it is posted. Raises ValueError."""
    if not record.is_posted:
        return taken
    rate = _rate(record.head.get("ExchangeRate"))
    return taken._replace(
        reference=text_of(record.head.get("FreeTextNumber")) or record.number,
        tax_amount=sum(amount_of(line.get("SalesTaxAmount")) for line in record.lines),
        exchange_rate=int(rate.scaleb(EXCHANGE_RATE_SCALE)) if rate else None,
    )


def _in_ledger(amount: Amount, rate: object) -> Amount:
    """By the rate: the entities have no amounts of the ledger. Raises ValueError."""
    return int((amount * (_rate(rate) or Decimal(1))).to_integral_value())


def _rate(stated: object) -> Decimal:
    """Dynamics' rates are of 100 units; 0 where it has none. Raises ValueError."""
    if stated is None:
        return Decimal(0)
    if not isinstance(stated, int | Decimal) or isinstance(stated, bool) or not 0 <= stated < 10**9:
        raise ValueError("expected an exchange rate")
    return Decimal(stated) / 100


def _entry(
    key: str, reference: str, on: date | None, currency: str, lines: Sequence[LedgerLine], *, is_posted: bool = True
) -> LedgerEntry:
    """The period stays empty: Dynamics knows it by the date alone. Raises ErpUnreadable."""
    if on is None:
        raise ErpUnreadable(f"Dynamics' {reference} could not be read: expected a date; try again")
    return LedgerEntry(key if is_key(key) else "", reference, on, "", currency, is_posted, tuple(lines))


def _needed(row: odata.Row, name: str) -> str:
    """Raises ErpUnreadable."""
    if found := text_of(row.get(name)):
        return found
    raise ErpUnreadable(f"Dynamics' ledger could not be read: rows without {name}; try again")
