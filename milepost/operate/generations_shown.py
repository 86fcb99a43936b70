"""What `milepost log compare` says."""

from collections.abc import Sequence
from typing import Any

import typer

from connectors.kafka.clients import KafkaClients
from connectors.kafka.lag import lags
from connectors.kafka.names import Names
from dataflows.generations import GenerationComparison, compare
from domain.audit.generations import AccountDifference, StatementDemand, StatementDifference
from domain.money import format_amount
from milepost.console import amount_text, echo, say, shape, write_json
from milepost.settings import Settings
from milepost.tables import Table, show

JOURNAL_HEAD = ("journal", "date", "account", "project", "currency", "generation {}", "generation {}", "to post")
STATEMENT_HEAD = ("statement", "status", "currency", "generation {}", "generation {}", "to ask for")


def tell(settings: Settings, before: str, *, json: bool) -> bool:
    """Whether receivers have something to do."""
    kafka = settings.kafka
    names, clients = Names.of(kafka), KafkaClients(kafka)
    if before == names.generation:
        raise typer.BadParameter(
            f"expected an earlier generation, got {before}, which the settings name", param_hint="--before"
        )
    waiting = sum(each.records for each in lags(clients, names, kafka.request_timeout_seconds))
    found = compare(clients, names, kafka.partitions, before, kafka.request_timeout_seconds)
    if before not in found.generations:
        raise typer.BadParameter(
            f"no journal or statement of generation {before} is on the topics; there are {', '.join(found.generations) or 'none'}",
            param_hint="--before",
        )
    if json:
        write_json(_shape(found, names.generation, waiting))
    else:
        _tables(found, names.generation)
        if waiting:
            say(
                f"\n{waiting:,} records wait for intake or accounting: this is not final, ask again when `milepost lag` has none"
            )
    return bool(found.journal_differences or found.statement_differences)


def _tables(found: GenerationComparison, ours: str) -> None:
    journals = len({each.journal_id for each in found.journal_differences})
    echo(
        f"{found.journals:,} journals of generation {found.before}: {journals:,} stand otherwise in generation {ours} or are gone; "
        f"{len(found.new_journals):,} are new there\n"
        f"{found.statements:,} statements: {len(found.statement_differences):,} stand otherwise or are gone; "
        f"{len(found.new_statements):,} are new"
    )
    to_post = [_journal_row(each) for each in found.journal_differences]
    to_ask = [_statement_row(each) for each in found.statement_differences]
    for title, head, rows, right in (
        ("To post, in transaction currency; credits are below zero", JOURNAL_HEAD, to_post, {5, 6, 7}),
        ("To ask customers for, or to credit where it is below zero", STATEMENT_HEAD, to_ask, {3, 4, 5}),
    ):
        if rows:
            echo()
            show(Table(title, _head(head, found.before, ours), rows, frozenset(right)))
    if not to_post and not to_ask:
        say("\nReceivers that drop the ids they know have nothing to do")


def _head(titles: Sequence[str], before: str, ours: str) -> tuple[str, ...]:
    names = iter((before, ours))
    return tuple(title.format(next(names)) if "{}" in title else title for title in titles)


def _journal_row(each: AccountDifference) -> tuple[str, ...]:
    at = each.at
    amounts = map(amount_text, (each.before, each.after, each.to_post))
    return each.journal_id, f"{at.accounting_date}", at.account, at.project_id, at.currency, *amounts


def _statement_row(each: StatementDifference) -> tuple[str, ...]:
    was, now = each.before, each.after
    due = now.amount_due if now is not None else 0
    status = was.status if now is not None and now.status == was.status else f"{was.status}, {_status(now)}"
    return each.statement_id, status, was.currency, *map(amount_text, (was.amount_due, due, due - was.amount_due))


def _status(now: StatementDemand | None) -> str:
    return "gone" if now is None else now.status


def _shape(found: GenerationComparison, ours: str, waiting: int) -> dict[str, Any]:
    """Amounts in text, with four decimals at most."""
    return shape(
        1,
        before=found.before,
        generation=ours,
        records_waiting=waiting,
        journals=found.journals,
        statements=found.statements,
        new_journals=found.new_journals,
        new_statements=found.new_statements,
        to_post=[
            {
                "journal_id": each.journal_id,
                **each.at._asdict(),
                "dimensions": dict(each.at.dimensions),
                "before": _exact(each.before),
                "after": _exact(each.after),
                "to_post": _exact(each.to_post),
                "ledger_to_post": _exact(each.ledger_to_post),
            }
            for each in found.journal_differences
        ],
        to_ask=[
            {
                "statement_id": each.statement_id,
                "before": _figures(each.before),
                "after": None if each.after is None else _figures(each.after),
            }
            for each in found.statement_differences
        ],
    )


def _figures(asked: StatementDemand) -> dict[str, object]:
    return {
        "status": asked.status,
        "currency": asked.currency,
        "lines": len(asked.lines),
        **{name: _exact(getattr(asked, name)) for name in ("total", "amount_due", "tax")},
    }


def _exact(amount: int | None) -> str | None:
    return None if amount is None else format_amount(amount)
