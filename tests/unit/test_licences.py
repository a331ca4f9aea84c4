"""docs/licences.md says of every locked package what the package says of itself."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED = {"MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "PSF-2.0", "ISC", "MPL-2.0"}
"""Looked at: each lets a program under MIT depend on the package."""

NAMES = {"Apache 2.0": "Apache-2.0", "Apache License 2.0": "Apache-2.0", "MIT License": "MIT"}
CLASSIFIERS = {
    "MIT License": "MIT",
    "BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}


def locked(name: str) -> set[str]:
    text = (ROOT / f"requirements/{name}.txt").read_text("utf-8")
    return {pin.lower() for pin in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}


def told(heading: str) -> dict[str, str]:
    section = (ROOT / "docs/licences.md").read_text("utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([\w.-]+) \| (.+) \|$", section, re.MULTILINE)
    return {name: licence for name, licence in rows if name not in {"package", "---"}}


def said(package: str) -> str:
    """The licence in a package's own words, as an SPDX expression; empty where it says none that we know."""
    its = metadata(package)
    fields = {field: its[field].strip() for field in ("License-Expression", "License") if field in its}
    if "License-Expression" in fields:
        return fields["License-Expression"]
    word = fields.get("License", "")
    if word and len(word) < 40:
        return NAMES.get(word, word)
    classifiers = [line.rpartition(" :: ")[2] for line in its.get_all("Classifier") or () if "License ::" in line]
    return " OR ".join(CLASSIFIERS.get(name, "") for name in classifiers)


ALWAYS, EXTRA = told("Always"), told("With the extra `apprise`")


def test_every_locked_package_is_listed_and_no_other() -> None:
    assert set(ALWAYS) == locked("runtime")
    assert set(EXTRA) == locked("apprise") - locked("runtime")


@pytest.mark.parametrize("package", sorted(locked("apprise")))
def test_a_package_has_the_licence_that_is_told_and_it_is_one_we_looked_at(package: str) -> None:
    licence = {**ALWAYS, **EXTRA}[package]
    assert set(re.split(r" AND | OR ", licence)) <= ALLOWED
    try:
        assert said(package) == licence
    except PackageNotFoundError:
        pytest.skip("not installed here: the extra, or another system's")
