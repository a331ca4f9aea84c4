"""Discord's markdown, as far as an alert may hold it: text in, spans out.

Lines are read first (code, headings, quotes, lists), then what is within them, from the outside in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from relay.clock import MICROS
from relay.simulator.chat import times
from relay.simulator.chat.spans import Setting, Span, plain, trimmed

_DEEPEST: Final = 12  # beyond it text is shown as it stands

_FENCE: Final = re.compile(r"```(?:([A-Za-z0-9_+.#-]+)\n)?\n*([^\n][\s\S]*?)\n*```")
_LINE: Final = re.compile(
    r"(?P<heading>#{1,3})[ ](?P<title>.+)"
    r"|-#[ ](?P<sub>.+)"
    r"|>[ ](?P<quote>.*)"
    r"|(?P<indent>[ ]*)(?P<bullet>[-*]|\d{1,9}\.)[ ](?P<item>.+)"
)
_REST: Final = re.compile(r"(?:\A|(?<=\n))>>> ([\s\S]+)\Z")

_BODY: Final = r"(?:\\[\s\S]|[^\\])+?"
_INLINE: Final = re.compile(
    r"\\(?P<escaped>[^0-9A-Za-z\s])"
    r"|(?P<ticks>`+)(?P<code>[\s\S]*?[^`])(?P=ticks)(?!`)"
    r"|<(?P<bare>https?://[^\s<>]+)>"
    r"|\[(?P<label>(?:\\.|[^\[\]\\\n])+)\]\(<?(?P<target>https?://(?:[^\s()<>]|\([^\s()<>]*\))+)>?(?: +\"[^\"\n]*\")?\)"
    r"|(?P<url>https?://[^\s<]+[^<.,:;\"'\])\s])"
    r"|<t:(?P<seconds>-?\d{1,15})(?::(?P<style>[tTdDfFRsS]))?>"
    r"|<@&(?P<role>\d{1,20})>|<@!?(?P<user>\d{1,20})>|<#(?P<channel>\d{1,20})>"
    r"|(?P<all>@everyone|@here)"
    r"|<a?:(?P<emoji>\w{2,32}):\d{1,20}>"
    rf"|\*\*(?P<strong>{_BODY})\*\*(?!\*)"
    rf"|__(?P<u>{_BODY})__(?!_)"
    r"|\*(?=\S)(?P<em>(?:\\[\s\S]|\*\*|[^*\\])+?)(?<!\s)\*(?!\*)"
    r"|(?<![A-Za-z0-9])_(?P<em_>(?:\\[\s\S]|__|[^_\\])+?)_(?![A-Za-z0-9_])"
    rf"|~~(?P<s>{_BODY})~~"
    rf"|\|\|(?P<spoiler>{_BODY})\|\|",
    re.ASCII,
)
_NESTED: Final = {"strong": "strong", "u": "u", "em": "em", "em_": "em", "s": "s", "spoiler": "spoiler"}


def read(text: str, setting: Setting) -> tuple[Span, ...]:
    """A message's content, an embed's description, a field's value."""
    spans: list[Span] = []
    at = 0
    for fence in _FENCE.finditer(text):
        spans += _lines(text[at : fence.start()], setting)
        spans.append(Span("pre", fence[2]))
        at = fence.end()
    spans += _lines(text[at:], setting)
    return trimmed(spans)


def read_line(text: str, setting: Setting) -> tuple[Span, ...]:
    """An embed's title, a field's name: no lines of their own, no links, nobody is mentioned."""
    return tuple(_inline(text, setting, 0, links=False))


def _lines(text: str, setting: Setting) -> Iterator[Span]:
    rest = _REST.search(text)
    if rest is not None:
        yield from _lines(text[: rest.start()], setting)
        yield Span("quote", inside=tuple(_inline(rest[1], setting, 0)))
        return
    waiting: list[str] = []
    for line in text.splitlines(keepends=True):
        block = _LINE.fullmatch(line.removesuffix("\n"))
        if block is None:
            waiting.append(line)
            continue
        yield from _inline("".join(waiting), setting, 0)
        waiting.clear()
        yield _block(block, setting)
    yield from _inline("".join(waiting), setting, 0)


def _block(block: re.Match[str], setting: Setting) -> Span:
    if block["heading"]:
        return Span(f"h{len(block['heading'])}", inside=tuple(_inline(block["title"], setting, 0)))
    for kind in ("sub", "quote"):
        if block[kind] is not None:
            return Span(kind, inside=tuple(_inline(block[kind], setting, 0)))
    bullet = ("◦" if block["indent"] else "•") if block["bullet"] in "-*" else block["bullet"]
    return Span("item", bullet, inside=tuple(_inline(block["item"], setting, 0)))


def _inline(text: str, setting: Setting, depth: int, *, links: bool = True) -> Iterator[Span]:
    at = 0
    for match in _INLINE.finditer(text) if depth < _DEEPEST else ():
        yield from plain(text[at : match.start()])
        yield from _span(match, setting, depth, links=links)
        at = match.end()
    yield from plain(text[at:])


def _span(match: re.Match[str], setting: Setting, depth: int, *, links: bool) -> Iterator[Span]:
    for group, kind in _NESTED.items():
        if match[group] is not None:
            yield Span(kind, inside=tuple(_inline(match[group], setting, depth + 1, links=links)))
            return
    url = match["bare"] or match["url"]
    if match["escaped"] is not None:
        yield Span("text", match["escaped"])
    elif match["code"] is not None:
        yield Span("code", match["code"].strip() or match["code"])
    elif match["seconds"] is not None:
        yield _time(match, setting)
    elif match["emoji"] is not None:
        yield Span("text", f":{match['emoji']}:")
    elif not links:
        yield from plain(match[0])
    elif url:
        yield Span("link", href=url, inside=(Span("text", url),))
    elif match["label"] is not None:
        yield Span("link", href=match["target"], inside=tuple(_inline(match["label"], setting, depth + 1, links=False)))
    else:
        yield Span("mention", _mention(match, setting))


def _mention(match: re.Match[str], setting: Setting) -> str:
    names = setting.names
    if match["role"]:
        return f"@{names.roles.get(match['role'], 'unknown-role')}"
    if match["user"]:
        return f"@{names.users.get(match['user'], 'unknown-user')}"
    if match["channel"]:
        return f"#{names.channels.get(match['channel'], 'unknown')}"
    return match["all"]


def _time(match: re.Match[str], setting: Setting) -> Span:
    at = times.moment(int(match["seconds"]) * MICROS, setting.zone)
    now = times.moment(setting.now_us, setting.zone)
    if at is None or now is None:
        return Span("text", match[0])
    return Span("time", times.discord(at, match["style"] or "f", now), times.full(at))
