from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from relay.destinations.discord.config import DiscordConfig
from relay.destinations.discord.discord import Discord
from relay.destinations.factory import Factory, refuse_real
from relay.destinations.http import HttpClient
from relay.destinations.slack.config import SlackConfig
from relay.destinations.slack.slack import Slack
from relay.destinations.webhook.config import WebhookConfig
from relay.destinations.webhook.webhook import Webhook
from relay.document.addresses import parse_url
from tests.support.clock import FakeClock
from tests.support.messages import config_of, message

KEY = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


@pytest.mark.parametrize(("kind", "cls"), [("webhook", Webhook), ("discord", Discord), ("slack", Slack)])
async def test_each_type_has_its_class_and_keeps_its_name(client: HttpClient, kind: str, cls: type) -> None:
    destination = Factory(client, FakeClock()).build("swing", config_of(kind))
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
    factory = Factory(client, FakeClock())
    built = [factory.build(config.type, config) for config in configs]
    assert [type(destination) for destination in built] == [Webhook, Discord, Slack]
    webhook = built[0]
    assert isinstance(webhook, Webhook)
    sent = webhook.headers(message(), b"{}")
    assert (sent["X-Team"], sent["webhook-signature"][:3]) == ("alpha", "v1,")


@pytest.mark.parametrize("kind", ["webhook", "discord", "slack"])
@pytest.mark.parametrize(
    "url",
    [
        "",
        "s3cret",
        "ftp://h.example/s3cret",
        "https:///s3cret",
        "http://[::1/s3cret",
        "https://h:99999/s3cret",
        "http://h\\s3cret/",
    ],
)
def test_an_unusable_address_is_refused_by_the_config_without_being_quoted(kind: str, url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        config_of(kind, url)
    assert "s3cret" not in str(caught.value)


_authorities = st.text("aä.-_:@[]%1f\\", max_size=12) | st.sampled_from(
    ("h", "h:1", "u:p@h", "[::1]", "[::1]:0", "[::1]h", "[v1.a]", "[::1%eth0]", "h:", "ä.example", "a%zz")
)


@given(st.sampled_from(("http", "https", "HTTP", "ws")), _authorities, st.text(max_size=12))
def test_what_the_config_takes_as_an_address_a_destination_can_send_to(scheme: str, authority: str, rest: str) -> None:
    try:
        url = config_of("webhook", f"{scheme}://{authority}/{rest}").url
    except ValidationError:
        return
    parsed = parse_url(url.reveal())
    assert parsed.scheme in {"http", "https"}
    assert parsed.host


def test_invented_alerts_go_to_no_real_destination_unless_allowed() -> None:
    destinations = {
        "bot": config_of("webhook", "https://bot.example/x"),
        "inbox": config_of("webhook", "http://127.0.0.1:9/x"),
        "swing": config_of("discord", "https://discord.example/x"),
    }
    assert refuse_real(destinations, simulated=True, allow_real=False) == ["bot", "swing"]
    assert refuse_real(destinations, simulated=True, allow_real=True) == []
    assert refuse_real(destinations, simulated=False, allow_real=False) == []


@pytest.mark.parametrize("kind", ["discord", "slack"])
async def test_a_destination_that_is_built_anew_keeps_the_rate_that_was_told(client: HttpClient, kind: str) -> None:
    clock = FakeClock()
    factory = Factory(client, clock)
    before = factory.build("swing", config_of(kind))
    assert before.limiter is not None
    for _ in range(8):
        before.limiter.note(clock.monotonic())
    after = factory.build("swing", config_of(kind)).limiter
    assert after is not None
    assert after.ready_at() == before.limiter.ready_at() > clock.monotonic()
