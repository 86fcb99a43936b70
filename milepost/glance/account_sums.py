"""What journals have on accounts and what is unbilled, in columns of a table whose rows are by company: of projects, and of clients; and
what holds all tables to the ledger, their sums beside those of accounts."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from connectors.files.glance_index import AccountSum
from domain.units import Amount
from milepost.glance.figures import BeforeTheBooks, Figure, Part, sum_of
from milepost.glance.firm import FirmAtMoment
from milepost.glance.pieces import Reason, UnbilledPiece, pieces
from milepost.glance.sheet import LedgerFoot


class TableFigure(NamedTuple):
    """A part of what a table has of accounts, in ledger currency; debits are positive."""

    what: str
    entity_id: str
    ledger_currency: str
    amount: Amount


def feet_of(
    firm: FirmAtMoment, figures: Iterable[TableFigure], accounts: Mapping[str, tuple[str, ...]]
) -> list[LedgerFoot]:
    """What the figures come to by company and ledger currency, beside the accounts that they are about."""
    sums: dict[str, dict[tuple[str, str], Amount]] = {what: defaultdict(int) for what in accounts}
    for each in figures:
        sums[each.what][each.entity_id, each.ledger_currency] += each.amount
    feet = []
    for what, of in accounts.items():
        in_ledger = firm.in_ledger(of)
        for key in sorted({*sums[what], *in_ledger}):
            foot = LedgerFoot(what, *key, of, sums[what].get(key, 0), in_ledger.get(key, 0))
            if foot.in_table or foot.in_ledger:
                feet.append(foot)
    return feet


# 1150 and 1160, by whether a statement has it.
UNBILLED_COLUMN, ON_STATEMENT = "unbilled", "on_statement"
# A column of what balances brought forward of another, and those that have one, with the sign of what the ledger has.
BEFORE: Final = "_before"
OPENED: Final = {"revenue": -1, "cost": 1}

# By project or client, company and ledger currency, what each column sums; debits are positive.
Sums = dict[tuple[str, str, str], dict[str, list[Part]]]


def account_sums(
    firm: FirmAtMoment, columns: Mapping[str, tuple[str, ...]], whose: Callable[[AccountSum | UnbilledPiece], str]
) -> Sums:
    """`columns` are accounts by column; `whose` names the project or the client."""
    named = {account: column for column, accounts in columns.items() for account in accounts}
    found: Sums = defaultdict(lambda: defaultdict(list))
    for each in firm.accounts:
        if (column := named.get(each.account)) is not None and each.ledger:
            of_key = found[whose(each), each.entity_id, each.ledger_currency]
            of_key[column].append(Part(each.ledger, each))
            if each.opening and column in OPENED:
                of_key[f"{column}{BEFORE}"].append(Part(each.opening, BeforeTheBooks(each)))
    for piece in pieces(firm):
        column = ON_STATEMENT if piece.reason is Reason.STATEMENT else UNBILLED_COLUMN
        found[whose(piece), piece.entity_id, piece.ledger_currency][column].append(Part(piece.ledger, piece))
    return found


def before(sums: Mapping[str, Sequence[Part]]) -> dict[str, Figure]:
    """What of revenue and cost balances brought forward; nothing where nothing is."""
    return {
        f"{name}{BEFORE}": sum_of(sums[f"{name}{BEFORE}"], sign)
        for name, sign in OPENED.items()
        if f"{name}{BEFORE}" in sums
    }


def to_foot(every: Sums, accounts: Mapping[str, tuple[str, ...]]) -> Iterator[TableFigure]:
    """All that stands beside accounts of the ledger; what is on a statement is a part of unbilled there."""
    for (_, entity_id, currency), sums in every.items():
        for column, parts in sums.items():
            what = UNBILLED_COLUMN if column == ON_STATEMENT else column
            if what in accounts:
                yield TableFigure(what, entity_id, currency, sum(part.value for part in parts))
