"""What `relay init` says, asks and posts once the config is there.

place, Answers ──load──> what it means ──look, count──> how much it is ──> a sample, where it is wanted ──> what is next
"""

from __future__ import annotations

import asyncio
import os
import shlex
from pathlib import Path

import click

from relay.cli import online, volume
from relay.cli.check import notes
from relay.cli.counting import counted
from relay.cli.quiet import log_quietly
from relay.cli.setup import answers, sample
from relay.cli.setup.answers import Answers, InEnvironment, InFile, Typed
from relay.cli.survey import Survey
from relay.config.load import load
from relay.config.model import Config
from relay.errors import Exit
from relay.install import running
from relay.rules.plain import sentence
from relay.wording import agreeing


class Afterwards:
    """One run's end.

    Args:
        place: The config, absolute.
        answered: What it was written from.
        interactive: Somebody is there to answer.
        sampling: Whether to post a sample; None asks, where somebody is there.
        allow_real: A simulator's alert may leave this machine.
    """

    def __init__(
        self, place: Path, answered: Answers, *, interactive: bool, sampling: bool | None, allow_real: bool
    ) -> None:
        self._place = place
        self._answered = answered
        self._interactive = interactive
        self._sampling = sampling
        self._allow_real = allow_real

    def check(self, day: Survey | None, *, offline: bool) -> int:
        """Read what was written, say it back, and ask whom it names.

        Args:
            day: What the last day had, where it was fetched already, with all that was answered looked up.
            offline: Ask nobody.
        """
        names = answers.variables(self._answered)
        unset = [name for name in names if not os.environ.get(name, "").strip()]
        loaded = load(self._place, env={**os.environ, **dict.fromkeys(unset, answers.NOWHERE)})
        for rule in loaded.rules:
            click.echo(sentence(rule))
        if unset:
            are = agreeing(len(unset), "is", "are")
            click.echo(f"note: {' and '.join(unset)} {are} not set here: set before a run")
        else:
            for note in notes(loaded):
                click.echo(f"note: {note}")
        code = Exit.OK if offline or unset else asyncio.run(self._ask(loaded, day))
        if code is Exit.REJECTED:
            mend = f"put a key that is accepted into {_key_place(self._answered)}"
            click.echo(f"next: {mend}, then: relay check --online{where(self._place)}")
        else:
            click.echo("\n".join(next_steps(self._place, self._answered.places[0].name)))
        return code

    async def _ask(self, loaded: Config, day: Survey | None) -> Exit:
        log_quietly(loaded)
        code = Exit.OK
        if day is None or any(shown.cut for shown in day.channels):
            found = await online.look(loaded)
            click.echo("\n".join(online.lines(found)))
            day, code = await online.last_day(loaded, found), found.exit_code
        click.echo("\n".join(volume.lines(counted(loaded, day))))
        if not self._wants_sample(loaded, day):
            return code
        told, well = await sample.posted(loaded, day, allow_real=self._allow_real)
        click.echo("\n".join(sample.lines(told)))
        return code if well or code is not Exit.OK else Exit.FAILED

    def _wants_sample(self, loaded: Config, day: Survey) -> bool:
        if self._sampling is not None:
            return self._sampling
        if not self._interactive or not sample.newest(loaded, day):
            return False
        allowed = self._allow_real or len(sample.withheld(loaded, allow_real=False)) < len(loaded.destinations)
        whom = "each destination" if len(loaded.destinations) > 1 else next(iter(loaded.destinations))
        return allowed and click.confirm(f"Post the newest alert to {whom}, marked as a sample?", default=True)


def where(place: Path) -> str:
    """How the config is named, where it is not found by itself."""
    return "" if place == Path("config.yaml").absolute() else f" -c {shlex.quote(str(place))}"


def next_steps(place: Path, name: str) -> list[str]:
    """What to do with a config; ``name`` is one of its destinations."""
    install = shlex.join(["sudo", *running.command(), "install", "-c", str(place)])
    return [
        f"next: relay send {shlex.quote(name)}{where(place)}, then: relay run{where(place)}",
        f"or as a service, which starts with the machine: {install}",
        "docs/rules.md has more rules, to be copied and changed.",
    ]


def _key_place(answered: Answers) -> str:
    match answered.key:
        case InEnvironment():
            return f"the variable {answered.key.name}"
        case InFile():
            return str(answered.key.path)
        case Typed():
            return "the file that api_key_file names"
