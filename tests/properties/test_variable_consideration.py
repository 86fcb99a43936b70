"""Variable parts of a price: revenue to date is the percentage of the fixed price and what is included of its parts, by any day and in any
order of the estimates; it ends at the settled amount, and nothing is left on the position once that is invoiced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.json_records import event_from_json
from domain.accounts import CONTRACT_ASSET, CONTRACT_LIABILITY, SERVICE_REVENUE
from domain.capabilities import REFUND_LIABILITY
from domain.money import HALF_UP, format_decimal, round_ratio, smallest_unit
from domain.outputs import BillingStatement, JournalEntry
from domain.units import Amount
from tests.auditing import check_journals
from tests.harness import Books

Event = dict[str, Any]
ITEMS = {"BONUS": "most_likely", "PENALTY": "expected_value"}


class Estimate(NamedTuple):
    """Of one item: outcomes in per cent and units of the currency, or one amount alone."""

    outcomes: tuple[tuple[int, int], ...]
    included: bool

    def fields(self, step: Amount) -> Event:
        said = [{"probability": str(percent), "amount": shown(units * step)} for percent, units in self.outcomes]
        one = {"amount": said[0]["amount"]} if len(said) == 1 else {"outcomes": said}
        return {"included": self.included, **one}

    def amount(self, method: str, step: Amount) -> Amount:
        if not self.included:
            return 0
        if len(self.outcomes) == 1:
            return self.outcomes[0][1] * step
        if method == "most_likely":
            return max(self.outcomes, key=lambda one: (one[0], -one[1]))[1] * step
        return round_ratio(sum(percent * units for percent, units in self.outcomes), 100, 1, HALF_UP) * step


class Step(NamedTuple):
    """On a day of 2026 a report of the percentage, or an estimate of an item, which the last settles."""

    day: int
    percent: int | None = None
    item: str = ""
    estimate: Estimate | None = None
    settled: bool = False


class Story(NamedTuple):
    currency: str
    price: Amount
    first: Mapping[str, Estimate]
    steps: tuple[Step, ...]
    order: tuple[int, ...]

    @property
    def step(self) -> Amount:
        return smallest_unit(self.currency)

    def earned(self, done: Iterable[Step]) -> Amount:
        """By the rule, after steps in the order of their days."""
        percent, held = 0, dict(self.first)
        for one in done:
            percent = one.percent if one.percent is not None else percent
            if one.estimate is not None:
                held[one.item] = one.estimate
        price = self.price + sum(said.amount(ITEMS[item], self.step) for item, said in held.items())
        return round_ratio(price * percent, 100, self.step, HALF_UP)


def shown(amount: Amount) -> str:
    return format_decimal(amount, 4)


units = st.integers(-3_000, 3_000)


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    included = draw(st.booleans())
    if draw(st.booleans()):
        return Estimate(((100, draw(units)),), included)
    percent = draw(st.integers(1, 99))
    return Estimate(((percent, draw(units)), (100 - percent, draw(units))), included)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    currency = draw(st.sampled_from(["JPY", "EUR", "KWD"]))
    percents = sorted(draw(st.lists(st.integers(0, 99), max_size=4)))
    said = draw(st.lists(st.tuples(st.sampled_from(sorted(ITEMS)), estimates()), max_size=5))
    mixed: list[Step] = [Step(0, item=item, estimate=estimate) for item, estimate in said]
    mixed += [Step(0, percent) for percent in percents]
    mixed = draw(st.permutations(mixed))
    # Reports never fall: their places among the others are drawn, their order is not.
    reports = iter(percents)
    mixed = [Step(0, next(reports)) if one.percent is not None else one for one in mixed]
    due = [Step(0, item=item, estimate=Estimate(((100, draw(units)),), True), settled=True) for item in sorted(ITEMS)]
    steps = tuple(one._replace(day=10 + 15 * place) for place, one in enumerate([*mixed, Step(0, 100), *due]))
    first = {item: draw(estimates()) for item in ITEMS}
    price = draw(st.integers(10_000, 10**6)) * smallest_unit(currency)
    return Story(currency, price, first, steps, tuple(draw(st.permutations(range(len(steps))))))


def _day(number: int) -> str:
    month, day = divmod(number, 28)
    return f"2026-{month + 1:02}-{day + 1:02}"


def _terms(story: Story) -> list[Event]:
    fiscal = {"kind": "calendar_month"}
    zone = {"currency": story.currency, "zone": "UTC", "fiscal_calendar": fiscal}
    items = [
        {"item_id": item, "kind": "part", "method": ITEMS[item], **estimate.fields(story.step)}
        for item, estimate in story.first.items()
    ]
    price = shown(story.price)
    line = {"line_id": "L", "project_id": "P", "revenue_policy": "reported", "variable_consideration": items}
    fixed = {"type": "FixedPrice", "price": price, "schedule": [{"on": "2026-01-05", "amount": price}]}
    who = {"contract_id": "K", "currency": story.currency, "customer_id": "C", "legal_entity_id": "LE"}
    dates = {
        "billing_cycle": {"kind": "on_request"},
        "signed_on": "2026-01-01",
        "starts_on": "2026-01-01",
        "ends_on": "2026-12-31",
    }
    return [
        {"type": "LegalEntityDefined", "legal_entity_id": "LE", "version": 1, "name": "LE", **zone},
        {"type": "CustomerDefined", "customer_id": "C", "version": 1, "name": "C"},
        {"type": "ContractSigned", "version": 1, **who, **dates, "lines": [{**line, "terms": fixed}]},
    ]


def _events(story: Story) -> list[Event]:
    found: list[Event] = []
    for version, one in enumerate(story.steps, start=1):
        own = {"contract_id": "K", "line_id": "L", "version": version, "as_of": _day(one.day)}
        if one.estimate is None:
            found.append({"type": "ProgressReported", **own, "percent": str(one.percent)})
            continue
        who = {"reason": "test", "requested_by": "ann", "approved_by": "ben", "settled": one.settled}
        said = {"item_id": one.item, **who, **one.estimate.fields(story.step)}
        found.append({"type": "VariableConsiderationRevised", **own, **said})
    return found


class Played:
    def __init__(self, story: Story) -> None:
        self.books = Books()
        self.count = 0
        for event in _terms(story):
            self.fold(event, "2026-01-01")

    def fold(self, event: Event, day: str) -> None:
        self.count += 1
        at = f"{day}T12:00:{self.count:02}Z"
        self.books.fold(event_from_json({"event_id": f"e-{self.count}", "occurred_at": at, "source": "test", **event}))

    @property
    def recognised(self) -> Amount:
        found: Amount = self.books.part("line", "K/L").recognised
        return found

    def journals(self) -> list[JournalEntry]:
        return [one.record for one in self.books.folded if isinstance(one.record, JournalEntry)]

    def on(self, *accounts: str) -> Amount:
        return sum(line.amount for one in self.journals() for line in one.lines if line.account in accounts)

    def invoice(self, day: str) -> None:
        """All that stands on statements that are not invoiced yet."""
        known = {
            one.record.statement_id: one.record for one in self.books.folded if isinstance(one.record, BillingStatement)
        }
        for number, statement in enumerate(known.values()):
            amount = shown(statement.amount_due)
            own = {"statement_id": statement.statement_id, "invoice_id": f"I-{number}", "posted_on": day}
            self.fold({"type": "InvoicePosted", **own, "amount": amount}, day)


@settings(max_examples=40)
@given(stories())
def test_revenue_to_date_is_the_percentage_of_the_price_with_its_parts(story: Story) -> None:
    played = Played(story)
    for place, (one, event) in enumerate(zip(story.steps, _events(story), strict=True), start=1):
        played.fold(event, _day(one.day))
        assert played.recognised == story.earned(story.steps[:place])
    check_journals(played.journals())
    played.books.close()


@settings(max_examples=40)
@given(stories())
def test_it_ends_at_what_is_settled_in_any_order(story: Story) -> None:
    events, late = _events(story), _day(330)
    played = Played(story)
    for place in story.order:
        played.fold(events[place], late)
    whole = story.price + sum(
        one.estimate.outcomes[0][1] * story.step for one in story.steps if one.settled and one.estimate
    )
    assert played.recognised == story.earned(story.steps) == whole
    played.fold({"type": "StatementRequested", "request_id": "R", "contract_id": "K"}, late)
    played.invoice(late)
    check_journals(played.journals())
    assert played.on(SERVICE_REVENUE) == -whole
    assert not played.on(CONTRACT_ASSET, CONTRACT_LIABILITY, REFUND_LIABILITY)
    played.books.close()
