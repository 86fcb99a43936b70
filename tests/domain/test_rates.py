"""Which rate an hour gets: most specific first, and the reasons of the rest."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events.catalogue import Event
from domain.events.common import BillRate, FixedPrice, LineRate, RateCardLine, RateCardScope, Terms, TimeAndMaterials
from domain.events.delivery import ResourceAssigned
from domain.events.reference import CustomerDefined, PersonDefined, RateCardPublished
from domain.money import HALF_UP, extend, parse_amount, parse_decimal
from domain.reference.book import EMPTY_BOOK, ReferenceBook, apply
from domain.work.rates import LEVELS, NoRate, RateDecision, RateQuery, RejectedRate, resolve_bill_rate, role_of

SENT: dict[str, Any] = {"event_id": "E", "occurred_at": 0, "source": "test"}
JANUARY, MARCH, JULY = date(2026, 1, 1), date(2026, 3, 4), date(2026, 7, 1)


def rate(text: str) -> int:
    return parse_decimal(text, 6)


percent = hours = rate


def line(
    price: str,
    task: str | None = None,
    person: str | None = None,
    role: str | None = None,
    since: date | None = None,
    markup: str | None = None,
) -> LineRate:
    return LineRate(rate(price), task, person, role, percent(markup) if markup else None, since)


def priced(
    price: str, person: str | None = None, role: str | None = None, task: str | None = None, markup: str | None = None
) -> RateCardLine:
    return RateCardLine(rate(price), role, person, task, percent(markup) if markup else None)


def card(
    card_id: str,
    scope: str,
    *lines: RateCardLine,
    version: int = 1,
    currency: str = "EUR",
    since: date = JANUARY,
    until: date | None = None,
) -> RateCardPublished:
    """`scope` is `kind:id`, or `global`."""
    kind, _, scope_id = scope.partition(":")
    return RateCardPublished(
        **SENT,
        rate_card_id=card_id,
        version=version,
        scope=RateCardScope(kind, scope_id or None),
        currency=currency,
        effective_from=since,
        effective_to=until,
        lines=lines,
    )


def customer(customer_id: str, parent: str | None = None) -> CustomerDefined:
    return CustomerDefined(**SENT, customer_id=customer_id, version=1, name=customer_id, parent_customer_id=parent)


def person(price: str | None = None, currency: str = "EUR") -> PersonDefined:
    bill_rate = BillRate(rate(price), currency) if price else None
    return PersonDefined(**SENT, person_id="P", version=1, legal_entity_id="DE", role="Dev", bill_rate=bill_rate)


def book(*events: Event) -> ReferenceBook:
    known = EMPTY_BOOK
    for event in events:
        known = apply(known, event)
    return known


def query(*rates: LineRate, terms: Terms | None = None, named_card: str | None = None) -> RateQuery:
    return RateQuery(
        service_date=MARCH,
        currency="EUR",
        person_id="P",
        role="Dev",
        task="Build",
        project_id="PRJ",
        customer_id="C",
        legal_entity_id="DE",
        practice="Cloud",
        region="North",
        terms=terms or TimeAndMaterials(rate_card_id=named_card, rates=rates),
    )


def decided(asked: RateQuery, known: ReferenceBook = EMPTY_BOOK) -> RateDecision:
    found = resolve_bill_rate(asked, known)
    assert isinstance(found, RateDecision)
    return found


def refused(asked: RateQuery, known: ReferenceBook = EMPTY_BOOK) -> list[tuple[str | int | None, ...]]:
    found = resolve_bill_rate(asked, known)
    assert isinstance(found, NoRate)
    return [tuple(rejected) for rejected in found.rejected]


# One rate a level, the most specific first; each wins once those above it are gone.
LADDER = (
    ("entry", "entry"),
    ("line_task", "task+person"),
    ("line_task", "task+role"),
    ("line_task", "task"),
    ("line_person", "person"),
    ("line_role", "role"),
    ("line_role", "blanket"),
    ("assignment", "assignment"),
    ("line_card", "blanket"),
    ("line_card", "role"),
    ("customer_card", "blanket"),
    ("customer_card", "person+task"),
    ("organisation_card", "blanket"),
    ("organisation_card", "person"),
    ("organisation_card", "role+task"),
    ("global_card", "task"),
    ("person", "person"),
)
LINE_RATES = (
    line("102", task="Build", person="P"),
    line("103", task="Build", role="Dev"),
    line("104", task="Build"),
    line("105", person="P"),
    line("106", role="Dev"),
    line("107"),
)
CARDS = (
    card("NAMED", "customer:X", priced("109")),
    card("PROJECT", "project:PRJ", priced("110", role="Dev")),
    card("CUSTOMER", "customer:C", priced("111")),
    card("PARENT", "customer:D", priced("112", person="P", task="Build")),
    card("PRACTICE", "practice:Cloud", priced("113")),
    card("REGION", "region:North", priced("114", person="P")),
    card("ENTITY", "legal_entity:DE", priced("115", role="Dev", task="Build")),
    card("GLOBAL", "global", priced("116", task="Build")),
)


@pytest.mark.parametrize("step", range(len(LADDER)))
def test_every_level_in_its_place(step: int) -> None:
    above_cards = 8
    known = book(customer("C", "D"), customer("D"), person("117"), *CARDS[max(step - above_cards, 0) :])
    asked = query(*LINE_RATES[max(step - 1, 0) :], named_card="NAMED" if step <= above_cards else None)._replace(
        entry_rate=rate("101") if step == 0 else None,
        entry_rate_approver="Ann",
        assignment_rate=(rate("108"), "EUR") if step <= above_cards - 1 else None,
    )
    found = decided(asked, known)
    assert (found.level, found.matched) == LADDER[step]
    assert found.rate == rate(str(101 + step))


def test_without_any_rate_there_is_no_rate_and_never_zero() -> None:
    assert refused(query()) == []


def test_a_rate_on_the_entry_counts_only_with_its_approver() -> None:
    asked = query()._replace(entry_rate=rate("90"))
    assert refused(asked) == [("entry", None, None, "not_approved")]
    assert decided(asked._replace(entry_rate_approver="Ann")).rate == rate("90")


def test_every_criterion_that_a_rate_states_must_match() -> None:
    others = (
        line("1", task="Test"),
        line("2", person="Q"),
        line("3", role="Lead"),
        line("4", task="Build", role="Lead"),
    )
    assert refused(query(*others)) == []
    assert decided(query(*others, line("5"))).rate == rate("5")


def test_work_without_task_or_role_takes_only_rates_that_ask_for_neither() -> None:
    asked = query(line("1", task="Build"), line("2", role="Dev"), line("3"))._replace(task=None, role=None)
    assert decided(asked).rate == rate("3")
    known = book(card("G", "global", priced("4", role="Dev"), priced("5", task="Build"), priced("6")))
    assert decided(query()._replace(task=None, role=None), known).rate == rate("6")


def test_terms_without_rates_of_their_own_look_further() -> None:
    known = book(card("G", "global", priced("100")))
    assert decided(query(terms=FixedPrice(price=0)), known).source_id == "G"


def test_the_later_of_two_equal_line_rates_holds_once_it_began() -> None:
    asked = query(line("100"), line("110", since=MARCH), line("120", since=JULY))
    found = decided(asked)
    assert (found.rate, found.line_index, found.effective_from) == (rate("110"), 1, MARCH)
    assert [rejected.reason for rejected in found.rejected] == ["not_in_effect", "tie"]
    assert decided(asked._replace(service_date=JANUARY)).rate == rate("100")
    assert decided(asked._replace(service_date=JULY)).rate == rate("120")


def test_the_higher_line_index_breaks_a_tie() -> None:
    assert decided(query(line("100"), line("110"))).line_index == 1
    known = book(card("G", "global", priced("100", role="Dev"), priced("110", role="Dev")))
    assert decided(query(), known).line_index == 1


def test_of_two_cards_the_more_specific_line_wins_then_the_later_then_the_higher_id() -> None:
    by_role = card("B", "customer:C", priced("100", role="Dev"), since=JANUARY)
    by_person = card("A", "customer:C", priced("110", person="P"), since=JANUARY)
    assert decided(query(), book(by_role, by_person)).source_id == "A"
    later = card("A", "customer:C", priced("120", role="Dev"), since=MARCH)
    assert decided(query(), book(by_role, later)).source_id == "A"
    equal = card("A", "customer:C", priced("130", role="Dev"), since=JANUARY)
    assert decided(query(), book(by_role, equal)).source_id == "B"


def test_inside_a_card_person_goes_before_role_and_role_before_task() -> None:
    lines = [
        priced("1", person="P", task="Build"),
        priced("2", person="P"),
        priced("3", role="Dev", task="Build"),
        priced("4", role="Dev"),
        priced("5", task="Build"),
        priced("6"),
    ]
    names = ["person+task", "person", "role+task", "role", "task", "blanket"]
    for step, name in enumerate(names):
        found = decided(query(), book(card("G", "global", *reversed(lines[step:]))))
        assert (found.matched, found.rate) == (name, rate(str(step + 1)))


def test_the_highest_card_version_that_contains_the_date_holds() -> None:
    known = book(
        card("G", "global", priced("100"), version=1),
        card("G", "global", priced("120"), version=2, since=JULY),
        card("G", "global", priced("90"), version=3, since=MARCH, until=MARCH),
    )
    rates = {
        day: decided(query()._replace(service_date=day), known).rate for day in (JANUARY, MARCH, date(2026, 3, 5), JULY)
    }
    assert list(rates.values()) == [rate("100"), rate("90"), rate("100"), rate("120")]


def test_a_card_that_moved_to_another_customer_no_longer_holds_for_the_first() -> None:
    known = book(card("A", "customer:C", priced("100")), card("A", "customer:X", priced("100"), version=2, since=JULY))
    assert decided(query(), known).source_id == "A"
    assert refused(query()._replace(service_date=JULY), known) == []


def test_the_decision_says_where_it_comes_from() -> None:
    known = book(
        customer("C", "D"),
        card("PARENT", "customer:D", priced("80", role="Lead"), priced("100", role="Dev"), version=7),
    )
    assert decided(query(), known) == RateDecision(
        rate=rate("100"),
        markup=0,
        level="customer_card",
        matched="role",
        source_kind="rate_card",
        source_id="PARENT",
        version=7,
        line_index=1,
        effective_from=JANUARY,
        rejected=(),
    )


def test_what_was_rejected_is_told_with_its_reason() -> None:
    known = book(
        card("OTHER", "customer:C", priced("100"), currency="USD"),
        card("LATER", "customer:C", priced("100"), since=JULY),
        card("ROLE", "customer:C", priced("100", role="Lead"), version=3),
        person("100", "USD"),
    )
    asked = query(named_card="GONE")._replace(assignment_rate=(rate("90"), "USD"))
    assert refused(asked, known) == [
        ("assignment", None, None, "other_currency"),
        ("line_card", "GONE", None, "unknown_card"),
        ("customer_card", "LATER", None, "not_in_effect"),
        ("customer_card", "OTHER", 1, "other_currency"),
        ("customer_card", "ROLE", 3, "no_line_matches"),
        ("person", "P", 1, "other_currency"),
    ]


def test_what_lost_on_the_same_step_is_told_too() -> None:
    known = book(card("G", "global", priced("1"), priced("2", role="Dev"), priced("3", role="Dev")))
    assert decided(query(), known).rejected == (
        RejectedRate("global_card", "G", 1, "tie"),
        RejectedRate("global_card", "G", 1, "less_specific"),
    )


def test_the_list_of_what_was_rejected_ends_at_twenty() -> None:
    known = book(*(card(f"G{number:02}", "global", priced("1"), currency="USD") for number in range(30)))
    assert len(refused(query(), known)) == 20


def test_the_policy_may_change_the_order_and_leave_levels_out() -> None:
    known = book(card("G", "global", priced("100")), person("90"))
    asked = query(line("110"))
    assert decided(asked, known).level == "line_role"
    assert decided(asked._replace(precedence=("person", "global_card")), known).level == "person"
    assert decided(asked._replace(precedence=("global_card", "line_role")), known).level == "global_card"
    assert refused(asked._replace(precedence=("entry",)), known) == []
    assert decided(asked._replace(precedence=()), known).level == "line_role"


def test_pub_21_overtime_is_marked_up_after_the_base() -> None:
    """Base 100, overtime +15 %: 8 h regular 800, 2 h overtime 230, together 1,030."""
    known = book(card("G", "global", priced("100", role="Dev", markup="15")))
    regular, overtime = decided(query(), known), decided(query()._replace(overtime=True), known)
    assert (regular.markup, overtime.markup) == (0, percent("15"))
    amounts = [
        extend(hours(worked), found.rate, found.markup, "USD", HALF_UP)
        for worked, found in (("8", regular), ("2", overtime))
    ]
    assert amounts == [parse_amount("800"), parse_amount("230")]


def test_the_markup_is_that_of_the_first_rate_that_states_one() -> None:
    known = book(
        card("C", "customer:C", priced("90")), card("G", "global", priced("100", role="Dev"), priced("80", markup="25"))
    )
    found = decided(query(line("110", role="Dev"))._replace(overtime=True), known)
    assert (found.rate, found.level) == (rate("110"), "line_role")
    assert (found.markup, found.markup_source) == (percent("25"), "rate_card/G/1/1")


def test_overtime_that_nobody_prices_is_not_marked_up() -> None:
    found = decided(query(line("110"))._replace(overtime=True))
    assert (found.markup, found.markup_source) == (0, None)


def test_a_stated_markup_of_zero_ends_the_search() -> None:
    asked = query(line("110", role="Dev", markup="0"), line("100", markup="50"))._replace(overtime=True)
    assert decided(asked).markup == 0


def assigned(
    role: str, starts_on: date, ends_on: date | None = None, who: str = "P", key: str = "A"
) -> ResourceAssigned:
    return ResourceAssigned(
        **SENT,
        assignment_id=key,
        version=1,
        project_id="PRJ",
        person_id=who,
        role=role,
        starts_on=starts_on,
        ends_on=ends_on,
    )


def test_the_role_is_the_entrys_own_then_the_assignments_then_the_persons() -> None:
    long, short = assigned("Lead", JANUARY), assigned("Architect", MARCH, MARCH)
    assert role_of("Tester", (long, short), person(), MARCH) == "Tester"
    assert role_of(None, (long, short), person(), MARCH) == "Architect"
    assert role_of(None, (long, short), person(), MARCH + timedelta(days=1)) == "Lead"
    assert role_of(None, (long, short), person(), JANUARY - timedelta(days=1)) == "Dev"
    assert role_of(None, (assigned("Lead", JANUARY, who="Q"),), person(), MARCH) == "Dev"


def test_of_two_assignments_from_one_day_the_higher_id_gives_the_role() -> None:
    both = (assigned("Lead", MARCH, key="B"), assigned("Architect", MARCH, key="A"))
    assert role_of(None, both, person(), MARCH) == role_of(None, both[::-1], person(), MARCH) == "Lead"


CRITERIA = st.tuples(
    st.sampled_from([None, "P", "Q"]), st.sampled_from([None, "Dev", "Lead"]), st.sampled_from([None, "Build", "Test"])
)


@given(st.lists(CRITERIA, max_size=8), st.lists(CRITERIA, max_size=8), st.permutations(range(2)))
def test_a_rate_is_found_exactly_where_one_matches(
    first: list[tuple[str | None, ...]], second: list[tuple[str | None, ...]], order: list[int]
) -> None:
    cards = [
        card(name, "global", *(priced("1", *stated) for stated in lines))
        for name, lines in (("A", first), ("B", second))
    ]
    found = resolve_bill_rate(query(), book(*(cards[place] for place in order)))
    matching = [
        stated
        for stated in (*first, *second)
        if all(value in (None, own) for value, own in zip(stated, ("P", "Dev", "Build"), strict=True))
    ]
    assert isinstance(found, RateDecision) == bool(matching)
    assert found == resolve_bill_rate(query(), book(*cards)), "the order of arrival does not matter"


def test_the_levels_are_those_that_a_policy_may_name() -> None:
    assert len(LEVELS) == len(set(LEVELS)) == 10
    tried = [level for level, _ in LADDER]
    assert tuple(dict.fromkeys(tried)) == LEVELS
