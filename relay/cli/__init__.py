"""The command line: one verb a file, loaded only when it is asked for.

    relay VERB … ──> relay.cli.VERB:command ──> exit code (relay.errors.Exit)

A verb is a thin ``click.Command`` named ``command``. It raises ``RelayError`` for whatever a person must mend;
the group prints that as a line or two and ends with the error's exit code, never with a traceback.
"""

from __future__ import annotations

import importlib
import signal
import sys
from pathlib import Path
from typing import Final

import click

from relay.cli.options import CONFIG_BEFORE_VERB
from relay.errors import Exit, RelayError

VERBS: Final = {
    "check": "Validate the config and say each rule in a plain sentence.",
    "run": "Hold the socket and deliver; the daemon.",
    "demo": "Simulator, inbox and relay in one command, nothing to configure.",
    "simulate": "An upstream on loopback that replays real market history.",
    "pause": "Hold a destination's deliveries in its queue.",
    "resume": "Let a paused or switched-off destination go on.",
    "schema": "Print the JSON Schema of the config.",
    "version": "Print the version.",
}


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
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=False)
@click.option("-c", "--config", type=click.Path(path_type=Path), help="The config file; also after the verb.")
@click.pass_context
def group(ctx: click.Context, config: Path | None) -> None:
    """Holds the StratAlerts feed and delivers every alert to webhooks, Discord and Slack."""
    ctx.meta[CONFIG_BEFORE_VERB] = config


def run(arguments: list[str] | None = None) -> int:
    """Run one verb; the exit code."""
    try:
        result = group.main(arguments, prog_name="relay", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return Exit.USAGE
    except click.UsageError as error:
        error.show()
        return Exit.USAGE
    except click.Abort:
        return 128 + signal.SIGINT
    except RelayError as error:
        click.echo(f"relay: {error}", err=True)
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output left; the interpreter would complain once more at exit
        return Exit.OK
    return int(result) if isinstance(result, int) else Exit.OK


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run())
