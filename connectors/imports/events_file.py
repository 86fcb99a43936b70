"""JSON-lines files that an import leaves: whole or not at all, never other content under a name already read."""

from __future__ import annotations

import filecmp
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import orjson

from connectors.files.input_files import scan
from connectors.files.rounds import NAME, RoundFile, read_rounds
from connectors.imports.refusals import ImportRefused
from state.guards import GuardStop

Record = dict[str, Any]
# Of a name that is the beginning of ids.
EVENT_ID_NAME_LENGTH_MAX: Final = 90
# No run reads a file of this ending, with a number after it or without.
REPLACED: Final = ".replaced"
CORRECTING: Final = (
    " (csv: corrected rows need a version above the last one too, --set time.version=2; balances count theirs)"
)


class ImportTarget(NamedTuple):
    """Where an import writes: `<kind>-<name>.jsonl`, and `<name>.rejected.jsonl` with what it could not take."""

    folder: Path
    kind: str
    name: str
    replace: bool = False
    runs: Path | None = None
    is_dry_run: bool = False

    @property
    def events_path(self) -> Path:
        return self.folder / f"{self.kind}-{self.name}.jsonl"

    @property
    def stem(self) -> str:
        """The beginning of the ids of its events."""
        return self.name[:EVENT_ID_NAME_LENGTH_MAX]

    def write(self, events: Iterable[Record]) -> None:
        write_files([(self.events_path, events)], self.replace, self.runs, is_dry_run=self.is_dry_run)

    def write_rejected(self, rejected: Iterable[Record]) -> Path | None:
        return write_rejected(self.folder, self.name, rejected, is_dry_run=self.is_dry_run)


def numbered(events: Iterable[Mapping[str, object]], stem: str) -> list[Record]:
    """With ids, by their order."""
    return [
        {"type": event["type"], "event_id": f"{stem}:{number}", **event} for number, event in enumerate(events, start=1)
    ]


def write_files(
    files: Iterable[tuple[Path, Iterable[Record]]], replace: bool, runs: Path | None = None, *, is_dry_run: bool = False
) -> None:
    """The files of one import, in their order, one record a line; the same content again leaves a file as it is. None is touched unless all
    may be; one without records is not there then.

    A file that a run has read is never replaced: `runs` is the output folder of runs, None for those near the file. One
    that is replaced stays beside the new one, because a run elsewhere may have read it, or somebody edited it.
    """
    with ExitStack() as parts:
        written = [(path, parts.enter_context(_part(path, records, is_dry_run))) for path, records in files]
        changed = [(path, part) for path, part in written if not _is_same(part, path)]
        for path, _ in changed:
            _check_replaceable(path, replace, runs)
        for path, part in () if is_dry_run else changed:
            with _writing(path):
                _keep_replaced(path)
                part.replace(path) if part.stat().st_size else path.unlink(missing_ok=True)


def _is_same(part: Path, path: Path) -> bool:
    return filecmp.cmp(part, path, shallow=False) if path.exists() else not part.stat().st_size


def _check_replaceable(path: Path, replace: bool, runs: Path | None) -> None:
    if not path.exists():
        return
    if not replace:
        raise ImportRefused(
            f"{path}: exists with other content, and a file that was read once must not change;"
            f" give --name for a new file{CORRECTING}, or --replace if it was never read"
        )
    _check_unread(path, runs)


def _keep_replaced(path: Path) -> None:
    """Under a name that is free, for an earlier one may be what somebody edited."""
    if not path.exists() or not path.stat().st_size:
        return
    names = chain([path.name + REPLACED], (f"{path.name}{REPLACED}-{number}" for number in count(2)))
    path.replace(next(kept for kept in map(path.with_name, names) if not kept.exists()))


@contextmanager
def _part(path: Path, records: Iterable[Record], is_dry_run: bool) -> Iterator[Path]:
    """The lines in a file beside it, which may take its place; of a dry run elsewhere, for a look."""
    if is_dry_run:
        with TemporaryDirectory() as folder:
            yield _put(Path(folder) / path.name, records)
        return
    part = path.with_name(path.name + ".part")
    try:
        with _writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _put(part, records)
        yield part
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise ImportRefused(f"{path}: cannot be written: {fault.strerror}") from fault


def _put(path: Path, records: Iterable[Record]) -> Path:
    with path.open("wb") as file:
        file.writelines(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE) for record in records)
    return path


def write_rejected(folder: Path, name: str, rejected: Iterable[Record], *, is_dry_run: bool = False) -> Path | None:
    """`<name>.rejected.jsonl`; None where there is nothing to list, and then no file of an earlier attempt either."""
    path = folder / f"{name}.rejected.jsonl"
    first = next(records := iter(rejected), None)
    if first is None:
        if not is_dry_run:
            path.unlink(missing_ok=True)
        return None
    if is_dry_run:
        return path
    with _part(path, chain([first], records), is_dry_run) as part, _writing(path):
        part.replace(path)
    return path


def _check_unread(path: Path, runs: Path | None) -> None:
    """Whether a run has read an events file: what was read once must stay as it was, so an import never writes over it.

    An import knows the folder of events and not the output folder of the runs that read it. Those lie beside it or inside it unless they
    are named. Names and digests in their `rounds.jsonl` tell for certain.

    Raises ImportRefused where a run has read the file as it stands there now.
    """
    if runs is not None and not (runs / NAME).is_file():
        raise ImportRefused(f"--output {runs}: expected the output folder of `milepost run`, found no {NAME} in it")
    for folder in _run_folders(path) if runs is None else (runs,):
        number = _read_in(folder, path)
        if number is not None:
            raise ImportRefused(
                f"{path}: was read by round {number} of {folder}, and what was read must stay as it is;"
                f" give --name for a new file{CORRECTING}"
            )


def _run_folders(path: Path) -> Iterator[Path]:
    """Up to two folders up and one down again: `books/input/csv-march.jsonl` is near `books/output`."""
    near = path.resolve().parent
    for folder in (near, near.parent, near.parent.parent):
        try:
            yield from sorted(found.parent for found in (*folder.glob(NAME), *folder.glob(f"*/{NAME}")))
        except OSError:  # a folder that is not ours to look into
            continue


def _read_in(folder: Path, path: Path) -> int | None:
    """The round that read it."""
    try:
        rounds = read_rounds(folder)
    except GuardStop as fault:
        raise ImportRefused(fault.message) from fault
    whole = path.resolve().as_posix()
    size = path.stat().st_size
    for found in rounds:
        if any(whole.endswith(f"/{file.name}") and _is_start(file, path, size) for file in found.files):
            return found.number
    return None


def _is_start(file: RoundFile, path: Path, size: int) -> bool:
    """The bytes that were read are the file's first ones."""
    if file.length > size:
        return False
    return scan(path, file.length, None, thorough=True).digest.hex() == file.digest
