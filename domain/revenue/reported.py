"""Reported: a price is earned as far as the work has come, as somebody reported it, whatever is billed (IFRS 15.41, PUB-29).

100,000.00, of which 10 % are reported in January, 25 % in March and 100 % in June: 10,000.00, 15,000.00 and 75,000.00
"""

from collections.abc import Sequence
from datetime import date

from domain.figure import assumed
from domain.revenue.method import Course, Reported
from domain.units import HUNDRED_PERCENT


def earned(course: Course, day: date) -> tuple[int, int]:
    """The percentage that holds on the day."""
    report = _report(course, day)
    percent = report.percent if report is not None else 0
    return percent, assumed(percent, HUNDRED_PERCENT, "all of the work")


def _report(course: Course, day: date) -> Reported | None:
    """Of the reports of days until then the newest version."""
    return next((each for each in reversed(course.reports) if each.as_of <= day), None)


def fallen_from(reports: Sequence[Reported]) -> Reported | None:
    """By version: what was reported of days before that of the newest report, where that says less."""
    newest = reports[-1]
    before = next((each for each in reversed(reports) if each.as_of < newest.as_of), None)
    return before if before is not None and before.percent > newest.percent else None
