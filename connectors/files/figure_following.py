"""Extends the index of figures by what a run commits while it still has it at hand, so that it need not be read again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from connectors.files.figure_index import WRITTEN_EVERY, FigureIndex
from connectors.files.figure_rows import FigureRows
from connectors.files.outputs import OutputFiles
from connectors.log_records import StoredRecord
from state.batch import Mark


class Following:
    """Needs an index that is current. Where somebody else extends it, or a commit went unseen, it ends, and `extend` reads the rest."""

    def __init__(self, index: FigureIndex) -> None:
        self.is_on = index.may_follow()
        self._index = index
        self._rows = FigureRows(index.taken_back, index.clock())
        self._written: dict[str, Any] = index.reached()
        self._offset: int = self._written["log_offset"]
        self._recorded_at: int = self._written["recorded_at"]
        self._lengths: dict[str, int] = self._written["lengths"]
        self._places = index.places(self._offset)

    def take(self, records: Sequence[StoredRecord], outputs: OutputFiles, mark: Mark) -> None:
        """The records of a batch, of which the mark says how many count, after the commit of its outputs."""
        end = mark.offset + (1 if mark.engagement else 0)
        new = [record for record in records if self._offset <= record.offset < end]
        self.is_on = self.is_on and outputs.lengths_before == self._lengths and len(new) == max(0, end - self._offset)
        if not self.is_on:
            return
        places = list(islice(self._places, len(new)))
        self.is_on = len(places) == len(new)
        for record, place in zip(new, places, strict=False):
            self._recorded_at = self._rows.add_record(record, place.length, self._recorded_at)
        for part, written in outputs.placed.items():
            for begin, output in written:
                self._rows.add_output(part, begin, output.log_offset, output.output_seq, output.record)
        self._offset, self._lengths = max(end, self._offset), outputs.lengths
        if len(self._rows) >= WRITTEN_EVERY:
            self.write()

    def write(self) -> None:
        """What was taken since the last time."""
        if self.is_on and len(self._rows):
            self.is_on = self._index.add(self._rows, self._written, self._offset, self._recorded_at, self._lengths)
            self._written = self._index.reached()
