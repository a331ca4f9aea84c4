"""What ``relay init`` wants to know: each answer read by the config's own readers, so that what is written is valid.

    the key itself | @FILE | ${NAME} ──key, place_url──> Typed | InFile | InEnvironment        a SecretAnswer
    discord: swing = …               ──place──> Place
    AAPL, SPY, *-USD                 ──symbols, timeframes, direction──> Filter
                                                  all of it ──> Answers ──> relay.cli.setup.draft

What holds always: an ``Answers`` is fit to be written; no message repeats a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

from pydantic import TypeAdapter, ValidationError

from relay.config.conditions import ALL, Direction, Symbol, Timeframe
from relay.config.destinations import Name
from relay.document.addresses import Credential, SecretUrl, url_of
from relay.document.reading import read_text, why
from relay.events import TIMEFRAMES
from relay.secret import Secret

Kind: TypeAlias = Literal["discord", "slack", "webhook"]
KINDS: Final[tuple[Kind, ...]] = ("discord", "slack", "webhook")

FORMS: Final = "@FILE where one lies in a file, ${NAME} where a variable of the environment holds it"
"""How a secret is given that is not typed."""

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
_VARIABLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_BARE: Final = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*", re.ASCII)  # a variable as shells write it
_OTHER_SCHEME: Final = re.compile(r"(?!https?:)[a-z]+://", re.ASCII | re.IGNORECASE)
_BY_APPRISE: Final = "Telegram, ntfy, mail and more are reached by type: apprise, as docs/apprise.md shows"
_LIKELY: Final = re.compile(r"[A-Z0-9^$*?\[][A-Z0-9^$*?\[\].=!/_-]{0,31}", re.ASCII)
_LARGEST: Final = 65_536  # bytes of a secret's file, as the config reads it
NOWHERE: Final = "https://unset.invalid/"
"""Stands for a URL, or any secret, that is not there yet, where a config must have one; it is never asked."""

ADDRESSES: Final = {"websocket_url": ("ws", "wss"), "rest_url": ("http", "https")}
"""The upstream's addresses in the config, and the schemes each can have."""

T = TypeVar("T")


class WrongAnswerError(ValueError):
    """An answer can't be used; says what is wanted."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A secret that was typed: it is written to a file of its own."""

    secret: Secret


@dataclass(frozen=True, slots=True)
class InFile:
    """A secret that stays in the file where it lies; absolute."""

    path: Path


@dataclass(frozen=True, slots=True)
class InEnvironment:
    """A secret that the environment holds when the relay runs."""

    name: str


SecretAnswer: TypeAlias = Typed | InFile | InEnvironment
"""A secret, wherever it lies."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where alerts go: a destination's name, its type and its URL."""

    name: str
    kind: Kind
    url: SecretAnswer


@dataclass(frozen=True, slots=True)
class Filter:
    """Which alerts are wanted.

    Attributes:
        symbols: Names and globs, upper case; empty is all.
        timeframes: In the vendor's spelling; empty is all.
        direction: None is both.
    """

    symbols: tuple[str, ...] = ()
    timeframes: tuple[str, ...] = ()
    direction: str | None = None


EVERY_ALERT: Final = Filter()


@dataclass(frozen=True, slots=True)
class Split:
    """Each kind of alert to a place of its own.

    Attributes:
        by: ``timeframe`` or ``asset``.
        routes: Values of that, or ``else``, and the destination that gets them.
    """

    by: str
    routes: tuple[tuple[tuple[str, ...], str], ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything that was asked.

    Attributes:
        key: The API key.
        places: At least one; each name once.
        wanted: Which alerts.
        upstream: Addresses other than the vendor's, by their keys in the config.
        split: Who gets what; None where every place gets all of it.
    """

    key: SecretAnswer
    places: tuple[Place, ...]
    wanted: Filter = EVERY_ALERT
    upstream: tuple[tuple[str, str], ...] = ()
    split: Split | None = None


_KEY: Final[TypeAdapter[Secret]] = TypeAdapter(Credential)
_URL: Final[TypeAdapter[Secret]] = TypeAdapter(SecretUrl)
_NAME: Final[TypeAdapter[str]] = TypeAdapter(Name)
_SYMBOL: Final[TypeAdapter[str]] = TypeAdapter(Symbol)
_TIMEFRAME: Final[TypeAdapter[str]] = TypeAdapter(Timeframe)
_DIRECTION: Final[TypeAdapter[str]] = TypeAdapter(Direction)
_ADDRESS_READERS: Final[Mapping[str, TypeAdapter[str]]] = {
    key: TypeAdapter(Annotated[str, url_of(*schemes)]) for key, schemes in ADDRESSES.items()
}


def key(text: str, env: Mapping[str, str]) -> SecretAnswer:
    """The API key, itself or in one of ``FORMS``.

    Raises:
        WrongAnswerError: It is not there, or can't be a key.
    """
    return _given(text, env, _KEY)


def place(kind: Kind, name: str, url: str, env: Mapping[str, str]) -> Place:
    """A destination, its URL itself or in one of ``FORMS``.

    Raises:
        WrongAnswerError: The name or the URL can't be used.
    """
    return Place(place_name(name), kind, place_url(url, env))


def place_name(text: str) -> str:
    """A destination's name."""
    return _read(_NAME, _printable(text.strip()))


def place_url(text: str, env: Mapping[str, str]) -> SecretAnswer:
    """A destination's URL, itself or in one of ``FORMS``."""
    try:
        return _given(text, env, _URL)
    except WrongAnswerError as error:
        if _OTHER_SCHEME.match(text.strip()):
            raise WrongAnswerError(f"{error}; {_BY_APPRISE}") from None
        raise


def symbols(text: str) -> tuple[str, ...]:
    """Symbols and globs, separated by commas or blanks; empty or ``all`` is all.

    Stricter than the config, which takes whatever the upstream may come to call a symbol: here a slip is likelier.
    """
    read = _several(text, _SYMBOL)
    for one in read:
        if not _LIKELY.fullmatch(one):
            raise WrongAnswerError(f"{one!r} is no symbol: AAPL, BRK.B, BTC-USD, ES=F and globs like *-USD are")
    return read


def timeframes(text: str) -> tuple[str, ...]:
    """Timeframes, likewise, in their own order."""
    return tuple(sorted(_several(text, _TIMEFRAME), key=TIMEFRAMES.index))


def direction(text: str) -> str | None:
    """``bullish``, ``bearish``, or both where it is empty or ``all``."""
    word = _read(_DIRECTION, text.strip() or ALL)
    return None if word == ALL else word


def address(name: str, text: str) -> tuple[str, str]:
    """An address of the upstream, ``websocket_url`` or ``rest_url``."""
    return name, _read(_ADDRESS_READERS[name], _printable(text.strip()))


def gathered(
    key: SecretAnswer,
    places: Iterable[Place],
    wanted: Filter = EVERY_ALERT,
    *,
    upstream: tuple[tuple[str, str], ...] = (),
    split: Split | None = None,
) -> Answers:
    """All answers together.

    Raises:
        WrongAnswerError: Two destinations have one name.
    """
    return Answers(key, distinct(places), wanted, upstream, split)


def distinct(places: Iterable[Place]) -> tuple[Place, ...]:
    """``places``, where each has a name of its own.

    Raises:
        WrongAnswerError: Two have one name.
    """
    named: dict[str, Place] = {}
    for one in places:
        if one.name in named:
            raise WrongAnswerError(f"two destinations are called {one.name}")
        named[one.name] = one
    return tuple(named.values())


def variables(answers: Answers) -> list[str]:
    """The environment variables that the config will read, each once."""
    given = (answers.key, *(place.url for place in answers.places))
    return list(dict.fromkeys(one.name for one in given if isinstance(one, InEnvironment)))


def in_environment(name: str) -> str:
    """The form of a secret that the variable ``name`` holds.

    Raises:
        WrongAnswerError: No variable can have this name.
    """
    if not _VARIABLE_NAME.fullmatch(name):
        raise WrongAnswerError("a variable's name is letters, digits and _")
    return f"${{{name}}}"


def revealed(answer: SecretAnswer, env: Mapping[str, str]) -> Secret | None:
    """The secret itself, wherever it lies; None where it is not there yet."""
    match answer:
        case Typed():
            return answer.secret
        case InEnvironment():
            text = env.get(answer.name, "")
        case InFile():
            try:
                text = read_text(answer.path, limit=_LARGEST).removesuffix("\n").removesuffix("\r")
            except (OSError, ValueError):
                text = ""
    return Secret(text) if text.strip() else None


def _given(text: str, env: Mapping[str, str], kind: TypeAdapter[Secret]) -> SecretAnswer:
    text = _printable(text.strip())
    if match := _VARIABLE.fullmatch(text):
        value = env.get(match[1])
        if value is not None:  # where it is not set yet, the relay's own environment will have it
            _read(kind, value, of=f"the environment variable {match[1]}")
        return InEnvironment(match[1])
    if text.startswith("@"):
        return _in_file(text[1:], kind)
    if "${" in text or _BARE.fullmatch(text):  # in a file of its own it would be taken as it is
        raise WrongAnswerError("a variable stands alone, as ${NAME}; here it is mistyped, or text is beside it")
    return Typed(_read(kind, text))


def _in_file(name: str, kind: TypeAdapter[Secret]) -> InFile:
    try:
        path = Path(name).expanduser().absolute()
        content = read_text(path, limit=_LARGEST)
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: ~somebody who is not there
        reason = "nobody has this home" if isinstance(error, RuntimeError) else why(error)
        raise WrongAnswerError(f"the file {name} can't be read: {reason}") from None
    _read(kind, content.removesuffix("\n").removesuffix("\r"), of=f"the file {name}")
    return InFile(path)


def _several(text: str, kind: TypeAdapter[str]) -> tuple[str, ...]:
    words = [word for word in re.split(r"[\s,;]+", text) if word]
    read = tuple(dict.fromkeys(_read(kind, _printable(word)) for word in words))
    everything = ALL in read or read == (ALL.upper(),)  # among other symbols it is the ticker ALL
    return () if everything else read


def _printable(text: str) -> str:
    """``text``, where a file in UTF-8 can hold it and a person can read it."""
    if not text.isprintable():
        raise WrongAnswerError("there is a control character in it, or it is not UTF-8")
    return text


def _read(kind: TypeAdapter[T], value: Any, *, of: str = "") -> T:  # noqa: ANN401  because a reader takes anything
    try:
        return kind.validate_python(value)
    except ValidationError as error:
        said = error.errors(include_url=False, include_input=False, include_context=False)[0]["msg"]
        raise WrongAnswerError(f"{of}: {said}" if of else said) from None
