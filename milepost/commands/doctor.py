"""`milepost doctor`: what can be reached, and what to do about the rest."""

from enum import StrEnum
from typing import Annotated

import typer

from milepost import exit_codes
from milepost.commands.given_settings import NONE_GIVEN, GivenSettings
from milepost.console import aligned, echo, say, shape, write_json
from milepost.options import Json


class ServedPart(StrEnum):
    """What `milepost serve` has."""

    INTAKE = "intake"
    ACCOUNTING = "accounting"
    VIEW = "view"
    DELIVERY = "delivery"


Parts = Annotated[
    list[ServedPart] | None, typer.Option("--for", help="Only what this process needs; may be given more than once.")
]


def doctor(
    given: GivenSettings = NONE_GIVEN,
    seconds: Annotated[
        float, typer.Option("--timeout", help="The longest that one check may take.", min=0.1, max=3_600)
    ] = 10.0,
    parts: Parts = None,
    json: Json = False,
) -> None:
    """Look at settings, brokers, topics, registry, Redis, ERPs, store, rules and clocks. Changes nothing.

    Ends with 1 where something would keep a process from starting or from its work; a warning alone ends with 0. A site
    without the view needs no Redis, one without delivery no ERP: name what it has with --for, or leave [redis] and
    [delivery] out.
    """
    from milepost.operate.doctoring import examine, kept_back
    from milepost.operate.doctoring_erps import FAIL, WARN

    loaded = given.loaded
    named = tuple(dict.fromkeys(part.value for part in parts or ServedPart))
    findings = examine(loaded, seconds, named)
    failed = sum(each.state == FAIL for each in findings)
    kept = kept_back(findings, named)
    if json:
        write_json(shape(1, findings=[each._asdict() for each in findings], failed=failed, kept_back=kept))
    else:
        echo("\n".join(aligned([(each.state, each.check, each.said) for each in findings], indent="")))
        if steps := [each for each in findings if each.state in {FAIL, WARN} and each.next]:
            echo("\nTo do:\n" + "\n".join(f"  {each.check}: {each.next}" for each in steps))
        echo("\n" + "\n".join(aligned([(part, _told(by)) for part, by in kept.items()], indent="")))
        say(f"\n{failed} of {len(findings)} checks failed")
    if failed:
        raise typer.Exit(exit_codes.FAILURE)


def _told(checks: list[str]) -> str:
    return f"kept back by {', '.join(checks)}" if checks else "nothing keeps it back"
