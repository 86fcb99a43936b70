"""The books after a step, of which each number says how it came about, so that rules which are asked with them say how they did.

Rows have figures for their numbers, and are added up by the fold's own sums (`state.draft`); terms, estimates and plans name the fields of
their events. What a forecast was made of is asked of its rules with these.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, NamedTuple

from msgspec.structs import replace

from domain.caps.consume import MONTH, Bucket, CapRule, bucket_key
from domain.events.delivery import EstimateRevised
from domain.explanation import Node, total
from domain.figure import Recorded, called, later
from domain.forecast.exhaustion import PACE_DAYS
from domain.identity import composed, parts_of
from domain.numbered import in_a_contract, in_an_event, limits_numbered
from domain.outputs import ForecastUpdate
from domain.units import Amount
from milepost.explain.alike_rows import all_added
from milepost.explain.caps import TakenOfCap
from milepost.explain.nodes import Nodes, once
from milepost.explain.published import given
from state.books import (
    BroughtForward,
    Burn,
    CapBucket,
    Contract,
    Entry,
    Estimate,
    EstimatesOfLine,
    LineTotals,
    Project,
    RetentionAccount,
    Withheld,
)
from state.caps.claims import allotments, bucket_id
from state.charges.estimates import PART as ESTIMATES
from state.charges.estimates import currency_of_project, months_of
from state.draft import Draft
from state.forecast.ahead import TermsAhead
from state.forecast.bases import rest_on_books
from state.forecast.caps import companions, published_after
from state.forecast.expected import BILLED, DUE, month_at
from state.forecast.outlook import booked_again, known, ledger_currency, project_terms
from state.forecast.planned import planned_rate
from state.terms.opening import KIND as BALANCES
from state.terms.plan import LinePlan, line_plan
from state.totals import standing_price
from state.trace import TracedOutput

# Of the books of several steps, but for those that are asked; a row takes some 15 kB.
ROWS_AT_HAND = 20_000
SUMS = (
    "recognised",
    "invoiced",
    "written_off",
    "hours",
    "value",
    "billable",
    "issued",
    "conceded",
    "by_hours",
    "by_terms",
)


class AskedAt(NamedTuple):
    """What rules ask besides the books (`state.draft.Asked`), of a step."""

    books: AskedBooks
    step: int

    def sum(self, number: Amount, address: str, title: str, currency: str) -> Amount:
        return later(number, self.books.recorded.sum, address, title, self.step, currency)

    def known(self, number: Amount, address: str) -> Amount:
        return later(number, self.books.recorded.known, address, self.step)

    def added(self) -> list[Entry]:
        return self.books.added_at(self.step)

    def ahead(self, contract_id: str, line_id: str, as_of: date) -> TermsAhead:
        return self.books.nodes.prices.ahead(contract_id, line_id, as_of, self.step)


class AskedBooks(Nodes):
    def begin(self) -> None:
        self._at: dict[int, Draft] = {}
        self._added: dict[int, list[Entry]] = {}

    def of_forecast(self, said: TracedOutput) -> Draft:
        """As they were when a forecast was published."""
        update: ForecastUpdate = said.record
        address = published_after(update.project_id, update.sequence)
        decided = given(self.sources.trace.why.figure_at(address, said.step), update.project_id)
        return self.of_project(update.project_id, said.step, update.as_of, decided.value or 0)

    def of_project(self, project_id: str, step: int, as_of: date, turn: int) -> Draft:
        draft = self._copy(step)
        projects = [project_id, *companions(draft, {project_id})]
        booked = {key[:7] for each in projects for key in draft.project(each).months}
        days = as_of, *(date.fromisoformat(f"{month}-01") for month in booked if month > as_of.isoformat()[:7])
        for plan in (plan for each in projects for plan in project_terms(draft, each).every_line):
            for rule in plan.rules:
                for day in days if rule.period == MONTH else (as_of,):
                    self._take_bucket(draft, plan, rule, day, step, turn)
        for each in projects:
            self._take_forecast(draft, each, step, as_of)
        for each in projects:
            rest_on_books(draft, each, as_of)
        return draft

    @once
    def stated(self, step: int, currency: str) -> Draft:
        """Without rows: balances that were brought forward and estimates of lines, as their events state them in a contract's currency."""
        draft = self.sources.trace.draft_at(step)
        for project_id in draft.ids(BALANCES):
            known: BroughtForward = draft.part(BALANCES, project_id)
            if known.loaded is not None:
                draft.put(BALANCES, project_id, replace(known, loaded=in_an_event(known.loaded, currency)))
        for part_id in draft.ids(ESTIMATES):
            estimates: EstimatesOfLine = draft.part(ESTIMATES, part_id)
            events = [one for one in self.sources.events(EstimateRevised) if _is_of(one, part_id)]
            months = {one.version: months_of(in_an_event(one, currency)) for one in reversed(events)}
            said = tuple((*one[:4], months[one[1]]) for one in estimates.said)
            draft.put(ESTIMATES, part_id, EstimatesOfLine(said))
        return draft

    def at(self, step: int) -> Draft:
        if step not in self._at:
            self._at[step] = self._books(step)
            while len(self._at) > 1 and sum(len(one.rows) for one in self._at.values()) > ROWS_AT_HAND:
                first = next(iter(self._at))
                del self._at[first], self._added[first]
        return self._at[step]

    def added_at(self, step: int) -> list[Entry]:
        """Rows as their sums were made of them."""
        self.at(step)
        return self._added[step]

    def lines_at(self, step: int) -> dict[str, LineTotals]:
        books = self.at(step)
        return {line_id: books.part("line", line_id) for line_id in books.ids("line")}

    def _copy(self, step: int) -> Draft:
        made, of = self.sources.trace.draft_at(step), self.at(step)
        made.asked, made.moves, made.rows, made.changed_on = of.asked, of.moves, of.rows, of.changed_on
        for (kind, part_id), part in of.parts.items():
            made.put(kind, part_id, part)
        for contract in made.contracts():
            for stored in (*contract.former, *contract.history):
                for line in stored.terms.lines:
                    _take_limits(made, line_plan(made, contract, stored.version, line.line_id))
        return made

    # The books

    def _books(self, step: int) -> Draft:
        draft = self.sources.trace.draft_at(step)
        draft.asked = AskedAt(self, step)
        of_kinds: dict[str, Callable[[Any, str, int], object]] = {
            "contract": self._contract,
            "estimate": lambda one, *_: numbered_estimate(draft, one),
            "project": lambda one, *_: self._project(draft, one),
            "assignments": lambda one, *_: replace(one, stated=tuple(in_an_event(each, "") for each in one.stated)),
            "line": lambda one, *_: LineTotals(one.project_id),
            "retention": self._retention,
        }
        for kind, of in of_kinds.items():
            for part_id in draft.ids(kind):
                draft.put(kind, part_id, of(draft.part(kind, part_id), part_id, step))
        rows = self.nodes.alike.at(step)
        draft.rows, self._added[step] = rows.by_name, rows.to_add
        for entry in rows.to_add:
            draft._add_work(entry, entry.standing, 1)
            draft._add_issued(entry, 1)
        for entry in rows.indexed:
            draft._move_index(None, entry)
        self._name_sums(draft, step)
        return draft

    def _over(self, part_id: str, step: int) -> Node:
        """What rows of a line have over its caps."""
        trace = self.sources.trace
        standing = ((row, trace.entry_at(row, step)) for row in sorted(trace.entry_ids()))
        nodes = [
            self.nodes.records.over(row, step)
            for row, price in ((row, standing_price(entry)) for row, entry in standing if entry is not None)
            if price is not None
            and composed(price.contract_id, price.line_id) == part_id
            and price.chargeable - price.passed != price.billable
        ]
        return total(f"over cap on line {parts_of(part_id)[1]}", nodes, "amount", nodes[0].currency)

    def _name_sums(self, draft: Draft, step: int) -> None:
        for part_id in draft.ids("line"):
            line: LineTotals = draft.part("line", part_id)
            title = f"on line {parts_of(part_id)[1]}"
            sums = {name: called(getattr(line, name), f"{name.replace('_', ' ')} {title}") for name in SUMS}
            over = later(line.over, self._over, part_id, step)
            draft.put("line", part_id, replace(all_added(line), over=over, **sums))
        for project_id in draft.ids("project"):
            project: Project = draft.part("project", project_id)
            months = {
                key: tuple(
                    called(number, f"{name} booked in {key[:7]}")
                    for number, name in zip(sums, ("hours", "cost", "revenue"), strict=True)
                )
                for key, sums in project.months.items()
            }
            draft.put("project", project_id, replace(project, months=months, burn=all_added(project.burn)))

    def _contract(self, contract: Contract, *_: object) -> Contract:
        history, former = (
            tuple(replace(stored, terms=in_a_contract(stored.terms)) for stored in several)
            for several in (contract.history, contract.former)
        )
        return replace(contract, history=history, former=former)

    @staticmethod
    def _project(draft: Draft, project: Project) -> Project:
        activated = project.activated
        if activated is not None:
            own = activated.budget.currency if activated.budget is not None else None
            activated = in_an_event(activated, own or ledger_currency(draft, activated.legal_entity_id) or "")
        return replace(project, activated=activated, burn=Burn(), months={}, posted={})

    def _retention(self, account: RetentionAccount, part_id: str, step: int) -> RetentionAccount:
        (contract_id, bill_to), retention = parts_of(part_id), self.nodes.retention
        contract = self.sources.draft(step).contract_in_books(contract_id)
        by_project: dict[str, Withheld] = {}
        for one in account.withheld:
            had = by_project.get(one.project_id)
            by_project[one.project_id] = one if had is None else replace(had, left=had.left + one.left)
        withheld = tuple(
            replace(one, left=later(one.left, retention.left_at, contract, bill_to, one.project_id, step))
            for one in by_project.values()
        )
        billed = later(account.billed, retention.billed_at, contract, bill_to, step)
        return replace(account, withheld=withheld, billed=billed)

    # What forecasts rest on besides

    def _take_bucket(self, draft: Draft, plan: LinePlan, rule: CapRule, day: date, step: int, turn: int) -> None:
        key = bucket_key(rule, day, "")
        for allotment in dict.fromkeys((allotments(plan)[0], allotments(plan)[-1])):
            of, lately = TakenOfCap(plan, key, allotment), (day - timedelta(days=PACE_DAYS - 1), day)
            amount, hours, *last = (
                self.nodes.caps.number_taken(of._replace(by_hours=by_hours, days=days), step, turn)
                for days in (None, lately)
                for by_hours in (False, True)
            )
            made = CapBucket(Bucket(free_amount=amount, free_hours=hours), days={day.toordinal(): (last[0], last[1])})
            draft.put("bucket", bucket_id(plan, allotment, key), made)

    def _take_forecast(self, draft: Draft, project_id: str, step: int, as_of: date) -> None:
        forecast, outlook = known(draft, project_id)
        rate = later(forecast.planned_rate, self._planned_rate, draft, project_id, as_of, forecast.currency)
        billed, due = (
            {month: later(number, self._in_month, name, project_id, month, step) for month, number in numbers.items()}
            for name, numbers in ((BILLED, forecast.billed), (DUE, forecast.due))
        )
        made = replace(forecast, billed=billed, due=due, planned_rate=rate, ceiling=None, ceilings={})
        draft.put("forecast", project_id, made)
        moves = [move for move in draft.moves if move.project_id == project_id]
        booked = booked_again(outlook, moves)
        draft.put("outlook", project_id, replace(booked, days=all_added(booked.days)))

    def _in_month(self, name: str, project_id: str, month: str, step: int) -> Node:
        title = f"{name} by statements" if name == BILLED else f"{name} of statements"
        return self.recorded.sum(month_at(project_id, name, month), title, step, month[8:])

    @staticmethod
    def _planned_rate(draft: Draft, project_id: str, as_of: date, currency: str) -> Node:
        rate = planned_rate(draft, draft.project(project_id), project_terms(draft, project_id).lines, as_of)
        assert isinstance(rate, Recorded), "it is the average of recorded rates"
        return rate.node._replace(currency=currency)


def _is_of(event: EstimateRevised, part_id: str) -> bool:
    return event.line_id is not None and composed(event.project_id, event.line_id) == part_id


def _take_limits(draft: Draft, plan: LinePlan | None) -> None:
    """Caps of a plan are compiled once for equal terms; here each limit says which version states it."""
    if plan is None or not plan.rules:
        return
    rules = tuple(limits_numbered(plan.contract_id, plan.currency, rule) for rule in plan.rules)
    draft.memo.lines[plan.key] = plan._replace(rules=rules)


def numbered_estimate(draft: Draft, estimate: Estimate) -> Estimate:
    """Its amounts are in the project's currency where it names none."""
    event = estimate.event
    own = event.currency or currency_of_project(draft, event.project_id) or known(draft, event.project_id)[0].currency
    return replace(estimate, event=in_an_event(event, own))
