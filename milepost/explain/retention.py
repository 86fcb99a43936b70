"""What a statement withholds and releases (R32), and what its invoice moves on 1170."""

from __future__ import annotations

from collections.abc import Callable, Container
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from domain.billing import retention as rule
from domain.events.commercial import ContractSigned
from domain.events.common import Milestones, Retention
from domain.explanation import (
    Node,
    agreeing,
    constant,
    evaluated,
    in_proportion,
    least,
    most,
    negated,
    stated,
    step_of,
    total,
)
from domain.ledger.journal import BILLING
from domain.money import format_decimal
from domain.outputs import BillingStatement, JournalEntry, JournalLine
from domain.terms.kind import NO_REVENUE
from domain.units import PERCENT_SCALE, Amount
from milepost.explain.positions import Figures
from milepost.explain.sources import Sources
from state.books import Contract, OpenStatement, StatementState
from state.handlers.retention import Pieces
from state.terms.plan import contract_policies, newest_plan, terms_on
from state.trace import Said

DAY = timedelta(days=1)
# Ledger amount of what leaves a balance with the invoice of a journal.
Relief = Callable[[Said, JournalEntry, Node, Figures, str], Node | None]


class RetentionNodes:
    """`line` explains a line of a statement by its number, from 1."""

    def __init__(self, sources: Sources, line: Callable[[str, int], Node]) -> None:
        self.sources = sources
        self.line = line
        self.credits: Any = None
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

    def moved_of(self, statement_id: str, project_id: str) -> list[Node]:
        """What it withholds in a project, and below zero what leaves."""
        pieces = self._pieces(statement_id)
        return [self._piece(statement_id, place) for place, piece in enumerate(pieces) if piece[1] == project_id]

    def left_at(self, contract_id: str, bill_to: str, project_id: str, step: int) -> Node:
        """What is retained of a bill-to's statements in a project."""
        theirs = self._of_payer(contract_id, bill_to, step)
        nodes = [node for statement_id in theirs for node in self.moved_of(statement_id, project_id)]
        for statement_id in theirs:
            if (statement_id, project_id) in {piece[:2] for piece in self._pieces(statement_id)}:
                nodes += [negated("credited", node) for node in self.credits.kept_back_of(statement_id, step + 1)]
        return total("retained so far", nodes, "amount", self._currency(theirs))

    def billed_at(self, contract_id: str, bill_to: str, step: int) -> Node:
        """What was billed to a bill-to of which something is withheld."""
        theirs = self._of_payer(contract_id, bill_to, step)
        return self._billed_of(self._billed_by(theirs, step + 1), self._currency(theirs))

    def _of_payer(self, contract_id: str, bill_to: str, step: int) -> list[str]:
        records = ((one, self._record(one)) for one in self._statements if self._step(one) <= step)
        return [one for one, record in records if (record.contract_id, record.bill_to) == (contract_id, bill_to)]

    def _currency(self, statements: list[str]) -> str:
        return self._record(statements[0]).currency if statements else ""

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
        percent = self.step_field(contract, terms, agreed, place, "withhold_percent")
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
            percent = self.step_field(contract, terms, agreed, place, "release_percent")
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
        """What earlier statements of the contract to the bill-to withheld, and neither they nor credit memos gave back."""
        nodes: list[Node] = []
        for earlier in self._earlier(statement_id):
            record = self._record(earlier)
            nodes += [self.retained(earlier)] if record.retained else []
            nodes += [negated("released", self.released(earlier))] if record.released else []
            nodes += [
                negated("credited", back) for back in self.credits.kept_back_of(earlier, self._step(statement_id))
            ]
        return total("retained before", nodes, "amount", self._record(statement_id).currency)

    def _billed_before(self, statement_id: str) -> Node:
        before = self._billed_by(self._earlier(statement_id), self._step(statement_id))
        return self._billed_of(before, self._record(statement_id).currency)

    def _billed_of(self, in_turn: list[Node], currency: str) -> Node:
        billed = constant("billed before", 0, "amount", currency)
        for one in in_turn:
            billed = total("billed before", (billed, one), "amount", currency)
            if (billed.value or 0) < 0:
                billed = most("billed before", billed, constant("nothing", 0, "amount", currency))
        return billed

    def _billed_by(self, statements: list[str], step: int) -> list[Node]:
        """What statements billed of which something is withheld, and what credit memos before a step took off that, as they came."""
        found: list[tuple[int, Node]] = []
        for earlier in statements:
            state = self._state(earlier)
            if state is None or not state.is_retained_from:
                continue
            found.append((self._step(earlier), self._gross(earlier)))
            for when, credited in self.credits.retained_from(earlier, step):
                found.append((when, negated("credited", credited)))
        return [node for _, node in sorted(found, key=lambda one: one[0])]

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
        """Of the lines that have a price, by all statements of the contract up to the cut that brought this one, and its drafts."""
        return self._remembered(("billed", statement_id), lambda: self._make_billed(statement_id))

    def _make_billed(self, statement_id: str) -> Node:
        contract, terms = self._terms(statement_id)
        priced = {line.line_id for line, _, _ in rule.priced_lines(terms)}
        nodes = []
        same_cut = [one for one in self._statements if self._cut_of(one) == self._cut_of(statement_id)]
        for one in dict.fromkeys((*self._before(statement_id), *same_cut, statement_id)):
            if contract is not None and self._record(one).contract_id == contract.contract_id:
                nodes += [self.line(one, number) for number, line_id in self._withheld_from(one) if line_id in priced]
                back = self.credits.billed_again(one, priced, self._step(statement_id))
                nodes += [negated("billed again", node) for node in back]
        nodes += self._drafted_beside(statement_id, priced)
        return total("billed, this bill included", nodes, "amount", self._record(statement_id).currency)

    def _drafted_beside(self, statement_id: str, priced: Container[str]) -> list[Node]:
        """Lines of drafts to other payers that waited when this statement came, of the same cut."""
        trace, record, step = self.sources.trace, self._record(statement_id), self._step(statement_id)
        nodes = []
        for other in trace.statements:
            opened: OpenStatement | None = trace.part_at("draft", other, step)
            if opened is None or other == statement_id or opened.bill_to == record.bill_to:
                continue
            if (opened.contract_id, opened.period, opened.to) != (record.contract_id, record.period, record.to):
                continue
            then = [line for part in opened.told for line in part.lines]
            is_same = then == [line for part in self._parts(other) for line in part.lines]
            for number, line_id in self._withheld_from(other):
                if is_same and line_id in priced:
                    nodes.append(self.line(other, number))
            if not is_same:
                told = (stated(f"{other}: {one.description}", one.amount, "amount", record.currency) for one in then)
                nodes += [node for node, one in zip(told, then, strict=True) if one.line_id in priced]
        return nodes

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

    def step_field(self, contract: Contract, terms: ContractSigned, agreed: Retention, place: int, name: str) -> Node:
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
        posted = [
            statement_id
            for statement_id in self._statements
            if self._record(statement_id).contract_id == contract_id and self._billing(statement_id, step) is not None
        ]
        moved = [
            self._piece(statement_id, place)
            for statement_id in posted
            for place, piece in enumerate(self._pieces(statement_id))
            if piece[1] == project_id
        ]
        back = [
            negated("credited", node)
            for statement_id in posted
            if (statement_id, project_id) in {piece[:2] for piece in self._pieces(statement_id)}
            for node in self.credits.kept_back_of(statement_id, step + 1)
        ]
        return moved + back

    def _figures(self, said: Said, place: int, relief: Relief) -> Figures | None:
        """As the statement that withheld it carries it; what is withheld at the invoice's rate."""
        journal: JournalEntry = said.record
        statement_id = journal.affected_id
        had = self._carried(said, self._pieces(statement_id)[place][0], relief)
        contract, _ = self._terms(statement_id)
        if contract is None:
            return None
        piece = self._piece(statement_id, place)
        mode = contract_policies(self.sources.draft(said.step), contract).money_mode
        ledger = relief(said, journal, negated("leaves 1170", piece), had, mode)
        return Figures(piece, negated("in ledger currency", ledger)) if ledger is not None else None

    def _carried(self, said: Said, withheld_by: str, relief: Relief) -> Figures:
        """What a statement withheld as it stands on 1170 before a journal."""
        journal: JournalEntry = said.record
        moves: list[tuple[int, Figures | None]] = []
        for other, number in self._on(withheld_by):
            before = self._billing(other, said.step)
            if before is not None and self._is_before(before, said):
                moves.append((self._order[before.record.journal_id], self._figures(before, number, relief)))
        for memo in self.credits.all_of(withheld_by):
            if self._is_before(memo.said, said):
                amount = negated("credited", self.credits.kept_back(memo))
                ledger = self.credited(memo.said, withheld_by, self.credits.kept_back(memo), relief)
                figures = Figures(amount, negated("credited", ledger)) if ledger is not None else None
                moves.append((self._order[memo.journal.journal_id], figures))
        found = [figures for _, figures in sorted(moves, key=lambda one: one[0]) if figures is not None]
        return Figures(
            total(f"{withheld_by}: on 1170", [one.amount for one in found], "amount", journal.currency),
            total(
                f"{withheld_by}: on 1170, in ledger currency",
                [one.ledger for one in found],
                "amount",
                journal.ledger_currency,
            ),
        )

    def _is_before(self, one: Said, other: Said) -> bool:
        return self._order[one.record.journal_id] < self._order[other.record.journal_id]

    def credited(self, said: Said, withheld_by: str, kept_back: Node, relief: Relief) -> Node | None:
        """Ledger amount of what a credit memo takes from 1170: as what the statement withheld is carried."""
        if not kept_back.value:
            return constant("nothing is retained", 0, "amount", said.record.ledger_currency)
        contract, _ = self._terms(withheld_by)
        if contract is None:
            return None
        mode = contract_policies(self.sources.draft(said.step), contract).money_mode
        return relief(said, said.record, kept_back, self._carried(said, withheld_by, relief), mode)

    def left_on(self, statement_id: str, step: int) -> Node:
        """What a statement withheld, and what came before a step neither released nor took back; credit memos left out."""
        taken = [
            self._piece(other, number)
            for other, number in self._on(statement_id)
            if other != statement_id and self._step(other) < step
        ]
        title, currency = f"{statement_id}: retained", self._record(statement_id).currency
        return total(title, (self.retained(statement_id), *taken), "amount", currency)

    def withholds(self, statement_id: str) -> bool:
        return any(piece[0] == statement_id and piece[2] > 0 for piece in self._pieces(statement_id))

    def counts(self, statement_id: str) -> bool:
        state = self._state(statement_id)
        return state is not None and state.is_retained_from

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
        earlier = set(self._before(statement_id))
        taken = [
            self._piece(other, number)
            for other, number in self._on(withheld_by)
            if other != withheld_by and other in earlier
        ]
        given = [negated("credited", one) for one in self.credits.kept_back_of(withheld_by, self._step(statement_id))]
        parts = (self.retained(withheld_by), *taken, *given)
        left = total(f"{withheld_by}: retained", parts, "amount", record.currency)
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
        return next((said for said in found if said.record.kind == BILLING and said.step <= step), None)

    # What is known of statements

    @cached_property
    def _statements(self) -> list[str]:
        """Those that are issued, in that order."""
        trace = self.sources.trace
        return sorted((one for one in trace.statements if one not in trace.drafts), key=self._placed)

    def _placed(self, statement_id: str) -> int:
        """Place of what was said last of a statement."""
        return self._places[id(self.sources.trace.statements[statement_id][0])]

    @cached_property
    def _places(self) -> dict[int, int]:
        return {id(said): place for place, said in enumerate(self.sources.trace.said)}

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
        state = self._state(statement_id)
        return state.retention if state is not None else ()

    def _state(self, statement_id: str) -> StatementState | None:
        found: StatementState | None = self.sources.trace.part_at(
            "statement", statement_id, len(self.sources.trace.steps)
        )
        return found

    def _step(self, statement_id: str) -> int:
        """At which it was cut."""
        return self.sources.trace.statements[statement_id][0].step

    def _earlier(self, statement_id: str) -> list[str]:
        """Statements of the contract to the same bill-to that were issued before."""
        record = self._record(statement_id)
        found = []
        for one in self._before(statement_id):
            other = self._record(one)
            if (other.contract_id, other.bill_to) == (record.contract_id, record.bill_to):
                found.append(one)
        return found

    def _before(self, statement_id: str) -> list[str]:
        place = self._placed(statement_id)
        return [one for one in self._statements if self._placed(one) < place]

    def _rounding(self, contract: Contract, record: BillingStatement) -> dict[str, Any]:
        mode = contract_policies(self._draft(record.statement_id), contract, record.to - DAY).money_mode
        return {"step": step_of(record.currency), "mode": mode}

    def _remembered(self, key: tuple[Any, ...], make: Callable[[], Node]) -> Node:
        if key not in self._memo:
            self._memo[key] = make()
        return self._memo[key]
