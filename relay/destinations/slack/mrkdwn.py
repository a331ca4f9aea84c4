"""Slack's mrkdwn: foreign text that stays text, and the few forms that the relay writes itself.

    upstream text ──escape──> pieces that neither ping, link nor format
    url, label ──link──> <url|label>         an instant ──date──> the reader's own date and time

``&``, ``<`` and ``>`` become entities, which is all it takes against pings and links. For ``*``, ``_``, ``~`` and the
backtick Slack knows no escape: a sign that looks like them stands in, so that a rule named ``*new*`` is not bold. An
underscore within a word formats nothing and stays. (Source: docs.slack.dev, formatting message text.)
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from relay.clock import MICROS

_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_STAND_INS: Final = {
    "*": "\N{ASTERISK OPERATOR}",
    "~": "\N{TILDE OPERATOR}",
    "`": "\N{MODIFIER LETTER GRAVE ACCENT}",
    "|": "\N{DIVIDES}",  # would end the address within a link
}
_UNDERSCORE: Final = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_LOW_LINE: Final = "\N{MODIFIER LETTER LOW MACRON}"
_EMOJI: Final = re.compile(r":(?=[a-z0-9_'+-]+:)", re.IGNORECASE)
_COLON: Final = "\N{RATIO}"


def escape(text: str) -> list[str]:
    """The pieces of ``text``, none of which means anything to Slack; one to be shown is never cut in half."""
    plain = _EMOJI.sub(_COLON, _UNDERSCORE.sub(_LOW_LINE, text))
    return [_ENTITIES.get(char) or _STAND_INS.get(char, char) for char in plain]


def entities(text: str) -> str:
    """``text`` with only ``&``, ``<`` and ``>`` as entities: for code blocks, and for who writes mrkdwn himself."""
    return "".join(_ENTITIES.get(char, char) for char in text)


def link(url: str | None, label: str) -> str:
    """``label``, already escaped, linked to ``url``; alone where there is none."""
    return f"<{entities(url)}|{label}>" if url else label


def date(at_us: int) -> str:
    """An instant as each reader's own date and time to the second; where Slack can't, in UTC."""
    moment = datetime.fromtimestamp(at_us // MICROS, UTC)
    shown = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    return f"<!date^{at_us // MICROS}^{{date_short_pretty}} {{time_secs}}|{shown}>" if at_us >= 0 else shown
