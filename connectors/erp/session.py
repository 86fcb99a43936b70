"""A transport and who we are: every adapter that speaks HTTP calls through one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never
from urllib.parse import urlsplit

from connectors.erp.adapter import NO_TRACE, Limits, Trace
from connectors.erp.answers import Answer, json_body
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
)
from connectors.erp.transport import Transport
from domain.delivery.outcomes import NotSent, Throttled, Uncertain


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
        trace: Trace = NO_TRACE,
    ) -> Answer | NotSent | Throttled | Uncertain:
        """One request. After a 401, which says that nothing was done, once again with a new token where one can be had."""
        if json is not None:
            body = json_body(json)
        stated = ({"content-type": "application/json"} if json is not None else {}) | dict(headers or {})
        for is_last in (False, True):
            who = self._signer.headers(method, url)
            if isinstance(who, NotSent | Throttled):
                return who
            found = self._transport.call(method, url, headers={**stated, **who}, body=body, trace=trace)
            if is_last or not isinstance(found, Answer) or found.status != 401 or not self._signer.renews(who):
                return found
        raise AssertionError("the second round returns")

    def close(self) -> None:
        self._transport.close()


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
                transport,
                token_url,
                certificate_form(auth, token_url, wanted, scope_in_assertion=scope_in_assertion),
            )
        case ClientSecretAuth():
            return Bearer(transport, token_url, client_secret_form(auth, auth.scope or scope))
        case _:
            assert_never(auth)
