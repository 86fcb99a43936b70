"""A statement as people read it: names, days, sums and marks, the same on terminal, page and PDF."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, NamedTuple

from connectors.files.lookup import FoundStatement
from connectors.files.statement_background import Background
from domain.billing.statement import (
    ADJUSTED_FOR_CAP,
    ADJUSTED_FOR_ORDER,
    CORRECTION,
    ISSUED,
    OPEN,
    PRIOR_PERIOD,
    SUPERSEDED,
)
from domain.billing.tax import groups_of
from domain.events.control import StatementReturned
from domain.events.reference import CustomerDefined, LegalEntityDefined
from domain.outputs import BillingStatement, StatementLine
from domain.reference.zones import is_zone, local_date
from domain.units import HOURS_SCALE
from milepost.locales import Writing
from milepost.statements.groups import GroupBy, StatementGroup
from milepost.statements.lines import EACH, has_no_quantity

MARKED: Final = (PRIOR_PERIOD, CORRECTION, ADJUSTED_FOR_CAP, ADJUSTED_FOR_ORDER)
# What the day of a draft is called; of any other it is that of issue.
DATED: Final = {OPEN: "drafted", SUPERSEDED: "superseded_on"}


class Logo(NamedTuple):
    """A picture of the company: `kind` is png or jpeg."""

    kind: str
    data: bytes


class SumRow(NamedTuple):
    """A line below the table; `is_paid` is that which the customer pays, or gets back."""

    label: str
    text: str
    is_paid: bool


class Parties(NamedTuple):
    """Company and customer as they are defined by now."""

    entity: LegalEntityDefined | None = None
    customer: CustomerDefined | None = None


class StatementSheet(NamedTuple):
    """All that stands on the page. Without `names` people stand by their roles; `returned` is why a draft was. An e-invoice takes from
    `since` what it needs and the parties did not state when the statement was issued."""

    issued: FoundStatement
    background: Background
    by: GroupBy
    groups: tuple[StatementGroup, ...]
    writing: Writing
    names: bool
    logo: Logo | None = None
    returned: StatementReturned | None = None
    since: Parties = Parties()

    @property
    def statement(self) -> BillingStatement:
        return self.issued.statement

    @property
    def words(self) -> Mapping[str, str]:
        return self.writing.words()


def company_name(sheet: StatementSheet) -> str:
    entity = sheet.background.entity
    return entity.name if entity is not None else sheet.statement.legal_entity_id


def customer_name(sheet: StatementSheet) -> str:
    customer = sheet.background.customer
    return customer.name if customer is not None else sheet.statement.bill_to


def issued_on(sheet: StatementSheet) -> date:
    """Or drafted, or superseded, as its status says. In the contract's billing zone, else the company's."""
    entity = sheet.background.entity
    zone = sheet.background.billing_zone or (entity.zone if entity is not None else "UTC")
    return dated(sheet.issued, zone if is_zone(zone) else "UTC")


def dated(issued: FoundStatement, zone: str = "UTC") -> date:
    """The day on which it became what its status says. A statement that is superseded still names the day of its issue."""
    statement = issued.statement
    if statement.issued_on is not None and statement.status == ISSUED:
        return statement.issued_on
    return local_date(issued.position.recorded_at, zone)


def is_money(line: StatementLine) -> bool:
    """Whether it is an amount alone, such as a fee: a quantity of 1 says nothing of it."""
    return has_no_quantity(line) or (line.unit == EACH and abs(line.quantity) == 10**HOURS_SCALE)


def task_beside(sheet: StatementSheet, line: StatementLine) -> str:
    """The task of a line that is described by a note; where lines stand together by task it is above them."""
    is_said = sheet.by == "task" or line.task is None or line.description.startswith(line.task)
    return "" if is_said else line.task or ""


def who(sheet: StatementSheet, line: StatementLine) -> str:
    """The person, or only the role where names are not to be shown."""
    if not sheet.names or line.person_id is None:
        return line.role or ""
    return sheet.background.people.get(line.person_id, line.person_id)


def person_column(sheet: StatementSheet) -> str:
    """Under a person's name, or where names are not shown, lines have the role instead."""
    return "person" if sheet.names and sheet.by != "person" else "role"


def person_or_role(sheet: StatementSheet, line: StatementLine) -> str:
    return who(sheet, line) if person_column(sheet) == "person" else line.role or ""


def group_title(sheet: StatementSheet, group: StatementGroup) -> str:
    words = sheet.words
    match sheet.by, group.key:
        case "week", None:
            return words["weeks"]
        case "week", str(day):
            return words["week"].format(day=sheet.writing.short_day(date.fromisoformat(day)))
        case "project", str(project_id):
            return sheet.background.projects.get(project_id, project_id)
        case "person", str():
            return who(sheet, group.lines[0].line)
        case "person", None:
            return words["without_person"]
        case _, str(key):
            return key
        case _, None:
            return words["without_task"]


def sums(sheet: StatementSheet) -> Iterator[tuple[str, int]]:
    """From the total to what is due; what is zero in between is left out."""
    statement, words = sheet.statement, sheet.words
    yield words["total"], statement.total
    for name, amount in (
        ("retained", -statement.retained),
        ("released", statement.released),
        ("deposits", -statement.deposits_applied),
    ):
        if amount:
            yield words[name], amount
    if is_credit(statement):
        yield words["credited"], -statement.amount_due
    else:
        yield words["due"], statement.amount_due


def tax_sums(sheet: StatementSheet) -> Iterator[tuple[str, str]]:
    """Tax by rate, by category where one rate has several, and what is due with it where all of it is known; none without a region."""
    statement, words, writing = sheet.statement, sheet.words, sheet.writing
    if statement.tax_region is None:
        return
    sign = -1 if is_credit(statement) else 1
    groups = groups_of(statement)
    taxed_alike = Counter((tax.kind, tax.outside_scope, tax.percent) for tax in groups.known)
    for tax in groups.known:
        is_alone = taxed_alike[tax.kind, tax.outside_scope, tax.percent] == 1
        name = words["tax_outside_scope" if tax.outside_scope else f"tax_{tax.kind}"].format(
            category="" if is_alone else f" {tax.category}",
            percent=writing.percent(tax.percent),
            base=writing.money(sign * tax.base),
        )
        yield name, writing.money(sign * tax.amount)
    for open_tax in groups.undetermined:
        base = writing.money(sign * open_tax.base)
        yield words["tax_undetermined"].format(category=f" {open_tax.category}", base=base), words["undetermined"]
    whole = groups.total
    if whole is not None and groups.known:
        name = words["credited_with_tax" if is_credit(statement) else "due_with_tax"]
        yield name, writing.money(sign * (statement.amount_due + whole))


def is_credit(statement: BillingStatement) -> bool:
    """It asks for nothing and gives back what earlier ones billed too much."""
    return statement.amount_due < 0


def is_draft(statement: BillingStatement) -> bool:
    """It waits for approval, or was superseded while it did."""
    return statement.status in {OPEN, SUPERSEDED}


def status_word(statement: BillingStatement, returned: StatementReturned | None = None) -> str:
    """What people call its status: `open` they say of what is owed."""
    if returned is not None:
        return "returned"
    return "draft" if statement.status == OPEN else statement.status


def dated_word(statement: BillingStatement, returned: StatementReturned | None = None) -> str:
    """What became of it on the day that `dated` has."""
    return "returned" if returned is not None else DATED.get(statement.status, "issued").partition("_")[0]


def draft_note(sheet: StatementSheet) -> str:
    """What a draft is, or has become."""
    if sheet.returned is None:
        return sheet.words[sheet.statement.status]
    by = sheet.returned.requested_by or sheet.returned.approved_by
    person = f" {sheet.words['returned_by'].format(name=by)}" if by else ""
    return sheet.words["returned"].format(by=person, reason=sheet.returned.reason)


def title(sheet: StatementSheet) -> str:
    """What has a number of the company's own is what the customer pays by."""
    if is_credit(sheet.statement):
        return sheet.words["credit_title"]
    return sheet.words["invoice_title" if sheet.statement.number is not None else "title"]


def marks(line: StatementLine) -> tuple[str, ...]:
    """Flags that a customer is told of."""
    return tuple(flag for flag in MARKED if flag in line.flags)


def sum_rows(sheet: StatementSheet) -> list[SumRow]:
    """All that stands below the lines: from the total to what the customer pays, with tax where it is known."""
    net = [(label, sheet.writing.money(amount)) for label, amount in sums(sheet)]
    taxes = list(tax_sums(sheet))
    with_tax = {sheet.words["due_with_tax"], sheet.words["credited_with_tax"]}
    is_known = any(label in with_tax for label, _ in taxes)
    rows = [SumRow(label, text, not is_known and place == len(net) - 1) for place, (label, text) in enumerate(net)]
    return [*rows, *(SumRow(label, text, label in with_tax) for label, text in taxes)]


def notes(sheet: StatementSheet) -> Iterator[str]:
    """Sentences below the sums: why no tax is charged, by when to pay, and how figures are to be read."""
    statement, words = sheet.statement, sheet.words
    groups = groups_of(statement)
    yield from dict.fromkeys(tax.reason for tax in groups.known if tax.reason)
    if statement.due_on is not None:
        yield words["due_by"].format(day=sheet.writing.short_day(statement.due_on))
    taxed = (
        words["invoice_note"]
        if statement.number is not None and groups.known
        else words["taxed_note" if groups.known else "net_note"]
    )
    yield f"{taxed} {words['rounding_note']}"
