"""`milepost verify --certificate`: certificates of closes are recomputed from the log alone and compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from domain.counting import counted
from milepost import exit_codes
from milepost.certificates.file import (
    Difference,
    NoCertificate,
    Shape,
    differences,
    other_journals,
    own_faults,
    read,
    sealed,
)
from milepost.console import echo, say, shape, write_json

if TYPE_CHECKING:
    from connectors.telling import Tell
    from domain.ledger.close_certificate import Whole

SHOWN = 20


class CheckedCertificate(NamedTuple):
    """What a file says, and where the log says otherwise."""

    path: Path
    stated: Shape
    differences: tuple[Difference, ...]


def check_certificates(files: Sequence[Path], folder: Path, *, json: bool) -> None:
    """Ends with 3 where one differs. Raises BadParameter for a file that is no certificate, and for a folder without a log."""
    from milepost.commands.verify import shown

    stated = [(path, _read(path)) for path in files]
    with shown() as tell:
        checked = list(checked_certificates(stated, folder, tell))
    if json:
        write_json(shape(1, output=str(folder), certificates=[_json(each) for each in checked]))
    else:
        for each in checked:
            _tell(each, folder)
    if any(each.differences for each in checked):
        raise typer.Exit(exit_codes.VIOLATION)


def _read(path: Path) -> Shape:
    try:
        return read(path.read_bytes())
    except (OSError, NoCertificate) as fault:
        what = fault.strerror if isinstance(fault, OSError) else str(fault)
        raise typer.BadParameter(f"{path}: {what}", param_hint="--certificate") from fault


def checked_certificates(
    stated: Sequence[tuple[Path, Shape]], folder: Path, tell: Tell
) -> Iterator[CheckedCertificate]:
    """The log is folded once, up to the last of the closes."""
    from dataflows.certificates import partitions_of
    from state.guards import GuardStop

    shards = partitions_of(folder)
    if not shards:
        raise typer.BadParameter(
            f"{folder}: expected a folder with the log of a run in log/, found none; copy log/ of the folder that wrote the certificate",
            param_hint="--output",
        )
    fitting: list[tuple[Path, Shape]] = []
    found: dict[Path, list[Difference]] = {path: list(own_faults(each)) for path, each in stated}
    for path, each in stated:
        try:
            other = list(_other_log(each, folder, shards))
        except GuardStop as fault:
            other = [_no_log(fault.message)]
        if other:
            found[path] += other
        else:
            fitting.append((path, each))
    if fitting:
        for path, more in _recomputed(fitting, folder, tell):
            found[path] += more
    for path, each in stated:
        yield CheckedCertificate(path, each, tuple(found[path]))


def _no_log(message: str) -> Difference:
    return Difference("the log", "one that can be read and folded", message)


def _other_log(stated: Shape, folder: Path, shards: Sequence[int]) -> Iterator[Difference]:
    """Of which log it is, and whether that is here as far as the close. Raises GuardStop."""
    from connectors.files.engagement_log import EngagementLog
    from dataflows.certificates import begins

    log = stated["log"]
    begun = {each["shard"]: each["begins"] for each in log["shards"]}
    for shard in shards:
        with EngagementLog.open(folder, shard) as opened:
            genesis, end, first = opened.genesis, opened.end, begins(opened)
        if (genesis.generation, genesis.partitions) != (log["generation"], log["partitions"]):
            wanted, came = (
                f"generation {generation} of {counted(partitions, 'shard')}"
                for generation, partitions in (
                    (log["generation"], log["partitions"]),
                    (genesis.generation, genesis.partitions),
                )
            )
            yield Difference("the log: it is another one", wanted, came)
            return
        if shard in begun and begun[shard] != first:
            what = f"the log: it is another one, or its beginning was changed (shard {shard})"
            yield Difference(what, f"begins {begun[shard]}", f"begins {first}")
            return
        for each in log["shards"]:
            if each["shard"] == shard and end < each["records"]:
                yield Difference(
                    f"the log: records of shard {shard}", f"{each['records']:,}", f"{end:,}; copy it whole"
                )
    if missing := sorted({each["shard"] for each in log["shards"]} - set(shards)):
        names = ", ".join(map(str, missing))
        yield Difference("the log: its shards", f"{len(log['shards'])}", f"none of shard {names}; copy log/ whole")


class Recomputed(NamedTuple):
    """A certificate as the log gives it, with its journals; and what of them the folder has written otherwise, if it has outputs."""

    shape: Shape
    journals: list[tuple[str, str]]
    written_otherwise: list[Difference]


def _recomputed(
    stated: Sequence[tuple[Path, Shape]], folder: Path, tell: Tell
) -> Iterator[tuple[Path, list[Difference]]]:
    from connectors.containers import ContainerDamaged
    from dataflows.certificates import WrongPostings, folded_again
    from state.guards import GuardStop

    ends: dict[int, int] = {}
    for _, each in stated:
        for of in each["log"]["shards"]:
            ends[of["shard"]] = max(ends.get(of["shard"], 0), of["records"])
    try:
        with folded_again(folder, ends, tell) as scratch:
            made = {
                company: _again(scratch, folder, company, {each["number"] for _, each in stated})
                for company in sorted({each["company"] for _, each in stated})
            }
    except (GuardStop, ContainerDamaged, WrongPostings) as fault:
        found = [_no_log(fault.message if isinstance(fault, GuardStop) else str(fault))]
        yield from ((path, found) for path, _ in stated)
        return
    for path, each in stated:
        yield path, _compared(each, made[each["company"]])


def _again(scratch: Path, folder: Path, company: str, numbers: set[int]) -> dict[int, Recomputed]:
    from dataflows.certificates import journals_of, written_certificates

    every = written_certificates(scratch, folder, company)
    found = {}
    for made, of in zip(sealed(every), every, strict=True):
        if of.whole.number in numbers:
            journals = journals_of(scratch, of.whole)
            found[of.whole.number] = Recomputed(made, journals, _written_otherwise(folder, of.whole, journals))
    return found


def _written_otherwise(folder: Path, whole: Whole, journals: list[tuple[str, str]]) -> list[Difference]:
    """A copy of the log alone has no outputs to look at."""
    from connectors.containers import ContainerDamaged
    from connectors.files.no_outputs import NoOutputs
    from dataflows.certificates import POSTINGS, listed_journals
    from state.guards import GuardStop

    try:
        written = listed_journals(folder, whole) if (folder / "outputs").is_dir() else journals
    except (NoOutputs, ContainerDamaged, GuardStop) as fault:
        return [Difference(f"{POSTINGS} in the folder", "what was written", str(fault))]
    return [
        Difference(f"{POSTINGS} in the folder: {each.what}", each.stated, each.found)
        for each in other_journals(written, journals)
    ]


def _compared(stated: Shape, made: Mapping[int, Recomputed]) -> list[Difference]:
    again = made.get(stated["number"])
    if again is None:
        return [Difference(f"certificate {stated['number']} of {stated['company']}", "there", "the log gives none")]
    return [*differences(stated, again.shape, again.journals), *again.written_otherwise]


def _tell(checked: CheckedCertificate, folder: Path) -> None:
    stated = checked.stated
    what = f"Certificate {stated['number']} of {stated['company']}, period {stated['period']}"
    if not checked.differences:
        records = sum(each["records"] for each in stated["log"]["shards"])
        echo(f"{what}: recomputed from {counted(records, 'record')} of the log, equal in every figure and journal")
        say(f"  digest {stated['digest']}")
        return
    first, *more = checked.differences
    echo(
        f"{what} DIFFERS from {folder}\n  first     {first.what}\n  stated    {first.stated}\n  the log   {first.found}"
    )
    for each in more[:SHOWN]:
        echo(f"  also      {each.what}: stated {each.stated}, the log {each.found}")
    if len(more) > SHOWN:
        say(f"  and {len(more) - SHOWN:,} more; --json lists them all")


def _json(checked: CheckedCertificate) -> Shape:
    stated = checked.stated
    return {
        "file": str(checked.path),
        "company": stated["company"],
        "period": stated["period"],
        "number": stated["number"],
        "digest": stated["digest"],
        "equal": not checked.differences,
        "differences": [each._asdict() for each in checked.differences],
    }
