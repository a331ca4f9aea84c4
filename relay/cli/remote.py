"""Verbs that touch a relay: through its HTTP where one runs, straight to the store where none does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from difflib import get_close_matches
from http import HTTPStatus
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import aiohttp
from yarl import URL

from relay.cli.told import tell_note
from relay.clock import SystemClock
from relay.config.model import Config, Http
from relay.document.listening import connectable
from relay.errors import LockedError, RelayError, UsageError
from relay.outbox.former import bringing_back
from relay.outbox.readonly import of_a_service
from relay.outbox.sqlite import SqliteOutbox

_TIMEOUT = aiohttp.ClientTimeout(total=15)


class Listening(Protocol):
    """Tells where a relay listens."""

    @property
    def http(self) -> Http:
        """Its address, and the token it wants."""
        ...


class Named(Protocol):
    """A rule, as far as it is asked for by name."""

    @property
    def name(self) -> str:
        """That."""
        ...


class Reach(Listening, Protocol):
    """What a verb must know of a config to ask its relay, or its store: a ``Config`` does, and what is left of one."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def store_path(self) -> Path:
        """The store's file, absolute."""
        ...

    @property
    def destinations(self) -> Mapping[str, object]:
        """By name."""
        ...

    @property
    def rules(self) -> Sequence[Named]:
        """Disabled ones included."""
        ...


def require_destination(config: Reach, name: str) -> None:
    """Refuse a name that the config does not have.

    Raises:
        UsageError: With the nearest name, or all of them.
    """
    if name in config.destinations:
        return
    near = get_close_matches(name, config.destinations, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(config.destinations)}."
    raise UsageError(f"there is no destination {name!r} in {config.path}", hint=hint)


def path_of(name: str, verb: str) -> str:
    """Where a destination's verb is asked for."""
    return f"/api/destinations/{quote(name, safe='')}/{verb}"


class RefusedError(RelayError):
    """The running relay answered with an error.

    Attributes:
        status: The HTTP status of it.
        said: Its reason, alone.
    """

    def __init__(self, status: int, said: str, *, hint: str = "") -> None:
        super().__init__(f"the running relay answered {status}: {said}", hint=hint)
        self.status = status
        self.said = said


async def ask(config: Listening, path: str, body: Mapping[str, object] | None = None) -> dict[str, object] | None:
    """POST to the running relay.

    Returns:
        Its answer; None where no relay listens.

    Raises:
        RefusedError: It refused.
        RelayError: Something else listens there.
    """
    try:
        return await _exchange(_origin(config), config, "POST", path, body or {})
    except RefusedError as error:
        if error.status == HTTPStatus.SERVICE_UNAVAILABLE and (trouble := await _trouble(config)):
            raise RefusedError(error.status, trouble, hint="`relay status` says how it stands.") from error
        raise


async def _trouble(config: Listening) -> str:
    """What is wrong with the store of the running relay, which may be why it took too long; empty where nothing is."""
    with suppress(RelayError):
        health = await fetch(config, "/healthz", takes=(HTTPStatus.SERVICE_UNAVAILABLE,))
        reasons = health.get("reasons") if health else None
        if isinstance(reasons, list) and reasons:
            return str(reasons[0])
    return ""


async def fetch(config: Listening, path: str, *, takes: Collection[int] = ()) -> dict[str, object] | None:
    """GET from the running relay; as ``ask``.

    Args:
        config: Its config.
        path: What of it.
        takes: Statuses besides 2xx that are an answer, too.
    """
    return await _exchange(_origin(config), config, "GET", path, None, takes=takes)


async def fetch_from(origin: str, config: Listening, path: str) -> dict[str, object] | None:
    """GET from the relay at ``origin``, with the token of ``config``; as ``ask``."""
    return await _exchange(origin, config, "GET", path, None)


def _origin(config: Listening) -> str | None:
    """Where ``config`` has its relay listen, if anywhere."""
    if config.http.address is None:
        return None
    listened_on, port = config.http.address
    host = connectable(listened_on)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def _exchange(
    origin: str | None,
    config: Listening,
    method: str,
    path: str,
    body: Mapping[str, object] | None,
    *,
    takes: Collection[int] = (),
) -> dict[str, object] | None:
    if origin is None:
        return None
    headers = {"Origin": origin}
    if config.http.token is not None:
        headers["Authorization"] = f"Bearer {config.http.token.reveal()}"
    url = URL(origin + path, encoded=True)
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.request(method, url, json=body, headers=headers, allow_redirects=False) as answer,
        ):
            told = await answer.json(content_type=None)
            if (answer.ok or answer.status in takes) and isinstance(told, dict):
                return told
            raise RefusedError(answer.status, _message(told))
    except aiohttp.ClientConnectorError:
        return None
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise RelayError(
            f"what listens on {URL(origin).authority} does not answer like a relay ({type(error).__name__})",
            hint="Check http.listen, or stop the other program.",
        ) from error


@asynccontextmanager
async def store(config: Reach) -> AsyncIterator[SqliteOutbox]:
    """The store itself, where no relay runs; one that is missing is made, and that one was there before is told.

    Raises:
        LockedError: One runs after all, without HTTP.
    """
    path = config.store_path
    is_new = not await asyncio.to_thread(path.exists)
    try:
        outbox = await SqliteOutbox.open(path, SystemClock())
    except LockedError as error:
        raise unreachable() from error
    try:
        yield outbox
    finally:
        await outbox.close()
    if outbox.follows_a_lost_one:  # the run that comes finds this one, and has nothing to tell
        tell_note("a store was here before, and is gone: what waited in it is lost", bringing_back(path))
    elif is_new:
        tell_note(f"there was no store at {path}, so this made one for the first run", of_a_service(path))


def gone() -> RelayError:
    """A relay answered, and now none does."""
    return RelayError("the relay that was asked is gone", hint="Once more: where none runs, the store is asked.")


def whole(config: Reach) -> Config:
    """``config``, where more of it is needed than its relay tells.

    Raises:
        RelayError: Its file has faults, and the relay that went on with the old one is gone.
    """
    if not isinstance(config, Config):
        raise gone()
    return config


def unreachable() -> LockedError:
    """A relay holds the store, and did not answer where this config has it listen."""
    return LockedError(
        "a relay runs on this store, and its HTTP can't be reached",
        hint="Let http.listen of this config be the running relay's, or stop it first.",
    )


def _message(told: object) -> str:
    error = told.get("error") if isinstance(told, dict) else None
    if isinstance(error, dict):
        return str(error.get("message", error))
    return str(error or "no reason given")
