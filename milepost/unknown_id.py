"""What people read of an id that is not there: what was asked for, what is taken, what it may be, and where the ids are listed."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import typer

from connectors.files.dead_letters import letters_of
from connectors.files.found_exceptions import exceptions_of
from connectors.files.lookup import hint, statements_called
from connectors.files.waiting_events import UNROUTED, waiting_for
from connectors.files.written import records_of
from dataflows.books_read import reading_books
from domain.events.catalogue import ENTITIES
from domain.events.finance import InvoicePosted
from domain.identity import unescape
from domain.ledger.journal import BILLING
from domain.outputs import DeadLetter, ExceptionRaised, JournalEntry, ProjectView
from domain.work.rows import DELIVERY, EXPENSE, named, row_id
from milepost.console import folder_named, shell_word
from milepost.delivery.in_erp import JOURNALS_NAMED, InErp, in_erp
from milepost.exceptions.words import subject_text
from milepost.letters import event_of
from state.intake.directory import subject_of

# What has no figures of its own: its journals have them.
POSTED_BY = frozenset(
    {"invoice", "payment", "payment_application", "payment_reversal", "credit_memo", "write_off", "revenue_adjustment"}
)


def unknown_id(
    output: Path,
    wanted: str,
    kinds: str,
    known: frozenset[str] | tuple[str, ...],
    listed_by: str,
    param: str = "ID",
    looks: str = "",
    there: InErp | None = None,
) -> typer.BadParameter:
    """`kinds` with an article, such as `a project or a statement`; `known` are all that there are, or in their order the nearest.

    Where it is the id of something else, that is said instead of ids that are like it. `looks` says what ids look like, `there` is what
    was found by it in an ERP, where that was looked for already.
    """
    asked = f"expected the id of {kinds}, got {wanted or '(nothing)'}"
    other = next(what_it_is(output, wanted, there), None) if wanted else None
    if other is not None:
        return typer.BadParameter(f"{asked}, which is {other}", param_hint=param)
    like = hint(wanted, known) if isinstance(known, frozenset) else _nearest_text(known)
    shapes = f". {looks}" if looks else ""
    listed = f"{listed_by} --output {shell_word(folder_named(output))}"
    return typer.BadParameter(f"{asked}{like}. `{listed}` lists them{shapes}", param_hint=param)


def _nearest_text(nearest: tuple[str, ...]) -> str:
    return f"; the nearest are {', '.join(nearest)}" if nearest else ""


def what_it_is(output: Path, wanted: str, there: InErp | None = None) -> Iterator[str]:
    """Kinds of things that the output knows by the id, with the command that shows one; nothing where there is none."""
    if there is not None and there.statements and there.journals:
        # A number of two ERPs.
        yield f"{there.what}: {there.commands(wanted)}"
    known = list(records_of(output, ProjectView))
    if any(view.project_id == wanted for view in known):
        yield f"a project: milepost show {shell_word(wanted)}"
    if any(view.engagement_id == wanted for view in known):
        yield f"a contract group: milepost show {shell_word(wanted)}"
    holders = sorted({view.project_id for view in known for each in view.balances if each.contract_id == wanted})
    if holders:
        yield f"a contract: milepost explain {shell_word(wanted)}, or milepost show {shell_word(holders[0])} for its project"
    with reading_books(output) as reader:
        if reader.has_entry(wanted):
            yield f"{_article(named(wanted)[0])}: milepost explain {shell_word(wanted)}"
        for kind in (EXPENSE, DELIVERY):
            if reader.has_entry(row_id(kind, wanted)):
                yield f"{_article(kind)}: milepost explain {shell_word(row_id(kind, wanted))}"
    if statements_called(output, wanted):
        yield f"a statement: milepost statement {shell_word(wanted)}"
    exceptions, letters = exceptions_of(output), letters_of(output)
    if wanted in exceptions:
        yield f"an exception: milepost exceptions show {shell_word(wanted)}"
    if wanted in letters:
        yield f"an unreadable record: milepost dead-letters show {shell_word(wanted)}"
    yield from _of_journals(output, wanted)
    opened = [each.raised for each in exceptions.values() if each.is_open]
    yield from _that_waits(output, opened, wanted)
    with reading_books(output) as reader:
        for what, there_is in (
            ("contract that is signed", reader.parts_with_id("contract", wanted)),
            ("project", reader.parts_with_id("project", wanted)),
            ("contract group", reader.parts(wanted, "project")),
        ):
            if there_is:
                yield f"a {what}; it has figures once a day has ended: milepost run --until DAY"
    yield from _with_intake(output, opened, wanted)
    yield from _not_read(letters, wanted)
    there = in_erp(output, wanted) if there is None else there
    if there.what:
        yield f"{there.what}: {there.commands(wanted)}"


def _of_journals(output: Path, wanted: str) -> Iterator[str]:
    """A journal, or what the ERP or the bank said that was posted by some, such as a payment."""
    with reading_books(output) as reader:
        invoiced = {receivable.statement_id for receivable in reader.parts_with_id("receivable", wanted)}
    posted: list[str] = []
    posted_as = ""
    for journal in records_of(output, JournalEntry):
        if journal.journal_id == wanted:
            yield f"a journal: milepost explain {shell_word(wanted)}"
        if kind := _posted_for(journal, wanted, invoiced):
            posted_as = posted_as or kind
            posted.append(f"milepost explain {shell_word(journal.journal_id)}")
    if posted:
        yield f"{_article(posted_as)}; what it posted: {' or '.join(posted[:JOURNALS_NAMED])}"


def _posted_for(journal: JournalEntry, wanted: str, invoiced: set[str]) -> str:
    """As what it posted the journal: what waited was posted by what it waited for, such as a rate or its invoice."""
    if _is_invoice(journal, invoiced):
        return "invoice"
    named = {(journal.affected_kind, journal.affected_id), (journal.cause_kind, unescape(journal.cause_id))}
    return next((kind for kind in sorted(POSTED_BY) if (kind, wanted) in named), "")


def _is_invoice(journal: JournalEntry, invoiced: set[str]) -> bool:
    """One that waited was posted by what it waited for, such as the approval of its statement's draft."""
    return journal.kind == BILLING and journal.affected_kind == "statement" and journal.affected_id in invoiced


def _that_waits(output: Path, opened: Sequence[ExceptionRaised], wanted: str) -> Iterator[str]:
    """What was refused or waits for something has an exception, and no journal."""
    for raised in opened:
        shown = f"milepost exceptions show {shell_word(raised.exception_id)}"
        if raised.subject_kind in POSTED_BY and raised.subject_id == wanted:
            yield f"{_article(raised.subject_kind)} that posted nothing: {shown}"
        if wanted == _invoice_kept(output, raised):
            yield f"an invoice that posted nothing: {shown}"
        if raised.subject_kind == "contract" and raised.subject_id == wanted:
            yield f"a contract of which there are no figures: {shown}"


def _with_intake(output: Path, opened: Sequence[ExceptionRaised], wanted: str) -> Iterator[str]:
    """What names something that nobody knows yet: a credit memo of an unknown invoice, work of an unknown project."""
    for raised in (each for each in opened if each.category == UNROUTED):
        for event in waiting_for(output, raised.subject_kind, raised.subject_id):
            kind, event_id = subject_of(event)
            if event_id == wanted:
                shown = f"milepost exceptions show {shell_word(raised.exception_id)}"
                yield f"{_article(kind)} that waits until {subject_text(raised)} is known: {shown}"


def _not_read(letters: Mapping[str, DeadLetter], wanted: str) -> Iterator[str]:
    for name, letter in letters.items():
        entity = ENTITIES.get(letter.event_type or "")
        if entity is not None and event_of(letter).get(entity.id_fields[-1]) == wanted:
            yield f"{_article(entity.kind)} that could not be read: milepost dead-letters show {shell_word(name)}"


def _invoice_kept(output: Path, raised: ExceptionRaised) -> str:
    """The invoice that its statement or draft has at hand until it can be posted; nothing where there is none."""
    kept: list[InvoicePosted | None] = []
    with reading_books(output) as reader:
        if raised.subject_kind == "statement":
            kept = [one.waiting for one in reader.parts_with_id("statement", raised.subject_id)]
        elif raised.subject_kind == "draft":
            kept = [one.invoice for one in reader.parts_with_id("draft", raised.subject_id)]
    return next((invoice.invoice_id for invoice in kept if invoice is not None), "")


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind.replace('_', ' ')}"
