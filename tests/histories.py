"""Hypothesis strategies for what a firm's systems say about an engagement, in the order in which it is recorded.

Days end in the log as the clock ends them. The systems are only human: references come late, versions come twice or in the wrong
order, work is withdrawn and approved again, periods close too early.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

from domain.events.catalogue import Event
from domain.events.commercial import ContractAmended, ContractSigned, ContractTerminated
from domain.events.common import (
    BillingCycle,
    BillRate,
    Cap,
    ContractLine,
    FiscalCalendar,
    HoldScope,
    LineRate,
    PlannedHours,
    Policies,
    ProjectBudget,
    RateCardLine,
    RateCardScope,
    RemainingWork,
    SharedCap,
    TimeAndMaterials,
)
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
from domain.events.finance import InvoicePosted, InvoiceRejected
from domain.events.reference import (
    AccountingPeriodClosed,
    AccountingPeriodReopened,
    CostRateSet,
    CustomerDefined,
    DayEnded,
    ExchangeRateSet,
    LegalEntityDefined,
    PersonDefined,
    RateCardPublished,
)
from domain.outputs import BillingStatement
from domain.units import Amount, Instant
from state.clock import Clock, tick, with_zones, zones_named
from tests.folding import Logged, fold, is_reference

FIRST_DAY = dt.date(2026, 3, 2)
DAY: Instant = 86_400_000_000
NINE_IN_THE_MORNING: Instant = int(dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC).timestamp()) * 1_000_000
HOUR = 1_000_000
PERCENT = 1_000_000
# A rate that is usual in the currency, in 10^-6, and how many of it make a euro, in 10^-12.
USUAL = {
    "EUR": (100_000000, 1_000000000000),
    "USD": (110_000000, 1_085300000000),
    "GBP": (85_000000, 834150000000),
    "JPY": (16_000_000000, 162_370000000000),
    "KWD": (33_500000, 333900000000),
}
ZONES = ("Europe/Berlin", "America/Los_Angeles", "Asia/Tokyo")
ENTRIES = 9


class Scope(NamedTuple):
    """What may happen in a history. All ids begin with `name`, which is that of the engagement."""

    name: str = "E"
    currencies: tuple[str, ...] = tuple(USUAL)
    steps: int = 45
    late_references: bool = True
    policies: bool = True
    caps: bool = True
    amendments: bool = True
    accounting_periods: bool = True
    requests: bool = True
    holds: bool = True
    faults: bool = True
    assignments: bool = True
    invoices: bool = True
    pass_days: bool = True
    on_request: bool = False
    withdrawals: bool = True
    corrections: bool = True
    # Work may have to wait for a contract line or the contract's dates.
    waits: bool = True
    # No two versions of an entry say the same.
    versions_differ: bool = False
    zones: tuple[str, ...] = ZONES

    def id(self, of: str) -> str:
        return f"{self.name}-{of}"


EVERYTHING = Scope()


class History(NamedTuple):
    """A log with what is needed to go on with it."""

    logged: tuple[Logged, ...]
    name: str
    on_request: bool

    def __repr__(self) -> str:
        return "\n".join(["", *map(_told, self.logged)])


def _told(logged: Logged) -> str:
    event = logged.event
    header = ("event_id", "occurred_at", "recorded_at", "source", "approved_by", "legal_entity_id", "customer_id")
    fields = (
        (name, value) for name, value in event._asdict().items() if name not in header and value not in (None, (), {})
    )
    at = dt.datetime.fromtimestamp((event.recorded_at or event.occurred_at) / 1_000_000, dt.UTC)
    return f"{at:%m-%d %H:%M} {type(event).__name__} " + " ".join(f"{name}={_short(value)}" for name, value in fields)


def _short(value: Any) -> str:
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        stated = (f"{name}={_short(field)}" for name, field in value._asdict().items() if field not in (None, (), {}))
        return f"{type(value).__name__}({', '.join(stated)})"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_short, value))}]"
    return value.isoformat() if isinstance(value, dt.date) else repr(value)


class Story:
    """Collects events; each is recorded a second after the one before, `later` lets days pass."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.day = FIRST_DAY
        self.logged: list[Logged] = []
        self.now = NINE_IN_THE_MORNING

    def later(self, days: int) -> None:
        self.day += dt.timedelta(days=days)
        self.now += days * DAY

    def say(self, kind: Callable[..., Any], **fields: Any) -> None:
        number = len(self.logged)
        self.now += HOUR
        header = {
            "event_id": f"{self.name}-{number}",
            "occurred_at": self.now,
            "recorded_at": self.now,
            "source": "firm",
        }
        self.add(kind(**{**header, **fields}))

    def add(self, event: Event) -> None:
        self.logged.append(Logged("" if is_reference(event) else self.name, event))

    def again(self, event: Event) -> None:
        """The same fact, sent once more."""
        self.now += HOUR
        self.add(
            event._replace(event_id=f"{self.name}-{len(self.logged)}", recorded_at=self.now, correlation_id="again")
        )


def with_days(logged: Iterable[Logged], until: dt.date | None = None) -> tuple[Logged, ...]:
    """The log with the days that end in it, as its clock writes them."""
    clock, made = Clock(), list[Logged]()
    for one in logged:
        now = one.event.recorded_at or one.event.occurred_at
        clock = _run(clock, now, made)
        made.append(one)
        clock = with_zones(clock, zones_named(one.event), now)
    if until is not None:
        while clock.days and clock.days[0].date <= until:
            event, clock = tick(clock)
            made.append(Logged("", event))
    return tuple(made)


def _run(clock: Clock, now: Instant, made: list[Logged]) -> Clock:
    while clock.next_midnight <= now:
        event, clock = tick(clock)
        made.append(Logged("", event))
    return clock


# Foundations: what must be known before work can be billed


def often(strategy: st.SearchStrategy[Any], otherwise: Any = None) -> st.SearchStrategy[Any]:
    return _in_six(strategy, otherwise, 4)


def seldom(strategy: st.SearchStrategy[Any], otherwise: Any = None) -> st.SearchStrategy[Any]:
    return _in_six(strategy, otherwise, 1)


def _in_six(strategy: st.SearchStrategy[Any], otherwise: Any, times: int) -> st.SearchStrategy[Any]:
    usual = st.just(otherwise)
    return st.integers(1, 6).flatmap(lambda thrown: strategy if thrown > 6 - times else usual)


def policies(capped: bool) -> st.SearchStrategy[Policies]:
    """Choices that the rules in force handle and that do not contradict hard caps."""
    scopes = ["entry", "person_day"] if capped else ["entry", "person_day", "statement_line"]
    choices = {
        "money_mode": seldom(st.just("half_even")),
        "increment_minutes": seldom(st.sampled_from([6, 15, 30])),
        "increment_mode": seldom(st.sampled_from(["up", "down", "nearest"])),
        "increment_scope": seldom(st.sampled_from(scopes)),
        "minimum_minutes": seldom(st.just(30)),
        "rounding_scope": seldom(st.just("line")),
        "hours_decimals": seldom(st.sampled_from([1, 2])),
        "cap_split": seldom(st.sampled_from(["reject_whole", "prorate"])),
        "cap_split_billing": seldom(st.sampled_from(["split", "reject_whole", "prorate"])),
        "cap_order": seldom(st.just("approval")),
        "overflow": seldom(st.just("non_billable")),
        "cap_limits_revenue": seldom(st.booleans()),
        "revenue_method": seldom(st.just("as_billed")),
        "unbilled_account": seldom(st.just("contract_asset")),
        "fx_date": seldom(st.just("service")),
        "cost_policy": seldom(st.just("wip")),
        "closed_period": seldom(st.just("reject")),
    }
    return st.fixed_dictionaries(choices).map(lambda chosen: Policies(**chosen))


@st.composite
def caps(draw: st.DrawFn, currency: str) -> Cap:
    """A few days' work, in money or in hours."""
    usual, _ = USUAL[currency]
    kind = draw(st.sampled_from(["hard", "hard", "hard", "soft"]))
    period = draw(st.sampled_from(["whole_term", "whole_term", "month", "day"]))
    if draw(st.booleans()):
        hours = draw(st.sampled_from([4, 8, 20])) * HOUR + draw(st.sampled_from([0, 0, 333_333]))
        return Cap(kind, hours=hours, period=period, split=draw(st.sampled_from(["split", "reject_whole"])))
    amount = draw(st.sampled_from([5, 12, 25])) * usual // 100 + draw(st.sampled_from([0, 0, 10_000]))
    split = draw(seldom(st.sampled_from(["split", "reject_whole", "prorate"])))
    return Cap(
        kind, amount=amount // 10_000 * 10_000, period=period, split=split, limits_revenue=draw(seldom(st.booleans()))
    )


@st.composite
def contract_lines(draw: st.DrawFn, scope: Scope, currency: str, by_card: bool) -> tuple[ContractLine, ...]:
    """A line for the first project and, often, one more: for its design work or for the second project."""
    usual, _ = USUAL[currency]
    rates = [LineRate(usual * factor // 100) for factor in (100, 137)]
    overtime = draw(seldom(st.sampled_from([25 * PERCENT, 15 * PERCENT])))
    blanket = () if by_card else (rates[0]._replace(overtime_markup=overtime),)
    since = draw(seldom(st.just(FIRST_DAY + dt.timedelta(days=20))))
    dearer = (rates[1]._replace(effective_from=since),) if since and not by_card else ()
    cap = draw(often(caps(currency))) if scope.caps else None
    first = ContractLine(
        "L1", scope.id("P1"), TimeAndMaterials(scope.id("CARD") if by_card else None, (*blanket, *dearer), cap)
    )
    kind = draw(st.sampled_from(["none", "design", "second"]))
    if kind == "none":
        return (first,)
    own = draw(policies(capped=scope.caps)) if scope.policies and draw(seldom(st.just(True))) else None
    if own is not None and draw(often(st.just(True), False)):
        own = own._replace(cap_order=None, cap_split_billing=None)
    terms = TimeAndMaterials(
        None, (LineRate(usual * 121 // 100 + 3_333),), draw(seldom(caps(currency))) if scope.caps else None
    )
    if kind == "design":
        return first, ContractLine("L2", scope.id("P1"), terms, tasks=("design",), policies=own)
    return first, ContractLine("L2", scope.id("P2"), terms, policies=own)


@st.composite
def shared_caps(draw: st.DrawFn, lines: Sequence[ContractLine], currency: str) -> tuple[SharedCap, ...]:
    if len(lines) == 1 or not draw(st.booleans()):
        return ()
    cap: Cap = draw(caps(currency))
    return (
        SharedCap(
            "BOTH", ("L1", "L2"), cap.kind, cap.amount, cap.hours, cap.period, cap.split, None, cap.limits_revenue
        ),
    )


def cycles() -> st.SearchStrategy[BillingCycle | None]:
    return st.sampled_from(
        [
            None,
            BillingCycle("monthly", cut_off_day=25),
            BillingCycle("semi_monthly"),
            BillingCycle("weekly"),
            BillingCycle("every_n_weeks", n=2),
            BillingCycle("on_request"),
        ]
    )


class Foundation(NamedTuple):
    """The contract and what else has to be said, in the order that is usual."""

    sayings: tuple[tuple[Callable[..., Any], dict[str, Any]], ...]
    contract: ContractSigned


@st.composite
def foundations(draw: st.DrawFn, scope: Scope) -> Foundation:
    currency = draw(st.sampled_from(scope.currencies))
    entity, customer, bob, eve = (scope.id(of) for of in ("LE", "CU", "bob", "eve"))
    zone = draw(st.sampled_from(scope.zones))
    by_card = draw(st.booleans())
    lines = draw(contract_lines(scope, currency, by_card))
    chosen = draw(policies(capped=scope.caps)) if scope.policies and draw(st.booleans()) else None
    contract: dict[str, Any] = {
        "contract_id": scope.id("K"),
        "version": 1,
        "customer_id": customer,
        "legal_entity_id": entity,
        "currency": currency,
        "signed_on": FIRST_DAY,
        "starts_on": FIRST_DAY - dt.timedelta(days=draw(st.sampled_from([30, 30, 30, 1, 0])) if scope.waits else 30),
        "ends_on": draw(seldom(st.just(FIRST_DAY + dt.timedelta(days=45)))) if scope.faults else None,
        "lines": lines,
        "shared_caps": draw(shared_caps(lines, currency)) if scope.caps else (),
        "billing_cycle": BillingCycle("on_request") if scope.on_request else draw(cycles()),
        "billing_zone": draw(seldom(st.sampled_from(scope.zones))),
        "grace_days": draw(seldom(st.sampled_from([1, 3]))),
        "policies": chosen,
    }
    budget = ProjectBudget(100 * HOUR, 60_000_0000, 100_000_0000, "EUR")
    cost_currency = draw(st.sampled_from(["EUR", "EUR", "GBP"])) if len(scope.currencies) > 1 else scope.currencies[0]
    usual, _ = USUAL[cost_currency]
    bill_rate = draw(seldom(st.just(BillRate(USUAL[currency][0] * 90 // 100, currency))))
    calendar = FiscalCalendar(draw(st.sampled_from(["calendar_month", "calendar_month", "four_four_five"])))
    sayings: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (
            LegalEntityDefined,
            {"legal_entity_id": entity, "name": "Firm", "currency": "EUR", "zone": zone, "fiscal_calendar": calendar},
        ),
        (CustomerDefined, {"customer_id": customer, "name": "Customer", "payment_terms_days": 30}),
        (PersonDefined, {"person_id": bob, "legal_entity_id": entity, "role": "dev", "bill_rate": bill_rate}),
        (PersonDefined, {"person_id": eve, "legal_entity_id": entity, "role": "lead"}),
        (CostRateSet, _cost(entity, bob, None, cost_currency, usual * 60 // 100)),
        (CostRateSet, _cost(entity, None, "lead", "EUR", 70_123456)),
        (ProjectActivated, _project(scope.id("P1"), entity, budget)),
        (ProjectActivated, _project(scope.id("P2"), entity, None)),
        (ContractSigned, contract),
    ]
    if by_card:
        sayings.append((RateCardPublished, _card(scope, currency)))
    needed = {currency, cost_currency} - {"EUR"}
    sayings += [(ExchangeRateSet, one) for code in sorted(needed) for one in draw(exchange_rates(code))]
    made = ContractSigned(event_id="", occurred_at=0, source="", **contract)
    return Foundation(tuple((kind, {"version": 1, **fields}) for kind, fields in sayings), made)


def _cost(entity_id: str, person_id: str | None, role: str | None, currency: str, rate: int) -> dict[str, Any]:
    since = dt.date(2020, 1, 1)
    return {
        "cost_rate_id": f"{entity_id}-{person_id or role}",
        "legal_entity_id": entity_id,
        "person_id": person_id,
        "role": role,
        "currency": currency,
        "rate": rate,
        "effective_from": since,
    }


def _project(project_id: str, entity_id: str, budget: ProjectBudget | None) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "name": project_id,
        "legal_entity_id": entity_id,
        "starts_on": FIRST_DAY,
        "budget": budget,
    }


def _card(scope: Scope, currency: str) -> dict[str, Any]:
    usual, _ = USUAL[currency]
    lines = (RateCardLine(usual), RateCardLine(usual * 11 // 10 + 1_111, role="lead", overtime_markup=20 * PERCENT))
    return {
        "rate_card_id": scope.id("CARD"),
        "scope": RateCardScope("customer", scope.id("CU")),
        "currency": currency,
        "effective_from": dt.date(2026, 1, 1),
        "lines": lines,
    }


@st.composite
def exchange_rates(draw: st.DrawFn, currency: str) -> list[dict[str, Any]]:
    """Quoted a week apart, against the euro or by it, from before the first work until long after the last."""
    _, usual = USUAL[currency]
    inverse = draw(st.booleans())
    made = []
    for week in range(-8, 30):
        quoted = usual * (1000 + week * 3 % 17) // 1000
        rate = quoted if inverse else 10**24 // quoted
        pair = ("EUR", currency) if inverse else (currency, "EUR")
        day = FIRST_DAY + dt.timedelta(weeks=week)
        made.append({"rate_type": "spot", "from_currency": pair[0], "to_currency": pair[1], "date": day, "rate": rate})
    return made


# Steps: what happens while the project runs


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
        return [
            {"hours": 25 * HOUR},
            {"submitted_by": "ann"},
            {"person_id": self.scope.id("zoe")},
            {"line_id": "L2"},
            {"role": "lead"},
            {"rate": USUAL[self.contract.currency][0] * 2, "rate_approved_by": "cfo"},
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


def _repeat(play: Play) -> None:
    event = play.draw(st.sampled_from([logged.event for logged in play.story.logged]))
    play.story.again(event)


def _days_pass(play: Play) -> None:
    if play.scope.pass_days:
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
    lines = tuple(_amended(line, draw, play.scope, currency) for line in play.contract.lines)
    shared = draw(st.sampled_from([None, (), draw(shared_caps(lines, currency)) if play.scope.caps else None]))
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
        lines=lines,
    )
    play.contract_version = version


def _amended(line: ContractLine, draw: st.DrawFn, scope: Scope, currency: str) -> ContractLine:
    terms = line.terms
    assert isinstance(terms, TimeAndMaterials)
    factor = draw(st.sampled_from([100, 100, 113]))
    rates = tuple(rate._replace(rate=rate.rate * factor // 100) for rate in terms.rates)
    cap = terms.cap
    if scope.caps and draw(st.booleans()):
        cap = draw(st.sampled_from([None, draw(caps(currency))]))
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
    if play.scope.requests:
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


@st.composite
def histories(draw: st.DrawFn, scope: Scope = EVERYTHING) -> History:
    foundation = draw(foundations(scope))
    play = Play(scope, foundation, draw)
    steps = draw(
        st.lists(
            st.sampled_from([step for step, weight in STEPS for _ in range(weight)]),
            min_size=scope.steps // 3,
            max_size=scope.steps,
        )
    )
    late: dict[int, list[tuple[Callable[..., Any], dict[str, Any]]]] = {}
    for kind, fields in foundation.sayings:
        comes = (
            draw(seldom(seldom(st.integers(0, len(steps)))))
            if scope.late_references and kind is not ExchangeRateSet
            else None
        )
        if comes is None:
            play.story.say(kind, **fields)
        else:
            late.setdefault(comes, []).append((kind, fields))
    for number, step in enumerate(steps):
        for kind, fields in late.pop(number, ()):
            play.story.say(kind, **fields)
        step(play)
    for sayings in late.values():
        for kind, fields in sayings:
            play.story.say(kind, **fields)
    cycle = foundation.contract.billing_cycle
    on_request = cycle is not None and cycle.kind == "on_request"
    logged = with_days(play.story.logged, play.story.day + dt.timedelta(days=draw(st.sampled_from([0, 10, 45]))))
    if scope.invoices:
        logged = draw(with_invoices(logged, scope.name))
    return History(logged, scope.name, on_request)


# The ERP's answers


@st.composite
def with_invoices(draw: st.DrawFn, logged: tuple[Logged, ...], name: str) -> tuple[Logged, ...]:
    """Some statements are invoiced after a while, some refused first, some for a wrong amount."""
    answers: list[tuple[int, list[Logged]]] = []
    for said in fold(logged).said:
        if isinstance(said.record, BillingStatement) and draw(often(st.just(True))):
            at = said.position.log_offset + 1 + draw(st.integers(0, 10))
            answers.append((min(at, len(logged)), draw(_answers(said.record, name))))
    made: list[Logged] = []
    for offset in range(len(logged) + 1):
        now = made[-1].event.recorded_at if made else None
        for at, several in answers:
            if at == offset:
                made += [Logged(name, one.event._replace(recorded_at=now, occurred_at=now)) for one in several]
        made += logged[offset : offset + 1]
    return tuple(made)


@st.composite
def _answers(draw: st.DrawFn, statement: BillingStatement, name: str) -> list[Logged]:
    made: list[Event] = []
    if draw(seldom(st.just(True))):
        made.append(_rejection(statement))
    if draw(seldom(st.just(True))):
        made.append(invoice(statement, statement.to, statement.amount_due + 1_0000))
    posted_on = statement.to + dt.timedelta(days=draw(st.sampled_from([0, 1, 6, 30])))
    made.append(invoice(statement, posted_on))
    return [Logged(name, event) for event in made]


def _rejection(statement: BillingStatement) -> InvoiceRejected:
    return InvoiceRejected(
        event_id=f"{statement.statement_id}-no",
        occurred_at=0,
        source="erp",
        code="X1",
        message="customer is blocked",
        statement_id=statement.statement_id,
    )


def invoice(statement: BillingStatement, posted_on: dt.date, amount: Amount | None = None) -> InvoicePosted:
    return InvoicePosted(
        event_id=f"{statement.statement_id}-{amount}",
        occurred_at=0,
        source="erp",
        invoice_id=f"INV-{statement.statement_id}",
        posted_on=posted_on,
        amount=statement.amount_due if amount is None else amount,
        statement_id=statement.statement_id,
    )


# The end: what is left when everything is billed


def settled(history: History, holds: Iterable[str] = ()) -> History:
    """The history, and on until every period is closed and every statement invoiced."""
    logged = list(history.logged)
    now = max(one.event.recorded_at or one.event.occurred_at for one in logged) + HOUR
    for one in logged[:]:
        if isinstance(one.event, BillingHoldPlaced):
            header = {"event_id": "release", "occurred_at": now, "source": "firm", "recorded_at": now}
            logged.append(Logged(history.name, BillingHoldReleased(hold_id=one.event.hold_id, version=1_000, **header)))
    if history.on_request:
        logged.append(Logged(history.name, _last_request(history.name, now)))
    # Each request may have closed a month early, so that as many more have to pass until the next one closes.
    requests = sum(isinstance(one.event, StatementRequested) for one in logged)
    last = dt.datetime.fromtimestamp(now / 1_000_000, dt.UTC).date() + dt.timedelta(days=80 + 31 * requests)
    days = [one for one in logged if isinstance(one.event, DayEnded)]
    closed = with_days([one for one in logged if not isinstance(one.event, DayEnded)], last)
    ended = [one for one in closed if isinstance(one.event, DayEnded)]
    logged += ended[len(days) :]
    return History(with_all_invoices(tuple(logged), history.name), history.name, history.on_request)


def _last_request(name: str, now: Instant) -> StatementRequested:
    return StatementRequested(
        event_id="last",
        occurred_at=now,
        source="firm",
        request_id=f"{name}-last",
        contract_id=f"{name}-K",
        recorded_at=now,
        to=dt.date(2027, 1, 1),
    )


def with_all_invoices(logged: tuple[Logged, ...], name: str) -> tuple[Logged, ...]:
    """Invoices for all statements that have none yet; each states its exchange rate, so that none has to wait."""
    now = max(one.event.recorded_at or one.event.occurred_at for one in logged)
    books = fold(logged)
    parts = books.shard.store.engagement(name).parts
    missing = [one for one in books.statements if parts["statement", one.statement_id].invoice_id is None]
    events = (
        _stating_its_rate(invoice(one, one.to), one.currency)._replace(occurred_at=now, recorded_at=now)
        for one in missing
    )
    return (*logged, *(Logged(name, event) for event in events))


def _stating_its_rate(event: InvoicePosted, currency: str) -> InvoicePosted:
    return event if currency == "EUR" else event._replace(exchange_rate=10**24 // USUAL[currency][1])
