"""What a demo came to, in words. Exit code 0 stands for: no findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from relay.demo.chats import Room
from relay.demo.faults import Fault
from relay.demo.scenario import TIMED
from relay.demo.scene import Report
from relay.demo.tally import Counts

_TAIL: Final = "slowest while a backfill runs, or the machine is busy"
_LISTED: Final = 10  # faults of a kind
_WORDS: Final = {
    Fault.DROP: "socket dropped",
    Fault.SWALLOW: "frames swallowed",
    Fault.OUTAGE: "receiver down",
    Fault.REFUSE: "chat refusing",
}


def findings_of(
    counts: Counts, *, missing: Sequence[str], wrong: Sequence[str], relay: Sequence[str]
) -> tuple[str, ...]:
    """Whatever keeps this from being "all that matched arrived exactly once".

    Args:
        counts: At the very end.
        missing: What did not arrive, in words.
        wrong: What should not have arrived so.
        relay: What the relay itself did wrong.
    """
    faults = [*relay, *_shortened(missing), *_shortened(wrong)]
    if counts.duplicates:
        faults.append(f"{counts.duplicates} deliveries arrived more than once")
    if not counts.fired and not relay:
        faults.append("no alert was fired")
    return tuple(faults)


def _shortened(faults: Sequence[str]) -> Iterator[str]:
    yield from faults[:_LISTED]
    if len(faults) > _LISTED:
        yield f"and {len(faults) - _LISTED} more like that"


def summary(report: Report) -> list[str]:
    """The account, a line each, the verdict last."""
    counts, replay = report.counts, report.replay
    injected = Counter(report.injected)
    went_wrong = ", ".join(f"{_WORDS[kind]} {injected[kind]}x" for kind in Fault if injected[kind]) or "nothing"
    rows = [
        ("replayed", f"{replay.index} trading days of real prices, to {replay.day}, in {report.seconds:.1f} s"),
        ("went wrong", went_wrong),
        ("fired", f"{counts.fired} alerts"),
        ("matched", f"{counts.matched} deliveries due by the rules"),
        ("delivered", f"{counts.delivered}"),
        ("chats", in_chats(report.rooms, counts)),
        ("recovered", f"{counts.recovered} alerts by backfill"),
        ("duplicates", f"{counts.duplicates} ({report.seen_again} sightings of known alerts dropped by the relay)"),
        ("missing", f"{counts.matched - counts.delivered}"),
        (
            "latency",
            f"p50 {duration(counts.p50)}, p99 {duration(counts.p99)} (fired to arrived, live, at {TIMED}; {_TAIL})",
        ),
    ]
    lines = [f"{name:<11} {value}" for name, value in rows]
    if report.ok:
        return [*lines, "ok: all that matched arrived exactly once"]
    return [*lines, *(f"fault: {fault}" for fault in report.findings)]


def in_chats(rooms: Sequence[Room], counts: Counts) -> str:
    """``12 messages for 96 alerts, 0 refused for their rate``."""
    alerts = sum(counts.by_destination.get(room.destination, (0, 0))[1] for room in rooms)
    messages, refused = sum(room.messages for room in rooms), sum(room.refused for room in rooms)
    return f"{messages} messages for {alerts} alerts, {refused} refused for their rate"


def duration(seconds: float | None) -> str:
    """``8 ms``, ``1.2 s``, or ``-`` where there is none."""
    if seconds is None:
        return "-"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def minutes(seconds: float) -> str:
    """``01:05``."""
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"
