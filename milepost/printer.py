"""What draws tables, trees and how far a command is, for a terminal and elsewhere."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.segment import Segment
from rich.text import Text

from milepost.console import printable


class Printer(Console):
    """A console of which everything is printable, and that leaves it to the command line how a closed pipe ends."""

    def __init__(self, **how: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **how)
        self.push_render_hook(_OnlyPrintable())

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704 - called while the fault is handled


class _OnlyPrintable(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Printable(each) for each in renderables]


class _Printable:
    def __init__(self, of: ConsoleRenderable) -> None:
        self._of = of

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for text, style, control in console.render(self._of, options):
            yield Segment(text if control else printable(text), style, control)


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
