"""Rate limits and bans of the fake Discord, over real loopback connections."""

from __future__ import annotations

from relay.simulator.chat.discord import FakeDiscord
from relay.simulator.chat.faults import Fault
from tests.support.chat import Poster
from tests.support.clock import START_US, FakeClock

HELLO = {"content": "hello"}


async def test_the_bucket_is_told_and_kept(http: Poster, clock: FakeClock) -> None:
    async with FakeDiscord(clock) as discord:
        url, other = discord.add_webhook("A"), discord.add_webhook("B")
        told = [await http.post(url, HELLO) for _ in range(5)]
        assert [got.headers["x-ratelimit-remaining"] for got in told] == ["4", "3", "2", "1", "0"]
        assert (told[0].headers["x-ratelimit-limit"], told[0].headers["x-ratelimit-reset-after"]) == ("5", "2.000")
        assert told[0].headers["x-ratelimit-reset"] == f"{START_US / 1e6 + 2:.3f}"
        await clock.advance(0.75)
        refused = await http.post(url, HELLO)
        assert (refused.status, refused.headers["x-ratelimit-scope"]) == (429, "user")
        assert refused.json == {"message": "You are being rate limited.", "retry_after": 1.25, "global": False}
        assert (refused.headers["retry-after"], refused.headers["via"]) == ("2", "1.1 google")
        elsewhere = await http.post(other, HELLO)
        assert elsewhere.status == 204
        assert elsewhere.headers["x-ratelimit-bucket"] == refused.headers["x-ratelimit-bucket"]
        await clock.advance(1.25)
        assert (await http.post(url, HELLO)).headers["x-ratelimit-remaining"] == "4"
        assert (discord.rate_limited, len(discord.messages)) == (1, 7)


async def test_a_sliding_bucket_resets_for_one(http: Poster, clock: FakeClock) -> None:
    async with FakeDiscord(clock, limit=2, sliding=True) as discord:
        url = discord.add_webhook("A")
        await http.post(url, HELLO)
        await clock.advance(1)
        last = await http.post(url, HELLO)
        assert (last.headers["x-ratelimit-remaining"], last.number("x-ratelimit-reset-after")) == ("0", 1.0)
        await clock.advance(1)
        assert [(await http.post(url, HELLO)).status for _ in range(2)] == [204, 429]


async def test_all_webhooks_share_the_global_limit(http: Poster, clock: FakeClock) -> None:
    async with FakeDiscord(clock, global_limit=3) as discord:
        urls = [discord.add_webhook(name) for name in "ABCD"]
        answers = [await http.post(url, HELLO) for url in urls]
        assert [got.status for got in answers] == [204, 204, 204, 429]
        refused = answers[-1]
        assert refused.json["global"] is True
        assert (refused.headers["x-ratelimit-global"], refused.headers["x-ratelimit-scope"]) == ("true", "global")
        assert "x-ratelimit-bucket" not in refused.headers


async def test_headers_can_be_forgotten_while_the_bucket_counts_on(http: Poster, clock: FakeClock) -> None:
    async with FakeDiscord(clock, limit=1) as discord:
        url = discord.add_webhook("A")
        discord.forget_headers()
        answers = [await http.post(url, HELLO) for _ in range(2)]
        assert [got.status for got in answers] == [204, 429]
        assert not [name for got in answers for name in got.headers if name.startswith("x-ratelimit-re")]


async def test_too_many_invalid_answers_end_in_a_ban_by_the_edge(http: Poster, clock: FakeClock) -> None:
    async with FakeDiscord(clock, invalid_limit=3) as discord:
        url = discord.add_webhook("A")
        shared = Fault(429, {"X-RateLimit-Scope": "shared"})
        discord.fail_next(shared, 500, 400)
        for _ in range(3):
            await http.post(url, HELLO)
        assert discord.edge.invalid == 0
        discord.invalidate_token("A")
        assert [(await http.post(url, HELLO)).status for _ in range(3)] == [401] * 3
        assert (discord.edge.invalid, discord.edge.bans) == (3, 1)
        banned = await http.post(url, HELLO)
        assert (banned.status, banned.text) == (429, "error code: 1015")
        assert "via" not in banned.headers
        discord.restore("A")
        await clock.advance(600)
        assert (await http.post(url, HELLO)).status == 204


async def test_cloudflare_refuses_with_a_page_before_discord_is_asked(http: Poster, clock: FakeClock) -> None:
    async with FakeDiscord(clock) as discord:
        url = discord.add_webhook("A")
        discord.cloudflare(30, html=True)
        banned = await http.post(url, HELLO)
        assert (banned.status, banned.headers["retry-after"]) == (429, "30")
        assert banned.headers["content-type"].startswith("text/html")
        assert (discord.edge.refused, discord.edge.invalid) == (1, 0)
        await clock.advance(30)
        assert (await http.post(url, HELLO)).status == 204
