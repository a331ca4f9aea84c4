"""Asks the published advisories about every package we lock: ``make audit``.

    requirements/apprise.txt ──pip-audit──> report ──judged──> lines to read, exit code
                                               advisories.txt ──┘

What is found fails, unless ``advisories.txt`` says why it does not concern us. Where the service can't be reached
nothing is known: that is said plainly and does not fail, because a test must not depend on somebody else's server.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

HERE: Final = Path(__file__).parent
LOCK: Final = HERE / "apprise.txt"  # all of runtime.txt, and what the extra adds
EXCEPTIONS: Final = HERE / "advisories.txt"
UNREACHED: Final = "advisories could not be reached: not audited"

_PATIENCE: Final = 240.0  # seconds


class Verdict(NamedTuple):
    """What to say, and what to end with."""

    lines: tuple[str, ...]
    exit_code: int


def excepted(text: str) -> dict[str, str]:
    """The advisories that don't concern us, and why: ``ID  reason`` a line, with ``#`` before what is a comment.

    Raises:
        ValueError: A line has no reason.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, _, reason = line.partition("#")[0].strip().partition(" ")
        if name and not reason.strip():
            raise ValueError(f"{EXCEPTIONS.name}: {name} has no reason")
        if name:
            found[name] = reason.strip()
    return found


def judged(report: object, exceptions: Mapping[str, str]) -> Verdict:
    """What a report means.

    Args:
        report: pip-audit's JSON; None where there is none.
        exceptions: Why an advisory does not concern us, by any of its names.
    """
    packages: list[dict[str, Any]] = report.get("dependencies", []) if isinstance(report, dict) else []
    asked = [package for package in packages if "vulns" in package]
    if not asked:
        return Verdict((UNREACHED,), 0)
    lines: list[str] = []
    used: set[str] = set()
    exit_code = 0
    for package in asked:
        for advisory in package["vulns"]:
            names = [advisory["id"], *advisory.get("aliases", ())]
            known = next((name for name in names if name in exceptions), None)
            what = f"{package['name']} {package['version']}: {' '.join(names)}"
            if known is None:
                fixed = ", ".join(advisory.get("fix_versions", ())) or "no version yet"
                lines.append(f"{what}, mended in {fixed}")
                exit_code = 1
            else:
                lines.append(f"{what}, which does not concern us: {exceptions[known]}")
                used.add(known)
    lines += [f"{name} is not reported any more: take it out of {EXCEPTIONS.name}" for name in exceptions.keys() - used]
    skipped = [str(package["name"]) for package in packages if "vulns" not in package]
    if skipped:
        lines.append(f"not audited, for nothing could be learnt of them: {', '.join(skipped)}")
    lines.append(f"{len(asked)} packages audited, {'advisories found' if exit_code else 'nothing that concerns us'}")
    return Verdict(tuple(lines), exit_code)


def report_of(lock: Path) -> object:
    """pip-audit's report on a lock file; None where it could make none."""
    command = [sys.executable, "-m", "pip_audit", "-r", str(lock), "--require-hashes", "--disable-pip"]
    options = ["--format", "json", "--progress-spinner", "off", "--timeout", "10"]
    try:
        done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=_PATIENCE, check=False)
        return json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None


def main() -> int:
    """Audit, print, and say how it ended."""
    verdict = judged(report_of(LOCK), excepted(EXCEPTIONS.read_text("utf-8")))
    print(*verdict.lines, sep="\n")
    return verdict.exit_code


if __name__ == "__main__":
    sys.exit(main())
