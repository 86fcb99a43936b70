"""What a C compiler has made of `.pyx` files when the environment was made, or None: then the same is done in Python.

Both give the same bytes; `MILEPOST_INTERPRETED=1` leaves out what is compiled.
"""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType
from typing import Final

INTERPRETED: Final = "MILEPOST_INTERPRETED"
# Whose named tuples are read on the way of every event.
READ_OFTEN: Final = frozenset({"connectors", "domain", "state"})


def _compiled(name: str) -> ModuleType | None:
    try:
        return None if INTERPRETED in os.environ else import_module(name)
    except ModuleNotFoundError:
        return None


native: Final = _compiled("connectors.avro_native")
_fields: Final = _compiled("connectors.tuple_fields")
_pages: Final = _compiled("connectors.huge_pages")


def read_tuples_as_slots() -> None:
    """Named tuples of all modules that are imported by now."""
    if _fields is None:
        return
    for each in tuple.__subclasses__():
        if hasattr(each, "_fields") and each.__module__.partition(".")[0] in READ_OFTEN:
            _fields.read_as_slots(each)


def ask_for_huge_pages() -> None:
    """For the memory that Python takes from now on; where that is not compiled, nothing is asked (docs/decisions/huge-pages.md)."""
    if _pages is not None:
        _pages.ask()
