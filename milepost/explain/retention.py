"""What a statement withholds and releases (R32), and what its invoice moves on 1170."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from domain import retention as rule
from domain.billing.kind import NO_REVENUE
from domain.events.commercial import ContractSigned
from domain.events.common import Milestones, Retention
from domain.explanation import Node, agreeing, constant, negated, stated, total
from domain.money import format_decimal
from domain.outputs import BillingStatement, JournalEntry, JournalLine
from domain.units import PERCENT_SCALE, Amount
from milepost.explain.arithmetic import evaluated, in_proportion, least, most, step_of
from milepost.explain.positions import Figures
from milepost.explain.sources import Sources
from state.books import Contract, StatementState
from state.handlers.retention import Pieces
from state.plan import contract_policies, newest_plan, terms_on
from state.trace import Said

DAY = timedelta(days=1)
# Ledger amount of what leaves a balance with the invoice of a journal.
Relief = Callable[[Said, JournalEntry, Node, Figures, str], Node | None]


class RetentionNodes:
    """`line` explains a line of a statement by its number, from 1."""

    def __init__(self, sources: Sources, line: Callable[[str, int], Node]) -> None:
        self.sources = sources
        self.line = line
        self._memo: dict[tuple[Any, ...], Node] = {}

    def of_statement(self, statement_id: str) -> tuple[Node, ...]:
        """What leads from the total to what is due."""
        record = self._record(statement_id)
        found = []
        if record.retained:
            found.append(negated("retained", self.retained(statement_id)))
        if record.released:
            found.append(self.released(statement_id))
        return tuple(found)

    # What a statement decides

    def retained(self, statement_id: str) -> Node:
        """Below zero where it takes back."""
        return self._remembered(("retained", statement_id), lambda: self._retained(statement_id))

    def _retained(self, statement_id: str) -> Node:
        record = self._record(statement_id)
        told = stated("retained", record.retained, "amount", record.currency)
        contract, terms = self._terms(statement_id)
        agreed = terms.retention
        if contract is None or agreed is None or not record.retained:
            return told
        gross = self._gross(statement_id)
        if (gross.value or 0) < 0:
            return agreeing(self._taken_back(statement_id, gross), told)
        place = self._holding(statement_id, agreed)
        if place is None:
            return told
        percent = self._step_field(contract, terms, agreed, place, "withhold_percent")
        made = evaluated(
            "retained",
            "percent_of",
            (gross, percent),
            self._rounding(contract, record),
            "amount",
            record.currency,
            rule="R32",
            why=self._completion(statement_id, agreed),
        )
        return agreeing(made, told)

    def _taken_back(self, statement_id: str, gross: Node) -> Node:
        """In proportion to what was billed before; all where no more was billed than this takes back."""
        record = self._record(statement_id)
        contract, _ = self._terms(statement_id)
        assert contract is not None, "a statement is of a contract"
        left, billed = self.left_before(statement_id), self._billed_before(statement_id)
        taken = negated("billed below zero", gross)
        if (taken.value or 0) >= (billed.value or 0):
            return negated("retained", left, rule="R32")
        mode = contract_policies(self._draft(statement_id), contract, record.to - DAY).money_mode
        share = in_proportion("in proportion to what was billed", left, taken, billed, mode)
        return negated("retained", least("taken back", [left, share]), rule="R32")

    def released(self, statement_id: str) -> Node:
        return self._remembered(("released", statement_id), lambda: self._released(statement_id))

    def _released(self, statement_id: str) -> Node:
        record = self._record(statement_id)
        told = stated("released", record.released, "amount", record.currency)
        contract, terms = self._terms(statement_id)
        if contract is None or not record.released:
            return told
        left, agreed = self.left_before(statement_id), terms.retention
        place = self._holding(statement_id, agreed) if agreed is not None and record.lines else None
        if agreed is not None and agreed.release_on is None and place is not None:
            percent = self._step_field(contract, terms, agreed, place, "release_percent")
            rounding, why = self._rounding(contract, record), self._completion(statement_id, agreed)
            by_step = evaluated(
                "released", "percent_of", (left, percent), rounding, "amount", record.currency, rule="R32", why=why
            )
            if by_step.value == record.released:
                return by_step
        on = agreed.release_on if agreed is not None else None
        when = f"on {on}" if on is not None else "the contract is over, or retention no more agreed"
        made = total("released", (left,), "amount", record.currency, rule="R32", facts=(("all of it", when),))
        return agreeing(made, told)

    def left_before(self, statement_id: str) -> Node:
        """What earlier statements of the contract to the bill-to withheld and did not release."""
        nodes: list[Node] = []
        for earlier in self._earlier(statement_id):
            record = self._record(earlier)
            nodes += [self.retained(earlier)] if record.retained else []
            nodes += [negated("released", self.released(earlier))] if record.released else []
        return total("retained before", nodes, "amount", self._record(statement_id).currency)

    def _billed_before(self, statement_id: str) -> Node:
        currency = self._record(statement_id).currency
        billed = constant("billed before", 0, "amount", currency)
        for earlier in self._earlier(statement_id):
            if self._terms(earlier)[1].retention is not None and self._record(earlier).lines:
                billed = total("billed before", (billed, self._gross(earlier)), "amount", currency)
                if (billed.value or 0) < 0:
                    billed = most("billed before", billed, constant("nothing", 0, "amount", currency))
        return billed

    def _gross(self, statement_id: str) -> Node:
        """All lines but those of deposits."""
        lines = [self.line(statement_id, number) for number, _ in self._withheld_from(statement_id)]
        return total("lines, without deposits", lines, "amount", self._record(statement_id).currency)

    def _withheld_from(self, statement_id: str) -> list[tuple[int, str]]:
        """Numbers of the statement's lines with their contract lines."""
        draft = self._draft(statement_id)
        contract, _ = self._terms(statement_id)
        found = []
        number = 0
        for part in self._parts(statement_id):
            for line in part.lines:
                number += 1
                plan = newest_plan(draft, contract, line.line_id) if contract is not None else None
                if plan is None or plan.timing != NO_REVENUE:
                    found.append((number, line.line_id))
        return found

    # Completion

    def _holding(self, statement_id: str, agreed: Retention) -> int | None:
        """Place of the step that holds."""
        billed, price = self._billed(statement_id), self._price(statement_id)
        reached = rule.reached(agreed.steps, billed.value or 0, price.value or 0)
        return len(reached) - 1 if reached else None

    def _completion(self, statement_id: str, agreed: Retention) -> tuple[Node, ...]:
        """Where it decides something."""
        price = self._price(statement_id)
        if not price.value or all(not step.at_percent for step in agreed.steps):
            return ()
        parameters: dict[str, Any] = {"step": "0.000001", "mode": "half_up"}
        operands = (self._billed(statement_id), price)
        steps = ", ".join(f"{format_decimal(step.at_percent, PERCENT_SCALE)} %" for step in agreed.steps)
        return (evaluated("completion", "percent", operands, parameters, "percent", facts=(("steps at", steps),)),)

    def _billed(self, statement_id: str) -> Node:
        """Of the lines that have a price, by all statements of the contract up to the cut that brought this one."""
        return self._remembered(("billed", statement_id), lambda: self._make_billed(statement_id))

    def _make_billed(self, statement_id: str) -> Node:
        contract, terms = self._terms(statement_id)
        priced = {line.line_id for line, _, _ in rule.priced_lines(terms)}
        nodes = []
        upto = max(
            place for place, one in enumerate(self._statements) if self._cut_of(one) == self._cut_of(statement_id)
        )
        for one in self._statements[: upto + 1]:
            if contract is not None and self._record(one).contract_id == contract.contract_id:
                nodes += [self.line(one, number) for number, line_id in self._withheld_from(one) if line_id in priced]
        return total("billed, this bill included", nodes, "amount", self._record(statement_id).currency)

    def _cut_of(self, statement_id: str) -> tuple[str, date, int]:
        record = self._record(statement_id)
        return record.contract_id, record.period, self.sources.trace.statements[statement_id][0].step

    def _price(self, statement_id: str) -> Node:
        _, terms = self._terms(statement_id)
        nodes = []
        for line, price, path in rule.priced_lines(terms):
            found = self.sources.line_field(terms.contract_id, terms.version, line.line_id)
            if found is None:
                nodes.append(stated(f"price of line {line.line_id}", price, "amount", terms.currency))
                continue
            event, _, where = found
            several = line.terms.milestones if isinstance(line.terms, Milestones) else ()
            fields: list[tuple[Amount, str]] = [(one.amount, f"{path}[{at}].amount") for at, one in enumerate(several)]
            for amount, field in fields or [(price, path)]:
                title = f"price of line {line.line_id}"
                nodes.append(self.sources.field(title, amount, "amount", event, f"{where}.{field}", terms.currency))
        return total("price", nodes, "amount", terms.currency)

    def _step_field(self, contract: Contract, terms: ContractSigned, agreed: Retention, place: int, name: str) -> Node:
        value = getattr(agreed.steps[place], name)
        event = self.sources.terms_event(contract.contract_id, terms.version, "retention")
        title = name.replace("_", " ")
        if event is None:
            return stated(title, value, "percent")
        return self.sources.field(title, value, "percent", event, f"retention.steps[{place}].{name}")

    # What an invoice moves

    def moved(self, said: Said, line: JournalLine, relief: Relief) -> tuple[Node | None, Node | None]:
        """Of a line on 1170; `relief` says what leaves a balance in ledger currency."""
        journal: JournalEntry = said.record
        pieces = self._pieces(journal.affected_id)
        wanted = [place for place, piece in enumerate(pieces) if (piece[1] or None) == line.project_id]
        moves = [self._figures(said, place, relief) for place in wanted]
        if any(move is None for move in moves):
            return None, None
        found = [move for move in moves if move is not None]
        return (
            total("retained, less what leaves", [one.amount for one in found], "amount", journal.currency, rule="R32"),
            total("in ledger currency", [one.ledger for one in found], "amount", journal.ledger_currency, rule="R32"),
        )

    def posted(self, contract_id: str, project_id: str, step: int) -> list[Node]:
        """What invoices have moved on 1170 by then."""
        return [
            self._piece(statement_id, place)
            for statement_id in self._statements
            if self._record(statement_id).contract_id == contract_id and self._billing(statement_id, step) is not None
            for place, piece in enumerate(self._pieces(statement_id))
            if piece[1] == project_id
        ]

    def _figures(self, said: Said, place: int, relief: Relief) -> Figures | None:
        """As the statement that withheld it carries it; what is withheld at the invoice's rate."""
        journal: JournalEntry = said.record
        statement_id = journal.affected_id
        withheld_by = self._pieces(statement_id)[place][0]
        amounts, ledgers = [], []
        for other, number in self._on(withheld_by):
            before = self._billing(other, said.step)
            if before is None or self._order[before.record.journal_id] >= self._order[journal.journal_id]:
                continue
            figures = self._figures(before, number, relief)
            if figures is not None:
                amounts.append(figures.amount)
                ledgers.append(figures.ledger)
        had = Figures(
            total(f"{withheld_by}: on 1170", amounts, "amount", journal.currency),
            total(f"{withheld_by}: on 1170, in ledger currency", ledgers, "amount", journal.ledger_currency),
        )
        contract, _ = self._terms(statement_id)
        if contract is None:
            return None
        piece = self._piece(statement_id, place)
        mode = contract_policies(self.sources.draft(said.step), contract).money_mode
        ledger = relief(said, journal, negated("leaves 1170", piece), had, mode)
        return Figures(piece, negated("in ledger currency", ledger)) if ledger is not None else None

    def _piece(self, statement_id: str, place: int) -> Node:
        """What the statement withholds, or what of an earlier one it releases: the oldest first."""
        return self._remembered(("piece", statement_id, place), lambda: self._make_piece(statement_id, place))

    def _make_piece(self, statement_id: str, place: int) -> Node:
        pieces = self._pieces(statement_id)
        withheld_by, _, amount = pieces[place]
        if withheld_by == statement_id:
            return self.retained(statement_id)
        record = self._record(statement_id)
        told = stated(f"{withheld_by}: leaves", amount, "amount", record.currency)
        order = self._statements.index(statement_id)
        taken = [
            self._piece(other, number)
            for other, number in self._on(withheld_by)
            if other != withheld_by and self._statements.index(other) < order
        ]
        left = total(f"{withheld_by}: retained", (self.retained(withheld_by), *taken), "amount", record.currency)
        back = [negated("taken back", self.retained(statement_id))] if record.retained < 0 else []
        free = [self.released(statement_id)] if record.released else []
        before = [self._piece(statement_id, number) for number in range(place) if pieces[number][0] != statement_id]
        goes = total("released and taken back", (*free, *back, *before), "amount", record.currency)
        return agreeing(negated(told.title, least("the lesser", [left, goes])), told)

    def _on(self, withheld_by: str) -> list[tuple[str, int]]:
        """Statements with the places of what they move of what one withheld."""
        return [
            (statement_id, place)
            for statement_id in self._statements
            for place, piece in enumerate(self._pieces(statement_id))
            if piece[0] == withheld_by
        ]

    def _billing(self, statement_id: str, step: int) -> Said | None:
        """The journal of its invoice, if it is posted by then."""
        found = self.sources.trace.journals_of.get(statement_id, ())
        return next((said for said in found if said.record.kind == "billing" and said.step <= step), None)

    # What is known of statements

    @cached_property
    def _statements(self) -> list[str]:
        """In the order in which they were cut."""
        return list(self.sources.trace.statements)

    @cached_property
    def _order(self) -> dict[str, int]:
        return {journal_id: number for number, journal_id in enumerate(self.sources.trace.journals)}

    def _parts(self, statement_id: str) -> list[BillingStatement]:
        return [said.record for said in self.sources.trace.statements[statement_id]]

    def _record(self, statement_id: str) -> BillingStatement:
        record: BillingStatement = self.sources.trace.statements[statement_id][0].record
        return record

    def _draft(self, statement_id: str) -> Any:
        return self.sources.draft(self.sources.trace.statements[statement_id][0].step)

    def _terms(self, statement_id: str) -> tuple[Contract | None, ContractSigned]:
        """The contract when the statement was cut, and the terms of the last day that it is for."""
        record = self._record(statement_id)
        contract: Contract = self._draft(statement_id).contract(record.contract_id)
        return contract, terms_on(contract, record.to - DAY)

    def _pieces(self, statement_id: str) -> Pieces:
        state: StatementState | None = self.sources.trace.part_at(
            "statement", statement_id, len(self.sources.trace.steps)
        )
        return state.retention if state is not None else ()

    def _earlier(self, statement_id: str) -> list[str]:
        """Statements of the contract to the same bill-to that were cut before."""
        record = self._record(statement_id)
        found = []
        for one in self._statements:
            if one == statement_id:
                break
            other = self._record(one)
            if (other.contract_id, other.bill_to) == (record.contract_id, record.bill_to):
                found.append(one)
        return found

    def _rounding(self, contract: Contract, record: BillingStatement) -> dict[str, Any]:
        mode = contract_policies(self._draft(record.statement_id), contract, record.to - DAY).money_mode
        return {"step": step_of(record.currency), "mode": mode}

    def _remembered(self, key: tuple[Any, ...], make: Callable[[], Node]) -> Node:
        if key not in self._memo:
            self._memo[key] = make()
        return self._memo[key]
