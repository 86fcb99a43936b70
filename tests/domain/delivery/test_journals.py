"""Groups of journals as the ERP gets them."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.delivery.chart import AccountRule, SegmentRule, Unmapped
from domain.delivery.documents import JournalDocument, key_of
from domain.delivery.groups import JournalGroup
from domain.delivery.journals import documents, halves, of_members
from domain.delivery.lacks import Lacks
from domain.outputs import JournalEntry
from domain.units import AMOUNT_ONE, EXCHANGE_RATE_ONE
from tests.domain.delivery.journals import chart, journal, line, sums


def group(*members: JournalEntry) -> JournalGroup:
    ordered = sorted(members, key=lambda each: each.journal_id)
    day = ordered[0].accounting_date
    return JournalGroup("entity_day", "DE", day, tuple(ordered), tuple(f"c-{each.journal_id}" for each in ordered), 0)


def made(found: JournalGroup, limit: int = 1_000, **changes: Any) -> tuple[JournalDocument, ...]:
    found_documents = documents(found, chart(**changes), limit)
    assert all(isinstance(each, JournalDocument) for each in found_documents)
    return found_documents  # type: ignore[return-value]


def test_lines_of_one_account_and_segments_are_one_debits_apart_from_credits() -> None:
    """Two entries and the reversal of one: Dr 200.00 and Cr 100.00 stand on each account."""
    reversal = journal("J-3", [line("1150", -100), line("4000", 100)], kind="reversal", reverses="J-2")
    (document,) = made(group(journal("J-1"), journal("J-2"), reversal))
    assert [(each.account, each.amount // AMOUNT_ONE, each.text) for each in document.lines] == [
        ("91150", 200, "P-1"),
        ("91150", -100, "P-1"),
        ("94000", 100, "P-1"),
        ("94000", -200, "P-1"),
    ]
    assert document.members == ("J-1", "J-2", "J-3")
    assert document.key == key_of("journal", document.members)
    assert (document.text, document.correlation_id) == ("Milepost, 3 journals", "c-J-1")


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ({}, []),
        ({"currencies": {"USD": "1"}}, [("currency", "EUR")]),
        ({"currencies": {"EUR": "4"}, "periods": {"2026-05": "144"}}, [("period", "2026-06")]),
        ({"currencies": {"USD": "1"}, "periods": {"2026-05": "144"}}, [("currency", "EUR"), ("period", "2026-06")]),
    ],
)
def test_a_currency_or_period_that_the_chart_has_not_got_waits_and_the_check_names_it(
    more: dict[str, Any], missing: list[tuple[str, str]]
) -> None:
    """Where the chart has none at all, ours go as they are. The check and what is sent go by one rule: 100.00 of revenue in June."""
    entry = journal("J-1")
    found = documents(group(entry), chart(**more), 200)
    assert [(each.missing, each.role, each.journals) for each in found if isinstance(each, Unmapped)] == [
        (*each, ("J-1",)) for each in missing
    ]
    lacks = Lacks({"DE": chart(**more)})
    lacks.add(entry)
    assert [(each.missing, each.name) for each, _ in lacks.found] == missing


def test_ids_of_currency_and_period_are_the_erps_where_the_chart_has_them() -> None:
    (document,) = made(group(journal("J-1")), currencies={"EUR": "4"}, periods={"2026-06": "145"})
    assert (document.currency_id, document.period_id, document.subsidiary) == ("4", "145", "1")
    (document,) = made(group(journal("J-1")))
    assert (document.currency_id, document.period_id) == ("EUR", "2026-06")
    assert document.text == "Milepost, posting time_entry T-J-1"


def test_what_the_chart_lacks_comes_in_place_of_documents_with_the_journals_that_wait() -> None:
    accounts = {"1150": (AccountRule("58"),), "4000": (AccountRule("4100", (("practice", "structures"),)),)}
    lines = [line("1150", 100), line("4000", -100, practice="structures")]
    found = documents(group(journal("J-1"), journal("J-2", lines), journal("J-3")), chart(accounts=accounts), 200)
    assert found == (Unmapped("account", "4000", (("practice", ""),), ("J-1", "J-3")),)


def test_too_many_lines_are_halved_always_at_the_same_places() -> None:
    """Eight projects on two accounts: 16 lines, of which 5 fit; each pair of journals has four."""
    journals = [
        journal(f"J-{number}", [line("1150", 100, project=f"P-{number}"), line("4000", -100, project=f"P-{number}")])
        for number in range(8)
    ]
    segments = (SegmentRule("project", "project"),)
    parts = made(group(*journals), 5, segments=segments)
    assert [part.members for part in parts] == [
        ("J-0", "J-1"), ("J-2", "J-3"), ("J-4", "J-5"), ("J-6", "J-7"),
    ]  # fmt: skip
    first, _ = halves(halves(group(*journals))[0])
    assert first.key == parts[0].key
    assert len(made(group(*journals), 5)) == 1, "without segments they are two lines"


def test_the_halves_of_a_period_have_the_last_accounting_dates_of_their_own_journals() -> None:
    days = [date(2026, 6, day) for day in (3, 9, 17, 30)]
    june = group(*(journal(f"J-{number}", day=day) for number, day in enumerate(days)))._replace(
        accounting_date=days[-1]
    )
    assert [each.accounting_date for each in halves(june)] == [days[1], days[3]]
    assert of_members(june, ("J-0", "J-2")).accounting_date == days[2]


def test_a_single_journal_with_too_many_lines_is_parted_into_balanced_ones() -> None:
    """Six projects of 100.00 against one account of 600.00, four lines a journal: three projects each."""
    lines = [*(line("1150", 100, project=f"P-{number}") for number in range(6)), line("1100", -600)]
    parts = made(group(journal("J-1", lines)), 4, segments=(SegmentRule("project", "project"),))
    assert [sum(each.amount for each in part.lines if each.amount > 0) // AMOUNT_ONE for part in parts] == [300, 300]
    assert [len(part.lines) for part in parts] == [4, 4]
    assert [part.key for part in parts] == [key_of("journal", ["J-1"], "1/2"), key_of("journal", ["J-1"], "2/2")]
    with pytest.raises(ValueError, match="expected 2 or more, since a journal has two sides, got 1"):
        documents(group(journal("J-1", lines)), chart(), 1)


ACCOUNTS = st.sampled_from(("1150", "1160", "4000", "5000", "2150", "7190"))
AMOUNTS = st.integers(-(10**9), 10**9)


@st.composite
def balanced(draw: st.DrawFn, journal_id: str) -> JournalEntry:
    drawn = draw(st.lists(st.tuples(ACCOUNTS, AMOUNTS, AMOUNTS, st.sampled_from("ABC")), min_size=1, max_size=8))
    lines = [line(account, 0, project=project)._replace(amount=a, ledger_amount=b) for account, a, b, project in drawn]
    rest = line("4050", 0)._replace(
        amount=-sum(each.amount for each in lines), ledger_amount=-sum(each.ledger_amount for each in lines)
    )
    return journal(journal_id, [each for each in (*lines, rest) if each.amount or each.ledger_amount])


@given(st.data(), st.integers(2, 12), st.booleans())
def test_documents_balance_fit_and_sum_to_their_members(data: st.DataObject, limit: int, by_project: bool) -> None:
    drawn = [data.draw(balanced(f"J-{number}")) for number in range(data.draw(st.integers(1, 7)))]
    found = group(*[each for each in drawn if each.lines] or [journal("J-0")])
    segments = (SegmentRule("project", "project"),) if by_project else ()
    parts = made(found, limit, segments=segments)
    for part in parts:
        assert 2 <= len(part.lines) <= limit
        assert sum(each.amount for each in part.lines) == 0
        assert sum(each.ledger_amount for each in part.lines) == 0
    assert len({part.key for part in parts}) == len(parts)
    assert {member for part in parts for member in part.members} == set(found.ids)
    assert net(parts) == net([found])
    if len(parts) == 1:
        assert sums(parts[0].lines) == sums([each for member in found.members for each in member.lines])


def test_what_is_carried_at_another_rate_goes_in_the_ledgers_currency() -> None:
    """840.00 USD of a liability that are carried at 756.00 EUR, earned at 0.95: the ERP makes 798.00 of them, and takes 42.00 off again."""
    carried = journal(
        "J-1",
        [line("2300", 840, 756), line("4000", -840, -756)],
        currency="USD",
        exchange_rate=EXCHANGE_RATE_ONE * 95 // 100,
    )
    at_rate, beside = made(group(carried))
    assert (at_rate.key, at_rate.currency) == (key_of("journal", ["J-1"]), "USD")
    assert [(each.role, each.amount, each.ledger_amount) for each in at_rate.lines] == [
        ("2300", 840 * AMOUNT_ONE, 798 * AMOUNT_ONE),
        ("4000", -840 * AMOUNT_ONE, -798 * AMOUNT_ONE),
    ]
    assert (beside.key, beside.currency, beside.exchange_rate) == (
        key_of("journal", ["J-1"], "ledger"),
        "EUR",
        EXCHANGE_RATE_ONE,
    )
    assert [(each.role, each.amount) for each in beside.lines] == [
        ("2300", -42 * AMOUNT_ONE),
        ("4000", 42 * AMOUNT_ONE),
    ]
    assert documents(group(carried), chart(currencies={"USD": "1"}), 1_000) == (
        Unmapped("currency", "EUR", (), ("J-1",)),
    )
    lacks = Lacks({"DE": chart(currencies={"USD": "1"})})
    lacks.add(carried)
    ((lack, held),) = lacks.found
    assert (lack.missing, lack.name, lack.currency, held.amount) == ("currency", "EUR", "USD", 840 * AMOUNT_ONE)


def test_cents_of_rounding_stay_in_the_document() -> None:
    """Two halves of 0.01 USD at 0.95 are 0.01 EUR each, of 0.01: what the ERP converts by itself is no business of ours."""
    rounded = journal(
        "J-1",
        [line("1150", 0.02, 0.02), line("4000", -0.01, -0.01), line("4050", -0.01, -0.01)],
        currency="USD",
        exchange_rate=EXCHANGE_RATE_ONE * 95 // 100,
    )
    (only,) = made(group(rounded))
    assert only.currency == "USD"


@given(st.data(), st.integers(2, 12))
def test_both_documents_together_are_the_journals(data: st.DataObject, limit: int) -> None:
    drawn = [data.draw(balanced(f"J-{number}")) for number in range(data.draw(st.integers(1, 7)))]
    in_dollars = [
        each._replace(currency="USD", exchange_rate=EXCHANGE_RATE_ONE * 9 // 10) for each in drawn if each.lines
    ] or [journal("J-0")]
    found = group(*in_dollars)
    parts = made(found, limit)
    ours = net([found])
    at_rate = [each for each in parts if each.currency == in_dollars[0].currency]
    for part in parts:
        assert 2 <= len(part.lines) <= limit
        assert sum(each.amount for each in part.lines) == sum(each.ledger_amount for each in part.lines) == 0
    assert len({part.key for part in parts}) == len(parts)
    assert {role: amount for role, (amount, _) in net(at_rate).items() if amount} == {
        role: amount for role, (amount, _) in ours.items() if amount
    }
    assert {role: ledger for role, (_, ledger) in net(parts).items() if ledger} == {
        role: ledger for role, (_, ledger) in ours.items() if ledger
    }


def net(some: Any) -> Mapping[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for each in some:
        for one in each.lines if isinstance(each, JournalDocument) else [x for m in each.members for x in m.lines]:
            role = getattr(one, "role", one.account)
            had = found.get(role, (0, 0))
            found[role] = (had[0] + one.amount, had[1] + one.ledger_amount)
    return {role: both for role, both in found.items() if both != (0, 0)}
