"""Which documents the ERP should have, by outputs and answers alone."""

from datetime import date
from typing import Any

from domain.delivery.expected import Ledger, expected
from domain.events.finance import PostingAccepted, PostingRejected
from tests.domain.delivery.journals import chart, journal, line, mark, position

DAY = date(2026, 6, 3)


def ledger(count: int = 4, **changes: Any) -> Ledger:
    """J-0, J-1, ... of one day, which is over."""
    found = Ledger(1, {"DE": chart(**changes)}, {"DE": 200})
    for number in range(count):
        found.add(position(0, number), journal(f"J-{number}"))
    found.add(position(0, count), mark(DAY, count))
    return found


def accepted(*journals: str, attempt: int = 1, state: str = "posted") -> PostingAccepted:
    name = f"{'+'.join(journals)}.{attempt}.{state}"
    return PostingAccepted(name, 0, "main", "main", attempt, "JE-1", DAY, batch_id="K", journals=journals, state=state)


def rejected(*journals: str, attempt: int = 1, because: str = "data") -> PostingRejected:
    name = f"{'+'.join(journals)}.{attempt}.{because}"
    return PostingRejected(name, 0, "main", "main", attempt, "C", "m", batch_id="K", journals=journals, because=because)


def found(of: Ledger) -> list[tuple[tuple[str, ...], str]]:
    return sorted((each.document.members, each.state) for each in of.found())


def reasons(of: Ledger) -> dict[str, tuple[str, str]]:
    return {each.journal.journal_id: (each.standing, each.why) for each in of.absent()}


def test_each_journal_that_the_erp_has_not_got_has_one_reason() -> None:
    """Of nine J-0 is posted and J-1 accepted; J-7 was taken back in the books before it went, which J-8 says."""
    of = Ledger(1, {"DE": chart()}, {"DE": 200})
    reversals = {4: "J-1", 5: "J-2", 6: "J-3"}
    for number in range(8):
        of.add(position(0, number), journal(f"J-{number}", reverses=reversals.get(number)))
    of.add(position(0, 8), journal("J-8", deliver=False, kind="reversal", reverses="J-7", rule="never_accepted"))
    of.add(position(0, 9), mark(DAY, 9))
    of.answer(accepted("J-0"))
    of.answer(accepted("J-1", state="accepted"))
    of.answer(rejected("J-2"))
    of.answer(rejected("J-3", because="period"))
    assert reasons(of) == {
        "J-2": ("rejected", "C m"),
        "J-3": ("replaced", "the ERP refused its period; the next run posts it in the first open one"),
        "J-4": ("to_send", "what it reverses is accepted and not posted yet"),
        "J-5": ("to_send", "what it reverses is rejected"),
        "J-6": ("to_send", "what it reverses was refused for its period; the next run replaces it"),
    }
    assert [of.stays_here(each) for each in ("J-8", "J-7", "J-9")] == [True, False, False]


def test_what_the_chart_has_no_place_for_is_named_journal_by_journal() -> None:
    """With J-9 in the group the others wait for it to be taken out, and go then."""
    of = Ledger(1, {"DE": chart()}, {"DE": 200})
    of.add(position(0, 0), journal("J-0"))
    of.add(position(0, 1), journal("J-9", [line("9999", 5), line("4000", -5)]))
    of.add(position(0, 2), mark(DAY, 2))
    assert reasons(of) == {
        "J-0": ("to_send", "not sent yet, or not answered"),
        "J-9": ("unmapped", "no account of the ERP for 9999"),
    }


def test_what_is_not_answered_is_as_it_would_be_sent() -> None:
    of = ledger()
    assert found(of) == [(("J-0", "J-1", "J-2", "J-3"), "")]
    assert list(expected(of.found())) == []


def test_halves_that_were_answered_are_documents_of_their_own() -> None:
    """J-2 was refused for its data; the rest is in the ERP."""
    of = ledger()
    of.answer(accepted("J-0", "J-1"))
    of.answer(rejected("J-2"))
    of.answer(accepted("J-3", state="accepted"))
    assert found(of) == [(("J-0", "J-1"), "posted"), (("J-2",), "data"), (("J-3",), "accepted")]
    assert [(each.document.members, each.is_posted) for each in expected(of.found())] == [
        (("J-0", "J-1"), True),
        (("J-3",), False),
    ]


def test_a_rejection_after_the_same_attempt_was_accepted_counts() -> None:
    answers: list[PostingAccepted | PostingRejected] = [accepted("J-0", state="accepted"), rejected("J-0")]
    for some in (answers, answers[::-1]):
        of = ledger()
        for event in some:
            of.answer(event)
        assert (("J-0",), "data") in found(of)


def test_answers_count_by_attempt_in_any_order_and_posted_is_the_end() -> None:
    members = ("J-0", "J-1", "J-2", "J-3")
    answers: list[PostingAccepted | PostingRejected] = [
        rejected(*members),
        accepted(*members, attempt=2, state="accepted"),
        accepted(*members, attempt=2),
    ]
    for some in (answers, answers[::-1], [*answers, *answers, rejected(*members, attempt=3)]):
        of = ledger()
        for event in some:
            of.answer(event)
        assert found(of) == [(members, "posted")]


def test_answers_about_journals_that_these_books_have_not_got_are_passed_over() -> None:
    of = ledger(1)
    of.answer(accepted("J-9"))
    of.answer(accepted("J-0", "J-9"))
    assert found(of) == []


def test_a_document_is_found_by_its_key_and_by_each_journal_in_it() -> None:
    of = ledger()
    of.answer(accepted("J-0", "J-1"))
    by_journal = of.document("J-1")
    assert by_journal is not None
    assert by_journal.document.members == ("J-0", "J-1")
    assert of.document(by_journal.document.key) == by_journal
    assert of.document("J-7") is None


def test_what_waits_for_its_day_and_what_has_no_place_is_no_document_yet() -> None:
    of = ledger(2)
    of.add(position(0, 3), journal("J-3"))
    assert reasons(of)["J-3"] == ("waiting", "until 2026-06-04 is over")
    assert found(ledger(2, accounts={})) == []


def test_what_is_taken_back_before_it_was_sent_is_not_to_send() -> None:
    """J-1 is reversed by a journal of our books alone."""
    of = ledger(2)
    of.add(position(0, 3), journal("J-3", deliver=False, kind="reversal", reverses="J-1", rule="never_accepted"))
    assert found(of) == [(("J-0",), ""), (("J-1",), "withdrawn")]


def test_what_the_chart_lacks_of_journals_in_the_erp_is_known() -> None:
    """Of those that were never sent it is said elsewhere: they wait."""
    of = ledger(accounts={})
    assert (found(of), of.lacking) == ([], {})
    of.answer(accepted("J-0", "J-1"))
    assert (found(of), str(of.lacking["DE"])) == ([], "no account of the ERP for 1150")
