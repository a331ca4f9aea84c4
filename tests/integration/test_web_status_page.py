"""The page a person sees, as it comes over the wire."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import aiohttp
import msgspec
import pytest

from relay import redaction
from relay.clock import MICROS
from relay.config.outline import DestinationOutline, Outline, RuleOutline, Setting
from relay.errors import StoreBusyError
from relay.events import Channel
from relay.outbox.archive import Selection
from relay.outbox.channels import Hole
from relay.redaction import MASK
from relay.secret import Secret
from relay.web.desk import (
    BackfillStatus,
    ChannelStatus,
    ConfigStatus,
    ConnectionStatus,
    ConnectionStep,
    DestinationStatus,
    Readiness,
    StoreStatus,
)
from relay.web.looks import LaneState, LinkState
from tests.support.desk import NOW_US, FakeDesk, an_event
from tests.support.web import own_page

SECTIONS = ("glance", "now", "connection", "destinations", "alerts", "dead", "snoozes", "backfill", "config")
PARTS = {*SECTIONS, "sections", "footer"}
EVIL = "\"><script>alert(1)</script><b onclick=x style=y>'"


async def html_of(client: aiohttp.ClientSession, path: str = "/", status: int = 200) -> str:
    """The page."""
    async with client.get(path) as answer:
        assert (answer.status, answer.content_type) == (status, "text/html")
        return await answer.text()


def section(html: str, name: str) -> str:
    """One section of the page."""
    found = re.search(rf'<section id="{name}".*?</section>', html, re.DOTALL)
    assert found is not None
    return found[0]


def words(html: str) -> str:
    """What is read, without tags."""
    return " ".join(re.sub(r"<[^>]+>", "", html).split())


def attributes(html: str) -> list[tuple[str, str]]:
    """Each tag with each of its attributes' names, as a browser reads them."""
    found: list[tuple[str, str]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend((tag, name) for name, _ in attrs)

    Reader().feed(html)
    return found


async def test_the_page_shows_how_everything_stands(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    desk.readiness = Readiness(ready=True, degraded=("quotes was refused: add prices:read to the key",))
    html = await html_of(local)

    for name, shown in {
        "glance": "It runs, with one trouble",
        "now": "In the last 10 minutes: 24 alerts, 20 delivered, 1 failed attempt",
        "connection": "connected for 2m 5s",
        "destinations": "410 Gone",
        "alerts": "AAPL D ▲ bullish 1-2U 187.5",
        "dead": "404 Not Found",
        "snoozes": "Nothing is snoozed.",
        "backfill": "timeframe=D direction=bullish cc=2U, found 1m 30s ago",
        "config": "In the file, and in force after a restart: storage.url",
    }.items():
        assert shown in words(section(html, name)), name
    for shown in (
        "<title>▲ one trouble · Relay</title>",
        'href="/static/icon-fair.svg"',
        "add <code>prices:read</code> to the key",
        "quotes was refused",
        "98421",
        'action="/api/dead/3/retry"',
        'action="/api/dead/3/drop"',
        'action="/api/destinations/bot/pause"',
        'action="/api/destinations/swing/resume"',
        'href="/static/page.css"',
    ):
        assert shown in html


@pytest.mark.parametrize("path", ["/", "/parts"])
async def test_every_section_has_its_id_and_is_named_by_its_heading(local: aiohttp.ClientSession, path: str) -> None:
    html = await html_of(local, path)
    assert set(re.findall(r'<\w+ id="(\w+)"[^>]* data-part', html)) == PARTS
    for name in SECTIONS:
        assert f'aria-labelledby="{name}-title"' in html
        assert f'<h2 id="{name}-title" tabindex="-1">' in html  # so that focus may stay near a button that is gone


async def test_no_id_is_there_twice(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    await desk.snooze("bot", 60.0, kind=None)
    found = re.findall(r'\sid="([^"]*)"', await html_of(local))
    assert sorted(found) == sorted(set(found))
    assert not [one for one in found if re.search(r"\s", one)]


async def test_every_button_and_field_says_what_it_is(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    await desk.snooze("AAPL", 60.0, kind=None)
    html = await html_of(local)
    names = re.findall(r'<button[^>]*aria-label="([^"]+)"', section(html, "destinations") + section(html, "dead"))
    assert {"Pause bot", "Resume swing", "Snooze 1h: bot", "Retry alerts.in_force:3 to bot"} < set(names)
    assert len(names) == len(set(names))
    assert 'aria-label="End the snooze of AAPL"' in html


async def test_times_are_short_with_the_whole_at_hand_and_futures_go_by_their_root(
    desk: FakeDesk, local: aiohttp.ClientSession
) -> None:
    told = "2026-04-10T13:45:22.123456Z"
    desk.events[-1] = {
        **desk.events[-1],
        "triggered_at": told,
        "received_at": told,
        "symbol": None,
        "symbols": ["ES1!", "NQ1!"],
    }
    alerts = section(await html_of(local), "alerts")
    assert f'<time datetime="{told}" title="{told}">13:45:22</time>' in alerts
    assert (
        '<time datetime="2026-04-10T13:45:22.123Z" title="2026-04-10T13:45:22.123Z" data-tick="age">0s</time>' in alerts
    )
    assert ">ES NQ<" in alerts


async def test_an_alert_unfolds_to_what_was_sent_and_where_it_went(
    desk: FakeDesk, local: aiohttp.ClientSession
) -> None:
    desk.events[-1] = {**an_event(250), "deliveries": {"bot": "delivered", "swing": "dead"}, "source": "backfill"}
    alert = section(await html_of(local), "alerts").partition('id="event-249"')[0]
    assert "recovered" in alert
    assert "&#34;price_us&#34;: 187" in alert
    assert re.search(r"swing</bdi> <span[^>]*>dead", alert)
    assert 'name="symbol" value="AAPL"' in alert


async def test_alerts_are_filtered_and_the_fields_keep_what_was_asked(
    desk: FakeDesk, local: aiohttp.ClientSession
) -> None:
    desk.events[10:12] = [
        {**an_event(11), "symbol": None, "symbols": ["ES1!", "YM1!"], "channel": "alerts.simultaneous_breaks"},
        {**an_event(12), "symbol": "MSFT", "direction": "bearish", "deliveries": {"swing": "dead"}},
    ]
    alerts = section(await html_of(local, "/?symbol=es&timeframe=D"), "alerts")
    assert re.findall(r'id="event-(\d+)"', alerts) == ["11"]
    assert 'name="symbol" value="es"' in alerts
    assert '<option value="D" selected>' in alerts
    for query, found in {
        "destination=swing&state=dead": ["12"],
        "destination=bot&state=dead": [],
        "direction=bearish": ["12"],
        "channel=alerts.simultaneous_breaks": ["11"],
        "symbol=&timeframe=&before=3": ["2", "1"],
        "before=nonsense&timeframe=W": [],
    }.items():
        alerts = section(await html_of(local, f"/?{query}"), "alerts")
        assert re.findall(r'id="event-(\d+)"', alerts) == found, query


async def test_what_is_shown_is_bounded_whatever_is_stored(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    desk.events = [an_event(number) for number in range(1, 2_001)]
    desk.letters = [{**desk.letters[0], "id": number} for number in range(1, 501)]
    html = await html_of(local)
    assert len(re.findall(r'id="event-\d+"', html)) == 50
    assert len(re.findall(r'id="letter-\d+"', html)) == 20
    assert 'href="/?before=1951#alerts"' in html
    assert 'href="/api/dead?before=481"' in html
    desk.asked.clear()
    assert "None of the 500 looked at fits." in await html_of(local, "/parts?symbol=NONE")
    assert len(desk.asked) == 7  # five pages of events, the newest one, the dead letters


async def test_a_destination_that_refuses_all_does_not_look_well(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    desk.change(destinations=(DestinationStatus("bot", "webhook", LaneState.REFUSING, last_error="404 Not Found"),))
    assert re.search(
        r'<span class="pill bad">.*?refusing</span>', section(await html_of(local), "destinations"), re.DOTALL
    )


async def test_a_lane_tells_its_rate_its_wait_and_how_long_it_takes(
    desk: FakeDesk, local: aiohttp.ClientSession
) -> None:
    waiting = DestinationStatus("ops", "slack", LaneState.BACKING_OFF, reason="503", retry_at_us=NOW_US + 75 * MICROS)
    desk.change(destinations=(*desk.now.destinations, waiting))
    told = words(section(await html_of(local), "destinations"))
    assert "next try in 1m 15s" in told
    assert "rate 50/1s" in told
    assert "Half arrive within 12 ms (p50), 99 of 100 within 0.34 s (p99)" in told


async def test_standing_by_the_page_offers_to_take_the_connection_back(
    desk: FakeDesk, local: aiohttp.ClientSession
) -> None:
    assert "/api/connect" not in await html_of(local)
    desk.change(connection=ConnectionStatus(LinkState.STANDBY, NOW_US))
    assert 'action="/api/connect"' in section(await html_of(local), "connection")


async def test_the_page_shows_an_empty_relay(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    desk.events, desk.letters = [], []
    desk.readiness = Readiness(ready=False, reasons=("connecting",))
    desk.change(
        connection=ConnectionStatus(LinkState.CONNECTING, desk.now.now_us),
        backfill=BackfillStatus(),
        channels=(),
        destinations=(),
        minutes=(),
    )
    html = await html_of(local)
    assert "Not ready" in words(section(html, "glance"))
    assert "None yet." in words(section(html, "destinations"))
    assert "None yet." in words(section(html, "alerts"))


async def test_whatever_strangers_say_is_escaped_and_no_secret_shows(
    desk: FakeDesk, local: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redaction, "_REDACTOR", redaction.Redactor())
    redaction.register_secret(Secret("hunter2-hunter2"))
    evil = f"{EVIL}hunter2-hunter2\x00\x1b[31m\x9b"
    event = {**an_event(250), "event": evil, "symbol": evil, "timeframe": evil, "direction": evil, "shape": evil}
    event["suppressed"] = {evil: {"last_code": evil, "last_error": evil}}
    desk.events[-1] = {**event, "price": evil, "source": evil, "deliveries": {evil: evil}, "data": {evil: [evil]}}
    desk.events[-2] = {**an_event(249), "symbol": None, "symbols": [evil], "threshold": evil, "triggered_at": evil}
    letter = {**desk.letters[-1], "event": evil, "destination": evil, "last_error": evil, "last_answer": evil}
    desk.letters[-1] = {**letter, "last_code": evil, "rules": [evil], "attempts": evil, "data": evil, "symbol": evil}
    outline = Outline(
        evil,
        {evil: DestinationOutline(evil, (evil,), "0", {})},
        (RuleOutline(evil, enabled=False, sentence=evil, fingerprint="0"),),
        {},
        {evil: Setting(evil)},
    )
    desk.config = lambda: ConfigStatus(outline, (evil,), NOW_US, fault=evil)  # type: ignore[method-assign]
    lane = DestinationStatus(
        evil,
        evil,
        LaneState.OFF,
        reason=evil,
        limit=evil,
        last_error=f"{evil}2",
        suppressed={evil: 1},
        trouble=f"{evil}3",
    )
    desk.readiness = Readiness(ready=False, reasons=(evil,), degraded=(evil,), notes=(evil,))
    desk.change(
        version=evil,
        connection=ConnectionStatus(LinkState.OFF, 0, detail=evil, history=(ConnectionStep(0, LinkState.OFF, evil),)),
        store=StoreStatus(healthy=False, detail=evil),
        backfill=BackfillStatus(result=evil, detail=evil, holes=(Hole(Channel.IN_FORCE, 1, 2, evil, NOW_US),)),
        channels=(ChannelStatus(evil, accepted=False, scope=evil),),
        destinations=(lane, msgspec.structs.replace(lane, name=f"{evil}4", state=LaneState.PAUSED)),
        notes=(evil,),
    )
    for path in ("/", "/parts", "/?symbol=%22%3E%3Cscript%3E&destination=%22%3E%3Cb%20onclick=x%20style=y%3E"):
        html = await html_of(local, path)
        assert html.count("<script") == html.count('<script type="module" src="/static/page.js">') <= 1
        assert not [name for _, name in attributes(html) if name == "style" or name.startswith("on")]
        assert "&lt;script&gt;" in html
        assert "hunter2" not in html
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", html), "HTML has no place for these"
        assert MASK in html


async def test_a_button_leads_back_to_its_section_with_a_word_of_what_was_done(
    desk: FakeDesk, local: aiohttp.ClientSession
) -> None:
    headers = {**own_page(local), "Accept": "text/html,application/xhtml+xml"}
    headers["Referer"] = f"{own_page(local)['Origin']}/?timeframe=D&flash=old&evil=1"
    async with local.post("/api/dead/2/retry", headers=headers, allow_redirects=False) as answer:
        assert answer.status == 303
        to = answer.headers["Location"]
    assert re.fullmatch(r"/\?timeframe=D&flash=[0-9a-f]{16}#dead", to)
    assert desk.asked == [("retry", Selection(id=2), 0), ("notify", "bot")]
    html = await html_of(local, to)
    assert "Dead letter 2 is queued again." in words(html)
    assert "queued again" not in await html_of(local, to)  # it is said once


async def test_a_button_that_fails_leads_back_as_well_and_says_why(local: aiohttp.ClientSession) -> None:
    headers = {**own_page(local), "Accept": "text/html"}
    async with local.post("/api/dead/99/drop", headers=headers, allow_redirects=False) as answer:
        assert answer.status == 303
        to = answer.headers["Location"]
    assert to.endswith("#dead")
    html = await html_of(local, to)
    assert 'id="flash" class="told bad"' in html
    assert "There is no dead letter 99." in words(html)


async def test_who_is_not_let_in_leaves_no_flash_and_is_not_led_to_the_page(
    desk: FakeDesk, local: aiohttp.ClientSession
) -> None:
    headers = {"Origin": "http://evil.example", "Accept": "text/html"}
    for path in ("/api/destinations/bot/pause", "/api/nowhere"):
        async with local.post(path, headers=headers, allow_redirects=False) as answer:
            assert answer.status in {403, 404}
            assert "Location" not in answer.headers
    assert desk.asked == []


async def test_where_the_store_can_not_be_read_the_page_says_so_and_what_is_known_without_it(
    desk: FakeDesk, local: aiohttp.ClientSession
) -> None:
    desk.fault = StoreBusyError("the store is damaged (malformed)")
    damaged = "the store is damaged (malformed): stop the relay and run `relay repair`"
    desk.readiness = Readiness(ready=False, reasons=(damaged,), degraded=("bot is <off>",), notes=("ops is paused",))
    for path in ("/", "/parts"):
        html = await html_of(local, path, status=503)
        assert html.count("the store is damaged") == 1
        for shown in ("run <code>relay repair</code>", "bot is &lt;off&gt;", "ops is paused", 'id="glance"'):
            assert shown in html

    desk.fault, desk.readiness = StoreBusyError("the store could not be read: disk I/O error"), Readiness(ready=True)
    assert "could not be read: disk I/O error." in await html_of(local, status=503)
