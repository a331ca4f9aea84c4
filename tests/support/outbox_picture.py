"""Everything an outbox shows through its protocol, as one value: two outboxes that agree have equal pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from relay.deliveries import Delivery, State
from relay.events import Channel, Source
from relay.outbox.archive import EVERYTHING
from relay.outbox.base import Outbox

_ALL: Final = 10_000
_FAR_US: Final = 2**60
_SHOWN: Final = ("id", "event", "destination", "state", "attempts", "last_error")


async def picture(outbox: Outbox, names: Sequence[str]) -> dict[str, object]:
    """All there is to see, for destinations called ``names``."""
    counted = await outbox.archive.count(list(State), EVERYTHING)
    shown: dict[str, object] = {
        "first started": outbox.first_started_at_us,
        "deciding": await outbox.deciding(after=0, limit=_ALL),
        "deliveries": await _deliveries(outbox),
        "events": await _events(outbox),
        "channels": [await outbox.channel(channel) for channel in Channel],
        "holes": await outbox.holes(limit=_ALL),
        "symbols": await outbox.known_symbols(),
        "stats": await _stats(outbox),
        "count": {str(state): number for state, number in counted.states.items() if number}
        | {"no body": counted.bodiless},
        "marks": await outbox.memory.marks(since_us=0, limit=_ALL),
        "sides": sorted(await outbox.memory.sides(), key=lambda side: (side.rule, side.symbol)),
        "snoozes": await outbox.memory.snoozes(),
    }
    for name in names:
        shown[f"{name}: state"] = await outbox.destination(name)
        shown[f"{name}: queue"] = await _queue(outbox, name)
        shown[f"{name}: parked"] = await _parked(outbox, name)
    return shown


async def _queue(outbox: Outbox, name: str) -> tuple[list[Delivery], int]:
    """The queue as a lane walks it; that all ways to walk it lead to the same deliveries is asserted."""
    whole, newest = await outbox.claim(name, after=0, limit=_ALL)
    sequences = [delivery.sequence for delivery in whole]
    assert sequences == sorted(set(sequences)), "sequences rise"
    walked: list[Delivery] = []
    after = 0
    while True:
        step, looked_to = await outbox.claim(name, after=after, limit=3)
        assert looked_to >= after
        walked += step
        if len(step) < 3:
            break
        after = looked_to
    assert walked == whole
    for key in {delivery.ordering_key for delivery in whole}:
        mine = [delivery for delivery in whole if delivery.ordering_key == key]
        others = [delivery for delivery in whole if delivery.ordering_key != key]
        assert await outbox.claim_key(name, key, after=0, limit=_ALL) == mine
        assert await outbox.claim_key(name, key, after=mine[0].sequence, limit=1) == mine[1:2]
        assert (await outbox.claim(name, after=0, limit=_ALL, skip={key}))[0] == others
    return whole, newest


async def _parked(outbox: Outbox, name: str) -> list[Delivery]:
    """By time; those with equal times come in any order."""
    found = await outbox.claim_parked(name, due_us=_FAR_US, latest_us=_FAR_US, limit=_ALL)
    times = [delivery.retry_at_us for delivery in found]
    assert times == sorted(times)
    assert await outbox.next_parked_us(name, after_us=0) == (times[0] if times else None)
    middle = times[len(times) // 2] if times else 0
    due = await outbox.claim_parked(name, due_us=middle, latest_us=_FAR_US, limit=_ALL)
    assert [delivery.retry_at_us for delivery in due] == [at for at in times if at <= middle]
    return sorted(found, key=lambda delivery: delivery.id)


async def _deliveries(outbox: Outbox) -> list[dict[str, object]]:
    """All listings by state together are the listing of all."""
    page = await outbox.archive.list_deliveries(limit=_ALL)
    states = [await outbox.archive.list_deliveries(state=state, limit=_ALL) for state in State]
    by_state = [item["id"] for one in states for item in one.items]
    assert sorted(map(str, by_state)) == sorted(str(item["id"]) for item in page.items), "exactly one state each"
    return [{name: item[name] for name in _SHOWN} for item in page.items]


async def _events(outbox: Outbox) -> list[dict[str, object]]:
    page = await outbox.archive.list_events(limit=_ALL)
    names = ("id", "event", "upstream_id", "received_at", "data", "deliveries")
    return [{name: item[name] for name in names} for item in page.items]


async def _stats(outbox: Outbox) -> dict[str, dict[str, dict[str, int]]]:
    """What is counted, without noughts; since when the oldest waits is asserted to be the time of one that does."""
    shown: dict[str, dict[str, dict[str, int]]] = {}
    for name, stats in (await outbox.stats()).items():
        waiting, _ = await outbox.claim(name, after=0, limit=_ALL)
        parked = await outbox.claim_parked(name, due_us=_FAR_US, latest_us=_FAR_US, limit=_ALL)
        since = {delivery.received_at_us for delivery in [*waiting, *parked]}
        if any(delivery.source is Source.REPLAY for delivery in [*waiting, *parked]):
            since.add(stats.oldest_pending_us or 0)  # they wait since they were asked for
        assert stats.oldest_pending_us in since or (stats.oldest_pending_us is None and not since)
        counted = {
            field: {str(key): number for key, number in value.items() if number}
            for field, value in msgspec.structs.asdict(stats).items()
            if isinstance(value, Mapping)
        }
        if any(counted.values()):
            shown[name] = counted
    return shown
