"""The relay's own pages and endpoints, asked of the running process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from relay.clock import SystemClock
from relay.events import Channel
from relay.simulator.inbox import Inbox
from relay.simulator.settings import ApiKey, Scope, SimulatorSettings
from relay.simulator.upstream import Simulator
from tests.support.alerts import fire, simultaneous
from tests.support.process import RelayProcess, free_port, running, webhook, write_config

METRICS = {
    "relay_upstream_connected",
    "relay_upstream_frames_total",
    "relay_events_total",
    "relay_events_duplicate_total",
    "relay_backfills_total",
    "relay_backfill_holes_total",
    "relay_deliveries_total",
    "relay_delivery_attempts_total",
    "relay_delivery_latency_seconds_count",
    "relay_queue_depth",
    "relay_oldest_pending_seconds",
    "relay_config_last_reload_success",
}


def samples(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Values by name and label values, as a scraper reads them."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def counts(status: Any, state: str) -> list[int]:
    """How many deliveries each destination has in a state."""
    return [destination["counts"].get(state, 0) for destination in status["destinations"]]


async def test_every_endpoint_tells_what_happened(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    inbox.always(404, path="/dead")
    destinations = {"good": webhook(inbox.url("/good")), "bad": webhook(inbox.url("/dead"))}
    config = write_config(tmp_path, simulator, destinations)
    async with running(config) as relay:
        assert samples((await relay.get("/metrics"))[1])["relay_queue_depth"] == {("good",): 0, ("bad",): 0}
        fire(simulator, 3)
        simulator.fire(simultaneous(3))
        simulator.faults.garbage("not-json")
        await relay.until_status(
            lambda status: [counts(status, "delivered"), counts(status, "dead")] == [[4, 0], [0, 4]]
        )
        assert await relay.get("/healthz") == (200, '{"healthy":true,"reasons":[]}')
        ready = await relay.json("/readyz")
        assert (ready["ready"], ready["reasons"], ready["notes"]) == (True, [], [])
        assert ["bad did not take its last message" in line for line in ready["degraded"]] == [True]

        status = await relay.json("/api/status")
        assert status["simulated"]
        assert status["connection"]["state"] == "connected"
        assert [channel["accepted"] for channel in status["channels"]] == [True, True]
        assert [d["name"] for d in status["destinations"]] == ["good", "bad"]

        events = await relay.json("/api/events")
        assert events["next"] is None
        assert len(events["items"]) == 4

        deliveries = (await relay.json("/api/deliveries"))["items"]
        assert len(deliveries) == 8
        assert len((await relay.json("/api/deliveries?state=delivered"))["items"]) == 4
        assert (await relay.json("/api/deliveries?state=pending"))["items"] == []
        assert (await relay.get("/api/deliveries?state=happy"))[0] == 400
        dead = (await relay.json("/api/dead"))["items"]
        assert len(dead) == 4
        for item in dead:
            assert item.keys() >= {"id", "event", "destination", "state", "attempts", "last_error"}
            assert (item["destination"], item["state"], item["attempts"]) == ("bad", "dead", 1)
            assert "404" in item["last_error"]

        read = samples((await relay.get("/metrics"))[1])
        assert read.keys() >= METRICS
        assert read["relay_upstream_connected"] == {(): 1}
        assert read["relay_events_total"][("alerts.in_force", "live")] == 3
        assert read["relay_events_total"][("alerts.simultaneous_breaks", "live")] == 1
        assert read["relay_deliveries_total"][("good", "delivered")] == 4
        assert read["relay_deliveries_total"][("bad", "dead")] == 4
        assert read["relay_delivery_attempts_total"][("404", "bad")] == 4
        assert read["relay_delivery_latency_seconds_count"][("good",)] == 4
        assert read["relay_upstream_frames_rejected_total"][("not_json",)] == 1

        code, page = await relay.get("/")
        assert (code, "good" in page, "bad" in page) == (200, True, True)
        assert (await relay.get("/nothing"))[0] == 404


async def test_listings_continue_page_by_page(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        fire(simulator, 230)
        await inbox.wait_until(lambda: inbox.unique == 230)
        await relay.until_drained()
        for listing in ("/api/events", "/api/deliveries", "/api/deliveries?state=delivered"):
            sizes, seen, before = [], set(), ""
            while True:
                page = await relay.json(f"{listing}{'&' if '?' in listing else '?'}{before}")
                sizes.append(len(page["items"]))
                seen |= {str(item["id"]) for item in page["items"]}
                if page["next"] is None:
                    break
                before = f"before={page['next']}"
            assert (sizes, len(seen)) == ([100, 100, 30], 230), listing


async def test_a_missing_scope_is_named_and_the_rest_runs_on(tmp_path: Path, inbox: Inbox) -> None:
    keys = {"sim-key": ApiKey(scopes=frozenset({Scope.CONNECT}))}
    async with Simulator(SimulatorSettings(keys=keys), SystemClock()) as simulator:
        config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
        async with RelayProcess(config) as relay:
            await relay.start()
            said = await relay.until("/readyz", lambda _, body: "was refused" in body)
            assert "alerts:read" in said
            assert [line["scope"] for line in relay.logged("channel refused")] == ["alerts:read"] * 2
            assert "alerts:read" in (await relay.get("/"))[1]
            assert relay.alive


async def test_other_names_and_other_sites_are_turned_away(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay, aiohttp.ClientSession() as session:
        async with session.get(f"{relay.url}/api/status", headers={"Host": "evil.example"}) as answer:
            assert answer.status == 403
        pause = f"{relay.url}/api/destinations/bot/pause"
        for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
            async with session.post(pause, headers=headers) as answer:
                assert answer.status == 403
        assert (await relay.json("/api/status"))["destinations"][0]["state"] == "idle"


async def test_off_this_machine_the_token_opens_it(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    token, port = "let-me-in-4711", free_port()
    config = write_config(
        tmp_path, simulator, {"bot": webhook(inbox.url())}, http={"listen": f"0.0.0.0:{port}", "token": token}
    )
    async with RelayProcess(config) as relay, aiohttp.ClientSession() as session:
        await relay.start()
        await relay.ready()  # open to all
        assert (await relay.get("/healthz"))[0] == 200
        for path in ("/", "/metrics", "/api/status", "/api/events", "/api/deliveries", "/api/dead"):
            assert (await relay.get(path))[0] == 401
            async with session.get(relay.url + path, headers={"Authorization": f"Bearer {token}"}) as answer:
                assert answer.status == 200
            async with session.get(relay.url + path, headers={"Authorization": "Bearer let-me-in-4712"}) as answer:
                assert answer.status == 401
        assert await relay.stop() == 0


async def test_off_means_off(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, http={"listen": "off"})
    async with RelayProcess(config) as relay:
        await relay.start()
        await simulator.wait_until(lambda: simulator.subscribed(Channel.IN_FORCE), timeout=20)
        fire(simulator, 1)
        await inbox.wait_until(lambda: inbox.unique == 1)
        assert await relay.stop() == 0
