"""A destination's settings in its own terms, defaults unsaid."""

from __future__ import annotations

import pytest

from relay.destinations.kinds import KINDS
from relay.destinations.terms import terms

URLS = dict.fromkeys(KINDS, "http://127.0.0.1/x") | {"apprise": "json://127.0.0.1"}
ROLES = {"swing": "<@&1>", "desk": "<@&2>"}


@pytest.mark.parametrize(
    ("kind", "keys", "said"),
    [
        *((kind, {}, []) for kind in KINDS),
        *((kind, {"sources": "backfill", "max_age": "1h"}, ["backfill alerts only", "nothing older than 1 hour"])
          for kind in KINDS),
        *((kind, {"template": "{{ symbol }}"}, ["own template"]) for kind in KINDS),
        ("webhook", {"rate_limit": "50/1s"}, ["at most 50 in 1 second"]),
        ("discord", {"roles": ROLES}, []),
        ("discord", {"roles": ROLES, "mentions": {"D": "swing", "60": "<@5>", "W": "swing"}},
         ["pings <@5> on 60", "pings swing on D and W"]),
        ("discord", {"roles": ROLES, "mentions": {"D": ["swing", "desk"]}, "ping": {"every": "90s"}},
         ["pings swing and desk on D", "at most every 90 seconds"]),
        ("slack", {"ping": {"every": "10m"}}, ["pings at most every 10 minutes"]),
        ("slack", {"late": {"over": "10m", "as": "mark"}}, []),
        ("slack", {"late": {"over": "5m"}}, ["late after 5 minutes"]),
        ("slack", {"late": {"as": "digest"}}, ["late after 10 minutes: in a digest"]),
        ("slack", {"late": {"over": "1h", "as": "drop"}}, ["late after 1 hour: dropped"]),
        ("slack", {"digest_over": 60}, ["a table when more than 60 wait"]),
        ("discord", {"thread_id": "1189276001123456789", "silent": True, "username": "Strat desk"},
         ["in thread 1189276001123456789", "silent", "as 'Strat desk'"]),
    ],
)  # fmt: skip
def test_what_is_no_default_is_said(kind: str, keys: dict[str, object], said: list[str]) -> None:
    config = KINDS[kind].model_validate({"type": kind, "url": URLS[kind], **keys})
    assert list(terms(config)) == said
