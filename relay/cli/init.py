"""``relay init``: a few questions, and a config that says what was answered.

options, then questions ──> Answers ──written──> files ──put──> load ──> what it means, what the upstream says to
                                                    └─ --dry-run: shown    the key, how much that is a day, a sample
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from relay.cli.options import config_option
from relay.cli.setup import answers, dialogue, files, options
from relay.cli.setup.answers import Answers, Typed
from relay.cli.setup.dialogue import KEY_VARIABLE, Asked
from relay.cli.setup.draft import SCHEMA, written
from relay.cli.setup.options import PLACE
from relay.cli.setup.report import Report, next_steps, where
from relay.cli.setup.scout import Scout
from relay.config.load import load
from relay.errors import ConfigError, Exit, UsageError
from relay.placing import File
from relay.rules.plain import sentence
from relay.wording import agreeing

_EXAMPLES: Final = """\b
Examples:
  relay init
  relay init my-relay --discord swing=@swing.url --symbols AAPL,SPY --timeframes D,W
  relay init --yes --key-env STRATALERTS_API_KEY --slack 'desk=${SLACK_DESK}'

\b
A URL among the arguments is shown by ps to everyone on this machine, and kept in
the shell's history: name a file that holds it (swing=@swing.url), or a variable in
single quotes. The API key can be given in no other way.
"""
_NO_SECOND: Final = "no sample: all is as it was; `relay send NAME` posts a test message, --force another sample"
_SEEN: Final = "a URL among the arguments is shown by ps to everyone on this machine, and kept in the shell's history"


@click.command(epilog=_EXAMPLES)
@click.argument("directory", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--key-file", metavar="FILE", help="The API key lies in this file, and stays there.")
@click.option("--key-env", metavar="NAME", help=f"The API key is in this environment variable, like {KEY_VARIABLE}.")
@click.option("--discord", multiple=True, metavar=PLACE, help="A Discord webhook; see below for NAME=@FILE.")
@click.option("--slack", multiple=True, metavar=PLACE, help="A Slack webhook, likewise.")
@click.option("--webhook", multiple=True, metavar=PLACE, help="Any other receiver, likewise.")
@click.option("--symbols", metavar="LIST", help="Symbols and globs, or all: AAPL,SPY,*-USD.")
@click.option("--timeframes", metavar="LIST", help="Timeframes, or all: D,W.")
@click.option("--direction", metavar="WORD", help="bullish, bearish or all.")
@click.option("--websocket-url", metavar="URL", help="Another upstream's socket, such as that of relay simulate.")
@click.option("--rest-url", metavar="URL", help="Its REST endpoints.")
@click.option("--yes", "--non-interactive", "quiet", is_flag=True, help="Ask nothing: what no option says is all.")
@click.option("--force", is_flag=True, help="Write over files that are there, without asking.")
@click.option("--offline", is_flag=True, help="Don't ask the upstream and the destinations, now and afterwards.")
@click.option(
    "--sample/--no-sample",
    "sampling",
    default=None,
    help="Post the newest alert to each destination, marked as a sample. Asked on a terminal; else it is not posted.",
)
@click.option("--allow-real", is_flag=True, help="Post a simulator's alert as a sample to another machine, too.")
@click.option("--dry-run", is_flag=True, help="Write and post nothing; show each file, with secrets masked.")
@config_option
def command(
    *,
    directory: Path | None,
    config: Path | None,
    quiet: bool,
    force: bool,
    offline: bool,
    sampling: bool | None,
    allow_real: bool,
    dry_run: bool,
    **given: str | tuple[str, ...] | None,
) -> int:
    """Ask a few questions and write a config, in DIRECTORY or here.

    On a terminal the key and each URL are looked up as they are typed, and what the last day had helps to choose.
    Secrets that are typed go into files of their own beside it, which only you can read. Then the config is checked as
    `relay check --online --volume` does it, unless --offline is said; its exit codes hold here, too.
    """
    place = _place_of(directory, config)
    answered_before = options.read(given, os.environ)
    interactive = not quiet and terminal()
    if not interactive:
        options.require(answered_before)
    if offline and sampling:
        raise UsageError("--offline posts nothing, and --sample does", hint="Leave one of them off.")
    scout = Scout(os.environ, answered_before.upstream) if interactive and not offline else None
    with _told_when_stopped("nothing was written"):
        if interactive and not dry_run and not _may_write(place, [place.name], force=force, interactive=True):
            return _kept(place)
        answered = _answered(answered_before, scout, interactive=interactive)
        if any(isinstance(one.url, Typed) for one in answered_before.places):
            click.echo(f"note: {_SEEN}; NAME=@FILE keeps it to you")
        made = written(answered, place)
        if dry_run:
            click.echo("\n".join(files.shown(place.parent, made)))
            return Exit.OK
        new = _put(place, made, force=force, interactive=interactive)
    if sampling and not (new or interactive or force):
        click.echo(_NO_SECOND)
        sampling = False
    report = Report(place, answered, interactive=interactive, sampling=sampling, allow_real=allow_real)
    with _told_when_stopped(f"{place} is written; `relay check --online{where(place)}` does the rest"):
        return report.tell(scout.day if scout is not None else None, offline=offline)


@contextmanager
def _told_when_stopped(so_far: str) -> Iterator[None]:
    """Whoever presses Ctrl-C or Ctrl-D hears what there is by then."""
    try:
        yield
    except (click.Abort, KeyboardInterrupt, EOFError):
        click.echo(f"\nstopped: {so_far}", err=True)  # the question, and ^C, stand on the line before
        raise click.Abort from None


def terminal() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty()


def _place_of(directory: Path | None, config: Path | None) -> Path:
    """Where the config goes, absolute."""
    if directory is not None and config is not None:
        raise UsageError("DIRECTORY and -c both say where the config goes", hint="Leave one of them off.")
    if directory is not None:
        config = directory / "config.yaml"
    place = (config or Path(os.environ.get("RELAY_CONFIG") or "config.yaml")).absolute()
    if place.name == SCHEMA or place.is_dir():
        raise UsageError(f"{place} can't be the config", hint="Name a file with -c, like config.yaml.")
    return place


def _answered(before: Asked, scout: Scout | None, *, interactive: bool) -> Answers:
    if interactive:
        return dialogue.ask(before, os.environ, scout)
    assert before.key is not None
    return answers.gathered(before.key, before.places, before.wanted, upstream=before.upstream)


def _may_write(place: Path, names: Iterable[str], *, force: bool, interactive: bool) -> bool:
    """Ask before anything is written over; no is an answer.

    Raises:
        UsageError: Nobody is there to ask.
    """
    there = [str(place.parent / name) for name in names if os.path.lexists(place.parent / name)]
    if not there or force:
        return True
    if interactive:
        are = agreeing(len(there), "is", "are")
        return click.confirm(f"{', '.join(there)} {are} there. Write over?", default=False)
    raise _refused(there)


def _refused(there: Sequence[str]) -> UsageError:
    """Something is there that may not be written over."""
    return UsageError(
        f"{' and '.join(there)} {agreeing(len(there), 'is', 'are')} there already, saying something else; "
        "nothing was written",
        hint="Say --force to write over, or name another folder: relay init DIRECTORY.",
    )


def _kept(place: Path) -> Exit:
    """Say what is there and stays there."""
    click.echo(f"kept: {place} is as it was")
    try:
        kept = load(place, env=os.environ)
    except ConfigError:
        click.echo(f"next: relay check{where(place)}, which says what is wrong with it")
        return Exit.OK
    for rule in kept.rules:
        click.echo(sentence(rule))
    click.echo("\n".join(next_steps(place, next(iter(kept.destinations)))))
    return Exit.OK


def _put(place: Path, made: Iterable[File], *, force: bool, interactive: bool) -> bool:
    """Write what is not there, or says something else; whether there was any such file.

    Raises:
        UsageError: What would be written over says something else, and nobody said yes to that.
    """
    made = tuple(made)
    differing = files.changed(place.parent, made)
    asked = {place.name} if interactive else set()  # before the first question
    others = [name for name in differing if name not in asked]
    if not _may_write(place, others, force=force, interactive=interactive):
        raise _refused(others)
    wanting = [file for file in made if file.path.name in differing or not files.well(place.parent, file)]
    files.put(place.parent, wanting)
    for file in made:
        done = "wrote" if file in wanting else "already so:"
        click.echo(f"{done} {place.parent / file.path}{' (secret: only you can read it)' if file.secret else ''}")
    return bool(wanting)
