"""An upstream and a receiver, each for one test, in its own event loop."""

from __future__ import annotations

from tests.support.fixtures import inbox, simulator

__all__ = ["inbox", "simulator"]
