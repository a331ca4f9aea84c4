"""The files that ``relay init`` writes. Pure.

    Answers ──written──> config.yaml, config.schema.json, and a file for each secret that was typed

What holds always: the config loads without a fault, whatever was answered; no typed secret is in it; no answer can say
anything in YAML but itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import yaml

from relay.cli.setup.answers import Answers, InEnvironment, InFile, Kind, SecretAnswer, Typed
from relay.config.schema import schema_text
from relay.document.scalars import resolve
from relay.placing import CLOSED, File, Shown

SCHEMA: Final = "config.schema.json"
RULE: Final = "my alerts"

_HEAD: Final = f"""\
# yaml-language-server: $schema=./{SCHEMA}
#
# Written by `relay init`, and yours to change; `relay check` then says whether it is right, and what it means.
# What is not said here has its default. ${{NAME}} is read from the environment, and a secret called x can lie in a
# file instead, named by x_file.
"""
_KEY_NEEDS: Final = "needs the scopes ws:connect and alerts:read"
_OFFERS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "discord": ("# silent: true # no sound, no notification",),
    "slack": ("# digest_over: 60 # when more than this wait, a message is a table of them",),
    "webhook": (
        "# secret: ${BOT_SECRET} # signs what is sent; make one with: openssl rand -base64 32",
        "# max_age: 10s # nothing older is sent: an order on an old alert is worse than none",
    ),
}
_PLAIN: Final = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*", re.ASCII)


def written(answers: Answers, config: Path) -> tuple[File, ...]:
    """What to write for ``answers``, by paths beside the config, which comes last: it never names what is not there.

    Args:
        answers: All of them.
        config: The config's path, absolute; files that lie beside it are named relative to it.
    """
    secrets = _Secrets(config, [answers.key, *(place.url for place in answers.places)])
    text = "\n".join(
        (
            _HEAD,
            "stratalerts:",
            f"  {secrets.entry('api_key', answers.key, 'api_key')} # {_KEY_NEEDS}",
            *(f"  {key}: {_scalar(value)}" for key, value in answers.upstream),
            "",
            *_watched(answers),
            "",
            "destinations:",
            *_destinations(answers, secrets),
            "rules: # each that matches delivers; a destination gets an alert once",
            *_rule(answers),
            "",
        )
    )
    schema = File(Path(SCHEMA), schema_text(), shown=Shown.SCHEMA)
    return (*secrets.files, schema, File(Path(config.name), text))


class _Secrets:
    """Secrets as the config names them, and the files of those that were typed."""

    def __init__(self, config: Path, given: Iterable[SecretAnswer]) -> None:
        self.files: list[File] = []
        self._folder = config.parent
        lying = (self._named(one.path).lower() for one in given if isinstance(one, InFile))
        self._taken = {config.name.lower(), SCHEMA, *lying}

    def entry(self, key: str, given: SecretAnswer, name: str) -> str:
        """``KEY: ${NAME}`` or ``KEY_file: FILE``; ``name`` is what a file of its own is called."""
        match given:
            case InEnvironment():
                return f"{key}: ${{{given.name}}}"
            case InFile():
                return f"{key}_file: {_scalar(self._named(given.path))}"
            case Typed():
                file = self._free(name)
                self.files.append(File(Path(file), given.secret.reveal() + "\n", CLOSED, shown=Shown.SECRET))
                return f"{key}_file: {_scalar(file)}"

    def _named(self, path: Path) -> str:
        return str(path.relative_to(self._folder) if path.is_relative_to(self._folder) else path)

    def _free(self, name: str) -> str:
        """A file's name after ``name``, fit for a systemd credential; no two differ in capitals alone."""
        plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
        number = 1
        while (file := plain if number == 1 else f"{plain}_{number}").lower() in self._taken:
            number += 1
        self._taken.add(file.lower())
        return file


def _watched(answers: Answers) -> Iterator[str]:
    """How somebody hears of it when the relay itself is in trouble."""
    asked = "asked while all is well: who watches it is told when that ends"
    yield f'# heartbeat: {{url: "${{HEARTBEAT_URL}}", every: 1m}} # {asked}'
    last = _scalar(answers.places[-1].name)
    yield f"# alerts_to: {last} # told of the relay's own troubles; best a place of their own"


def _destinations(answers: Answers, secrets: _Secrets) -> Iterator[str]:
    for place in answers.places:
        yield f"  {_scalar(place.name, key=True)}:"
        yield f"    type: {place.kind}"
        yield f"    {secrets.entry('url', place.url, f'{place.kind}_{place.name}')}"
        yield from (f"    {offer}" for offer in _OFFERS[place.kind])
        yield ""


def _rule(answers: Answers) -> Iterator[str]:
    yield f"  - name: {RULE}"
    symbols = _several([_scalar(symbol) for symbol in answers.wanted.symbols])
    yield _condition("symbol", symbols, '[AAPL, SPY, "*-USD"]', "names and globs; without this line, all")
    timeframes = _several(answers.wanted.timeframes)
    yield _condition("timeframe", timeframes, "[D, W]", "15 30 60 4H 12H D W M Q Y; without this line, all")
    yield _condition("direction", answers.wanted.direction, "bullish", "or bearish; without this line, both")
    if answers.split is None:
        yield f"    to: {_several([_scalar(place.name) for place in answers.places])}"
        return
    yield "    to: # each kind of alert to its own place; docs/rules.md has more of these"
    yield f"      by: {answers.split.by}"
    yield "      routes:"
    for values, name in answers.split.routes:
        yield f"        {_scalar(', '.join(values), key=True)}: {_scalar(name)}"


def _condition(key: str, value: str | None, example: str, remark: str) -> str:
    return f"    {f'{key}: {value}' if value else f'# {key}: {example}'} # {remark}"


def _several(scalars: Sequence[str]) -> str | None:
    """One scalar as it is, more as a list; None where there are none."""
    return f"[{', '.join(scalars)}]" if len(scalars) > 1 else next(iter(scalars), None)


def _scalar(text: str, *, key: bool = False) -> str:
    """``text`` as a YAML scalar on one line that means itself, to the relay and to any other reader of YAML.

    Args:
        text: What is meant.
        key: It is a key; in values alone a dollar begins a variable.
    """
    meant = text if key else text.replace("$", "$$")
    if _PLAIN.fullmatch(meant) and resolve(meant) == yaml.safe_load(meant) == meant:
        return meant
    dumped: str = yaml.safe_dump(meant, default_style='"', allow_unicode=True, width=1 << 30)
    return dumped.removesuffix("\n")
