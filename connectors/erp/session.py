"""A transport and who we are: every adapter that speaks HTTP calls through one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from typing import ClassVar, Concatenate, Final, ParamSpec, Protocol, TypeVar, assert_never
from urllib.parse import urlsplit

import stamina
import stamina.instrumentation

from connectors.erp.adapter import NO_TRACE, Limits, TraceContext
from connectors.erp.answers import Answer, json_body, refused
from connectors.erp.connection import (
    BasicAuth,
    CertificateAuth,
    ClientSecretAuth,
    Connection,
    NoAuth,
    OAuth1Auth,
    WrongConnection,
)
from connectors.erp.oauth import (
    Anonymous,
    Basic,
    Bearer,
    OAuth1,
    Signer,
    certificate_form,
    client_secret_form,
    secrets_of,
)
from connectors.erp.transport import Transport, in_all
from domain.delivery.documents import Document
from domain.delivery.outcomes import NotSent, Outcome, Throttled, Trouble, Uncertain

READ_ATTEMPTS: Final = 6
READ_SECONDS: Final = 300.0

# The library would write a line for programmers between those for people.
stamina.instrumentation.set_on_retry_hooks([])


Asked = ParamSpec("Asked")
Given = TypeVar("Given")


class _Limited(Protocol):
    @property
    def limits(self) -> Limits: ...


Limited = TypeVar("Limited", bound=_Limited)


class Session:
    """Used by several threads at once."""

    def __init__(self, transport: Transport, signer: Signer) -> None:
        self._transport = transport
        self._signer = signer

    def call(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        json: object = None,
        headers: Mapping[str, str] | None = None,
        trace: TraceContext = NO_TRACE,
    ) -> Answer | Trouble:
        """One request. After a 401, which says that nothing was done, once again with a new token where one can be had.

        All of it, the token too, is over after the call's time.
        """
        if json is not None:
            body = json_body(json)
        stated = ({"content-type": "application/json"} if json is not None else {}) | dict(headers or {})
        with in_all(self._transport.call_seconds):
            return self._answer(method, url, stated, body, trace)

    def _answer(
        self, method: str, url: str, stated: Mapping[str, str], body: bytes, trace: TraceContext
    ) -> Answer | Trouble:
        for is_last in (False, True):
            who = self._signer.headers(method, url)
            if isinstance(who, NotSent | Throttled):
                return who
            found = _without(who, self._transport.call(method, url, headers={**stated, **who}, body=body, trace=trace))
            if is_last or not isinstance(found, Answer) or found.status != 401 or not self._signer.renews(who):
                return found
        raise AssertionError("the second round returns")

    def read(
        self, method: str, url: str, *, json: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer | Trouble:
        """A call that changes nothing: asked again for a while, as long as the ERP is throttled or does not answer."""
        try:
            for attempt in stamina.retry_context(on=_wait, attempts=READ_ATTEMPTS, timeout=READ_SECONDS):
                with attempt:
                    return _settled(self.call(method, url, json=json, headers=headers))
        except _Again as again:
            return again.found
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        self._transport.close()


def is_one_call(method: Callable[Concatenate[Limited, Asked], Given]) -> Callable[Concatenate[Limited, Asked], Given]:
    """A method of an adapter that is over after its `call_seconds`, however many requests it makes."""

    @wraps(method)
    def call(adapter: Limited, /, *stated: Asked.args, **named: Asked.kwargs) -> Given:
        with in_all(adapter.limits.call_seconds):
            return method(adapter, *stated, **named)

    return call


class AtOnce(ABC):
    """What adapters share whose ERP answers each document when it is sent, one call a document, and has nothing to poll.

    The rest of the port is the adapter's own: `_send`, `look_up`, `ledger` and `check`.
    """

    ERP: ClassVar[str]

    def __init__(self, session: Session, limits: Limits) -> None:
        self._session = session
        self._limits = limits

    @property
    def limits(self) -> Limits:
        return self._limits

    @is_one_call
    def send(self, documents: Sequence[Document], trace: TraceContext = NO_TRACE) -> Sequence[Outcome]:
        return [self._send(document, trace) for document in documents]

    def poll(self, ticket: str, documents: Sequence[Document]) -> Sequence[Outcome] | None:
        raise AssertionError(
            f"{self.ERP} answers at once; nothing was submitted as {ticket} for {len(documents)} documents"
        )

    def close(self) -> None:
        self._session.close()

    @abstractmethod
    def _send(self, document: Document, trace: TraceContext) -> Outcome: ...


def opened(
    name: str,
    connection: Connection,
    limits: Limits,
    *,
    token_url: str = "",
    scope: str = "",
    scope_in_assertion: bool = False,
) -> Session:
    """`token_url` and `scope` are the adapter's defaults. Calls nothing, reads no secret. Raises WrongConnection."""
    if not connection.url:
        raise WrongConnection(f"[erp.{name}] url is missing: expected https://host of the ERP's API")
    auth = connection.auth
    url = getattr(auth, "token_url", None) or token_url
    hosts = connection.allowed_hosts | ({urlsplit(url).hostname or ""} if url else frozenset[str]())
    transport = Transport(hosts, limits.call_seconds, insecure_loopback=connection.insecure_loopback)
    return Session(transport, _signer(name, connection, transport, url, scope, scope_in_assertion=scope_in_assertion))


def _signer(
    name: str, connection: Connection, transport: Transport, token_url: str, scope: str, *, scope_in_assertion: bool
) -> Signer:
    auth = connection.auth
    if isinstance(auth, CertificateAuth | ClientSecretAuth) and not token_url:
        raise WrongConnection(f"[erp.{name}.auth] token_url is missing: expected https://... where tokens are given")
    match auth:
        case NoAuth():
            return Anonymous()
        case BasicAuth():
            return Basic(auth)
        case OAuth1Auth():
            return OAuth1(auth)
        case CertificateAuth():
            wanted = auth.scope or scope
            return Bearer(
                transport, token_url, certificate_form(auth, token_url, wanted, scope_in_assertion=scope_in_assertion)
            )
        case ClientSecretAuth():
            return Bearer(transport, token_url, client_secret_form(auth, auth.scope or scope))
        case _:
            assert_never(auth)


def _without(who: Mapping[str, str], found: Answer | Trouble) -> Answer | Trouble:
    """The answer, which hides the credentials of its request."""
    return replace(found, secrets=secrets_of(who.get("authorization", ""))) if isinstance(found, Answer) else found


class _Again(Exception):
    """An answer after which a reader asks again."""

    def __init__(self, found: Answer | Trouble, after_seconds: float | None) -> None:
        super().__init__("the ERP is asked again")
        self.found = found
        self.after_seconds = after_seconds


def _wait(fault: Exception) -> bool | float:
    """So many seconds where the ERP has said so; True: as the waits grow."""
    if not isinstance(fault, _Again):
        return False
    return True if fault.after_seconds is None else min(fault.after_seconds, READ_SECONDS)


def _settled(found: Answer | Trouble) -> Answer | Trouble:
    match refused(found) if isinstance(found, Answer) else found:
        case Throttled(after_seconds):
            raise _Again(found, after_seconds)
        case Uncertain() | NotSent(why="unreachable"):
            raise _Again(found, None)
        case _:
            return found
