"""The questions that ``relay init`` asks on a terminal; each again until its answer can be used.

    what options said already ──> Asked ──questions for what is missing──> Answers
                  key, URL ──Looker──> rejected, wrong: asked again; found 'Swing': a name to take
             the last day  ──Looker──> proposals with numbers, to pick one by its own

A secret is not shown while it is typed, and no message repeats it. Without a ``Looker`` nobody else is asked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, Protocol, TypeVar

import click

from relay.cli.counting import quiet
from relay.cli.setup import answers
from relay.cli.setup.answers import (
    EVERY_ALERT,
    FORMS,
    Answers,
    Filter,
    Kind,
    Place,
    SecretAnswer,
    Split,
    WrongAnswerError,
)
from relay.cli.setup.proposals import Proposal, counts, favourite, line, proposals
from relay.cli.setup.scout import KeyFound
from relay.cli.survey import Survey
from relay.destinations.probe import Probe
from relay.rules import words
from relay.upstream.probe import Standing

KEY_VARIABLE: Final = "STRATALERTS_API_KEY"
OF_A_FILTER: Final = frozenset(one.name for one in fields(Filter))
_COPY_FROM: Final[Mapping[Kind, str]] = {
    "discord": "The webhook's URL, from the channel's settings under Integrations",
    "slack": "The incoming webhook's URL",
    "webhook": "The URL that takes the alerts",
}
_UNTOLD: Final = "ws:connect and prices:read only the socket tells; `relay run` names what is missing"
_NEEDED_FOR: Final = {"alerts:read": "for every alert", "states:read": "only for rules that look at states"}
_WHERE_IN_A_CONFIG: Final = " Check stratalerts.api_key, or the file that api_key_file names."
_LONGEST_NAME: Final = 32

T = TypeVar("T")


class Looker(Protocol):
    """Asks the upstream and the destinations, while somebody answers; see ``relay.cli.setup.scout.Scout``."""

    def key(self, answer: SecretAnswer) -> KeyFound | None:
        """What the upstream says to a key."""
        ...

    def place(self, kind: Kind, url: SecretAnswer) -> Probe | None:
        """What is found at a URL."""
        ...

    def doubt(self, kind: Kind, url: SecretAnswer) -> str:
        """What is odd about a URL; empty where nothing is."""
        ...

    def last_day(self, answer: SecretAnswer, symbols: Collection[str]) -> Survey | None:
        """What the last day had."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What options have answered.

    Attributes:
        key: The API key; None is to be asked.
        places: Where alerts go; none is to be asked.
        wanted: Which alerts.
        open: What of ``wanted`` is to be asked.
        upstream: As in ``Answers``; never asked for.
    """

    key: SecretAnswer | None = None
    places: tuple[Place, ...] = ()
    wanted: Filter = EVERY_ALERT
    open: frozenset[str] = OF_A_FILTER
    upstream: tuple[tuple[str, str], ...] = ()


def ask(asked: Asked, env: Mapping[str, str], looker: Looker | None = None) -> Answers:
    """Ask for what is missing, and have looked up what is answered."""
    click.echo(f"Secrets are typed as they are, or named: {FORMS}.")
    key = _key(asked.key, env, looker)
    places = tuple(_looked(place, env, looker) for place in asked.places) or _places(env, looker)
    wanted, split = _wanted(asked, key, [place.name for place in places], looker)
    return answers.gathered(key, places, wanted, upstream=asked.upstream, split=split)


def _wanted(
    asked: Asked, key: SecretAnswer, names: Sequence[str], looker: Looker | None
) -> tuple[Filter, Split | None]:
    """Which alerts, and who of ``names`` gets what: picked by its number, where the last day can be seen."""
    wanted = asked.wanted
    if "symbols" in asked.open:
        wanted = replace(wanted, symbols=_plain("Symbols, like AAPL, SPY or *-USD", answers.symbols))
    if looker is not None and "timeframes" in asked.open:
        click.echo("Fetching what the last day had …")
        day = looker.last_day(key, wanted.symbols)
        chosen = None if day is None else _chosen(day, proposals(names, wanted))
        if chosen is not None:
            return chosen.wanted, chosen.split
    if "timeframes" in asked.open:
        wanted = replace(wanted, timeframes=_plain("Timeframes, of 15 30 60 4H 12H D W M Q Y", answers.timeframes))
    if "direction" in asked.open:
        wanted = replace(wanted, direction=_plain("Direction, bullish or bearish", answers.direction))
    return wanted, None


def _key(given: SecretAnswer | None, env: Mapping[str, str], looker: Looker | None) -> SecretAnswer:
    """A key that the upstream takes, or that somebody goes on with all the same."""
    default = _default_key(env)
    while True:
        key = given or _secret("API key", lambda text: answers.key(text, env), default)
        found = None if looker is None else looker.key(key)
        if found is None or _takes(found):
            return key
        given, default = None, None  # what was rejected is not offered again


def _takes(found: KeyFound) -> bool:
    """Whether to go on with a key, told or asked."""
    if found.standing is Standing.ACCEPTED:
        click.echo(f"  {found.detail}: it has alerts:read; {_UNTOLD}.")
        for scope in found.lacks:
            click.echo(f"  It lacks {scope}, which it needs {_NEEDED_FOR[scope]}.")
        return True
    if found.standing is Standing.REJECTED:
        click.echo(f"  {found.detail.removesuffix(_WHERE_IN_A_CONFIG)} Type another; --offline has none looked up.")
        return False
    click.echo(f"  {found.detail}")
    if found.standing is Standing.MISSING_SCOPE:
        return click.confirm(f"  Without {' and '.join(found.lacks)} no alert comes. Go on with it?", default=False)
    return click.confirm("  So the key can't be checked now. Go on with it?", default=False)


def _default_key(env: Mapping[str, str]) -> str | None:
    return answers.in_environment(KEY_VARIABLE) if KEY_VARIABLE in env else None


def _places(env: Mapping[str, str], looker: Looker | None) -> tuple[Place, ...]:
    """At least one."""
    places: dict[str, Place] = {}
    while not places or click.confirm("Another destination?", default=False):
        place = _place(places, env, looker)
        places[place.name] = place
    return tuple(places.values())


def _place(others: Mapping[str, Place], env: Mapping[str, str], looker: Looker | None) -> Place:
    taken = None
    while taken is None:  # who pasted another service's URL chooses its kind anew
        kind: Kind = click.prompt("Where alerts go", type=click.Choice(answers.KINDS), default=answers.KINDS[0])
        taken = _url(kind, None, env, looker)
    url, found = taken

    def name_of(text: str) -> str:
        name = answers.place_name(text)
        if name in others:
            raise WrongAnswerError(f"{name} is taken")
        return name

    likely = name_after(found) or kind
    default = None if likely in others else likely
    return Place(_again(lambda: name_of(click.prompt("A name for it", default=default))), kind, url)


def _looked(place: Place, env: Mapping[str, str], looker: Looker | None) -> Place:
    """A place that an option named, with a URL that leads somewhere."""
    if looker is not None:
        click.echo(f"{place.name}:")
    taken = _url(place.kind, place.url, env, looker)
    while taken is None:
        taken = _url(place.kind, None, env, looker)
    return Place(place.name, place.kind, taken[0])


def _url(
    kind: Kind, given: SecretAnswer | None, env: Mapping[str, str], looker: Looker | None
) -> tuple[SecretAnswer, str] | None:
    """A URL where something was found, or that somebody takes all the same; and what the provider calls it.

    None where it seems to be another service's, and somebody thinks so, too.
    """
    while True:
        url = given or _secret(_COPY_FROM[kind], lambda text: answers.place_url(text, env))
        if looker is not None and not _trusts(looker.doubt(kind, url)):
            return None
        found = None if looker is None else looker.place(kind, url)
        if found is None:
            return url, ""
        click.echo(f"  {found.detail}")
        if found.ok:
            return url, found.name
        if not found.wrong and click.confirm("  So it can't be checked now. Take it?", default=False):
            return url, ""
        given = None


def _trusts(doubt: str) -> bool:
    """Whether to go on with a URL that may not be meant."""
    if not doubt:
        return True
    click.echo(f"  {doubt[0].upper()}{doubt[1:]}.")
    return click.confirm("  Take it all the same?", default=False)


def name_after(found: str) -> str:
    """A destination's name after what a provider calls it: ``Swing Alerts!`` is ``swing-alerts``; may be empty."""
    ascii_only = unicodedata.normalize("NFKD", found).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only.lower())[:_LONGEST_NAME].strip("-")


def _chosen(day: Survey, offered: list[Proposal]) -> Proposal | None:
    """The proposal that somebody picks; None where they say it themselves, or nothing of the day could be seen."""
    [shown] = day.channels
    if shown.cut is not None and not shown.events:
        click.echo(f"  The alerts of the last day can't be counted: {shown.cut.why}.")
        return None
    got = [counts(proposal, shown.events) for proposal in offered]
    likely = favourite(offered, got)
    click.echo(f"What would have come in the last 24 hours{_of(offered)}:")
    for note in quiet(day):
        click.echo(f"  note: {note}")
    for number, (proposal, each) in enumerate(zip(offered, got, strict=True), 1):
        click.echo(f"  {number}  {line(proposal, each, cut=shown.cut is not None)}")
    click.echo(f"  {len(offered) + 1}  something else: timeframes and direction are asked")
    picked = click.prompt("Which", type=click.IntRange(1, len(offered) + 1), default=likely + 1)
    return offered[picked - 1] if picked <= len(offered) else None


def _of(offered: list[Proposal]) -> str:
    directions = {proposal.wanted.direction for proposal in offered if proposal.wanted.direction}
    return f", {words.listing(sorted(directions), 'or')}" if directions else ""


def _secret(question: str, read: Callable[[str], T], default: str | None = None) -> T:
    def ask() -> T:
        shown = default is not None
        typed: str = click.prompt(f"{question} (not shown)", default=default or "", hide_input=True, show_default=shown)
        if not typed.strip():  # Enter alone, or a paste that did not arrive: neither can be seen
            raise WrongAnswerError("nothing was typed; Ctrl-C ends this, and then nothing is written")
        return read(typed)

    return _again(ask)


def _plain(question: str, read: Callable[[str], T]) -> T:
    return _again(lambda: read(click.prompt(question, default="all")))


def _again(ask: Callable[[], T]) -> T:
    """Ask until the answer can be used."""
    while True:
        try:
            return ask()
        except WrongAnswerError as error:
            click.echo(f"  That won't do: {error}.")
