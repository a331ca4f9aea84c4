"""What a request to the archive asks for: filters, where to go on, and whether all of it is meant.

query, form or JSON object ──given_in──> texts by name ──> selection · before · limit · after · flags
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final, TypedDict

from aiohttp import web

from relay.deliveries import State
from relay.outbox.archive import EVERYTHING, PAGE, STEP, Selection
from relay.outbox.selecting import KEYS, BadSelectionError, number, selection_of
from relay.web.asked import BadQueryError, body_of, flag, query_of

_MEANT: Final = (*KEYS, "all", "after", "limit", "waiting", "new_ids", "dropped", "dry_run")


class Going(TypedDict):
    """What a step is told besides what is meant."""

    after: int
    limit: int


async def given_in(request: web.Request) -> dict[str, str]:
    """The values of a POST, by name, as texts; the query's before the body's.

    Raises:
        BadQueryError: One is neither text, number nor truth, or has a name that means nothing here: a filter that is
            mistyped must not choose more than was meant.
    """
    given = {**{key: _text(key, value) for key, value in (await body_of(request)).items()}, **query_of(request)}
    for key in given:
        if key not in _MEANT:
            near = get_close_matches(key, _MEANT, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(KEYS)}"
            raise BadQueryError(f"`{key}` is no filter; {hint}")
    return given


def before(given: Mapping[str, str]) -> int | None:
    """Where a listing goes on; a page's ``next`` may be given under its own name, too.

    Raises:
        BadQueryError: It is no number from 1 up.
    """
    return whole_number(given, "before" if "before" in given else "next")


def selection(given: Mapping[str, str], *, now_us: int) -> Selection:
    """The filters.

    Raises:
        BadQueryError: One can't be used.
    """
    try:
        return selection_of(given, now_us=now_us)
    except BadSelectionError as fault:
        raise BadQueryError(str(fault)) from None


def selection_or_all(given: Mapping[str, str], *, now_us: int) -> Selection:
    """The filters of what changes something; without any, ``all`` has to be said.

    Raises:
        BadQueryError: It is not said, or a filter can't be used.
    """
    found = selection(given, now_us=now_us)
    if found == EVERYTHING and not flag(given, "all"):
        raise BadQueryError("`all` is true where no filter says which are meant: all of them")
    return found


def whole_number(given: Mapping[str, str], name: str) -> int | None:
    """A number of the store's; None where none is given.

    Raises:
        BadQueryError: It is no number from 1 up.
    """
    try:
        return number(name, given[name]) if name in given else None
    except BadSelectionError as fault:
        raise BadQueryError(str(fault)) from None


def limit(given: Mapping[str, str]) -> int:
    """How many of a listing: a page at most."""
    return min(whole_number(given, "limit") or PAGE, PAGE)


def step(given: Mapping[str, str]) -> Going:
    """Where a step goes on, 0 or nothing being the beginning, and how many it looks at."""
    begun = 0 if given.get("after") == "0" else whole_number(given, "after") or 0
    return {"after": begun, "limit": min(whole_number(given, "limit") or STEP, STEP)}


def state(text: str) -> State:
    """A state by its name.

    Raises:
        BadQueryError: There is none such.
    """
    try:
        return State(text)
    except ValueError:
        raise BadQueryError(f"`state` is one of {', '.join(State)}") from None


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int):
        return str(value)
    raise BadQueryError(f"`{name}` is text")
