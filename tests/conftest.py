"""Settings all tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

# A shared machine is slow now and then; how long an example takes says nothing about behaviour.
settings.register_profile("relay", deadline=None)
settings.load_profile("relay")

# No test asks a server that a public authority vouches for, and to read the machine's list of them takes every process
# that a test starts a tenth of its time.
os.environ.setdefault("SSL_CERT_FILE", os.devnull)

# Whoever starts the tests in the background has them ignore these, and what tests start would inherit that.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A verb that runs in a test's own process configures the logs: the next test is to hear again what is said."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
