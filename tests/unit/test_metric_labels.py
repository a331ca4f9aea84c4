"""Labels are a closed set, whatever a receiver answers."""

from __future__ import annotations

import ssl

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.destinations.answer import Answer
from relay.destinations.discord.outcome import judge_discord
from relay.destinations.endpoint import Judge
from relay.destinations.failures import failure_code
from relay.destinations.outcome import judge_webhook
from relay.destinations.slack.outcome import judge_slack
from relay.upstream.errors import RejectReason
from relay.upstream.protocol import FRAME_TYPES, Session
from tests.support.clock import START_US

_ERRORS: tuple[type[Exception], ...] = (
    OSError, TimeoutError, ConnectionError, ConnectionResetError, BrokenPipeError, PermissionError, ssl.SSLError,
    ValueError, UnicodeError, RuntimeError, aiohttp.ClientError, aiohttp.ClientPayloadError, aiohttp.ClientOSError,
    aiohttp.ServerDisconnectedError, aiohttp.ClientConnectionError, aiohttp.NonHttpUrlClientError,
)  # fmt: skip
_WORDS = st.sampled_from(["no_service", "invalid_token", "rollup_error", "whatever_it_says", "<html>", ""])
_BODIES = _WORDS | st.builds('{{"code": {}, "message": "{}"}}'.format, st.integers(), _WORDS)
_HEADERS = st.dictionaries(st.sampled_from(["retry-after", "x-ratelimit-scope", "via", "server"]), _WORDS)


@pytest.mark.parametrize("judge", [judge_webhook, judge_discord, judge_slack], ids=lambda judge: judge.__name__)
@given(status=st.integers(100, 999), body=_BODIES, headers=_HEADERS)
def test_the_code_of_an_answer_is_its_status(judge: Judge, status: int, body: str, headers: dict[str, str]) -> None:
    assert judge(Answer(status, headers, body), START_US).code == str(status)


@given(st.sampled_from(_ERRORS), st.text())
def test_what_happens_instead_of_an_answer_has_one_of_a_few_names(kind: type[Exception], said: str) -> None:
    names = {"dns", "tls", "timeout", "connect", "reset", "invalid", "private", "protocol"}
    assert failure_code(kind(said)) in names


@given(st.text())
def test_a_frame_is_of_a_type_that_is_known_or_other(kind: str) -> None:
    session = Session([])
    session.receive(f'{{"type": "{kind}"}}')
    assert session.frame_type in FRAME_TYPES
    assert len(FRAME_TYPES) + len(RejectReason) < 30
