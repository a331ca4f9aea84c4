from __future__ import annotations

import pytest

from relay.destinations.discord.config import DiscordConfig
from tests.support.config_text import config_text, read


def config(text: str) -> DiscordConfig:
    destination = read(config_text("discord", text)).destinations["bot"]
    assert isinstance(destination, DiscordConfig)
    return destination


@pytest.mark.parametrize("written", ["1189276001123456789", "'1189276001123456789'"])
def test_a_thread_is_a_number_or_a_text(written: str) -> None:
    assert config(f"thread_id: {written}").thread_id == "1189276001123456789"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Strat desk", "Strat desk"),
        ("42", "42"),
        ("' Strat '", "Strat"),
        ("Ünïcode 📈", "Ünïcode 📈"),
        ("x" * 80, "x" * 80),
    ],
)
def test_a_name_is_any_that_discord_takes(written: str, name: str) -> None:
    assert config(f"username: {written}").username == name


def test_by_default_the_webhooks_own_name_and_picture_are_shown_with_a_sound() -> None:
    bare = config("timeout: 10s")
    assert (bare.username, bare.avatar_url, bare.thread_id, bare.silent) == (None, None, None, False)


def test_every_key_changes_what_the_config_is_known_by() -> None:
    keys = ("username: A", "avatar_url: 'https://a.example/x.png'", "thread_id: 5", "silent: true", "template: x")
    assert len({config(key).fingerprint() for key in ("timeout: 10s", *keys)}) == 6
