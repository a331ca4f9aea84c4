"""The store's file is taken away while it is open: nothing is acknowledged that a next start would not find."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from relay.errors import Exit, StoreBusyError, StoreError
from relay.outbox.sqlite import SqliteOutbox
from tests.support.clock import FakeClock
from tests.support.events import entry, in_force
from tests.support.waiting import until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state" / "relay.db"


def _rename(file: Path, to: Path) -> None:
    file.rename(to)


def _delete(path: Path, *suffixes: str) -> None:
    for suffix in ("", *suffixes):
        path.with_name(path.name + suffix).unlink()


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def _stored(path: Path) -> list[int | None]:
    outbox = await SqliteOutbox.open(path, FakeClock())
    try:
        found, _ = await outbox.claim("bot", after=0, limit=500)
        return [delivery.event.id for delivery in found]
    finally:
        await outbox.close()


async def _ended(outbox: SqliteOutbox) -> StoreError:
    """Commit one more, of which nobody may hear that it is stored, and close."""
    committing = asyncio.ensure_future(outbox.commit([entry(in_force(3, "S3"), "bot")]))
    with pytest.raises(StoreError) as told:
        await asyncio.wait_for(outbox.stays(), 20)
    assert not committing.done()
    assert not outbox.healthy
    await outbox.close()
    with pytest.raises(StoreBusyError):
        await committing
    assert told.value.exit_code is Exit.STORE
    assert told.value.hint
    return told.value


async def _opened(path: Path) -> SqliteOutbox:
    outbox = await SqliteOutbox.open(path, FakeClock())
    for number in (1, 2):
        await outbox.commit([entry(in_force(number, f"S{number}"), "bot")])
    return outbox


@pytest.mark.parametrize("log_too", [False, True], ids=["the file alone", "with its log"])
async def test_a_deleted_file_is_put_back_with_all_that_it_held(path: Path, *, log_too: bool) -> None:
    outbox = await _opened(path)
    _delete(path, *(["-wal", "-shm"] if log_too else []))
    told = await _ended(outbox)
    assert "deleted or moved" in str(told)
    assert "put back" in str(told)
    assert await _stored(path) == [1, 2, 3]
    assert not list(path.parent.glob("*.part"))
    assert not list(path.parent.glob("*.was-*"))
    assert _mode(path) == 0o600


async def test_a_file_put_in_its_place_is_left_alone_and_the_former_is_kept_beside_it(path: Path) -> None:
    other = path.with_name("other.db")
    outbox = await SqliteOutbox.open(other, FakeClock())
    await outbox.commit([entry(in_force(9, "S9"), "bot")])
    await outbox.close()
    outbox = await _opened(path)
    _rename(path, path.with_name("away.db"))
    _rename(other, path)
    told = await _ended(outbox)
    (kept,) = path.parent.glob("relay.db.was-*")
    assert kept.name in str(told)
    assert "another file" in str(told)
    assert await _stored(kept) == [1, 2, 3]
    assert await _stored(path) == [9]


async def test_without_a_place_for_a_copy_it_stays_as_long_as_it_can_and_keeps_what_it_held_in_the_end(
    path: Path,
) -> None:
    outbox = await _opened(path)
    _rename(path.parent, path.parent.with_name("elsewhere"))
    committing = asyncio.ensure_future(outbox.commit([entry(in_force(3, "S3"), "bot")]))
    await until(lambda: bool(outbox.damage))
    assert "no copy of it can be made" in outbox.damage
    assert "mend its place" in outbox.damage
    assert "relay repair" not in outbox.damage
    staying = asyncio.ensure_future(outbox.stays())
    await asyncio.sleep(0)
    assert not staying.done()
    staying.cancel()
    path.parent.mkdir()
    await outbox.close()
    with pytest.raises(StoreBusyError):
        await committing
    assert await _stored(path) == [1, 2, 3]


async def test_a_file_deleted_after_the_last_transaction_is_put_back_as_it_is_closed(path: Path) -> None:
    outbox = await _opened(path)
    _delete(path)
    await outbox.close()
    assert await _stored(path) == [1, 2]


async def test_a_file_that_is_back_before_anything_is_written_was_never_away(path: Path) -> None:
    outbox = await _opened(path)
    _rename(path, path.with_name("away.db"))
    _rename(path.with_name("away.db"), path)
    await outbox.commit([entry(in_force(3, "S3"), "bot")])
    assert outbox.healthy
    await outbox.close()
    assert await _stored(path) == [1, 2, 3]
