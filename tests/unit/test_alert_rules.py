"""The alert rules name metrics as they are exported, say what to do, and go off when they should."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from relay.backfill.round import Result
from relay.metrics import RESULTS, Metrics
from relay.upstream.errors import RejectReason

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
PROMTOOL = shutil.which("promtool")
RULES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
TESTS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts_test.yml").read_text())["tests"]
EXPORTED: dict[str, set[str]] = {
    "relay_upstream_connected": set(),
    "relay_upstream_frames_total": {"type"},
    "relay_upstream_frames_rejected_total": {"reason"},
    "relay_events_total": {"channel", "source"},
    "relay_events_duplicate_total": set(),
    "relay_backfills_total": {"result"},
    "relay_backfill_holes_total": set(),
    "relay_deliveries_total": {"destination", "result"},
    "relay_delivery_attempts_total": {"destination", "code"},
    "relay_delivery_latency_seconds": {"destination"},
    "relay_queue_depth": {"destination"},
    "relay_oldest_pending_seconds": {"destination"},
    "relay_config_last_reload_success": set(),
    "relay_build_info": {"version", "python"},
}  # fmt: skip
OF_THE_SCRAPE = {"instance", "job", "le"}
OF_THE_PROCESS = {"process_start_time_seconds"}


def exported() -> dict[str, set[str]]:
    """Names as a scraper sees them, and their labels; all of our own."""
    return {
        f"{metric._name}{'_total' if isinstance(metric, Counter) else ''}": set(metric._labelnames)
        for metric in vars(Metrics()).values()
        if isinstance(metric, Counter | Gauge | Histogram)
    }


def used(expression: str) -> list[tuple[str, str]]:
    """The metrics of an expression, each with its selector."""
    return re.findall(r"\b((?:relay|process)_\w+)(?:\{([^}]*)\})?", expression)


def test_every_metric_is_exported_by_its_name_and_with_its_labels() -> None:
    assert exported() == EXPORTED


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_asks_for_what_there_is_and_says_what_to_do(rule: dict[str, Any]) -> None:
    for name, selector in used(rule["expr"]):
        labels = dict(re.findall(r'(\w+)!?=~?"([^"]*)"', selector))
        assert name in OF_THE_PROCESS or labels.keys() <= EXPORTED[name.removesuffix("_bucket")]
        results: set[str] = {*Result} if name == "relay_backfills_total" else {*RESULTS}
        values: dict[str, set[str]] = {"reason": {*RejectReason}, "result": results}
        assert all(value in values[label] for label, value in labels.items())
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    shown = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    known = set.union(*(EXPORTED.get(name.removesuffix("_bucket"), set()) for name, _ in used(rule["expr"])))
    assert shown <= known | OF_THE_SCRAPE


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_leads_to_a_heading_of_the_documents(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.*)$", (ROOT / page).read_text(), re.MULTILINE)
    assert anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_each_alert_is_tested_both_ways() -> None:
    asked = [test for case in TESTS for test in case["alert_rule_test"]]
    alerts = {rule["alert"] for rule in RULES}
    assert {test["alertname"] for test in asked if test.get("exp_alerts")} == alerts
    assert {test["alertname"] for test in TESTS[0]["alert_rule_test"]} == alerts
    assert not any(test.get("exp_alerts") for test in TESTS[0]["alert_rule_test"])


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool on this machine; `.ci/run` fetches it")
@pytest.mark.parametrize("words", ["check rules alerts.yml", "test rules alerts_test.yml"])
def test_promtool_finds_the_rules_right(words: str) -> None:
    done = subprocess.run(
        [str(PROMTOOL), *words.split()], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout + done.stderr
