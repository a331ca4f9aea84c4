"""Files that are put in place whole: their modes, what is left of a run that was killed, and of one that failed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from relay.cli.setup.files import changed, put
from relay.errors import UsageError
from relay.placing import CLOSED, File


def test_a_secret_is_its_owners_alone_even_where_a_file_that_all_can_read_was_there(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("old")
    (tmp_path / "key").chmod(0o644)
    (tmp_path / ".key.new").write_text("of a run that was killed")
    put(tmp_path, [File(Path("key"), "new\n", CLOSED)])
    assert (tmp_path / "key").read_text() == "new\n"
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_disk_that_fills_up_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yaml").write_text("old")
    synced: list[int] = []

    def fill_up(handle: int) -> None:
        synced.append(handle)
        if len(synced) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("relay.placing.os.fsync", fill_up)
    with pytest.raises(UsageError, match="can't be written to: no space left on device"):
        put(tmp_path, [File(Path("key"), "secret\n", CLOSED), File(Path("config.yaml"), "new")])
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("config.yaml", "old")]


def test_only_what_is_there_and_says_something_else_is_changed(tmp_path: Path) -> None:
    (tmp_path / "same").write_text("ü")
    (tmp_path / "other").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "astray").symlink_to("nowhere")
    names = ("same", "other", "folder", "astray", "missing")
    assert changed(tmp_path, [File(Path(name), "ü") for name in names]) == ["other", "folder", "astray"]
