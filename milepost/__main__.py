"""`python -m milepost`, the same as `milepost`."""

from __future__ import annotations

from milepost.cli import app

app(prog_name="milepost")
