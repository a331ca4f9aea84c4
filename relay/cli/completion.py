"""``relay completion SHELL``: the lines that make a shell complete the verbs, their options, and the config's names.

    shell ──TAB──> its function asks `relay` with _RELAY_COMPLETE set ──click──> what fits

The lines are click's own; they call the relay that is on the PATH.
"""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

from relay.errors import Exit

_SHELLS: Final = ("bash", "zsh", "fish")
_ENTRY: Final = "_RELAY_COMPLETE"

_EXAMPLES: Final = """\b
Examples:
  eval "$(relay completion bash)"                                      # for now
  relay completion bash >~/.local/share/bash-completion/completions/relay
  relay completion zsh >~/.zfunc/_relay                                # with ~/.zfunc in fpath
  relay completion fish >~/.config/fish/completions/relay.fish
"""


@click.command(epilog=_EXAMPLES)
@click.argument("shell", type=click.Choice(_SHELLS))
def command(*, shell: str) -> int:
    """Print what makes a shell complete verbs, options, and the names of your destinations and rules."""
    kind = get_completion_class(shell)
    assert kind is not None, "click knows the shells that are offered"
    click.echo(kind(click.get_current_context().find_root().command, {}, "relay", _ENTRY).source())
    return Exit.OK
