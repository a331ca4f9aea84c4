"""``relay install`` in a scratch root: a stub of systemd really starts what the written unit says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from relay import __version__
from relay.clock import SystemClock
from relay.simulator.chat.discord import FakeDiscord
from relay.simulator.settings import ApiKey, SimulatorSettings
from relay.simulator.upstream import Simulator
from tests.support.alerts import in_force
from tests.support.command import Ended, relay
from tests.support.process import free_port
from tests.support.stub_systemd import StubSystemd, stub_systemd
from tests.support.terminal import terminal

KEY = "sim-key"
UP = f"Relay is up: version {__version__} on "


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[StubSystemd]:
    with stub_systemd(tmp_path) as stub:
        yield stub


@pytest.fixture
async def config(tmp_path: Path, simulator: Simulator, discord: FakeDiscord) -> Path:
    """As `relay init` writes it, with a port of its own."""
    (tmp_path / "key").write_text(f"{KEY}\n")
    options = ("--key-file", str(tmp_path / "key"), "--discord", f"swing={discord.url('swing')}", "--offline")
    upstream = ("--websocket-url", simulator.websocket_url, "--rest-url", simulator.rest_url)
    assert (await relay("init", str(tmp_path / "mine"), *options, *upstream)).code == 0
    path = tmp_path / "mine/config.yaml"
    written = path.read_text()
    path.write_text(f'{written}\nhttp: {{listen: "127.0.0.1:{free_port()}"}}\n')
    return path


async def install(systemd: StubSystemd, config: Path | None, *options: str) -> Ended:
    named = () if config is None else ("-c", str(config))
    return await relay("install", *named, "--root", str(systemd.root), "--start", *options, env=systemd.env)


def there(root: Path) -> dict[str, tuple[int, int, str]]:
    """Mode, owner and text of every file."""
    return {
        str(path.relative_to(root)): (path.stat().st_mode & 0o777, path.stat().st_uid, path.read_text())
        for path in sorted(root.rglob("*"))
        if path.is_file() and "var" not in path.relative_to(root).parts
    }


def add(config: Path, line: str) -> None:
    config.write_text(f"{config.read_text()}{line}\n")


def exchange(config: Path, old: str, new: str) -> None:
    assert old in config.read_text()
    config.write_text(config.read_text().replace(old, new))


def ups(discord: FakeDiscord) -> list[str]:
    said = [str(message.payload.get("content", "")) for message in discord.messages]
    return [text for text in said if UP in text]


async def test_one_command_hands_everything_over_and_the_chat_hears_that_it_is_up(
    systemd: StubSystemd, config: Path, simulator: Simulator, discord: FakeDiscord
) -> None:
    ended = await install(systemd, config)
    assert (ended.code, ended.err) == (0, "")
    assert "The relay is up, and starts with the machine." in ended.out
    assert "swing was told: Relay is up" in ended.out
    for said in ("journalctl -u relay -f", "systemctl stop relay", "systemctl reload relay", "install --remove"):
        assert said in ended.out
    assert systemd.calls == ["daemon-reload", "enable --now relay"]
    url = discord.url("swing")
    files = there(systemd.root)
    assert {name: mode for name, (mode, _, _) in files.items()} == {
        "etc/relay/config.yaml": 0o644,
        "etc/relay/discord_swing": 0o600,
        "etc/relay/key": 0o600,
        "etc/systemd/system/relay.service": 0o644,
        "etc/systemd/system/relay.service.d/10-credentials.conf": 0o644,
        "usr/local/bin/relay": 0o755,
    }
    [start] = systemd.service().unit.all("ExecStart")
    assert files["usr/local/bin/relay"][2].endswith(f'\nexec {start.partition(" -c ")[0]} "$@"\n')
    assert "  status     sudo relay status\n" in ended.out
    assert {owner for _, owner, _ in files.values()} == {os.geteuid()}
    assert files["etc/relay/key"][2] == f"{KEY}\n"
    for mode, _, text in files.values():
        assert mode == 0o600 or not (KEY in text or url in text)
    for secret in (KEY, url, url.rpartition("/")[2]):
        assert secret not in ended.out + ended.err + systemd.log
    [said] = ups(discord)
    assert said.endswith(", 1 rule to 1 destination")
    simulator.fire(in_force("AAPL"))
    await discord.wait_for(2)


async def test_a_second_run_changes_nothing_and_a_changed_config_is_asked_about(
    systemd: StubSystemd, config: Path, discord: FakeDiscord
) -> None:
    assert (await install(systemd, config)).code == 0
    before, pid = there(systemd.root), systemd.pid
    _ = systemd.calls
    for source in (config, systemd.root / "etc/relay/config.yaml"):
        again = await install(systemd, source)
        assert (again.code, again.out) == (0, "Nothing to change: the relay is installed so already, and runs.\n")
    add(config, "shutdown_grace: 5s")
    refused = await install(systemd, config)
    hint = f"Say --force to write over, or -c {systemd.root}/etc/relay/config.yaml to go on"
    assert (refused.code, hint in refused.err) == (64, True)
    assert "    +shutdown_grace: 5s\n" in refused.out
    assert (there(systemd.root), systemd.pid, systemd.calls) == (before, pid, [])
    systemd.refuse("restart", "Failed to restart relay.service: Access denied")
    forced = await install(systemd, config, "--force")
    assert (forced.code, "Access denied\n  Mend that, and run this again." in forced.err) == (1, True)
    assert (systemd.pid, systemd.calls) == (pid, ["restart relay"])
    systemd.refuse("restart", "")
    mended = await install(systemd, config)
    assert (mended.code, mended.err, systemd.calls) == (0, "", ["restart relay"])
    assert systemd.pid != pid
    assert len(ups(discord)) == 1


async def test_an_upgrade_restarts_and_tells(systemd: StubSystemd, config: Path, discord: FakeDiscord) -> None:
    assert (await install(systemd, config)).code == 0
    drop_in = systemd.root / "etc/systemd/system/relay.service.d/10-credentials.conf"
    text = drop_in.read_text()
    drop_in.write_text(text.replace(f"relay {__version__}", "relay 0.0.1"))
    anothers = systemd.root / "usr/local/bin/relay"
    anothers.write_text("#!/usr/bin/python3\n")
    _ = systemd.calls
    upgraded = await install(systemd, config)
    assert (upgraded.code, upgraded.err) == (0, "")
    assert f"left {anothers}: it is another's; this relay is /" in upgraded.out
    assert "sudo relay " not in upgraded.out
    assert anothers.read_text() == "#!/usr/bin/python3\n"
    assert systemd.calls == ["daemon-reload", "restart relay"]
    (systemd.root / "etc/relay/key").write_text(f"{KEY}\n")  # as if it were another
    drop_in.touch()
    dry = await install(systemd, config, "--dry-run")
    assert "$ systemctl daemon-reload\n$ systemctl restart relay\nNothing was written or started.\n" in dry.out
    assert (drop_in.read_text(), len(ups(discord))) == (text, 2)


async def test_a_dry_run_shows_every_file_and_touches_none(systemd: StubSystemd, config: Path) -> None:
    shown = await install(systemd, config, "--dry-run")
    assert (shown.code, shown.err) == (0, "")
    assert not systemd.root.exists()
    assert f"{systemd.root}/etc/relay/key  0600 root  new\n    +***\n" in shown.out
    assert "    +LoadCredential=discord_swing:/etc/relay/discord_swing\n" in shown.out
    assert "    +    url_file: discord_swing\n" in shown.out
    assert shown.out.endswith(
        "$ systemctl daemon-reload\n$ systemctl enable --now relay\nThen swing is told that the relay is up.\n"
        "Nothing was written or started.\n"
    )
    assert KEY not in shown.out
    assert systemd.calls == []


async def test_a_dry_run_of_what_is_only_written_foretells_no_start(systemd: StubSystemd, config: Path) -> None:
    shown = await relay("install", "-c", str(config), "--root", str(systemd.root), "--dry-run", env=systemd.env)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.endswith("\nNothing was written or started.\n")
    assert "$ systemctl" not in shown.out
    assert "is told that the relay is up" not in shown.out


async def test_secrets_in_the_config_and_the_environment_reach_the_service_and_nobody_else(
    systemd: StubSystemd, tmp_path: Path, simulator: Simulator, discord: FakeDiscord
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        f"""\
stratalerts: {{api_key: {KEY}, websocket_url: "{simulator.websocket_url}", rest_url: "{simulator.rest_url}"}} # mine
http: {{listen: "127.0.0.1:{free_port()}"}}
destinations:
  swing: {{type: discord, url: "${{SWING}}"}} # the chat
rules: [{{name: all, symbol_file: list.txt, to: swing}}]
"""
    )
    (tmp_path / "list.txt").write_text("AAPL\n")
    env = {**systemd.env, "SWING": discord.url("swing")}
    options = ("-c", str(path), "--root", str(systemd.root), "--start")
    ended = await relay("install", *options, env=env)
    assert (ended.code, ended.err) == (0, "")
    files = there(systemd.root)
    text = files["etc/relay/config.yaml"][2]
    assert '{api_key_file: "api_key", websocket_url:' in text
    assert 'url: "${SWING}"}} # the chat'.replace("}}", "}") in text
    assert files["etc/relay/relay.env"][:2] == (0o600, os.geteuid())
    assert (files["etc/relay/api_key"][2], files["etc/relay/list.txt"][2]) == (f"{KEY}\n", "AAPL\n")
    assert KEY not in text + ended.out
    again = await relay("install", *options, env=systemd.env)  # sudo hands no variables over
    assert (again.code, "Nothing to change" in again.out, again.err) == (0, True, "")
    assert len(ups(discord)) == 1


async def test_what_keeps_it_from_coming_up_is_told_with_its_log(
    systemd: StubSystemd, config: Path, simulator: Simulator, discord: FakeDiscord
) -> None:
    async with Simulator(SimulatorSettings(keys={"sk-other-8812": ApiKey()}), SystemClock()) as other:
        exchange(config, simulator.websocket_url, other.websocket_url)
        exchange(config, simulator.rest_url, other.rest_url)
        ended = await install(systemd, config)
    assert ended.code == 1
    assert "The relay did not come up (failed, exit code 77): the upstream refused the key" in ended.err
    assert "Mend it, and run this again." in ended.err
    assert KEY not in ended.err
    assert ups(discord) == []


async def test_what_others_have_put_there_is_not_written_over_without_a_yes(systemd: StubSystemd, config: Path) -> None:
    unit = systemd.root / "etc/systemd/system/relay.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\nExecStart=/usr/bin/other\n")
    refused = await install(systemd, config)
    assert (refused.code, "relay.service; nothing was written" in refused.err) == (64, True)
    assert there(systemd.root) == {"etc/systemd/system/relay.service": (0o644, os.geteuid(), unit.read_text())}
    options = ("-c", str(config), "--root", str(systemd.root))
    async with terminal("install", *options, cwd=config.parent, env=systemd.env) as shown:
        await shown.answer("Write these over? [y/N]", "n")
        assert await shown.ended() == 0
    assert f"kept: {unit} is as it was; nothing was written" in shown.shown
    assert there(systemd.root) == {"etc/systemd/system/relay.service": (0o644, os.geteuid(), unit.read_text())}
    async with terminal("install", *options, cwd=config.parent, env=systemd.env) as shown:
        await shown.answer("Write these over? [y/N]", "y")
        assert await shown.ended() == 0
    assert "Written; nothing was started." in shown.shown
    assert systemd.calls == []


async def test_it_can_be_taken_away_again_and_config_and_store_stay(systemd: StubSystemd, config: Path) -> None:
    assert (await install(systemd, config)).code == 0
    _ = systemd.calls
    dry = await install(systemd, None, "--remove", "--dry-run")
    assert systemd.runs()
    gone = await install(systemd, None, "--remove")
    foretold, ending = dry.out.replace("would be removed: ", "removed "), "Nothing was stopped or removed.\n"
    assert (gone.code, gone.err, f"{gone.out}{ending}") == (0, "", foretold)
    assert gone.out.count(f"removed {systemd.root}/") == 3
    assert systemd.calls == ["disable --now relay", "daemon-reload"]
    assert not systemd.runs()
    assert {name.split("/")[1] for name in there(systemd.root)} == {"relay"}
    kept = f"{systemd.root}/etc/relay", f"{systemd.root}/var/lib/relay"
    stay = "stay: the config with its secrets, and the store. To delete them: rm -r"
    assert f"\n{' and '.join(kept)} {stay} {' '.join(kept)}" in gone.out
    assert (systemd.root / "var/lib/relay/relay.db").exists()


async def test_a_service_that_does_not_stop_keeps_its_unit(systemd: StubSystemd, config: Path) -> None:
    assert (await install(systemd, config)).code == 0
    before = there(systemd.root)
    systemd.refuse("disable", "Failed to disable unit: Access denied")
    kept = await install(systemd, None, "--remove")
    assert kept.code == 1
    assert "`systemctl disable --now relay` did not work: Failed to disable unit: Access denied" in kept.err
    assert (systemd.runs(), there(systemd.root)) == (True, before)


async def test_what_is_not_installed_is_taken_away_without_a_fault(systemd: StubSystemd) -> None:
    systemd.refuse("disable", "Failed to disable unit: Unit file relay.service does not exist.")
    gone = await install(systemd, None, "--remove")
    assert (gone.code, gone.err, gone.out, systemd.calls) == (0, "", "There is nothing to remove.\n", [])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('storage: {url: "sqlite:/srv/relay.db"}', "lies where the service may not write"),
        ("alerts_to: nobody", "nobody"),
    ],
)
async def test_a_config_that_no_service_could_run_is_refused_before_anything_is_written(
    systemd: StubSystemd, config: Path, line: str, said: str
) -> None:
    add(config, line)
    ended = await install(systemd, config)
    assert (ended.code, said in ended.err) == (78, True)
    assert not systemd.root.exists()


async def test_a_service_that_answers_on_its_page_is_the_one_that_was_installed(
    systemd: StubSystemd, config: Path
) -> None:
    ended = await install(systemd, config)
    page = next(line for line in ended.out.splitlines() if "http://" in line).split()[-1]
    async with aiohttp.ClientSession() as session, session.get(f"{page}/readyz") as answer:
        assert answer.status == 200


async def test_while_it_is_not_ready_nobody_is_told_that_it_is_up(
    systemd: StubSystemd, config: Path, simulator: Simulator, discord: FakeDiscord
) -> None:
    exchange(config, simulator.websocket_url, f"ws://127.0.0.1:{free_port()}/ws")
    ended = await install(systemd, config, "--wait", "1s")
    assert (ended.code, ended.err) == (1, "")
    assert "The relay runs, starts with the machine, and goes on trying; it is not ready yet:\n  " in ended.out
    assert discord.messages == []


async def test_a_config_that_lies_there_already_loses_its_secrets_and_shows_none(
    systemd: StubSystemd, simulator: Simulator
) -> None:
    place = written_by_hand(systemd.root, simulator)
    shown = await install(systemd, place, "--dry-run")
    assert (shown.code, shown.err) == (0, "")
    assert '    -stratalerts: {api_key: "***", ' in shown.out
    assert '    +stratalerts: {api_key_file: "api_key", ' in shown.out
    refused = await install(systemd, place, "--no-start")
    assert (refused.code, "/etc/relay/config.yaml; nothing was written" in refused.err) == (64, True)
    forced = await install(systemd, place, "--no-start", "--force")
    assert (forced.code, forced.err) == (0, "")
    again = await install(systemd, place, "--no-start")
    assert (again.code, again.out) == (0, "Nothing to change.\n")
    files = there(systemd.root)
    assert files["etc/relay/config.yaml"][0] == 0o644
    assert [name for name, (_, _, text) in files.items() if "sk-margay" in text] == ["etc/relay/api_key"]
    for ended in (shown, refused, forced, again):
        assert "sk-margay" not in ended.out + ended.err


def written_by_hand(root: Path, simulator: Simulator) -> Path:
    place = root / "etc/relay/config.yaml"
    place.parent.mkdir(parents=True)
    place.write_text(
        f"""\
stratalerts: {{api_key: sk-margay-1, websocket_url: "{simulator.websocket_url}", rest_url: "{simulator.rest_url}"}}
destinations: {{bot: {{type: webhook, url: "${{BOT:-http://127.0.0.1:9/x}}"}}}}
rules: [{{name: all, to: bot}}]
"""
    )
    place.chmod(0o600)
    return place
