"""The real command on a real pseudo-terminal, and somebody who reads before they type."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PATIENCE = 60.0


class Terminal:
    """A terminal on which one command runs."""

    def __init__(self, handle: int, process: asyncio.subprocess.Process) -> None:
        self._handle = handle
        self._process = process
        self._shown = bytearray()
        self._read = 0  # so much of it has been waited for
        self._more = asyncio.Event()
        asyncio.get_running_loop().add_reader(handle, self._take)

    @property
    def shown(self) -> str:
        """Everything that it has shown."""
        return _ESCAPES.sub("", self._shown.decode(errors="replace")).replace("\r\n", "\n")

    async def until(self, text: str) -> None:
        """Wait until it shows ``text``, after what was waited for last."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while text not in self.shown[self._read :]:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"{text!r} is not shown:\n{self.shown}") from None
        self._read = self.shown.index(text, self._read) + len(text)

    def type(self, line: str) -> None:
        """Type a line, and Enter."""
        os.write(self._handle, f"{line}\n".encode())

    def press(self, keys: bytes) -> None:
        """Press keys, without Enter."""
        os.write(self._handle, keys)

    def interrupt(self) -> None:
        """Ctrl-C, which this terminal would not make a signal of: it is nobody's own.

        And Enter: a signal that comes just before a read begins is heard when the read returns.
        """
        self._process.send_signal(signal.SIGINT)
        with suppress(OSError):  # it may have ended
            self.type("")

    async def answer(self, question: str, line: str = "") -> None:
        """Wait for a question, and answer it."""
        await self.until(question)
        self.type(line)

    async def ended(self) -> int:
        """Wait until the command ends; its exit code."""
        async with asyncio.timeout(_PATIENCE):
            code = await self._process.wait()
        await asyncio.sleep(0)
        self._take()
        return code

    def _take(self) -> None:
        try:
            more = os.read(self._handle, 1 << 20)
        except OSError:  # how Linux says that nobody holds the other end any more
            more = b""
        if not more:
            asyncio.get_running_loop().remove_reader(self._handle)
        self._shown += more
        self._more.set()


@asynccontextmanager
async def terminal(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> AsyncIterator[Terminal]:
    """``relay ARGUMENTS`` on a terminal of its own; killed at the end if it still runs."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "relay", *arguments),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,  # a hidden question is then asked here, not on the terminal of who runs the tests
        cwd=cwd,
        env={**os.environ, "COLUMNS": "160", "TERM": "xterm", "TZ": "UTC", **(env or {})},
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    shown = Terminal(ours, process)
    try:
        yield shown
    finally:
        asyncio.get_running_loop().remove_reader(ours)
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)
