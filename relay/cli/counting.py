"""What the rules would have sent of the last day, counted.

    Survey ──Judge, in the order of the alerts' times──> a Count for each rule and each destination, with the busiest
                                                          minute and hour ──> Volume

The relay's own judge decides, over an empty memory and with nothing snoozed: hours and cooldowns go by the alerts' own
times. What a look-up would have said is not known of the past: what rests on one is counted, and counted as unsure.
Quotes and states have no past.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from relay.cli.survey import Survey
from relay.cli.volume import Count, Peak, Volume
from relay.clock import MICROS
from relay.config.model import Config
from relay.deliveries import RuleMatch
from relay.destinations.config import ChatConfig, InOrderConfig
from relay.events import PER_SYMBOL_CHANNELS, Channel, Event, Source
from relay.judging.judge import Judge, Sighted
from relay.judging.marks import Marks, mark_of
from relay.judging.snoozes import Asleep
from relay.outbox.base import NewDelivery
from relay.rules import words
from relay.rules.active import Active, Hours
from relay.rules.rule import Rule
from relay.wants import plan_of

FLOOD: Final = 200
"""Alerts a day of one rule, above which a chat is no longer read."""

_MINUTE_US: Final = 60 * MICROS
_HOUR_US: Final = 60 * _MINUTE_US
_STOCKS: Final = Active("America/New_York", frozenset(range(5)), (Hours(9 * 60 + 30, 16 * 60),))
_STOCKS_HOURS: Final = 6.5


def counted(config: Config, day: Survey) -> Volume:
    """Count what the rules of ``config`` would have sent of ``day``."""
    tally = _Tally(config, day)
    enabled = [rule for rule in config.rules if rule.enabled]
    used = {name for rule in enabled for name in rule.to}
    return Volume(
        until_us=day.until_us,
        channels=day.channels,
        rules=tuple(map(tally.rule, enabled)),
        destinations=tuple(tally.destination(name, enabled) for name in config.destinations if name in used),
        notes=(*tally.floods(enabled), *quiet(day)),
    )


class _Times:
    """When something was sent."""

    def __init__(self) -> None:
        self.alerts = 0
        self.unsure = 0
        self._minutes: Counter[int] = Counter()
        self._hours: Counter[int] = Counter()

    def add(self, event: Event, *, unsure: bool) -> None:
        self.alerts += 1
        self.unsure += unsure
        if event.triggered_at is not None:
            self._minutes[event.triggered_at.us // _MINUTE_US] += 1
            self._hours[event.triggered_at.us // _HOUR_US] += 1

    def count(self, name: str, *, cut: bool, detail: str) -> Count:
        minute, hour = _peak(self._minutes, _MINUTE_US), _peak(self._hours, _HOUR_US)
        return Count(name, self.alerts, self.unsure, cut, minute, hour, detail)


class _Tally:
    """All alerts of a day, judged one after the other."""

    def __init__(self, config: Config, day: Survey) -> None:
        self._config = config
        self._seen = {shown.channel: shown for shown in day.channels}
        self._by_rule: dict[str, _Times] = {}
        self._by_destination: dict[str, _Times] = {}
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._asking = Marks()  # of rules that ask, whose cooldown the judge leaves to the answer
        judge = Judge(plan_of(config), Marks(), Asleep((), lambda: day.until_us))
        for shown in day.channels:
            for event in shown.events:
                self._add(judge, Sighted(event, Source.LIVE, day.until_us))

    def _add(self, judge: Judge, sighted: Sighted) -> None:
        judgement = judge.judge(sighted)
        judge.settle(judgement, stored=True)
        sent = [delivery for delivery in judgement.deliveries if delivery.suppressed is None]
        cooling = self._cooling(sent, sighted)
        rules: dict[str, bool] = {}
        for delivery in sent:
            wanting = [match for match in delivery.rules if match.suppressed is None and match.name not in cooling]
            for match in wanting:
                rules[match.name] = _unsure(match)
                self._pairs[match.name, delivery.destination] += 1
            if wanting:
                times = self._by_destination.setdefault(delivery.destination, _Times())
                times.add(sighted.event, unsure=all(map(_unsure, wanting)))
        for name, unsure in rules.items():
            self._by_rule.setdefault(name, _Times()).add(sighted.event, unsure=unsure)

    def _cooling(self, sent: Iterable[NewDelivery], sighted: Sighted) -> set[str]:
        """The rules that ask and would be suppressed by their cooldown, had all their look-ups said yes."""
        asks = {match.name: match.ask for delivery in sent for match in delivery.rules if match.ask is not None}
        cooling: set[str] = set()
        for name, ask in asks.items():
            if ask.cooldown is None:
                continue
            mark = mark_of(name, sighted.event, sighted.at_us)
            if self._asking.blocking(mark, ask.cooldown) is not None:
                cooling.add(name)
            else:
                self._asking.add(mark)
        return cooling

    def rule(self, rule: Rule) -> Count:
        """What it sent."""
        shown = self._seen.get(rule.channel)
        if shown is None:
            return Count(rule.name, None, detail=_unseen(rule.channel))
        return self._by_rule.get(rule.name, _Times()).count(rule.name, cut=bool(shown.cut), detail=_left_out(rule))

    def destination(self, name: str, rules: Iterable[Rule]) -> Count:
        """What it got."""
        leading = {rule.channel for rule in rules if name in rule.to}
        unseen = [channel for channel in Channel if channel in leading and channel not in self._seen]
        if len(unseen) == len(leading):
            return Count(name, None, detail=_unseen(unseen[0]))
        cut = bool(unseen) or any(self._seen[channel].cut for channel in leading if channel in self._seen)
        detail = f"without {words.listing([words.CHANNEL_WORDS[one] for one in unseen], 'and')}" if unseen else ""
        return self._by_destination.get(name, _Times()).count(name, cut=cut, detail=detail)

    def floods(self, rules: Iterable[Rule]) -> Iterator[str]:
        """A sentence for each rule that sends a chat more than anybody reads."""
        for rule in rules:
            flooded = [name for name in rule.to if self._pairs[rule.name, name] > FLOOD and self._is_chat(name)]
            if flooded:
                most = max(self._pairs[rule.name, name] for name in flooded)
                gathers = [name for name in flooded if isinstance(self._config.destinations[name], ChatConfig)]
                digest = f", or set digest_over of {words.listing(gathers, 'and')}" if gathers else ""
                yield (
                    f"{rule.name} would flood {words.listing(flooded, 'and')} with {most} alerts a day: "
                    f"narrow its symbols, timeframes or shapes{digest}"
                )

    def _is_chat(self, name: str) -> bool:
        return isinstance(self._config.destinations[name], InOrderConfig)


def _unsure(match: RuleMatch) -> bool:
    return match.ask is not None and (match.ask.wanted is not None or bool(match.ask.unless))


def _left_out(rule: Rule) -> str:
    if rule.state is None:
        return ""
    asked = {"tfc": rule.state.tfc, "ftfc": rule.state.ftfc, "sector": rule.state.sectors}
    return f"{words.listing([name for name, wanted in asked.items() if wanted], 'and')} not looked at"


def _unseen(channel: Channel) -> str:
    if channel in PER_SYMBOL_CHANNELS:
        return f"{words.CHANNEL_WORDS[channel]} have no history"
    return f"the upstream did not show its {words.CHANNEL_WORDS[channel]}"


def _peak(counts: Mapping[int, int], width_us: int) -> Peak | None:
    if not counts:
        return None
    first = max(counts, key=lambda step: (counts[step], -step))
    return Peak(first * width_us, counts[first])


def quiet(day: Survey) -> Iterator[str]:
    """Tell when it was no day of Wall Street's: what the weekend brings says little of a Monday."""
    quarters = (day.until_us - quarter * 15 * _MINUTE_US for quarter in range(24 * 4))
    hours = sum(map(_STOCKS.holds, quarters)) / 4
    if hours < _STOCKS_HOURS - 0.25:
        yield f"the stock market was open for {hours:g} of these 24 hours: an ordinary day brings more"
