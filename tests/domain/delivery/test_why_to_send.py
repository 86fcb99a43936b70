"""What is to be sent and has not gone says what it waits for."""

from __future__ import annotations

import pytest

from domain.delivery import standings
from domain.delivery.absent import (
    AFTER_CHART,
    AFTER_ITS_DAY,
    AFTER_OTHER,
    AFTER_POSTING,
    AFTER_REJECTED,
    AFTER_REPLACEMENT,
    AFTER_REVISION,
    FREE,
    why_to_send,
)
from domain.delivery.answers import ACCOUNT, Rejection
from domain.delivery.standings import Parcel


def parcel(number: int, member: str, state: str = standings.TO_SEND, reverses: str = "", replaces: str = "") -> Parcel:
    return Parcel(
        number,
        number,
        "journal",
        "DE",
        (member,),
        ((member, reverses),) if reverses else (),
        ((member, replaces),) if replaces else (),
        state=state,
    )


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (standings.TAKEN, AFTER_POSTING),
        (standings.REFUSED, AFTER_REJECTED),
        (standings.TO_SEND, AFTER_OTHER),
        (standings.SENT, AFTER_OTHER),
    ],
)
def test_a_reversal_waits_for_its_original(state: str, why: str) -> None:
    """A file ERP has taken J-1 and nobody has confirmed it: J-2, which reverses it, stays to send."""
    assert why_to_send([parcel(1, "J-1", state), parcel(2, "J-2", reverses="J-1")], {})[2] == why


def test_a_reversal_of_what_has_no_account_waits_for_the_chart() -> None:
    original = parcel(1, "J-1", standings.REFUSED)._replace(
        rejection=Rejection(ACCOUNT, "account", "no account", "4000")
    )
    assert why_to_send([original, parcel(2, "J-2", reverses="J-1")], {})[2] == AFTER_CHART


def test_a_reversal_of_what_is_replaced_waits_for_the_next_run_and_then_for_the_replacement() -> None:
    reversal = parcel(2, "J-2", reverses="J-1")
    assert why_to_send([reversal], {"J-1": "J-1"}) == {2: AFTER_REPLACEMENT}
    replacement = parcel(3, "J-3", standings.TAKEN, replaces="J-1")
    assert why_to_send([reversal, replacement], {}) == {2: AFTER_POSTING}


def test_what_reverses_nothing_or_something_that_is_posted_could_go() -> None:
    both = Parcel(3, 3, "journal", "DE", ("J-3", "J-4"), (("J-4", "J-3"),))
    assert why_to_send([parcel(1, "J-1"), parcel(2, "J-2", reverses="J-0"), both], {}) == {1: FREE, 2: FREE, 3: FREE}


def test_a_revision_waits_for_the_one_before() -> None:
    first = parcel(1, "S-1", standings.SENT)
    assert why_to_send([first, parcel(2, "S-1 revision 2")._replace(supersedes=("S-1",))], {})[2] == AFTER_REVISION


def test_a_reversal_waits_for_an_original_whose_period_has_not_ended() -> None:
    assert why_to_send([parcel(1, "J-2", reverses="J-1")], {}, {"J-1"}) == {1: AFTER_ITS_DAY}
