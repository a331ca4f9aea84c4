"""Durations among the options of a verb: seconds, or a refusal in the option's name."""

from __future__ import annotations

import math

import click
import pytest
from click.testing import CliRunner

from relay.cli.options import MOMENT, Span


def said(span: Span, text: str) -> tuple[int, str]:
    @click.command()
    @click.option("--since", type=span)
    def command(since: float) -> None:
        click.echo(f"{since:g}")

    done = CliRunner().invoke(command, ["--since", text])
    return done.exit_code, done.output.splitlines()[-1]


@pytest.mark.parametrize(
    ("span", "text", "seconds"),
    [
        (Span(), "0s", "0"),
        (Span(), "250ms", "0.25"),
        (Span(least=MOMENT), "1ms", "0.001"),
        (Span(least=0.2, most=3_600.0), "200ms", "0.2"),
        (Span(least=0.2, most=3_600.0), "1h", "3600"),
        (Span(most=math.inf), "999999999999999d", "8.64e+19"),
    ],
)
def test_a_span_within_its_bounds_comes_as_seconds(span: Span, text: str, seconds: str) -> None:
    assert said(span, text) == (0, seconds)


@pytest.mark.parametrize(
    ("span", "text", "why"),
    [
        (Span(), "ten", "a duration is a number and a unit: 250ms, 10s, 5m, 2h or 7d"),
        (Span(), "", "a duration is a number and a unit: 250ms, 10s, 5m, 2h or 7d"),
        (Span(), "9" * 400 + "d", "no duration is as long as that"),
        (Span(least=MOMENT), "0s", "1ms at least"),
        (Span(least=0.2), "199ms", "200ms at least"),
        (Span(most=3_600.0), "3601s", "1h at most"),
        (Span(most=86_400.0, why_most="what is older is forgotten"), "2d", "1d at most: what is older is forgotten"),
    ],
)
def test_a_span_that_cant_be_used_is_refused_in_the_name_of_its_option(span: Span, text: str, why: str) -> None:
    assert said(span, text) == (2, f"Error: Invalid value for '--since': {why}")
