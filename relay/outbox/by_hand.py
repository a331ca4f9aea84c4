"""What a step by hand writes: dead letters queued again, or dropped, and what was sent once queued once more."""

from __future__ import annotations

from collections.abc import Sequence

from relay.deliveries import State, webhook_id
from relay.outbox import rows
from relay.outbox.search import ChosenDelivery
from relay.outbox.transaction import Transaction


def retry(transaction: Transaction, chosen: Sequence[ChosenDelivery], at_us: int) -> tuple[str, ...]:
    """Put the dead letters among ``chosen`` that have a body at the end of their queues; where each went.

    How often they were tried is counted on; for how long (``give_up_after``), and what a lane decides by their number,
    begins anew.
    """
    sent = [row for row in chosen if row.state is State.DEAD and row.body]
    numbered = [(row.id, transaction.sequence(row.destination)) for row in sent]
    if numbered:
        transaction.run("revive", rows=rows.json_text(numbered), at=at_us)
    return tuple(row.destination for row in sent)


def drop(transaction: Transaction, chosen: Sequence[ChosenDelivery], at_us: int) -> tuple[str, ...]:
    """Expire all of ``chosen``; whose each was."""
    if chosen:
        ids, states = [row.id for row in chosen], sorted({row.state for row in chosen})
        transaction.run("drop_by_hand", ids=rows.json_text(ids), states=rows.json_text(states), at=at_us)
    return tuple(row.destination for row in chosen)


def replay(
    transaction: Transaction,
    chosen: Sequence[ChosenDelivery],
    at_us: int,
    *,
    new_ids: bool = False,
    dropped: bool = False,
) -> tuple[str, ...]:
    """Queue what was delivered or has expired once more, and dead letters at last; where each went.

    What has no body can't be sent. What waits to be sent again already is not queued twice, so that a step whose answer
    was lost may be asked for again. What a person dropped is left, unless ``dropped`` asks for it; what was dropped
    before it was decided asks first then.
    """
    sent = [row for row in chosen if row.body and not row.waits and (dropped or not row.dropped)]
    copies: list[tuple[object, ...]] = []
    moved: list[tuple[object, ...]] = []
    for row in sent:
        sequence = transaction.sequence(row.destination)
        if row.state is State.DEAD:
            # Its own number it has already; a sequence it gets anew each time, and as a negative one it is no number.
            moved.append((row.id, sequence, _new_id(row, -sequence) if new_ids else None))
            continue
        number = transaction.counters.delivery = transaction.counters.delivery + 1
        state = State.DECIDING if row.asks else State.PENDING
        copies.append((row.id, number, sequence, _new_id(row, number) if new_ids else None, state))
    if moved:
        transaction.run("send_at_last", rows=rows.json_text(moved), at=at_us)
    if copies:
        transaction.run("replay", rows=rows.json_text(copies), at=at_us)
    return tuple(row.destination for row in sent)


def _new_id(row: ChosenDelivery, number: int) -> str:
    return webhook_id(row.key, row.destination, again=number)
