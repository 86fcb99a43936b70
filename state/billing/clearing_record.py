"""What a recorder takes of an invoice (state/billing/reliefs.py): what each row carries, and what leaves with it.

What a row carries is built here from the journals that stand of it, less what invoices took and credit memos put back, which is added up
by row, contract line and payer.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from domain.accounts import CONTRACT_LIABILITY
from domain.explanation import Node, in_proportion, least, less, negated, total
from domain.figure import Recorded, RecordedRate
from domain.identity import composed
from domain.ledger.position import ContractPosition, moved
from domain.ledger.recorded import Carried, Currencies, LineParts, all_of, as_carried, line_made, position_before
from domain.units import Amount
from domain.why import Rates, Why, elsewhere, exchanged
from state.books import Entry, Issued, Posted, StatementEntry, StatementState
from state.ledger.carried import accrued, carried, invoiced, invoiced_of, of_deposit


def piece_at(statement_id: str, place: int) -> str:
    """Address of what a statement lists at a place."""
    return f"{statement_id}#row/{place}"


def say_rows(
    why: Why, of: str, billed: Sequence[StatementEntry], applied: Sequence[StatementEntry], currency: str
) -> None:
    """What a statement lists: what it bills, and after that what of deposits is set against it."""
    for place, one in enumerate(billed):
        address = composed("piece", of, one.entry_id, one.line_id, str(why.now))
        why.record(piece_at(of, place), one.amount, elsewhere(f"{one.entry_id}: billed", one.amount, address, currency))
    for place, one in enumerate(applied, len(billed)):
        why.record(piece_at(of, place), one.amount, why.figure(f"{of}#applied/{one.line_id}"))


def cleared_of(statement_id: str, row: str) -> str:
    """Address of what the invoice took of a row on a contract line (composed), in ledger currency, for its credit memos."""
    return f"{statement_id}#cleared/{row}"


class Cleared(NamedTuple):
    """What leaves with a row, recorded. Revenue as billed has `back`, the ledger amounts that are taken back, and `new`, what is converted
    once a line of the journal; `legs` are lines of the position."""

    part: Carried
    back: tuple[Node, ...] | None = None
    new: Node | None = None
    legs: tuple[tuple[str, Carried], ...] | None = None


class ClearingRecord:
    """Of the invoice of a statement; what its rows leave to each other is kept as the rule keeps it."""

    def __init__(self, why: Why, statement_id: str, bill_to: str, currencies: Currencies, rates: Rates) -> None:
        self.why = why
        self.statement_id = statement_id
        self.bill_to = bill_to
        self.currencies = currencies
        self.rates = rates
        self._left: dict[tuple[str, ...], Carried] = {}
        # Of revenue as billed: what is new so far, by project and account.
        self._new: dict[tuple[str, str], Node] = {}

    def piece(self, place: int) -> Node:
        return self.why.figure(piece_at(self.statement_id, place))

    def at_rate(self, amount: Node, mode: str) -> Carried:
        return Carried(amount, exchanged(amount, self.rates, self.currencies[1], mode))

    def unbilled(
        self, place: int, entry: Entry, issued: Issued, taken: Amount, mode: str, *, is_share: bool
    ) -> Cleared:
        """`is_share` where several pay and too little is left: in proportion to all that was accrued."""
        key = entry.entry_id, issued.account
        had = self._left.get(key) or carried(self.why, entry, issued.contract_id, issued.account, self.currencies)
        if not is_share:
            return self._of(key, place, had, taken, mode)
        piece, whole = self.piece(place), accrued(entry, issued.contract_id, issued.account, self.currencies)
        whole = whole if whole.amount.value else had
        title = f"{entry.entry_id}: as what was accrued is carried"
        ledger = in_proportion(title, whole.ledger, piece, whole.amount, mode, rule="R52")
        return self._kept(key, had, Carried(piece, ledger), taken)

    def deposit(self, place: int, rows: Sequence[Entry], issued: Issued, taken: Amount, mode: str) -> Cleared:
        """All rows of its line share what stands of it."""
        key = "deposit", issued.line_id, issued.account
        had = self._left.get(key) or of_deposit(self.why, rows, _place(issued), self.currencies)
        return self._of(key, place, had, taken, mode)

    def revenue(
        self,
        place: int,
        entry: Entry,
        issued: Issued,
        others: Iterable[Entry],
        parts: tuple[Amount, Amount, Amount],
        taken: Amount,
        at: tuple[str, str],
        mode: str,
    ) -> Cleared:
        """`parts` of the row are what its own invoices carry, what those of `others` of its line do, and what is new."""
        piece, back = self.piece(place), []
        from_own, beside, new = parts
        rest = piece
        if from_own:
            parts_of_own = invoiced(self.why, entry.entry_id, issued, self.bill_to)
            own = all_of("invoiced before", parts_of_own, self.currencies).taken_back("own invoices")
            part = piece if from_own == piece.value else own.amount
            back.append(self._as_carried(part, own, mode))
            rest = less("beyond what its own invoices carry", piece, part)
        if beside:
            key = "beside", issued.line_id, issued.account
            had = self._left.get(key) or self._beside(entry, issued, others)
            part = rest if beside == rest.value else had.amount
            back.append(self._as_carried(part, had, mode))
            self._left[key] = had.without("left of it", Carried(part, back[-1]))
            rest = less("beyond what the line's invoices carry", rest, part)
        if not new:
            ledger = _sum("as its invoices and those of its line carry it", back, self.currencies[1])
            return Cleared(self._recorded(Carried(piece, ledger), taken), tuple(back))
        before = self._new.get(at)
        adds = self.at_rate(rest, mode).ledger
        if before is not None:
            so_far = total("revenue of the line up to it", (before, rest), "amount", self.currencies[0])
            title = "what it adds to the line, which is converted once"
            adds = less(title, self.at_rate(so_far, mode).ledger, self.at_rate(before, mode).ledger, rule="R12")
            self._new[at] = so_far
        else:
            self._new[at] = rest
        ledger = _sum(
            "as its invoices and those of its line carry it, and what is new", [*back, adds], self.currencies[1]
        )
        return Cleared(self._recorded(Carried(piece, ledger), taken), tuple(back), rest)

    def revenue_of_line(self, rows: Sequence[Cleared], mode: str) -> Carried:
        """What is taken back as it was invoiced, and what is new at the invoice's rate, once."""
        currency, ledger_currency = self.currencies
        billed = total("revenue that is billed", [row.part.amount for row in rows], "amount", currency)
        parts = [node for row in rows for node in row.back or ()]
        news = [row.new for row in rows if row.new is not None]
        if news:
            new = news[0] if len(news) == 1 else total("revenue that is new", news, "amount", currency)
            parts.append(self.at_rate(new, mode).ledger)
        return Carried(billed, total("revenue that is billed, in ledger currency", parts, "amount", ledger_currency))

    def retained(self, statement: StatementState) -> Iterator[Carried]:
        """By the statement that withheld it."""
        of = self.statement_id
        for withheld_by, _, _ in statement.retention:
            yield Carried(self.why.figure(f"{of}#piece/{withheld_by}"), self.why.figure(f"{of}#moved/{withheld_by}"))

    def over_time(
        self, place: int, entry: Entry, issued: Issued, mode: str, legs: Iterable[tuple[str, Carried]]
    ) -> Cleared:
        """At the invoice's rate; what a row takes back of its own invoices as these carry it."""
        piece, own = self.piece(place), invoiced(self.why, entry.entry_id, issued, self.bill_to)
        had = all_of("invoiced before", own, self.currencies).taken_back("own invoices")
        return Cleared(Carried(piece, self._as_carried(piece, had, mode)), legs=tuple(legs))

    def remeasured(self, cleared: Cleared, posted: Posted, *, is_in: bool, mode: str) -> Cleared:
        """Out as it is carried, in at the invoice's rate."""
        if is_in:
            cleared = cleared._replace(part=self.at_rate(cleared.part.amount, mode))
        parts, (to, back) = LineParts(*self.currencies), posted.lines
        debited, credited = (to, back) if is_in else (back, to)
        parts.debit(("", debited.account, debited.purpose), cleared.part)
        parts.credit(("", credited.account, credited.purpose), cleared.part)
        parts.record(self.why, posted.journal_id, [("", leg) for leg in posted.lines])
        return cleared

    def _beside(self, entry: Entry, issued: Issued, others: Iterable[Entry]) -> Carried:
        parts = invoiced_of(self.why, (row for row in others if row.entry_id != entry.entry_id), _place(issued))
        return all_of("invoiced before", parts, self.currencies).taken_back("invoices of the line's other rows")

    def _of(self, key: tuple[str, ...], place: int, had: Carried, taken: Amount, mode: str) -> Cleared:
        piece = self.piece(place)
        return self._kept(key, had, Carried(piece, self._as_carried(piece, had, mode)), taken)

    def _kept(self, key: tuple[str, ...], had: Carried, part: Carried, taken: Amount) -> Cleared:
        self._left[key] = had.without("left of it", part)
        return Cleared(self._recorded(part, taken))

    def _as_carried(self, taken: Node, had: Carried, mode: str) -> Node:
        return as_carried(taken, had, mode, lambda beyond: self.at_rate(beyond, mode).ledger)

    def _recorded(self, part: Carried, taken: Amount) -> Carried:
        self.why.record(f"{self.statement_id}#leaves", taken, part.ledger)
        return part

    def through_position(
        self,
        before: ContractPosition,
        others: Iterable[tuple[str, Carried]],
        places: Mapping[str, Sequence[int]],
        mode: str,
    ) -> dict[str, list[tuple[str, Carried]]]:
        """Lines of the position by project; `places` have what is billed in each, `others` what other rows take of it before."""
        position = position_before(before, self.statement_id, self.currencies)
        for account, part in others:
            position = position.add(account, *part.taken_back("taken before").numbers)
        currency = self.currencies[0]
        billed = {
            project: total("billed", [self.piece(place) for place in places[project]], "amount", currency)
            for project in sorted(places)
        }
        net = total("billed of what is earned over time", tuple(billed.values()), "amount", currency)
        own, found = _of_projects(billed, net), {project: list[tuple[str, Carried]]() for project in billed}
        rate = RecordedRate.by(lambda rest: self.at_rate(rest, mode).ledger)
        for leg in moved(position, "", Recorded(negated("billed", net)), rate, self.currencies[1], mode):
            for project, part in _shared(line_made(leg, self.currencies), own, mode):
                found[project].append((leg.account, part))
        over: Carried | None = None
        for project, bills in billed.items():
            had = [part.amount for _, part in found[project]]
            lacks = less("goes over", negated("billed", bills), *had) if had else negated("billed", bills)
            if lacks.value:
                upto = total("with those before it", (over.amount, lacks), "amount", currency) if over else lacks
                at_rate = self.at_rate(upto, mode)
                ledger = less("goes over, in ledger currency", at_rate.ledger, over.ledger) if over else at_rate.ledger
                found[project].append((CONTRACT_LIABILITY, Carried(lacks, ledger)))
                over = at_rate
        return found


def _place(issued: Issued) -> tuple[str, str, str]:
    return issued.contract_id, issued.line_id, issued.account


def _of_projects(billed: Mapping[str, Node], net: Node) -> dict[str, Node]:
    """What projects on the side of the net have of it, in order, less what the others take off them."""
    up = (net.value or 0) > 0
    own = {
        project: node if up else negated("billed", node)
        for project, node in billed.items()
        if node.value and (node.value > 0) == up
    }
    if len(billed) > len(own):
        size = net if up else negated("net", net)
        off = less("taken off by others", total("of these", tuple(own.values()), "amount", net.currency), size)
        for project, has in own.items():
            cut = least("taken off it", [off, has])
            own[project], off = less("left of it", has, cut), less("left to take off", off, cut)
    return own


def _shared(leg: Carried, own: dict[str, Node], mode: str) -> Iterator[tuple[str, Carried]]:
    """A line shared among projects in order, each the difference of two rounded sums (R12); takes off `own` what each has."""
    if len(own) == 1:
        yield from ((project, leg) for project in own)
        return
    debit = (leg.amount.value or 0) > 0
    whole = rest = leg.amount if debit else negated("credit", leg.amount)
    before: Node | None = None
    for project, has in own.items():
        part = least("its part", [has, rest])
        if not part.value:
            continue
        rest, own[project] = less("left of it", rest, part), less("left of it", has, part)
        upto = leg.ledger
        if rest.value:
            with_those = less("with those before it", whole, rest)
            upto = in_proportion("with those before it", leg.ledger, with_those, whole, mode)
        mine = less("its part, in ledger currency", upto, before) if before is not None else upto
        yield project, Carried(part if debit else negated("credit", part), mine)
        before = upto


def _sum(title: str, parts: Sequence[Node], currency: str) -> Node:
    return parts[0] if len(parts) == 1 else total(title, parts, "amount", currency, rule="R52")
