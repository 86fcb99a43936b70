"""A version that comes after a higher one counts in its place, or an exception says why not: 4 h at 200.00, at 220.00 by version 2."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations
from typing import NamedTuple

import pytest

from domain.outputs import ExceptionClosed, ExceptionRaised, JournalEntry
from tests.told import told

FIRM = ("entity LE USD America/New_York", "customer C", "person bob consultant of LE", "cost person bob 100.00 USD")
SIGNED = "contract K C LE USD version 1\n  line L P\n    rate 200.00"
AMENDED = "amend K from 2026-06-01 version 2 replaces 1\n  line L P\n    rate 220.00"
OTHERWISE = AMENDED.replace("220.00", "999.00")
ENDED = "terminate K on 2026-06-20 version 3"
AMENDED_ANEW = "amend K from 2026-06-10 version 4 replaces 3\n  line L P\n    rate 230.00"
WORK = (
    "2026-06-02  time T-1 bob 4 h project P",
    "2026-06-12  time T-2 bob 1 h project P",
    "2026-06-22  time T-3 bob 1 h project P",
)


def amended(version: int, replaces: int, rate: str, stated: str = "") -> str:
    return f"amend K from 2026-06-01 version {version} replaces {replaces}{stated}\n  line L P\n    rate {rate}"


class Outcome(NamedTuple):
    recognised: int  # cents
    raised: list[ExceptionRaised]
    open: list[tuple[str, str]]


def outcome(versions: Iterable[str]) -> Outcome:
    lines = [*FIRM, "project P of LE", *(f"2026-06-01  {one}" for one in versions), *WORK]
    with told([line for each in lines for line in each.split("\n")]) as books:
        records = [one.record for one in books.folded]
    raised = [one for one in records if isinstance(one, ExceptionRaised)]
    closed = {one.exception_id for one in records if isinstance(one, ExceptionClosed)}
    posted = [line for one in records if isinstance(one, JournalEntry) for line in one.lines if line.account == "4000"]
    left = sorted((one.category, one.subject_id) for one in raised if one.exception_id not in closed)
    return Outcome(-sum(line.amount for line in posted) // 100, raised, left)


ENDS = [("outside_contract_dates", "T-3")]


@pytest.mark.parametrize("versions", [*permutations((SIGNED, AMENDED, ENDED))])
def test_an_amendment_and_a_termination_come_in_any_order(versions: tuple[str, ...]) -> None:
    """880.00 and 220.00; work after the end waits."""
    assert outcome(versions)[0::2] == (1_100_00, ENDS)


@pytest.mark.parametrize("versions", [*permutations((SIGNED, AMENDED, ENDED, AMENDED_ANEW))])
def test_an_amendment_of_a_termination_waits_for_the_terms_below_it(versions: tuple[str, ...]) -> None:
    """880.00 and 230.00."""
    assert outcome(versions)[0::2] == (1_110_00, ENDS)


def test_while_those_are_missing_it_is_an_exception() -> None:
    """800.00 and 200.00: version 4 is not in force."""
    made = outcome((SIGNED, ENDED, AMENDED_ANEW))
    assert made[0::2] == (1_000_00, [("amendment_gap", "K"), *ENDS])
    assert (
        made.raised[0].message
        == "amendment 4 replaces version 3, a termination, and so the terms of version 2, known is 1"
    )


def test_the_exception_says_what_came_what_was_expected_and_what_to_do() -> None:
    anew = AMENDED_ANEW.replace("replaces 3", "replaces 1")
    *_, raised = outcome((SIGNED, ENDED, anew, AMENDED)).raised[:1]
    assert raised.message == (
        "version 2 of contract K changes nothing: expected before version 4, which was made without it, got after it; "
        "state what still holds of it in an amendment with a version above 4"
    )
    assert (raised.field, raised.owner_role) == ("version", "commercial")


def test_an_amendment_that_waited_for_one_that_is_refused_applies() -> None:
    """Version 3 was made of version 1, version 4 of version 2: 2 comes after 3 and is refused, which is all that 4 waited for."""
    third = "amend K from 2026-06-01 version 3 replaces 1\n  line L P\n    rate 210.00"
    made = outcome((SIGNED, third, AMENDED_ANEW.replace("replaces 3", "replaces 2"), AMENDED))
    assert made[0::2] == (840_00 + 2 * 230_00, [("invalid_terms", "K/2")])


@pytest.mark.parametrize("later", [*permutations(((3, 2, "300.00"), (5, 1, "500.00")))])
def test_an_amendment_that_waited_until_a_higher_one_went_past_it_is_refused(
    later: tuple[tuple[int, int, str], ...],
) -> None:
    """Version 5 was made of version 1: 2,000.00 and 2 h at 500.00; of 3, made of version 2, nothing holds."""
    made = outcome((SIGNED, *(amended(*one) for one in later)))
    assert made[0::2] == (3_000_00, [("invalid_terms", "K/3")])


@pytest.mark.parametrize("ends_last", [False, True])
def test_an_amendment_supersedes_one_that_nobody_approved_whenever_the_end_comes(ends_last: bool) -> None:
    unapproved = "amend K from 2026-06-01 version 2 replaces 1 unapproved\n  line L P\n    rate 500.00"
    third, ended = (
        AMENDED.replace("version 2 replaces 1", "version 3 replaces 2"),
        ENDED.replace("version 3", "version 4"),
    )
    made = outcome((SIGNED, unapproved, third, ended) if ends_last else (SIGNED, unapproved, ended, third))
    assert made[0::2] == (1_100_00, ENDS)


@pytest.mark.parametrize("came", [*permutations((SIGNED, AMENDED, ENDED)), (SIGNED, ENDED, AMENDED_ANEW, AMENDED)])
def test_a_repeat_changes_nothing(came: tuple[str, ...]) -> None:
    """Nor after the store was written and read."""
    lines = [*FIRM, "project P of LE", *(f"2026-06-01  {one}" for one in came), *WORK]
    with told([line for each in lines for line in each.split("\n")], reopens=True) as books:
        versions = [one.event for one in books.log if one.type_name.startswith("Contract")]
        assert len(versions) == len(came)
        assert books.fold(*versions) == []


def test_other_content_of_a_version_below_a_termination_is_a_conflict() -> None:
    made = outcome((SIGNED, AMENDED, ENDED, OTHERWISE))
    assert made[0::2] == (1_100_00, [("conflicting_version", "K"), *ENDS])


def test_other_content_of_an_amendment_that_waits_is_a_conflict() -> None:
    made = outcome((AMENDED, OTHERWISE, SIGNED, ENDED))
    assert made[0::2] == (1_100_00, ENDS)
    assert [one.category for one in made.raised][:2] == ["amendment_gap", "conflicting_version"]


@pytest.mark.parametrize("signed_first", [False, True])
def test_other_content_of_a_termination_is_a_conflict_whenever_the_contract_comes(signed_first: bool) -> None:
    """The end is the 20th: 1,000.00 of 5 h. The 10th, with the same version, would leave 800.00."""
    ends = ENDED, ENDED.replace("06-20", "06-10")
    made = outcome((SIGNED, *ends) if signed_first else (*ends, SIGNED))
    assert made[0::2] == (1_000_00, [("conflicting_version", "K"), *ENDS])


@pytest.mark.parametrize("versions", [*permutations((SIGNED, "terminate K on 2026-06-10 version 2", ENDED))])
def test_of_two_terminations_the_higher_version_counts(versions: tuple[str, ...]) -> None:
    """Work of the 12th is before the end: 800.00 and 200.00."""
    assert outcome(versions)[0::2] == (1_000_00, ENDS)


def test_an_amendment_that_nobody_approved_takes_nothing_from_one_before_it() -> None:
    """Version 3 changes nothing and stays open; version 2 holds."""
    unapproved = "amend K from 2026-06-01 version 3 replaces 1 unapproved\n  line L P\n    rate 500.00"
    made = outcome((SIGNED, unapproved, AMENDED))
    assert made[0::2] == (1_320_00, [("unapproved_amendment", "K")])


@pytest.mark.parametrize("refused", [*permutations(((2, " unapproved"), (3, " requested_by bob approved_by bob")))])
def test_an_amendment_supersedes_all_that_nobody_else_approved(refused: tuple[tuple[int, str], ...]) -> None:
    """Version 4 holds, 6 h at 400.00, and closes what was said of 2 and 3, whichever came last."""
    made = outcome((SIGNED, *(amended(version, 1, "900.00", why) for version, why in refused), amended(4, 1, "400.00")))
    assert made[0::2] == (2_400_00, [])
    assert sorted(one.category for one in made.raised) == ["self_approved", "unapproved_amendment"]


@pytest.mark.parametrize("is_refused", [False, True])
def test_an_amendment_below_the_first_terms_is_refused_also_where_the_signing_was(is_refused: bool) -> None:
    """The signing would end before it begins; version 3 gives the contract its first terms, 6 h at 500.00. Version 2 came too late."""
    signed = SIGNED.replace("version 1", "version 1 from 2026-06-01 to 2026-01-01") if is_refused else SIGNED
    made = outcome((signed, *(amended(each, 1, f"{each + 2}00.00", " to 2026-12-31") for each in (3, 2))))
    assert made[0::2] == (3_000_00, [("invalid_terms", "K/2")])


@pytest.mark.parametrize("closes_first", [False, True])
def test_a_project_that_is_closed_before_it_is_activated_has_its_name(closes_first: bool) -> None:
    """The closing, version 2, says neither: what version 1 says of them stands, and the project stays closed."""
    facts = ["2026-06-01  project P of LE version 1", "2026-06-01  end_project P on 2026-06-15 version 2"]
    if closes_first:
        facts.reverse()
    with told([*FIRM, *facts, *f"2026-06-01  {SIGNED}".split("\n"), *WORK[1:]]) as books:
        project = books.part("project", "P")
        records = [one.record for one in books.folded]
    assert project.activated is not None
    assert (project.activated.name, str(project.closed_on)) == ("P", "2026-06-15")
    raised = [one.subject_id for one in records if isinstance(one, ExceptionRaised)]
    assert raised == ["T-3"]


def test_a_project_that_is_activated_again_stays_open() -> None:
    """Version 3 opens what version 2 closed; version 1 changes nothing after it."""
    facts = (
        "project P of LE to 2026-12-31 version 3",
        "end_project P on 2026-06-15 version 2",
        "project P of LE to 2026-11-30 version 1",
    )
    with told([*FIRM, *(f"2026-06-01  {one}" for one in facts)]) as books:
        project = books.part("project", "P")
    assert (str(project.activated.ends_on), project.closed_on) == ("2026-12-31", None)
