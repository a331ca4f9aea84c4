"""Why the last run ended by itself, remembered beside the store until another one begins."""

from __future__ import annotations

from pathlib import Path

from relay.cli.ended import in_words, nobody
from relay.clock import MICROS
from relay.errors import EvictedError
from relay.outbox.ending import ending_of, forget, note
from tests.support.clock import START_US


def test_it_is_remembered_until_another_run_begins_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    store, link = tmp_path / "relay.db", tmp_path / "link.db"
    link.symlink_to(store)
    assert ending_of(store) is None
    note(link, EvictedError("another instance took over", hint="Stop it."), at_us=START_US)
    ending = ending_of(store)
    assert ending is not None
    assert in_words(ending, START_US + 300 * MICROS) == (
        "ended 5 minutes ago with exit code 69: another instance took over. Stop it."
    )
    assert nobody(store).endswith("with exit code 69: another instance took over. Stop it.")
    assert (tmp_path / "relay.db.ended").stat().st_mode & 0o777 == 0o600
    forget(store)
    assert nobody(store) == "no relay runs here"


def test_what_can_not_be_written_or_read_is_not_known_and_no_error(tmp_path: Path) -> None:
    note(tmp_path / "gone" / "relay.db", EvictedError("x"), at_us=START_US)
    (tmp_path / "relay.db.ended").write_text('{"at_us": "soon"}')
    assert ending_of(tmp_path / "relay.db") is None
