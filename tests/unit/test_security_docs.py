"""The threat model names places that there are, and bounds that hold."""

from __future__ import annotations

import re
from pathlib import Path

from relay.template import BODY_CAP
from relay.upstream.protocol import MAX_FRAME
from relay.upstream.rest import MAX_ANSWER

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/security.md").read_text("utf-8")


def test_every_place_it_names_is_there() -> None:
    named = re.findall(r"`([\w/]+\.(?:py|service))`", TEXT)
    assert len(named) > 30
    assert [place for place in named if not (ROOT / place).exists() and not (ROOT / "relay" / place).exists()] == []


def test_every_part_says_what_is_not_protected() -> None:
    parts = TEXT.split("\n## ")[1:]
    assert [part.partition("\n")[0] for part in parts if "**Not protected:**" not in part] == []


def test_the_bounds_are_those_of_the_code() -> None:
    assert f"{MAX_FRAME >> 20} MiB a frame, {MAX_ANSWER >> 20} MiB a page" in TEXT
    assert f"no text larger than {BODY_CAP >> 10} KiB" in TEXT


def test_the_lists_of_documents_name_it() -> None:
    assert "(docs/security.md)" in (ROOT / "README.md").read_text("utf-8")
