"""The books of an output folder to look into: those of all its shards, as if they were one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.files.written import shards
from dataflows.embedded import store_path
from state.store.reader import StoreReader, reading_stores


@contextmanager
def reading_books(output: Path) -> Iterator[StoreReader]:
    """Nothing is known where the store of a shard is not there. Raises NoOutputs."""
    with reading_stores(store_path(output, number) for number in shards(output)) as reader:
        yield reader
