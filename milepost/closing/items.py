"""What a check before a close finds open: a line each, with how many, the money, whose matter it is, and the command that mends it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeVar

from connectors.files.found_exceptions import KnownException, exceptions_of
from dataflows.books_read import reading_books, reference_book
from domain.events.reference import LegalEntityDefined
from domain.reference.book import ReferenceBook
from domain.reference.fiscal import AccountingPeriod
from domain.units import Amount
from milepost.as_of import indexing
from milepost.console import shell_word
from milepost.glance.firm import DayOfWork, FirmAtMoment
from state.books import JournalStanding
from state.store.reader import StoreReader


class OpenPoint(NamedTuple):
    """`amount` is None where no money is known; `owner` is a role, as of exceptions."""

    what: str
    how_many: int
    amount: Amount | None
    currency: str
    owner: str
    command: str


Of = TypeVar("Of", bound=str | tuple[str, ...])


def tallied(found: Iterable[tuple[Of, int]]) -> list[tuple[Of, int, int]]:
    """How often each is found, and the sum of its figures, in order; `found` is what is open, and a figure of it."""
    figures: dict[Of, list[int]] = defaultdict(list)
    for of, figure in found:
        figures[of].append(figure)
    return [(of, len(figures[of]), sum(figures[of])) for of in sorted(figures)]


class CheckResult(NamedTuple):
    """`check` is what settings and `--accept` call it; `accepted` is the reason why it does not matter this time; `was_checked`
    is false where there was nothing to look at."""

    check: str
    title: str
    forbids: bool
    items: tuple[OpenPoint, ...]
    accepted: str = ""
    was_checked: bool = True

    @property
    def stops(self) -> bool:
        return self.forbids and bool(self.items) and not self.accepted


@dataclass(frozen=True)
class Closing:
    """A company and period that somebody wants to close, and all that is known of them."""

    output: Path
    entity: LegalEntityDefined
    period: AccountingPeriod
    book: ReferenceBook
    books: StoreReader
    firm: FirmAtMoment

    @cached_property
    def standings(self) -> list[JournalStanding]:
        """Of every journal that goes to an ERP."""
        return list(self.books.standings())

    @cached_property
    def waiting_journals(self) -> dict[str, str]:
        """Where journals stand that the ERP has not posted, by their ids."""
        return {each.record.journal_id: each.standing for each in self.standings if each.record is not None}

    @cached_property
    def has_an_erp(self) -> bool:
        """Whether one ever answered."""
        return any(each.erp or each.posted for each in self.standings)

    @cached_property
    def open_exceptions(self) -> list[KnownException]:
        return [each for each in exceptions_of(self.output).values() if each.is_open]

    @cached_property
    def days(self) -> dict[str, DayOfWork]:
        """Of every row that an open exception names."""
        return self.firm.days_of({row for each in self.open_exceptions for row in each.raised.entries})

    def companies_of(self, each: KnownException) -> tuple[str, str]:
        """Whose contract or project an exception is about, and whose person's work waits there for its cost or its charge, if that is
        another company; empty where nobody knows, or nothing of it waits there."""
        raised = each.raised
        owner = self.firm.company_of(raised.contract_id or "", raised.project_id or "")
        days = [self.days[row].day for row in raised.entries if row in self.days]
        person = self.book.person_on(raised.person_id, days[0]) if raised.person_id and days else None
        worker = person.legal_entity_id if person is not None else ""
        return owner, worker if worker != owner and self._at_home.intersection(raised.entries) else ""

    @cached_property
    def _at_home(self) -> set[str]:
        """Rows that are not all booked in the company of the person: what waits for a bill rate alone is."""
        return {row for row, work in self.books.parked().items() if work is None or work.waits_at_home}

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
    with indexing() as tell, FirmAtMoment(output, None, tell) as firm, reading_books(output) as books:
        yield Closing(output, entity, period, book, books, firm)


def closing_book(books: StoreReader) -> ReferenceBook:
    """What the checks ask: companies, people, what an hour of theirs costs, and which periods are closed."""
    of_people, of_periods = ("PersonDefined", "CostRateSet"), ("AccountingPeriodClosed", "AccountingPeriodReopened")
    return reference_book(books, "LegalEntityDefined", *of_people, *of_periods)
