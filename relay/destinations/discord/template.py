"""What a user's template wrote for one alert: content and embeds, cut to Discord's limits.

    variables, upstream's texts escaped ──template──> text ──read──> Written ──marked──> with what it must not hide

The text is a JSON object with content and/or embeds, or plain text as content; what begins with a brace is meant as
JSON. Nothing else of a message can be
written by a template: who is pinged, the name and the flags are the config's. What the template got wrong ends as a
dead letter that says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from relay.destinations.discord import embeds as limits
from relay.destinations.discord.embeds import Embed
from relay.destinations.discord.markdown import escape
from relay.destinations.texts import fit, width
from relay.template import BodyTemplate, RenderError

CONTENT: Final = 2000

WARNING: Final = 256
"""Units that the line of remarks above an alert has at most."""

_KEYS: Final = ("content", "embeds")
_URLS: Final = ("url", "icon_url")
_OURS: Final = ("type", "timestamp", "relay", "mentions", "late", "chart")  # the relay's own words, ready for Discord
_UPSTREAMS: Final = ("event", "key")  # of ``relay``: they are made of the alert's fields
_DEEPEST: Final = 50
_BLANK: Final = "\N{ZERO WIDTH SPACE}"  # Discord refuses a field without a text, and shows this as none


class Written(msgspec.Struct, frozen=True):
    """One alert as its template has it.

    Attributes:
        content: Text above the embeds; may be empty.
        embeds: Within the limits of one message.
    """

    content: str = ""
    embeds: tuple[Embed, ...] = ()


def write(template: BodyTemplate, variables: Mapping[str, object]) -> Written:
    """Render ``template``.

    Raises:
        RenderError: It fails, or what it gives is no message.
    """
    text = template.render(_safe(variables)).decode().strip()
    if not text.startswith("{"):
        return _checked(Written(text))
    try:
        given = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        raise RenderError("the template begins with a brace, and what it gives is not JSON") from None
    for key in given:
        if key not in _KEYS:
            raise RenderError(f"the template may give content and embeds alone, not {_named(key)}")
    content, embeds = given.get("content"), given.get("embeds")
    if content is not None and not isinstance(content, str):
        raise RenderError("the template's content is no text")
    if not isinstance(embeds, list | None) or not all(isinstance(embed, dict) for embed in embeds or ()):
        raise RenderError("the template's embeds are no list of objects")
    return _checked(Written(content or "", _cut_all(embeds or ())))


def marked(written: Written, headline: str, said: Sequence[str]) -> Written:
    """``written`` below a line with ``said``; nothing of it is made up where nothing is to be said.

    Args:
        written: What the template wrote.
        headline: Names the alert where nothing in the content does.
        said: Its remarks: a test, a replay, late, simulated.
    """
    if not said:
        return written
    if not written.content.strip():
        return Written(limits.warning((*said, headline), WARNING), written.embeds)
    return Written(f"{limits.warning(said, WARNING)}\n{written.content}", written.embeds)


def _safe(variables: Mapping[str, object]) -> dict[str, object]:
    """``variables`` with every text of upstream's escaped, so that a template can't let it format or link."""
    safe = {name: value if name in _OURS else _escaped(value) for name, value in variables.items()}
    if isinstance(relay := safe.get("relay"), dict):
        safe["relay"] = {name: _escaped(value) if name in _UPSTREAMS else value for name, value in relay.items()}
    return safe


def _escaped(value: object, depth: int = 0) -> object:
    if isinstance(value, str):
        return "".join(escape(value[: limits.ALL]))  # no message holds more of it, and a megabyte takes a second
    if isinstance(value, dict | list) and depth == _DEEPEST:
        return None
    if isinstance(value, dict):
        return {name: _escaped(item, depth + 1) for name, item in value.items()}
    return [_escaped(item, depth + 1) for item in value] if isinstance(value, list) else value


def _checked(written: Written) -> Written:
    if not written.content.strip() and not written.embeds:
        raise RenderError("the template gives neither content nor embeds")
    return written


def _named(key: str) -> str:
    return fit(key, 40) if key.isascii() and key.isprintable() else "what it does"


def _cut_all(embeds: list[Embed] | tuple[()]) -> tuple[Embed, ...]:
    left = limits.ALL
    kept = []
    for embed in embeds[: limits.EMBEDS]:
        cut = _Cut(left).embed(embed)
        left -= limits.size(cut)
        if limits.size(cut) or not limits.size(embed):  # one of which nothing is left would be refused
            kept.append(cut)
    return tuple(kept)


def _without_empty_urls(embed: Embed) -> Embed:
    """A copy; an alert without a chart leaves the template's url empty, and Discord refuses that."""
    kept: Embed = {name: value for name, value in embed.items() if not (name == "url" and value == "")}
    for part in ("author", "footer", "image", "thumbnail"):
        if isinstance(inner := kept.get(part), dict):
            kept[part] = {name: value for name, value in inner.items() if not (name in _URLS and value == "")}
    return kept


class _Cut:
    """Cuts the texts of one embed, in the order in which they matter, to their limits and to ``left`` in all."""

    def __init__(self, left: int) -> None:
        self._left = left

    def embed(self, embed: Embed) -> Embed:
        """A copy within the limits; what there is no room for is left out."""
        cut = _without_empty_urls(embed)
        self._text(cut, "title", limits.TITLE)
        self._part(cut, "author", "name", limits.AUTHOR)
        self._text(cut, "description", limits.DESCRIPTION)
        if isinstance(fields := cut.get("fields"), list):
            cut["fields"] = [field for field in map(self._field, fields[: limits.FIELDS]) if field is not None]
        self._part(cut, "footer", "text", limits.FOOTER)
        return cut

    def _text(self, holder: Embed, key: str, limit: int) -> None:
        text = holder.get(key)
        if isinstance(text, int | float) and not isinstance(text, bool):
            text = str(text)
        if not isinstance(text, str):
            return
        room = min(limit, self._left)
        if room < 1:
            del holder[key]
            return
        holder[key] = fit(text, room)
        self._left -= width(holder[key])

    def _part(self, holder: Embed, part: str, key: str, limit: int) -> None:
        if isinstance(inner := holder.get(part), dict):
            holder[part] = dict(inner)
            self._text(holder[part], key, limit)
            if not str(holder[part].get(key, "")).strip():  # Discord refuses one without a text
                del holder[part]

    def _field(self, field: object) -> object | None:
        if not isinstance(field, dict):
            return field
        if self._left < 2:  # noqa: PLR2004  because a field has two texts
            return None
        cut = dict(field)
        for key in ("name", "value"):
            if isinstance(text := cut.get(key), str) and not text.strip():
                cut[key] = _BLANK
        value_room = 1
        self._left -= value_room
        self._text(cut, "name", limits.FIELD_NAME)
        self._left += value_room
        self._text(cut, "value", limits.FIELD_VALUE)
        return cut
