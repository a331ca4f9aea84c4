"""When a lane is due, and for how long it may be."""

from __future__ import annotations

import pytest

from relay.delivery.signs import lane_signs
from relay.turning import Sign
from tests.support.config_text import config_text, read
from tests.support.lane import DOWN, Scene, failing

LONGEST = 3 * (300 + 10)
"""Three times the default back-off and time-out."""


def signs(scene: Scene, *waiting: str, least: float = 0.0) -> dict[str, Sign]:
    destinations = read(config_text("more", "")).destinations
    assert "bot" in destinations
    return lane_signs({"bot": scene.lane}, destinations, waiting, least_patience=least)


async def test_a_lane_is_due_while_something_waits_for_it() -> None:
    scene = Scene()
    assert signs(scene) == {"bot": Sign(0, due=False, patience=LONGEST)}
    assert signs(scene, "bot") == {"bot": Sign(0, due=True, patience=LONGEST)}
    assert signs(scene, "another")["bot"].due is False


async def test_a_lane_that_is_paused_or_backs_off_is_not_due() -> None:
    scene = Scene()
    async with scene.running():
        await scene.lane.pause()
        assert signs(scene, "bot")["bot"].due is False
        await scene.lane.resume()
        assert signs(scene, "bot")["bot"].due is True
        scene.receiver.answer = failing(1, outcome=DOWN)
        await scene.put(1)
        assert signs(scene, "bot")["bot"].due is False
        assert signs(scene, "bot")["bot"].turns > 0
        scene.receiver.answer = failing()


@pytest.mark.parametrize(("least", "patience"), [(0.0, LONGEST), (600.0, LONGEST), (3600.0, 3600.0)])
async def test_it_may_be_due_for_a_time_of_its_own_or_the_least_that_is_asked_for(
    least: float, patience: float
) -> None:
    assert signs(Scene(), "bot", least=least)["bot"].patience == patience


async def test_a_lane_that_the_config_does_not_have_is_not_judged() -> None:
    assert lane_signs({"bot": Scene().lane}, {}, ["bot"]) == {}
