"""The newest real alert, posted as a sample to each destination: what `relay init` ends with.

    Survey, rules ──newest──> the event that each destination would have got last, else the newest of all, which only
                              shows how one looks, and is told to do no more than that
                  ──posted──> one message each, as `relay send NAME --event` sends it: marked, and a test to programs

Where the upstream is a simulator, its alerts are invented, and go to this machine only, unless --allow-real is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from relay.rules.rule import Rule

NOTHING: Final = (
    "no alert was seen in the last day, so there is no sample to post; `relay send NAME` posts a test message"
)
"""What is said where the last day had none."""

_UNWANTED: Final = "; no rule wants it: it only shows how one looks"


@dataclass(frozen=True, slots=True)
class Sample:
    """What one destination is shown.

    Attributes:
        event: A real alert.
        rules: Those that would have sent it there; empty where none would.
    """

    event: Event
    rules: tuple[Rule, ...] = ()


def newest(config: Config, day: Survey) -> dict[str, Sample]:
    """For each destination the last alert that the rules would have sent there, else the last of all that were seen."""
    events = sorted((event for shown in day.channels for event in shown.events), key=_at)
    index = compile_rules(config.rules)
    found = {} if not events else dict.fromkeys(config.destinations, Sample(events[-1]))
    for event in events:
        found.update({name: Sample(event, rules) for name, rules in merge(index.match(event), event).items()})
    return found


def question(samples: Mapping[str, Sample]) -> str:
    """What to ask before they are posted: nobody is to take for an alert of theirs what no rule of theirs wants."""
    whom = "each destination" if len(samples) > 1 else next(iter(samples))
    if any(sample.rules for sample in samples.values()):
        return f"Post the newest alert to {whom}, marked as a sample?"
    return f"Of the last day your rule wants none. Post the newest of all to {whom}, marked as a sample?"


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
        return [NOTHING], True
    held = withheld(config, allow_real=allow_real)
    told = [f"{name}: no sample, for the upstream is a simulator and {name} is real (--allow-real)" for name in held]
    sent = {name: sample for name, sample in samples.items() if name not in held}
    clock, client = SystemClock(), HttpClient()
    factory = Factory(client, clock)
    well = True
    try:
        for name, sample in sent.items():
            event = sample.event
            message = message_of(config, name, event, now_us=clock.now_us(), rules=sample.rules, key=event.key())
            outcome = await factory.build(name, config.destinations[name]).send([message])
            taken = outcome.verdict is Verdict.DELIVERED
            well = well and taken
            there = f"is there{'' if sample.rules else _UNWANTED}"
            answer = there if taken else f"was not taken: {outcome.code} {outcome.detail}".rstrip()
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
