"""The books of an output folder to look into: those of all its shards, as if they were one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.files.output_lock import is_written
from connectors.files.outputs import read_progress
from connectors.files.written import shards
from dataflows.embedded import store_path
from state.store.reader import StoreReader, reading_stores


@contextmanager
def reading_books(output: Path) -> Iterator[StoreReader]:
    """Nothing is known where the store of a shard is not there, nor where a run that was killed left it behind its outputs: the next run
    makes it again. Raises NoOutputs."""
    numbers = shards(output)
    with reading_stores(store_path(output, number) for number in numbers) as reader:
        yield reader if is_written(output) or _places(output, numbers) == reader.places() else StoreReader()


def _places(output: Path, numbers: tuple[int, ...]) -> list[tuple[int, str]]:
    """Where the outputs stand in the log."""
    found = [read_progress(output, number) for number in numbers]
    return [(each["offset"], each["engagement"]) for each in found if each is not None]
