"""Options of commands that look back: `--as-of`, what was known at a moment, and `--for`, what belongs to an accounting period.

Both are added around a command that reads an output folder: the first gives it the folder as it was, the second answers in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import wraps
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from domain.units import MICROSECONDS_A_DAY
from milepost.console import EARLIER, known_as, say
from milepost.options import Verb, parameters_of, with_parameters

if TYPE_CHECKING:
    from connectors.files.moments import LogCut, Moment
    from connectors.json_values import WrongValue

OFFSET: Final = "offset:"
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="As it was known then: 2026-03-31 (the end of that day), 2026-03-31T12:00:00Z, or offset:1234 of the log.",
    ),
]
FOR: Final = Annotated[str | None, typer.Option("--for", help="What belongs to an accounting period, such as 2026-03.")]

# What to ask for, the folder, the period, and whether as JSON.
Answer = Callable[[str, Path, str, bool], None]


def looking_back(verb: Verb, asked: str = "", answer: Answer | None = None) -> Verb:
    """The command with `--as-of`; with `--for` too where an answer is given, for the argument named `asked`."""

    @wraps(verb)
    def seen(*, as_of: str | None = None, for_: str | None = None, **arguments: Any) -> None:
        if arguments["output"] is None:
            _needs_a_folder({"--as-of": as_of, "--for": for_})
            verb(**arguments)
            return
        with folder_as_of(arguments["output"], as_of) as output:
            if for_ is not None and answer is not None:
                _check_alone(verb, arguments, asked)
                answer(arguments[asked], output, for_, arguments["json"])
            else:
                verb(**{**arguments, "output": output})

    added = {"as_of": AsOf, "for_": FOR} if answer is not None else {"as_of": AsOf}
    options = (Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=added[name]) for name in added)
    return with_parameters(seen, (*parameters_of(verb), *options))


def _check_alone(verb: Verb, arguments: Mapping[str, Any], asked: str) -> None:
    """What was given and would be passed over."""
    for each in parameters_of(verb):
        if each.name in {asked, "output", "json"} or arguments[each.name] == each.default:
            continue
        option = f"--{each.name.strip('_').replace('_', '-')}"
        raise typer.BadParameter("expected it or --for, got both", param_hint=option)


def _needs_a_folder(options: Mapping[str, str | None]) -> None:
    for option, given in options.items():
        if given is not None:
            raise typer.BadParameter("expected --output with it: a log is needed to look back", param_hint=option)


@contextmanager
def folder_as_of(output: Path, as_of: str | None) -> Iterator[Path]:
    """The folder itself where no moment is asked for."""
    if as_of is None:
        yield output
        return
    from connectors.files.moments import folder_at

    moment = moment_of(as_of, "--as-of")
    with ExitStack() as opened:
        with indexing() as tell:
            folder, last = opened.enter_context(folder_at(output, moment, tell))
        say_beyond(f"--as-of {as_of}", moment, last)
        opened.enter_context(known_as(folder, f"{output}{EARLIER}{as_of}"))
        yield folder


def say_beyond(as_of: str, moment: Moment, last: LogCut) -> None:
    """What is asked about a moment after the log's end is answered as of its end: that is all that is known."""
    if last.is_past(moment) or moment.instant == last.recorded_at:
        return
    is_running = moment.day is not None and (moment.instant or 0) - MICROSECONDS_A_DAY < last.recorded_at
    where = "is not over: the last event" if is_running else "is after the last event: it"
    say(f"{as_of} {where} {_came(last)}. Figures are as of then")


def _came(last: LogCut) -> str:
    from connectors.json_values import instant_text

    if not last.offset:
        return "is still to come"
    return f"came at {instant_text(last.recorded_at)} (offset {last.offset - 1} of the log)"


@contextmanager
def indexing() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for the first question, or the first one after much that is new."""
    from milepost.printer import progress_bar

    with progress_bar() as bar:
        task = bar.add_task("Indexing", total=None, visible=False)

        def tell(what: str, done: int, of: int) -> None:
            bar.update(task, count=what, completed=done, total=of, visible=True)

        yield tell


def moment_of(text: str, option: str) -> Moment:
    """A day means its end, in UTC at the latest."""
    from connectors.files.moments import Moment
    from connectors.json_values import WrongValue, read_day, read_instant

    if text.startswith(OFFSET):
        number = text.removeprefix(OFFSET)
        if not number.isdigit():
            message = f"expected a number after {OFFSET}, such as {OFFSET}1234, got {number or '(nothing)'}"
            raise typer.BadParameter(message, param_hint=option)
        return Moment(offset=int(number))
    try:
        if "T" in text:
            return Moment(instant=read_instant(text))
        day = read_day(text)
        begins = f"{(day + timedelta(days=1)).isoformat()}T00:00:00Z"
        return Moment(instant=read_instant(begins) - 1, day=day)
    except WrongValue as fault:
        message = (
            "expected a day such as 2026-03-31 (its end), an instant with its zone such as 2026-03-31T18:00:00+02:00, "
            f"or a place in the log such as {OFFSET}1234, got {text or '(nothing)'}{_why(fault)}"
        )
        raise typer.BadParameter(message, param_hint=option) from fault


def _why(fault: WrongValue) -> str:
    """What is wrong with one of the right form."""
    return "" if fault.reason.startswith("expected") else f": {fault.reason}"
