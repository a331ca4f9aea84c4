"""``python -m relay.demo.leash ARGUMENTS``: the relay's command, which ends when its parent does, however that ends.

The parent holds the other end of standard input and never writes. When that closes, by ``kill -9`` too, the relay
gets the SIGTERM its parent could not send; a demo leaves nothing running.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def _wait_for_parent() -> None:
    os.read(0, 1)  # not through sys.stdin: its lock would be held while the interpreter ends
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_wait_for_parent, name="leash", daemon=True).start()
    sys.argv[0] = "relay"
    runpy.run_module("relay", run_name="__main__")  # the command itself, as a person starts it
