"""The mapping of a table, such as a time export: which column is which field, how the file writes, and what to write beside it.

It is read from its TOML file; a key that is not known or a value that does not fit is refused, with the key, what was expected and the
nearest that is known. `docs/import.md` shows every key with examples.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError, model_validator

from connectors.imports.cells import (
    CellPart,
    CurrencyCell,
    DateCell,
    DecimalPoint,
    EntryIdCell,
    FlagCell,
    Formats,
    HoursCell,
    IdCell,
    InstantCell,
    RateCell,
    TextCell,
    Texts,
    Thousands,
    VersionCell,
    Words,
    Zone,
    known_encoding,
    read_currency,
)
from connectors.imports.readings import ISO
from connectors.imports.refusals import ImportRefused, nearest
from connectors.model_faults import in_our_words
from domain.events.common import Policies


def _since(given: object) -> object:
    if given == "first_date":
        return None
    if isinstance(given, str):
        try:
            return date.fromisoformat(given)
        except ValueError:
            raise ValueError(f'expected "first_date" or a date such as 2026-01-01, came "{given}"') from None
    return given


# None is `first_date`.
Since = Annotated[date | None, BeforeValidator(_since)]


class FileForm(CellPart):
    """How the file is written. A byte order mark at its start is always taken off."""

    encoding: Annotated[str, AfterValidator(known_encoding)] = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    skip_lines: Annotated[int, Field(ge=0)] = 0
    decimal: DecimalPoint = "."
    thousands: Thousands = ""
    date_formats: Formats = ("%Y-%m-%d",)
    instant_formats: Formats = (ISO,)
    true: Words = ("yes", "y", "true", "1")
    false: Words = ("no", "n", "false", "0")
    empty: Texts = ()

    @model_validator(mode="after")
    def _tells_decimals_from_thousands(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError(f'decimal and thousands: expected two different signs, came "{self.decimal}" for both')
        return self


class TimeFields(CellPart):
    """The fields of `TimeApproved`; and whether the tracker has `invoiced` the entry, so that it is billed elsewhere."""

    entry_id: EntryIdCell
    version: VersionCell = VersionCell(value=1)
    project_id: IdCell
    person_id: IdCell
    approved_by: IdCell
    engagement_id: IdCell | None = None
    line_id: IdCell | None = None
    role: IdCell | None = None
    task: IdCell | None = None
    description: TextCell | None = None
    worked_on: DateCell | None = None
    started_at: InstantCell | None = None
    ended_at: InstantCell | None = None
    hours: HoursCell | None = None
    billable: FlagCell | None = None
    invoiced: FlagCell | None = None
    billable_hours: HoursCell | None = None
    overtime: FlagCell | None = None
    rate: RateCell | None = None
    rate_approved_by: IdCell | None = None
    submitted_by: IdCell | None = None
    approved_at: InstantCell | None = None
    occurred_at: InstantCell | None = None
    correlation_id: IdCell | None = None
    dimensions: Mapping[str, TextCell] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_when_and_how_long(self) -> Self:
        if self.worked_on is None and (self.started_at is None or self.ended_at is None):
            raise ValueError("expected worked_on, or started_at and ended_at")
        if self.hours is None and (self.started_at is None or self.ended_at is None):
            raise ValueError("expected hours, or started_at and ended_at")
        if self.rate is not None and self.rate_approved_by is None:
            raise ValueError("rate: expected rate_approved_by beside it, for a rate on an entry needs who approved it")
        return self

    def identifying_columns(self) -> frozenset[str]:
        """Those that say who did what and when it began; such a one may stand in another field too."""
        cells = (self.project_id, self.person_id, self.task, self.worked_on, self.started_at)
        return frozenset(column for cell in cells if cell is not None for column in cell.reads())


class SkipRule(CellPart):
    """Rows that are left out: whose column holds one of the texts, holds none of them, or is (not) empty."""

    column: str
    equals: Texts | None = None
    not_equals: Texts | None = None
    empty: bool | None = None

    @model_validator(mode="after")
    def _has_one_test(self) -> Self:
        if sum(test is not None for test in (self.equals, self.not_equals, self.empty)) != 1:
            raise ValueError("expected exactly one of equals, not_equals, empty")
        return self

    def leaves_out(self, text: str) -> bool:
        if self.equals is not None:
            return text in self.equals
        if self.not_equals is not None:
            return text not in self.not_equals
        return (text == "") is self.empty

    def label(self) -> str:
        if self.empty is not None:
            return f"{self.column} is {'empty' if self.empty else 'filled'}"
        verb, words = ("is", self.equals) if self.equals is not None else ("is not", self.not_equals or ())
        return f"{self.column} {verb} {' or '.join(words)}"


class FiscalCalendarWritten(CellPart):
    kind: Literal["calendar_month", "four_four_five"] = "calendar_month"
    year_starts_on: Annotated[str, Field(pattern=r"^[0-1][0-9]-[0-3][0-9]$")] = "01-01"
    extra_week: tuple[int, ...] = ()


class EntityWritten(CellPart):
    """One legal entity for all; any policy may stand beside these keys by its own name."""

    legal_entity_id: str
    name: str | None = None
    currency: Annotated[str, AfterValidator(read_currency)]
    zone: Zone | None = None
    fiscal_calendar: FiscalCalendarWritten = FiscalCalendarWritten()
    tax_region: str | None = None
    policies: Mapping[str, object] = Field(default_factory=dict)
    version: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _gather_policies(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return given
        policies = {name: given[name] for name in given if name in Policies._fields}
        rest = {name: value for name, value in given.items() if name not in policies}
        return rest | {"policies": policies} if policies else rest


class CustomersWritten(CellPart):
    """One a distinct customer."""

    customer_id: IdCell
    name: TextCell | None = None
    tax_region: TextCell | None = None
    payment_terms_days: Annotated[int, Field(ge=0)] | None = None
    version: Annotated[int, Field(ge=0)] | None = None


class ProjectsWritten(CellPart):
    """One a distinct project; projects with one engagement share it."""

    engagement_id: IdCell | None = None
    name: TextCell | None = None
    legal_entity_id: IdCell | None = None
    customer_id: IdCell | None = None
    manager: IdCell | None = None
    starts_on: DateCell | None = None
    ends_on: DateCell | None = None
    dimensions: Mapping[str, TextCell] = Field(default_factory=dict)
    version: Annotated[int, Field(ge=0)] | None = None


class PeopleWritten(CellPart):
    """One a distinct person."""

    name: TextCell | None = None
    legal_entity_id: IdCell | None = None
    role: IdCell
    practice: TextCell | None = None
    region: TextCell | None = None
    cost_center: TextCell | None = None
    version: Annotated[int, Field(ge=0)] | None = None


class CostRatesWritten(CellPart):
    """One a distinct role or person, from its first day on."""

    per: Literal["role", "person"] = "role"
    currency: CurrencyCell
    rate: RateCell
    version: Annotated[int, Field(ge=0)] | None = None


class MappedRate(CellPart):
    """A rate for some of the work; stands before the rate for all."""

    rate: Annotated[Decimal, Field(ge=0)]
    role: str | None = None
    person_id: str | None = None
    task: str | None = None


class BillingCycleWritten(CellPart):
    kind: Literal["monthly", "semi_monthly", "weekly", "every_n_weeks", "four_four_five", "on_request"] = "monthly"
    n: Annotated[int, Field(gt=0)] | None = None
    anchor: date | None = None
    week_starts_on: str | None = None
    cut_off_day: Annotated[int, Field(ge=1, le=31)] | None = None


class ContractsWritten(CellPart):
    """One a project: time and materials, one line that takes all its time."""

    contract_id: IdCell | None = None
    customer_id: IdCell | None = None
    legal_entity_id: IdCell | None = None
    currency: CurrencyCell
    rate: RateCell
    rates: tuple[MappedRate, ...] = ()
    starts_on: DateCell | None = None
    ends_on: DateCell | None = None
    billing_cycle: BillingCycleWritten | None = None
    billing_zone: Zone | None = None
    grace_days: Annotated[int, Field(ge=0)] | None = None
    version: Annotated[int, Field(ge=0)] | None = None

    @cached_property
    def stated_rates(self) -> list[dict[str, object]]:
        return [each.model_dump() for each in self.rates]


class WriteSections(CellPart):
    """What is written beside the time, each only when its section stands in the mapping.

    `since` is the day from which it holds. With `first_date` that is the first day each thing is seen on, and the
    version is the higher the earlier that day is: an export that begins later says nothing new, an earlier corrects.
    """

    since: Since = None
    entity: EntityWritten | None = None
    customers: CustomersWritten | None = None
    people: PeopleWritten | None = None
    cost_rates: CostRatesWritten | None = None
    projects: ProjectsWritten | None = None
    contracts: ContractsWritten | None = None

    @model_validator(mode="after")
    def _has_what_it_refers_to(self) -> Self:
        for section, part in (("projects", self.projects), ("people", self.people), ("contracts", self.contracts)):
            if part is not None and part.legal_entity_id is None and self.entity is None:
                raise ValueError(f"{section}: expected legal_entity_id, or a section write.entity that gives it")
        if self.contracts is not None and self.contracts.customer_id is None and self.customers is None:
            raise ValueError("contracts: expected customer_id, or a section write.customers that gives it")
        return self


class TableMapping(CellPart):
    """What a mapping of any table says: whose it is, how the file is written and which rows are left out."""

    source: Annotated[str, Field(min_length=1, max_length=128)]
    zone: Zone = "UTC"
    file: FileForm = FileForm()
    skip: tuple[SkipRule, ...] = ()

    def columns(self) -> Iterator[tuple[str, str]]:
        """Every (key, column) the mapping reads and the file must have."""
        yield from ((f"skip.{place}.column", rule.column) for place, rule in enumerate(self.skip))
        for name in type(self).model_fields:
            part = getattr(self, name)
            if isinstance(part, CellPart):
                yield from _cells_of(part, name)

    def left_out_by(self, row: Mapping[str, str]) -> SkipRule | None:
        """The first rule that leaves out a row of these cells."""
        return next((rule for rule in self.skip if rule.leaves_out(row[rule.column])), None)


class ImportMapping(TableMapping):
    """The mapping of an export of time."""

    time: TimeFields
    write: WriteSections = WriteSections()

    @model_validator(mode="after")
    def _knows_the_roles_it_gives_cost_rates(self) -> Self:
        cost_rates = self.write.cost_rates
        if cost_rates and cost_rates.per == "role" and self.write.people is None and self.time.role is None:
            raise ValueError('write.cost_rates: expected roles in time.role or write.people.role, or per = "person"')
        return self

    def columns(self) -> Iterator[tuple[str, str]]:
        yield from super().columns()
        for section in ("customers", "people", "cost_rates", "projects", "contracts"):
            part = getattr(self.write, section)
            if part is not None:
                yield from _cells_of(part, f"write.{section}")


def _cells_of(part: CellPart, key: str) -> Iterator[tuple[str, str]]:
    named: Mapping[str, TextCell] = getattr(part, "dimensions", {})
    cells = [
        *((name, cell) for name, cell, _ in part.cells),
        *((f"dimensions.{name}", cell) for name, cell in named.items()),
    ]
    for name, cell in cells:
        if not cell.optional:
            yield from ((f"{key}.{name}", column) for column in cell.reads())


Mapped = TypeVar("Mapped", bound=TableMapping)


def read_mapping(path: Path, overrides: Sequence[str] = ()) -> ImportMapping:
    """Of an export of time."""
    return read_table_mapping(path, overrides, ImportMapping)


def read_table_mapping(path: Path, overrides: Sequence[str], model: type[Mapped]) -> Mapped:
    """`overrides` are `key.inner=value` with a TOML value, or with text that needs no quotes."""
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as fault:
        raise ImportRefused(f"{path}: cannot be read: {fault.strerror}") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ImportRefused(f"{path}: expected a TOML file: {fault}") from fault
    for override in overrides:
        _set(settings, override)
    try:
        return model.model_validate(settings)
    except ValidationError as fault:
        raise ImportRefused("\n".join(f"{path}: {sentence}" for sentence in fault_sentences(fault, model))) from fault


def fault_sentences(fault: ValidationError, model: type[BaseModel] = ImportMapping) -> list[str]:
    return [
        _sentence(model, tuple(each["loc"]), each["type"], each["msg"], each["input"])
        for each in fault.errors(include_url=False)
    ]


def _sentence(of: type[BaseModel], place: tuple[int | str, ...], kind: str, message: str, given: object) -> str:
    key = ".".join(map(str, place)) or "the mapping"
    if kind == "extra_forbidden":
        known = _keys_beside(of, place)
        close = nearest(str(place[-1]), known)
        return f"{key}: not a key that is known{close or '; known are ' + ', '.join(known)}"
    if kind == "missing":
        return f"{key}: expected this key, it is missing"
    if kind == "value_error":
        told = in_our_words(message)
        came = f", came {_shown(given)}" if isinstance(given, str) and ", came " not in told else ""
        return f"{key}: {told}{came}"
    return f"{key}: {in_our_words(message)}, came {_shown(given)}"


def _keys_beside(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys of the table in which a wrong key stands; `model` is that of the whole."""
    for step in place[:-1]:
        if isinstance(step, str) and step in model.model_fields:
            model = _model_in(model.model_fields[step].annotation) or model
    policies = Policies._fields if model is EntityWritten else ()
    return [*(name for name in model.model_fields if not policies or name != "policies"), *policies]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The table that a field holds, found inside optional, repeated and named ones."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for each in get_args(annotation) if (model := _model_in(each))), None)


def _shown(given: object) -> str:
    return f'"{given}"' if isinstance(given, str) else "a table" if isinstance(given, Mapping) else str(given)


def _set(settings: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    *tables, last = key.strip().split(".")
    if not separator or not last:
        raise ImportRefused(f"--set {override}: expected key=value, such as write.entity.hours_max_per_entry=24")
    table = settings
    for name in tables:
        inner = table.setdefault(name, {})
        if not isinstance(inner, dict):
            raise ImportRefused(f"--set {override}: {name} is {_shown(inner)} in the mapping, expected a table")
        table = inner
    table[last] = _toml_value(text.strip())


def _toml_value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}", parse_float=Decimal)["value"]
    except tomllib.TOMLDecodeError:
        return text
