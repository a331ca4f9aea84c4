"""What the documents show is true: configs load, links lead somewhere, commands exist."""

from __future__ import annotations

import ast
import re
import signal
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import Counter, Gauge, Histogram

from relay import undertakings
from relay.backfill import errands, held, parts
from relay.backfill.first import MOST_HELD
from relay.backfill.holes import MOST_HOLES
from relay.backfill.spans import MOST_SPANS
from relay.cli import VERBS
from relay.delivery.lane import EXPIRING_AT_ONCE
from relay.delivery.latencies import SAMPLES
from relay.delivery.supply import A_SLOT, LEAST
from relay.delivery.window import CROWD
from relay.destinations.endpoint import ANSWER_SHOWN
from relay.destinations.http import BODY_CAP
from relay.errors import Exit
from relay.intake import FIRED_LIMIT, QUEUE_BYTES, QUEUE_LIMIT
from relay.judging import snoozes
from relay.judging.decider import CASES, PAGE
from relay.metrics import Metrics
from relay.outbox.memory import MOST_MARKS
from relay.outbox.transaction import ROWS_A_STATEMENT
from relay.outbox.writer import MOST_WAITING
from relay.pulse import MINUTES
from relay.reload import MOST_READING
from relay.rules.match import SYMBOLS_REMEMBERED, TRAITS_REMEMBERED
from relay.threads import RESOLVING_AT_ONCE
from relay.tls import BUNDLES_KEPT
from relay.upstream.dial import MAX_MESSAGE, MAX_QUEUE
from relay.upstream.lookup import MOST_SYMBOLS, ROOM
from relay.upstream.protocol import MAX_FRAME
from relay.upstream.reader import KNOWN_TYPES
from relay.upstream.rest import MAX_ANSWER
from relay.upstream.rooms import SLOW, SLOW_AFTER, YOUNG
from relay.upstream.state import HISTORY
from relay.web.broadcast import BUFFER_BYTES, BUFFER_MESSAGES, LISTENERS, WAITING_KEYS
from relay.web.connections import HEAD_BYTES, HEAD_SECONDS, MOST_CONNECTIONS, STUCK_SECONDS
from relay.web.flash import MOST_FLASHES
from relay.web.server import REQUEST_BYTES, REQUEST_SECONDS
from relay.web.throttle import FAILURES_OVERALL, FAILURES_WINDOW, PEERS_REMEMBERED
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
    of_the_config = {"rules on quotes and states", "the pace of a webhook", "the relay's own troubles"}
    assert {what: bound for what, bound in bounds.items() if what not in of_the_config} == {
        "a frame": f"{MAX_FRAME >> 20} MiB",
        "a message of the socket": f"{MAX_MESSAGE >> 20} MiB",
        "frames that are not looked at yet": f"{MAX_QUEUE:,}, and what one more read brings",
        "unknown types of messages": f"{KNOWN_TYPES} are named in the log",
        "the connection's history": f"{HISTORY} steps",
        "the page's chart": f"{MINUTES} minutes",
        "how long a destination's deliveries took": f"the last {SAMPLES}",
        "events waiting for a commit": f"{QUEUE_LIMIT:,}, and {QUEUE_BYTES >> 20} MiB together",
        "what a quote or a state fired": f"{FIRED_LIMIT:,} events waiting for a commit",
        "writes waiting for the store": f"{MOST_WAITING:,}",
        "a REST answer": f"{MAX_ANSWER >> 20} MiB",
        "alerts of a round that wait for lower ids": f"{held.MOST:,}, and one answer more",
        "what one step of a round stores": f"{held.AT_ONCE:,} alerts",
        "a channel's first look at the past": f"{MOST_HELD:,} alerts",
        "ids that a round remembers": f"{MOST_SPANS:,} runs without a gap",
        "alerts without an id that a round remembers": f"{held.MOST_KEYS:,}",
        "values of a field that a round tells apart": f"{parts.MOST_VALUES}, and {parts.MOST_SYMBOLS:,} symbols",
        "holes of a channel that are known": f"{MOST_HOLES:,}",
        "rounds that were asked for by hand": f"{errands.MOST}",
        "a lane": f"{LEAST} deliveries or {A_SLOT} × `concurrency`, and {CROWD} times that while the destination "
        "fails; with `digest_over`, twice what a message may then hold",
        "deliveries that a lane is noting as expired": f"{EXPIRING_AT_ONCE}",
        "alerts that wait for a look-up": f"{CASES:,} events at once, and a page of {PAGE}",
        "names looked up at once": f"{RESOLVING_AT_ONCE}, with those that nobody waits for any more",
        "requests for states under way": f"{YOUNG}, and {SLOW} more that have had no answer for {SLOW_AFTER:g} s",
        "states looked up": f"{MOST_SYMBOLS:,} symbols, {ROOM >> 20} MiB together",
        "what cooldowns remember": f"{MOST_MARKS:,} alerts that passed",
        "snoozes": f"{snoozes.MOST:,} at a time",
        "what rules matched": f"{SYMBOLS_REMEMBERED:,} symbols and {TRAITS_REMEMBERED:,} kinds of alerts",
        "a destination's answer": f"{BODY_CAP >> 10} KiB read, {ANSWER_SHOWN:,} characters kept",
        "bundles of certificates": f"{BUNDLES_KEPT}",
        "reads of the config that hang": f"{MOST_READING}",
        "the store's statements": f"rows for {ROWS_A_STATEMENT} in each, in powers of two",
        "connections to the relay's own HTTP": f"{MOST_CONNECTIONS}",
        "what was asked for over it and is not done yet": f"{undertakings.MOST} things",
        "what a button came to, on its way to the page": f"{MOST_FLASHES} sentences",
        "a request to it": f"{HEAD_BYTES >> 10} KiB of head and {REQUEST_BYTES >> 10} KiB of body, {HEAD_SECONDS:g} s",
        "an answer of it that nobody takes": f"{STUCK_SECONDS:g} s",
        "streams (`/api/stream`)": f"{LISTENERS}, with {BUFFER_MESSAGES} messages and {BUFFER_BYTES >> 10} KiB each",
        "events that streams have yet to show": f"{WAITING_KEYS:,} keys",
        "wrong tokens": f"{FAILURES_OVERALL:,} in a minute, from {PEERS_REMEMBERED:,} addresses",
    }
    assert of_the_config < bounds.keys()
    assert HEAD_SECONDS == REQUEST_SECONDS
    assert FAILURES_WINDOW == 60
    assert f"events wait in memory, {QUEUE_LIMIT:,} at most" in (ROOT / "docs/guarantees.md").read_text()


def test_the_layers_are_those_that_the_imports_are_held_to() -> None:
    block = section("docs/architecture.md", "Layers").split("```")[1]
    shown: list[list[str]] = []
    below: list[str] = []  # what each of a layer is, where one line has no room for it
    for line in block.strip().splitlines():
        if line.startswith(" "):
            below.append(line.split()[0])
            continue
        assert not below or below == shown[-1]
        below = []
        shown.append(re.split(r"\s{2,}", line)[0].split(" · "))
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    assert [sorted(layer) for layer in shown] == [sorted(re.split(r" [:|] ", layer)) for layer in contract["layers"]]


@pytest.mark.parametrize("package", sorted((ROOT / "relay").glob("*/__init__.py")), ids=lambda path: path.parent.name)
def test_every_package_begins_with_a_docstring_that_draws_its_part(package: Path) -> None:
    drawing = ast.get_docstring(ast.parse(package.read_text())) or ""
    assert len(drawing.splitlines()) >= 5
    assert re.search(r"[─═]>", drawing)


def test_every_exit_code_is_told() -> None:
    codes = [
        int(code) for row in table(section("docs/troubleshooting.md", "By exit code")) for code in row[0].split(", ")
    ]
    assert sorted(codes) == sorted([*Exit, *(128 + number for number in (signal.SIGINT, signal.SIGTERM))])


@pytest.mark.parametrize("document", ["docs/guarantees.md", "docs/discord.md", "docs/slack.md", "config.example.yaml"])
def test_when_a_digest_is_made_is_told_alike_everywhere(document: str) -> None:
    text = " ".join((ROOT / document).read_text().split())
    assert re.search(r"when more than (?:that many|`digest_over`|this) wait", text, re.IGNORECASE)


@pytest.mark.parametrize("document", ["docs/discord.md", "docs/slack.md"])
def test_what_becomes_of_the_alert_that_finds_a_webhook_gone_is_told(document: str) -> None:
    [row] = [row for row in table(section(document, "What an answer means")) if "is switched off" in row[1]]
    assert "The alert that found out becomes a dead letter" in row[1]
    pages = (page.read_text() for page in (ROOT / "relay/web/templates").rglob("*.html"))
    assert any(re.search(r">Retry<|\"Retry\"", page) for page in pages)


def test_every_metric_is_told_with_its_labels() -> None:
    told = {
        row[0].strip("`"): re.findall(r"`(\w+)`", row[1]) for row in table(section("docs/monitoring.md", "Metrics"))
    }
    collectors = Metrics().registry._collector_to_names
    known = {
        f"{metric._name}{'_total' if isinstance(metric, Counter) else ''}": list(metric._labelnames)
        for metric in collectors
        if isinstance(metric, Counter | Gauge | Histogram)
    }
    assert told == known
