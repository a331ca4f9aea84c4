"""What a user writes by hand in an evening: subscribe, read, match with an ``if``, post.

The yardstick of ``benchmarks/run.py``. It keeps nothing, repeats nothing, fetches nothing it missed, and waits for one
receiver's answer before it reads on; an alert that meets a closed socket or a receiver that fails is gone.

    python benchmarks/naive.py ws://HOST/PATH http://HOST/PATH KEY
"""

from __future__ import annotations

import asyncio
import json
import sys

import aiohttp
import websockets


async def forward(feed: str, hook: str, key: str) -> None:
    """Post every bullish daily alert to ``hook``."""
    subscribe = json.dumps({"op": "subscribe", "topics": [{"channel": "alerts.in_force"}]})
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession() as http:
        async for socket in websockets.connect(feed, additional_headers=headers):
            try:
                await socket.send(subscribe)
                async for frame in socket:
                    message = json.loads(frame)
                    if message["type"] != "alert.in_force":
                        continue
                    alert = message["data"]
                    if alert["timeframe"] == "D" and alert["direction"] == "bullish":
                        async with http.post(hook, json={"type": message["type"], "data": alert}) as answer:
                            await answer.read()
            except websockets.ConnectionClosed:
                continue


if __name__ == "__main__":
    asyncio.run(forward(*sys.argv[1:4]))
