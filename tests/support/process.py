"""The real command as a subprocess: started, asked over HTTP, signalled, restarted, and always cleaned up.

    write_config(folder, …) ──> config.yaml ──> RelayProcess: python -m relay run -c config.yaml
                                                     │
                       start · ready · get · until · kill -9 · SIGTERM · ended ──> exit code, stdout, stderr

Whatever is waited for is a condition with a deadline. Output goes to files beside the config, so that no pipe fills up
and every run's words can be searched afterwards.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import aiohttp
import yaml

_POLL_SECONDS = 0.02
_PATIENCE = 20.0  # what a slow machine needs to start the interpreter with all of it
_PORTS = (20_000, 32_000)  # below what the kernel gives to outgoing connections, so that none takes it meanwhile


class Upstream(Protocol):
    """Where a simulated upstream is reached."""

    @property
    def websocket_url(self) -> str: ...

    @property
    def rest_url(self) -> str: ...


def free_port() -> int:
    """A port of loopback that nothing listens on, and that no outgoing connection will be given."""
    rng = random.SystemRandom()
    while True:
        port = rng.randrange(*_PORTS)
        with closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def webhook(url: str, **more: object) -> dict[str, object]:
    """A webhook destination of a config, which tries again soon."""
    return {"type": "webhook", "url": url, "retry": {"initial": "100ms", "max": "500ms"}, **more}


def write_config(
    folder: Path,
    upstream: Upstream,
    destinations: Mapping[str, object],
    *,
    rules: list[dict[str, object]] | None = None,
    key: str = "sim-key",
    stratalerts: Mapping[str, object] | None = None,
    port: int | None = None,
    **sections: object,
) -> Path:
    """Write ``config.yaml``: by default everything goes to every destination.

    Args:
        folder: Where it and the store lie.
        upstream: Where alerts come from.
        destinations: By name; see ``webhook``.
        rules: Instead of one rule for each alert channel.
        key: The API key.
        stratalerts: Further keys of that section.
        port: Of the relay's pages; any free one by default.
        sections: Whole further sections; they replace what stands here.
    """
    names = list(destinations)
    everything: list[dict[str, object]] = [
        {"name": "in force", "to": names},
        {"name": "breaks", "channel": "alerts.simultaneous_breaks", "to": names},
    ]
    config: dict[str, object] = {
        "stratalerts": {
            "api_key": key,
            "websocket_url": upstream.websocket_url,
            "rest_url": upstream.rest_url,
            **(stratalerts or {}),
        },
        "http": {"listen": f"127.0.0.1:{port or free_port()}"},
        "log": {"format": "json"},
        "destinations": dict(destinations),
        "rules": everything if rules is None else rules,
        **sections,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


class RelayProcess:
    """One ``relay run``, which may be started again; an async context manager that leaves no process behind.

    Attributes:
        config: Its config file.
        runs: How often it was started.
        exit_code: Of the last run that ended; negative is the signal that ended it.
    """

    def __init__(self, config: Path, *, arguments: tuple[str, ...] = (), env: Mapping[str, str] | None = None) -> None:
        self.config = config
        self.runs = 0
        self.exit_code: int | None = None
        self._arguments = arguments
        self._env = {**os.environ, **(env or {})}
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # a connection a request: a restarted relay must not be asked through the old one's socket
        connector = aiohttp.TCPConnector(force_close=True)
        self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=15))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.alive:
            await self.kill()
        if self._session is not None:
            await self._session.close()

    # --- its life

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it; it is not ready yet."""
        assert not self.alive
        with self._file("stdout").open("ab") as out, self._file("stderr").open("ab") as err:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "relay",
                "run",
                "-c",
                str(self.config),
                *self._arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=self._env,
            )
        self.runs += 1

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self, within: float = _PATIENCE) -> int:
        """Wait until it ends by itself; its exit code.

        Raises:
            AssertionError: It still runs after ``within`` seconds.
        """
        assert self._process is not None
        try:
            async with asyncio.timeout(within):
                self.exit_code = await self._process.wait()
        except TimeoutError:
            raise AssertionError(f"still running after {within:g} s:\n{self.tail()}") from None
        return self.exit_code

    async def kill(self) -> None:
        """``kill -9``."""
        self.send(signal.SIGKILL)
        await self.ended()

    async def stop(self, within: float = _PATIENCE) -> int:
        """SIGTERM, and the exit code."""
        self.send(signal.SIGTERM)
        return await self.ended(within)

    # --- what it answers

    @property
    def url(self) -> str:
        """Where its pages are."""
        listen = yaml.safe_load(self.config.read_text())["http"]["listen"]
        return f"http://{listen}"

    async def get(self, path: str) -> tuple[int, str]:
        """Status and body of a page."""
        assert self._session is not None
        async with self._session.get(self.url + path) as answer:
            return answer.status, await answer.text()

    async def json(self, path: str) -> Any:
        """A page that is JSON."""
        return json.loads((await self.get(path))[1])

    async def post(self, path: str) -> tuple[int, str]:
        """Press a button."""
        assert self._session is not None
        async with self._session.post(self.url + path, headers={"Origin": self.url}) as answer:
            return answer.status, await answer.text()

    async def until(self, path: str, holds: Callable[[int, str], bool], within: float = _PATIENCE) -> str:
        """Ask for a page until ``holds(status, body)``; the body.

        Raises:
            AssertionError: It did not within ``within`` seconds, or the process ended.
        """
        status, body = 0, "no answer yet"
        try:
            async with asyncio.timeout(within):
                while True:
                    assert self.alive, f"it ended:\n{self.tail()}"
                    try:
                        status, body = await self.get(path)
                    except (aiohttp.ClientError, OSError):
                        pass  # not listening yet
                    else:
                        if holds(status, body):
                            return body
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise AssertionError(f"{path} still says {status} {body} after {within:g} s:\n{self.tail()}") from None

    async def ready(self, within: float = _PATIENCE) -> dict[str, Any]:
        """Wait until ``/readyz`` says 200; what it says."""
        said: dict[str, Any] = json.loads(await self.until("/readyz", lambda status, _: status == 200, within))
        return said

    async def until_status(self, holds: Callable[[Any], bool], within: float = _PATIENCE) -> Any:
        """Wait until ``holds(/api/status)``; what it says."""
        body = await self.until("/api/status", lambda status, body: status == 200 and holds(json.loads(body)), within)
        return json.loads(body)

    async def until_drained(self, within: float = _PATIENCE) -> None:
        """Wait until no delivery is pending anywhere and no round is under way."""

        def drained(status: Any) -> bool:
            pending = sum(destination["counts"].get("pending", 0) for destination in status["destinations"])
            return pending == 0 and not status["backfill"]["running"]

        await self.until_status(drained, within)

    # --- what it said

    def _file(self, stream: str) -> Path:
        return self.config.with_name(f"{stream}.txt")

    @property
    def stdout(self) -> str:
        """Everything all runs wrote there."""
        return self._read("stdout")

    @property
    def stderr(self) -> str:
        """Everything all runs wrote there."""
        return self._read("stderr")

    def _read(self, stream: str) -> str:
        file = self._file(stream)
        return file.read_text(errors="replace") if file.exists() else ""

    def tail(self) -> str:
        """The last words, for a failing test."""
        return "\n".join((self.stdout + self.stderr).splitlines()[-30:])

    def logged(self, event: str | None = None) -> list[dict[str, Any]]:
        """Log lines of all runs, or those that say ``event``."""
        return [line for line in self._lines() if event in {None, line.get("event")}]

    def _lines(self) -> Iterator[dict[str, Any]]:
        for text in self.stderr.splitlines():
            if text.startswith("{"):
                yield json.loads(text)


@asynccontextmanager
async def running(config: Path, *, env: Mapping[str, str] | None = None) -> AsyncIterator[RelayProcess]:
    """A relay that is ready; killed at the end if it still runs."""
    async with RelayProcess(config, env=env) as relay:
        await relay.start()
        await relay.ready()
        yield relay


async def ends(config: Path, *arguments: str, env: Mapping[str, str] | None = None) -> RelayProcess:
    """A relay that ends by itself."""
    async with RelayProcess(config, arguments=arguments, env=env) as relay:
        await relay.start()
        await relay.ended()
        return relay
