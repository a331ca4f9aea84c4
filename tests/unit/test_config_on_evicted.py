"""The image's default for an eviction, and what the config says instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay.config.load import loads
from relay.errors import ConfigError

TEXT = """
stratalerts: {{api_key: k{more}}}
destinations: {{bot: {{type: webhook, url: "https://bot.example/x"}}}}
rules: [{{name: all, to: bot}}]
"""


@pytest.mark.parametrize(
    ("more", "env", "wanted"),
    [
        ("", {}, "exit"),
        ("", {"RELAY_ON_EVICTED": ""}, "exit"),
        ("", {"RELAY_ON_EVICTED": "standby"}, "standby"),
        (", on_evicted: exit", {"RELAY_ON_EVICTED": "standby"}, "exit"),
    ],
)
def test_the_config_wins_over_the_image_and_the_image_over_the_default(
    more: str, env: dict[str, str], wanted: str
) -> None:
    config = loads(TEXT.format(more=more), path=Path("config.yaml"), env=env)
    assert config.stratalerts.on_evicted == wanted


def test_a_wrong_value_of_the_image_is_a_fault() -> None:
    with pytest.raises(ConfigError, match="RELAY_ON_EVICTED is exit or standby, found 'fight'"):
        loads(TEXT.format(more=""), path=Path("config.yaml"), env={"RELAY_ON_EVICTED": "fight"})
