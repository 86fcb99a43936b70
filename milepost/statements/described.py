"""What a line of a statement is for, in the words of the customer's language."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from domain.money import parse_amount, parse_decimal
from domain.outputs import StatementLine
from domain.terms import spoken
from domain.units import PERCENT_SCALE
from domain.work.rows import FEE, OPENING, named
from milepost.locales import Writing
from milepost.statements.lines import HOUR, added_to_rate
from milepost.statements.sheet import StatementSheet, marks, task_beside

SHARE: Final = re.compile(r"(?<= \()(\d{1,3}(?:\.\d+)?) %(?=\)$)")


def description(sheet: StatementSheet, line: StatementLine) -> str:
    """As it was written; what terms charge by themselves, and the share of one of several payers, as the page's language has it."""
    found = spoken.read(line.description) if all(map(_is_of_terms, line.entries)) else None
    if found is None:
        return with_share(line.description, sheet.writing)
    name, facts = found
    said = sheet.words[f"charge_{name}"].format_map(_written(facts, sheet.writing))
    return with_share(f"{said} ({facts[spoken.BESIDE]})", sheet.writing) if spoken.BESIDE in facts else said


def with_share(text: str, writing: Writing) -> str:
    return SHARE.sub(lambda share: writing.percent(parse_decimal(share[1], PERCENT_SCALE)), text)


def _is_of_terms(row: str) -> bool:
    """Whether terms say what it is; a milestone has a name of its own."""
    kind, charge = named(row)
    return kind in (FEE, OPENING) and "/milestone/" not in charge


def _written(facts: Mapping[str, str], writing: Writing) -> dict[str, str]:
    """Days, amounts and percentages as the language writes them."""
    found = dict(facts)
    if "first" in facts:
        found["span"] = writing.span(date.fromisoformat(facts["first"]), date.fromisoformat(facts["last"]))
    if "day" in facts:
        found["day"] = writing.short_day(date.fromisoformat(facts["day"]))
    if "amount" in facts:
        found["amount"] = writing.money(parse_amount(facts["amount"]))
    if "percent" in facts:
        found["percent"] = writing.percent(parse_decimal(facts["percent"], PERCENT_SCALE))
    return found


def beside(sheet: StatementSheet, line: StatementLine) -> Iterator[str]:
    """Its task, its project where there are several, that it is beyond a retainer, and what is added to the rate."""
    if task := task_beside(sheet, line):
        yield task
    if sheet.by != "project" and len({each.project_id for each in sheet.statement.lines}) > 1:
        yield sheet.background.projects.get(line.project_id, line.project_id)
    if line.unit == HOUR and sheet.background.is_beyond_fee(line):
        yield sheet.words["overage"]
    if line.markup_percent:
        percent = sheet.writing.percent(line.markup_percent)
        yield sheet.words[added_to_rate(line, sheet.background.entries)].format(percent=percent)


def marked(sheet: StatementSheet, line: StatementLine) -> Iterator[str]:
    """What is unusual about it."""
    return (sheet.words[flag] for flag in marks(line))
