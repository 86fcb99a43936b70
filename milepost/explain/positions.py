"""Lines against a contract's position: 2300 and 1160, as journals so far have them (R46, domain/ledger/position.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from domain.accounts import CONTRACT_ASSET, CONTRACT_LIABILITY
from domain.explanation import Arithmetic, Node, constant, in_proportion, least, less, negated, total
from domain.outputs import JournalEntry, JournalLine
from milepost.explain.journal_lines import JournalLines
from milepost.explain.sources import Sources
from state.terms.plan import contract_policies
from state.trace import TracedOutput

SIDES = (CONTRACT_ASSET, CONTRACT_LIABILITY)


class PositionAmounts(NamedTuple):
    """In contract and in ledger currency."""

    amount: Node
    ledger: Node


class Balances(NamedTuple):
    """What stands on 1160 and on 2300, debit positive."""

    asset: PositionAmounts
    liability: PositionAmounts

    def on(self, account: str) -> PositionAmounts:
        return self.asset if account == CONTRACT_ASSET else self.liability

    def after(self, moves: Mapping[str, PositionAmounts]) -> Balances:
        return Balances(
            *(
                PositionAmounts(
                    total(f"on {account}", (had.amount, moves[account].amount), "amount", had.amount.currency),
                    total(f"on {account}", (had.ledger, moves[account].ledger), "amount", had.ledger.currency),
                )
                if account in moves
                else had
                for account, had in zip(SIDES, self, strict=True)
            )
        )


class PositionNodes:
    def __init__(self, sources: Sources, lines: JournalLines) -> None:
        self.sources = sources
        self.lines = lines

    def before(self, said: TracedOutput) -> Balances:
        """What the contract's journals before this one left on either side."""
        journal: JournalEntry = said.record
        legs: dict[str, list[tuple[Node, Node]]] = {account: [] for account in SIDES}
        for other in self.sources.trace.said:
            if other.record is journal:
                break
            if not isinstance(other.record, JournalEntry) or other.record.contract_id != journal.contract_id:
                continue
            for number, line in enumerate(other.record.lines, 1):
                if line.account in SIDES:
                    legs[line.account].append(self._leg(other.record, number))
        return Balances(
            *(
                PositionAmounts(
                    total(f"on {account} before", [one for one, _ in legs[account]], "amount", journal.currency),
                    total(
                        f"on {account} before, in ledger currency",
                        [one for _, one in legs[account]],
                        "amount",
                        journal.ledger_currency,
                    ),
                )
                for account in SIDES
            )
        )

    def _leg(self, journal: JournalEntry, number: int) -> tuple[Node, Node]:
        """A line of another journal, with its name."""
        whose = f"{journal.journal_id}#{number}"
        line = journal.lines[number - 1]
        if self.sources.are_many:
            return (
                self.sources.figure(f"{whose}/amount", f"journal line {whose}", line.amount, journal.currency),
                self.sources.figure(
                    f"{whose}/ledger", f"journal line {whose}", line.ledger_amount, journal.ledger_currency
                ),
            )
        amount, ledger = self.lines.figures(journal.journal_id, number)
        title = f"journal line {whose}"
        return (
            Node(title, amount.value, "amount", amount.currency, Arithmetic("same", (amount,)), id=whose),
            Node(title, ledger.value, "amount", ledger.currency, Arithmetic("same", (ledger,)), id=whose),
        )

    def moved(
        self, said: TracedOutput, balances: Balances, amount: Node, at_rate: Callable[[Node], Node | None]
    ) -> dict[str, PositionAmounts] | None:
        """The lines of a debit, or of a credit, by account."""
        legs = self.legs(said, balances, amount, at_rate)
        if legs is None:
            return None
        parts: dict[str, list[PositionAmounts]] = {}
        for account, figures in legs:
            parts.setdefault(account, []).append(figures)
        return {account: summed(found, account) for account, found in parts.items()}

    def legs(
        self, said: TracedOutput, balances: Balances, amount: Node, at_rate: Callable[[Node], Node | None]
    ) -> list[tuple[str, PositionAmounts]] | None:
        """Against what stands on the other side, then on their own."""
        journal: JournalEntry = said.record
        debit = (amount.value or 0) > 0
        own, other = SIDES if debit else tuple(reversed(SIDES))
        left = amount if debit else negated("credit", amount)
        made: list[tuple[str, PositionAmounts]] = []
        for account in (own, other):
            had = balances.on(account)
            if not had.amount.value or (had.amount.value > 0) == debit or not left.value:
                continue
            stands = negated(f"taken from {account}", had.amount) if debit else had.amount
            taken = least(f"taken from {account}", [stands, left])
            made.append((account, self._taken(journal, had, stands, taken, debit=debit)))
            left = less("left of it", left, taken)
        if left.value:
            rest = left if debit else negated("credit", left)
            ledger = at_rate(rest)
            if ledger is None:
                return None
            made.append((own, PositionAmounts(rest, ledger)))
        return made

    def by_project(
        self,
        said: TracedOutput,
        legs: list[tuple[str, PositionAmounts]],
        net: Node,
        billed: Mapping[str, Node],
        at_rate: Callable[[Node], Node | None],
    ) -> dict[str, dict[str, PositionAmounts]]:
        """Lines by project and account: projects on the side of the net have them, in order, less what the others take off them; that
        goes from one project to another on 2300."""
        journal: JournalEntry = said.record
        up = (net.value or 0) > 0
        own = {
            project: node if up else negated("billed", node)
            for project, node in sorted(billed.items())
            if node.value and (node.value > 0) == up
        }
        if len(billed) > len(own):
            size = net if up else negated("net", net)
            off = less("taken off by others", total("of these", tuple(own.values()), "amount", journal.currency), size)
            for project, has in own.items():
                cut = least("taken off it", [off, has])
                own[project], off = less("left of it", has, cut), less("left to take off", off, cut)
        found: dict[str, dict[str, list[PositionAmounts]]] = {}
        for account, leg in legs:
            for project, part in self._shares(journal, leg, own):
                found.setdefault(project, {}).setdefault(account, []).append(part)
        for project, over in self._over(found, billed, at_rate):
            found.setdefault(project, {}).setdefault(CONTRACT_LIABILITY, []).append(over)
        return {
            project: {account: summed(parts, account) for account, parts in of.items()} for project, of in found.items()
        }

    def _over(
        self,
        found: dict[str, dict[str, list[PositionAmounts]]],
        billed: Mapping[str, Node],
        at_rate: Callable[[Node], Node | None],
    ) -> Iterator[tuple[str, PositionAmounts]]:
        """What each project lacks of its own sum, in order; together nothing."""
        before: PositionAmounts | None = None
        for project, bills in sorted(billed.items()):
            had = [part.amount for parts in found.get(project, {}).values() for part in parts]
            wants = negated("billed", bills)
            lacks = less("goes over", wants, total("has", had, "amount", bills.currency)) if had else wants
            if not lacks.value:
                continue
            upto = total("with those before it", (before.amount, lacks), "amount", bills.currency) if before else lacks
            ledger = at_rate(upto)
            if ledger is None:
                return
            mine = less("goes over, in ledger currency", ledger, before.ledger) if before else ledger
            yield project, PositionAmounts(lacks, mine)
            before = PositionAmounts(upto, ledger)

    def _shares(
        self, journal: JournalEntry, leg: PositionAmounts, own: dict[str, Node]
    ) -> list[tuple[str, PositionAmounts]]:
        """A line shared among projects in order; takes off `own` what each has."""
        if len(own) == 1:
            return [(project, leg) for project in own]
        debit, mode = (leg.amount.value or 0) > 0, self._mode(journal)
        whole = leg.amount if debit else negated("credit", leg.amount)
        rest, before, made = whole, None, []
        for project, has in own.items():
            part = least("its part", [has, rest])
            if not part.value:
                continue
            rest, own[project] = less("left of it", rest, part), less("left of it", has, part)
            upto = less("with those before it", whole, rest) if rest.value else whole
            ledger = in_proportion("with those before it", leg.ledger, upto, whole, mode) if rest.value else leg.ledger
            mine = less("its part, in ledger currency", ledger, before) if before is not None else ledger
            made.append((project, PositionAmounts(part if debit else negated("credit", part), mine)))
            before = ledger
        return made

    def _taken(
        self, journal: JournalEntry, had: PositionAmounts, stands: Node, taken: Node, *, debit: bool
    ) -> PositionAmounts:
        """At the ledger amount that it carries."""
        amount = taken if debit else negated("credit", taken)
        if taken.value == stands.value:
            return PositionAmounts(amount, negated("all that is carried, in ledger currency", had.ledger, rule="R52"))
        mode = self._mode(journal)
        title = "in ledger currency, in proportion to what is carried"
        return PositionAmounts(amount, in_proportion(title, had.ledger, amount, had.amount, mode, rule="R52"))

    def _mode(self, journal: JournalEntry) -> str:
        said = self.sources.trace.journals[journal.journal_id]
        draft = self.sources.draft(said.step)
        contract = draft.contract(journal.contract_id or "")
        return contract_policies(draft, contract).money_mode if contract is not None else "half_up"

    def settled(self, said: TracedOutput, line: JournalLine) -> tuple[Node | None, Node | None]:
        """A side that goes over to the other as it carries, and cents left where nothing is (rule `contract_position`)."""
        journal: JournalEntry = said.record
        balances = self.before(said)
        asset, liability = balances.asset.amount.value or 0, balances.liability.amount.value or 0
        net = asset + liability
        gone = CONTRACT_LIABILITY if net > 0 and liability else CONTRACT_ASSET if net <= 0 and asset else None
        moves: dict[str, PositionAmounts] = {}
        if gone is not None:
            had = balances.on(gone)
            into = CONTRACT_ASSET if gone == CONTRACT_LIABILITY else CONTRACT_LIABILITY
            moves = {
                gone: PositionAmounts(negated("goes over", had.amount), negated("goes over", had.ledger, rule="R52")),
                into: had,
            }
        if line.purpose != "exchange_difference":
            found = moves.get(line.account)
            return found if found is not None else (None, None)
        after = balances.after(moves)
        nothing = constant("amount", 0, "amount", journal.currency)
        rests = {account: after.on(account) for account in SIDES if not after.on(account).amount.value}
        if line.account in SIDES:
            return nothing, negated("left in ledger currency", after.on(line.account).ledger)
        return nothing, total(
            "left in ledger currency", [one.ledger for one in rests.values()], "amount", journal.ledger_currency
        )


def summed(parts: list[PositionAmounts], account: str) -> PositionAmounts:
    if len(parts) == 1:
        return parts[0]
    amounts: Any = [one.amount for one in parts]
    ledgers: Any = [one.ledger for one in parts]
    return PositionAmounts(
        total(f"on {account}", amounts, "amount", amounts[0].currency, rule="R46"),
        total(f"on {account}", ledgers, "amount", ledgers[0].currency, rule="R46"),
    )
