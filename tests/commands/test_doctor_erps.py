"""What `milepost doctor` says of ERP accounts: whether each can be reached with its credentials, and what its charts lack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from milepost.cli import app
from simulation.erp.accounts import written
from simulation.erp.serving import Serving, serving
from simulation.erp.simulated import SimulatedErp
from simulation.erp.troubles import parsed
from tests.servers.server import free_port

ENTITY = """
[entities.LE-US]
erp = "simulated"
subsidiary = "2"

[entities.LE-US.accounts]
1150 = "119"
4000 = "58"
"""


@pytest.fixture
def erp(tmp_path: Path) -> Iterator[Serving]:
    with serving(SimulatedErp("netsuite", tmp_path / "books")) as served:
        yield served


def accounts(folder: Path, erp: Serving, entity: str = ENTITY) -> Path:
    path = written(folder, "netsuite", erp.url, "/services/rest/auth/oauth2/v1/token", companies=())
    path.write_text(path.read_text(encoding="utf-8") + entity, encoding="utf-8")
    return path


def examined(file: Path | None, *options: str) -> dict[str, Any]:
    """There are no brokers; what is said of them is left out."""
    told = ["kafka.brokers=127.0.0.1:1", *([f"delivery.accounts={file}"] if file else [])]
    sets = [part for each in told for part in ("--set", each)]
    result = CliRunner().invoke(app, ["doctor", "--json", "--timeout", "4", "--for", "delivery", *sets, *options])
    assert result.exit_code == 1, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def of_erps(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["state"], each["said"]) for each in found["findings"] if each["check"] == "erp"]


def test_a_site_that_delivers_nothing_needs_no_erp() -> None:
    found = examined(None)
    assert of_erps(found) == [("ok", "delivery.accounts is not set: nothing is delivered")]
    assert "erp" not in found["kept_back"]["delivery"]


def test_an_account_that_answers_is_well_and_what_its_chart_lacks_is_a_warning(erp: Serving, tmp_path: Path) -> None:
    """Two of Milepost's accounts are mapped; what posts to others waits, and delivery starts all the same."""
    found = examined(accounts(tmp_path, erp))
    *of_the_erp, of_the_chart = of_erps(found)
    assert of_the_erp
    assert {state for state, _ in of_the_erp} == {"ok"}
    assert of_the_erp[0][1].startswith("simulated: NetSuite at 127.0.0.1")
    state, said = of_the_chart
    assert state == "warn"
    assert "LE-US: 26 of 28 accounts of Milepost are not mapped: 1010 Bank, 1100 Accounts receivable" in said
    assert "erp" not in found["kept_back"]["delivery"]


def test_a_closed_period_is_a_warning_by_company(tmp_path: Path) -> None:
    """What is sent meanwhile is refused and posted on the first open day, so delivery is not kept back."""
    today = datetime.now(UTC).date()
    with serving(SimulatedErp("netsuite", tmp_path / "books", troubles=[parsed(f"close={today:%Y-%m}@0")])) as erp:
        found = examined(accounts(tmp_path, erp))
    assert ("warn", f"simulated: NetSuite at 127.0.0.1, company 2, period of {today}: closed") in of_erps(found)
    assert "erp" not in found["kept_back"]["delivery"]


def test_an_erp_that_is_away_keeps_delivery_back_and_another_is_looked_at_all_the_same(
    erp: Serving, tmp_path: Path
) -> None:
    path = accounts(tmp_path, erp)
    away = path.read_text(encoding="utf-8").replace(erp.url, f"http://127.0.0.1:{free_port()}")
    connection = away.partition(ENTITY)[0].replace("erp.simulated", "erp.away")
    path.write_text(path.read_text(encoding="utf-8") + connection, encoding="utf-8")
    found = examined(path)
    said = of_erps(found)
    assert [state for state, each in said if each.startswith("simulated: NetSuite")].count("fail") == 0
    assert [state for state, each in said if each.startswith("away: NetSuite")] == ["fail"]
    assert "erp" in found["kept_back"]["delivery"]
    assert any(each.startswith("away: no company is delivered there") for _, each in said)


def test_a_secret_that_is_not_there_is_named_by_its_place(erp: Serving, tmp_path: Path) -> None:
    path = accounts(tmp_path, erp)
    (tmp_path / "key.pem").unlink()
    (state, said), *_ = of_erps(examined(path))
    assert state == "fail"
    assert str(tmp_path / "key.pem") in said


def test_every_fault_of_the_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text('[erp.books]\nkind = "netsuite"\n[entities.LE]\nerp = "boks"\naccounts = {4001 = "58"}\n')
    found = of_erps(examined(path))
    assert {state for state, _ in found} == {"fail"}
    said = "\n".join(each for _, each in found)
    assert "boks" in said
    assert "4001" in said
