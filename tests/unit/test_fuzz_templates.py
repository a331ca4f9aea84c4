"""A template is the operator's program; what goes into it is the upstream's, and may try anything."""

from __future__ import annotations

import contextlib
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.template import BODY_CAP, BodyTemplate, RenderError
from tests.support.config_text import config_text, faults_of

HUGE = 10**9
LITTLE = 8 << 20  # bytes; a hundredth of what the smallest of these asks for

# What a template may well say of an alert, and an alert with a number that nobody expects.
BLOWN_UP = [
    '{{ "▲" * n }}',
    '{{ n * "▲" }}',
    "{{ [0] * n }}",
    "{{ symbols * n }}",
    "{{ n ** n }}",
    "{{ 10 ** n }}",
    '{{ "%*d" % (n, 5) }}',
    '{{ "%*d" | format(n, 5) }}',
    "{{ wide % 5 }}",
    "{{ wide | format(5) }}",
    '{{ "{:>{}}".format(5, n) }}',
    '{{ "{:>{w}}".format(5, w=n) }}',
    '{{ "{x:>{w}}".format_map({"x": 5, "w": n}) }}',
    "{{ braces.format(5) }}",
    "{{ symbol | center(n) }}",
    "{{ symbol | indent(n, first=true) }}",
    "{{ symbols | batch(n, 'x') | list }}",
    "{{ symbols | slice(n) | list }}",
    "{{ 5 | round(-n) }}",
    "{{ 5 | round(n, 'ceil') }}",
    "{{ data | tojson(n) }}",
    "{{ data | tojson(indent=n) }}",
    "{{ symbol.center(n) }}",
    "{{ symbol.ljust(n) }}",
    "{{ symbol.rjust(n) }}",
    "{{ symbol.zfill(n) }}",
    '{{ "\\t".expandtabs(n) }}',
    "{{ lipsum(n) }}",
    "{% for _ in range(n) %}{% endfor %}",
    "{% macro deeper() %}{{ deeper() }}{% endmacro %}{{ deeper() }}",
]
VARIABLES: dict[str, object] = {
    "n": HUGE,
    "symbol": "AAPL",
    "symbols": ["ES1!", "NQ1!"],
    "wide": f"%{HUGE}d",
    "braces": f"{{:>{HUGE}}}",
    "data": {"symbol": "AAPL"},
}


@pytest.mark.parametrize("source", BLOWN_UP)
def test_no_number_of_an_alert_makes_a_template_fill_the_memory(source: str) -> None:
    template = BodyTemplate(source)
    tracemalloc.start()
    try:
        with pytest.raises(RenderError):
            template.render(VARIABLES)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < LITTLE


@pytest.mark.parametrize("source", ['{{ "x" * 1000000000 }}', "{{ 99 ** 99 ** 99 ** 99 }}", '{{ "%999999999d" % 1 }}'])
def test_nor_is_it_filled_while_a_template_is_read(source: str) -> None:
    tracemalloc.start()
    try:
        BodyTemplate(source)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < LITTLE


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('{{ "▲" * threshold }}', "▲▲▲"),
        ("{{ price * 2 }} {{ threshold * 7 }} {{ 2 ** threshold }} {{ 2 ** -1 }} {{ 4 ** 0.5 }}", "3.0 21 8 0.5 2.0"),
        ('{{ "%.2f" | format(price) }} {{ "%5d" % threshold }} {{ 7 % 4 }}', "1.50     3 3"),
        ('{{ "{:>5}|{:,}".format(threshold, volume) }}', "    3|3,000,000"),
        ('{{ "{v:,}".format_map({"v": volume}) }}', "3,000,000"),
        ("{{ price | round(1) }} {{ volume | default(1000000) }} {{ symbol | center(6) }}|", "1.5 3000000  AAPL |"),
        ("{{ symbol.rjust(6) }} {{ [1, 2, 3] | batch(2) | list }}", "  AAPL [[1, 2], [3]]"),
        ("{{ {'a': 1} | tojson }} {{ 'a\nb' | indent(2) }}", '{"a": 1} a\n  b'),
        ('{{ "%d %s" % (volume, symbol) }}', "3000000 AAPL"),
    ],
)  # fmt: skip
def test_what_templates_usually_do_they_still_do(source: str, text: str) -> None:
    variables = {"threshold": 3, "price": 1.5, "volume": 3_000_000, "symbol": "AAPL"}
    assert BodyTemplate(source).render(variables).decode() == text


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ symbol.__class__ }}",
        "{{ symbol['__class__'] }}",
        "{{ symbol | attr('__class__') }}",
        "{{ symbol | attr('__cla' ~ 'ss__') | attr('__mro__') }}",
        "{{ '{0.__class__}'.format(symbol) }}",
        "{{ ('{0.__class__}' ~ '')|attr('format')(symbol) }}",
        "{{ [symbol] | map('attr', '__class__') | list }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ joiner.__init__.__globals__ }}",
        "{{ namespace.__init__.__globals__ }}",
        "{{ range.__self__ }}",
        "{{ data.update({'symbol': 'X'}) }}",
        "{{ symbols.append('X') }}",
        "{{ symbols.clear() }}",
        "{% include 'config.yaml' %}",
        "{% import 'config.yaml' as c %}{{ c }}",
        "{% extends '/etc/passwd' %}",
    ],
)
def test_a_template_reaches_nothing_but_the_alert(source: str) -> None:
    variables = {"symbol": "AAPL", "symbols": ["ES1!"], "data": {"symbol": "AAPL"}}
    with contextlib.suppress(RenderError):
        assert BodyTemplate(source).render(variables) in {b"", b"[Undefined]"}
    assert variables == {"symbol": "AAPL", "symbols": ["ES1!"], "data": {"symbol": "AAPL"}}


@pytest.mark.parametrize(
    "template",
    [
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ " + "not " * 5000 + "a }}",
        "{{ " + "-" * 5000 + "1 }}",
        "{% if a %}" * 300 + "{% endif %}" * 300,
        "{% for a in a %}" * 60 + "{% endfor %}" * 60,
        "{{ a" + ".b" * 5000 + " }}",
    ],
    ids=["brackets", "not", "minus", "if", "for", "attributes"],
)
def test_a_template_nested_too_deeply_is_a_fault_of_the_config(template: str) -> None:
    (fault,) = faults_of(config_text("webhook", f"template: '{template}'"))
    assert fault.startswith("3:13: destinations.bot.template: line 1 of the template is not Jinja2")


SCRAPS = st.sampled_from(
    ["{{", "}}", "{%", "%}", "{#", "#}", "if", "for", "in", "x", "data", ".", "[", "]", "(", ")", "|", "tojson", "*",
     "**", "%", "~", "'", '"', "9", "1e9", "loop", "set", "=", "endfor", "endif", " ",
     "\n", "-", "self", "caller", "raw"]
)  # fmt: skip


@settings(derandomize=True, database=None, max_examples=300)
@given(st.lists(SCRAPS, max_size=14).map("".join) | st.text(max_size=40))
def test_no_template_does_worse_than_a_fault_or_a_refusal(source: str) -> None:
    value = source.translate({ord("$"): "$$"})
    faults = faults_of(config_text("webhook", f"template: {quoted(value)}"))
    assert all("destinations.bot.template" in fault or "can't be in a config" in fault for fault in faults)
    if not faults:
        try:
            assert len(BodyTemplate(source).render({"x": HUGE, "data": {"x": HUGE}})) <= BODY_CAP
        except RenderError as error:
            assert str(HUGE) not in str(error)  # noqa: PT017  because either outcome is right


def quoted(text: str) -> str:
    """``text`` as a scalar of YAML in single quotes, where a line break is written twice."""
    return "'" + text.replace("'", "''").replace("\n", "\n\n  ") + "'"
