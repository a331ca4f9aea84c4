"""Posting to the fake chats."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import msgspec

AGENT: Final = "DiscordBot (https://relay.example, 1.0)"


class Got(msgspec.Struct, frozen=True):
    """An answer: its status, its headers by lower-case name, its body."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.text)

    def number(self, header: str) -> float:
        return float(self.headers[header])


class Poster:
    """A client of the fakes."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def post(
        self, url: str, payload: object = None, *, raw: bytes | None = None, agent: str | None = AGENT
    ) -> Got:
        """Post JSON; ``raw`` instead of it, where given."""
        headers = {"Content-Type": "application/json", **({} if agent is None else {"User-Agent": agent})}
        body = msgspec.json.encode(payload) if raw is None else raw
        return await self.ask("POST", url, body, headers, skip=agent is None)

    async def get(self, url: str) -> Got:
        return await self.ask("GET", url, None, {"User-Agent": AGENT})

    async def ask(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], *, skip: bool = False
    ) -> Got:
        left_out = ["User-Agent"] if skip else []
        async with (
            asyncio.timeout(5),
            self._session.request(method, url, data=body, headers=headers, skip_auto_headers=left_out) as answer,
        ):
            named = {name.lower(): value for name, value in answer.headers.items()}
            return Got(answer.status, named, await answer.text())


@asynccontextmanager
async def posting() -> AsyncIterator[Poster]:
    """A client, while the block runs."""
    async with aiohttp.ClientSession() as session:
        yield Poster(session)
