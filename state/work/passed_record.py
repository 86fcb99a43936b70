"""What an explanation has of work that goes on from its line (`state/rerating/overflow.py`): what is not billable on it (R17)."""

from __future__ import annotations

from domain.caps.recorded import BOOKS, GRANTED, figures_of
from domain.explanation import evaluated, less
from domain.why import Why, node_kept
from domain.work.recorded import HOURS, PASSED, PASSED_HOURS, VALUE, figure_of
from state.books import Price
from state.work.charge_record import of_row

BILLABLE, WRITTEN_OFF = "billable", "written_off"


def say(why: Why, row: str, price: Price) -> None:
    """The value that is not billable there, and what of the hours it pays for."""
    value, currency = why.figure(figure_of(row, VALUE)), price.currency
    off = [of_row(why, row, BILLABLE, price.billable, currency)]
    if price.written_off:
        off.append(of_row(why, row, WRITTEN_OFF, price.written_off, currency))
    passed = less(f"{row}: passed on", value, *off, rule="R17")
    why.record(figure_of(row, PASSED), price.passed, passed)
    operands, parameters = (why.figure(figure_of(row, HOURS)), passed, value), {"step": "0.000001", "mode": "half_up"}
    hours = evaluated(f"{row}: hours passed on", "proportion", operands, parameters, "hours", rule="R17")
    why.record(figure_of(row, PASSED_HOURS), price.passed_hours, hours)


def say_came_to(why: Why, row: str, contract_id: str, allotment: str, price: Price, journal_id: str) -> None:
    """What caps allow of a part when a journal brings it there: the same event may allow it more, and take it back after that."""
    granted = f"{figures_of(BOOKS, contract_id, allotment, row)}#{GRANTED}"
    kept = why.kept_at(figure_of(row, VALUE) if price.allowed == price.value else granted, why.now)
    if kept is not None:
        why.later(came_to(journal_id), price.allowed, lambda: node_kept(kept))


def came_to(journal_id: str) -> str:
    return f"{journal_id}#came_to"
