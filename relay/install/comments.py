"""The comments of a config, and the secrets in them: whoever exchanges an address may leave the old one in one.

    text ──spans──> the characters of each comment, its # included
    a comment ──without_secrets──> the same, a mask for each secret of the config, and for what is written like one

Pure. The config's owner's own file keeps its comments as they are; this is for what others may read or are shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

import yaml

from relay.redaction import MASK

LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the parser by which the config is read, or they differ
"""Parses a config's syntax where its places are wanted."""

_COMMENT: Final = re.compile(r"#[^\r\n\x85\u2028\u2029]*")
_BLOCK_HEADER: Final = re.compile(r"[|>][-+0-9]*[ \t]+(#[^\r\n\x85\u2028\u2029]*)")
_BETWEEN: Final = r"[^\s\"',<>)}\]]"  # a character of a value; what else may stand behind one ends it
_SECRET: Final = re.compile(
    # An address that is the right to post there: Discord's, Slack's, Telegram's.
    rf"(?:https?://)?(?:[a-z]+\.)?(?:discord(?:app)?\.com/api/(?:v\d+/)?webhooks/|hooks\.slack(?:-gov)?\.com/"
    rf"|api\.telegram\.org/bot){_BETWEEN}+"
    # What apprise takes for a bot of Telegram.
    rf"|\btgram://{_BETWEEN}+"
    # A signing secret as Standard Webhooks writes it.
    rf"|\bwhsec_{_BETWEEN}+"
    # A key that takes a secret, with a value that is no variable and long enough to be none of the words of a sentence.
    rf"|(?P<key>(?<![\w.-])(?:api_key|token|secret|url|authorization)[\"']?\s*:\s*[\[\"']*(?:basic|bearer|bot|token)?\s*)"
    rf"(?!\$\{{|sqlite:){_BETWEEN}{{12,}}",
    re.IGNORECASE,
)


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the comments of a YAML text stand: characters, from and up to. What can't be read raises ``YAMLError``."""
    end = 0
    for token in yaml.scan(text, Loader=LOADER):  # the last one stands at the end of the text
        start = token.start_mark.index
        yield from (match.span() for match in _COMMENT.finditer(text, end, start))
        end = max(end, token.end_mark.index)
        if isinstance(token, yaml.ScalarToken) and token.style in {"|", ">"}:
            header = _BLOCK_HEADER.match(text, start, end)
            yield from [header.span(1)] if header is not None else []


def without_secrets(comment: str, redact: Callable[[str], str]) -> str:
    """A comment with a mask for what is written like a secret, and for what ``redact`` knows."""
    return redact(_SECRET.sub(lambda match: f"{match['key'] or ''}{MASK}", comment))
