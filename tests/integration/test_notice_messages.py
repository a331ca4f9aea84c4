"""What each kind of destination makes of the relay's own notice: no alert, no ping, no template, nobody's markup."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from relay.deliveries import Verdict
from relay.destinations.apprise.render import BODY, notice_note
from relay.destinations.discord.template import CONTENT
from relay.destinations.factory import Factory
from relay.destinations.http import HttpClient
from relay.destinations.notice import Trouble, TroubleKind, news_of, notice_of
from relay.destinations.slack.render import SECTION
from tests.support.clock import START_US, FakeClock
from tests.support.config_text import SIGNING_SECRET
from tests.support.messages import config_of
from tests.support.receiver import Receiver, receiving

OFF = Trouble(TroubleKind.SWITCHED_OFF, "swing", "swing was switched off: <@&1> @everyone *bold*\n<!here>", "resume it")
DISK = Trouble(TroubleKind.DISK, "", "the disk is nearly full")
LONG = tuple(Trouble(TroubleKind.SWITCHED_OFF, f"d{number}", "why *" * 100) for number in range(50))
TEMPLATE = "{{ symbol }} {{ nowhere.at.all }}"


@pytest.fixture
async def factory() -> AsyncIterator[Factory]:
    client = HttpClient()
    yield Factory(client, FakeClock(START_US + 5_000_000))
    await client.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def test_a_webhook_gets_signed_json_past_its_template(factory: Factory, receiver: Receiver) -> None:
    config = config_of("webhook", receiver.url, secret=SIGNING_SECRET, template=TEMPLATE, method="PUT")
    notice = notice_of((OFF,), now_us=START_US, simulated=False)
    outcome = await factory.build("ops", config).tell(notice)
    assert outcome.verdict is Verdict.DELIVERED
    [request] = receiver.requests
    assert (request.method, request.headers["webhook-id"]) == ("PUT", notice.id)
    assert request.headers["webhook-timestamp"] == str(START_US // 1_000_000 + 5)
    signed = Webhook(SIGNING_SECRET).sign(
        notice.id, datetime.fromtimestamp(START_US / 1e6 + 5, UTC), request.body.decode()
    )
    assert request.headers["webhook-signature"] == signed
    text = "swing was switched off: <@&1> @everyone *bold* <!here>"
    one = {"trouble": "switched_off", "text": text, "hint": "resume it"}
    assert json.loads(request.body) == {
        "type": "relay.notice",
        "timestamp": "2026-04-10T13:45:22.000Z",
        "data": {**one, "troubles": [{**one, "subject": "swing"}]},
        "relay": {"destination": "ops", "source": "notice", "simulated": False},
    }


async def test_different_troubles_are_several(factory: Factory, receiver: Receiver) -> None:
    notice = notice_of((OFF, DISK), now_us=START_US, simulated=True)
    await factory.build("ops", config_of("webhook", receiver.url)).tell(notice)
    body = json.loads(receiver.requests[0].body)
    assert body["data"]["trouble"] == "several"
    assert [trouble["trouble"] for trouble in body["data"]["troubles"]] == ["switched_off", "disk"]
    assert body["relay"]["simulated"] is True


async def test_discord_shows_text_that_pings_nobody(factory: Factory, receiver: Receiver) -> None:
    receiver.answer(200, "{}")
    more = {"username": "Strat desk", "template": TEMPLATE, "silent": True}
    destination = factory.build("ops", config_of("discord", receiver.url, **more))
    assert (await destination.tell(notice_of((OFF,), now_us=START_US, simulated=True))).verdict is Verdict.DELIVERED
    body = json.loads(receiver.requests[0].body)
    assert body["allowed_mentions"] == {"parse": []}
    assert body["username"] == "Strat desk"
    assert "embeds" not in body
    assert body["content"].startswith("⚠️ relay, simulated: swing was switched off: \\<@\N{ZERO WIDTH SPACE}&1\\>")
    assert "\\*bold\\*" in body["content"]
    assert body["content"].endswith("\n→ resume it")


async def test_slack_shows_text_that_pings_nobody(factory: Factory, receiver: Receiver) -> None:
    receiver.answer(200, "ok")
    destination = factory.build("ops", config_of("slack", receiver.url, template=TEMPLATE))
    assert (await destination.tell(notice_of((OFF,), now_us=START_US, simulated=False))).verdict is Verdict.DELIVERED
    body = json.loads(receiver.requests[0].body)
    [block] = body["blocks"]
    assert block["text"]["text"].startswith("⚠️ relay: swing was switched off: &lt;@&amp;1&gt; @everyone")
    assert "<!here>" not in json.dumps(body)
    assert block["text"]["verbatim"] is True
    assert body["unfurl_links"] is False


@pytest.mark.parametrize("kind", ["discord", "slack"])
async def test_a_long_notice_is_cut_to_what_a_chat_takes(factory: Factory, receiver: Receiver, kind: str) -> None:
    await factory.build("ops", config_of(kind, receiver.url)).tell(notice_of(LONG, now_us=START_US, simulated=False))
    body = json.loads(receiver.requests[0].body)
    text, limit = (body["content"], CONTENT) if kind == "discord" else (body["blocks"][0]["text"]["text"], SECTION)
    assert limit - 10 < len(text) <= limit
    assert text.endswith("…")


def test_other_services_get_a_short_text_that_pings_nobody() -> None:
    note = notice_note(notice_of((OFF, *LONG), now_us=START_US, simulated=False))
    assert note.title == "The relay's own notice"
    assert "@" not in note.body
    assert len(note.body) <= BODY


async def test_a_refusal_is_an_outcome_without_secrets(factory: Factory, receiver: Receiver) -> None:
    for kind in ("webhook", "discord", "slack"):
        receiver.answer(410, "/hooks/tok-123456789 is gone")
        destination = factory.build("ops", config_of(kind, receiver.url))
        outcome = await destination.tell(notice_of((DISK,), now_us=START_US, simulated=False))
        assert outcome.verdict is Verdict.SWITCH_OFF
        assert "tok-123456789" not in repr(outcome)


@pytest.mark.parametrize("kind", ["discord", "slack", "webhook"])
async def test_good_news_looks_unlike_a_trouble_and_pings_nobody(
    factory: Factory, receiver: Receiver, kind: str
) -> None:
    receiver.answer(200, "ok" if kind == "slack" else "{}")
    notice = news_of("Relay is up: version 1 on vps, @everyone", now_us=START_US, simulated=False)
    await factory.build("ops", config_of(kind, receiver.url)).tell(notice)
    [request] = receiver.requests
    body = json.loads(request.body)
    if kind == "webhook":
        assert body["data"] == {
            "trouble": "none",
            "text": "Relay is up: version 1 on vps, @everyone",
            "hint": "",
            "troubles": [],
        }
        return
    said = request.body.decode()
    assert "⚠" not in said
    assert body.get("allowed_mentions", {"parse": []}) == {"parse": []}
    assert "\\u2705 relay: Relay is up" in said or "✅ relay: Relay is up" in said
