"""``relay init``: a few questions, and a config that says what was answered.

options, then questions ──> Answers ──written──> files ──put──> load ──> what it means, what the upstream says to
                                                                         the key, and how much that is a day
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import click

from relay.cli import answers, files, online, questions, volume
from relay.cli.answers import Answers, InEnvironment, InFile, Kind, Place, Typed, WrongAnswerError
from relay.cli.check import notes
from relay.cli.options import config_option
from relay.cli.questions import KEY_VARIABLE, Asked
from relay.cli.quiet import log_quietly
from relay.cli.written import SCHEMA, written
from relay.config.load import load
from relay.config.model import Config
from relay.errors import Exit, UsageError
from relay.rules.plain import sentence

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
_PLACE: Final = "NAME=URL"
_SEEN: Final = "a URL among the arguments is shown by ps to everyone on this machine, and kept in the shell's history"
_UNSET: Final = "https://unset.invalid/"  # stands for a variable while the config is read, and is never asked

T = TypeVar("T")


@click.command(epilog=_EXAMPLES)
@click.argument("directory", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--key-file", metavar="FILE", help="The API key lies in this file, and stays there.")
@click.option("--key-env", metavar="NAME", help=f"The API key is in this environment variable, like {KEY_VARIABLE}.")
@click.option("--discord", multiple=True, metavar=_PLACE, help="A Discord webhook; see below for NAME=@FILE.")
@click.option("--slack", multiple=True, metavar=_PLACE, help="A Slack webhook, likewise.")
@click.option("--webhook", multiple=True, metavar=_PLACE, help="Any other receiver, likewise.")
@click.option("--symbols", metavar="LIST", help="Symbols and globs, or all: AAPL,SPY,*-USD.")
@click.option("--timeframes", metavar="LIST", help="Timeframes, or all: D,W.")
@click.option("--direction", metavar="WORD", help="bullish, bearish or all.")
@click.option("--websocket-url", metavar="URL", help="Another upstream's socket, such as that of relay simulate.")
@click.option("--rest-url", metavar="URL", help="Its REST endpoints.")
@click.option("--yes", "--non-interactive", "quiet", is_flag=True, help="Ask nothing: what no option says is all.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@click.option("--offline", is_flag=True, help="Don't ask the upstream and the destinations afterwards.")
@config_option
def command(
    *,
    directory: Path | None,
    config: Path | None,
    quiet: bool,
    force: bool,
    offline: bool,
    **given: str | tuple[str, ...] | None,
) -> int:
    """Ask a few questions and write a config, in DIRECTORY or here.

    Secrets that are typed go into files of their own beside it, which only you can read. Then the config is checked as
    `relay check --online --volume` does it, unless --offline is said; its exit codes hold here, too.
    """
    place = _place_of(directory, config)
    asked = _asked(given, os.environ)
    interactive = not quiet and terminal()
    if not interactive:
        _require(asked)
    _may_write(place, [place.name], force=force, interactive=interactive)
    answered = _answered(asked, os.environ, interactive=interactive)
    if any(isinstance(one.url, Typed) for one in asked.places):
        click.echo(f"note: {_SEEN}; NAME=@FILE keeps it to you")
    made = written(answered, place)
    others = [name for name in files.changed(place.parent, made) if name != place.name]
    _may_write(place, others, force=force, interactive=interactive)
    files.put(place.parent, made)
    for file in made:
        click.echo(f"wrote {place.parent / file.name}{' (secret: only you can read it)' if file.secret else ''}")
    return _check(place, answered, offline=offline)


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


def _asked(given: Mapping[str, str | tuple[str, ...] | None], env: Mapping[str, str]) -> Asked:
    """What the options say.

    Raises:
        UsageError: Of click: some can't be used; every one of them is named.
    """
    faults: list[click.UsageError] = []
    one = {name: value for name, value in given.items() if isinstance(value, str)}
    if "key_file" in one and "key_env" in one:
        raise click.UsageError("--key-file and --key-env both say where the API key is; leave one of them off.")

    def read(name: str, reader: Callable[[str], T]) -> T | None:
        return _option(f"--{name.replace('_', '-')}", partial(reader, one[name]), faults) if name in one else None

    places = [place for kind in answers.KINDS for place in _places(kind, given[kind] or (), env, faults)]
    upstream = [read(name, partial(answers.address, name)) for name in answers.ADDRESSES]
    asked = Asked(
        key=read("key_file", lambda text: answers.key(f"@{text}", env))
        or read("key_env", lambda text: answers.key(answers.in_environment(text), env)),
        places=_option("--discord, --slack, --webhook", lambda: answers.distinct(places), faults) or (),
        symbols=read("symbols", answers.symbols),
        timeframes=read("timeframes", answers.timeframes),
        direction=read("direction", lambda text: answers.direction(text) or ""),
        upstream=tuple(address for address in upstream if address is not None),
    )
    if len(faults) > 1:
        raise click.UsageError("\n  ".join(fault.format_message() for fault in faults))
    if faults:
        raise faults[0]
    return asked


def _places(
    kind: Kind, texts: Iterable[str], env: Mapping[str, str], faults: list[click.UsageError]
) -> Iterator[Place]:
    for text in texts:
        name, equals, url = text.partition("=")
        if not equals:  # the text may be a URL: a secret
            faults.append(click.BadParameter(f"{_PLACE} is wanted", param_hint=f"--{kind}"))
            continue
        place = _option(f"--{kind}", partial(answers.place, kind, name, url, env), faults)
        if place is not None:
            yield place


def _option(option: str, read: Callable[[], T], faults: list[click.UsageError]) -> T | None:
    """What it says; None, and a fault more, where that can't be used."""
    try:
        return read()
    except WrongAnswerError as error:
        faults.append(click.BadParameter(f"{error}.", param_hint=option))
        return None


def _require(asked: Asked) -> None:
    """Without anybody to ask, options must say what can't be left out."""
    if asked.key is None:
        raise click.UsageError("Nobody is there to ask: say where the API key is, with --key-file or --key-env.")
    if not asked.places:
        raise click.UsageError("Nobody is there to ask: say where alerts go, with --discord, --slack or --webhook.")


def _answered(asked: Asked, env: Mapping[str, str], *, interactive: bool) -> Answers:
    if interactive:
        return questions.ask(asked, env)
    assert asked.key is not None
    return answers.gathered(
        asked.key,
        asked.places,
        symbols=asked.symbols or (),
        timeframes=asked.timeframes or (),
        direction=asked.direction or None,
        upstream=asked.upstream,
    )


def _may_write(place: Path, names: Iterable[str], *, force: bool, interactive: bool) -> None:
    """Ask before anything is written over."""
    there = [str(place.parent / name) for name in names if os.path.lexists(place.parent / name)]
    if not there or force:
        return
    one = len(there) == 1
    if interactive and click.confirm(f"{', '.join(there)} {'is' if one else 'are'} there. Write over?", default=False):
        return
    raise UsageError(
        f"{' and '.join(there)} {'is' if one else 'are'} there already; nothing was written",
        hint="Say --force to write over, or name another folder: relay init DIRECTORY.",
    )


def _check(place: Path, answered: Answers, *, offline: bool) -> int:
    """Read what was written, say it back, and ask whom it names."""
    unset = [name for name in answers.variables(answered) if not os.environ.get(name, "").strip()]
    loaded = load(place, env={**os.environ, **dict.fromkeys(unset, _UNSET)})
    for rule in loaded.rules:
        click.echo(sentence(rule))
    if unset:
        click.echo(f"note: {' and '.join(unset)} {'is' if len(unset) == 1 else 'are'} not set here: set before a run")
    else:
        for note in notes(loaded):
            click.echo(f"note: {note}")
    code = Exit.OK if offline or unset else asyncio.run(_ask(loaded))
    where = "" if place == Path("config.yaml").absolute() else f" -c {shlex.quote(str(place))}"
    if code is Exit.REJECTED:
        click.echo(f"next: put a key that is accepted into {_key_place(answered)}, then: relay check --online{where}")
    else:
        click.echo(f"next: relay send {shlex.quote(answered.places[0].name)}{where}, then: relay run{where}")
        click.echo("docs/rules.md has more rules, to be copied and changed.")
    return code


def _key_place(answered: Answers) -> str:
    match answered.key:
        case InEnvironment():
            return f"the variable {answered.key.name}"
        case InFile():
            return str(answered.key.path)
        case Typed():
            return "the file that api_key_file names"


async def _ask(loaded: Config) -> Exit:
    log_quietly(loaded)
    found = await online.look(loaded)
    click.echo("\n".join(online.lines(found)))
    click.echo("\n".join(volume.lines(await online.measure(loaded, found))))
    return found.exit_code
