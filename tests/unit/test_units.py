"""The units that ship are those in ``systemd/``, from a checkout and from a wheel."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from relay.units import TEMPLATE, UNIT, unit_text
from tests.support.documents import ROOT

UNITS = [UNIT, TEMPLATE]


@pytest.mark.parametrize("name", UNITS)
def test_a_checkout_reads_the_units_where_they_are_written(name: str) -> None:
    assert unit_text(name) == (ROOT / "systemd" / name).read_text(encoding="utf-8")


def test_an_installed_relay_reads_what_its_wheel_carries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "unit_files").mkdir()
    (tmp_path / "unit_files" / UNIT).write_text("[Unit]\n", encoding="utf-8")
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    assert unit_text(UNIT) == "[Unit]\n"


def test_there_is_no_other_unit() -> None:
    assert sorted(path.name for path in (ROOT / "systemd").iterdir()) == sorted(UNITS)
    with pytest.raises(FileNotFoundError):
        unit_text("other.service")


def test_the_units_differ_in_whose_files_they_name_and_in_nothing_else() -> None:
    def settings(name: str) -> list[str]:
        return [line for line in unit_text(name).splitlines() if line and not line.startswith("#")]

    one = [line.replace(" for %i", "").replace("%i/", "").replace("-%i", "") for line in settings(TEMPLATE)]
    one.remove("User=relay")  # what it is called by itself
    assert one == settings(UNIT)
