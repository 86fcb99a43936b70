"""Plays a drawn story and says what does not hold in its books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.accounts import CONTRACT_POSITION, REVENUE
from domain.audit.engagement import issued
from domain.audit.findings import SeenOutput
from domain.audit.funding import SourcesPaid
from domain.audit.terms import SourceBound
from domain.events.commercial import ContractAmended, ContractSigned
from domain.events.common import Policies
from domain.events.delivery import BillingHoldPlaced, BillingHoldReleased
from domain.events.finance import CreditMemoIssued
from domain.money import format_amount, smallest_unit
from domain.outputs import BillingStatement, ExceptionClosed, ExceptionRaised, ForecastUpdate, JournalEntry
from domain.work.rows import OPENING, ROWS
from tests.audited import seen_of, violations
from tests.auditing import check_journals, entries_of, standing_price
from tests.explained import not_explained
from tests.harness import Books, Record
from tests.lifetimes.charged import not_as_worked
from tests.lifetimes.draw import Block, in_time, quiet
from tests.lifetimes.owed import Owed, not_as_paid
from tests.scenario_events import Teller
from tests.scenario_text import read_step
from tests.told import balances, newest_statements

# Exchange differences follow the days of invoices.
DISTRIBUTED = {"7100", "7110", "7190"}
CLEARED = ("1150", "1160", "2300", "2310", "2320", "1170")
# Cost of work whose price is done, and losses that have shown.
SHOWN = ("1300", "2350", "5900")


class Played:
    """The books of a story, and the story with what its words came to."""

    def __init__(self, blocks: Sequence[Block], *, folder: Path | None = None) -> None:
        self.books = Books(folder)
        self.lines: list[str] = []
        self.teller = Teller({})
        self.invoices: dict[str, tuple[str, BillingStatement]] = {}
        self.reopens, self.is_settled = folder is not None, False
        self.first = next(block.day for block in blocks if block.day)
        for block in blocks:
            for line in self.meant(block):
                self.tell(line)

    def meant(self, block: Block) -> Iterator[tuple[str, ...]]:
        match block.head.split():
            case [day, "invoiced", *rate]:
                for one in newest_statements(self.books):
                    if one.status == "issued" and one.statement_id not in self.invoices:
                        name = f"INV-{len(self.invoices) + 1}"
                        self.invoices[one.statement_id] = name, one
                        words = [name, one.statement_id[2:], format_amount(one.amount_due, one.currency), *rate]
                        tax = sum(group.amount for group in one.tax)
                        yield (
                            " ".join(
                                (day, "invoice", *words, *(("tax", format_amount(tax, one.currency)) if tax else ()))
                            ),
                        )
            case [day, "approved", *some]:
                which, seen = int(some[0]) if some else -1, set[tuple[str, int]]()
                while drafts := [one for one in drafts_of(self.books) if (one.statement_id, one.revision) not in seen]:
                    one = drafts[0]
                    if which >> len(seen) & 1:
                        yield (f"{day} approve {one.statement_id[2:]} revision {one.revision} carol",)
                    seen.add((one.statement_id, one.revision))
            case [day, "returned", which]:
                if drafts := drafts_of(self.books):
                    one = drafts[int(which) % len(drafts)]
                    yield (f"{day} return {one.statement_id[2:]} revision {one.revision}",)
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
            case [day, "cash" | "applied" | "unapplied" | "bounced" | "lost" | "settled", *_]:
                self.is_settled = block.words[0] == "settled"
                for line in self.owed().meant(day, block.words) if self.invoices else ():
                    yield (line,)
            case _:
                yield (block.head, *block.below)

    def owed(self) -> Owed:
        return Owed(self.books, (one.subject_id for one in standing_exceptions(self.books).values()), self.invoices)

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


def drafts_of(books: Books) -> list[BillingStatement]:
    return [one for one in newest_statements(books) if one.status == "open"]


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
    found += [*above_limits(books), *charged_though_held(books), *stuck_as_used(books)]
    found += not_as_worked(books, waiting_entries(books))
    found += not_delivered(books)
    waiting = open_exceptions(books)
    if not waiting:
        found += left(books) + forecast_left(books)
        found += not_as_paid(books, played.owed()) if played.is_settled and played.invoices else ()
    if explained:
        found += [f"explained: {one}" for one in not_explained(books, *CLEARED, "4000", "4050")]
    return found


def journals_of(books: Books) -> list[JournalEntry]:
    return [one.record for one in books.folded if isinstance(one.record, JournalEntry)]


# What an exception of these kinds is about is neither billed nor given up.
BLOCKING = frozenset(
    "no_cost_rate unsupported invalid_terms unknown_reference "
    "statement_differs_from_invoice no_exchange_rate stale_exchange_rate balances_differ in_balances".split()
)


def standing_exceptions(books: Books) -> dict[str, ExceptionRaised]:
    standing: dict[str, ExceptionRaised] = {}
    for one in books.folded:
        if isinstance(one.record, ExceptionRaised):
            standing[one.record.exception_id] = one.record
        elif isinstance(one.record, ExceptionClosed):
            standing.pop(one.record.exception_id, None)
    return standing


def waiting_entries(books: Books) -> frozenset[str]:
    """Time and expenses that lack something."""
    found = standing_exceptions(books).values()
    return frozenset(one.subject_id for one in found if one.subject_kind in ("time_entry", "expense"))


def open_exceptions(books: Books) -> dict[str, ExceptionRaised]:
    return {
        key: one
        for key, one in standing_exceptions(books).items()
        if one.category in BLOCKING and one.subject_kind not in ("write_off", "payment", "payment_application")
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
    found = [f"shown: {account} {amount}" for account, amount in shown(books) if any(amount)]
    if stands != adjusted:
        found.append(f"left: {dict(position)} where {adjusted} is earned and never billed")
    elif not adjusted and any(position.values()):
        found.append(f"sides: {dict(position)}")
    elif not adjusted and any(ledger.values()):
        found.append(f"ledger: {dict(ledger)}")
    return found


def not_delivered(books: Books) -> Iterator[str]:
    """The ERP has what balances state, and is sent all that comes of work later."""
    kept = Counter[tuple[str, str]]()
    for _, outputs in _by_event(books):
        journals = [one.record for one in outputs if isinstance(one.record, JournalEntry)]
        if not any(one.affected_kind == OPENING for one in journals):
            for one in journals:
                if not one.deliver and one.affected_kind in ROWS:
                    kept.update({(one.affected_id, line.account): line.amount for line in one.lines})
    yield from (
        f"memo: {amount} on {account} of {name} is not delivered" for (name, account), amount in kept.items() if amount
    )


def shown(books: Books) -> list[tuple[str, tuple[int, int]]]:
    """Of losses provided for, and of cost that waits for revenue, in both currencies; that of work without a line waits on."""
    waits = waiting_entries(books)
    lines = [line for journal in journals_of(books) if journal.affected_id not in waits for line in journal.lines]
    return [
        (account, (sum(one.amount for one in found), sum(one.ledger_amount for one in found)))
        for account in SHOWN
        for found in [[line for line in lines if line.account == account]]
    ]


def above_limits(books: Books) -> Iterator[str]:
    """No source is above the highest limit that any version has stated by then, also if every draft that waits were issued as it is."""
    limits: dict[tuple[str, str], SourceBound] = {}
    paid = SourcesPaid(limits)
    standing = {seen.position for seen, _ in issued(seen_of(books))}
    for record, outputs in _by_event(books):
        if isinstance(record.event, ContractSigned | ContractAmended) and record.event.funding is not None:
            for source in record.event.funding.sources:
                key = record.event.contract_id, source.source_id
                had = limits.get(key, SourceBound(frozenset(), source.limit))
                both = [one for one in (had.limit, source.limit) if one is not None]
                limits[key] = SourceBound(had.customers | {source.bill_to}, max(both) if len(both) > 1 else None)
        for seen in outputs:
            paid.take(seen, is_gone=seen.position not in standing)
        yield from (f"above: {one}" for one in paid.violations())


def charged_though_held(books: Books) -> Iterator[str]:
    held: dict[str, tuple[str, str]] = {}
    for record, outputs in _by_event(books):
        match record.event:
            case ContractSigned(policies=Policies(late_line="reissue")):
                return  # a statement that is issued again has what it had
            case BillingHoldPlaced() as hold:
                held[hold.hold_id] = hold.scope.kind, hold.scope.id
            case BillingHoldReleased() as hold:
                held.pop(hold.hold_id, None)
            case _:
                pass
        for one in (seen.record for seen in outputs):
            if isinstance(one, BillingStatement) and one.status in ("open", "issued"):
                said = {("bill_to", one.bill_to), ("contract", one.contract_id)}
                said |= {
                    place for line in one.lines for place in (("line", line.line_id), ("project", line.project_id))
                }
                said |= {("entry", row.rpartition("/")[2]) for line in one.lines for row in line.entries}
                yield from (f"held: {kind} {name} on {one.statement_id}" for kind, name in said & {*held.values()})


def stuck_as_used(books: Books) -> Iterator[str]:
    """In the end a source is used as far as statements say, where no credit memo takes anything off them."""
    if drafts_of(books) or any(isinstance(record.event, CreditMemoIssued) for record in books.log):
        return
    used, said = Counter[str](), Counter[str]()
    for (kind, _), part in books.parts().items():
        used.update(part.funded if kind == "line" else {})
    for one in newest_statements(books):
        for line in one.lines if one.status == "issued" else ():
            said.update({source.source_id: source.amount for source in line.sources})
    yield from (
        f"stuck: {one} {used[one]} used, {said[one]} on statements" for one in {*used, *said} if used[one] != said[one]
    )


def _by_event(books: Books) -> Iterator[tuple[Record, list[SeenOutput]]]:
    found: dict[int, list[SeenOutput]] = {}
    for seen in seen_of(books):
        found.setdefault(seen.position.log_offset, []).append(seen)
    for record in books.log:
        yield record, found.get(record.offset, [])


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
