"""What a press of a button came to, in a sentence, and which section of the page shows it.

    path, values of the answer ──said──> Said(section, sentence, well)

The handlers answer the same values to programs and to the page; only here do they become words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from relay.wording import agreeing

Values = Mapping[str, Any]


class Said(msgspec.Struct, frozen=True):
    """A sentence about what was asked for.

    Attributes:
        section: That of the page that shows it.
        text: The sentence.
        well: It was done.
    """

    section: str
    text: str
    well: bool = True


def said(path: str, values: Values, *, status: int) -> Said:
    """What ``values`` say, answered with ``status`` by the route ``path`` (``/api/dead/{id}/retry``, say)."""
    section = next((section for begin, section in _SECTIONS.items() if path.startswith(begin)), "glance")
    if status >= 400:  # noqa: PLR2004  because that is where HTTP's errors begin
        return Said(section, _fault(values), well=False)
    return Said(section, _WORDS.get(path, _done)(values))


def _fault(values: Values) -> str:
    """Why it was not done: an error, or what is wrong with a config."""
    if faults := values.get("faults"):
        first = faults[0]
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        where = f"{values.get('file')}, line {first.get('line')}: " if first.get("line") else ""
        return f"Nothing changed. {where}{first.get('message')}{more}"
    error = values.get("error")
    if isinstance(error, Mapping):
        return _sentence(str(error.get("message")))
    return f"Nothing changed. {_sentence(str(error or 'it could not be done'))} {values.get('hint') or ''}".strip()


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}"


def _done(_values: Values) -> str:
    return "Done."


def _resumed(values: Values) -> str:
    dropped = values.get("dropped") or 0
    older = f"; {dropped:,} that had waited too long {agreeing(dropped, 'was', 'were')} dropped" if dropped else ""
    return f"{values['destination']} sends again{older}."


def _step(what: str) -> Callable[[Values], str]:
    def words(values: Values) -> str:
        done = values.get("done") or 0
        letters = "One dead letter is" if done == 1 else f"{done:,} dead letters are" if done else "No dead letter was"
        more = " There are more: press it again." if values.get("next") is not None else ""
        return f"{letters} {what}.{more}"

    return words


def _snoozed(values: Values) -> str:
    if "ended" not in values:
        until = str(values["until"])
        return f"{values['name']} is snoozed until {until[:10]} {until[11:16]} UTC: what comes is suppressed, and kept."
    names = [str(snooze["name"]) for snooze in values["ended"]]
    return f"The snooze of {', '.join(names)} is over." if names else "Nothing of that was snoozed."


def _reloaded(values: Values) -> str:
    changes = values["changes"]
    if waiting := changes.get("restart"):
        return f"The config was loaded. {', '.join(waiting)}: in force after a restart."
    return "The config was loaded." if _any(changes) else "The config was loaded; it says what it said."


def _any(value: object) -> bool:
    return any(map(_any, value.values())) if isinstance(value, Mapping) else bool(value)


def _connected(values: Values) -> str:
    if values.get("taken_back"):
        return "The connection is being taken back."
    return "This relay does not stand by: there is nothing to take back."


_SECTIONS: Final = {
    "/api/dead": "dead",
    "/api/destinations": "destinations",
    "/api/snooze": "snoozes",
    "/api/reload": "config",
    "/api/connect": "connection",
    "/api/backfill": "backfill",
}
_WORDS: Final[Mapping[str, Callable[[Values], str]]] = {
    "/api/dead/{id}/retry": lambda values: f"Dead letter {values['id']} is queued again.",
    "/api/dead/{id}/drop": lambda values: f"Dead letter {values['id']} is dropped.",
    "/api/dead/retry": _step("queued again"),
    "/api/dead/drop": _step("dropped"),
    "/api/destinations/{name}/pause": lambda values: f"{values['destination']} is paused: what comes waits.",
    "/api/destinations/{name}/resume": _resumed,
    "/api/snooze": _snoozed,
    "/api/reload": _reloaded,
    "/api/connect": _connected,
    "/api/backfill": lambda _values: "A backfill has begun.",
}
