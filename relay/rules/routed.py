"""Routes in words: which alerts of a rule go where, one clause a destination however deeply they are nested.

    {asset: {stocks: {D, W: swing, else: day}, else: misc}}
        ──> by asset and timeframe: stocks on D and W to swing, all other stocks to day, everything else to misc

What no route leads anywhere is said, too, unless every value there is has its route.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from relay.assets import ASSETS
from relay.events import DIRECTIONS, TIMEFRAMES
from relay.rules.rule import ELSE, Routes
from relay.rules.words import in_order, listing

_KNOWN: Final[Mapping[str, tuple[str, ...]]] = {"asset": ASSETS, "timeframe": TIMEFRAMES, "direction": DIRECTIONS}


class _Step(NamedTuple):
    """A field and what it must be: one of ``values``, or none of the ``others`` that have a route of their own."""

    by: str
    values: tuple[str, ...]
    others: tuple[str, ...] = ()


class _Leaf(NamedTuple):
    steps: tuple[_Step, ...]
    to: tuple[str, ...]


def routed(routes: Routes) -> str:
    """``by timeframe: D and W to swing, all others to scalps``."""
    fields = routes.fields()
    leaves = _merged([leaf._replace(steps=tuple(filter(_asks, leaf.steps))) for leaf in _leaves(routes, ())])
    ways = (f"{_alerts(leaf.steps, nested=len(fields) > 1)} {_where(leaf.to)}" for leaf in leaves)
    return f"by {listing(fields, 'and')}: {', '.join(ways)}"


def _where(to: tuple[str, ...]) -> str:
    return f"to {listing(to, 'and')}" if to else "nowhere"


def _leaves(routes: Routes, above: tuple[_Step, ...]) -> Iterator[_Leaf]:
    """Each way through the routes; values that lead to the same place are one way."""
    known = _KNOWN.get(routes.by, ())
    named = tuple(in_order((value for value in routes.to if value != ELSE), known))
    ways: list[tuple[list[str], tuple[str, ...] | Routes]] = []
    for value in named:
        same = next((values for values, to in ways if to == routes.to[value]), None)
        if same is None:
            ways.append(([value], routes.to[value]))
        else:
            same.append(value)
    for values, to in ways:
        yield from _on(to, (*above, _Step(routes.by, tuple(values))))
    if ELSE in routes.to:
        yield from _on(routes.to[ELSE], (*above, _Step(routes.by, (), named)))
    elif not known or set(known) - set(named):
        yield _Leaf((*above, _Step(routes.by, (), named)), ())


def _on(to: tuple[str, ...] | Routes, steps: tuple[_Step, ...]) -> Iterator[_Leaf]:
    if isinstance(to, Routes):
        yield from _leaves(to, steps)
    else:
        yield _Leaf(steps, to)


def _asks(step: _Step) -> bool:
    """Whether it takes some values and not all."""
    return bool(step.values or step.others)


def _merged(leaves: Sequence[_Leaf]) -> Iterator[_Leaf]:
    """Without what goes where the next wider "all other" goes: that one says it, too."""
    for number, leaf in enumerate(leaves):
        wider = next((later for later in leaves[number + 1 :] if _is_rest_around(later, leaf)), None)
        if wider is None or wider.to != leaf.to:
            yield leaf


def _is_rest_around(later: _Leaf, leaf: _Leaf) -> bool:
    """Whether ``later`` takes all that is left of something of which ``leaf`` takes what is left of a part."""
    depth = len(later.steps) - 1
    if depth < 0 or len(leaf.steps) <= depth + 1 or later.steps[-1].values or leaf.steps[-1].values:
        return False
    part = leaf.steps[depth]
    return later.steps[:depth] == leaf.steps[:depth] and later.steps[-1].by == part.by and bool(part.values)


def _alerts(steps: tuple[_Step, ...], *, nested: bool) -> str:
    """Which alerts go this way."""
    if not steps:
        return "everything"
    if not any(step.values for step in steps):
        return "everything else" if nested else "all others"
    *above, last = steps
    if last.values:
        return _phrase(steps, nested=nested)
    return f"all other {_phrase((*above, last._replace(others=())), nested=nested)}"


def _phrase(steps: tuple[_Step, ...], *, nested: bool) -> str:
    """``bullish stocks on D and W``; a step with neither values nor others asks nothing."""
    asked = {step.by: _values(step) for step in filter(_asks, steps)}
    threshold = f"{asked['threshold']} futures" if "threshold" in asked else ""
    if len(steps) == 1 and not (nested and threshold):
        return threshold or next(iter(asked.values()))
    parts = [asked.get("direction", ""), asked.get("asset", "breaks" if threshold else "alerts")]
    if threshold:
        parts.append(f"of {threshold}")
    if "timeframe" in asked:
        parts.append(f"on {asked['timeframe']}")
    return " ".join(filter(None, parts))


def _values(step: _Step) -> str:
    return listing(step.values, "and") if step.values else f"all but {listing(step.others, 'and')}"
