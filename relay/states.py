"""A symbol's state: what the upstream knows of it beside its alerts, and what a rule may want of it.

    GET /states/{symbol}, or a frame of the channel `states` ──snapshot_of──> Snapshot
    StateWanted × Snapshot ──unmet──> the conditions that do not hold, in words

One reading for both, so that `tfc`, `ftfc` and `sector` mean the same on every channel. A timeframe whose colour the
upstream does not record is ``na``. Full continuity is told by the daily and what is above it, as far as recorded: all
of one colour, and at least one recorded.
(Source: the vendor's states page; its colours are `green`, `red`, sometimes `na`.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

Colour: TypeAlias = Literal["green", "red", "na"]

COLOURS: Final = ("green", "red", "na")
NO_COLOUR: Final = "na"
HIGHER_TIMEFRAMES: Final = ("D", "W", "M", "Q", "Y")
"""What full continuity is told by."""

COLOUR_OF: Final[Mapping[str, str]] = {"bullish": "green", "bearish": "red"}

_NOTHING: Final = "nothing"


class Snapshot(msgspec.Struct, frozen=True):
    """A symbol as ``/states/{symbol}`` shows it.

    Attributes:
        symbol: Upper case, as the upstream calls it.
        colours: Timeframe (the vendor's spelling, upper case) to colour (lower case), as recorded.
        sector: As the upstream spells it; None where it tells none.
        data: The upstream's own object, byte for byte (UTF-8 JSON).
    """

    symbol: str
    colours: Mapping[str, str]
    sector: str | None = None
    data: bytes = b"{}"


class StateWanted(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a rule wants of a symbol's state; all of it must hold.

    Attributes:
        tfc: Timeframe to colour.
        ftfc: ``bullish`` or ``bearish``: full continuity up or down.
        sectors: Any of these, case folded; empty is any.
    """

    tfc: dict[str, str] = {}
    ftfc: str | None = None
    sectors: tuple[str, ...] = ()


class Unmet(NamedTuple):
    """A condition that does not hold: its key in the config, what it wants and what was found, in words."""

    condition: str
    wanted: str
    found: str


class SnapshotError(ValueError):
    """An object is no snapshot."""


class _Instrument(msgspec.Struct):
    sector: Any = None


class _Wire(msgspec.Struct):
    symbol: Any = None
    tfc: Any = None
    instrument: Any = None


_decode: Final = msgspec.json.Decoder(_Wire).decode


def snapshot_of(data: bytes) -> Snapshot:
    """Read one snapshot, tolerantly: what can't be read counts as not recorded.

    But ``tfc`` must be an object: the vendor's always is, and without it nothing is known of any colour.

    Raises:
        SnapshotError: It is no JSON object, or has no object ``tfc``.
    """
    try:
        data.decode()
        wire = _decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise SnapshotError(f"no snapshot: {error}") from error
    if not isinstance(wire.tfc, dict):
        raise SnapshotError("no snapshot: its tfc is no object" if wire.tfc is not None else "no snapshot: no tfc")
    instrument = wire.instrument if isinstance(wire.instrument, dict) else {}
    sector = instrument.get("sector")
    return Snapshot(
        symbol=wire.symbol.strip().upper() if isinstance(wire.symbol, str) else "",
        colours=_colours(wire.tfc),
        sector=(sector.strip() or None) if isinstance(sector, str) else None,
        data=data,
    )


def _colours(tfc: dict[Any, Any]) -> dict[str, str]:
    return {str(key).strip().upper(): value.strip().lower() for key, value in tfc.items() if isinstance(value, str)}


def colour_of(snapshot: Snapshot, timeframe: str) -> str:
    """The colour of a timeframe, ``na`` where none is recorded."""
    return snapshot.colours.get(timeframe, NO_COLOUR)


def continuity_of(snapshot: Snapshot) -> str | None:
    """``bullish`` or ``bearish`` where continuity is full, else None."""
    recorded = {snapshot.colours[timeframe] for timeframe in HIGHER_TIMEFRAMES if timeframe in snapshot.colours}
    return next((direction for direction, colour in COLOUR_OF.items() if recorded == {colour}), None)


def holds(wanted: StateWanted, snapshot: Snapshot) -> bool:
    """Whether all that is wanted is so."""
    return next(unmet(wanted, snapshot), None) is None


def known_to_hold(wanted: StateWanted, snapshots: Iterable[Snapshot | None]) -> bool | None:
    """Whether all that is wanted is so for every one of ``snapshots``.

    Args:
        wanted: The conditions.
        snapshots: Of the symbols in question; None for one that is not known.

    Returns:
        False where one is known not to be so; else None where one is not known, or there is none at all.
    """
    found = list(snapshots)
    known = [snapshot for snapshot in found if snapshot is not None]
    if not all(holds(wanted, snapshot) for snapshot in known):
        return False
    return True if found and len(known) == len(found) else None


def unmet(wanted: StateWanted, snapshot: Snapshot) -> Iterator[Unmet]:
    """The conditions that do not hold, in the order a rule is read."""
    for timeframe, colour in wanted.tfc.items():
        found = colour_of(snapshot, timeframe)
        if found != colour:
            yield Unmet("tfc", f"{timeframe} {colour}", f"{timeframe} {found}")
    if wanted.ftfc is not None and continuity_of(snapshot) != wanted.ftfc:
        found = " ".join(f"{timeframe} {colour_of(snapshot, timeframe)}" for timeframe in HIGHER_TIMEFRAMES)
        yield Unmet("ftfc", f"{wanted.ftfc} (all {COLOUR_OF[wanted.ftfc]})", found)
    if wanted.sectors and (snapshot.sector is None or snapshot.sector.casefold() not in wanted.sectors):
        yield Unmet("sector", " or ".join(wanted.sectors), snapshot.sector or _NOTHING)
