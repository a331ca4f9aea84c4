"""Whether those whom a config mentions will be pinged: what is a fault, what is noted, what is passed over."""

from __future__ import annotations

import pytest

from relay.config.mentions import unheard
from tests.support.config_text import faults_of, read

ROLE, GROUP = "<@&961700198785118228>", "<!subteam^S012ABC>"
DESTINATIONS = f"""\
  swing: {{type: discord, url: 'http://127.0.0.1/x', roles: {{swing: '{ROLE}', scalp: '<@&2>'}}}}
  desk: {{type: slack, url: 'http://127.0.0.1/x', roles: {{desk: '{GROUP}'}}}}
  bot: {{type: webhook, url: 'http://127.0.0.1/x'}}
  phone: {{type: apprise, url: 'json://127.0.0.1'}}
"""


def text(rule: str, destinations: str = DESTINATIONS) -> str:
    return f"stratalerts: {{api_key: k}}\ndestinations:\n{destinations}rules:\n  - {{name: daily bulls, {rule}}}\n"


@pytest.mark.parametrize(
    ("rule", "notes"),
    [
        ("to: swing", []),
        ("to: swing, mention: swing", []),
        ("to: [swing, desk], mention: [swing, desk]", []),
        ("to: [swing, bot], mention: swing", []),
        (f"to: [swing, desk], mention: ['{ROLE}', '{GROUP}']", []),
        ("to: [swing, desk], mention: swing", ["daily bulls pings nobody at desk: it has no role 'swing'"]),
        (
            f"to: [swing, desk], mention: '{ROLE}'",
            [f"daily bulls pings nobody at desk: '{ROLE}' is a mention of Discord"],
        ),
        (
            f"to: [swing, desk], mention: ['{GROUP}', desk]",
            [f"daily bulls pings nobody at swing: '{GROUP}' is a mention of Slack and it has no role 'desk'"],
        ),
        ("to: desk, mention: '<@80351110224678912>'", [
            "daily bulls pings nobody at desk: '<@80351110224678912>' is a mention of Discord",
        ]),
        (f"to: bot, mention: '{ROLE}'", ["daily bulls pings nobody: none of its destinations is a chat"]),
        (f"to: [bot, phone], mention: '{GROUP}'", ["daily bulls pings nobody: none of its destinations is a chat"]),
        (f"to: desk, mention: '{ROLE}', enabled: false", []),
    ],
)  # fmt: skip
def test_a_chat_where_a_rule_pings_nobody_although_it_mentions_somebody_is_noted(rule: str, notes: list[str]) -> None:
    assert list(unheard(read(text(rule)))) == notes


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("to: swing, mention: swin", "the roles of a destination that this rule goes to have no 'swin'; did you mean"),
        ("to: [bot, desk], mention: swing", "the roles of a destination that this rule goes to have no 'swing'; allow"),
        ("to: [bot, phone], mention: [swing, desk]", "this rule pings nobody: none of its destinations is a chat"),
    ],
)
def test_a_name_that_no_chat_of_the_rule_explains_is_one_fault(rule: str, fault: str) -> None:
    (told,) = faults_of(text(rule))
    assert fault in told


@pytest.mark.parametrize(
    ("destination", "faulty"),
    [
        ("{type: Discord, url: 'http://127.0.0.1/x'}", "type"),
        ("{type: [discord], url: 'http://127.0.0.1/x'}", "type"),
        ("{url: 'http://127.0.0.1/x'}", "type"),
        ("{type: slack, url: 'http://127.0.0.1/x', roles: [swing]}", "roles"),
        ("{type: slack, url: 'http://127.0.0.1/x', roles: null}", "roles"),
        ("http://127.0.0.1/x", ""),
    ],
)
@pytest.mark.parametrize("to", ["odd", "[odd, bot]", "[odd, desk]"])
def test_where_it_can_not_be_told_what_a_destination_is_no_mention_is_called_wrong(
    destination: str, faulty: str, to: str
) -> None:
    (told,) = faults_of(text(f"to: {to}, mention: swing", f"{DESTINATIONS}  odd: {destination}\n"))
    assert told.split(": ")[1] == f"destinations.odd.{faulty}".rstrip(".")


def test_a_misspelt_destination_is_one_fault_and_its_roles_are_not_missed() -> None:
    (told,) = faults_of(text("to: swng, mention: swing"))
    assert "there is no destination 'swng'; did you mean 'swing'?" in told
