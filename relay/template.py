"""A user's own body: a Jinja2 template over what the default body would hold.

Runs in Jinja2's immutable sandbox, without autoescape (the body is JSON or text, not HTML) and with
``StrictUndefined``: a name that the alert lacks is an error, not an empty hole in an order. ``tojson`` is plain
JSON; Jinja2's own would escape for HTML.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from jinja2 import StrictUndefined, UndefinedError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from relay.errors import RelayError

BODY_CAP: Final = 256 * 1024
"""Bytes a rendered body may have."""


class RenderError(RelayError):
    """A template could not be rendered for this alert; the message holds no value of it."""


def to_json(value: object, indent: int | None = None) -> str:
    """``value`` as JSON; an undefined name raises its own error."""
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str)


_environment: Final = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
_environment.filters["tojson"] = to_json


class BodyTemplate:
    """A compiled template.

    Attributes:
        source: What it was compiled from.
        variables: The names it looks up in what ``render`` is given.
    """

    def __init__(self, source: str) -> None:
        """Compile ``source``.

        Raises:
            jinja2.TemplateSyntaxError: It is not Jinja2. The message may quote it.
        """
        self.source = source
        self._template = _environment.from_string(source)
        self.variables = frozenset(meta.find_undeclared_variables(_environment.parse(source)))

    def render(self, variables: Mapping[str, object]) -> bytes:
        """The body.

        Raises:
            RenderError: A name is missing, an expression fails, or the body is larger than the cap.
        """
        parts: list[bytes] = []
        size = 0
        try:
            for part in self._template.generate(variables):
                parts.append(part.encode())
                size += len(parts[-1])
                if size > BODY_CAP:
                    break
        except Exception as error:  # noqa: BLE001  because a template is a program of the user's and may raise anything
            raise RenderError(f"the template failed{_line(error)}: {_reason(error)}") from None
        if size > BODY_CAP:
            raise RenderError(f"the template's body is larger than {BODY_CAP // 1024} KiB")
        return b"".join(parts)


def _reason(error: Exception) -> str:
    # Only Jinja2's word on an undefined name is known to quote names and no values.
    if isinstance(error, UndefinedError) and error.message:
        return error.message
    return type(error).__name__


def _line(error: Exception) -> str:
    trace = error.__traceback__
    line = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" in its line {line}" if line else ""
