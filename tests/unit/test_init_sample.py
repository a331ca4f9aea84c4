"""Which alert ``relay init`` shows as a sample, and that nobody takes it for one that would come."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay.cli.setup.answers import Answers, Place, Typed
from relay.cli.setup.report import Report
from relay.cli.setup.sample import newest, question
from relay.cli.survey import Shown, Survey
from relay.config.load import loads
from relay.config.model import Config
from relay.errors import Exit
from relay.events import Channel
from relay.secret import Secret
from tests.support.clock import START_US
from tests.support.events import in_force

UNWANTED = "Of the last day your rule wants none. Post the newest of all to swing, marked as a sample?"


def config_text(*timeframes: str) -> str:
    """A destination for each."""
    text = "stratalerts: {api_key: k}\ndestinations:\n"
    names = ("swing", "scalps")[: len(timeframes)]
    text += "".join(f"  {name}: {{type: webhook, url: 'http://127.0.0.1:9/{name}'}}\n" for name in names) + "rules:\n"
    text += "".join(f"  - {{name: {n}, timeframe: {t}, to: {n}}}\n" for n, t in zip(names, timeframes, strict=True))
    return text


def config(*timeframes: str) -> Config:
    return loads(config_text(*timeframes), path=Path("config.yaml"), env={})


def day(*timeframes: str) -> Survey:
    events = [
        in_force(number, timeframe=timeframe, at=f"2026-04-10T13:45:{number:02}Z")
        for number, timeframe in enumerate(timeframes, 1)
    ]
    return Survey(START_US, (Shown(Channel.IN_FORCE, tuple(events)),))


@pytest.mark.parametrize(
    ("wanted", "shown", "asked"),
    [
        (("D",), {"swing": (2, True)}, "Post the newest alert to swing, marked as a sample?"),
        (("W",), {"swing": (3, False)}, UNWANTED),
        (
            ("W", "D"),
            {"swing": (3, False), "scalps": (2, True)},
            "Post the newest alert to each destination, marked as a sample?",
        ),
    ],
)
def test_it_is_the_newest_that_a_rule_wants_and_else_it_is_said_that_none_does(
    wanted: tuple[str, ...], shown: dict[str, tuple[int, bool]], asked: str
) -> None:
    found = newest(config(*wanted), day("D", "D", "15"))
    assert {name: (sample.event.id, bool(sample.rules)) for name, sample in found.items()} == shown
    assert question(found) == asked


def test_a_day_without_alerts_has_none_and_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert newest(config("D"), day()) == {}
    place = tmp_path / "config.yaml"
    place.write_text(config_text("D"))
    answered = Answers(Typed(Secret("k")), (Place("swing", "webhook", Typed(Secret("http://127.0.0.1:9/swing"))),))
    report = Report(place, answered, interactive=True, sampling=None, allow_real=False)
    assert report.tell(day(), offline=False) is Exit.OK
    said = " ".join(capsys.readouterr().out.split())
    assert "no alert was seen in the last day, so there is no sample to post; `relay send NAME` posts a test" in said
    assert " send swing -c " in said
