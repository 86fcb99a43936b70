"""Plays a drawn story and says what does not hold in its books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.accounts import CONTRACT_POSITION, REVENUE
from domain.money import format_amount, smallest_unit
from domain.outputs import BillingStatement, ExceptionClosed, ExceptionRaised, ForecastUpdate, JournalEntry
from tests.audited import violations
from tests.auditing import check_journals, entries_of, standing_price
from tests.explained import not_explained
from tests.harness import Books
from tests.lifetimes.draw import Block, in_time, quiet
from tests.scenario_events import Teller
from tests.scenario_text import read_step
from tests.told import balances, newest_statements

# Exchange differences follow the days of invoices.
DISTRIBUTED = {"7100", "7110", "7190"}
CLEARED = ("1150", "1160", "2300", "2310", "2320", "1170")


class Played:
    """The books of a story, and the story with what its words came to."""

    def __init__(self, blocks: Sequence[Block], *, folder: Path | None = None) -> None:
        self.books = Books(folder)
        self.lines: list[str] = []
        self.teller = Teller({})
        self.invoices: dict[str, tuple[str, BillingStatement]] = {}
        self.reopens = folder is not None
        self.first = next(block.day for block in blocks if block.day)
        for block in blocks:
            for line in self.meant(block):
                self.tell(line)

    def meant(self, block: Block) -> Iterator[tuple[str, ...]]:
        match block.head.split():
            case [day, "invoiced"]:
                for one in newest_statements(self.books):
                    if one.status == "issued" and one.statement_id not in self.invoices:
                        name = f"INV-{len(self.invoices) + 1}"
                        self.invoices[one.statement_id] = name, one
                        yield (
                            f"{day} invoice {name} {one.statement_id[2:]} {format_amount(one.amount_due, one.currency)}",
                        )
            case [day, "approved"]:
                for one in newest_statements(self.books):
                    if one.status == "open":
                        yield (f"{day} approve {one.statement_id[2:]} revision {one.revision} carol",)
            case [day, "credited", kind, which, percent]:
                yield from self.credit(day, kind, int(which), int(percent))
            case [day, "given_up", which, percent]:
                if self.invoices:
                    name, one = list(self.invoices.values())[int(which) % len(self.invoices)]
                    amount = format_amount(_part(one.amount_due, int(percent), one.currency), one.currency)
                    yield (f"{day} write_off receivable WR-{which} {name} {amount} {one.currency}",)
            case [day, "paid", which, percent]:
                if self.invoices:
                    name, one = list(self.invoices.values())[int(which) % len(self.invoices)]
                    amount = format_amount(_part(one.amount_due, int(percent), one.currency), one.currency)
                    yield (f"{day} pay PAY-{which} {one.bill_to} {amount} {one.currency} for {name}={amount}",)
            case _:
                yield (block.head, *block.below)

    def credit(self, day: str, kind: str, which: int, percent: int) -> Iterator[tuple[str, ...]]:
        if not self.invoices:
            return
        name, one = list(self.invoices.values())[which % len(self.invoices)]
        of: Counter[str] = Counter()
        for listed in one.lines:
            of[listed.line_id] += listed.amount
        lines = [(line, amount) for line, amount in of.items() if amount > 0]
        if lines:
            line, amount = lines[which % len(lines)]
            credited = format_amount(_part(amount, percent, one.currency), one.currency)
            yield (f"{day} credit CM-{which} {name} {kind} line {line} {credited}",)

    def tell(self, lines: Sequence[str]) -> None:
        step = read_step(lines)
        self.lines += lines
        now = datetime.fromisoformat(f"{step.when or self.first}T12:00").replace(tzinfo=UTC)
        if step.words == ("day", "ended"):
            self.books.end_day(now.date())
        else:
            self.books.fold(self.teller.event(step, now if step.when else now - timedelta(days=1)))
        if self.reopens:
            self.books.reopen()


def _part(amount: int, percent: int, currency: str) -> int:
    step = smallest_unit(currency)
    return max(amount * percent // 100 // step, 1) * step


def faults(played: Played, *, explained: bool = False) -> list[str]:
    """What does not hold, each in one line that begins with its kind."""
    books = played.books
    found = []
    try:
        check_journals(journals_of(books))
    except (AssertionError, KeyError) as error:
        found.append(f"journals: {error}")
    found += [f"verify {one.check}: {one}" for one in violations(books)]
    waiting = open_exceptions(books)
    if not waiting:
        found += left(books) + forecast_left(books)
    if explained:
        found += [f"explained: {one}" for one in not_explained(books, *CLEARED, "4000", "4050")]
    return found


def journals_of(books: Books) -> list[JournalEntry]:
    return [one.record for one in books.folded if isinstance(one.record, JournalEntry)]


# What an exception of these kinds is about is neither billed nor given up.
BLOCKING = frozenset(
    "over_funding no_cost_rate unsupported invalid_terms unknown_reference "
    "statement_differs_from_invoice no_exchange_rate stale_exchange_rate".split()
)


def open_exceptions(books: Books) -> dict[str, ExceptionRaised]:
    standing: dict[str, ExceptionRaised] = {}
    for one in books.folded:
        if isinstance(one.record, ExceptionRaised):
            standing[one.record.exception_id] = one.record
        elif isinstance(one.record, ExceptionClosed):
            standing.pop(one.record.exception_id, None)
    return {
        key: one
        for key, one in standing.items()
        if one.category in BLOCKING and not one.message.startswith("write-off")
    }


def left(books: Books) -> list[str]:
    """Of what is billed in full nothing stands between the work and its invoice; adjustments by hand stay."""
    position: Counter[str] = Counter()
    ledger: Counter[str] = Counter()
    for journal in journals_of(books):
        for line in journal.lines:
            if line.account in CLEARED:
                position[line.account] += line.amount
                ledger[line.account] += line.ledger_amount
    adjusted = -sum(
        line.amount
        for journal in journals_of(books)
        for line in journal.lines
        if line.account in REVENUE and line.purpose == "adjustment"
    )
    # Revenue of work over a cap that does not limit it, or over an order.
    adjusted += sum(
        price.recognised - price.billable
        for entry in entries_of(books.shard.store, books.engagement_id)
        for price in [standing_price(entry)]
        if price is not None
        and price.line_id
        and price.account not in REVENUE
        and price.chargeable - price.passed > price.billable
    )
    stands = sum(position[account] for account in CONTRACT_POSITION)
    found = []
    if stands != adjusted:
        found.append(f"left: {dict(position)} where {adjusted} is earned and never billed")
    elif not adjusted and any(position.values()):
        found.append(f"sides: {dict(position)}")
    elif not adjusted and any(ledger.values()):
        found.append(f"ledger: {dict(ledger)}")
    return found


def differs_by_arrival(blocks: Sequence[Block]) -> str:
    """What stands in the end does not depend on when facts arrive."""
    told = quiet(blocks)
    late, in_order = Played(told), Played(in_time(told))
    try:
        if open_exceptions(late.books) or open_exceptions(in_order.books):
            return ""
        one, other = balances(late.books), balances(in_order.books)
        accounts = sorted({*one, *other} - DISTRIBUTED)
        found = [
            f"{each} {one.get(each, 0)} or {other.get(each, 0)}"
            for each in accounts
            if one.get(each) != other.get(each)
        ]
        return f"arrival: {', '.join(found)}" if found else ""
    finally:
        late.books.close()
        in_order.books.close()


def forecast_left(books: Books) -> list[str]:
    """Of what is over nothing is to come."""
    newest = {one.record.project_id: one.record for one in books.folded if isinstance(one.record, ForecastUpdate)}
    return [
        f"forecast {one.project_id}: {one.project.etc_revenue} to come, backlog {one.project.backlog}"
        for one in newest.values()
        if one.project.etc_revenue or one.project.backlog
    ]
