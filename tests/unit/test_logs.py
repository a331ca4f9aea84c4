"""Logs: readable by people and machines, and free of secrets whatever happens."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from enum import Enum
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from relay import logs, redaction
from relay.secret import Secret

DISCORD = "https://discord.com/api/webhooks/123456789012345678/aB3-dEfGhIjKlMnOpQrStUvWxYz_0123456789"
API_KEY = "sa_live_5f1c0d9e8b7a"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _untouched_logging() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _no_secrets_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_REDACTOR", redaction.Redactor())


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_time_level_event_and_context() -> None:
    out = io.StringIO()
    logs.configure("info", "json", out)

    structlog.get_logger().info("connected", attempt=2, price=1.5, channels=("quotes",), nothing=None)

    (line,) = lines(out)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "connected",
        "level": "info",
        "attempt": 2,
        "price": 1.5,
        "channels": ["quotes"],
        "nothing": None,
    }


@pytest.mark.parametrize(
    ("form", "stream", "is_json"),
    [
        ("auto", io.StringIO, True),
        ("auto", Terminal, False),
        ("json", Terminal, True),
        ("console", io.StringIO, False),
    ],
)
def test_auto_is_console_on_a_terminal_and_json_elsewhere(
    form: logs.Format, stream: type[io.StringIO], is_json: bool
) -> None:
    out = stream()
    logs.configure("info", form, out)

    structlog.get_logger().info("hello")

    assert out.getvalue().startswith("{") is is_json


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, coloured, refused = io.StringIO(), Terminal(), Terminal()
    monkeypatch.delenv("NO_COLOR", raising=False)
    for out in (plain, coloured):
        logs.configure("info", "console", out)
        structlog.get_logger().info("hello")
    monkeypatch.setenv("NO_COLOR", "1")
    logs.configure("info", "console", refused)
    structlog.get_logger().info("hello")

    assert ["\x1b[" in out.getvalue() for out in (plain, coloured, refused)] == [False, True, False]


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_what_is_below_the_level_is_dropped(level: logs.Level, seen: list[str]) -> None:
    out = io.StringIO()
    logs.configure(level, "json", out)
    log = structlog.get_logger()

    for name in logs.LEVELS:
        getattr(log, name)("x")

    assert [line["level"] for line in lines(out)] == seen


@pytest.mark.parametrize(("level", "seen"), [("debug", ["warning", "error"]), ("error", ["error"])])
def test_libraries_speak_from_warning_up_through_the_same_pipeline(level: logs.Level, seen: list[str]) -> None:
    out = io.StringIO()
    logs.configure(level, "json", out)
    library = logging.getLogger("websockets.client")

    for name in logs.LEVELS:
        getattr(library, name)("said %s", name)

    assert [(line["logger"], line["level"], line["event"]) for line in lines(out)] == [
        ("websockets.client", name, f"said {name}") for name in seen
    ]


def test_configuring_again_replaces_the_setting_instead_of_adding_to_it() -> None:
    log = structlog.get_logger()
    first, second = io.StringIO(), io.StringIO()
    logs.configure("info", "json", first)
    log.info("one")
    logs.configure("info", "json", second)
    log.info("two")
    logging.getLogger("aiohttp").warning("three")

    assert [line["event"] for line in lines(first)] == ["one"]
    assert [line["event"] for line in lines(second)] == ["two", "three"]


class Owner:
    def __repr__(self) -> str:
        return f"Owner(url={DISCORD!r})"


class Colour(Enum):
    RED = DISCORD


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_appears_wherever_it_is_put(form: logs.Format) -> None:
    out = io.StringIO()
    logs.configure("debug", form, out)
    for text in (DISCORD, API_KEY):
        redaction.register_secret(Secret(text))
    log = structlog.get_logger()

    log.info("as a value", url=DISCORD, key=Secret(API_KEY), both=f"{API_KEY} to {DISCORD}")
    event = f"in the event {API_KEY}"
    log.info(event, **{API_KEY: 1})
    log.info("nested", deep={"list": [{"tuple": (API_KEY,)}], API_KEY: {API_KEY}}, raw=API_KEY.encode())
    log.info("in a repr", owner=Owner(), colour=Colour.RED)
    log.info("quoted", url=quote(DISCORD, safe=""), path=DISCORD.partition("discord.com")[2], token=DISCORD[-20:])
    try:
        _fails(DISCORD)
    except ValueError:
        log.exception("traceback", error=repr(API_KEY))
        logging.getLogger("aiohttp.server").exception("library traceback %s", API_KEY)
    log.bind(token=API_KEY).warning("bound")
    with structlog.contextvars.bound_contextvars(token=API_KEY):
        log.warning("context")

    printed = out.getvalue()
    assert printed.count(redaction.MASK) >= 18
    assert "ValueError" in printed
    for secret in (DISCORD, API_KEY, DISCORD.rsplit("/", 1)[1], "123456789012345678/aB3"):
        assert secret not in printed


def _fails(url: str) -> None:
    raise ValueError(f"bad answer from {url!r}") from ConnectionError(f"cannot reach {url}")


def test_a_part_of_a_secret_that_is_not_secret_alone_stays_readable() -> None:
    redactor = redaction.Redactor()
    redactor.register(Secret(DISCORD))

    assert redactor.redact("POST discord.com /api/webhooks failed") == "POST discord.com /api/webhooks failed"
    assert redactor.redact(f"POST {DISCORD} failed") == "POST *** failed"


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        pytest.param("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "***", id="key"),
        pytest.param('pa"ss\\word', r'{"x": "pa\"ss\\word"}', '{"x": "***"}', id="in a JSON string"),
        pytest.param("pass word/ü", "?x=pass%20word%2F%C3%BC", "?x=***", id="in a URL"),
        pytest.param("https://u:hunter22@h.example/x", "user u:hunter22", "user u:***", id="a URL's password"),
        pytest.param("https://h.example/?k=0123456789abcdef", "k=0123456789abcdef", "k=***", id="a URL's parameter"),
        pytest.param("https://[::1/0123456789abcdefgh", "at https://[::1/0123456789abcdefgh", "at ***", id="not a URL"),
        pytest.param("abc", "abc", "abc", id="too short to hide"),
        pytest.param("", "x", "x", id="empty"),
    ],
)
def test_a_secret_is_found_in_its_other_spellings(secret: str, text: str, shown: str) -> None:
    redactor = redaction.Redactor()
    redactor.register(Secret(secret))

    assert redactor.redact(text) == shown


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=4), min_size=1, max_size=4),
    st.text(),
    st.text(),
)
def test_a_registered_text_never_comes_through(secrets: list[str], before: str, after: str) -> None:
    redactor = redaction.Redactor()
    for secret in secrets:
        redactor.register(Secret(secret))

    for secret in secrets:
        assert secret not in redactor.redact(before + secret + after).split(redaction.MASK)


@given(st.dictionaries(st.text(), st.text() | st.floats() | st.binary() | st.lists(st.text())))
def test_whatever_is_logged_is_one_line_of_valid_json(values: dict[str, Any]) -> None:
    out = io.StringIO()
    logs.configure("info", "json", out)

    structlog.get_logger().info("x", values=values)

    (line,) = out.getvalue().split("\n")[:-1]
    json.loads(line, parse_constant=pytest.fail)


def test_control_characters_never_reach_the_terminal() -> None:
    out = Terminal()
    logs.configure("info", "console", out)

    structlog.get_logger().info("frame", symbol="\x1b]0;owned\x07", note="\x9b2J")

    assert "\x1b]0" not in out.getvalue()
    assert "\x07" not in out.getvalue()
    assert "\x9b" not in out.getvalue()


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(text)

    def flush(self) -> None:
        raise OSError(28, "No space left on device")


def test_a_stream_that_breaks_loses_the_line_and_nothing_else() -> None:
    closed = io.StringIO()
    closed.close()
    for out in (Broken(), closed):
        logs.configure("info", "auto", out)
        structlog.get_logger().info("lost")
        logging.getLogger("aiohttp").warning("lost as well")


def test_a_token_in_the_place_of_a_users_name_is_hidden_and_a_name_is_not() -> None:
    redactor = redaction.Redactor()
    redactor.register(Secret("https://tok-0123456789abcdef@a.example/x"))
    redactor.register(Secret("https://alice:swordfish@b.example/x"))
    assert redactor.redact("as tok-0123456789abcdef, alice, swordfish") == "as ***, alice, ***"
