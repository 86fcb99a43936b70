"""What a simulated ERP is asked in one vendor's way, and what it does about it; with output tax of its invoices."""

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from domain.delivery.ledgers import LedgerEntry
from domain.money import HALF_UP, round_ratio
from domain.units import AMOUNT_ONE, Amount
from simulation.erp.books import ErpBooks, ErpCompany
from simulation.erp.troubles import Trouble


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


class VendorRefusal(Exception):
    """A record is refused; nothing of it is kept."""

    def __init__(self, code: str, text: str, path: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.path = path


class Interface(ABC):
    """The books are open when it is called, and keep nothing of what raises."""

    token_path: ClassVar[str]

    def __init__(self, books: ErpBooks, companies: Sequence[ErpCompany], posting_seconds: float) -> None:
        """What was taken is posted so many seconds later, where that is not done at once."""
        self._books = books
        self._companies = {company.id: company for company in companies}
        self._posting_seconds = posting_seconds

    @abstractmethod
    def written_key(self, asked: HttpRequest) -> str | None:
        """Of a call that writes, something that is the same when the same is written again."""

    @abstractmethod
    def answer(self, asked: HttpRequest, twist: Trouble | None) -> Reply: ...

    def throttled(self, count: int) -> Reply:
        del count
        return Reply(429, b"", {"retry-after": "1"})

    @abstractmethod
    def unauthorized(self) -> Reply:
        """That the token is none, or an old one."""

    @abstractmethod
    def duplicate(self, asked: HttpRequest) -> Reply:
        """That it is there already, in the vendor's words."""

    def advance(self) -> None:  # noqa: B027  # some post at once
        """What is due is posted."""

    @abstractmethod
    def entries(self) -> Iterator[LedgerEntry]: ...

    def _other_than(self, company_id: str) -> ErpCompany:
        return next(each for each in self._companies.values() if each.id != company_id)


CENT: Final = AMOUNT_ONE // 100


def taxes(lines: Iterable[tuple[Amount, int]]) -> list[Amount]:
    """Of lines with what they come to and their tax in per cent; the tax of lines with the same per cent is rounded once, half up.

    5.03 twice at 19 %: 1.91 of 10.06 = 0.96 and 0.95
    """
    nets: Counter[int] = Counter()
    found = []
    for net, percent in lines:
        before = _rounded(nets[percent] * percent)
        nets[percent] += net
        found.append(_rounded(nets[percent] * percent) - before)
    return found


def _rounded(hundredfold: int) -> Amount:
    return round_ratio(hundredfold, 100, CENT, HALF_UP)
