"""``type: apprise`` of the config: what is taken, what is missed, and which addresses stay on this machine."""

from __future__ import annotations

import subprocess
import sys
from ipaddress import ip_address
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.destinations.apprise.apprise import Apprise
from relay.destinations.apprise.config import AppriseConfig, needs_extra
from relay.destinations.apprise.loading import library
from relay.destinations.apprise.service import PluginService
from relay.destinations.factory import Factory, refuse_real
from relay.destinations.http import HttpClient
from relay.destinations.kinds import AnyConfig
from relay.secret import Secret
from tests.support.clock import FakeClock
from tests.support.config_text import config_text, faults_of, read
from tests.support.messages import config_of

PHONE = "destinations: {bot: {type: apprise, url: 'tgram://987654321:AbCdEf_gHiJkL/12315544/'}}"


def at(url: str) -> AppriseConfig:
    return AppriseConfig.model_construct(type="apprise", url=Secret(url))


def test_it_takes_one_at_a_time_in_order() -> None:
    phone = read(config_text("destinations", PHONE)).destinations["bot"]
    assert isinstance(phone, AppriseConfig)
    assert (phone.concurrency, phone.ordering, phone.rate_limit) == (1, "strict", None)
    assert not phone.stays_here
    assert "AbCdEf" not in repr(phone)


def test_without_the_extra_the_fault_stands_at_the_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.destinations.apprise.config.installed", lambda: False)
    assert faults_of(config_text("destinations", PHONE)) == [f"2:28: destinations.bot.type: {needs_extra()}"]


@pytest.mark.parametrize(
    ("pip", "python", "said"),
    [
        (True, "/opt/relay-env/bin/python", "cloned to: /opt/relay-env/bin/python -m pip install '.[apprise]'"),
        (True, "/opt/my env/bin/python", "cloned to: '/opt/my env/bin/python' -m pip install '.[apprise]'"),
        (False, "/opt/relay/bin/python", "not installed here; docs/apprise.md says how"),
    ],
)
def test_the_fault_names_what_can_be_done_with_this_python(
    monkeypatch: pytest.MonkeyPatch, pip: bool, python: str, said: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object() if pip else None)
    monkeypatch.setattr(sys, "executable", python)
    assert needs_extra().endswith(said)


def test_the_relay_works_without_the_extra() -> None:
    program = f"""
import sys
sys.modules["apprise"] = None
from pathlib import Path
from relay.config.load import loads
import relay.app
try:
    loads({config_text("destinations", PHONE)!r}, path=Path("f"), env={{}})
except Exception as error:
    print(error)
print(loads({config_text("more", "")!r}, path=Path("f"), env={{}}).path)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout.splitlines() == ["1 fault in f", f"f:2:28: destinations.bot.type: {needs_extra()}", "f"]


@pytest.mark.parametrize(
    ("url", "stays"),
    [
        ("json://127.0.0.1", True),
        ("jsons://localhost:9/a?b=c", True),
        ("xml://[::1]:8080/x", True),
        ("FORM://127.8.9.1?x", True),
        ("ntfy://127.0.0.1/topic", False),
        ("tgram://127.0.0.1/x", False),
        ("http://127.0.0.1/x", False),
        ("json://ann:pass@127.0.0.1/x", False),
        ("json://127.0.0.1\\@bot.example/x", False),
        ("json://127.0.0.1/@bot.example", False),
        ("json://127.0.0.1#@bot.example/", False),
        ("json://127.0.0.1@bot.example/", False),
        ("json://bot.example/127.0.0.1", False),
        ("json://127.0.0.1.bot.example/", False),
        ("json://localhost.bot.example/", False),
        ("json://127.0.0.1,json://bot.example", False),
    ],
)
def test_only_what_surely_goes_to_this_machine_stays_here(url: str, stays: bool) -> None:
    assert at(url).stays_here is stays


async def test_invented_alerts_go_through_apprise_to_this_machine_only_unless_allowed() -> None:
    configs: dict[str, AnyConfig] = {
        "phone": config_of("apprise", "ntfy://127.0.0.1/topic"),
        "inbox": config_of("apprise", "json://127.0.0.1:9/x"),
    }
    assert refuse_real(configs, simulated=True, allow_real=False) == ["phone"]
    assert refuse_real(configs, simulated=True, allow_real=True) == []
    client = HttpClient()
    assert isinstance(Factory(client, FakeClock()).build("inbox", configs["inbox"]), Apprise)
    await client.close()


_pieces = st.sampled_from(
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "bot.example",
        ":",
        "9",
        "/",
        "\\",
        "@",
        "?",
        "#",
        "&",
        "=",
        "%40",
        ";",
        ",",
        "a",
    ]
)


@given(st.sampled_from(["json", "xmls", "form"]), st.lists(_pieces, max_size=8).map("".join))
def test_what_stays_here_goes_to_this_machine_as_apprise_reads_it(scheme: str, rest: str) -> None:
    url = f"{scheme}://{rest}"
    if not at(url).stays_here or library().fault_of(Secret(url)):
        return
    service = library().service_of(Secret(url), 1.0)
    assert isinstance(service, PluginService)
    assert _is_this_machine(service.plugin.host)
    assert _is_this_machine(urlsplit(url).hostname or "")


def _is_this_machine(host: str) -> bool:
    return host == "localhost" or ip_address(host.strip("[]")).is_loopback


@pytest.mark.parametrize(
    ("url", "seconds"), [("json://localhost", (7.0, 7.0)), ("json://localhost?rto=2.5&cto=1", (1.0, 2.5))]
)
def test_apprises_own_time_outs_are_ours_unless_the_url_asks_for_others(url: str, seconds: tuple[float, float]) -> None:
    service = library().service_of(Secret(url), 7.0)
    assert isinstance(service, PluginService)
    assert service.plugin.request_timeout == seconds
