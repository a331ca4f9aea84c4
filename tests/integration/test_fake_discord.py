"""The fake Discord, over real loopback connections."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from relay.simulator.chat.discord import FakeDiscord
from relay.simulator.chat.faults import Fault
from relay.simulator.chat.posted import DiscordPosted, Pings
from tests.support.chat import AGENT, Poster
from tests.support.clock import START_US, FakeClock

ROLE, USER = "961700198785118228", "80351110224678912"
HELLO = {"content": "hello"}


async def test_a_message_is_kept_as_it_is_shown(http: Poster, clock: FakeClock) -> None:
    seen: list[DiscordPosted] = []
    async with FakeDiscord(clock, on_posted=seen.append) as discord:
        url = discord.add_webhook("Relay", channel="swing")
        payload = {"content": "hi", "username": "Strat", "avatar_url": "https://e.com/a", "embeds": [{"title": "x"}]}
        assert (await http.post(url, payload)).status == 204
        await discord.wait_for(1)
        (message,) = discord.messages
        assert (message.webhook, message.channel, message.username) == ("Relay", "swing", "Strat")
        assert (message.arrived_at, message.at_us, message.payload) == (1_000.0, START_US, payload)
        assert (message.text, message.embeds, message.flags) == ("hi", [{"title": "x"}], 0)
        assert seen == [message]
        assert not discord.refusals


async def test_who_waits_gets_the_message(http: Poster, clock: FakeClock) -> None:
    async with FakeDiscord(clock) as discord:
        url = discord.add_webhook("Relay")
        for version in ("", "/v10"):
            got = await http.post(url.replace("/api", f"/api{version}") + "?wait=true&with_components=true", HELLO)
            assert (got.status, got.headers["via"]) == (200, "1.1 google")
            assert got.json["id"] == discord.messages[-1].id
            assert (got.json["content"], got.json["author"]["username"]) == ("hello", "Relay")
        assert discord.messages[0].id < discord.messages[1].id


async def test_a_webhook_tells_of_itself(http: Poster, clock: FakeClock) -> None:
    async with FakeDiscord(clock) as discord:
        url = discord.add_webhook("Relay")
        got = await http.get(url)
        assert got.status == 200
        assert {key: got.json[key] for key in ("name", "type", "avatar")} == {
            "name": "Relay",
            "type": 1,
            "avatar": None,
        }
        assert url.endswith(f"/{got.json['id']}/{got.json['token']}")
        assert got.json["channel_id"].isdigit()
        assert got.json["guild_id"].isdigit()
        assert discord.messages == []


async def test_refusals_have_the_codes_and_shape_of_the_real_one(http: Poster, clock: FakeClock) -> None:
    async with FakeDiscord(clock, limit=50, largest=10_000) as discord:
        url = discord.add_webhook("Relay")
        for given, status, code in (
            (http.post(url, {}), 400, 50006),
            (http.post(url, {"content": "x" * 2001}), 400, 50035),
            (http.post(url, raw=b"{"), 400, 50109),
            (http.post(url, []), 400, 50109),
            (http.post(url, raw=b'{"content": "' + b"x" * 10_000 + b'"}'), 413, 40005),
            (http.ask("POST", url, b"content=x", {"User-Agent": AGENT}), 400, 50006),
            (http.post(url[:-1], HELLO), 401, 50027),
            (http.post(url.replace("/webhooks/", "/webhooks/1"), HELLO), 404, 10015),
            (http.post(discord.page + "api/elsewhere", HELLO), 404, 0),
            (http.ask("PUT", url, b"", {"User-Agent": AGENT}), 405, 0),
            *((http.post(url, HELLO, agent=agent), 403, 40333) for agent in (None, "", "Python/3.11 aiohttp/3.14")),
        ):
            got = await given
            assert (got.status, got.json["code"]) == (status, code)
            assert got.json["message"]
            assert got.headers["via"] == "1.1 google"
        errors = (await http.post(url, {"embeds": [{"title": "x" * 257}]})).json["errors"]
        (error,) = errors["embeds"]["0"]["title"]["_errors"]
        assert error == {"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 256 or fewer in length."}
        assert discord.messages == []
        assert len(discord.refusals) == 14


async def test_a_form_may_be_refused_without_a_code(http: Poster, clock: FakeClock) -> None:
    async with FakeDiscord(clock, terse=True) as discord:
        url = discord.add_webhook("Relay")
        assert (await http.post(url, {"embeds": [{"title": "x" * 257}]})).json == {"embeds": ["0"]}


async def test_threads_must_fit_the_channel(http: Poster, clock: FakeClock) -> None:
    async with FakeDiscord(clock, limit=50) as discord:
        text, forum = discord.add_webhook("Text", threads=["77"]), discord.add_webhook("Forum", forum=True)
        for url, payload, status, code in (
            (text + "?thread_id=77", HELLO, 204, 0),
            (text + "?thread_id=78", HELLO, 400, 10003),
            (text + "?thread_id=x", HELLO, 400, 50035),
            (text, {**HELLO, "thread_name": "new"}, 400, 220003),
            (forum, HELLO, 400, 220001),
            (forum, {**HELLO, "thread_name": "new"}, 204, 0),
            (forum + "?thread_id=77", {**HELLO, "thread_name": "new"}, 400, 220002),
        ):
            got = await http.post(url, payload)
            assert (got.status, got.json["code"] if got.text else 0) == (status, code)
        assert [(message.thread_id, message.thread_name) for message in discord.messages] == [
            ("77", None),
            (None, "new"),
        ]


async def test_a_webhook_can_be_deleted_or_its_token_refused(http: Poster, clock: FakeClock) -> None:
    async with FakeDiscord(clock) as discord:
        url = discord.add_webhook("A")
        discord.delete("A")
        assert (await http.get(url)).json["code"] == 10015
        discord.invalidate_token("A", status=403)
        got = await http.post(url, HELLO)
        assert (got.status, got.json["code"]) == (403, 50027)


async def test_faults_come_on_demand_to_one_webhook_or_any(http: Poster, clock: FakeClock) -> None:
    async with FakeDiscord(clock) as discord:
        url, other = discord.add_webhook("A"), discord.add_webhook("B")
        discord.fail_next(502, webhook="B")
        discord.fail_next(Fault(500, body=b"oops"), Fault(reset=True), Fault(hang=True), Fault(503, edge=True))
        first = await http.post(url, HELLO)
        assert (first.status, first.text, first.headers["via"]) == (500, "oops", "1.1 google")
        assert (await http.post(other, HELLO)).status == 502
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.post(url, HELLO)
        hanging = asyncio.create_task(http.post(url, HELLO))
        await discord.wait_until(lambda: discord.answers[0] == 2)
        hanging.cancel()
        assert "via" not in (await http.post(url, HELLO)).headers
        assert discord.messages == []


async def test_an_answer_can_get_lost_after_the_message_was_taken(http: Poster, clock: FakeClock) -> None:
    async with FakeDiscord(clock) as discord:
        url = discord.add_webhook("A")
        discord.fail_next(Fault(reset=True, after=True), Fault(reset=True, after=True), Fault(204, delay=3))
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.post(url, HELLO)
        assert (await http.post(url, {})).status == 400
        late = asyncio.create_task(http.post(url, HELLO))
        await discord.wait_until(lambda: discord.arrived == 3)
        await clock.advance(3)
        assert (await late).status == 204
        assert len(discord.messages) == 1


MENTIONS: list[tuple[str, dict[str, object] | None, Pings]] = [
    (f"<@&{ROLE}> <@{USER}>", {"parse": []}, Pings()),
    (f"<@&{ROLE}> <@{USER}>", {"parse": [], "roles": [ROLE]}, Pings(roles=(ROLE,))),
    (f"<@&{ROLE}> <@!{USER}> @here", {"parse": ["users"]}, Pings(users=(USER,))),
    ("nobody", {"parse": [], "roles": [ROLE]}, Pings()),
    ("@everyone @here", {"parse": [], "roles": [ROLE]}, Pings()),
    ("@here", {"parse": ["everyone"]}, Pings(here=True)),
    (f"@everyone <@&{ROLE}><@&{ROLE}>", None, Pings(roles=(ROLE,), everyone=True)),
    (f"\\<@&{ROLE}> `@everyone`", None, Pings(roles=(ROLE,), everyone=True)),
]


@pytest.mark.parametrize(("content", "allowed", "pings"), MENTIONS)
async def test_only_allowed_mentions_in_the_content_ping(
    http: Poster, clock: FakeClock, content: str, allowed: dict[str, object] | None, pings: Pings
) -> None:
    async with FakeDiscord(clock) as discord:
        url = discord.add_webhook("A")
        embeds = [{"title": "@everyone", "description": f"<@&{ROLE}>", "footer": {"text": f"<@{USER}>"}}]
        body = {"content": content, "embeds": embeds} | ({} if allowed is None else {"allowed_mentions": allowed})
        await http.post(url, body)
        await http.post(url, {**body, "flags": 4096})
        loud, silent = discord.messages
        assert (loud.mentions, loud.pings, silent.mentions, silent.pings) == (pings, pings, pings, Pings())


async def test_embeds_of_one_url_are_merged_and_counted(http: Poster, clock: FakeClock) -> None:
    async with FakeDiscord(clock) as discord:
        url = discord.add_webhook("A")
        one, two = {"title": "1", "url": "https://e.com/1"}, {"title": "2", "url": "https://e.com/2"}
        await http.post(url, {"embeds": [one, two, {"title": "3"}, {"title": "4"}]})
        assert discord.merged == 0
        await http.post(url, {"embeds": [one, two, {**one, "title": "5"}]})
        assert (discord.merged, discord.messages[-1].merged) == (1, 1)
        assert discord.messages[-1].embeds == [one, two]


async def test_it_comes_back_on_the_same_port_and_remembers(http: Poster, clock: FakeClock) -> None:
    discord = FakeDiscord(clock, keep=2)
    with pytest.raises(RuntimeError, match="started"):
        discord.add_webhook("A")
    await discord.start()
    url = discord.add_webhook("A")
    with pytest.raises(ValueError, match="already"):
        discord.add_webhook("A")
    await http.post(url, HELLO)
    await discord.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await http.post(url, HELLO)
    await discord.start()
    assert discord.url("A") == url
    for _ in range(2):
        await http.post(url, HELLO)
    assert (discord.posted, len(discord.messages)) == (3, 2)
    await discord.stop()


async def test_channels_are_served_as_pages_that_refresh(http: Poster, clock: FakeClock) -> None:
    async with FakeDiscord(clock) as discord:
        url = discord.add_webhook("Relay", channel="big <swing> & more")
        await http.post(url, {"content": "<script>alert(1)</script>"})
        listed = await http.get(discord.page)
        assert "/channels/big%20%3Cswing%3E%20%26%20more" in listed.text
        page = await http.get(discord.page + "channels/big%20%3Cswing%3E%20%26%20more")
        for got in (listed, page):
            assert '<meta http-equiv="refresh" content="2">' in got.text
            assert got.headers["content-security-policy"].startswith("default-src 'none'")
            assert discord.webhooks["Relay"].token not in got.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
        assert (await http.get(discord.page + "channels/none")).status == 404
        assert discord.arrived == 1
