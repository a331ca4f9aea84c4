"""The pictures in the documents are of messages that the relay really sends, and none is missing or left over."""

from __future__ import annotations

import re

import pytest

from docs.page_screenshots import PICTURES
from docs.screenshots import SHOTS, TARGET, page_of

DOCUMENTS = [*TARGET.parent.glob("*.md"), TARGET.parent.parent / "README.md"]


@pytest.mark.parametrize("name", SHOTS)
async def test_every_picture_is_of_a_message_that_its_chat_takes(name: str) -> None:
    page = await page_of(SHOTS[name])
    assert page.count("<article") == 1
    assert page == await page_of(SHOTS[name])
    for event, _ in SHOTS[name].events:
        assert (event.symbol or "index futures broke") in page


def test_every_picture_is_there_and_shown() -> None:
    shown = {found for path in DOCUMENTS for found in re.findall(r"images/([\w-]+)\.png", path.read_text())}
    assert shown == {*SHOTS, *PICTURES} == {path.stem for path in TARGET.glob("*.png")}


def test_no_picture_of_the_page_takes_long_to_load() -> None:
    assert all((TARGET / f"{name}.png").stat().st_size < 300_000 for name in PICTURES)
