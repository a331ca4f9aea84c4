"""Slack's mrkdwn, as far as an alert may hold it: text in, spans out (docs.slack.dev, formatting message text)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from relay.clock import MICROS
from relay.simulator.chat import times
from relay.simulator.chat.spans import Setting, Span, plain, trimmed

_DEEPEST: Final = 8
_FENCE: Final = re.compile(r"```\n?([\s\S]+?)\n?```")
_QUOTE: Final = re.compile(r"(?:&gt;|>) ?(.*)")
_BULLET: Final = re.compile(r"([•◦]) (.*)")
_OPEN: Final = r"(?<![\w*~`])"
_CLOSE: Final = r"(?![\w*~`])"
_INLINE: Final = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|<!date\^(?P<seconds>-?\d{1,15})\^(?P<format>[^|^<>]*)(?:\^(?P<dated>https?://[^|<>\s]+))?\|(?P<fallback>[^<>]*)>"
    r"|<(?P<url>(?:https?://|mailto:)[^|<>\s]+)(?:\|(?P<label>[^<>]*))?>"
    r"|<@(?P<user>[UW]\w*)(?:\|(?P<called>[^<>]*))?>|<#(?P<channel>C\w*)(?:\|(?P<named>[^<>]*))?>"
    r"|<!subteam\^(?P<group>S\w*)(?:\|(?P<titled>[^<>]*))?>"
    r"|<!(?P<all>channel|here|everyone|group)(?:\|[^<>]*)?>"
    rf"|{_OPEN}\*(?P<strong>(?=\S)[^*\n]+(?<=\S))\*{_CLOSE}"
    rf"|{_OPEN}_(?P<em>(?=\S)[^_\n]+(?<=\S))_(?![\w*~`])"
    rf"|{_OPEN}~(?P<s>(?=\S)[^~\n]+(?<=\S))~{_CLOSE}"
    r"|:(?P<emoji>[a-z0-9_+-]+):"
)
_NESTED: Final = ("strong", "em", "s")
_EMOJI: Final[Mapping[str, str]] = {
    "large_green_circle": "🟢",
    "red_circle": "🔴",
    "large_yellow_circle": "🟡",
    "large_orange_circle": "🟠",
    "large_blue_circle": "🔵",
    "large_purple_circle": "🟣",
    "white_circle": "⚪",
    "black_circle": "⚫",
}


def unescape(text: str) -> str:
    """``&amp;``, ``&lt;`` and ``&gt;`` as the characters they stand for; Slack knows no others."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def read(text: str, setting: Setting) -> tuple[Span, ...]:
    """A text object of type ``mrkdwn``, or a message's ``text``."""
    spans: list[Span] = []
    at = 0
    for fence in _FENCE.finditer(text):
        spans += _lines(text[at : fence.start()], setting)
        spans.append(Span("pre", unescape(fence[1])))
        at = fence.end()
    spans += _lines(text[at:], setting)
    return trimmed(spans)


def read_plain(text: str) -> tuple[Span, ...]:
    """A text object of type ``plain_text``: emoji are all it knows."""
    return tuple(plain(re.sub(r":([a-z0-9_+-]+):", lambda found: _EMOJI.get(found[1], found[0]), text)))


def _lines(text: str, setting: Setting) -> Iterator[Span]:
    for line in text.splitlines(keepends=True):
        bare = line.removesuffix("\n")
        if quote := _QUOTE.fullmatch(bare):
            yield Span("quote", inside=tuple(_inline(quote[1], setting, 0)))
        elif bullet := _BULLET.fullmatch(bare):
            yield Span("item", bullet[1], inside=tuple(_inline(bullet[2], setting, 0)))
        else:
            yield from _inline(line, setting, 0)


def _inline(text: str, setting: Setting, depth: int) -> Iterator[Span]:
    at = 0
    for match in _INLINE.finditer(text) if depth < _DEEPEST else ():
        yield from plain(unescape(text[at : match.start()]))
        yield from _span(match, setting, depth)
        at = match.end()
    yield from plain(unescape(text[at:]))


def _span(match: re.Match[str], setting: Setting, depth: int) -> Iterator[Span]:
    for kind in _NESTED:
        if match[kind] is not None:
            yield Span(kind, inside=tuple(_inline(match[kind], setting, depth + 1)))
            return
    if match["code"] is not None:
        yield Span("code", unescape(match["code"]))
    elif match["seconds"] is not None:
        yield _time(match, setting)
    elif match["url"] is not None:
        shown = tuple(plain(unescape(match["label"] or match["url"].removeprefix("mailto:"))))
        yield Span("link", href=unescape(match["url"]), inside=shown)
    elif match["emoji"] is not None:
        yield from plain(_EMOJI.get(match["emoji"], match[0]))
    else:
        yield Span("mention", _mention(match, setting))


def _mention(match: re.Match[str], setting: Setting) -> str:
    names = setting.names
    if match["user"]:
        return f"@{match['called'] or names.users.get(match['user'], 'unknown')}"
    if match["group"]:
        return f"@{(match['titled'] or names.roles.get(match['group'], 'unknown-group')).removeprefix('@')}"
    if match["channel"]:
        return f"#{match['named'] or names.channels.get(match['channel'], 'unknown')}"
    return f"@{match['all']}"


def _time(match: re.Match[str], setting: Setting) -> Span:
    at = times.moment(int(match["seconds"]) * MICROS, setting.zone)
    now = times.moment(setting.now_us, setting.zone)
    if at is None or now is None:
        return Span("text", unescape(match["fallback"]))
    said = times.slack(at, unescape(match["format"]), now)
    if match["dated"]:
        return Span("link", href=unescape(match["dated"]), inside=(Span("text", said),))
    return Span("time", said, times.full(at))
