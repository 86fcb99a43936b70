"""What a check before a close finds open: a line each, with how many, the money, whose matter it is, and the command that mends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from connectors.avro_codec import EVENT_CODECS
from connectors.files.moments import Moment
from dataflows.books_read import reading_books
from domain.events.reference import LegalEntityDefined
from domain.reference.book import EMPTY_BOOK, ReferenceBook, apply
from domain.reference.fiscal import AccountingPeriod
from domain.units import Amount
from milepost.as_of import indexing
from milepost.console import shell_word
from milepost.glance.firm import FirmAtMoment
from state.store.reader import StoreReader


class OpenPoint(NamedTuple):
    """`amount` is None where no money is known; `owner` is a role, as of exceptions."""

    what: str
    how_many: int
    amount: Amount | None
    currency: str
    owner: str
    command: str


class CheckResult(NamedTuple):
    """`check` is what settings and `--accept` call it; `accepted` is the reason why it does not matter this time."""

    check: str
    title: str
    forbids: bool
    items: tuple[OpenPoint, ...]
    accepted: str = ""

    @property
    def stops(self) -> bool:
        return self.forbids and bool(self.items) and not self.accepted


class Closing(NamedTuple):
    """A company and period that somebody wants to close, and all that is known of them."""

    output: Path
    entity: LegalEntityDefined
    period: AccountingPeriod
    book: ReferenceBook
    books: StoreReader
    firm: FirmAtMoment

    @property
    def first(self) -> date:
        return self.period.start

    @property
    def last(self) -> date:
        return self.period.to - timedelta(days=1)

    @property
    def whose(self) -> str:
        return self.entity.legal_entity_id

    def command(self, words: str) -> str:
        return f"milepost {words} --output {shell_word(self.output)}"


@contextmanager
def open_closing(
    output: Path, entity: LegalEntityDefined, period: AccountingPeriod, book: ReferenceBook
) -> Iterator[Closing]:
    """Raises NoOutputs."""
    moment: Moment | None = None
    with indexing() as tell, FirmAtMoment(output, moment, tell) as firm, reading_books(output) as books:
        yield Closing(output, entity, period, book, books, firm)


def closing_book(books: StoreReader) -> ReferenceBook:
    """What the checks ask: companies, people, what an hour of theirs costs, and which periods are closed."""
    book = EMPTY_BOOK
    for type_name in _ASKED:
        for body in books.reference(type_name):
            book = apply(book, EVENT_CODECS[type_name].decode(body))
    return book


_ASKED: Final = (
    "LegalEntityDefined",
    "PersonDefined",
    "CostRateSet",
    "AccountingPeriodClosed",
    "AccountingPeriodReopened",
)
