"""``relay demo``: simulator, inbox, chats and relay in one command, nothing to configure."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.text import Text

from relay import logs
from relay.cli.options import MOMENT, Span
from relay.clock import SystemClock
from relay.demo.lines import Lines
from relay.demo.run import Demo, Screen, Settings
from relay.demo.scene import Report
from relay.demo.summary import summary
from relay.demo.view import View
from relay.errors import Exit, RelayError, UsageError

_SECONDS_UNSEEN: Final = 30.0  # where nobody is there to press Ctrl-C
_EXAMPLES: Final = """\b
Examples:
  relay demo --for 30s
  relay demo --keep my-demo
"""


@click.command(epilog=_EXAMPLES)
@click.option("--for", "seconds", type=Span(least=MOMENT), help="Stop by itself and sum up, like 30s.")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides what the bars leave open.")
@click.option(
    "--speed",
    type=click.FloatRange(0, 100, min_open=True),
    default=30.0,
    show_default=True,
    help="Trading days a second.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep config, store and log in this new folder.",
)
def command(*, seconds: float | None, seed: int, speed: float, keep: Path | None) -> int:
    """Simulator, inbox, chats and relay in one command, nothing to configure.

    Real market history is replayed; sockets drop, frames get lost, a receiver and a chat fail by themselves; what the
    rules want is compared with what arrives, and with what a Discord and a Slack channel show, which have pages of
    their own. Exit code 0: all that matched arrived exactly once.

    Without --for it runs until Ctrl-C, or 30s where the output is no terminal.
    """
    console = Console()
    seen = sys.stdout.isatty() and not console.is_dumb_terminal and console.encoding.startswith("utf")
    if seconds is None and not sys.stdout.isatty():
        seconds = _SECONDS_UNSEEN
    with ExitStack() as stack:
        directory = _new(keep) if keep else stack.enter_context(_temporary())
        log = stack.enter_context((directory / "demo.log").open("w", encoding="utf-8"))
        logs.configure("info", "console", log)
        screen: Screen
        frame: AbstractContextManager[object] = nullcontext()
        if seen:
            screen = frame = View(console)
        else:
            screen = Lines(click.echo)
        with frame:
            report = asyncio.run(_live(Settings(directory, seconds, speed, seed), screen))
    if report is None:
        raise click.Abort
    _tell(report, console if seen else None)
    return Exit.OK if report.ok else Exit.FAILED


@contextmanager
def _temporary() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    try:
        made = tempfile.TemporaryDirectory(prefix="relay-demo-")
    except OSError as error:
        raise RelayError(f"no temporary folder can be made: {error.strerror}", hint="Name one with --keep.") from error
    with made as name:
        yield Path(name)


def _new(directory: Path) -> Path:
    """``directory``, made where it is not there: a store of an earlier demo would know the alerts of this one."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        empty = not any(directory.iterdir())
    except OSError as error:
        raise UsageError(f"{directory} can't be used: {error.strerror}", hint="Name a new folder.") from error
    if not empty:
        raise UsageError(f"{directory} is not empty", hint="Name a new folder, or empty this one.")
    return directory


async def _live(settings: Settings, screen: Screen) -> Report | None:
    """What the demo came to; None where it was ended at once."""
    demo = Demo(settings, SystemClock(), screen)
    playing = asyncio.create_task(demo.run())
    asked: list[int] = []

    def on_signal(number: int) -> None:
        """First: come to the end. Again, or where the terminal is gone: end at once."""
        if asked or number == signal.SIGHUP:
            playing.cancel()
        asked.append(number)
        demo.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup wants it
            loop.add_signal_handler(number, on_signal, number)
    await asyncio.wait({playing})
    return None if playing.cancelled() else playing.result()


def _tell(report: Report, console: Console | None) -> None:
    """The account, in colour on a terminal."""
    for line in summary(report):
        if console is None:
            click.echo(line)
        else:
            verdict = "bold red" if line.startswith("fault") else "bold green" if line.startswith("ok") else ""
            console.print(Text(line, verdict), soft_wrap=True, highlight=False)
