#!/usr/bin/env python3
"""Draws ``docs/demo.svg``: a real demo, as it stands after its first faults are mended.

    .venv/bin/python docs/picture.py

Nothing in it is made up; every run draws another one. It holds no reference to a font on the internet.
"""

from __future__ import annotations

import asyncio
import io
import re
import tempfile
from pathlib import Path

from rich.console import Console, RenderableType

from relay import logs
from relay.clock import SystemClock
from relay.demo.run import Demo, Settings
from relay.demo.scene import Phase, Scene
from relay.demo.view import View

TARGET = Path(__file__).with_name("demo.svg")
SECONDS = 20.0  # a drop and lost frames; a receiver fails only in longer ones
AFTERMATH = 3  # pictures: what was recovered is seen among what is live again


class Camera:
    """A screen that keeps the picture in which alerts were last recovered, a moment later."""

    every = 0.25

    def __init__(self, view: View) -> None:
        self._view = view
        self._left = 0
        self.picture: RenderableType = ""

    def show(self, scene: Scene) -> None:
        """Look, and keep it or not."""
        picture = self._view.picture(scene)
        if any(arrival.receipt.recovered for arrival in scene.arrivals):
            self._left = AFTERMATH
        if scene.phase is Phase.RUNNING and self._left:
            self._left -= 1
            self.picture = picture


async def shoot(view: View) -> RenderableType:
    """Run a demo; its picture."""
    camera = Camera(view)
    with tempfile.TemporaryDirectory(prefix="relay-demo-") as directory:
        report = await Demo(Settings(Path(directory), SECONDS), SystemClock(), camera).run()
    if not report.ok:
        raise SystemExit("\n".join(report.findings))
    return camera.picture


def main() -> None:
    """Draw it."""
    logs.configure("error")
    console = Console(record=True, file=io.StringIO(), width=100, height=32, force_terminal=True)
    console.print(asyncio.run(shoot(View(console))))
    svg = console.export_svg(title="relay demo", unique_id="relay-demo")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    TARGET.write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
