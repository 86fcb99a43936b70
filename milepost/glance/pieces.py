"""What stands on 1150 and 1160, in pieces that each have one reason why they are not invoiced.

A line of a journal is on the first statement that was issued after it with its row. What is on none waits: it is on hold, is on a draft
that waits for approval, is billed by a schedule, is over a purchase order or over a cap that limits billing alone, or comes with the next
statement. An invoice whose statement bills more than its rows had earned (an instalment, a fee in advance) takes the oldest of what its
contract has earned by schedule; so does such a statement before its invoice.

    earned by schedule 6,000.00 in January and 4,000.00 in February; an instalment of 7,000.00 is invoiced: 3,000.00 of February are left
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from connectors.files.glance_index import AboutSum
from connectors.files.glance_rows import HOLD, INVOICED
from domain.accounts import CONTRACT_ASSET
from domain.billing.statement import ISSUED
from domain.caps.purchase_order import OVER_ORDER
from domain.identity import parts_of
from domain.money import HALF_UP, round_ratio, smallest_unit
from domain.units import Amount
from domain.work.rows import FEE, SCHEDULED_REVENUE, named
from milepost.glance.firm import FirmAtMoment, lines_of, text

BY_SCHEDULE: Final = frozenset({"FixedPrice", "Milestones", "Subscription", "Retainer"})
DRAWN: Final = "draw_down"
OVER_CAPS: Final = "over_cap"


class Reason(StrEnum):
    NOT_CUT = "next statement"
    HELD = "on hold"
    APPROVAL = "waiting for approval"
    SCHEDULE = "billed by schedule"
    STATEMENT = "on a statement, not invoiced"
    ORDER = "over a purchase order"
    AHEAD = "invoiced ahead of it"
    OVER_CAP = "over cap"
    NOT_EARNED = "over cap, no revenue"


# What exceptions say that lies over a limit of billing.
LIMITS: Final = {OVER_ORDER: Reason.ORDER, OVER_CAPS: Reason.OVER_CAP}


@dataclass(slots=True)
class UnbilledPiece:
    """`day` is the service date as an ordinal, of a statement the first day of its period."""

    entity_id: str
    ledger_currency: str
    currency: str
    project_id: str
    contract_id: str
    customer_id: str
    account: str
    row: str
    rule: str
    day: int
    amount: Amount
    ledger: Amount
    reason: Reason = Reason.NOT_CUT
    statement_id: str = ""
    exception_id: str = ""


def pieces(firm: FirmAtMoment) -> list[UnbilledPiece]:
    """All of them; they sum to the two accounts."""
    on_none, on_one = firm.unbilled
    waiting = [_piece(each) for each in on_none]
    by_contract: dict[tuple[str, ...], list[UnbilledPiece]] = defaultdict(list)
    for piece in sorted(waiting, key=lambda each: (each.day, each.row)):
        by_contract[_key(piece)].append(piece)
    found = _of_statements(firm, on_one, by_contract)
    _give_reasons(firm, waiting)
    for category, reason in LIMITS.items():
        found += _over_limits(firm, waiting, category, reason)
    return [piece for piece in (*waiting, *found) if piece.amount or piece.ledger]


def _piece(each: AboutSum) -> UnbilledPiece:
    whose = each.project_id, each.contract_id, each.customer_id, each.account, each.about, each.rule
    return UnbilledPiece(
        each.entity_id, each.ledger_currency, each.currency, *whose, each.day, each.amount, each.ledger
    )


def _key(piece: UnbilledPiece) -> tuple[str, ...]:
    return piece.entity_id, piece.currency, piece.contract_id, piece.project_id


# Statements


def _of_statements(
    firm: FirmAtMoment, on_one: Iterable[AboutSum], waiting: dict[tuple[str, ...], list[UnbilledPiece]]
) -> list[UnbilledPiece]:
    invoiced, statements = firm.named(INVOICED), firm.statements
    found: list[UnbilledPiece] = []
    relieved: dict[tuple[str, ...], UnbilledPiece] = {}
    for each in on_one:
        piece = _piece(each)
        piece.statement_id, piece.reason = each.about, Reason.STATEMENT
        if each.about not in invoiced:
            found.append(piece)
            continue
        known = relieved.setdefault(_key(piece), piece)
        if known is not piece:
            known.amount, known.ledger = known.amount + piece.amount, known.ledger + piece.ledger
    for key, rest in relieved.items():
        rest.reason = Reason.AHEAD
        _take(rest, waiting.get(key, []))
        found.append(rest)
    carried: dict[str, Amount] = defaultdict(int)
    for piece in found:
        carried[piece.statement_id] += piece.amount
    for statement in statements.values():
        if statement.status == ISSUED and statement.statement_id not in invoiced:
            billed = statement.total - carried[statement.statement_id]
            for key, rows in waiting.items():
                if key[1] == statement.currency and key[2] == statement.contract_id and billed > 0:
                    billed -= _bill(statement.statement_id, billed, rows, found)
    return found


def _take(rest: UnbilledPiece, rows: list[UnbilledPiece]) -> None:
    """Off the oldest, as they are carried; what they do not have stays."""
    for row in rows:
        if rest.amount >= 0 or row.amount <= 0:
            continue
        part = min(row.amount, -rest.amount)
        ledger = _carried(row, part)
        row.amount, row.ledger = row.amount - part, row.ledger - ledger
        rest.amount, rest.ledger = rest.amount + part, rest.ledger + ledger
    if not rest.amount and rest.ledger and (left := [row for row in rows if row.amount]):
        left[0].ledger, rest.ledger = left[0].ledger + rest.ledger, 0


def _bill(statement_id: str, billed: Amount, rows: list[UnbilledPiece], found: list[UnbilledPiece]) -> Amount:
    """What of the oldest contract asset the statement bills, as pieces of their own."""
    taken = 0
    for row in rows:
        part = min(row.amount, billed - taken)
        if part > 0 and row.account == CONTRACT_ASSET:
            found.append(_parted(row, part, Reason.STATEMENT, statement_id=statement_id))
            taken += part
    return taken


def _carried(piece: UnbilledPiece, part: Amount) -> Amount:
    """The ledger amount of a part; the whole for the whole."""
    if part == piece.amount:
        return piece.ledger
    return round_ratio(piece.ledger * part, piece.amount, smallest_unit(piece.ledger_currency), HALF_UP)


def _parted(
    piece: UnbilledPiece, amount: Amount, reason: Reason, *, statement_id: str = "", exception_id: str = ""
) -> UnbilledPiece:
    """A part of a piece, for a reason of its own; the piece has the rest."""
    ledger = _carried(piece, amount)
    piece.amount, piece.ledger = piece.amount - amount, piece.ledger - ledger
    return replace(
        piece, amount=amount, ledger=ledger, reason=reason, statement_id=statement_id, exception_id=exception_id
    )


# Reasons


def _give_reasons(firm: FirmAtMoment, waiting: Iterable[UnbilledPiece]) -> None:
    """The first that holds: a hold, a draft, a schedule."""
    drafted, holds = firm.drafted, _Holds(firm)
    for piece in waiting:
        if holds.has(piece):
            piece.reason = Reason.HELD
        elif (statement_id := drafted.get(piece.row)) is not None:
            piece.reason, piece.statement_id = Reason.APPROVAL, statement_id
        elif piece.account == CONTRACT_ASSET and _is_by_schedule(firm, piece):
            piece.reason = Reason.SCHEDULE


def _is_by_schedule(firm: FirmAtMoment, piece: UnbilledPiece) -> bool:
    """Revenue over time and what is drawn of a retainer; hours where no line of the project bills them."""
    kind, _ = named(piece.row)
    if kind == SCHEDULED_REVENUE or piece.rule == DRAWN:
        return True
    contract = firm.contracts.get(piece.contract_id)
    terms = [terms for _, project, terms in lines_of(contract or {}) if project == piece.project_id]
    return kind != FEE and bool(terms) and BY_SCHEDULE.issuperset(terms)


def _over_limits(
    firm: FirmAtMoment, waiting: Iterable[UnbilledPiece], category: str, reason: Reason
) -> list[UnbilledPiece]:
    """What is earned and may not be billed: the newest of the contract's work on 1160, as much as the limit's exception says."""
    found: list[UnbilledPiece] = []
    by_contract: dict[tuple[str, str], list[UnbilledPiece]] = defaultdict(list)
    for piece in sorted(waiting, key=lambda each: (each.day, each.row), reverse=True):
        if piece.reason is Reason.NOT_CUT and piece.account == CONTRACT_ASSET:
            by_contract[piece.contract_id, piece.currency].append(piece)
    for one in firm.exceptions:
        if one.category == category:
            over = one.amount
            for piece in by_contract[one.contract_id, one.currency]:
                part = max(min(piece.amount, over), 0)
                if part:
                    found.append(_parted(piece, part, reason, exception_id=one.exception_id))
                    over -= part
    return found


class _Holds:
    """Those that are placed and not released."""

    def __init__(self, firm: FirmAtMoment) -> None:
        self._firm = firm
        placed = [each for each in firm.named(HOLD).values() if not each.get("released")]
        self._scopes = {(text(each, "scope"), text(each, "id")) for each in placed}
        self._lines = firm.lines_of_hours() if any(kind == "line" for kind, _ in self._scopes) else {}

    def has(self, piece: UnbilledPiece) -> bool:
        if not self._scopes:
            return False
        names = {
            ("contract", piece.contract_id),
            ("project", piece.project_id),
            ("bill_to", piece.customer_id),
            ("entry", named(piece.row)[1]),
            ("line", self._line_of(piece)),
        }
        return not self._scopes.isdisjoint(names)

    def _line_of(self, piece: UnbilledPiece) -> str:
        """Stated by the fee or the entry, else the only line of the project."""
        kind, fact = named(piece.row)
        if kind in {FEE, SCHEDULED_REVENUE}:
            return parts_of(fact)[1]
        if (stated := self._lines.get(piece.row)) is not None:
            return stated
        contract = self._firm.contracts.get(piece.contract_id)
        lines = [line for line, project, _ in lines_of(contract or {}) if project == piece.project_id]
        return lines[0] if len(lines) == 1 else ""
