"""`explain` of posted work names the policies that decided, each with where it came from: line, contract, preset, company or built in."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.tiny_firm import founding, run, worked, write

SIGNED = "contract signed K-1 version 1, ContractSigned at log offset 5"


def test_every_place_that_states_a_policy_is_named(tmp_path: Path) -> None:
    """Eight hours fit under the cap of 1,000, the four after them do not, and are rejected whole as the preset says."""
    company, *others, signed = founding()
    (line,) = signed["lines"]
    cap = {"kind": "hard", "amount": "1000"}
    line = {**line, "terms": {**line["terms"], "cap": cap}, "policies": {"increment_minutes": 15}}
    policies = {"preset": "d365", "rounding_scope": "entry"}
    stated = [{**company, "policies": {"money_mode": "half_even"}}, {**signed, "lines": [line], "policies": policies}]
    write(tmp_path / "input", [stated[0], *others, stated[1], worked("T-2", 2), worked("T-3", 3, "4")])
    run(tmp_path)
    result = CliRunner().invoke(app, ["explain", "T-3", "--output", str(tmp_path / "output")])
    assert result.exit_code == 0, result.stderr
    for named in (
        f"increment_minutes 15 (contract line, {SIGNED})",
        f"cap_split reject_whole (preset d365 of the contract, {SIGNED})",
        f"rounding_scope entry (contract, {SIGNED})",
        "money_mode half_even (legal entity, legal entity defined BERLIN version 1, LegalEntityDefined at log offset 0)",
        "cap_order service_date (built-in default)",
    ):
        assert named in result.stdout
