"""What an audit says of sources that fund a contract, where statements are wrong."""

from __future__ import annotations

from datetime import date

from domain.audit.engagement import AuditedEngagement
from domain.audit.entries import accounts_of
from domain.audit.funding import sources_kept
from domain.audit.terms import AuditedTerms, SourceBound
from domain.outputs import BillingStatement, SourceAmount
from tests.audit.test_engagement_checks import engagement, posted, printed, stated

GRANTED = AuditedTerms(
    "K",
    several_payers=True,
    sources={"GRANT": SourceBound(frozenset({"M"}), 1_000 * 10_000), "OWN": SourceBound(frozenset({"C"}), None)},
)


def paid(**sources: int) -> tuple[SourceAmount, ...]:
    return tuple(SourceAmount(source_id, units * 10_000) for source_id, units in sources.items())


def said(found: AuditedEngagement) -> list[str]:
    checked = (*sources_kept(found).violations, *accounts_of(found).checked.violations)
    return [f"{each.expected}: {each.found}" for each in checked]


def test_sources_that_pay_their_lines_are_as_they_should_be() -> None:
    lines = printed(1_000, "T-1", sources=paid(GRANT=1_000)), printed(500, "T-1", sources=paid(OWN=500))
    statements = stated(lines[1], bill_to="C"), stated(lines[0], bill_to="M", sequence=2)
    assert said(engagement(posted("T-1", 1_500), *statements, terms=GRANTED)) == []


def test_what_no_source_is_left_for_may_wait() -> None:
    line = printed(1_000, "T-1", sources=paid(GRANT=1_000))
    assert said(engagement(posted("T-1", 1_500), stated(line, bill_to="M"), terms=GRANTED)) == []


def granted(*amounts: int) -> AuditedEngagement:
    """Each posted, and billed to M by a statement of its month, which GRANT pays."""
    of = {f"T-{number}": amount for number, amount in enumerate(amounts, 1)}
    lines = [printed(amount, entry, sources=paid(GRANT=amount)) for entry, amount in of.items()]
    statements = [
        stated(line, bill_to="M", sequence=number, period=date(2026, number, 1)) for number, line in enumerate(lines, 1)
    ]
    return engagement(*(posted(entry, amount) for entry, amount in of.items()), *statements, terms=GRANTED)


def test_a_source_above_its_limit_is_told() -> None:
    found = granted(600, 600)
    assert said(found) == ["at most 1000.00 on statements that stand, and on drafts: 1200.00"]


def test_a_source_that_stood_above_its_limit_until_it_was_credited_is_told() -> None:
    found = granted(600, 700, -300)
    assert said(found) == ["at most 1000.00 on statements that stand, and on drafts: 1300.00"]


def test_what_one_event_gives_back_it_may_charge_before() -> None:
    found = granted(600, 700, -300)
    *before, charged, credited = found.outputs
    of_one_event = credited._replace(position=credited.position._replace(log_offset=charged.position.log_offset))
    assert said(found._replace(outputs=(*before, charged, of_one_event))) == []


def test_a_line_that_is_not_the_sum_of_its_sources_is_told() -> None:
    line = printed(600, "T-1", sources=paid(GRANT=500))
    found = engagement(posted("T-1", 600), stated(line, bill_to="M"), terms=GRANTED)
    assert said(found) == ["600.00 of its sources: 500.00"]


def test_a_source_of_another_customer_is_told() -> None:
    line = printed(600, "T-1", sources=paid(GRANT=600))
    found = engagement(posted("T-1", 600), stated(line, bill_to="C"), terms=GRANTED)
    assert said(found) == ["sources of C: source GRANT"]


def test_more_than_was_accrued_is_told() -> None:
    lines = printed(600, "T-1", sources=paid(GRANT=600)), printed(500, "T-1", sources=paid(OWN=500))
    statements = stated(lines[1], bill_to="C"), stated(lines[0], bill_to="M", sequence=2)
    found = engagement(posted("T-1", 1_000), *statements, terms=GRANTED)
    assert said(found) == ["at most 1000.00 USD of all sources, accrued and not billed before: 1100.00"]


def drafted(*numbers: int, status: str = "open") -> list[BillingStatement]:
    """600.00 of GRANT on each."""
    return [
        stated(
            printed(600, f"T-{number}", sources=paid(GRANT=600)),
            bill_to="M",
            sequence=number,
            period=date(2026, number, 1),
            status=status,
        )
        for number in numbers
    ]


def test_two_drafts_that_use_the_same_room_are_told() -> None:
    wrong = ["at most 1000.00 on statements that stand, and on drafts: 1200.00"]
    works = posted("T-1", 600), posted("T-2", 600)
    assert said(engagement(*works, *drafted(1, 2), terms=GRANTED)) == wrong
    assert said(engagement(*works, *drafted(1, status="issued"), *drafted(2), terms=GRANTED)) == wrong


def test_a_draft_that_holds_no_more_uses_nothing() -> None:
    works = posted("T-1", 600), posted("T-2", 600)
    assert said(engagement(*works, *drafted(1), *drafted(1, status="superseded"), *drafted(2), terms=GRANTED)) == []


def test_a_draft_of_a_source_of_another_customer_is_told() -> None:
    line = printed(600, "T-1", sources=paid(GRANT=600))
    found = engagement(posted("T-1", 600), stated(line, bill_to="C", status="open"), terms=GRANTED)
    assert said(found) == ["sources of C: source GRANT"]
