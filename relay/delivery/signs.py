"""How lanes turn, for whoever watches over them.

    lanes · their configs · what waits for each ──lane_signs──> a Sign by name ──> relay.turning

A lane is due when it is on, something waits for it, and no back-off and no rate holds that up. It may be so for three
times its longest back-off and time-out: by then even a message that backs off alone has been tried again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from relay.delivery.lane import Lane
from relay.destinations.kinds import AnyConfig
from relay.outbox.base import Switch
from relay.turning import Sign

_TIMES_ITS_LONGEST: Final = 3.0


def lane_signs(
    lanes: Mapping[str, Lane],
    destinations: Mapping[str, AnyConfig],
    waiting: Collection[str],
    *,
    least_patience: float = 0.0,
) -> dict[str, Sign]:
    """A sign of each lane whose destination the config has.

    Args:
        lanes: By the name of their destination.
        destinations: Their configs, likewise.
        waiting: Names of those for which something is pending.
        least_patience: Seconds for which each may be due at least, however short its back-off.
    """
    signs = {}
    for name, lane in lanes.items():
        status, config = lane.status(), destinations.get(name)
        held = status.held_seconds or status.paced_seconds
        if config is not None:
            patience = max(least_patience, _TIMES_ITS_LONGEST * (config.retry.max + config.timeout))
            signs[name] = Sign(lane.turns, name in waiting and status.switch is Switch.ON and not held, patience)
    return signs
