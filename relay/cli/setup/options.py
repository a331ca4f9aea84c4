"""What the options of ``relay init`` have answered, read as the config reads it; all that is wrong is named at once.

--key-file, --discord NAME=URL, --symbols … ──read──> Asked, or one error with every fault
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Final, TypeVar

import click

from relay.cli.setup import answers
from relay.cli.setup.answers import Filter, Kind, Place, WrongAnswerError
from relay.cli.setup.dialogue import OF_A_FILTER, Asked
from relay.errors import UsageError

PLACE: Final = "NAME=URL"

T = TypeVar("T")


def read(given: Mapping[str, str | tuple[str, ...] | None], env: Mapping[str, str]) -> Asked:
    """What the options say.

    Raises:
        UsageError: Two contradict each other; or, of click: some can't be used, and every one of them is named.
    """
    faults: list[click.UsageError] = []
    one = {name: value for name, value in given.items() if isinstance(value, str)}
    if "key_file" in one and "key_env" in one:
        raise UsageError("--key-file and --key-env both say where the API key is", hint="Leave one of them off.")

    def read_one(name: str, reader: Callable[[str], T]) -> T | None:
        return _option(f"--{name.replace('_', '-')}", partial(reader, one[name]), faults) if name in one else None

    places = [place for kind in answers.KINDS for place in _places(kind, given[kind] or (), env, faults)]
    upstream = [read_one(name, partial(answers.address, name)) for name in answers.ADDRESSES]
    asked = Asked(
        key=read_one("key_file", lambda text: answers.key(f"@{text}", env))
        or read_one("key_env", lambda text: answers.key(answers.in_environment(text), env)),
        places=_option("--discord, --slack, --webhook", lambda: answers.distinct(places), faults) or (),
        wanted=Filter(
            symbols=read_one("symbols", answers.symbols) or (),
            timeframes=read_one("timeframes", answers.timeframes) or (),
            direction=read_one("direction", answers.direction),
        ),
        open=OF_A_FILTER - one.keys(),
        upstream=tuple(address for address in upstream if address is not None),
    )
    if len(faults) > 1:
        raise click.UsageError("\n  ".join(fault.format_message() for fault in faults))
    if faults:
        raise faults[0]
    return asked


def require(asked: Asked) -> None:
    """Without anybody to ask, options must say what can't be left out.

    Raises:
        UsageError: Of click: they don't.
    """
    if asked.key is None:
        raise click.UsageError("Nobody is there to ask: say where the API key is, with --key-file or --key-env.")
    if not asked.places:
        raise click.UsageError("Nobody is there to ask: say where alerts go, with --discord, --slack or --webhook.")


def _places(
    kind: Kind, texts: Iterable[str], env: Mapping[str, str], faults: list[click.UsageError]
) -> Iterator[Place]:
    for text in texts:
        name, equals, url = text.partition("=")
        if not equals:  # the text may be a URL: a secret
            faults.append(click.BadParameter(f"{PLACE} is wanted", param_hint=f"--{kind}"))
            continue
        place = _option(f"--{kind}", partial(answers.place, kind, name, url, env), faults)
        if place is not None:
            yield place


def _option(option: str, read: Callable[[], T], faults: list[click.UsageError]) -> T | None:
    """What it says; None, and a fault more, where that can't be used."""
    try:
        return read()
    except WrongAnswerError as error:
        faults.append(click.BadParameter(f"{error}.", param_hint=option))
        return None
