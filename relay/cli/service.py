"""What `relay install` says: what it would do, what it has written, how the relay came up, and how to go on.

Planned, Undertaking ──foretold──> lines        files ──written──> lines
Started ──ended──> why it did not come up, and its log | ──afterwards──> what to type from now on
root    ──staying──> what a removal leaves there
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from relay.config.found import DEFAULT_PLACES
from relay.deliveries import Verdict
from relay.install import announcement, apply, plan, running, wrapper
from relay.install.installer import Announced, Planned
from relay.install.plan import FOLDER, Step, Undertaking
from relay.install.startup import Started, meaning
from relay.install.systemctl import Ended
from relay.redaction import redact
from relay.units import CONFIG, STATE
from relay.wording import agreeing


def foretold(made: Planned, undertaking: Undertaking) -> Iterator[str]:
    """What would be written and done."""
    yield from apply.shown(made.root, made.files)
    yield from _left(made)
    yield from map(typed, undertaking.steps)
    name = announcement.whom(made.config)
    if name is not None and undertaking.tells:
        yield f"Then {name} is told that the relay is up."
    something = undertaking.files or undertaking.steps
    yield "Nothing was written or started." if something else "There is nothing to change."


def typed(step: Step) -> str:
    """What is asked of the service manager."""
    return f"$ {step.command}"


def written(made: Planned) -> Iterator[str]:
    """What was put in place."""
    for file in made.changed:
        secret = " (secret: only root can read it)" if file.secret else ""
        yield f"wrote {apply.inside(made.root, file.path)}{secret}"
    yield from _left(made)


def _left(made: Planned) -> Iterator[str]:
    """That this relay is not on the PATH, because another's is."""
    if made.displaced is not None:
        yield f"left {made.displaced}: it is another's; this relay is {' '.join(running.command())}"


def staying(root: Path) -> Iterator[str]:
    """What a removal leaves, and how that goes, too; nothing where nothing is left."""
    config, store = apply.inside(root, FOLDER), apply.inside(root, STATE)
    kept = {config: "the config with its secrets", store: "the store"}
    there = [place for place in kept if os.path.lexists(place)]  # where it leads to, others than root can't ask
    if there:
        verb, them = agreeing(len(there), "stays", "stay"), agreeing(len(there), "it", "them")
        goes = [*there, *([store.parent / store.readlink()] if store.is_symlink() else [])]  # systemd's private/relay
        rm = shlex.join([*(["sudo"] if root == Path("/") else []), "rm", "-r", *map(str, goes)])
        holds = ", and ".join(kept[place] for place in there)
        yield f"{' and '.join(map(str, there))} {verb}: {holds}. To delete {them}: {rm}"


def announced(heard: Announced) -> str:
    """Whether the chat knows."""
    if heard.outcome is None:
        return "No chat hears that it is up: there is none, and alerts_to names nobody."
    if heard.outcome.verdict is Verdict.DELIVERED:
        return f"{heard.name} was told: Relay is up"
    return f"{heard.name} could not be told that it is up: {heard.outcome.code} {heard.outcome.detail}".rstrip()


def ended(how: Ended, log: list[str]) -> Iterator[str]:
    """Why it did not come up."""
    said = "" if how.code is None else f", exit code {how.code}"
    yield f"The relay did not come up ({how.state}{said}): {meaning(how.code)}"
    yield from (f"  {line}" for line in log)
    yield "Mend it, and run this again."


def afterwards(made: Planned, started: Started) -> Iterator[str]:
    """How it stands, and how to go on."""
    if started.ready:
        yield "The relay is up, and starts with the machine."
    else:
        yield "The relay runs, starts with the machine, and goes on trying; it is not ready yet:"
        yield from (f"  {redact(reason)}" for reason in started.reasons)
    command = wrapper.PLACE.name if made.wraps else " ".join(running.command())
    if made.config.http.address is not None:
        yield f"  page       http://{made.config.http.listen}"
    yield f"  status     sudo {command} status{_named(made)}"
    yield f"  logs       journalctl -u {plan.SERVICE} -f"
    yield f"  change it  edit {CONFIG}, then: systemctl reload {plan.SERVICE}"
    yield f"  stop       systemctl stop {plan.SERVICE}"
    pip = Path(running.command()[0]).with_name("pip")
    yield f"  upgrade    sudo {pip} install --upgrade …, then: sudo {command} install -c {CONFIG}"
    yield f"  uninstall  sudo {command} install --remove"


def _named(made: Planned) -> str:
    """How a verb is told which config is meant, where the one that it finds by itself is not the service's."""
    here = DEFAULT_PLACES[0]
    if not here.exists() or (here.samefile(made.config.path) and made.config.http.address is not None):
        return ""  # none comes first here, or one by which the same relay is asked
    return f" -c {CONFIG}"
