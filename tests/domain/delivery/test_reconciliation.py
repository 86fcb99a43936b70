"""Our documents beside the ERP's ledger: each planted difference is found with its cause, and a clean pair gives none."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.delivery.documents import DocumentLine, JournalDocument, key_of
from domain.delivery.expected import DocumentState
from domain.delivery.groups import JournalGroup
from domain.delivery.journals import documents
from domain.delivery.ledgers import LedgerEntry, LedgerLine, LedgerScope, still_waiting
from domain.delivery.reconciled import NOT_BILLING, Billing, period_of, periods_of, reconcile
from domain.delivery.reconciliation import ErpInvoice, ErpPeriod, ExpectedDocument, Reconciliation, compare
from domain.events.common import FiscalCalendar, LedgerDifference
from domain.events.finance import InvoicePosted
from domain.units import AMOUNT_ONE, EXCHANGE_RATE_ONE
from tests.domain.delivery.journals import chart, journal, line
from tests.domain.delivery.test_invoices import STATEMENT

JUNE = ErpPeriod("2026-06", date(2026, 6, 1), date(2026, 7, 1), frozenset({"2026-06", "145"}))
MAPPED = chart(periods={"2026-06": "145", "2026-07": "146"}, invoices_from=date(2026, 6, 1))
IN_USD = EXCHANGE_RATE_ONE * 9 // 10


def document(number: int, **changes: Any) -> JournalDocument:
    """Number times 100.00 of revenue on the 10th of June."""
    lines = [line("1150", 100 * number), line("4000", -100 * number)]
    entry = journal(f"J-{number}", lines, day=date(2026, 6, 10))._replace(**changes)
    (made,) = documents(JournalGroup("entry", "DE", entry.accounting_date, (entry,), (None,), 0), MAPPED, 200)
    assert isinstance(made, JournalDocument)
    return made


OURS = [document(number) for number in range(1, 13)]
EXPECTED = [ExpectedDocument(each, is_posted=True) for each in OURS]


def entry(of: JournalDocument, **changes: Any) -> LedgerEntry:
    lines = tuple(LedgerLine(each.account, each.amount, each.ledger_amount) for each in of.lines)
    found = LedgerEntry(
        of.key, f"JE-{of.members[0]}", of.accounting_date, of.period_id, of.currency, is_posted=True, lines=lines
    )
    return found._replace(**changes)


def lines(*some: tuple[str, float]) -> tuple[LedgerLine, ...]:
    return tuple(LedgerLine(account, round(units * AMOUNT_ONE), round(units * AMOUNT_ONE)) for account, units in some)


def compared(
    entries: Iterable[LedgerEntry], expected: Sequence[ExpectedDocument] = EXPECTED, **more: Any
) -> Reconciliation:
    return compare(MAPPED, JUNE, expected, entries, **more)


THEIRS = [entry(each) for each in OURS]
OLD_KEY = key_of("journal", ["J-old"])
OTHER_KEY = key_of("journal", ["J-of-another-system"])

# Of the document at the place, what is in the ERP instead of it; cause, money and account that must be found.
PLANTED: dict[str, tuple[int, list[LedgerEntry], float, str | None]] = {
    "missing": (0, [], 100, None),
    "twice": (1, [THEIRS[1], THEIRS[1]._replace(reference="JE-again")], 200, None),
    "amount": (2, [entry(OURS[2], lines=lines(("91150", 330), ("94000", -330)))], 30, None),
    "account": (3, [entry(OURS[3], lines=lines(("91150", 400), ("94050", -400)))], 400, "94000"),
    "period": (4, [entry(OURS[4], period="146", posted_on=date(2026, 7, 1))], 500, None),
    "date": (5, [entry(OURS[5], posted_on=date(2026, 6, 11))], 600, None),
    "currency": (6, [entry(OURS[6], currency="CHF")], 700, None),
    "not_posted": (7, [entry(OURS[7], is_posted=False)], 800, None),
    "changed": (8, [entry(OURS[8], lines=lines(("91150", 950), ("94000", -950)), is_changed=True)], 50, None),
    "by_hand": (
        9,
        [THEIRS[9], LedgerEntry("", "JE-hand", date(2026, 6, 20), "145", "EUR", is_posted=True, lines=lines(("94000", 70), ("1", -70)))],
        70,
        "94000",
    ),
    "withdrawn": (10, [THEIRS[10], entry(document(20), key=OLD_KEY, reference="JE-old")], 2000, None),
    "unknown": (11, [THEIRS[11], entry(document(21), key=OTHER_KEY, reference="JE-other")], 2100, None),
}  # fmt: skip
WITHDRAWN = {OLD_KEY: ("J-old",)}


def planted(*causes: str) -> list[LedgerEntry]:
    there = {PLANTED[cause][0]: PLANTED[cause][1] for cause in causes}
    return [each for place, clean in enumerate(THEIRS) for each in there.get(place, [clean])]


def test_a_clean_pair_has_no_difference_and_equal_sums() -> None:
    """1 + 2 + ... + 12 = 78 times 100.00 on both accounts."""
    found = compared(THEIRS)
    assert (found.differences, found.agreed, found.unposted) == ((), 12, 0)
    assert [(each.account, each.ours_count, each.ours_debits, each.ours_credits) for each in found.sums] == [
        ("91150", 12, 7_800 * AMOUNT_ONE, 0),
        ("94000", 12, 0, -7_800 * AMOUNT_ONE),
    ]
    assert all(each[2:6] == each[6:10] for each in found.sums)


@pytest.mark.parametrize("cause", PLANTED)
def test_each_planted_difference_is_found_with_its_cause(cause: str) -> None:
    _, _, money, account = PLANTED[cause]
    found = compared(planted(cause), withdrawn=WITHDRAWN)
    assert [(each.cause, each.amount, each.account) for each in found.differences] == [
        (cause, money * AMOUNT_ONE, account)
    ]


def test_all_twelve_at_once_are_found_each_by_its_key() -> None:
    found = compared(planted(*PLANTED), withdrawn=WITHDRAWN)
    assert {each.key: each.cause for each in found.differences} == {
        **{OURS[place].key: cause for place, cause in enumerate(list(PLANTED)[:9])},
        "JE-hand": "by_hand",
        OLD_KEY: "withdrawn",
        OTHER_KEY: "unknown",
    }
    assert found.agreed == 3


@given(st.sets(st.sampled_from(sorted(PLANTED))), st.randoms())
def test_any_of_them_together_are_found_in_any_order_and_nothing_else(causes: set[str], chance: Any) -> None:
    entries = planted(*causes)
    chance.shuffle(entries)
    found = compared(entries, withdrawn=WITHDRAWN)
    assert {each.cause for each in found.differences} == causes
    assert len(found.differences) == len(causes)
    assert found == compared(planted(*causes), withdrawn=WITHDRAWN)


def told(found: Reconciliation) -> list[str]:
    return [each.message for each in found.differences]


def test_messages_say_what_was_expected_and_what_came() -> None:
    found = compared(planted("account", "changed", "period", "by_hand"))
    assert told(found) == [
        "JE-J-5: expected period 2026-06, the ERP has 146, 2026-07-01",
        "JE-J-4: 94000: expected Cr 400.00 EUR, found nothing; 94050: expected nothing, found Cr 400.00 EUR",
        "JE-hand of 2026-06-20 is not of Milepost, and is on 94000 (4000)",
        (
            "JE-J-9 was edited in the ERP after it was made: 91150: expected Dr 900.00 EUR, found Dr 950.00 EUR; "
            "94000: expected Cr 900.00 EUR, found Cr 950.00 EUR"
        ),
    ]  # fmt: skip
    assert found.differences[1].journals == ("J-4",)


@pytest.mark.parametrize(
    ("cause", "money", "there"),
    [
        ("amount", 10, (("91150", 3_672.50), ("94000", -3_682.50))),
        ("amount", 3_672.50, (("91150", 3_672.50),)),
        ("amount", 10, (("91150", 3_682.50), ("94000", -3_682.50))),
        ("amount", 100, (("91150", 3_672.50), ("94000", -3_672.50), ("95000", 100), ("95000", -100))),
        ("amount", 3_672.50, (("94000", 3_672.50), ("91150", -3_672.50))),
        ("account", 30, (("91150", 3_642.50), ("95000", 30), ("94000", -3_672.50))),
        ("amount", 40, (("91150", 3_632.50), ("95000", 30), ("94000", -3_662.50))),
    ],
    ids=["one line", "a line deleted", "both lines", "lines added", "sides swapped", "moved", "moved and lost"],
)
def test_the_money_of_other_lines_is_what_changed_counted_once(
    cause: str, money: float, there: tuple[tuple[str, float], ...]
) -> None:
    """Of Dr 1150, Cr 4000 3,672.50."""
    made = in_dollars(3_672.50, 3_672.50)._replace(exchange_rate=EXCHANGE_RATE_ONE, currency="EUR", currency_id="EUR")
    (difference,) = compared([entry(made, lines=lines(*there))], [ExpectedDocument(made, is_posted=True)]).differences
    assert (difference.cause, difference.amount) == (cause, round(money * AMOUNT_ONE))


def test_a_number_of_the_erps_own_in_the_place_of_a_key_makes_no_entry_ours() -> None:
    """Business Central's document numbers; here of an entry on revenue and of one on accounts of others."""
    there = [
        LedgerEntry(number, number, date(2026, 6, 9), "", "EUR", is_posted=True, lines=lines((account, 5), ("1", -5)))
        for number, account in (("G00017", "94000"), ("G00018", "2"))
    ]
    found = compared([*THEIRS, *there])
    assert [(each.key, each.cause) for each in found.differences] == [("G00017", "by_hand")]


def test_an_edit_that_moved_no_money_is_no_difference() -> None:
    assert not compared([entry(each, is_changed=True) for each in OURS]).differences


def test_what_waits_to_be_posted_in_the_erp_is_counted_apart() -> None:
    accepted = [ExpectedDocument(each, is_posted=False) for each in OURS]
    found = compared([*(entry(each, is_posted=False) for each in OURS[:2]), *THEIRS[2:]], accepted)
    assert (found.differences, found.agreed, found.unposted) == ((), 10, 2)


def test_an_accepted_document_that_is_gone_is_missing() -> None:
    """1,200.00 that somebody deleted before it was posted: it waits for nobody there."""
    accepted = [ExpectedDocument(each, is_posted=False) for each in OURS]
    found = compared(THEIRS[:11], accepted)
    assert [(each.key, each.cause, each.amount, each.message) for each in found.differences] == [
        (OURS[11].key, "missing", 1_200 * AMOUNT_ONE, f"{OURS[11].key} was accepted, and is not in the ERP")
    ]
    assert (found.agreed, found.unposted) == (11, 0)


def test_a_journal_that_is_posted_while_the_ledger_is_read_is_there_once() -> None:
    """Two waited when they were asked for; meanwhile the ERP posted the first. A person's own journal waits without a key."""
    by_hand = LedgerEntry(
        "", "JE-own", date(2026, 6, 9), "145", "EUR", is_posted=False, lines=lines(("2", 5), ("1", -5))
    )
    waiting = [*(entry(each, is_posted=False) for each in OURS[:2]), by_hand]
    posted = [THEIRS[0], by_hand._replace(reference="JE-other", is_posted=True)]
    assert list(still_waiting(waiting, posted)) == waiting[1:]
    accepted = [ExpectedDocument(each, is_posted=False) for each in OURS[:2]]
    found = compared([*posted, *still_waiting(waiting, posted)], accepted)
    assert (found.differences, found.agreed, found.unposted) == ((), 1, 1)


@pytest.mark.parametrize("state", ["data", "account"])
def test_what_the_erp_has_of_a_journal_that_it_rejected_is_found(state: str) -> None:
    """999.00 by our key, of 100.00 that were rejected: the other eleven agree, and theirs is 999.00 more."""
    kept = entry(OURS[0], lines=lines(("91150", 999), ("94000", -999)))
    found = [DocumentState(OURS[0], state), *(DocumentState(each, "posted") for each in OURS[1:])]
    ((_, _, _, both),) = reconcile(MAPPED, [JUNE], found, lambda _: [kept, *THEIRS[1:]])
    assert [(each.key, each.cause, each.amount, each.journals, each.message) for each in both.differences] == [
        (
            OURS[0].key,
            "rejected",
            999 * AMOUNT_ONE,
            ("J-1",),
            f"JE-J-1: the ERP had rejected {OURS[0].key}, and has 999.00 EUR under it now; correct it there, and deliver again",
        )
    ]
    assert both.agreed == 11
    assert both.sums[0].theirs_debits - both.sums[0].ours_debits == 999 * AMOUNT_ONE


def test_a_month_in_which_only_people_post_is_compared_too() -> None:
    """Ours are of June, the books have come to August; 70.00 were posted by hand to revenue in August."""
    found = [DocumentState(each, "posted") for each in OURS]
    by_hand = LedgerEntry(
        "", "JE-hand", date(2026, 8, 20), "", "EUR", is_posted=True, lines=lines(("94000", 70), ("1", -70))
    )
    calendar = FiscalCalendar("calendar_month")
    names = periods_of(MAPPED, found, NOT_BILLING, calendar, date(2026, 8, 31))
    assert names == ["2026-06", "2026-07", "2026-08"]
    periods = [each for name in names if (each := period_of(MAPPED, calendar, name))]
    both = list(reconcile(MAPPED, periods, found, lambda _: [*THEIRS, by_hand]))
    assert [[(one.cause, one.amount) for one in each.compared.differences] for each in both] == [
        [],
        [],
        [("by_hand", 70 * AMOUNT_ONE)],
    ]
    assert periods_of(MAPPED, found, NOT_BILLING, calendar, date(2026, 5, 1)) == ["2026-06"]
    unanswered = [DocumentState(OURS[0], "")]
    assert periods_of(MAPPED, unanswered, NOT_BILLING, calendar, date(2026, 8, 31)) == [], "nothing is answered yet"
    deposit = InvoicePosted("e", 0, "main", "7", date(2026, 4, 30), 1_501 * AMOUNT_ONE, statement_id="S-1")
    billing = Billing({"S-1": STATEMENT}, {"S-1": deposit})
    assert periods_of(MAPPED, unanswered, billing, calendar, date(2026, 4, 30)) == ["2026-04"], "an invoice is"


def test_what_the_erp_has_and_has_not_said_yet_is_no_difference() -> None:
    found = compared(THEIRS, EXPECTED[:11], unanswered={OURS[11].key})
    assert found.differences == ()
    assert all(each[2:6] == each[6:10] for each in found.sums)


def test_accounts_that_others_post_to_are_no_ones_mistake() -> None:
    """Tax, receivables and, where the ERP's invoices are not ours, the unbilled receivable."""
    cash = LedgerEntry(
        "", "JE-cash", date(2026, 6, 9), "145", "EUR", is_posted=True, lines=lines(("92400", 19), ("91150", -19))
    )
    assert [each.account for each in compared([*THEIRS, cash]).differences] == ["91150"]
    assert compare(MAPPED._replace(invoices_from=None), JUNE, EXPECTED, [*THEIRS, cash]).differences == ()
    later = MAPPED._replace(invoices_from=date(2026, 7, 1))
    assert compare(later, JUNE, EXPECTED, [*THEIRS, cash]).differences == (), "somebody else invoiced June"


GROSS = 119 * AMOUNT_ONE
BILLED = ErpInvoice(key_of("invoice", ["S-1"]), "S-1", date(2026, 6, 30), "EUR", "EUR", GROSS)
RECEIVABLE = lines(("1200", 119), ("400", -100), ("1776", -19))
IN_BOOKS = LedgerEntry(BILLED.key, "INV-1", date(2026, 6, 30), "145", "EUR", is_posted=True, lines=RECEIVABLE)


@pytest.mark.parametrize(
    ("there", "cause", "money"),
    [
        ([IN_BOOKS], None, 0),
        ([IN_BOOKS._replace(lines=lines(("1200", 119), ("400", -109), ("2", -10)))], None, 0),
        ([], "missing", 119),
        ([IN_BOOKS, IN_BOOKS._replace(reference="INV-2")], "twice", 119),
        ([IN_BOOKS._replace(is_posted=False)], "not_posted", 119),
        ([IN_BOOKS._replace(currency="USD")], "currency", 119),
        ([IN_BOOKS._replace(currency="CHF", lines=lines(("1200", 113), ("400", -113)))], "currency", 119),
        ([IN_BOOKS._replace(lines=lines(("1200", 120), ("400", -101), ("1776", -19)))], "amount", 1),
        ([IN_BOOKS._replace(lines=lines(("1200", 1), ("400", -1)), is_changed=True)], "changed", 118),
        ([IN_BOOKS._replace(lines=())], "amount", 119),
        ([IN_BOOKS._replace(posted_on=date(2026, 6, 29))], "date", 119),
        ([IN_BOOKS._replace(posted_on=date(2026, 7, 1), period="146")], "period", 119),
    ],
)  # fmt: skip
def test_invoices_are_compared_by_what_the_customer_owes(
    there: list[LedgerEntry], cause: str | None, money: int
) -> None:
    """100.00 and 19.00 tax; nobody says here on which accounts its items are."""
    found = compared([*THEIRS, *there], invoices=[BILLED])
    expected = [] if cause is None else [(BILLED.key, cause, money * AMOUNT_ONE)]
    assert [(each.key, each.cause, each.amount) for each in found.differences] == expected
    assert found.agreed == len(EXPECTED) + (cause is None)
    assert all(each[2:6] == each[6:10] for each in found.sums)


def test_what_an_invoice_bills_is_on_the_accounts_of_the_chart() -> None:
    """90.00 of work clear 91150, 10.00 are a deposit on 92310; an item that posts work to revenue leaves 91150 open."""
    billed = BILLED._replace(net=(("91150", 90 * AMOUNT_ONE), ("92310", 10 * AMOUNT_ONE)))
    right = IN_BOOKS._replace(lines=lines(("1200", 119), ("91150", -90), ("92310", -10), ("1776", -19)))
    wrong = IN_BOOKS._replace(lines=lines(("1200", 119), ("400", -60), ("91150", -30), ("92310", -10), ("1776", -19)))
    assert compared([*THEIRS, right], invoices=[billed]).differences == ()
    (found,) = compared([*THEIRS, wrong], invoices=[billed]).differences
    assert (found.cause, found.amount) == ("account", 60 * AMOUNT_ONE)
    assert "expected Cr 90.00 EUR on 91150, found Cr 30.00 EUR; check the items of the chart" in found.message


@pytest.mark.parametrize(
    ("there", "said", "money"),
    [
        ((("1200", 119), ("91150", -100), ("1776", -9), ("94000", -10)), "expected nothing on 94000, found Cr 10.00 EUR", 10),
        ((("94000", 119), ("91150", -100), ("1776", -19)), "expected Dr 119.00 EUR, with tax, on one account", 119),
        ((("1200", 119), ("91150", -100), ("94000", -30), ("8400", 30), ("1776", -19)), "expected nothing on 94000", 30),
        ((("1200", 119), ("91150", -100), ("8400", -9), ("1776", -10)), "", 0),
    ],
    ids=["tax on revenue", "revenue for the receivable", "moved beside it", "tax on two accounts of others"],
)  # fmt: skip
def test_an_invoice_has_nothing_else_on_accounts_that_only_milepost_posts_to(
    there: tuple[tuple[str, int], ...], said: str, money: int
) -> None:
    """100.00 of work on 91150 and 19.00 tax; 94000 is our revenue."""
    billed = BILLED._replace(net=(("91150", 100 * AMOUNT_ONE),))
    found = compared([*THEIRS, IN_BOOKS._replace(lines=lines(*there))], invoices=[billed]).differences
    assert [said in each.message and each.amount == money * AMOUNT_ONE for each in found] == [True] * bool(said)


def test_what_is_retained_may_be_on_the_receivables_account() -> None:
    """119.00 less 12.00 retained: 107.00 are due, and the account of both has 119.00. With 12.00 less there 12.00 differ."""
    billed = BILLED._replace(gross=107 * AMOUNT_ONE, net=(("1200", -12 * AMOUNT_ONE), ("91150", 100 * AMOUNT_ONE)))
    right = IN_BOOKS._replace(lines=lines(("1200", 107), ("1200", 12), ("91150", -100), ("1776", -19)))
    wrong = IN_BOOKS._replace(lines=lines(("1200", 107), ("91150", -100), ("1776", -7)))
    assert compared([*THEIRS, right], invoices=[billed]).differences == ()
    (found,) = compared([*THEIRS, wrong], invoices=[billed]).differences
    assert (found.cause, found.amount) == ("amount", 12 * AMOUNT_ONE)


def test_of_an_invoice_whose_accounts_nobody_says_what_is_owed_is_compared() -> None:
    """Its lines are on items; 1.00 more is found all the same."""
    billed = BILLED._replace(net=(("91150", 100 * AMOUNT_ONE),))
    there = IN_BOOKS._replace(lines=lines(("C-17", 119), ("HOURS", -100), ("", -19)), names_accounts=False)
    more = there._replace(lines=lines(("C-17", 120), ("HOURS", -101), ("", -19)))
    assert compared([*THEIRS, there], invoices=[billed]).differences == ()
    assert [each.cause for each in compared([*THEIRS, more], invoices=[billed]).differences] == ["amount"]


def test_money_of_a_credit_that_differs_is_not_below_zero() -> None:
    """-119.00, which the ERP has lost, has twice, or has without anything on the customer's side."""
    credit = BILLED._replace(gross=-GROSS)
    for there, cause in (([], "missing"), ([IN_BOOKS, IN_BOOKS], "twice"), ([IN_BOOKS._replace(lines=())], "amount")):
        (found,) = compared([*THEIRS, *there], invoices=[credit]).differences
        assert (found.cause, found.amount) == (cause, GROSS)


def test_of_an_invoice_that_was_changed_only_what_differs_is_at_risk() -> None:
    """15,600.00 are owed, 780.00 are retained beside it, and somebody has added 100.00 to a line; and the same of a credit."""
    there = lines(("1100", 15_700), ("1170", 780), ("4000", -13_989), ("1776", -2_491))
    for sign, side, other in ((1, "Dr", "Cr"), (-1, "Cr", "Dr")):
        billed = BILLED._replace(currency_id="4", gross=sign * 15_600 * AMOUNT_ONE)
        entry_ = IN_BOOKS._replace(
            currency="4", lines=tuple(each._replace(amount=sign * each.amount) for each in there)
        )
        (found,) = compared([*THEIRS, entry_], invoices=[billed]).differences
        assert (found.cause, found.amount, found.currency) == ("amount", 100 * AMOUNT_ONE, "EUR")
        assert found.message == (
            f"the invoice of S-1, INV-1: expected {side} 15600.00 EUR, with tax, on one account; "
            f"found 1100 {side} 15700.00 EUR, 1170 {side} 780.00 EUR, 1776 {other} 2491.00 EUR, 4000 {other} 13989.00 EUR. "
            "Taking 1100 for what the customer owes, 100.00 EUR differ"
        )


def test_an_invoice_that_was_changed_to_the_ledgers_currency_is_found() -> None:
    """1,801.00 USD of a company whose journals are in euros, which the ERP has as 1,801.00 EUR."""
    due, tax = (units * AMOUNT_ONE for units in (1_501, 300))
    statement = STATEMENT._replace(currency="USD", revision=1)
    answer = InvoicePosted("e", 0, "main", "7", date(2026, 6, 30), due, tax_amount=tax, statement_id="S-1")
    there = IN_BOOKS._replace(lines=lines(("1200", 1_801), ("400", -1_501), ("1776", -300)))
    found = [DocumentState(each, "posted") for each in OURS]
    for currency, money in (("USD", []), ("EUR", [("currency", 1_801 * AMOUNT_ONE, "USD")])):
        billing = Billing({"S-1": statement}, {"S-1": answer})
        ledger = partial(_given, [*THEIRS, there._replace(currency=currency)])
        ((_, _, _, both),) = reconcile(MAPPED, [JUNE], found, ledger, billing)
        assert [(each.cause, each.amount, each.currency) for each in both.differences] == money


def _given(entries: list[LedgerEntry], scope: LedgerScope) -> list[LedgerEntry]:
    assert scope.subsidiary == MAPPED.subsidiary
    return entries


def test_an_invoice_that_the_erp_has_and_has_not_answered_is_no_difference() -> None:
    assert compared([*THEIRS, IN_BOOKS], unanswered={BILLED.key}).differences == ()


def test_other_periods_are_not_compared() -> None:
    july = entry(document(30), key=OTHER_KEY, period="146", posted_on=date(2026, 7, 3))
    later = ExpectedDocument(document(31, period="2026-07", accounting_date=date(2026, 7, 3)), is_posted=True)
    moved_here = entry(later.document, period="145", posted_on=date(2026, 6, 30))
    assert compared([*THEIRS, july, moved_here], [*EXPECTED, later]).differences == (), "July says it"


@pytest.mark.parametrize(
    "moved",
    [
        {"period": "146"},
        {"period": "146", "posted_on": date(2026, 7, 1)},
        {"period": "", "posted_on": date(2026, 7, 1)},
    ],
)
def test_where_the_chart_has_no_id_of_a_period_it_is_the_one_that_most_entries_have(moved: dict[str, Any]) -> None:
    period = JUNE._replace(ids=frozenset({"2026-06"}))
    entries = [*THEIRS[:11], entry(OURS[11], **moved)]
    (difference,) = compare(MAPPED, period, EXPECTED, entries).differences
    assert (difference.key, difference.cause) == (OURS[11].key, "period")
    in_no_period = [each._replace(period="") for each in THEIRS]
    assert compare(MAPPED, period, EXPECTED, in_no_period).differences == ()


def test_what_is_carried_at_another_rate_is_compared_in_the_ledgers_currency() -> None:
    """1,000 USD at 0.90, of which 890.00 EUR were carried: the ERP has 900.00 EUR against 900.00, and 10.00 EUR beside them."""
    foreign = journal(
        "J-1",
        [line("1100", 1_000, 900), line("1150", -1_000, -890), line("7110", 0, -10)],
        day=date(2026, 6, 10),
        currency="USD",
        exchange_rate=IN_USD,
    )
    made = documents(JournalGroup("entry", "DE", foreign.accounting_date, (foreign,), (None,), 0), MAPPED, 200)
    at_rate, beside = (each for each in made if isinstance(each, JournalDocument))
    assert [(each.account, each.amount) for each in beside.lines] == [
        ("91150", 10 * AMOUNT_ONE),
        ("97110", -10 * AMOUNT_ONE),
    ]
    sent = [ExpectedDocument(at_rate, is_posted=True), ExpectedDocument(beside, is_posted=True)]
    there = entry(beside, currency="EUR", lines=lines(("91150", 10), ("97110", -10)))
    assert compared([converted(at_rate, 900, -900), there], sent).differences == ()
    (difference,) = compared([converted(at_rate, 900, -890), there], sent).differences
    assert (difference.cause, difference.amount, difference.currency) == ("amount", 10 * AMOUNT_ONE, "EUR")
    (difference,) = compared([converted(at_rate, 900, -900)], sent).differences
    assert (difference.cause, difference.amount, difference.currency) == ("missing", 10 * AMOUNT_ONE, "EUR")


def in_dollars(dollars: float, euros: float) -> JournalDocument:
    """Dr 1150, Cr 4000 at 0.90."""
    amount, ledger = round(dollars * AMOUNT_ONE), round(euros * AMOUNT_ONE)
    return document(1)._replace(
        currency="USD",
        currency_id="USD",
        exchange_rate=IN_USD,
        lines=(DocumentLine("91150", amount, ledger, "1150"), DocumentLine("94000", -amount, -ledger, "4000")),
    )


def test_a_journal_that_was_changed_to_the_ledgers_currency_is_found() -> None:
    """1,000.00 USD became 1,000.00 EUR. An ERP that keeps the ledger's currency alone has 900.00 EUR."""
    made = in_dollars(1_000, 900)
    edited = entry(made, currency="EUR", lines=lines(("91150", 1_000), ("94000", -1_000)))
    found = compared([edited], [ExpectedDocument(made, is_posted=True)])
    assert [(each.cause, each.amount, each.currency, each.message) for each in found.differences] == [
        ("currency", 1_000 * AMOUNT_ONE, "USD", "JE-J-1: expected USD, the ERP has EUR")
    ]
    assert [
        (each.currency, each.ours_debits, each.theirs_debits) for each in found.sums if each.account == "91150"
    ] == [("EUR", 0, 1_000 * AMOUNT_ONE), ("USD", 1_000 * AMOUNT_ONE, 0)]
    kept = entry(made, currency="EUR", lines=lines(("91150", 900), ("94000", -900)), is_in_ledger_currency=True)
    assert compared([kept], [ExpectedDocument(made, is_posted=True)]).differences == ()


def converted(of: JournalDocument, debit: float, credit: float) -> LedgerEntry:
    """Two lines of 1,000.00 or so, with these amounts in the ledger's currency."""
    sides = zip(of.lines[:2], (debit, credit), strict=True)
    return entry(
        of, lines=tuple(LedgerLine(each.account, each.amount, round(units * AMOUNT_ONE)) for each, units in sides)
    )


@pytest.mark.parametrize(
    ("theirs", "money"),
    [(900.50, 0), (900.45, 0), (900.46, 0), (900.51, 0), (900.47, 0.03), (900.52, 0.02), (1_800.90, 900.40), (0, 900.50)],
)  # fmt: skip
def test_other_amounts_in_the_ledgers_currency_are_found(theirs: float, money: float) -> None:
    """Ten of 100.05 USD at 0.90, each 90.05 EUR here: 900.50. The ERP converts 1,000.50 at once: 900.45.

    Two lines are half a cent each: the ERP may have 0.01 more or less than either.
    """
    made = in_dollars(1_000.50, 900.50)
    there = converted(made, theirs, -theirs)
    found = compared([there], [ExpectedDocument(made, is_posted=True)]).differences
    assert [(each.cause, each.amount, each.currency) for each in found] == (
        [("amount", round(money * AMOUNT_ONE), "EUR")] if money else []
    )
    assert not compared([there._replace(is_posted=False)], [ExpectedDocument(made, is_posted=False)]).differences, (
        "not yet"
    )


def test_amounts_of_the_ledger_that_are_moved_are_found_and_the_erps_rounding_is_not() -> None:
    """1,000.00 USD at 0.90; the ERP books a cent that is left on an account of its own."""
    made = in_dollars(1_000, 900)
    cent = AMOUNT_ONE // 100
    theirs = converted(made, 900, -899.99)
    theirs = theirs._replace(lines=(*theirs.lines, LedgerLine("87", 0, -cent)))
    assert compared([theirs], [ExpectedDocument(made, is_posted=True)]).differences == ()
    theirs = converted(made, 900, -800)
    theirs = theirs._replace(lines=(*theirs.lines, LedgerLine("87", 0, -100 * AMOUNT_ONE)))
    (difference,) = compared([theirs], [ExpectedDocument(made, is_posted=True)]).differences
    assert (difference.cause, difference.account, difference.amount) == ("account", "94000", 100 * AMOUNT_ONE)
    assert difference.message == (
        "JE-J-1: 87: expected nothing, found Cr 100.00 EUR; 94000: expected Cr 900.00 EUR, found Cr 800.00 EUR"
    )


def test_more_differences_than_an_event_holds_are_counted_and_summed() -> None:
    """1,003 are missing, of 1.00 to 1,003.00. The three with the least money are one a currency: 1.00 + 3.00 EUR, and 2.00 USD."""
    many = [
        ExpectedDocument(
            document(1)._replace(
                key=key_of("journal", [f"K-{number}"]), lines=_lines(number), currency="USD" if number == 2 else "EUR"
            ),
            is_posted=True,
        )
        for number in range(1, 1_004)
    ]
    *named, euro, dollars = compared([], many).differences
    assert (len(named), named[-1].amount) == (1_000, 4 * AMOUNT_ONE)
    assert euro == LedgerDifference(
        "more-EUR", "more", "2 further differences of less money: 2 missing", 4 * AMOUNT_ONE, "EUR"
    )
    assert dollars == LedgerDifference(
        "more-USD", "more", "1 further difference of less money: 1 missing", 2 * AMOUNT_ONE, "USD"
    )


def _lines(number: int) -> tuple[DocumentLine, ...]:
    amount = number * AMOUNT_ONE
    return (DocumentLine("91150", amount, amount, "1150"), DocumentLine("94000", -amount, -amount, "4000"))


def test_days_at_the_edges_of_a_period_are_in_it() -> None:
    first, last = (
        document(number, accounting_date=day) for number, day in ((1, JUNE.since), (2, JUNE.to - timedelta(days=1)))
    )
    assert compared([entry(first), entry(last)], [ExpectedDocument(first, True), ExpectedDocument(last, True)]).agreed == 2  # fmt: skip
