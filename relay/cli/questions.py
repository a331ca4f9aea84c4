"""The questions that ``relay init`` asks on a terminal; each again until its answer can be used.

    what options said already ──> Asked ──questions for what is missing──> Answers

A secret is not shown while it is typed, and no message repeats it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import click

from relay.cli import answers
from relay.cli.answers import FORMS, Answers, Kind, Place, SecretAnswer, WrongAnswerError

KEY_VARIABLE: Final = "STRATALERTS_API_KEY"
_COPY_FROM: Final[Mapping[Kind, str]] = {
    "discord": "The webhook's URL, from the channel's settings under Integrations",
    "slack": "The incoming webhook's URL",
    "webhook": "The URL that takes the alerts",
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """What options have answered; None is still open.

    Attributes:
        key: The API key.
        places: Where alerts go.
        symbols: Empty is all.
        timeframes: Empty is all.
        direction: Empty is both.
        upstream: As in ``Answers``; never asked for.
    """

    key: SecretAnswer | None = None
    places: tuple[Place, ...] = ()
    symbols: tuple[str, ...] | None = None
    timeframes: tuple[str, ...] | None = None
    direction: str | None = None
    upstream: tuple[tuple[str, str], ...] = ()


def ask(asked: Asked, env: Mapping[str, str]) -> Answers:
    """Ask for what is missing."""
    click.echo(f"Secrets are typed as they are, or named: {FORMS}.")
    key = asked.key or _secret("API key", lambda text: answers.key(text, env), _default_key(env))
    places = asked.places or _places(env)
    symbols, timeframes, direction = asked.symbols, asked.timeframes, asked.direction
    if symbols is None:
        symbols = _plain("Symbols, like AAPL, SPY or *-USD", answers.symbols)
    if timeframes is None:
        timeframes = _plain("Timeframes, of 15 30 60 4H 12H D W M Q Y", answers.timeframes)
    if direction is None:
        direction = _plain("Direction, bullish or bearish", lambda text: answers.direction(text) or "")
    return answers.gathered(
        key, places, symbols=symbols, timeframes=timeframes, direction=direction or None, upstream=asked.upstream
    )


def _default_key(env: Mapping[str, str]) -> str | None:
    return answers.in_environment(KEY_VARIABLE) if KEY_VARIABLE in env else None


def _places(env: Mapping[str, str]) -> tuple[Place, ...]:
    """At least one."""
    places: dict[str, Place] = {}
    while not places or click.confirm("Another destination?", default=False):
        place = _place(places, env)
        places[place.name] = place
    return tuple(places.values())


def _place(others: Mapping[str, Place], env: Mapping[str, str]) -> Place:
    kind: Kind = click.prompt("Where alerts go", type=click.Choice(answers.KINDS), default=answers.KINDS[0])

    def name_of(text: str) -> str:
        name = answers.place_name(text)
        if name in others:
            raise WrongAnswerError(f"{name} is taken")
        return name

    name = _again(lambda: name_of(click.prompt("A name for it", default=None if kind in others else kind)))
    url = _secret(_COPY_FROM[kind], lambda text: answers.place_url(text, env))
    return Place(name, kind, url)


def _secret(question: str, read: Callable[[str], T], default: str | None = None) -> T:
    return _again(lambda: read(click.prompt(f"{question} (not shown)", default=default, hide_input=True)))


def _plain(question: str, read: Callable[[str], T]) -> T:
    return _again(lambda: read(click.prompt(question, default="all")))


def _again(ask: Callable[[], T]) -> T:
    """Ask until the answer can be used."""
    while True:
        try:
            return ask()
        except WrongAnswerError as error:
            click.echo(f"  That won't do: {error}.")
