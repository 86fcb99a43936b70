"""Figures that stood for themselves although their parts are on record."""

from __future__ import annotations

from collections.abc import Sequence

from domain.explanation import Node
from domain.money import format_amount, parse_amount
from domain.units import HOURS_ONE
from milepost.explain.recompute import everything, unexplained
from tests.explained import explainer_of
from tests.told import told

FIRM = (
    "entity LE USD America/New_York",
    "customer C",
    "person bob consultant of LE",
    "cost person bob 100.00 USD",
    "project P of LE",
)


def explained(lines: Sequence[str], figure: str) -> tuple[Node, list[Node]]:
    with told((*FIRM, *lines)) as books:
        found = explainer_of(books, "E").explain(figure)
        assert found is not None
        return found, list(everything(found))


def test_hours_that_a_concession_gives_back_to_a_cap_are_those_of_its_amount() -> None:
    """400.00 of 1,600.00 for 8 h are conceded: 2 h of the cap's ten come free, so that 4 of the 6 h in February are billable."""
    lines = (
        "contract K C LE USD policy concession_returns_cap_room=yes",
        "  line L P",
        "    rate 200.00",
        "    cap hard hours 10",
        "",
        "2026-01-05 time T-1 bob 8 h",
        "2026-01-31 day ended",
        "2026-02-02 invoice INV-1 K/C/2026-01-01/1 1,600.00",
        "2026-02-03 credit CM-1 INV-1 price_concession entry T-1 400.00",
        "2026-02-04 time T-2 bob 6 h",
        "2026-02-28 day ended",
    )
    figure, nodes = explained(lines, "E.K/C/2026-02-01/1")
    (back,) = {each.value: each for each in nodes if each.title == "T-1: credited by CM-1, hours"}.values()
    assert back.value == 2 * HOURS_ONE
    assert back.arithmetic is not None
    assert [each.value for each in back.arithmetic.operands] == [
        8 * HOURS_ONE,
        parse_amount("400"),
        parse_amount("1600"),
    ]
    assert back.arithmetic.operands[1].field == "lines[0].amount"
    assert figure.value == parse_amount("800")


def test_what_can_be_drawn_of_a_retainer_is_what_its_fee_buys() -> None:
    lines = (
        "contract K C LE USD",
        "  line L P",
        "    terms Retainer fee=1,000.00 unit=hours quantity=10",
        "",
        "2026-01-06 day ended",
    )
    figure, nodes = explained(lines, "P#retainers/K/L/left")
    assert figure.value == 10 * HOURS_ONE
    assert any(each.field == "lines[0].terms.quantity" and each.value == 10 * HOURS_ONE for each in nodes)


def test_what_expires_of_a_retainer_is_what_is_left_beyond_what_goes_over() -> None:
    """3 h of January went over into February, which has 10 h. At most 4 h go over into March, those with the longest life: 3 h of
    January and 6 h of February expire on the 28th.
    """
    lines = (
        "contract K C LE USD",
        "  line L P",
        "    terms Retainer fee=1,000.00 unit=hours quantity=10 rollover=4 expiry=2 overage_rate=150.00",
        "",
        "2026-01-06 time T-1 bob 7 h",
        "2026-01-31 day ended",
        "2026-02-03 day ended",
    )
    figure, nodes = explained(lines, "P#retainers/K/L/expires")
    assert figure.value == 9 * HOURS_ONE
    assert any(each.field == "lines[0].terms.rollover" and each.value == 4 * HOURS_ONE for each in nodes)
    assert any(each.field == "hours" and each.value == 7 * HOURS_ONE for each in nodes)


def test_what_is_conceded_is_not_recognised_where_a_refund_is_ahead_of_its_revenue() -> None:
    """An order limits what is billed, not what is earned. Of 240.00 that are invoiced 20.00 are conceded, and 300.00 go back."""
    lines = (
        "contract K C LE USD order PO-1:3000.00",
        "  line L P",
        "    terms Expenses markup=0",
        "  line N P tasks N",
        "    rate 200.00",
        "    cap hard 3,000.00",
        "",
        "2026-03-09 expense E-2 travel 240.00 USD on 2026-03-09 person bob project P line L",
        "2026-03-31 day ended",
        "2026-04-02 invoice INV-1 K/C/2026-03-01/1 240.00",
        "2026-04-22 credit CM-1 INV-1 price_concession line L 20.00",
        "2026-04-30 expense E-1 travel -300.00 USD on 2026-04-12 person bob project P line L",
    )
    assert ahead(lines) == {"invoiced": "220.00", "billable": "-60.00", "recognised": "-80.00", "ahead": "20.00"}


def test_all_that_is_conceded_of_what_was_refunded_is_ahead_of_its_revenue() -> None:
    """126.00 are invoiced and go back with the next statement, but the invoice is conceded: nothing is left of it, and revenue is less."""
    lines = (
        "contract K C LE USD order PO-1:3000.00",
        "  line L P",
        "    terms Expenses markup=5",
        "    each limits category=travel amount=300.00",
        "",
        "2026-02-02 expense E-7 travel 120.00 USD on 2026-02-02 person bob project P line L",
        "2026-02-28 day ended",
        "2026-04-02 invoice INV-1 K/C/2026-02-01/1 126.00",
        "2026-06-30 expense E-3 travel -120.00 USD on 2026-05-21 person bob project P line L",
        "2026-07-05 credit CM-1 INV-1 price_concession line L 126.00",
    )
    assert ahead(lines) == {"recognised": "-126.00", "ahead": "126.00"}


def ahead(lines: Sequence[str]) -> dict[str, str]:
    """What the journal of the contract liability rests on."""
    with told((*FIRM, *lines)) as books:
        explainer = explainer_of(books, "E")
        (journal,) = explainer.trace.journals_by["contract_liability"]
        figure = explainer.explain(f"{journal.record.journal_id}#1/amount")
        assert figure is not None
        assert unexplained(figure) == []
        title = "line L on 1150: "
        return {
            each.title.removeprefix(title): format_amount(each.value or 0, "USD")
            for each in everything(figure)
            if each.title.removeprefix(title) in ("invoiced", "billable", "recognised", "ahead")
        }
