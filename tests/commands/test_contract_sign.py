"""A contract signed from a file: the form of every kind of terms can be signed as it is printed, and what is wrong is named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from domain.terms.methods import KINDS
from milepost.cli import app
from milepost.contract_form import TERMS, TermsName
from tests.commands.tiny_firm import event, founding, run, worked, write

AT = ("--at", "2026-04-03T09:00:00Z")
IDS = {'"CUSTOMER"': '"ACME"', '"COMPANY"': '"BERLIN"', '"PROJECT"': '"BRIDGE"'}


@pytest.fixture
def firm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path / "input", [*founding(), worked("T-1", 2)])
    run(tmp_path, "--until", "2026-04-02")
    monkeypatch.setenv("MILEPOST_OUTPUT", str(tmp_path / "output"))
    return tmp_path


def milepost(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def filled(kind: TermsName) -> str:
    """The form with the firm's ids, as a person types it; no site is needed."""
    printed = milepost("contract", "sign", "--form", kind.value)
    assert printed.exit_code == 0, printed.output
    text = printed.stdout
    for placeholder, own in IDS.items():
        text = text.replace(placeholder, own)
    return text


def sign(firm: Path, text: str, *more: str) -> Result:
    (firm / "contract.toml").write_text(text, encoding="utf-8")
    return milepost("contract", "sign", str(firm / "contract.toml"), *AT, *more)


def refused(firm: Path, text: str) -> str:
    result = sign(firm, text, "--yes")
    assert result.exit_code == 2, result.output
    assert recorded(firm) == []
    return re.sub(r"\s+", " ", result.stderr)


def without_figures(*words: str) -> str:
    """What the id is whose figures no day has published yet."""
    shown = milepost(*words)
    assert shown.exit_code == 2
    said = re.search(
        r"got \S+, which is ([^;]*); it has figures once a day has ended", re.sub(r"\s+", " ", shown.stderr)
    )
    assert said is not None, shown.stderr
    return said[1]


def recorded(firm: Path) -> list[dict[str, Any]]:
    files = sorted((firm / "input" / "recorded").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def test_there_is_a_form_of_every_kind_of_terms() -> None:
    assert sorted(str(terms["type"]) for terms in TERMS.values()) == sorted(kind.__name__ for kind in KINDS)


@pytest.mark.parametrize("kind", TermsName)
def test_a_form_can_be_signed_and_is_in_force(kind: TermsName, firm: Path) -> None:
    assert sign(firm, filled(kind), "--yes").exit_code == 0
    [signed] = recorded(firm)
    assert (signed["type"], signed["version"], signed["lines"][0]["terms"]["type"]) == (
        "ContractSigned",
        1,
        TERMS[kind]["type"],
    )
    run(firm)
    raised = milepost("exceptions", "list", "--json").stdout
    assert "invalid_terms" not in raised
    assert "unsupported" not in raised
    again = sign(firm, filled(kind), "--yes")
    assert again.exit_code == 2
    assert "contract K-100 is signed already, version 1" in re.sub(r"\s+", " ", again.stderr)


def test_it_is_seen_in_figures_before_it_is_written(firm: Path) -> None:
    """5,000.00 of a deposit are due on 31 January."""
    shown = sign(firm, filled(TermsName.DEPOSIT))
    assert "5,000.00" in shown.stdout
    assert "nothing is written without a yes" in re.sub(r"\s+", " ", shown.stderr)
    assert recorded(firm) == []
    printed = json.loads(sign(firm, filled(TermsName.DEPOSIT), "-n").stdout)
    assert (printed["contract_id"], printed["lines"][0]["terms"]["amount"]) == ("K-100", "5000.00")
    assert recorded(firm) == []


def test_every_wrong_field_is_named(firm: Path) -> None:
    """A price that is no number and a day that is none, each on its line; then instalments that do not sum to the price."""
    line = '\n[[lines]]\nline_id = "2"\nproject_id = "BRIDGE"\n[lines.terms]\ntype = "Deposit"\namount = 1.00\ndue_on = "soon"\n'
    text = filled(TermsName.FIXED)
    said = refused(firm, text.replace('price = "20000.00"', 'price = "dear"') + line)
    assert "lines[0].terms.price: expected" in said
    assert "lines[1].terms.due_on: expected" in said
    sums = refused(firm, text.replace('price = "20000.00"', 'price = "21000.00"'))
    assert "lines[0].terms.schedule: instalments sum to 20000.00, the price is 21000.00" in sums


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (('"ACME"', '"ACNE"'), "customer_id: expected a customer that is defined, got ACNE; the nearest are ACME"),
        (('"BERLIN"', '"PARIS"'), "legal_entity_id: expected a legal entity that is defined, got PARIS"),
        (('currency = "EUR"', 'currency = "EURO"'), "currency: expected an ISO 4217 code such as EUR, got EURO"),
        (("signed_on =", "signed ="), "got signed"),
        (("signed_on =", "# signed_on ="), "signed_on"),
        (("[[lines]]", "[[lines"), "expected terms as TOML"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[1],
)
def test_what_is_wrong_is_named_and_nothing_written(wrong: tuple[str, str], expected: str, firm: Path) -> None:
    assert expected in refused(firm, filled(TermsName.HOURLY).replace(*wrong))


def test_a_contract_that_waits_for_the_next_run_is_not_signed_twice(firm: Path) -> None:
    assert sign(firm, filled(TermsName.HOURLY), "--yes").exit_code == 0
    again = sign(firm, filled(TermsName.HOURLY), "--yes")
    assert again.exit_code == 2
    assert "version 1 of contract K-100 is recorded and waits" in re.sub(r"\s+", " ", again.stderr)


def test_a_project_has_figures_once_a_day_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "input", founding())
    run(tmp_path)
    monkeypatch.setenv("MILEPOST_OUTPUT", str(tmp_path / "output"))
    assert without_figures("explain", "BRIDGE") == "a project"


def test_an_option_without_its_value_says_what_it_takes() -> None:
    said = re.sub(r"\s+", " ", milepost("contract", "sign", "--form").stderr)
    assert f"'--form' requires an argument. Print a contract of such terms to fill in: {', '.join(TermsName)}." in said


def test_work_of_a_project_that_nobody_activated_is_billed(firm: Path) -> None:
    """8 hours of a senior at 150.00, on the line of a project whose id may be mistyped."""
    other = filled(TermsName.HOURLY).replace('"BRIDGE"', '"ROAD"')
    warned = re.sub(r"\s+", " ", sign(firm, other, "--yes").stderr)
    assert "Warning: project ROAD is not known; what its line charges is billed all the same" in warned
    run(firm)
    for verb in ("show", "explain"):
        assert without_figures(verb, "K-100") == "a contract that is signed"
    approved = event("TimeApproved", "2026-04-07T18:00:00Z")
    write(firm / "input", [{**worked("T-2", 7, project_id="ROAD"), **approved, "worked_on": "2026-04-07"}], "road")
    run(firm, "--until", "2026-04-30")
    shown = json.loads(milepost("statement", "K-100.K-100/ACME/2026-04-01/1", "--json").stdout)
    assert shown["statement"]["amount_due"] == "1200.00"
