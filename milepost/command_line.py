"""The command `milepost` with what is asked of it: a process waits for what it imports, so only the verb that is called is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Annotated, Final

import typer

from milepost.console import echo
from milepost.mounting import PLAIN
from milepost.verb_groups import GroupedVerbs
from milepost.verbs import bringing_in, daily_work, erp, firm, kafka, proof, setting_up, trying
from state.rules import RULES_VERSION

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
DEBUG: Final = "--debug"
HELP: Final = "help"

VERBS: Final[Mapping[str, Callable[[typer.Typer], None]]] = {
    **(trying.VERBS if HAS_SIMULATION else {}),
    "import": bringing_in.mount_import,
    "run": bringing_in.mount_run,
    "projects": firm.mount_projects,
    "clients": firm.mount_clients,
    "receivables": firm.mount_receivables,
    "unbilled": firm.mount_unbilled,
    "prepaid": firm.mount_prepaid,
    "people": firm.mount_people,
    "show": firm.mount_show,
    "explain": proof.mount_explain,
    "statement": firm.mount_statement,
    "invoice": daily_work.mount_invoice,
    "payment": daily_work.mount_payment,
    "contract": daily_work.mount_contract,
    "revenue": daily_work.mount_revenue,
    "period": daily_work.mount_period,
    "forecast": firm.mount_forecast,
    "ledger": firm.mount_ledger,
    "exceptions": daily_work.mount_exceptions,
    "dead-letters": daily_work.mount_dead_letters,
    "between": proof.mount_between,
    "whatif": proof.mount_whatif,
    "dump": proof.mount_dump,
    "verify": proof.mount_verify,
    "reconcile": erp.mount_reconcile,
    "deliver": erp.mount_deliver,
    "accounts": erp.mount_accounts,
    "schemas": kafka.mount_schemas,
    "topics": kafka.mount_topics,
    "settings": setting_up.mount_settings,
    "doctor": setting_up.mount_doctor,
    "help": setting_up.mount_help,
    "serve": kafka.mount_serve,
    "log": kafka.mount_log,
    "view": kafka.mount_view,
    "repair": kafka.mount_repair,
    "skip": kafka.mount_skip,
    "lag": kafka.mount_lag,
    "status": kafka.mount_status,
}


def command_line(words: Sequence[str] = ()) -> typer.Typer:
    """With all verbs, unless the words that follow it begin with one: then with that one alone."""
    app = typer.Typer(
        name="milepost", cls=GroupedVerbs, epilog="`milepost help exit-codes` says what each exit code means.", **PLAIN
    )
    app.callback(help=f"Turns contracts and approved time into postings, statements and forecasts.\n\n{BEGIN}")(
        milepost
    )
    verb = next((word for word in words if word != DEBUG), HELP)
    for mounted in [VERBS[verb]] if verb in VERBS and verb != HELP else VERBS.values():
        mounted(app)
    return app


def milepost(
    debug: Annotated[bool, typer.Option(DEBUG, help="Show where a fault came from.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=tell_version, is_eager=True, help="Show the version and that of the rules."),
    ] = False,
) -> None: ...


def tell_version(asked: bool) -> None:
    if asked:
        echo(f"milepost {VERSION}, rules {RULES_VERSION}")
        raise typer.Exit
