"""`milepost reconcile`: what was posted beside what the ERPs hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.money import format_amount
from milepost import exit_codes
from milepost.commands.given_settings import NONE_GIVEN, GivenSettings
from milepost.console import amount_text, echo, money_text, no_formula, say, shape, shell_word, tell, write_json
from milepost.delivery.accounts_given import DEFAULT, AccountsFile, given_accounts
from milepost.options import Json, Output, one_form
from milepost.tables import Table, csv_text, show

if TYPE_CHECKING:
    from datetime import date

    from connectors.accounts_file import Accounts
    from connectors.files.delivered import DeliveredFolder
    from domain.delivery.reconciled import Reconciled
    from domain.delivery.sold import Sold
    from domain.events.common import LedgerDifference
    from milepost.delivery.absent_shown import Lacking
    from milepost.settings import Settings

WHAT_TO_DO = "docs/reconciliation.md says by cause what to do"
SUMS = ("count", "debits", "credits", "digest")
CSV_COLUMNS = (
    *("section", "legal_entity_id", "period", "account", "currency"),
    *(f"{side}_{name}" for side in ("ours", "theirs") for name in SUMS),
    *("key", "cause", "amount", "journals", "message"),
)
# Money of revenue, statements and invoices by the names of its columns.
SOLD = {
    "recognised": "recognised",
    "billed": "billed",
    "credits, deposits": "not_of_work",
    "to bill": "to_bill",
    "retained or deposit": "withheld",
    "invoiced": "invoiced",
    "to invoice": "to_invoice",
}


def reconcile(
    output: Output,
    accounts: AccountsFile = DEFAULT,
    input_dir: Annotated[
        Path | None, typer.Option("--input", help="Its input folder; without it `input` beside the output.")
    ] = None,
    entity: Annotated[str | None, typer.Option("--entity", help="One company; without it all.")] = None,
    period: Annotated[
        str | None, typer.Option("--period", "--for", help="Such as 2026-03; without it all that the ERP has.")
    ] = None,
    kafka: Annotated[
        bool,
        typer.Option("--kafka", help="Send it to the topic; --output is a folder that `verify --kafka --keep` keeps."),
    ] = False,
    given: GivenSettings = NONE_GIVEN,
    look: Annotated[bool, typer.Option("--look", help="Only show it; the next run hears nothing of it.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV, one row an account or difference.")] = False,
    json: Json = False,
) -> None:
    """Compare what was posted with the ERP's ledger, by company, period, account and currency.

    Each difference is listed by key with its likely cause, and the next run raises it as an exception, or closes it when it is gone.
    Ends with 3 where there is a difference that nobody has accepted: resolved as an exception, and found again as it was.
    """
    from connectors.files.delivered import read_delivered
    from domain.delivery.absent_invoices import absent_invoices
    from milepost.days import instant_day
    from milepost.deciding import beside, found_at, input_folder
    from milepost.delivery import absent_shown
    from milepost.delivery.accepted_differences import accepted_of

    if kafka and input_dir is not None:
        raise typer.BadParameter("expected it or --kafka, got both", param_hint="--input")
    one_form(csv=as_csv, json=json)
    known = given_accounts(accounts)
    if entity is not None and entity not in known.charts:
        raise typer.BadParameter(
            f"expected a company of {accounts}, one of {', '.join(sorted(known.charts))}, got {entity}",
            param_hint="--entity",
        )
    folder = beside(None, output) if input_dir is None else input_folder(input_dir, output)
    delivered = read_delivered(output, folder, known.charts, lines_of(known))
    unread: list[str] = []
    made = list(_compared(known, delivered, entity, period, instant_day(found_at(output)), unread))
    accepted = [accepted_of(output, each) for each in made]
    invoices = [each for chart in known.charts.values() for each in absent_invoices(chart, delivered.billing)]
    lacking = [
        each
        for each in absent_shown.summed(delivered.ledger.absent(), invoices, delivered.calendars)
        if entity in {None, each.legal_entity_id} and period in {None, each.period}
    ]
    sold = [each for each in delivered.revenue.sold(delivered.billing) if entity in {None, each.legal_entity_id}]
    said = "" if look or not made else _said(made, output, folder, given.settings if kafka else None)
    if json:
        figures = [sold_json(each) for each in sold]
        absent = [absent_shown.as_json(each) for each in lacking]
        compared = [as_json(each, lacking, some) for each, some in zip(made, accepted, strict=True)]
        write_json(shape(1, written=said or None, reconciled=compared, not_in_erp=absent, sold=figures))
    elif as_csv:
        echo(csv_text(CSV_COLUMNS, _csv_rows(made)), nl=False)
    else:
        _tell(made, accepted, lacking, sold, is_whole=not unread, look=look)
        if said and not kafka:
            say(f"\nNext: milepost run --input {shell_word(folder)} --output {shell_word(output)}")
    for sentence in unread:
        say(sentence)
    if unread:
        raise typer.Exit(exit_codes.TRY_AGAIN)
    if any(_left(made, accepted)):
        raise typer.Exit(exit_codes.VIOLATION)


def lines_of(accounts: Accounts) -> dict[str, int]:
    """The most lines a journal, by company."""
    from connectors.erp.adapters import opened

    limits = {}
    for name, connection in accounts.erps.items():
        with closing(opened(name, connection)) as erp:
            limits[name] = erp.limits.lines
    return {entity: limits[chart.erp] for entity, chart in accounts.charts.items()}


def _compared(
    accounts: Accounts,
    delivered: DeliveredFolder,
    entity: str | None,
    period: str | None,
    until: date,
    unread: list[str],
) -> Iterator[Reconciled]:
    """Of companies that cannot be compared to the end `unread` says why; the others are. Without a period all up to that day."""
    from connectors.erp.adapter import ErpUnreadable
    from connectors.erp.adapters import opened
    from domain.delivery.reconciled import period_of, periods_of
    from domain.delivery.reconciled import reconcile as compared

    found, calendars = list(delivered.ledger.found()), delivered.calendars
    for company, chart in sorted(accounts.charts.items()):
        if (entity is not None and company != entity) or company not in calendars:
            continue
        with closing(opened(chart.erp, accounts.erps[chart.erp])) as erp:
            billing = delivered.billing if erp.limits.reads_invoices else delivered.billing._replace(invoices={})
            names = [period] if period is not None else periods_of(chart, found, billing, calendars[company], until)
            periods = [within for name in names if (within := period_of(chart, calendars[company], name))]
            if len(periods) < len(names):
                raise typer.BadParameter(
                    f"expected a fiscal year and period such as 2026-03, got {period}", param_hint="--period"
                )
            if (lack := delivered.ledger.lacking.get(company)) is not None:
                unread.append(
                    f"{company}: the ERP has journals that cannot be compared, since the chart has {lack}; "
                    "write it into accounts.toml again"
                )
                continue
            try:
                yield from compared(chart, periods, found, erp.ledger, billing)
            except ErpUnreadable as fault:
                unread.append(f"{company}: {fault}")


def _said(made: Sequence[Reconciled], output: Path, folder: Path, settings: Settings | None) -> str:
    """The file or the topic that has it now."""
    from connectors.files.added_events import add_events
    from connectors.files.delivered import ANSWERS
    from connectors.json_records import record_to_json
    from domain.delivery.reconciled import event_of
    from domain.events.catalogue import TOPICS
    from milepost.days import moment, now
    from milepost.deciding import found_at

    at, version = found_at(output), now()
    events = [{"type": "LedgerReconciled", **record_to_json(event_of(each, at, version))} for each in made]
    if settings is None:
        return str(add_events(folder, ANSWERS, events, moment()))
    from milepost.exceptions.on_kafka import ExceptionTopics

    return ExceptionTopics(settings).send(events, TOPICS["LedgerReconciled"], "legal_entity_id")


# For people


def _left(made: Sequence[Reconciled], accepted: Sequence[Collection[LedgerDifference]]) -> list[list[LedgerDifference]]:
    """What nobody has accepted."""
    return [
        [one for one in each.compared.differences if one not in some] for each, some in zip(made, accepted, strict=True)
    ]


def _tell(
    made: Sequence[Reconciled],
    accepted: Sequence[Collection[LedgerDifference]],
    lacking: Sequence[Lacking],
    sold: Sequence[Sold],
    *,
    is_whole: bool,
    look: bool,
) -> None:
    """Where an ERP could not be read, nothing is said of ledgers as a whole."""
    from milepost.delivery import absent_shown

    if not made and not is_whole:
        return
    tables = [_overview(made, lacking)] if made else []
    for each, some in zip(made, accepted, strict=True):
        if each.compared.differences:
            tables += [_sums(each), _differences(each, some)]
    if lacking:
        tables.append(absent_shown.table(lacking))
    show(*tables, *([_sold(sold)] if made else []))
    verdict = list(_verdict(made, accepted, lacking, is_whole=is_whole, look=look))
    if verdict:
        tell("\n" + "\n".join(verdict))


def _verdict(
    made: Sequence[Reconciled],
    accepted: Sequence[Collection[LedgerDifference]],
    lacking: Sequence[Lacking],
    *,
    is_whole: bool,
    look: bool,
) -> Iterator[str]:
    """What differs, or what agrees, and what was not compared and why; nothing of ledgers that agree as far as they could be read."""
    from domain.counting import counted
    from domain.delivery.standings import REFUSED
    from milepost.delivery.absent_shown import count_text
    from milepost.delivery.delivered_shown import RETRIED

    nothing = [
        f"{each.legal_entity_id} {each.period.name}"
        for each in made
        if not each.compared.sums and not each.compared.agreed
    ]
    differing = [(each, left) for each, left in zip(made, _left(made, accepted), strict=True) if left]
    count = sum(map(len, accepted))
    if differing:
        yield f"{_in_sum(differing)}. {'' if look else 'The next run raises to finance what nobody has resolved. '}{WHAT_TO_DO}"
    elif not is_whole:
        return
    elif not made:
        yield "Nothing was compared: the ERPs have answered nothing yet"
    elif len(nothing) == len(made):
        yield "Nothing was compared: neither ledger has anything posted of ours in these periods"
    else:
        yield f"Both ledgers agree{', but for what is accepted' if count else ''}"
        if nothing:
            yield f"Nothing was compared of {', '.join(nothing)}: neither ledger has anything posted of ours there"
    if count:
        yield f"Accepted, for somebody resolved them as they are: {counted(count, 'difference')}"
    unposted = sum(each.compared.unposted for each in made)
    if unposted:
        yield f"In the ERP and not posted there yet: {counted(unposted, 'document')}"
    if lacking:
        yield f"Not in the ERP yet, for the reasons above: {count_text(lacking)}"
    if any(each.standing == REFUSED for each in lacking):
        yield RETRIED


def _in_sum(differing: Sequence[tuple[Reconciled, Sequence[LedgerDifference]]]) -> str:
    from collections import Counter

    from domain.counting import counted
    from domain.delivery.reconciliation import MORE

    found = [one for _, left in differing for one in left]
    money: Counter[str] = Counter()
    for one in found:
        money[one.currency] += abs(one.amount)
    companies = counted(len({each.legal_entity_id for each, _ in differing}), "company", "companies")
    more = "more than " if any(one.cause == MORE for one in found) else ""
    count = counted(sum(one.cause != MORE for one in found), "difference")
    return f"Found {more}{count} in {companies}, {money_text(money)} in all"


def _overview(made: Sequence[Reconciled], lacking: Sequence[Lacking]) -> Table:
    from milepost.delivery.absent_shown import rejected, to_send

    rows = []
    for each in made:
        place = (each.legal_entity_id, each.period.name)
        compared = each.compared
        figures = (
            *(compared.agreed, len(compared.differences), compared.unposted),
            *(to_send(lacking, *place), rejected(lacking, *place)),
        )
        rows.append((*place, each.erp, *(f"{number:,}" for number in figures)))
    columns = ("company", "period", "ERP account", "agree", "differences", "to post there", "to send", "rejected")
    return Table(
        "Documents on both sides; journals and invoices to send and rejected", columns, rows, frozenset(range(3, 8))
    )


def _sums(each: Reconciled) -> Table:
    rows = [
        (
            *(one.account, one.currency),
            *(f"{one.ours_count:,}", amount_text(one.ours_debits), amount_text(one.ours_credits)),
            *(f"{one.theirs_count:,}", amount_text(one.theirs_debits), amount_text(one.theirs_credits)),
            "equal" if one[2:6] == one[6:10] else "differs",
        )
        for one in each.compared.sums
    ]
    columns = ("account", "currency", "ours", "debits", "credits", "ERP's", "debits", "credits", "")
    return Table(
        f"Accounts of the ERP, {each.legal_entity_id} {each.period.name}", columns, rows, frozenset(range(2, 8))
    )


def _differences(each: Reconciled, accepted: Collection[LedgerDifference]) -> Table:
    rows = [
        (
            one.key,
            one.cause.replace("_", " "),
            amount_text(one.amount),
            one.currency,
            f"{len(one.journals):,}",
            f"{'accepted: ' if one in accepted else ''}{one.message}",
        )
        for one in each.compared.differences
    ]
    columns = ("key", "likely cause", "money", "currency", "journals", "what")
    return Table(f"Differences, {each.legal_entity_id} {each.period.name}", columns, rows, frozenset({2, 4}))


def _sold(sold: Sequence[Sold]) -> Table:
    rows = [
        (
            *(each.legal_entity_id, each.currency),
            *(amount_text(getattr(each, name)) for name in SOLD.values()),
            f"{each.differing:,}",
        )
        for each in sold
    ]
    columns = ("company", "currency", *SOLD, "invoices that differ")
    return Table("Revenue, statements and invoices so far, net of tax", columns, rows, frozenset(range(2, 10)))


# For machines


def as_json(each: Reconciled, lacking: Sequence[Lacking], accepted: Collection[LedgerDifference]) -> dict[str, Any]:
    """Version 1 of the shape; amounts are decimals as text; `to_send` and `rejected` are journals and invoices."""
    from milepost.delivery.absent_shown import rejected, to_send

    place = (each.legal_entity_id, each.period.name)
    return {
        "legal_entity_id": each.legal_entity_id,
        "period": each.period.name,
        "erp": each.erp,
        "agreed": each.compared.agreed,
        "to_post_there": each.compared.unposted,
        "to_send": to_send(lacking, *place),
        "rejected": rejected(lacking, *place),
        "sums": [
            {
                "account": one.account,
                "currency": one.currency,
                "ours": dict(zip(SUMS, _figures(one[2:6]), strict=True)),
                "theirs": dict(zip(SUMS, _figures(one[6:10]), strict=True)),
            }
            for one in each.compared.sums
        ],
        "differences": [
            {
                **one._asdict(),
                "amount": format_amount(one.amount),
                "journals": list(one.journals),
                "accepted": one in accepted,
            }
            for one in each.compared.differences
        ],
    }


def sold_json(each: Sold) -> dict[str, Any]:
    return {
        "legal_entity_id": each.legal_entity_id,
        "currency": each.currency,
        **{name: format_amount(getattr(each, name)) for name in SOLD.values()},
        "invoices_that_differ": each.differing,
    }


def _figures(side: Sequence[Any]) -> tuple[Any, ...]:
    count, debits, credits_, digest = side
    return count, format_amount(debits), format_amount(credits_), digest


def _csv_rows(made: Sequence[Reconciled]) -> Iterator[Sequence[object]]:
    for each in made:
        head = (no_formula(each.legal_entity_id), each.period.name)
        for one in each.compared.sums:
            figures = (*_figures(one[2:6]), *_figures(one[6:10]))
            yield "sum", *head, no_formula(one.account), one.currency, *figures, "", "", "", "", ""
        for found in each.compared.differences:
            told = (
                no_formula(found.key),
                found.cause,
                format_amount(found.amount),
                " ".join(found.journals),
                no_formula(found.message),
            )
            yield "difference", *head, no_formula(found.account), found.currency, *[""] * 8, *told
