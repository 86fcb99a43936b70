"""Which rows are asked for: of a company, a client, a project, a manager or a practice, in which order."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import typer

from connectors.files.lookup import hint
from domain.identity import escape
from milepost.glance.firm import FirmAtMoment, text
from milepost.glance.sheet import GlanceRow


class Wanted(NamedTuple):
    """None is everything. A client is meant by its id or its name; `only_open` leaves out what has nothing open."""

    company: str | None = None
    client: str | None = None
    project: str | None = None
    manager: str | None = None
    practice: str | None = None
    only_open: bool = False

    @property
    def filters(self) -> tuple[str, ...]:
        """As ids of sums say what they are of: `client=ACME`."""
        given = zip(self._fields[:-1], self[:-1], strict=True)
        stated = tuple(f"{name}={escape(str(value))}" for name, value in given if value is not None)
        return (*stated, "open") if self.only_open else stated

    def of(self, rows: Iterable[GlanceRow], firm: FirmAtMoment) -> list[GlanceRow]:
        """By what each row names; manager and practice are those of its project. Raises BadParameter."""
        self._check(firm)
        return [row for row in rows if self._has(row, firm)]

    def _has(self, row: GlanceRow, firm: FirmAtMoment) -> bool:
        cells = row.cells
        project_id = str(cells.get("project") or "")
        noted = firm.projects.get(project_id)
        practice = str(cells.get("practice") or "") if "practice" in cells else text(noted, "practice")
        manager = str(cells.get("manager") or "") if "manager" in cells else text(noted, "manager")
        return (
            _is_same(self.company, str(cells.get("company") or ""))
            and (self.client is None or _is_meant(self.client, str(cells.get("client") or ""), firm.client_name))
            and _is_same(self.project, project_id)
            and (self.manager is None or _is_meant(self.manager, manager, _person_name(firm)))
            and _is_same(self.practice, practice)
        )

    def _check(self, firm: FirmAtMoment) -> None:
        for option, given, known in (
            ("--company", self.company, firm.companies),
            ("--client", self.client, [*firm.customers, *(text(each, "name") for each in firm.customers.values())]),
            ("--project", self.project, firm.projects),
            ("--manager", self.manager, _managers(firm)),
            ("--practice", self.practice, _practices(firm)),
        ):
            if given is not None and not any(_is_same(given, each) for each in known):
                what, near = option.removeprefix("--"), hint(given, frozenset(filter(None, known)))
                raise typer.BadParameter(
                    f"expected a {what} of the folder, got {given or '(nothing)'}{near}", param_hint=option
                )


def _is_same(wanted: str | None, found: str) -> bool:
    """However it is spelled; everything, where nothing is asked for."""
    return wanted is None or wanted.casefold() == found.casefold()


def _is_meant(wanted: str, id_: str, name: Callable[[str], str]) -> bool:
    return bool(id_) and (_is_same(wanted, id_) or _is_same(wanted, name(id_)))


def _person_name(firm: FirmAtMoment) -> Callable[[str], str]:
    return lambda person_id: text(firm.people.get(person_id), "name")


def _managers(firm: FirmAtMoment) -> set[str]:
    ids = {text(each, "manager") for each in firm.projects.values()}
    return ids | {text(firm.people.get(each), "name") for each in ids}


def _practices(firm: FirmAtMoment) -> set[str]:
    return {text(each, "practice") for each in (*firm.projects.values(), *firm.people.values())}
