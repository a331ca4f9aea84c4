"""Numbers and the words that go with them, in whatever people read. Pure.

3, "dead letter" ──counted──> 3 dead letters        3, "was", "were" ──agreeing──> were
"""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """``1 dead letter``, ``1,200 deliveries``."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1]}ies" if noun.endswith("y") else f"{count:,} {noun}s"


def agreeing(count: int, singular: str, plural: str) -> str:
    """The form that goes with so many; nothing is singular: ``nothing was queued``."""
    return singular if count <= 1 else plural
