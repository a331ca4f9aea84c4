"""Every command's help has an example, and each of them works as it stands there.

help of each verb ──> its examples ──bash──> the real command, in a folder with a config, a relay and its history
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from relay.cli import VERBS, group
from relay.deliveries import Outcome, Verdict
from relay.outbox.sqlite import SqliteOutbox
from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.support.clock import FakeClock
from tests.support.events import entry, in_force
from tests.support.process import running, webhook, write_config

KEY: Final = 98_421  # the alert that examples name
LETTERS: Final = 40  # more dead letters than examples name
REFUSED: Final = Outcome(Verdict.DEAD, "404", "404 Not Found", "no such hook")

TRIED_ELSEWHERE: Final = {"init": "test_init.py", "install": "test_install.py"}
"""They ask, or change the machine; their tests run what their examples show."""

WORK_UNTIL_STOPPED: Final = ("relay run", "relay simulate", "relay demo", "relay status --watch")
CTRL_C: Final = b"\x03"
OFFLINE: Final = ("relay repair",)  # the relay must be stopped
LAST: Final = re.compile(r" (retry|drop|replay|pause|resume|snooze)\b")  # they change what others show


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """A command and those below it, by what is typed."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for one in command.list_commands(context):
            inner = command.get_command(context, one)
            assert inner is not None
            yield from commands(inner, f"{name} {one}")


EVERY: Final = dict(commands(group, "relay"))


def examples(command: click.Command) -> list[str]:
    _, _, block = (command.epilog or "").partition("Examples:\n")
    lines = block.partition("\n\n")[0].splitlines()
    return [line.partition("  #")[0].strip() for line in lines if line.strip()]


@pytest.mark.parametrize("name", sorted(EVERY.keys() - {"relay"}))
def test_every_commands_help_has_examples_of_it(name: str) -> None:
    found = examples(EVERY[name])
    assert found
    assert all(name in one for one in found)


def told() -> list[str]:
    """All examples once, those that change something after those that show it, and those that change most at last."""
    verbs = [name for name in EVERY if name != "relay" and name.split()[1] not in TRIED_ELSEWHERE]
    found = dict.fromkeys(one for name in verbs for one in examples(EVERY[name]))
    return sorted(found, key=lambda one: (LAST.search(one) is not None, "--to" in one, "--all" in one))


async def bash(line: str, folder: Path) -> asyncio.subprocess.Process:
    scripts = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return await asyncio.create_subprocess_exec(
        *("bash", "-c", line),
        cwd=folder,
        env={**os.environ, "PATH": scripts, "HOME": str(folder), "COLUMNS": "100"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def faults(lines: list[str], folder: Path) -> list[str]:
    """What did not end as it should."""
    found = []
    for line in lines:
        process = await bash(line, folder)
        async with asyncio.timeout(60):
            out, _ = await process.communicate(b"")
        if process.returncode or b"Traceback" in out:
            found.append(f"$ {line}\nended with {process.returncode}:\n{out.decode()}")
    return found


@pytest.fixture
async def folder(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> Path:
    """A config with the names of the examples, and a store with what they ask for."""
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", FakeClock())
    await outbox.commit([entry(in_force(KEY + number, "AAPL"), "bot") for number in range(LETTERS)])
    claimed, _ = await outbox.claim("bot", after=0, limit=100)
    for delivery in claimed:
        await outbox.bury(delivery, REFUSED, at_us=FakeClock().now_us())
    await outbox.close()
    for symbol in ("AAPL", "BTC-USD"):
        simulator.state({"symbol": symbol, "tfc": {"D": "green"}})
    names = {"swing": webhook(inbox.url("/swing")), "bot": webhook(inbox.url("/bot"))}
    rules: list[dict[str, object]] = [{"name": "daily bulls", "timeframe": "D", "direction": "bullish", "to": [*names]}]
    write_config(tmp_path, simulator, names, rules=rules)
    (tmp_path / "alert.json").write_text('{"type": "alert.in_force", "data": {"symbol": "AAPL", "timeframe": "D"}}')
    for place in (".local/share/bash-completion/completions", ".zfunc", ".config/fish/completions"):
        (tmp_path / place).mkdir(parents=True)
    return tmp_path


async def test_every_example_works(folder: Path) -> None:
    lines = [one for one in told() if not one.startswith((*WORK_UNTIL_STOPPED, *OFFLINE))]
    async with running(folder / "config.yaml") as process:
        await process.ready()
        found = await faults(lines, folder)
    found += await faults([one for one in told() if one.startswith(OFFLINE)], folder)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("line", [one for one in told() if one.startswith(WORK_UNTIL_STOPPED)])
async def test_what_works_until_it_is_stopped_does_so(line: str, folder: Path) -> None:
    here = line.replace("--for 30s", "--for 5s").replace("my-demo", "my-demo --for 5s")
    here = here.replace("/etc/relay/config.yaml", "config.yaml")
    # A terminal, for what draws wants one; and no shell of its own there, which Ctrl-C would end too, with 130.
    process = await bash(f"exec script -qec 'exec {here}' /dev/null", folder)
    assert process.stdout is not None
    async with asyncio.timeout(60):
        first = await process.stdout.read(1)
        rest, _ = await process.communicate(b"" if "--for" in here else CTRL_C)
    assert process.returncode == 0, (first + rest).decode()


def test_no_verb_is_left_out() -> None:
    assert {name.split()[1] for name in EVERY if name != "relay"} == set(VERBS)
