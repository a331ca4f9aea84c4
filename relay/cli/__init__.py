"""The command line: one verb a file, loaded only when it is asked for.

    relay VERB … ──> relay.cli.VERB:command ──> exit code (relay.errors.Exit)

A verb is a thin ``click.Command`` named ``command``. It raises ``RelayError`` for whatever a person must mend;
the group prints that as a line or two and ends with the error's exit code, never with a traceback.
"""

from __future__ import annotations

import difflib
import gc
import importlib
import os
import re
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Final

import click
from click.shell_completion import CompletionItem

from relay import __version__
from relay.cli.folded import tell
from relay.cli.options import CONFIG_BEFORE_VERB
from relay.errors import Exit, RelayError
from relay.redaction import redact

VERBS: Final = {
    "init": "Ask a few questions and write a config.",
    "install": "Have systemd run the relay; as root.",
    "check": "Validate the config and say each rule in a plain sentence.",
    "send": "Send one marked test message to a destination, and show its answer.",
    "status": "Show the connection, every destination and the ledger.",
    "explain": "Say why each rule does or does not want an event, and what would be sent where.",
    "run": "Hold the socket and deliver; the daemon.",
    "connect": "Take the connection back from whoever took it over.",
    "demo": "Simulator, inbox and relay in one command, nothing to configure.",
    "simulate": "An upstream on loopback that replays real market history.",
    "state": "Show what the upstream knows of a symbol: price, continuity, setups.",
    "events": "Show stored events, and what became of each.",
    "deliveries": "Show what was to go where, and what became of it.",
    "dead": "Show dead letters, send them again, or let go of them.",
    "replay": "Send stored events again, marked as a replay.",
    "backfill": "Fetch over REST now what the socket may have missed.",
    "pause": "Hold a destination's deliveries in its queue.",
    "resume": "Let a paused or switched-off destination go on.",
    "snooze": "Suppress what a rule, destination or symbol would send, for a while.",
    "audit": "Compare the store with what the upstream still returns.",
    "backup": "Copy the store, while the relay runs or not.",
    "repair": "Keep what can be kept of a damaged store.",
    "completion": "Print what makes a shell complete the verbs, their options and your names.",
    "schema": "Print the JSON Schema of the config.",
    "version": "Print the version.",
}

_NOBODY_ELSE: Final = 0o077
_NOBODY_ELSE_WRITES: Final = 0o022
_CONFIG_AS_ARGUMENT: Final = re.compile(r"extra arguments? .*\.ya?ml\b")  # in click's words, which a test holds us to


class Verbs(click.Group):
    """A group that imports a verb's module only when that verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Verbs in the order a newcomer needs them."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb, or None where there is no such verb."""
        del ctx
        if cmd_name not in VERBS:
            return None
        command = importlib.import_module(f"relay.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        if not gc.isenabled():  # held by main()
            gc.freeze()
            gc.enable()
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb; where there is no such verb, the nearest is named."""
        if args[0] not in VERBS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], VERBS, n=1)
            raise click.UsageError(f"No such command '{args[0]}'.{f' Did you mean {near[0]!r}?' if near else ''}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The verbs that begin so, without importing them."""
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [CompletionItem(verb, help=VERBS[verb]) for verb in VERBS if verb.startswith(incomplete)] + options

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=False)
@click.version_option(__version__, prog_name="relay", message="%(prog)s %(version)s")
@click.option("-c", "--config", type=click.Path(path_type=Path), help="The config file; also after the verb.")
@click.pass_context
def group(ctx: click.Context, config: Path | None) -> None:
    """Holds the StratAlerts feed and delivers every alert to webhooks, Discord and Slack."""
    ctx.meta[CONFIG_BEFORE_VERB] = config


def invoke(arguments: list[str] | None = None) -> int:
    """Run one verb; the exit code.

    Not called ``run``: that is a verb, whose module would take the name's place as soon as it is imported.
    """
    try:
        result = group.main(arguments, prog_name="relay", standalone_mode=False)
        sys.stdout.flush()  # so that a full disk shows here, where it can be told
    except Exception as error:  # noqa: BLE001  because this is the rim: whatever ends a verb is told
        if os.environ.get("RELAY_TRACEBACK"):
            with suppress(OSError):  # not by Python itself: other libraries put URLs into their errors
                click.echo(redact("".join(traceback.format_exception(error))), err=True)
        return _explain(error)
    return int(result) if isinstance(result, int) else Exit.OK


def _explain(error: Exception) -> int:
    """Tell in a line or two what ended the verb; its exit code."""
    match error:
        case click.UsageError():
            if _CONFIG_AS_ARGUMENT.search(error.message):
                error = click.UsageError(f"{error.message} The config file is named with -c.", error.ctx)
            error.show()
            return Exit.USAGE
        case click.Abort():
            return 128 + signal.SIGINT
        case RelayError():
            return _tell(str(error), error.hint, error.exit_code)
        case BrokenPipeError():  # the reader of our output left
            _drop_output()
            return Exit.OK
        case OSError():
            _drop_output()
            return _tell(error.strerror or str(error), "", Exit.FAILED)
        case _:
            fault = redact(f"{type(error).__name__}: {error}")
            return _tell(fault, "This is a fault of the relay; RELAY_TRACEBACK=1 shows where.", Exit.FAILED)


def _tell(message: str, hint: str, code: Exit) -> Exit:
    with suppress(OSError):
        tell(f"relay: {message}".split("\n"), err=True)
        if hint:
            tell([f"  {hint}"], err=True)
    return code


def _drop_output() -> None:
    """Keep the interpreter from flushing once more at exit what nobody can take."""
    with suppress(OSError):  # where no file may be opened, the interpreter has its say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_standard_streams() -> None:
    """Stand in for what who started us has closed (``>&-``): Python has None there, and files would get its number."""
    for number, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8"))


def main() -> None:
    """Entry point of the console script."""
    gc.disable()  # what is imported stays: to search it for garbage, now or later, takes a fifth of a verb's time
    _open_standard_streams()
    os.umask(os.umask(_NOBODY_ELSE) | _NOBODY_ELSE_WRITES)  # whatever it was: a config that others write is theirs
    sys.exit(invoke())
