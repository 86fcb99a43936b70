"""Figures of certificates: from what was certified to journals and events, whatever came after the close."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import dataflows.certificates
from milepost.cli import app
from milepost.explain.certificates import certificate_figure
from milepost.explain.explanations import Explained, Explanations
from milepost.explain.recompute import everything, recompute, unexplained
from tests.finished_run import finished_run, reopened_run
from tests.sharded_run import sharded


def explain(wanted: str, *arguments: str, output: Path | None = None) -> Result:
    return CliRunner().invoke(app, ["explain", wanted, "--output", str(output or reopened_run()), *arguments])


def as_json(wanted: str, output: Path | None = None) -> Any:
    result = explain(wanted, "--json", output=output)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def value(wanted: str, output: Path | None = None) -> str:
    found = as_json(wanted, output)
    said: str = found["nodes"][found["root"]]["value"]
    return said


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("certificate/BERLIN/2026-01@1#journals", "12"),
        ("certificate/BERLIN/2026-01#journals", "13"),
        ("certificate/BERLIN/2026-01#journals@TUNNEL", "6"),
        ("certificate/BERLIN/2026-01#EUR/journals", "10"),
        ("certificate/BERLIN/2026-01@1#4000/credits", "4018.18"),
        ("certificate/BERLIN/2026-01#4000/credits", "4218.18"),
        ("certificate/BERLIN/2026-01#4000/credits@TUNNEL", "2400"),
        ("certificate/BERLIN/2026-01#4000/movement", "-4018.18"),
        ("certificate/BERLIN/2026-01#4000/movement_change", "-200"),
        ("certificate/BERLIN/2026-01#4000/opening_change", "0"),
        ("certificate/BERLIN/2026-01#1150/closing", "4018.18"),
        ("certificate/BERLIN/2026-01#1150/closing@TUNNEL", "2200"),
        ("certificate/BERLIN/2026-01#USD/debits", "2000"),
        ("certificate/BERLIN/2026-01#USD/credits@BRIDGE", "2000"),
    ],
)
def test_figures_by_their_ids(wanted: str, expected: str) -> None:
    """U-6 came while January was open again: one journal, 200.00 of revenue."""
    assert value(wanted) == expected


def test_a_part_goes_down_to_the_events_of_its_journals() -> None:
    """U-6 is in the second certificate, and not in the first."""
    found = as_json("certificate/BERLIN/2026-01#4000/credits@TUNNEL")
    assert "U-6" in {event["id"] for event in found["events"]}
    before = as_json("certificate/BERLIN/2026-01@1#4000/credits@TUNNEL")
    assert "U-6" not in {event["id"] for event in before["events"]}
    counted = as_json("certificate/BERLIN/2026-01#journals@TUNNEL")
    assert sum(node["title"].startswith("Journal ") for node in counted["nodes"]) == 6
    assert {event["type"] for event in counted["events"]} >= {"TimeApproved", "ContractSigned", "CostRateSet"}


def test_the_whole_names_who_closed_it_and_what_it_replaces() -> None:
    text = explain("certificate/BERLIN/2026-01", "--depth", "1").stdout
    assert "Certificate 2 of BERLIN, period 2026-01" in text
    assert "asked and approved by: CARA, DAN" in text
    assert "replaces: certificate 1 of 12 journals" in text
    assert "opened again: 2026-02-20T08:00:00Z CARA, DAN: a forgotten day" in text
    assert "accounting period closed BERLIN/2026-01 version 3, AccountingPeriodClosed at log offset" in text


def everything_of(output: Path, entity: str, period: str) -> list[str]:
    """Every figure that is named anywhere below the certificate, asked for by itself, recomputes and is explained."""
    asked: list[str] = []
    wanted = [f"certificate/{entity}/{period}"]
    with Explanations(output, lambda *_: None) as explanations:
        while wanted:
            if (id_ := wanted.pop()) in asked:
                continue
            asked.append(id_)
            found = explanations.explain(id_)
            assert isinstance(found, Explained), (id_, found)
            assert (recompute(found.node), unexplained(found.node), found.differences) == ([], [], ()), id_
            below = {node.id for node in everything(found.node)}
            wanted += sorted(each for each in below if certificate_figure(each) is not None)
    return asked


@pytest.mark.parametrize("number", [1, 2])
def test_every_figure_recomputes_from_what_is_below_it(number: int) -> None:
    asked = everything_of(reopened_run(), "BERLIN", f"2026-01@{number}")
    # Journals; five figures of each of 4 accounts and three of each of 2 currencies; headings; and what both contract groups give.
    assert len(asked) > 1 + 4 * 5 + 2 * 3 + 6


def test_shards_give_the_same_figures(tmp_path: Path) -> None:
    sharded(finished_run(), tmp_path / "sharded")
    for wanted in ("certificate/BERLIN/2026-01#1150/closing", "certificate/BERLIN/2026-01#journals@TUNNEL"):
        assert value(wanted, tmp_path / "sharded") == value(wanted, finished_run())
    assert everything_of(tmp_path / "sharded", "BERLIN", "2026-01")


def test_a_figure_that_is_not_what_its_journals_come_to_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has changed what is written: it ends with 3."""
    whole = dataflows.certificates.certified

    def dearer(*arguments: Any) -> Any:
        def of(each: Any) -> Any:
            accounts = tuple(one._replace(debits=one.debits + 10_000) for one in each.books.accounts)
            return each._replace(books=each.books._replace(accounts=accounts))

        return [of(each) for each in whole(*arguments)]

    monkeypatch.setattr("milepost.explain.certificates.certified", dearer)
    result = explain("certificate/BERLIN/2026-01#1150/debits")
    assert result.exit_code == 3
    assert "1150 debits: certified 4219.18, its journals come to 4218.18" in " ".join(result.output.split())
    assert explain("certificate/BERLIN/2026-01#1150/credits").exit_code == 0


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("certificate/BERLIN/2026-02", "BERLIN has certificates of 2026-01"),
        ("certificate/BERLIN/2026-01@7", "certificates of 2026-01 of BERLIN are 1, 2"),
        (
            "certificate/BERLIN/2026-01#9999",
            "certificate 2 has accounts 1150, 2150, 4000, 5000 and currencies EUR, USD",
        ),
        ("certificate/BERLIN/2026-01#4000/sum", "its figures are certificate/BERLIN/2026-01@2#4000/opening"),
        ("certificate/BERLIN/2026-01#4000/debits@NOBODY", "contract groups with journals there are BRIDGE, TUNNEL"),
    ],
)
def test_what_is_not_there(wanted: str, expected: str) -> None:
    result = explain(wanted)
    assert result.exit_code == 2
    assert expected in " ".join(result.output.split())


def test_as_it_was_known_then() -> None:
    """Before January was closed again its last certificate is the first."""
    then = explain("certificate/BERLIN/2026-01#journals", "--json", "--as-of", "2026-02-21")
    found = json.loads(then.stdout)
    assert found["nodes"][found["root"]]["value"] == "12"
