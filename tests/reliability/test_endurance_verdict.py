"""When the ledger of a simulated ERP counts as ours."""

from __future__ import annotations

from domain.delivery.documents import JOURNAL as JOURNAL_KIND
from domain.delivery.documents import key_of
from domain.delivery.journals import IN_LEDGER
from domain.delivery.ledgers import LedgerEntry, LedgerLine
from domain.units import AMOUNT_ONE, EXCHANGE_RATE_ONE
from tests.domain.delivery.journals import journal, line
from tests.endurance.verdict import Books, faults

JOURNAL = journal(
    "J-1",
    [line("1160", 100, 116), line("4000", -100, -116)],
    currency="GBP",
    exchange_rate=EXCHANGE_RATE_ONE * 116 // 100,
)
DAY = JOURNAL.accounting_date.isoformat()


def of(currency: str, units: int) -> dict[tuple[str, ...], int]:
    return {(currency, "1160", DAY): units * AMOUNT_ONE, (currency, "4000", DAY): -units * AMOUNT_ONE}


def test_an_erp_that_keeps_the_ledger_currency_alone_is_compared_in_it() -> None:
    """100.00 GBP at 1.16 stand there as 116.00 EUR."""
    ours = Books({"MPJ1": JOURNAL}, of("GBP", 100), of("EUR", 116))
    lines = tuple(LedgerLine(each.account, each.ledger_amount, each.ledger_amount) for each in JOURNAL.lines)
    entry = LedgerEntry("MPJ1", "1", JOURNAL.accounting_date, "2026-06", "EUR", is_posted=True, lines=lines)
    assert list(faults(ours, [entry._replace(is_in_ledger_currency=True)])) == []
    assert f"balance of EUR 1160 {DAY}: 0.00, in the ERP 116.00" in list(faults(ours, [entry]))


def test_what_is_carried_at_another_rate_stands_beside() -> None:
    """100.00 GBP that are carried at 110.00 EUR: 116.00 by the rate, and -6.00 EUR beside them."""
    carried = journal(
        "J-2",
        [line("2300", 100, 110), line("4000", -100, -110)],
        currency="GBP",
        exchange_rate=EXCHANGE_RATE_ONE * 116 // 100,
    )
    main, beside = key_of(JOURNAL_KIND, ["J-2"]), key_of(JOURNAL_KIND, ["J-2"], IN_LEDGER)
    both = [(main, "GBP", 100, 116), (beside, "EUR", -6, -6)]

    def there(*some: tuple[str, str, int, int]) -> list[LedgerEntry]:
        return [
            LedgerEntry(
                key,
                key,
                carried.accounting_date,
                "2026-06",
                currency,
                is_posted=True,
                lines=tuple(
                    LedgerLine(account, sign * units * AMOUNT_ONE, sign * ledger * AMOUNT_ONE)
                    for account, sign in (("2300", 1), ("4000", -1))
                ),
            )
            for key, currency, units, ledger in some
        ]

    sums: dict[tuple[str, ...], int] = {
        ("GBP", account, DAY): sign * 100 * AMOUNT_ONE for account, sign in (("2300", 1), ("4000", -1))
    }
    places = frozenset(("EUR", account, DAY) for account in ("2300", "4000"))
    ours = Books({main: carried}, sums, {}, places)
    assert list(faults(ours, there(*both))) == []
    assert list(faults(ours, there(both[0]))) == [
        "J-2 of EUR 2300: 110.00, in the ERP 116.00",
        "J-2 of EUR 4000: -110.00, in the ERP -116.00",
    ]
    assert list(faults(ours, there(*both, both[1]))) != []
