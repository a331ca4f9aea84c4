"""Completion as a shell asks for it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import relay

CONFIG = """
destinations: {swing: {type: discord, url: "${UNSET}"}, bot: {type: webhook, url: "https://bot.example/"}}
rules: [{name: daily bulls, to: swing}, {name: swing too, to: nowhere}]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return path


async def completed(words: str, config: Path) -> list[str]:
    """What fits the last word, which may be empty."""
    told = {"_RELAY_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    ended = await relay(env={**told, "RELAY_CONFIG": str(config)})
    assert ended.code == 0
    return [line.removeprefix("plain,") for line in ended.out.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("relay pau", ["pause"]),
        ("relay pause ", ["swing", "bot"]),
        ("relay pause S", ["swing"]),
        ("relay dead retry --to b", ["bot"]),
        ("relay events --rule d", ["daily bulls"]),
        ("relay snooze sw", ["swing", "swing too"]),
        ("relay status --wa", ["--watch"]),
        ("relay completion ", ["bash", "zsh", "fish"]),
    ],
)
async def test_verbs_options_and_the_configs_names_are_completed(words: str, found: list[str], config: Path) -> None:
    assert await completed(words, config) == found


@pytest.mark.parametrize("text", ["rules: [", "destinations: [swing]\nrules: 3", "", None])
async def test_a_config_that_can_not_be_read_completes_nothing_and_says_nothing(
    text: str | None, tmp_path: Path
) -> None:
    place = tmp_path / "config.yaml"
    if text is not None:
        await asyncio.to_thread(place.write_text, text)
    assert await completed("relay pause ", place) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_the_lines_are_the_shells(shell: str) -> None:
    ended = await relay("completion", shell)
    assert (ended.code, ended.err) == (0, "")
    assert "_RELAY_COMPLETE" in ended.out


def test_bash_itself_completes_a_name(config: Path) -> None:
    scripts = Path(sys.executable).parent
    script = """
    source <(relay completion bash)
    COMP_WORDS=(relay resume b) COMP_CWORD=2
    _relay_completion relay
    echo "${COMPREPLY[@]}"
    """
    env = {**os.environ, "RELAY_CONFIG": str(config), "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    told = subprocess.run(["/bin/bash", "-c", script], env=env, text=True, capture_output=True, check=True)
    assert told.stdout.split() == ["bot"]
