"""The summary of a delivery as people read it."""

from __future__ import annotations

from datetime import date

from connectors.delivery_lines import DeliveryLine, is_done
from connectors.delivery_store import READ
from domain.delivery import standings
from domain.units import AMOUNT_ONE
from milepost.delivery.delivered_shown import DeliveredSummary, as_json, as_lines, day_to_end


def line(standing: str, members: int, euros: int, why: str = "", until: str = "") -> DeliveryLine:
    return DeliveryLine(standing, why, until, members, members, {"EUR": euros * AMOUNT_ONE})


def shown(*lines: DeliveryLine) -> list[list[str]]:
    return [row.split() for row in as_lines([DeliveredSummary("main", lines, True)])[1:]]


def test_of_many_reasons_those_with_the_most_journals_are_shown_and_the_rest_is_one_line() -> None:
    """Twelve reasons with 1 to 12 journals of 10 euros each: ten lines, then 1 + 2 journals, and 78 in all."""
    rejected = [line(standings.REFUSED, count, 10 * count, f"code {count}") for count in range(1, 13)]
    rows = shown(*rejected, line(READ, 78, 780))
    assert [row[3] for row in rows if row[1] == "rejected"] == [*(str(count) for count in range(12, 2, -1)), "3"]
    assert rows[-2][4:] == ["30.00", "EUR", "2", "other", "reasons;", "--json", "has", "them", "all"]
    said = as_json([DeliveredSummary("main", [*rejected, line(READ, 78, 780)], True)], [])["erps"][0]
    assert len(said["documents"]["rejected"]["reasons"]) == 12
    assert (said["is_done"], said["is_sent"]) == (False, True)


def test_what_an_erp_says_is_wrong_is_read_to_its_end() -> None:
    """Dynamics says it after 400 characters of its own."""
    words = "Infolog: " + "validateField failed; " * 20 + "Account 400100 is suspended"
    found = [DeliveredSummary("main", [line(standings.REFUSED, 1, 10, words)], True)]
    assert any(each.endswith("Account 400100 is suspended") for each in as_lines(found))
    assert as_json(found, [])["erps"][0]["documents"]["rejected"]["reasons"][0]["why"] == words


def test_only_a_day_that_is_over_is_named_to_end() -> None:
    """Of 20 April, today and an accounting period the run is asked to end 20 April alone."""
    waiting = [line(standings.WAITING, 1, 10, until=until) for until in ("2026-04-20", "2026-04-22", "2026-04", "")]
    assert day_to_end([DeliveredSummary("main", waiting, True)], date(2026, 4, 22)) == date(2026, 4, 20)
    assert day_to_end([DeliveredSummary("main", waiting[1:], True)], date(2026, 4, 22)) is None
    assert not is_done(waiting)
    assert is_done([line(standings.POSTED, 3, 30), line(standings.REPLACED, 1, 10), line(READ, 4, 40)])
