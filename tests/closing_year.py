"""Two companies' year, closed month by month by the commands that people use: checked, closed with a certificate, June of BERLIN twice.

BERLIN keeps euros by calendar years and sells ADA's hours for pounds. NEWYORK keeps dollars; its year begins in July: it sells hours of BOB
and some of ADA, for which BERLIN charges euros. BERLIN revalues and reverses, NEWYORK leaves what is unrealised until the next time.

    every month     ADA on BRIDGE 8 h at 100.00 GBP; BOB on TUNNEL 8 h and ADA 4 h at 200.00 USD; ADA costs 40.00 EUR, BOB 60.00 USD an hour
    ADA for NEWYORK 90.00 EUR an hour
    rates           GBP 1.20 EUR, from 30 June 1.25, on 31 December 1.15; EUR 1.10 USD, then 1.15, then 1.20
    June            closed, opened again, ADA's 8 h on BRIDGE are 10, closed again
"""

from __future__ import annotations

import json
import os
from calendar import monthrange
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.tiny_firm import Event, event, write
from tests.finished_run import project_and_contract

COMPANIES: Final = ("BERLIN", "NEWYORK")
MONTHS: Final = tuple(f"2024-{month:02}" for month in range(1, 13))
ENDS: Final = {"BERLIN": "Europe/Berlin", "NEWYORK": "America/New_York"}
GBP: Final = {"2023-12": "1.20", "2024-06": "1.25", "2024-12": "1.15"}
USD: Final = {"2023-12": "1.10", "2024-06": "1.15", "2024-12": "1.20"}


class ClosingYear(NamedTuple):
    """`checks` are what `period check` found before each close, by company and period, in their order."""

    output: Path
    checks: list[tuple[str, str, dict[str, str]]]


def closing_year() -> ClosingYear:
    """Do not write to it."""
    folder, checks = _made()
    return ClosingYear(Path(folder.name) / "output", checks)


def period_of(company: str, month: str) -> str:
    """As the company names it: July 2024 is the first of NEWYORK's 2025."""
    if company == "BERLIN":
        return month
    year, number = int(month[:4]), int(month[5:])
    return f"{year + (number > 6)}-{(number + 5) % 12 + 1:02}"


def milepost(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, (words, done.output)
    return done.stdout


@cache
def _made() -> tuple[TemporaryDirectory[str], list[tuple[str, str, dict[str, str]]]]:
    folder = TemporaryDirectory(prefix="milepost-closing-year-")
    where = Path(folder.name)
    checks: list[tuple[str, str, dict[str, str]]] = []
    write(where / "input", _founding(), "0-founding")
    with patch.dict(os.environ, {"MILEPOST_OUTPUT": str(where / "output")}):
        for month in MONTHS:
            write(where / "input", _month(month), month)
            _run(where, f"{month}-{monthrange(int(month[:4]), int(month[5:]))[1]}")
            for company in COMPANIES:
                _close(checks, company, month, f"{_after(month)}-03T20:00:00Z", "The month is reported")
            if month == "2024-06":
                _again(where, checks)
        _run(where, "2025-01-04")
    return folder, checks


def _run(where: Path, until: str) -> None:
    milepost("run", "--input", str(where / "input"), "--output", str(where / "output"), "--until", until, "--yes")


def _close(checks: list[tuple[str, str, dict[str, str]]], company: str, month: str, at: str, reason: str) -> None:
    period = period_of(company, month)
    found = json.loads(milepost("period", "check", company, period, "--json"))
    checks.append((company, period, {each["check"]: each["state"] for each in found["checks"]}))
    milepost("period", "close", company, period, "--reason", reason, *_who(at))


def _again(where: Path, checks: list[tuple[str, str, dict[str, str]]]) -> None:
    """2 h were forgotten in BERLIN's June."""
    _run(where, "2024-07-04")
    milepost("period", "reopen", "BERLIN", "2024-06", "--reason", "2 h were forgotten", *_who("2024-07-06T08:00:00Z"))
    _run(where, "2024-07-05")
    more = _hours("A-2024-06", "ADA", "BRIDGE", "2024-06-10", "10", version=2, at="2024-07-07T08:00:00Z")
    write(where / "input", [more], "forgotten")
    _run(where, "2024-07-07")
    _close(checks, "BERLIN", "2024-06", "2024-07-08T20:00:00Z", "June, again")


def _who(at: str) -> tuple[str, ...]:
    return ("--as", "ann", "--approved-by", "ben", "--at", at)


def _after(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12}-{number % 12 + 1:02}"


def _month(month: str) -> list[Event]:
    """Work, and the rates of its last day."""
    last = f"{month}-{monthrange(int(month[:4]), int(month[5:]))[1]}"
    return [
        _hours(f"A-{month}", "ADA", "BRIDGE", f"{month}-10", "8"),
        _hours(f"B-{month}", "BOB", "TUNNEL", f"{month}-11", "8"),
        _hours(f"C-{month}", "ADA", "TUNNEL", f"{month}-12", "4"),
        *_rates(month, last),
    ]


def _hours(entry_id: str, person: str, project: str, day: str, hours: str, version: int = 1, at: str = "") -> Event:
    return event(
        "TimeApproved",
        at or f"{day}T20:00:00Z",
        entry_id=entry_id,
        version=version,
        project_id=project,
        person_id=person,
        approved_by="CARA",
        worked_on=day,
        hours=hours,
    ) | {"event_id": f"{entry_id}-{version}"}


def _rates(month: str, day: str) -> list[Event]:
    found = []
    for currencies, rates in ((("GBP", "EUR"), GBP), (("EUR", "USD"), USD)):
        value = rates[max(each for each in rates if each <= month)]
        stated = {"rate_type": "spot", "date": day, "version": 1, "rate": value}
        pair = {"from_currency": currencies[0], "to_currency": currencies[1]}
        made = event("ExchangeRateSet", f"{day}T06:00:00Z", **stated, **pair)
        found.append(made | {"event_id": f"{'-'.join(currencies)}-{day}"})
    return found


def _founding() -> list[Event]:
    at = "2024-01-02T08:00:{:02d}Z".format
    companies = [
        _company("BERLIN", "EUR", at(0), "01-01", {"fx_revaluation": "reversing", "unbilled_is_monetary": True}),
        _company("NEWYORK", "USD", at(1), "07-01", {"fx_revaluation": "cumulative"}),
    ]
    people = [
        (
            event("PersonDefined", at(10 + place), person_id=name, version=1, legal_entity_id=company, role="senior"),
            event(
                "CostRateSet",
                at(12 + place),
                cost_rate_id=name,
                version=1,
                person_id=name,
                currency=currency,
                rate=rate,
                effective_from="2024-01-01",
            ),
        )
        for place, (name, company, currency, rate) in enumerate(
            (("ADA", "BERLIN", "EUR", "40"), ("BOB", "NEWYORK", "USD", "60"))
        )
    ]
    price = event(
        "TransferPriceSet",
        at(20),
        transfer_price_id="TP",
        version=1,
        lending_entity_id="BERLIN",
        borrowing_entity_id="NEWYORK",
        currency="EUR",
        effective_from="2024-01-01",
        rate="90",
    )
    rates = [each | {"occurred_at": at(30)} for each in _rates("2023-12", "2023-12-31")]
    customer = event("CustomerDefined", at(5), customer_id="ACME", version=1, name="Acme")
    return [
        *companies,
        customer,
        *(each for pair in people for each in pair),
        price,
        *rates,
        *_project("BRIDGE", "K-1", "BERLIN", "GBP", "100", (at(40), at(42))),
        *_project("TUNNEL", "K-2", "NEWYORK", "USD", "200", (at(41), at(43))),
    ]


def _company(entity_id: str, currency: str, at: str, year: str, policies: dict[str, Any]) -> Event:
    return event(
        "LegalEntityDefined",
        at,
        legal_entity_id=entity_id,
        version=1,
        name=entity_id.title(),
        currency=currency,
        zone=ENDS[entity_id],
        fiscal_calendar={"kind": "calendar_month", "year_starts_on": year},
        policies={"rate_staleness_days": 40, **policies},
    )


def _project(
    project_id: str, contract_id: str, company: str, currency: str, rate: str, at: tuple[str, str]
) -> list[Event]:
    terms = {"type": "TimeAndMaterials", "rates": [{"rate": rate, "effective_from": "2024-01-01"}]}
    lines: list[Event] = [{"line_id": "L-1", "terms": terms}]
    made = project_and_contract(project_id, contract_id, currency, at, lines)
    began = {"starts_on": "2024-01-01", "signed_on": "2024-01-01"}
    return [
        each | {"legal_entity_id": company} | {name: began[name] for name in began if name in each} for each in made
    ]
