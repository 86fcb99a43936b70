"""What an audit says of one engagement, where the finished run has no example."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from domain.audit.balances import ledger_rests
from domain.audit.caps import caps_kept
from domain.audit.engagement import AuditedEngagement
from domain.audit.entries import accounts_of
from domain.audit.findings import SeenOutput, Violation
from domain.audit.invoices import invoices_match
from domain.audit.journals import balances
from domain.audit.statements import statements_foot
from domain.audit.terms import AuditedTerms, CapBound
from domain.outputs import TOPICS, BillingStatement, JournalEntry, JournalLine, Output, Position, StatementLine

LINES = frozenset({"L", "M"})


def engagement(*outputs: Output, terms: AuditedTerms | None = None, has_holds: bool = False) -> AuditedEngagement:
    seen = tuple(
        SeenOutput(TOPICS[type(record).__name__], Position("1", 0, seq, 0, seq, "e", 0, 0, None, "1"), record)
        for seq, record in enumerate(outputs)
    )
    return AuditedEngagement("E", seen, {"K": terms or AuditedTerms("K")}, has_holds)


def posted(
    entry_id: str, amount: int, ledger: int | None = None, day: int = 1, month: int = 1, **more: Any
) -> JournalEntry:
    """Dr 1150 Cr 4000, in whole units."""
    ledger_amount = (amount if ledger is None else ledger) * 10_000
    fields: dict[str, Any] = {
        "journal_id": f"E.{entry_id}{amount}{ledger}{day}{month}",
        "kind": "posting",
        "legal_entity_id": "LE",
        "currency": "USD",
        "ledger_currency": "EUR",
        "exchange_rate": 10**12,
        "accounting_date": date(2026, month, day),
        "period": f"2026-{month:02d}",
        "rule": "time",
        "affected_kind": "time_entry",
        "affected_id": entry_id,
        "affected_version": 1,
        "cause_kind": "time_entry",
        "cause_id": entry_id,
        "cause_version": 1,
        "deliver": True,
        "service_date": date(2026, month, day),
        "contract_id": "K",
        "lines": (
            JournalLine("1150", "revenue", amount * 10_000, ledger_amount, "P"),
            JournalLine("4000", "revenue", -amount * 10_000, -ledger_amount, "P"),
        ),
    }
    return JournalEntry(**{**fields, **more})


def printed(units: int, *entries: str, line_id: str = "L", **more: Any) -> StatementLine:
    fields: dict[str, Any] = {
        "line_id": line_id,
        "project_id": "P",
        "description": "Time",
        "quantity": units * 10_000,
        "unit": "hour",
        "rate": 100_000_000,
        "amount": units * 10_000,
        "service_from": date(2026, 1, 1),
        "service_to": date(2026, 1, 31),
        "person_id": "ADA",
        "entries": entries,
    }
    return StatementLine(**{**fields, **more})


def stated(*lines: StatementLine, sequence: int = 1, **more: Any) -> BillingStatement:
    total = sum(line.amount for line in lines)
    fields: dict[str, Any] = {
        "statement_id": f"E.K/C/2026-01-01/{sequence}",
        "revision": 1,
        "contract_id": "K",
        "bill_to": "C",
        "currency": "USD",
        "legal_entity_id": "LE",
        "period": date(2026, 1, 1),
        "to": date(2026, 4, 1),
        "status": "issued",
        "lines": lines,
        "total": total,
        "retained": 0,
        "released": 0,
        "deposits_applied": 0,
        "amount_due": total,
        "rounding": "",
        "line_count": len(lines),
        "control_total": total,
    }
    return BillingStatement(**{**fields, **more})


def billed_wrong(found: AuditedEngagement) -> Sequence[Violation]:
    return accounts_of(found).checked.violations


def cap(limit: int, **more: Any) -> AuditedTerms:
    fields: dict[str, Any] = {
        "cap_id": "line:L",
        "lines": frozenset({"L"}),
        "period": "whole_term",
        "amount": limit * 10_000,
        "hours": None,
        "whole": True,
        "limits_revenue": True,
    }
    return AuditedTerms("K", (CapBound(**{**fields, **more}),))


def beyond(found: AuditedEngagement) -> list[str]:
    return [f"{each.expected}: {each.found}" for each in caps_kept(found, accounts_of(found).entries).violations]


# Billed once


def test_an_entry_billed_twice_on_two_lines() -> None:
    """The second line finds nothing left; an entry that has moved would be taken back on the first."""
    twice = engagement(posted("T", 100), stated(printed(100, "T"), printed(100, "T", line_id="M")))
    assert [(each.expected, each.found) for each in billed_wrong(twice)] == [
        ("entry T billed with 100.00 USD over all lines", "200.00")
    ]


def test_an_entry_that_moved_to_another_line_is_taken_back_and_billed_there() -> None:
    moved = engagement(
        posted("T", 100),
        stated(printed(100, "T")),
        posted("T", 50),
        stated(printed(-100, "T"), printed(150, "T", line_id="M"), sequence=2),
    )
    assert not billed_wrong(moved)


def test_an_entry_that_has_accrued_nothing() -> None:
    (found,) = billed_wrong(engagement(stated(printed(100, "T"))))
    assert found.found == "entries ['T']"


def test_no_more_is_given_up_than_is_accrued_and_not_billed() -> None:
    """800.00 accrued and billed, then 200.00 more: these may be given up, 300.00 may not."""
    more = (posted("T", 800), stated(printed(800, "T")), posted("T", 200))
    given_up: dict[str, Any] = {"kind": "difference", "rule": "write_off/W-1"}
    assert not billed_wrong(engagement(*more, posted("T", -200, **given_up)))
    (found,) = billed_wrong(engagement(*more, posted("T", -300, **given_up)))
    assert found.expected == "at most 200.00 USD given up, which is accrued and not billed"
    assert found.found == "300.00"


def moved(terms_of_p: set[str], given_up: int, *then: Output) -> Sequence[Violation]:
    """3 h at 110.00 billed on line K of project W, then 2 h at 100.00 in project P, of which some is given up."""
    terms = AuditedTerms("K", lines={"W": frozenset({"K"}), "P": frozenset(terms_of_p)})
    wrong: dict[str, Any] = {"kind": "difference", "rule": "write_off/W-1"}
    journals = posted("T", 330), posted("T", -330, kind="reversal"), posted("T", 200), posted("T", -given_up, **wrong)
    first = stated(printed(330, "T", line_id="K"))
    return billed_wrong(engagement(journals[0], first, *journals[1:], *then, terms=terms))


def test_of_what_moved_to_a_line_of_another_project_all_may_be_given_up() -> None:
    """Line K gives its 330.00 back; of the 200.00 on line L nothing is billed."""
    back = printed(-330, "T", line_id="K")
    assert not moved({"L"}, 50, stated(back, printed(150, "T"), sequence=2))
    assert not moved({"L"}, 200, stated(back, sequence=2))
    (found,) = moved({"L"}, 250)
    assert (found.expected, found.found) == ("at most 200.00 USD given up, which is accrued and not billed", "250.00")


def test_the_next_statement_says_whether_what_is_given_up_has_moved_within_its_project() -> None:
    """On line L all 200.00 are unbilled; still on K 330.00 are billed, 130.00 too much, and nothing may be given up."""
    back = printed(-330, "T", line_id="K")
    assert not moved({"K", "L"}, 50, stated(back, printed(150, "T"), sequence=2))
    (found,) = moved({"K", "L"}, 50, stated(printed(-180, "T", line_id="K"), sequence=2))
    assert (found.subject, found.expected, found.found) == (
        "E.T-50None11",
        "at most -130.00 USD given up, which is accrued and not billed",
        "50.00",
    )
    assert not moved({"K", "L"}, 50)
    (found,) = moved({"K", "L"}, 250)
    assert found.expected == "at most 200.00 USD given up, which is accrued and not billed"


def test_where_billing_is_allotted_apart_only_single_entries_are_known() -> None:
    apart = AuditedTerms("K", same_allotment=False)
    shared = engagement(posted("T", 100), posted("U", 50), stated(printed(120, "T", "U")), terms=apart)
    assert not billed_wrong(shared)
    assert all(entry.vague for entry in accounts_of(shared).entries.values())


# Ledger rests


def test_an_entry_taken_back_at_another_rate_leaves_a_rest() -> None:
    found = engagement(posted("T", 100, 90), posted("T", -100, -85), posted("U", 10, 9))
    (rest,) = ledger_rests(found, accounts_of(found).entries).violations
    assert (rest.subject, rest.found) == ("entry T, account 1150", "5.00")


def test_what_is_open_may_differ_in_the_ledger() -> None:
    """An entry up and another one down are zero together, at two rates."""
    found = engagement(posted("T", 100, 90), posted("U", -100, -85))
    assert not ledger_rests(found, accounts_of(found).entries).violations


def test_value_that_moves_at_another_rate_than_it_is_carried_at() -> None:
    """400.00 of 1160, carried at 360.00, come to 1150 at 1.05: revenue that nobody earned."""
    lines = lines_of("revenue", ("1150", 400, 420), ("1160", -400, -360), ("4000", 0, -60))
    moved = posted("T", 400, 420, lines=lines, kind="difference", rule="amendment")
    (seen,) = engagement(moved).outputs
    (found,) = balances(seen, moved)
    assert (found.expected, found.found) == ("no revenue in EUR where there is none in USD", "-60.00 on 4000")


def test_a_rest_of_1150_may_wait_while_1160_has_something() -> None:
    """Invoiced at 900.00 and corrected to 1,050.00, with 400.00 beyond the order; the rest is due once these are gone."""
    terms = AuditedTerms("K", revenue_beyond_cap=True)
    earned = lines_of("revenue", ("1150", 1_000, 1_050), ("1160", 400, 420), ("4000", -1_400, -1_470))
    taken = lines_of("billing", ("1100", 1_000, 900), ("1150", -1_000, -900))
    billed = posted("T", 1, lines=taken, kind="billing", affected_kind="statement", affected_id="E.K/C/2026-01-01/1")
    so_far = posted("T", 1_400, lines=earned), stated(printed(1_000, "T")), billed
    waiting = engagement(*so_far, terms=terms)
    assert not ledger_rests(waiting, accounts_of(waiting).entries).violations
    gone = lines_of("write_off", ("1160", -400, -420), ("4000", 400, 420))
    given_up = posted("T", 2, day=2, lines=gone, kind="difference", rule="write_off/W")
    left = engagement(*so_far, given_up, terms=terms)
    (found,) = ledger_rests(left, accounts_of(left).entries).violations
    assert (found.subject, found.found) == ("contract K, account 1150", "150.00")


def lines_of(purpose: str, *lines: tuple[str, int, int]) -> tuple[JournalLine, ...]:
    """Account, amount and ledger amount in whole units."""
    return tuple(JournalLine(account, purpose, of * 10_000, ledger * 10_000, "P") for account, of, ledger in lines)


def test_cash_that_is_applied_at_another_rate_leaves_a_rest() -> None:
    """100.00 come at 0.90; applied whole they take the 90.00 that 1120 carries, nothing else."""

    def cash(kind: str, amount: int, ledger: int, **more: Any) -> JournalEntry:
        lines = (
            JournalLine("1120", "receipt", amount * 10_000, ledger * 10_000, "P"),
            JournalLine("1100", "receipt", -amount * 10_000, -ledger * 10_000, "P"),
        )
        return posted(kind, amount, ledger, affected_kind=kind, lines=lines, **more)

    paid = cash("payment", -100, -90, affected_id="PAY")
    applied = {"affected_id": "AP", "rule": "application/PAY/K"}
    right = engagement(paid, cash("payment_application", 100, 90, **applied))
    assert not ledger_rests(right, accounts_of(right).entries).violations
    wrong = engagement(paid, cash("payment_application", 100, 95, **applied))
    (rest,) = ledger_rests(wrong, accounts_of(wrong).entries).violations
    assert (rest.subject, rest.found) == ("payment PAY, account 1120", "5.00")


# Caps


def test_what_is_accrued_on_all_lines_of_a_cap() -> None:
    found = engagement(posted("T", 60), posted("U", 60), stated(printed(60, "T")), terms=cap(100))
    assert beyond(found) == ["at most 100.00 recognised: 120.00"]


def test_a_cap_by_month_takes_the_service_dates() -> None:
    january, february = posted("T", 60), posted("U", 60, month=2)
    monthly = cap(100, period="month")
    assert beyond(engagement(january, february, stated(printed(120, "T", "U")), terms=monthly)) == []
    third = posted("V", 60, day=20, month=2)
    assert beyond(engagement(january, february, third, stated(printed(180, "T", "U", "V")), terms=monthly)) == [
        "at most 100.00 billed in 2026-02: 120.00",
        "at most 100.00 recognised in 2026-02: 120.00",
    ]


def test_a_purchase_order_binds_what_is_printed_and_not_what_is_earned() -> None:
    order = cap(100, cap_id="purchase order PO-1", limits_revenue=False)
    earned = engagement(posted("T", 60), posted("U", 60), stated(printed(60, "T")), terms=order)
    assert beyond(earned) == []
    billed = engagement(posted("T", 60), posted("U", 60), stated(printed(120, "T", "U")), terms=order)
    assert beyond(billed) == ["at most 100.00 billed: 120.00", "at most 100.00 on statements: 120.00"]


def test_a_cap_by_day_counts_for_each_person() -> None:
    daily = cap(100, period="day")
    one = engagement(posted("T", 60), posted("U", 60), stated(printed(60, "T"), printed(60, "U")), terms=daily)
    assert beyond(one) == ["at most 100.00 billed in 2026-01-01 ADA: 120.00"]
    bob = printed(60, "U", person_id="BOB")
    assert beyond(engagement(posted("T", 60), posted("U", 60), stated(printed(60, "T"), bob), terms=daily)) == []


def test_hours_on_statements_within_the_rounding_of_what_is_shown() -> None:
    """Shown with two decimals a line may be half of a hundredth above."""
    hours = cap(0, amount=None, hours=10_000_000)
    shown = printed(1000, "T", quantity=10_005_000)
    assert beyond(engagement(posted("T", 1000), stated(shown), terms=hours)) == []
    more = printed(1000, "T", quantity=10_010_000)
    assert beyond(engagement(posted("T", 1000), stated(more), terms=hours)) == ["at most 10 h on statements: 10.01 h"]


def test_a_correction_that_is_held_does_not_break_a_cap() -> None:
    """T is billed with 100 and corrected to 40; its credit is held while U, which gained the room, is billed."""
    found = engagement(
        posted("T", 100),
        stated(printed(100, "T")),
        posted("T", -60),
        posted("U", 60),
        stated(printed(60, "U"), sequence=2),
        terms=cap(100),
        has_holds=True,
    )
    assert beyond(found) == []


# Statements


def test_parts_are_joined() -> None:
    first, second = printed(60, "T"), printed(40, "U")
    whole = stated(first, second)
    halves = [whole._replace(lines=(line,), part=part, parts=2) for part, line in enumerate((first, second), 1)]
    assert statements_foot(engagement(*halves)).violations == ()
    (missing,) = statements_foot(engagement(halves[0])).violations
    assert (missing.expected, missing.found) == ("2 parts", "none after part 1")


def test_statements_of_a_period_are_numbered_from_one() -> None:
    (found,) = statements_foot(engagement(stated(printed(60, "T"), sequence=2))).violations
    assert found.expected == "statement id E.K/C/2026-01-01/1"


def test_an_issued_revision_is_superseded_and_issued_anew() -> None:
    """What the first billed is taken back, so that the second bills all of it again."""
    first, again = stated(printed(100, "T")), stated(printed(150, "T", "U"), revision=2)
    anew = engagement(posted("T", 100), first, posted("U", 50), first._replace(status="superseded"), again)
    assert not billed_wrong(anew)
    assert not statements_foot(anew).violations
    assert not beyond(anew._replace(terms={"K": cap(150)}))


def test_a_revision_follows_what_is_superseded_and_never_an_invoice() -> None:
    first, again = stated(printed(100, "T")), stated(printed(100, "T"), revision=2)
    gone = first._replace(status="superseded")
    for statements, expected in (
        ((first, again), "revision 1 superseded"),
        ((first, gone, again._replace(revision=3)), "revision 2 issued"),
        ((first, gone, again._replace(status="open")), "revision 2 issued"),
    ):
        (wrong,) = statements_foot(engagement(posted("T", 100), *statements)).violations
        assert wrong.expected == expected
    invoice = posted("T", 100)._replace(kind="billing", affected_kind="statement", affected_id=first.statement_id)
    (wrong,) = statements_foot(engagement(posted("T", 100), first, invoice, gone)).violations
    assert wrong.expected.startswith("nothing after its invoice")


def test_a_line_finer_than_its_currency() -> None:
    (found,) = statements_foot(engagement(stated(printed(1, "T", amount=1_0001)))).violations
    assert found.expected == "line 1 rounded to 0.01 USD"


def test_revenue_as_billed_that_is_converted_by_entry() -> None:
    """Two of 1.00 at 0.905 are 1.81 on a line of the journal, not 0.91 twice; what takes back leaves as it was invoiced."""
    statement = stated(printed(2, "T", "U"))

    def billed(ledger: int) -> Sequence[Violation]:
        amounts = (("1100", 20_000, 18_100), ("4000", -20_000, -ledger), ("7190", 0, ledger - 18_100))
        lines = tuple(JournalLine(account, "billing", of, own, "P") for account, of, own in amounts if of or own)
        journal = posted("T", 2, lines=lines, kind="billing", affected_kind="statement", exchange_rate=905 * 10**9)
        journal = journal._replace(affected_id="E.K/C/2026-01-01/1")
        return invoices_match(
            engagement(statement, journal, terms=AuditedTerms("K", as_billed=frozenset("L")))
        ).violations

    assert not billed(18_100)
    (found,) = billed(18_200)
    assert (found.expected, found.found) == ("2.00 USD of 4000 converted once, at 0.905", "1.82 EUR")


def test_a_statement_finer_than_its_currency() -> None:
    """Half a cent is retained of 100.00: nobody can pay the rest."""
    retained = stated(printed(100, "T"))._replace(retained=50, amount_due=99_9950)
    (found,) = statements_foot(engagement(retained)).violations
    assert (found.expected, found.found) == ("retained rounded to 0.01 USD", "0.005")


def test_a_journal_finer_than_its_currencies() -> None:
    """Half a yen, or the tenth of a cent in the ledger, leaves a rest that no payment ever takes."""

    def wrong(amount: int, ledger: int, **more: Any) -> list[tuple[str, str]]:
        lines = (JournalLine("1150", "revenue", amount, ledger), JournalLine("4000", "revenue", -amount, -ledger))
        journal = posted("T", 1, lines=lines, **more)
        return [(each.expected, each.found) for each in balances(engagement(journal).outputs[0], journal)]

    assert wrong(1_0100, 9100) == []
    assert wrong(1_0150, 9100) == [("amounts in whole units of 0.01 USD", "1.015")]
    assert wrong(1_0100, 9105) == [("amounts in the ledger in whole units of 0.01 EUR", "0.9105")]
    assert wrong(10_5000, 700, currency="JPY") == [("amounts in whole units of 1 JPY", "10.50")]
    assert wrong(1_0015, 1_0000, currency="KWD") == [("amounts in whole units of 0.001 KWD", "1.0015")]
    assert wrong(1_0100, 1_0000, ledger_currency="USD") == [
        ("1150 1.01 USD in the ledger, whose currency it is", "1.00")
    ]
