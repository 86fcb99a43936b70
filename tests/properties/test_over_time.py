"""Whatever is billed and changed when: what is earned over time comes to what is billed for it, and the position to nothing."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from connectors.json_records import event_from_json
from domain.ledger.position import ContractPosition
from domain.money import format_decimal, smallest_unit
from domain.outputs import BillingStatement, JournalEntry
from domain.units import Amount
from tests.auditing import check_journals
from tests.folding import MEMORY_DISK
from tests.harness import Books

Event = dict[str, Any]
FIRST = date(2026, 1, 1)
MONTHS = 14
CURRENCIES = ("EUR", "USD", "JPY", "KWD")


class Change(NamedTuple):
    """Told on a day of a month: new amounts from a date on, or the contract's end."""

    month: int
    effective_on: date
    amounts: tuple[int, ...]
    retroactive: bool
    treatment: str
    ends: bool


class Story(NamedTuple):
    """`lines` are amounts, in the smallest units of the currency, with what each line is."""

    currency: str
    starts_on: date
    ends_on: date
    lines: tuple[tuple[Event, int], ...]
    rates: tuple[int, ...]
    changes: tuple[Change, ...]
    invoiced: tuple[bool, ...]
    closed: tuple[bool, ...]


days = st.integers(0, 300).map(lambda days: FIRST + timedelta(days=days))
amounts = st.integers(0, 10**7)
subscriptions = st.builds(
    lambda per, in_advance, proration, refund: {
        "type": "Subscription",
        "per": per,
        "in_advance": in_advance,
        "proration": proration,
        "refund_on_termination": refund,
    },
    st.sampled_from(["month", "quarter", "year"]),
    st.booleans(),
    st.sampled_from(["by_day", "none"]),
    st.booleans(),
)
prices = st.builds(lambda share, days: {"type": "FixedPrice", "share": share, "days": days}, st.integers(0, 4), days)

# Their revenue is recognised when they are accepted, and stands on 1160 by itself.
milestones = st.builds(
    lambda accepted, revoked: {"type": "Milestones", "accepted": accepted, "revoked": accepted + revoked},
    st.integers(1, 10),
    st.integers(1, 20),
)


@st.composite
def stories(draw: st.DrawFn, *, changes: bool = True) -> Story:
    over_time = st.one_of(subscriptions, prices)
    second = st.lists(st.one_of(over_time, milestones), max_size=1)
    lines = tuple((shape, draw(amounts)) for shape in (draw(over_time), *draw(second)))
    starts_on, length = draw(days.filter(lambda day: day < date(2026, 3, 1))), draw(st.integers(0, 300))
    changed = st.builds(
        Change,
        st.integers(1, 12),
        days,
        st.tuples(*(amounts for _ in lines)),
        st.booleans(),
        st.sampled_from(["prospective", "catch_up"]),
        st.booleans(),
    )
    told = draw(st.lists(changed, max_size=3)) if changes else []
    ends = next((place for place, change in enumerate(told) if change.ends), len(told))
    months = st.tuples(*(st.booleans() for _ in range(MONTHS)))
    return Story(
        draw(st.sampled_from(CURRENCIES)),
        starts_on,
        starts_on + timedelta(days=length),
        lines,
        draw(st.tuples(*(st.integers(500, 2_000) for _ in range(MONTHS + 3)))),
        tuple(sorted(told[: ends + 1], key=lambda change: (change.ends, change.month))),
        draw(months),
        draw(months),
    )


def amount_text(story: Story, units: int) -> str:
    return format_decimal(units * smallest_unit(story.currency), 4)


def line_of(story: Story, place: int, shape: Event, units: int) -> Event:
    terms = dict(shape)
    if terms["type"] == "Subscription":
        terms["fee"] = amount_text(story, units)
    elif terms["type"] == "Milestones":
        one = {"milestone_id": f"M{place}", "name": "M", "amount": amount_text(story, units), "due_on": "2026-12-31"}
        return {"line_id": f"L{place}", "project_id": f"P{place}", "terms": {"type": "Milestones", "milestones": [one]}}
    else:
        first = units * terms.pop("share") // 4
        on = min(max(story.starts_on, terms.pop("days")), story.ends_on)
        parts = [(story.starts_on, first), (on, units - first)]
        terms["price"] = amount_text(story, units)
        terms["schedule"] = [{"on": f"{day}", "amount": amount_text(story, part)} for day, part in parts]
    line = {"line_id": f"L{place}", "project_id": f"P{place}", "terms": terms, "revenue_policy": "straight_line_days"}
    return line | ({"takes": ["fee"]} if place else {})


class Firm:
    """Tells a story month by month and looks at the books in between."""

    def __init__(self, story: Story, folder: Path, *, reopens: bool = False) -> None:
        self.story = story
        self.books = Books(folder if reopens else None)
        self.reopens = reopens
        self.at = 0
        self.version = 1
        self.invoiced: set[str] = set()

    def tell(self, day: date, type_name: str, /, **fields: Any) -> None:
        self.at += 1
        at = f"{day}T12:{self.at // 60 % 60:02}:{self.at % 60:02}Z"
        event = {"type": type_name, "event_id": f"e-{self.at}", "occurred_at": at, "source": "test", **fields}
        self.books.fold(event_from_json(event))
        self.look()

    def end(self, day: date) -> None:
        self.books.end_day(day)
        self.look()

    def look(self) -> None:
        """One side only, by the journals and as the books keep it."""
        position = self.position()
        assert position.asset[0] >= 0 >= position.liability[0], position
        assert not (position.asset[0] and position.liability[0]), position
        kept = self.books.part("liability", "K")
        if kept is not None:
            assert ContractPosition(*kept.position) == position
        for amount, ledger in position:
            assert amount or not ledger, position
        if self.reopens:
            self.books.reopen()

    @property
    def journals(self) -> list[JournalEntry]:
        return [one.record for one in self.books.folded if isinstance(one.record, JournalEntry)]

    def position(self) -> ContractPosition:
        position = ContractPosition()
        for journal in self.journals:
            for line in journal.lines:
                position = position.add(line.account, line.amount, line.ledger_amount)
        return position

    def begin(self) -> None:
        story = self.story
        zone = "Europe/Berlin"
        fiscal = {"kind": "calendar_month"}
        day = FIRST - timedelta(days=1)
        entity = {"legal_entity_id": "LE", "name": "LE", "currency": "EUR", "zone": zone, "fiscal_calendar": fiscal}
        self.tell(day, "LegalEntityDefined", version=1, **entity)
        self.tell(day, "CustomerDefined", customer_id="C", version=1, name="C")
        self.rate(day, 0)
        self.tell(
            day,
            "ContractSigned",
            contract_id="K",
            version=1,
            customer_id="C",
            legal_entity_id="LE",
            currency=story.currency,
            signed_on=f"{day}",
            starts_on=f"{story.starts_on}",
            ends_on=f"{story.ends_on}",
            policies={"rate_staleness_days": 366},
            lines=[line_of(story, place, *line) for place, line in enumerate(story.lines)],
        )

    def rate(self, day: date, place: int) -> None:
        if self.story.currency != "EUR":
            rate = format_decimal(self.story.rates[place], 3)
            pair = {"from_currency": self.story.currency, "to_currency": "EUR"}
            self.tell(day, "ExchangeRateSet", rate_type="spot", date=f"{day}", rate=rate, version=1, **pair)

    def change(self, day: date, change: Change) -> None:
        self.version += 1
        if change.ends:
            self.tell(
                day, "ContractTerminated", contract_id="K", version=self.version, effective_on=f"{change.effective_on}"
            )
            return
        story = self.story
        shapes = zip(story.lines, change.amounts, strict=True)
        self.tell(
            day,
            "ContractAmended",
            contract_id="K",
            version=self.version,
            replaces_version=self.version - 1,
            effective_on=f"{change.effective_on}",
            retroactive=change.retroactive,
            treatment=change.treatment,
            approved_by="boss",
            lines=[line_of(story, place, shape, units) for place, ((shape, _), units) in enumerate(shapes)],
        )

    def deliver(self, day: date, month: int) -> None:
        for place, (shape, _) in enumerate(self.story.lines):
            who = {"milestone_id": f"M{place}", "approved_by": "boss"}
            if shape.get("accepted") == month:
                self.tell(day, "MilestoneAccepted", version=1, accepted_on=f"{day}", **who)
            elif shape.get("revoked") == month:
                self.tell(day, "MilestoneRevoked", version=2, **who)

    def invoice(self, day: date) -> bool:
        """Everything that is issued and not invoiced; whether there was anything."""
        statements = {
            one.record.statement_id: one.record
            for one in self.books.folded
            if isinstance(one.record, BillingStatement) and one.record.statement_id not in self.invoiced
        }
        for statement_id, statement in statements.items():
            self.invoiced.add(statement_id)
            self.tell(
                day,
                "InvoicePosted",
                statement_id=statement_id,
                invoice_id=f"I-{statement_id}",
                posted_on=f"{day}",
                amount=format_decimal(statement.amount_due, 4),
            )
        return bool(statements)

    def play(self) -> None:
        story = self.story
        self.begin()
        firsts = [date(2026 + month // 12, month % 12 + 1, 1) for month in range(MONTHS + 2)]
        for month in range(MONTHS):
            self.rate(firsts[month], month + 1)
            for change in story.changes:
                if change.month == month:
                    self.change(firsts[month] + timedelta(days=9), change)
            self.deliver(firsts[month] + timedelta(days=4), month)
            self.end(firsts[month + 1] - timedelta(days=1))
            if story.invoiced[month]:
                self.invoice(firsts[month + 1])
            if story.closed[month]:
                period = f"{firsts[month]:%Y-%m}"
                who = {"requested_by": "a", "approved_by": "b"}
                self.tell(
                    firsts[month + 1], "AccountingPeriodClosed", legal_entity_id="LE", period=period, version=1, **who
                )
        self.invoice(firsts[-2])
        self.end(firsts[-1] - timedelta(days=1))
        self.invoice(firsts[-1])


def played(story: Story, *, reopens: bool = False) -> Firm:
    with tempfile.TemporaryDirectory(dir=MEMORY_DISK) as folder:
        firm = Firm(story, Path(folder), reopens=reopens)
        firm.play()
        check_journals(firm.journals)
        firm.books.close()
        return firm


def sums(journals: list[JournalEntry]) -> Iterator[tuple[str, Amount, Amount]]:
    amounts: Counter[str] = Counter()
    ledger: Counter[str] = Counter()
    for journal in journals:
        for line in journal.lines:
            amounts[line.account] += line.amount
            ledger[line.account] += line.ledger_amount
    return ((account, amounts[account], ledger[account]) for account in sorted(amounts))


@given(stories())
def test_what_is_billed_is_earned(story: Story) -> None:
    """Of a price that ends early, or of which the newest terms bill no more, what was billed beyond what is earned stays a liability."""
    firm = played(story)
    found = {account: amount for account, amount, _ in sums(firm.journals)}
    position = firm.position()
    assert found.get("1100", 0) + found.get("4000", 0) == -(position.asset[0] + position.liability[0])
    if not story.changes or all(shape["type"] != "FixedPrice" for shape, _ in story.lines):
        assert position == ContractPosition()


@given(stories(changes=False))
def test_a_price_is_billed_and_earned_in_full(story: Story) -> None:
    fixed = [units for shape, units in story.lines if shape["type"] == "FixedPrice"]
    if len(fixed) == len(story.lines):
        found = {account: amount for account, amount, _ in sums(played(story).journals)}
        assert found.get("1100", 0) == -found.get("4000", 0) == sum(fixed) * smallest_unit(story.currency)


@given(stories())
def test_every_state_survives_a_checkpoint(story: Story) -> None:
    assert [one.body for one in played(story, reopens=True).books.encoded] == [
        one.body for one in played(story).books.encoded
    ]


@given(stories())
def test_it_does_not_matter_when_it_is_told(story: Story) -> None:
    """New terms and the end of a contract come to the same, whether they are known at once or after months were recognised and billed."""
    told = sorted(story.changes, key=lambda change: change.month)
    at_once = story._replace(changes=tuple(change._replace(month=0) for change in told))
    late, early = (
        {account: amount for account, amount, _ in sums(played(one).journals) if amount} for one in (story, at_once)
    )
    assert late == early
