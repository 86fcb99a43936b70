"""What stands on 1150 and 1160, in pieces that each have one reason why they are not invoiced.

A line of a journal is on the first statement that was issued after it with its row. What is on none waits: it is on hold, is on a draft
that waits for approval, is billed by a schedule, is over a purchase order or over a cap that limits billing alone, or comes with the next
statement. An invoice whose statement bills more than its rows had earned (an instalment, a fee in advance) takes the oldest of what its
contract has earned by schedule; so does such a statement before its invoice. What was billed before the books begin takes the oldest that
stands on its account, and what is stated entry by entry last, as it is not billed.

    earned by schedule 6,000.00 in January and 4,000.00 in February; an instalment of 7,000.00 is invoiced: 3,000.00 of February are left
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from connectors.files.glance_index import ON_NONE, ON_ONE, AboutSum, PublishedStatement, SharedRow, StatedWork
from connectors.files.glance_rows import CONTRACT, HOLD, INVOICED
from domain.accounts import CONTRACT_ASSET
from domain.billing.holds import LINE, entry_scopes, keeps_back, places, projects_of
from domain.billing.shares import Party, shared
from domain.billing.statement import ISSUED
from domain.capabilities import is_unrealised
from domain.caps.purchase_order import OVER_ORDER
from domain.contract import line_for
from domain.identity import parts_of
from domain.money import HALF_UP, carried_part
from domain.overflow import lines_after
from domain.receivables.credit_memo import RULE as CREDIT
from domain.units import Amount
from domain.work.rows import ADJUSTMENT, FEE, OPENING, OVERFLOW, SCHEDULED_REVENUE, TAKEN_AS, is_listed, named, origin
from milepost.glance.firm import FirmAtMoment, lines_of, on_day, parties_stated, text

BY_SCHEDULE: Final = frozenset({"FixedPrice", "Milestones", "Subscription", "Retainer"})
DRAWN: Final = "draw_down"
OVER_CAPS: Final = "over_cap"
NO_WORK: Final = StatedWork("", "", "", "")


class Reason(StrEnum):
    NOT_CUT = "next statement"
    HELD = "on hold"
    APPROVAL = "waiting for approval"
    SCHEDULE = "billed by schedule"
    STATEMENT = "on a statement, not invoiced"
    ORDER = "over a purchase order"
    AHEAD = "invoiced ahead of it"
    OVER_CAP = "over cap"
    ADJUSTED = "adjusted by hand"
    APART = "unrealised exchange difference"
    NOT_EARNED = "over cap, no revenue"


class PieceStep(NamedTuple):
    """How a piece came to what it is: `of` a sum of journals' lines, of which it has the whole where it `is_whole`."""

    title: str
    amount: Amount
    ledger: Amount
    of: AboutSum | None = None
    placed: str = ""
    row: str = ""
    is_whole: bool = True


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
    # Who may be billed for it, where that is not the customer.
    payers: tuple[str, ...] = ()
    reason: Reason = Reason.NOT_CUT
    statement_id: str = ""
    exception_id: str = ""
    steps: list[PieceStep] = field(default_factory=list)

    def move(self, title: str, amount: Amount, ledger: Amount) -> None:
        self.amount, self.ledger = self.amount + amount, self.ledger + ledger
        self.steps.append(PieceStep(title, amount, ledger))


def pieces(firm: FirmAtMoment) -> list[UnbilledPiece]:
    """All of them; they sum to the two accounts."""
    parted = [_parted_row(each) for each in firm.unbilled.shared]
    invoiced = firm.named(INVOICED)
    alone = ((each, _step(each, ON_NONE)) for each in firm.unbilled.on_none if each.about not in invoiced)
    waiting = _by_payer(firm, [*alone, *(one for rest, _ in parted for one in rest)])
    stated = [_piece(each, _step(each, ON_ONE)) for each in firm.unbilled.on_one]
    stated += [_piece(each, _step(each, ON_NONE)) for each in firm.unbilled.on_none if each.about in invoiced]
    stated += [_piece(*one) for _, listed in parted for one in listed]
    found = _of_statements(firm, stated, waiting)
    _give_reasons(firm, waiting)
    found += _over_limits(firm, waiting, OVER_ORDER, Reason.ORDER)
    found += _over_limits(firm, waiting, OVER_CAPS, Reason.OVER_CAP)
    return [piece for piece in (*waiting, *found) if piece.amount or piece.ledger]


_Found = tuple[AboutSum, PieceStep]


def _piece(each: AboutSum, step: PieceStep) -> UnbilledPiece:
    whose = each.project_id, each.contract_id, each.customer_id, each.account, each.about, each.rule
    head = each.entity_id, each.ledger_currency, each.currency
    return UnbilledPiece(*head, *whose, each.day, each.amount, each.ledger, steps=[step])


def _step(each: AboutSum, placed: str) -> PieceStep:
    return PieceStep(f"{each.account}, {each.about}", each.amount, each.ledger, each, placed)


def _part_step(row: str, each: AboutSum, title: str) -> PieceStep:
    return PieceStep(f"{row}, {title}", each.amount, each.ledger, each, "", row, is_whole=False)


def _parted_row(row: SharedRow) -> tuple[list[_Found], list[_Found]]:
    """What is left of a row, and what of it is on which statement: each takes what it lists of what the journals before it came to."""
    about = row.posted[0][1].about if row.posted else ""
    left: dict[tuple[object, ...], AboutSum] = {}
    found: list[_Found] = []
    posted = deque(row.posted)
    for seq, statement_id, listed in (*row.listed, (None, "", 0)):
        while posted and (seq is None or posted[0][0] <= seq):
            _, one = posted.popleft()
            # What a credit memo gives back to be billed is of its invoice's payer alone.
            key = *one[:7], one.rule == CREDIT
            known = left.get(key)
            left[key] = one if known is None else _plus(known, one)
        if seq is None:
            break
        taken = 0
        for of_whom, each in left.items():
            part = each.amount if listed is None else _within(listed - taken, each.amount)
            if part:
                of = each._replace(
                    about=statement_id,
                    amount=part,
                    ledger=carried_part(part, (each.amount, each.ledger), each.ledger_currency, HALF_UP),
                )
                taken += part
                found.append((of, _part_step(about, of, f"what statement {statement_id} lists of it")))
                left[of_whom] = each._replace(amount=each.amount - of.amount, ledger=each.ledger - of.ledger)
    rest = [each for each in left.values() if each.amount or each.ledger]
    return [(each, _part_step(about, each, "what no statement lists of it")) for each in rest], found


def _plus(one: AboutSum, other: AboutSum) -> AboutSum:
    day = min(one.day, other.day)
    return one._replace(day=day, amount=one.amount + other.amount, ledger=one.ledger + other.ledger)


def _within(wanted: Amount, amount: Amount) -> Amount:
    """What of an amount is taken; nothing of one on the other side."""
    return max(min(wanted, amount), 0) if amount > 0 else min(max(wanted, amount), 0)


def _key(piece: UnbilledPiece) -> tuple[str, ...]:
    return piece.entity_id, piece.currency, piece.contract_id, piece.project_id


# Payers


def _by_payer(firm: FirmAtMoment, rows: Iterable[_Found]) -> list[UnbilledPiece]:
    """Where several pay by shares, each has what its share is; of a row that some were billed for the others have what is left.

    520.00 shared 60 to 40 are 312.00 and 208.00; once the first has its statement, the 208.00 that are left are the other's.
    """
    payers = _Payers(firm)
    found = []
    for each, step in rows:
        left, parties = _piece(each, step), payers.of(each)
        left.payers = tuple(party.customer_id for party in parties)
        if any(party.share for party in parties):
            amounts = shared(left.amount, parties, left.currency)
            # A revaluation is in ledger currency alone.
            alone = shared(left.ledger, parties, left.ledger_currency) if not left.amount else [None] * len(parties)
            for party, amount, ledger in [*zip(parties, amounts, alone, strict=True)][1:]:
                part = _parted(left, amount, left.reason, ledger=ledger)
                part.customer_id, part.payers = party.customer_id, (party.customer_id,)
                found.append(part)
            left.customer_id, left.payers = parties[0].customer_id, left.payers[:1]
        found.append(left)
    return found


class _Payers:
    """By the terms of a row's service date. Which of its sources pays is known from the first statement on."""

    def __init__(self, firm: FirmAtMoment) -> None:
        versions = firm.versions(CONTRACT)
        self._terms = {id_: each for id_, each in versions.items() if any(parties_stated(one) for one in each)}
        several = [id_ for id_, each in self._terms.items() if any(len(parties_stated(one)) > 1 for one in each)]
        self._listed = firm.listed_to(several) if several else {}

    def of(self, row: AboutSum) -> tuple[Party, ...]:
        versions = self._terms.get(row.contract_id)
        if versions is None:
            return ()
        parties = parties_stated(on_day(versions, date.fromordinal(row.day)))
        if row.rule == CREDIT:
            return tuple(party for party in parties if party.customer_id == row.customer_id) or parties
        had = self._listed.get(row.about, frozenset())
        return tuple(party for party in parties if party.customer_id not in had) or parties


# Statements


def _of_statements(
    firm: FirmAtMoment, stated: Iterable[UnbilledPiece], waiting: list[UnbilledPiece]
) -> list[UnbilledPiece]:
    invoiced, statements = firm.named(INVOICED), firm.statements
    by_contract: dict[tuple[str, ...], list[UnbilledPiece]] = defaultdict(list)
    for piece in sorted(waiting, key=lambda each: (each.day, each.row)):
        by_contract[_key(piece)].append(piece)
    found: list[UnbilledPiece] = []
    relieved: dict[tuple[str, ...], UnbilledPiece] = {}
    for piece in stated:
        piece.statement_id, piece.reason = piece.row, Reason.STATEMENT
        statement = statements.get(piece.row)
        if statement is not None:
            piece.customer_id = statement.bill_to
        if piece.row not in invoiced:
            found.append(piece)
            continue
        account = piece.account if statement is None else ""
        known = relieved.setdefault((*_key(piece), piece.customer_id, account), piece)
        if known is not piece:
            known.amount, known.ledger = known.amount + piece.amount, known.ledger + piece.ledger
            known.steps += piece.steps
    for rest in relieved.values():
        rest.reason = Reason.AHEAD
        rows = _first(by_contract.get(_key(rest), []), rest.customer_id)
        if rest.row in statements:
            _take(rest, rows, "invoiced ahead of it")
        else:
            of_account = (row for row in rows if row.account == rest.account)
            _take(rest, sorted(of_account, key=lambda row: is_listed(row.row)), "billed before the books begin")
        found.append(rest)
    carried: dict[str, Amount] = defaultdict(int)
    for piece in found:
        carried[piece.statement_id] += piece.amount
    for statement in statements.values():
        if statement.status == ISSUED and statement.statement_id not in invoiced:
            billed = statement.total - carried[statement.statement_id]
            for key, rows in by_contract.items():
                if key[1] == statement.currency and key[2] == statement.contract_id and billed > 0:
                    billed -= _bill(statement, billed, _first(rows, statement.bill_to), found)
    return found


def _first(rows: list[UnbilledPiece], customer_id: str) -> list[UnbilledPiece]:
    """Those of the payer before those of others."""
    return sorted(rows, key=lambda row: row.customer_id != customer_id)


def _take(rest: UnbilledPiece, rows: list[UnbilledPiece], title: str) -> None:
    """Off the oldest, as they are carried; what they do not have stays."""
    for row in rows:
        if rest.amount >= 0 or row.amount <= 0:
            continue
        part = min(row.amount, -rest.amount)
        ledger = _carried(row, part)
        row.move(f"{title}, by statement {rest.row}", -part, -ledger)
        rest.move(f"taken off {row.row}", part, ledger)
    if not rest.amount and rest.ledger and (left := [row for row in rows if row.amount]):
        left[0].move("exchange difference of what is invoiced", 0, rest.ledger)
        rest.move(f"exchange difference, carried by {left[0].row}", 0, -rest.ledger)


def _bill(
    statement: PublishedStatement, billed: Amount, rows: list[UnbilledPiece], found: list[UnbilledPiece]
) -> Amount:
    """What of the oldest contract asset the statement bills, as pieces of their own."""
    taken = 0
    for row in rows:
        part = min(row.amount, billed - taken)
        if part > 0 and row.account == CONTRACT_ASSET:
            piece = _parted(row, part, Reason.STATEMENT, statement_id=statement.statement_id)
            piece.customer_id = statement.bill_to
            found.append(piece)
            taken += part
    return taken


def _carried(piece: UnbilledPiece, part: Amount) -> Amount:
    """The ledger amount of a part; the whole for the whole."""
    return carried_part(part, (piece.amount, piece.ledger), piece.ledger_currency, HALF_UP)


def _parted(
    piece: UnbilledPiece,
    amount: Amount,
    reason: Reason,
    *,
    ledger: Amount | None = None,
    statement_id: str = "",
    exception_id: str = "",
) -> UnbilledPiece:
    """A part of a piece, for a reason of its own; the piece has the rest. In ledger currency it is as carried, unless that is stated."""
    ledger = _carried(piece, amount) if ledger is None else ledger
    made = replace(
        piece, amount=0, ledger=0, reason=reason, statement_id=statement_id, exception_id=exception_id, steps=[]
    )
    first = piece.steps[0]
    of = PieceStep(f"part of {piece.row}", amount, ledger, first.of, "", first.row or piece.row, is_whole=False)
    made.amount, made.ledger, made.steps = amount, ledger, [of]
    piece.move(f"less a part for which another reason or payer counts: {reason}", -amount, -ledger)
    return made


# Reasons


def _give_reasons(firm: FirmAtMoment, waiting: Sequence[UnbilledPiece]) -> None:
    """The first that holds: a hold, a draft, a schedule."""
    drafts, holds = defaultdict[str, dict[str, str]](dict), _Holds(firm, waiting)
    by_schedule = _BySchedule(firm, waiting)
    for (row, bill_to), statement_id in firm.drafted.items():
        drafts[row][bill_to] = statement_id
    for piece in waiting:
        if holds.has(piece):
            piece.reason = Reason.HELD
        elif piece.row in drafts and (draft := _draft_of(piece, drafts[piece.row])):
            piece.reason, piece.statement_id = Reason.APPROVAL, draft
        elif is_unrealised(piece.rule):
            piece.reason = Reason.APART
        elif named(piece.row)[0] == ADJUSTMENT:
            piece.reason = Reason.ADJUSTED
        elif piece.account == CONTRACT_ASSET and by_schedule.has(piece):
            piece.reason = Reason.SCHEDULE


def _draft_of(piece: UnbilledPiece, drafts: Mapping[str, str]) -> str:
    """That of its payer; of what sources pay, any."""
    whose = piece.payers or (piece.customer_id,)
    return next((statement_id for bill_to, statement_id in drafts.items() if bill_to in whose), "")


class _BySchedule:
    """Revenue over time and what is drawn of a retainer; work that a line takes which bills none by itself."""

    def __init__(self, firm: FirmAtMoment, waiting: Iterable[UnbilledPiece]) -> None:
        self._firm = firm
        mixed = {origin(one.row) for one in waiting if one.account == CONTRACT_ASSET and self._are_mixed(one)}
        self._work = firm.work(mixed) if mixed else {}

    def has(self, piece: UnbilledPiece) -> bool:
        kind, _ = named(piece.row)
        if kind == SCHEDULED_REVENUE or piece.rule == DRAWN:
            return True
        terms = self._terms(piece)
        if kind == FEE or not terms:
            return False
        if not self._are_mixed(piece):
            return BY_SCHEDULE.issuperset(terms.values())
        work = self._work.get(origin(piece.row), NO_WORK)
        return terms.get(_line_of(self._firm, piece, work)) in BY_SCHEDULE

    def _are_mixed(self, piece: UnbilledPiece) -> bool:
        found = {terms in BY_SCHEDULE for terms in self._terms(piece).values()}
        return len(found) > 1 and named(origin(piece.row))[0] in TAKEN_AS

    def _terms(self, piece: UnbilledPiece) -> dict[str, str]:
        """Of the contract's lines on the project."""
        contract = self._firm.contracts.get(piece.contract_id) or {}
        return {line: terms for line, project, terms in lines_of(contract) if project == piece.project_id}


def _over_limits(
    firm: FirmAtMoment, waiting: Iterable[UnbilledPiece], category: str, reason: Reason
) -> list[UnbilledPiece]:
    """What is earned and may not be billed: the newest of the contract's work on 1160, as much as the limit's exception says. An order
    limits what is billed by schedule, too."""
    found: list[UnbilledPiece] = []
    by_contract: dict[tuple[str, str], list[UnbilledPiece]] = defaultdict(list)
    limited = (Reason.NOT_CUT, Reason.SCHEDULE) if category == OVER_ORDER else (Reason.NOT_CUT,)
    newest = sorted(waiting, key=lambda each: (each.reason is Reason.NOT_CUT, each.day, each.row), reverse=True)
    for piece in newest:
        if piece.reason in limited and piece.account == CONTRACT_ASSET:
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

    def __init__(self, firm: FirmAtMoment, waiting: Iterable[UnbilledPiece]) -> None:
        self._firm = firm
        placed = [each for each in firm.named(HOLD).values() if not each.get("released")]
        self._held = {(text(each, "scope"), text(each, "id")) for each in placed}
        self._held_lines = {id_ for kind, id_ in self._held if kind == LINE}
        self._work = firm.work(origin(piece.row) for piece in waiting) if self._held else {}

    def has(self, piece: UnbilledPiece) -> bool:
        if not self._held:
            return False
        work = self._work.get(origin(piece.row), NO_WORK)
        line_id = self._line_of(piece, work) if self._held_lines else ""
        projects = projects_of(piece.project_id, work.project_id, stands_there=self._stands_there(piece, work))
        names = places(piece.contract_id, line_id, projects)
        return keeps_back(self._held, names | entry_scopes(piece.row), piece.payers or (piece.customer_id,))

    def _stands_there(self, piece: UnbilledPiece, work: StatedWork) -> bool:
        """Whether the line that takes the work is of the piece's project; of the work's own it makes no difference."""
        if work.project_id in {"", piece.project_id}:
            return False
        lines = self._firm.contract_lines(piece.contract_id, date.fromordinal(piece.day))
        taking = _line_of(self._firm, piece, work)
        return any(line.line_id == taking and line.project_id == piece.project_id for line in lines)

    def _line_of(self, piece: UnbilledPiece, work: StatedWork) -> str:
        """The line that bills it, as the books place it; of a contract without held lines it does not matter which."""
        kind, fact = named(piece.row)
        if kind == ADJUSTMENT:
            return ""
        if kind in {FEE, SCHEDULED_REVENUE, OPENING}:
            return parts_of(fact)[1]
        versions = self._firm.versions(CONTRACT).get(piece.contract_id, ())
        if not any(line in self._held_lines for version in versions for line, _, _ in lines_of(version)):
            return ""
        return _line_of(self._firm, piece, work)


def _line_of(firm: FirmAtMoment, piece: UnbilledPiece, work: StatedWork) -> str:
    """The line that takes the work of a piece."""
    kind, fact = named(piece.row)
    lines = firm.contract_lines(piece.contract_id, date.fromordinal(piece.day))
    what, task = TAKEN_AS[named(origin(piece.row))[0]], work.task or None
    placed = line_for(lines, work.project_id or piece.project_id, task, what)
    line_id = work.line_id or (placed.line_id if placed is not None else "")
    while kind == OVERFLOW:
        line_id = next((line.line_id for line in lines_after(lines, line_id, task)), "")
        kind, fact = named(fact)
    return line_id
