"""Two companies with a customer in common that number their statements alike: both issue INV-2026-0001 for March."""

from __future__ import annotations

from pathlib import Path

from tests.commands.tiny_firm import Event, event, founding, run, worked, write

BERLINS, WIENS = "BRIDGE.K-1/ACME/2026-03-01/1", "TUNNEL.K-2/ACME/2026-03-01/1"
NUMBER = "INV-2026-0001"


def two_companies(folder: Path) -> Path:
    """800.00 of BERLIN for 8 hours, 400.00 of WIEN for 4, issued on 1 April; the output folder."""
    entity, customer, person, cost, project, contract = founding()
    ranges = [{"range_id": "R", "format": "INV-{year}-{number:4}", "restarts": "year"}]
    numbered = {**entity, "number_ranges": ranges}
    wien = {"legal_entity_id": "WIEN"}
    line = {**contract["lines"][0], "project_id": "TUNNEL"}
    others = [
        _other(numbered, 10, **wien, name="Wien"),
        _other(person, 11, **wien, person_id="EVA"),
        _other(cost, 12, cost_rate_id="EVA", person_id="EVA"),
        _other(project, 13, **wien, project_id="TUNNEL", name="Tunnel"),
        _other(contract, 14, **wien, contract_id="K-2", lines=[line]),
    ]
    work = [worked("T-1", 2), worked("T-2", 3, "4", project_id="TUNNEL", person_id="EVA")]
    write(folder / "input", [numbered, customer, person, cost, project, contract, *others, *work])
    run(folder, "--until", "2026-04-02")
    return folder / "output"


def _other(like: Event, second: int, **fields: object) -> Event:
    made = event(like["type"], f"2026-03-01T08:00:{second}Z")
    return {**like, **made, **fields}
