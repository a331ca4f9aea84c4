"""What `relay init` says, asks and posts once the config is there.

place, Answers ──load──> Config ──explained──> what it means
                            └──measure──> how much it is of a day ──> a sample, where it is wanted ──> what is next
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from relay.cli import online, volume
from relay.cli.check import notes
from relay.cli.counting import counted
from relay.cli.folded import tell
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


class Report:
    """What one run of the verb ends with.

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
        self._sampled = False  # a sample was posted to each destination, and taken

    def tell(self, day: Survey | None, *, offline: bool) -> Exit:
        """All of it, on standard output.

        Args:
            day: What the last day had, where it was fetched already, with all that was answered looked up.
            offline: Ask nobody.

        Returns:
            As of ``relay check --online``, or that a sample was not taken.
        """
        unset = [name for name in answers.variables(self._answered) if not os.environ.get(name, "").strip()]
        config = load(self._place, env={**os.environ, **dict.fromkeys(unset, answers.NOWHERE)})
        tell(explained(config, unset))
        code = Exit.OK if offline or unset else self._try_out(config, day)
        tell(self._mending() if code is Exit.REJECTED else self._next_steps())
        return code

    def _try_out(self, config: Config, day: Survey | None) -> Exit:
        log_quietly(config)
        day, code = asyncio.run(measure(config, day))
        well = self._offer_sample(config, day)  # outside of a loop, whose first Ctrl-C would not reach the question
        return Exit.FAILED if code is Exit.OK and not well else code

    def _offer_sample(self, config: Config, day: Survey) -> bool:
        """Post the newest alert where that is wanted; False where somebody did not take it."""
        if not self._wants_sample(config, day):
            return True
        told, well = asyncio.run(sample.posted(config, day, allow_real=self._allow_real))
        tell(sample.lines(told))
        self._sampled = (
            well and not sample.withheld(config, allow_real=self._allow_real) and bool(sample.newest(config, day))
        )
        return well

    def _wants_sample(self, config: Config, day: Survey) -> bool:
        if self._sampling is not None:
            return self._sampling
        samples = sample.newest(config, day)
        if not self._interactive:
            return False
        if not samples:
            tell([f"note: {sample.NOTHING}"])
            return False
        allowed = self._allow_real or len(sample.withheld(config, allow_real=False)) < len(config.destinations)
        return allowed and click.confirm(sample.question(samples), default=True)

    def _mending(self) -> list[str]:
        mend = f"put a key that is accepted into {_key_place(self._answered)}"
        return [f"next: {mend}, then: relay check --online{where(self._place)}"]

    def _next_steps(self) -> list[str]:
        return next_steps(self._place, None if self._sampled else self._answered.places[0].name)


def explained(config: Config, unset: Sequence[str] = ()) -> Iterator[str]:
    """What a config means, a rule a line, and what is noted of it.

    Args:
        config: As it was loaded.
        unset: Variables that it reads, and that are not set here.
    """
    yield from (sentence(rule) for rule in config.rules)
    if unset:
        yield f"note: {' and '.join(unset)} {agreeing(len(unset), 'is', 'are')} not set here: set before a run"
    else:
        yield from (f"note: {note}" for note in notes(config))


async def measure(config: Config, day: Survey | None) -> tuple[Survey, Exit]:
    """Say how much the rules would have sent of the last day.

    Args:
        config: What was written.
        day: What the last day had; whom the config names is asked where it is None, or was not seen whole.

    Returns:
        What the last day had, and the exit code of what was found.
    """
    code = Exit.OK
    if day is None or any(shown.cut for shown in day.channels):
        found = await online.look(config)
        tell(online.lines(found))
        day, code = await online.last_day(config, found), found.exit_code
    tell(volume.lines(counted(config, day)))
    return day, code


def where(place: Path) -> str:
    """How the config is named, where it is not found by itself."""
    return "" if place == Path("config.yaml").absolute() else f" -c {shlex.quote(str(place))}"


def next_steps(place: Path, name: str | None) -> list[str]:
    """What to do with a config; ``name`` is one of its destinations, None where nothing is to be sent for a trial."""
    relay = running.command()
    install = shlex.join(["sudo", *relay, "install", "-c", str(place)])
    program = "relay" if shutil.which("relay") == relay[0] else shlex.join(relay)
    sends = "" if name is None else f"{program} send {shlex.quote(name)}{where(place)}, then: "
    return [
        f"next: {sends}{program} run{where(place)}",
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
