"""A demo as plain lines, for a pipe or a file: one every few seconds, one for each fault once it is mended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from relay.demo.scene import Phase, Scene
from relay.demo.summary import duration, minutes

_EVERY: Final = 0.5
_LINE_EVERY: Final = 3.0


class Lines:
    """Writes lines without any control code.

    Args:
        write: Takes a line.
    """

    every: float = _EVERY

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._phase: Phase | None = None
        self._next = _LINE_EVERY
        self._told: set[int] = set()

    def show(self, scene: Scene) -> None:
        """Write what is new, if it is time."""
        self._tell_mishaps(scene)
        if scene.phase is not self._phase:
            self._phase = scene.phase
            self._announce(scene)
        if scene.phase is Phase.RUNNING and scene.seconds >= self._next:
            self._next = scene.seconds + _LINE_EVERY
            self._write(progress(scene))

    def _announce(self, scene: Scene) -> None:
        match scene.phase:
            case Phase.RUNNING:
                self._write(f"page      {scene.page}/")
                for room in scene.rooms:
                    self._write(f"{room.brand.lower():<9} {room.page}")
                self._write(f"config    {scene.config}")
            case Phase.OVER:
                self._write("the replay is at its end; Ctrl-C sums up")
            case Phase.CATCHING_UP:
                self._write(f"{minutes(scene.seconds)} no more alerts are fired; waiting for what is due")
            case Phase.ENDED:
                self._write(progress(scene))

    def _tell_mishaps(self, scene: Scene) -> None:
        """Each once it is mended and no longer grows, or all is over; a line begins with the time of its writing."""
        for number, mishap in enumerate(scene.mishaps):
            if number not in self._told and (mishap.mended or scene.phase is Phase.ENDED):
                self._write(f"{minutes(scene.seconds)} at {minutes(mishap.at)}: {mishap}")
                self._told.add(number)


def progress(scene: Scene) -> str:
    """How it stands, in one line."""
    counts = scene.counts
    return (
        f"{minutes(scene.seconds)} {scene.replay.day}  {scene.status.link}  fired {counts.fired}"
        f"  delivered {counts.delivered} of {counts.matched}  recovered {counts.recovered}"
        f"  p50 {duration(counts.p50)}"
    )
