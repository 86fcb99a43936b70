"""What a simulated ERP is asked, and what it does about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit


class HttpRequest(NamedTuple):
    """`path` without its query and decoded; names of headers in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Numbers with a point are Decimal. Raises ValueError."""
        return json.loads(self.body, parse_float=Decimal)


class Reply(NamedTuple):
    """`body`: bytes as they are, anything else as JSON."""

    status: int
    body: object = None
    headers: Mapping[str, str] = {}

    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body, default=_number).encode()


class ConnectionCut(NamedTuple):
    """The connection ends without an answer."""


class Huge(NamedTuple):
    """An answer of so many bytes that say nothing."""

    size: int


Does: TypeAlias = Reply | ConnectionCut | Huge


def asked(method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpRequest:
    """`target` as it stands in the request's first line."""
    parts = urlsplit(target)
    return HttpRequest(method, unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True)), headers, body)


def _number(value: object) -> object:
    """Decimals go out as numbers, as ERPs send them: near enough, not exact."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"expected a value that JSON has, found {type(value).__name__}")
