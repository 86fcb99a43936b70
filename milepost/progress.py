"""How far a command is."""

from __future__ import annotations

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from milepost.printer import Printer


def progress_bar() -> Progress:
    """On a terminal, with counts and time left; elsewhere it shows nothing."""
    console = Printer(stderr=True)
    return Progress(
        TextColumn("{task.description:<11}"),
        BarColumn(bar_width=30),
        Counts(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal or console.is_dumb_terminal,
    )


class Counts(ProgressColumn):
    """What the task's `count` says, else how many of how many."""

    def render(self, task: Task) -> Text:
        of = f" of {task.total:,.0f}" if task.total else ""
        return Text(task.fields.get("count") or f"{task.completed:,.0f}{of}")
