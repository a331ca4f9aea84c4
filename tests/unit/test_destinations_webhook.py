from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import relay
from relay.deliveries import Verdict
from relay.destinations.body import body_of, variables_of
from relay.destinations.http import HttpClient
from relay.destinations.webhook.config import WebhookConfig
from relay.destinations.webhook.webhook import Webhook
from relay.events import Channel, Event, Instant, Source
from relay.secret import Secret
from relay.template import BODY_CAP, BodyTemplate, RenderError
from tests.support.clock import START_US, FakeClock
from tests.support.events import a_break, in_force
from tests.support.messages import message, webhook_config

KEY = Secret("whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode())
CONFIG = webhook_config()


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


def _webhook(client: HttpClient, config: WebhookConfig = CONFIG) -> Webhook:
    return Webhook("bot", config, client, FakeClock())


async def test_the_body_holds_every_field_of_the_contract(client: HttpClient) -> None:
    sent = message(expires_at_us=START_US + 10_000_000, received_at_us=START_US + 250_000, attempt=3, simulated=True)
    assert msgspec.json.decode(_webhook(client).render([sent])) == {
        "type": "alert.in_force",
        "timestamp": "2026-04-10T13:45:22Z",
        "data": {
            "id": 98421,
            "symbol": "AAPL",
            "timeframe": "D",
            "direction": "bullish",
            "shape": "1-2U",
            "price": 214.32,
            "triggered_at": "2026-04-10T13:45:22Z",
            "cc": "2U",
        },
        "relay": {
            "event": "alerts.in_force:98421",
            "key": "AAPL|D|bullish|1-2U|2026-04-10T13:45:22Z",
            "rules": ["daily bulls"],
            "destination": "bot",
            "source": "live",
            "received_at": "2026-04-10T13:45:22.250Z",
            "expires_at": "2026-04-10T13:45:32.000Z",
            "sequence": 7,
            "attempt": 3,
            "simulated": True,
        },
    }


async def test_the_upstreams_object_goes_out_byte_for_byte(client: HttpClient) -> None:
    data = b'{ "price":532.10,"big":12345678901234567890123, "e":1E+2,"\\u00e4":"\\/",  "n":null }'
    body = _webhook(client).render([message(Event(Channel.IN_FORCE, id=1, data=data))])
    assert b'"data":' + data + b',"relay"' in body


@pytest.mark.parametrize(
    ("event", "source", "kind"),
    [
        (a_break(4112), Source.BACKFILL, "alert.simultaneous_break"),
        (Event(Channel.STATES, symbol="AAPL"), Source.LIVE, "state"),
        (Event(Channel.QUOTES, symbol="AAPL"), Source.LIVE, "quote"),
        (Event(Channel.IN_FORCE), Source.TEST, "relay.test"),
    ],
)
def test_each_kind_of_event_has_its_type(event: Event, source: Source, kind: str) -> None:
    body = body_of(message(event, source=source))
    assert (body.type, body.relay.source) == (kind, source.value)


def test_what_has_no_natural_fields_is_known_by_its_own_key() -> None:
    assert body_of(message(in_force(1))).relay.key.startswith("AAPL|")
    test = message(Event(Channel.IN_FORCE), source=Source.TEST)
    assert body_of(test).relay.key == test.delivery.event_key


def test_an_alert_without_a_usable_time_has_the_time_it_was_received() -> None:
    body = body_of(message(in_force(1, at=None)))
    assert body.timestamp == body.relay.received_at == "2026-04-10T13:45:22.000Z"
    assert body.relay.expires_at is None


def test_the_trigger_keeps_its_precision() -> None:
    event = Event(Channel.IN_FORCE, id=1, triggered_at=Instant.parse("2026-04-10T13:45:22.123456+00:00"))
    assert body_of(message(event)).timestamp == "2026-04-10T13:45:22.123456Z"


async def test_headers_carry_the_id_the_second_and_who_we_are(client: HttpClient) -> None:
    sent = message(now_us=START_US + 999_999)
    headers = _webhook(client).headers(sent, b"{}")
    assert dict(headers) == {
        "Content-Type": "application/json",
        "User-Agent": f"relay/{relay.__version__}",
        "webhook-id": sent.delivery.webhook_id,
        "webhook-timestamp": str(START_US // 1_000_000),
    }


async def test_a_secret_adds_a_signature_and_the_users_headers_win_over_defaults(client: HttpClient) -> None:
    own = {"X-Team": Secret("alpha"), "content-type": Secret("text/plain"), "user-agent": Secret("mine")}
    headers = _webhook(client, webhook_config(secret=[KEY, KEY], headers=own)).headers(message(), b"{}")
    assert headers["webhook-signature"].split(" ") == [headers["webhook-signature"].split(" ")[0]] * 2
    assert (headers["X-Team"], headers["Content-Type"], headers["User-Agent"]) == ("alpha", "text/plain", "mine")
    assert len([name for name in headers if name.lower() == "content-type"]) == 1


async def test_headers_are_shown_without_what_the_config_keeps_secret(client: HttpClient) -> None:
    config = webhook_config(secret=KEY.reveal(), headers={"X-Token": "hunter2", "user-agent": "hunter3"})
    sent = message()
    assert _webhook(client, config).shown_headers([sent]) == {
        "Content-Type": "application/json",
        "user-agent": "***",
        "X-Token": "***",
        "webhook-id": sent.delivery.webhook_id,
        "webhook-timestamp": str(START_US // 1_000_000),
        "webhook-signature": "***",
    }


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"headers": {"Webhook-Id": "s3cret"}}, "set by the relay itself"),
        ({"headers": {"Content-Length": "s3cret"}}, "set by the relay itself"),
        ({"headers": {"X-Token": "s3cret\nX-Other: 1"}}, "one line of text"),
        ({"secret": "whsec_s3cret!"}, "a signing secret is base64"),
        ({"template": "\n{{ s3cret"}, "line 2 of the template is not Jinja2"),
    ],
)
def test_what_can_not_work_is_refused_by_the_config_without_being_quoted(more: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as caught:
        webhook_config(**more)  # type: ignore[arg-type]  # a table's row
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("template", "body"),
    [
        ('{"ticker": {{ symbol | tojson }}}', '{"ticker": "AAPL"}'),
        ("{{ timeframe }} {{ price }} {{ triggered_at }}", "D 214.32 2026-04-10T13:45:22Z"),
        ("{{ type }} {{ timestamp }}", "alert.in_force 2026-04-10T13:45:22Z"),
        ("{{ data.cc }} {{ data['id'] }}", "2U 98421"),
        ("{{ relay.rules | join('+') }} {{ relay.attempt }} {{ relay.simulated | tojson }}", "daily bulls 1 false"),
        ("{{ '<&\"ä' | tojson }} {{ '<b>' }}", '"<&\\"ä" <b>'),
        ("{{ relay.expires_at | tojson }}", "null"),
        ("{{ missing | default('none') }}", "none"),
        ("{% if direction == 'bullish' %}buy{% else %}sell{% endif %}", "buy"),
    ],
)
async def test_a_template_makes_the_body(client: HttpClient, template: str, body: str) -> None:
    assert _webhook(client, webhook_config(template=template)).render([message()]).decode() == body


def test_the_relays_names_win_over_the_upstreams() -> None:
    data = b'{"type": "theirs", "relay": 1, "self": 2, "symbol": "AAPL"}'
    variables = variables_of(body_of(message(Event(Channel.IN_FORCE, id=1, data=data))))
    assert variables["type"] == "alert.in_force"
    assert variables["self"] == 2
    assert isinstance(variables["relay"], dict)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("\n\n{{ missing }}", "the template failed in its line 3: 'missing' is undefined"),
        ("{{ missing | tojson }}", "the template failed in its line 1: 'missing' is undefined"),
        ("{{ data.nothing.at_all }}", "'dict object' has no attribute 'nothing'"),
        ("{{ symbol + 1 }}", "TypeError"),
        ("{{ 1 // 0 }}", "ZeroDivisionError"),
        ("{{ ''.__class__.__mro__ }}", "the template failed"),
        ("{{ data.clear() }}", "SecurityError"),
        ("{% include 'other' %}", "the template failed"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "RecursionError"),
        ("{% for i in range(99999) %}0123456789{% endfor %}", "larger than 256 KiB"),
    ],
)
async def test_a_template_that_fails_is_a_dead_letter_with_the_reason(
    client: HttpClient, template: str, reason: str
) -> None:
    webhook = _webhook(client, webhook_config(template=template))
    with pytest.raises(RenderError):
        webhook.render([message()])
    outcome = await webhook.send([message()])
    assert (outcome.verdict, outcome.code) == (Verdict.DEAD, "template")
    assert reason in outcome.detail
    assert "AAPL" not in outcome.detail


async def test_a_template_error_does_not_reveal_a_secret_of_the_template(client: HttpClient) -> None:
    own = {"X-Token": Secret("tok-987654321")}
    template = "{{ data['tok-987654321'].x }}"
    outcome = await _webhook(client, webhook_config(template=template, headers=own)).send([message()])
    assert outcome.code == "template"
    assert "tok-987654321" not in outcome.detail


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), _json, max_size=5))
def test_any_object_survives_the_body_and_a_template(data: dict[str, object]) -> None:
    try:
        raw = msgspec.json.encode(data)
    except UnicodeEncodeError:
        return  # a lone surrogate never arrives: the decoder refuses it
    body = body_of(message(Event(Channel.IN_FORCE, id=1, data=raw)))
    decoded = msgspec.json.decode(raw)
    assert msgspec.json.decode(msgspec.json.encode(body))["data"] == decoded
    rendered = BodyTemplate("{{ data | tojson }}").render(variables_of(body))
    assert msgspec.json.decode(rendered) == decoded
    assert len(rendered) <= BODY_CAP
