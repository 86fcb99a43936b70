"""What happens while a project runs: work approved, corrected and withdrawn, terms amended, statements asked for."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from domain.events.commercial import ContractAmended, ContractTerminated
from domain.events.common import (
    BillRate,
    ContractLine,
    HoldScope,
    PlannedHours,
    Policies,
    RemainingWork,
    TimeAndMaterials,
)
from domain.events.delivery import (
    BillingHoldPlaced,
    BillingHoldReleased,
    EstimateRevised,
    ProjectClosed,
    ResourceAssigned,
    StatementRequested,
    TimeApproved,
    TimeWithdrawn,
)
from domain.events.finance import WrittenOff
from domain.events.reference import AccountingPeriodClosed, AccountingPeriodReopened, ExchangeRateSet
from tests.histories.foundation import Foundation
from tests.histories.log import Story
from tests.histories.scope import DAY, ENTRIES, FIRST_DAY, HOUR, NINE_IN_THE_MORNING, USUAL, Scope, often, seldom
from tests.histories.terms import caps, orders, shared_caps

# Exchange rates are quoted for a year: each request may close a month that is still to come.
LAST_DAY = FIRST_DAY + dt.timedelta(days=120)
REQUESTS_MAX = 5


class Play:
    """A story with what its steps have to remember."""

    def __init__(self, scope: Scope, foundation: Foundation, draw: st.DrawFn) -> None:
        self.scope = scope
        self.story = Story(scope.name)
        self.contract = foundation.contract
        self.versions: dict[str, int] = {}
        self.contents: dict[tuple[str, int], dict[str, Any] | None] = {}
        self.draw = draw
        self.second_project = scope.id("P2") if scope.waits else foundation.contract.lines[-1].project_id
        self.contract_version = 1
        self.holds: dict[str, int] = {}
        self.closed: dict[str, int] = {}
        self.requests = 0
        self.assignments: dict[str, int] = {}
        self.estimates = 0
        self.counts: Counter[str] = Counter()
        self.second_currency = self.contract.currency
        self.quoted = {"EUR"} | {
            fields[name]
            for kind, fields in foundation.sayings
            if kind is ExchangeRateSet
            for name in ("from_currency", "to_currency")
        }

    def next(self, of: str) -> int:
        """The next version of something, or its number."""
        self.counts[of] += 1
        return self.counts[of]

    def approve(self, entry_id: str, version: int) -> None:
        """Approve a version; a version always has the same content."""
        key = entry_id, version
        if self.contents.get(key) is None:
            self.contents[key] = self._content() | {"occurred_at": self.story.now}
        self.versions[entry_id] = max(version, self.versions.get(entry_id, 0))
        content = dict(self.contents[key] or {})
        if self.scope.versions_differ:
            content["description"] = f"version {version}"
        self.story.say(TimeApproved, entry_id=entry_id, version=version, **content)

    def _content(self) -> dict[str, Any]:
        draw, scope, story = self.draw, self.scope, self.story
        day = story.day - dt.timedelta(days=draw(st.sampled_from([0, 0, 1, 2, 3, 7, 20])))
        common = [1 * HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 7_500_000, 333_333]
        hours = draw(st.sampled_from(common) | st.integers(0, 12 * HOUR))
        content: dict[str, Any] = {
            "project_id": draw(seldom(st.just(self.second_project), scope.id("P1"))),
            "person_id": scope.id(draw(st.sampled_from(["bob", "eve"]))),
            "approved_by": "ann",
            "hours": hours,
            "task": draw(seldom(st.just("design"))),
            "billable": draw(seldom(st.just(False), True)),
            "billable_hours": draw(seldom(st.sampled_from([0, 2 * HOUR, 9 * HOUR]))),
            "overtime": draw(seldom(st.just(True), False)),
            "approved_at": NINE_IN_THE_MORNING + draw(st.integers(0, 5)) * DAY,
        }
        if draw(seldom(st.just(True))):
            started = int(dt.datetime(day.year, day.month, day.day, 21, tzinfo=dt.UTC).timestamp()) * 1_000_000
            content |= {"started_at": started, "ended_at": started + hours * 3600, "hours": None}
        else:
            content["worked_on"] = day
        if scope.faults and draw(seldom(st.just(True), False)):
            content |= draw(st.sampled_from(self._oddities()))
        return content

    def _oddities(self) -> list[dict[str, Any]]:
        rare: list[dict[str, Any]] = [{"person_id": self.scope.id("kim")}, {"dimensions": {"practice": "legal"}}]
        return [
            {"hours": 25 * HOUR},
            {"submitted_by": "ann"},
            {"person_id": self.scope.id("zoe")},
            {"line_id": "L2"},
            {"role": "lead"},
            {"rate": USUAL[self.contract.currency][0] * 2, "rate_approved_by": "cfo"},
            *(rare if self.scope.rare else []),
        ]


Step = Callable[[Play], None]


def _approve_new(play: Play) -> None:
    number = len(play.versions) % ENTRIES if play.scope.corrections else len(play.versions)
    entry_id = f"{play.scope.name}-T{number}"
    play.approve(entry_id, play.versions.get(entry_id, 0) + 1)


def _correct(play: Play) -> None:
    if play.versions and play.scope.corrections:
        entry_id = play.draw(st.sampled_from(sorted(play.versions)))
        play.approve(entry_id, play.versions[entry_id] + play.draw(st.sampled_from([1, 1, 1, 2])))


def _say_earlier_version(play: Play) -> None:
    """A version below the newest one comes late, or a version comes again."""
    if play.versions and play.scope.corrections:
        entry_id = play.draw(st.sampled_from(sorted(play.versions)))
        version = play.draw(st.integers(1, play.versions[entry_id]))
        if play.contents.get((entry_id, version), {}) is not None:
            play.approve(entry_id, version)


def _contradict(play: Play) -> None:
    """The newest version comes again with other content."""
    if play.versions and play.scope.faults:
        entry_id = play.draw(st.sampled_from(sorted(play.versions)))
        newest = play.versions[entry_id]
        if play.contents.get((entry_id, newest)) is not None:
            content = play._content()
            play.story.say(TimeApproved, entry_id=entry_id, version=newest, **content)


def _withdraw(play: Play) -> None:
    if play.versions and play.scope.withdrawals:
        entry_id = play.draw(st.sampled_from(sorted(play.versions)))
        version = play.versions[entry_id] + 1
        play.versions[entry_id] = version
        play.contents[entry_id, version] = None
        play.story.say(TimeWithdrawn, entry_id=entry_id, version=version)


def _write_off(play: Play) -> None:
    """One or two entries are given up: a part of them, at times more than there is, or work that nobody has approved yet."""
    if not play.scope.write_offs:
        return
    names = [f"{play.scope.name}-T{number}" for number in range(ENTRIES)]
    an_hour = USUAL[play.contract.currency][0] // 100
    play.story.say(
        WrittenOff,
        write_off_id=f"{play.scope.name}-W{play.next('write-off')}",
        what="unbilled",
        entries=tuple(play.draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))),
        amount=play.draw(st.sampled_from([1, 2, 5, 20])) * an_hour,
        currency=play.contract.currency,
        written_off_on=play.story.day - dt.timedelta(days=play.draw(st.sampled_from([0, 0, 30]))),
        reason="not worth billing",
        requested_by="joe",
        approved_by=play.draw(seldom(st.sampled_from(["joe", None]), "cfo")),
    )


def _repeat(play: Play) -> None:
    event = play.draw(st.sampled_from([logged.event for logged in play.story.logged]))
    play.story.again(event)


def _days_pass(play: Play) -> None:
    if play.scope.pass_days and play.story.day < LAST_DAY:
        play.story.later(play.draw(st.sampled_from([1, 2, 5, 8, 20])))


def _hold(play: Play) -> None:
    if play.scope.holds:
        named = {"contract": "K", "project": "P1", "entry": "T1", "bill_to": "CU"}
        scopes = [("line", "L1"), *((kind, play.scope.id(of)) for kind, of in named.items())]
        kind, of = play.draw(st.sampled_from(scopes))
        hold_id = play.scope.id(f"H-{kind}")
        play.holds[hold_id] = play.holds.get(hold_id, 0) + 1
        version, scope = play.holds[hold_id], HoldScope(kind, of)
        play.story.say(
            BillingHoldPlaced, hold_id=hold_id, version=version, scope=scope, placed_on=play.story.day, reason="dispute"
        )


def _release(play: Play) -> None:
    if play.holds:
        hold_id = play.draw(st.sampled_from(sorted(play.holds)))
        play.holds[hold_id] += 1
        play.story.say(BillingHoldReleased, hold_id=hold_id, version=play.holds[hold_id])


def _amend(play: Play) -> None:
    """New caps or new rates; at times without approval, or over a version that never came."""
    if not play.scope.amendments:
        return
    draw, story, currency = play.draw, play.story, play.contract.currency
    version = play.contract_version + draw(st.sampled_from([1, 1, 1, 2]))
    lines = tuple(amended(line, draw, play.scope, currency) for line in play.contract.lines)
    shared = draw(
        st.sampled_from(
            [None, (), draw(shared_caps(lines, currency)) if play.scope.caps and not play.scope.next_rule else None]
        )
    )
    policies = play.contract.policies or Policies()
    account = draw(seldom(st.sampled_from(["receivable", "contract_asset"]))) if play.scope.rare else None
    story.say(
        ContractAmended,
        contract_id=play.contract.contract_id,
        version=version,
        replaces_version=play.contract_version if draw(often(st.just(True), False)) else version - 1,
        effective_on=story.day + dt.timedelta(days=draw(st.sampled_from([-20, -5, 0, 3]))),
        treatment="prospective",
        approved_by=draw(often(st.just("ann"))),
        retroactive=draw(seldom(st.just(True), False)),
        shared_caps=shared,
        purchase_order=draw((often if play.scope.ordered else seldom)(orders(currency))) if play.scope.orders else None,
        lines=some_lines(play, lines) if not shared else lines,
        policies=policies._replace(unbilled_account=account) if account is not None else None,
    )
    play.contract_version = version


def some_lines(play: Play, lines: tuple[ContractLine, ...]) -> tuple[ContractLine, ...]:
    """At times without the last of several."""
    return lines[:-1] if play.scope.rare and len(lines) > 1 and play.draw(seldom(st.just(True), False)) else lines


def amended(line: ContractLine, draw: st.DrawFn, scope: Scope, currency: str) -> ContractLine:
    terms = line.terms
    assert isinstance(terms, TimeAndMaterials)
    factor = draw(st.sampled_from([100, 100, 113, *([0] if scope.rare else [])]))
    rates = tuple(rate._replace(rate=rate.rate * factor // 100) for rate in terms.rates)
    cap = terms.cap
    if scope.caps and draw(st.booleans()):
        cap = draw(st.sampled_from([None, draw(caps(currency, plain=scope.next_rule))]))
    return line._replace(terms=terms._replace(rates=rates, cap=cap))


def _assign(play: Play) -> None:
    if not play.scope.assignments:
        return
    scope, story = play.scope, play.story
    person = play.draw(st.sampled_from(["bob", "eve"]))
    assignment_id = scope.id(f"A-{person}")
    play.assignments[assignment_id] = play.assignments.get(assignment_id, 0) + 1
    currency = play.contract.currency
    bill_rate = play.draw(seldom(st.just(BillRate(USUAL[currency][0] * 3 // 2, currency))))
    story.say(
        ResourceAssigned,
        assignment_id=assignment_id,
        version=play.assignments[assignment_id],
        project_id=scope.id("P1"),
        person_id=scope.id(person),
        role=play.draw(st.sampled_from(["dev", "lead"])),
        starts_on=story.day - dt.timedelta(days=play.draw(st.sampled_from([0, 10]))),
        planned=(PlannedHours("2026-04", 40 * HOUR),),
        bill_rate=bill_rate,
    )


def _estimate(play: Play) -> None:
    play.estimates += 1
    remaining = (RemainingWork("2026-05", play.draw(st.sampled_from([0, 30])) * HOUR, 1_500_0000),)
    play.story.say(
        EstimateRevised,
        project_id=play.scope.id("P1"),
        version=play.estimates,
        as_of=play.story.day,
        remaining=remaining,
    )


def _request(play: Play) -> None:
    if play.scope.requests and play.requests < REQUESTS_MAX:
        play.requests += 1
        story = play.story
        span = play.draw(st.sampled_from([(None, None), (None, 3), (-20, 0), (-5, 1)]))
        period, to = (None if days is None else story.day + dt.timedelta(days=days) for days in span)
        request_id, contract_id = f"{play.scope.name}-R{play.requests}", play.contract.contract_id
        story.say(StatementRequested, request_id=request_id, contract_id=contract_id, period=period, to=to)


def _close_accounts(play: Play) -> None:
    if play.scope.accounting_periods:
        period = f"2026-{play.draw(st.integers(2, 5)):02}"
        play.closed[period] = play.closed.get(period, 0) + 1
        entity_id = play.scope.id("LE")
        closing = AccountingPeriodClosed if play.closed[period] % 2 else AccountingPeriodReopened
        version = play.closed[period]
        play.story.say(
            closing, legal_entity_id=entity_id, period=period, version=version, requested_by="ann", approved_by="cfo"
        )


def _end_project(play: Play) -> None:
    if play.scope.faults:
        ends_on = play.story.day + dt.timedelta(days=play.draw(st.sampled_from([-3, 10])))
        play.story.say(ProjectClosed, project_id=play.scope.id("P2"), version=2, ends_on=ends_on)


def _terminate(play: Play) -> None:
    if play.scope.amendments and play.scope.faults:
        play.contract_version += 1
        contract_id, version = play.contract.contract_id, play.contract_version
        play.story.say(ContractTerminated, contract_id=contract_id, version=version, effective_on=play.story.day)


STEPS: Sequence[tuple[Step, int]] = (
    (_approve_new, 14),
    (_correct, 4),
    (_say_earlier_version, 2),
    (_contradict, 1),
    (_withdraw, 2),
    (_write_off, 2),
    (_repeat, 2),
    (_days_pass, 7),
    (_hold, 1),
    (_release, 1),
    (_amend, 2),
    (_assign, 1),
    (_estimate, 1),
    (_request, 2),
    (_close_accounts, 2),
    (_end_project, 1),
    (_terminate, 1),
)
