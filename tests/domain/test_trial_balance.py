"""A trial balance and its roll-forwards, with figures that can be checked on paper."""

from __future__ import annotations

from datetime import date

from domain.ledger.trial_balance import ContractMoves, LedgerSums, Moves, RollForward, feet, is_period, total
from domain.outputs import JournalEntry, JournalLine

Line = tuple[str, int, int]


def journal(
    period: str, kind: str, entry_id: str, *lines: Line, contract_id: str | None = "K", currency: str = "USD"
) -> JournalEntry:
    """Lines are account, amount and ledger amount in whole units."""
    return JournalEntry(
        journal_id=f"E.{period}{kind}{entry_id}",
        kind=kind,
        legal_entity_id="LE",
        currency=currency,
        ledger_currency="EUR",
        exchange_rate=10**12,
        accounting_date=date(int(period[:4]), int(period[5:]), 1),
        period=period,
        rule="time",
        affected_kind="time_entry",
        affected_id=entry_id,
        affected_version=1,
        cause_kind="time_entry",
        cause_id=entry_id,
        cause_version=1,
        deliver=True,
        lines=tuple(
            JournalLine(account, "revenue", amount * 10_000, ledger * 10_000) for account, amount, ledger in lines
        ),
        contract_id=contract_id,
    )


def books() -> LedgerSums:
    """January: 1,000 accrued and 400 of it invoiced. February: 300 of T-1 taken back and 200 posted for it again."""
    sums = LedgerSums("LE")
    for each in (
        journal("2026-01", "posting", "T-1", ("1150", 300, 270), ("4000", -300, -270)),
        journal("2026-01", "posting", "T-2", ("1150", 700, 630), ("4000", -700, -630)),
        journal("2026-01", "billing", "S-1", ("1100", 400, 350), ("1150", -400, -360), ("7110", 0, 10)),
        journal("2026-02", "reversal", "T-1", ("1150", -300, -270), ("4000", 300, 270)),
        journal("2026-02", "posting", "T-1", ("1150", 200, 180), ("4000", -200, -180)),
        journal("2026-02", "difference", "T-2", ("1150", -50, -45), ("4000", 50, 45)),
        journal("2026-02", "posting", "T-3", ("1150", 90, 80), ("4000", -90, -80), contract_id="K-2"),
    ):
        sums.add(each)
    return sums


def in_units(moves: Moves) -> tuple[int, ...]:
    return tuple(amount // 10_000 for amount in (*moves, moves.closing))


def roll(rolls: tuple[RollForward, ...], balance: str, contract_id: str) -> RollForward:
    return next(each for each in rolls if (each.balance, each.contract_id) == (balance, contract_id))


def test_accounts_open_with_what_earlier_periods_left() -> None:
    found = books().trial_balance("2026-02")
    unbilled = next(line for line in found.ledger if line.account == "1150")
    assert (unbilled.opening, unbilled.debits, unbilled.credits) == (540_0000, 260_0000, 315_0000)
    assert (unbilled.movement, unbilled.closing) == (-55_0000, 485_0000)
    receivable = next(line for line in found.transaction if line.account == "1100")
    assert (receivable.currency, receivable.opening, receivable.closing) == ("USD", 400_0000, 400_0000)


def test_unbilled_rolls_forward_from_opening_to_closing() -> None:
    """What is posted for an entry after it was taken back is a correction, not an addition."""
    january = roll(books().trial_balance("2026-01").rolls, "unbilled", "K")
    february = roll(books().trial_balance("2026-02").rolls, "unbilled", "K")
    assert in_units(january.amounts) == (0, 1000, -400, 0, 600)
    assert in_units(february.amounts) == (600, 0, 0, -150, 450)
    assert in_units(february.ledger) == (540, 0, 0, -135, 405)


def test_contracts_sum_to_their_total() -> None:
    rolls = books().trial_balance("2026-02").rolls
    assert in_units(total("unbilled", rolls, "USD")) == (600, 90, 0, -150, 540)
    assert in_units(total("unbilled", rolls)) == (540, 80, 0, -135, 485)


def test_deferred_revenue_counts_in_the_contract_position_alone() -> None:
    sums = books()
    sums.add(journal("2026-02", "posting", "D", ("1100", 500, 450), ("2300", -500, -450)))
    rolls = sums.trial_balance("2026-02").rolls
    assert roll(rolls, "unbilled", "K").amounts.closing == 450_0000
    assert roll(rolls, "contract_position", "K").amounts.closing == -50_0000


def test_everything_foots() -> None:
    for period in ("2025-12", "2026-01", "2026-02", "2026-03"):
        assert all(foot.holds for foot in feet(books().trial_balance(period))), period


def test_what_does_not_foot_is_told() -> None:
    sums = books()
    sums.add(journal("2026-02", "posting", "X", ("1150", 1, 1)))
    wrong = [foot for foot in feet(sums.trial_balance("2026-02")) if not foot.holds]
    assert [
        (foot.what, foot.expected - foot.found) for foot in wrong if "=" in foot.what and "debits" in foot.what
    ] == [("debits = credits in the ledger", 1_0000), ("debits = credits in transactions", 1_0000)]


def test_a_period_between_others_has_what_was_left() -> None:
    found = books().trial_balance("2026-05")
    assert (found.journals, found.ledger[0].debits) == (0, 0)
    assert roll(found.rolls, "unbilled", "K").amounts == Moves(opening=450_0000)


def test_periods_are_listed_in_order() -> None:
    assert [(each.period, each.journals, each.debits == each.credits) for each in books().periods()] == [
        ("2026-01", 3, True),
        ("2026-02", 4, True),
    ]


def test_names_of_periods() -> None:
    assert [name for name in ("2026-01", "2026-12", "2026-13", "2026-1", "January") if is_period(name)] == [
        "2026-01",
        "2026-12",
    ]


def contract_of(sums: LedgerSums, period: str) -> ContractMoves:
    return next(each for each in sums.trial_balance(period).contracts if each.contract_id == "K")


def test_a_contract_rolls_from_what_is_earned_to_what_is_owed() -> None:
    """January earns 1,000 and invoices 400; February takes 150 back, and 100 of the 400 are paid."""
    sums = books()
    paid = journal("2026-02", "posting", "PAY-1", ("1010", 100, 90), ("1100", -100, -90))
    sums.add(paid._replace(lines=tuple(line._replace(purpose="receipt") for line in paid.lines)))
    january, february = contract_of(sums, "2026-01"), contract_of(sums, "2026-02")
    assert (january.opening, january.earned, january.invoiced, january.closing) == (0, 1000_0000, 400_0000, 600_0000)
    assert (january.owed_before, january.charged, january.paid, january.owed) == (0, 400_0000, 0, 400_0000)
    assert (february.opening, february.earned, february.invoiced, february.closing) == (
        600_0000,
        -150_0000,
        0,
        450_0000,
    )
    assert (february.owed_before, february.charged, february.paid, february.owed) == (400_0000, 0, 100_0000, 300_0000)
    assert (february.other, february.owed_other) == (0, 0)


def test_what_is_credited_is_told_apart() -> None:
    """A price concession of 50 lowers revenue and what is owed, and leaves the position as it is."""
    sums = books()
    sums.add(journal("2026-02", "posting", "CM-1", ("4000", 50, 45), ("1100", -50, -45)))
    february = contract_of(sums, "2026-02")
    assert (february.earned, february.other, february.closing) == (-200_0000, 50_0000, 450_0000)
    assert (february.owed_other, february.owed) == (-50_0000, 350_0000)


def test_what_is_retained_and_deposited_rolls_forward_by_contract() -> None:
    """100 of 1,000 are retained in January and 60 of that released in February; of a deposit of 500 are 200 set against a bill."""
    sums = LedgerSums("LE")
    for each in (
        journal("2026-01", "billing", "S-1", ("1100", 900, 810), ("1170", 100, 90), ("4000", -1000, -900)),
        journal("2026-01", "billing", "S-2", ("1100", 500, 450), ("2310", -500, -450)),
        journal("2026-02", "billing", "S-3", ("1100", 60, 54), ("1170", -60, -54)),
        journal("2026-02", "billing", "S-4", ("2310", 200, 180), ("1150", -200, -180)),
    ):
        sums.add(each)
    found = sums.trial_balance("2026-02")
    assert in_units(roll(found.rolls, "retention", "K").amounts) == (100, 0, -60, 0, 40)
    assert in_units(roll(found.rolls, "deposit", "K").amounts) == (-500, 0, 200, 0, -300)
    assert in_units(roll(found.rolls, "deposit", "K").ledger) == (-450, 0, 180, 0, -270)
    assert [foot.what for foot in feet(found) if not foot.holds] == []
    assert "retention closing = accounts 1170" in {foot.what for foot in feet(found)}


def test_a_company_without_them_is_told_of_neither() -> None:
    assert {foot.what for foot in feet(books().trial_balance("2026-02")) if "1170" in foot.what} == set()
