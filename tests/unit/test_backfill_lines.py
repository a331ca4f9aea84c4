"""What ``relay backfill`` says of a round."""

from __future__ import annotations

from typing import Any

import pytest

from relay.cli.backfill import _lines


@pytest.mark.parametrize(
    ("holes", "said"),
    [
        (0, ""),
        (1, "; 1 range could not be seen whole"),
        (1_200, "; 1,200 ranges could not be seen whole"),
    ],
)
def test_ranges_that_could_not_be_seen_are_counted(holes: int, said: str) -> None:
    channel = {"channel": "alerts.in_force", "result": "ok", "found": 7, "recovered": 2, "holes": holes}
    came: dict[str, Any] = {
        "error": "", "channels": [channel], "since": None, "baseline": None, "store_is_new": False, "relay_runs": True
    }  # fmt: skip
    assert next(iter(_lines(came))) == f"in-force alerts: REST shows 7, 2 of them new{said}"
