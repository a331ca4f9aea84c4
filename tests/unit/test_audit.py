"""What an audit of the locked packages means."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from requirements.audit import EXCEPTIONS, LOCK, UNREACHED, Verdict, excepted, judged

ROOT = Path(__file__).parents[2]
CLEAN = {"name": "click", "version": "8.5.1", "vulns": []}
BAD = {
    "name": "aiohttp",
    "version": "3.9.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["3.9.2"], "description": "…"}],
}
SKIPPED = {"name": "yarl", "skip_reason": "Dependency not found"}
FOUND = "aiohttp 3.9.0: PYSEC-1 CVE-1, mended in 3.9.2"
PASSED = "aiohttp 3.9.0: PYSEC-1 CVE-1, which does not concern us: we are no server of files"
REASON = "we are no server of files"


@pytest.mark.parametrize(
    ("packages", "exceptions", "expected"),
    [
        ([CLEAN], {}, (("1 packages audited, nothing that concerns us",), 0)),
        ([CLEAN, BAD], {}, ((FOUND, "2 packages audited, advisories found"), 1)),
        ([BAD], {"PYSEC-1": REASON}, ((PASSED, "1 packages audited, nothing that concerns us"), 0)),
        ([BAD], {"CVE-1": REASON}, ((PASSED, "1 packages audited, nothing that concerns us"), 0)),
        (
            [CLEAN],
            {"CVE-9": "x"},
            (
                (
                    "CVE-9 is not reported any more: take it out of advisories.txt",
                    "1 packages audited, nothing that concerns us",
                ),
                0,
            ),
        ),
        (
            [BAD, SKIPPED],
            {},
            (
                (
                    FOUND,
                    "not audited, for nothing could be learnt of them: yarl",
                    "1 packages audited, advisories found",
                ),
                1,
            ),
        ),
        ([SKIPPED, SKIPPED], {}, ((UNREACHED,), 0)),
        ([], {}, ((UNREACHED,), 0)),
    ],
)
def test_what_is_found_fails_and_what_is_not_known_is_said(
    packages: list[object], exceptions: dict[str, str], expected: tuple[tuple[str, ...], int]
) -> None:
    assert judged({"dependencies": packages, "fixes": []}, exceptions) == Verdict(*expected)


@pytest.mark.parametrize("report", [None, [], "", {}, {"dependencies": []}])
def test_without_a_report_nothing_is_audited_and_nothing_fails(report: object) -> None:
    assert judged(report, {}) == Verdict((UNREACHED,), 0)


def test_an_exception_has_a_reason() -> None:
    assert excepted("# why\n\nCVE-1  it concerns servers # alone\n") == {"CVE-1": "it concerns servers"}
    with pytest.raises(ValueError, match="CVE-2 has no reason"):
        excepted("CVE-2\n")
    excepted(EXCEPTIONS.read_text("utf-8"))


def test_what_is_audited_holds_all_that_is_installed() -> None:
    def pins(lock: Path) -> set[str]:
        return set(re.findall(r"^([\w.-]+==\S+)", lock.read_text("utf-8"), re.MULTILINE))

    assert pins(ROOT / "requirements/runtime.txt") < pins(LOCK)
