"""The newest real alert, posted as a sample to each destination: what `relay init` ends with.

    Survey, rules ──newest──> the event that each destination would have got last, else the newest of all
                  ──posted──> one message each, as `relay send NAME --event` sends it: marked, and a test to programs

Where the upstream is a simulator, its alerts are invented, and go to this machine only, unless --allow-real is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from relay.cli.survey import Survey
from relay.cli.trial import message_of
from relay.clock import SystemClock
from relay.config.model import Config
from relay.deliveries import Verdict
from relay.destinations.factory import Factory, refuse_real
from relay.destinations.http import HttpClient
from relay.destinations.texts import headline
from relay.events import Event
from relay.loopback import is_loopback_url
from relay.rules.match import compile_rules
from relay.rules.merge import merge

_NOTHING: Final = "the last day had no alert that could be a sample; `relay send NAME` posts a test message"


def newest(config: Config, day: Survey) -> dict[str, Event]:
    """For each destination the last alert that the rules would have sent there, else the last of all that were seen."""
    events = sorted((event for shown in day.channels for event in shown.events), key=_at)
    index = compile_rules(config.rules)
    found = {} if not events else dict.fromkeys(config.destinations, events[-1])
    for event in events:
        found.update(dict.fromkeys(merge(index.match(event), event), event))
    return found


def withheld(config: Config, *, allow_real: bool) -> list[str]:
    """The destinations that must not be sent what a simulator made up."""
    simulated = is_loopback_url(config.stratalerts.websocket_url)
    return refuse_real(config.destinations, simulated=simulated, allow_real=allow_real)


async def posted(config: Config, day: Survey, *, allow_real: bool) -> tuple[Sequence[str], bool]:
    """Post one to each destination.

    Returns:
        What became of it, a line each; and whether all that were sent were taken.
    """
    samples = newest(config, day)
    if not samples:
        return [_NOTHING], True
    held = withheld(config, allow_real=allow_real)
    told = [f"{name}: no sample, for the upstream is a simulator and {name} is real (--allow-real)" for name in held]
    sent = {name: event for name, event in samples.items() if name not in held}
    clock, client = SystemClock(), HttpClient()
    factory = Factory(client, clock)
    well = True
    try:
        for name, event in sent.items():
            rules = merge(compile_rules(config.rules).match(event), event).get(name, ())
            message = message_of(config, name, event, now_us=clock.now_us(), rules=rules, key=event.key())
            outcome = await factory.build(name, config.destinations[name]).send([message])
            taken = outcome.verdict is Verdict.DELIVERED
            well = well and taken
            answer = "is there" if taken else f"was not taken: {outcome.code} {outcome.detail}".rstrip()
            told.append(f"{name}: '{headline(message)}' {answer}")
    finally:
        await client.close()
    return told, well


def lines(told: Sequence[str]) -> Iterator[str]:
    """To be read."""
    yield "samples:"
    yield from (f"  {line}" for line in told)


def _at(event: Event) -> int:
    return 0 if event.triggered_at is None else event.triggered_at.us
