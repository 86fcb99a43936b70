"""What a scenario expects and what came out, in one form, so that they can be compared and shown side by side.

Compared are journals, statements, exceptions and alerts, each with all its figures. Forecasts are answered where a text
asks. Views, what other systems are told and control totals have tests of their own, and so have the exceptions that only
a forecast raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import NamedTuple, TypeAlias

from domain.billing.tax import groups_of
from domain.outputs import (
    Alert,
    BillingStatement,
    ExceptionClosed,
    ExceptionRaised,
    ForecastUpdate,
    JournalEntry,
    Output,
    ProjectView,
    StatementLine,
    StatementTax,
    UndeterminedTax,
)
from domain.units import AMOUNT_ONE, EXCHANGE_RATE_ONE, PERCENT_ONE, QUANTITY_ONE, RATE_ONE
from domain.work.rows import OVERFLOW, row_id
from tests.harness import ENGAGEMENT, Books
from tests.scenario_certificates import Certificate, answered, asked_of
from tests.scenario_events import Words, day_of, journal_named
from tests.scenario_text import Block, Line

# What the forecast of a project lacks.
OF_FORECASTS = frozenset({"no_estimate", "no_exchange_rate", "stale_exchange_rate"})
KINDS = ("posting", "reversal", "difference", "billing")
NONE = "-"


class Leg(NamedTuple):
    """Debit positive; `ledger` only where the journal is in another currency than the ledger's."""

    account: str
    amount: int
    ledger: int | None = None


class Journal(NamedTuple):
    """What is left out is the usual: the first entity, its ledger currency, service date and period of the accounting date."""

    accounting_date: date
    kind: str
    subject: str
    legs: tuple[Leg, ...]
    entity: str | None = None
    service_date: date | None = None
    memo: bool = False
    currency: str | None = None
    exchange_rate: int | None = None
    period: str | None = None

    def __str__(self) -> str:
        words = [str(self.accounting_date), self.kind, self.subject]
        words += ["period", self.period] if self.period else []
        words += ["in", self.entity] if self.entity else []
        words += ["service", str(self.service_date)] if self.service_date else []
        words += ["memo"] if self.memo else []
        words += [self.currency, "at", decimal(self.exchange_rate or 0, EXCHANGE_RATE_ONE)] if self.currency else []
        return "  ".join([" ".join(words), *legs_text(self.legs)])


class Statement(NamedTuple):
    statement_id: str
    to: date
    total: int
    currency: str
    amount_due: int
    revision: int
    status: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    retained: int = 0
    released: int = 0
    tax: tuple[str, ...] = ()

    def __str__(self) -> str:
        head = f"statement {self.statement_id}  to {self.to}  total {amount(self.total)} {self.currency}"
        head += f"  retained {amount(self.retained)}" if self.retained else ""
        head += f"  released {amount(self.released)}" if self.released else ""
        head += (
            f"  due {amount(self.amount_due)}" if self.amount_due != self.total - self.retained + self.released else ""
        )
        head += f"  revision {self.revision}" if self.revision != 1 else ""
        head += f"  {self.status}" if self.status != "issued" else ""
        head = "\n".join([head, *(f"  {tax}" for tax in self.tax)])
        if not self.rows:
            return head
        table = (self.columns, *self.rows)
        widths = [max(len(row[place]) for row in table) for place in range(len(self.columns))]
        rows = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
        return "\n".join([head, *(f"  {row.rstrip()}" for row in rows)])


class Raised(NamedTuple):
    category: str
    subject: str
    amount: int = 0
    currency: str | None = None
    entries: int = 1
    assignee: str | None = None
    message: str = ""

    def __str__(self) -> str:
        blocked = f"  {amount(self.amount)} {self.currency}" if self.amount else ""
        entries = f"  entries {self.entries}" if self.entries != 1 else ""
        assignee = f"  assignee {self.assignee}" if self.assignee else ""
        says = f'  says "{self.message}"' if self.message else ""
        return f"raised {self.category} {self.subject}{blocked}{entries}{assignee}{says}"


class Closed(NamedTuple):
    category: str
    subject: str
    reason: str = "resolved"

    def __str__(self) -> str:
        return f"closed {self.category} {self.subject}" + (f"  {self.reason}" if self.reason != "resolved" else "")


class Crossed(NamedTuple):
    subject: str
    percent: int
    used: str
    limit: str

    def __str__(self) -> str:
        return f"alert {self.subject} {decimal(self.percent, PERCENT_ONE)} %  used {self.used} of {self.limit}"


class Overdue(NamedTuple):
    """An alert that is about no share of anything."""

    kind: str
    subject: str

    def __str__(self) -> str:
        return f"alert {self.subject} {self.kind}"


class Balances(NamedTuple):
    """Figures of a contract line, a project or its latest forecast; only those that the text names."""

    kind: str
    subject: str
    figures: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}  " + "  ".join(f"{name} {value}" for name, value in self.figures)


class TrialBalance(NamedTuple):
    """Every account with a balance, of one entity and currency."""

    in_ledger: bool
    entity: str
    currency: str
    as_of: date | None
    legs: tuple[Leg, ...]

    def __str__(self) -> str:
        kind = "ledger" if self.in_ledger else "trial"
        until = f" as_of {self.as_of}" if self.as_of else ""
        balances = legs_text(self.legs) or ["zero"]
        return "  ".join([f"{kind} balance {self.entity} {self.currency}{until}", *balances])


class Standing(NamedTuple):
    """Where a journal stands in the ERP, with the ERP's references there."""

    journal: str
    standing: str
    references: str = ""
    posted_on: date | None = None

    def __str__(self) -> str:
        references = f"  as {self.references}" if self.references else ""
        day = f"  on {self.posted_on}" if self.posted_on is not None else ""
        return f"stands {self.journal}  {self.standing}{references}{day}"


class LastingCap(NamedTuple):
    """The day on which the latest forecast of its project has a cap used up."""

    cap: str
    day: str

    def __str__(self) -> str:
        return f"cap {self.cap}  used_up {self.day}"


Fact: TypeAlias = Journal | Statement | Raised | Closed | Crossed | Overdue
Question: TypeAlias = Balances | Certificate | LastingCap | Standing | TrialBalance


class Expectation(NamedTuple):
    """What the text says of one event; `open` where more may come out of it."""

    facts: tuple[tuple[Line, Fact], ...] = ()
    questions: tuple[tuple[Line, Question], ...] = ()
    open: bool = False


# Numbers


def decimal(value: int, one: int, places: int = 0) -> str:
    """Exact, with commas between thousands and at least so many places."""
    sign, rest = ("-" if value < 0 else ""), abs(value)
    fraction = str(one + rest % one)[1:].rstrip("0").ljust(places, "0")
    return f"{sign}{rest // one:,}" + (f".{fraction}" if fraction else "")


def amount(value: int) -> str:
    return decimal(value, AMOUNT_ONE, 2)


def scaled(found: str, one: int, line: Line) -> int:
    try:
        value = Decimal(found.replace(",", "")) * one
    except InvalidOperation:
        raise line.wrong(f"expected a number, got '{found}'") from None
    if value != int(value):
        raise line.wrong(f"expected at most {len(str(one)) - 1} decimals, got '{found}'")
    return int(value)


def legs_text(legs: Iterable[Leg]) -> list[str]:
    """`Dr 5000 800.00`; the ledger amount in brackets where it differs in currency."""
    found = []
    for leg in legs:
        debit = leg.amount > 0 or (leg.amount == 0 and (leg.ledger or 0) > 0)
        sign = 1 if debit else -1
        ledger = f" ({amount(sign * leg.ledger)})" if leg.ledger is not None else ""
        found.append(f"{'Dr' if debit else 'Cr'} {leg.account} {amount(sign * leg.amount)}{ledger}")
    return found


# What came out


class Facts:
    """Turns outputs into facts; remembers which exception an id belongs to."""

    def __init__(self, entity: str) -> None:
        self._entity = entity
        self.exceptions: dict[tuple[str, str], str] = {}
        self.journals: dict[str, list[str]] = {}
        self._names: dict[str, str] = {}
        self._subjects: dict[str, str] = {}

    def of(self, outputs: Iterable[Output], expected: Expectation) -> list[Fact]:
        """Of a statement the columns that the text shows, of an exception its message where the text has it."""
        stated = [fact for _, fact in expected.facts]
        columns = {fact.statement_id: fact.columns for fact in stated if isinstance(fact, Statement)}
        worded = {(fact.category, fact.subject) for fact in stated if isinstance(fact, Raised) and fact.message}
        found: list[Fact] = []
        for output in outputs:
            match output:
                case JournalEntry():
                    found.append(self._journal(output))
                    name = name_of(output)
                    self.journals.setdefault(name, []).append(output.journal_id)
                    self._names[output.journal_id] = name
                case BillingStatement():
                    found.append(statement_of(output, columns.get(short(output.statement_id), COLUMNS)))
                case ExceptionRaised():
                    subject = self._names.get(output.subject_id) or subject_of(output.subject_kind, output.subject_id)
                    self.exceptions[output.category, subject] = output.exception_id
                    if self._compared(output):
                        blocked = (output.blocks_amount, output.blocks_currency) if output.blocks_amount else (0, None)
                        raised = Raised(output.category, subject, *blocked, output.blocks_count, output.assignee)
                        is_worded = (output.category, subject) in worded
                        found.append(raised._replace(message=output.message) if is_worded else raised)
                        self._subjects[output.exception_id] = subject
                case ExceptionClosed():
                    if output.exception_id in self._subjects:
                        found.append(Closed(output.category, self._subjects[output.exception_id], output.reason))
                case Alert():
                    found.append(crossed_of(output))
                case _:
                    pass
        return found

    @staticmethod
    def _compared(raised: ExceptionRaised) -> bool:
        return raised.subject_kind != "project" or raised.category not in OF_FORECASTS

    def _journal(self, entry: JournalEntry) -> Journal:
        foreign = entry.currency != entry.ledger_currency
        legs = [Leg(line.account, line.amount, line.ledger_amount if foreign else None) for line in entry.lines]
        return Journal(
            entry.accounting_date,
            entry.kind,
            subject_of(entry.affected_kind, entry.affected_id),
            tuple(sorted(legs, key=leg_order)),
            entry.legal_entity_id if entry.legal_entity_id != self._entity else None,
            entry.service_date if entry.service_date not in (None, entry.accounting_date) else None,
            not entry.deliver,
            entry.currency if foreign else None,
            entry.exchange_rate if foreign else None,
            entry.period if entry.period != f"{entry.accounting_date:%Y-%m}" else None,
        )


def short(composed_id: str) -> str:
    return composed_id.removeprefix(f"{ENGAGEMENT}.")


def subject_of(kind: str, subject_id: str) -> str:
    """By its id; the part of an entry that went on to another line as the row that it is."""
    return row_id(kind, subject_id) if kind == OVERFLOW else short(subject_id)


def name_of(journal: JournalEntry) -> str:
    """`posting:T-1`; several may have it, of which the last is meant."""
    return f"{journal.kind}:{subject_of(journal.affected_kind, journal.affected_id)}"


def leg_order(leg: Leg) -> tuple[str, int, int]:
    return leg.account, leg.amount, leg.ledger or 0


def crossed_of(alert: Alert) -> Crossed | Overdue:
    if alert.threshold is None:
        return Overdue(alert.kind, alert.subject_id)
    if alert.limit_amount is not None:
        return Crossed(
            alert.subject_id, alert.threshold or 0, amount(alert.used_amount or 0), amount(alert.limit_amount)
        )
    used, limit = decimal(alert.used_hours or 0, QUANTITY_ONE), decimal(alert.limit_hours or 0, QUANTITY_ONE)
    return Crossed(alert.subject_id, alert.threshold or 0, f"{used} h", f"{limit} h")


COLUMN: Mapping[str, Callable[[StatementLine], str]] = {
    "line": lambda line: line.line_id,
    "project": lambda line: line.project_id,
    "person": lambda line: line.person_id or NONE,
    "task": lambda line: line.task or NONE,
    "role": lambda line: line.role or NONE,
    "hours": lambda line: decimal(line.quantity, QUANTITY_ONE),
    "rate": lambda line: decimal(line.rate, RATE_ONE, 2),
    "markup": lambda line: decimal(line.markup_percent, PERCENT_ONE),
    "amount": lambda line: amount(line.amount),
    "quantity": lambda line: decimal(line.quantity, QUANTITY_ONE),
    "unit": lambda line: line.unit,
    "description": lambda line: line.description,
    "from": lambda line: str(line.service_from),
    "to": lambda line: str(line.service_to),
    "entries": lambda line: ",".join(line.entries) or NONE,
    "flags": lambda line: ",".join(line.flags) or NONE,
    "sources": lambda line: "+".join(f"{one.source_id}:{amount(one.amount)}" for one in line.sources) or NONE,
}
COLUMNS = ("line", "person", "hours", "rate", "amount", "entries")
# What must be shown where it is not this.
SHOWN_UNLESS = {"task": NONE, "markup": "0", "flags": NONE, "sources": NONE}
NUMBERS = {
    "hours": (QUANTITY_ONE, 0),
    "quantity": (QUANTITY_ONE, 0),
    "rate": (RATE_ONE, 2),
    "markup": (PERCENT_ONE, 0),
    "amount": (AMOUNT_ONE, 2),
}


def statement_of(statement: BillingStatement, columns: tuple[str, ...]) -> Statement:
    more = tuple(
        name
        for name, usual in SHOWN_UNLESS.items()
        if name not in columns and any(COLUMN[name](line) != usual for line in statement.lines)
    )
    columns = (*columns, *more)
    return Statement(
        short(statement.statement_id),
        statement.to,
        statement.total,
        statement.currency,
        statement.amount_due,
        statement.revision,
        statement.status,
        columns,
        tuple(tuple(COLUMN[name](line) for name in columns) for line in statement.lines),
        statement.retained,
        statement.released,
        tuple(map(tax_text, groups_of(statement).all)) if statement.tax_region is not None else (),
    )


def tax_text(tax: StatementTax | UndeterminedTax) -> str:
    """Where a region is known: category, base, what is on it, and the tax point."""
    if isinstance(tax, UndeterminedTax):
        rate = "undetermined"
    elif tax.kind == "output":
        rate = f"at {decimal(tax.percent, PERCENT_ONE)} %  {amount(tax.amount)}"
    else:
        rate = "outside_scope" if tax.outside_scope else f"{tax.kind}"
    day = tax.tax_point_date if tax.tax_point_date is not None else "payment"
    return f"tax {tax.category}  {amount(tax.base)}  {rate}  on {day}"


# What is expected


def expectation_of(blocks: Iterable[Block], books_entity: str) -> Expectation:
    facts: list[tuple[Line, Fact]] = []
    questions: list[tuple[Line, Question]] = []
    more = False
    for block in blocks:
        words = Words(block.head, [word for line in (block.head, *block.rest[: _joined(block)]) for word in line.words])
        words.skip("=>")
        kind = words.take("what comes out")
        if kind == "...":
            more = True
        elif kind in ("trial", "ledger"):
            questions.append((block.head, _trial_balance(words, in_ledger=kind == "ledger")))
        elif kind == "certificate":
            questions.append((block.head, asked_of(words, _sides)))
        elif kind == "stands":
            questions.append((block.head, _standing(words)))
        elif kind == "cap":
            questions.append((block.head, _lasting_cap(words)))
        elif kind in MEASURES:
            questions.append((block.head, _balances(kind, words)))
        elif kind != "nothing":
            facts.append((block.head, _fact(kind, words, block)))
    return Expectation(tuple(facts), tuple(questions), more)


def _joined(block: Block) -> int:
    """Lines that go on with the first one; a statement's rows are read apart."""
    return 0 if "statement" in block.head.words[:2] else len(block.rest)


def _fact(kind: str, words: Words, block: Block) -> Fact:
    match kind:
        case "statement":
            return _statement(words, block.rest)
        case "raised":
            return _raised(words)
        case "closed":
            closed = Closed(words.take("a category"), words.take("a subject"))
            return closed._replace(reason=words.take("a reason")) if words else closed
        case "alert":
            return _alert(words)
        case _:
            return _journal(kind, words)


def _journal(first: str, words: Words) -> Journal:
    if first[:1].isdigit():
        accounting_date, kind = day_of(first, words.line), words.take("posting, reversal, difference or billing")
        if kind in KINDS:
            return _journal_of(accounting_date, kind, words)
    known = "a dated journal, statement, raised, closed, alert, line, project, stands, trial, ledger, certificate, nothing or ..."
    raise words.line.wrong(f"expected {known}, got '{first}'")


def _journal_of(accounting_date: date, kind: str, words: Words) -> Journal:
    journal = Journal(accounting_date, kind, words.take("what it is about"), ())
    while words and not words.next_is("Dr", "Cr"):
        match words.take("an option"):
            case "in":
                journal = journal._replace(entity=words.take("a legal entity"))
            case "service":
                journal = journal._replace(service_date=day_of(words.take("a date"), words.line))
            case "period":
                journal = journal._replace(period=words.take("an accounting period"))
            case "memo":
                journal = journal._replace(memo=True)
            case currency:
                words.skip("at")
                rate = scaled(words.take("an exchange rate"), EXCHANGE_RATE_ONE, words.line)
                journal = journal._replace(currency=currency, exchange_rate=rate)
    return journal._replace(legs=_legs(words))


def _legs(words: Words) -> tuple[Leg, ...]:
    """`Dr 5000 800.00 (720.00)` and so on to the end of the line."""
    found = []
    while words:
        side = words.take("Dr or Cr")
        if side not in ("Dr", "Cr"):
            raise words.line.wrong(f"expected Dr or Cr, got '{side}'")
        sign = 1 if side == "Dr" else -1
        account, value = words.take("an account"), scaled(words.take("an amount"), AMOUNT_ONE, words.line)
        ledger = None
        if words and not words.next_is("Dr", "Cr"):
            ledger = sign * scaled(words.take("a ledger amount").strip("()"), AMOUNT_ONE, words.line)
        found.append(Leg(account, sign * value, ledger))
    return tuple(sorted(found, key=leg_order))


def _sides(words: Words) -> list[tuple[str, int]]:
    return [(leg.account, leg.amount) for leg in _legs(words)]


def _statement(words: Words, rows: tuple[Line, ...]) -> Statement:
    statement_id = words.take("a statement")
    words.skip("to")
    to = day_of(words.take("a date"), words.line)
    words.skip("total")
    total = scaled(words.take("an amount"), AMOUNT_ONE, words.line)
    currency, kept = words.take("a currency"), {"retained": 0, "released": 0}
    while words.next_is(*kept):
        name = words.take("retained or released")
        kept[name] = scaled(words.take("an amount"), AMOUNT_ONE, words.line)
    due = total - kept["retained"] + kept["released"]
    if words.next_is("due"):
        words.skip("due")
        due = scaled(words.take("an amount"), AMOUNT_ONE, words.line)
    revision, status = 1, "issued"
    if words.next_is("revision"):
        words.skip("revision")
        revision = int(words.take("a number"))
    if words.next_is("open", "superseded"):
        status = words.take("a status")
    taxes = tuple(line for line in rows if line.words[0] == "tax")
    tax = tuple(_tax(Words(line, line.words[1:])) for line in taxes)
    rows = tuple(line for line in rows if line not in taxes)
    found = Statement(statement_id, to, total, currency, due, revision, status, COLUMNS, (), tax=tax, **kept)
    if not rows and kept["released"]:
        return found
    if not rows:
        raise words.line.wrong("expected a table of its lines below the statement")
    columns = tuple(rows[0].words)
    unknown = [name for name in columns if name not in COLUMN]
    if unknown or not {"line", "amount", "entries"} <= set(columns):
        raise rows[0].wrong(f"expected the columns line, amount, entries and perhaps others of {', '.join(COLUMN)}")
    return found._replace(columns=columns, rows=tuple(_row(line, columns) for line in rows[1:]))


def _tax(words: Words) -> str:
    """`CATEGORY BASE at PERCENT % AMOUNT on DATE`, or the kind in place of the rate; as `tax_text` has it."""
    category, base = words.take("a tax category"), scaled(words.take("an amount"), AMOUNT_ONE, words.line)
    rate = words.take("at, a kind or undetermined")
    if rate == "at":
        percent = scaled(words.take("a percentage"), PERCENT_ONE, words.line)
        words.skip("%")
        tax = scaled(words.take("an amount"), AMOUNT_ONE, words.line)
        rate = f"at {decimal(percent, PERCENT_ONE)} %  {amount(tax)}"
    words.skip("on")
    return f"tax {category}  {amount(base)}  {rate}  on {words.take('a date or payment')}"


def _row(line: Line, columns: tuple[str, ...]) -> tuple[str, ...]:
    cells = line.words
    if len(cells) != len(columns):
        raise line.wrong(f"expected {len(columns)} cells ({', '.join(columns)}), got {len(cells)}")
    return tuple(_cell(name, cell, line) for name, cell in zip(columns, cells, strict=True))


def _cell(name: str, cell: str, line: Line) -> str:
    if name not in NUMBERS:
        return cell
    one, places = NUMBERS[name]
    return decimal(scaled(cell, one, line), one, places)


def _raised(words: Words) -> Raised:
    found = Raised(words.take("a category"), words.take("a subject"))
    if words and not words.next_is("entries", "assignee", "says"):
        value = scaled(words.take("an amount"), AMOUNT_ONE, words.line)
        found = found._replace(amount=value, currency=words.take("a currency"))
    if words.next_is("entries"):
        words.skip("entries")
        found = found._replace(entries=scaled(words.take("a number of entries"), 1, words.line))
    if words.next_is("assignee"):
        words.skip("assignee")
        found = found._replace(assignee=words.take("a person"))
    if words:
        words.skip("says")
        found = found._replace(message=words.take("a message"))
    return found


def _alert(words: Words) -> Crossed | Overdue:
    subject = words.take("a subject")
    if words.next_is("milestone_overdue"):
        return Overdue(words.take("a kind"), subject)
    percent = scaled(words.take("a percentage"), PERCENT_ONE, words.line)
    words.skip("%")
    words.skip("used")
    used = _measure(words)
    words.skip("of")
    return Crossed(subject, percent, used, _measure(words))


def _measure(words: Words) -> str:
    value = words.take("an amount or hours")
    if words.next_is("h"):
        words.skip("h")
        return f"{decimal(scaled(value, QUANTITY_ONE, words.line), QUANTITY_ONE)} h"
    return amount(scaled(value, AMOUNT_ONE, words.line))


def _balances(kind: str, words: Words) -> Balances:
    subject = words.take("a line or project")
    figures = []
    while words:
        name = words.take("a balance")
        if name not in MEASURES[kind]:
            raise words.line.wrong(f"expected one of {', '.join(MEASURES[kind])}, got '{name}'")
        one, places = MEASURES[kind][name]
        figures.append((name, decimal(scaled(words.take("a figure"), one, words.line), one, places)))
    return Balances(kind, subject, tuple(figures))


def _trial_balance(words: Words, *, in_ledger: bool) -> TrialBalance:
    words.skip("balance")
    entity, currency = words.take("a legal entity"), words.take("a currency")
    as_of = None
    if words.next_is("as_of"):
        words.skip("as_of")
        as_of = day_of(words.take("a date"), words.line)
    if words.next_is("zero"):
        words.skip("zero")
    return TrialBalance(in_ledger, entity, currency, as_of, _legs(words))


def _standing(words: Words) -> Standing:
    found = Standing(words.take("a journal such as posting:T-1"), words.take("a standing"))
    while words:
        match words.take("as or on"):
            case "as":
                found = found._replace(references=words.take("references with commas between"))
            case "on":
                found = found._replace(posted_on=day_of(words.take("a date"), words.line))
            case other:
                raise words.line.wrong(f"expected as or on, got '{other}'")
    return found


def _lasting_cap(words: Words) -> LastingCap:
    cap = words.take("a contract and its cap such as K/L")
    words.skip("used_up")
    day = words.take("a date or never")
    return LastingCap(cap, day if day == "never" else day_of(day, words.line).isoformat())


# Answers from the books

MONEY, TIME = (AMOUNT_ONE, 2), (QUANTITY_ONE, 0)
MEASURES: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "line": {
        "hours": TIME,
        "value": MONEY,
        "recognised": MONEY,
        "accrued": MONEY,
        "over_cap": MONEY,
        "written_off": MONEY,
        "billed": MONEY,
        "invoiced": MONEY,
        "unbilled": MONEY,
    },
    "project": {"hours": TIME, "billable_hours": TIME, "memo": MONEY, "cost": MONEY},
    "balance": {
        "recognised": MONEY,
        "accrued": MONEY,
        "held": MONEY,
        "billed": MONEY,
        "invoiced": MONEY,
        "unbilled": MONEY,
        "owed_back": MONEY,
    },
    "forecast": {
        "hours": TIME,
        "cost": MONEY,
        "revenue": MONEY,
        "margin": MONEY,
        "hours_left": TIME,
        "cost_left": MONEY,
        "revenue_left": MONEY,
        "backlog": MONEY,
        "unbilled_backlog": MONEY,
        "earned_in_ledger": MONEY,
    },
    "month": {
        "hours": TIME,
        "cost": MONEY,
        "revenue": MONEY,
        "billings": MONEY,
        "cash": MONEY,
        "burn_hours": TIME,
        "burn_cost": MONEY,
        "burn_revenue": MONEY,
    },
}


def answer(books: Books, question: Question) -> Question:
    if isinstance(question, TrialBalance):
        return _trial_of(books, question)
    if isinstance(question, Certificate):
        return answered((folded.record for folded in books.folded), question)
    if isinstance(question, Standing):
        return _standing_of(books, question)
    if isinstance(question, LastingCap):
        return question._replace(day=_used_up_on(books, question.cap))
    found = FIGURES[question.kind](books, question.subject)
    named = ((name, decimal(found[name], *MEASURES[question.kind][name])) for name, _ in question.figures)
    return question._replace(figures=tuple(named))


def _line_figures(books: Books, subject: str) -> dict[str, int]:
    line = books.part("line", subject)
    if line is None:
        return dict.fromkeys(MEASURES["line"], 0)
    return {
        "hours": line.hours,
        "value": line.value,
        "recognised": line.recognised,
        "accrued": line.billable - line.issued,
        "over_cap": line.over,
        "written_off": line.written_off,
        "billed": line.issued,
        "invoiced": line.invoiced,
        "unbilled": line.recognised - line.invoiced,
    }


def _project_figures(books: Books, subject: str) -> dict[str, int]:
    project = books.part("project", subject)
    if project is None:
        return dict.fromkeys(MEASURES["project"], 0)
    burn = project.burn
    cost = sum(figures[1] for figures in project.months.values())
    return {"hours": burn.hours, "billable_hours": burn.billable_hours, "memo": sum(burn.memo.values()), "cost": cost}


def _balance_figures(books: Books, subject: str) -> dict[str, int]:
    """Of a contract in a project (`P/K`), as the project's view told it last."""
    project_id, _, contract_id = subject.partition("/")
    told = (one for _, one in reversed(books.folded) if isinstance(one, ProjectView) and one.project_id == project_id)
    latest = next(told, None)
    found = [one for one in latest.balances if one.contract_id == contract_id] if latest is not None else []
    return {name: sum(getattr(one, name) for one in found) for name in MEASURES["balance"]}


def _forecast_figures(books: Books, subject: str) -> dict[str, int]:
    """As last told, in the project's currency; nothing where nothing was told."""
    told = (one for _, one in reversed(books.folded) if isinstance(one, ForecastUpdate) and one.project_id == subject)
    latest = next(told, None)
    if latest is None:
        return dict.fromkeys(MEASURES["forecast"], 0)
    figures = latest.project
    return {
        "hours": figures.eac_hours,
        "cost": figures.eac_cost,
        "revenue": figures.eac_revenue,
        "margin": figures.margin,
        "hours_left": figures.etc_hours,
        "cost_left": figures.etc_cost,
        "revenue_left": figures.etc_revenue,
        "backlog": figures.backlog,
        "unbilled_backlog": figures.unbilled_backlog,
        "earned_in_ledger": latest.ledger.burn_revenue if latest.ledger is not None else 0,
    }


def _month_figures(books: Books, subject: str) -> dict[str, int]:
    """Of a month (`P/2026-03`) as the project's latest forecast has it; nothing where it does not name it."""
    project_id, _, month = subject.rpartition("/")
    told = (
        one for _, one in reversed(books.folded) if isinstance(one, ForecastUpdate) and one.project_id == project_id
    )
    latest = next(told, None)
    found = [row for row in latest.project.months if row.month == month] if latest is not None else []
    return {name: sum(getattr(row, name) for row in found) for name in MEASURES["month"]}


FIGURES: Mapping[str, Callable[[Books, str], dict[str, int]]] = {
    "line": _line_figures,
    "project": _project_figures,
    "balance": _balance_figures,
    "forecast": _forecast_figures,
    "month": _month_figures,
}


def _used_up_on(books: Books, asked: str) -> str:
    """As the latest forecast that has the cap says it."""
    told = (one for _, one in reversed(books.folded) if isinstance(one, ForecastUpdate))
    days = (cap.exhausts_on for one in told for cap in one.caps if f"{cap.contract_id}/{cap.cap_id}" == asked)
    day = next(days, None)
    return day.isoformat() if day is not None else "never"


def _standing_of(books: Books, question: Standing) -> Standing:
    made: dict[str, list[str]] = {}
    for _, record in books.folded:
        if isinstance(record, JournalEntry):
            made.setdefault(name_of(record), []).append(record.journal_id)
    journal_id = journal_named(made, question.journal)
    store = books.shard.store
    stands = store.journal(store.engagement(ENGAGEMENT).no, journal_id) if journal_id is not None else None
    if stands is None:
        return question._replace(standing="nowhere", references="", posted_on=None)
    references = ",".join(each.partition(" ")[2] for each in stands.posted or stands.accepted)
    return Standing(question.journal, stands.standing, references, stands.posted_on)


def _trial_of(books: Books, question: TrialBalance) -> TrialBalance:
    sums: dict[str, int] = {}
    for _, journal in books.folded:
        if not isinstance(journal, JournalEntry) or journal.legal_entity_id != question.entity:
            continue
        if (journal.ledger_currency if question.in_ledger else journal.currency) != question.currency:
            continue
        if question.as_of is not None and journal.accounting_date > question.as_of:
            continue
        for line in journal.lines:
            value = line.ledger_amount if question.in_ledger else line.amount
            sums[line.account] = sums.get(line.account, 0) + value
    legs = (Leg(account, value) for account, value in sums.items() if value)
    return question._replace(legs=tuple(sorted(legs, key=leg_order)))
