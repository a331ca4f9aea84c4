"""What came back from one HTTP exchange: an answer, or the reason why there is none.

Plain values, judged by ``outcome``. A server may repeat what it was asked, so an answer's text and headers can
hold secrets: they are taken out when the outcome is made, after the judgement (``endpoint``).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import msgspec

INVALID: Final = "invalid"
"""The request itself can't be made (a header with a line break); only another config helps."""


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer, as far as it was read.

    Attributes:
        status: The status code.
        headers: By lower-case name; where one came twice, the first.
        text: The beginning of the body; empty where none was read.
    """

    status: int
    headers: dict[str, str] = {}
    text: str = ""

    def __repr__(self) -> str:
        """Without what may repeat a secret."""
        return f"Answer({self.status})"


class Failure(msgspec.Struct, frozen=True):
    """No answer came.

    Attributes:
        code: ``timeout``, ``dns``, ``connect``, ``tls``, ``reset``, ``private``, ``protocol`` or ``invalid``.
        detail: One sentence for a person that names the host and nothing else of the url.
    """

    code: str
    detail: str


def succeeded(status: int) -> bool:
    """Whether a status is a 2xx."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
