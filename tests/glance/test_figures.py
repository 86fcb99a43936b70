"""Every figure of every table has an id that `milepost explain` explains to exactly that figure, at any moment.

An explanation is what the table itself summed, so a sum that does not come to its figure does not recompute.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.files.moments import Moment
from domain.explanation import ELSEWHERE
from milepost.as_of import moment_of
from milepost.console import money_text
from milepost.explain.explanations import Explained, Explanations
from milepost.explain.recompute import everything, recompute
from milepost.glance.figures import UNKNOWN, Figure, percent_of, share
from milepost.glance.financial import financial_statement, ledger_moves
from milepost.glance.firm import FirmAtMoment
from milepost.glance.sheet import Glance
from milepost.glance.tables import table_of
from tests.glance.small_firm import small_firm
from tests.glance.test_feet import moments, output
from tests.thoroughness import THOROUGH

ASKED: list[tuple[str, dict[str, str]]] = [
    ("projects", {}),
    ("projects", {"open": ""}),
    ("clients", {}),
    ("receivables", {}),
    ("unbilled", {}),
    ("prepaid", {"since": "2026-01-01"}),
    ("prepaid", {"since": "2026-02-01"}),
    ("people", {}),
    ("people", {"from": "2026-02", "to": "2026-02"}),
    ("people", {"by-project": ""}),
]


def figures(glance: Glance) -> Iterator[tuple[str, int]]:
    """Ids with what the table has; each figure once, and none without an id."""
    seen = set[str]()
    for row in (*glance.rows, *glance.totals):
        for column in glance.columns:
            cell = row.cells.get(column.name)
            if column.kind.is_figure and isinstance(cell, int):
                id_ = glance.id_of(row, column.name)
                assert id_, (glance.kind, row.cells, column.name)
                assert id_ not in seen, id_
                seen.add(id_)
                yield id_, cell


def at_risk(glance: Glance) -> Iterator[tuple[str, str]]:
    """Ids of what is at risk in several currencies, which is a text."""
    for row in (*glance.rows, *glance.totals):
        if text := row.cells.get("at_risk"):
            yield glance.id_of(row, "at_risk"), str(text)


def tables(folder: Path, moment: Moment | None) -> Iterator[Glance]:
    with FirmAtMoment(folder, moment, lambda *_: None) as firm:
        for kind, options in ASKED:
            found = table_of(firm, kind, options)
            assert found is not None
            yield found
        for entity_id in firm.companies:
            posted = [one for index, cut in firm._shards for one in index.sums_until(entity_id, cut)]
            sums = ledger_moves(entity_id, posted[-1].ledger_currency if posted else "", (one.moved for one in posted))
            for period in sums.by_period:
                yield from (table for _, table in financial_statement(sums, period).tables)


def check(folder: Path, as_of: str | None, every: int = 1, told_every: int = 1) -> int:
    """How many figures there are; each, or one of `told_every` so many, is explained to exactly what the table has, and so is what it says
    stands elsewhere, or one of `every` so many."""
    moment = moment_of(as_of, "--as-of") if as_of is not None else None
    told: dict[str, int] = {}
    elsewhere: dict[str, int] = {}
    risks: dict[str, str] = {}
    with Explanations(folder, lambda *_: None, moment) as explanations:
        for glance in tables(folder, moment):
            told |= dict(figures(glance))
            risks |= dict(at_risk(glance))
        for id_, text in risks.items():
            found = explanations.explain(id_)
            assert isinstance(found, Explained), id_
            assert money_text({each.currency: each.value or 0 for each in found.node.why}) == text
            assert not recompute(found.node), id_
            for node in everything(found.node):
                if node.arithmetic is not None and node.arithmetic.operation == ELSEWHERE:
                    elsewhere.setdefault(node.id, node.value or 0)
        for id_, value in [*told.items()][::told_every]:
            found = explanations.explain(id_)
            assert isinstance(found, Explained), id_
            assert found.node.value == value, id_
            assert not recompute(found.node), (id_, recompute(found.node))
            for node in everything(found.node):
                if node.arithmetic is not None and node.arithmetic.operation == ELSEWHERE:
                    assert node.value is not None
                    assert elsewhere.setdefault(node.id, node.value) == node.value, node.id
        assert all(told[id_] == value for id_, value in elsewhere.items() if id_ in told)
        for id_, value in sorted(elsewhere.items())[::every]:
            if id_ not in told:
                found = explanations.explain(id_)
                assert isinstance(found, Explained), id_
                assert found.node.value == value, id_
                assert not recompute(found.node), (id_, recompute(found.node))
    return len(told)


@pytest.mark.parametrize("as_of", ["2026-02-08", "2026-03-01", None])
def test_every_figure_of_a_small_firm_is_explained(as_of: str | None) -> None:
    assert check(small_firm(), as_of) > 100


@pytest.mark.parametrize("place", [6, 13, 19])
def test_every_figure_of_a_simulated_firm_is_explained(place: int) -> None:
    """Its invoices, payments, credits, retainers, caps and companies of several currencies."""
    assert check(output(), f"offset:{moments()[place]}", every=50, told_every=1 if THOROUGH else 7) > 500


def test_no_per_cent_is_of_a_whole_below_zero() -> None:
    """8 h off and a capacity of -8 h: no utilisation, and nothing that an id of it would explain."""
    hours, capacity = Figure(8), Figure(-8)
    assert share(hours, capacity) is UNKNOWN
    assert percent_of({"hours": hours, "capacity": capacity}, "hours", "capacity") is UNKNOWN
