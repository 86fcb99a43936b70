"""The books of an output folder to look into: those of all its shards, as if they were one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.avro_codec import EVENT_CODECS
from connectors.files.output_lock import beginning, is_written
from connectors.files.progress import NOWHERE, Place, places
from connectors.files.written import shards
from dataflows.embedded import store_path
from domain.reference.book import EMPTY_BOOK, ReferenceBook, apply
from state.store.reader import StoreReader, reading_stores


@contextmanager
def reading_books(output: Path) -> Iterator[StoreReader]:
    """Nothing is known where the store of a shard is not there, nor where it lacks something of the outputs that a run found: one that was
    killed left it so, and the next makes it again up to there before it counts. Raises NoOutputs."""
    numbers = shards(output)
    with reading_stores(store_path(output, number) for number in numbers) as reader:
        reached = beginning(output) if is_written(output) else places(output)
        yield reader if reached is not None and _has(reader, numbers, reached) else StoreReader()


def reference_book(books: StoreReader, *type_names: str) -> ReferenceBook:
    """What they know by reference data of these types."""
    book = EMPTY_BOOK
    for type_name in type_names:
        for body in books.reference(type_name):
            book = apply(book, EVENT_CODECS[type_name].decode(body))
    return book


def _has(books: StoreReader, numbers: tuple[int, ...], reached: dict[int, Place]) -> bool:
    """Whether the books of each shard have what its outputs had."""
    found = books.places()
    return bool(found) and all(
        place > NOWHERE and place >= reached.get(number, NOWHERE) for number, place in zip(numbers, found, strict=True)
    )
