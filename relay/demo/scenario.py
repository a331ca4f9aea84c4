"""What the demo is about: its config, as a person would write it.

One signed receiver takes everything, two take a part; two rules meet at ``daily``, which is told once. Two chats get
what a community would read: at the usual speed on average less than they take, in bursts more, which is coalesced.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

KEY: Final = "demo-key"
RECEIVERS: Final = ("everything", "daily", "market")
DISCORD: Final = "swing"
SLACK: Final = "desk"
DESTINATIONS: Final = (*RECEIVERS, DISCORD, SLACK)
CHANNELS: Final[Mapping[str, str]] = MappingProxyType({DISCORD: "swing-trades", SLACK: "whole-market"})
ROLE: Final = "961700198785118228"
TIMED: Final = "everything"  # it never fails, so its latency is the relay's
FAILING: Final = "daily"
RECONCILE_SECONDS: Final = 15  # an alert that got lost without a trace is missed no longer than this

_CONFIG: Final = """\
# The config of this demo: a real one. Yours needs a key, one destination and one rule.

stratalerts:
  api_key: {key}
  websocket_url: {websocket_url} # the simulator; without these two lines it is the real one
  rest_url: {rest_url}

backfill:
  every: {reconcile}s # a demo is short; 5m is the default

http:
  listen: {listen} # the page

log:
  format: console

shutdown_grace: 5s

destinations:
  everything:
    type: webhook
    url: {everything}
    secret: {secret}
  daily:
    type: webhook
    url: {daily}
    secret: {secret}
  market:
    type: webhook
    url: {market}
    secret: {secret}
  swing:
    type: discord
    url: {swing}
    roles: {{swing: "<@&{role}>"}}
    ping: {{every: 10s}} # 10m suits a day that lasts longer
    digest_over: 60 # when even full messages can't keep up, a table
  desk:
    type: slack
    url: {desk}
    digest_over: 60

rules:
  - name: every alert
    to: everything

  - name: every break
    channel: alerts.simultaneous_breaks
    to: everything

  - name: daily and weekly bulls
    timeframe: [D, W]
    direction: bullish
    to: daily

  - name: bullish reversals # meets the rule above at daily, which is told once
    shape: "*2D-2U"
    to: daily

  - name: the whole market moves
    channel: alerts.simultaneous_breaks
    threshold: 3 # at least
    to: market

  - name: reversals of the week and longer
    timeframe: [W, M, Q, Y]
    shape: ["*2D-2U", "*2U-2D"]
    to: swing
    mention: swing

  - name: daily reversals
    symbol: AAPL
    timeframe: D
    shape: ["*2D-2U", "*2U-2D"]
    to: swing

  - name: the indices turn the week
    channel: alerts.simultaneous_breaks
    timeframe: [W, M, Q, Y]
    threshold: 4
    to: swing
    mention: swing

  - name: all four indices
    channel: alerts.simultaneous_breaks
    threshold: 4
    to: desk
"""


def signing_secret(rng: random.Random) -> str:
    """A Standard Webhooks secret: ``whsec_`` and base64 of 32 bytes."""
    return f"whsec_{base64.b64encode(rng.randbytes(32)).decode()}"


def config_text(*, websocket_url: str, rest_url: str, listen: str, secret: str, receiver: Callable[[str], str]) -> str:
    """The YAML.

    Args:
        websocket_url: The simulator's socket.
        rest_url: The simulator's REST endpoints.
        listen: ``host:port`` of the relay's page.
        secret: What deliveries are signed with.
        receiver: The URL of a destination.
    """
    return _CONFIG.format(
        key=KEY,
        websocket_url=websocket_url,
        rest_url=rest_url,
        reconcile=RECONCILE_SECONDS,
        listen=listen,
        secret=secret,
        role=ROLE,
        **{name: receiver(name) for name in DESTINATIONS},
    )
