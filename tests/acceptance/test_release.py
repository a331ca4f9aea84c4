"""What is released: the same bytes wherever it is built, and whole: it runs where nothing else is installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.image import WHEELS

ROOT = Path(__file__).parents[2]
VENV = ROOT / ".venv"
MAKE = shutil.which("make") or "make"
EPOCH = "1700000000"
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", "mutants", "build", "dist", "__pycache__", ".*_cache", ".hypothesis", "*.db*", "*.egg-info"
)
pytestmark = pytest.mark.timeout(300)


def make_dist(tree: Path, *, umask: int = 0o022, **env: str) -> dict[str, bytes]:
    """``make dist`` in a tree, with the tools that are installed; what it made."""
    clean = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    done = subprocess.run(
        [MAKE, "dist", f"VENV={VENV}", "-o", f"{VENV}/.runtime"],
        cwd=tree,
        env={**clean, **env},
        umask=umask,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.name: path.read_bytes() for path in (tree / "dist").iterdir()}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree as it is checked out, and nothing that it makes."""
    copy = tmp_path_factory.mktemp("release") / "one"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT, symlinks=True)
    return copy


@pytest.fixture(scope="module")
def released(tree: Path) -> Mapping[str, bytes]:
    return make_dist(tree, SOURCE_DATE_EPOCH=EPOCH)


def sdist_of(released: Mapping[str, bytes]) -> str:
    (name,) = [name for name in released if name.endswith(".tar.gz")]
    return name


def test_it_is_the_same_wherever_whenever_and_by_whomever_it_is_built(
    tree: Path, released: Mapping[str, bytes], tmp_path: Path
) -> None:
    other = tmp_path / "a folder elsewhere"
    shutil.copytree(tree, other, ignore=LEFT_OUT)
    for path in sorted(other.rglob("*"), reverse=True):
        os.utime(path, (1, 1))
        path.chmod(0o700 if path.is_dir() or os.access(path, os.X_OK) else 0o600)
    again = make_dist(
        other,
        umask=0o077,
        SOURCE_DATE_EPOCH=EPOCH,
        TZ="Pacific/Apia",
        LC_ALL="C",
        PYTHONHASHSEED="7",
        HOME=str(tmp_path),
    )
    assert again == released


def test_what_is_built_from_the_sdist_is_the_same_once_more(released: Mapping[str, bytes], tmp_path: Path) -> None:
    name = sdist_of(released)
    (tmp_path / name).write_bytes(released[name])
    with tarfile.open(tmp_path / name) as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked = tmp_path / name.removesuffix(".tar.gz")
    assert make_dist(unpacked) == released  # the sdist knows the time, too


def test_the_sdist_holds_what_is_needed_to_test_build_and_run_it(released: Mapping[str, bytes], tmp_path: Path) -> None:
    name = sdist_of(released)
    (tmp_path / name).write_bytes(released[name])
    with tarfile.open(tmp_path / name) as archive:
        members = archive.getmembers()
    assert {member.mtime for member in members} == {int(EPOCH)}
    held = {member.name.split("/")[1] for member in members}
    tracked = {path.name for path in ROOT.iterdir()} & {
        ".ci", ".dockerignore", ".github", "CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", "LICENSE", "Makefile",
        "README.md", "benchmarks", "compose.yaml", "config.example.yaml", "config.schema.json", "deploy", "docs",
        "pyproject.toml", "relay", "requirements", "systemd", "tests",
    }  # fmt: skip
    assert held == tracked | {"PKG-INFO", ".gitignore"}


def test_the_wheel_holds_all_of_the_package_its_units_and_nothing_else(
    tree: Path, released: Mapping[str, bytes], tmp_path: Path
) -> None:
    (name,) = [name for name in released if name.endswith(".whl")]
    assert name.endswith("-py3-none-any.whl")
    (tmp_path / name).write_bytes(released[name])
    with zipfile.ZipFile(tmp_path / name) as wheel:
        held = {path for path in wheel.namelist() if ".dist-info/" not in path}
        (metadata,) = [wheel.read(path).decode() for path in wheel.namelist() if path.endswith("/METADATA")]
    package = {str(path.relative_to(tree)) for path in (tree / "relay").rglob("*") if path.is_file()}
    units = {f"relay/unit_files/{path.name}" for path in (tree / "systemd").iterdir()}
    assert held == package | units
    assert "License-Expression: MIT" in metadata
    assert re.search(r"^Requires-Python: >=3\.11$", metadata, re.MULTILINE)
    assert "pytest" not in metadata


def test_the_wheel_runs_the_demo_where_nothing_else_is_installed(released: Mapping[str, bytes], tmp_path: Path) -> None:
    assert WHEELS.is_dir(), "`make test` fetches the wheels that the relay is made of"
    (name,) = [name for name in released if name.endswith(".whl")]
    (tmp_path / name).write_bytes(released[name])
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull, "LANG": "C.UTF-8"}

    def run(*words: str) -> str:
        done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=200, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(sys.executable, "-m", "venv", "empty")
    pip = ("empty/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index")
    run(*pip, "--find-links", str(WHEELS), "--require-hashes", "-r", str(ROOT / "requirements" / "runtime.txt"))
    run(*pip, "--no-deps", name)
    shown = run("empty/bin/relay", "demo", "--for", "5s")
    assert shown.splitlines()[-1].startswith("ok: all that matched arrived")
    found = json.loads(run("empty/bin/relay", "version", "--verbose", "--json"))
    assert found["package"].startswith(str(tmp_path / "empty"))
    assert "not installed" not in found["dependencies"].values()
    run("empty/bin/python", "-m", "pip", "check")
    assert run("empty/bin/relay", "install", "--help")
