"""``relay init`` for a script: a config from options alone, checked against the upstream, and never a question."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from relay.clock import MICROS, SystemClock
from relay.simulator.history import seconds_z
from relay.simulator.settings import ApiKey, Scope, SimulatorSettings
from relay.simulator.upstream import Simulator
from tests.support.alerts import in_force
from tests.support.command import Ended, relay
from tests.support.receiver import receiving

KEYS = {"sim-key": ApiKey(), "sk-deaf-7732": ApiKey(account="c", scopes=frozenset({Scope.CONNECT}))}


async def init(folder: Path, simulator: Simulator, *options: str, env: Mapping[str, str] | None = None) -> Ended:
    """Run it for the simulator."""
    upstream = ("--websocket-url", simulator.websocket_url, "--rest-url", simulator.rest_url)
    return await relay("init", str(folder), *upstream, *options, env=env)


async def test_a_script_gets_a_config_that_runs_and_hears_how_much_it_will_be(
    tmp_path: Path, simulator: Simulator
) -> None:
    moment = seconds_z(SystemClock().now_us() - 3_600 * MICROS)
    for number in range(30):
        simulator.fire(in_force("AAPL", timeframe="D" if number < 12 else "W", triggered_at=moment))
    (tmp_path / "the.key").write_text("sim-key\n")
    async with receiving() as receiver:
        options = ("--key-file", str(tmp_path / "the.key"), "--webhook", f"bot={receiver.url}", "--timeframes", "D")
        made = await init(tmp_path / "relay", simulator, "--yes", *options)
        config = str(tmp_path / "relay/config.yaml")
        checked = await relay("check", "--volume", "--json", "-c", config)
        again = await init(tmp_path / "relay", simulator, *options, "--sample")
        forced = await init(tmp_path / "relay", simulator, "--force", "--offline", *options, "--symbols", "ON,NO")
        assert {request.method for request in receiver.requests} == {"HEAD"}
        assert receiver.url not in made.out + forced.out + (tmp_path / "relay/config.yaml").read_text()
    assert (made.code, made.err) == (0, "")
    assert "my alerts: in-force alerts, on the daily timeframe, go to bot." in made.out
    assert "  ok      alerts.in_force: the key is accepted" in made.out
    assert "  my alerts: 12 alerts in the last day, at most 12 in one minute (" in made.out
    assert f"relay run -c {config}" in made.out
    assert (checked.code, checked.json["volume"]["rules"][0]["alerts"]) == (0, 12)
    assert (again.code, again.err, "wrote" in again.out) == (0, "", False)
    assert "no sample: all is as it was" in again.out
    assert (forced.code, "ON or NO" in forced.out) == (0, True)
    assert simulator.opened == 0


@pytest.mark.parametrize(
    ("key", "code", "said"),
    [
        ("sk-wrong-7730", 77, "the upstream refused the key (HTTP 401, missing_api_key)"),
        ("sk-deaf-7732", 1, "the key lacks the scope alerts:read"),
    ],
)
async def test_what_is_wrong_with_the_key_is_named_and_the_config_is_there(
    tmp_path: Path, key: str, code: int, said: str
) -> None:
    async with Simulator(SimulatorSettings(keys=KEYS), SystemClock()) as simulator, receiving() as receiver:
        options = ("--key-env", "THE_KEY", "--webhook", "bot=${THE_URL}")
        env = {"THE_KEY": key, "THE_URL": receiver.url}
        ended = await init(tmp_path, simulator, *options, env=env)
    assert (ended.code, ended.err) == (code, "")
    assert f"  failed  alerts.in_force: {said}" in ended.out
    mend = "next: put a key that is accepted into the variable THE_KEY, then: relay check --online -c"
    assert (mend in ended.out) is (code == 77)
    assert ("docs/rules.md" in ended.out) is (code != 77)
    assert key not in ended.out
    assert "api_key: ${THE_KEY}" in (tmp_path / "config.yaml").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--key-file"),
        (("--key-env", "K"), "--discord, --slack or --webhook"),
        (("--key-env", "K", "--key-file", "f"), "Leave one of them off"),
        (("--key-env", "K", "--discord", "https://discord.com/api/webhooks/1/zq7"), "NAME=URL is wanted"),
        (("--key-env", "K", "--discord", "swing=ftp://zq7"), "http:// or https://"),
        (("--key-env", "K", "--slack", "a=${A}", "--webhook", "a=${A}"), "two destinations are called a."),
        (("--key-env", "K", "--slack", "a=${A}", "--timeframes", "15m"), "written '15'"),
        (("--key-env", "K", "--slack", "a=${A}", "--direction", "bull"), "bullish"),
        (("--key-env", "K", "--slack", "a=${A}", "--rest-url", "ws://x"), "https://"),
        (("--key-env", "K", "--slack", "a=${A}", "-c", "other.yaml"), "DIRECTORY and -c"),
        (("--key-file", "nowhere.key", "--slack", "a=${A}"), "no such file"),
    ],
)
async def test_without_anybody_to_ask_wrong_or_missing_answers_name_their_option(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    ended = await relay("init", str(tmp_path / "new"), *options)
    assert (ended.code, ended.out) == (64, "")
    assert said in ended.err
    assert "zq7" not in ended.err
    assert not (tmp_path / "new").exists()


async def test_all_that_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    wrong = ("--key-file", "nope", "--webhook", "b=@nofile", "--slack", "zq7", "--timeframes", "15m")
    ended = await relay("init", str(tmp_path / "new"), *wrong)
    assert (ended.code, ended.out) == (64, "")
    for said in ("--key-file: the file nope can't", "--webhook: the file nofile can't", "NAME=URL", "--timeframes: "):
        assert said in ended.err
    assert "zq7" not in ended.err


async def test_a_folder_that_can_not_be_written_to_is_told_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = await relay("init", str(tmp_path / "file/below"), "--key-env", "K", "--slack", "a=${A}")
    assert ended.code == 64
    assert "can't be written to: not a directory" in ended.err
