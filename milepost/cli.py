"""The command `milepost`: every verb, an example of it, and what comes next."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from textwrap import fill
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand

from connectors.imports.products.product import CLOCKIFY, HARVEST, KIMAI, SOLIDTIME, TOGGL
from milepost.as_of import looking_back
from milepost.commands import (
    accounts,
    between,
    contract,
    contract_sign,
    dead_letters,
    deliver,
    doctor,
    dump,
    exceptions,
    explain,
    forecast,
    glance,
    import_,
    import_balances,
    import_contracts,
    import_exports,
    invoice,
    lag,
    ledger,
    log,
    mending,
    payment,
    payment_application,
    period,
    period_certificate,
    period_check,
    reconcile,
    revenue,
    run,
    schemas,
    serve,
    settings,
    show,
    statement,
    statement_decision,
    status,
    topics,
    verify,
    view,
    whatif,
)
from milepost.console import HELP_WIDTH, echo, fitted
from milepost.folders import said_once
from milepost.for_period import forecast_for, show_for
from milepost.verb_groups import GroupedVerbs, ShowingGroup, help_
from state.rules import RULES_VERSION

PLAIN: Final[dict[str, Any]] = {
    "no_args_is_help": True,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 110},
}
# The made-up firm stays out of images.
HAS_SIMULATION: Final = find_spec("simulation") is not None
FIRST: Final = (
    ("milepost simulate --out build/try/input", "milepost run --input build/try/input --output build/try/output")
    if HAS_SIMULATION
    else ("milepost settings show --origin", "milepost doctor")
)
BEGIN: Final = "\n  ".join(("\b\nTo begin:", *FIRST))
# As in pyproject.toml; it is run from its folder too, where no package of it is installed.
VERSION: Final = "0.1.0"

app = typer.Typer(
    name="milepost", cls=GroupedVerbs, epilog="`milepost help exit-codes` says what each exit code means.", **PLAIN
)
imports = typer.Typer(name="import", help="Turn files of other systems into events.", **PLAIN)
released = typer.Typer(name="schemas", help="The public contract: schemas of events and outputs.", **PLAIN)

stated = typer.Typer(
    name="statement",
    cls=ShowingGroup,
    help="Show statements; approve or return drafts.\n\n`milepost statement ID` shows one.",
    **PLAIN,
)
invoiced = typer.Typer(name="invoice", help="Invoices of statements that are posted elsewhere.", **PLAIN)
paid = typer.Typer(name="payment", help="What customers have paid.", **PLAIN)
agreed = typer.Typer(name="contract", help="Contracts signed and amended, with their effects first.", **PLAIN)
booked = typer.Typer(name="period", help="Accounting periods: closed, open again.", **PLAIN)
adjusted = typer.Typer(name="revenue", help="Revenue that is adjusted by hand.", **PLAIN)
waiting = typer.Typer(name="exceptions", help="What waits for somebody, and decisions about it.", **PLAIN)
unread = typer.Typer(name="dead-letters", help="What could not be read, and sending it again.", **PLAIN)
serving = typer.Typer(name="serve", help="The processes that work on Kafka.", **PLAIN)
kept_log = typer.Typer(name="log", help="Copies of the engagement log.", **PLAIN)
in_redis = typer.Typer(name="view", help="What Redis holds of the projects.", **PLAIN)
on_brokers = typer.Typer(name="topics", help="The topics: missing ones, wrong settings.", **PLAIN)
charted = typer.Typer(name="accounts", help="Where journals and invoices go in the ERPs.", **PLAIN)
configured = typer.Typer(name="settings", help="Which settings hold, and where they come from.", **PLAIN)


def tell_version(asked: bool) -> None:
    if asked:
        echo(f"milepost {VERSION}, rules {RULES_VERSION}")
        raise typer.Exit


@app.callback(help=f"Turns contracts and approved time into postings, statements and forecasts.\n\n{BEGIN}")
def milepost(
    debug: Annotated[bool, typer.Option("--debug", help="Show where a fault came from.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=tell_version, is_eager=True, help="Show the version and that of the rules."),
    ] = False,
) -> None: ...


def mount(
    name: str,
    verb: Callable[..., None],
    short: str,
    example: str,
    then: str,
    on: typer.Typer = app,
    *,
    has_folders: bool = True,
    of: type[TyperCommand] | None = None,
) -> None:
    """Its docstring is its purpose; `short` stands in the list of commands, under the group of `verb_groups`.

    Without `has_folders` its options alone name folders, never the settings.
    """
    purpose = (verb.__doc__ or "").strip()
    shown = f"{purpose}\n\n\b\nExample:\n{fitted(f'  {example}', HELP_WIDTH)}\n\n\b\nNext:\n{_next(then)}"
    on.command(name, cls=of, help=shown, short_help=short)(said_once(verb, has_folders=has_folders))


def _next(then: str) -> str:
    """A command for a shell, or several things in words."""
    if ", " in then or "; " in then or " on " in then:
        return fill(then, HELP_WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    return fitted(f"  {then}", HELP_WIDTH)


if HAS_SIMULATION:
    from milepost.commands import simulate, simulate_erp

    mount(
        "simulate",
        simulate.simulate,
        "Make up a consulting firm and write its events.",
        example="milepost simulate --seed 7 --people 60 --projects 40 --months 3 --out build/try/input",
        then="milepost run --input build/try/input --output build/try/output",
        has_folders=False,
    )
    mount(
        "simulate-invoices",
        simulate.simulate_invoices,
        "Answer the statements of a run as an ERP would.",
        example="milepost simulate-invoices --output build/try/output --input build/try/input",
        then="milepost run --input build/try/input --output build/try/output",
        has_folders=False,
    )
    mount(
        "simulate-erp",
        simulate_erp.simulate_erp,
        "Be an ERP that keeps books and behaves badly.",
        example="milepost simulate-erp --kind netsuite --folder build/try/erp --trouble lost=30 --trouble throttled=10",
        then="deliver to it with the accounts.toml that it writes; GET /simulated/ledger shows its books",
        has_folders=False,
    )
app.add_typer(imports)
mount(
    "csv",
    import_.import_csv,
    "Time from any CSV export.",
    example="milepost import csv hours.csv --map docs/mappings/harvest.toml --out books/input",
    then="milepost run --input books/input --output books/output",
    on=imports,
)
mount(
    "balances",
    import_balances.import_balances,
    "Where running projects stand, to begin while they run.",
    example="milepost import balances balances.csv --map docs/mappings/balances.toml --out books/input",
    then="milepost run, and milepost ledger --against the old ledger's balances",
    on=imports,
)
mount(
    "contracts",
    import_contracts.import_contracts,
    "Contracts with their terms, customers, people and projects.",
    example="milepost import contracts contracts.csv --map docs/mappings/contracts.toml --since 2026-06-30 --out books/input",
    then="milepost import balances, where projects run already; milepost run",
    on=imports,
)
mount(
    "ecb",
    import_.import_ecb,
    "Exchange rates of the European Central Bank.",
    example="milepost import ecb eurofxref-hist.zip --from 2026-01-01 --currencies USD,GBP --out books/input",
    then="milepost run --input books/input --output books/output",
    on=imports,
)
for product in (HARVEST, TOGGL, CLOCKIFY, SOLIDTIME, KIMAI):
    mount(
        product.key,
        import_exports.verb(product),
        f"Time from the detailed export of {product.title}.",
        example=f"milepost import {product.key} {'export.zip' if product is SOLIDTIME else 'hours.csv'} --out books/input"
        " --bootstrap --entity studio --currency EUR --zone Europe/Berlin",
        then="milepost run --input books/input --output books/output",
        on=imports,
    )
mount(
    "auto",
    import_exports.verb(None),
    "Time from whichever of these the header names.",
    example="milepost import auto hours.csv --out books/input",
    then="milepost run --input books/input --output books/output",
    on=imports,
)
mount(
    "run",
    run.run,
    "Account for what is new in a folder of events.",
    example="milepost run --input build/try/input --output build/try/output --until 2026-04-30",
    then="milepost ledger --output build/try/output",
)
mount(
    "projects",
    glance.at_a_glance(glance.projects),
    "Each project: budget, margin, unbilled, forecast.",
    example="milepost projects --open --sort unbilled --output build/try/output",
    then="milepost show on a project, or the same with --xlsx projects.xlsx",
)
mount(
    "clients",
    glance.at_a_glance(glance.clients),
    "Each client: revenue, unbilled, owed, overdue.",
    example="milepost clients --sort owed --output build/try/output",
    then="milepost receivables --client C-00001 --output build/try/output",
)
mount(
    "receivables",
    glance.at_a_glance(glance.receivables),
    "What customers owe, by invoice and age.",
    example="milepost receivables --sort days_overdue --output build/try/output",
    then="milepost explain on an invoice that it names",
)
mount(
    "unbilled",
    glance.at_a_glance(glance.unbilled),
    "What is earned and not invoiced, and why.",
    example="milepost unbilled --as-of 2026-02-28 --output build/try/output",
    then="approve, release or request what waits; milepost run, which cuts statements as days end",
)
mount(
    "prepaid",
    glance.at_a_glance(glance.prepaid),
    "Retainers and deposits: granted, used, left.",
    example="milepost prepaid --since 2026-01-01 --output build/try/output",
    then="milepost explain on an id that --json or a page names",
)
mount(
    "people",
    glance.at_a_glance(glance.people),
    "Hours, billable share, cost and capacity.",
    example="milepost people --from 2026-02 --to 2026-02 --output build/try/output",
    then="the same with --by-project, or --csv people.csv",
)
mount(
    "show",
    looking_back(show.show, "id_", show_for),
    "Explain a project, a contract group or a statement.",
    example="milepost show PRJ-00004 --output build/try/output",
    then="milepost show on a statement that it names, or milepost forecast PRJ-00004 --output build/try/output",
)
mount(
    "explain",
    explain.explain,
    "Show why a figure is what it is, down to the events.",
    example="milepost explain PRJ-00004#accrued --output build/try/output",
    then="milepost explain on any id that it shows; --html FILE for a page to click through",
)
app.add_typer(stated)
mount(
    "show",
    looking_back(statement.statement),
    "One as the customer gets it; without an id all.",
    example="milepost statement show K-00003.K-00003/C-00001/2026-02-16/1 --html statement.html --locale de_DE --output build/small/output",
    then="open the page and print it; or the same with --group-by week, --no-names, or --diff previous",
    on=stated,
)
mount(
    "approve",
    statement_decision.approve,
    "Approve drafts, which issues them.",
    example="milepost statement approve K-00003.K-00003/C-00001/2026-02-16/1 --as ben --output build/small/output",
    then="milepost run, which issues them",
    on=stated,
)
mount(
    "return",
    statement_decision.return_,
    "Return drafts, with what is to be corrected.",
    example="milepost statement return K-00003.K-00003/C-00001/2026-02-16/1 --reason 'hours of 3 March' --output build/small/output",
    then="correct the work; milepost run, which drafts the next revision",
    on=stated,
)
app.add_typer(invoiced)
mount(
    "mark",
    invoice.mark,
    "Say that a statement's invoice is posted.",
    example="milepost invoice mark K-00003.K-00003/C-00001/2026-02-16/1 --posted-on 2026-03-02 --output build/small/output",
    then="milepost run, which books what is owed",
    on=invoiced,
)
app.add_typer(paid)
mount(
    "add",
    payment.add,
    "Say that a customer has paid.",
    example="milepost payment add C-00001 1190.00 EUR --on 2026-03-20 --oldest --output build/try/output",
    then="milepost run, which books the cash",
    on=paid,
)
mount(
    "apply",
    payment_application.apply,
    "Say which invoices a payment is for.",
    example="milepost payment apply PAY-000001 --for INV-000042 --output build/try/output",
    then="milepost run, then milepost receivables",
    on=paid,
)
app.add_typer(agreed)
mount(
    "sign",
    contract_sign.sign,
    "Sign a contract from a file, after a look at what it does.",
    example="milepost contract sign contract.toml --output build/try/output",
    then="milepost run, which takes the contract in",
    on=agreed,
)
mount(
    "amend",
    contract.amend,
    "Change the terms, after a look at what that does.",
    example="milepost contract amend K-00003 --effective-on 2026-04-01 --set lines[0].cost_budget=9000 --reason 'new scope' "
    "--approved-by ben --output build/try/output",
    then="milepost run, which takes the new terms in",
    on=agreed,
)
app.add_typer(adjusted)
mount(
    "adjust",
    revenue.adjust,
    "Add to what a contract line earned, or take away.",
    example="milepost revenue adjust K-00003 1 1000.00 --on 2026-03-31 --reverse-on 2026-04-01 --reason 'bonus for March' "
    "--approved-by ben --output build/try/output",
    then="milepost run, which posts it",
    on=adjusted,
    of=revenue.SignedAmounts,
)
app.add_typer(booked)
mount(
    "list",
    glance.at_a_glance(glance.periods),
    "Which are closed, since when, and by whom.",
    example="milepost period list --company LE-DE --output build/try/output",
    then="milepost period close, or milepost period reopen",
    on=booked,
)
mount(
    "check",
    period_check.check,
    "What is open before one closes, and what mends it.",
    example="milepost period check LE-DE 2026-02 --output build/try/output",
    then="milepost period close, which checks it again",
    on=booked,
)
mount(
    "close",
    period.close,
    "Later work is posted on the next open day.",
    example="milepost period close LE-DE 2026-02 --reason 'February is reported' --approved-by ben --output build/try/output",
    then="milepost run, which closes it",
    on=booked,
)
mount(
    "reopen",
    period.reopen,
    "What comes later may take its days again.",
    example="milepost period reopen LE-DE 2026-01 --reason 'late invoice of the auditor' --approved-by ben --output build/try/output",
    then="milepost run, which opens it",
    on=booked,
)
mount(
    "certificate",
    period_certificate.certificate,
    "What a close certified, to be recomputed anywhere.",
    example="milepost period certificate LE-DE 2026-01 --out build/try/2026-01.json --output build/try/output",
    then="milepost verify --certificate build/try/2026-01.json --output build/try/output",
    on=booked,
)
mount(
    "forecast",
    looking_back(forecast.forecast, "project_id", forecast_for),
    "Show where a project is heading, and why that changed.",
    example="milepost forecast PRJ-00004 --since 2026-02-15 --output build/try/output",
    then="the same with --html forecast.html for a page with charts",
)
mount(
    "ledger",
    looking_back(ledger.ledger),
    "Show trial balance and roll-forwards of a company.",
    example="milepost ledger --entity LE-DE --period 2026-02 --output build/try/output",
    then="the same with --csv for a spreadsheet, or milepost verify --output build/try/output",
)
app.add_typer(waiting)
mount(
    "list",
    looking_back(exceptions.list_),
    "Exceptions by cause, with the money at risk.",
    example="milepost exceptions list --kind no_rate --output build/try/output",
    then="milepost exceptions show on one of them, or assign, waive and resend",
    on=waiting,
)
mount(
    "show",
    looking_back(exceptions.show),
    "One with its fact, its history and its way out.",
    example="milepost exceptions show PRJ-00004.1f0c2a9b77d1e2f300112233 --output build/try/output",
    then="send what is missing, milepost exceptions resend what is wrong, or waive it",
    on=waiting,
)
mount(
    "assign",
    exceptions.assign,
    "Say who takes care of exceptions.",
    example="milepost exceptions assign --kind no_rate --to ann --yes --output build/try/output",
    then="milepost run, which names the person in each exception",
    on=waiting,
)
mount(
    "resolve",
    exceptions.resolve,
    "Say that exceptions are settled outside.",
    example="milepost exceptions resolve --kind over_cap --reason 'agreed' --approved-by ben --output build/try/output",
    then="milepost run, which closes them, and raises again what is still missing",
    on=waiting,
)
mount(
    "waive",
    exceptions.waive,
    "Let faults pass, such as too many hours.",
    example="milepost exceptions waive PRJ-00004.1f0c2a9b77d1e2f300112233 --reason 'on call' --approved-by ben "
    "--output build/try/output",
    then="milepost run, which posts what waited",
    on=waiting,
)
mount(
    "resend",
    exceptions.resend,
    "Send its fact again, corrected.",
    example="milepost exceptions resend PRJ-00004.1f0c2a9b77d1e2f300112233 --set hours=8 --approved-by ben "
    "--output build/try/output",
    then="milepost run, which reverses what was posted and posts what is right",
    on=waiting,
)
app.add_typer(unread)
mount(
    "list",
    dead_letters.list_,
    "What could not be read, by reason.",
    example="milepost dead-letters list --type TimeApproved --output build/try/output",
    then="milepost dead-letters show on one of them",
    on=unread,
)
mount(
    "show",
    dead_letters.show,
    "One message as it came, and what is wrong.",
    example="milepost dead-letters show time.jsonl:17 --output build/try/output",
    then="milepost dead-letters resend, with what is right",
    on=unread,
)
mount(
    "resend",
    dead_letters.resend,
    "Send them again, put right.",
    example="milepost dead-letters resend time.jsonl:17 --set worked_on=2026-03-04 --output build/try/output",
    then="milepost run, which takes the new event in",
    on=unread,
)
mount(
    "between",
    between.between,
    "Show what came between two moments, and what it moved.",
    example="milepost between 2026-02-28 2026-03-31 --output build/try/output",
    then="milepost explain on any id that it shows, or milepost ledger --as-of either day",
)
mount(
    "whatif",
    whatif.whatif,
    "Show what events would do if they came next.",
    example="milepost whatif --output build/try/output --change change.jsonl --on 2026-03-31",
    then="send the event, if it is what was wanted, and milepost run; or change it and ask again",
)
mount(
    "dump",
    dump.dump,
    "Print any output as lines, for people or as JSON.",
    example="milepost dump exceptions --json --output build/try/output",
    then="milepost show on what it names; jq, or any tool that reads JSON lines",
    has_folders=False,
)
mount(
    "verify",
    verify.verify,
    "Audit an output folder.",
    example="milepost verify --output build/try/output",
    then="deliver; or, where something does not hold, keep the folder as it is and look at what is named",
)
mount(
    "reconcile",
    reconcile.reconcile,
    "Compare what was posted with the ERP's ledger.",
    example="milepost reconcile --entity LE-DE --period 2026-02 --accounts accounts.toml --output build/try/output",
    then="milepost run, which raises what differs as exceptions and closes those that are gone",
)
mount(
    "deliver",
    deliver.deliver,
    "Send journals and invoices to the ERPs, each once.",
    example="milepost deliver --output build/try/output --accounts accounts.toml",
    then="milepost run, which takes the answers in; milepost reconcile",
)
app.add_typer(charted)
mount(
    "new",
    accounts.new,
    "A beginning of accounts.toml, of what a run used.",
    example="milepost accounts new --kind netsuite --output build/try/output > accounts.toml",
    then="fill in the ERP's accounts; milepost accounts check --output build/try/output",
    on=charted,
)
mount(
    "check",
    accounts.check,
    "Whether accounts.toml has a place for all that was posted.",
    example="milepost accounts check --accounts accounts.toml --output build/try/output",
    then="write what is missing under the table that is named; then deliver",
    on=charted,
    has_folders=False,
)
app.add_typer(released)
mount(
    "check",
    schemas.check,
    "Compare the schemas with what was released.",
    example="milepost schemas check --json",
    then="mend what it names, or milepost schemas freeze where the change is meant",
    on=released,
)
mount(
    "freeze",
    schemas.freeze,
    "Release today's schemas as new versions.",
    example="milepost schemas freeze",
    then="commit the files in schemas/avro/history",
    on=released,
)
mount(
    "register",
    schemas.register,
    "Register the schemas in a schema registry.",
    example="milepost schemas register --dry-run --set registry.url=http://127.0.0.1:8081/apis/ccompat/v7",
    then="the same without --dry-run; then milepost schemas ids",
    on=released,
)
mount(
    "ids",
    schemas.ids,
    "Show the id of each schema on topics.",
    example="milepost schemas ids --set registry.fixed_ids=true",
    then="milepost schemas register, where one has no id",
    on=released,
)
app.add_typer(on_brokers)
mount(
    "list",
    topics.list_,
    "What each topic is for, and who writes and reads it.",
    example="milepost topics list --set kafka.partitions=4",
    then="milepost topics create --dry-run",
    on=on_brokers,
)
mount(
    "create",
    topics.create,
    "Make the topics that are missing.",
    example="milepost topics create --dry-run --set kafka.development=true",
    then="milepost topics check",
    on=on_brokers,
)
mount(
    "check",
    topics.check,
    "Compare topics with what they must be.",
    example="milepost topics check --json",
    then="change what it names with the tools of the brokers",
    on=on_brokers,
)
app.add_typer(configured)
mount(
    "show",
    settings.show,
    "The settings that hold.",
    example="milepost settings show --origin",
    then="milepost doctor",
    on=configured,
)
mount(
    "schema",
    settings.schema,
    "The JSON Schema of the settings file.",
    example="milepost settings schema > milepost.schema.json",
    then="#:schema milepost.schema.json as the first line of milepost.toml, for editors",
    on=configured,
)
mount(
    "doctor",
    doctor.doctor,
    "See what can be reached, and what to do.",
    example="milepost doctor --set kafka.development=true",
    then="what it says, from the top: later lines often follow from earlier ones",
)
mount(
    "help",
    help_,
    "What a command does; what exit codes say.",
    example="milepost help exit-codes",
    then="milepost --help lists all commands",
)
app.add_typer(serving)
mount(
    "intake",
    serve.intake,
    "Take the events of the topics into the log.",
    example="milepost serve intake --set kafka.brokers=127.0.0.1:9092",
    then="milepost serve accounting --all-shards",
    on=serving,
)
mount(
    "accounting",
    serve.accounting,
    "Process the engagement log, until it is asked to stop.",
    example="milepost serve accounting --ordinal 0 --of 4",
    then="milepost doctor, where it does not start; docs/operations.md says what to do where it stops",
    on=serving,
)
mount(
    "view",
    serve.view,
    "Keep the newest views of projects in Redis.",
    example="milepost serve view --set redis.url=redis://127.0.0.1:6379/0",
    then="milepost doctor, where it waits: it says whether Redis answers",
    on=serving,
)
mount(
    "delivery",
    serve.delivery,
    "Deliver journals and statements to an ERP account.",
    example="milepost serve delivery --erp books --set delivery.accounts=accounts.toml",
    then="milepost doctor --for delivery, where nothing arrives; milepost status shows what waits",
    on=serving,
)
app.add_typer(kept_log)
mount(
    "export",
    log.export,
    "Copy the engagement log into files.",
    example="milepost log export --out backup/2026-03-31",
    then="keep the folder where no broker stores anything; milepost log import, should the log be lost",
    on=kept_log,
)
mount(
    "import",
    log.import_,
    "Make a log again from a copy.",
    example="milepost log import --in backup/2026-03-31 --set kafka.generation=2",
    then="milepost serve intake, then milepost serve accounting, with the same generation; then milepost log compare",
    on=kept_log,
)
mount(
    "compare",
    log.compare,
    "What receivers have to post after an import.",
    example="milepost log compare --before 1 --set kafka.generation=2",
    then="post what it says, with your own journal; nothing of it comes on the topics",
    on=kept_log,
)
app.add_typer(in_redis)
mount(
    "rebuild",
    view.rebuild,
    "Empty Redis and fill it again from the topic.",
    example="milepost view rebuild --set redis.url=redis://127.0.0.1:6379/0",
    then="milepost show PROJECT --from redis",
    on=in_redis,
)
mount(
    "repair",
    mending.repair,
    "Write the outputs that a shard has lost.",
    example="milepost repair --shard 3 --dry-run",
    then="the same without --dry-run, then milepost serve accounting",
)
mount(
    "skip",
    mending.skip,
    "Let a shard or folder pass over a record that stops it.",
    example="milepost skip --shard 3 --offset 1200 --reason 'fault 81' --as ann --approved-by ben",
    then="milepost serve accounting, or milepost run of a folder; then correct by a new event what the record was to do",
)
mount(
    "lag",
    lag.lag,
    "How far behind intake and the shards are.",
    example="milepost lag --all",
    then="milepost status, where the processes run; docs/monitoring.md says what to do about a lag that grows",
)
mount(
    "status",
    status.status,
    "Everything that runs, on one screen.",
    example="milepost status --once --interval 1",
    then="milepost lag for each partition; docs/monitoring.md for what a figure means",
)
