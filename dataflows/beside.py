"""What follows something in a thread of its own while a dataflow runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event as Flag
from threading import Thread


@contextmanager
def beside(name: str, follow: Callable[[Flag], None]) -> Iterator[None]:
    """`follow` goes on until its flag is set, which the end of the block does and waits for."""
    ended = Flag()
    thread = Thread(target=follow, args=(ended,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
