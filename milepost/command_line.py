"""The command `milepost` with what is asked of it: a process waits for what it imports, so only the verb that is called is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Annotated, Final

import typer

from milepost.console import echo
from milepost.mounting import PLAIN, Verbs, mount
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

# As `milepost --help` lists them: by what somebody wants, not by name.
GROUPS: Final[Mapping[str, Verbs]] = {
    "Bring events in": bringing_in.VERBS,
    "The firm": firm.VERBS,
    "Daily work": daily_work.VERBS,
    "Why, what if, and proof": proof.VERBS,
    "The ERP": erp.VERBS,
    "On Kafka": kafka.VERBS,
    "Settings and help": setting_up.VERBS,
    "To try it": trying.VERBS if HAS_SIMULATION else {},
}
VERBS: Final[Verbs] = {name: verb for verbs in GROUPS.values() for name, verb in verbs.items()}


def command_line(words: Sequence[str] = ()) -> typer.Typer:
    """With all verbs, unless the words that follow it begin with one: then with that one alone."""
    app = typer.Typer(
        name="milepost", cls=GroupedVerbs, epilog="`milepost help exit-codes` says what each exit code means.", **PLAIN
    )
    app.callback(help=f"Turns contracts and approved time into postings, statements and forecasts.\n\n{BEGIN}")(
        milepost
    )
    verb = next((word for word in words if word != DEBUG), HELP)
    for name in [verb] if verb in VERBS and verb != HELP else VERBS:
        mount(app, name, VERBS[name])
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
