"""Oracle Fusion: journals by its import of files, invoices as project billing events, both asked for by our key.

An import is asynchronous: the file is taken with the number of a scheduled process, which is polled. It knows no duplicates and takes
all journals of a group or none, so:

  - the keys are asked for before every submission, and what is there is not sent;
  - every submission has a group number of its own, so that rows which a failed import left are never imported with later ones;
    Fusion is asked to purge them too;
  - of a group that failed, the journals whose rows have codes are rejected; the others are looked up and go again. Where the import says
    of no row what is wrong, each of them goes alone;
  - what is not there is said to be missing only when no import that might hold it is under way.

A journal is a batch of its own, whose name begins with our key. Imported is not posted: AutoPost does that, or people.

An invoice is a billing event for each line of the statement, all of them in one transaction; its source reference is our key with the
line's number. Fusion invoices events when people or its schedule say so: until then the invoice is accepted, not posted.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Final, NamedTuple
from urllib.parse import quote, urlsplit

from pydantic import Field

from connectors.erp import oracle_billing_events as billing_events
from connectors.erp import oracle_journal_file as journal_file
from connectors.erp import oracle_processes as processes
from connectors.erp.adapter import (
    NO_TRACE,
    ErpFinding,
    ErpUnreadable,
    Limits,
    TraceContext,
    period_found,
    read_whole,
    readable,
)
from connectors.erp.answers import (
    OTHER_AMOUNT,
    OTHER_CURRENCY,
    OTHER_SUBSIDIARY,
    UNSENDABLE,
    Answer,
    ErpRefusal,
    NotJson,
    amount_of,
    before_sending,
    day_of,
    differs,
    in_doubt,
    is_of,
    json_body,
    quoted,
    text_of,
    words,
)
from connectors.erp.connection import Connection
from connectors.erp.oracle_journal_file import Import
from connectors.erp.oracle_ledger import GENERAL_LEDGER, PAGE_ROWS, entries, key_of_batch
from connectors.erp.oracle_processes import ErpProcess, Process
from connectors.erp.oracle_rest import HEADERS, RESOURCES, Fields, as_set_up, children, fault, items
from connectors.erp.session import Session, is_one_call, opened
from connectors.section import Section
from domain.delivery.documents import Document, DocumentLine, InvoiceDocument, JournalDocument
from domain.delivery.ledgers import LedgerEntry, LedgerScope
from domain.delivery.outcomes import Outcome, RejectedData, RejectedPeriod, Submitted, Taken, Trouble, Uncertain
from domain.ledger.journal import debits

# Its journals do not say which invoice they are of.
LIMITS: Final = Limits(lines=5_000, documents=50, concurrent=2, per_minute=0, call_seconds=300.0, reads_invoices=False)

IMPORT_JOB: Final = "/oracle/apps/ess/financials/generalLedger/programs/common,JournalImportLauncher"
POSTING_PACKAGE: Final = "/oracle/apps/ess/financials/generalLedger/programs/common/"
POSTING_JOB: Final = "AutomaticPosting"
# So many make a query of less than 4,000 characters; Oracle's HTTP server takes 8,190 in a request line unless it is set otherwise.
KEYS_A_QUERY: Final = 60

IMPORT_FAILED: Final = "IMPORT_FAILED"
PERIOD_CLOSED: Final = "PERIOD_CLOSED"

CLOSED_STATUSES: Final = frozenset({"C", "P", "N"})

_ID: Final = re.compile(r"[0-9]{1,18}")


class LedgerOptions(Section):
    """`[erp.NAME.options.ledgers.ID]`; ID is the ledger's, and the `subsidiary` of entities."""

    name: str = Field(description="The ledger's name.")
    data_access_set: Annotated[str, Field(pattern=r"^[0-9]+$")] = Field(description="Id of the data access set.")
    segments: dict[str, str] = Field({}, description="Values of segments that are the same on every line.")
    business_unit: str | None = Field(
        None, description="Name of the business unit that bills, where Fusion issues invoices."
    )


class OracleFusionOptions(Section):
    """`[erp.NAME.options]`."""

    ledgers: dict[Annotated[str, Field(pattern=r"^[0-9]{1,18}$")], LedgerOptions] = Field({})
    segments: Annotated[tuple[str, ...], Field(min_length=1, max_length=journal_file.MOST_SEGMENTS)] = Field(
        ("account",), description="Segments of the chart of accounts in their order; `account` is the natural account."
    )
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = Field(
        "-", description="Between the segments of an account combination."
    )
    source: Annotated[str, Field(pattern=r"^[^,\"']{1,25}$")] = Field(
        "Milepost", description="Name of the journal source."
    )
    category: Annotated[str, Field(min_length=1, max_length=25)] = Field(
        "Milepost", description="Name of the journal category."
    )
    contract_type: str | None = Field(None, description="Name of the contract type of billing events.")
    contract_line: str = Field(
        "1", description="Contract line of billing events whose line has no segment `contract_line`."
    )
    document_account: str = Field("fin/generalLedger/import", description="UCM account of the journal import.")
    job_options: str = Field("InterfaceDetails=15,ImportOption=Y,PurgeOption=Y,ExtractFileType=ALL")
    documents: Annotated[int, Field(ge=1, le=1_000)] = Field(LIMITS.documents, description="Journals of one import.")
    autopost: str | None = Field(None, description="Parameters of the process AutoPost, run after each import.")
    submitter: Annotated[str, Field(pattern=r'^[^"\\\\]+$')] | None = Field(
        None, description="Fusion's name of our user: imports of others then delay no look-up."
    )
    settle_seconds: Annotated[float, Field(ge=0, le=3_600)] = Field(
        120.0, description="How long an import whose answer was lost may take to appear among the scheduled processes."
    )


def open_erp(name: str, connection: Connection) -> OracleFusion:
    options = connection.checked_options(name, OracleFusionOptions)
    known = (*options.segments, *billing_events.SEGMENTS)
    limits = connection.limits(LIMITS._replace(documents=options.documents, segments=known))
    return OracleFusion(opened(name, connection, limits), connection, limits, options)


class OracleFusion:
    """One Fusion environment.

    Beside its token it remembers what makes it quicker or surer and may be lost: documents of imports under way, documents whose
    answer was lost a moment ago, documents that go alone.
    """

    def __init__(self, session: Session, connection: Connection, limits: Limits, options: OracleFusionOptions) -> None:
        self._session = session
        self._url = connection.url
        self._limits = limits
        self._options = options
        self._under_way: dict[str, frozenset[str]] = {}
        self._unsettled: dict[str, float] = {}
        self._alone: set[str] = set()

    @property
    def limits(self) -> Limits:
        return self._limits

    @is_one_call
    def send(self, documents: Sequence[Document], trace: TraceContext = NO_TRACE) -> Sequence[Outcome]:
        outcomes: dict[str, Outcome] = {}
        journals = [each for each in documents if isinstance(each, JournalDocument)]
        there = self._there(journals)
        if isinstance(there, dict):
            outcomes |= {key: each.differs or each.taken._replace(is_duplicate=True) for key, each in there.items()}
            for group in self._groups([each for each in journals if each.key not in there]):
                outcomes |= self._import(group, trace)
        else:
            outcomes |= dict.fromkeys((each.key for each in journals), before_sending(there))
        for invoice in documents:
            if isinstance(invoice, InvoiceDocument):
                outcomes[invoice.key] = self._bill(invoice, trace)
        return [outcomes[each.key] for each in documents]

    @is_one_call
    def poll(self, ticket: str, documents: Sequence[Document]) -> Sequence[Outcome] | None:
        """None also while Fusion cannot be asked: what it has taken stays taken."""
        number, _, group = ticket.partition(":")
        keys = frozenset(each.key for each in documents)
        self._under_way[number] = self._under_way.get(number, frozenset()) | keys
        state = self._state(number)
        there = None if state is None or (state and state not in processes.ENDED_STATES) else self._there(documents)
        if not isinstance(there, dict):
            return None
        why: dict[str, Outcome] = {}
        if there.keys() < keys:
            # What has ended since the batches were read may have brought more of them.
            jobs = self._ended(number, group)
            there = None if jobs is None else self._there(documents)
            if jobs is None or not isinstance(there, dict):
                return None
            missing = [each for each in documents if isinstance(each, JournalDocument) and each.key not in there]
            found = self._not_imported(number, jobs, missing) if state and missing else _unknown(number, missing)
            if found is None:
                return None
            why = found
        outcomes: dict[str, Outcome] = {key: each.differs or each.taken for key, each in there.items()} | why
        self._under_way.pop(number, None)
        self._alone.difference_update(key for key, each in outcomes.items() if not isinstance(each, Uncertain))
        self._post(each.taken for each in there.values())
        return [outcomes[each.key] for each in documents]

    @is_one_call
    def look_up(self, documents: Sequence[Document], accepted: Collection[str] = ()) -> Mapping[str, Taken] | Outcome:
        """What is there with something else in it than was sent is there all the same: reconciliation says what differs."""
        del accepted  # nothing is taken back here
        # Asked first: what these processes bring until the batches are read is found there, and what they bring later is in doubt.
        waiting = self._processes() if any(isinstance(each, JournalDocument) for each in documents) else []
        there = self._there(documents)
        if not isinstance(there, dict):
            return there
        if missing := [each.key for each in documents if isinstance(each, JournalDocument) and each.key not in there]:
            doubt = self._doubt(missing, waiting) if isinstance(waiting, list) else waiting
            if doubt is not None:
                return doubt
        return {key: each.taken._replace(is_duplicate=True) for key, each in there.items()}

    def ledger(self, scope: LedgerScope) -> Iterator[LedgerEntry]:
        try:
            name = self._ledger_of(scope.subsidiary).name
        except ValueError as wrong:
            raise ErpUnreadable(str(wrong)) from None
        return entries(self._read, scope, name, self._account)

    def check(self, subsidiaries: Sequence[str], on: date) -> Iterator[ErpFinding]:
        host = urlsplit(self._url).hostname or ""
        subject = f"Oracle Fusion at {host}"
        if not self._options.ledgers:
            yield ErpFinding(
                f"{subject}, ledgers", False, "none", "write [erp.NAME.options.ledgers.ID] for each ledger"
            )
        for number, ledger in self._options.ledgers.items():
            yield self._checked_ledger(f"{subject}, ledger {number}", number, ledger)
        asked = [
            ("journalBatches", f"{RESOURCES}/journalBatches?limit=1", "let our user manage journals"),
            ("scheduled processes", f"{processes.REQUESTS}?limit=1", "let our user see scheduled processes over REST"),
        ]
        if any(each.business_unit for each in self._options.ledgers.values()):
            events = "projectBillingEvents"
            asked.append((events, f"{RESOURCES}/{events}?limit=1", "let our user manage project billing events"))
        for what, url, remedy in asked:
            answer = self._session.call("GET", f"{self._url}{url}", headers=HEADERS)
            yield readable(f"{subject}, {what}", items(answer, what), self._url, remedy)
        for number in subsidiaries:
            yield period_found(subject, number, on, self._is_closed(number, on), self._url)

    def close(self) -> None:
        self._session.close()

    # Sending

    def _groups(self, journals: Sequence[JournalDocument]) -> Iterator[list[JournalDocument]]:
        """What is imported together: journals of a ledger, and alone each whose group failed without a reason."""
        together: dict[str, list[JournalDocument]] = {}
        for each in journals:
            if each.key in self._alone:
                yield [each]
            else:
                together.setdefault(each.subsidiary, []).append(each)
        yield from together.values()

    def _import(self, journals: Sequence[JournalDocument], trace: TraceContext) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        # Milliseconds and five digits by chance: no other submission has this number, here or elsewhere.
        group = f"{time.time_ns() // 1_000_000}{secrets.randbelow(100_000):05}"
        rows: list[list[str]] = []
        sent: list[str] = []
        subsidiary = journals[0].subsidiary
        for each in journals:
            try:
                rows += self._rows(each, group)
                sent.append(each.key)
            except ValueError as wrong:
                outcomes[each.key] = RejectedData(UNSENDABLE, str(wrong), "account")
        if not sent:
            return outcomes
        ledger = self._ledger_of(subsidiary)
        body = {
            "OperationName": "importBulkData",
            "DocumentContent": base64.b64encode(journal_file.zipped(rows)).decode(),
            "ContentType": "zip",
            "FileName": f"{self._options.source}_{group}.zip",
            "DocumentAccount": self._options.document_account,
            "JobName": IMPORT_JOB,
            "ParameterList": f"{ledger.data_access_set},{self._options.source},{subsidiary},{group},N,N,N",
            "JobOptions": self._options.job_options,
        }
        outcome = _submitted(self._session.call("POST", self._resource("erpintegrations"), json=body, trace=trace))
        if isinstance(outcome, Submitted):
            self._under_way[outcome.ticket] = frozenset(sent)
            outcome = Submitted(f"{outcome.ticket}:{group}")
        elif isinstance(outcome, Uncertain):
            until = time.monotonic() + self._options.settle_seconds
            self._unsettled |= dict.fromkeys(sent, until)
        return outcomes | dict.fromkeys(sent, outcome)

    def _rows(self, document: JournalDocument, group: str) -> list[list[str]]:
        """Raises ValueError."""
        ledger = self._ledger_of(document.subsidiary)
        whole = Import(group, document.subsidiary, ledger.name, self._options.source, self._options.category)
        segments = [self._segments(each, ledger) for each in document.lines]
        # Where the chart has no name of Fusion's for it, Fusion finds the period by the date.
        period = document.period_id if document.period_id != document.period else ""
        return list(journal_file.rows(document, segments, whole, period))

    def _segments(self, line: DocumentLine, ledger: LedgerOptions) -> list[str]:
        stated = {name: value for name, value in line.segments if name not in billing_events.SEGMENTS}
        values = {**ledger.segments, **stated, "account": line.account}
        if unknown := sorted(values.keys() - set(self._options.segments)):
            raise ValueError(
                f"segment {unknown[0]}: expected one of options.segments, {', '.join(self._options.segments)}"
            )
        for name in self._options.segments:
            value = values.get(name, "")
            if not value or len(value) > journal_file.LONGEST_SEGMENT or not value.isprintable():
                raise ValueError(
                    f"segment {name} of account {line.account}: expected 1 to {journal_file.LONGEST_SEGMENT} characters, found "
                    f"{len(value)}; map it in accounts.toml or set it under options.ledgers.ID.segments"
                )
        return [values[name] for name in self._options.segments]

    def _ledger_of(self, subsidiary: str) -> LedgerOptions:
        """Raises ValueError."""
        try:
            return self._options.ledgers[subsidiary]
        except KeyError:
            known = ", ".join(self._options.ledgers) or "none"
            raise ValueError(
                f"subsidiary {subsidiary}: expected the id of a ledger under options.ledgers, found {known}"
            ) from None

    def _bill(self, document: InvoiceDocument, trace: TraceContext) -> Outcome:
        """Lines that are there already stay; the others come together or not at all."""
        ledger = self._options.ledgers.get(document.subsidiary)
        if ledger is None or ledger.business_unit is None:
            return RejectedData(
                UNSENDABLE,
                f"ledger {document.subsidiary}: options.ledgers has no business_unit that bills",
                "subsidiary",
            )
        if not any(each.amount for each in document.lines):
            return RejectedData(
                UNSENDABLE, "no line has an amount: Fusion takes no billing event without one", "amount"
            )
        there = self._events([document])
        if not isinstance(there, dict):
            return before_sending(there)
        events = there.get(document.key, [])
        if (found := self._billed(document, events)) is not None:
            return found.differs or found.taken._replace(is_duplicate=True)
        shared = {"SourceName": self._options.source, "BusinessUnitName": ledger.business_unit}
        shared["ContractLineNumber"] = self._options.contract_line
        if self._options.contract_type is not None:
            shared["ContractTypeName"] = self._options.contract_type
        known = {text_of(each.get("SourceReference")) for each in events}
        parts = billing_events.parts(document, shared, known)
        answer = self._session.call(
            "POST",
            f"{self._url}{RESOURCES}",
            body=json_body({"parts": parts}),
            headers={"content-type": "application/vnd.oracle.adf.batch+json", **HEADERS},
            trace=trace,
        )
        match fault(answer, "billing events") if isinstance(answer, Answer) else answer:
            case None:
                return self._read_back(document)
            case ErpRefusal(code, message, path):
                return RejectedData(code, message, path)
            case trouble:
                return in_doubt(f"Fusion has {len(events)} of its billing events", trouble) if events else trouble

    def _read_back(self, document: InvoiceDocument) -> Outcome:
        """Events have no answer that says all of it."""
        there = self._events([document])
        if not isinstance(there, dict):
            return in_doubt("Fusion took the billing events, and could not be asked for them", there)
        found = self._billed(document, there.get(document.key, []))
        if found is None:
            return Uncertain(
                "Fusion took the billing events and has not all of them; our user may not see the business unit"
            )
        return found.differs or found.taken

    def _post(self, taken: Iterable[Taken]) -> None:
        """Asks for AutoPost; where that does not arrive, the next import asks again."""
        if self._options.autopost is not None and not all(each.is_posted for each in taken):
            body = {
                "OperationName": "submitESSJobRequest",
                "JobPackageName": POSTING_PACKAGE,
                "JobDefName": POSTING_JOB,
                "ESSParameters": self._options.autopost,
            }
            self._session.call("POST", self._resource("erpintegrations"), json=body)

    # What became of an import

    def _state(self, number: str) -> str | None:
        """Of a scheduled process; empty where Fusion does not know it, None where it cannot be asked."""
        found = self._get(f"erpintegrations?finder=ESSJobStatusRF;requestId={quote(number)}&onlyData=true")
        if not isinstance(found, list):
            return None
        return text_of(found[0].get("RequestStatus")).upper() if found else ""

    def _ended(self, number: str, group: str) -> list[ErpProcess] | None:
        """A process and those below it, none where Fusion does not know it; None while one goes on, or where they cannot be read."""
        found = self._get(f"erpintegrations?finder=ESSExecutionDetailsRF;requestId={quote(number)}&onlyData=true")
        jobs = processes.jobs(found) if isinstance(found, list) else None
        waiting = self._processes()
        if jobs is None or not isinstance(waiting, list) or not all(each.has_ended for each in jobs):
            return None
        is_waiting = any(number in (each.number, each.root) or group in each.values for each in waiting)
        return None if is_waiting else jobs

    def _not_imported(
        self, number: str, jobs: Sequence[ErpProcess], missing: Sequence[JournalDocument]
    ) -> dict[str, Outcome] | None:
        """Why these are not there although all has ended; None where the outputs cannot be read."""
        imports = [each.number for each in jobs if each.is_import]
        if not imports:
            doubt = f"process {number} has ended without an import of journals; see it in Scheduled Processes"
            has_failed = bool(jobs) and jobs[0].state != "SUCCEEDED"
            said = f"{doubt}, and check document_account and job_options" if has_failed else doubt
            return dict.fromkeys((each.key for each in missing), Uncertain(said))
        outputs = [self._output(each) for each in dict.fromkeys((number, *imports))]
        if None in outputs:
            return None
        return self._blamed(missing, [each for each in outputs if each is not None])

    def _blamed(self, missing: Sequence[JournalDocument], outputs: Sequence[bytes]) -> dict[str, Outcome] | None:
        errors: dict[str, RejectedData | RejectedPeriod] = {}
        for each in outputs:
            errors |= journal_file.row_errors(each)
        blamed: dict[str, Outcome] = {each.key: errors[each.key] for each in missing if each.key in errors}
        again = Uncertain("an import takes all journals of a group or none, and another one of its group was wrong")
        others: dict[str, Outcome] = dict.fromkeys((each.key for each in missing if each.key not in blamed), again)
        if blamed:
            return blamed | others
        if len(missing) > 1:
            self._alone.update(others)
            return others
        found = next((code for each in outputs for code in journal_file.codes(each)), None)
        return self._alone_rejected(missing[0], found)

    def _alone_rejected(self, document: JournalDocument, found: str | None) -> dict[str, Outcome] | None:
        """What is wrong with a journal that no row says anything of: its period, where that is closed, else its data."""
        closed = self._is_closed(document.subsidiary, document.accounting_date)
        if not isinstance(closed, bool):
            return None
        if closed:
            return {
                document.key: RejectedPeriod(
                    found or PERIOD_CLOSED, f"the period of {document.accounting_date} is closed"
                )
            }
        return {document.key: journal_file.rejected(found or IMPORT_FAILED)}

    def _output(self, number: str) -> bytes | None:
        """A ZIP; empty where there is none, None where it cannot be asked for."""
        found = self._get(
            f"erpintegrations?finder=ESSJobExecutionDetailsRF;requestId={quote(number)},fileType=ALL&onlyData=true"
        )
        if not isinstance(found, list):
            return None
        content = found[0].get("DocumentContent") if found else ""
        try:
            return base64.b64decode(content) if isinstance(content, str) else b""
        except (binascii.Error, ValueError):
            return b""

    def _is_closed(self, ledger: str, on: date) -> bool | Trouble:
        """Whether the ledger's period of a day takes nothing."""
        query = (
            f"LedgerId={ledger} and ApplicationId={GENERAL_LEDGER} and AdjustmentPeriodFlag=false "
            f"and StartDate<='{on}' and EndDate>='{on}'"
        )
        found = self._get(f"accountingPeriodStatusLOV?q={quote(query)}&onlyData=true")
        if not isinstance(found, list):
            return found
        return any(is_of(each.get("ClosingStatus"), CLOSED_STATUSES) for each in found)

    def _doubt(self, missing: Sequence[str], waiting: Sequence[Process]) -> Uncertain | None:
        """Why documents that are not there may still come."""
        now = time.monotonic()
        if any(self._unsettled.get(key, now) > now for key in missing):
            return Uncertain("an import whose answer was lost may not have appeared yet; it is asked for again later")
        for each in waiting:
            known = self._under_way.get(each.number) or self._under_way.get(each.root)
            if known is None or known.intersection(missing):
                return Uncertain(
                    f"scheduled process {each.number} ({each.state}) may bring it; it is asked for again when that has ended"
                )
        for key in missing:
            self._unsettled.pop(key, None)
        return None

    def _processes(self) -> list[Process] | Trouble:
        """Loads and imports of journals that are not over."""
        url = f"{self._url}{processes.open_ones(self._options.submitter)}"
        found = items(self._session.call("GET", url), "scheduled processes")
        if not isinstance(found, list):
            return found
        if len(found) >= processes.MOST_PROCESSES:
            return Uncertain(f"{len(found)} or more scheduled processes are under way; set options.submitter")
        return processes.importing(found)

    # Asking by key

    def _there(self, documents: Sequence[Document]) -> dict[str, FusionDocument] | Trouble:
        """What Fusion has whole by our keys, compared with what was sent."""
        there: dict[str, FusionDocument] = {}
        batches = self._batches([each.key for each in documents if isinstance(each, JournalDocument)])
        events = self._events([each for each in documents if isinstance(each, InvoiceDocument)])
        if not isinstance(batches, dict):
            return batches
        if not isinstance(events, dict):
            return events
        for each in documents:
            if isinstance(each, JournalDocument):
                found = self._compared(each, batches[each.key]) if each.key in batches else None
            else:
                found = self._billed(each, events.get(each.key, []))
            if isinstance(found, Uncertain):
                return found
            if found is not None:
                there[each.key] = found
        return there

    def _batches(self, keys: Sequence[str]) -> dict[str, Fields] | Trouble:
        """By our key; of two with the same key the posted one, which `ledger` shows as two."""
        there: dict[str, Fields] = {}
        for start in range(0, len(keys), KEYS_A_QUERY):
            query = " or ".join(f"BatchName LIKE '{key}%'" for key in keys[start : start + KEYS_A_QUERY])
            found = self._all(
                f"journalBatches?q={quote(query)}&expand=journalHeaders&orderBy=JeBatchId:asc&onlyData=true"
            )
            if not isinstance(found, list):
                return found
            for batch in sorted(found, key=lambda each: each.get("Status") != "P"):
                if (key := key_of_batch(batch)) in keys:
                    there.setdefault(key, batch)
        return there

    def _events(self, documents: Sequence[InvoiceDocument]) -> dict[str, list[Fields]] | Trouble:
        """By our key, its events in the order that they came in."""
        there: dict[str, list[Fields]] = {}
        for start in range(0, len(documents), KEYS_A_QUERY):
            keys = [each.key for each in documents[start : start + KEYS_A_QUERY]]
            references = " or ".join(f"SourceReference LIKE '{key}-%'" for key in keys)
            query = f"SourceName={quoted(self._options.source)} and ({references})"
            found = self._all(f"projectBillingEvents?q={quote(query)}&orderBy=EventId:asc&onlyData=true")
            if not isinstance(found, list):
                return found
            for event in found:
                there.setdefault(text_of(event.get("SourceReference")).partition("-")[0], []).append(event)
        return there

    def _billed(self, document: InvoiceDocument, events: Sequence[Fields]) -> FusionDocument | None:
        """None while lines are missing and what is there is right."""
        taken, differs = billing_events.taken(document, events), billing_events.difference(document, events)
        if taken is None or (differs is None and not billing_events.is_whole(document, events)):
            return None
        return FusionDocument(taken, differs)

    def _compared(self, document: JournalDocument, batch: Fields) -> FusionDocument | Uncertain:
        number = text_of(batch.get("JeBatchId"))
        headers = children(batch.get("journalHeaders"))
        posted_on = day_of(headers[0].get("DefaultEffectiveDate")) if headers else None
        if not _ID.fullmatch(number) or posted_on is None:
            return Uncertain("Fusion's answer to a look-up has a batch without an id, a journal or a date")
        period = text_of(headers[0].get("PeriodName"))
        is_meant = period == document.period_id or (
            document.period_id == document.period and posted_on == document.accounting_date
        )
        taken = Taken(
            number, posted_on, batch.get("Status") == "P", period=document.period if is_meant or not period else period
        )
        return FusionDocument(taken, self._difference(document, batch, headers))

    def _difference(self, document: JournalDocument, batch: Fields, headers: Sequence[Fields]) -> RejectedData | None:
        has = f"Fusion's batch {text_of(batch.get('JeBatchId'))} has our key and"
        ledger = self._options.ledgers.get(document.subsidiary)
        if ledger is not None and any(each.get("LedgerName") != ledger.name for each in headers):
            return differs(OTHER_SUBSIDIARY, f"{has} another ledger than {ledger.name}", "subsidiary")
        if any(each.get("CurrencyCode") != document.currency_id for each in headers):
            return differs(OTHER_CURRENCY, f"{has} another currency than was sent", "currency")
        ours = debits(document.lines)
        try:
            theirs = amount_of(batch.get("RunningTotalDr"))
        except ValueError:
            theirs = ours
        if theirs != ours:
            return differs(OTHER_AMOUNT, f"{has} another total than was sent", "amount")
        return None

    def _account(self, combination: str) -> str:
        """The natural account; the whole combination where it has other segments than the options say."""
        values = combination.split(self._options.delimiter)
        names = self._options.segments
        return values[names.index("account")] if len(values) == len(names) and "account" in names else combination

    # Checking

    def _checked_ledger(self, subject: str, number: str, ledger: LedgerOptions) -> ErpFinding:
        found = self._get(f"ledgersLOV?q=LedgerId={number}&onlyData=true")
        if not isinstance(found, list):
            return readable(subject, found, self._url, "let our user read ledgersLOV")
        names = ", ".join(words(each.get("Name")) for each in found)
        is_right = names == ledger.name
        return ErpFinding(
            subject, is_right, names or "none", "" if is_right else f"expected {ledger.name}: correct options.ledgers"
        )

    # HTTP

    def _resource(self, path: str) -> str:
        return f"{self._url}{RESOURCES}/{path}"

    def _all(self, path: str) -> list[Fields] | Trouble:
        """Every page; `path` has a query."""
        found: list[Fields] = []
        while True:
            page = self._get(f"{path}&limit={PAGE_ROWS}&offset={len(found)}")
            if not isinstance(page, list):
                return page
            found += page
            if len(page) < PAGE_ROWS:
                return found

    def _get(self, path: str) -> list[Fields] | Trouble:
        return items(self._session.call("GET", self._resource(path), headers=HEADERS), path.partition("?")[0])

    def _read(self, path: str) -> list[Fields]:
        """Asked again for a while where that may help. Raises ErpUnreadable."""
        answer = self._session.read("GET", self._resource(path), headers=HEADERS)
        return read_whole("Fusion", items(answer, path.partition("?")[0]))


class FusionDocument(NamedTuple):
    """A document that Fusion has; `differs`: what is otherwise from what was sent."""

    taken: Taken
    differs: RejectedData | None


def _submitted(answer: Answer | Trouble) -> Submitted | Trouble:
    if not isinstance(answer, Answer):
        return answer
    wrong = fault(answer, "an import")
    if wrong is not None:
        return as_set_up(wrong, "an import")
    try:
        number = text_of(answer.fields().get("ReqstId"))
    except NotJson as no_json:
        return Uncertain(f"Fusion's answer to an import: {no_json}")
    if not _ID.fullmatch(number) or int(number) == 0:
        return Uncertain("Fusion's answer to an import has no number of a scheduled process")
    return Submitted(number)


def _unknown(number: str, missing: Iterable[Document]) -> dict[str, Outcome]:
    return dict.fromkeys((each.key for each in missing), Uncertain(f"Fusion knows no scheduled process {number}"))
