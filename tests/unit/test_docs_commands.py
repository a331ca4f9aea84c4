"""Every command line that the documents show is one that the relay takes: its verb, its options, its arguments."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from relay.cli import VERBS, group
from tests.support.documents import DOCUMENTS, ROOT

_ENDS = {"|", "||", "&&", ";", "&", "<", ">", ">>", "<<", ")", "(", "\n"}
_OF_OTHERS = {"systemctl", "journalctl", "--entrypoint"}  # to whom a relay is a unit, or a container


def command_lines(text: str) -> Iterator[list[str]]:
    """What stands after ``relay`` wherever it is called in the shell blocks of a document."""
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            yield from _calls(line)


def _calls(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line.replace("…", "X"), posix=True, punctuation_chars=True)
    lexer.wordchars += "@%{}:,+$"
    try:
        tokens = list(lexer)
    except ValueError:  # a quote that goes on in the next line
        return
    told = 0  # up to which token the last call goes
    for place, token in enumerate(tokens):
        before, after = tokens[:place], tokens[place + 1 :]
        named = not before or not before[-1].startswith("--")  # `docker run --name relay` calls nothing
        if place < told or not named or not re.fullmatch(r"([^:]*/)?relay", token) or _OF_OTHERS & set(before):
            continue
        if after and (after[0] in VERBS or after[0].startswith("-")):
            call = [*_until_end(after)]
            told = place + len(call)
            yield call


def _until_end(tokens: list[str]) -> Iterator[str]:
    for token in tokens:
        if token in _ENDS:
            return
        yield token


def taken(arguments: list[str], command: click.Command = group, name: str = "relay") -> str:
    """What was called, or why it can't be.

    Raises:
        click.UsageError: There is no such option, or a value of it is missing.
    """
    context = click.Context(command, info_name=name)
    _, rest, _ = command.make_parser(context).parse_args(arguments)
    if not isinstance(command, click.Group) or not rest:
        most = sum(parameter.nargs for parameter in command.params if isinstance(parameter, click.Argument))
        many = any(parameter.nargs < 0 for parameter in command.params)
        assert many or len(rest) <= most, f"{name} takes no {rest[most:]}"
        return name
    inner = command.get_command(context, rest[0])
    assert inner is not None, f"{name} has no {rest[0]}"
    return taken(rest[1:], inner, f"{name} {rest[0]}")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_relay_takes_every_command_line_that_is_shown(document: Path) -> None:
    for arguments in command_lines(document.read_text("utf-8")):
        try:
            taken(arguments)
        except click.UsageError as error:
            pytest.fail(f"relay {shlex.join(arguments)}: {error.format_message()}")


def test_the_documents_show_most_verbs() -> None:
    shown = {taken(line).split()[1] for path in DOCUMENTS for line in command_lines(path.read_text("utf-8")) if line}
    assert len(shown & VERBS.keys()) >= 15


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("relay dead list --to bot   # what it refused", [["dead", "list", "--to", "bot"]]),
        ("sudo /opt/relay/bin/relay -c /etc/relay/config.yaml check", [["-c", "/etc/relay/config.yaml", "check"]]),
        ("systemctl reload relay", []),
        ("docker run --name relay --restart always relay check", [["check"]]),
        ("journalctl -u relay -n 50", []),
        ("docker compose exec relay relay status --json | jq .", [["status", "--json"]]),
        ("relay status --check && echo fine", [["status", "--check"]]),
    ],
)
def test_a_call_is_found_in_its_line(line: str, found: list[list[str]]) -> None:
    assert list(command_lines(f"```sh\n{line}\n```")) == found


@pytest.mark.parametrize("line", ["status --nonsense", "replay --since", "dead lost", "connect bot"])
def test_what_the_relay_does_not_take_is_found(line: str) -> None:
    with pytest.raises((click.UsageError, AssertionError)):
        taken(line.split())
