"""What contradicts in who funds a contract is told by its field, and what does not go with it is refused by name."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from connectors.avro_codec import EVENT_CODECS
from domain.events.commercial import ContractSigned
from domain.events.common import ContractLine, Funding, FundingRule, FundingShare, FundingSource, TimeAndMaterials
from domain.outputs import BillingStatement, ExceptionRaised, JournalEntry, ProjectView
from tests.harness import Books, Record
from tests.told import invoiced, told

FIRM = (
    "entity LE USD America/New_York",
    "customer A",
    "customer M",
    "person bob consultant of LE",
    "cost person bob 100 USD",
    "project P of LE",
)
LINE = ("  line L P", "    rate 100.00")
GRANT = "funding GRANT:M:1000,OWN:A rules GRANT:60+OWN:40,OWN"


def refusals(books: Books) -> list[ExceptionRaised]:
    return [one.record for one in books.folded if isinstance(one.record, ExceptionRaised)]


@pytest.mark.parametrize(
    ("terms", "category", "field", "said"),
    [
        ("funding G:M:10 rules G:60", "invalid_terms", "funding.rules[0].shares", "sum to 100, got 60"),
        ("funding G:M:10 rules X", "invalid_terms", "funding.rules[0].shares", "source X is not among"),
        ("funding G:M:10 rules G:50+G:50", "invalid_terms", "funding.rules[0].shares", "twice in one rule"),
        ("funding G:M:10", "invalid_terms", "funding.rules", "at least one rule"),
        ("funding G:M:-10 rules G", "invalid_terms", "funding.sources[0].limit", "no less than zero"),
        ("funding G:Z rules G", "unknown_reference", "funding.sources[0].bill_to", "that is defined, got Z"),
        ("bill_to A funding G:M rules G", "invalid_terms", "funding", "either funding or bill_to"),
        (f"{GRANT} policy rounding_scope=line", "unsupported", "lines[L].policies", "rounding_scope=line with funding"),
    ],
)
def test_terms_are_refused_by_the_field(terms: str, category: str, field: str, said: str) -> None:
    with told([*FIRM, f"contract K A LE USD {terms}", *LINE, "2026-06-01 day ended"]) as books:
        (refused,) = refusals(books)
        assert (refused.category, refused.field) == (category, field)
        assert said in refused.message


def test_a_deposit_does_not_go_with_funding() -> None:
    deposit = ("  line D P", "    terms Deposit amount=500.00 due_on=2026-06-10")
    with told([*FIRM, f"contract K A LE USD {GRANT}", *LINE, *deposit, "2026-06-01 day ended"]) as books:
        (refused,) = refusals(books)
        assert (refused.category, refused.field) == ("unsupported", "funding")
        assert "funding with a deposit (line D)" in refused.message


def test_a_limit_that_several_engagements_would_share_is_refused() -> None:
    at = int(datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()) * 1_000_000
    terms = TimeAndMaterials()
    event = ContractSigned(
        event_id="e-1",
        occurred_at=at,
        source="crm",
        contract_id="K",
        version=1,
        customer_id="A",
        legal_entity_id="LE",
        currency="USD",
        signed_on=date(2026, 6, 1),
        starts_on=date(2026, 6, 1),
        lines=(ContractLine("L", "P", terms), ContractLine("E", "ELSEWHERE", terms)),
        funding=Funding((FundingSource("G", "A", 10_000),), (FundingRule(1, (FundingShare("G", 100_000_000),)),)),
    )
    with told([*FIRM, "2026-05-30 day ended"]) as books:
        body = EVENT_CODECS["ContractSigned"].encode(event)
        books.replay([Record(len(books.log), books.engagement_id, "ContractSigned", body, event, ("P",))])
        (refused,) = refusals(books)
        assert (refused.category, refused.field) == ("unsupported", "funding")
        assert "over several engagements" in refused.message


def test_a_view_says_what_each_source_has_left_and_a_journal_who_owes() -> None:
    events = [f"contract K A LE USD {GRANT}", *LINE, "2026-06-01 time T-1 bob 10 h"]
    with told([*FIRM, *events, "2026-06-30 day ended"]) as books:
        view = [one.record for one in books.folded if isinstance(one.record, ProjectView)][-1]
        sources = [tuple(one) for one in view.balances[0].sources]
        assert sources == [("GRANT", "M", 6_000_000, 10_000_000, 4_000_000), ("OWN", "A", 4_000_000, None, None)]
        invoiced(books, date(2026, 7, 1))
        journals = [one.record for one in books.folded if isinstance(one.record, JournalEntry)]
        owed = {one.customer_id: one.lines[0].amount for one in journals if one.kind == "billing"}
        assert owed == {"M": 6_000_000, "A": 4_000_000}


def test_one_source_alone_has_its_limit_too() -> None:
    events = ["contract K A LE USD funding G:A:300 rules G", *LINE, "2026-06-01 time T-1 bob 10 h"]
    with told([*FIRM, *events, "2026-06-30 day ended", "2026-07-31 day ended"]) as books:
        (statement,) = [one.record for one in books.folded if isinstance(one.record, BillingStatement)]
        assert (statement.bill_to, statement.total) == ("A", 3_000_000)
        (waits,) = refusals(books)
        assert (waits.category, waits.blocks_amount, waits.entries) == ("over_funding", 7_000_000, ("T-1",))
        assert "G has 0.00 of 300.00 left" in waits.message
