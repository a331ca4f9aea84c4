"""An HTTP client that answers as a test wants, without a network."""

from __future__ import annotations

from typing import Any

import msgspec

from relay.destinations.answer import Answer, Failure
from relay.destinations.http import HttpClient, Request


class ScriptedHttp(HttpClient):
    """Gives ``answers`` in order, then 200 ``ok`` for ever.

    Attributes:
        requests: What was sent.
    """

    def __init__(self, *answers: Answer | Failure) -> None:
        self._answers = list(answers)
        self.requests: list[Request] = []

    async def exchange(self, request: Request) -> Answer | Failure:
        self.requests.append(request)
        return self._answers.pop(0) if self._answers else Answer(200, {}, "ok")

    async def close(self) -> None:
        pass

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What was sent, read as JSON."""
        return [msgspec.json.decode(request.body, type=dict[str, Any]) for request in self.requests]
