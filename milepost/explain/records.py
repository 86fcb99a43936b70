"""A row as a whole, time or a charge: its figures, what it waits for, and everything that happened to it."""

from collections.abc import Sequence

from domain.caps.purchase_order import is_order, spoken
from domain.explanation import Arithmetic, Node, less, total
from domain.identity import composed
from domain.ledger.journal import debits
from domain.money import format_amount
from domain.outputs import JournalEntry
from domain.units import Hours
from domain.work.recorded import figure_of
from domain.work.rows import DELIVERY, EXPENSE, FEE, OVERFLOW, ROWS, SCHEDULED_REVENUE, TIME_ENTRY, named, row_id
from milepost.explain.entries import VersionStanding
from milepost.explain.nodes import Nodes
from state.billing.issued_record import AMOUNT, conceded_at, issued_at
from state.books import Entry, Price, Work
from state.ledger.carried import INVOICED
from state.trace import row_of

# Contract and line.
OnLine = tuple[str, str]
_KINDS = {
    TIME_ENTRY: "Time entry",
    EXPENSE: "Expense",
    DELIVERY: "Delivery",
    FEE: "Fee",
    SCHEDULED_REVENUE: "Revenue",
    OVERFLOW: "Overflow",
}


class RecordNodes(Nodes):
    def entry(self, entry_id: str, step: int) -> Node:
        entry = self.sources.trace.entry_at(entry_id, step)
        assert entry is not None, "the entry is in the books"
        kind, fact_id = named(entry_id)
        title = f"{_KINDS.get(kind, kind)} {fact_id} version {entry.version}"
        work = entry.standing
        figures = self.figures(entry_id, step)
        why = [*figures, *self._waiting(entry), *self._history(entry_id, step)]
        facts = self._facts(work) if work is not None else (("state", "withdrawn"),)
        return Node(title, facts=facts, why=tuple(why), id=entry_id)

    def _facts(self, work: Work) -> tuple[tuple[str, str], ...]:
        event = work.subject
        price = work.price
        elsewhere = work.time is not None and work.time.billed_elsewhere
        why_not = "another system bills the entry" if elsewhere else "the entry is not billable"
        return (
            ("project", event.project_id),
            *((("person", event.person_id),) if event.person_id else ()),
            *((("description", event.description),) if event.description and work.time is None else ()),
            *((("role", price.role),) if price is not None and price.role else ()),
            *((("task", event.task),) if event.task else ()),
            *(
                (("contract line", f"{price.contract_id}/{price.line_id}"),)
                if price is not None and price.line_id
                else ()
            ),
            *((("not charged", why_not),) if not event.billable else ()),
        )

    def figures(self, entry_id: str, step: int) -> list[Node]:
        """Every figure of the entry that is not zero for want of work."""
        at = self.nodes.entries.standing(entry_id, step)
        found: list[Node] = []
        if at is not None:
            if at.work.time is not None and at.work.part_of is None:
                found.append(self.nodes.entries.worked(at.work.time))
            if at.work.cost is not None:
                found.append(self.nodes.entries.cost(at, at.work.cost))
            found += self._own(at)
            if at.work.price is not None:
                found += self._priced(at, at.work.price)
        found += self._billed(entry_id, step)
        return [node._replace(id=f"{entry_id}#{name}") for name, node in self._named(found, entry_id).items()]

    def _own(self, at: VersionStanding) -> list[Node]:
        row = row_id(at.work.subject_kind, at.work.subject_id)
        nodes = [self.recorded.figure(figure_of(row, name), at.step) for name in at.work.own_figures]
        return [node for node in nodes if node is not None]

    def _named(self, nodes: list[Node], entry_id: str) -> dict[str, Node]:
        """By the name of the figure, which is what stands after the entry's id in the title."""
        named: dict[str, Node] = {}
        for node in nodes:
            name = node.title.removeprefix(f"{entry_id}: ").replace(" ", "_")
            named.setdefault(name, node)
        return named

    def _priced(self, at: VersionStanding, price: Price) -> list[Node]:
        entry_id = at.entry.entry_id
        if not price.line_id:
            return [self.nodes.entries.memo(at)._replace(title=f"{entry_id}: value not charged")] if price.memo else []
        nodes = [
            *(
                (("hours billable", self.nodes.entries.hours_at(entry_id, at.step)),)
                if at.work.time is not None
                else ()
            ),
            ("value", self.nodes.entries.value(at)),
            ("billable", self.nodes.entries.billable(at)),
            ("recognised", self.made_recognised(at)),
        ]
        if price.memo:
            nodes.append(("value not charged", self.nodes.entries.memo(at)))
        found = [node._replace(title=f"{entry_id}: {name}") for name, node in nodes]
        if at.entry.given_up:
            found.append(self.nodes.given_up.written_off(at))
        if price.passed:
            found += [self.nodes.entries.passed(at), self.nodes.entries.passed_hours(at)]
        if price.chargeable - price.passed != price.billable:
            found.append(self.made_over(at))
        found.append(self.accrued(entry_id, at.step))
        rooms = tuple(node._replace(title=f"{entry_id}: {node.title}") for node in self.nodes.caps.room_around(at))
        found = [
            node._replace(why=(*node.why, *rooms)) if node.title.endswith(": billable") else node for node in found
        ]
        return [*found, *rooms]

    def _billed(self, entry_id: str, step: int) -> list[Node]:
        found = []
        entry = self.sources.trace.entry_at(entry_id, step)
        if entry is not None and entry.issued:
            found.append(self.issued(entry_id, step))
            found.append(self.invoiced(entry_id, step))
        return found

    # Figures that balances are sums of; of very many entries they are only named

    def recognised(self, entry_id: str, step: int) -> Node:
        """With the cents of statement lines; where revenue comes with the invoice that has them."""
        at = self.nodes.entries.priced(entry_id, step)
        return self._named_as("recognised", at.price.earns, at.price.currency, at) or self.made_recognised(at)

    def made_recognised(self, at: VersionStanding) -> Node:
        entry_id, step = at.entry.entry_id, at.step
        price = at.price
        made = self.nodes.entries.recognised(at)
        if price.earns == price.recognised:
            return made
        cents = self.nodes.entries.rounding(entry_id, step)
        return total(f"{entry_id}: recognised", (made, cents), "amount", price.currency)

    def invoiced_in_ledger(self, entry_id: str, on: OnLine, step: int) -> Node:
        """In ledger currency, before credit memos took off the price."""
        return self.recorded.sum(f"{composed(INVOICED, entry_id, *on)}/ledger", f"{entry_id}: revenue as billed", step)

    def recognised_alone(self, at: VersionStanding, price: Price) -> Node:
        """Without the cents of statement lines."""
        return self.nodes.entries.recognised(at) if price.rounding else self.recognised(at.entry.entry_id, at.step)

    def billable(self, entry_id: str, step: int) -> Node:
        at = self.nodes.entries.priced(entry_id, step)
        made = self.nodes.entries.billable(at)
        if not at.price.rounding:
            return made
        cents = self.nodes.entries.rounding(entry_id, step)
        return total(f"{entry_id}: billable", (made, cents), "amount", at.price.currency)

    def over(self, entry_id: str, step: int) -> Node:
        at = self.nodes.entries.priced(entry_id, step)
        over = at.price.chargeable - at.price.billable - at.price.passed
        return self._named_as("over_cap", over, at.price.currency, at) or self.made_over(at)

    def made_over(self, at: VersionStanding) -> Node:
        price = at.work.price
        order = price.binding if price is not None and is_order(price.binding or "") else None
        title = f"{at.entry.entry_id}: over {spoken(order) if order else 'cap'}"
        passed = (self.nodes.entries.passed(at),) if price is not None and price.passed else ()
        return less(title, self.nodes.given_up.chargeable(at), self.nodes.entries.billable(at), *passed, rule="R15")

    def worked(self, at: VersionStanding, hours: Hours) -> Node:
        is_worked = at.work.time is not None and at.work.part_of is None
        named = self._named_as("hours_worked", hours, "", at) if is_worked else None
        return named or self.nodes.entries.worked_on(at)

    def hours(self, at: VersionStanding, price: Price) -> Node:
        """That are billable."""
        named = self._named_as("hours_billable", price.hours, "", at) if price.line_id else None
        return named or self.nodes.entries.hours_at(at.entry.entry_id, at.step)

    def hours_here(self, at: VersionStanding, price: Price) -> Node:
        """Of them those that did not go on to another line."""
        hours = self.hours(at, price)
        if not price.passed_hours:
            return hours
        entry_id = at.entry.entry_id
        passed = self._named_as("hours_passed_on", price.passed_hours, "", at)
        passed = passed or self.nodes.entries.passed_hours(at)
        return less(f"{entry_id}: hours billable on its line", hours, passed, rule="R17")

    def _named_as(self, name: str, value: int, currency: str, at: VersionStanding) -> Node | None:
        return self.sources.named_part(at.entry.entry_id, name, value, currency, at.step)

    def issued(self, entry_id: str, step: int, on: OnLine | None = None) -> Node:
        """On statements, on whichever contract lines or on one."""
        if on is not None and self._all_is_on(entry_id, on, step):
            return self._whole(entry_id, "issued", on, step)
        places = self._places(entry_id, step, on)
        made = [self.nodes.statements.issued((*one, entry_id), step) for one in places]
        return self._together(f"{entry_id}: issued", made, entry_id, step)

    def invoiced(self, entry_id: str, step: int, on: OnLine | None = None, *, conceded: bool = False) -> Node:
        """By invoices that the ERP posted; with what was `conceded`: before credit memos took off the price."""
        if on is not None and not conceded and self._all_is_on(entry_id, on, step):
            return self._whole(entry_id, "invoiced", on, step)
        made, title = [], f"{entry_id}: invoiced"
        for one in self._places(entry_id, step, on):
            whole = self.recorded.sum(composed(INVOICED, entry_id, *one), title, step)
            off = self.recorded.sum(f"{conceded_at((*one, entry_id))}/credited", "credited", step)
            made.append(less(title, whole, off, rule="R20") if off.value and not conceded else whole)
        return self._together(title, made, entry_id, step)

    def _together(self, title: str, made: Sequence[Node], entry_id: str, step: int) -> Node:
        """In the currency of the price, where nothing is made of it."""
        at = self.nodes.entries.standing(entry_id, step)
        own = at.work.price.currency if at is not None and at.work.price is not None else ""
        currency = next((one.currency for one in made if one.currency), own)
        return made[0]._replace(currency=currency) if len(made) == 1 else total(title, made, "amount", currency)

    def _places(self, entry_id: str, step: int, on: OnLine | None) -> list[OnLine]:
        entry = self.sources.trace.entry_at(entry_id, step)
        issued = entry.issued if entry is not None else ()
        return [on] if on is not None else [(one.contract_id, one.line_id) for one in issued]

    def _all_is_on(self, entry_id: str, on: OnLine, step: int) -> bool:
        """Whether nothing of the entry stands elsewhere, so that its own figure may be named."""
        return self.sources.are_many and self._places(entry_id, step, None) == [on]

    def _whole(self, entry_id: str, name: str, on: OnLine, step: int) -> Node:
        """What is issued or invoiced of the entry, by name."""
        entry = self.sources.trace.entry_at(entry_id, step)
        assert entry is not None, "the entry is in the books"
        value = sum(one.amount if name == "issued" else one.invoiced - one.conceded for one in entry.issued)
        currency = self.sources.draft(step).contract_in_books(on[0]).terms.currency
        return self.sources.part(entry_id, name, value, "amount", currency, step)

    def accrued(self, entry_id: str, step: int) -> Node:
        """Billable and not on a statement yet; negative where more was issued than is billable now."""
        at, issued = self.nodes.entries.standing(entry_id, step), self.issued(entry_id, step)
        price = at.work.price if at is not None else None
        title = f"{entry_id}: accrued"
        if price is None or not price.line_id:
            return Node(title, -(issued.value or 0), "amount", issued.currency, Arithmetic("negate", (issued,)))
        due = self.billable(entry_id, step)
        if issued.arithmetic is not None and issued.arithmetic.operation == "sum" and not issued.arithmetic.operands:
            return Node(title, due.value, due.unit, due.currency, Arithmetic("same", (due,)))
        return less(title, due, issued)

    # What else there is to know

    def _waiting(self, entry: Entry) -> list[Node]:
        work = entry.work
        return [
            Node(
                f"waits: {fault.category}, {fault.side}",
                facts=(("exception", fault.exception_id),),
                id=fault.exception_id,
            )
            for fault in (work.faults if work is not None else ())
        ]

    def _history(self, entry_id: str, step: int) -> list[Node]:
        """Everything that happened to it, in order."""
        trace = self.sources.trace
        found: list[Node] = []
        for number, entry in trace.entry_steps(entry_id):
            if number > step:
                break
            journals = tuple(
                self._journal_line(said.record)
                for said in trace.journals_of.get(entry_id, ())
                if said.step == number and row_of(said.record) is not None
            )
            title = f"{len(found) + 1}. {self._what(entry, journals, self._newly_issued_on(entry, number))}"
            found.append(Node(title, why=journals, event=self.sources.cause(number)))
        return [Node("What happened to it", why=tuple(found))] if found else []

    def _journal_line(self, journal: JournalEntry) -> Node:
        kind = f"{journal.kind} {journal.rule}" if journal.rule not in ROWS and journal.rule != "time" else journal.kind
        amount = debits(journal.lines)
        facts = [("accounting date", journal.accounting_date.isoformat())]
        if journal.reverses:
            facts.append(("takes back", journal.reverses))
        title = f"journal, {kind}, {format_amount(amount)} {journal.currency}"
        return Node(title, facts=tuple(facts), id=journal.journal_id)

    def _newly_issued_on(self, entry: Entry, step: int) -> list[str]:
        """Statements that the step put the entry on, or took it off."""
        lines = [issued_at((one.contract_id, one.line_id, entry.entry_id)) for one in entry.issued]
        parts = [part for line in lines for part in self.recorded.why.placed(line, AMOUNT, step=step)]
        return [part.of for part in parts if part.step == step and self.sources.trace.listed_at(part.of, step)]

    def _what(self, entry: Entry, journals: tuple[Node, ...], statements: Sequence[str]) -> str:
        work = entry.work
        if work is None:
            return "withdrawn"
        if work.faults:
            return "waits: " + ", ".join(fault.category for fault in work.faults)
        issued = [f"issued on statement {' and '.join(statements)}"] if statements else []
        return ", ".join([*(["posted"] if journals else []), *issued]) or "changed"
