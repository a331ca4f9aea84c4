"""One piece of work in a fresh process again and again, for tests that kill it at each of its steps in turn.

    script with ``def work(*arguments)`` ──> a process that has imported all of it ──fork──> a child for each call
                                                                       exit code, negative is the signal <──┘

Each child begins alike and shares nothing that it changes; only the interpreter's start is paid for once.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_HOST = """
import json, os, sys
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        work(*json.loads(line))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@contextmanager
def forks(script: str) -> Iterator[Callable[..., int]]:
    """A function that calls the script's ``work`` in a child and returns its exit code; its arguments are JSON."""
    program = textwrap.dedent(script) + _HOST
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as host:
        assert host.stdin is not None
        assert host.stdout is not None
        told, heard = host.stdin, host.stdout

        def call(*arguments: object) -> int:
            told.write(json.dumps(arguments) + "\n")
            told.flush()
            return int(heard.readline())

        yield call
        told.close()
    assert host.returncode == 0
