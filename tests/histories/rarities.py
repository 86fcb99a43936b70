"""What happens once in a while: reference data changes under work that is rated, faults are waived, a second contract is signed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from hypothesis import strategies as st

from domain.events.commercial import ContractSigned
from domain.events.common import (
    ContractLine,
    FiscalCalendar,
    LineRate,
    Policies,
    RateCardLine,
    RateCardScope,
    TimeAndMaterials,
)
from domain.events.control import ExceptionAssigned, ExceptionResolved, ExceptionWaived, IntakeNoticed
from domain.events.delivery import ExpenseApproved
from domain.events.reference import CostRateSet, ExchangeRateSet, LegalEntityDefined, PersonDefined, RateCardPublished
from domain.identity import derived_id
from tests.histories.foundation import exchange_rates
from tests.histories.scope import FIRST_DAY, HOUR, PERCENT, USUAL, ZONES, seldom
from tests.histories.steps import Play, Step, amended, some_lines
from tests.histories.terms import agreed_policies

# Where an exception of an entry stands: of the whole, or of its price.
WAIVABLE = (
    ("hours_out_of_range", "/whole"),
    ("self_approved", "/whole"),
    ("after_project_end", "/whole"),
    ("outside_contract_dates", "/price"),
)


def _sign_again(play: Play) -> None:
    """A correction of the contract from its beginning: at times of its start or its currency, or with terms that contradict."""
    if not play.scope.amendments:
        return
    play.contract_version += 1
    contract, draw = play.contract, play.draw
    lines = some_lines(play, tuple(amended(line, draw, play.scope, contract.currency) for line in contract.lines))
    kept = {line.line_id for line in lines}
    changes = {
        "recorded_at": play.story.now,
        "version": play.contract_version,
        "lines": draw(seldom(st.just((*lines, lines[0])), lines)),
        "shared_caps": tuple(cap for cap in contract.shared_caps if kept.issuperset(cap.lines)),
        "starts_on": contract.starts_on - dt.timedelta(days=draw(st.sampled_from([0, 0, 0, 40]))),
        "currency": draw(seldom(st.just("CHF"), contract.currency)),
    }
    fields = {
        name: value for name, value in contract._asdict().items() if name not in ("event_id", "occurred_at", "source")
    }
    play.story.say(ContractSigned, **{**fields, **changes})


def _sign_another(play: Play) -> None:
    """A second contract on the first project, at times in another currency."""
    scope, version = play.scope, play.next("K2")
    if version == 1:
        play.second_currency = play.draw(st.sampled_from([play.contract.currency, *scope.currencies[1:], "EUR"]))
        for quoted in (
            play.draw(exchange_rates(play.second_currency)) if play.second_currency not in play.quoted else ()
        ):
            play.story.say(ExchangeRateSet, version=1, **quoted)
    currency = play.second_currency
    rates = (LineRate(USUAL[currency][0] * 3 // 4),)
    play.story.say(
        ContractSigned,
        contract_id=scope.id("K2"),
        version=version,
        customer_id=scope.id("CU"),
        legal_entity_id=scope.id("LE"),
        currency=currency,
        signed_on=play.story.day,
        starts_on=play.story.day - dt.timedelta(days=play.draw(st.sampled_from([5, 60]))),
        lines=(ContractLine("L9", scope.id("P1"), TimeAndMaterials(rates=rates)),),
    )


def _move(play: Play) -> None:
    """Work goes to the second contract, or comes back."""
    approved = [entry_id for entry_id, version in play.versions.items() if play.contents.get((entry_id, version))]
    if not approved or not play.scope.corrections:
        return
    if "K2" not in play.counts:
        _sign_another(play)
    entry_id = play.draw(st.sampled_from(sorted(approved)))
    version = play.versions[entry_id] + 1
    content = play.contents[entry_id, version - 1] or {}
    line_id = None if content.get("line_id") == "L9" else "L9"
    play.contents[entry_id, version] = {**content, "line_id": line_id, "project_id": play.scope.id("P1")}
    play.approve(entry_id, version)


def _publish_again(play: Play) -> None:
    """Another version of the rate card, for a while."""
    scope, currency = play.scope, play.contract.currency
    since = play.story.day - dt.timedelta(days=10)
    play.story.say(
        RateCardPublished,
        rate_card_id=scope.id("CARD"),
        version=1 + play.next("card"),
        scope=RateCardScope("customer", scope.id("CU")),
        currency=currency,
        effective_from=since,
        effective_to=play.draw(seldom(st.just(since + dt.timedelta(days=30)))),
        lines=(RateCardLine(USUAL[currency][0] * 9 // 8, overtime_markup=10 * PERCENT),),
    )


def _raise_wages(play: Play) -> None:
    scope = play.scope
    play.story.say(
        CostRateSet,
        cost_rate_id=f"{scope.id('LE')}-{scope.id('bob')}",
        version=1 + play.next("wages"),
        legal_entity_id=scope.id("LE"),
        person_id=scope.id("bob"),
        currency="EUR",
        rate=64_500000,
        effective_from=play.story.day - dt.timedelta(days=3),
    )


def _promote(play: Play) -> None:
    """Another role from a day on, or another company of the group."""
    scope = play.scope
    play.story.say(
        PersonDefined,
        person_id=scope.id("eve"),
        version=1 + play.next("eve"),
        legal_entity_id=scope.id(play.draw(seldom(st.just("LE2"), "LE"))),
        role=play.draw(st.sampled_from(["dev", "lead"])),
        effective_from=play.story.day - dt.timedelta(days=play.draw(st.sampled_from([0, 10]))),
    )


def _change_company(play: Play) -> None:
    """The company states policies of its own, any or those of its books, or moves to another zone."""
    books = st.sampled_from(
        [
            Policies(hours_max_per_entry=8 * HOUR),
            Policies(hours_max_per_entry=30 * HOUR, closed_period="reject"),
            Policies(cost_policy="wip", money_mode="half_even"),
        ]
    )
    own = st.one_of(books, agreed_policies(play.scope)) if play.scope.policies else books
    play.story.say(
        LegalEntityDefined,
        legal_entity_id=play.scope.id("LE"),
        version=1 + play.next("company"),
        name="Firm",
        currency="EUR",
        zone=play.draw(st.sampled_from(ZONES)),
        fiscal_calendar=FiscalCalendar("calendar_month"),
        policies=play.draw(own),
    )


def _found_company(play: Play) -> None:
    """A second company, whose Kim is lent; its ledger is in dollars."""
    scope = play.scope
    company, kim = scope.id("LE2"), scope.id("kim")
    calendar = FiscalCalendar("calendar_month")
    play.story.say(
        LegalEntityDefined,
        legal_entity_id=company,
        version=1,
        name="Sister",
        currency="USD",
        zone="America/Los_Angeles",
        fiscal_calendar=calendar,
    )
    play.story.say(PersonDefined, person_id=kim, version=1, legal_entity_id=company, role="dev")
    play.story.say(
        CostRateSet,
        cost_rate_id=f"{company}-kim",
        version=1,
        person_id=kim,
        currency="USD",
        rate=55_250000,
        effective_from=dt.date(2020, 1, 1),
    )


def _quote_again(play: Play) -> None:
    """A corrected exchange rate of a day."""
    currency = play.contract.currency
    if currency != "EUR" and len(play.scope.currencies) > 1:
        day = FIRST_DAY + dt.timedelta(weeks=play.draw(st.integers(-2, 8)))
        version = 1 + play.next("rates")
        rate = USUAL[currency][1] * 101 // 100
        play.story.say(
            ExchangeRateSet,
            rate_type="spot",
            from_currency="EUR",
            to_currency=currency,
            date=day,
            rate=rate,
            version=version,
        )


def _waive(play: Play) -> None:
    if play.versions:
        entry_id = play.draw(st.sampled_from(sorted(play.versions)))
        category, side = play.draw(st.sampled_from(WAIVABLE))
        exception_id = derived_id(play.scope.name, category, "time_entry", entry_id + side)
        _decide(play, exception_id, ExceptionWaived)


def _take_care(play: Play) -> None:
    """Somebody takes care of what waits, or says that it is settled."""
    project_id = play.scope.id("P1")
    known = [
        derived_id(play.scope.name, "unsupported", "project", f"{project_id}/ExpenseApproved"),
        derived_id(play.scope.name, "unrouted", "project", project_id),
        *(
            derived_id(play.scope.name, category, "time_entry", entry_id + side)
            for entry_id in sorted(play.versions)
            for category, side in WAIVABLE
        ),
    ]
    exception_id = play.draw(st.sampled_from(known))
    if play.draw(st.booleans()):
        _decide(play, exception_id, ExceptionResolved)
    else:
        version = play.next(exception_id)
        play.story.say(
            ExceptionAssigned, exception_id=exception_id, version=version, assignee="zoe", requested_by="ann"
        )


def _decide(play: Play, exception_id: str, kind: type[ExceptionResolved] | type[ExceptionWaived]) -> None:
    version = play.next(exception_id)
    play.story.say(
        kind,
        exception_id=exception_id,
        version=version,
        reason="agreed",
        requested_by=play.draw(st.sampled_from(("joe", "ann"))),
        approved_by="cfo",
    )


def _notice(play: Play) -> None:
    cleared = play.next("notice") % 2 == 0
    play.story.say(
        IntakeNoticed,
        category="unrouted",
        subject=play.scope.id("P1"),
        subject_kind="project",
        place="time.jsonl:3",
        cleared=cleared,
    )


def _spend(play: Play) -> None:
    """On a line that takes expenses, or as cost alone; at times in another currency, or given back."""
    expense_id = play.scope.id(f"X{play.next('expense') % 3}")
    draw = play.draw
    play.story.say(
        ExpenseApproved,
        expense_id=expense_id,
        version=play.next(expense_id),
        project_id=play.scope.id("P1"),
        line_id=draw(st.sampled_from([None, play.contract.lines[0].line_id])),
        category="travel",
        spent_on=play.story.day,
        amount=draw(st.sampled_from([90_0000, 12_0000, -7_0000])),
        tax_amount=5_0000 if draw(st.booleans()) else 0,
        currency="EUR",
        approved_by="ann",
    )


RARE: Sequence[tuple[Step, int]] = (
    (_sign_again, 1),
    (_sign_another, 1),
    (_move, 3),
    (_publish_again, 1),
    (_raise_wages, 1),
    (_promote, 1),
    (_change_company, 1),
    (_found_company, 1),
    (_quote_again, 1),
    (_waive, 2),
    (_take_care, 2),
    (_notice, 1),
    (_spend, 1),
)
