"""What a C compiler has made of `avro_native.pyx` when the environment was made, or None: then the same is done in Python.

Both give the same bytes; `MILEPOST_INTERPRETED=1` leaves out what is compiled.
"""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType
from typing import Final

INTERPRETED: Final = "MILEPOST_INTERPRETED"


def _compiled(name: str) -> ModuleType | None:
    try:
        return None if INTERPRETED in os.environ else import_module(name)
    except ModuleNotFoundError:
        return None


native: Final = _compiled("connectors.avro_native")
