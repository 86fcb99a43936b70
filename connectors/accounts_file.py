"""accounts.toml: the ERP accounts, and for each company where its journals go there. All that is wrong with it is listed at once."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import BeforeValidator, Field, ValidationError

from connectors.erp.connection import Connection
from connectors.imports.mapping import fault_sentences
from connectors.imports.refusals import nearest
from connectors.model_faults import in_our_words
from connectors.section import Section
from domain.accounts import NAMES, name_of
from domain.delivery.chart import (
    ENTRY,
    ITEM_KINDS,
    OWN_DIMENSIONS,
    AccountRule,
    EntityChart,
    SegmentRule,
    used_dimensions,
)
from domain.delivery.invoices import CONDITIONS
from domain.identity import fault_of_id
from domain.ledger.trial_balance import is_period
from domain.money import is_currency

# Dimensions that people and projects have of themselves; further ones are named in `dimensions`.
KNOWN_DIMENSIONS: Final = ("practice", "region", "cost_center", *OWN_DIMENSIONS)
ACCOUNT_KEY: Final = "account"

Grain = Literal["entry", "project_day", "entity_day", "period"]


def _as_text(given: object) -> object:
    """Ids of ERPs are often numbers."""
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given


def _as_rules(given: object) -> object:
    return given if isinstance(given, list) else [{ACCOUNT_KEY: given}]


def _as_id(given: object) -> object:
    if given == "":
        raise ValueError("expected the ERP's id between the quotes")
    return _as_text(given)


ErpId = Annotated[str, BeforeValidator(_as_id), Field(max_length=200)]
Rules = Annotated[list[dict[str, ErpId]], BeforeValidator(_as_rules)]
# ERPs that take no line of an invoice without an item.
BILL_BY_ITEM: Final = frozenset({"netsuite"})


class WrongAccounts(Exception):
    """What cannot be: one sentence a line, each with the file, the table, the key, what was found and what to write; no secret."""


class Accounts(NamedTuple):
    """By NAME of `[erp.NAME]` and by ID of `[entities.ID]`."""

    erps: Mapping[str, Connection]
    charts: Mapping[str, EntityChart]

    def charts_of(self, erp: str) -> Mapping[str, EntityChart]:
        return {entity: chart for entity, chart in self.charts.items() if chart.erp == erp}

    def subsidiaries_of(self, erp: str) -> Sequence[str]:
        return sorted({chart.subsidiary for chart in self.charts_of(erp).values()})


class SegmentSection(Section):
    """One of `[entities.ID.segments]`."""

    dimension: str = Field(description="Ours, such as practice, cost_center, project or customer.")
    values: dict[str, ErpId] = Field(
        {}, description="The ERP's id of each of our values; without it ours pass as they are."
    )
    default: ErpId | None = Field(None, description="The ERP's id for lines without the dimension.")
    accounts: tuple[str, ...] = Field((), description="Only lines of these accounts of Milepost have the segment.")


class EntitySection(Section):
    """`[entities.ID]`."""

    erp: str = Field(description="NAME of an `[erp.NAME]`.")
    grain: Grain = Field(ENTRY, description="How journals are put together to one of the ERP.")
    grain_from: dict[date, Grain] = Field({}, description="Another grain for accounting dates from a day on.")
    subsidiary: Annotated[str, BeforeValidator(_as_text)] = Field("", description="The ERP's id of the company.")
    invoices_from: date | None = Field(
        None, description="The ERP issues the invoices of statements whose period ends on this day or later."
    )
    dimensions: tuple[str, ...] = Field(
        (), description="Dimensions of your own beside practice, region and cost_center."
    )
    currencies: dict[str, ErpId] = Field({}, description="The ERP's id by currency code.")
    periods: dict[str, ErpId] = Field({}, description="The ERP's id by accounting period, such as 2026-06.")
    customers: dict[str, ErpId] = Field({}, description="The ERP's id by customer.")
    items: dict[str, ErpId] = Field({}, description="The ERP's item by kind of invoice line.")
    accounts: dict[str, Rules] = Field(description="The ERP's account, or rules, by account of Milepost.")
    segments: dict[str, SegmentSection] = Field({}, description="The ERP's dimensions.")


def read_accounts(path: Path) -> Accounts:
    """Calls no ERP and reads no secret. Raises WrongAccounts."""
    try:
        text = path.read_text(encoding="utf-8")
        stated = tomllib.loads(text)
    except OSError as fault:
        raise WrongAccounts(f"{path}: expected a file, {fault.strerror}; docs/accounts.md has an example") from None
    except tomllib.TOMLDecodeError as fault:
        raise WrongAccounts(f"{path}: {_unreadable(fault)}") from None
    except UnicodeDecodeError:
        raise WrongAccounts(f"{path}: expected TOML in UTF-8, found other bytes") from None
    reading = _Reading(text)
    accounts = reading.read(stated)
    if reading.faults:
        raise WrongAccounts("\n".join(f"{path}: {each}" for each in reading.faults))
    return accounts


def segments_without_place(charts: Iterable[EntityChart], taken: Collection[str] | None) -> Iterator[str]:
    """Faults of charts of one ERP account, which takes the segments `taken`, or any: each journal that has another is rejected."""
    for chart in charts:
        for segment in chart.segments:
            if taken is not None and segment.name not in taken:
                close = nearest(segment.name, taken) or f"; known are {', '.join(taken) or 'none'}"
                yield (
                    f"[entities.{chart.legal_entity_id}.segments.{segment.name}]: expected a segment that the options of "
                    f"[erp.{chart.erp}] have a place for{close}"
                )


class _Reading:
    """Collects what is wrong."""

    def __init__(self, text: str) -> None:
        self.faults: list[str] = []
        self._text = text

    def read(self, stated: Mapping[str, Any]) -> Accounts:
        for name in stated.keys() - {"erp", "entities"}:
            self.faults.append(f"[{name}]: expected the tables erp and entities{nearest(name, ('erp', 'entities'))}")
        erps = {name: erp for name, each in self._tables(stated, "erp") if (erp := self._erp(name, each))}
        entities = {
            name: found for name, each in self._tables(stated, "entities") if (found := self._entity(name, each))
        }
        charts = {name: self._chart(name, section, erps) for name, section in entities.items()}
        self._check_subsidiaries(charts.values())
        return Accounts(erps, charts)

    def _tables(self, stated: Mapping[str, Any], key: str) -> Iterator[tuple[str, Any]]:
        found = stated.get(key, {})
        if not isinstance(found, dict) or not found:
            self.faults.append(
                f"[{key}]: expected a table for each, such as [{key}.{'DE' if key == 'entities' else 'main'}]"
            )
            return
        for name, each in found.items():
            if isinstance(each, dict):
                yield name, each
            else:
                self.faults.append(f"[{key}] {name}: expected a table [{key}.{name}], found a value")

    def _erp(self, name: str, stated: Mapping[str, Any]) -> Connection | None:
        """Messages never repeat its values, since a secret may stand where its place should."""
        try:
            return Connection.model_validate(stated)
        except ValidationError as fault:
            for each in fault.errors(include_url=False, include_input=False, include_context=False):
                key = ".".join(map(str, each["loc"])) or "the table"
                self.faults.append(f"[erp.{name}] {key}: {in_our_words(each['msg'])}")
            return None

    def _entity(self, name: str, stated: Mapping[str, Any]) -> EntitySection | None:
        if why := fault_of_id(name):
            self.faults.append(f"[entities.{name!r}]: expected the id of a company, found {why}")
        stated = self._filled_in(name, stated)
        try:
            return EntitySection.model_validate(stated)
        except ValidationError as fault:
            self.faults += [f"[entities.{name}] {each}" for each in fault_sentences(fault, EntitySection)]
            return None

    def _filled_in(self, name: str, stated: Mapping[str, Any]) -> Mapping[str, Any]:
        """Without accounts that nobody has written in yet, such as those of `milepost accounts new`; they are said in one sentence."""
        accounts = stated.get("accounts")
        if not isinstance(accounts, dict) or not (empty := [role for role, found in accounts.items() if found == ""]):
            return stated
        lines = _lines(self._text)
        wanted = "; ".join(_wanted(role, lines.get(("entities", name, "accounts", role))) for role in empty)
        self.faults.append(
            f"[entities.{name}.accounts] {len(empty)} of {len(accounts)} have no account of the ERP yet: {wanted}. Write it "
            f'between the quotes, such as {empty[0]} = "1200", or take the line out'
        )
        return {**stated, "accounts": {role: found for role, found in accounts.items() if role not in empty}}

    def _chart(self, name: str, section: EntitySection, erps: Mapping[str, Connection]) -> EntityChart:
        table = f"[entities.{name}"
        self._check(f"{table}] erp", [section.erp], sorted(erps), "a NAME of [erp.NAME]")
        self._check(f"{table}.items]", section.items, ITEM_KINDS, "a kind of invoice line")
        self._check(f"{table}.accounts]", section.accounts, NAMES, "an account of Milepost")
        for code in section.currencies:
            if not is_currency(code):
                self.faults.append(f"{table}.currencies] {code}: expected the code of a currency, such as EUR")
        for period in section.periods:
            if not is_period(period):
                self.faults.append(f"{table}.periods] {period}: expected a fiscal year and period, such as 2026-06")
        chart = EntityChart(
            legal_entity_id=name,
            erp=section.erp,
            grain=section.grain,
            subsidiary=section.subsidiary,
            invoices_from=section.invoices_from,
            currencies=section.currencies,
            periods=section.periods,
            customers=section.customers,
            items=section.items,
            accounts={role: tuple(self._rules(table, role, stated)) for role, stated in section.accounts.items()},
            segments=tuple(
                SegmentRule(each, found.dimension, found.values, found.default, frozenset(found.accounts))
                for each, found in section.segments.items()
            ),
            grains_from=tuple(sorted(section.grain_from.items())),
            bills_by_item=section.erp in erps and erps[section.erp].kind in BILL_BY_ITEM,
        )
        for segment in chart.segments:
            self._check(f"{table}.segments.{segment.name}] accounts", segment.roles, NAMES, "an account of Milepost")
        known = (*KNOWN_DIMENSIONS, *section.dimensions)
        what = f"a dimension (your own are named under {table}] dimensions)"
        self._check(f"{table}]", sorted(set(used_dimensions(chart))), known, what)
        if chart.issues_invoices:
            for role, shared in CONDITIONS.items():
                self._check_invoiced(f"{table}.accounts] {role}", section.accounts.get(role, []), shared)
        return chart

    def _check_invoiced(self, place: str, rules: list[dict[str, str]], shared: Sequence[str]) -> None:
        """An invoice must stand on the account of the journals that it clears."""
        known = f"{', '.join(shared[:-1])} or {shared[-1]}"
        for number, rule in enumerate(rules, start=1):
            if others := sorted(rule.keys() - {ACCOUNT_KEY, *shared}):
                self.faults.append(
                    f"{place}, rule {number}: expected no condition but {known}, came {', '.join(others)}; lines of the ERP's "
                    "invoices (invoices_from) have no others in common with journals, and would stand on another account than what "
                    "they clear. Take the rule out, or write it with those"
                )

    def _rules(self, table: str, role: str, rules: list[dict[str, str]]) -> Iterator[AccountRule]:
        seen: set[tuple[tuple[str, str], ...]] = set()
        for number, rule in enumerate(rules, start=1):
            where = tuple(sorted((key, value) for key, value in rule.items() if key != ACCOUNT_KEY))
            if not rule.get(ACCOUNT_KEY):
                self.faults.append(
                    f'{table}.accounts] {role}, rule {number}: expected account = "..." with the ERP\'s account, it is missing'
                )
            elif where in seen:
                about = ", ".join(f"{key} {value}" for key, value in where) or "no condition"
                self.faults.append(f"{table}.accounts] {role}, rule {number}: {about} stands twice; keep one of them")
            else:
                seen.add(where)
                yield AccountRule(rule[ACCOUNT_KEY], where)

    def _check(self, place: str, names: Iterable[str], known: Collection[str], what: str) -> None:
        for name in names:
            if name not in known:
                close = nearest(name, known) or f"; known are {', '.join(known) or 'none'}"
                self.faults.append(f"{place} {name}: expected {what}{close}")

    def _check_subsidiaries(self, charts: Iterable[EntityChart]) -> None:
        """Nobody could tell two companies apart in one ledger of an ERP."""
        seen: dict[tuple[str, str], str] = {}
        for chart in charts:
            other = seen.setdefault((chart.erp, chart.subsidiary), chart.legal_entity_id)
            if other != chart.legal_entity_id:
                self.faults.append(
                    f"[entities.{chart.legal_entity_id}] subsidiary: expected another one than that of [entities.{other}] in "
                    f'[erp.{chart.erp}], found "{chart.subsidiary}" in both'
                )


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """Number of the line, by table and key; of those alone that are whole on one line."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            stated = tomllib.loads(line)
        except tomllib.TOMLDecodeError:
            continue
        if line.lstrip().startswith("["):
            table = tuple(_keys(stated))
        elif stated:
            found[(*table, *_keys(stated))] = number
    return found


def _keys(stated: Mapping[str, Any]) -> Iterator[str]:
    """Of tables in each other that have one key each."""
    for name, inner in stated.items():
        yield name
        if isinstance(inner, dict):
            yield from _keys(inner)


def _wanted(role: str, line: int | None) -> str:
    return " ".join(filter(None, (role, name_of(role), f"(line {line})" if line else "")))


def _unreadable(fault: tomllib.TOMLDecodeError) -> str:
    """TOML itself refuses a table or a key that stands twice."""
    message = str(fault)
    if message.startswith(("Cannot declare", "Cannot overwrite", "Cannot mutate", "Duplicate")):
        return f"a table or key stands twice; keep one of them: {message}"
    return f"expected TOML: {message}"
