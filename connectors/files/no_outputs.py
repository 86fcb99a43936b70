"""What readers of output folders raise; apart, so that a command that reads none does not load what reads them."""

from __future__ import annotations


class NoOutputs(Exception):
    """The folder is not one that a run has written."""
