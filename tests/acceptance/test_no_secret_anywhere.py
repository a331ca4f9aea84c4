"""Run with secrets in every place that takes one, make everything fail, and look for them in all that comes out.

The destinations and the upstream are as unkind as servers can be: they repeat what they were asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from relay.clock import SystemClock
from relay.events import Channel
from relay.simulator.settings import ApiKey, SimulatorSettings
from relay.simulator.upstream import Simulator
from tests.support.alerts import fire
from tests.support.process import RelayProcess, ends, free_port, webhook, write_config
from tests.support.secrets import SECRETS, SIGNING, found_in, one_of_each, parrot

API = ("status", "events", "deliveries", "dead", "config")
PAGES = ("/", "/healthz", "/readyz", "/metrics", "/login", *(f"/api/{name}" for name in API))


async def test_no_secret_comes_out_however_much_fails(tmp_path: Path) -> None:
    settings = SimulatorSettings(keys={SECRETS["api key"]: ApiKey()})
    async with parrot() as parrots, Simulator(settings, SystemClock()) as simulator:
        config = write_config(
            tmp_path,
            simulator,
            one_of_each(parrots),
            key=SECRETS["api key"],
            stratalerts={"rest_url": f"http://{parrots}/403/rest"},
            log={"level": "debug", "format": "json"},
            http={"listen": f"127.0.0.1:{free_port()}", "token": SECRETS["page token"]},
            heartbeat={"url": f"http://{parrots}/500/{SECRETS['heartbeat']}", "every": "1s"},
            alerts_to="refuses",
        )
        async with RelayProcess(config) as relay:
            await relay.start()
            await simulator.wait_until(lambda: simulator.subscribed(Channel.IN_FORCE), timeout=30)
            fire(simulator, 3)
            simulator.faults.garbage("bad-utf8")
            await relay.until_status(lambda status: all(map(has_failed, status["destinations"])))
            await relay.until("/healthz", lambda _, __: bool(relay.logged("notice not sent")))
            pages = [await relay.get(page) for page in PAGES]
            pages += [await relay.get(f"/api/deliveries?destination={SECRETS['url path']}")]
            pages += [await relay.post("/api/reload")]
            assert [code for code, _ in pages if code == 500] == []
            assert found_in(arguments_of(relay.pid)) == []
            simulator.faults.refuse(401)
            simulator.faults.drop()
            await relay.until("/readyz", lambda status, _: status == 503)
            pages += [await relay.get(page) for page in PAGES]
            assert await relay.stop() == 0
    assert len(relay.logged()) > 10
    assert found_in(relay.stdout + relay.stderr) == []
    for _, text in pages:
        assert found_in(text) == []
    assert any("***" in text for _, text in pages)  # they were repeated, and hidden
    assert {name: found for name, text in stored(tmp_path) if (found := found_in(text))} == {}


def arguments_of(pid: int) -> str:
    """What everyone on the machine can read of a process."""
    return Path(f"/proc/{pid}/cmdline").read_text()


def has_failed(destination: dict[str, object]) -> bool:
    """Whether a destination of ``/api/status`` has been tried and told why it fails."""
    return bool(destination["last_error"])


def stored(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file beside the config, by name."""
    for file in sorted(folder.iterdir()):
        if file.name != "config.yaml":
            yield file.name, file.read_bytes().decode("latin-1")


async def test_nor_when_the_key_is_rejected(tmp_path: Path) -> None:
    async def reject(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.close(code=4401, message=f"no such key: {SECRETS['api key']}".encode())
        return socket

    app = web.Application()
    app.router.add_get("/ws", reject)
    async with TestServer(app, host="127.0.0.1") as server, parrot() as parrots:
        upstream = Addresses(f"ws://127.0.0.1:{server.port}/ws", f"http://{parrots}/401/rest")
        relay = await ends(write_config(tmp_path, upstream, bot_at(parrots), key=SECRETS["api key"]))
    assert relay.exit_code == 77
    assert found_in(relay.stdout + relay.stderr) == []


@pytest.mark.parametrize("rest_status", [401, 500])
async def test_nor_when_whatever_answers_repeats_the_question(tmp_path: Path, rest_status: int) -> None:
    async with parrot() as parrots:
        upstream = Addresses(
            f"ws://{parrots}/401/ws?k={SECRETS['url query']}", f"http://{parrots}/{rest_status}/{SECRETS['url path']}"
        )
        config = write_config(tmp_path, upstream, bot_at(parrots), key=SECRETS["api key"])
        async with RelayProcess(config) as relay:
            await relay.start()
            await relay.until("/readyz", lambda status, _: status == 503)
            await relay.until("/api/status", lambda _, body: f"HTTP {rest_status}" in body)
            pages = [(await relay.get(page))[1] for page in PAGES]
            assert await relay.stop() == 0
    # where the upstream is, with all of its path, is no secret: only webhooks' addresses are
    assert [name for text in (*pages, relay.stderr) for name in found_in(text) if not name.startswith("url")] == []


@dataclass(frozen=True)
class Addresses:
    """An upstream of one's own."""

    websocket_url: str
    rest_url: str


def bot_at(parrots: str) -> dict[str, object]:
    """A destination nothing goes to."""
    return {"bot": webhook(f"http://{parrots}/200/{SECRETS['header']}")}


async def test_nor_from_a_config_with_faults(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        f"""
stratalerts: {{api_key: [{SECRETS["api key"]}], api_key_file: /no/such/file}}
http: {{listen: 0.0.0.0:1, token: {{a: {SECRETS["page token"]}}}}}
destinations:
  a:
    type: webhook
    url: "ftp://{SECRETS["url path"]}"
    secret: "whsec_{SIGNING}!"
    headers: {{"X Y": {SECRETS["header"]}}}
  b: {{type: discord, url: "{SECRETS["discord token"]}"}}
rules: []
"""
    )
    relay = await ends(config)
    assert relay.exit_code == 78
    assert len(relay.stderr.splitlines()) > 5
    assert found_in(relay.stdout + relay.stderr) == []


async def test_nor_the_environment_it_came_from(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "stratalerts: {api_key: '${KEY}', websocket_url: 'ws://127.0.0.1:9/${KEY}'}\n"
        "destinations: {bot: {type: webhook, url: '${HOOK}', secret: '${SIGN}'}}\n"
        "rules: [{name: a, to: bot, timeframe: '${KEY}'}]\n"
    )
    env = {"KEY": SECRETS["api key"], "HOOK": f"gopher://x/{SECRETS['url path']}", "SIGN": f"whsec-{SIGNING}"}
    relay = await ends(config, env=env)
    assert relay.exit_code == 78
    assert found_in(relay.stdout + relay.stderr) == []
