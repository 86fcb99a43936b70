"""What every adapter must do, whatever the ERP answers.

An adapter plugs in with a `Plug` (tests/erp/plugs.py) and golden files in tests/erp/golden/NAME/CASE.json:

    says        the case in a sentence
    call        send, look_up, poll, ledger or check
    documents   names of `DOCUMENTS`; for poll also `ticket`
    settings    what the account says beside the plug's own settings, such as {"options": {...}}
    exchanges   request and answer, in order; bodies as JSON or text, `{url}` is the server's address
    comes       what the call gives: a list of outcomes or entries, or for look_up the found by key, or one outcome;
                of each the fields that are stated

`python -m tests.erp.renew NAME [CASE ...]` writes into them what the adapter sends and gives now, for a person to read and commit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple

from connectors.erp import adapters
from connectors.erp.adapter import Erp, ErpUnreadable
from connectors.erp.connection import Connection
from domain.delivery.documents import (
    Document,
    DocumentLine,
    InvoiceDocument,
    InvoiceLine,
    JournalDocument,
    Segment,
    key_of,
)
from domain.delivery.ledgers import LedgerScope
from domain.units import AMOUNT_ONE, EXCHANGE_RATE_ONE, QUANTITY_ONE, RATE_ONE
from tests.erp.secrets_at_hand import TOKEN
from tests.erp.server import Asked, Behaviour, Reply, Server, serving

GOLDEN: Final = Path(__file__).parent / "golden"
SCOPE: Final = LedgerScope("1", date(2026, 6, 1), date(2026, 6, 30))

# Every adapter has these cases, or says in `Plug.lacks` why it cannot have one.
CASES: Final = (
    "taken",
    "taken_foreign",
    "invoice_taken",
    "invoice_numbered",
    "duplicate",
    "missing",
    "rejected_data",
    "rejected_period",
    "throttled",
    "other_currency",
    "other_subsidiary",
    "ledger",
    "check",
)


def _journal(**changes: Any) -> JournalDocument:
    """1,000.00 on 30 June: Dr 1150, Cr 4000 of department 12."""
    amount = 1_000 * AMOUNT_ONE
    whole = JournalDocument(
        key=key_of("journal", ["J-1", "J-2"]),
        legal_entity_id="US",
        subsidiary="1",
        currency="USD",
        currency_id="USD",
        ledger_currency="USD",
        exchange_rate=EXCHANGE_RATE_ONE,
        accounting_date=date(2026, 6, 30),
        period="2026-06",
        period_id="145",
        text="Milepost 2026-06-30",
        lines=(
            DocumentLine("58", amount, amount, "1150", text="P-1"),
            DocumentLine("4010", -amount, -amount, "4000", (Segment("department", "12"),), "P-1"),
        ),
        members=("J-1", "J-2"),
        correlation_id="engagement/7",
    )
    return whole._replace(**changes)


def _in_euro() -> JournalDocument:
    """1,000.00 EUR at 1.10 = 1,100.00 USD."""
    amount, ledger = 1_000 * AMOUNT_ONE, 1_100 * AMOUNT_ONE
    lines = (
        DocumentLine("58", amount, ledger, "1150", text="P-1"),
        DocumentLine("4010", -amount, -ledger, "4000", (Segment("department", "12"),), "P-1"),
    )
    rate = EXCHANGE_RATE_ONE * 11 // 10
    return _journal(
        key=key_of("journal", ["J-3"]),
        currency="EUR",
        currency_id="EUR",
        exchange_rate=rate,
        lines=lines,
        members=("J-3",),
    )


def _with_rounding() -> JournalDocument:
    """1,000.00 EUR that are worth 1,100.01 USD on one side and 1,100.00 on the other: a cent of rounding, which is none in EUR."""
    amount = 1_000 * AMOUNT_ONE
    lines = (
        DocumentLine("11", amount, 1_100 * AMOUNT_ONE + 100, "1100"),
        DocumentLine("58", -amount, -1_100 * AMOUNT_ONE, "1150"),
        DocumentLine("7190", 0, -100, "7190"),
    )
    key = key_of("journal", ["J-5"])
    return _in_euro()._replace(key=key, lines=lines, members=("J-5",))


def _invoice(**changes: Any) -> InvoiceDocument:
    """10 hours at 150.00 and travel of 80.00; 19 % tax is the ERP's to find."""
    whole = InvoiceDocument(
        key=key_of("invoice", ["S-1"]),
        legal_entity_id="US",
        subsidiary="1",
        customer="5501",
        currency="USD",
        currency_id="USD",
        statement_id="S-1",
        revision=1,
        invoice_date=date(2026, 6, 30),
        due_date=date(2026, 7, 30),
        period="2026-06",
        period_id="145",
        text="June 2026",
        lines=(
            InvoiceLine(
                item="901", account="4010", text="Consulting", quantity=10 * QUANTITY_ONE, unit="hour", rate=150 * RATE_ONE,
                amount=1_500 * AMOUNT_ONE, tax_category="standard", segments=(Segment("department", "12"),),
            ),
            InvoiceLine(
                item="902", account="4050", text="Travel", quantity=QUANTITY_ONE, unit="each", rate=80 * RATE_ONE,
                amount=80 * AMOUNT_ONE, tax_category="standard",
            ),
        ),
        amount=1_580 * AMOUNT_ONE,
        tax_amount=0,
        correlation_id="engagement/7",
    )  # fmt: skip
    return whole._replace(**changes)


DOCUMENTS: Final[Mapping[str, Document]] = {
    "journal": _journal(),
    "journal_eur": _in_euro(),
    "journal_rounding": _with_rounding(),
    "journal_unmapped": _journal(key=key_of("journal", ["J-4"]), members=("J-4",), period_id="2026-06"),
    "invoice": _invoice(),
    "invoice_numbered": _invoice(number="INV-2026-00017", text="INV-2026-00017, Milepost S-1"),
}


class Plug(NamedTuple):
    """An adapter under the contract. `sends`: what it can send, of `DOCUMENTS`; `lacks`: cases it cannot have, and why.

    `documents` are its own, beside or instead of the contract's: an ERP may want ids of another form. `readable` shows a request
    as a person reads it: what is packed, unpacked, and what differs each time, by a name.
    """

    name: str
    auth: Callable[[Path], Mapping[str, object]]
    token_path: str
    settings: Mapping[str, object] = {}
    sends: Sequence[str] = ("journal", "invoice")
    lacks: Mapping[str, str] = {}
    documents: Mapping[str, Document] = {}
    readable: Callable[[dict[str, Any]], dict[str, Any]] = dict

    def document(self, name: str) -> Document:
        return {**DOCUMENTS, **self.documents}[name]

    @property
    def folder(self) -> Path:
        return GOLDEN / self.name


@dataclass
class Opened:
    erp: Erp
    server: Server
    closed: list[None] = field(default_factory=list)

    @property
    def asked(self) -> list[Asked]:
        """What came beside requests for tokens."""
        return [each for each in self.server.asked if not each.path.startswith(self.plug_token_path)]

    @property
    def tokens(self) -> int:
        return len(self.server.asked) - len(self.asked)

    plug_token_path: str = "/token"


@contextmanager
def opened(
    plug: Plug,
    folder: Path,
    answering: Callable[[Asked], Behaviour],
    *,
    settings: Mapping[str, object] = {},
    call_seconds: float = 20.0,
    auth: Callable[[Path], Mapping[str, object]] | None = None,
    gives_tokens: bool = True,
) -> Iterator[Opened]:
    """The adapter against a server that gives tokens and answers the rest as told; `auth` in place of the plug's own."""
    given = 0

    def answers(asked: Asked) -> Behaviour:
        nonlocal given
        if gives_tokens and asked.path.split("?")[0] == plug.token_path:
            given += 1
            return Reply(200, {"access_token": f"{TOKEN}-{given}", "expires_in": "3600", "token_type": "Bearer"})
        return answering(asked)

    with serving(answers) as server:
        who = (auth or plug.auth)(folder)
        with closing(adapter(plug, server.url, who, call_seconds, settings)) as erp:
            yield Opened(erp, server, plug_token_path=plug.token_path)


def adapter(
    plug: Plug, url: str, auth: Mapping[str, object], call_seconds: float, settings: Mapping[str, object]
) -> Erp:
    """Opened on a server of this machine, which also gives the tokens."""
    has_tokens = auth["kind"] in {"oauth2_certificate", "oauth2_client_secret"}
    who = {**auth, "token_url": f"{url}{plug.token_path}"} if has_tokens else auth
    stated = {"kind": plug.name, "url": url, "insecure_loopback": True, "call_seconds": call_seconds, "auth": who}
    return adapters.opened("books", Connection.model_validate({**stated, **plug.settings, **settings}))


class Case(NamedTuple):
    """A golden file."""

    says: str
    call: str
    documents: Sequence[str]
    ticket: str
    settings: Mapping[str, object]
    exchanges: Sequence[Mapping[str, Any]]
    comes: object


def read(path: Path) -> Case:
    found = json.loads(path.read_text(encoding="utf-8"))
    return Case(
        found["says"],
        found["call"],
        found.get("documents", ()),
        found.get("ticket", ""),
        found.get("settings", {}),
        found["exchanges"],
        found.get("comes"),
    )


class Script:
    """Answers the exchanges in their order and keeps what was asked instead of what was expected."""

    def __init__(
        self, exchanges: Sequence[Mapping[str, Any]], readable: Callable[[dict[str, Any]], dict[str, Any]] = dict
    ) -> None:
        self._exchanges = list(exchanges)
        self._readable = readable
        self.requests: list[Mapping[str, Any]] = []
        self.too_many: list[str] = []

    def __call__(self, asked: Asked) -> Behaviour:
        at, url = len(self.requests), f"http://{asked.headers['host']}"
        if at >= len(self._exchanges):
            self.too_many.append(f"{asked.method} {asked.path}")
            return Reply(500, {"no more": "answers"})
        expected = self._exchanges[at].get("request", {})
        self.requests.append(self._readable(shown(asked, expected.get("headers", {}), url)))
        answer = self._exchanges[at]["answer"]
        body = answer.get("body", "")
        text = body if isinstance(body, str) else json.dumps(body)
        return Reply(answer["status"], text.replace("{url}", url).encode(), answer.get("headers", {}))


def shown(asked: Asked, headers: Mapping[str, str], url: str) -> dict[str, Any]:
    """A request as a golden file has it: of the headers those that it names."""
    request: dict[str, Any] = {"method": asked.method, "path": asked.path.replace(url, "{url}")}
    if found := {name: asked.headers.get(name, "") for name in headers}:
        request["headers"] = found
    if asked.body:
        text = asked.body.decode().replace(url, "{url}")
        try:
            request["body"] = json.loads(text)
        except ValueError:
            request["body"] = text
    return request


def play(plug: Plug, case: Case, folder: Path) -> tuple[object, Script]:
    """What the call gives, as a golden file has it, and what was asked."""
    script = Script(case.exchanges, plug.readable)
    with opened(plug, folder, script, settings=case.settings) as found:
        documents = [plug.document(name) for name in case.documents]
        return plain(called(found.erp, case.call, documents, case.ticket)), script


def called(erp: Erp, call: str, documents: Sequence[Document], ticket: str = "") -> object:
    match call:
        case "send":
            return erp.send(documents)
        case "look_up":
            return erp.look_up(documents)
        case "poll":
            return erp.poll(ticket, documents)
        case "ledger":
            try:
                return list(erp.ledger(SCOPE))
            except ErpUnreadable as fault:
                return fault
        case "check":
            return list(erp.check([SCOPE.subsidiary], SCOPE.until))
        case _:
            raise AssertionError(f"call: expected send, look_up, poll, ledger or check, found {call}")


def plain(value: object) -> object:
    """As JSON has it; a named tuple says its kind, but for lines of a ledger and traces."""
    match value:
        case ErpUnreadable():
            return {"kind": "ErpUnreadable"}
        case date():
            return value.isoformat()
        case tuple() if hasattr(value, "_asdict"):
            return {"kind": type(value).__name__, **{name: plain(each) for name, each in value._asdict().items()}}
        case dict():
            return {name: plain(each) for name, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case _:
            return value


def fits(expected: object, found: object) -> bool:
    """Of objects the fields that are stated."""
    match expected, found:
        case dict(), dict() if "kind" in expected:
            return all(name in found and fits(each, found[name]) for name, each in expected.items())
        case dict(), dict():
            return expected.keys() == found.keys() and all(fits(each, found[name]) for name, each in expected.items())
        case list(), list():
            return len(expected) == len(found) and all(fits(*each) for each in zip(expected, found, strict=True))
        case _:
            return expected == found
