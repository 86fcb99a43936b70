"""Which shards a process takes."""

import re
import socket

import typer

from dataflows.settings import AccountingSettings


def chosen(
    settings: AccountingSettings,
    partitions: int,
    named: str | None,
    *,
    every: bool,
    ordinal: int | None,
    of: int | None,
) -> tuple[int, ...]:
    """By name, all of them, those of one of several processes, or what the settings say."""
    if sum((named is not None, every, ordinal is not None or of is not None)) > 1:
        raise typer.BadParameter("expected one of --shards, --all-shards, and --ordinal with --of")
    if named is not None:
        return _named(named, partitions)
    if every:
        return tuple(range(partitions))
    if ordinal is None and of is None:
        found = settings.shards(partitions)
    else:
        if of is None:
            raise typer.BadParameter("expected the number of processes beside --ordinal", param_hint="--of")
        mine = _of_host(socket.gethostname()) if ordinal is None else ordinal
        if not 0 <= mine < of:
            raise typer.BadParameter(f"expected 0 to {of - 1}, got {mine}", param_hint="--ordinal")
        found = tuple(range(mine, partitions, of))
    if not found:
        raise typer.BadParameter(f"no shard is left for this process: there are {partitions}", param_hint="--of")
    return found


def _named(text: str, partitions: int) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() and int(part) < partitions for part in parts) or len(set(parts)) != len(parts):
        raise typer.BadParameter(
            f"expected different numbers from 0 to {partitions - 1}, such as 0,4; got {text}", param_hint="--shards"
        )
    return tuple(sorted(map(int, parts)))


def _of_host(name: str) -> int:
    """A StatefulSet calls its pods by number."""
    found = re.search(r"-(\d+)$", name.partition(".")[0])
    if found is None:
        raise typer.BadParameter(
            f"expected --ordinal, as the host name {name} does not end with a number", param_hint="--ordinal"
        )
    return int(found[1])
