"""What the documents show is true: configs load, links lead somewhere, commands exist."""

from __future__ import annotations

import ast
import re
import signal
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay.cli import VERBS
from relay.destinations.endpoint import ANSWER_SHOWN
from relay.destinations.http import BODY_CAP
from relay.errors import Exit
from relay.intake import FIRED_LIMIT, QUEUE_LIMIT
from relay.judging.decider import CASES
from relay.outbox.memory import MOST_MARKS
from relay.upstream.lookup import MOST_SYMBOLS, ROOM
from relay.upstream.protocol import MAX_FRAME
from relay.upstream.rest import MAX_ANSWER
from relay.upstream.rooms import SLOW, SLOW_AFTER, YOUNG
from tests.support.documents import DOCUMENTS, ROOT, shown


def yaml_blocks() -> Iterator[object]:
    for document in DOCUMENTS:
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", document.read_text(), re.DOTALL), 1):
            yield pytest.param(block, id=f"{document.relative_to(ROOT)}#{number}")


@pytest.mark.parametrize("block", list(yaml_blocks()))
def test_every_config_in_the_documents_loads(block: str, tmp_path: Path) -> None:
    assert shown(block, tmp_path).rules


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_verb_that_is_named_exists(document: Path) -> None:
    named = set(re.findall(r"`relay ([a-z]+)", document.read_text()))
    assert named <= set(VERBS)


def section(document: str, heading: str) -> str:
    """What stands under a heading, up to the next one."""
    found = re.search(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", (ROOT / document).read_text(), re.DOTALL | re.MULTILINE
    )
    assert found, f"{document} has no heading {heading!r}"
    return found[1]


def table(text: str) -> list[list[str]]:
    """The rows of a table, without its head."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return rows[2:]


def test_the_bounds_of_memory_are_those_of_the_code() -> None:
    bounds = {row[0]: row[1] for row in table(section("docs/guarantees.md", "Memory"))}
    bounds.pop("a lane")  # it depends on the destination
    bounds.pop("rules on quotes and states")  # it depends on the config
    assert bounds == {
        "alerts that wait for a look-up": f"{CASES:,} events at once",
        "what cooldowns remember": f"{MOST_MARKS:,} alerts that passed",
        "what a quote or a state fired": f"{FIRED_LIMIT:,} events waiting for a commit",
        "a frame": f"{MAX_FRAME >> 20} MiB",
        "events waiting for a commit": f"{QUEUE_LIMIT:,}",
        "a REST answer": f"{MAX_ANSWER >> 20} MiB",
        "requests for states under way": f"{YOUNG}, and {SLOW} more that have had no answer for {SLOW_AFTER:g} s",
        "states looked up": f"{MOST_SYMBOLS:,} symbols, {ROOM >> 20} MiB together",
        "a destination's answer": f"{BODY_CAP >> 10} KiB read, {ANSWER_SHOWN:,} characters kept",
    }
    assert f"events wait in memory, {QUEUE_LIMIT:,} at most" in (ROOT / "docs/guarantees.md").read_text()


def test_the_layers_are_those_that_the_imports_are_held_to() -> None:
    block = section("docs/architecture.md", "Layers").split("```")[1]
    shown = [re.split(r"\s{2,}", line)[0].split(" · ") for line in block.strip().splitlines()]
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    assert [sorted(layer) for layer in shown] == [sorted(re.split(r" [:|] ", layer)) for layer in contract["layers"]]


@pytest.mark.parametrize("package", sorted((ROOT / "relay").glob("*/__init__.py")), ids=lambda path: path.parent.name)
def test_every_package_begins_with_a_docstring_that_draws_its_part(package: Path) -> None:
    drawing = ast.get_docstring(ast.parse(package.read_text())) or ""
    assert len(drawing.splitlines()) >= 5
    assert re.search(r"[─═]>", drawing)


def test_every_exit_code_is_told() -> None:
    codes = [int(code) for row in table(section("docs/running.md", "Exit codes")) for code in row[0].split(", ")]
    assert sorted(codes) == sorted([*Exit, *(128 + number for number in (signal.SIGINT, signal.SIGTERM))])


@pytest.mark.parametrize("document", ["docs/guarantees.md", "docs/discord.md", "docs/slack.md", "config.example.yaml"])
def test_when_a_digest_is_made_is_told_alike_everywhere(document: str) -> None:
    text = " ".join((ROOT / document).read_text().split())
    assert re.search(r"when more than (?:that many|`digest_over`|this) wait", text, re.IGNORECASE)


@pytest.mark.parametrize("document", ["docs/discord.md", "docs/slack.md"])
def test_what_becomes_of_the_alert_that_finds_a_webhook_gone_is_told(document: str) -> None:
    [row] = [row for row in table(section(document, "What an answer means")) if "is switched off" in row[1]]
    assert "The alert that found out becomes a dead letter" in row[1]
    assert ">Retry<" in (ROOT / "relay/web/pages/status.html").read_text()
