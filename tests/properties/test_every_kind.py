"""What holds for every kind of terms, in currencies with no, two and three decimals, with a ledger in another currency.

| property | test |
|---|---|
| billed over the life is the price, or the work at its rates | `test_what_is_billed_is_what_it_is_worth` |
| billed + accrued (held and not) + over cap is what was ever accrued | `test_what_is_held_is_billed_later_and_nothing_is_lost` |
| the position nets to zero at the end, in both currencies | `test_what_is_billed_is_what_it_is_worth` |
| an event and its reversal leave no balance | `test_what_is_taken_back_leaves_what_would_be_without_it` |
| independent events in any order give the same books | `test_the_order_of_arrival_does_not_matter` |
| every state survives a checkpoint | `test_every_state_survives_a_checkpoint` |
| sums are exact in the smallest unit | `exact`, in all of them |

Each runs over `kinds.KINDS`: the hour, capped and not, at cost, what is spent, units, prices by schedule, over time, by progress reported
and by cost, milestones with and without hours, retainers of hours and money, subscriptions, deposits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.money import smallest_unit
from domain.outputs import BillingStatement, JournalEntry, ProjectView
from tests.harness import Books
from tests.properties.kinds import (
    CAP,
    CHANGES,
    CODES,
    DEPOSIT,
    GOES,
    KINDS,
    LAST_DAYS,
    PUT_RIGHT,
    STAYS,
    TAKEN_BACK,
    Fact,
    facts,
    firm,
    up_to,
)
from tests.thoroughness import EXAMPLES
from tests.told import balances, invoiced, ledger_balances, statements, told

POSITION = ("1150", "1160", "2300", "2310")
every_kind = pytest.mark.parametrize("kind", KINDS)
codes = st.sampled_from(CODES)
# A quarter has ninety days to fold, and every test is there for every kind.
few = settings(max_examples=max(EXAMPLES // 4, 3))


def story(kind: str, code: str, came: Sequence[Fact]) -> list[str]:
    """Told by day, the months ended in between; what is put right or taken back is so in the last days of March."""
    sold = KINDS[kind]
    found = [(one.on, sold.told(one, code)) for one in up_to(came, 3)]
    found += [
        (PUT_RIGHT, sold.back(one) if one.fate == GOES else sold.told(one.changed, code))
        for one in came
        if one.fate != STAYS
    ]
    found += [(day, "day ended") for day in LAST_DAYS]
    by_day = sorted(found, key=lambda each: (each[0], each[1] == "day ended"))
    return [*firm(kind, code), *(f"{day} {said}" for day, said in by_day)]


def standing(came: Sequence[Fact]) -> list[Fact]:
    return [one.changed if one.fate == CHANGES else one for one in came if one.fate != GOES]


def worth(kind: str, code: str, came: Sequence[Fact], month: int = 3) -> int:
    """In 10^-4 of the currency."""
    return KINDS[kind].worth(list(came), month) * smallest_unit(code)


def exact(books: Books, code: str) -> None:
    """Lines sum to statements, journals to nothing, in whole smallest units, and what is carried in the ledger too."""
    step = smallest_unit(code)
    for one in books.folded:
        match one.record:
            case BillingStatement() as statement:
                assert sum(line.amount for line in statement.lines) == statement.total
                assert all(line.amount % step == 0 for line in statement.lines)
            case JournalEntry() as journal:
                assert (
                    sum(line.amount for line in journal.lines) == sum(line.ledger_amount for line in journal.lines) == 0
                )
                assert all(line.amount % smallest_unit(journal.currency) == 0 for line in journal.lines)
                assert all(line.ledger_amount % smallest_unit("EUR") == 0 for line in journal.lines)


@every_kind
@few
@given(codes, facts((STAYS, STAYS, GOES, CHANGES)))
def test_what_is_billed_is_what_it_is_worth(kind: str, code: str, came: list[Fact]) -> None:
    """Whatever is put right: billed, owed and earned in full, and nothing left in between."""
    if kind == "progress":
        came = [one._replace(fate=STAYS) for one in came]
    with told([*story(kind, code, came), "2026-05-31 day ended"]) as books:
        wanted = worth(kind, code, standing(came))
        if kind == "time under a cap":
            wanted = min(wanted, CAP * smallest_unit(code))
        assert sum(one.amount_due for one in statements(books) if one.part == 1) == wanted
        invoiced(books, date(2026, 6, 2))
        found, ledger = balances(books, code), ledger_balances(books, "EUR")
        assert found.get("1100", 0) == wanted
        assert -found.get("4000", 0) - found.get("4050", 0) == wanted
        assert not {*POSITION} & {*found, *ledger}
        exact(books, code)


@every_kind
@few
@given(codes, facts())
def test_what_is_held_is_billed_later_and_nothing_is_lost(kind: str, code: str, came: list[Fact]) -> None:
    """January is billed, and February held: what was ever accrued is on statements, held, or over the cap."""
    lines = [line for line in story(kind, code, came) if not line.startswith("2026-03")]
    first = next(place for place, line in enumerate(lines) if line == f"{LAST_DAYS[0]} day ended")
    with told([*lines[: first + 1], "2026-01-31 hold H contract K", *lines[first + 1 :]]) as books:
        view = [one.record for one in books.folded if isinstance(one.record, ProjectView)][-1]
        (balance,) = view.balances
        billed = sum(one.total for one in statements(books) if one.part == 1)
        deposit = DEPOSIT * smallest_unit(code) if kind == "deposit" else 0
        assert balance.billed == billed
        assert balance.accrued == balance.held
        assert billed + balance.held + balance.over_cap + balance.written_off == worth(kind, code, came, 2) + deposit
        exact(books, code)


@every_kind
@few
@given(codes, facts())
def test_what_is_taken_back_leaves_what_would_be_without_it(kind: str, code: str, came: list[Fact]) -> None:
    """Billed in between or not: of what was told and taken back nothing is left, in either currency."""
    *before, last = story(kind, code, came)
    back = [f"{TAKEN_BACK} {KINDS[kind].back(one)}" for one in came]
    with (
        told([*before, *back, last, "2026-05-31 day ended"]) as gone,
        told([*story(kind, code, []), "2026-05-31 day ended"]) as idle,
    ):
        for books in (gone, idle):
            invoiced(books, date(2026, 6, 2))
        assert balances(gone) == balances(idle)
        assert not {*POSITION} & {*ledger_balances(gone, "EUR")}
        exact(gone, code)


@every_kind
@few
@given(codes, facts(), st.randoms())
def test_the_order_of_arrival_does_not_matter(kind: str, code: str, came: list[Fact], random: Random) -> None:
    """All is told on one day, in two orders: the same balances, and the same statements."""
    if kind == "progress":
        stamped = [
            f"{PUT_RIGHT} {KINDS[kind].told(one, code)} version {place}" for place, one in enumerate(up_to(came, 3), 1)
        ]
    else:
        stamped = [f"{PUT_RIGHT} {KINDS[kind].told(one, code)}" for one in came]
    shuffled = list(stamped)
    random.shuffle(shuffled)
    end = f"{TAKEN_BACK} day ended"
    with told([*firm(kind, code), *stamped, end]) as one, told([*firm(kind, code), *shuffled, end]) as other:
        assert balances(one, code) == balances(other, code)
        assert [each.total for each in statements(one)] == [each.total for each in statements(other)]
        exact(other, code)


@every_kind
@settings(max_examples=max(EXAMPLES // 6, 2))
@given(codes, facts((STAYS, GOES, CHANGES)))
def test_every_state_survives_a_checkpoint(kind: str, code: str, came: list[Fact]) -> None:
    """Closed and opened again after every event, the books say the same bytes."""
    lines = [*story(kind, code, came), "2026-04-30 day ended"]
    with told(lines) as usual, told(lines, reopens=True) as reopened:
        assert [one.body for one in reopened.encoded] == [one.body for one in usual.encoded]
