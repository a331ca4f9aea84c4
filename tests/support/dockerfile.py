"""A Dockerfile as what it tells to do: stages of instructions, continued lines joined, comments left out.

Only what ours uses is understood; an instruction that is not is an error, so that no test passes over it.
https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_KNOWN = {
    "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "RUN", "STOPSIGNAL", "USER",
    "VOLUME", "WORKDIR",
}  # fmt: skip


class Instruction(NamedTuple):
    """One of them, its options and values not looked at yet."""

    word: str
    rest: str


class Copy(NamedTuple):
    """What a COPY copies."""

    stage: str | None
    owner: str | None
    sources: tuple[str, ...]
    target: str


@dataclass
class Stage:
    """From one FROM to the next."""

    base: str
    name: str | None
    instructions: list[Instruction] = field(default_factory=list)

    def one(self, word: str) -> str:
        """What the only such instruction says."""
        (found,) = [rest for name, rest in self.instructions if name == word]
        return found

    def command(self, word: str) -> list[str]:
        """The words of an instruction in exec form."""
        found = json.loads(self.one(word).partition("CMD ")[2] if word == "HEALTHCHECK" else self.one(word))
        assert isinstance(found, list)
        return [str(part) for part in found]


def instructions(text: str) -> list[Instruction]:
    """All of them, in order."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")).replace("\\\n", "")
    found = [Instruction(*re.split(r"\s+", line.strip(), maxsplit=1)) for line in lines.splitlines() if line.strip()]
    assert {word for word, _ in found} <= _KNOWN
    return found


def stages(text: str) -> list[Stage]:
    """The stages, and their instructions."""
    found: list[Stage] = []
    arguments: dict[str, str] = {}  # before the first FROM: they hold for FROM alone
    for instruction in instructions(text):
        if instruction.word == "FROM":
            base, _, name = filled(instruction.rest, arguments).partition(" AS ")
            found.append(Stage(base, name or None))
        elif found:
            found[-1].instructions.append(instruction)
        else:
            arguments |= pairs(instruction.rest)
    return found


def ours() -> list[Stage]:
    """Those of the Dockerfile of this project."""
    return stages((ROOT / "Dockerfile").read_text(encoding="utf-8"))


def pairs(rest: str) -> dict[str, str]:
    """``A=b "C=d e"`` as a mapping."""
    return dict(part.split("=", 1) for part in shlex.split(rest))


def filled(text: str, variables: Mapping[str, str]) -> str:
    """``text`` with its variables replaced."""
    return Template(text).substitute(variables)


def copied(rest: str) -> Copy:
    """A COPY, taken apart."""
    words = shlex.split(rest)
    options = pairs(" ".join(word.removeprefix("--") for word in words if word.startswith("--")))
    *sources, target = [word for word in words if not word.startswith("--")]
    return Copy(options.pop("from", None), options.pop("chown", None), tuple(sources), target)
