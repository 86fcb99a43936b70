"""`milepost doctor`: what can be reached, and what to do about the rest."""

from __future__ import annotations

from typing import Annotated

import typer

from milepost import exit_codes
from milepost.commands.given_settings import File, Set, given
from milepost.console import aligned, say, shape, write_json

Json = Annotated[bool, typer.Option("--json", help="As one JSON object.")]


def doctor(
    file: File = None,
    options: Set = None,
    seconds: Annotated[float, typer.Option("--timeout", help="The longest that one check may take.", min=0.1)] = 10.0,
    json: Json = False,
) -> None:
    """Look at settings, brokers, topics, registry, Redis, store, rules and clocks. Changes nothing.

    Ends with 1 where something would keep Milepost from starting; a warning alone ends with 0.
    """
    from milepost.doctoring import FAIL, WARN, examine

    loaded = given(file, options)
    findings = examine(loaded, seconds)
    failed = sum(each.state == FAIL for each in findings)
    if json:
        write_json(shape(1, findings=[each._asdict() for each in findings], failed=failed))
    else:
        typer.echo("\n".join(aligned([(each.state, each.check, each.said) for each in findings], indent="")))
        if steps := [each for each in findings if each.state in {FAIL, WARN} and each.next]:
            typer.echo("\nTo do:\n" + "\n".join(f"  {each.check}: {each.next}" for each in steps))
        say(f"\n{failed} of {len(findings)} checks failed")
    if failed:
        raise typer.Exit(exit_codes.FAILURE)
