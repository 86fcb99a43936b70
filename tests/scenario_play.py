"""Plays a scenario: folds its events one after the other and compares what comes out with what the text says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import zip_longest
from pathlib import Path

from domain.outputs import JournalEntry
from tests.harness import Books
from tests.scenario_events import Teller, day_of, instant
from tests.scenario_outputs import Expectation, Fact, Facts, answer, expectation_of
from tests.scenario_text import Scenario, ScenarioError, Step

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WIDTH = 74


class ScenarioFailed(AssertionError):
    """What came out differs from the text; the message shows both."""


def play(scenario: Scenario, folder: Path | None = None) -> Books:
    """Raises ScenarioFailed at the first event whose outcome differs from the text; the caller closes the books."""
    books = Books(folder)
    try:
        _play(scenario, books)
    except BaseException:
        books.close()
        raise
    return books


def _play(scenario: Scenario, books: Books) -> None:
    entity = next((step.words[1] for step in scenario.steps if step.words[0] == "entity"), "")
    facts = Facts(entity)
    teller = Teller(facts.exceptions, facts.journals)
    before = _day_before(scenario)
    for step in scenario.steps:
        expected = expectation_of(step.expected, entity)
        if step.words == ("day", "ended"):
            outputs = books.end_day(_last_day(step, books))
        else:
            now = _now(step, books) if step.when else before
            outputs = books.fold(teller.event(step, now))
        compare(step, expected, facts.of(outputs, expected), books)
    check_journals(scenario, books)


def _day_before(scenario: Scenario) -> datetime:
    """When the setup is told: a day before the first event."""
    first = next((step for step in scenario.steps if step.when), None)
    if first is None or first.when is None:
        raise scenario.head.wrong("expected at least one event with a date")
    return datetime.fromisoformat(instant(first.when[:10], first.statement.head)) - timedelta(days=1)


def _now(step: Step, books: Books) -> datetime:
    head = step.statement.head
    now = datetime.fromisoformat(instant(step.when or "", head))
    last = EPOCH + books.now * MICROSECOND
    if now < last - timedelta(hours=1):
        raise head.wrong(f"expected a date from {last:%Y-%m-%dT%H:%MZ} on, the event before was told then")
    return now


def _last_day(step: Step, books: Books) -> date:
    head = step.statement.head
    if step.when is None:
        raise head.wrong("expected a date before 'day ended'")
    last = day_of(step.when, head)
    if all(day.date > last for day in books.clock.days):
        raise head.wrong(f"{last} has ended already")
    return last


# Comparing


def compare(step: Step, expected: Expectation, actual: Sequence[Fact], books: Books) -> None:
    wanted, came = Counter(fact for _, fact in expected.facts), Counter(actual)
    missing, extra = wanted - came, came - wanted
    answers = [(line, question, answer(books, question)) for line, question in expected.questions]
    wrong = [(line, question, found) for line, question, found in answers if question != found]
    if not (missing or (extra and not expected.open) or wrong):
        return
    head = step.statement.head
    told = [f"{head.path}:{head.number}: {head.text.strip()}"]
    if missing or (extra and not expected.open):
        matched = [str(fact) for fact in (wanted & came).elements()]
        pairs = [(text, text) for text in matched]
        pairs += list(zip_longest(_texts(missing), _texts(extra), fillvalue=""))
        told += _side_by_side("the text says", "came out", pairs)
    for line, question, found in wrong:
        told += [f"{line.path}:{line.number}: {line.text.strip()}"]
        told += _side_by_side("the text says", "the books say", [(str(question), str(found))])
    raise ScenarioFailed("\n".join(told))


def _texts(facts: Counter[Fact]) -> list[str]:
    return sorted(str(fact) for fact in facts.elements())


def _side_by_side(left: str, right: str, pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Two columns; what differs is marked."""
    rows = [("", left, right)]
    for expected, came in pairs:
        mark = " " if expected == came else "!"
        for one, other in zip_longest(_wrapped(expected), _wrapped(came), fillvalue=""):
            rows.append((mark, one, other))
    return [f"  {mark:1} {one:{WIDTH}} | {other}".rstrip() for mark, one, other in rows]


def _wrapped(text: str) -> list[str]:
    """Lines of at most the column's width, broken between the sides of a journal."""
    lines: list[str] = []
    for line in text.splitlines():
        current = ""
        for part in line.split("  ") if len(line) > WIDTH else [line]:
            if current and len(current) + 2 + len(part) > WIDTH:
                lines.append(current)
                current = f"    {part}"
            else:
                current = f"{current}  {part}" if current else part
        lines.append(current)
    return lines


# Promises that every scenario keeps


def check_journals(scenario: Scenario, books: Books) -> None:
    """Every journal balances, each is told once, and a reversal is the mirror of one that stands."""
    made: dict[str, JournalEntry] = {}
    standing: set[str] = set()
    seen: set[str] = set()
    for _, journal in books.folded:
        if not isinstance(journal, JournalEntry):
            continue
        where = f"{scenario.head.path}: {scenario.name}: journal of {journal.affected_id} on {journal.accounting_date}"
        if sum(line.amount for line in journal.lines) or sum(line.ledger_amount for line in journal.lines):
            raise ScenarioFailed(f"{where} does not balance: {journal.lines}")
        if journal.journal_id in seen:
            raise ScenarioFailed(f"{where} has the id of an earlier one")
        seen.add(journal.journal_id)
        made[journal.journal_id] = journal
        if journal.reverses is None:
            standing.add(journal.journal_id)
            continue
        if journal.reverses not in standing:
            raise ScenarioFailed(f"{where} reverses what does not stand")
        original = made[journal.reverses]
        standing.remove(journal.reverses)
        standing.add(journal.journal_id)
        if original.reverses is not None:
            standing.add(original.reverses)
        mirror = [(line.account, -line.amount, -line.ledger_amount) for line in original.lines]
        same_rate = journal.exchange_rate == original.exchange_rate
        if mirror != [(line.account, line.amount, line.ledger_amount) for line in journal.lines] or not same_rate:
            raise ScenarioFailed(f"{where} is no mirror of what it reverses")


__all__ = ["ScenarioError", "ScenarioFailed", "play"]
