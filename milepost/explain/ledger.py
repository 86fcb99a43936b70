"""Balances of a company's ledger: over periods and engagements down to the lines of journals.

| id | figure |
|---|---|
| `LE-DE/2026-02/1150#closing` | an account in ledger currency: opening, debits, credits, movement or closing |
| `LE-DE/2026-02/1150/USD#closing` | the same in a transaction currency |
| `LE-DE/2026-02/unbilled/K-1/USD#added` | how a contract's balance moved: opening, added, invoiced, corrected or closing |
| `LE-DE/2026-02/unbilled/K-1/USD#added/ledger` | the same in ledger currency |

With `@PRJ-1` after it a figure is what one engagement gives to it. A balance sums what engagements give, which is known without
folding them; each of these is a figure of its own.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from domain.accounts import name_of
from domain.explanation import ELSEWHERE, Arithmetic, Node, less, negated, total
from domain.figure import as_recorded
from domain.ledger.trial_balance import BALANCES, LedgerSums, Moves, PostedSum
from domain.outputs import JournalEntry
from domain.sums import summed
from domain.units import Amount
from domain.why import Disagreement
from domain.work.rows import spoken
from milepost.explain.explainer import Explainer
from milepost.explain.published import refused

_ID: Final = re.compile(
    r"(?P<entity>.+?)/(?P<period>\d{4}-\d{2})/"
    r"((?P<account>\d{4})(/(?P<only>[A-Z]{3}))?"
    r"|(?P<balance>unbilled|contract_position|retention|deposit)/(?P<contract>.+?)/(?P<currency>[A-Z]{3}))"
    r"(#(?P<figure>[a-z]+)(?P<ledger>/ledger)?)?(@(?P<engagement>.+))?"
)
ACCOUNT_FIGURES: Final = ("opening", "debits", "credits", "movement", "closing")
ROLL_FIGURES: Final = (*Moves._fields, "closing")
NO_CONTRACT: Final = "-"


class LedgerFigure(NamedTuple):
    """`account` is a number or the name of a balance that rolls forward, or nothing for all; without `figure` all of them are meant."""

    entity_id: str
    period: str
    account: str
    currency: str = ""
    contract_id: str | None = None
    figure: str = ""
    in_ledger: bool = True
    engagement_id: str | None = None

    @property
    def rolls(self) -> bool:
        return self.account in BALANCES

    @property
    def accounts(self) -> tuple[str, ...]:
        return BALANCES.get(self.account, (self.account,))

    @property
    def figures(self) -> tuple[str, ...]:
        return ROLL_FIGURES if self.rolls else ACCOUNT_FIGURES

    @property
    def id(self) -> str:
        rest = (
            f"/{self.contract_id or NO_CONTRACT}/{self.currency}"
            if self.rolls
            else f"/{self.currency}"
            if self.currency
            else ""
        )
        in_ledger = "/ledger" if self.rolls and self.in_ledger else ""
        figure = f"#{self.figure}{in_ledger}" if self.figure else ""
        whose = f"@{self.engagement_id}" if self.engagement_id else ""
        return f"{self.entity_id}/{self.period}/{self.account}{rest}{figure}{whose}"

    def holds(self, account: str) -> bool:
        return not self.account or account in self.accounts

    def counts(self, posted: PostedSum) -> bool:
        """Whether the sum is of the account, contract and currency, whatever its period."""
        return (
            self.holds(posted.account)
            and (not self.currency or posted.currency == self.currency)
            and (not self.rolls or posted.contract_id == self.contract_id)
            and self.engagement_id in (None, posted.engagement_id)
        )


def ledger_figure(wanted: str) -> LedgerFigure | None:
    """What an id asks for; None where it is none of a ledger."""
    found = _ID.fullmatch(wanted)
    if found is None:
        return None
    head, figure, engagement = (found["entity"], found["period"]), found["figure"] or "", found["engagement"]
    if found["account"]:
        currency = found["only"] or ""
        made = LedgerFigure(*head, found["account"], currency, None, figure, not currency, engagement)
    else:
        contract_id = None if found["contract"] == NO_CONTRACT else found["contract"]
        in_ledger = bool(found["ledger"])
        made = LedgerFigure(*head, found["balance"], found["currency"], contract_id, figure, in_ledger, engagement)
    return made if figure in ("", *made.figures) else None


def explain_ledger(wanted: LedgerFigure, sums: Sequence[PostedSum]) -> Node | None:
    """None where nothing was ever posted there."""
    found = [posted for posted in sums if wanted.counts(posted) and posted.period <= wanted.period]
    if not found:
        return None
    if wanted.figure:
        return _figure(wanted, found)
    name = f" {name_of(wanted.account)}" if not wanted.rolls else ""
    title = f"{wanted.entity_id} {wanted.period}: {wanted.account.replace('_', ' ')}{name}"
    figures = tuple(_figure(wanted._replace(figure=figure), found) for figure in wanted.figures)
    return Node(title, why=figures, id=wanted.id)


def _figure(wanted: LedgerFigure, found: Sequence[PostedSum]) -> Node:
    currency = found[0].ledger_currency if wanted.in_ledger else wanted.currency
    title = f"{wanted.entity_id} {wanted.period} {wanted.account.replace('_', ' ')}: {wanted.figure}"

    def other(name: str) -> Node:
        return _figure(wanted._replace(figure=name), found)

    if wanted.figure == "movement":
        return less(title, other("debits"), other("credits"), id=wanted.id)
    if wanted.figure == "closing":
        moved = () if wanted.rolls else (less(f"{title}, moved", other("debits"), other("credits")),)
        parts = [*map(other, Moves._fields if wanted.rolls else ("opening",)), *moved]
        return total(title, parts, "amount", currency, id=wanted.id)
    ids = {each: wanted._replace(engagement_id=each).id for each in shares(wanted, found)}
    operands = [
        Node(f"of contract group {each}", amount, "amount", currency, Arithmetic(ELSEWHERE), id=ids[each])
        for each, amount in shares(wanted, found).items()
    ]
    return total(title, operands, "amount", currency, id=wanted.id)


def shares(wanted: LedgerFigure, found: Iterable[PostedSum]) -> dict[str, Amount]:
    """What each engagement gives to the figure, of those that give something."""
    given = summed((posted.engagement_id, _share(wanted, posted)) for posted in found)
    return {engagement_id: amount for engagement_id, amount in sorted(given.items()) if amount}


def _share(wanted: LedgerFigure, posted: PostedSum) -> Amount:
    """What the sum gives to the figure."""
    debited, credited = (
        (posted.ledger_debits, posted.ledger_credits) if wanted.in_ledger else (posted.debits, posted.credits)
    )
    if (posted.period < wanted.period) != (wanted.figure == "opening"):
        return 0
    match wanted.figure:
        case "debits":
            return debited
        case "credits":
            return credited
        case "opening":
            return debited - credited
        case _:
            return debited - credited if posted.move == wanted.figure else 0


def of_engagement(wanted: LedgerFigure, explainer: Explainer, value: Amount) -> Node:
    """The lines of the engagement's journals that make its part; `value` is what the balance counts of it."""
    try:
        return as_recorded(value, _of_lines(wanted, explainer)).node
    except Disagreement as differs:
        return refused(wanted.id, differs)


def _of_lines(wanted: LedgerFigure, explainer: Explainer) -> Node:
    moves = LedgerSums(wanted.entity_id)
    operands: list[Node] = []
    currency = wanted.currency
    for said in explainer.trace.journals.values():
        journal: JournalEntry = said.record
        if journal.legal_entity_id != wanted.entity_id:
            continue
        move = moves.move_of(journal)
        if wanted.in_ledger:
            currency = journal.ledger_currency
        if _is_in(wanted, journal, move):
            operands += _lines(wanted, journal, explainer)
    title = f"{wanted.figure} of contract group {wanted.engagement_id}"
    return total(title, operands, "amount", currency, id=wanted.id)


def _is_in(wanted: LedgerFigure, journal: JournalEntry, move: str) -> bool:
    if (journal.period < wanted.period) != (wanted.figure == "opening") or journal.period > wanted.period:
        return False
    if wanted.currency and journal.currency != wanted.currency:
        return False
    if not wanted.rolls:
        return True
    return journal.contract_id == wanted.contract_id and wanted.figure in ("opening", move)


def _lines(wanted: LedgerFigure, journal: JournalEntry, explainer: Explainer) -> Iterable[Node]:
    for number, line in enumerate(journal.lines, 1):
        if not wanted.holds(line.account):
            continue
        amount, ledger = explainer.lines.figures(journal.journal_id, number)
        node = ledger if wanted.in_ledger else amount
        value = node.value or 0
        if not value or (wanted.figure == "debits" and value < 0) or (wanted.figure == "credits" and value > 0):
            continue
        whose = f"{journal.journal_id}#{number}/{'ledger' if wanted.in_ledger else 'amount'}"
        title = f"{journal.accounting_date} {journal.kind} of {spoken(journal.affected_kind)} {journal.affected_id}"
        named = Node(title, value, "amount", node.currency, Arithmetic("same", (node,)), id=whose)
        yield negated(title, named) if wanted.figure == "credits" else named
