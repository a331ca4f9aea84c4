"""A user's own body: a Jinja2 template over what the default body would hold.

Runs in Jinja2's immutable sandbox, without autoescape (the body is JSON or text, not HTML) and with
``StrictUndefined``: a name that the alert lacks is an error, not an empty hole in an order. ``tojson`` is plain
JSON; Jinja2's own would escape for HTML.

A template is the operator's program and may take its time. What it is filled with is the upstream's: no number out of
an alert, as a count, a width or a power, makes a text larger than the cap (``"▲" * threshold``).
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sized
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, meta
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from relay.errors import RelayError

BODY_CAP: Final = 256 * 1024
"""Bytes a rendered body may have; also what a count in a template may come to."""

_LARGEST_POWER: Final = 4096  # bits
_COUNTING_FILTERS: Final = ("batch", "center", "indent", "round", "slice", "tojson")
_COUNTING_METHODS: Final = frozenset({"center", "expandtabs", "ljust", "rjust", "zfill"})
_PERCENT_WIDTH: Final = re.compile(r"%[^%a-zA-Z]*\*")  # one that stands among the values
_BRACE_WIDTH: Final = re.compile(r"\{[^{}]*\{")
_PERCENT_HUGE: Final = re.compile(r"%[^%a-zA-Z]*[0-9]{6}")  # one that is written out
_BRACE_HUGE: Final = re.compile(r"\{[^{}]*[0-9]{6}")


class RenderError(RelayError):
    """A template could not be rendered for this alert; the message holds no value of it."""


def to_json(value: object, indent: int | None = None) -> str:
    """``value`` as JSON; an undefined name raises its own error."""
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's, in which what is counted out stays within ``BODY_CAP``; what would not raises ``OverflowError``."""

    intercepted_binops = frozenset({"*", "**", "%"})  # which are not worked out while a template is read, either

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        """``left operator right``."""
        if operator == "%" and isinstance(left, str):
            _check_format(left, [right], width=_PERCENT_WIDTH, huge=_PERCENT_HUGE)
        elif operator == "*":
            _check_repeat(left, right)
        elif operator == "**":
            _check_power(left, right)
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, function: object, /, *args: object, **kwargs: object) -> object:
        """Call ``function``; without names of ours that the template's own keywords could meet."""
        if getattr(function, "__name__", "") in _COUNTING_METHODS:
            _check_counts((*args, *kwargs.values()))
        return super().call(context, function, *args, **kwargs)

    def wrap_str_format(self, value: object) -> Callable[..., str] | None:
        """``str.format`` and ``str.format_map`` of a text; None for anything else."""
        wrapped: Callable[..., str] | None = super().wrap_str_format(value)
        text = getattr(value, "__self__", None)
        if wrapped is None or not isinstance(text, str):
            return wrapped
        inner = wrapped

        def checked(*args: object, **kwargs: object) -> str:
            _check_format(text, (*args, *kwargs.values()), width=_BRACE_WIDTH, huge=_BRACE_HUGE)
            return inner(*args, **kwargs)

        return checked


def _check_repeat(left: object, right: object) -> None:
    for text, times in ((left, right), (right, left)):
        if isinstance(text, Sized) and isinstance(times, int) and len(text) * times > BODY_CAP:
            raise OverflowError


def _check_power(base: object, exponent: object) -> None:
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * exponent > _LARGEST_POWER:
        raise OverflowError


def _check_counts(values: Iterable[object]) -> None:
    if any(isinstance(value, int) and abs(value) > BODY_CAP for value in values):
        raise OverflowError


def _check_format(text: str, values: Iterable[object], *, width: re.Pattern[str], huge: re.Pattern[str]) -> None:
    """A number among the values is mostly shown; only where one may be a width, it is held to the cap."""
    if huge.search(text):
        raise OverflowError
    if width.search(text):
        for value in values:
            match value:
                case Mapping():
                    _check_counts(value.values())
                case list() | tuple():
                    _check_counts(value)
                case _:
                    _check_counts([value])


def _counting(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter whose arguments, other than what it is applied to, are held to the cap."""

    @functools.wraps(function)  # with it go Jinja2's own marks on a filter
    def checked(value: object, *args: object, **kwargs: object) -> Any:  # noqa: ANN401  because it is the filter's own
        _check_counts((*args, *kwargs.values()))
        return function(value, *args, **kwargs)

    return checked


def _format(text: object, *args: object, **kwargs: object) -> str:
    """Jinja2's filter ``format``: ``text % args``."""
    _check_format(str(text), (*args, *kwargs.values()), width=_PERCENT_WIDTH, huge=_PERCENT_HUGE)
    return str(text) % (kwargs or args)


def _sandbox() -> _Sandbox:
    sandbox = _Sandbox(undefined=StrictUndefined, autoescape=False)
    sandbox.filters |= {"tojson": to_json, "format": _format}
    sandbox.filters |= {name: _counting(sandbox.filters[name]) for name in _COUNTING_FILTERS}
    del sandbox.globals["lipsum"]  # nonsense text, as much as is asked for
    return sandbox


_environment: Final = _sandbox()


class BodyTemplate:
    """A compiled template.

    Attributes:
        source: What it was compiled from.
        variables: The names it looks up in what ``render`` is given.
    """

    def __init__(self, source: str) -> None:
        """Compile ``source``.

        Raises:
            jinja2.TemplateSyntaxError: It is not Jinja2, or nested too deeply. The message may quote it.
        """
        self.source = source
        try:
            self._template = _environment.from_string(source)
            self.variables = frozenset(meta.find_undeclared_variables(_environment.parse(source)))
        except (RecursionError, SyntaxError) as error:  # SyntaxError: Python's own limits, of what Jinja2 made of it
            raise TemplateSyntaxError("it is nested too deeply", 1) from error

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
