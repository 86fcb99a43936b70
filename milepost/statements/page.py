"""A statement as a page to send: who bills whom for what, lines that foot, and marks on what is unusual."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Final

from domain.outputs import StatementLine
from milepost import pages
from milepost.pages import Html, tag
from milepost.statements.cells import NUMBERS, cells_of, subtotal, titles
from milepost.statements.described import beside, marked
from milepost.statements.groups import StatementGroup
from milepost.statements.parties import PartyBlock, foot, payment, recipient, references, sender
from milepost.statements.sheet import (
    MARKED,
    StatementSheet,
    company_name,
    draft_note,
    group_title,
    is_draft,
    notes,
    sum_rows,
    title,
)

STYLE: Final = """
.head { display: flex; justify-content: space-between; gap: 24px; margin-bottom: 22px; }
.head dl { display: grid; grid-template-columns: auto auto; gap: 2px 16px; margin: 0; }
.head dt { color: var(--soft); }
.head dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
.parties { display: flex; gap: 48px; margin-bottom: 22px; }
.parties b { display: block; }
.logo { display: block; max-width: 60mm; max-height: 22mm; margin-bottom: 14px; }
.payment { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 22px 0 0; }
.payment dt { color: var(--soft); }
.payment dd { margin: 0; }
.foot { display: flex; flex-wrap: wrap; gap: 10px 36px; margin-top: 18px; padding-top: 10px; border-top: 1px solid var(--line); }
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


def statement_page(sheet: StatementSheet) -> str:
    statement = sheet.statement
    return pages.page(
        f"{title(sheet)} {statement.number or statement.statement_id}",
        tag("p", draft_note(sheet), class_="banner") if is_draft(sheet.statement) else Html(""),
        _head(sheet),
        _parties(sheet),
        _lines(sheet),
        _sums(sheet),
        _payment(sheet),
        _notes(sheet),
        _foot(sheet),
        language=sheet.writing.language,
        paper=sheet.writing.paper,
        style=STYLE,
    )


def _head(sheet: StatementSheet) -> Html:
    facts = ((tag("dt", fact.label), tag("dd", fact.value)) for fact in references(sheet))
    return tag(
        "header",
        tag("div", _logo(sheet), tag("h1", title(sheet)), tag("div", company_name(sheet), class_="soft")),
        tag("dl", facts, class_="small"),
        class_="head",
    )


def _logo(sheet: StatementSheet) -> Html:
    if sheet.logo is None:
        return Html("")
    data = f"data:image/{sheet.logo.kind};base64,{b64encode(sheet.logo.data).decode()}"
    return tag("img", src=data, alt=company_name(sheet), class_="logo")


def _parties(sheet: StatementSheet) -> Html:
    """Without addresses the ids, where they say more than the names."""
    to, by = recipient(sheet), sender(sheet)
    known_as = (sheet.statement.bill_to, sheet.statement.legal_entity_id)
    parties = (_party(*party) for party in zip((to, by), known_as, strict=True))
    return tag("section", parties, class_="parties")


def _party(block: PartyBlock, known_as: str) -> Html:
    lines = block.lines or ((known_as,) if known_as != block.name else ())
    below = (tag("div", line, class_="soft" if not block.lines else None) for line in lines)
    return tag("div", tag("span", block.label, class_="soft small"), tag("b", block.name), below)


def _lines(sheet: StatementSheet) -> Html:
    columns = [(name, place in NUMBERS) for place, name in enumerate(titles(sheet))]
    several = len(sheet.groups) > 1
    bodies = (_group(sheet, group, several=several) for group in sheet.groups)
    return pages.table(columns, bodies, class_="lines")


def _group(sheet: StatementSheet, group: StatementGroup, *, several: bool) -> Html:
    title = tag("tr", tag("td", group_title(sheet, group), colspan=6), class_="group")
    if not several:
        return tag("tbody", title, _rows(sheet, group.lines_only))
    cells = subtotal(sheet, group)
    below = tag(
        "tr",
        tag("td", cells.described, colspan=3),
        tag("td", cells.hours, class_="right hours", data_label=sheet.words["hours"]),
        tag("td", class_="rate"),
        tag("td", cells.amount, class_="right amount"),
        class_="subtotal",
    )
    return tag("tbody", title, _rows(sheet, group.lines_only), below)


def _rows(sheet: StatementSheet, lines: Sequence[StatementLine]) -> Iterator[Html]:
    words = sheet.words
    for line in lines:
        cells = cells_of(sheet, line)
        hours = words["hours"] if cells.hours else None
        rate = words["rate"] if cells.rate else None
        yield tag(
            "tr",
            tag("td", cells.days, class_="date nowrap"),
            tag("td", _described(sheet, line, cells.described), class_="what"),
            tag("td", cells.who),
            tag("td", cells.hours, class_="right hours", data_label=hours),
            tag("td", cells.rate, _overtime(sheet, line), class_="right rate", data_label=rate),
            tag("td", cells.amount, class_="right amount"),
        )


def _overtime(sheet: StatementSheet, line: StatementLine) -> Html:
    """What is added to the rate above it."""
    if not line.markup_percent:
        return Html("")
    return pages.markup(tag("br"), tag("span", f"+ {sheet.writing.percent(line.markup_percent)}", class_="soft small"))


def _described(sheet: StatementSheet, line: StatementLine, text: str) -> Iterator[Html]:
    yield tag("div", text)
    for told in beside(sheet, line):
        yield tag("div", told, class_="soft small")
    for mark in marked(sheet, line):
        yield tag("span", mark, class_="mark")


def _sums(sheet: StatementSheet) -> Html:
    rows = (pages.row(row.label, row.text, class_="due" if row.is_paid else None) for row in sum_rows(sheet))
    return tag("table", rows, class_="sums keep")


def _payment(sheet: StatementSheet) -> Html:
    facts = [(tag("dt", fact.label), tag("dd", fact.value)) for fact in payment(sheet)]
    return tag("dl", facts, class_="payment keep") if facts else Html("")


def _notes(sheet: StatementSheet) -> Html:
    words = sheet.words
    marked = [flag for flag in MARKED if any(flag in line.flags for line in sheet.statement.lines)]
    told = [
        *(tag("p", tag("span", words[flag], class_="mark"), words[f"{flag}_note"]) for flag in marked),
        *(tag("p", note) for note in notes(sheet)),
    ]
    return tag("footer", told, class_="notes small soft keep")


def _foot(sheet: StatementSheet) -> Html:
    columns = [tag("div", (tag("div", line) for line in column)) for column in foot(sheet)]
    return tag("section", columns, class_="foot small soft keep") if columns else Html("")
