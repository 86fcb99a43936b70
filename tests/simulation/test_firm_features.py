"""Every kind of thing that Milepost must get right happens in the quarter that everybody starts with."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from domain.contract import contradictions
from domain.events.catalogue import Event
from domain.events.commercial import ContractAmended, ContractSigned, ContractTerminated
from domain.events.common import Cap, ContractLine, SharedCap, TimeAndMaterials
from domain.events.delivery import (
    BillingHoldPlaced,
    BillingHoldReleased,
    EstimateRevised,
    ProjectActivated,
    ProjectClosed,
    ResourceAssigned,
    StatementRequested,
    TimeApproved,
    TimeWithdrawn,
)
from domain.events.reference import (
    AccountingPeriodClosed,
    AccountingPeriodReopened,
    CostRateSet,
    CustomerDefined,
    ExchangeRateSet,
    LegalEntityDefined,
    PersonDefined,
    RateCardPublished,
)
from domain.policies import resolve
from domain.reference.zones import local_date

Every = Callable[[type[Any]], list[Any]]


def lines(every: Every) -> list[ContractLine]:
    return [line for signed in every(ContractSigned) for line in signed.lines]


def terms(every: Every) -> list[TimeAndMaterials]:
    return [line.terms for line in lines(every) if isinstance(line.terms, TimeAndMaterials)]


def caps(every: Every) -> list[Cap | SharedCap]:
    own = [each.cap for each in terms(every) if each.cap]
    return own + [cap for signed in every(ContractSigned) for cap in signed.shared_caps]


def test_two_companies_with_their_own_currency_zone_and_fiscal_year(every: Every) -> None:
    found = {
        entity.legal_entity_id: (entity.currency, entity.zone, entity.fiscal_calendar.year_starts_on)
        for entity in every(LegalEntityDefined)
    }
    assert found == {"LE-DE": ("EUR", "Europe/Berlin", "01-01"), "LE-US": ("USD", "America/New_York", "07-01")}


def test_customers_pay_in_three_currencies_and_some_belong_to_a_group(every: Every) -> None:
    assert {signed.currency for signed in every(ContractSigned)} == {"EUR", "USD", "GBP"}
    ids = {customer.customer_id for customer in every(CustomerDefined)}
    parents = {customer.parent_customer_id for customer in every(CustomerDefined)} - {None}
    assert parents
    assert parents <= ids


def test_people_of_both_companies_some_promoted(every: Every) -> None:
    people = every(PersonDefined)
    assert Counter(person.legal_entity_id for person in people if person.version == 1) == {"LE-DE": 34, "LE-US": 26}
    assert any(person.version == 2 and person.effective_from == date(2026, 2, 1) for person in people)


def test_a_few_people_work_for_the_sister_company(every: Every) -> None:
    company = {project.project_id: project.legal_entity_id for project in every(ProjectActivated)}
    home = {person.person_id: person.legal_entity_id for person in every(PersonDefined)}
    known = [entry for entry in every(TimeApproved) if entry.project_id in company]
    lent = sum(home[entry.person_id] != company[entry.project_id] for entry in known)
    assert 0.01 < lent / len(known) < 0.08


def test_cost_rates_by_role_and_person_rise_midway(every: Every) -> None:
    rates = every(CostRateSet)
    assert any(rate.person_id for rate in rates)
    assert {rate.legal_entity_id for rate in rates if rate.role} == {"LE-DE", "LE-US"}
    assert {rate.effective_from for rate in rates} == {date(2026, 1, 1), date(2026, 2, 1)}


def test_rate_cards_of_every_scope_used_rise_midway(every: Every) -> None:
    cards = every(RateCardPublished)
    assert {card.scope.kind for card in cards} == {"global", "customer", "practice"}
    assert {card.version for card in cards} == {1, 2}
    named = {each.rate_card_id for each in terms(every)} - {None}
    assert named
    assert named <= {card.rate_card_id for card in cards}


def test_rates_come_from_cards_lines_people_assignments_and_entries(every: Every) -> None:
    own = [each.rates for each in terms(every)]
    assert () in own
    assert any(rate.role for rates in own for rate in rates)
    assert any(rate.task for rates in own for rate in rates)
    assert any(rate.overtime_markup for rates in own for rate in rates)
    assert any(rate.role is None and rate.task is None for rates in own for rate in rates)
    assert any(person.bill_rate for person in every(PersonDefined))
    assert any(assigned.bill_rate for assigned in every(ResourceAssigned))
    assert any(entry.rate and entry.rate_approved_by for entry in every(TimeApproved))


def test_some_work_has_no_rate_until_a_card_comes(every: Every) -> None:
    card = next(card for card in every(RateCardPublished) if any(line.role == "data scientist" for line in card.lines))
    scientists = {person.person_id for person in every(PersonDefined) if person.role == "data scientist"}
    priced_by_card = {
        line.project_id for line in lines(every) if isinstance(line.terms, TimeAndMaterials) and not line.terms.rates
    }
    assert card.effective_from < date(2026, 2, 1)
    assert any(
        entry.person_id in scientists and entry.project_id in priced_by_card and entry.recorded_at < card.recorded_at
        for entry in every(TimeApproved)
    )


def test_an_exchange_rate_for_every_weekday(every: Every) -> None:
    rates: dict[str, list[date]] = defaultdict(list)
    for rate in every(ExchangeRateSet):
        assert rate.from_currency == "EUR"
        rates[rate.to_currency].append(rate.date)
    assert set(rates) == {"USD", "GBP"}
    for days in rates.values():
        weekdays = {date.fromordinal(n) for n in range(days[0].toordinal(), days[-1].toordinal() + 1)}
        assert days == sorted(day for day in weekdays if day.weekday() < 5)
        assert days[0] < date(2026, 1, 1)


def test_every_billing_cycle(every: Every) -> None:
    cycles = Counter(signed.billing_cycle.kind for signed in every(ContractSigned))
    assert set(cycles) == {"monthly", "semi_monthly", "weekly", "four_four_five", "on_request"}
    assert cycles["monthly"] > len(every(ContractSigned)) / 2


def test_statements_are_requested_where_there_is_no_cycle(every: Every) -> None:
    on_request = {signed.contract_id for signed in every(ContractSigned) if signed.billing_cycle.kind == "on_request"}
    asked = every(StatementRequested)
    assert {request.contract_id for request in asked} == on_request
    assert any(request.period for request in asked)
    assert any(request.period is None for request in asked)


def test_some_contracts_are_billed_by_another_clock(every: Every) -> None:
    zone = {entity.legal_entity_id: entity.zone for entity in every(LegalEntityDefined)}
    assert any(signed.billing_zone != zone[signed.legal_entity_id] for signed in every(ContractSigned))


def test_caps_of_every_kind(every: Every) -> None:
    found = caps(every)
    assert {"hard", "soft"} == {cap.kind for cap in found}
    assert any(cap.hours for cap in found)
    assert any(cap.amount for cap in found)
    assert any(cap.period == "month" for cap in found)
    assert {"reject_whole", "prorate", None} <= {cap.split for cap in found}
    assert any(len(cap.lines) == 2 for signed in every(ContractSigned) for cap in signed.shared_caps)


def test_contracts_with_lines_by_task_and_over_several_projects(every: Every) -> None:
    assert any(line.tasks for line in lines(every))
    several = [signed for signed in every(ContractSigned) if len({line.project_id for line in signed.lines}) > 1]
    bound = {project.project_id: project.engagement_id for project in every(ProjectActivated)}
    assert several
    for signed in several:
        assert {bound[line.project_id] for line in signed.lines} == {signed.engagement_id} == {signed.contract_id}


def test_no_contract_contradicts_itself(every: Every) -> None:
    for signed in every(ContractSigned):
        policies = {line.line_id: resolve(line.policies, signed.policies, None) for line in signed.lines}
        assert contradictions(signed, policies) == []


def test_policies_are_sprinkled(every: Every) -> None:
    stated = [signed.policies for signed in every(ContractSigned) if signed.policies]
    assert any(policies.increment_minutes == 15 and policies.increment_mode == "up" for policies in stated)
    assert any(policies.money_mode == "half_even" for policies in stated)
    assert {0, 2, 3} <= {signed.grace_days for signed in every(ContractSigned)}


def test_people_are_assigned_with_planned_hours_and_some_leave(every: Every) -> None:
    assigned = every(ResourceAssigned)
    assert all(len(each.planned) == 3 for each in assigned if each.version == 1)
    assert any(each.version == 2 for each in assigned)


def test_a_third_of_the_projects_is_estimated_each_month(every: Every) -> None:
    estimates = every(EstimateRevised)
    assert {estimate.version for estimate in estimates} == {1, 2, 3}
    assert 10 <= len({estimate.project_id for estimate in estimates}) <= 16


def test_holds_of_every_scope_are_placed_and_most_released(every: Every) -> None:
    placed, released = every(BillingHoldPlaced), every(BillingHoldReleased)
    assert {hold.scope.kind for hold in placed} == {"contract", "project", "line", "entry", "bill_to"}
    assert 0 < len(released) < len(placed)
    entries = {entry.entry_id for entry in every(TimeApproved)}
    assert all(hold.scope.id in entries for hold in placed if hold.scope.kind == "entry")


def test_amendments_raise_caps_and_rates(every: Every) -> None:
    signed = {contract.contract_id: contract for contract in every(ContractSigned)}
    raised = {"caps": 0, "rates": 0}
    for amended in every(ContractAmended):
        for before, after in zip(signed[amended.contract_id].lines, amended.lines or (), strict=False):
            raised["caps"] += after.terms.cap is not None and after.terms.cap != before.terms.cap
            raised["rates"] += len(after.terms.rates) > len(before.terms.rates)
    assert raised["caps"]
    assert raised["rates"]
    assert any(amended.retroactive for amended in every(ContractAmended))


def test_one_amendment_is_unapproved_and_one_comes_after_the_one_that_needs_it(every: Every) -> None:
    amended = every(ContractAmended)
    assert any(each.approved_by is None for each in amended)
    gaps = [each for each in amended if each.version == 3]
    assert gaps
    for third in gaps:
        second = next(each for each in amended if each.contract_id == third.contract_id and each.version == 2)
        assert second.occurred_at < third.occurred_at < third.recorded_at < second.recorded_at


def test_a_contract_is_terminated_and_people_notice_late(every: Every) -> None:
    contract = {line.project_id: signed.contract_id for signed in every(ContractSigned) for line in signed.lines}
    ended = {each.contract_id: each.effective_on for each in every(ContractTerminated)}
    assert ended
    after = [
        entry
        for entry in every(TimeApproved)
        if entry.worked_on and entry.worked_on >= ended.get(contract.get(entry.project_id, ""), date.max)
    ]
    assert after


def test_projects_are_closed(every: Every) -> None:
    ended = {closed.project_id: closed.ends_on for closed in every(ProjectClosed)}
    assert ended
    assert not any(
        entry.worked_on and entry.worked_on > ended.get(entry.project_id, date.max) for entry in every(TimeApproved)
    )


def test_work_begins_before_a_contract_is_signed(every: Every) -> None:
    signed = {line.project_id: each.recorded_at for each in every(ContractSigned) for line in each.lines}
    assert any(entry.recorded_at < signed.get(entry.project_id, 0) for entry in every(TimeApproved))


def test_projects_are_activated_before_anything_is_said_of_them(quarter: Sequence[Event]) -> None:
    known: set[str] = set()
    for event in quarter:
        if isinstance(event, ProjectActivated):
            known.add(event.project_id)
        elif isinstance(event, ContractSigned):
            assert {line.project_id for line in event.lines} <= known
        elif isinstance(event, TimeApproved) and not event.project_id.startswith("OLD-"):
            assert event.project_id in known


def test_entries_that_need_a_person(every: Every) -> None:
    entries = every(TimeApproved)
    projects = {project.project_id for project in every(ProjectActivated)}
    assert any(entry.submitted_by == entry.approved_by for entry in entries)
    assert any(entry.project_id not in projects for entry in entries)
    assert any(entry.hours and entry.hours > 24_000_000 for entry in entries)


def test_repeats_are_equal_and_contradictions_are_not(every: Every) -> None:
    first: dict[tuple[str, int], TimeApproved] = {}
    repeated, contradicted = 0, 0
    for entry in every(TimeApproved):
        before = first.setdefault((entry.entry_id, entry.version), entry)
        if entry is not before:
            same = before._replace(event_id=entry.event_id, recorded_at=entry.recorded_at) == entry
            repeated, contradicted = repeated + same, contradicted + (not same)
    assert repeated > 5
    assert contradicted > 0


def test_versions_follow_each_other(every: Every) -> None:
    last: dict[str, int] = {}
    for event in (*every(TimeApproved), *every(TimeWithdrawn)):
        last.setdefault(event.entry_id, 1)
        assert event.version >= 1
    for entry in every(TimeApproved):
        assert entry.version in {last[entry.entry_id], last[entry.entry_id] + 1}
        last[entry.entry_id] = max(last[entry.entry_id], entry.version)


def test_entries_with_all_that_an_entry_can_have(every: Every) -> None:
    entries = every(TimeApproved)
    clocked = [entry for entry in entries if entry.started_at is not None]
    assert any(entry.overtime for entry in entries)
    assert any(entry.billable_hours and entry.billable_hours < entry.hours for entry in entries)
    assert any(entry.billable_hours and entry.billable_hours > entry.hours for entry in entries)
    assert any(entry.line_id for entry in entries)
    assert any(entry.role for entry in entries)
    assert any(entry.hours is None for entry in clocked)
    assert any(entry.hours for entry in clocked)
    assert all(entry.ended_at < entry.occurred_at and entry.worked_on is None for entry in clocked)
    assert any(
        local_date(entry.started_at, "America/New_York") != local_date(entry.started_at, "Europe/Berlin")
        for entry in clocked
    )


def test_periods_are_closed_about_five_days_after_the_month_and_one_is_reopened(every: Every) -> None:
    closed = every(AccountingPeriodClosed)
    periods = defaultdict(list)
    for each in closed:
        periods[each.legal_entity_id].append(each.period)
        assert each.requested_by != each.approved_by
    assert sorted(set(periods["LE-DE"])) == ["2026-01", "2026-02", "2026-03"]
    assert sorted(periods["LE-US"]) == ["2026-07", "2026-08", "2026-09"]
    (reopened,) = every(AccountingPeriodReopened)
    again = [each.version for each in closed if each.period == reopened.period]
    assert (again, reopened.version) == ([1, 3], 2)
    assert {local_date(each.occurred_at, "UTC").day for each in closed if each.version == 1} <= {5, 6, 7, 8, 9, 10}
