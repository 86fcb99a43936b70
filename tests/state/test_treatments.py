"""Every treatment of an amendment, on each kind of terms: it is done, or refused by name and the terms stay (IFRS 15.20-21, R41)."""

from __future__ import annotations

import pytest

from domain.contract import line_policies
from domain.outputs import ExceptionRaised
from domain.policies import agreed
from domain.terms import methods
from domain.terms.kind import OVER_TIME
from tests.harness import Books
from tests.properties.kinds import KINDS, firm
from tests.told import told

TREATMENTS = ("prospective", "catch_up", "separate")


def refused(books: Books) -> list[str]:
    """Fields for which something of the contract was refused."""
    raised = (each.record for each in books.folded if isinstance(each.record, ExceptionRaised))
    return [f"{one.category} {one.field}" for one in raised if one.contract_id == "K"]


def amendment(kind: str, treatment: str) -> list[str]:
    """The first line has a budget from February on."""
    first, *rest = KINDS[kind].lines("EUR")
    return [f"2026-02-02 amend K from 2026-02-01 treatment {treatment}", f"{first} budget 5.00", *rest]


def added(kind: str) -> list[str]:
    """The same line once more, for another project."""
    lines = KINDS[kind].lines("EUR")
    [end] = [place for place, line in enumerate([*lines[1:], "  line"], 1) if line.startswith("  line")][:1]
    own = [line.replace("  line L P", "  line N Q").replace("milestone_id=M", "milestone_id=N") for line in lines[:end]]
    return ["2026-02-02 amend K from 2026-02-01 treatment separate", *lines, *own]


def version_and_timing(books: Books) -> tuple[int, str]:
    """Of the terms in force, and when their first line earns."""
    contract = books.part("contract", "K")
    assert contract is not None
    terms = contract.history[-1].terms
    line = terms.lines[0]
    return terms.version, methods.timing(line, line_policies(terms, line, agreed(None)))


@pytest.mark.parametrize("treatment", TREATMENTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_line_that_changes_is_treated_or_refused(kind: str, treatment: str) -> None:
    """What is to come follows the new terms. Only what earns over time can be caught up, and no line that goes on is another contract."""
    with told([*firm(kind, "EUR"), *amendment(kind, treatment)]) as books:
        version, timing = version_and_timing(books)
        is_done = treatment == "prospective" or (treatment == "catch_up" and timing == OVER_TIME)
        assert (version, refused(books)) == ((2, []) if is_done else (1, ["unsupported treatment"]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_of_any_kind_may_come_as_a_contract_of_its_own(kind: str) -> None:
    with told([*firm(kind, "EUR"), "project Q of LE", *added(kind)]) as books:
        assert (version_and_timing(books)[0], refused(books)) == (2, [])
