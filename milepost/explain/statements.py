"""Statements: the sum of their lines, a line the sum of what its entries bring, less what they brought before."""

from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from typing import Any, NamedTuple

from domain.billing.statement import ISSUED, SUPERSEDED
from domain.explanation import Arithmetic, Node, constant, less, total
from domain.figure import as_recorded
from domain.identity import composed, is_opening_statement
from domain.outputs import BillingStatement, StatementLine
from milepost.explain.caps import same_billing
from milepost.explain.nodes import Nodes, once
from milepost.words import rounding_words
from state.billing.clearing_record import piece_at
from state.billing.shares_record import falls_on
from state.billing.statement_lines import ENTRIES, PRINTED, cents_at, line_at
from state.books import Price, StatementEntry, StatementState
from state.ledger.deposit_balance import deposit_row


class Listed(NamedTuple):
    """What one entry has on one statement; `number` counts the statements of the engagement in the order they were made, `place` what
    a statement lists. An issued revision that was superseded is a statement of its own, which held before the step `until`."""

    number: int
    step: int
    statement_id: str
    entry: StatementEntry
    line: StatementLine | None
    place: int
    until: int | None = None

    def holds_at(self, step: int) -> bool:
        return self.step <= step and (self.until is None or step < self.until)


class StatementNodes(Nodes):
    def begin(self) -> None:
        self.recorded.resolvers["piece"] = self._piece_of
        self.recorded.resolvers["statement"] = self.statement
        self.recorded.resolvers[PRINTED] = self._printed
        self.recorded.resolvers[ENTRIES] = self._entries_of_line
        self.recorded.resolvers["due"] = lambda row, contract_id, line_id, step, currency: self.due(
            row, contract_id, line_id, int(step), currency
        )
        self.recorded.resolvers["gone"] = lambda row, contract_id, line_id, step, currency: self._nothing_due(
            row, contract_id, line_id, int(step), currency
        )
        self._memo: dict[tuple[Any, ...], Node] = {}
        self._of_entry: dict[str, list[Listed]] = {}
        self._of_row: dict[tuple[str, str, str], Listed] = {}
        self._applied: dict[str, list[Listed]] = {}
        for one in self._listed():
            is_billed = one.line is not None or self._is_billed_before(one)
            found = self._of_entry if is_billed else self._applied
            found.setdefault(one.entry.entry_id, []).append(one)
            if is_billed:
                self._of_row.setdefault((one.statement_id, one.entry.entry_id, one.entry.line_id), one)

    def _is_billed_before(self, one: Listed) -> bool:
        """By a bill of before the books begin, not what of a deposit was set against others."""
        if not is_opening_statement(one.statement_id):
            return False
        return one.entry.amount > 0 or one.entry.entry_id != deposit_row(self.contract_of(one), one.entry.line_id)

    def _listed(self) -> Iterator[Listed]:
        """Everything that statements list, in order."""
        number = 0
        trace = self.sources.trace
        newest = {statement_id: step for step, statement_id, _ in trace.listed}
        for step, of_statement, listed in trace.listed:
            statement_id = trace.former.get((of_statement, step), of_statement)
            if statement_id == of_statement and newest[of_statement] != step:
                continue  # a draft of which there is a newer revision, or that was issued
            until = trace.superseded.get(statement_id) or self._taken_back.get(statement_id)
            lines = [line for line in self.lines(statement_id) for _ in line.entries]
            for place, entry in enumerate(listed):
                line = lines[place] if place < len(lines) else None
                yield Listed(number, step, statement_id, entry, line, place, until)
            number += 1

    @once
    def records(self, statement_id: str) -> list[BillingStatement]:
        """Its parts."""
        return [said.record for said in self.sources.trace.statements.get(statement_id, ())]

    def record(self, statement_id: str) -> BillingStatement:
        """Its first part, which says what is of all."""
        return self.records(statement_id)[0]

    def head(self, statement_id: str) -> BillingStatement | StatementState:
        """Its first part; of what was billed before the books begin nobody was sent one."""
        said = self.records(statement_id)
        return said[0] if said else self._opening[statement_id]

    @cached_property
    def _taken_back(self) -> dict[str, int]:
        """Steps with a higher version of the balances that what was billed before the books begin is of."""
        return {
            part_id: step
            for part_id, history in self.sources.trace.parts_of("statement")
            if is_opening_statement(part_id)
            for step, state in history
            if state is None
        }

    @cached_property
    def _opening(self) -> dict[str, StatementState]:
        return {
            part_id: state
            for part_id, history in self.sources.trace.parts_of("statement")
            if is_opening_statement(part_id)
            for _, state in history
            if state is not None
        }

    # Statements

    def statement(self, statement_id: str) -> Node:
        said = self.sources.trace.statements[statement_id]
        first: BillingStatement = said[0].record
        lines = tuple(self.line(statement_id, number) for number in range(1, first.line_count + 1))
        sums = total("total", lines, "amount", first.currency, rule="R11")
        facts = (
            ("contract", first.contract_id),
            ("bill to", first.bill_to),
            ("period", f"{first.period} to {first.to - timedelta(days=1)}"),
            ("rounding", rounding_words(first.rounding)),
            *((("revision", f"{first.revision}, {status}"),) if (status := self._status(statement_id, first)) else ()),
        )
        cut = Node("made upon", event=self.sources.cause(said[0].step))
        why = (cut, *self.nodes.taxes.of_statement(statement_id))
        title = f"Statement {statement_id}, amount due"
        if first.retained or first.released or first.deposits_applied:
            others = self.nodes.retention.of_statement(statement_id)
            if first.deposits_applied:
                applied = [self.applied(one) for one in self.applied_on(statement_id)]
                others = (*others, total("deposits applied", applied, "amount", first.currency, rule="R31"))
            return total(title, (sums, *others), "amount", first.currency, facts=facts, why=why, id=statement_id)
        value = first.amount_due
        return Node(
            title, value, "amount", first.currency, Arithmetic("same", (sums,)), "R11", (), facts, why, id=statement_id
        )

    def _status(self, statement_id: str, record: BillingStatement) -> str:
        """Nothing of a statement that was issued as it was cut."""
        if statement_id in self.sources.trace.superseded:
            return "issued, and superseded by the next"
        if record.status == ISSUED and f"{statement_id}@{record.revision - 1}" in self.sources.trace.superseded:
            return "issued again"
        if record.status == ISSUED:
            return "issued as it was drafted" if record.revision > 1 else ""
        of_it = self.sources.trace.said_of(BillingStatement)
        newest = [said for said in of_it if said.record.statement_id == statement_id]
        return "superseded" if newest[-1].record.status == SUPERSEDED else "a draft that waits for approval"

    # Deposits that are set against statements (R31)

    def applied_on(self, statement_id: str) -> list[Listed]:
        found = [one for listed in self._applied.values() for one in listed if one.statement_id == statement_id]
        return sorted(found, key=lambda one: one.place)

    def all_applied_at(self, entry_id: str, step: int) -> list[Listed]:
        """Issued statements that a deposit is set against."""
        return [one for one in self._applied.get(entry_id, ()) if self.is_issued(one) and one.holds_at(step)]

    def is_issued(self, listed: Listed) -> bool:
        return listed.statement_id not in self.sources.trace.drafts

    def applied(self, listed: Listed) -> Node:
        """What of a deposit is set against a statement, negative: as much as is left of it and of the statement, or a percentage."""
        if is_opening_statement(listed.statement_id):
            return self._before_the_books(listed)
        return self.recorded.known(f"{listed.statement_id}#applied/{listed.entry.line_id}")

    @once
    def lines(self, statement_id: str) -> list[StatementLine]:
        return [line for part in self.records(statement_id) for line in part.lines]

    def listed_on(self, statement_id: str, line: StatementLine) -> list[Listed]:
        return [
            one
            for entry_id in line.entries
            for one in self._of_entry.get(entry_id, ())
            if one.statement_id == statement_id and one.line is line
        ]

    @once
    def line(self, statement_id: str, number: int) -> Node:
        """`number` counts from 1, over all parts."""
        record = self.record(statement_id)
        line = self.lines(statement_id)[number - 1]
        step = self.sources.trace.statements[statement_id][0].step
        listed = self.listed_on(statement_id, line)
        facts = (
            ("contract line", line.line_id),
            ("project", line.project_id),
            *((("person", line.person_id),) if line.person_id else ()),
            *((("task", line.task),) if line.task else ()),
            ("service dates", f"{line.service_from} to {line.service_to}"),
            *((("flags", ", ".join(line.flags)),) if line.flags else ()),
        )
        title = f"line {number}: {line.description}"
        pieces = [self.piece(one, extra=False) for one in listed]
        address = line_at(statement_id.partition("@")[0], number)
        # An earlier revision may have been rounded where this one is not.
        is_whole = self.recorded.why.step_of(address, step) == step
        whole = self.recorded.figure(address, step) if is_whole else None
        if whole is None:
            made = total(title, pieces, "amount", record.currency, rule="R11")
        else:
            made = whole._replace(title=title, why=tuple(pieces))
        return as_recorded(line.amount, made).node._replace(facts=facts, id=f"{statement_id}#{number}")

    # Pieces

    def _piece_of(self, statement_id: str, entry_id: str, line_id: str, step: str = "") -> Node | None:
        """Of a row that the statement bills; `step` tells which of its revisions."""
        statement_id = self.sources.trace.revision_at(statement_id, int(step)) if step else statement_id
        listed = self._of_row.get((statement_id, entry_id, line_id))
        return self.piece(listed) if listed is not None else None

    def piece(self, listed: Listed, *, extra: bool = True) -> Node:
        """What the entry brings: billable now, less what stands on earlier statements; `extra` with the cents of the line's rounding."""
        key = ("piece", listed.number, listed.entry.entry_id, listed.entry.line_id, extra)
        if key not in self._memo:
            self._memo[key] = self._piece(listed, extra=extra)
        return self._memo[key]

    def _before_the_books(self, listed: Listed) -> Node:
        """What was billed of it before the books begin."""
        return self.recorded.known(piece_at(listed.statement_id, listed.place))

    def _piece(self, listed: Listed, *, extra: bool) -> Node:
        if is_opening_statement(listed.statement_id):
            return self._before_the_books(listed)
        entry_id, line_id, step = listed.entry.entry_id, listed.entry.line_id, listed.step
        contract_id = self.head(listed.statement_id).contract_id
        currency = self.head(listed.statement_id).currency
        others = [
            one
            for one in self._of_entry[entry_id]
            if one.entry.line_id == line_id and self.contract_of(one) == contract_id and self.is_issued(one)
        ]
        earlier = [one for one in others if one.number < listed.number and one.holds_at(step)]
        if (falls := self._falls(listed)) is not None:
            made = self._piece_of_payer(listed, falls)
            return as_recorded(listed.entry.amount, made).node
        # What is given back of a deposit is found after the statement that bills it again, in the same event.
        is_billed_again = any(one.number > listed.number and one.step == step for one in others)
        due = self.due(entry_id, contract_id, line_id, step - 1 if is_billed_again else step, currency)
        cents = [self._cents(one) for one in earlier if one.step >= self._begun(entry_id, step)]
        cents = [node for node in cents if node.value]
        if cents:
            due = total(f"{entry_id}: billable with cents of earlier lines", (due, *cents), "amount", currency)
        made = due
        if earlier:
            before = total(
                f"{entry_id}: on earlier statements", [self.piece(one) for one in earlier], "amount", currency
            )
            if back := self.nodes.credits.reopened_before(listed, contract_id):
                before = less(f"{entry_id}: on earlier statements and not billed again", before, *back)
            made = less(f"{entry_id}: new less issued", due, before, rule="R25")
        own = self._cents_recorded(listed)
        expected = listed.entry.amount - (own.value or 0 if own is not None and not extra else 0)
        if extra and own is not None:
            made = total(f"{entry_id}: with the cents of the line", (made, self._cents(listed)), "amount", currency)
        return as_recorded(expected, made).node

    # Where several pay

    def payer_of(self, listed: Listed) -> str:
        return self.head(listed.statement_id).bill_to

    def _piece_of_payer(self, listed: Listed, falls: Node) -> Node:
        """What falls to the payer, less what it was billed before."""
        contract_id, payer = self.contract_of(listed), self.payer_of(listed)
        entry_id, line_id = listed.entry.entry_id, listed.entry.line_id
        earlier = [
            self.piece(one)
            for one in self.listed_of(entry_id, contract_id, line_id, listed.step)
            if one.number < listed.number and self.payer_of(one) == payer
        ]
        if not earlier:
            return falls
        before = total(f"{entry_id}: on earlier statements of {payer}", earlier, "amount", falls.currency)
        if back := self.nodes.credits.reopened_before(listed, contract_id, payer):
            before = less(f"{entry_id}: on earlier statements of {payer} and not billed again", before, *back)
        return less(f"{entry_id}: new less issued to {payer}", falls, before, rule="R25")

    def _falls(self, listed: Listed) -> Node | None:
        """Of the entry's total, as its statement left it; None where nobody pays beside its payer."""
        statement_id, why = listed.statement_id.partition("@")[0], self.recorded.why
        address = falls_on(statement_id, listed.entry.entry_id, listed.entry.line_id)
        return self.recorded.known(address, listed.step) if why.step_of(address, listed.step) == listed.step else None

    def contract_of(self, listed: Listed) -> str:
        return self.head(listed.statement_id).contract_id

    def due(self, entry_id: str, contract_id: str, line_id: str, step: int, currency: str) -> Node:
        at = self.nodes.entries.standing(entry_id, step)
        price = at.work.price if at is not None else None
        if at is None or price is None or (price.contract_id, price.line_id) != (contract_id, line_id):
            return self._nothing_due(entry_id, contract_id, line_id, step, currency)
        before = self.nodes.entries.standing(entry_id, step - 1)
        # The share that was issued is explained by the moment before, when nothing of it was.
        is_earlier = before is not None and same_billing(before.work, at.work)
        return self.nodes.entries.billable(before if before is not None and is_earlier else at)

    def _nothing_due(self, entry_id: str, contract_id: str, line_id: str, step: int, currency: str) -> Node:
        gone = self._gone(entry_id, contract_id, line_id, step)
        return constant(f"{entry_id}: nothing billable", 0, "amount", currency, why=(gone,))

    def _gone(self, entry_id: str, contract_id: str, line_id: str, step: int) -> Node:
        """What took the entry off the line, where it stands now, and where it had been billed."""

        def stands(at: int) -> bool:
            found = self.nodes.entries.standing(entry_id, at)
            price = found.work.price if found is not None else None
            return price is not None and (price.contract_id, price.line_id) == (contract_id, line_id)

        steps = [number for number, _ in self.sources.trace.entry_steps(entry_id) if number <= step]
        left = next((number for number in reversed(steps) if stands(number - 1)), None)
        now = self.nodes.entries.standing(entry_id, step)
        price = now.work.price if now is not None else None
        if now is None or stands(step):
            title = "withdrawn"
        elif price is not None and price.line_id:
            title = f"on line {price.line_id} of contract {price.contract_id} now"
        else:
            title = "not charged now"
        billed = (
            ("billed on", f"{one.statement_id}#{self._number_of(one)}")
            for one in self.listed_of(entry_id, contract_id, line_id, step - 1)
        )
        return Node(title, facts=tuple(billed), event=self.sources.cause(left) if left is not None else None)

    def _number_of(self, listed: Listed) -> int:
        lines = self.lines(listed.statement_id)
        return next((number for number, one in enumerate(lines, 1) if one is listed.line), 0)

    def _begun(self, entry_id: str, step: int) -> int:
        """The step that priced the version of the entry that stands; what lines put on another one went with that."""
        at = self.nodes.entries.standing(entry_id, step)
        return self.nodes.entries.priced_at(at) if at is not None else step

    def _cents(self, listed: Listed) -> Node:
        """What the line's rounding put on its last entry."""
        found, currency = self._cents_recorded(listed), self.head(listed.statement_id).currency
        return self.recorded.bound(found) if found is not None else constant("no cents", 0, "amount", currency)

    def _cents_recorded(self, listed: Listed) -> Node | None:
        """An earlier revision may have been rounded where this one is not."""
        row = composed(listed.entry.entry_id, listed.entry.line_id)
        address, why = cents_at(listed.statement_id.partition("@")[0], row), self.recorded.why
        return why.figure_at(address, listed.step) if why.step_of(address, listed.step) == listed.step else None

    def _printed(self, statement_id: str, number: str, step: str) -> Node:
        return self.line(self.sources.trace.revision_at(statement_id, int(step)), int(number))

    def _entries_of_line(self, statement_id: str, number: str, step: str) -> Node:
        statement_id = self.sources.trace.revision_at(statement_id, int(step))
        line = self.lines(statement_id)[int(number) - 1]
        pieces = [self.piece(one, extra=False) for one in self.listed_on(statement_id, line)]
        return total("sum of its entries", pieces, "amount", self.head(statement_id).currency)

    # What of an entry is issued

    def issued(self, entry_id: str, contract_id: str, line_id: str, step: int, *, is_cut: bool = True) -> Node:
        """Everything that statements up to a step list of the entry on a contract line; `is_cut` with those of the step itself."""
        found = [one for one in self.listed_of(entry_id, contract_id, line_id, step) if is_cut or one.step < step]
        currency = self.head(found[0].statement_id).currency if found else ""
        if not found:
            return constant(f"{entry_id}: nothing issued", 0, "amount", currency)
        pieces = [self.piece(one) for one in found]
        whole = pieces[0] if len(pieces) == 1 else total(f"{entry_id}: issued", pieces, "amount", currency)
        back = self.nodes.credits.reopened(entry_id, contract_id, line_id, step)
        return less(f"{entry_id}: issued and not billed again", whole, *back) if back else whole

    def listed_of(self, entry_id: str, contract_id: str, line_id: str, step: int) -> list[Listed]:
        return [
            one
            for one in self._of_entry.get(entry_id, ())
            if one.holds_at(step)
            and one.entry.line_id == line_id
            and self.contract_of(one) == contract_id
            and self.is_issued(one)
        ]

    def all_listed(self, entry_id: str) -> list[Listed]:
        """Where it stands now."""
        return [one for one in self._of_entry.get(entry_id, ()) if self.is_issued(one) and one.until is None]

    def all_listed_at(self, entry_id: str, step: int) -> list[Listed]:
        return [one for one in self._of_entry.get(entry_id, ()) if self.is_issued(one) and one.holds_at(step)]

    def rounding(self, entry_id: str, price: Price, step: int) -> Node:
        listed = self.listed_of(entry_id, price.contract_id, price.line_id, step)
        cents = [self._cents(one) for one in listed if one.step >= self._begun(entry_id, step)]
        made = total(f"{entry_id}: cents of lines", [node for node in cents if node.value], "amount", price.currency)
        return as_recorded(price.rounding, made).node
