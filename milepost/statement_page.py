"""A statement as a page to send: who bills whom for what, lines that foot, and marks on what is unusual."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from connectors.files.lookup import FoundStatement
from connectors.files.statement_background import Background
from domain.billing.statement import ADJUSTED_FOR_CAP, ADJUSTED_FOR_ORDER, CORRECTION, OPEN, PRIOR_PERIOD, SUPERSEDED
from domain.billing.tax import groups_of
from domain.outputs import BillingStatement, StatementLine
from domain.reference.zones import is_zone, local_date
from domain.units import Hours
from milepost import pages
from milepost.locales import Writing, last_day
from milepost.pages import Html, tag
from milepost.statement_groups import GroupBy, StatementGroup
from milepost.statement_lines import HOUR, added_to_rate, telling_quantity, units_of

MARKED: Final = (PRIOR_PERIOD, CORRECTION, ADJUSTED_FOR_CAP, ADJUSTED_FOR_ORDER)
# What the day of a draft is called; of any other it is that of issue.
DATED: Final = {OPEN: "drafted", SUPERSEDED: "superseded_on"}
STYLE: Final = """
.head { display: flex; justify-content: space-between; gap: 24px; margin-bottom: 22px; }
.head dl { display: grid; grid-template-columns: auto auto; gap: 2px 16px; margin: 0; }
.head dt { color: var(--soft); }
.head dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
.parties { display: flex; gap: 48px; margin-bottom: 22px; }
.parties b { display: block; }
.group { break-after: avoid; }
.group td { padding-top: 14px; font-weight: 600; border-bottom-color: var(--ink); }
.subtotal td { border-bottom: 0; font-weight: 600; }
.sums { break-before: avoid; width: auto; min-width: 46%; margin: 18px 0 0 auto; }
.sums td { border-bottom: 0; padding: 3px 0 3px 24px; }
.sums tr.due td { border-top: 1.5px solid var(--ink); padding-top: 8px; font-size: 16px; font-weight: 700; }
.notes { margin-top: 26px; padding-top: 10px; border-top: 1px solid var(--line); }
@media (max-width: 720px) { .head, .parties { flex-direction: column; gap: 14px; } .head dd { text-align: left; } }
@media screen and (max-width: 560px) {
  .lines thead { display: none; }
  .lines, .lines tbody { display: block; }
  .lines tr { display: grid; grid-template-columns: minmax(0, 1fr) auto auto; gap: 2px 14px; padding: 8px 0;
    border-bottom: 1px solid var(--line); }
  .lines td, .lines .group td { min-width: 0; padding: 0; border: 0; }
  .lines .date { grid-area: 1 / 1 / 2 / 3; color: var(--soft); }
  .lines .amount { grid-area: 1 / 3; }
  .lines .what, .lines .group td { grid-column: 1 / -1; }
  .lines .hours, .lines .rate { align-self: end; }
  .lines [data-label]::before { content: attr(data-label) " "; color: var(--soft); font-size: 11px; font-weight: 400; }
  .lines .subtotal .hours { grid-area: 1 / 2; }
  .lines .subtotal .rate { display: none; }
  .sums { width: 100%; }
  .sums td { padding-left: 0; }
}
"""


class StatementSheet(NamedTuple):
    """All that stands on the page. Without `names` people stand by their roles."""

    issued: FoundStatement
    background: Background
    by: GroupBy
    groups: tuple[StatementGroup, ...]
    writing: Writing
    names: bool

    @property
    def statement(self) -> BillingStatement:
        return self.issued.statement

    @property
    def words(self) -> Mapping[str, str]:
        return self.writing.words()


def statement_page(sheet: StatementSheet) -> str:
    statement = sheet.statement
    return pages.page(
        f"{title(sheet)} {statement.statement_id}",
        _banner(sheet),
        _head(sheet),
        _parties(sheet),
        _lines(sheet),
        _sums(sheet),
        _notes(sheet),
        language=sheet.writing.language,
        paper=sheet.writing.paper,
        style=STYLE,
    )


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
    return local_date(sheet.issued.position.recorded_at, zone if is_zone(zone) else "UTC")


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


def hours_of(sheet: StatementSheet, group: StatementGroup) -> Hours:
    """The sum of the hours as they stand on its lines."""
    lines = (line for line in group.lines_only if line.unit == HOUR)
    return sum(telling_quantity(line, sheet.statement.currency) for line in lines)


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
    """Tax by category and rate, and what is due with it where all of it is known; nothing where no region is."""
    statement, words, writing = sheet.statement, sheet.words, sheet.writing
    if statement.tax_region is None:
        return
    sign = -1 if is_credit(statement) else 1
    groups = groups_of(statement)
    for tax in groups.known:
        name = words[f"tax_{tax.kind}"].format(
            category=tax.category, percent=writing.percent(tax.percent), base=writing.money(sign * tax.base)
        )
        yield name, writing.money(sign * tax.amount)
    for open_tax in groups.undetermined:
        base = writing.money(sign * open_tax.base)
        yield words["tax_undetermined"].format(category=open_tax.category, base=base), words["undetermined"]
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


def status_word(statement: BillingStatement) -> str:
    """What people call its status: `open` they say of what is owed."""
    return "draft" if statement.status == OPEN else statement.status


def title(sheet: StatementSheet) -> str:
    return sheet.words["credit_title" if is_credit(sheet.statement) else "title"]


def marks(line: StatementLine) -> tuple[str, ...]:
    """Flags that a customer is told of."""
    return tuple(flag for flag in MARKED if flag in line.flags)


def _banner(sheet: StatementSheet) -> Html:
    status = sheet.statement.status
    return tag("p", sheet.words[status], class_="banner") if is_draft(sheet.statement) else Html("")


def _head(sheet: StatementSheet) -> Html:
    statement, words, writing = sheet.statement, sheet.words, sheet.writing
    facts = [
        (words["statement"], statement.statement_id),
        *([(words["revision"], f"{statement.revision}")] if statement.revision > 1 else []),
        (words["contract"], statement.contract_id),
        *([(words["order"], order)] if (order := sheet.background.purchase_order) else []),
        (words["period"], writing.span(statement.period, last_day(statement.to))),
        (words[DATED.get(statement.status, "issued")], writing.short_day(issued_on(sheet))),
        (words["currency"], statement.currency),
    ]
    customer = sheet.background.customer
    if customer is not None and customer.payment_terms_days is not None and not is_credit(statement):
        facts.append((words["terms"], words["days"].format(days=customer.payment_terms_days)))
    return tag(
        "header",
        tag("div", tag("h1", title(sheet)), tag("div", company_name(sheet), class_="soft")),
        tag("dl", ((tag("dt", name), tag("dd", value)) for name, value in facts), class_="small"),
        class_="head",
    )


def _parties(sheet: StatementSheet) -> Html:
    statement, words = sheet.statement, sheet.words
    company, customer = company_name(sheet), customer_name(sheet)
    parties = ((words["bill_to"], customer, statement.bill_to), (words["from"], company, statement.legal_entity_id))
    return tag("section", (_party(*party) for party in parties), class_="parties")


def _party(label: str, name: str, known_as: str) -> Html:
    """The id only where it says more than the name."""
    number = tag("span", known_as, class_="soft") if known_as != name else Html("")
    return tag("div", tag("span", label, class_="soft small"), tag("b", name), number)


def _lines(sheet: StatementSheet) -> Html:
    words = sheet.words
    columns = [
        (words["date"], False),
        (words["description"], False),
        (words[person_column(sheet)], False),
        (words["hours"], True),
        (words["rate"], True),
        (words["amount"], True),
    ]
    several = len(sheet.groups) > 1
    bodies = (_group(sheet, group, several=several) for group in sheet.groups)
    return pages.table(columns, bodies, class_="lines")


def _group(sheet: StatementSheet, group: StatementGroup, *, several: bool) -> Html:
    title = tag("tr", tag("td", group_title(sheet, group), colspan=6), class_="group")
    if not several:
        return tag("tbody", title, _rows(sheet, group.lines_only))
    subtotal = tag(
        "tr",
        tag("td", sheet.words["subtotal"], colspan=3),
        tag(
            "td", sheet.writing.quantity(hours_of(sheet, group)), class_="right hours", data_label=sheet.words["hours"]
        ),
        tag("td", class_="rate"),
        tag("td", sheet.writing.amount(group.amount), class_="right amount"),
        class_="subtotal",
    )
    return tag("tbody", title, _rows(sheet, group.lines_only), subtotal)


def _rows(sheet: StatementSheet, lines: Sequence[StatementLine]) -> Iterator[Html]:
    writing, words = sheet.writing, sheet.words
    for line in lines:
        quantity = telling_quantity(line, sheet.statement.currency)
        yield tag(
            "tr",
            tag("td", writing.span(line.service_from, line.service_to), class_="date nowrap"),
            tag("td", _described(sheet, line), class_="what"),
            tag("td", person_or_role(sheet, line)),
            tag("td", writing.quantity(quantity) + units_of(line), class_="right hours", data_label=words["hours"]),
            tag("td", writing.rate(line.rate), _overtime(sheet, line), class_="right rate", data_label=words["rate"]),
            tag("td", writing.amount(line.amount), class_="right amount"),
        )


def _overtime(sheet: StatementSheet, line: StatementLine) -> Html:
    """What is added to the rate above it."""
    if not line.markup_percent:
        return Html("")
    return pages.markup(tag("br"), tag("span", f"+ {sheet.writing.percent(line.markup_percent)}", class_="soft small"))


def _described(sheet: StatementSheet, line: StatementLine) -> Iterator[Html]:
    yield tag("div", line.description)
    if sheet.by != "project" and len({each.project_id for each in sheet.statement.lines}) > 1:
        yield tag("div", sheet.background.projects.get(line.project_id, line.project_id), class_="soft small")
    if line.markup_percent:
        told = sheet.words[added_to_rate(line, sheet.background.entries)].format(
            percent=sheet.writing.percent(line.markup_percent)
        )
        yield tag("div", told, class_="soft small")
    for flag in marks(line):
        yield tag("span", sheet.words[flag], class_="mark")


def _sums(sheet: StatementSheet) -> Html:
    *before, (due, amount) = sums(sheet)
    rows = [_sum(name, sheet.writing.money(each)) for name, each in before]
    taxes = [_sum(name, text) for name, text in tax_sums(sheet)]
    return tag("table", rows, _sum(due, sheet.writing.money(amount), "due"), taxes, class_="sums keep")


def _sum(name: str, amount: str, class_: str | None = None) -> Html:
    return tag("tr", tag("td", name), tag("td", amount, class_="right"), class_=class_)


def _notes(sheet: StatementSheet) -> Html:
    statement, words = sheet.statement, sheet.words
    marked = [flag for flag in MARKED if any(flag in line.flags for line in statement.lines)]
    notes = [
        *(tag("p", tag("span", words[flag], class_="mark"), words[f"{flag}_note"]) for flag in marked),
        tag("p", f"{words['taxed_note' if groups_of(sheet.statement).known else 'net_note']} {words['rounding_note']}"),
    ]
    return tag("footer", notes, class_="notes small soft keep")
