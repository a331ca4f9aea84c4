"""The `relay` that `relay install` puts on the PATH: what it hands on, and whose place it never takes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from relay.install import wrapper
from relay.units import CONFIG, STATE
from tests.support.documents import ROOT


def text_of(*command: str) -> str:
    return wrapper.text_of(command, config=CONFIG, state=STATE)


def test_it_becomes_the_command_with_every_word_and_names_the_service(tmp_path: Path) -> None:
    program = tmp_path / "a relay"
    program.write_text('#!/bin/sh\nprintf "%s|" "$0" "$RELAY_SERVICE" "$@"\nexit 77\n')
    program.chmod(0o755)
    script = tmp_path / "relay"
    script.write_text(text_of(str(program), "-m", "relay"))
    ended = subprocess.run(["/bin/sh", script, "dead", "a b", "", "$x"], capture_output=True, text=True, check=False)
    said = [str(program), f"{CONFIG}:{STATE}", "-m", "relay", "dead", "a b", "", "$x"]
    assert (ended.returncode, ended.stdout, ended.stderr) == (77, "".join(f"{word}|" for word in said), "")


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        (text_of("/opt/relay/bin/relay"), True),
        (text_of("/srv/relay/bin/relay"), True),
        ("#!/usr/bin/python3\nimport relay\n", False),
        ("", False),
    ],
)
def test_what_somebody_else_put_there_is_known(text: str, ours: bool, tmp_path: Path) -> None:
    place = tmp_path / "relay"
    assert wrapper.is_free(place)
    place.write_text(text)
    assert (wrapper.is_free(place), wrapper.is_ours(place)) == (ours, ours)


def test_a_link_to_nowhere_and_a_folder_are_somebodys(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert not wrapper.is_free(tmp_path / "link")
    assert not wrapper.is_free(tmp_path)


def test_the_page_has_it_written_by_hand_as_relay_install_writes_it() -> None:
    assert f"<<'SH'\n{text_of('/opt/relay/bin/relay')}SH\n" in (ROOT / "docs/install.md").read_text(encoding="utf-8")
