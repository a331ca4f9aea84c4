"""What goes out together, and how: each alert in full, or all of them as rows of a digest.

    waiting, in order ──plan──> how many of the first, and their form
    a batch           ──form_of──> the same form again, when it is sent

More waiting than ``digest_over``: a digest of as many as it holds. A run of late ones, where late ones are to be
gathered: a digest of that run. Else each in full, as many as fit, up to where such a run begins. A lone alert is
always shown in full, and so is each one of a digest that was refused and is sent again one by one.

A destination remembers nothing between the two questions, so both come to the same answer by themselves:
``form_of(waiting[:plan.count]) is plan.form``. That takes a ``full`` that fills greedily: of what it has taken, it
takes all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import pairwise, takewhile
from typing import Final, TypeAlias

import msgspec

from relay.clock import MICROS
from relay.deliveries import Message
from relay.destinations.config import ChatConfig
from relay.events import Source

Fitting: TypeAlias = Callable[[Sequence[Message]], int]
"""How many of the first of these, at least one, go into one message."""


class Form(StrEnum):
    """How the alerts of one message are shown."""

    FULL = "full"
    DIGEST = "digest"


class Coalescer:
    """What a chat asks of ``plan`` and ``form_of``, by its config.

    Args:
        config: The chat's.
        full: How many fit when each is shown in full.
        digest: How many fit as rows of a digest.
        most: How many ``full`` can ever say.
        most_rows: And ``digest``.
    """

    def __init__(self, config: ChatConfig, *, full: Fitting, digest: Fitting, most: int, most_rows: int) -> None:
        self._over = config.digest_over
        self._late_over = config.late.over
        self._late_digest = config.late.form == "digest"
        self._full = full
        self._digest = digest
        self._digests = self._late_digest or self._over is not None
        # Where a digest may be made, as many must be seen as it takes to tell that one is wanted.
        self.capacity: Final = max(most, most_rows, (self._over or 0) + 1) if self._digests else most

    def fits(self, waiting: Sequence[Message]) -> int:
        """How many of the first of ``waiting`` go out as one."""
        if not self._digests:
            return self._full(waiting)
        return plan(
            waiting,
            digest_over=self._over,
            late_over=self._late_over,
            late_digest=self._late_digest,
            full=self._full,
            digest=self._digest,
        ).count

    def form(self, batch: Sequence[Message]) -> Form:
        """The form of ``batch``, which ``fits``."""
        if not self._digests:
            return Form.FULL
        return form_of(
            batch,
            digest_over=self._over,
            late_over=self._late_over,
            late_digest=self._late_digest,
            full=self._full,
        )


class Plan(msgspec.Struct, frozen=True):
    """The next message.

    Attributes:
        form: How its alerts are shown.
        count: How many of the first of what waits it carries, at least one.
    """

    form: Form
    count: int


def plan(
    waiting: Sequence[Message],
    *,
    digest_over: int | None,
    late_over: float,
    late_digest: bool,
    full: Fitting,
    digest: Fitting,
) -> Plan:
    """What the next message carries.

    Args:
        waiting: What waits, in order; at least one.
        digest_over: When more than this many wait, they go out as a digest; None is never.
        late_over: Seconds after its trigger from which on an alert is late.
        late_digest: Whether late ones are gathered in a digest.
        full: How many fit when each is shown in full.
        digest: How many fit as rows of a digest.
    """
    if digest_over is not None and len(waiting) > digest_over:
        count = digest(waiting)
        if count > min(digest_over, full(waiting)):
            return Plan(Form.DIGEST, count)
        # It would show no more than the full form does, and less of each.
    late = [late_digest and is_late(message, late_over) for message in waiting]
    run = sum(1 for _ in takewhile(bool, late))
    if run > 1 and (count := digest(waiting[:run])) > 1:
        return Plan(Form.DIGEST, count)
    end = 1 if run > 1 else _first_run(late)
    return Plan(Form.FULL, min(full(waiting[:end]), digest_over or end))


def form_of(
    batch: Sequence[Message], *, digest_over: int | None, late_over: float, late_digest: bool, full: Fitting
) -> Form:
    """The form that ``plan`` chose for ``batch``."""
    count = len(batch)
    if count == 1:
        return Form.FULL
    if (digest_over is not None and count > digest_over) or full(batch) < count:
        return Form.DIGEST
    return Form.DIGEST if late_digest and all(is_late(message, late_over) for message in batch) else Form.FULL


def is_late(message: Message, over: float) -> bool:
    """Whether an alert comes ``over`` seconds after its trigger, or more; a test never does.

    A replay does not say so, since to come later is what it is for; but a week of them is gathered like any other.
    """
    if message.delivery.source is Source.TEST:
        return False
    return message.now_us - message.delivery.happened_us >= over * MICROS


def _first_run(late: Sequence[bool]) -> int:
    """Where the first two late ones in a row begin; the end, where there are none."""
    return next((index for index, pair in enumerate(pairwise(late)) if all(pair)), len(late))
