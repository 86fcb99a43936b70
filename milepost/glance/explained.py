"""A figure of a table as a tree: what the table itself summed, down to lines of journals and fields of events."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from connectors.files.glance_index import ON_ONE, AboutSum, AccountSum, CostOfHours, HoursWorked, LinesAsked
from connectors.files.glance_rows import INVOICED, OPENED, OPENING
from connectors.files.waiting_events import UnroutedEntry
from connectors.log_records import StoredRecord
from domain.accounts import LABOR_COST
from domain.explanation import ELSEWHERE, FIELD, Arithmetic, Node, Parameter, negated, stated, step_of, total
from domain.money import HALF_UP
from domain.months import month_end
from domain.work.rows import named, spoken
from milepost.glance.figures import (
    AMOUNT,
    BILLABLE,
    BY_CURRENCY,
    LESS,
    PERCENT,
    WAITING,
    BeforeTheBooks,
    Booked,
    Counted,
    Elsewhere,
    Figure,
    InCurrency,
    InDays,
    OtherSide,
    Part,
    PostedBetween,
    SameRow,
    StatedField,
    TakenBack,
)
from milepost.glance.firm import EntryRead, FirmAtMoment, LineSummed
from milepost.glance.pieces import PieceStep, UnbilledPiece
from milepost.glance.receivables import OfProject, OneJournal, OpenAtStart
from milepost.glance.sheet import CellKind, Glance, GlanceRow, InRow
from state.trace import event_ref

_UNITS: Final = {
    CellKind.AMOUNT: "amount",
    CellKind.HOURS: "hours",
    CellKind.PERCENT: "percent",
    CellKind.COUNT: "count",
}
# Where a row has the currency of amounts that are in a ledger's.
_LEDGERS: Final = {
    "in_ledger": "ledger_currency",
    "charged_in_ledger": "lender_currency",
    "borne_in_ledger": "borrower_currency",
    "exchange_difference": "lender_currency",
}
_TO_THE_MILLIONTH: Final = {"step": "0.000001", "mode": "half_up"}
IN_HOURS: Final = ("hours", "")


class FigureNodes:
    """Explanations of one table's figures."""

    def __init__(self, firm: FirmAtMoment | None, glance: Glance) -> None:
        self._of_firm = firm
        self._glance = glance

    @property
    def _firm(self) -> FirmAtMoment:
        assert self._of_firm is not None, "figures of a ledger's accounts are explained by its own ids"
        return self._of_firm

    def explain(self, row: GlanceRow, column: str) -> Node:
        """The figure of a column that the row has."""
        figure = row.figures[column]
        shown = self._glance.column(column)
        title = f"{self._glance.title}, {_said(row)}: {shown.title if shown is not None else column}"
        unit = (figure.unit, "") if figure.unit else _units(self._glance, row, column)
        return self._figure(title, figure, unit, row)._replace(id=self._glance.id_of(row, column))

    def _figure(self, title: str, figure: Figure, unit: tuple[str, str], row: GlanceRow) -> Node:
        parts = [self._part(part, unit, row) for part in figure.parts()]
        if figure.how == PERCENT:
            return Node(title, figure.value, "percent", "", Arithmetic("percent", tuple(parts), _TO_THE_MILLIONTH))
        if figure.how == BY_CURRENCY:
            return Node(title, why=tuple(parts))
        operation = "subtract" if figure.how == LESS else "sum"
        return Node(title, figure.value, *unit, Arithmetic(operation, tuple(parts)))

    def _part(self, part: Part, unit: tuple[str, str], row: GlanceRow) -> Node:
        match part.of:
            case SameRow(column):
                return self.explain(row, column)
            case InRow(other, column, is_less):
                value = -part.value if is_less else part.value
                node = Node(_said(other), value, *unit, Arithmetic(ELSEWHERE), id=self._glance.id_of(other, column))
                return negated(node.title, node) if is_less else node
            case InCurrency(currency, figure):
                return self._figure(currency, figure, ("amount", currency), row)
            case Figure() as figure:
                return self._figure(figure.title, figure, (figure.unit or unit[0], unit[1]), row)
            case Elsewhere(title, id_, is_credit):
                node = Node(title, -part.value if is_credit else part.value, *unit, Arithmetic(ELSEWHERE), id=id_)
                return negated(title, node) if is_credit else node
            case OtherSide(title):
                return stated(title, part.value, *unit)
            case TakenBack(by, off):
                title = f"taken back by work of {date.fromordinal(by)}, off {date.fromordinal(off)}"
                return stated(title, part.value, *unit)
            case OneJournal(about, seq, line):
                asked = LinesAsked(_heading(about), about.about, seq=seq, line=line)
                return self._lines(_account(about), asked, part, unit)
            case OpenAtStart() as item:
                return self._open_at_start(item, part, unit)
            case OfProject() as share:
                return self._of_project(share, part, unit, row)
            case Counted(title, id_):
                return stated(title, part.value, "count", id=id_)
            case UnbilledPiece() as piece:
                return self._piece(piece, part, unit)
            case AccountSum() as posted:
                return self._lines(_account(posted), LinesAsked(_heading(posted)), part, unit)
            case BeforeTheBooks(posted):
                title = f"{_account(posted)}, brought forward"
                return self._lines(title, LinesAsked(_heading(posted), is_opening=True), part, unit)
            case AboutSum() as about:
                return self._about(part, unit, about)
            case PostedBetween(about, since, before):
                return self._about(part, unit, about, since, before)
            case StatedField() as fact:
                return self._stated(fact, part.value, unit)
            case Booked(project_id):
                entries = [each for each in self._firm.entries(project_id, None, None, None) if each.entry.was_booked]
                return self._hours(f"hours booked on {project_id}", entries, part)
            case InDays(HoursWorked() as worked, first, last):
                return self._worked(worked, first, last, part)
            case UnroutedEntry() as entry:
                return stated(
                    f"{entry.entry_id}, {entry.day}, of {entry.project_id}, which is unknown", part.value, *unit
                )
            case InDays(CostOfHours() as cost, first, last):
                return self._cost(cost, first, last, part, unit)
            case _:
                raise AssertionError(f"a figure is made of {type(part.of).__name__}, which nothing explains")

    # Lines of journals

    def _about(
        self, part: Part, unit: tuple[str, str], about: AboutSum, since: date | None = None, before: date | None = None
    ) -> Node:
        days = (since or date.min).toordinal(), (before or date.max).toordinal()
        return self._lines(_account(about), LinesAsked(_heading(about), about.about, *days), part, unit)

    def _lines(self, title: str, asked: LinesAsked, part: Part, unit: tuple[str, str]) -> Node:
        return _signed(_sum(title, self._firm.journal_lines(asked), part.measure, unit), part.value)

    def _open_at_start(self, item: OpenAtStart, part: Part, unit: tuple[str, str]) -> Node:
        """What an opening invoice has is said by the balances; what is posted of all of them stands below it."""
        posted = [self._about(Part(0, each, part.measure), unit, each) for each in item.of]
        why = (total("posted of what was brought forward", posted, *unit),)
        record = self._firm.stated(OPENING, item.load, "invoices") if item.load else None
        if record is None:
            return stated("brought forward, of no invoice", part.value, *unit, why=why)
        for at, each in enumerate(getattr(record.event, "receivables", ())):
            if each.invoice_id == item.invoice_id and part.value == each.open and part.measure == AMOUNT:
                path = f"receivables[{at}].open"
                return _field(record, f"open of {item.invoice_id}", part.value, unit, path)._replace(why=why)
        return stated(f"open of {item.invoice_id}, in the ledger's currency", part.value, *unit, why=why)

    def _of_project(self, share: OfProject, part: Part, unit: tuple[str, str], row: GlanceRow) -> Node:
        """By what is billed of each project, from the journals of the invoice and its credit memos."""
        item, currency = share.item, (unit[0], share.item.currency)
        whole = total(item.named, [self._part(each, unit, row) for each in item.parts(part.measure)], *unit)
        weights = [
            total(f"billed of {of.project_id}", [self._part(each, currency, row) for each in of.parts], *currency)
            for of in share.billed
        ]
        title = f"share of {share.billed[share.place].project_id}"
        parameters: dict[str, Parameter] = {"step": step_of(unit[1]), "mode": HALF_UP, "party": share.place}
        return Node(title, part.value, *unit, Arithmetic("spread", (whole, *weights), parameters))

    # Unbilled

    def _piece(self, piece: UnbilledPiece, part: Part, unit: tuple[str, str]) -> Node:
        steps = [self._step(each, part.measure, unit) for each in piece.steps]
        title = f"{_row_shown(piece.row)}, {piece.reason}"
        said = (("statement", piece.statement_id), ("exception", piece.exception_id))
        facts = tuple(each for each in said if each[1])
        return _signed(total(title, [each for each in steps if each.value], *unit, facts=facts), part.value)

    def _step(self, step: PieceStep, measure: str, unit: tuple[str, str]) -> Node:
        value = step.amount if measure == AMOUNT else step.ledger
        about = step.of
        if about is None:
            return stated(step.title, value, *unit)
        if step.is_whole and step.placed:
            asked = (
                self._asked_on_one(about)
                if step.placed == ON_ONE
                else LinesAsked(_heading(about), about.about, placed=step.placed)
            )
            return _sum(step.title, self._firm.journal_lines(asked), measure, unit)
        lines = self._firm.journal_lines(LinesAsked(_heading(about), step.row or about.about))
        return stated(
            step.title, value, *unit, why=(_sum(f"journals of {_row_shown(step.row)}", lines, measure, unit),)
        )

    def _asked_on_one(self, about: AboutSum) -> LinesAsked:
        """Lines of its statement and day; of invoiced ones, those of all statements of its payer, which come to little together."""
        invoiced, statements = self._firm.named(INVOICED), self._firm.statements
        if about.about not in invoiced:
            return LinesAsked(_heading(about), placed=ON_ONE, statements=(about.about,), day=about.day)
        bill_to = statements[about.about].bill_to
        of_payer = tuple(each for each in invoiced if each in statements and statements[each].bill_to == bill_to)
        return LinesAsked(_heading(about), placed=ON_ONE, statements=of_payer)

    # Facts and hours

    def _stated(self, fact: StatedField, value: int, unit: tuple[str, str]) -> Node:
        record = self._firm.stated(fact.kind, fact.id, fact.field)
        path = ".".join(filter(None, (fact.field, fact.part)))
        title = f"{path.replace('_', ' ').replace('.', ' ')} of {fact.kind} {fact.id}"
        if record is None:
            return stated(title, value, *unit)
        if fact.kind == OPENED:
            parts = [
                _field(record, f"line {line.line_id}", line.hours, IN_HOURS, f"lines[{at}].hours")
                for at, line in enumerate(getattr(record.event, "lines", ()))
                if line.hours
            ]
            return total(f"hours brought forward of {fact.id}", parts, *unit)
        node = _field(record, title, abs(value), unit, path)
        return node if value >= 0 else negated(title, node)

    def _worked(self, worked: HoursWorked, first: date | None, last: date | None, part: Part) -> Node:
        begin = date.fromisoformat(f"{worked.month}-01")
        end = month_end(begin)
        if worked.day:
            begin = end = date.fromordinal(worked.day)
        begin, end = max(begin, first or begin), min(end, last or end)
        entries = self._firm.entries(worked.project_id, worked.person_id, begin, end)
        if part.measure == WAITING:
            entries = [each for each in entries if each.entry.is_waiting]
        return self._hours(f"{worked.project_id}, {worked.month}", entries, part)

    def _hours(self, title: str, entries: Iterable[EntryRead], part: Part) -> Node:
        nodes = []
        for entry, record in entries:
            value = entry.billable if part.measure == BILLABLE else entry.hours
            event = record.event
            field = "billable_hours" if part.measure == BILLABLE and getattr(event, "billable_hours", None) else "hours"
            if getattr(event, field, None) is None:
                field = "started_at"
            if value:
                nodes.append(_field(record, f"{entry.row}, {date.fromordinal(entry.day)}", value, IN_HOURS, field))
        return total(title, nodes, "hours")

    def _cost(
        self, cost: CostOfHours, first: date | None, last: date | None, part: Part, unit: tuple[str, str]
    ) -> Node:
        heading = {
            "entity": cost.entity_id,
            "ledger_currency": cost.ledger_currency,
            "account": LABOR_COST,
            "project": cost.project_id,
        }
        days = (first or date.min).toordinal(), (last or date.max).toordinal()
        is_opening = None if cost.person_id else cost.is_opening
        asked = LinesAsked(heading, by_person=cost.person_id, is_opening=is_opening, first=days[0], last=days[1])
        title = f"{cost.project_id}: {LABOR_COST}" + (", brought forward" if is_opening else "")
        return self._lines(title, asked, part, unit)


def _field(record: StoredRecord, title: str, value: int, unit: tuple[str, str], path: str) -> Node:
    """What an event states."""
    event = event_ref(record.offset, record.event)
    return Node(title, value, *unit, Arithmetic(FIELD), event=event, field=path)


def _said(row: GlanceRow) -> str:
    return row.key.replace("/", ", ")


def _units(glance: Glance, row: GlanceRow, column: str) -> tuple[str, str]:
    shown = glance.column(column)
    unit = _UNITS.get(shown.kind, "amount") if shown is not None else "amount"
    if unit != "amount":
        return unit, ""
    return unit, str(row.cells.get(_LEDGERS.get(column, "currency")) or "")


def _heading(posted: AccountSum | AboutSum) -> dict[str, str]:
    return {
        "entity": posted.entity_id,
        "ledger_currency": posted.ledger_currency,
        "currency": posted.currency,
        "account": posted.account,
        "project": posted.project_id,
        "contract": posted.contract_id,
        "customer": posted.customer_id,
    }


def _account(posted: AccountSum | AboutSum) -> str:
    about = f", {_row_shown(posted.about)}" if isinstance(posted, AboutSum) and posted.about else ""
    return f"{posted.entity_id} {posted.account}{about}"


def _row_shown(row: str) -> str:
    kind, fact = named(row) if row else ("", "")
    return fact if kind == "time_entry" else row


def _sum(title: str, lines: Iterable[LineSummed], measure: str, unit: tuple[str, str]) -> Node:
    parts = []
    for journal, number, amount, ledger in lines:
        said = f"{journal.accounting_date} {journal.kind} of {spoken(journal.affected_kind)} {journal.affected_id}"
        value, whose = (amount, "amount") if measure == AMOUNT else (ledger, "ledger")
        if value:
            parts.append(Node(said, value, *unit, Arithmetic(ELSEWHERE), id=f"{journal.journal_id}#{number}/{whose}"))
    return total(title, parts, *unit)


def _signed(node: Node, value: int) -> Node:
    """Shown on the other side than the ledger has it, where the table does."""
    return negated(node.title, node) if node.value == -value and value else node
