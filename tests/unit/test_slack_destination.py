"""What a Slack destination makes of what waits, and of the answers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.deliveries import Message, Verdict
from relay.destinations.answer import Answer, Failure
from relay.destinations.slack.config import SlackConfig
from relay.destinations.slack.limiter import BURST, SlackLimits
from relay.destinations.slack.render import WARNING, fallback, size, warning_block
from relay.destinations.slack.slack import ROWS, Slack
from relay.destinations.texts import remarks
from relay.events import Source
from relay.simulator.chat.blocks import check, pinging
from relay.simulator.chat.mentions import slack_mentions
from relay.simulator.chat.posted import Pings
from relay.template import RenderError
from tests.support.any_alert import batches, messages
from tests.support.block_kit import judge, texts_of
from tests.support.clock import START_US, FakeClock
from tests.support.events import a_break, in_force
from tests.support.messages import config_of, message
from tests.support.scripted_http import ScriptedHttp

LATE_US = START_US + 700_000_000
URL = "https://hooks.slack.example/services/T0/B0/tok-123456789"
GROUP, USER = "<!subteam^S012ABC>", "<@U012ABC>"


def slack(
    http: ScriptedHttp | None = None,
    clock: FakeClock | None = None,
    limits: SlackLimits | None = None,
    **config: object,
) -> Slack:
    read = config_of("slack", URL, **config)
    assert isinstance(read, SlackConfig)
    clock = clock or FakeClock()
    return Slack("desk", read, http or ScriptedHttp(), clock, limits or SlackLimits(clock))


def body(destination: Slack, *batch: Message) -> dict[str, Any]:
    made = msgspec.json.decode(destination.render(batch), type=dict[str, Any])
    judge(made)
    assert check(made) is None
    return made


def kinds(made: dict[str, Any]) -> list[str]:
    return [block["type"] for block in made["blocks"]]


def alerts(count: int, **more: Any) -> list[Message]:
    return [message(in_force(number, "NVDA"), **more) for number in range(count)]


# --- what goes out together


def test_what_waits_goes_out_together_in_order() -> None:
    made = body(slack(), message(), message(a_break(2)), message(in_force(3, "MSFT")))
    assert kinds(made) == ["section", "context"] * 3
    heads = [block["text"]["text"] for block in made["blocks"][::2]]
    assert ["AAPL" in heads[0], "3 of 4" in heads[1], "MSFT" in heads[2]] == [True] * 3
    assert made["text"].startswith("3 alerts: AAPL [D] 1-2U, 3 of 4 index futures broke up [D], MSFT [D] 1-2U")
    assert (made["unfurl_links"], made["unfurl_media"]) == (False, False)


@pytest.mark.parametrize(
    "event",
    [
        in_force(1, "NVDA"),
        a_break(1),
        msgspec.structs.replace(
            in_force(1, "BTC-USD"), data=b'{"tfc":{"D":"green","W":"red","M":"green","Q":"green","Y":"green"}}'
        ),
    ],
    ids=["alert", "break", "enriched"],
)
def test_at_least_fifteen_usual_alerts_go_into_a_message(event: Any) -> None:
    waiting = [message(event, rules=("daily bulls", "the whole market moves"), mentions=(GROUP,))] * 30
    destination = slack()
    count = destination.fits(waiting)
    assert 15 <= count <= destination.capacity
    body(destination, *waiting[:count])


@pytest.mark.parametrize(
    ("config", "capacity"),
    [
        ({}, 24),
        ({"template": "x"}, 49),
        ({"digest_over": 60}, ROWS),
        ({"digest_over": 500}, 501),
        ({"late": {"as": "digest"}}, ROWS),
        ({"late": {"as": "drop"}}, 24),
    ],
)
def test_the_capacity_is_as_much_as_it_needs_to_see(config: dict[str, Any], capacity: int) -> None:
    assert slack(**config).capacity == capacity


def test_more_than_digest_over_become_a_digest() -> None:
    destination = slack(digest_over=60)
    assert destination.fits(alerts(60)) < 30
    count = destination.fits(alerts(300))
    assert count > 200
    made = body(destination, *alerts(count))
    assert kinds(made)[:3] == ["header", "context", "section"]
    assert made["blocks"][0]["text"]["text"] == f"{count} alerts"
    assert made["text"].startswith(f"{count} alerts: NVDA [D] 1-2U")


def test_late_ones_are_gathered_where_that_was_chosen() -> None:
    waiting = [*alerts(5, now_us=LATE_US), *alerts(3)]
    gathering = slack(late={"over": "10m", "as": "digest"})
    assert gathering.fits(waiting) == 5
    assert kinds(body(gathering, *waiting[:5])) == ["header", "context", "section"]
    assert gathering.fits(waiting[5:]) == 3
    assert kinds(body(gathering, *waiting[5:])) == ["section", "context"] * 3
    assert slack().fits(waiting) == 8


def test_one_of_a_digest_is_shown_in_full_when_it_is_sent_alone() -> None:
    assert kinds(body(slack(digest_over=1), *alerts(1))) == ["section", "context"]


@settings(max_examples=50)  # each is a batch of alerts, rendered several times
@given(
    batches,
    st.fixed_dictionaries(
        {},
        optional={
            "digest_over": st.integers(1, 20),
            "late": st.sampled_from([{"as": "digest"}, {"as": "digest", "over": "1s"}, {"as": "mark"}]),
            "template": st.just("{{ relay.rules | join(' ') }} {{ relay.key }} {{ data | string }}"),
            "mentions": st.just({"D": [GROUP, USER], "4H": USER}),
        },
    ),
)
def test_whatever_waits_goes_out_as_slack_takes_it_and_pings_only_whom_it_may(
    waiting: list[Message], config: dict[str, Any]
) -> None:
    destination = slack(**config)
    left = waiting
    while left:
        count = destination.fits(left)
        assert 1 <= count <= min(len(left), destination.capacity)
        sent, left = left[:count], left[count:]
        try:
            made = body(destination, *sent)
        except RenderError:
            assert count == 1  # the template makes too much of it, and it fails alone
            continue
        pings = slack_mentions(pinging(made))
        asked = "mentions" in config and any(one.delivery.event.timeframe in {"D", "4H"} for one in sent)
        assert pings in {Pings(), Pings(("S012ABC",), ("U012ABC",)), Pings((), ("U012ABC",))}
        assert asked or not pings
        shown = "\n".join(texts_of(made))
        assert "<!channel" not in shown
        assert "<!here" not in shown
        assert "<https://evil.example" not in shown


@given(messages)
def test_a_mark_has_the_room_that_is_kept_for_it(sent: Message) -> None:
    assert size(warning_block(remarks(sent, 1.0))) <= WARNING


# --- mentions


def test_a_message_pings_once_for_all_its_alerts() -> None:
    destination = slack(mentions={"D": "swing"}, roles={"swing": GROUP})
    made = body(destination, message(mentions=(USER,)), message(in_force(2, "MSFT"), mentions=(USER, GROUP)))
    assert made["blocks"][0] == {
        "type": "section",
        "text": {"type": "mrkdwn", "text": f"{USER} {GROUP}", "verbatim": True},
    }
    assert sum(text.count("<!subteam") + text.count("<@") for text in texts_of(made)) == 2


def test_what_is_late_or_a_test_pings_nobody() -> None:
    late = message(mentions=(USER,), now_us=LATE_US)
    test = message(mentions=(USER,), source=Source.TEST)
    assert USER not in "".join(texts_of(body(slack(), late, test)))


def test_a_digest_pings_like_any_message() -> None:
    made = body(slack(digest_over=1), *alerts(9, mentions=(USER,)))
    assert kinds(made) == ["section", "header", "context", "section"]


def test_no_more_are_pinged_than_there_is_room_for() -> None:
    many = tuple(f"<@U{number:020}>" for number in range(90))
    made = body(slack(), *alerts(24, mentions=many)[: slack().fits(alerts(24))])
    assert 30 <= made["blocks"][0]["text"]["text"].count("<@U") < 90


async def test_who_was_pinged_is_noted_when_the_message_was_delivered() -> None:
    http = ScriptedHttp(Failure("timeout", "no answer"))
    clock = FakeClock()
    destination = slack(http, clock, ping={"every": "10m"})
    for _ in range(3):
        await destination.send([message(mentions=(USER,))])
    await clock.advance(600)
    await destination.send([message(mentions=(USER,))])
    assert [USER in str(made) for made in http.bodies] == [True, True, False, True]


# --- templates


def test_templates_of_several_alerts_follow_each_other() -> None:
    destination = slack(template="{{ symbol }} {{ mentions }}")
    made = body(destination, message(mentions=(USER,)), message(in_force(2, "MSFT"), mentions=(USER,)))
    assert [block["text"]["text"] for block in made["blocks"]] == [f"AAPL {USER}", "MSFT"]
    assert made["text"] == "2 alerts: AAPL [D] 1-2U, MSFT [D] 1-2U"


def test_a_template_that_names_nobody_still_pings() -> None:
    made = body(slack(template='{"text": "{{ symbol }}!"}'), message(mentions=(USER,)))
    assert [block["text"]["text"] for block in made["blocks"]] == [USER, "AAPL!"]
    assert made["text"] == "AAPL!"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ symbol }}!", "{fallback}"),
        ('{"text": "{{ symbol }}!"}', "{said} · AAPL!"),
    ],
)
@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"source": Source.TEST, "simulated": True}, "a test, not an alert"),
        ({"source": Source.REPLAY}, "replay"),
        ({"now_us": LATE_US, "source": Source.BACKFILL}, "recovered, 11 min late"),
    ],
)
def test_what_is_not_a_new_and_real_alert_says_so_above_a_template(
    template: str, text: str, more: dict[str, Any], said: str
) -> None:
    sent = message(**more)
    made = body(slack(template=template), sent)
    assert [block["text"]["text"] for block in made["blocks"]] == [f"⚠️ *{said}*", "AAPL!"]
    assert made["text"] == text.format(said=said, fallback=fallback([sent], 600.0))


def test_each_alert_of_a_message_is_marked_by_itself_and_lateness_left_to_a_template_that_uses_it() -> None:
    batch = [message(), message(in_force(2, "MSFT"), simulated=True, now_us=LATE_US)]
    marked = body(slack(template="{{ symbol }}"), *batch)
    assert [block["text"]["text"] for block in marked["blocks"]] == ["AAPL", "⚠️ *11 min late*", "MSFT"]
    told = body(slack(template="{{ symbol }} {{ late }}"), *batch)
    assert [block["text"]["text"] for block in told["blocks"]] == ["AAPL", "MSFT 11 min late"]


def test_what_a_template_gives_at_most_has_room_for_mark_and_mentions() -> None:
    many = tuple(f"<@U{number:020}>" for number in range(90))
    filled = slack(template="{{ ('x' * 2500 + '\n') * 4 }}", late={"over": "11m"})
    body(filled, message(simulated=True, mentions=many, source=Source.BACKFILL))
    blocks = slack(
        template='{"blocks": {{ ([{"type": "section", "text": {"type": "mrkdwn", "text": "x"}}] * 48) | tojson }}}'
    )
    for sent in (message(mentions=(USER,)), message(now_us=LATE_US)):  # who is marked pings nobody
        assert len(body(blocks, sent)["blocks"]) == 49


async def test_an_alert_whose_template_fails_goes_alone_and_is_dead() -> None:
    http = ScriptedHttp()
    destination = slack(http, template="{{ symbol }} {{ 1 / (price - 2) }}")
    waiting = [message(), message(in_force(2, price=2.0)), message(in_force(3))]
    assert [destination.fits(waiting), destination.fits(waiting[1:]), destination.fits(waiting[2:])] == [1, 1, 1]
    outcome = await destination.send(waiting[1:2])
    assert (outcome.verdict, outcome.code) == (Verdict.DEAD, "template")
    assert "ZeroDivisionError" in outcome.detail
    assert http.requests == []


# --- the wire


async def test_a_message_is_posted_as_json_under_our_name() -> None:
    http = ScriptedHttp()
    assert (await slack(http).send([message()])).verdict is Verdict.DELIVERED
    [request] = http.requests
    assert (request.method, str(request.url)) == ("POST", URL)
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"].startswith("relay/")


async def test_two_destinations_at_one_webhook_share_its_pace() -> None:
    clock = FakeClock()
    limits = SlackLimits(clock)
    one, other = slack(clock=clock, limits=limits), slack(clock=clock, limits=limits)
    for _ in range(BURST):
        one.limiter.note(clock.monotonic())
    assert other.limiter.ready_at() == clock.monotonic() + 1
    assert slack(clock=clock).limiter.ready_at() == float("-inf")


async def test_a_429_is_learnt_from() -> None:
    clock = FakeClock()
    destination = slack(ScriptedHttp(Answer(429, {"retry-after": "7"}, "rate_limited")), clock)
    outcome = await destination.send([message()])
    assert (outcome.verdict, outcome.retry_after) == (Verdict.RETRY, 7.0)
    assert destination.limiter.ready_at() == clock.monotonic() + 7
    assert destination.limiter.burst == BURST // 2
