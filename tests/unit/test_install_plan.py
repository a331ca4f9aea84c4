"""What `relay install` writes and asks of systemd."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from relay.install import wrapper
from relay.install.apply import touched_us
from relay.install.plan import (
    DROP_IN,
    ENVIRONMENT,
    NOWHERE,
    UNIT_PLACE,
    Standing,
    Step,
    build_of,
    files,
    removal,
    undertaking,
    unit_with,
)
from relay.install.startup import meaning
from relay.install.systemctl import instant_us
from relay.placing import File
from relay.units import CONFIG
from tests.support.handovers import EVERYTHING, SECRETS, handed


def made_of(text: str, *, wraps: bool = True) -> tuple[File, ...]:
    command = ("/opt/relay/bin/relay",)
    return files(handed(text), command=command, unit="[Service]\nExecStart=x\n", build="1+a", wraps=wraps)


def test_what_others_may_read_holds_no_secret() -> None:
    for file in made_of(EVERYTHING):
        assert file.secret or not [one for one in SECRETS if one in file.text]
        assert not [one for one in SECRETS if one in repr(file)]


def test_the_config_is_written_after_all_that_it_names_and_the_unit_after_the_config() -> None:
    made = made_of(EVERYTHING)
    assert [file.path for file in made][-5:] == [ENVIRONMENT, CONFIG, UNIT_PLACE, DROP_IN, wrapper.PLACE]
    assert made_of(EVERYTHING, wraps=False) == made[:-1]
    drop_in = made[-2].text
    assert build_of(drop_in) == "1+a"
    assert drop_in.index("LoadCredential=\n") < drop_in.index("LoadCredential=api_key:/etc/relay/api_key\n")
    assert "EnvironmentFile=/etc/relay/relay.env\n" in drop_in


def test_the_unit_starts_the_command_that_it_was_given() -> None:
    unit = "[Service]\n# ExecStart=no\nExecStart=/opt/relay/bin/relay -c /etc/relay/config.yaml run\nType=notify\n"
    assert unit_with(unit, ("/opt/relay/bin/relay",)) == unit
    odd = unit_with(unit, ("/srv/my 100%/python", "-m", "relay"))
    assert 'ExecStart="/srv/my 100%%/python" -m relay -c /etc/relay/config.yaml run\n' in odd


RUNS = Standing(active=True, enabled=True)


@pytest.mark.parametrize(
    ("changed", "unit", "asked"),
    [
        (set(), Standing(active=True, enabled=True, unread=True), (Step.RELOAD, Step.RESTART)),
        (set(), Standing(active=False, enabled=True, unread=True), (Step.RELOAD, Step.START)),
        ({UNIT_PLACE, DROP_IN, CONFIG}, NOWHERE, (Step.RELOAD, Step.START)),
        (set(), RUNS, ()),
        (set(), Standing(active=True, enabled=False), (Step.ENABLE,)),
        (set(), Standing(active=False, enabled=True), (Step.START,)),
        ({CONFIG}, RUNS, (Step.RESTART,)),
        ({DROP_IN}, RUNS, (Step.RELOAD, Step.RESTART)),
        ({wrapper.PLACE}, RUNS, ()),
        ({DROP_IN}, Standing(active=True, enabled=False), (Step.RELOAD, Step.ENABLE, Step.RESTART)),
        ({UNIT_PLACE, DROP_IN, CONFIG}, None, ()),
    ],
)
def test_systemd_is_asked_for_what_is_not_so_already(
    changed: set[Path], unit: Standing | None, asked: tuple[Step, ...]
) -> None:
    files = tuple(File(path, "") for path in sorted(changed))
    done = undertaking(files, unit, before="", build="1+a")
    assert (done.files, done.steps) == (files, asked)


@pytest.mark.parametrize(
    ("unit", "asked"),
    [(RUNS, (Step.RESTART,)), (Standing(active=True, enabled=False), (Step.ENABLE, Step.RESTART)), (None, ())],
)
def test_what_was_written_after_the_service_had_started_has_it_restarted(
    unit: Standing | None, asked: tuple[Step, ...]
) -> None:
    assert undertaking([], unit, before="", build="1+a", late=True).steps == asked


def test_a_file_is_as_old_as_its_place_says_and_not_as_the_copy(tmp_path: Path) -> None:
    before = time.time_ns() // 1000 - 20_000  # the kernel's own clock may lag by a tick
    other = tmp_path / "other"
    other.write_text("k")
    os.utime(other, (1, 1))
    other.rename(tmp_path / "key")
    files = [File(Path("/key"), ""), File(Path("/none"), "")]
    assert before <= touched_us(tmp_path, files) <= time.time_ns() // 1000
    assert touched_us(tmp_path, files[1:]) == 0


@pytest.mark.parametrize(
    ("told", "instant"),
    [
        ("Thu 1970-01-01 00:01:00.000007 UTC", 60_000_007),
        ("Sun 2026-11-22 16:28:27 UTC", 1_795_364_907_000_000),
        ("Sun 2026-11-22 16:28:27.104512 CET", None),
        ("n/a", None),
        ("", None),
    ],
)
def test_a_time_is_read_as_systemd_writes_it(told: str, instant: int | None) -> None:
    assert instant_us(told) == instant


def test_the_chat_hears_of_a_first_start_and_of_another_version() -> None:
    drop_in = made_of(EVERYTHING, wraps=False)[-1]

    def tells(unit: Standing | None, before: str, build: str) -> bool:
        return undertaking([drop_in], unit, before=before, build=build).tells

    assert tells(NOWHERE, "", "1+a")
    assert tells(NOWHERE, drop_in.text, "1+a")
    assert tells(RUNS, drop_in.text, "1+b")
    assert not tells(RUNS, drop_in.text, "1+a")
    assert not tells(None, "", "1+a"), "nothing is started"


@pytest.mark.parametrize(
    ("there", "unit", "asked"),
    [
        (
            {UNIT_PLACE, DROP_IN, wrapper.PLACE},
            RUNS,
            [Step.DISABLE, UNIT_PLACE, DROP_IN, Step.RELOAD, wrapper.PLACE],
        ),
        ({wrapper.PLACE}, NOWHERE, [wrapper.PLACE]),
        ({UNIT_PLACE, wrapper.PLACE}, None, [UNIT_PLACE, wrapper.PLACE]),
        ({UNIT_PLACE}, NOWHERE, [Step.DISABLE, UNIT_PLACE, Step.RELOAD]),
        ({UNIT_PLACE, DROP_IN}, None, [UNIT_PLACE, DROP_IN]),
        ({DROP_IN}, Standing(active=True, enabled=False), [Step.STOP, DROP_IN, Step.RELOAD]),
        (set(), Standing(active=False, enabled=True), [Step.DISABLE]),
        (set(), NOWHERE, []),
    ],
)
def test_what_is_there_is_taken_away_after_it_has_stopped(
    there: set[Path], unit: Standing | None, asked: list[Step | Path]
) -> None:
    assert removal(there, unit) == asked


def test_every_end_has_a_meaning() -> None:
    assert "refused the key" in meaning(77)
    assert "credential" in meaning(243)
    assert meaning(None) != meaning(1)
    assert meaning(99) == "the last lines of its log say why"
