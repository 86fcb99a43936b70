"""Refund liability: of an invoiced price all that is expected to go back is owed, after each event in any order; at the end nothing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.accounts import CONTRACT_ASSET, CONTRACT_LIABILITY, RECEIVABLE, SERVICE_REVENUE
from domain.audit import refunds
from domain.capabilities import REFUND_LIABILITY
from domain.units import Amount
from tests.audit.test_engagement_checks import engagement
from tests.auditing import check_journals
from tests.properties.test_variable_consideration import ITEMS, Played, Step, Story, _day, _events, shown, stories


def owed_back(story: Story, known: list[Step]) -> Amount:
    """Of the newest versions that are known; those of a story follow its days."""
    held = dict(story.first)
    for one in sorted(known, key=lambda each: each.day):
        if one.estimate is not None:
            held[one.item] = one.estimate
    return sum(max(-said.amount(ITEMS[item], story.step), 0) for item, said in held.items())


@settings(max_examples=40)
@given(stories(), st.integers(0, 12))
def test_what_is_expected_to_go_back_is_owed_once_the_price_is_invoiced(story: Story, invoiced_after: int) -> None:
    events, late = _events(story), _day(330)
    known: list[Step] = []
    settled: set[str] = set()
    played = Played(story)
    is_invoiced = False
    for count, place in enumerate(story.order):
        if count == min(invoiced_after, len(story.order) - 1):
            played.fold({"type": "StatementRequested", "request_id": "R-1", "contract_id": "K"}, late)
            played.invoice(late)
            is_invoiced = True
            settled = {one.item for one in known if one.settled}
        played.fold(events[place], late)
        known.append(story.steps[place])
        if is_invoiced and not settled:
            assert -played.on(REFUND_LIABILITY) == owed_back(story, known)
            # Both sides of the position and what is owed back are what invoices are ahead of revenue.
            ahead = -played.on(CONTRACT_ASSET, CONTRACT_LIABILITY, REFUND_LIABILITY)
            assert ahead == story.price - played.recognised
    played.fold({"type": "StatementRequested", "request_id": "R-2", "contract_id": "K"}, late)
    played.invoice(late)
    assert not played.on(CONTRACT_ASSET, CONTRACT_LIABILITY, REFUND_LIABILITY)
    assert played.on(SERVICE_REVENUE) == -story.earned(story.steps)
    check_journals(played.journals())
    assert refunds.check(engagement(*played.journals())).violations == ()
    played.books.close()


@settings(max_examples=40)
@given(stories(), st.integers(0, 12), st.integers(0, 150))
def test_what_memos_gave_is_credited_by_no_statement(story: Story, invoiced_after: int, percent: int) -> None:
    """A memo gives a part of all that no statement has credited by then, before or after it is settled; what is more is asked back."""
    events, late = _events(story), _day(330)
    played = Played(story)
    due = {one.item: one.estimate.outcomes[0][1] * story.step for one in story.steps if one.settled and one.estimate}
    settled: set[str] = set()
    for count, place in enumerate(story.order):
        if count == min(invoiced_after, len(story.order) - 1):
            played.fold({"type": "StatementRequested", "request_id": "R-1", "contract_id": "K"}, late)
            played.invoice(late)
            left = sum(max(-amount, 0) for item, amount in due.items() if item not in settled)
            if rebate := left // story.step * percent // 100 * story.step:
                played.fold(_memo(shown(rebate)), late)
        played.fold(events[place], late)
        settled |= {story.steps[place].item} if story.steps[place].settled else set()
    played.fold({"type": "StatementRequested", "request_id": "R-2", "contract_id": "K"}, late)
    played.invoice(late)
    assert played.on(RECEIVABLE) == story.earned(story.steps) == story.price + sum(due.values())
    assert not played.on(REFUND_LIABILITY)
    assert not played.on(CONTRACT_ASSET, CONTRACT_LIABILITY)
    check_journals(played.journals())
    played.books.close()


def _memo(amount: str) -> dict[str, object]:
    who = {"requested_by": "ann", "approved_by": "ben", "issued_on": _day(330)}
    lines = [{"line_id": "L", "amount": amount}]
    return {
        "type": "CreditMemoIssued",
        "credit_memo_id": "M",
        "invoice_id": "I-0",
        "kind": "rebate",
        "lines": lines,
        **who,
    }
