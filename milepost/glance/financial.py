"""`milepost ledger --statement`: profit and loss and balance sheet of a company, as tables in any form."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from domain.accounts import CONTRACT_ASSET, CONTRACT_LIABILITY, CONTRACT_SIDES
from domain.identity import composed
from domain.ledger.financial_statement import (
    BALANCE_SHEET,
    EARLIER,
    PROFIT_AND_LOSS,
    RESULTS,
    FinancialLine,
    YearSoFar,
    balance_sheet,
    on_one_side,
    profit_and_loss,
)
from domain.ledger.trial_balance import LedgerMove
from domain.units import Amount
from milepost.glance.figures import Figure, OtherSide, Part, moved_part
from milepost.glance.sheet import FILES_ONLY, CellKind, Glance, GlanceColumn, GlanceReport, GlanceRow, InRow, keyed

STATEMENT: Final = "statement"
# Accounts that statements show above zero where they are credits.
CREDITS: Final = ("2", "4")
COLUMNS: Final = (
    GlanceColumn("part", "part", CellKind.TEXT, FILES_ONLY),
    GlanceColumn("group", "group", CellKind.TEXT, 1),
    GlanceColumn("account", "account", CellKind.ID),
    GlanceColumn("name", "name", CellKind.TEXT),
    GlanceColumn("currency", "currency", CellKind.TEXT, FILES_ONLY),
)
# Of each part its first and its last figure.
FIGURES: Final = {
    PROFIT_AND_LOSS: (GlanceColumn("period", "period"), GlanceColumn("year", "year to date")),
    BALANCE_SHEET: (GlanceColumn("beginning", "beginning"), GlanceColumn("end", "end")),
}
NOTES: Final = (
    "Profit and loss: the period, and the fiscal year up to its end. Balance sheet: the beginning and the end of the period.",
    "Revenue, liabilities and results are shown above zero where they are credits. The books close no year.",
    "A contract's 1160 and 2300 stand on one side: below zero together they are a contract liability.",
)


class LedgerMoves(NamedTuple):
    """What journals moved on accounts of a company, by period and account, in ledger currency; debits are positive. `of_contracts` is
    what of it is on 1160 and 2300, by period, contract and account."""

    legal_entity_id: str
    ledger_currency: str
    by_period: Mapping[str, Mapping[str, Amount]]
    of_contracts: Mapping[str, Mapping[tuple[str, str], Amount]]

    def balance(self, account: str, before: str) -> Amount:
        """Of the periods before one, or up to one, given what sorts after it."""
        return sum(moved.get(account, 0) for period, moved in self.by_period.items() if period < before)

    @property
    def accounts(self) -> list[str]:
        """With both sides of contracts: a balance sheet may have one on which nothing is posted."""
        posted = {account for moved in self.by_period.values() for account in moved}
        return sorted(posted.union(CONTRACT_SIDES) if posted.intersection(CONTRACT_SIDES) else posted)

    def presented(self, account: str, before: str) -> Amount:
        """As the balance sheet has it, where each contract stands on one side (R46)."""
        return self.balance(account, before) + sum(self.brought_over(account, before).values())

    def brought_over(self, account: str, before: str) -> dict[str, Amount]:
        """By contract what comes to an account from its other side."""
        if account not in CONTRACT_SIDES:
            return {}
        sides: dict[str, dict[str, Amount]] = defaultdict(lambda: defaultdict(int))
        for period, moved in self.of_contracts.items():
            if period < before:
                for (contract_id, side), amount in moved.items():
                    sides[contract_id][side] += amount
        sign = 1 if account == CONTRACT_ASSET else -1
        return {
            contract_id: sign * over
            for contract_id, of in sorted(sides.items())
            if (over := on_one_side(of[CONTRACT_ASSET], of[CONTRACT_LIABILITY]))
        }


def ledger_moves(legal_entity_id: str, ledger_currency: str, moved: Iterable[LedgerMove]) -> LedgerMoves:
    by_period: dict[str, dict[str, Amount]] = defaultdict(lambda: defaultdict(int))
    of_contracts: dict[str, dict[tuple[str, str], Amount]] = defaultdict(lambda: defaultdict(int))
    for period, account, contract_id, amount in moved:
        by_period[period][account] += amount
        if account in CONTRACT_SIDES and contract_id is not None:
            of_contracts[period][contract_id, account] += amount
    return LedgerMoves(legal_entity_id, ledger_currency, by_period, of_contracts)


def financial_statement(sums: LedgerMoves, period: str) -> GlanceReport:
    """Of a company and an accounting period such as 2026-03."""
    year, end = _year(period), _after(period)
    accounts = [
        YearSoFar(account, sums.balance(account, year), sums.presented(account, period), sums.presented(account, end))
        for account in sums.accounts
    ]
    parts = {PROFIT_AND_LOSS: [*profit_and_loss(accounts)], BALANCE_SHEET: [*balance_sheet(accounts)]}
    sums_of = {line.name: line for line in parts[BALANCE_SHEET] if not line.account}
    assets, others = sums_of["assets"], sums_of["liabilities and results"]
    holds = (assets.first, assets.last) == (others.first, others.last)
    foots = "Assets are liabilities and results" if holds else "DOES NOT FOOT: assets are not liabilities and results"
    whose = f"of {sums.legal_entity_id} {period} in {sums.ledger_currency}"
    tables = tuple(
        (
            part,
            Glance(
                STATEMENT, f"{part.capitalize()} {whose}", "", (*COLUMNS, *FIGURES[part]), _rows(sums, period, lines)
            ),
        )
        for part, lines in parts.items()
    )
    return GlanceReport(STATEMENT, f"Profit and loss and balance sheet {whose}", tables, (foots, *NOTES))


def _rows(sums: LedgerMoves, period: str, lines: list[FinancialLine]) -> list[GlanceRow]:
    """Of one part; a subtotal sums the rows above it of its group; what stands under others says which."""
    rows: list[GlanceRow] = []
    by_name: dict[str, GlanceRow] = {}
    for line in lines:
        name = line.account or line.name
        texts = {
            "part": line.part,
            "group": line.group or None,
            "account": line.account or None,
            "name": line.name,
            "currency": sums.ledger_currency,
        }
        above = [row for row in rows if row.cells["group"] == line.name]
        under = [(by_name[each], sign) for each, sign in UNDER.get(line.name, ())]
        of = [(row, 1) for row in above] or under
        columns = (column.name for column in FIGURES[line.part])
        figures = {
            column: Figure(value, partial(_parts, sums, period, line, of, column))
            for column, value in zip(columns, (line.first, line.last), strict=True)
        }
        key = sums.legal_entity_id, period, line.part.replace(" ", "_"), name.replace(" ", "_")
        row = keyed(composed(*key), texts, figures)._replace(is_sum=not line.group)
        rows.append(row)
        by_name[line.name] = row
    return rows


# What a line comes to that is no sum of its own accounts: `result` is gross margin less other expense.
UNDER: Final = {
    "gross margin": (("revenue", 1), ("project cost", -1)),
    "result": (("gross margin", 1), ("other expense", -1)),
    "assets": (("cash and receivables", 1), ("other assets", 1)),
    "liabilities and results": (("liabilities", 1), ("result of earlier years", 1), ("result of the year", 1)),
}


def _parts(
    sums: LedgerMoves, period: str, line: FinancialLine, of: list[tuple[GlanceRow, int]], column: str
) -> list[Part]:
    """Of a subtotal the lines that it sums, else what each period moved."""
    if of:
        return [Part(sign * row.amount(column), InRow(row, column, sign < 0)) for row, sign in of]
    year, end = _year(period), _after(period)
    if line.account:
        is_credit = line.account.startswith(CREDITS)
        if line.part == BALANCE_SHEET:
            before = end if column == "end" else period
            moved = _moved(sums, (line.account,), "", before, is_credit=is_credit)
            return [*moved, *_brought_over(sums, line.account, before, is_credit=is_credit)]
        return _moved(sums, (line.account,), year if column == "year" else period, end, is_credit=is_credit)
    if not line.group:
        return []
    results = tuple(account for account in sums.accounts if account.startswith(RESULTS))
    if line.name == EARLIER:
        return _moved(sums, results, "", year, is_credit=True)
    return _moved(sums, results, year, end if column == "end" else period, is_credit=True)


def _moved(sums: LedgerMoves, accounts: Sequence[str], since: str, before: str, *, is_credit: bool) -> list[Part]:
    return [
        moved_part(sums.legal_entity_id, period, account, moved, is_credit=is_credit)
        for period, of_period in sorted(sums.by_period.items())
        if since <= period < before
        for account in accounts
        if (moved := of_period.get(account, 0))
    ]


def _brought_over(sums: LedgerMoves, account: str, before: str, *, is_credit: bool) -> list[Part]:
    other = CONTRACT_LIABILITY if account == CONTRACT_ASSET else CONTRACT_ASSET
    return [
        Part(-over if is_credit else over, OtherSide(f"{contract_id}, whose {other} stands here too (R46)"))
        for contract_id, over in sums.brought_over(account, before).items()
    ]


def _year(period: str) -> str:
    return f"{period.partition('-')[0]}-01"


def _after(period: str) -> str:
    """What sorts after the period and before the next one."""
    return f"{period}~"
