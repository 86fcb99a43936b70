"""What belongs to which engagement."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from domain.events.catalogue import EVENTS, Event
from domain.events.commercial import BalancesBroughtForward, ContractAmended, ContractSigned, ContractTerminated
from domain.events.common import (
    BillTo,
    ContractLine,
    Funding,
    FundingSource,
    HoldScope,
    Milestone,
    Milestones,
    PaymentApplication,
    ReceivableForward,
    StatementReference,
    TimeAndMaterials,
)
from domain.events.control import ExceptionWaived, StatementApproved
from domain.events.delivery import (
    BillingHoldPlaced,
    BillingHoldReleased,
    ExpenseWithdrawn,
    MilestoneAccepted,
    ProgressReported,
    ProjectActivated,
    ProjectClosed,
    ResourceAssigned,
    StatementRequested,
    TimeApproved,
    TimeWithdrawn,
    UnitsDelivered,
)
from domain.events.finance import (
    ControlTotal,
    CreditMemoIssued,
    InvoicePosted,
    PaymentApplied,
    PaymentReceived,
    PaymentReversed,
    PostingAccepted,
    RevenueAdjusted,
    WrittenOff,
)
from domain.identity import derived_id, statement_id
from state.intake.directory import _ROUTES, EVERYWHERE, Link, Route, Routed, Unrouted, route

DAY = date(2026, 3, 2)
HEAD: Mapping[str, Any] = {"event_id": "e", "occurred_at": 1_772_000_000_000_000, "source": "test"}


class Known:
    """A directory in memory."""

    def __init__(self, *links: tuple[str, str, str]) -> None:
        self.found: dict[tuple[str, str], set[str]] = {}
        self.add([Link(*link) for link in links])

    def add(self, links: Any) -> None:
        for kind, key, engagement_id in links:
            self.found.setdefault((kind, key), set()).add(engagement_id)

    def engagements(self, kind: str, key: str) -> tuple[str, ...]:
        return tuple(sorted(self.found.get((kind, key), ())))

    def take(self, event: Event) -> Route:
        """Route it and remember what it links."""
        found = route(self, event)
        if isinstance(found, Routed):
            self.add(found.links)
        return found


def activated(project_id: str, engagement_id: str | None = None) -> ProjectActivated:
    return ProjectActivated(
        **HEAD,
        project_id=project_id,
        version=1,
        name=project_id,
        legal_entity_id="LE",
        starts_on=DAY,
        engagement_id=engagement_id,
    )


def line(line_id: str, project_id: str, *milestones: str) -> ContractLine:
    terms = Milestones(tuple(Milestone(each, each, 1, DAY) for each in milestones))
    return ContractLine(line_id, project_id, terms if milestones else TimeAndMaterials())


def signed(contract_id: str, *lines: ContractLine, **more: Any) -> ContractSigned:
    return ContractSigned(
        **HEAD,
        contract_id=contract_id,
        version=1,
        customer_id="ACME",
        legal_entity_id="LE",
        currency="EUR",
        signed_on=DAY,
        starts_on=DAY,
        lines=lines,
        **more,
    )


def amended(contract_id: str, *lines: ContractLine, **more: Any) -> ContractAmended:
    return ContractAmended(
        **HEAD,
        contract_id=contract_id,
        version=2,
        replaces_version=1,
        effective_on=DAY,
        treatment="prospective",
        lines=lines or None,
        **more,
    )


def worked(entry_id: str, project_id: str, **more: Any) -> TimeApproved:
    return TimeApproved(
        **HEAD, entry_id=entry_id, version=1, project_id=project_id, person_id="ADA", approved_by="BOB", **more
    )


def paid(*invoices: str, **more: Any) -> PaymentReceived:
    applications = tuple(PaymentApplication(invoice, 100) for invoice in invoices)
    return PaymentReceived(
        **HEAD,
        payment_id="PAY",
        customer_id="ACME",
        amount=100,
        currency="EUR",
        received_on=DAY,
        applications=applications,
        **more,
    )


def applied(*invoices: str, **more: Any) -> PaymentApplied:
    applications = tuple(PaymentApplication(invoice, 100) for invoice in invoices)
    return PaymentApplied(
        **HEAD,
        application_id="AP",
        payment_id="PAY",
        customer_id="ACME",
        currency="EUR",
        applied_on=DAY,
        applications=applications,
        **more,
    )


def test_every_event_has_a_way() -> None:
    assert set(_ROUTES) == set(EVENTS.values())


def test_a_project_is_its_own_engagement_unless_its_activation_names_one() -> None:
    known = Known()
    assert known.take(activated("P-1")) == Routed(("P-1",), (Link("project", "P-1", "P-1"),))
    assert known.take(activated("P-2", "E-9")) == Routed(("E-9",), (Link("project", "P-2", "E-9"),))


def test_a_project_is_bound_once() -> None:
    """Another engagement is noticed and changes nothing; an activation that names none claims nothing."""
    known = Known(("project", "P-1", "E-1"))
    assert known.take(activated("P-1")) == Routed(("E-1",))
    found = known.take(activated("P-1", "E-2"))
    assert isinstance(found, Routed)
    assert (found.engagements, found.links) == (("E-1",), ())
    assert [(notice.category, notice.subject) for notice in found.notices] == [("project_already_bound", "P-1")]
    assert "E-1" in found.notices[0].message
    assert "E-2" in found.notices[0].message


def test_a_contract_is_the_engagement_of_its_unbound_projects() -> None:
    known = Known()
    found = known.take(signed("C-1", line("1", "P-1"), line("2", "P-2")))
    assert isinstance(found, Routed)
    assert (found.engagements, found.own) == (("C-1",), None)
    assert known.engagements("project", "P-1") == known.engagements("project", "P-2") == ("C-1",)
    assert known.take(activated("P-1")) == Routed(("C-1",))


def test_unbound_projects_join_the_first_line_whose_project_is_bound() -> None:
    known = Known(("project", "P-2", "E-2"), ("project", "P-3", "E-3"))
    found = known.take(signed("C-1", line("1", "P-1"), line("2", "P-2"), line("3", "P-3")))
    assert isinstance(found, Routed)
    assert found.engagements == ("E-2", "E-3")
    assert found.own == {"E-2": ("P-1", "P-2"), "E-3": ("P-3",)}
    assert known.engagements("project", "P-1") == ("E-2",)
    assert known.engagements("contract", "C-1") == ("E-2", "E-3")


def test_a_contract_that_names_an_engagement_brings_its_unbound_projects_there() -> None:
    known = Known()
    assert known.take(signed("C-1", line("1", "P-1"), engagement_id="E-7")).engagements == ("E-7",)  # type: ignore[union-attr]
    assert known.engagements("project", "P-1") == ("E-7",)


def test_an_amendment_with_a_new_project_stays_with_its_contract() -> None:
    known = Known()
    known.take(signed("C-1", line("1", "P-1"), engagement_id="E-7"))
    assert known.take(amended("C-1", line("1", "P-8"))).engagements == ("E-7",)  # type: ignore[union-attr]
    assert known.engagements("project", "P-8") == ("E-7",)


def test_an_amendment_reaches_where_the_contract_was_and_where_it_is_now() -> None:
    known = Known(("project", "P-9", "E-9"))
    known.take(signed("C-1", line("1", "P-1")))
    found = known.take(amended("C-1", line("1", "P-9")))
    assert isinstance(found, Routed)
    assert found.own == {"C-1": (), "E-9": ("P-9",)}
    assert Link("contract", "C-1", "E-9") in found.links


def test_an_amendment_without_lines_follows_its_contract() -> None:
    known = Known()
    assert known.take(amended("C-1")) == Unrouted((("contract", "C-1"),))
    known.take(signed("C-1", line("1", "P-1")))
    assert known.take(amended("C-1")).engagements == ("C-1",)  # type: ignore[union-attr]
    ended = ContractTerminated(**HEAD, contract_id="C-1", version=3, effective_on=DAY)
    asked = StatementRequested(**HEAD, request_id="R", contract_id="C-1")
    assert known.take(ended) == Routed(("C-1",), remembered=(("contract", "C-1"),))
    assert known.take(asked) == Routed(("C-1",))


def test_work_waits_for_its_project() -> None:
    known = Known()
    assert known.take(worked("T-1", "P-1")) == Unrouted((("project", "P-1"),))
    known.take(activated("P-1"))
    assert known.take(worked("T-1", "P-1")) == Routed(("P-1",), (Link("time_entry", "T-1", "P-1"),))


def test_an_engagement_on_work_routes_it_and_binds_its_project() -> None:
    """Else the contract or activation that comes later would have the project in a second engagement."""
    known = Known()
    assert known.take(worked("T-1", "P-1", engagement_id="E-1")).engagements == ("E-1",)  # type: ignore[union-attr]
    assert known.engagements("project", "P-1") == ("E-1",)
    found = known.take(activated("P-1", "E-2"))
    assert isinstance(found, Routed)
    assert (found.engagements, found.notices[0].category) == (("E-1",), "project_already_bound")
    assert known.take(worked("T-2", "P-1", engagement_id="E-2")).engagements == ("E-1",)  # type: ignore[union-attr]
    assert known.take(signed("C-1", line("1", "P-2"), line("2", "P-1"))).engagements == ("E-1",)  # type: ignore[union-attr]
    assert known.engagements("project", "P-2") == ("E-1",)


@pytest.mark.parametrize(
    "said",
    [
        ResourceAssigned(
            **HEAD,
            assignment_id="A",
            version=1,
            project_id="P-1",
            person_id="ann",
            role="dev",
            starts_on=DAY,
            engagement_id="E-1",
        ),
        ProjectClosed(**HEAD, project_id="P-1", version=2, ends_on=DAY, engagement_id="E-1"),
        TimeWithdrawn(**HEAD, entry_id="T-1", version=2, project_id="P-1", engagement_id="E-1"),
        UnitsDelivered(
            **HEAD,
            delivery_id="D",
            version=1,
            line_id="L",
            project_id="P-1",
            units=1,
            delivered_on=DAY,
            engagement_id="E-1",
        ),
    ],
)
def test_what_is_said_of_a_project_in_an_engagement_binds_it(said: Event) -> None:
    known = Known()
    known.take(said)
    assert known.engagements("project", "P-1") == ("E-1",)
    assert known.take(activated("P-1")).engagements == ("E-1",)  # type: ignore[union-attr]


def test_a_later_version_goes_where_the_entry_is() -> None:
    """Of a project of another engagement nothing of it counts, and somebody is told."""
    known = Known(("project", "P-1", "E-1"), ("project", "P-2", "E-2"), ("project", "P-3", "E-1"))
    known.take(worked("T-1", "P-1"))
    entry = ("time_entry", "T-1")
    assert known.take(worked("T-1", "P-3")) == Routed(("E-1",), in_place=entry)
    found = known.take(worked("T-1", "P-2"))
    assert isinstance(found, Routed)
    assert (found.engagements, found.own, found.links) == (("E-1",), {"E-1": ()}, ())
    assert [(notice.category, notice.subject_kind, notice.subject) for notice in found.notices] == [
        ("project_already_bound", *entry)
    ]
    remembered = (("time_entry/version", "T-1"),)
    gone = TimeWithdrawn(**HEAD, entry_id="T-1", version=2)
    assert known.take(gone) == Routed(("E-1",), in_place=entry, remembered=remembered)


def test_a_later_version_binds_a_project_that_nothing_has_bound() -> None:
    known = Known(("project", "P-1", "E-1"))
    known.take(worked("T-1", "P-1"))
    known.take(worked("T-1", "P-9"))
    assert known.take(activated("P-9")).engagements == ("E-1",)  # type: ignore[union-attr]


def test_a_withdrawal_may_come_first() -> None:
    known = Known(("project", "P-1", "E-1"))
    gone = TimeWithdrawn(**HEAD, entry_id="T-1", version=2)
    assert known.take(gone) == Unrouted((("time_entry", "T-1"),))
    link = Link("time_entry", "T-1", "E-1")
    assert known.take(gone._replace(project_id="P-1")) == Routed(
        ("E-1",), (link,), in_place=("time_entry", "T-1"), remembered=(("time_entry/version", "T-1"),)
    )
    expense = ExpenseWithdrawn(**HEAD, expense_id="X-1", version=2)
    assert known.take(expense) == Unrouted((("expense", "X-1"),))


def test_ids_that_we_made_route_themselves() -> None:
    """An engagement's id may hold the separator itself."""
    known = Known()
    statement = statement_id("E.1", "C-1", "ACME", "2026-03-01", 1)
    exception = derived_id("E/2", "anything")
    waiver = ExceptionWaived(
        **HEAD, exception_id=exception, version=1, reason="ok", requested_by="ADA", approved_by="BOB"
    )
    approval = StatementApproved(**HEAD, statement_id=statement, revision=1, approved_by="BOB")
    assert known.take(approval) == Routed(("E.1",))
    assert known.take(waiver) == Routed(("E/2",))
    assert known.take(waiver._replace(exception_id=derived_id("", "of reference data"))) == EVERYWHERE
    assert known.take(waiver._replace(exception_id="none-of-ours")) == Unrouted((("exception", "none-of-ours"),))


def test_a_batch_of_journals_is_split() -> None:
    first, second = derived_id("E-1", 1), derived_id("E-2", 2)
    batch = PostingAccepted(
        **HEAD, erp="sap", attempt=1, erp_reference="9", posted_on=DAY, batch_id="B", journals=(second, first)
    )
    assert route(Known(), batch) == Routed(("E-1", "E-2"), own={"E-1": (first,), "E-2": (second,)})
    assert route(Known(), batch._replace(journals=(first,))) == Routed(("E-1",))
    assert route(Known(), batch._replace(journal_id=first)) == route(Known(), batch), "the batch says more"
    assert route(Known(), batch._replace(journal_id=first, journals=())) == Routed(("E-1",))


def test_an_invoice_belongs_to_its_statements_engagement() -> None:
    known = Known(("contract", "C-2", "E-2"))
    posted = InvoicePosted(
        **HEAD,
        invoice_id="I-1",
        posted_on=DAY,
        amount=1,
        statement_id=statement_id("E-1", "C-1", "ACME", "2026-03-01", 1),
    )
    assert known.take(posted) == Routed(("E-1",), (Link("invoice", "I-1", "E-1"),))
    by_parts = posted._replace(invoice_id="I-2", statement_id=None, statement=StatementReference("C-2", DAY, 1))
    assert known.take(by_parts) == Routed(("E-2",), (Link("invoice", "I-2", "E-2"),))
    memo = CreditMemoIssued(
        **HEAD, credit_memo_id="M", invoice_id="I-1", kind="goodwill", lines=(), issued_on=DAY, requested_by="ADA"
    )
    assert known.take(memo) == Routed(("E-1",))
    assert known.take(memo._replace(invoice_id="I-9")) == Unrouted((("invoice", "I-9"),))


def test_invoices_that_balances_bring_are_paid_where_the_project_is() -> None:
    known = Known(("project", "P", "E-1"))
    open_ = ReceivableForward("INV-7", DAY, net=1_000_0000, open=1_190_0000)
    brought = BalancesBroughtForward(
        **HEAD, engagement_id="E-1", project_id="P", version=1, as_of=DAY, lines=(), receivables=(open_,)
    )
    assert known.take(brought) == Routed(("E-1",), (Link("invoice", "INV-7", "E-1"),))
    found = known.take(paid("INV-7"))
    assert isinstance(found, Routed)
    assert found.engagements == ("E-1",)


def test_a_payment_reaches_every_engagement_that_it_pays() -> None:
    known = Known(("invoice", "I-1", "E-1"), ("invoice", "I-2", "E-2"))
    found = known.take(paid("I-2", "I-1"))
    assert isinstance(found, Routed)
    assert (found.engagements, found.own) == (("E-1", "E-2"), {"E-1": ("I-1",), "E-2": ("I-2",)})
    reversed_ = known.take(PaymentReversed(**HEAD, payment_id="PAY"))
    assert isinstance(reversed_, Routed)
    assert (reversed_.engagements, reversed_.own) == (("E-1", "E-2"), None)


def test_a_payment_waits_for_the_invoices_that_it_names() -> None:
    known = Known(("invoice", "I-1", "E-1"))
    assert known.take(paid("I-1", "I-2")) == Unrouted((("invoice", "I-2"),))


def test_an_unapplied_payment_stands_with_the_customers_first_engagement() -> None:
    known = Known()
    assert known.take(paid()) == Unrouted((("bill_to", "ACME"),))
    known.take(signed("C-1", line("1", "P-1")))
    assert known.take(paid()).engagements == ("C-1",)  # type: ignore[union-attr]
    assert known.take(paid(engagement_id="E-5")).engagements == ("E-5",)  # type: ignore[union-attr]


def test_an_application_goes_to_its_payment_and_to_its_invoices() -> None:
    known = Known(("invoice", "I-1", "E-1"), ("invoice", "I-2", "E-2"))
    assert known.take(applied("I-2")) == Unrouted((("payment", "PAY"),))
    known.take(paid(engagement_id="E-1"))
    assert known.take(applied("I-1")).own is None  # type: ignore[union-attr]
    assert known.take(applied("I-3")) == Unrouted((("invoice", "I-3"),))
    found = known.take(applied("I-2"))
    assert isinstance(found, Routed)
    assert (found.engagements, found.own) == (("E-1", "E-2"), {"E-1": (), "E-2": ("I-2",)})
    assert known.take(PaymentReversed(**HEAD, payment_id="PAY")).engagements == ("E-1", "E-2")  # type: ignore[union-attr]


def test_of_a_payment_that_was_taken_back_nothing_goes_to_other_engagements() -> None:
    known = Known(("invoice", "I-1", "E-1"), ("invoice", "I-2", "E-2"))
    known.take(paid("I-1"))
    known.take(PaymentReversed(**HEAD, payment_id="PAY"))
    assert known.take(applied("I-2")) == Routed(("E-1",))


def test_a_write_off_is_split_by_its_entries() -> None:
    known = Known(("time_entry", "T-1", "E-1"), ("expense", "X-1", "E-2"))
    lost = WrittenOff(
        **HEAD,
        write_off_id="W",
        what="unbilled",
        amount=1,
        currency="EUR",
        written_off_on=DAY,
        reason="old",
        requested_by="ADA",
        entries=("T-1", "X-1"),
    )
    assert known.take(lost) == Routed(("E-1", "E-2"), own={"E-1": ("T-1",), "E-2": ("X-1",)})
    unknown = (("time_entry", "T-9"), ("expense", "T-9"), ("delivery", "T-9"))
    assert known.take(lost._replace(entries=("T-9",))) == Unrouted(unknown)
    assert known.take(lost._replace(entries=("expense/X-1",))).engagements == ("E-2",)  # type: ignore[union-attr]


def test_money_of_a_line_goes_to_one_engagement() -> None:
    known = Known(("project", "P-1", "E-1"), ("project", "P-2", "E-2"))
    known.take(signed("C-1", line("1", "P-1"), line("2", "P-2")))
    adjusted = RevenueAdjusted(
        **HEAD,
        adjustment_id="A",
        contract_id="C-1",
        line_id="2",
        amount=1,
        currency="EUR",
        adjusted_on=DAY,
        reason="r",
        requested_by="ADA",
    )
    assert known.take(adjusted) == Routed(("E-2",))
    assert isinstance(known.take(adjusted._replace(line_id="3")), Unrouted)


def test_a_milestone_id_that_two_contracts_use_needs_more() -> None:
    known = Known()
    known.take(signed("C-1", line("1", "P-1", "GO-LIVE")))
    accepted = MilestoneAccepted(**HEAD, milestone_id="GO-LIVE", version=1, accepted_on=DAY, approved_by="BOB")
    assert known.take(accepted) == Routed(("C-1",))
    known.take(signed("C-2", line("1", "P-2", "GO-LIVE")))
    assert isinstance(known.take(accepted), Unrouted)
    assert known.take(accepted._replace(project_id="P-2")) == Routed(("C-2",))
    assert known.take(accepted._replace(contract_id="C-1", line_id="1")) == Routed(("C-1",))


def test_progress_and_units_follow_their_line() -> None:
    known = Known()
    known.take(signed("C-1", line("L-1", "P-1")))
    progress = ProgressReported(**HEAD, line_id="L-1", version=1, percent=1, as_of=DAY)
    units = UnitsDelivered(**HEAD, delivery_id="D-1", version=1, line_id="L-1", units=1, delivered_on=DAY)
    assert known.take(progress) == Routed(("C-1",))
    assert known.take(units) == Routed(("C-1",), (Link("delivery", "D-1", "C-1"),))
    later = known.take(units._replace(version=2, line_id="L-2"))
    assert later == Routed(("C-1",), remembered=(("delivery/version", "D-1"),))


def test_an_assignment_that_moves_is_told_where_it_was() -> None:
    known = Known(("project", "P-1", "E-1"), ("project", "P-2", "E-2"))
    planned = ResourceAssigned(
        **HEAD, assignment_id="A", version=1, project_id="P-1", person_id="ADA", role="senior", starts_on=DAY
    )
    assert known.take(planned).own is None  # type: ignore[union-attr]
    moved = known.take(planned._replace(version=2, project_id="P-2"))
    assert isinstance(moved, Routed)
    assert (moved.engagements, moved.own) == (("E-1", "E-2"), {"E-1": (), "E-2": ("P-2",)})


@pytest.mark.parametrize(
    ("kind", "key", "expected"),
    [
        ("contract", "C-1", ("C-1", "E-2")),
        ("project", "P-2", ("E-2",)),
        ("line", "2", ("E-2",)),
        ("entry", "T-1", ("E-2",)),
        ("bill_to", "PARTNER", ("C-1", "E-2")),
        ("bill_to", "BANK", ("C-1", "E-2")),
    ],
)
def test_a_hold_reaches_its_scope(kind: str, key: str, expected: tuple[str, ...]) -> None:
    known = Known(("project", "P-2", "E-2"), ("project", "P-1", "C-1"))
    funding = Funding((FundingSource("S", "BANK"),), ())
    shares = (BillTo("PARTNER", 100),)
    known.take(signed("C-1", line("1", "P-1"), line("2", "P-2"), bill_to=shares, funding=funding))
    known.take(worked("T-1", "P-2"))
    hold = BillingHoldPlaced(**HEAD, hold_id="H", version=1, scope=HoldScope(kind, key), placed_on=DAY, reason="r")
    assert known.take(hold).engagements == expected  # type: ignore[union-attr]
    assert known.take(BillingHoldReleased(**HEAD, hold_id="H", version=2)).engagements == expected  # type: ignore[union-attr]


def test_a_hold_that_moves_on_says_where_it_is_now() -> None:
    """The engagement that it has left is told, and nothing of it is there."""
    known = Known(("line", "L", "E-1"), ("line", "M", "E-2"))
    hold = BillingHoldPlaced(**HEAD, hold_id="H", version=1, scope=HoldScope("line", "L"), placed_on=DAY, reason="r")
    assert known.take(hold).own is None  # type: ignore[union-attr]
    moved = known.take(hold._replace(version=2, scope=HoldScope("line", "M")))
    assert (moved.engagements, moved.own) == (("E-1", "E-2"), {"E-1": (), "E-2": ("H",)})  # type: ignore[union-attr]


def test_a_hold_on_what_is_unknown_waits() -> None:
    hold = BillingHoldPlaced(**HEAD, hold_id="H", version=1, scope=HoldScope("project", "P"), placed_on=DAY, reason="r")
    assert route(Known(), hold) == Unrouted((("project", "P"),))
    assert route(Known(), BillingHoldReleased(**HEAD, hold_id="H", version=2)) == Unrouted((("hold", "H"),))


def test_a_control_total_is_a_projects_or_everyones() -> None:
    total = ControlTotal(**HEAD, kind="time", period="2026-03", entry_count=1)
    assert route(Known(), total) == EVERYWHERE
    assert route(Known(("project", "P", "E")), total._replace(project_id="P")) == Routed(("E",))


def test_what_is_said_of_a_project_waits_for_it() -> None:
    closed = ProjectClosed(**HEAD, project_id="P", version=2, ends_on=DAY)
    assert route(Known(), closed) == Unrouted((("project", "P"),))
