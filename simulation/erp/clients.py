"""Who may have a token of a simulated ERP."""

import time
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from simulation.erp.interface import HttpRequest

ALGORITHMS: Final = ("PS256", "PS384", "PS512")


class Client(NamedTuple):
    """`key` is the private key of its certificate, PEM; empty where it has a secret."""

    id: str
    key: str = ""
    secret: str = ""

    def __repr__(self) -> str:
        return f"Client({self.id!r})"

    def is_it(self, asked: HttpRequest) -> bool:
        """Whether a request for a token is from this one."""
        form = dict(parse_qsl(asked.body.decode("utf-8", "replace")))
        if form.get("grant_type") != "client_credentials":
            return False
        if self.key:
            return self._has_signed(form.get("client_assertion", ""), asked)
        return (form.get("client_id"), form.get("client_secret")) == (self.id, self.secret)

    def _has_signed(self, assertion: str, asked: HttpRequest) -> bool:
        try:
            key = RSAKey.import_key(self.key)
            claims: Mapping[str, object] = jwt.decode(assertion, key, algorithms=list(ALGORITHMS)).claims
        except (JoseError, ValueError):
            return False
        ends = claims.get("exp")
        address = f"http://{asked.headers.get('host', '')}{asked.path}"
        return (
            (claims.get("iss"), claims.get("aud")) == (self.id, address)
            and isinstance(ends, int)
            and ends > time.time()
        )
