"""Who decides, when, and where that is written: what every command asks that adds events to an input folder."""

import os
import pwd
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import typer

from connectors.json_values import WrongValue, instant_text, read_instant
from domain.counting import counted
from domain.units import MICROSECONDS_A_DAY, Instant
from milepost.console import echo, say, shape, write_json
from milepost.days import now
from milepost.folders import FolderName, firms_folder
from milepost.options import checked_name

# Beyond so many days a decision of today would let days end that nobody has sent events of.
GAP_DAYS: Final = 45
# So far behind the newest event may a decision lie that is dated after now, where the events themselves are of days to come.
AHEAD_DAYS: Final = 2
PERSON: Final = "the name of a person"


class Person(NamedTuple):
    name: str
    identified_by: str


def person(stated: str | None) -> Person:
    """The operating system says who has logged in; another name that is stated is vouched for by that login alone."""
    if stated is not None:
        checked_name(stated, PERSON, "--as")
    login = _login()
    found = f"operating system login {login} on {socket.gethostname()}"
    if stated is None or stated == login:
        return Person(login, found)
    return Person(stated, f"stated with --as by {found}")


def _login() -> str:
    """Of the process itself: the environment may say anything."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"


def other_person(name: str | None, asked: Person) -> str | None:
    """Who approves; the one who asks does not. The fold checks it again."""
    if name is not None:
        checked_name(name, PERSON, "--approved-by")
    if name is not None and name == asked.name:
        raise typer.BadParameter(
            f"{name} asks for it and cannot approve it; name another person", param_hint="--approved-by"
        )
    return name


def decided_at(stated: str | None, latest: Instant) -> Instant:
    """Now, or as stated. A decision moves the log's time like any event, so that a long silence is not ended by accident."""
    at = now()
    if stated == "now":
        return at
    if stated is not None:
        return _as_stated(stated, at, latest)
    if latest and at - latest > GAP_DAYS * MICROSECONDS_A_DAY:
        raise typer.BadParameter(
            f"expected a moment, as the newest event of the output is of {instant_text(latest)}; a decision of today would let every "
            f"day up to today end, and billing periods close with them. Say when it was made, such as --at {instant_text(latest)}, "
            "or --at now",
            param_hint="--at",
        )
    return at


def found_at(output: Path) -> Instant:
    """Now; of books that end long ago their last moment: an event of today would let every day up to today end."""
    from connectors.files.found_exceptions import latest_of

    latest = latest_of(output)
    return now() if now() - latest <= GAP_DAYS * MICROSECONDS_A_DAY else latest


def _as_stated(stated: str, at: Instant, latest: Instant) -> Instant:
    """Nothing is decided in the future; events of days to come have decisions about them of the days before."""
    try:
        said = read_instant(stated)
    except WrongValue as wrong:
        raise typer.BadParameter(f"{wrong.reason}: {stated}", param_hint="--at") from wrong
    if said > max(at, latest + AHEAD_DAYS * MICROSECONDS_A_DAY):
        raise typer.BadParameter(
            f"{stated} is not yet: it is {instant_text(at)}, and the newest event of the output is of {instant_text(latest)}. "
            "A decision is dated when it was made",
            param_hint="--at",
        )
    return said


def beside(stated: Path | None, output: Path) -> Path:
    """As stated, else that of the firm whose output it is, else the folder `input` beside it; whether it is there is not asked."""
    if stated is not None:
        return stated
    known = firms_folder(FolderName.OUTPUT)
    if known is not None and known.resolve() == output.resolve():
        stated = firms_folder(FolderName.INPUT)
    return stated if stated is not None else output.resolve().parent / "input"


def input_folder(stated: Path | None, output: Path) -> Path:
    folder = beside(stated, output)
    if not folder.is_dir():
        what = "expected the input folder of the run" if stated is not None else "there is no such folder; name it"
        raise typer.BadParameter(f"{folder}: {what}", param_hint="--input")
    return folder


def is_terminal() -> bool:
    return os.isatty(0)


def confirmed(question: str, *, yes: bool) -> None:
    """Ends where nobody says yes; a script says it with --yes."""
    if yes:
        return
    if not is_terminal():
        raise typer.BadParameter("nothing is written without a yes; look at the plan and add --yes", param_hint="--yes")
    typer.confirm(question, abort=True, err=True)


class Outcome(NamedTuple):
    """`verb` is what becomes of events here: they are written to a `file`, or sent to a `topic`; `then` is what takes them in."""

    verb: str
    past: str
    kind: str
    then: str

    def tell(self, events: Sequence[Mapping[str, object]], place: str, *, json: bool) -> None:
        if json:
            write_json(shape(1, **{self.kind: place}, events=list(events)))
            return
        echo(f"{counted(len(events), 'event')} {self.past} to {place}")
        say(f"\nNext: {self.then}")


def into_a_file(folder: Path, output: Path) -> Outcome:
    """Of the input folder, which the next run reads."""
    from milepost.next_run import run_text

    return Outcome("Write", "written", "file", run_text(folder, output))
