"""One vendor's way to be asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

from domain.delivery.ledgers import LedgerEntry
from simulation.erp.asked import HttpRequest, Reply
from simulation.erp.books import ErpBooks, ErpCompany
from simulation.erp.troubles import Trouble


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
