"""OData 4 as Microsoft's ERPs speak it: rows page by page, filters, change sets, and what an error says.

A refusal is decided by `error.code` and by the class in `innererror.type`, never by text. Dynamics 365 Finance answers 500 where a record
was not written for what is in it; the class says so, and the change set that it stood in is undone as a whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple, TypeAlias, TypeVar
from urllib.parse import quote

from pydantic import Field

from connectors.erp.answers import Answer, ErpRefusal, NotJson, in_doubt, json_body, member, refused, text_of, words
from domain.delivery.documents import Document
from domain.delivery.outcomes import (
    NOT_PERMITTED,
    NotSent,
    Outcome,
    RejectedData,
    Said,
    Submitted,
    Throttled,
    Trouble,
    Uncertain,
)

ENTRA_TOKEN_URL: Final = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"  # noqa: S105  # a url
MOST_PAGES: Final = 2_000
# Of `innererror.type`: the record was validated and not written.
NOT_WRITTEN: Final = "AxODataWriteException"
# Of Business Central's `error.code`: a name in the record that is not there, not the address of the request.
NO_RECORD: Final = "Internal_RecordNotFound"
# Nothing about what was sent: somebody changed it at the same time, or the server was not well.
UNCLEAR: Final = frozenset(
    {"Request_EntityChanged", "Internal_ServerError", "Internal_TenantUnavailable", "Internal_DatabaseConnection"}
)

_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[^\r\n]*\r?\n")
_BLANK: Final = re.compile(rb"\r?\n\r?\n")
# A line of a head may go on in the next one.
_BOUNDARY: Final = re.compile(rb'(?im)^content-type:[ \t]*multipart/(?:[^\r\n]|\r?\n[ \t])*?boundary="?([^";\s]+)')
_LONGEST_HEAD: Final = 16_384
# A change set stands in a batch.
_DEEPEST: Final = 2
# The entity's technical name of a field, which no translation touches: 'LedgerJournalLineEntity.AccountDisplayValue'.
_FIELD: Final = re.compile(r"'\w+Entity\.(\w{1,60})'")

_AS_IT_IS: Final = "'(),:/"

Row: TypeAlias = Mapping[str, object]
# (method, url) -> what came; `Session.call` or `Session.read`.
Caller: TypeAlias = Callable[[str, str], Answer | Trouble]


Tenant: TypeAlias = Annotated[
    str | None,
    Field(
        pattern=r"^[A-Za-z0-9.-]{1,100}$",
        description="Of Microsoft Entra, by id or domain: where tokens are given, unless auth.token_url says it.",
    ),
]
T = TypeVar("T")
# A document that the ERP has by our key.
Held = TypeVar("Held", bound=tuple[object, ...])


class Write(NamedTuple):
    """One request of a change set."""

    method: str
    url: str
    body: Mapping[str, Any]


def looked_up(
    queries: Iterable[Sequence[Document]],
    there: Callable[[Sequence[Document]], dict[str, Held | RejectedData] | Trouble],
    posted: Callable[[Document, Held], Outcome],
) -> Mapping[str, Said] | Outcome:
    """By key. What is there and not posted yet is posted where that is ours to do; one that differs is rejected when it is sent.

    What a query has found stays, whatever comes of posting some of it or of the next query. Once posting is throttled or a query fails
    no more calls are made, and the rest have the same trouble.
    """
    found: dict[str, Said] = {}
    trouble: Trouble | None = None
    is_answered = False
    for some in queries:
        seen = trouble or there(some)
        if not isinstance(seen, dict):
            trouble = seen
            found |= dict.fromkeys((each.key for each in some), seen)
            continue
        is_answered = True
        for document in some:
            held = seen.get(document.key)
            if held is None or isinstance(held, RejectedData):
                continue
            outcome = trouble or posted(document, held)
            assert not isinstance(outcome, Submitted), "it answers at once"
            found[document.key] = outcome
            trouble = outcome.throttled if isinstance(outcome, Uncertain) else trouble
    return found if trouble is None or is_answered else trouble


def fault(answer: Answer) -> ErpRefusal | Trouble | None:
    """None: it was done."""
    if 200 <= answer.status < 300:
        return None
    error = answer.stated().get("error")
    text = member(error, "innererror", "message") or member(error, "message")
    kind = text_of(member(error, "innererror", "type")).rpartition(".")[2]
    found = _FIELD.search(text) if isinstance(text, str) else None
    stated = ErpRefusal(text_of(member(error, "code")) or kind, words(text), found[1] if found else "")
    if kind == NOT_WRITTEN:
        return stated
    if (trouble := refused(answer)) is not None:
        return trouble
    if not stated.code or stated.code in UNCLEAR:
        return Uncertain(f"the ERP answered {answer.status} without a code that says what happened")
    if answer.status == 404 and stated.code != NO_RECORD:
        return NotSent(
            NOT_PERMITTED,
            f"the ERP answered 404 ({words(stated.code)}); check the url, the options and our user's role",
        )
    return stated


def deleted(answer: Answer | Trouble, what: str, product: str) -> Uncertain | None:
    """What an incomplete document that was to go has become; None: it is gone, or was gone before."""
    if isinstance(answer, Answer) and answer.status == 404:
        return None
    match fault(answer) if isinstance(answer, Answer) else answer:
        case None:
            return None
        case ErpRefusal(code, message):
            return Uncertain(f"{what} is incomplete; delete it there, {product} refused to ({code}): {message}")
        case trouble:
            return in_doubt(f"{what} is incomplete and not deleted yet", trouble)


def rows(call: Caller, url: str, under: str) -> list[Row] | Trouble:
    """All pages of a query; the next ones are followed only where they are `under` the same service."""
    found: list[Row] = []
    for _ in range(MOST_PAGES):
        answer = call("GET", url)
        if not isinstance(answer, Answer):
            return answer
        match fault(answer):
            case ErpRefusal(code, message):
                return NotSent(NOT_PERMITTED, f"the ERP refused a query ({code}): {message}; check our user's role")
            case NotSent() | Throttled() | Uncertain() as trouble:
                return trouble
        try:
            fields = answer.fields()
        except NotJson as wrong:
            return Uncertain(f"the answer to a query: {wrong}")
        page, following = fields.get("value"), fields.get("@odata.nextLink")
        if not isinstance(page, list) or not all(isinstance(each, dict) for each in page):
            return Uncertain("the answer to a query has no rows")
        found += page
        if following is None:
            return found
        if not isinstance(following, str) or not following.startswith(under):
            return Uncertain("the answer to a query goes on somewhere else than in the ERP")
        url = following
    return Uncertain(f"the answer to a query has more than {MOST_PAGES} pages")


def inner(value: object) -> list[Row] | None:
    """The rows that stand in a row; None where they do not."""
    return value if isinstance(value, list) and all(isinstance(each, dict) for each in value) else None


def query(url: str, *, where: str = "", **options: str) -> str:
    """`where` is the filter; options without their `$`. Characters that a url cannot have are escaped."""
    stated = ({"filter": where} if where else {}) | options
    parts = [f"${name}={quote(value, safe=_AS_IT_IS)}" for name, value in stated.items()]
    return f"{url}{'&' if '?' in url else '?'}{'&'.join(parts)}" if parts else url


def any_of(name: str, values: Iterable[str]) -> str:
    """A filter by several values, already written as a filter has them; Microsoft's ERPs do not all know `in`."""
    return " or ".join(f"{name} eq {value}" for value in values)


def in_chunks(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """So many at once, as a url has room for."""
    return (values[start : start + size] for start in range(0, len(values), size))


def change_set(name: str, writes: Sequence[Write]) -> tuple[str, bytes]:
    """Content type and body of a `$batch` with one change set: all of it is done or nothing. `name` stands in the boundaries."""
    chunks = [f"--batch_{name}\r\nContent-Type: multipart/mixed; boundary=set_{name}\r\n\r\n".encode()]
    for number, write in enumerate(writes, 1):
        head = (
            f"--set_{name}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {number}\r\n\r\n"
            f"{write.method} {write.url} HTTP/1.1\r\nContent-Type: application/json\r\nAccept: application/json\r\n\r\n"
        )
        chunks += [head.encode(), json_body(write.body), b"\r\n"]
    chunks.append(f"--set_{name}--\r\n--batch_{name}--\r\n".encode())
    return f"multipart/mixed; boundary=batch_{name}", b"".join(chunks)


def changed(answer: Answer, count: int) -> ErpRefusal | Trouble | None:
    """What became of a change set of `count` writes; None: all of it was done."""
    if (outside := fault(answer)) is not None:
        return outside
    inside = _parts(answer)
    for each in inside:
        if (found := fault(each)) is not None:
            return found
    if len(inside) != count:
        return Uncertain(f"{count} records were sent together and {len(inside)} were answered")
    return None


def transaction(url: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body of a JSON `$batch` of one write; with `isolation: snapshot` the records nested in it are written with it or not at all."""
    headers = {"Content-Type": "application/json"}
    return {"requests": [{"id": "1", "method": "POST", "url": url, "headers": headers, "body": body}]}


def transacted(answer: Answer) -> Row | ErpRefusal | Trouble:
    """What was made."""
    if (outside := fault(answer)) is not None:
        return outside
    try:
        inside = answer.fields().get("responses")
    except NotJson as wrong:
        return Uncertain(f"the answer to a batch: {wrong}")
    first = inside[0] if isinstance(inside, list) and len(inside) == 1 else None
    status, body = member(first, "status"), member(first, "body")
    if not isinstance(status, int) or not isinstance(body, dict):
        return Uncertain("the answer to a batch of one has not one answer")
    return fault(Answer(status, {}, json.dumps(body, default=str).encode())) or body


def _parts(answer: Answer) -> list[Answer]:
    """The answers in an answer of several parts; none where it is not one."""
    head = f"content-type: {answer.headers.get('content-type', '')}".encode("ascii", "replace")
    found = _payloads(head, answer.body, _DEEPEST)
    return [made for each in found if (made := _part(each, answer.secrets)) is not None]


def _payloads(head: bytes, body: bytes, deepest: int) -> Iterator[bytes]:
    """What stands between the boundaries, also between those of a part in parts."""
    if not deepest or (boundary := _BOUNDARY.search(head)) is None:
        yield body
        return
    _, *parts = (b"\n" + body).split(b"\n--" + boundary[1])
    for part in parts:
        if part.startswith(b"--"):
            return
        if (blank := _BLANK.search(part)) is not None and blank.start() <= _LONGEST_HEAD:
            yield from _payloads(part[: blank.start()], part[blank.end() :], deepest - 1)


def _part(payload: bytes, secrets: tuple[str, ...]) -> Answer | None:
    payload = payload.lstrip()
    if (status := _STATUS.match(payload)) is None:
        return None
    body = _BLANK.split(payload, 1)[1:]
    return Answer(int(status[1]), {}, body[0].strip() if body else b"", secrets)
