"""Lines that share a price earn all of it, in any order of arrival, whatever amendments and reports say on the way."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.json_records import event_from_json
from domain.accounts import CONTRACT_ASSET, CONTRACT_LIABILITY, SERVICE_REVENUE
from domain.money import format_decimal, smallest_unit
from domain.outputs import JournalEntry
from domain.units import Amount
from tests.harness import Books
from tests.thoroughness import EXAMPLES

Event = dict[str, Any]
LINES = 3
amounts = st.tuples(*(st.integers(1, 10**6) for _ in range(LINES)))


@st.composite
def stories(draw: st.DrawFn) -> tuple[str, list[Event], Amount, list[int]]:
    """A contract with two amendments, reports of its lines up to all of it, what it comes to, and another order of the reports."""
    currency = draw(st.sampled_from(["JPY", "EUR", "KWD"]))
    step = smallest_unit(currency)
    prices = [draw(amounts) for _ in range(3)]
    alone = draw(amounts)
    treatments = draw(st.tuples(*(st.sampled_from(["prospective", "catch_up"]) for _ in range(2))))
    contract = {"contract_id": "K", "currency": currency, "customer_id": "C", "legal_entity_id": "LE"}
    dates = {"signed_on": "2026-01-01", "starts_on": "2026-01-01", "ends_on": "2026-12-31"}
    first = _lines(prices[0], alone, step)
    events: list[Event] = [{"type": "ContractSigned", "version": 1, **contract, **dates, "lines": first}]
    for place, treatment in enumerate(treatments, start=1):
        terms = {
            "treatment": treatment,
            "effective_on": f"2026-0{3 * place}-15",
            "approved_by": "cfo",
            "reason": "more",
        }
        lines = _lines(prices[place], alone, step)
        own = {"version": place + 1, "replaces_version": place, **contract, **terms, "lines": lines}
        events.append({"type": "ContractAmended", **own})
    reports: list[Event] = []
    for line in range(LINES):
        percents = sorted(draw(st.lists(st.integers(0, 99), max_size=3)))
        for version, percent in enumerate([*percents, 100], start=1):
            said = {
                "line_id": f"L{line}",
                "version": version,
                "percent": str(percent),
                "as_of": f"2026-{2 * version:02}-20",
            }
            reports.append({"type": "ProgressReported", "contract_id": "K", **said})
    order = draw(st.permutations(range(len(reports))))
    return currency, [*events, *reports], sum(prices[-1]) * step, list(order)


def _lines(prices: tuple[int, ...], alone: tuple[int, ...], step: Amount) -> list[Event]:
    found: list[Event] = []
    for place, (price, standalone) in enumerate(zip(prices, alone, strict=True)):
        amount = format_decimal(price * step, 4)
        terms = {"type": "FixedPrice", "price": amount, "schedule": [{"on": "2026-12-31", "amount": amount}]}
        own = {"line_id": f"L{place}", "project_id": "P", "takes": ["fee"], "revenue_policy": "reported"}
        found.append({**own, "terms": terms, "standalone_price": format_decimal(standalone * step, 4)})
    return found


def revenue_of(currency: str, events: list[Event]) -> dict[str, Amount]:
    """By line what is earned when all is told on one day late in the year, once no contract is billed ahead on both sides."""
    books = Books()
    fiscal = {"kind": "calendar_month"}
    entity = {"legal_entity_id": "LE", "name": "LE", "currency": currency, "zone": "UTC", "fiscal_calendar": fiscal}
    head: list[Event] = [
        {"type": "LegalEntityDefined", "version": 1, **entity},
        {"type": "CustomerDefined", "customer_id": "C", "version": 1, "name": "C"},
    ]
    for place, event in enumerate([*head, *events]):
        at = f"2026-11-20T12:{place // 60:02}:{place % 60:02}Z"
        books.fold(event_from_json({"event_id": f"e-{place}", "occurred_at": at, "source": "test", **event}))
    journals = [one.record for one in books.folded if isinstance(one.record, JournalEntry)]
    sums = {account: _sum(journals, account) for account in (CONTRACT_ASSET, CONTRACT_LIABILITY, SERVICE_REVENUE)}
    assert not sums[CONTRACT_LIABILITY], "nothing is billed yet"
    assert sums[CONTRACT_ASSET] == -sums[SERVICE_REVENUE]
    found = {f"L{place}": books.part("line", f"K/L{place}").recognised for place in range(LINES)}
    assert sum(found.values()) == sums[CONTRACT_ASSET]
    books.close()
    return found


def _sum(journals: list[JournalEntry], account: str) -> Amount:
    return sum(line.amount for journal in journals for line in journal.lines if line.account == account)


@settings(max_examples=EXAMPLES)
@given(stories())
def test_all_of_the_price_is_earned_in_any_order(story: tuple[str, list[Event], Amount, list[int]]) -> None:
    currency, events, price, order = story
    first = revenue_of(currency, events)
    assert sum(first.values()) == price
    reports = events[3:]
    assert revenue_of(currency, [*events[:3], *(reports[place] for place in order)]) == first
