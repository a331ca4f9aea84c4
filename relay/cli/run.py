"""``relay run``: the daemon."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import os
import resource
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import click
import structlog

from relay import logs
from relay.app import Relay
from relay.cli.faults import teller
from relay.cli.options import config_option
from relay.config.found import find_config
from relay.config.load import load
from relay.config.model import Config
from relay.config.secrets import hide_secrets
from relay.threads import ResolvingLoop

_log = structlog.get_logger()

_OWNER_ONLY: Final = 0o077
_MOST_FILES: Final = 65_536
_STDERR: Final = 2


_EXAMPLES: Final = """\b
Examples:
  relay run
  relay run -c /etc/relay/config.yaml
"""


@click.command(epilog=_EXAMPLES)
@config_option
@click.option("--allow-real", is_flag=True, help="Let a simulator's alerts out to destinations on other machines.")
def command(*, config: Path | None, allow_real: bool) -> int:
    """Hold the socket and deliver until stopped."""
    _keep_to_ourselves()
    faulthandler.enable(_STDERR)  # where every thread stood when a watchdog's SIGABRT came: frames, and no values
    loaded = load(find_config(config, os.environ), env=os.environ)
    logs.configure(loaded.log.level, loaded.log.format, sys.stderr)
    hide_secrets(loaded)
    open_many_files()
    with asyncio.Runner(loop_factory=ResolvingLoop) as runner:  # its end waits for no name server
        return runner.run(_run(loaded, allow_real=allow_real))


def _keep_to_ourselves() -> None:
    """What we write from here on is its owner's alone, and a crash leaves no memory, secrets included, on the disk."""
    os.umask(_OWNER_ONLY)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def open_many_files() -> None:
    """Take the files and sockets that we may have: each destination that hangs keeps some, and 1,024 is soon little."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:  # a kernel may grant less than it promises: we run with what we have
        _log.debug("no more files may be open", files=soft, error=str(error))
    else:
        _log.debug("more files may be open", files=wanted, before=soft)


def _settle_interpreter() -> None:
    """Tune CPython for a busy loop beside threads that wait; measured in docs/benchmarks.md.

    What start-up made lives as long as we do, so the collector need not look at it again. And the store's threads get
    the interpreter within half a millisecond instead of five, or each statement of a commit waits that long.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(0.0005)


async def _run(config: Config, *, allow_real: bool) -> int:
    relay = Relay(config, env=os.environ, allow_real=allow_real)
    asked: list[signal.Signals] = []

    def on_signal(number: signal.Signals) -> None:
        if asked:
            _log.warning("second signal: stopping at once", signal=number.name)
            os._exit(128 + number)
        asked.append(number)
        relay.stop()

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(teller(relay.clock))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    loop.add_signal_handler(signal.SIGHUP, relay.reload)
    async with AsyncExitStack() as stack:
        await relay.open(stack)
        _settle_interpreter()
        await relay.run()
    _log.info("stopped")
    return 0
