"""An audit's report: promise by promise what was looked at and the first places where it does not hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from domain.audit.findings import PROMISES, Checked, Violation, in_order

VIOLATIONS_KEPT = 20


class Finding(NamedTuple):
    """`checked` is None for what was not looked at; of the violations the first are kept."""

    check: str
    promise: str
    checked: int | None
    violations: int
    first: tuple[Violation, ...]


class Report(NamedTuple):
    findings: tuple[Finding, ...]

    @property
    def first(self) -> Violation | None:
        found = in_order(each for finding in self.findings for each in finding.first)
        return found[0] if found else None

    @property
    def violations(self) -> int:
        return sum(finding.violations for finding in self.findings)


class AuditTally:
    """Grows while an audit goes on; keeps few violations however many there are."""

    def __init__(self) -> None:
        self._checked: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._first: dict[str, list[Violation]] = {}

    def count(self, check: str, checked: int) -> None:
        self._checked[check] = self._checked.get(check, 0) + checked

    def add(self, violations: Iterable[Violation]) -> None:
        for each in violations:
            self._counts[each.check] = self._counts.get(each.check, 0) + 1
            first = self._first.setdefault(each.check, [])
            first.append(each)
            if len(first) > 50 * VIOLATIONS_KEPT:
                self._first[each.check] = in_order(first)[:VIOLATIONS_KEPT]

    def take(self, checked: Checked) -> None:
        self.count(checked.check, checked.checked)
        self.add(checked.violations)

    def has_found(self, check: str) -> bool:
        return bool(self._counts.get(check))

    def report(self) -> Report:
        return Report(
            tuple(
                Finding(
                    name,
                    promise,
                    self._checked.get(name),
                    self._counts.get(name, 0),
                    tuple(in_order(self._first.get(name, ()))[:VIOLATIONS_KEPT]),
                )
                for name, promise in PROMISES.items()
            )
        )
