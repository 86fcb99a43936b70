"""Kontor: a journal by our key and one call; the same key again gives the journal that is there."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from pydantic import Field

from connectors.erp.adapter import NO_TRACE, ErpFinding, ErpUnreadable, Limits, TraceContext, readable
from connectors.erp.answers import (
    Answer,
    NotJson,
    amount_of,
    decimal_of,
    listed,
    member,
    refused,
    scaled,
    text_of,
    words,
)
from connectors.erp.connection import Connection
from connectors.erp.session import Session, opened
from connectors.section import Section
from domain.delivery.documents import Document, JournalDocument
from domain.delivery.ledgers import LedgerEntry, LedgerLine, LedgerScope
from domain.delivery.outcomes import NotSent, Outcome, RejectedData, RejectedPeriod, Taken, Throttled, Uncertain
from domain.units import EXCHANGE_RATE_SCALE

LIMITS: Final = Limits(lines=500, concurrent=4, per_minute=600)
KEYS_A_CALL: Final = 50


class KontorOptions(Section):
    """`[erp.NAME.options]`."""

    book: str = Field("main", description="The book that journals go into.")


def open_erp(name: str, connection: Connection) -> "Kontor":
    options, limits = connection.checked_options(name, KontorOptions), connection.limits(LIMITS)
    session = opened(name, connection, limits, token_url=f"{connection.url}/token")
    return Kontor(session, f"{connection.url}/books/{options.book}", limits)


class Kontor:
    def __init__(self, session: Session, url: str, limits: Limits) -> None:
        self._session = session
        self._url = url
        self._limits = limits

    @property
    def limits(self) -> Limits:
        return self._limits

    def send(self, documents: Sequence[Document], trace: TraceContext = NO_TRACE) -> Sequence[Outcome]:
        return [self._send(document, trace) for document in documents]

    def poll(self, ticket: str, documents: Sequence[Document]) -> Sequence[Outcome] | None:
        raise AssertionError(
            f"Kontor answers at once; nothing was submitted as {ticket} for {len(documents)} documents"
        )

    def look_up(self, documents: Sequence[Document]) -> Mapping[str, Taken] | Outcome:
        found: dict[str, Taken] = {}
        for start in range(0, len(documents), KEYS_A_CALL):
            asked = {document.key: document for document in documents[start : start + KEYS_A_CALL]}
            said = self._asked(keys=",".join(asked))
            if not isinstance(said, Mapping):
                return said
            for journal in listed(said.get("journals")):
                if (document := asked.get(text_of(member(journal, "key")))) is None:
                    continue
                outcome = _compared(document, journal)
                if isinstance(outcome, Uncertain):
                    return outcome
                # One that differs is sent again, which changes nothing there, and is then rejected by name.
                if isinstance(outcome, Taken):
                    found[document.key] = outcome._replace(is_duplicate=True)
        return found

    def ledger(self, scope: LedgerScope) -> Iterator[LedgerEntry]:
        pages = {""}
        page = ""
        while True:
            said = self._asked(company=scope.subsidiary, since=str(scope.since), until=str(scope.until), page=page)
            if not isinstance(said, Mapping):
                raise ErpUnreadable("Kontor's ledger could not be read to the end; nothing is compared, try again")
            yield from map(_entry, listed(said.get("journals")))
            if not (page := text_of(said.get("next"))):
                return
            if page in pages:
                raise ErpUnreadable(f"Kontor's ledger has page {words(page)} twice; nothing is compared, try again")
            pages.add(page)

    def check(self, subsidiaries: Sequence[str], on: date) -> Iterator[ErpFinding]:
        """Kontor says of no period whether it is open."""
        said = _said(self._session.call("GET", self._url))
        if isinstance(said, Mapping):
            name = words(said.get("name"))
            yield ErpFinding("Kontor", bool(name), name or "no book", "" if name else "correct options.book")
        else:
            yield readable("Kontor", said, self._url, "let our user read the book")

    def close(self) -> None:
        self._session.close()

    def _send(self, document: Document, trace: TraceContext) -> Outcome:
        if not isinstance(document, JournalDocument):
            return RejectedData("UNSENDABLE", "Kontor takes no invoices; set invoices = false for the entity")
        answer = self._session.call("PUT", f"{self._url}/journals/{document.key}", json=_body(document), trace=trace)
        said = _said(answer)
        if not isinstance(said, Mapping):
            return said
        if isinstance(answer, Answer) and answer.status in {200, 201}:
            outcome = _compared(document, said)
            return outcome._replace(is_duplicate=answer.status == 200) if isinstance(outcome, Taken) else outcome
        match text_of(said.get("code")):
            case "":
                return Uncertain("Kontor refused it without a code")
            case "PERIOD_CLOSED" as code:
                return RejectedPeriod(code, words(said.get("message")))
            case code:
                return RejectedData(code, words(said.get("message")), words(said.get("field")))

    def _asked(self, **about: str) -> Mapping[str, object] | NotSent | Throttled | Uncertain:
        said = _said(self._session.call("GET", f"{self._url}/journals?{urlencode(about)}"))
        if isinstance(said, Mapping) and not isinstance(said.get("journals"), list):
            return Uncertain("Kontor's answer has no journals")
        return said


def _said(answer: Answer | NotSent | Throttled | Uncertain) -> Mapping[str, object] | NotSent | Throttled | Uncertain:
    if not isinstance(answer, Answer):
        return answer
    try:
        return refused(answer) or answer.fields()
    except NotJson as wrong:
        return Uncertain(f"Kontor answered {answer.status}: {wrong}")


def _body(document: JournalDocument) -> dict[str, Any]:
    lines = [
        {"account": line.account, "amount": decimal_of(line.amount), "text": line.text, "tags": dict(line.segments)}
        for line in document.lines
    ]
    return {
        "company": document.subsidiary,
        "date": document.accounting_date.isoformat(),
        "currency": document.currency_id,
        "rate": scaled(document.exchange_rate, EXCHANGE_RATE_SCALE),
        "text": document.text,
        "lines": lines,
    }


def _compared(document: Document, journal: object) -> Taken | RejectedData | Uncertain:
    """Kontor may have another journal by our key: made by hand, or in another company."""
    number, posted_on = text_of(member(journal, "number")), _day(member(journal, "date"))
    if not number or posted_on is None:
        return Uncertain("Kontor's answer has no journal in it")
    for name, ours in (("company", document.subsidiary), ("currency", document.currency_id)):
        if (found := text_of(member(journal, name))) != ours:
            return RejectedData(f"OTHER_{name.upper()}", f"Kontor's {number} has {words(found)}, sent was {ours}", name)
    return Taken(number, posted_on, is_posted=member(journal, "state") == "posted")


def _entry(journal: object) -> LedgerEntry:
    number, posted_on = text_of(member(journal, "number")), _day(member(journal, "date"))
    try:
        lines = tuple(
            LedgerLine(
                text_of(member(line, "account")), amount_of(member(line, "amount")), amount_of(member(line, "booked"))
            )
            for line in listed(member(journal, "lines"))
        )
    except ValueError:
        lines = ()
    if not number or posted_on is None or not lines:
        raise ErpUnreadable(f"Kontor's journal {words(number)}: expected number, date and amounts; nothing is compared")
    key = text_of(member(journal, "key"))
    return LedgerEntry(
        key=key if key.startswith("MP") else "",
        reference=number,
        posted_on=posted_on,
        period=f"{posted_on:%Y-%m}",
        currency=text_of(member(journal, "currency")),
        is_posted=member(journal, "state") == "posted",
        lines=lines,
        is_changed=member(journal, "edited") is True,
    )


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
