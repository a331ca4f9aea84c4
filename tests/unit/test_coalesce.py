from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.deliveries import Message
from relay.destinations.coalesce import Form, Plan, form_of, is_late, plan
from relay.events import Source
from tests.support.clock import START_US
from tests.support.events import in_force
from tests.support.messages import message

OVER = 600.0
FRESH = message(in_force(1))
LATE = message(in_force(2), now_us=START_US + 601 * 1_000_000)


def at_most(most: int) -> Callable[[Sequence[Message]], int]:
    return lambda waiting: min(most, len(waiting))


def waiting_of(pattern: str) -> list[Message]:
    """``FLF`` is fresh, late, fresh."""
    return [LATE if letter == "L" else FRESH for letter in pattern]


@pytest.mark.parametrize(
    ("pattern", "digest_over", "late_digest", "expected"),
    [
        ("F", None, False, Plan(Form.FULL, 1)),
        ("FFF", None, False, Plan(Form.FULL, 3)),
        ("F" * 25, None, False, Plan(Form.FULL, 10)),
        ("F" * 25, 30, False, Plan(Form.FULL, 10)),
        ("F" * 30, 30, False, Plan(Form.FULL, 10)),
        ("F" * 31, 30, False, Plan(Form.DIGEST, 31)),
        ("F" * 500, 60, False, Plan(Form.DIGEST, 100)),
        ("F" * 500, 200, False, Plan(Form.DIGEST, 100)),
        ("FF", 1, False, Plan(Form.DIGEST, 2)),
        ("F", 1, True, Plan(Form.FULL, 1)),
        ("LLL", None, False, Plan(Form.FULL, 3)),
        ("LLL", None, True, Plan(Form.DIGEST, 3)),
        ("L" * 150, None, True, Plan(Form.DIGEST, 100)),
        ("L", None, True, Plan(Form.FULL, 1)),
        ("LF", None, True, Plan(Form.FULL, 2)),
        ("FLF", None, True, Plan(Form.FULL, 3)),
        ("FL", None, True, Plan(Form.FULL, 2)),
        ("FLL", None, True, Plan(Form.FULL, 1)),
        ("LFLLF", None, True, Plan(Form.FULL, 2)),
        ("LLFFF", None, True, Plan(Form.DIGEST, 2)),
        ("FLLFF", 3, True, Plan(Form.DIGEST, 5)),
    ],
)
def test_the_next_message_is_planned(pattern: str, digest_over: int | None, late_digest: bool, expected: Plan) -> None:
    made = plan(
        waiting_of(pattern),
        digest_over=digest_over,
        late_over=OVER,
        late_digest=late_digest,
        full=at_most(10),
        digest=at_most(100),
    )
    assert made == expected


def test_a_digest_that_holds_no_more_than_the_full_form_is_not_made() -> None:
    made = plan(
        waiting_of("F" * 40), digest_over=20, late_over=OVER, late_digest=False, full=at_most(15), digest=at_most(12)
    )
    assert made == Plan(Form.FULL, 15)


@pytest.mark.parametrize(
    ("source", "seconds", "late"),
    [
        (Source.LIVE, 599, False),
        (Source.LIVE, 600, True),
        (Source.BACKFILL, 90, False),
        (Source.BACKFILL, 600, True),
        (Source.REPLAY, 599, False),
        (Source.REPLAY, 7200, True),  # it does not say so, and is gathered all the same
        (Source.TEST, 7200, False),
    ],
)
def test_late_is_what_comes_long_after_its_trigger(source: Source, seconds: int, late: bool) -> None:
    assert is_late(message(source=source, now_us=START_US + seconds * 1_000_000), OVER) is late


@given(
    pattern=st.text("FL", min_size=1, max_size=40),
    digest_over=st.none() | st.integers(1, 45),
    late_digest=st.booleans(),
    most_full=st.integers(1, 20),
    most_rows=st.integers(1, 50),
)
def test_the_batch_alone_tells_the_form_that_was_planned(
    pattern: str, digest_over: int | None, late_digest: bool, most_full: int, most_rows: int
) -> None:
    waiting = waiting_of(pattern)
    full, digest = at_most(most_full), at_most(most_rows)
    made = plan(waiting, digest_over=digest_over, late_over=OVER, late_digest=late_digest, full=full, digest=digest)
    batch = waiting[: made.count]
    assert 1 <= made.count <= len(waiting)
    assert made.count <= (digest if made.form is Form.DIGEST else full)(waiting)
    assert form_of(batch, digest_over=digest_over, late_over=OVER, late_digest=late_digest, full=full) is made.form
    if digest_over is None and not late_digest:
        assert made == Plan(Form.FULL, full(waiting))
    if made.form is Form.DIGEST:
        assert made.count > 1


@given(pattern=st.text("FL", min_size=2, max_size=40))
def test_late_ones_in_a_row_are_gathered_and_fresh_ones_are_shown_in_full(pattern: str) -> None:
    left = pattern
    while left:
        made = plan(
            waiting_of(left), digest_over=None, late_over=OVER, late_digest=True, full=at_most(10), digest=at_most(99)
        )
        sent, left = left[: made.count], left[made.count :]
        assert ("F" not in sent) if made.form is Form.DIGEST else ("LL" not in sent)
