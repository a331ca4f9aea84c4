"""What goes on while a verb works: bars and counters on standard error, where a person watches; nothing elsewhere.

    verb ──Bars──> a line each: a bar where the end is known, else a spinner and a count ──done──> gone

Standard output is left to what the verb has to say. ``NO_COLOR`` and a pipe are rich's to respect.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text


class _Count(ProgressColumn):
    """``1,200 of 4,000``, or ``1,200`` where nobody knows the end."""

    def render(self, task: Task) -> Text:
        end = "" if task.total is None else f" of {int(task.total):,}"
        return Text(f"{int(task.completed):,}{end}")


class Bars:
    """A line for each thing that goes on.

    Args:
        quiet: Show nothing: a program reads what comes of it.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            _Count(),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def show(self, what: str, done: int, of: int | None) -> None:
        """So much of ``what`` is done; ``of`` is None where its end is not known."""
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=of)
        self._progress.update(self._tasks[what], completed=done, total=of)
