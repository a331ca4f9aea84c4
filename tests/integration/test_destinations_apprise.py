"""Apprise over real sockets on loopback, and with a service that hangs; see also the contract of all destinations."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import threading
from collections.abc import AsyncIterator

import pytest

from relay.deliveries import Verdict
from relay.destinations.apprise.apprise import Apprise
from relay.destinations.apprise.config import AppriseConfig
from relay.destinations.apprise.loading import Said, library
from relay.destinations.apprise.service import PluginService
from tests.support.clock import START_US
from tests.support.events import in_force
from tests.support.messages import message
from tests.support.receiver import Receiver, raw_server, receiving
from tests.support.waiting import until

TOKEN = "tok-123456789"  # in the path of the receiver's url
PASSWORD = "pass-word-1"


def config_at(url: str, **more: object) -> AppriseConfig:
    return AppriseConfig.model_validate({"type": "apprise", "url": url, "timeout": 5.0, **more})


def apprise_at(url: str, **more: object) -> Apprise:
    config = config_at(url, **more)
    return Apprise("phone", config, library().service_of(config.url, config.timeout))


def json_url(receiver: Receiver) -> str:
    return receiver.url.replace("http://", "json://")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


class Hanging:
    """A service that comes back when it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.called = 0

    def send(self, title: str, body: str) -> Said:
        del title, body
        self.called += 1
        self.go.wait()
        return Said(sent=True)


async def test_what_is_rendered_is_what_arrives(receiver: Receiver) -> None:
    phone = apprise_at(json_url(receiver))
    batch = [message(in_force(1)), message(in_force(2, "MSFT"))]
    outcome = await phone.send(batch)
    assert (outcome.verdict, outcome.code, outcome.retry_after) == (Verdict.DELIVERED, "ok", None)
    [request] = receiver.requests
    arrived = json.loads(request.body)
    rendered = json.loads(phone.render(batch))
    assert (arrived["title"], arrived["message"]) == (rendered["title"], rendered["body"])
    assert rendered["title"] == "2 alerts"


async def test_text_is_sent_as_it_is(receiver: Receiver) -> None:
    phone = apprise_at(json_url(receiver), template="<b>*{{ symbol }}*</b> & :smile: \\n")
    assert (await phone.send([message()])).verdict is Verdict.DELIVERED
    assert json.loads(receiver.requests[0].body)["message"] == "<b>*AAPL*</b> & :smile: \\n"
    assert phone.capacity == phone.fits([message(), message()]) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
async def test_what_is_not_taken_is_tried_again_and_says_why(receiver: Receiver, status: int) -> None:
    receiver.answer(status, f"no {TOKEN}")
    outcome = await apprise_at(json_url(receiver)).send([message()])
    assert (outcome.verdict, outcome.code) == (Verdict.RETRY, "apprise")
    assert str(status) in outcome.detail
    assert TOKEN not in outcome.detail


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    async with receiving() as elsewhere:
        receiver.answer(307, Location=elsewhere.url)
        assert (await apprise_at(json_url(receiver)).send([message()])).verdict is Verdict.RETRY
        assert elsewhere.requests == []


async def test_a_refused_connection_is_tried_again_and_shows_nothing_of_the_url() -> None:
    async with raw_server() as url:
        address = url.replace("http://", f"json://ann:{PASSWORD}@")
    outcome = await apprise_at(address).send([message()])
    assert (outcome.verdict, outcome.code) == (Verdict.RETRY, "apprise")
    assert "connection error" in outcome.detail.lower()
    for secret in ("127.0.0.1", TOKEN, PASSWORD, "hooks"):
        assert secret not in repr(outcome)


async def test_a_service_that_never_answers_times_out(receiver: Receiver) -> None:
    receiver.handler = receiver.hang
    outcome = await apprise_at(json_url(receiver), timeout=0.2).send([message()])
    assert outcome.verdict is Verdict.RETRY
    assert outcome.code in {"timeout", "apprise"}  # ours, or the one that apprise's own requests have


async def test_a_call_that_hangs_is_left_behind_and_there_is_no_other_until_it_ends() -> None:
    service = Hanging()
    phone = Apprise("phone", config_at("json://127.0.0.1", timeout=0.05), service)
    first = await phone.send([message()])
    assert (first.verdict, first.code) == (Verdict.RETRY, "timeout")
    assert "within 50ms" in first.detail
    again = await phone.send([message()])
    assert (again.verdict, again.code, service.called) == (Verdict.RETRY, "timeout", 1)
    assert "earlier call" in again.detail
    service.go.set()
    await until(lambda: phone._call is not None and phone._call.done())
    assert (await phone.send([message()])).verdict is Verdict.DELIVERED
    assert service.called == 2


async def test_cancelling_is_not_swallowed_and_what_was_called_is_not_called_again_meanwhile() -> None:
    service = Hanging()
    phone = Apprise("phone", config_at("json://127.0.0.1"), service)
    task = asyncio.ensure_future(phone.send([message()]))
    await until(lambda: service.called == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await phone.send([message()])).code == "timeout"
    service.go.set()


def test_a_call_that_hangs_does_not_hold_up_the_exit() -> None:
    program = """
import asyncio, threading
from relay.destinations.apprise.apprise import Apprise
from relay.destinations.apprise.config import AppriseConfig
from tests.support.messages import message
class Hanging:
    def send(self, title, body):
        threading.Event().wait()
config = AppriseConfig.model_validate({"type": "apprise", "url": "json://127.0.0.1", "timeout": 0.05})
print(asyncio.run(Apprise("phone", config, Hanging()).send([message()])).code)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "timeout\n", "")


def breaking(**_: object) -> bool:
    logging.getLogger("apprise").warning("no route to %s", TOKEN)
    raise LookupError(TOKEN)


@pytest.mark.parametrize("broken", ["plugin.send", "_apprise.notify"])
async def test_a_plugin_that_raises_is_tried_again(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    config = config_at(f"json://127.0.0.1/{TOKEN}")
    service = library().service_of(config.url, 5.0)
    holder, _, name = broken.partition(".")
    monkeypatch.setattr(getattr(service, holder), name, lambda *_, **more: breaking(**more))
    outcome = await Apprise("phone", config, service).send([message()])
    assert (outcome.verdict, outcome.code) == (Verdict.RETRY, "apprise")
    assert TOKEN not in repr(outcome)
    assert "no route to ***" in outcome.detail
    for name in ("apprise", "urllib3"):
        assert not logging.getLogger(name).propagate  # its words go nowhere else


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("tgram://987654321:AbCdEf_gHiJkLmnopqrstuvwxyzabcdefg/12315544/", "&lt;b&gt;*AAPL*&lt;/b&gt; &amp;"),
        ("mailto://ann:pass@mail.example?to=robert@mail.example&format=html", "&lt;b&gt;*AAPL*&lt;/b&gt; &amp;"),
        ("ntfy://topic", "<b>*AAPL*</b> &"),
    ],
)
async def test_no_text_is_taken_for_markup(monkeypatch: pytest.MonkeyPatch, url: str, text: str) -> None:
    config = config_at(url, template="<b>*{{ symbol }}*</b> &")
    service = library().service_of(config.url, 5.0)
    assert isinstance(service, PluginService)
    bodies: list[str] = []
    threads: set[str] = set()

    def send(body: str, **_: object) -> bool:
        threads.add(threading.current_thread().name)
        bodies.append(body)
        return True

    monkeypatch.setattr(service.plugin, "send", send)
    assert (await Apprise("phone", config, service).send([message()])).verdict is Verdict.DELIVERED
    assert text in bodies[0].replace("&nbsp;", " ")
    assert threads == {"relay-apprise"}


async def test_a_template_that_fails_is_a_dead_letter(receiver: Receiver) -> None:
    outcome = await apprise_at(json_url(receiver), template="{{ nothing }}").send([message()])
    assert (outcome.verdict, outcome.code) == (Verdict.DEAD, "template")
    assert receiver.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "tgram://987654321:AbCdEf_gHiJkL/12315544/",
        "discord://WebhookID0/WebhookToken0",
        f"mailto://ann:{PASSWORD}@mail.example?to=robert@mail.example",
        "ntfy://secret-topic",
    ],
)
async def test_no_part_of_an_address_is_in_what_apprise_says(url: str) -> None:
    parts = [part for part in url.replace("?to=", "/").replace("@", "/").split("/") if part][1:]

    class Telling:
        def send(self, title: str, body: str) -> Said:
            del title, body
            return Said(sent=False, why=f"could not reach {url} or {' or '.join(parts)}, {parts[0].lower()}")

    outcome = await Apprise("phone", config_at(url), Telling()).send([message(now_us=START_US)])
    assert outcome.detail.startswith("apprise could not send it: could not reach ")
    for part in parts:
        assert part.lower() not in outcome.detail.lower()


def test_apprise_is_not_loaded_by_what_does_not_use_it() -> None:
    program = "import sys; import relay.app, relay.cli.run, relay.cli.check; print('apprise' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "False\n"
