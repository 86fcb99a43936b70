"""A contract whose lines belong to projects of two engagements: intake writes it to both, each takes its own lines."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from connectors.avro_codec import EVENT_CODECS
from domain.events.commercial import ContractAmended, ContractSigned
from domain.events.common import (
    ContractLine,
    FiscalCalendar,
    LineRate,
    PurchaseOrder,
    RemainingWork,
    SharedCap,
    TimeAndMaterials,
)
from domain.events.delivery import EstimateRevised, ProjectActivated, TimeApproved
from domain.events.reference import CostRateSet, CustomerDefined, LegalEntityDefined, PersonDefined
from domain.outputs import BillingStatement, ExceptionClosed, ExceptionRaised
from tests.harness import Books, Record

ELSEWHERE = "E-2"
HOUR = 1_000_000


def head(day: int) -> dict[str, Any]:
    at = int(datetime(2026, 6, day, 12, tzinfo=UTC).timestamp()) * 1_000_000
    return {"event_id": f"e-{day}", "occurred_at": at, "recorded_at": at, "source": "test"}


def line(line_id: str, project_id: str, rate: int) -> ContractLine:
    return ContractLine(line_id, project_id, TimeAndMaterials(rates=(LineRate(rate * 1_000_000),)))


def project(project_id: str, engagement_id: str) -> ProjectActivated:
    return ProjectActivated(
        **head(1),
        project_id=project_id,
        version=1,
        name=project_id,
        legal_entity_id="LE",
        starts_on=date(2026, 1, 1),
        engagement_id=engagement_id,
    )


def work(entry_id: str, project_id: str, engagement_id: str, day: int) -> TimeApproved:
    return TimeApproved(
        **head(day),
        entry_id=entry_id,
        version=1,
        project_id=project_id,
        person_id="bob",
        approved_by="boss",
        hours=HOUR,
        worked_on=date(2026, 6, day),
        engagement_id=engagement_id,
    )


def said(books: Books, kind: type[Any]) -> list[Any]:
    return [one.record for one in books.folded if isinstance(one.record, kind)]


def share(books: Books, event: ContractSigned | ContractAmended) -> None:
    """As intake does: a record for each engagement, which says which of the projects are its own."""
    name = type(event).__name__
    for engagement_id, own in ((books.engagement_id, ("P",)), (ELSEWHERE, ("Q",))):
        books.replay([Record(len(books.log), engagement_id, name, EVENT_CODECS[name].encode(event), event, own)])


def signed(books: Books, **more: Any) -> None:
    contract = ContractSigned(
        **head(1),
        contract_id="K",
        version=1,
        customer_id="C",
        legal_entity_id="LE",
        currency="USD",
        signed_on=date(2026, 6, 1),
        starts_on=date(2026, 6, 1),
        lines=(line("L", "P", 200), line("M", "Q", 150)),
    )
    share(books, contract._replace(**more))


def firm(folder: Path, ledger: str = "USD") -> Books:
    books = Books(folder)
    books.fold(
        LegalEntityDefined(
            **head(1),
            legal_entity_id="LE",
            version=1,
            name="Firm",
            currency=ledger,
            zone="UTC",
            fiscal_calendar=FiscalCalendar("calendar_month"),
        ),
        CustomerDefined(**head(1), customer_id="C", version=1, name="Customer"),
        PersonDefined(**head(1), person_id="bob", version=1, legal_entity_id="LE", role="dev"),
        CostRateSet(
            **head(1),
            cost_rate_id="bob",
            version=1,
            person_id="bob",
            currency="USD",
            rate=100 * HOUR,
            effective_from=date(2020, 1, 1),
        ),
        project("P", books.engagement_id),
        project("Q", ELSEWHERE),
    )
    return books


def test_each_engagement_takes_its_own_lines(tmp_path: Path) -> None:
    """200 an hour on P in the one, 150 on Q in the other; the amendment to 210 and 160 as well, each with a statement of its own."""
    books = firm(tmp_path)
    signed(books)
    books.fold(work("T-1", "P", books.engagement_id, 3), work("T-2", "Q", ELSEWHERE, 4))
    share(
        books,
        ContractAmended(
            **head(10),
            contract_id="K",
            version=2,
            replaces_version=1,
            effective_on=date(2026, 6, 4),
            treatment="prospective",
            approved_by="ann",
            lines=(line("L", "P", 210), line("M", "Q", 160)),
        ),
    )
    books.fold(work("T-3", "P", books.engagement_id, 11), work("T-4", "Q", ELSEWHERE, 12))
    books.end_day(date(2026, 6, 30))
    told = [
        (one.statement_id, [(of.line_id, of.amount, of.entries) for of in one.lines])
        for one in said(books, BillingStatement)
    ]
    assert told == [
        ("E.K/C/2026-06-01/1", [("L", 200_0000, ("T-1",)), ("L", 210_0000, ("T-3",))]),
        ("E-2.K/C/2026-06-01/1", [("M", 320_0000, ("T-2", "T-4"))]),
    ]
    assert said(books, ExceptionRaised) == []
    books.close()


def test_what_lines_of_two_engagements_would_share_is_refused_in_both(tmp_path: Path) -> None:
    books = firm(tmp_path)
    signed(books, shared_caps=(SharedCap("S", ("L", "M"), "hard", amount=1_000_0000),))
    assert [(one.category, one.engagement_id) for one in said(books, ExceptionRaised)] == [
        ("invalid_terms", "E"),
        ("invalid_terms", "E-2"),
    ]
    (why, other) = (one.message for one in said(books, ExceptionRaised))
    assert why == (
        "contract K: shared_caps[0].lines: expected a cap over lines of one engagement, which sees its own lines alone; cap S also names "
        "M, which is no line of this engagement: mend its id, state a cap for the lines of each engagement, or give their projects "
        "one engagement_id"
    )
    assert "cap S also names L, which" in other
    books.close()


def test_a_treatment_that_needs_the_lines_of_another_engagement_is_refused(tmp_path: Path) -> None:
    """Neither sees whether a line of the other goes on that earns over time, so the amendment changes nothing in both."""
    books = firm(tmp_path)
    signed(books)
    amended: dict[str, Any] = {"contract_id": "K", "effective_on": date(2026, 6, 4), "approved_by": "ann"}
    share(books, ContractAmended(**head(5), **amended, treatment="catch_up", version=2, replaces_version=1))
    refused = [(one.category, one.field, one.engagement_id) for one in said(books, ExceptionRaised)]
    assert refused == [("unsupported", "treatment", "E"), ("unsupported", "treatment", "E-2")]
    assert "treatment catch_up of a contract over several engagements" in said(books, ExceptionRaised)[0].message
    books.close()


def test_a_purchase_order_over_several_engagements_is_refused(tmp_path: Path) -> None:
    """Each would use all of it; by its number alone it is taken, and an amendment that waits is refused as well."""
    books = firm(tmp_path)
    signed(books, purchase_order=PurchaseOrder("PO-1", 10_000_000))
    refused = [(one.category, one.message) for one in said(books, ExceptionRaised)]
    why = (
        "contract K: not handled by the rules in force: a purchase order's limit of a contract over several engagements"
    )
    assert refused == [("unsupported", why)] * 2
    signed(books, version=2, purchase_order=PurchaseOrder("PO-1"))
    assert len(said(books, ExceptionClosed)) == 2
    waits: dict[str, Any] = {"contract_id": "K", "effective_on": date(2026, 6, 4), "treatment": "prospective"}
    limit: dict[str, Any] = {"purchase_order": PurchaseOrder("PO-1", 10_000_000), "approved_by": "ann"}
    share(books, ContractAmended(**head(5), **waits, **limit, version=4, replaces_version=3))
    share(books, ContractAmended(**head(6), **waits, approved_by="ann", version=3, replaces_version=2))
    assert [one.message for one in said(books, ExceptionRaised)][-2:] == [why] * 2
    books.close()


def test_no_engagement_says_a_loss_of_a_contract_that_it_knows_in_part(tmp_path: Path) -> None:
    """10 h for 1,000.00 earn 900.00 on P, and 15,000.00 on Q in the other engagement: no loss of the whole."""
    books = firm(tmp_path)
    signed(books, lines=(line("L", "P", 90), line("M", "Q", 1_500)))
    places = (("P", books.engagement_id), ("Q", ELSEWHERE))
    for project_id, engagement_id in places:
        remaining = (RemainingWork(month="2026-06", hours=9 * HOUR, cost=900_0000),)
        estimate = EstimateRevised(
            **head(4),
            project_id=project_id,
            version=1,
            as_of=date(2026, 6, 4),
            currency="USD",
            remaining=remaining,
            engagement_id=engagement_id,
        )
        books.fold(work(f"T-{project_id}", project_id, engagement_id, 3), estimate)
    books.end_day(date(2026, 6, 5))
    sums = [books.part("contract_outlook", "K", engagement_id) for _, engagement_id in places]
    assert [(of.cost, of.revenue) for of in sums] == [(1_000_0000, 900_0000), (1_000_0000, 15_000_0000)]
    assert "loss_making" not in {one.category for one in said(books, ExceptionRaised)}
    books.close()
