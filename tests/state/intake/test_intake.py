"""Events into the log: routed, kept waiting, told again, and with the ends of days between them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connectors.files.intake_store import IntakeStore
from domain.events.catalogue import Event
from domain.events.common import HoldScope, PaymentApplication
from domain.events.control import IntakeNoticed
from domain.events.delivery import BillingHoldPlaced, BillingHoldReleased, EstimateRevised, TimeApproved
from domain.events.finance import CreditMemoIssued, InvoicePosted, PaymentReceived
from domain.events.reference import IdentityLinked
from state.intake.directory import named_fact
from state.intake.intake import Intake, Ownership
from tests.intake_inputs import DAY, activated, amended, at, customer, entity, head, said, signed, withdrawn, worked


class Log:
    """A log in memory."""

    def __init__(self) -> None:
        self.records: list[tuple[str, Event, tuple[str, ...] | None]] = []

    def append(self, engagement_id: str, event: Event, own: tuple[str, ...] | None = None) -> int:
        self.records.append((engagement_id, event, own))
        return len(self.records) - 1

    def event_at(self, position: int) -> Event:
        return self.records[position][1]


class Taken:
    """An intake, and what it said since it was last asked."""

    def __init__(self, store: IntakeStore, ownership: Ownership | None = None) -> None:
        self.log = Log()
        self.intake = Intake(store, self.log, ownership or {}, store.clock(), 0)
        self.heard = 0

    def take(self, *events: Event) -> list[str]:
        for number, event in enumerate(events, start=1):
            self.intake.take(event, f"line {number}")
        return self.said()

    def said(self) -> list[str]:
        found = [said(engagement_id, event) for engagement_id, event, _ in self.log.records[self.heard :]]
        self.heard = len(self.log.records)
        return found

    def last(self) -> Any:
        return self.log.records[-1][1]


@pytest.fixture
def store() -> Iterator[IntakeStore]:
    found = IntakeStore(Path(":memory:"))
    yield found
    found.close()


def test_the_log_says_when_and_for_whom(store: IntakeStore) -> None:
    """`recorded_at` as given, else when it happened."""
    taken = Taken(store)
    assert taken.take(activated("2026-03-02 09:00", "P-1", "E-1")) == ["E-1 ProjectActivated P-1"]
    assert (taken.last().recorded_at, taken.last().engagement_id) == (at("2026-03-02 09:00"), "E-1")
    taken.take(worked("2026-03-02 09:00", "T-1", "P-1", recorded_at=at("2026-03-03 10:00")))
    assert (taken.last().recorded_at, taken.last().engagement_id) == (at("2026-03-03 10:00"), "E-1")
    taken.take(customer("2026-03-03 11:00"))
    assert (taken.last().recorded_at, taken.last().engagement_id) == (at("2026-03-03 11:00"), None)


def test_what_waits_goes_on_in_its_order_when_its_project_is_known(store: IntakeStore) -> None:
    taken = Taken(store)
    assert taken.take(
        worked("2026-03-02 09:00", "T-2", "P-1"),
        worked("2026-03-02 10:00", "T-1", "P-1"),
        worked("2026-03-02 11:00", "T-3", "P-2"),
    ) == ["P-1 IntakeNoticed unrouted P-1", "P-2 IntakeNoticed unrouted P-2"]
    assert store.waiting_count() == 3
    assert taken.take(activated("2026-03-03 09:00", "P-1", "E-1")) == [
        "E-1 ProjectActivated P-1",
        "E-1 TimeApproved T-2v1",
        "E-1 TimeApproved T-1v1",
        "P-1 IntakeNoticed unrouted P-1 cleared",
    ]
    assert store.waiting_count() == 1


def test_a_higher_version_with_the_right_project_ends_the_wait_of_a_wrong_one(store: IntakeStore) -> None:
    """T-1 named P-X by mistake, and T-2 too; nobody has to make a project of that name."""
    taken = Taken(store)
    taken.take(activated("2026-03-02 08:00", "P-1"))
    taken.take(worked("2026-03-02 09:00", "T-1", "P-X"), worked("2026-03-02 09:30", "T-2", "P-X"))
    assert taken.take(worked("2026-03-02 10:00", "T-1", "P-1", version=2)) == ["P-1 TimeApproved T-1v2"]
    assert store.waiting_count() == 1
    assert taken.take(worked("2026-03-02 11:00", "T-2", "P-1", version=2)) == [
        "P-1 TimeApproved T-2v2",
        "P-X IntakeNoticed unrouted P-X cleared",
    ]
    assert store.waiting_count() == 0
    assert taken.take(activated("2026-03-03 09:00", "P-X")) == ["P-X ProjectActivated P-X"]


def test_a_higher_version_that_waits_too_takes_the_place_of_the_lower_one(store: IntakeStore) -> None:
    """It waits under its own project; a lower version that comes late ends no wait."""
    taken = Taken(store)
    taken.take(worked("2026-03-02 09:00", "T-1", "P-X"))
    assert taken.take(worked("2026-03-02 10:00", "T-1", "P-1", version=3)) == [
        "P-1 IntakeNoticed unrouted P-1",
        "P-X IntakeNoticed unrouted P-X cleared",
    ]
    taken.take(worked("2026-03-02 11:00", "T-1", "P-1", version=2))
    assert store.waiting_count() == 2
    assert taken.take(activated("2026-03-03 09:00", "P-1")) == [
        "P-1 ProjectActivated P-1",
        "P-1 TimeApproved T-1v3",
        "P-1 TimeApproved T-1v2",
        "P-1 IntakeNoticed unrouted P-1 cleared",
    ]


def test_what_waited_keeps_its_own_time(store: IntakeStore) -> None:
    taken = Taken(store)
    taken.take(worked("2026-03-02 09:00", "T-1", "P-1"), activated("2026-03-03 09:00", "P-1"))
    (work,) = [event for _, event, _ in taken.log.records if isinstance(event, TimeApproved)]
    assert work.recorded_at == at("2026-03-02 09:00")


def test_one_thing_that_goes_on_lets_the_next_go_on(store: IntakeStore) -> None:
    """The withdrawal came first, the work that it withdraws waits for its project."""
    taken = Taken(store)
    taken.take(withdrawn("2026-03-02 08:00", "T-1"), worked("2026-03-02 09:00", "T-1", "P-1"))
    taken.said()
    assert taken.take(activated("2026-03-03 09:00", "P-1")) == [
        "P-1 ProjectActivated P-1",
        "P-1 TimeApproved T-1v1",
        "P-1 TimeWithdrawn T-1v2",
        "P-1 IntakeNoticed unrouted P-1 cleared",
        "T-1 IntakeNoticed unrouted T-1 cleared",
    ]


def test_a_notice_says_what_and_where(store: IntakeStore) -> None:
    taken = Taken(store)
    taken.take(worked("2026-03-02 09:00", "T-1", "P-1"))
    notice = taken.last()
    assert isinstance(notice, IntakeNoticed)
    assert (notice.source, notice.subject_kind, notice.project_id, notice.place) == (
        "intake",
        "project",
        "P-1",
        "line 1",
    )
    assert notice.message == "TimeApproved T-1 of 2026-03-02 waits: no engagement is known for project P-1"


def counts(taken: Taken) -> list[tuple[str, int, bool]]:
    """Of the notices so far: subject, events that wait, whether it is over."""
    events = [event for _, event, _ in taken.log.records if isinstance(event, IntakeNoticed)]
    return [(event.subject, event.event_count, event.cleared) for event in events]


def test_how_many_wait_is_said_when_a_day_ends(store: IntakeStore) -> None:
    """Three by the evening of March 2; none came on March 3."""
    taken = Taken(store)
    work = [worked(f"2026-03-02 1{number}:00", f"T-{number}", "P-1") for number in range(3)]
    taken.take(entity("2026-03-02 09:00"), *work, customer("2026-03-04 12:00"))
    assert counts(taken) == [("P-1", 1, False), ("P-1", 3, False)]
    told = [event for _, event, _ in taken.log.records if isinstance(event, IntakeNoticed)][-1]
    assert told.message == (
        "3 events wait, the first TimeApproved T-0 of 2026-03-02: no engagement is known for project P-1"
    )
    assert told.recorded_at == at("2026-03-02 23:00")
    taken.take(activated("2026-03-05 09:00", "P-1"), customer("2026-03-06 12:00"))
    assert counts(taken)[2:] == [("P-1", 3, True)]


def test_the_first_that_waits_is_one_of_those_counted(store: IntakeStore) -> None:
    """The credit waits for its invoice, which its project could tell as well; of the project two pieces of work wait, then one."""
    taken = Taken(store)
    credit = CreditMemoIssued(
        **head("2026-03-02 09:30"), credit_memo_id="CM-1", invoice_id="INV-9", kind="goodwill", lines=(), issued_on=DAY,
        requested_by="ben", approved_by="ann", project_id="P-1",
    )  # fmt: skip
    work = [worked(f"2026-03-02 1{number}:00", f"T-{number}", "P-1") for number in range(2)]
    taken.take(entity("2026-03-02 09:00"), credit, *work, customer("2026-03-04 12:00"))

    def last_said() -> str | None:
        told = [event for _, event, _ in taken.log.records if isinstance(event, IntakeNoticed)]
        return [event.message for event in told if event.subject == "P-1"][-1]

    missing = "no engagement is known for project P-1"
    assert last_said() == f"2 events wait, the first TimeApproved T-0 of 2026-03-02: {missing}"
    moved = work[0]._replace(event_id="again", version=2, project_id="P-2", recorded_at=at("2026-03-04 13:00"))
    taken.take(moved, customer("2026-03-06 12:00"))
    assert last_said() == f"1 event waits, the first TimeApproved T-1 of 2026-03-02: {missing}"


def test_a_fact_is_named_by_its_own_day_and_ids() -> None:
    """23:30 UTC is the next day in Berlin; approval comes a month later. What of an id is not stated is left out."""
    work = worked("2026-03-02 09:00", "T-1", "P-1")._replace(worked_on=None, started_at=at("2026-01-31 23:30"))
    assert named_fact(work._replace(zone="Europe/Berlin")) == "TimeApproved T-1 of 2026-02-01"
    assert named_fact(work) == "TimeApproved T-1 of 2026-01-31"
    fields = head("2026-03-02 09:00")
    estimate = EstimateRevised(**fields, project_id="BRIDGE.1", version=1, as_of=date(2026, 2, 28), remaining=())
    assert named_fact(estimate) == "EstimateRevised BRIDGE.1 of 2026-02-28"


def test_counting_goes_on_where_it_was(store: IntakeStore) -> None:
    """After a restart."""
    taken = Taken(store)
    taken.take(entity("2026-03-02 09:00"))
    taken.take(worked("2026-03-02 10:00", "T-1", "P-1"), worked("2026-03-02 11:00", "T-2", "P-1"))
    store.keep_clock(taken.intake.clock)
    again = Taken(store)
    again.intake.end_days_until(DAY)
    assert counts(again) == [("P-1", 2, False)]


def test_what_waits_for_several_things_says_for_which(store: IntakeStore) -> None:
    """A payment of two invoices: the first one is known, so that it now waits for the second."""
    taken = Taken(store)
    applied = tuple(PaymentApplication(invoice, 10_000) for invoice in ("I-1", "I-2"))
    payment = PaymentReceived(
        **head("2026-03-02 10:00"),
        payment_id="PAY",
        customer_id="ACME",
        amount=20_000,
        currency="EUR",
        received_on=DAY,
        applications=applied,
    )
    taken.take(payment)
    assert counts(taken) == [("I-1", 1, False)]
    taken.take(posted("2026-03-03 10:00", "I-1", "E-1.K/ACME/2026-02-01/1"))
    assert counts(taken)[1:] == [("I-2", 1, False), ("I-1", 1, True)]
    taken.take(posted("2026-03-04 10:00", "I-2", "E-1.K/ACME/2026-02-01/2"))
    assert counts(taken)[3:] == [("I-2", 1, True)]
    assert store.waiting_count() == 0


def posted(when: str, invoice_id: str, statement_id: str) -> InvoicePosted:
    return InvoicePosted(
        **head(when), invoice_id=invoice_id, posted_on=DAY, amount=10_000, tax_amount=0, statement_id=statement_id
    )


def test_who_joins_a_contract_is_told_what_was_agreed_before(store: IntakeStore) -> None:
    """The new engagement needs the terms that the amendment inherits; none of the old lines are its own."""
    taken = Taken(store)
    taken.take(signed("2026-03-02 09:00", "C-1", "P-1"), activated("2026-03-02 10:00", "P-9"))
    assert taken.take(amended("2026-03-03 09:00", "C-1", "P-1", "P-9")) == [
        "P-9 ContractSigned C-1v1",
        "C-1 ContractAmended C-1v2",
        "P-9 ContractAmended C-1v2",
    ]
    shares = [(engagement_id, own) for engagement_id, _, own in taken.log.records[-3:]]
    assert shares == [("P-9", ()), ("C-1", ("P-1",)), ("P-9", ("P-9",))]
    assert taken.log.records[-3][1].engagement_id == "P-9"
    assert taken.take(amended("2026-03-04 09:00", "C-1", version=3)) == [
        "C-1 ContractAmended C-1v3",
        "P-9 ContractAmended C-1v3",
    ]


def test_a_hold_on_a_party_reaches_its_later_contracts(store: IntakeStore) -> None:
    """And so does its release, although that names no scope."""
    taken = Taken(store)
    hold = BillingHoldPlaced(
        **head("2026-03-02 10:00"),
        hold_id="H",
        version=1,
        scope=HoldScope("bill_to", "ACME"),
        placed_on=DAY,
        reason="r",
    )
    release = BillingHoldReleased(**head("2026-03-04 10:00"), hold_id="H", version=2)
    taken.take(signed("2026-03-02 09:00", "C-1", "P-1"), hold)
    assert taken.take(signed("2026-03-03 09:00", "C-2", "P-2")) == ["C-2 BillingHoldPlaced", "C-2 ContractSigned C-2v1"]
    assert taken.take(release) == ["C-1 BillingHoldReleased", "C-2 BillingHoldReleased"]
    assert taken.take(signed("2026-03-05 09:00", "C-3", "P-3")) == [
        "C-3 BillingHoldPlaced",
        "C-3 BillingHoldReleased",
        "C-3 ContractSigned C-3v1",
    ]


def test_only_its_owners_state_a_fact(store: IntakeStore) -> None:
    """The notice is closed when an owner speaks."""
    taken = Taken(store, {"time_entry": ("kantata",)})
    taken.take(activated("2026-03-02 08:00", "P-1"))
    assert taken.take(worked("2026-03-02 09:00", "T-1", "P-1", source="excel")) == [
        "T-1 IntakeNoticed not_authoritative T-1"
    ]
    assert "excel may not state it, only kantata" in taken.last().message
    assert taken.take(worked("2026-03-02 10:00", "T-1", "P-1", source="kantata")) == [
        "T-1 IntakeNoticed not_authoritative T-1 cleared",
        "P-1 TimeApproved T-1v1",
    ]


def test_owners_of_what_is_no_entity_are_refused(store: IntakeStore) -> None:
    with pytest.raises(ValueError, match="timesheet"):
        Taken(store, {"timesheet": ("kantata",)})


def linked(when: str, kind: str, source_id: str, canonical_id: str, version: int = 1) -> IdentityLinked:
    return IdentityLinked(
        **head(when, "kantata"), kind=kind, canonical_id=canonical_id, source_id=source_id, version=version
    )


def test_a_sources_ids_become_ours(store: IntakeStore) -> None:
    taken = Taken(store)
    taken.take(activated("2026-03-02 08:00", "P-1"))
    taken.take(linked("2026-03-02 08:30", "project", "4711", "P-1"), linked("2026-03-02 08:30", "person", "17", "ADA"))
    taken.said()
    assert taken.take(worked("2026-03-02 09:00", "T-1", "4711", "kantata", person_id="17")) == [
        "P-1 TimeApproved T-1v1"
    ]
    assert (taken.last().project_id, taken.last().person_id) == ("P-1", "ADA")
    assert taken.take(worked("2026-03-02 09:00", "T-2", "4711", "excel")) == ["4711 IntakeNoticed unrouted 4711"]


def test_a_lower_version_of_a_link_changes_nothing(store: IntakeStore) -> None:
    taken = Taken(store)
    taken.take(
        linked("2026-03-02 08:00", "project", "4711", "P-2", 2), linked("2026-03-02 08:01", "project", "4711", "P-1")
    )
    taken.take(worked("2026-03-02 09:00", "T-1", "4711", "kantata", engagement_id="E"))
    assert taken.last().project_id == "P-2"


def test_what_waits_for_a_sources_id_goes_on_when_it_is_linked(store: IntakeStore) -> None:
    taken = Taken(store)
    taken.take(activated("2026-03-02 08:00", "P-1"), worked("2026-03-02 09:00", "T-1", "4711", "kantata"))
    taken.said()
    assert taken.take(linked("2026-03-03 08:00", "project", "4711", "P-1")) == [
        "* IdentityLinked",
        "P-1 TimeApproved T-1v1",
        "4711 IntakeNoticed unrouted 4711 cleared",
    ]


def test_a_project_that_is_claimed_twice_is_noticed_where_it_is(store: IntakeStore) -> None:
    taken = Taken(store)
    assert taken.take(activated("2026-03-02 08:00", "P-1", "E-1"), activated("2026-03-02 09:00", "P-1", "E-2")) == [
        "E-1 ProjectActivated P-1",
        "E-1 ProjectActivated P-1",
        "E-1 IntakeNoticed project_already_bound P-1",
    ]


def test_a_lower_version_for_a_project_of_another_engagement_is_dropped(store: IntakeStore) -> None:
    """Version 2 is of E-2 and counts there: nobody has to do anything about version 1, which named a project of E-1."""
    taken = Taken(store)
    taken.take(activated("2026-03-02 08:00", "P-1", "E-1"), activated("2026-03-02 08:00", "P-2", "E-2"))
    taken.said()
    assert taken.take(worked("2026-03-02 09:00", "T-1", "P-2", version=2)) == ["E-2 TimeApproved T-1v2"]
    assert taken.take(worked("2026-03-02 10:00", "T-1", "P-1")) == []
    assert taken.take(worked("2026-03-02 11:00", "T-1", "P-1", version=3)) == [
        "E-2 TimeApproved T-1v3",
        "E-2 IntakeNoticed project_already_bound T-1",
    ]


def test_a_lower_version_is_dropped_after_a_withdrawal_too(store: IntakeStore) -> None:
    taken = Taken(store)
    taken.take(activated("2026-03-02 08:00", "P-1", "E-1"), activated("2026-03-02 08:00", "P-2", "E-2"))
    taken.take(worked("2026-03-02 09:00", "T-1", "P-2"), withdrawn("2026-03-02 10:00", "T-1", 3))
    assert taken.take(worked("2026-03-02 11:00", "T-1", "P-1", version=2)) == []


def test_a_lower_version_leaves_the_notice_of_a_higher_one(store: IntakeStore) -> None:
    """Version 3 is what stands, and is refused; version 2, though of the right project, says nothing any more."""
    taken = Taken(store)
    taken.take(activated("2026-03-02 08:00", "P-1", "E-1"), activated("2026-03-02 08:00", "P-2", "E-2"))
    taken.take(worked("2026-03-02 09:00", "T-1", "P-1"), worked("2026-03-02 10:00", "T-1", "P-2", version=3))
    assert taken.take(worked("2026-03-02 11:00", "T-1", "P-1", version=2)) == ["E-1 TimeApproved T-1v2"]
    assert taken.take(worked("2026-03-02 12:00", "T-1", "P-1", version=4)) == [
        "E-1 TimeApproved T-1v4",
        "E-1 IntakeNoticed project_already_bound T-1 cleared",
    ]


def test_days_end_before_the_first_record_of_the_next(store: IntakeStore) -> None:
    """Midnight itself belongs to the next day; what is recorded late comes after the end all the same."""
    taken = Taken(store)
    assert taken.take(
        entity("2026-03-28 12:00"),
        customer("2026-03-28 22:59"),
        customer("2026-03-28 23:00"),
        customer("2026-03-28 12:00"),
        customer("2026-03-29 22:00"),
    ) == [
        "* LegalEntityDefined LE",
        "* CustomerDefined",
        "* DayEnded Europe/Berlin 2026-03-28",
        "* CustomerDefined",
        "* CustomerDefined",
        "* DayEnded Europe/Berlin 2026-03-29",
        "* CustomerDefined",
    ]


def test_no_day_is_left_out(store: IntakeStore) -> None:
    taken = Taken(store)
    taken.take(entity("2026-03-01 12:00"), entity("2026-03-01 12:00", "America/New_York", "US"))
    taken.said()
    assert taken.take(customer("2026-03-03 05:00")) == [
        "* DayEnded Europe/Berlin 2026-03-01",
        "* DayEnded America/New_York 2026-03-01",
        "* DayEnded Europe/Berlin 2026-03-02",
        "* DayEnded America/New_York 2026-03-02",
        "* CustomerDefined",
    ]
    assert taken.intake.days_ended == 4


def test_a_zone_named_late_begins_with_the_day_that_is_reached(store: IntakeStore) -> None:
    """Also where the event that names it was recorded earlier."""
    taken = Taken(store)
    taken.take(customer("2026-03-05 12:00"), entity("2026-03-01 12:00"))
    taken.said()
    assert taken.take(customer("2026-03-06 12:00")) == ["* DayEnded Europe/Berlin 2026-03-05", "* CustomerDefined"]


def test_until_ends_a_day_everywhere(store: IntakeStore) -> None:
    taken = Taken(store)
    taken.take(entity("2026-03-01 12:00"), entity("2026-03-01 12:00", "America/New_York", "US"))
    taken.said()
    taken.intake.end_days_until(date(2026, 3, 1))
    assert taken.said() == ["* DayEnded Europe/Berlin 2026-03-01", "* DayEnded America/New_York 2026-03-01"]
    taken.intake.end_days_until(date(2026, 3, 1))
    assert taken.said() == []
    assert taken.intake.latest == at("2026-03-02 05:00")


def test_without_a_zone_no_day_ends(store: IntakeStore) -> None:
    taken = Taken(store)
    assert taken.take(customer("2026-03-01 12:00"), customer("2026-04-01 12:00")) == ["* CustomerDefined"] * 2
    taken.intake.end_days_until(date(2026, 4, 30))
    assert taken.said() == []
