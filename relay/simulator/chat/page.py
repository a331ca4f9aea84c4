"""Channels as their chats show them: whole HTML documents, without script, and with nothing to be fetched.

posted ──markdown──> spans ──template, autoescaped──> HTML

Pictures that a message names are not loaded: an avatar is its name's initials, an image its place. Times are UTC
unless another zone is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Final

import jinja2
import msgspec

from relay.simulator.chat import discord_view, slack_view, times
from relay.simulator.chat.posted import DiscordPosted, Names, Posted, SlackPosted
from relay.simulator.chat.spans import Setting

SHOWN: Final = 50
"""Messages a page shows: the newest."""

_HERE: Final = Path(__file__).parent / "pages"
_APART_US: Final = 7 * 60 * 1_000_000  # between two messages of one sender that both show the name
_SPAN: Final = 360  # degrees of hue
_NO_NAMES: Final = Names()

_environment: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Entry(msgspec.Struct, frozen=True):
    """A message in its place on the page.

    Attributes:
        message: What was posted.
        body: What it holds, as the chat's own view.
        first: It shows its sender: another one wrote before it, or the same one long ago.
        day: The date, where it is the first of its day.
        time: When, in the chat's words.
        short: When, beside a message that shows no sender.
        full: When, in full.
        initials: Its sender's.
        hue: Of its sender's colour, in degrees.
    """

    message: Posted
    body: object
    first: bool
    day: str
    time: str
    short: str
    full: str
    initials: str
    hue: int


def render_discord(
    posted: Sequence[DiscordPosted],
    *,
    title: str,
    channels: Sequence[str] = (),
    names: Names = _NO_NAMES,
    now_us: int | None = None,
    zone: tzinfo = UTC,
    refresh: int | None = None,
) -> str:
    """A channel of Discord, in the dark.

    Args:
        posted: Its messages, oldest first; the newest are shown.
        title: Its name.
        channels: Names for the list beside it; none draws no list.
        names: What ids are called.
        now_us: What "today" is told from, µs since the epoch; the last message's time where not given.
        zone: Of times shown.
        refresh: Seconds after which a browser loads it again; None for never.
    """
    setting = _setting(posted, names, now_us, zone)
    entries = _entries(posted[-SHOWN:], setting, [discord_view.body(message, setting) for message in posted[-SHOWN:]])
    return _render("discord", entries, title, channels, refresh)


def render_slack(
    posted: Sequence[SlackPosted],
    *,
    title: str,
    channels: Sequence[str] = (),
    names: Names = _NO_NAMES,
    now_us: int | None = None,
    zone: tzinfo = UTC,
    refresh: int | None = None,
) -> str:
    """A channel of Slack, in the light; arguments as ``render_discord`` has them."""
    setting = _setting(posted, names, now_us, zone)
    entries = _entries(posted[-SHOWN:], setting, [slack_view.body(message, setting) for message in posted[-SHOWN:]])
    return _render("slack", entries, title, channels, refresh)


def index(channels: Iterable[str], posted: Iterable[Posted], *, title: str, refresh: int | None = None) -> str:
    """The list of channels, and how much is in each."""
    counts = dict.fromkeys(channels, 0)
    for message in posted:
        counts[message.channel] += 1
    return _environment.get_template("index.html").render(title=title, counts=counts, refresh=refresh)


def _setting(posted: Sequence[Posted], names: Names, now_us: int | None, zone: tzinfo) -> Setting:
    return Setting(now_us if now_us is not None else max((message.at_us for message in posted), default=0), zone, names)


def _render(chat: str, entries: list[Entry], title: str, channels: Sequence[str], refresh: int | None) -> str:
    template = _environment.get_template(f"{chat}.html")
    return template.render(title=title, entries=entries, channels=channels, refresh=refresh)


def _entries(posted: Sequence[Posted], setting: Setting, bodies: Sequence[object]) -> list[Entry]:
    entries: list[Entry] = []
    before: Posted | None = None
    for message, body in zip(posted, bodies, strict=True):
        at, now = times.moment(message.at_us, setting.zone), times.moment(setting.now_us, setting.zone)
        last = None if before is None else times.moment(before.at_us, setting.zone)
        assert at is not None
        assert now is not None
        new_day = last is None or last.date() != at.date()
        apart = before is None or message.at_us - before.at_us > _APART_US or _sender(before) != _sender(message)
        entries.append(
            Entry(
                message=message,
                body=body,
                first=new_day or apart,
                day=times.day(at) if new_day else "",
                time=times.calendar(at, now),
                short=times.clock(at),
                full=times.full(at),
                initials="".join(word[0] for word in message.username.split()[:2]).upper(),
                hue=sum(message.username.encode()) * 7 % _SPAN,
            )
        )
        before = message
    return entries


def _sender(message: Posted) -> tuple[str, str, str]:
    return message.webhook, message.username, message.avatar_url
