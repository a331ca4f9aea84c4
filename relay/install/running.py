"""The relay that runs now, as a service would start it: where it lies, and whether a service could see it there.

argv, interpreter ──command_of──> the words that start it, absolute
its files ──build──> version and fingerprint
a path ──hidden──> why the unit's service can't use it: somebody's home, a private /tmp, a folder closed to others
"""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterable
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from relay import __version__
from relay.install import wrapper

_HOMES: Final = ("/home", "/root", "/run/user")  # ProtectHome=yes
_TEMPORARY: Final = ("/tmp", "/var/tmp")  # noqa: S108  because they are compared: PrivateTmp=yes hides them  # nosec B108


def command_of(program: Path, executable: Path) -> tuple[str, ...]:
    """How the relay is started.

    Args:
        program: The first word of this process's own command.
        executable: The interpreter that runs it, absolute, as it was called: in a virtual environment that is a link.
    """
    for script in (program, executable.with_name("relay")):
        # The wrapper stands for a command, and may lie beside an interpreter: it must not become one of itself.
        if script.name == "relay" and script.is_file() and not wrapper.is_ours(script):
            return (str(script.absolute()),)
    return (str(executable), "-m", "relay")


def command() -> tuple[str, ...]:
    """How the relay that runs now is started."""
    return command_of(Path(sys.argv[0]), Path(sys.executable))


def build() -> str:
    """Which relay it is that runs now, ``0.1.0+3f2a9c1d``: two of one version differ where a file of theirs does."""
    try:
        record = distribution("stratalerts-relay").read_text("RECORD") or ""
    except PackageNotFoundError:
        record = ""
    return f"{__version__}+{sha256(record.encode()).hexdigest()[:8]}" if record else __version__


def used() -> tuple[Path, ...]:
    """Where what runs now lies: the command, the interpreter, its library, and this package."""
    places = (Path(command()[0]), Path(sys.executable), Path(__file__).parent)
    return tuple(dict.fromkeys([*(each for place in places for each in (place, place.resolve())), *interpreter()]))


def interpreter() -> tuple[Path, ...]:
    """Where the Python lies that a virtual environment is made with: a new one, made with it again, needs it, too."""
    base = Path(sys.base_prefix)
    return (base, base.resolve(), Path(sys.executable).resolve())


def hidden(places: Iterable[Path]) -> str:
    """Why a service can't use one of these places, a few words after its path; empty where it can use them all."""
    for place in places:
        for folder in _HOMES:
            if place.is_relative_to(folder):
                return f"{place} lies in {folder}, which the service does not see (ProtectHome)"
        for folder in _TEMPORARY:
            if place.is_relative_to(folder):
                return f"{place} lies in {folder}, which the service does not see (PrivateTmp)"
        closed = _closed(place)
        if closed is not None:
            return f"{closed} is closed to others than its owner, and the service has a user of its own"
    return ""


def _closed(place: Path) -> Path | None:
    """The first folder on the way, or the place itself, that others can't use; what is not there is left to others."""
    for step in (*reversed(place.parents), place):
        try:
            mode = step.stat().st_mode
        except OSError:
            return None
        wanted = stat.S_IXOTH if stat.S_ISDIR(mode) else stat.S_IROTH
        if not mode & wanted:
            return step
    return None
