"""A text that can't be printed by accident."""

from __future__ import annotations

import hashlib
import hmac


class Secret:
    """Holds a secret; ``repr``, ``str`` and format show ``***``. Only ``reveal()`` gives the text.

    Equality is compared in constant time. Not picklable, not JSON-encodable: both would print it.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that sends it."""
        return self._text

    def fingerprint(self) -> str:
        """16 hex digits that change when the secret does and tell nothing about it."""
        return hashlib.sha256(b"relay-fingerprint:" + self._text.encode()).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")
