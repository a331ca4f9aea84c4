"""Reading server-sent events as a browser does."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import aiohttp
from yarl import URL


class Sent(NamedTuple):
    """A message; a comment's name is empty and its text is the data."""

    name: str
    data: Any
    id: str | None = None


class Listening:
    """What comes in on a stream."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.retry_ms: int | None = None

    async def next(self, *names: str) -> Sent:
        """The next message, of these names if any are given; EOFError at the end."""
        while True:
            sent = await self._read()
            if sent is not None and (not names or sent.name in names):
                return sent

    async def rest(self) -> list[Sent]:
        """Everything until the stream ends."""
        found = []
        with contextlib.suppress(EOFError, aiohttp.ClientPayloadError):
            while True:
                found.append(await self.next())
        return found

    async def _read(self) -> Sent | None:
        fields: dict[str, str] = {}
        while line := (await self.response.content.readline()).decode():
            if line == "\n":
                break
            name, _, value = line.rstrip("\n").partition(":")
            assert name not in fields
            fields[name] = value.removeprefix(" ")
        else:
            raise EOFError
        if "retry" in fields:
            self.retry_ms = int(fields.pop("retry"))
        if "" in fields:
            return Sent("", fields[""])
        return Sent(fields["event"], json.loads(fields["data"]), fields.get("id")) if fields else None


@contextlib.asynccontextmanager
async def listening(client: aiohttp.ClientSession, query: str = "", **options: Any) -> AsyncIterator[Listening]:
    """A stream that has been accepted."""
    async with client.get(URL(f"/api/stream{query}", encoded=True), **options) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        yield Listening(response)
