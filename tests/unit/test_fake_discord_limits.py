"""What the fake Discord takes and refuses."""

from __future__ import annotations

from typing import Any

import pytest

from relay.simulator.chat.form import is_snowflake, units
from relay.simulator.chat.limits import check, is_empty

ROLE = "961700198785118228"


def embed(**more: Any) -> dict[str, Any]:
    return {"embeds": [{"title": "AAPL", **more}]}


def field(name: str = "Price", value: str = "1", **more: Any) -> dict[str, Any]:
    return embed(fields=[{"name": name, "value": value, **more}])


ALLOWED: list[dict[str, Any]] = [
    {"parse": []},
    {"parse": [], "roles": [ROLE], "users": [ROLE]},
    {"parse": ["users"], "roles": [ROLE]},
    {"parse": ["roles"], "roles": []},
    {"parse": ["roles", "users", "everyone"]},
    {"roles": [str(1000 + number) for number in range(100)]},
]

TAKEN: list[dict[str, Any]] = [
    {"content": "x" * 2000},
    {"content": None, "embeds": [{"title": "x"}]},
    {"embeds": [{"title": "x"}] * 10},
    embed(title="x" * 256),
    embed(description="x" * 4096),
    embed(fields=[{"name": "n", "value": "v"}] * 25),
    field("x" * 256, "y" * 1024, inline=True),
    field("\u200b", "\u200b"),
    embed(footer={"text": "x" * 2048}, author={"name": "x" * 256, "url": "https://example.com"}),
    {"embeds": [{"description": "x" * 3000}, {"description": "x" * 3000}]},
    embed(url="https://www.tradingview.com/chart/?symbol=CME_MINI%3AES1!&interval=D"),
    *(embed(color=colour) for colour in (0, 0xFFFFFF, None)),
    *(
        embed(timestamp=moment)
        for moment in ("2026-04-10T13:45:22Z", "2026-04-10T13:45:22.123456+00:00", "2026-04-10", None)
    ),
    embed(image={"url": "https://example.com/a.png"}),
    {"embeds": [{"image": {"url": "https://example.com/a.png"}}]},
    *({"content": "x", "username": name} for name in ("x", "x" * 80, "Strat Alerts")),
    {"content": "x", "avatar_url": "https://example.com/a.png"},
    *({"content": "x", "flags": flags} for flags in (0, 4, 4096, 4100)),
    *({"content": "x", "allowed_mentions": allowed} for allowed in ALLOWED),
]

REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"content": "x" * 2001}, "content", "BASE_TYPE_MAX_LENGTH"),
    ({"content": "😀" * 1001}, "content", "BASE_TYPE_MAX_LENGTH"),
    ({"content": 5}, "content", "STRING_TYPE_CONVERT"),
    ({"embeds": [{"title": "x"}] * 11}, "embeds", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": {"title": "x"}}, "embeds", "LIST_TYPE_CONVERT"),
    ({"embeds": ["x"]}, "embeds.0", "MODEL_TYPE_CONVERT"),
    ({"embeds": [{}]}, "embeds.0.description", "BASE_TYPE_REQUIRED"),
    (embed(title="x" * 257), "embeds.0.title", "BASE_TYPE_MAX_LENGTH"),
    (embed(description="x" * 4097), "embeds.0.description", "BASE_TYPE_MAX_LENGTH"),
    (embed(fields=[{"name": "n", "value": "v"}] * 26), "embeds.0.fields", "BASE_TYPE_MAX_LENGTH"),
    (field("x" * 257), "embeds.0.fields.0.name", "BASE_TYPE_MAX_LENGTH"),
    (field(value="x" * 1025), "embeds.0.fields.0.value", "BASE_TYPE_MAX_LENGTH"),
    (field(""), "embeds.0.fields.0.name", "BASE_TYPE_REQUIRED"),
    (field(value=" \n"), "embeds.0.fields.0.value", "BASE_TYPE_REQUIRED"),
    (field(inline="yes"), "embeds.0.fields.0.inline", "BOOLEAN_TYPE_CONVERT"),
    (embed(footer={"text": "x" * 2049}), "embeds.0.footer.text", "BASE_TYPE_MAX_LENGTH"),
    (embed(footer={}), "embeds.0.footer.text", "BASE_TYPE_REQUIRED"),
    (embed(footer="x"), "embeds.0.footer", "DICT_TYPE_CONVERT"),
    (embed(author={"name": "x" * 257}), "embeds.0.author.name", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [{"description": "x" * 3000}, {"description": "x" * 3001}]}, "embeds", "MAX_EMBED_SIZE_EXCEEDED"),
    ({"embeds": [{"description": "😀" * 1501}] * 2}, "embeds", "MAX_EMBED_SIZE_EXCEEDED"),
    (embed(url="ftp://example.com/"), "embeds.0.url", "URL_TYPE_INVALID_SCHEME"),
    (embed(url="javascript:alert(1)"), "embeds.0.url", "URL_TYPE_INVALID_URL"),
    (embed(url="https://[::1"), "embeds.0.url", "URL_TYPE_INVALID_URL"),
    (embed(url="https://example.com/a b"), "embeds.0.url", "URL_TYPE_INVALID_URL"),
    (embed(url="https://e.com/" + "x" * 2048), "embeds.0.url", "BASE_TYPE_MAX_LENGTH"),
    (embed(image={"url": ""}), "embeds.0.image.url", "BASE_TYPE_REQUIRED"),
    (embed(color=0x1000000), "embeds.0.color", "NUMBER_TYPE_MAX"),
    (embed(color=-1), "embeds.0.color", "NUMBER_TYPE_MIN"),
    (embed(color="#ff0000"), "embeds.0.color", "NUMBER_TYPE_COERCE"),
    *(
        (embed(timestamp=moment), "embeds.0.timestamp", "DATE_TIME_TYPE_PARSE")
        for moment in ("", "yesterday", "2026-13-10T00:00:00Z", "2026-04-10T25:00:00Z", 1775828722)
    ),
    *(
        ({"content": "x", "username": name}, "username", code)
        for name, code in (
            ("", "BASE_TYPE_BAD_LENGTH"),
            ("x" * 81, "BASE_TYPE_BAD_LENGTH"),
            ("My Discord bot", "USERNAME_INVALID_CONTAINS"),
            ("Bonnie and CLYDE", "USERNAME_INVALID_CONTAINS"),
            ("everyone", "USERNAME_INVALID_NAME"),
        )
    ),
    ({"content": "x", "avatar_url": "nowhere"}, "avatar_url", "URL_TYPE_INVALID_URL"),
    ({"content": "x", "flags": 1}, "flags", "BASE_TYPE_CHOICES"),
    ({"content": "x", "tts": 1}, "tts", "BOOLEAN_TYPE_CONVERT"),
    *(
        ({"content": "x", "allowed_mentions": allowed}, f"allowed_mentions{at}", code)
        for allowed, at, code in (
            ({"parse": ["roles"], "roles": [ROLE]}, "", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"),
            ({"parse": ["users"], "users": [ROLE]}, "", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"),
            ({"parse": ["all"]}, ".parse", "BASE_TYPE_CHOICES"),
            ({"roles": ["swing"]}, ".roles", "NUMBER_TYPE_COERCE"),
            ({"users": ["<@1>"]}, ".users", "NUMBER_TYPE_COERCE"),
            ({"roles": [str(1000 + number) for number in range(101)]}, ".roles", "BASE_TYPE_MAX_LENGTH"),
            ({"roles": [ROLE, ROLE]}, ".roles", "SET_TYPE_ALREADY_CONTAINS_VALUE"),
            ([], "", "DICT_TYPE_CONVERT"),
        )
    ),
]


@pytest.mark.parametrize("payload", TAKEN)
def test_what_is_within_every_limit_is_taken(payload: dict[str, Any]) -> None:
    assert check(payload).faults == []


@pytest.mark.parametrize(("payload", "path", "code"), REFUSED)
def test_each_fault_is_told_by_its_path_and_code(payload: dict[str, Any], path: str, code: str) -> None:
    node: Any = check(payload).errors()
    for step in path.split("."):
        node = node[step]
    assert code in [error["code"] for error in node["_errors"]]
    assert all(error["message"] for error in node["_errors"])


def test_all_faults_are_told_at_once() -> None:
    form = check({"content": "x" * 2001, "embeds": [{"title": "x" * 257}, {"title": "x", "color": -1}]})
    assert [".".join(fault.path) for fault in form.faults] == ["content", "embeds.0.title", "embeds.1.color"]
    assert form.terse() == {"content": ["Must be 2000 or fewer in length."], "embeds": ["0", "1"]}


def test_a_message_is_empty_without_content_and_embeds() -> None:
    empty: list[dict[str, Any]] = [{}, {"content": ""}, {"content": " \n"}, {"content": None, "embeds": []}]
    assert all(map(is_empty, empty))
    assert not is_empty({"content": "x"})
    assert not is_empty({"embeds": [{}]})


def test_lengths_are_counted_in_utf_16() -> None:
    assert [units(text) for text in ("", "é", "€", "😀", "a😀")] == [0, 1, 1, 2, 3]


def test_ids_are_numbers_of_63_bits() -> None:
    assert all(map(is_snowflake, ["1", ROLE, 961700198785118228, str(2**63 - 1)]))
    assert not any(map(is_snowflake, ["", "0", "x", "-1", str(2**63), "1" * 30, True, None, 1.5, "\uff11\uff12"]))
