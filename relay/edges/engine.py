"""The engine: what comes on quotes and states, against all rules on them.

    sides of the store ─┐
    rules of the config ┴─> Engine.take(tick) ──┬─> fire(tick, rules, sides)   rules that fire together: one event
                                │               └─> flip(sides)                sides that changed and nothing fired
                                └── sides() ──> the next Engine, after a reload

``fire`` and ``flip`` are called at once, inside of ``take``, and must return at once. An engine that takes over knows
sides and no prices: its first value of a symbol looks at every rule on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from relay.edges.quotes import Quotes
from relay.edges.states import States
from relay.events import Channel
from relay.outbox.memory import Side
from relay.rules.rule import Rule
from relay.upstream.tick import Tick

_QUOTES: Final = Channel.QUOTES  # looked up once: a member of an enumeration costs more than the judging


class Engine:
    """The enabled rules on quotes and states, and on which side each last saw its symbols.

    Args:
        rules: All rules, in the order of the config; those on other channels are passed over.
        sides: What is remembered; of rules, symbols and conditions that are no more, nothing is kept.
        fire: Takes the value, the rules that fire by it in the order of the config, and every side it changed.
        flip: Takes sides that a value changed without firing anything, first ones included; to be stored soon.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        sides: Iterable[Side],
        *,
        fire: Callable[[Tick, tuple[Rule, ...], tuple[Side, ...]], None],
        flip: Callable[[Sequence[Side]], None],
    ) -> None:
        remembered = {(side.rule, side.symbol): side for side in sides}
        self._quotes = Quotes(rules, remembered)
        self._states = States(rules, remembered)
        self._fire = fire
        self._flip = flip

    @property
    def unusable(self) -> int:
        """Values of wanted symbols so far that told nothing to judge by: no price, no colours."""
        return self._quotes.unusable + self._states.unusable

    @property
    def late(self) -> int:
        """Values so far that were passed over because a newer one had come before them."""
        return self._quotes.late + self._states.late

    def take(self, tick: Tick) -> None:
        """Judge one value."""
        turn = (self._quotes if tick.channel is _QUOTES else self._states).take(tick)
        if turn is None:
            return
        if turn.rules:
            self._fire(tick, turn.rules, turn.sides)
        else:
            self._flip(turn.sides)

    def sides(self) -> list[Side]:
        """All that is remembered, for the engine of reloaded rules; at most rules × the symbols they name."""
        return [*self._quotes.sides(), *self._states.sides()]
