"""The relay as the demo runs it: the real command in a process of its own, its log in a file.

It leads a session of its own, so that Ctrl-C reaches the demo alone, which lets the relay catch up before it ends.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

_NOT_ITS_OWN: Final = frozenset(
    {
        "CREDENTIALS_DIRECTORY",
        "LISTEN_FDS",
        "LISTEN_PID",
        "NOTIFY_SOCKET",
        "RELAY_CONFIG",
        "STATE_DIRECTORY",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
    }
)
_GRACE_SECONDS: Final = 10.0  # twice its shutdown_grace


class Daemon:
    """``relay run`` with a config.

    Args:
        config: The config file.
        log: Where its output goes.
    """

    def __init__(self, config: Path, log: Path) -> None:
        self._config = config
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; it may end at any time."""
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "relay.demo.leash", "run", "-c", str(self._config)),
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=own_environment(os.environ),
                start_new_session=True,
            )

    async def ended(self) -> int:
        """Its exit code, once it has ended."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> int:
        """Let it drain, and end it if it does not; its exit code, negative where a signal ended it."""
        process = self._process
        if process is None:
            return 0
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(_GRACE_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
        return await process.wait()

    async def kill(self) -> None:
        """End it at once, if it still runs."""
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def last_words(self, lines: int = 3) -> str:
        """The end of its log."""
        said = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n  ".join(["Its last words:", *said[-lines:]]) if said else "It said nothing."


def own_environment(env: Mapping[str, str]) -> dict[str, str]:
    """``env`` without what a service manager or a person meant for another relay."""
    return {name: value for name, value in env.items() if name not in _NOT_ITS_OWN}
