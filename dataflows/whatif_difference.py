"""What two sides of an imagined run have said, and where their projects stand then, compared."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from connectors.files.forecast_history import is_used_up
from domain.billing.statement import SUPERSEDED
from domain.outputs import (
    BillingStatement,
    ExceptionClosed,
    ExceptionRaised,
    ForecastCap,
    ForecastFigures,
    JournalEntry,
    ProjectView,
    StatementLine,
    ViewBalance,
)
from domain.units import Amount, Hours, Quantity
from state.imagined import BilledWork, ImaginedForecast

# Of a balance, in the order in which they are reported.
BALANCES = (
    "accrued",
    "held",
    "over_cap",
    "unbilled",
    "billed",
    "invoiced",
    "recognised",
    "contract_position",
    "paid",
    "receivable",
    "bad_debt",
    "retention",
)
FIGURES = ("eac_cost", "eac_revenue", "margin", "backlog", "unbilled_backlog")


class WhatIfSide(NamedTuple):
    """Everything that was said, in order, and views and forecasts of projects at the end."""

    said: Sequence[Any]
    views: Mapping[str, ProjectView]
    foreseen: Mapping[str, ImaginedForecast]
    billed: Mapping[str, BilledWork]


class Stood(NamedTuple):
    """What was there before either side: exceptions that were open, and statements that may still change, as they were said last."""

    exceptions: frozenset[str] = frozenset()
    statements: Sequence[BillingStatement] = ()


class PostedDifference(NamedTuple):
    """How much more is posted on an account with the change than without; debits are positive."""

    project_id: str
    contract_id: str
    legal_entity_id: str
    period: str
    account: str
    currency: str
    ledger_currency: str
    amount: Amount
    ledger_amount: Amount


class MovedBalance(NamedTuple):
    """A balance of a contract on a project, without the change and with it."""

    project_id: str
    contract_id: str
    currency: str
    name: str
    before: Amount
    after: Amount

    @property
    def change(self) -> Amount:
        return self.after - self.before


class LineMoved(NamedTuple):
    """Lines of a statement with contract line, project, person, task, role, rate and markup in common; None: there is none."""

    line: StatementLine
    before: tuple[Quantity, Amount] | None
    after: tuple[Quantity, Amount] | None

    @property
    def change(self) -> Amount:
        return (self.after or (0, 0))[1] - (self.before or (0, 0))[1]


class StatementMoved(NamedTuple):
    """One of both may be missing."""

    before: BillingStatement | None
    after: BillingStatement | None
    lines: tuple[LineMoved, ...]

    @property
    def statement(self) -> BillingStatement:
        found = self.after or self.before
        assert found is not None, "a statement is on one of both sides"
        return found

    @property
    def due(self) -> Amount:
        before, after = self.dues
        return (after or 0) - (before or 0)

    @property
    def dues(self) -> tuple[Amount | None, Amount | None]:
        """Without and with; a revision that holds no more asks for nothing."""
        return _due(self.before), _due(self.after)


def _due(statement: BillingStatement | None) -> Amount | None:
    if statement is None:
        return None
    return 0 if statement.status == SUPERSEDED else statement.amount_due


class ForecastMoved(NamedTuple):
    """Figures at completion, in project currency; None where there is no forecast."""

    project_id: str
    before: ForecastFigures | None
    after: ForecastFigures | None

    def of(self, name: str) -> tuple[Amount | None, Amount | None]:
        return tuple(None if side is None else getattr(side, name) for side in (self.before, self.after))  # type: ignore[return-value]


class CapMoved(NamedTuple):
    """Of a cap by month that of one month, which is named (`2026-04`)."""

    project_id: str
    before: ForecastCap | None
    after: ForecastCap | None
    month: str | None = None

    @property
    def cap(self) -> ForecastCap:
        found = self.after or self.before
        assert found is not None, "a cap is on one of both sides"
        return found


class KeptPrice(NamedTuple):
    """Work on issued statements that keeps its price (R8): what they bill, its value, and what that would be by the change."""

    project_id: str
    contract_id: str
    currency: str
    entries: int
    hours: Hours
    billed: Amount
    value: Amount
    otherwise: Amount


class WhatIfDifference(NamedTuple):
    """`raised` would wait for somebody, `closed` would not any more, `retold` would say something else; None at `closed`: never raised."""

    posted: tuple[PostedDifference, ...]
    balances: tuple[MovedBalance, ...]
    statements: tuple[StatementMoved, ...]
    forecasts: tuple[ForecastMoved, ...]
    caps: tuple[CapMoved, ...]
    raised: tuple[ExceptionRaised, ...]
    retold: tuple[ExceptionRaised, ...]
    closed: tuple[ExceptionClosed | ExceptionRaised, ...]

    @property
    def is_nothing(self) -> bool:
        return not any(self)


def difference(before: WhatIfSide, after: WhatIfSide, stood: Stood) -> WhatIfDifference:
    return WhatIfDifference(
        _posted(before, after),
        tuple(_balances(before, after)),
        tuple(_statements(before, after, stood.statements)),
        tuple(_forecasts(before, after)),
        tuple(_caps(before, after)),
        *_exceptions(before, after, stood.exceptions),
    )


def kept_prices(before: WhatIfSide, after: WhatIfSide) -> tuple[KeptPrice, ...]:
    """Of what is billed on both sides, that which the change would price otherwise; by project, contract and currency."""
    found: dict[tuple[str, str, str], KeptPrice] = {}
    for entry_id, work in after.billed.items():
        stood = before.billed.get(entry_id)
        if stood is None or work.otherwise in {stood.otherwise, work.value}:
            continue
        key = work.project_id, work.contract_id, work.currency
        had = found.get(key, KeptPrice(*key, 0, 0, 0, 0, 0))
        found[key] = KeptPrice(
            *key,
            had.entries + 1,
            had.hours + work.hours,
            had.billed + work.billed,
            had.value + work.value,
            had.otherwise + work.otherwise,
        )
    return tuple(found[key] for key in sorted(found))


# Journals


def _posted(before: WhatIfSide, after: WhatIfSide) -> tuple[PostedDifference, ...]:
    sums: dict[tuple[str, str, str, str, str, str, str], list[int]] = {}
    for side, sign in ((before, -1), (after, 1)):
        for journal in side.said:
            if not isinstance(journal, JournalEntry):
                continue
            for line in journal.lines:
                key = (
                    line.project_id or "",
                    journal.contract_id or "",
                    journal.legal_entity_id,
                    journal.period,
                    line.account,
                    journal.currency,
                    journal.ledger_currency,
                )
                held = sums.setdefault(key, [0, 0])
                held[0] += sign * line.amount
                held[1] += sign * line.ledger_amount
    return tuple(
        PostedDifference(*key, amount, ledger) for key, (amount, ledger) in sorted(sums.items()) if amount or ledger
    )


# Balances


def _balances(before: WhatIfSide, after: WhatIfSide) -> Iterator[MovedBalance]:
    was, now = _balances_of(before), _balances_of(after)
    for key in sorted({*was, *now}):
        for name in BALANCES:
            one, other = (getattr(side[key], name) if key in side else 0 for side in (was, now))
            if one != other:
                yield MovedBalance(*key, name, one, other)


def _balances_of(side: WhatIfSide) -> dict[tuple[str, str, str], ViewBalance]:
    return {
        (project_id, balance.contract_id, balance.currency): balance
        for project_id, view in side.views.items()
        for balance in view.balances
    }


# Statements


def _statements(before: WhatIfSide, after: WhatIfSide, stood: Sequence[BillingStatement]) -> Iterator[StatementMoved]:
    was, now = (_newest((*stood, *side.said)) for side in (before, after))
    for statement_id in sorted({*was, *now}):
        one, other = was.get(statement_id), now.get(statement_id)
        lines = tuple(_lines(one, other))
        if lines or _totals(one) != _totals(other):
            yield StatementMoved(one, other, lines)


def _totals(statement: BillingStatement | None) -> tuple[object, ...] | None:
    if statement is None:
        return None
    names = ("status", "period", "to", "bill_to", "total", "retained", "released", "deposits_applied", "amount_due")
    return tuple(getattr(statement, name) for name in names)


def _newest(said: Sequence[Any]) -> dict[str, BillingStatement]:
    """Each in its newest revision, its parts together."""
    found: dict[str, BillingStatement] = {}
    for record in said:
        if not isinstance(record, BillingStatement):
            continue
        held = found.get(record.statement_id)
        goes_on = held is not None and record.part > 1 and held.revision == record.revision
        before = held.lines if held is not None and goes_on else ()
        found[record.statement_id] = record._replace(lines=(*before, *record.lines))
    return found


def _lines(before: BillingStatement | None, after: BillingStatement | None) -> Iterator[LineMoved]:
    was, now = _lines_of(before), _lines_of(after)
    for key in dict.fromkeys([*now, *was]):
        one, other = (_sum(side[key]) if key in side else None for side in (was, now))
        if one != other:
            yield LineMoved((now.get(key) or was[key])[0], one, other)


def _lines_of(statement: BillingStatement | None) -> dict[tuple[object, ...], list[StatementLine]]:
    found: dict[tuple[object, ...], list[StatementLine]] = {}
    for line in statement.lines if statement is not None else ():
        key = (
            line.line_id,
            line.project_id,
            line.description,
            line.unit,
            line.person_id or "",
            line.task or "",
            line.role or "",
            line.rate,
            line.markup_percent,
            line.flags,
        )
        found.setdefault(key, []).append(line)
    return found


def _sum(lines: Sequence[StatementLine]) -> tuple[Quantity, Amount]:
    return sum(line.quantity for line in lines), sum(line.amount for line in lines)


# Forecasts


def _forecasts(before: WhatIfSide, after: WhatIfSide) -> Iterator[ForecastMoved]:
    for project_id in sorted({*before.foreseen, *after.foreseen}):
        one, other = (_forecast_of(side, project_id) for side in (before, after))
        if _told(one) != _told(other):
            yield ForecastMoved(project_id, one, other)


def _forecast_of(side: WhatIfSide, project_id: str) -> ForecastFigures | None:
    found = side.foreseen.get(project_id)
    return found.figures if found is not None else None


def _told(figures: ForecastFigures | None) -> tuple[object, ...] | None:
    return None if figures is None else (figures.currency, *(getattr(figures, name) for name in FIGURES))


def _caps(before: WhatIfSide, after: WhatIfSide) -> Iterator[CapMoved]:
    for project_id in sorted({*before.foreseen, *after.foreseen}):
        was, now = (_caps_of(side, project_id) for side in (before, after))
        for key in sorted({*was, *now}):
            one, other = was.get(key), now.get(key)
            if _shown(one) != _shown(other):
                side = after if other is not None else before
                month = side.foreseen[project_id].as_of.isoformat()[:7] if key[2] == "month" else None
                yield CapMoved(project_id, one, other, month)


def _shown(cap: ForecastCap | None) -> tuple[object, ...] | None:
    """What is shown of it; no more is used of a limit in money by hours that go beyond it, nor the other way round."""
    if cap is None:
        return None
    used = cap.used_amount if cap.limit_amount is not None else cap.used_hours
    return cap.limit_amount, cap.limit_hours, used, cap.exhausts_on, is_used_up(cap)


def _caps_of(side: WhatIfSide, project_id: str) -> dict[tuple[str, str, str], ForecastCap]:
    found = side.foreseen.get(project_id)
    caps = found.caps if found is not None else ()
    return {(cap.contract_id or "", cap.cap_id, cap.period or ""): cap for cap in caps}


# Exceptions

Exceptions = tuple[
    tuple[ExceptionRaised, ...], tuple[ExceptionRaised, ...], tuple[ExceptionClosed | ExceptionRaised, ...]
]


def _exceptions(before: WhatIfSide, after: WhatIfSide, stood: frozenset[str]) -> Exceptions:
    was, now = _exceptions_of(before), _exceptions_of(after)
    raised: list[ExceptionRaised] = []
    retold: list[ExceptionRaised] = []
    closed: list[ExceptionClosed | ExceptionRaised] = []
    for exception_id in dict.fromkeys([*now, *was]):
        one, other = was.get(exception_id), now.get(exception_id)
        is_open, would_be = (_is_open(last, stood=exception_id in stood) for last in (one, other))
        told = other or one
        if isinstance(other, ExceptionRaised):
            if not is_open:
                raised.append(other)
            elif _content(one) != _content(other):
                retold.append(other)
        elif is_open and not would_be and told is not None:
            closed.append(told)
    return tuple(raised), tuple(retold), tuple(closed)


def _exceptions_of(side: WhatIfSide) -> dict[str, ExceptionRaised | ExceptionClosed]:
    """What was said last of each."""
    return {
        record.exception_id: record for record in side.said if isinstance(record, ExceptionRaised | ExceptionClosed)
    }


def _is_open(last: ExceptionRaised | ExceptionClosed | None, *, stood: bool) -> bool:
    return stood if last is None else isinstance(last, ExceptionRaised)


def _content(record: ExceptionRaised | ExceptionClosed | None) -> object:
    """Without when and in which revision it was said."""
    return record._replace(raised_at=0, revision=0) if isinstance(record, ExceptionRaised) else record
