"""Balances that are loaded again move each account of each period by what they state otherwise, whatever came between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from hypothesis import assume, given
from hypothesis import strategies as st

from domain.outputs import ExceptionRaised, JournalEntry
from domain.units import AMOUNT_ONE
from tests.audited import violations
from tests.moving_in.twice import Firm, told

AS_OF = "2026-06-30"
FIRM = """
entity    LE  {ledger}  America/New_York {of_entity}
exchange  EUR USD 1.10 on 2026-06-05
exchange  EUR USD 1.20 on 2026-06-30
customer  C pays_in 30
person    bob  consultant of LE
cost      person bob 50.00 USD
project   P of LE
contract  K C LE EUR {of_contract}
  line L P
    rate 100.00{cap}
"""


class Balances(NamedTuple):
    """Of a line: hours that are billed and paid, on open invoice INV-0, and unbilled; what the ledger has of each, in per cent of the
    amount; and cost."""

    paid: int
    open: int
    unbilled: int
    rates: tuple[int, int, int]
    by_account: bool
    by_entry: bool
    is_capped: bool
    cost: int
    more: int

    def text(self, day: str, version: int, *, in_ledger: bool) -> str:
        paid, owed, unbilled = (100 * hours for hours in (self.paid, self.open, self.unbilled))
        of_paid, of_open, of_unbilled = (
            amount * rate // 100 for amount, rate in zip((paid, owed, unbilled), self.rates, strict=True)
        )
        revenue, of_unbilled = of_paid + of_open + of_unbilled + self.more, of_unbilled + self.more
        again = f" version {version}" if version > 1 else ""
        line = f"  line L hours={self.paid + self.open + self.unbilled} cost={self.cost}.00 revenue={paid + owed + unbilled}.00"
        line += f" billed={paid + owed}.00 paid={paid}.00"
        line += f" cap_used={paid + owed + unbilled}.00" if self.is_capped else ""
        rows = [f"{day}  brought forward P as_of {AS_OF}{again}", line]
        if in_ledger:
            rows[-1] += f" ledger.revenue={revenue}.00 ledger.unbilled={of_unbilled}.00 ledger.paid={of_paid}.00"
            if self.by_account:
                rows.append(f"    each accounts account=4000 ledger_amount=-{revenue}.00")
                part = "part=T-0 " if self.by_entry and unbilled else ""
                rows.append(f"    each accounts account=1150 {part}ledger_amount={of_unbilled}.00")
        if self.by_entry and unbilled:
            rows.append(
                f"    each entries entry_id=T-0 worked_on=2026-06-10 amount={unbilled}.00 hours={self.unbilled}"
            )
        if owed:
            carried = f" ledger_open={of_open}.00" if in_ledger else ""
            rows.append(f"  receivable INV-0 invoiced_on=2026-06-05 net={owed}.00 open={owed}.00{carried}")
        return "\n".join(rows)


class Story(NamedTuple):
    ledger: str
    remeasured: bool
    revalued: str
    first: Balances
    invoice_rate: int
    percents: tuple[int, int, int, int]
    place: int

    def firm(self, second: Balances | None, *, goes_on: bool = True) -> Firm:
        """With a second load somewhere; else until there."""
        entity = f"policy fx_revaluation={self.revalued} policy unbilled_is_monetary=yes" if self.revalued else ""
        contract = "policy fx_policy=remeasure_revenue" if self.remeasured else ""
        cap = "\n    cap hard 3,000.00" if self.first.is_capped else ""
        setup = FIRM.format(ledger=self.ledger, of_entity=entity, of_contract=contract, cap=cap).strip()
        in_ledger = self.ledger != "EUR"
        after = [*self._after()]
        place = self.place % (len(after) + 1)
        before, rest = after[:place], after[place:] if goes_on else []
        day = before[-1][:10] if before else AS_OF
        if before and "day ended" in before[-1]:
            day = str(date.fromisoformat(day) + timedelta(days=1))
        again = [second.text(day, 2, in_ledger=in_ledger)] if second is not None else []
        return Firm(setup, "", self.first.text(AS_OF, 1, in_ledger=in_ledger), "\n".join([*before, *again, *rest]))

    def _after(self) -> Iterator[str]:
        of_old, of_new, credited, conceded = self.percents
        owed, billed = 100 * self.first.open, 100 * self.first.unbilled
        yield "2026-07-01  day ended"
        yield "2026-07-02  time T-1 bob 7 h"
        yield "2026-07-03  exchange EUR USD 1.27 on 2026-07-03"
        rate = f" rate 1.{self.invoice_rate}" if self.invoice_rate and self.ledger != "EUR" else ""
        if billed:
            yield f"2026-07-04  invoice INV-1 K/C/2026-06-01/1 {billed}.00{rate}"
        if part := owed * of_old // 100:
            yield f"2026-07-05  pay PAY-0 C {part}.00 EUR for INV-0={part}.00"
        if part := billed * of_new // 100:
            yield f"2026-07-08  pay PAY-1 C {part}.00 EUR for INV-1={part}.00"
        if part := (owed - owed * of_old // 100) * credited // 100:
            yield f"2026-07-10  credit CM-0 INV-0 price_concession line L {part}.00"
        if part := (billed - billed * of_new // 100) * conceded // 100:
            yield f"2026-07-12  credit CM-1 INV-1 price_concession line L {part}.00"
        yield "2026-07-30  exchange EUR USD 1.33 on 2026-07-30"
        yield "2026-07-31  day ended"


balances = st.builds(
    Balances,
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 9),
    st.tuples(*[st.integers(105, 130)] * 3),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.just(1_000),
    st.just(0),
)
percents = st.integers(0, 4).map(lambda quarter: 25 * quarter)
stories = st.builds(
    Story,
    st.sampled_from(["USD", "USD", "EUR"]),
    st.booleans(),
    st.sampled_from(["", "cumulative", "reversing"]),
    balances,
    st.sampled_from([0, 21, 29]),
    st.tuples(percents, percents, percents, percents),
    st.integers(0, 20),
)


def of_periods(firm: Firm) -> Counter[tuple[str, str]]:
    """By account and period, in ledger currency; nothing was refused, and the audit finds nothing."""
    found = told(firm, AS_OF)
    records = [each.record for each in found.books.folded]
    refused = [
        one.message for one in records if isinstance(one, ExceptionRaised) and one.subject_kind == "brought_forward"
    ]
    wrong = violations(found.books)
    found.books.close()
    assert (refused, wrong) == ([], [])
    sums = Counter[tuple[str, str]]()
    for record in records:
        if isinstance(record, JournalEntry):
            for line in record.lines:
                sums[line.account, record.period] += line.ledger_amount
    return sums


def differences(one: Firm, other: Firm) -> dict[tuple[str, str], int]:
    had, has = of_periods(one), of_periods(other)
    return {place: amount for place in {**had, **has} if (amount := has[place] - had[place])}


@given(stories)
def test_the_same_balances_change_nothing(story: Story) -> None:
    first = story.first
    assume(first.paid + first.open + first.unbilled)
    assert differences(story.firm(None), story.firm(first)) == {}


@given(stories, st.integers(1, 40), st.integers(1, 40))
def test_other_balances_change_what_they_state_otherwise(story: Story, cost: int, more: int) -> None:
    """What an account that was cleared since is stated to carry beyond it is an exchange difference, what one that was revalued is leaves
    less unrealised."""
    first = story.first
    assume(first.unbilled)
    more = more if story.ledger != "EUR" else 0
    second = first._replace(cost=first.cost + cost, more=more)
    found = Counter[str]()
    for (account, period), amount in differences(
        story.firm(None, goes_on=False), story.firm(second, goes_on=False)
    ).items():
        found["unbilled" if account in ("1150", "7100", "7110") else f"{account} in {period}"] += amount
    wanted = {"unbilled": more, "4000 in 2026-06": -more, "5000 in 2026-06": cost, "2150 in 2026-06": -cost}
    assert {name: amount for name, amount in found.items() if amount} == {
        name: amount * AMOUNT_ONE for name, amount in wanted.items() if amount
    }
