"""Receivables: what customers owe by invoice, aged by due date; their cash that is on no invoice, and what they retain.

An invoice is due on the day its statement states, else the customer's payment terms after it was posted; without terms the row says so
and counts from the invoice's day. One of before the books begin is open and due as its balances say. A payment that settles several
invoices of a contract takes them as it names them. An invoice over several projects has a row for each, with its share by what is billed
of the project less what credit memos took back of it, before tax; the ledger has all of it in the first project.

    1,190.00 of which 600.00 of BRIDGE and 400.00 of TOWER are billed; 595.00 are paid: 357.00 and 238.00 are open
    of the same bill 100.00 are retained and 500.00 set off: 590.00 are owed, 354.00 and 236.00
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from connectors.files.glance_index import AboutSum
from connectors.files.glance_rows import APPLIED, BROUGHT_FORWARD, CREDIT_MEMO, INVOICE, INVOICED, OPENING, WRITE_OFF
from domain.accounts import RECEIVABLE, RETENTION_RECEIVABLE, UNAPPLIED_CASH
from domain.billing.statement import due_after
from domain.capabilities import is_unrealised
from domain.identity import is_opening_statement, opening_of, parts_of
from domain.money import HALF_UP, carried_part
from domain.units import Amount
from milepost.glance.account_sums import TableFigure, feet_of
from milepost.glance.ages import OVERDUE, age_columns, aged
from milepost.glance.figures import AMOUNT, LEDGER, Part, counted_as, sum_of
from milepost.glance.firm import FirmAtMoment, lines_of, text, whole
from milepost.glance.prepaid import PREPAID
from milepost.glance.sheet import Cell, CellKind, Glance, GlanceColumn, GlanceRow, in_ledger_totals, row_of, summed
from milepost.glance.wanted import Wanted

INVOICES, UNAPPLIED, RETAINED = "invoice", "unapplied cash", "retained"
# What is unrealised of each, by contract and project: with the rest it is what the ledger has by the last revaluation.
APART: Final = {INVOICES: "unrealised, invoices", UNAPPLIED: "unrealised, cash", RETAINED: "unrealised, retained"}
ACCOUNTS: Final = {INVOICES: (RECEIVABLE,), UNAPPLIED: (UNAPPLIED_CASH,), RETAINED: (RETENTION_RECEIVABLE,)}
COLUMNS: Final = (
    GlanceColumn("client", "client", CellKind.ID),
    GlanceColumn("client_name", "client name", CellKind.TEXT, 2, "client"),
    GlanceColumn("kind", "kind", CellKind.TEXT, 1, "invoice"),
    GlanceColumn("invoice", "invoice", CellKind.ID),
    GlanceColumn("project", "project", CellKind.ID, 6),
    GlanceColumn("contract", "contract", CellKind.ID, 7, "project"),
    GlanceColumn("company", "company", CellKind.ID, 5),
    GlanceColumn("posted_on", "posted", CellKind.DAY, 4),
    GlanceColumn("terms", "terms", CellKind.TEXT, 3, "due_on"),
    GlanceColumn("due_on", "due", CellKind.DAY),
    GlanceColumn("days_overdue", "days overdue", CellKind.COUNT, 8),
    GlanceColumn("currency", "currency", CellKind.TEXT),
    GlanceColumn("open", "open"),
    *age_columns(OVERDUE),
    GlanceColumn("ledger_currency", "ledger currency", CellKind.TEXT, 10, "in_ledger"),
    GlanceColumn("in_ledger", "in ledger", CellKind.AMOUNT, 9),
)
SUMMED: Final = (*(name for name, _, _ in OVERDUE), "open")
# What journals are about that cash is of.
PAYMENTS: Final = frozenset({"payment", "payment_application"})
NO_TERMS: Final = "none: due on the invoice's day"
NOTES: Final = (
    "Days count from the due date. Unapplied cash is what customers paid for no invoice yet; what they retain has no due date.",
)

VALUED: Final = "Invoices are in the ledger as they are carried; with what is unrealised they have the value of the last revaluation."


@dataclass(slots=True)
class OpenItem:
    """What is open of an invoice, or of what stands for one; `named` is the invoice's id, empty where none is known."""

    kind: str
    named: str
    about: str
    entity_id: str
    ledger_currency: str
    currency: str
    project_id: str
    contract_id: str
    customer_id: str
    amount: Amount = 0
    ledger: Amount = 0
    terms: InvoiceTerms | None = None
    # Of an invoice over several projects the part of one.
    is_part: bool = False
    lines: list[ItemLine] = field(default_factory=list)

    def parts(self, measure: str) -> list[Part]:
        return [Part(line.amount if measure == AMOUNT else line.ledger, line.of, measure) for line in self.lines]


class ItemLine(NamedTuple):
    """What an item has of what journals come to."""

    amount: Amount
    ledger: Amount
    of: object


class InvoiceTerms(NamedTuple):
    """When an invoice was posted and is due, and by what."""

    posted_on: date
    due_on: date
    said: str


def receivables(firm: FirmAtMoment, wanted: Wanted) -> Glance:
    items = open_items(firm)
    shown = (part for item in _by_project(firm, items) for part in item if part.amount or part.ledger)
    found = wanted.of((_row(firm, item) for item in shown), firm)
    figures = (TableFigure(_account_kind(item), item.entity_id, item.ledger_currency, item.ledger) for item in items)
    return Glance(
        "receivables",
        "Receivables",
        firm.as_of,
        COLUMNS,
        found,
        [*summed(found, SUMMED, ("kind", "currency"), {"client": "total"}), *in_ledger_totals(found, ("kind",), {})],
        feet_of(firm, figures, ACCOUNTS),
        (*firm.not_whole(), *NOTES, *([VALUED] if any(item.kind in APART.values() for item in items) else [])),
        "nobody owes anything" if firm.accounts else "nothing is posted yet",
        filters=wanted.filters,
    )


def _account_kind(item: OpenItem) -> str:
    """Whose account an unrealised part stands on."""
    return next((kind for kind, apart in APART.items() if apart == item.kind), item.kind)


def open_items(firm: FirmAtMoment) -> list[OpenItem]:
    """Of 1100 by invoice, of 1120 by payment, of 1170 by contract; and what is unrealised of them."""
    invoiced = _invoiced(firm)
    found = _Items(invoiced)
    before = []
    for kind, accounts in ACCOUNTS.items():
        for each in firm.about(accounts):
            if is_unrealised(each.rule):
                found.add(each._replace(about=""), APART[kind], "", each)
    for each in (one for one in firm.about((RECEIVABLE,)) if not is_unrealised(one.rule)):
        if is_opening_statement(each.about) or parts_of(each.about)[0] == BROUGHT_FORWARD:
            before.append(each)
        elif each.about in invoiced:
            found.add(each, INVOICES, invoiced[each.about])
        elif parts_of(each.about)[0] not in PAYMENTS:
            found.add(each, INVOICES, _invoice_of(firm, each))
    _add_opening(firm, before, found)
    applied = firm.named(APPLIED)
    for seq, place, line, invoice_id in list(_applied(firm, found)):
        found.add(line, INVOICES, invoice_id, OneJournal(line, seq, place))
    for each in (one for one in firm.about((UNAPPLIED_CASH,)) if not is_unrealised(one.rule)):
        found.add(each, UNAPPLIED, text(applied.get(each.about), "payment_id") or parts_of(each.about)[-1])
    for each in (one for one in firm.about((RETENTION_RECEIVABLE,)) if not is_unrealised(one.rule)):
        found.add(each._replace(about=""), RETAINED, "", each)
    return found.in_order()


def _invoiced(firm: FirmAtMoment) -> dict[str, str]:
    """By statement its invoice; of one that waited for a rate or a waiver, the one that names the statement."""
    naming = {text(each, "statement_id"): invoice_id for invoice_id, each in firm.named(INVOICE).items()}
    journals = firm.named(INVOICED)
    return {statement: text(each, "invoice_id") or naming.get(statement, "") for statement, each in journals.items()}


def _add_opening(firm: FirmAtMoment, before: Iterable[AboutSum], found: _Items) -> None:
    """What balances brought forward have on 1100, by the invoices that they name; what no invoice has stays one item."""
    groups: dict[tuple[str, ...], list[AboutSum]] = {}
    for each in before:
        key = each.entity_id, each.ledger_currency, each.currency, each.contract_id
        groups.setdefault(key, []).append(each)
    for sums in groups.values():
        loads = dict.fromkeys(opening_of(each.about) for each in sums if is_opening_statement(each.about))
        left, ledger = sum(each.amount for each in sums), sum(each.ledger for each in sums)
        whole = sums[0]._replace(about="", amount=left, ledger=ledger)
        invoices = [(load, one) for load in loads for one in _open_before(firm, load, whole.contract_id)]
        for place, (load, one) in enumerate(invoices):
            is_last = place == len(invoices) - 1 and one.open == left
            part = ledger if is_last else one.ledger_open
            if part is None:
                part = carried_part(one.open, (whole.amount, whole.ledger), whole.ledger_currency, HALF_UP)
            customer_id = one.bill_to or whole.customer_id
            of = OpenAtStart(load, one.invoice_id, sums)
            each = whole._replace(amount=one.open, ledger=part, customer_id=customer_id)
            item = found.add(each, INVOICES, one.invoice_id, of)
            item.terms = _opening_terms(firm, one, customer_id)
            left, ledger = left - one.open, ledger - part
        if left or ledger:
            found.add(whole._replace(amount=left, ledger=ledger), INVOICES, "", OpenAtStart("", "", sums))


class OneJournal(NamedTuple):
    """Lines of one journal, by the number that it has alone in its shard, or the one at a place in it."""

    of: AboutSum
    seq: int
    line: int | None = None


class OpenAtStart(NamedTuple):
    """An open invoice as balances state it, of what their journals have on 1100; without one, what no invoice has of that."""

    load: str
    invoice_id: str
    of: list[AboutSum]


class OpenBefore(NamedTuple):
    """An invoice of the old system, as the balances state it."""

    invoice_id: str
    contract_id: str | None
    bill_to: str | None
    invoiced_on: str
    due_on: str | None
    open: Amount
    ledger_open: Amount | None


def _open_before(firm: FirmAtMoment, load: str, contract_id: str) -> list[OpenBefore]:
    stated = firm.named(OPENING).get(load, {}).get("invoices")
    invoices = [OpenBefore(*each) for each in stated] if isinstance(stated, list) else []
    return [each for each in invoices if each.contract_id in (None, contract_id)]


def _opening_terms(firm: FirmAtMoment, one: OpenBefore, customer_id: str) -> InvoiceTerms:
    posted_on = date.fromisoformat(one.invoiced_on)
    if one.due_on is not None:
        return InvoiceTerms(posted_on, date.fromisoformat(one.due_on), "as brought forward")
    return _by_customer(firm, customer_id, posted_on)


class _Items:
    """Open items by what they are about; a payment finds the invoice that it names."""

    def __init__(self, invoiced: dict[str, str]) -> None:
        self._statements = {invoice_id: statement_id for statement_id, invoice_id in invoiced.items()}
        self._found: dict[tuple[str, ...], OpenItem] = {}
        self._places: dict[str, tuple[str, str]] = {}

    def add(self, each: AboutSum, kind: str, named: str, of: object = None) -> OpenItem:
        """`of` is what explains it, where that is not what it is about."""
        whose = each.entity_id, each.ledger_currency, each.currency
        place = ("", "") if named else (each.contract_id, each.project_id)
        key = (kind, named, *whose, *place, each.customer_id if kind == RETAINED else "")
        item = self._found.get(key)
        if item is None:
            about = self._statements.get(named, each.about)
            ids = each.project_id, each.contract_id, each.customer_id
            item = self._found[key] = OpenItem(kind, named, about, *whose, *ids)
            if named:
                self._places.setdefault(named, (each.contract_id, each.project_id))
        item.amount, item.ledger = item.amount + each.amount, item.ledger + each.ledger
        item.lines.append(ItemLine(each.amount, each.ledger, each if of is None else of))
        return item

    def is_at(self, invoice_id: str, contract_id: str, project_id: str | None = None) -> bool:
        """Whether an invoice of the contract is owed, in the project where one is named."""
        place = self._places.get(invoice_id)
        return place is not None and place[0] == contract_id and project_id in {None, place[1]}

    def in_order(self) -> list[OpenItem]:
        return sorted(
            self._found.values(), key=lambda item: (item.kind, item.customer_id, item.named, item.contract_id)
        )


def _invoice_of(firm: FirmAtMoment, each: AboutSum) -> str:
    """That a credit memo or a write-off names."""
    kind, *rest = parts_of(each.about)
    if kind in {CREDIT_MEMO, WRITE_OFF} and rest:
        return text(firm.named(kind).get(rest[0]), "invoice_id")
    return ""


def _applied(firm: FirmAtMoment, items: _Items) -> Iterator[tuple[int, int, AboutSum, str]]:
    """Each line of a payment's journals, by its journal and place, with its invoice.

    A journal has a line for each application, in their order by project; where what does not fit was waived, some are less or missing.
    """
    applied = firm.named(APPLIED)
    by_journal: dict[tuple[int, str, str, str], list[tuple[int, AboutSum]]] = defaultdict(list)
    for seq, place, line in firm.payments():
        by_journal[seq, line.about, line.contract_id, line.project_id].append((place, line))
    for (seq, about, contract_id, project_id), lines in by_journal.items():
        stated = applied.get(about, {}).get("applied")
        named = [(str(invoice_id), int(amount)) for invoice_id, amount in (stated if isinstance(stated, list) else [])]
        # What was brought forward stands in one project of its contract.
        left = [each for each in named if items.is_at(each[0], contract_id, project_id)] or [
            each for each in named if items.is_at(each[0], contract_id)
        ]
        for place, line in lines:
            same = (each for each in left if abs(each[1]) == abs(line.amount))
            found = next(same, left[0] if left else None)
            if found is not None:
                left.remove(found)
            yield seq, place, line, found[0] if found is not None else ""


# Projects


class BilledOf(NamedTuple):
    """What an invoice and its credit memos bill of a project, before tax."""

    project_id: str
    parts: Sequence[Part]

    @property
    def amount(self) -> Amount:
        return sum(part.value for part in self.parts)


class OfProject(NamedTuple):
    """What an invoice has in one of its projects, by cumulative shares of what is billed of each."""

    item: OpenItem
    billed: Sequence[BilledOf]
    place: int


def _by_project(firm: FirmAtMoment, items: Iterable[OpenItem]) -> Iterator[list[OpenItem]]:
    """Each item; an invoice over several projects in its parts, which sum to it."""
    billed: dict[str, dict[str, list[Part]]] = {}
    for seq, about, line in firm.billed_in():
        if parts_of(about)[0] not in {*PAYMENTS, WRITE_OFF} and not _is_beside_bill(firm, about, line):
            of = billed.setdefault(about, {}).setdefault(line.project_id, [])
            of.append(Part(-line.amount, OneJournal(line, seq), AMOUNT))
    for item in items:
        yield _parts(item, billed) if item.kind == INVOICES else [item]


def _is_beside_bill(firm: FirmAtMoment, about: str, line: AboutSum) -> bool:
    """What is retained, or was paid ahead as a deposit and is set against the bill: it lowers what all projects of it owe."""
    if line.account == RETENTION_RECEIVABLE:
        return True
    if line.account not in PREPAID or line.amount < 0 or about not in firm.named(INVOICED):
        return False
    terms = {terms for _, of, terms in lines_of(firm.contracts.get(line.contract_id) or {}) if of == line.project_id}
    return "Deposit" in terms and about not in firm.statements_with_refunds


def _parts(item: OpenItem, billed: Mapping[str, Mapping[str, Sequence[Part]]]) -> list[OpenItem]:
    found: dict[str, list[Part]] = {}
    for about in dict.fromkeys(line.of.about for line in item.lines if isinstance(line.of, AboutSum)):
        for project_id, parts in billed.get(about, {}).items():
            found.setdefault(project_id, []).extend(parts)
    of = [BilledOf(*each) for each in sorted(found.items())]
    if len(of) < 2 or not sum(each.amount for each in of):
        return [item]
    weights = [each.amount for each in of]
    each = zip(
        of,
        shares_of(item.amount, weights, item.currency),
        shares_of(item.ledger, weights, item.ledger_currency),
        strict=True,
    )
    return [
        replace(
            item,
            project_id=one.project_id,
            amount=amount,
            ledger=ledger,
            is_part=True,
            lines=[ItemLine(amount, ledger, OfProject(item, of, place))],
        )
        for place, (one, amount, ledger) in enumerate(each)
    ]


def shares_of(whole: Amount, weights: Sequence[Amount], currency: str) -> list[Amount]:
    """Cumulative, half up: the last takes what is left (R12)."""
    reached = [carried_part(passed, (sum(weights), whole), currency, HALF_UP) for passed in accumulate(weights)]
    return [after - before for before, after in pairwise((0, *reached))]


# Rows


def _row(firm: FirmAtMoment, item: OpenItem) -> GlanceRow:
    client = firm.payer_of(item)
    texts: dict[str, Cell] = {
        "client": client or None,
        "client_name": firm.client_name(client) or None,
        "kind": item.kind,
        "invoice": item.named or None,
        "project": item.project_id or None,
        "contract": item.contract_id or None,
        "company": item.entity_id,
        "currency": item.currency,
        "ledger_currency": item.ledger_currency,
    }
    figures = {"open": sum_of(item.parts(AMOUNT)), "in_ledger": sum_of(item.parts(LEDGER))}
    if item.kind == INVOICES:
        terms = terms_of(firm, item)
        overdue = (firm.today - terms.due_on).days if terms is not None else 0
        figures[aged(overdue, OVERDUE)] = figures["open"]
        texts |= _due(terms)
        if terms is not None:
            title = f"days from {terms.due_on}, {terms.said}, to {firm.today}; none before it"
            figures["days_overdue"] = counted_as(title, max(overdue, 0), item.named)
    key = [item.kind, item.entity_id, item.named or f"{item.contract_id}.{item.project_id}", item.currency]
    if item.kind == RETAINED:
        key.append(client)
    elif item.is_part:
        key.append(item.project_id)
    return row_of(key, texts, figures)


def _due(terms: InvoiceTerms | None) -> dict[str, Cell]:
    if terms is None:
        return {"terms": "unknown invoice"}
    return {"posted_on": terms.posted_on, "terms": terms.said, "due_on": terms.due_on}


def terms_of(firm: FirmAtMoment, item: OpenItem) -> InvoiceTerms | None:
    """None of an invoice that is not known."""
    if item.terms is not None:
        return item.terms
    posted = text(firm.named(INVOICE).get(item.named), "posted_on")
    if not posted:
        return None
    posted_on, statement = date.fromisoformat(posted), firm.statements.get(item.about)
    if statement is not None and statement.due_on is not None:
        return InvoiceTerms(posted_on, date.fromordinal(statement.due_on), "by the statement")
    return _by_customer(firm, firm.payer_of(item), posted_on)


def _by_customer(firm: FirmAtMoment, client: str, posted_on: date) -> InvoiceTerms:
    days = whole(firm.customers.get(client), "payment_terms_days")
    if days is None:
        return InvoiceTerms(posted_on, posted_on, NO_TERMS)
    return InvoiceTerms(posted_on, due_after(posted_on, days), f"{days} days")


def overdue_days(firm: FirmAtMoment, item: OpenItem) -> int:
    terms = terms_of(firm, item)
    return (firm.today - terms.due_on).days if terms is not None else 0
