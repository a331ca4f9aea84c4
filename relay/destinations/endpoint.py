"""One destination's address, and what every kind does the same: send, judge, and let no secret out.

    body ──HttpClient──> Answer | Failure ──judge──> Outcome ──redact, cut──> Outcome

Judging comes before redacting, because a secret may look like what decides; cutting comes after, so that a
secret across the cut is gone as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec
from yarl import URL

from relay.clock import Clock
from relay.deliveries import Outcome
from relay.destinations.answer import Answer, Failure
from relay.destinations.http import HttpClient, Request
from relay.destinations.outcome import judge_failure
from relay.destinations.reach import ANYWHERE, Reach
from relay.destinations.redact import Redactor, printable

ANSWER_SHOWN: Final = 2048
DETAIL_SHOWN: Final = 400
"""Characters of an answer's body and of a sentence about it that an outcome keeps."""

Judge = Callable[[Answer, int], Outcome]


class Endpoint:
    """Where a destination sends to, and how its answers are read."""

    def __init__(
        self,
        client: HttpClient,
        clock: Clock,
        *,
        url: URL,
        timeout: float,
        judge: Judge,
        method: str = "POST",
        reach: Reach = ANYWHERE,
        secrets: Iterable[str] = (),
    ) -> None:
        self._client = client
        self._clock = clock
        self._url = url
        self._timeout = timeout
        self._judge = judge
        self._method = method
        self._reach = reach
        self.redact = Redactor(url, secrets)

    async def deliver(self, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Send once and say what came of it, without secrets."""
        request = Request(self._method, self._url, headers, body, self._timeout, self._reach)
        answer = await self._client.exchange(request)
        if isinstance(answer, Failure):
            outcome = judge_failure(answer)
        else:
            outcome = self._judge(answer, self._clock.now_us())
        return self.presentable(outcome)

    def presentable(self, outcome: Outcome) -> Outcome:
        """``outcome`` as it may be stored and shown."""
        return msgspec.structs.replace(
            outcome,
            detail=printable(self.redact(outcome.detail))[:DETAIL_SHOWN],
            answer=printable(self.redact(outcome.answer))[:ANSWER_SHOWN],
        )
