"""Files that are put in place whole: their modes, what is left of a run that was killed, and of one that failed."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay.placing import CLOSED, OPEN, UMASKED, File, put_whole


@pytest.fixture(params=[0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_mode_is_what_was_said_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    modes = {"closed": CLOSED, "open": OPEN, "umasked": UMASKED}
    (tmp_path / "closed").write_text("that all could read")
    (tmp_path / "closed").chmod(0o644)
    (tmp_path / ".closed.new").write_text("of a run that was killed")
    put_whole([File(tmp_path / name, "ü\r\n", mode) for name, mode in modes.items()])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == dict.fromkeys(modes, "ü\r\n".encode())
    assert {name: mode_of(tmp_path / name) for name in modes} == {**modes, "umasked": UMASKED & ~umask}


def test_folders_are_made_as_it_was_said_or_not_at_all(tmp_path: Path, umask: int) -> None:
    place = tmp_path / "a" / "b" / "file"
    with pytest.raises(FileNotFoundError):
        put_whole([File(place, "x")])
    put_whole([File(place, "x", OPEN)], folders=0o755)
    assert [mode_of(folder) for folder in (tmp_path / "a", tmp_path / "a/b")] == [0o755] * 2, f"{umask:o}"


def test_a_disk_that_fills_up_changes_nothing_and_the_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("old")
    synced: list[int] = []

    def fill_up(handle: int) -> None:
        synced.append(handle)
        if len(synced) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("relay.placing.os.fsync", fill_up)
    with pytest.raises(OSError, match="No space left on device") as caught:
        put_whole([File(first, "new", CLOSED), File(second, "new", OPEN)])
    assert caught.value.filename == str(second)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("first", "old")]


def test_what_a_file_says_is_not_in_its_repr() -> None:
    assert "ocelot" not in repr(File(Path("/etc/relay/api_key"), "sk-ocelot", CLOSED))
