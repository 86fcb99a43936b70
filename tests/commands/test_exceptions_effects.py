"""The table of what becomes of an exception says what the fold does, and stands in the documents."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domain.caps.consumption import ConsumptionOrders
from domain.events.catalogue import ENTITIES
from domain.events.control import ExceptionResolved, ExceptionWaived
from domain.events.delivery import TimeApproved
from domain.exceptions import CATALOGUE, ExceptionCategory, owner_of, resolution_of, ways_out
from domain.outputs import ExceptionClosed, ExceptionRaised
from domain.reference.book import ReferenceBook
from domain.units import HOURS_ONE
from milepost.exceptions.effects import OVER, Effect, of_resolution, of_waiver
from state.books import Entry, Fault, JournalStanding, OpenException, StatementEntry, Work
from state.draft import Cause, Draft, Parts, nothing_known
from state.handlers.control import on_exception_resolved, on_exception_waived
from tests.exception_tables import KINDS, POSTED, WORK, EffectRow, markdown, not_resent, owners_markdown, rows

# Subjects of exceptions that are no entity of events.
ONLY_SUBJECTS = (
    "bill_to",
    "contract_ending",
    "contract_line",
    "draft",
    "engagement",
    "hold",
    "provision",
    "revaluation",
    "journal",
    "progress",
    "statement",
    "statement_request",
)
ROOT = Path(__file__).resolve().parents[2]
EXCEPTION = "E.0123"
ROWS = [row for row in rows() if row.category not in OVER]


class Entries:
    """One that waits, or none."""

    def __init__(self, entry: Entry | None) -> None:
        self.entry = entry
        self.orders: ConsumptionOrders = {}

    def get(self, entry_id: str) -> Entry | None:
        return self.entry

    def open_on(self, contract_id: str, line_id: str, since: str, until: str, person_id: str) -> list[Entry]:
        return []

    def parked(self) -> list[str]:
        return [self.entry.entry_id] if self.entry is not None else []

    def everything(self) -> Iterable[Entry]:
        return []

    def journal(self, journal_id: str) -> JournalStanding | None:
        return None

    def statement(self, statement_id: str) -> tuple[StatementEntry, ...]:
        return ()


def waiting(category: ExceptionCategory) -> Entry:
    about: dict[str, Any] = {
        "entry_id": "T",
        "version": 1,
        "project_id": "P",
        "person_id": "A",
        "worked_on": date(2026, 3, 2),
    }
    event = TimeApproved(event_id="e", occurred_at=1, source="test", **about, approved_by="B", hours=HOURS_ONE)
    return Entry("T", 1, Work(event, 0, faults=(Fault("whole", category, EXCEPTION),)))


def drafted(row: EffectRow) -> Draft:
    """Books that hold the exception of the row and nothing besides."""
    parts = Parts()
    if row.about != "work":
        kind = KINDS.get(row.about, row.about)
        parts = Parts([(("exception", EXCEPTION), OpenException(EXCEPTION, row.category, kind, "X"))])
    entries = Entries(waiting(row.category) if row.about == "work" else None)
    cause = Cause("exception", EXCEPTION, 1, "e", 1, 1, None, 0)
    return Draft("E", parts, entries, ReferenceBook(), cause, nothing_known(), None)


def decision(kind: type[Any]) -> Any:
    fields = {"event_id": "e", "occurred_at": 1, "source": "test", "exception_id": EXCEPTION, "version": 1}
    return kind(**fields, reason="so", requested_by="ann", approved_by="ben")


def told(draft: Draft) -> list[tuple[str, str]]:
    """What is said of the exception: closed for a reason, raised with a revision."""
    said = []
    for one in draft.outputs:
        match one:
            case ExceptionClosed(exception_id=id_) if id_ == EXCEPTION:
                said.append(("closed", one.reason))
            case ExceptionRaised(exception_id=id_) if id_ == EXCEPTION:
                said.append(("raised", ""))
            case _:
                pass
    return said


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.category} {row.about}")
def test_a_waiver_does_what_the_table_says(row: EffectRow) -> None:
    draft = drafted(row)
    on_exception_waived(draft, decision(ExceptionWaived))
    assert told(draft) == ([] if row.waive == Effect.REFUSED else [("closed", "waived")])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.category} {row.about}")
def test_a_resolution_does_what_the_table_says(row: EffectRow) -> None:
    draft = drafted(row)
    on_exception_resolved(draft, decision(ExceptionResolved))
    again = [("raised", "")] if row.resolve == Effect.COMES_BACK else []
    assert told(draft) == [("closed", "resolved"), *again]


def test_over_a_cap_both_accept_the_work_as_not_billed() -> None:
    """tests/scenarios/caps.md and parking.md show it in figures."""
    assert of_waiver("over_cap", "cap") is of_resolution("over_cap", "cap") is Effect.NOT_BILLED


def test_every_category_is_in_the_table() -> None:
    assert {row.category for row in rows()} == set(CATALOGUE)
    assert of_waiver("conflicting_version", WORK) is Effect.REFUSED
    assert of_waiver("conflicting_version", WORK, waits=False) is Effect.CLOSES
    assert KINDS[POSTED] == WORK


def test_the_tables_stand_in_the_documents() -> None:
    page = (ROOT / "docs" / "exceptions.md").read_text(encoding="utf-8")
    assert markdown() in page
    assert not_resent() in page
    assert owners_markdown() in page


def test_every_exception_is_in_the_row_of_its_owner() -> None:
    for category, subject_kind, _ in ways_out():
        owner = f"| {owner_of(category, subject_kind)} |"
        (row,) = [row for row in owners_markdown().splitlines() if row.startswith(owner)]
        assert f"`{category}`" in row


@pytest.mark.parametrize(
    ("category", "subject_kind", "role"),
    [
        ("conflicting_version", "payment", "finance"),
        ("conflicting_version", "contract", "commercial"),
        ("conflicting_version", "time_entry", "delivery"),
        ("self_approved", "credit_memo", "finance"),
        ("self_approved", "time_entry", "delivery"),
        ("unknown_reference", "contract", "commercial"),
        ("unknown_reference", "time_entry", "platform"),
        ("no_exchange_rate", "time_entry", "finance"),
        ("stale_exchange_rate", "invoice", "finance"),
        ("no_cost_rate", "time_entry", "finance"),
    ],
)
def test_an_exception_goes_to_whoever_can_settle_it(category: str, subject_kind: str, role: str) -> None:
    """Nobody in delivery corrects a payment, nor a contract; rates are published by finance."""
    assert owner_of(category, subject_kind) == role


def test_a_way_out_is_of_a_category_and_a_subject_that_there_are() -> None:
    """What only intake names waits for a record of some entity."""
    kinds = {*KINDS.values(), *(entity.kind for entity in ENTITIES.values()), *ONLY_SUBJECTS}
    for category, subject_kind, way_out in ways_out():
        assert category in CATALOGUE
        assert subject_kind in kinds | {""}, (category, subject_kind)
        assert way_out == resolution_of(category, subject_kind or "whatever")
