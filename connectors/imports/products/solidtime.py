"""What solidtime's archive says of an entry in the files beside its time entries, each in place of the column that lacks it."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.imports.rejections import CellFault

Cells = Mapping[str, str]
Beside = Mapping[str, Mapping[str, Cells]]

_ORGANISATION = "organization_id"


def _client(cells: Cells, beside: Beside) -> str:
    """By the project, for entries made before it had a client carry none."""
    return cells["client_id"] or _one(beside, "projects", cells["project_id"]).get("client_id", "")


def _rate(cells: Cells, beside: Beside) -> str:
    """The entry's own, else that of its project's member, project, member or organisation."""
    project, member = cells["project_id"], cells["member_id"]
    places = (
        cells,
        *(
            each
            for each in beside.get("project_members", {}).values()
            if (each.get("project_id"), each.get("member_id")) == (project, member)
        ),
        _one(beside, "projects", project),
        _one(beside, "members", member),
        _organisation(cells, beside),
    )
    return next((rate for place in places if (rate := place.get("billable_rate"))), "")


def _currency(cells: Cells, beside: Beside) -> str:
    return _organisation(cells, beside).get("currency", "")


def _organisation(cells: Cells, beside: Beside) -> Cells:
    """The row's own; nothing where the archive's file is not there."""
    organisations = beside.get("organizations", {})
    named = cells.get(_ORGANISATION, "")
    if not named and len(organisations) == 1:
        return next(iter(organisations.values()))
    if organisations and named not in organisations:
        reason = (
            "expected an organisation of organizations.csv, which has its currency and rate; export both again together"
        )
        raise CellFault(_ORGANISATION, named, reason)
    return organisations.get(named, {})


def _one(beside: Beside, file: str, of: str) -> Cells:
    return beside.get(file, {}).get(of, {})


BESIDE = {"client_id": _client, "billable_rate": _rate, _ORGANISATION: _currency}
