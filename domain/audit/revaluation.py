"""What is revalued at a period's end is worth its amount at the journal's rate then, and stands on 7100 alone (R55, R56)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date

from domain.accounts import UNAPPLIED_CASH
from domain.audit.engagement import AuditedEngagement, records
from domain.audit.findings import LEDGER_REST, Checked, SeenOutput, Violation, violation
from domain.capabilities import UNREALISED
from domain.ledger.revaluation import ACCOUNTS, RULE
from domain.money import HALF_UP, convert, format_amount, smallest_unit
from domain.outputs import JournalEntry, JournalLine
from domain.units import EXCHANGE_RATE_ONE, Amount

# Company, currency, account, contract, project.
Key = tuple[str, str, str, str, str]


def revalued(engagement: AuditedEngagement) -> Checked:
    """Each balance when it is revalued, as of the journal's date; of one that is posted after its period only that its lines are of the
    rule."""
    amounts: dict[Key, Counter[date]] = {}
    ledgers: dict[Key, Counter[date]] = {}
    found: list[Violation] = []
    count = 0
    for seen, journal in records(engagement.outputs, JournalEntry):
        if journal.currency == journal.ledger_currency:
            continue
        keys = [_key(journal, line) for line in journal.lines]
        for key, line in zip(keys, journal.lines, strict=True):
            if line.account in ACCOUNTS:
                amounts.setdefault(key, Counter())[journal.accounting_date] += line.amount
                ledgers.setdefault(key, Counter())[journal.accounting_date] += line.ledger_amount
        if not journal.rule.startswith(RULE):
            continue
        count += 1
        found += _moves_ledger_alone(seen, journal)
        name, *more = journal.rule.removeprefix(RULE).split("/")
        if "settled" not in more and journal.reverses is None and journal.period == name:
            for key in keys:
                if key in amounts:
                    found += _worth(seen, journal, key, amounts[key], ledgers[key])
    return Checked(LEDGER_REST, count, tuple(found))


def _key(journal: JournalEntry, line: JournalLine) -> Key:
    of = ("", "") if line.account == UNAPPLIED_CASH else (journal.contract_id or "", line.project_id or "")
    return journal.legal_entity_id, journal.currency, line.account, *of


def _moves_ledger_alone(seen: SeenOutput, journal: JournalEntry) -> Iterator[Violation]:
    for line in journal.lines:
        if line.amount or line.account not in ACCOUNTS | {UNREALISED}:
            expected = f"ledger amounts alone, on {UNREALISED} and what is revalued"
            got = f"{line.account} {format_amount(line.amount)} {journal.currency}"
            yield violation(LEDGER_REST, seen, journal.journal_id, expected, got)


def _worth(
    seen: SeenOutput, journal: JournalEntry, key: Key, amounts: Counter[date], ledgers: Counter[date]
) -> Iterator[Violation]:
    day, currency = journal.accounting_date, journal.ledger_currency
    amount: Amount = sum(each for on, each in amounts.items() if on <= day)
    ledger: Amount = sum(each for on, each in ledgers.items() if on <= day)
    worth = convert(amount, journal.exchange_rate, EXCHANGE_RATE_ONE, currency, HALF_UP)
    if abs(worth - ledger) > smallest_unit(currency):
        expected = (
            f"{key[2]} at {format_amount(worth)} {currency}, {format_amount(amount)} {journal.currency} at the rate"
        )
        yield violation(LEDGER_REST, seen, journal.journal_id, expected, format_amount(ledger))
