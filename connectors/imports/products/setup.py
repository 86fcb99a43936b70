"""What `--bootstrap` writes so that an export can be billed: company, customers, people, costs, projects, contracts.

One time-and-materials contract a client, with a line a project and the rates that the rows show. All projects of a
client are one engagement, so that the client gets one statement a month. What is known already is left as it is; a
project that is new to a contract of ours, or work from before its start, makes a higher version of that contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from connectors.imports.folder_events import Event
from connectors.imports.priced import exact_value_of
from connectors.imports.products.budgets import Budgets
from connectors.imports.products.choices import Choices
from connectors.imports.products.export_row import ExportRow, grouped
from connectors.imports.products.former import FormerImport, projects_of
from connectors.imports.products.rates import line_rates, steps_of
from connectors.imports.readings import decimal_text, instant_text
from connectors.imports.refusals import ImportRefused
from domain.reference.zones import midnight
from domain.units import Instant

Json = dict[str, Any]


class Company(NamedTuple):
    """`policies` of RULES section 5 are the company's own to add in the file."""

    legal_entity_id: str
    name: str
    currency: str
    zone: str


class NotExtended(NamedTuple):
    """A client's contract that `--bootstrap` gives no lines, since another source signed it or somebody amended it."""

    contract_id: str
    version: int
    source: str
    currency: str


class Unknown(NamedTuple):
    """What rows refer to and no event defines; entries of it wait until it is known."""

    customers: tuple[str, ...]
    people: tuple[str, ...]
    costs: tuple[str, ...]
    projects: tuple[str, ...]
    contracts: tuple[str, ...]


def company_of(known: FormerImport, asked: Choices, folder: Path) -> Company:
    """The company named, or the one that is known; a zone is needed in any case, for days end somewhere.

    Raises ImportRefused where an option says other than what is known: else it would be passed over in silence, or a
    second company would stand beside the first.
    """
    entity = asked.entity
    if entity is None and len(known.entities) == 1:
        entity = next(iter(known.entities))
    if entity is not None and known.entities:
        _check_known(known, entity, folder)
        stands = known.entities[entity]
        company = Company(entity, str(stands["name"]), str(stands["currency"]), str(stands["zone"]))
        _check_same(company, asked, folder)
        return company
    return Company(entity or "", asked.entity_name or entity or "", asked.currency or "", asked.zone)


def lacks_company(company: Company, bootstrap: bool) -> Iterator[str]:
    """What has to be said of a company that is not known."""
    given = {"--entity": company.legal_entity_id, "--currency": company.currency, "--zone": company.zone}
    lacking = [option for option, value in given.items() if not value]
    if bootstrap and lacking:
        yield (
            f"--bootstrap needs {' and '.join(lacking)}: no company of that name is known in the folder; such as"
            " --entity studio --currency EUR --zone Europe/Berlin"
        )
    elif not company.zone:
        yield "--zone is needed, such as --zone Europe/Berlin: no one company is known whose zone it is"


def _check_known(known: FormerImport, entity: str, folder: Path) -> None:
    if entity not in known.entities:
        there = ", ".join(
            f"{each} ({event['currency']}, {event['zone']})" for each, event in sorted(known.entities.items())
        )
        raise ImportRefused(
            f'--entity: expected one of {there}, which {folder} holds, came "{entity}"; leave --entity out where it is'
            " meant, give another --out for another company, or put the LegalEntityDefined of a second one into the"
            " folder first"
        )


def _check_same(company: Company, asked: Choices, folder: Path) -> None:
    compared = (
        ("--currency", asked.currency, company.currency, "; for rows that name no currency say --rows-currency"),
        ("--zone", asked.zone or None, company.zone, ""),
        ("--entity-name", asked.entity_name, company.name, ""),
    )
    for option, said, stands, further in compared:
        if said is not None and said != stands:
            raise ImportRefused(
                f'{option}: expected {stands}, which {company.legal_entity_id} has in {folder}, came "{said}"; leave'
                f" {option} out, or give another --out for another company{further}"
            )


def unknown(rows: Sequence[ExportRow], known: FormerImport) -> Unknown:
    """`contracts` are projects that no known contract has a line for."""
    settled = _with_customer(known) | known.linked
    clients = {row.client.id for row in rows if row.project.id not in settled}
    customers = clients - known.customers.keys() - known.linked
    people = {row.person.id for row in rows} - known.people.keys() - known.linked
    projects = {row.project.id for row in rows} - known.projects.keys() - known.linked
    uncosted = {
        person
        for person in {row.person.id for row in rows} - known.cost_rates.keys() - known.linked
        if known.people.get(person, {}).get("role") not in known.costed_roles
    }
    contracts = {row.project.id for row in rows} - known.contracted - known.linked
    found = (customers, people, uncosted, projects, contracts)
    return Unknown(*(tuple(sorted(each)) for each in found))


def _with_customer(known: FormerImport) -> set[str]:
    """Projects under contract of which contract or project says who pays: what the tracker calls the client changes nothing."""
    stated = [(event, [project_id]) for project_id, event in known.projects.items()]
    stated += [(event, [*projects_of(event)]) for event in known.contracts.values()]
    found = {project for event, of in stated if event.get("customer_id") in known.customers for project in of}
    return found & known.contracted


def contract_id_of(client_id: str) -> str:
    return f"{client_id}-time"[:128]


def not_extended(clients: Iterable[str], known: FormerImport) -> dict[str, NotExtended]:
    """By client, what stands where this import would sign a contract of its own."""
    standing = {client: known.contracts.get(contract_id_of(client)) for client in clients}
    return {
        client: NotExtended(
            contract["contract_id"],
            int(contract["version"]),
            str(contract.get("source", "")),
            str(contract.get("currency") or ""),
        )
        for client, contract in sorted(standing.items())
        if contract is not None and not known.is_ours(contract)
    }


def setup_events(
    rows: Sequence[ExportRow], company: Company, known: FormerImport, now: Instant, budgets: Budgets
) -> list[Json]:
    """In the order in which one reads them, known at `now` at the latest; still without `event_id`."""
    return [*_Setup(rows, company, known, now, budgets).events()]


class _Setup:
    def __init__(
        self, rows: Sequence[ExportRow], company: Company, known: FormerImport, now: Instant, budgets: Budgets
    ) -> None:
        self._rows, self._company, self._known, self._budgets = rows, company, known, budgets
        self._since = min(row.day for row in rows).replace(day=1) if rows else date(1990, 1, 1)
        self._known_at = instant_text(min(midnight(self._since, company.zone), now))
        self._of_client = grouped(rows, lambda row: row.client.id)
        self._of_person = grouped(rows, lambda row: row.person.id)
        self._of_project = grouped(rows, lambda row: row.project.id)

    def events(self) -> Iterator[Json]:
        known, company = self._known, self._company
        lacks = unknown(self._rows, known)
        if self._rows and company.legal_entity_id not in known.entities:
            calendar = {"kind": "calendar_month", "year_starts_on": "01-01"}
            yield self._event("LegalEntityDefined", **company._asdict(), fiscal_calendar=calendar)
        for client in lacks.customers:
            yield self._event("CustomerDefined", customer_id=client, name=self._of_client[client][0].client.name)
        for person in lacks.people:
            first = self._of_person[person][0]
            of = {"name": first.person.name, "legal_entity_id": company.legal_entity_id, "role": first.role}
            yield self._event("PersonDefined", 1, person_id=person, **of)
        for person, rows in sorted(self._of_person.items()):
            yield from self._cost_rates(person, rows)
        # One that a contract names already is bound to the engagement of that contract, and activated where that is from.
        yield from (self._project(project) for project in lacks.projects if project not in known.contracted)
        yield from self._budgeted_again()
        for client, rows in sorted(self._of_client.items()):
            projects = sorted({row.project.id for row in rows} & {*lacks.contracts})
            yield from self._contract(client, rows, [self._line(project) for project in projects])

    def _cost_rates(self, person: str, rows: Sequence[ExportRow]) -> Iterator[Json]:
        """From the day on which each changes; none of another source's person, or of a role that has one."""
        former = self._known.cost_rates.get(person, ())
        days = _costs_by_day(rows)
        differs = any(cost_on(former, day) != cost for day, cost in days.items())
        ours = all(event.get("source") == self._known.source for event in former)
        costed_by_role = not former and self._known.people.get(person, {}).get("role") in self._known.costed_roles
        if not differs or not ours or costed_by_role:
            return
        version = max((int(event["version"]) for event in former), default=0)
        steps = steps_of(days)
        for place, (first, cost) in enumerate(steps):
            ends = [day - timedelta(days=1) for day, _ in steps[place + 1 :]]
            yield self._event(
                "CostRateSet",
                version + place + 1,
                cost_rate_id=f"{self._known.source}-{person}"[:128],
                person_id=person,
                currency=self._company.currency,
                rate=decimal_text(cost),
                effective_from=(first if place else self._since).isoformat(),
                **({"effective_to": ends[0].isoformat()} if ends else {}),
            )

    def _project(self, project_id: str) -> Json:
        rows = self._of_project[project_id]
        first = min(rows, key=lambda row: (row.day, row.line))
        return self._event(
            "ProjectActivated",
            project_id=project_id,
            engagement_id=first.client.id,
            name=first.project.name,
            legal_entity_id=self._company.legal_entity_id,
            customer_id=first.client.id,
            starts_on=self._since.isoformat(),
            budget=self._budget(first) or _worked_so_far(rows, self._company.currency),
        )

    def _budgeted_again(self) -> Iterator[Json]:
        """A higher version of projects of ours whose budget the tracker states otherwise, worked on since or not."""
        for project_id, former in sorted(self._known.projects.items()):
            budget = self._budget_now(project_id, former)
            if budget is not None and former.get("source") == self._known.source:
                stated = {name: value for name, value in (former.get("budget") or {}).items() if value is not None}
                if {name: _same(value) for name, value in stated.items()} != {
                    name: _same(value) for name, value in budget.items()
                }:
                    yield self._again(former, budget=budget)

    def _budget_now(self, project_id: str, former: Event) -> Json | None:
        """Of a project that the export does not have by its name, and that of its client, as they were imported."""
        if rows := self._of_project.get(project_id):
            return self._budget(rows[0])
        client = self._known.customers.get(str(former.get("customer_id")), {})
        contracts = (each for each in self._known.contracts.values() if project_id in projects_of(each))
        currency = next((str(each.get("currency")) for each in contracts), self._company.currency)
        return self._stated(str(client.get("name")), str(former.get("name")), currency)

    def _budget(self, row: ExportRow) -> Json | None:
        return self._stated(row.client.name, row.project.name, row.own_currency)

    def _stated(self, client: str, project: str, currency: str) -> Json | None:
        """As the tracker's export of projects states it."""
        stated = self._budgets.get((client, project))
        if stated is None:
            return None
        if stated.hours is not None:
            return {"hours": decimal_text(stated.hours)}
        return {"revenue": decimal_text(stated.fees or Decimal(0)), "currency": currency}

    def _contract(self, client_id: str, rows: Sequence[ExportRow], lines: list[Json]) -> Iterator[Json]:
        """New, or a higher version with the lines that were there and those of projects that are new."""
        contract_id, since = contract_id_of(client_id), self._since.isoformat()
        former = self._known.contracts.get(contract_id)
        if former is None and lines:
            yield self._event(
                "ContractSigned",
                contract_id=contract_id,
                customer_id=client_id,
                legal_entity_id=self._company.legal_entity_id,
                currency=rows[0].own_currency,
                signed_on=since,
                starts_on=since,
                billing_cycle={"kind": "monthly"},
                billing_zone=self._company.zone,
                lines=lines,
            )
        elif former is not None and self._known.is_ours(former):
            starts_on = str(former["starts_on"])
            if lines or min(row.day for row in rows).isoformat() < starts_on:
                yield self._again(former, starts_on=min(starts_on, since), lines=[*former["lines"], *lines])

    def _line(self, project_id: str) -> Json:
        terms = {"type": "TimeAndMaterials", "rates": line_rates(self._of_project[project_id])}
        return {"line_id": project_id, "project_id": project_id, "terms": terms}

    def _again(self, former: Event, **changed: object) -> Json:
        """As it stands, edits of the file included."""
        stands = {name: value for name, value in former.items() if name not in ("event_id", "recorded_at")}
        return stands | self._event(str(former["type"]), int(former["version"]) + 1) | changed

    def _event(self, kind: str, version: int = 1, **fields: object) -> Json:
        head = {"type": kind, "occurred_at": self._known_at, "source": self._known.source, "version": version}
        return {**head, **fields}


def _same(value: object) -> object:
    """100.00 is 100; a currency is itself."""
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return value


def _worked_so_far(rows: Iterable[ExportRow], currency: str) -> Json:
    """The export plans nothing; what was worked is the least that the project takes, and a line to edit. No revenue where the tracker has
    invoiced some of it, since that of the rest would be that of the whole."""
    rows = tuple(rows)
    hours = sum((row.hours for row in rows), Decimal(0))
    cost = sum((exact_value_of(row.hours, row.cost_rate, currency) for row in rows), Decimal(0))
    budget = {"hours": decimal_text(hours), "cost": decimal_text(cost)}
    if rows[0].currency != currency or any(row.billed_elsewhere for row in rows):
        return budget
    return budget | {"revenue": decimal_text(sum((row.value for row in rows if row.is_billed), Decimal(0)))}


def _costs_by_day(rows: Iterable[ExportRow]) -> dict[date, Decimal]:
    """In order; of one day the first row says it."""
    days: dict[date, Decimal] = {}
    for row in sorted(rows, key=lambda each: (each.day, each.line)):
        if row.cost_rate is not None:
            days.setdefault(row.day, row.cost_rate)
    return days


def cost_on(events: Iterable[Event], day: date) -> Decimal | None:
    """Of the highest version whose days hold it."""
    text = day.isoformat()
    holding = [
        event
        for event in events
        if str(event["effective_from"]) <= text
        and (event.get("effective_to") is None or text <= str(event["effective_to"]))
    ]
    newest: Mapping[str, Any] | None = max(holding, key=lambda event: int(event["version"]), default=None)
    return None if newest is None else Decimal(str(newest["rate"]))
