"""`milepost log`: a copy of the engagement log in files, and a log made again from one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.counting import counted
from milepost import exit_codes
from milepost.commands.given_settings import NONE_GIVEN, GivenSettings
from milepost.console import echo, say, shape, write_json
from milepost.options import Json

if TYPE_CHECKING:
    from connectors.telling import Tell
    from dataflows.log_copy import CopyManifest


def export(
    out: Annotated[Path, typer.Option("--out", help="An empty folder, or one to be made.")],
    given: GivenSettings = NONE_GIVEN,
    json: Json = False,
) -> None:
    """Copy the engagement log, what intake remembers and the records passed over into files with digests.

    Of one moment, that of intake's last transaction; intake may go on meanwhile. Writes nothing to the brokers.
    """
    from connectors.kafka.clients import KafkaClients
    from dataflows import log_copy

    settings = given.settings
    with _told() as tell:
        try:
            made = log_copy.export_log(KafkaClients(settings.kafka), settings.kafka, out, tell)
        except FileExistsError as fault:
            raise typer.BadParameter(str(fault), param_hint="--out") from fault
    _say(made, "copied", settings.kafka.generation, json=json)


def import_(
    source: Annotated[Path, typer.Option("--in", help="The folder of an export.")],
    given: GivenSettings = NONE_GIVEN,
    json: Json = False,
) -> None:
    """Make a log from a copy, in the fresh topics of another generation, and let intake go on where it was.

    The copy is looked at first, every byte of it. Numbers, journals and their ids stay; positions name the new generation.
    """
    from connectors.kafka.clients import KafkaClients
    from dataflows import log_copy

    settings = given.settings
    with _told() as tell:
        made = log_copy.import_log(KafkaClients(settings.kafka), settings.kafka, source, tell)
    _say(made, "made again", settings.kafka.generation, json=json)


def compare(
    before: Annotated[str, typer.Option("--before", help="The generation that receivers had until now.")],
    given: GivenSettings = NONE_GIVEN,
    json: Json = False,
) -> None:
    """Compare journals and statements with those of an earlier generation by id, and say what receivers have to post.

    A receiver that drops the ids it knows keeps the earlier lines of what stands otherwise now. Reads all of both topics.
    Ends with 3 where there is something to post.
    """
    from milepost.operate import generations_shown

    if generations_shown.tell(given.settings, before, json=json):
        raise typer.Exit(exit_codes.VIOLATION)


@contextmanager
def _told() -> Iterator[Tell]:
    from milepost.printer import progress_bar

    with progress_bar() as bar:
        task = bar.add_task("Log", total=None)

        def tell(what: str, done: int, of: int) -> None:
            bar.update(task, description=what, completed=done, total=of)

        yield tell


def _say(made: CopyManifest, done: str, generation: str, *, json: bool) -> None:
    if json:
        partitions = [{"records": each.records, "chain": each.chain} for each in made.partitions]
        write_json(shape(1, generation=generation, of=made.generation, records=made.records, partitions=partitions))
        return
    echo(
        f"{counted(made.records, 'record')} in {counted(len(made.partitions), 'partition')} are {done}, generation {generation}"
    )
    if made.overrides:
        say(f"among them {counted(made.overrides, 'record')} that operators passed over")
