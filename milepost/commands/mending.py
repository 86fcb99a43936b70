"""`milepost skip` and `milepost repair`: what a person does where a shard has stopped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from milepost.commands.given_settings import NONE_GIVEN, GivenSettings
from milepost.console import echo, say, shape, write_json
from milepost.options import Json

if TYPE_CHECKING:
    from connectors.log_records import StoredRecord
    from state.overrides import Override

Shard = Annotated[int, typer.Option("--shard", help="The shard that has stopped.", min=0)]


def skip(
    offset: Annotated[
        int | None, typer.Option("--offset", help="The record, as the message names it. [required]", min=0)
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the exception. [required]")] = "",
    as_: Annotated[str, typer.Option("--as", help="Who asks for it. [required]", metavar="NAME")] = "",
    approved_by: Annotated[
        str, typer.Option("--approved-by", help="Who agrees; somebody else. [required]", metavar="NAME")
    ] = "",
    engagement: Annotated[
        str, typer.Option("--engagement", help="Of a record for many, the one that is passed over; else all of it.")
    ] = "",
    views: Annotated[bool, typer.Option("--views", help="Pass over sending the engagement's views only.")] = False,
    shard: Annotated[int | None, typer.Option("--shard", help="The shard on Kafka that has stopped.", min=0)] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Or the output folder of a run that has stopped.")
    ] = None,
    given: GivenSettings = NONE_GIVEN,
    json: Json = False,
) -> None:
    """Let a shard or a folder pass over a record that its fold fails on. Nothing of it is posted; an exception says so."""
    from dataflows.passing_over import CannotPassOver
    from state.batch import VIEWS
    from state.overrides import Override

    said = {"--offset": offset is not None, "--reason": reason.strip(), "--as": as_.strip()}
    said |= {"--approved-by": approved_by.strip(), "--shard or --output": shard is not None or output is not None}
    if offset is None or not all(said.values()):
        lacking = [option for option, given in said.items() if not given]
        raise typer.BadParameter("expected a value for each", param_hint=", ".join(lacking))
    if as_.strip() == approved_by.strip():
        raise typer.BadParameter("expected two different people", param_hint="--approved-by")
    if views and not engagement:
        raise typer.BadParameter("expected the engagement whose views fail", param_hint="--engagement")
    override = Override(
        offset, f"{VIEWS if views else ''}{engagement}", reason.strip(), as_.strip(), approved_by.strip()
    )
    try:
        record = _passed_over(shard, output, override, given)
    except CannotPassOver as fault:
        raise typer.BadParameter(str(fault), param_hint="--offset") from fault
    if json:
        write_json(shape(1, shard=shard or 0, offset=offset, type=record.type_name, event_id=record.event.event_id))
    else:
        where, again = (f"shard {shard}", "Start it again") if output is None else (str(output), "Run it again")
        say(
            f"{where} passes over record {offset}: {record.type_name}, event {record.event.event_id}. "
            f"{again}; then correct by a new event what the record was to do"
        )


def _passed_over(shard: int | None, output: Path | None, override: Override, given: GivenSettings) -> StoredRecord:
    if (shard is None) == (output is None):
        raise typer.BadParameter("expected one of --shard (on Kafka) and --output (of a folder)", param_hint="--shard")
    if output is not None:
        from dataflows import passing_over_files

        return passing_over_files.pass_over(output, override, say)
    from dataflows.passing_over import pass_over
    from milepost.operate.serving import accounting_job

    assert shard is not None, "one of both is given"
    settings = given.settings
    check_shard(shard, settings.kafka.partitions)
    return pass_over(accounting_job(settings, (shard,)), shard, override, say)


# Long by its options: each is a parameter.
def repair(
    shard: Shard,
    foreign: Annotated[
        list[str] | None,
        typer.Option(
            "--foreign",
            help="A record that somebody else has written, and that is passed over from now on; may be repeated.",
            metavar="TOPIC:OFFSET",
        ),
    ] = None,
    accept_topic: Annotated[
        list[str] | None,
        typer.Option(
            "--accept-topic",
            help="A topic of outputs that was deleted and made again, with its records or empty; may be repeated.",
            metavar="TOPIC",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is missing, and write nothing.")] = False,
    given: GivenSettings = NONE_GIVEN,
    json: Json = False,
) -> None:
    """Write the outputs that a shard has lost, exactly those, from its log. What is there is compared and stays."""
    from dataflows.repair import CannotRepair, RepairOrders
    from dataflows.repair import repair as write_missing
    from milepost.operate.serving import accounting_job

    settings = given.settings
    check_shard(shard, settings.kafka.partitions)
    told = RepairOrders(
        foreign_of(foreign or (), settings.kafka.prefix), accepted_of(accept_topic or (), settings.kafka.prefix)
    )
    try:
        done = write_missing(accounting_job(settings, (shard,)), shard, dry_run=dry_run, told=told, tell=say)
    except CannotRepair as fault:
        raise typer.BadParameter(str(fault)) from fault
    if json:
        missing = dict(done.missing)
        write_json(
            shape(
                1, shard=shard, offset=done.offset, missing=missing, progress=done.progress or "whole", dry_run=dry_run
            )
        )
        return
    if done.progress:
        is_not = "is missing" if done.progress == "missing" else "is older than what is on the topics"
        echo(f"progress {is_not}{'' if dry_run else ' and is written again'}")
    for topic, count in done.missing.items():
        echo(f"{topic}: {count:,} outputs {'are missing' if dry_run else 'written'}")
    say(
        f"shard {shard}: whole up to record {done.offset}"
        + (", once that is written" if dry_run and (done.missing or done.progress) else "")
    )


def foreign_of(named: Sequence[str], prefix: str) -> dict[str, list[int]]:
    """Offsets by topic, from TOPIC:OFFSET."""
    found: dict[str, list[int]] = {}
    for each in named:
        topic, _, offset = each.rpartition(":")
        if not offset.isdecimal():
            raise typer.BadParameter(f"expected TOPIC:OFFSET, such as alerts:17, got {each}", param_hint="--foreign")
        found.setdefault(_output_topic(topic, prefix, "--foreign"), []).append(int(offset))
    return found


def accepted_of(named: Sequence[str], prefix: str) -> frozenset[str]:
    return frozenset(_output_topic(each, prefix, "--accept-topic") for each in named)


def _output_topic(named: str, prefix: str, hint: str) -> str:
    """As it is called here."""
    from connectors.kafka.outputs import SHARD_TOPICS

    topic = named.removeprefix(prefix)
    if topic not in SHARD_TOPICS:
        raise typer.BadParameter(
            f"expected one of {', '.join(SHARD_TOPICS)}, got {named or '(nothing)'}", param_hint=hint
        )
    return topic


def check_shard(shard: int, partitions: int) -> None:
    if shard >= partitions:
        raise typer.BadParameter(f"expected 0 to {partitions - 1}, got {shard}", param_hint="--shard")
