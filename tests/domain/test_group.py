"""What companies charge and owe each other, and what the group makes once that is taken out."""

from __future__ import annotations

from domain.ledger.group import CompanyPair, CompanyResult, Group, GroupResult, results
from domain.outputs import JournalEntry
from tests.told import told

ONE_CURRENCY = (
    "entity US USD America/New_York",
    "entity GB USD Europe/London",
    "customer C",
    "person eva consultant of GB",
    "cost person eva 100.00 USD",
    "project P of US",
    "contract K C US USD",
    "  line L P",
    "    rate 200.00",
    "transfer TP GB US 150.00 USD",
    "2026-06-01 time T-1 eva 40 h",
)


def group_of(*lines: str, period: str | None = None) -> Group:
    group = Group(period)
    with told(lines) as books:
        for one in books.folded:
            if isinstance(one.record, JournalEntry):
                group.add(one.record)
    return group


def units(amount: int) -> int:
    return amount * 10_000


def test_one_currency_pub_07() -> None:
    """40 h are more than a day has: the entry is let pass, as the example has them in one."""
    group = group_of(
        *(line.replace("America/New_York", "America/New_York policy hours_max_per_entry=40") for line in ONE_CURRENCY)
    )
    (pair,) = group.pairs()
    six = units(6_000)
    assert pair == CompanyPair("GB", "US", "USD", 1, six, six, six, six, "USD", six, "USD", six)
    assert (pair.differences, pair.exchange_difference) == ((0, 0), 0)
    companies = group.companies()
    assert companies == [
        CompanyResult("GB", "USD", 0, units(4_000), units(6_000)),
        CompanyResult("US", "USD", units(8_000), 0, -units(6_000)),
    ]
    assert [each.profit for each in companies] == [units(2_000), units(2_000)]
    (whole,) = results(companies)
    assert whole == GroupResult("USD", 2, units(8_000), units(4_000), 0)
    assert whole.profit == units(4_000)


def test_what_is_taken_back_is_in_no_pair() -> None:
    group = group_of(*ONE_CURRENCY[:-1], "2026-06-01 time T-1 eva 8 h", "2026-06-02 withdraw T-1")
    (pair,) = group.pairs()
    assert (pair.pairs, pair.charged, pair.due_to) == (0, 0, 0)
    assert results(group.companies()) == [GroupResult("USD", 2, 0, 0, 0)]


def test_exchange_differences_stand_apart() -> None:
    """GB posts on 1 July, as its June is closed: each ledger has 100.00 EUR at the rate of its own date."""
    group = group_of(
        *ONE_CURRENCY[:-2],
        "transfer TP GB US 100.00 EUR",
        "2026-06-30 exchange EUR USD 1.10 on 2026-06-30",
        "2026-07-01 exchange EUR USD 1.12 on 2026-07-01",
        "2026-07-02 close period GB 2026-06",
        "2026-07-03 time T-1 eva 1 h on 2026-06-30",
    )
    (pair,) = group.pairs()
    assert (pair.currency, pair.charged, pair.borne, pair.differences) == ("EUR", units(100), units(100), (0, 0))
    assert (pair.charged_in_ledger, pair.borne_in_ledger, pair.exchange_difference) == (
        units(112),
        units(110),
        units(2),
    )
    assert results(group.companies())[0].eliminated == units(2)


def test_late_work_of_a_period_that_one_company_has_closed() -> None:
    """8 h of June are charged in June by both. US closes June; 2 h more are GB's June and US's July: both companies are named in each."""
    story = (
        *ONE_CURRENCY[:-1],
        "2026-06-01 time T-1 eva 8 h",
        "2026-07-02 close period US 2026-06",
        "2026-07-03 time T-2 eva 2 h on 2026-06-30",
    )
    (june,) = group_of(*story, period="2026-06").pairs()
    assert (june.lender, june.borrower, june.pairs) == ("GB", "US", 2)
    assert (june.charged, june.borne, june.differences) == (units(1_500), units(1_200), (units(300), units(300)))
    (july,) = group_of(*story, period="2026-07").pairs()
    assert (july.lender, july.borrower, july.pairs) == ("GB", "US", 1)
    assert (july.charged, july.borne, july.differences) == (0, units(300), (-units(300), -units(300)))
    (whole,) = group_of(*story).pairs()
    assert (whole.charged, whole.borne, whole.differences) == (units(1_500), units(1_500), (0, 0))


def test_ledgers_of_two_currencies_are_not_compared() -> None:
    """PUB-08: the group has a row for each."""
    group = group_of(
        "entity US USD America/New_York",
        "entity GB GBP Europe/London",
        *ONE_CURRENCY[2:4],
        "cost person eva 88.00 GBP",
        *ONE_CURRENCY[5:9],
        "transfer TP GB US 120.00 USD",
        "exchange USD GBP 0.75 on 2026-06-03",
        "2026-06-03 time T-1 eva 10 h",
    )
    (pair,) = group.pairs()
    assert (pair.charged, pair.borne, pair.differences) == (units(1_200), units(1_200), (0, 0))
    assert (pair.lender_currency, pair.charged_in_ledger, pair.borrower_currency) == ("GBP", units(900), "USD")
    assert pair.exchange_difference is None
    assert [(each.ledger_currency, each.revenue, each.cost) for each in results(group.companies())] == [
        ("GBP", 0, units(880)),
        ("USD", units(2_000), 0),
    ]


def test_a_half_without_its_other_is_seen() -> None:
    with told([*ONE_CURRENCY[:-1], "2026-06-01 time T-1 eva 8 h"]) as books:
        journals = [one.record for one in books.folded if isinstance(one.record, JournalEntry)]
    group = Group()
    for journal in journals:
        if not (journal.pair_id and journal.legal_entity_id == "US"):
            group.add(journal)
    (pair,) = group.pairs()
    assert (pair.lender, pair.borrower, pair.differences) == ("GB", "", (units(1_200), units(1_200)))
