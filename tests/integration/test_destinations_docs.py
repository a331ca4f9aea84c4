"""docs/webhooks.md says what the code does: its example body, its receiver, its table and its template."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestServer

from relay.clock import SystemClock
from relay.deliveries import Verdict
from relay.destinations.http import HttpClient
from relay.destinations.notice import notice_of, payload
from relay.destinations.outcome import verdict_of
from relay.destinations.webhook.webhook import Webhook
from relay.notices.troubles import Off, View, troubles
from tests.support.clock import START_US
from tests.support.messages import message, webhook_config

DOC = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
URL = "http://127.0.0.1:9/alerts"
FOREIGN = "whsec_" + "A" * 32
SENT = message(received_at_us=START_US + 250_000, expires_at_us=START_US + 10_000_000)


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


def _block(language: str, containing: str = "") -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", DOC, re.DOTALL)
    [block] = [block for block in blocks if containing in block]
    return str(block)


async def test_the_body_in_the_docs_is_the_body_that_is_sent(client: HttpClient) -> None:
    body = Webhook("bot", webhook_config(URL, secret=SECRET), client, SystemClock()).render([SENT])
    assert msgspec.json.decode(body) == msgspec.json.decode(_block("json", '"type": "alert'))


async def test_the_notice_in_the_docs_is_the_notice_that_is_sent() -> None:
    off = View(off={"bot": Off("answered 410 Gone", 1)})
    notice = notice_of(tuple(troubles(View(), off)), now_us=START_US + 250_000, simulated=False)
    assert payload(notice, "ops") == msgspec.json.decode(_block("json", '"relay.notice"'))


async def test_the_state_in_the_docs_is_the_state_that_is_sent(client: HttpClient) -> None:
    shown = msgspec.json.decode(_block("json", '"tfc"'))["relay"]["state"]
    sent = message(states=msgspec.json.encode({"AAPL": shown}))
    body = Webhook("bot", webhook_config(URL), client, SystemClock()).render([sent])
    assert msgspec.json.decode(body)["relay"]["state"] == shown


@pytest.mark.parametrize(("states", "made"), [(b'{"AAPL": {"tfc": {"D": "green"}}}', b"green"), (None, b"")])
async def test_the_question_for_a_state_in_the_docs_renders(
    client: HttpClient, states: bytes | None, made: bytes
) -> None:
    [template] = re.findall(r"`(\{% if relay\.state %\}.*?)`", DOC)
    webhook = Webhook("bot", webhook_config(URL, template=template), client, SystemClock())
    assert webhook.render([message(states=states)]) == made


async def test_the_receiver_in_the_docs_takes_our_alerts_once_and_no_forgeries(
    client: HttpClient, capsys: pytest.CaptureFixture[str]
) -> None:
    scope: dict[str, Any] = {"__name__": "receiver"}
    exec(_block("python"), scope)  # noqa: S102  because it is our own page that is under test
    async with TestServer(scope["app"], host="127.0.0.1") as server:
        url = str(server.make_url("/alerts"))
        sent = message(now_us=SystemClock().now_us())
        bot = Webhook("bot", webhook_config(url, secret=SECRET), client, SystemClock())
        for _ in range(2):
            assert (await bot.send([sent])).verdict is Verdict.DELIVERED
        assert capsys.readouterr().out.count("AAPL") == 1
        foreign = webhook_config(url, secret=FOREIGN)
        outcome = await Webhook("bot", foreign, client, SystemClock()).send([sent])
        assert (outcome.verdict, outcome.code) == (Verdict.DEAD, "401")
        rotating = webhook_config(url, secret=[FOREIGN, SECRET])
        assert (await Webhook("bot", rotating, client, SystemClock()).send([sent])).verdict is Verdict.DELIVERED
        old = webhook_config(url, secret=SECRET)
        outcome = await Webhook("bot", old, client, SystemClock()).send([message(now_us=sent.now_us - 600_000_000)])
        assert outcome.code == "401"


async def test_the_template_in_the_docs_renders(client: HttpClient) -> None:
    _, _, text = _block("yaml", "template: |").partition("template: |\n")
    webhook = Webhook("bot", webhook_config(URL, template=text.strip()), client, SystemClock())
    assert msgspec.json.decode(webhook.render([SENT])) == {"ticker": "AAPL", "side": "buy", "attempt": 1}


def test_the_table_in_the_docs_is_the_table_in_the_code() -> None:
    words = {
        "has delivered": Verdict.DELIVERED,
        "tries again": Verdict.RETRY,
        "keeps it as a dead letter and switches": Verdict.SWITCH_OFF,
        "keeps it as a dead letter.": Verdict.DEAD,
    }
    said: dict[int, Verdict] = {}
    for row in re.findall(r"^\| ((?:any other )?\d.*?) \| (.*?) \|$", DOC, re.MULTILINE):
        verdict = next(verdict for word, verdict in words.items() if str(row[1]).startswith(word))
        for first, last in re.findall(r"(\d{3})(?:–(\d{3}))?", row[0]):
            for status in range(int(first), int(last or first) + 1):
                said.setdefault(status, verdict)  # the specific rows come before "any other"
    assert said == {status: verdict_of(status) for status in range(200, 600)}
