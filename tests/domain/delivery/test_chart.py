"""Which account and which segments of the ERP a line of a journal gets."""

from datetime import date

from domain.delivery.chart import AccountRule, ErpAccount, SegmentRule, Unmapped, dimensions_of
from domain.delivery.documents import Segment
from tests.domain.delivery.journals import chart, journal, line

BY_PRACTICE = (
    AccountRule("4000"),
    AccountRule("4100", (("practice", "structures"),)),
    AccountRule("4110", (("practice", "structures"), ("region", "north"))),
)


def test_the_rule_with_most_conditions_counts_wherever_it_stands() -> None:
    found = chart(accounts={"4000": BY_PRACTICE})
    accounts = [
        found.mapped("4000", dimensions)
        for dimensions in (
            {"practice": "structures", "region": "north"},
            {"practice": "structures", "region": "south"},
            {"region": "north"},
        )
    ]
    assert accounts == [ErpAccount("4110", ()), ErpAccount("4100", ()), ErpAccount("4000", ())]


def test_an_account_without_a_rule_that_fits_says_what_the_rules_ask_for() -> None:
    found = chart(accounts={"4000": BY_PRACTICE[1:]})
    assert found.mapped("4000", {"practice": "bridges", "cost_center": "900"}) == Unmapped(
        "account", "4000", (("practice", "bridges"), ("region", ""))
    )
    assert str(found.mapped("2400", {})) == "no account of the ERP for 2400"


def test_a_segment_takes_our_value_its_map_or_its_default() -> None:
    segments = (
        SegmentRule("department", "practice", {"structures": "12"}),
        SegmentRule("class", "project"),
        SegmentRule("location", "region", {"north": "1"}, default="9"),
        SegmentRule("entity", "customer", roles=frozenset({"1100"})),
    )
    found = chart(segments=segments)
    entry = journal("J-1", [line("1150", 100, practice="structures"), line("4000", -100)])
    mapped = [found.mapped(each.account, dimensions_of(entry, each)) for each in entry.lines]
    assert mapped == [
        ErpAccount("91150", (Segment("department", "12"), Segment("class", "P-1"), Segment("location", "9"))),
        ErpAccount("94000", (Segment("class", "P-1"), Segment("location", "9"))),
    ]
    assert found.mapped("4000", {"practice": "bridges"}) == Unmapped("department", "4000", (("practice", "bridges"),))


def test_a_grain_counts_from_an_accounting_date_on() -> None:
    found = chart(grain="entry", grains_from=((date(2026, 4, 1), "entity_day"), (date(2026, 7, 1), "period")))
    days = (date(2026, 3, 31), date(2026, 4, 1), date(2026, 6, 30), date(2026, 7, 1))
    assert [found.grain_on(day) for day in days] == ["entry", "entity_day", "entity_day", "period"]


def test_customers_are_all_in_the_chart_or_none() -> None:
    assert chart().customer("C-1") == "C-1"
    assert chart(customers={"C-1": "5501"}).customer("C-1") == "5501"
    assert chart(customers={"C-1": "5501"}).customer("C-2") is None
