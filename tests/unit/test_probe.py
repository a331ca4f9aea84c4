"""What the answer to a question means that posts nothing: one table a kind, and one for the upstream."""

from __future__ import annotations

import json

import pytest

from relay.cli.online import Found
from relay.destinations.answer import Answer
from relay.destinations.discord.config import DiscordConfig
from relay.destinations.probe import Probe, discord_probe, slack_probe, webhook_probe
from relay.errors import Exit
from relay.events import Channel
from relay.upstream.probe import Probe as Endpoint
from relay.upstream.probe import Standing

TOKEN = "tok-123456789"


def discord(**more: object) -> DiscordConfig:
    url = f"https://discord.com/api/webhooks/1/{TOKEN}"
    return DiscordConfig.model_validate({"type": "discord", "url": url, **more})


@pytest.mark.parametrize(
    ("status", "body", "ok", "said"),
    [
        (200, {"id": "1", "name": "Swing", "token": TOKEN}, True, "found 'Swing'"),
        (200, {"id": "1", "name": None}, True, "found a webhook without a name"),
        (200, {"id": "1", "name": f"x{TOKEN} \x1b\u202e"}, True, "found 'x***'"),
        (200, {"id": 1, "name": "n" * 200}, True, "found 'nnn"),
        (200, {"message": "hello"}, False, "answers, but not as a Discord webhook does (answered 200 OK)"),
        (200, "<html>", False, "answers, but not as a Discord webhook does"),
        (200, "ok", False, "answers, but not as a Discord webhook does"),
        (202, {"id": "1", "name": "Swing"}, False, "answers, but not as a Discord webhook does"),
        (204, "", False, "answers, but not as a Discord webhook does (answered 204 No Content)"),
        (404, {"code": 10015, "message": "Unknown Webhook"}, False, "no such webhook"),
        (404, "", False, "no such webhook"),
        (401, {"code": 50027, "message": "Invalid Webhook Token"}, False, "token"),
        (403, {"code": 50027}, False, "token"),
        (429, {"retry_after": 1.5}, False, "ask again later"),
        (500, "", False, "answered 500"),
        (302, "", False, "redirects are not followed"),
    ],
)
def test_discord_tells_whether_the_webhook_is_there(status: int, body: object, ok: bool, said: str) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    found = discord_probe(Answer(status, text=text), discord())
    assert found.ok is ok
    assert said in found.detail
    assert TOKEN not in found.detail
    assert len(found.detail) < 160


def test_a_thread_can_not_be_looked_for() -> None:
    found = discord_probe(Answer(200, text='{"id": "1", "name": "Swing"}'), discord(thread_id="5"))
    assert found == Probe(ok=True, detail="found 'Swing'; whether its thread exists can't be told", name="Swing")


@pytest.mark.parametrize(
    ("status", "ok"), [(200, True), (302, True), (404, True), (405, True), (500, False), (503, False)]
)
def test_slack_is_reachable_or_down_and_tells_no_more(status: int, ok: bool) -> None:
    found = slack_probe(Answer(status))
    assert found.ok is ok
    assert ("does not tell whether" in found.detail) is ok


@pytest.mark.parametrize(
    ("status", "ok"),
    [
        *((status, True) for status in (200, 204, 401, 404, 405, 501)),
        *((status, False) for status in (301, 308, 410, 500, 502, 503)),
    ],
)
def test_a_receiver_that_knows_no_head_is_there_all_the_same(status: int, ok: bool) -> None:
    found = webhook_probe(Answer(status))
    assert found.ok is ok
    assert f"answered {status}" in found.detail
    assert ("is its path right? `relay send NAME` tells" in found.detail) is (status == 404)


WELL, GONE = Probe(ok=True, detail=""), Probe(ok=False, detail="")


@pytest.mark.parametrize(
    ("standings", "destinations", "code"),
    [
        ((), {}, Exit.OK),
        ((Standing.ACCEPTED, Standing.ACCEPTED), {"a": WELL}, Exit.OK),
        ((Standing.ACCEPTED,), {"a": WELL, "b": GONE}, Exit.FAILED),
        ((Standing.ACCEPTED, Standing.MISSING_SCOPE), {"a": WELL}, Exit.FAILED),
        ((Standing.UNREACHABLE,), {}, Exit.FAILED),
        ((Standing.REJECTED, Standing.UNREACHABLE), {"a": GONE}, Exit.REJECTED),
    ],
)
def test_a_rejected_key_ends_with_77_and_anything_else_that_is_not_well_with_1(
    standings: tuple[Standing, ...], destinations: dict[str, Probe], code: Exit
) -> None:
    found = Found(tuple(Endpoint(Channel.IN_FORCE, standing, "") for standing in standings), destinations)
    assert found.exit_code is code
