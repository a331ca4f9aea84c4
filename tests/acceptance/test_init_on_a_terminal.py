"""``relay init`` as a newcomer meets it: on a real terminal, with an upstream and a Discord that answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay.clock import MICROS, SystemClock
from relay.config.load import load
from relay.simulator.chat.discord import FakeDiscord
from relay.simulator.history import seconds_z
from relay.simulator.settings import ApiKey, Scope, SimulatorSettings
from relay.simulator.upstream import Simulator
from tests.support.alerts import in_force
from tests.support.command import relay
from tests.support.receiver import receiving
from tests.support.terminal import Terminal, terminal

KEY, WRONG, DEAF = "sk-ocelot-1188", "sk-wrong-2299", "sk-deaf-3377"
KEYS = {KEY: ApiKey(), DEAF: ApiKey(account="c", scopes=frozenset({Scope.CONNECT}))}


def fire(simulator: Simulator) -> None:
    """12 daily alerts, then 30 of 15 minutes; the newest is GME's."""
    for number in range(42):
        moment = seconds_z(SystemClock().now_us() - (7_200 - number * 60) * MICROS)
        symbol = "GME" if number == 41 else "AAPL" if number % 2 else "BTC-USD"
        simulator.fire(in_force(symbol, timeframe="D" if number < 12 else "15", shape="2U-2D", triggered_at=moment))


def upstream(simulator: Simulator) -> tuple[str, ...]:
    return ("--websocket-url", simulator.websocket_url, "--rest-url", simulator.rest_url)


def there(folder: Path) -> dict[str, tuple[int, int]]:
    """Mode and time of every file."""
    return {path.name: (path.stat().st_mode & 0o777, path.stat().st_mtime_ns) for path in folder.iterdir()}


async def through(shown: Terminal, url: str) -> None:
    """Answer as somebody does who types everything right, up to the proposals."""
    await shown.answer("API key (not shown)", KEY)
    await shown.answer("Where alerts go", "discord")
    await shown.answer("Integrations (not shown)", url)
    await shown.answer("A name for it", "")
    await shown.answer("Another destination?", "n")
    await shown.answer("Symbols", "")


async def test_from_nothing_to_the_newest_alert_in_ones_own_discord(tmp_path: Path) -> None:
    async with (
        Simulator(SimulatorSettings(keys=KEYS), SystemClock()) as simulator,
        FakeDiscord(SystemClock()) as discord,
    ):
        fire(simulator)
        url = discord.add_webhook("Swing Desk!")
        async with terminal("init", *upstream(simulator), cwd=tmp_path) as shown:
            await shown.answer("API key (not shown)", WRONG)
            await shown.until("the upstream refused the key (HTTP 401")
            await shown.answer("API key (not shown)", KEY)
            await shown.until(
                "the key is accepted: it has alerts:read; ws:connect and prices:read only the socket tells"
            )
            await shown.answer("Where alerts go", "")
            await shown.answer("Integrations (not shown)", f"{url}-mistyped")
            await shown.until("webhook")
            await shown.answer("Integrations (not shown)", url)
            await shown.until("found 'Swing Desk!'")
            await shown.answer("A name for it [swing-desk]", "")
            await shown.answer("Another destination?", "n")
            await shown.answer("Symbols", "")
            await shown.until("1  everything: 42 alerts")
            await shown.until("3  daily and longer: 12 alerts")
            await shown.answer("Which [1]", "3")
            await shown.until("config.yaml")
            await shown.until("my alerts: 12 alerts in the last day")
            await shown.answer("Post the newest alert to swing-desk, marked as a sample? [Y/n]", "")
            await shown.until("swing-desk: 'Sample: AAPL [D] 2U-2D' is there\n")
            await shown.until("or as a service, which starts with the machine: sudo ")
            assert await shown.ended() == 0
        [posted] = discord.messages
        assert posted.embeds[0]["title"] == "Sample: AAPL [D] 2U-2D"
        assert simulator.opened == 0
        for secret in (KEY, WRONG, DEAF, url, url.rpartition("/")[2]):
            assert secret not in shown.shown
        loaded = load(tmp_path / "config.yaml", env={})
        assert loaded.destinations["swing-desk"].url.reveal() == url
        assert loaded.rules[0].timeframes == frozenset({"D", "W", "M", "Q", "Y"})
        before = there(tmp_path)
        modes = {name: mode for name, (mode, _) in before.items() if "." not in name}
        assert modes == {"api_key": 0o600, "discord_swing_desk": 0o600}
        await keeps_what_is_there(tmp_path, simulator, url)
        assert there(tmp_path) == before


async def keeps_what_is_there(folder: Path, simulator: Simulator, url: str) -> None:
    """Run it again: first without a yes, then with the same answers."""
    async with terminal("init", *upstream(simulator), cwd=folder) as shown:
        await shown.answer("config.yaml is there. Write over? [y/N]", "")
        await shown.until("config.yaml is as it was")
        assert await shown.ended() == 0
    async with terminal("init", *upstream(simulator), cwd=folder) as shown:
        await shown.answer("config.yaml is there. Write over? [y/N]", "y")
        await through(shown, url)
        await shown.answer("Which [1]", "3")
        await shown.until("marked as a sample? [Y/n]")
        shown.interrupt()
        await shown.until(f"stopped: {folder}/config.yaml is written; `relay check --online` does the rest\n")
        assert await shown.ended() == 130
    assert shown.shown.count("already so: ") == 4
    assert "wrote" not in shown.shown


async def test_several_channels_are_offered_a_split_with_what_each_would_have_got(tmp_path: Path) -> None:
    async with (
        Simulator(SimulatorSettings(keys=KEYS), SystemClock()) as simulator,
        FakeDiscord(SystemClock()) as discord,
        receiving() as receiver,
    ):
        fire(simulator)
        (tmp_path / "the.key").write_text(KEY)
        options = ("--key-file", "the.key", "--discord", f"scalps={discord.add_webhook('Scalps')}")
        places = (*options, "--webhook", f"swing={receiver.url}")
        async with terminal("init", *places, *upstream(simulator), cwd=tmp_path) as shown:
            await shown.until("scalps:\n  found 'Scalps'")
            await shown.until("swing:\n  reachable")
            await shown.answer("Symbols", "")
            await shown.until("1  by timeframe: daily and longer to swing (12), shorter to scalps (30)")
            await shown.until("2  by asset: crypto to ")
            await shown.answer("Which [1]", "")
            await shown.answer("Post the newest alert to each destination, marked as a sample?", "y")
            assert await shown.ended() == 0
        rule = load(tmp_path / "config.yaml", env={}).rules[0]
        assert rule.routes is not None
        assert (rule.routes.by, rule.routes.to["W"], rule.routes.to["else"]) == ("timeframe", ("swing",), ("scalps",))
        assert [message.embeds[0]["title"] for message in discord.messages] == ["Sample: GME [15] 2U-2D"]
        [posted] = [request for request in receiver.requests if request.method == "POST"]
        assert b'"source":"test"' in posted.body
        assert b'"timeframe":"D"' in posted.body


async def test_a_key_without_the_scope_is_named_and_asked_again(tmp_path: Path) -> None:
    async with (
        Simulator(SimulatorSettings(keys=KEYS), SystemClock()) as simulator,
        terminal("init", *upstream(simulator), cwd=tmp_path) as shown,
    ):
        await shown.answer("API key (not shown)", DEAF)
        await shown.until("the key lacks the scope alerts:read")
        await shown.answer("Without alerts:read and states:read no alert comes. Go on with it? [y/N]", "")
        await shown.until("API key (not shown)")
        shown.press(b"\x04")  # Ctrl-D
        await shown.until("stopped: nothing was written\n")
        assert await shown.ended() == 130
    assert there(tmp_path) == {}


async def test_where_rest_is_out_of_reach_a_plain_yes_goes_on(tmp_path: Path) -> None:
    nowhere = ("--websocket-url", "ws://127.0.0.1:9/ws", "--rest-url", "http://127.0.0.1:9/api")
    async with (
        receiving() as receiver,
        terminal("init", "--no-sample", "--timeframes", "D", *nowhere, cwd=tmp_path) as shown,
    ):
        await shown.answer("API key (not shown)", KEY)
        await shown.answer("So the key can't be checked now. Go on with it? [y/N]", "y")
        await shown.answer("Where alerts go", "webhook")
        await shown.answer("takes the alerts (not shown)", "https://api.telegram.org/bot1:margay/sendMessage")
        await shown.until("This destination's url is one of Telegram, where type: apprise is wanted, with tgram://")
        await shown.answer("Take it all the same? [y/N]", "")
        await shown.answer("Where alerts go", "webhook")
        await shown.answer("takes the alerts (not shown)", receiver.url)
        await shown.until("reachable")
        await shown.answer("A name for it [webhook]", "bot")
        await shown.answer("Another destination?", "")
        await shown.answer("Symbols", "AAPL")
        await shown.answer("Direction", "")
        assert await shown.ended() == 1
    assert load(tmp_path / "config.yaml", env={}).rules[0].symbols.any == ("AAPL",)


@pytest.mark.parametrize("sampling", ["--sample", "--no-sample", ""])
async def test_a_script_gets_a_sample_only_where_it_asks_for_one(
    tmp_path: Path, simulator: Simulator, discord: FakeDiscord, sampling: str
) -> None:
    fire(simulator)
    options = ["--key-env", "K", "--discord", "swing=${URL}", "--timeframes", "W", *([sampling] if sampling else [])]
    env = {"K": "sim-key", "URL": discord.url("swing")}
    ended = await relay("init", str(tmp_path), *upstream(simulator), *options, env=env)
    assert (ended.code, ended.err) == (0, "")
    assert len(discord.messages) == (sampling == "--sample")
    there = "swing: 'Sample: GME [15] 2U-2D' is there; no rule wants it: it only shows how one looks\n"
    assert (there in ended.out) is (sampling == "--sample")


async def test_a_simulators_alert_stays_on_this_machine(tmp_path: Path, simulator: Simulator) -> None:
    fire(simulator)
    (tmp_path / "url").write_text("https://discord.invalid/api/webhooks/1/margay-token")
    options = ("--key-env", "K", "--sample", "--discord", f"swing=@{tmp_path}/url")
    ended = await relay("init", str(tmp_path), *upstream(simulator), *options, env={"K": "sim-key"})
    assert "swing: no sample, for the upstream is a simulator and swing is real (--allow-real)" in ended.out
    assert "margay" not in ended.out + ended.err


async def test_a_dry_run_shows_every_file_without_its_secrets_and_writes_none(tmp_path: Path) -> None:
    async with Simulator(SimulatorSettings(keys=KEYS), SystemClock()) as simulator:
        fire(simulator)
        async with FakeDiscord(SystemClock()) as discord:
            url = discord.add_webhook("Swing")
            async with terminal("init", "--dry-run", *upstream(simulator), cwd=tmp_path) as shown:
                await through(shown, url)
                await shown.answer("Which [1]", "")
                assert await shown.ended() == 0
    assert there(tmp_path) == {}
    assert f"--- {tmp_path}/api_key (0600, yours alone): would be written\n***\n" in shown.shown
    assert f"--- {tmp_path}/config.yaml (0644, yours): would be written\n" in shown.shown
    assert "    url_file: discord_swing\n" in shown.shown
    assert shown.shown.endswith("Nothing was written.\n")
    assert KEY not in shown.shown
    assert url not in shown.shown
    assert discord.messages == []
