"""Who we are to an ERP: the header that says it, made of secrets that are read when they are needed.

OAuth 2 tokens are kept until shortly before they end; one renewal serves all threads. A token that the ERP refuses is renewed once.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol
from urllib.parse import quote, unquote, urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256
from oauthlib.oauth1 import Client as OAuth1Client

from connectors.erp.answers import Answer, NotJson, retry_after, text_of
from connectors.erp.connection import BasicAuth, CertificateAuth, ClientSecretAuth, OAuth1Auth
from connectors.erp.credentials import CredentialsMissing
from connectors.erp.transport import Transport
from domain.delivery.outcomes import CREDENTIALS, UNREACHABLE, NotSent, Throttled

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MARGIN_SECONDS: Final = 60.0
SHORTEST_SECONDS: Final = 30.0
# Shorter names of users may be words, and are left in an answer; a password is hidden whatever its length.
SHORTEST_USER: Final = 8
_LONGEST_TOKEN: Final = 16_384
_OAUTH1_SECRETS: Final = re.compile(r'oauth_(?:consumer_key|token|signature)="([^"]*)"')
# RFC 6749, 5.2; anything else that stands in `error` may repeat what was sent.
_TOKEN_ERRORS: Final = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    }
)

Refusal = NotSent | Throttled


class Signer(Protocol):
    """Several threads use one."""

    def headers(self, method: str, url: str) -> Mapping[str, str] | Refusal: ...

    def renews(self, headers: Mapping[str, str]) -> bool:
        """The ERP refused these headers (401): whether others may be made. A header that is refused is not made again."""
        del headers
        return False


class Anonymous(Signer):
    def headers(self, method: str, url: str) -> Mapping[str, str] | Refusal:
        del method, url
        return {}


class Basic:
    def __init__(self, auth: BasicAuth) -> None:
        self._auth = auth

    def headers(self, method: str, url: str) -> Mapping[str, str] | Refusal:
        del method, url
        try:
            user, password = self._auth.user.read(), self._auth.password.read()
        except CredentialsMissing as fault:
            return NotSent(CREDENTIALS, str(fault))
        both = f"{user.get_secret_value()}:{password.get_secret_value()}".encode()
        return {"authorization": f"Basic {base64.b64encode(both).decode()}"}

    def renews(self, headers: Mapping[str, str]) -> bool:
        """Only if the password was rotated since."""
        again = self.headers("", "")
        return not isinstance(again, NotSent | Throttled) and again != headers


class OAuth1(Signer):
    """Each request is signed by itself; there is nothing to renew."""

    def __init__(self, auth: OAuth1Auth) -> None:
        self._auth = auth

    def headers(self, method: str, url: str) -> Mapping[str, str] | Refusal:
        auth = self._auth
        try:
            client = OAuth1Client(
                auth.consumer_key.read().get_secret_value(),
                client_secret=auth.consumer_secret.read().get_secret_value(),
                resource_owner_key=auth.token.read().get_secret_value(),
                resource_owner_secret=auth.token_secret.read().get_secret_value(),
                realm=auth.realm,
                signature_method=SIGNATURE_HMAC_SHA256,
            )
            _, signed, _ = client.sign(url, http_method=method)
        except CredentialsMissing as fault:
            return NotSent(CREDENTIALS, str(fault))
        except ValueError:
            return NotSent(CREDENTIALS, "the request could not be signed; check the four secrets of oauth1")
        return {"authorization": signed["Authorization"]}


class AccessToken(NamedTuple):
    value: str
    until: float

    def __repr__(self) -> str:
        return "Token(**********)"


class Bearer:
    """An OAuth 2 token that `form` is exchanged for at the token's url. `form` raises CredentialsMissing."""

    def __init__(
        self,
        transport: Transport,
        token_url: str,
        form: Callable[[], Mapping[str, str]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._token_url = token_url
        self._form = form
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._found: AccessToken | Refusal | None = None
        self._asked = 0

    def headers(self, method: str, url: str) -> Mapping[str, str] | Refusal:
        del method, url
        found = self._token()
        return {"authorization": f"Bearer {found.value}"} if isinstance(found, AccessToken) else found

    def renews(self, headers: Mapping[str, str]) -> bool:
        with self._lock:
            kept = self._found
            if isinstance(kept, AccessToken) and headers.get("authorization") == f"Bearer {kept.value}":
                self._found = None
        return True

    def _token(self) -> AccessToken | Refusal:
        asked = self._asked
        with self._lock:
            if isinstance(self._found, AccessToken) and self._monotonic() < self._found.until:
                return self._found
            # What another thread asked for while this one waited counts for both, also when it was refused.
            if self._asked == asked or self._found is None or isinstance(self._found, AccessToken):
                self._found = self._fetched()
                self._asked += 1
            return self._found

    def _fetched(self) -> AccessToken | Refusal:
        try:
            form = urlencode(self._form()).encode()
        except CredentialsMissing as fault:
            return NotSent(CREDENTIALS, str(fault))
        asked_at = self._monotonic()
        answer = self._transport.call(
            "POST", self._token_url, headers={"content-type": "application/x-www-form-urlencoded"}, body=form
        )
        if not isinstance(answer, Answer):
            return NotSent(UNREACHABLE, f"no token: {answer.message}")
        if answer.status == 429:
            return Throttled(retry_after(answer))
        try:
            found = answer.fields()
        except NotJson as fault:
            return NotSent(UNREACHABLE, f"no token: answer {answer.status}, {fault}")
        if answer.status in {400, 401, 403}:
            code = text_of(found.get("error"))
            code = code if code in _TOKEN_ERRORS else "no code"
            return NotSent(
                CREDENTIALS, f"no token: answer {answer.status}, {code}; check what auth says and its secrets"
            )
        value, seconds = found.get("access_token"), text_of(found.get("expires_in"))
        if answer.status != 200 or not isinstance(value, str) or not _is_token(value):
            return NotSent(UNREACHABLE, f"no token: answer {answer.status} without an access_token")
        lasts = float(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 7 else SHORTEST_SECONDS
        return AccessToken(value, asked_at + max(lasts - MARGIN_SECONDS, lasts / 2))


def certificate_form(
    auth: CertificateAuth, token_url: str, scope: str, *, scope_in_assertion: bool
) -> Callable[[], Mapping[str, str]]:
    """The signed assertion. NetSuite wants the scope in it, and nothing but what it documents; others want it in the form."""

    def form() -> Mapping[str, str]:
        client_id = auth.client_id.read().get_secret_value()
        issued = int(time.time())
        ends = issued + auth.assertion_seconds
        claims: dict[str, object] = {"iss": client_id, "aud": token_url, "iat": issued, "exp": ends}
        made = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
        if scope_in_assertion:
            claims["scope"] = scope.split()
        else:
            claims |= {"sub": client_id, "jti": secrets.token_hex(16)}
            made |= {"client_id": client_id, "scope": scope}
        made["client_assertion"] = _signed(auth, claims)
        return made

    return form


def client_secret_form(auth: ClientSecretAuth, scope: str) -> Callable[[], Mapping[str, str]]:
    def form() -> Mapping[str, str]:
        return {
            "grant_type": "client_credentials",
            "client_id": auth.client_id.read().get_secret_value(),
            "client_secret": auth.client_secret.read().get_secret_value(),
            "scope": scope,
        }

    return form


def _signed(auth: CertificateAuth, claims: dict[str, object]) -> str:
    header: dict[str, object] = {"alg": auth.algorithm, "kid": auth.certificate_id}
    if auth.thumbprint is not None:
        header["x5t#S256"] = auth.thumbprint
    secret = auth.private_key.read().get_secret_value()
    try:
        key = RSAKey.import_key(secret) if auth.algorithm.startswith("PS") else ECKey.import_key(secret)
        return jwt.encode(header, claims, key, algorithms=[auth.algorithm])
    except (JoseError, ValueError, TypeError):
        raise CredentialsMissing(
            f"expected a private key in PEM that signs {auth.algorithm} in {auth.private_key}: it is another"
        ) from None


def secrets_of(authorization: str) -> tuple[str, ...]:
    """What nobody may see of a header, in the forms that a text may repeat it in; longer ones first."""
    scheme, _, said = authorization.partition(" ")
    match scheme:
        case "OAuth":
            found = [unquote(each) for each in _OAUTH1_SECRETS.findall(said)]
        case "Basic":
            user, _, password = base64.b64decode(said).decode().partition(":")
            found = [said, password, *([user] if len(user) >= SHORTEST_USER else [])]
        case _:
            found = [said]
    forms = {form for each in found if each for form in (each, quote(each, safe=""), *_escaped(each))}
    return tuple(sorted(forms, key=len, reverse=True))


def _escaped(text: str) -> tuple[str, str]:
    """As JSON that stands in a text of JSON has it."""
    made = json.dumps(text)[1:-1]
    return made, made.replace("/", "\\/")


def _is_token(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_TOKEN and text.isascii() and text.isprintable() and " " not in text
