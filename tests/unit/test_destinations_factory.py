from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from relay.config.destinations import DiscordConfig, SlackConfig, WebhookConfig
from relay.destinations.discord import Discord
from relay.destinations.factory import build, refuse_real
from relay.destinations.http import HttpClient
from relay.destinations.slack import Slack
from relay.destinations.webhook import Webhook
from relay.errors import ConfigError, Exit
from relay.secret import Secret
from tests.support.clock import FakeClock
from tests.support.messages import Config, message

KEY = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


@pytest.mark.parametrize(("kind", "cls"), [("webhook", Webhook), ("discord", Discord), ("slack", Slack)])
async def test_each_type_has_its_class_and_keeps_its_name(client: HttpClient, kind: str, cls: type) -> None:
    destination = build("swing", Config(Secret("https://hooks.example/x"), type=kind), client, FakeClock())
    assert isinstance(destination, cls)
    assert destination.name == "swing"


async def test_the_models_of_the_config_fit(client: HttpClient) -> None:
    url = "https://hooks.example/x"
    headers = {"X-Team": "alpha"}
    configs = (
        WebhookConfig.model_validate({"type": "webhook", "url": url, "secret": KEY, "headers": headers}),
        DiscordConfig.model_validate({"type": "discord", "url": url}),
        SlackConfig.model_validate({"type": "slack", "url": url}),
    )
    built = [build(config.type, config, client, FakeClock()) for config in configs]
    assert [type(destination) for destination in built] == [Webhook, Discord, Slack]
    webhook = built[0]
    assert isinstance(webhook, Webhook)
    sent = webhook.headers(message(), b"{}")
    assert (sent["X-Team"], sent["webhook-signature"][:3]) == ("alpha", "v1,")


async def test_a_type_without_a_class_is_named(client: HttpClient) -> None:
    with pytest.raises(ConfigError, match=r"destinations\.swing\.type: apprise is not supported yet"):
        build("swing", Config(Secret("https://hooks.example/x"), type="apprise"), client, FakeClock())


@pytest.mark.parametrize("kind", ["webhook", "discord", "slack"])
@pytest.mark.parametrize(
    "url", ["", "s3cret", "ftp://h.example/s3cret", "https:///s3cret", "http://[::1/s3cret", "https://h:99999/s3cret"]
)
async def test_an_unusable_address_is_refused_without_being_quoted(client: HttpClient, kind: str, url: str) -> None:
    with pytest.raises(ConfigError, match=r"destinations\.swing\.url") as caught:
        build("swing", Config(Secret(url), type=kind), client, FakeClock())
    assert "s3cret" not in str(caught.value) + caught.value.hint
    assert caught.value.exit_code is Exit.CONFIG


def test_invented_alerts_go_to_no_real_destination_unless_allowed() -> None:
    destinations = {
        "bot": Config(Secret("https://bot.example/x")),
        "inbox": Config(Secret("http://127.0.0.1:9/x")),
        "swing": Config(Secret("https://discord.example/x"), type="discord"),
    }
    assert refuse_real(destinations, simulated=True, allow_real=False) == ["bot", "swing"]
    assert refuse_real(destinations, simulated=True, allow_real=True) == []
    assert refuse_real(destinations, simulated=False, allow_real=False) == []
