"""How a channel's backfill stands, for ``/readyz``, the page and the log."""

from __future__ import annotations

from enum import StrEnum

import msgspec
import structlog

from relay.backfill.round import Report, Result
from relay.clock import Clock
from relay.events import Channel
from relay.metrics import Metrics
from relay.upstream.decide import MISSING_SCOPE
from relay.upstream.errors import RejectReason, RestRefusedError, RestUnavailableError
from relay.upstream.rest import RestPage
from relay.upstream.throttle import LogThrottle

log = structlog.get_logger()

_PARTS_TOLD = 5  # in one line of the log; the page shows every one


class Standing(StrEnum):
    """What a channel's backfill does now."""

    IDLE = "idle"
    RUNNING = "running"
    RETRYING = "retrying"
    REFUSED = "refused"


class Status(msgspec.Struct, frozen=True):
    """A channel's backfill, as others see it.

    Attributes:
        channel: Whose.
        standing: What it does now; ``refused`` stays until REST answers again.
        baseline: A complete round has been made, now or in an earlier run.
        scope: The scope to add to the key, while it is refused for lack of one.
        hint: What to do about the last trouble, one sentence, or empty.
        last_error: The last trouble, for a person; empty once a round was complete.
        failing_seconds: For how long REST has given no page, as of the last try; 0 once it gave one.
        last_completed_us: When a round was last complete in this run, µs since the epoch.
        fetched: Items that the round under way has been shown, those that were asked for twice counted twice; 0 without
            one.
        rounds: Complete rounds in this run.
        recovered: Alerts they brought that the socket had not.
        holes: Ranges they could not see.
    """

    channel: Channel
    standing: Standing = Standing.IDLE
    baseline: bool = False
    scope: str = ""
    hint: str = ""
    last_error: str = ""
    failing_seconds: float = 0.0
    last_completed_us: int | None = None
    fetched: int = 0
    rounds: int = 0
    recovered: int = 0
    holes: int = 0


class Board:
    """Keeps a channel's ``Status``, its metrics and its lines in the log."""

    def __init__(self, channel: Channel, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._throttle = LogThrottle(clock)
        self._failing_since: float | None = None  # monotonic seconds
        self._log = log.bind(channel=channel.value)
        self.status = Status(channel)
        for result in Result:
            metrics.backfills.labels(result=result.value)

    def _set(self, **changes: object) -> None:
        self.status = msgspec.structs.replace(self.status, **changes)

    def begun(self) -> None:
        """A round begins."""
        self._set(fetched=0)
        if self.status.standing is not Standing.REFUSED:
            self._set(standing=Standing.RUNNING)

    def has_baseline(self) -> None:
        """The channel has its baseline."""
        self._set(baseline=True)

    def answered(self, page: RestPage) -> None:
        """REST gave a page."""
        if self._failing_since is not None:
            self._failing_since = None
            self._set(failing_seconds=0.0)
        self._set(fetched=self.status.fetched + page.size)
        if self.status.standing is not Standing.RUNNING:
            self._set(standing=Standing.RUNNING, scope="")
        if page.rejected:
            self._metrics.rejected.labels(RejectReason.REST_ITEM.value).inc(page.rejected)
            if self._throttle.admit("rejected") is not None:
                self._log.warning("items of an answer are no alerts", rejected=page.rejected, items=page.size)

    def troubled(self, error: RestUnavailableError, delay: float) -> None:
        """REST failed; the request is repeated in ``delay`` seconds."""
        now = self._clock.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        failing = now - self._failing_since
        self._set(standing=Standing.RETRYING, last_error=str(error), failing_seconds=failing, scope="")
        held_back = self._throttle.admit("troubled")
        if held_back is not None:
            self._log.warning(
                "backfill waits for REST",
                reason=error.reason,
                error=str(error),
                retry_in=round(delay, 1),
                more=held_back,
            )

    def completed(self, report: Report, reason: str) -> None:
        """A round is complete."""
        self._metrics.backfills.labels(result=Result.OK.value).inc()
        self._metrics.holes.inc(len(report.holes))
        self._set(
            standing=Standing.IDLE,
            baseline=True,
            scope="",
            hint="",
            last_error="",
            last_completed_us=self._clock.now_us(),
            fetched=0,
            rounds=self.status.rounds + 1,
            recovered=self.status.recovered + report.recovered,
            holes=self.status.holes + len(report.holes),
        )
        if report.holes:
            self._log.warning(
                "the upstream may hide alerts",
                after_id=min(hole.after_id for hole in report.holes),
                up_to_id=max(hole.up_to_id for hole in report.holes),
                parts=[hole.part for hole in report.holes[:_PARTS_TOLD]],
                holes=len(report.holes),
            )
        write = self._log.info if report.recovered or report.holes else self._log.debug
        write(
            "backfill round complete",
            reason=reason,
            found=report.found,
            recovered=report.recovered,
            requests=report.requests,
        )

    def refused(self, error: RestRefusedError) -> None:
        """The key may not read the endpoint."""
        self._metrics.backfills.labels(result=Result.REFUSED.value).inc()
        self._set(
            standing=Standing.REFUSED,
            scope=error.scope if error.code == MISSING_SCOPE else "",
            hint=error.hint,
            last_error=str(error),
            fetched=0,
        )
        if self._throttle.admit("refused") is not None:
            self._log.error("backfill refused", code=error.code, scope=error.scope, error=str(error), hint=error.hint)

    def failed(self, error: Exception) -> None:
        """The round could not be stored."""
        self._metrics.backfills.labels(result=Result.FAILED.value).inc()
        self._set(standing=Standing.IDLE, last_error=str(error), fetched=0)
        self._log.error("backfill round failed", error=str(error))

    def stopped(self) -> None:
        """The round was cancelled."""
        self._set(standing=Standing.IDLE, fetched=0)
