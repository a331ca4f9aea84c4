"""The archive that a verb works on: the running relay's over HTTP, else the store's own.

archive(config) ──a relay listens──> HttpArchive ──> /api/… of relay.web.archive
                ├──none does, looking──> the store, read without its lock
                └──none does, changing──> the store, with its lock
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Collection, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Protocol, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from relay.cli import remote
from relay.cli.remote import Listening, Reach
from relay.clock import SystemClock
from relay.config.model import Config
from relay.deliveries import State
from relay.errors import RelayError
from relay.outbox.archive import EVERYTHING, STEP, Archive, Count, Page, Selection, Step, page_by_page
from relay.outbox.readonly import no_store
from relay.outbox.selecting import texts
from relay.outbox.sqlite_archive import reading

_PROBE: Final = "/api/dead?limit=1"

T = TypeVar("T")


class Steps(Protocol):
    """What goes in steps."""

    def __call__(self, *, after: int) -> Awaitable[Step]:
        """Take the one after this."""
        ...


class Reached(NamedTuple):
    """An archive, and whether a running relay answers for it and goes on with what is queued."""

    archive: Archive
    running: bool


@asynccontextmanager
async def archive(config: Reach, *, changes: bool = False) -> AsyncIterator[Reached]:
    """The archive of ``config``.

    Args:
        config: Says where the relay listens and where the store lies.
        changes: Something is to be done to it; else it is only looked at, and no lock is taken.

    Raises:
        LockedError: A relay holds the store, and its HTTP can't be reached.
        StoreError: There is no store, or it can't be used.
    """
    if await remote.fetch(config, _PROBE) is not None:
        yield Reached(HttpArchive(config), running=True)
        return
    max_ages = config.max_ages if isinstance(config, Config) else {}
    if not changes:
        async with reading(config.store_path, SystemClock()) as store:
            store.max_ages = max_ages
            yield Reached(store, running=False)
        return
    if not await asyncio.to_thread(config.store_path.exists):
        raise no_store(config.store_path)
    async with remote.store(config) as outbox:
        outbox.archive.max_ages = max_ages
        yield Reached(outbox.archive, running=False)


class HttpArchive:
    """Implements ``relay.outbox.archive.Archive`` over the HTTP of the relay that ``config`` names."""

    def __init__(self, config: Listening) -> None:
        self._config = config

    async def list_events(
        self, *, selection: Selection = EVERYTHING, before: int | None = None, limit: int = 100
    ) -> Page:
        """Stored events, newest first."""
        return await self._listing("/api/events", texts(selection), before, limit)

    async def event(self, id_or_key: str) -> dict[str, Any] | None:
        """One stored event."""
        return await self._one(f"/api/events/{quote(id_or_key, safe='')}") if id_or_key else None

    async def list_deliveries(
        self,
        *,
        state: State | None = None,
        selection: Selection = EVERYTHING,
        before: int | None = None,
        limit: int = 100,
    ) -> Page:
        """Deliveries, newest first."""
        asked = texts(selection) | ({} if state is None else {"state": state.value})
        return await self._listing("/api/deliveries", asked, before, limit)

    async def delivery(self, number: int) -> dict[str, Any] | None:
        """One delivery, whatever its state."""
        return await self._one(f"/api/deliveries/{number}") if number >= 0 else None

    async def count(
        self, states: Collection[State], selection: Selection, *, copies: bool = False, dropped: bool = False
    ) -> Count:
        """How many there are."""
        if not states:
            return Count({})
        flags = [(name, "true") for name, said in (("copies", copies), ("dropped", dropped)) if said]
        query = [*(("state", state.value) for state in states), *texts(selection).items(), *flags]
        return _read(await self._get(f"/api/deliveries/count?{urlencode(query)}"), Count)

    async def retry(self, selection: Selection, *, after: int = 0, limit: int = STEP) -> Step:
        """Queue dead letters again."""
        return await self._step("/api/dead/retry", selection, after, limit)

    async def drop(self, selection: Selection, *, waiting: bool = False, after: int = 0, limit: int = STEP) -> Step:
        """Expire dead letters by hand."""
        return await self._step("/api/dead/drop", selection, after, limit, waiting=waiting)

    async def replay(
        self, selection: Selection, *, new_ids: bool = False, dropped: bool = False, after: int = 0, limit: int = STEP
    ) -> Step:
        """Queue once more what was delivered or has expired."""
        return await self._step("/api/replay", selection, after, limit, new_ids=new_ids, dropped=dropped)

    async def _listing(self, path: str, asked: Mapping[str, str], before: int | None, limit: int) -> Page:
        async def fetch(before: int | None, limit: int) -> Page:
            query = {**asked, "limit": limit} | ({} if before is None else {"before": before})
            return _read(await self._get(f"{path}?{urlencode(query)}"), Page)

        return await page_by_page(fetch, limit, before=before)

    async def _one(self, path: str) -> dict[str, Any] | None:
        try:
            return await self._get(path)
        except remote.RefusedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def _step(self, path: str, selection: Selection, after: int, limit: int, **flags: bool) -> Step:
        everything = {"all": True} if selection == EVERYTHING else {}
        body = {**texts(selection), **everything, **flags, "after": after, "limit": limit}
        return _read(_there(await remote.ask(self._config, path, body)), Step)

    async def _get(self, path: str) -> dict[str, object]:
        return _there(await remote.fetch(self._config, path))


async def step_by_step(steps: Steps) -> AsyncIterator[Step]:
    """All steps, from the first to the last."""
    after: int | None = 0
    while after is not None:
        step = await steps(after=after)
        yield step
        after = step.next


def _there(told: dict[str, object] | None) -> dict[str, object]:
    if told is None:
        raise remote.gone()
    return told


def _read(told: Mapping[str, object], as_: type[T]) -> T:
    try:
        return msgspec.convert(told, as_)
    except msgspec.ValidationError as error:
        raise RelayError(
            f"the running relay does not answer as this version does ({error})", hint="Use the version that runs."
        ) from error
